"""
The kinds of action about what crews came upon.
"""

from datetime import datetime
from typing import Any

from dispatch import on_view_serializers as args
from dispatch.actions import checks, on_view
from dispatch.actions.on_view import Joined, Met
from dispatch.models import Call
from journal.kinds import Kind, Nature
from responders.actors import Actor


def _met(met: Met) -> dict[str, Any]:
    return {
        "call": met.call.pk,
        "number": met.call.number,
        "assignment": met.assignment.pk,
        "assignment_status": met.assignment.status,
        "flags": met.flags,
    }


def _joined(joined: Joined) -> dict[str, Any]:
    return {"call": joined.call.pk, "assignment": joined.assignment and joined.assignment.pk}


def _linked(call: Call) -> dict[str, Any]:
    return {"call": call.pk, "number": call.number, "own_number": call.own_number}


def _join(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Joined:
    # Decided in the order received, like a take.
    return on_view.join(by=by, at=at, **given)


def _link(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Call:
    return on_view.link(by=by, at=at, **given)


KINDS = [
    Kind("call.on_view", Nature.FACT, args.OnViewArgs, on_view.on_view, _met),
    Kind("call.check", Nature.FACT, args.CheckArgs, checks.check, _met),
    Kind("call.join", Nature.INTENT, args.JoinArgs, _join, _joined),
    Kind("call.link", Nature.DESK, args.LinkArgs, _link, _linked),
]
