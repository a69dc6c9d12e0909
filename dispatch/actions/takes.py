"""
A unit takes a pending call: from the CARE queue (self-dispatch) or from the police queue (poach).

Exactly one wins. Who comes too late pays for the call's lock and one statement that says who has it.
"""

from datetime import datetime, timedelta

from dispatch import queries, refusals, rules
from dispatch.actions import assignments
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    CadMessage,
    Call,
    CallStatus,
    Debrief,
    LockedCall,
    Origin,
    Poach,
    PoachState,
)
from journal.record import record
from responders.actors import Actor
from responders.models import LockedUnit, Unit
from responders.rules import radio, unit_acted_for


def self_dispatch(
    *, call_id: int, by: Actor, at: datetime, unit_id: int | None = None, asked_by: str = ""
) -> Assignment:
    """
    Take a call that waits for CARE.

    :raises CallNotFound: it is not on the actor's board.
    :raises CallAlreadyTaken: another unit was first; facts say who and when.
    :raises Refusal: the call does not wait for CARE, or the unit may not have one now.
    """
    call, unit, seen = _pending(call_id, by, at, unit_id, asked_by)
    rules.check_may_self_dispatch(seen.row, seen.unit)

    asked = radio(by, asked_by)
    assignment = assignments.start(
        call=call,
        unit=unit,
        origin=Origin.SELF_DISPATCHED,
        by=by,
        at=at,
        acknowledged_by=asked or str(by),
        asked_by=asked,
    )

    record(
        "call.self_dispatched",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": unit.pk, **({"by_radio": asked} if asked else {})},
        by=by,
        at=at,
    )
    return assignment


def poach(
    *, call_id: int, reason: str, by: Actor, at: datetime, unit_id: int | None = None, asked_by: str = ""
) -> Assignment:
    """
    Take a call that waits for police, and ask CAD to follow. A debrief opens with it.

    It never removes police from a call: CAD or a dispatcher does. Without a CAD nothing waits for confirmation.

    :raises CallNotFound: it is not on the actor's board.
    :raises CallAlreadyTaken: another unit was first; facts say who and when.
    :raises Refusal: the call is off limits, or the unit may not have one now.
    """
    call, unit, seen = _pending(call_id, by, at, unit_id, asked_by)
    rules.check_may_poach(*seen[:4])

    asked = radio(by, asked_by)
    assignment = assignments.start(
        call=call,
        unit=unit,
        origin=Origin.POACHED,
        by=by,
        at=at,
        acknowledged_by=asked or str(by),
        asked_by=asked,
    )
    has_cad = seen.limits["has_cad"]
    poached = Poach.objects.create(
        assignment=assignment,
        call=call,
        reason=reason,
        state=PoachState.ASKED if has_cad else PoachState.NO_CAD,
        settled_at=None if has_cad else at,
    )
    Debrief.objects.create(poach=poached, agency_id=call.agency_id, opened_at=at)
    if has_cad:
        CadMessage.objects.create(
            agency_id=call.agency_id,
            call=call,
            kind="poach",
            body={"number": call.number, "unit": unit.call_sign, "assignment": assignment.pk, "reason": reason},
            made_at=at,
        )
        # On the call rather than on the assignment: whoever has the call by then, CAD's silence is the desk's business.
        Alarm.objects.create(
            call=call,
            kind=AlarmKind.POACH_NOT_CONFIRMED,
            due_at=at + timedelta(seconds=seen.limits["poach_confirm_s"]),
        )

    record(
        "call.poached",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": unit.pk, **({"by_radio": asked} if asked else {})},
        by=by,
        at=at,
    )
    return assignment


def _pending(
    call_id: int, by: Actor, at: datetime, unit_id: int | None, asked_by: str
) -> tuple[LockedCall, LockedUnit, queries.Seen]:
    acting = unit_acted_for(by, unit_id, asked_by)
    call = Call.objects.lock(call_id)
    if call.status != CallStatus.PENDING:
        held = queries.holder(call, asking=acting)
        rules.check_sees_call(call, by=by, in_area=held.in_area)
        if call.status == CallStatus.ASSIGNED:
            raise refusals.CallAlreadyTaken(unit=held.unit, at=held.at)
        raise refusals.CallNotPending(call=call.pk, status=call.status)
    unit = Unit.objects.lock(acting)
    rules.check_of_agency(unit, by=by)
    seen = queries.seen(call, unit, at=at)
    rules.check_sees_call(call, by=by, in_area=seen.in_area)
    return call, unit, seen
