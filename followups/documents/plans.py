"""
Who holds what of follow-ups: coordinators all that are open, a unit those that it is to see to, supervisors those that nobody
tried for too long.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from dispatch.models import Assignment
from followups.models import Attempt, FollowUp, FollowUpState
from journal.subjects import Held

_SEEN_TO = (FollowUpState.PENDING, FollowUpState.DUE)


def of_plans(client_ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield the ``follow_up`` and ``escalation`` documents of these people, in the order of the follow-ups' ids.

    Coordinators are told ids, states and dates: who it is and why, they read on their pages. A unit is told what it needs at
    the door, while the follow-up is assigned to it or while it holds the call that was made for it.
    """
    rows = list(FollowUp.objects.open().filter(client__in=client_ids).order_by("pk"))
    seen_by = _units(rows)
    tried = _attempts([row for row in rows if seen_by[row.pk]])
    for row in rows:
        key = (str(row.pk), row.client_id)
        yield Held(f"coordinators.{row.agency_id}", "follow_up", *key, _head(row))
        for unit_id in sorted(seen_by[row.pk]):
            yield Held(f"unit.{unit_id}", "follow_up", *key, _whole(row, tried[row.pk]))
        if row.escalated_at is not None and row.state in _SEEN_TO:
            yield Held(f"supervisors.{row.agency_id}", "escalation", *key, _escalation(row))


def _units(rows: Sequence[FollowUp]) -> dict[int, set[int]]:
    units: dict[int, set[int]] = defaultdict(set)
    at_call: dict[int, set[int]] = defaultdict(set)
    calls = {row.call_id for row in rows if row.call_id is not None}
    if calls:
        held = Assignment.objects.open().filter(call__in=calls).values_list("call_id", "unit_id")
        for call_id, unit_id in held:
            at_call[call_id].add(unit_id)
    for row in rows:
        if row.state in _SEEN_TO:
            units[row.pk] |= {row.unit_id} if row.unit_id is not None else set()
            units[row.pk] |= at_call[row.call_id] if row.call_id is not None else set()
    return units


def _attempts(rows: Sequence[FollowUp]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if rows:
        attempts = Attempt.objects.filter(follow_up__in=[row.pk for row in rows]).order_by("at", "pk")
        for follow_up_id, how, result, at in attempts.values_list("follow_up_id", "how", "result", "at"):
            found[follow_up_id].append({"how": how, "result": result, "at": at})
    return found


def _head(row: FollowUp) -> dict[str, Any]:
    return {
        "client": row.client_id,
        "plan": row.plan_id,
        "step": row.step,
        "state": row.state,
        "due_date": row.due_date,
        "due_at": row.due_at,
        "due_until": row.due_until,
        "area": row.area_id,
        "assignee": row.assignee_id,
        "unit": row.unit_id,
        "call": row.call_id,
        "first_attempt_at": row.first_attempt_at,
        # As a sweep saw it: what is read here has no clock.
        "overdue": row.overdue_told_at is not None,
        "escalated": row.escalated_at is not None,
    }


def _whole(row: FollowUp, attempts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "client": row.client_id,
        "step": row.step,
        "state": row.state,
        "due_date": row.due_date,
        "due_at": row.due_at,
        "due_until": row.due_until,
        "try_by": row.try_by,
        # As a number: the length of what is sealed would tell true from false.
        "risk": int(row.risk),
        "reason": row.reason,
        "address": row.address,
        "point": row.point and [round(row.point.x, 6), round(row.point.y, 6)],
        "call": row.call_id,
        "attempts": attempts,
    }


def _escalation(row: FollowUp) -> dict[str, Any]:
    return {
        "follow_up": row.pk,
        "client": row.client_id,
        "due_date": row.due_date,
        "since": row.escalated_at,
    }
