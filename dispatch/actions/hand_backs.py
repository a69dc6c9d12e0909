"""
A unit gives a call back to the queue it came from.
"""

from datetime import datetime

from dispatch import refusals, rules
from dispatch.actions import alarms, assignments, decisions
from dispatch.models import (
    AlarmKind,
    Assignment,
    AssignmentStatus,
    CadMessage,
    Call,
    CallStatus,
    LockedCall,
    Note,
    Origin,
    Poach,
)
from journal.record import record
from responders.actors import Actor
from responders.rules import radio, unit_acted_for


def hand_back(
    *,
    assignment_id: int,
    reason: str,
    by: Actor,
    at: datetime,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Assignment:
    """
    Give a call back with a reason. Where the crew is with somebody, ask the desk: the call stays theirs until it accepts.

    :raises AssignmentNotFound: it never was this unit's.
    :raises AssignmentEnded: the unit no longer has the call.
    :raises HandBackAlreadyAsked: the desk has been asked already.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    call = Call.objects.lock_of(assignment_id)
    assignment = Assignment.objects.select_related("unit").get(pk=assignment_id)
    rules.check_ever_held(assignment, agency_id=call.agency_id, unit_id=acting, by=by, happened_at=at)
    rules.check_transition(assignment.status, AssignmentStatus.HANDED_BACK)
    if assignment.hand_back_asked_at is not None:
        raise refusals.HandBackAlreadyAsked(assignment=assignment.pk, at=assignment.hand_back_asked_at)

    asked = radio(by, asked_by)
    waits = assignment.status in rules.WITH_PERSON
    Note.objects.create(
        call=call,
        text=f"{assignment.unit.call_sign} {'asks to hand back' if waits else 'handed back'}: {reason}",
        by=by.label,
        origin="UNIT",
        at=at,
    )
    if waits:
        assignment.hand_back_asked_at = at
        assignment.end_reason = reason[:60]
        assignment.save(update_fields=["hand_back_asked_at", "end_reason"])
        alarms.raise_alarm(call=call, kind=AlarmKind.HANDED_BACK, at=at, assignment=assignment)
    else:
        give_up(call=call, assignment=assignment, reason=reason, alarm=AlarmKind.HANDED_BACK, by=by, at=at)

    record(
        "call.hand_back_asked" if waits else "call.handed_back",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "assignment": assignment.pk,
            "unit": assignment.unit_id,
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=at,
    )
    return assignment


def accept(*, assignment_id: int, by: Actor, at: datetime) -> Assignment:
    """
    Take a call back from its crew at the desk: they asked on scene, or police or CAD stand against their poach.

    :raises AssignmentNotFound: it is another agency's.
    :raises AssignmentEnded: the unit no longer has the call.
    :raises HandBackNotAsked: nothing of this is so.
    """
    call = Call.objects.lock_of(assignment_id)
    if call.agency_id != by.agency_id:
        raise refusals.AssignmentNotFound(assignment=assignment_id)
    assignment = Assignment.objects.get(pk=assignment_id)
    poach = Poach.objects.filter(assignment=assignment).first()
    rules.check_may_return_to_queue(
        assignment, police_assigned=bool(call.police_units), poach_state=None if poach is None else poach.state
    )

    give_up(call=call, assignment=assignment, reason="", alarm=None, by=by, at=at)

    record(
        "call.handed_back",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": assignment.unit_id, "accepted": True},
        by=by,
        at=at,
    )
    return assignment


def give_up(
    *,
    call: LockedCall,
    assignment: Assignment,
    reason: str,
    alarm: AlarmKind | None,
    by: object,
    at: datetime,
) -> None:
    """
    End an assignment as handed back. With nobody else on it the call waits again, since it was received, in the queue
    that the policy now says; the desk is alarmed. The caller records it.
    """
    still_held = assignments.end(
        call=call,
        assignment=assignment,
        status=AssignmentStatus.HANDED_BACK,
        by=by,
        at=at,
        reason=reason[:60],
    )
    if assignment.origin == Origin.POACHED:
        _tell_cad(call, assignment, at)
    if still_held:
        return
    if call.disposition:
        # The unit that answered for the call has finished it; who still was on the way has nothing to leave undone.
        assignments.close_call(call=call, by=by, at=at, closed_at=at, disposition=call.disposition)
        return
    call.status = CallStatus.PENDING
    call.save(update_fields=["status"])
    alarms.end_alarms(call=call, by=by, at=at)
    decisions.decide(call=call, by=by, at=at)
    if alarm is not None:
        alarms.raise_alarm(call=call, kind=alarm, at=at)


def _tell_cad(call: LockedCall, assignment: Assignment, at: datetime) -> None:
    # CAD may have taken the call off its own board for us: without this nobody would go.
    if not CadMessage.objects.filter(call=call, kind="poach", body__assignment=assignment.pk).exists():
        return
    CadMessage.objects.create(
        agency_id=call.agency_id,
        call=call,
        kind="poach_ended",
        body={"number": call.number, "assignment": assignment.pk},
        made_at=at,
    )
