"""
What the desk decides about a call: who is sent, who takes it over, whether CARE may have it, who else is there.
"""

from datetime import datetime

from dispatch import queries, refusals, rules
from dispatch.actions import assignments
from dispatch.models import (
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    LockedCall,
    Origin,
    OutsideUnit,
    Queue,
)
from journal.record import record
from responders.actors import Actor
from responders.models import Unit


def dispatch(*, call_id: int, unit_id: int, by: Actor, at: datetime) -> Assignment:
    """
    Send a unit: to a pending call, or to assist on one that another unit holds. A meal may be interrupted.

    :raises CallNotFound: it is another agency's.
    :raises UnitNotFound: it is another agency's.
    :raises Refusal: the call is not CARE's to have, or the unit cannot be given one now.
    """
    call = _of_agency(call_id, by)
    unit = Unit.objects.lock(unit_id)
    rules.check_of_agency(unit, by=by)
    seen = queries.seen(call, unit, at=at)
    rules.check_may_dispatch(call, seen.unit)

    assignment = assignments.start(
        call=call,
        unit=unit,
        origin=Origin.DISPATCHED,
        by=by,
        at=at,
        limits=seen.limits,
        is_there=seen.is_there,
    )

    record(
        "call.dispatched",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": unit.pk, "primary": assignment.primary},
        by=by,
        at=at,
    )
    return assignment


def reassign(*, assignment_id: int, unit_id: int, reason: str, by: Actor, at: datetime) -> Assignment:
    """
    Give a unit's call to another unit. Only the desk does, and not before a silent crew had ``agency.reassign_s``.

    :raises AssignmentNotFound: it is another agency's.
    :raises AssignmentEnded: the unit no longer has the call.
    :raises ReassignTooEarly: the crew still has time to acknowledge.
    :raises Refusal: the other unit cannot be given a call now.
    """
    call = Call.objects.lock_of(assignment_id)
    if call.agency_id != by.agency_id:
        raise refusals.AssignmentNotFound(assignment=assignment_id)
    assignment = Assignment.objects.get(pk=assignment_id)
    unit = Unit.objects.lock_many([assignment.unit_id, unit_id])[unit_id]
    rules.check_of_agency(unit, by=by)
    seen = queries.seen(call, unit, at=at)
    rules.check_may_reassign(assignment, reassign_s=seen.limits["reassign_s"], at=at)
    rules.check_may_be_given(seen.unit)

    was_primary = assignment.primary
    assignments.end(
        call=call,
        assignment=assignment,
        status=AssignmentStatus.REASSIGNED,
        by=by,
        at=at,
        reason=reason[:60],
        promote=False,
    )
    given = assignments.start(
        call=call,
        unit=unit,
        origin=Origin.DISPATCHED,
        by=by,
        at=at,
        limits=seen.limits,
        primary=was_primary,
    )

    record(
        "call.reassigned",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "from_assignment": assignment.pk,
            "from_unit": assignment.unit_id,
            "assignment": given.pk,
            "unit": unit.pk,
        },
        by=by,
        at=at,
    )
    return given


def offer(*, call_id: int, by: Actor, at: datetime) -> Call:
    """
    Offer a call that waits for police to CARE's units: their boards show it. Taking it is a poach under the same rules.

    :raises CallNotFound: it is another agency's.
    :raises CallNotPending: nobody waits any more.
    :raises OfferWrongQueue: it waits for CARE already.
    :raises CallAlreadyOffered: it is offered already.
    """
    call = _of_agency(call_id, by)
    if call.status != CallStatus.PENDING:
        raise refusals.CallNotPending(call=call.pk, status=call.status)
    if call.queue != Queue.POLICE:
        raise refusals.OfferWrongQueue
    if call.offered_at is not None:
        raise refusals.CallAlreadyOffered(at=call.offered_at)

    call.offered_at = at
    call.save(update_fields=["offered_at"])

    _record("call.offered", call, by=by, at=at)
    return call


def withdraw_offer(*, call_id: int, by: Actor, at: datetime) -> Call:
    """
    Take an offer to CARE's units back.

    :raises CallNotFound: it is another agency's.
    :raises CallNotOffered: there is none, or a unit has taken the call.
    """
    call = _of_agency(call_id, by)
    if call.offered_at is None:
        raise refusals.CallNotOffered(call=call.pk)

    call.offered_at = None
    call.save(update_fields=["offered_at"])

    _record("call.offer_withdrawn", call, by=by, at=at)
    return call


def attach_outside(*, call_id: int, unit_id: int, by: Actor, at: datetime) -> OutsideUnit:
    """
    Name a unit of another service on a call: Health One, a crisis team, a neighbouring city.

    :raises CallNotFound: it is another agency's.
    :raises CallNotPending: the call is closed or cancelled.
    :raises UnitNotFound: the agency does not know the unit.
    :raises UnitNotOutside: the unit is one of ours.
    :raises OutsideUnitAttached: it is on the call already.
    """
    call = _of_agency(call_id, by)
    if call.status not in (CallStatus.PENDING, CallStatus.ASSIGNED):
        raise refusals.CallNotPending(call=call.pk, status=call.status)
    unit = Unit.objects.lock(unit_id)
    rules.check_of_agency(unit, by=by)
    if not unit.outside:
        raise refusals.UnitNotOutside(unit=unit.pk)
    if OutsideUnit.objects.filter(call=call, unit=unit, released_at=None).exists():
        raise refusals.OutsideUnitAttached(unit=unit.pk)

    attached = OutsideUnit.objects.create(call=call, unit=unit, attached_at=at, attached_by=str(by))

    _record("call.outside_attached", call, by=by, at=at, unit=unit.pk)
    return attached


def release_outside(*, call_id: int, unit_id: int, by: Actor, at: datetime) -> OutsideUnit:
    """
    Note that a unit of another service has left a call.

    :raises CallNotFound: it is another agency's.
    :raises OutsideUnitNotAttached: it is not on the call.
    """
    call = _of_agency(call_id, by)
    attached = OutsideUnit.objects.filter(call=call, unit=unit_id, released_at=None).first()
    if attached is None:
        raise refusals.OutsideUnitNotAttached(unit=unit_id)

    attached.released_at = at
    attached.save(update_fields=["released_at"])

    _record("call.outside_released", call, by=by, at=at, unit=unit_id)
    return attached


def _of_agency(call_id: int, by: Actor) -> LockedCall:
    call = Call.objects.lock(call_id)
    rules.check_sees_call(call, by=by, in_area=True)
    return call


def _record(kind: str, call: LockedCall, *, by: Actor, at: datetime, **data: int) -> None:
    record(
        kind,
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"call": call.pk, **data},
        by=by,
        at=at,
    )
