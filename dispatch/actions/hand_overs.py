"""
A crew asks another one to take its call over. It stays theirs until the other accepts.
"""

from datetime import datetime

from dispatch import queries, refusals, rules
from dispatch.actions import assignments
from dispatch.models import Assignment, AssignmentStatus, Call, CallStatus, HandOver, LockedCall, Origin
from journal.record import record
from responders.actors import Actor
from responders.models import LockedUnit, Unit
from responders.rules import radio, unit_acted_for

HANDED_OVER = "HANDED_OVER"


def ask(
    *,
    assignment_id: int,
    to_unit_id: int,
    by: Actor,
    at: datetime,
    unit_id: int | None = None,
    asked_by: str = "",
) -> HandOver:
    """
    Ask another unit to take the call over.

    :raises AssignmentNotFound: it never was this unit's.
    :raises AssignmentEnded: the unit no longer has the call.
    :raises HandOverAlreadyAsked: another unit was asked and has not answered.
    :raises Refusal: the other unit cannot be given a call now.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    call = Call.objects.lock_of(assignment_id)
    assignment = Assignment.objects.get(pk=assignment_id)
    rules.check_ever_held(assignment, agency_id=call.agency_id, unit_id=acting, by=by, happened_at=at)
    to_unit = Unit.objects.lock(to_unit_id)
    asked = radio(by, asked_by)
    hand_over = ask_locked(call=call, assignment=assignment, to_unit=to_unit, by=by, at=at)

    record(
        "hand_over.asked",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "hand_over": hand_over.pk,
            "assignment": assignment.pk,
            "to_unit": to_unit_id,
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=at,
    )
    return hand_over


def ask_locked(*, call: LockedCall, assignment: Assignment, to_unit: LockedUnit, by: Actor, at: datetime) -> HandOver:
    """
    Do what ``ask`` does under locks that are held already; the caller records it.

    :raises Refusal: as ``ask``.
    """
    rules.check_transition(assignment.status, AssignmentStatus.REASSIGNED)
    if call.status == CallStatus.PENDING:
        raise refusals.CallNotHeld(call=call.pk)
    waiting = HandOver.objects.filter(assignment=assignment, ended_at=None).first()
    if waiting is not None:
        raise refusals.HandOverAlreadyAsked(hand_over=waiting.pk, unit=waiting.to_unit_id)
    rules.check_of_agency(to_unit, by=by)
    rules.check_may_be_given(queries.seen(call, to_unit, at=at).unit)
    return HandOver.objects.create(assignment=assignment, call=call, to_unit=to_unit, asked_at=at, asked_by=str(by))


def accept(
    *, hand_over_id: int, by: Actor, at: datetime, unit_id: int | None = None, asked_by: str = ""
) -> Assignment:
    """
    Take over a call that another unit asks this one to take.

    :raises HandOverNotFound: this unit was not asked.
    :raises HandOverEnded: it was declined, or the call was cleared or given to somebody else meanwhile.
    :raises Refusal: the unit cannot be given a call now.
    """
    call, hand_over = _asked(hand_over_id, by, unit_id, asked_by)
    assignment = Assignment.objects.get(pk=hand_over.assignment_id)
    units = Unit.objects.lock_many([assignment.unit_id, hand_over.to_unit_id])
    to_unit = units[hand_over.to_unit_id]
    rules.check_may_be_given(queries.seen(call, to_unit, at=at).unit)

    asked = radio(by, asked_by)
    hand_over.accepted_at = hand_over.ended_at = at
    hand_over.save(update_fields=["accepted_at", "ended_at"])
    was_primary = assignment.primary
    assignments.end(
        call=call,
        assignment=assignment,
        status=AssignmentStatus.REASSIGNED,
        by=by,
        at=at,
        reason=HANDED_OVER,
        promote=False,
    )
    taken = assignments.start(
        call=call,
        unit=to_unit,
        origin=Origin.DISPATCHED,
        by=by,
        at=at,
        acknowledged_by=asked or str(by),
        asked_by=asked,
        primary=was_primary,
    )

    record(
        "call.handed_over",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "hand_over": hand_over.pk,
            "from_assignment": assignment.pk,
            "assignment": taken.pk,
            "unit": to_unit.pk,
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=at,
    )
    return taken


def decline(*, hand_over_id: int, by: Actor, at: datetime, unit_id: int | None = None, asked_by: str = "") -> HandOver:
    """
    Say no to a hand-over: the call stays where it is.

    :raises HandOverNotFound: this unit was not asked.
    :raises HandOverEnded: it is settled already.
    """
    call, hand_over = _asked(hand_over_id, by, unit_id, asked_by)
    asked = radio(by, asked_by)
    hand_over.ended_at = at
    hand_over.save(update_fields=["ended_at"])

    record(
        "hand_over.declined",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "hand_over": hand_over.pk,
            "assignment": hand_over.assignment_id,
            "unit": hand_over.to_unit_id,
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=at,
    )
    return hand_over


def _asked(hand_over_id: int, by: Actor, unit_id: int | None, asked_by: str) -> tuple[LockedCall, HandOver]:
    acting = unit_acted_for(by, unit_id, asked_by)
    found = HandOver.objects.filter(pk=hand_over_id, to_unit=acting, call__agency=by.agency_id)
    call_id = found.values_list("call_id", flat=True).first()
    if call_id is None:
        raise refusals.HandOverNotFound(hand_over=hand_over_id)
    call = Call.objects.lock(call_id)
    hand_over = HandOver.objects.get(pk=hand_over_id)
    if hand_over.ended_at is not None:
        raise refusals.HandOverEnded(hand_over=hand_over_id, accepted=hand_over.accepted_at is not None)
    return call, hand_over
