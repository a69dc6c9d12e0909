"""
A unit takes a pending call: from the CARE queue (self-dispatch) or from the police queue (poach).

Exactly one wins. Who comes too late pays for the call's lock and one statement that says who has it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson

from dispatch import queries, refusals, rules
from dispatch.actions import assignments
from dispatch.models import (
    AlarmKind,
    Assignment,
    Call,
    CallStatus,
    LockedCall,
    Origin,
    PoachState,
)
from journal.prepared import prepared_cursor
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
        origin=Origin.REFERRED if seen.is_referred else Origin.SELF_DISPATCHED,
        by=by,
        at=at,
        acknowledged_by=asked or str(by),
        asked_by=asked,
        has_alarms=seen.has_alarms,
        is_there=seen.is_there,
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
        has_alarms=seen.has_alarms,
        is_there=seen.is_there,
    )
    _open_poach(call, unit, assignment, seen.limits, reason=reason, at=at)

    record(
        "call.poached",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": unit.pk, **({"by_radio": asked} if asked else {})},
        by=by,
        at=at,
    )
    return assignment


# One statement, because the call is locked meanwhile. The alarm is the call's rather than the assignment's: whoever has
# the call by then, CAD's silence is the desk's business.
_OPEN_POACH_SQL = """
WITH poached AS (
    INSERT INTO dispatch_poach (assignment_id, call_id, reason, state, settled_at)
    VALUES (%(assignment)s, %(call)s, %(reason)s, %(state)s, %(settled_at)s) RETURNING id
), debriefed AS (
    INSERT INTO dispatch_debrief (poach_id, agency_id, opened_at, dispatcher_comment, sergeant_comment, closing_comment)
    SELECT id, %(agency)s, %(at)s, '', '', '' FROM poached
), asked AS (
    INSERT INTO dispatch_cadmessage (agency_id, call_id, kind, body, made_at, reject_reason)
    SELECT %(agency)s, %(call)s, 'poach', %(body)s::jsonb, %(at)s, '' WHERE %(has_cad)s
)
INSERT INTO dispatch_alarm (call_id, kind, due_at, ended_by)
SELECT %(call)s, %(alarm)s, %(due_at)s::timestamptz, '' WHERE %(has_cad)s
"""


def _open_poach(
    call: LockedCall,
    unit: LockedUnit,
    assignment: Assignment,
    limits: Mapping[str, int],
    *,
    reason: str,
    at: datetime,
) -> None:
    has_cad = bool(limits["has_cad"])
    body = {"number": call.number, "unit": unit.call_sign, "assignment": assignment.pk, "reason": reason}
    with prepared_cursor() as cursor:
        cursor.execute(
            _OPEN_POACH_SQL,
            {
                "assignment": assignment.pk,
                "call": call.pk,
                "agency": call.agency_id,
                "reason": reason,
                "state": PoachState.ASKED.value if has_cad else PoachState.NO_CAD.value,
                "settled_at": None if has_cad else at,
                "at": at,
                "has_cad": has_cad,
                "body": orjson.dumps(body).decode(),
                "alarm": AlarmKind.POACH_NOT_CONFIRMED.value,
                "due_at": at + timedelta(seconds=limits["poach_confirm_s"]),
            },
        )


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
