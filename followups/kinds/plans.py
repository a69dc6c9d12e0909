"""
The kinds of action of plans and follow-ups.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from rest_framework.serializers import Serializer

from dispatch.models import Assignment
from followups.actions import follow_ups, plans
from followups.actions.follow_ups import Tried
from followups.models import FollowUp, Plan
from followups.serializers import plans as args
from journal.kinds import Kind, Nature
from responders.actors import Actor
from responders.rules import check_in_time


def _plan(plan: Plan) -> dict[str, Any]:
    return {"plan": plan.pk, "client": plan.client_id, "plan_state": plan.state, "round": plan.round}


def _follow_up(row: FollowUp) -> dict[str, Any]:
    return {
        "follow_up": row.pk,
        "client": row.client_id,
        "follow_up_state": row.state,
        "due_date": row.due_date,
        "due_at": row.due_at,
    }


def _tried(tried: Tried) -> dict[str, Any]:
    return {"attempt": tried.attempt.pk, **_follow_up(tried.follow_up), "flags": tried.flags}


def _sent(assignment: Assignment) -> dict[str, Any]:
    return {"call": assignment.call_id, "assignment": assignment.pk}


# How long a crew's wish to go is good for: as that for a call of the CARE queue.
_LIFE: Final = "self_dispatch_life_s"


def _go(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Assignment:
    check_in_time(_LIFE, agency_id=by.agency_id, happened_at=happened_at, at=at)
    return follow_ups.go(by=by, at=at, **given)


def _desk(
    name: str, serializer: type[Serializer[Any]], act: Callable[..., Any], answer: Callable[[Any], dict[str, Any]]
) -> Kind:
    def act_now(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Any:
        return act(by=by, at=at, **given)

    return Kind(name, Nature.DESK, serializer, act_now, answer, sealed=True)


KINDS: list[Kind] = [
    _desk("plan.open", args.OpenArgs, plans.open_by_hand, _plan),
    _desk("plan.decline", args.ClientArgs, plans.decline, _plan),
    _desk("plan.pause", args.PauseArgs, plans.pause, _plan),
    _desk("plan.resume", args.ResumeArgs, plans.resume, _plan),
    _desk("plan.close", args.PlanCloseArgs, plans.close, _plan),
    _desk("plan.assign", args.AssignPlanArgs, plans.assign, _plan),
    _desk("follow_up.add", args.AddArgs, follow_ups.add, _follow_up),
    _desk("follow_up.assign", args.AssignArgs, follow_ups.assign, _follow_up),
    _desk("follow_up.move", args.MoveArgs, follow_ups.move, _follow_up),
    Kind("follow_up.attempt", Nature.FACT, args.AttemptArgs, follow_ups.attempt, _tried, sealed=True),
    _desk("follow_up.finish", args.FinishArgs, follow_ups.finish, _follow_up),
    _desk("follow_up.cancel", args.FollowUpCancelArgs, follow_ups.cancel, _follow_up),
    _desk("follow_up.send", args.FollowUpSendArgs, follow_ups.send, _sent),
    Kind("follow_up.go", Nature.INTENT, args.GoArgs, _go, _sent, life=_LIFE, sealed=True),
]
