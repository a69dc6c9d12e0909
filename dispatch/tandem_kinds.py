"""
The kinds of action of tandems.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dispatch import tandem_serializers as args
from dispatch.actions import tandems
from dispatch.actions.tandems import Said, Withdrawn
from dispatch.models import Tandem
from journal.kinds import Kind, Nature
from responders.actors import Actor


def _tandem(tandem: Tandem) -> dict[str, Any]:
    return {"tandem": tandem.pk, "call": tandem.call_id, "state": str(tandem.state)}


def _said(said: Said) -> dict[str, Any]:
    return {**_tandem(said.tandem), "flags": said.flags}


def _withdrawn(done: Withdrawn) -> dict[str, Any]:
    return {
        "call": done.call.pk,
        "backup": str(done.backup),
        "tandem": None if done.tandem is None else done.tandem.pk,
        "flags": done.flags,
    }


def _now(act: Callable[..., Tandem]) -> Callable[..., Tandem]:
    def act_now(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Tandem:
        # What is asked for is decided when it comes in; when it was asked does not matter.
        return act(by=by, at=at, **given)

    return act_now


KINDS: list[Kind] = [
    Kind("tandem.ask", Nature.INTENT, args.AskArgs, _now(tandems.ask), _tandem),
    Kind("tandem.plan", Nature.DESK, args.PlanArgs, _now(tandems.plan), _tandem),
    Kind("tandem.partner_there", Nature.FACT, args.TandemArgs, tandems.partner_there, _said),
    Kind("tandem.safe", Nature.FACT, args.SafeArgs, tandems.safe, _said),
    Kind("tandem.release", Nature.FACT, args.ReleaseArgs, tandems.release, _said),
    Kind("tandem.partner_only", Nature.FACT, args.PartnerOnlyArgs, tandems.partner_only, _said),
    Kind("tandem.care_alone", Nature.INTENT, args.CareAloneArgs, _now(tandems.care_alone), _tandem),
    Kind("tandem.withdraw", Nature.FACT, args.WithdrawArgs, tandems.withdraw, _withdrawn),
]
