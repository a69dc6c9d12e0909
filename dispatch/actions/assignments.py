"""
The time one unit holds one call: how it begins, what the crew tells of it, how it ends.

What a crew tells are facts. They happened, so they are never refused for state: one that no longer fits is applied as far
as it goes, with a flag for a supervisor, and nothing that was told before is overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from dispatch import rules
from dispatch.actions import alarms
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    Disposition,
    Flag,
    LockedCall,
    Note,
    Origin,
)
from dispatch.premises import copy_premise
from dispatch.rules import Fit
from journal.record import record
from responders.actors import Actor
from responders.models import LockedUnit
from responders.rules import radio, unit_acted_for

# What a step is called in the journal, and the column that keeps when it was made.
STEPS: dict[AssignmentStatus, tuple[str, str]] = {
    AssignmentStatus.ACKNOWLEDGED: ("assignment.acknowledged", "acknowledged_at"),
    AssignmentStatus.EN_ROUTE: ("assignment.en_route", "en_route_at"),
    AssignmentStatus.STAGED: ("assignment.staged", "staged_at"),
    AssignmentStatus.ON_SCENE: ("assignment.arrived", "on_scene_at"),
    AssignmentStatus.TRANSPORTING: ("assignment.transporting", "transporting_at"),
    AssignmentStatus.AT_DESTINATION: ("assignment.at_destination", "at_destination_at"),
}
_WAITED_FOR = (AlarmKind.NOT_DELIVERED, AlarmKind.NOT_ACKNOWLEDGED, AlarmKind.REASSIGNABLE)
# What asks the desk to find somebody else.
_NEEDS_SOMEBODY = (AlarmKind.HANDED_BACK, AlarmKind.LEFT_WITH_DESK)


@dataclass(frozen=True, slots=True)
class Told:
    """
    An assignment after a fact, and what did not fit about it.
    """

    assignment: Assignment
    flags: list[str] = field(default_factory=list)


def start(
    *,
    call: LockedCall,
    unit: LockedUnit,
    origin: Origin,
    by: object,
    at: datetime,
    acknowledged_by: str = "",
    asked_by: str = "",
    limits: Mapping[str, int] | None = None,
    primary: bool | None = None,
    has_alarms: bool = True,
) -> Assignment:
    """
    Give a call to a unit that the rules let have it, and make the alarms that its silence would raise.

    A crew that asked for it itself has acknowledged it by that (``acknowledged_by``). Otherwise ``limits`` says after how
    many seconds the desk is told: ``deliver_s``, ``acknowledge_s``, ``reassign_s``. The first unit on a call answers for
    it; ``primary`` names a successor. ``has_alarms`` False saves the look for alarms that this ends.
    """
    is_first = call.status == CallStatus.PENDING
    known = bool(acknowledged_by)
    assignment = Assignment.objects.create(
        call=call,
        unit=unit,
        origin=origin,
        primary=is_first if primary is None else primary,
        status=AssignmentStatus.ACKNOWLEDGED if known else AssignmentStatus.ASSIGNED,
        assigned_at=at,
        assigned_by=str(by),
        radio_asked_by=asked_by,
        delivered_at=at if known else None,
        acknowledged_at=at if known else None,
        acknowledged_by=acknowledged_by,
    )
    if is_first:
        call.status = CallStatus.ASSIGNED
        call.offered_at = None
        call.save(update_fields=["status", "offered_at"])
        copy_premise(call=call, at=at)
        if has_alarms:
            alarms.end_alarms(call=call, by=by, at=at, kinds=_NEEDS_SOMEBODY)
    if limits is not None and not known:
        Alarm.objects.bulk_create(
            Alarm(call=call, assignment=assignment, kind=kind, due_at=at + timedelta(seconds=limits[limit]))
            for kind, limit in zip(_WAITED_FOR, ("deliver_s", "acknowledge_s", "reassign_s"), strict=True)
        )
    return assignment


def end(
    *,
    call: LockedCall,
    assignment: Assignment,
    status: AssignmentStatus,
    by: object,
    at: datetime,
    ended_at: datetime | None = None,
    reason: str = "",
    disposition: str = "",
    promote: bool = True,
) -> bool:
    """
    End an assignment with everything that hung on it, and return whether another unit still holds the call.

    When the primary unit leaves, the one that came first of those who stay answers for the call (unless ``promote`` is
    False, because its successor is about to be named).
    """
    rules.check_transition(assignment.status, status)
    assignment.status = status
    assignment.ended_at = at if ended_at is None else ended_at
    assignment.end_reason = reason or assignment.end_reason
    assignment.disposition = disposition
    assignment.save()
    _withdraw(assignment, by=by, at=at)

    left = list(Assignment.objects.open().filter(call=call).order_by("pk"))
    if left and promote and assignment.primary:
        left[0].primary = True
        left[0].save(update_fields=["primary"])
    return bool(left)


def close_call(*, call: LockedCall, by: object, at: datetime, closed_at: datetime, disposition: str) -> None:
    """
    Close a call that nobody holds any more; what the primary unit said of it stands.
    """
    call.status = CallStatus.CLOSED
    call.closed_at = closed_at
    call.disposition = call.disposition or disposition
    call.save(update_fields=["status", "closed_at", "disposition"])
    alarms.end_alarms(call=call, by=by, at=at)


def call_off(*, call: LockedCall, reason: str, by: object, at: datetime) -> list[Assignment]:
    """
    CAD or the desk cancelled or closed the call: send home every unit that has nobody in front of it, tell the others.

    A crew on scene, or later, stays: its assignments are returned, and the call stays open for them. The caller closes
    it when there are none.
    """
    stay = []
    for assignment in Assignment.objects.open().filter(call=call).order_by("pk"):
        if assignment.status in rules.WITH_PERSON:
            stay.append(assignment)
        else:
            end(call=call, assignment=assignment, status=AssignmentStatus.CANCELLED, by=by, at=at, reason=reason[:60])
    # Read again: the primary unit may have been one of those sent home.
    stay = list(Assignment.objects.open().filter(call=call).order_by("pk")) if stay else []
    for assignment in stay:
        if assignment.cancel_told_at is None:
            assignment.cancel_told_at = at
            assignment.save(update_fields=["cancel_told_at"])
    return stay


def deliver(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the assignment is on a tablet of its unit. The first tablet counts.

    :raises AssignmentNotFound: it never was this unit's.
    """
    call, assignment, when, asked = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    if assignment.delivered_at is None:
        assignment.delivered_at = when
        assignment.save(update_fields=["delivered_at"])
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=[AlarmKind.NOT_DELIVERED])
    return _told("assignment.delivered", call, assignment, [], by=by, when=when, asked=asked)


def acknowledge(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the crew has seen its call. One acknowledgement silences every tablet of the unit.

    :raises AssignmentNotFound: it never was this unit's.
    """
    return _step(AssignmentStatus.ACKNOWLEDGED, assignment_id, by, at, happened_at, unit_id, asked_by)


def en_route(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the unit is on its way.

    :raises AssignmentNotFound: it never was this unit's.
    """
    return _step(AssignmentStatus.EN_ROUTE, assignment_id, by, at, happened_at, unit_id, asked_by)


def stage(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the unit waits nearby, for police to make the place safe.

    :raises AssignmentNotFound: it never was this unit's.
    """
    return _step(AssignmentStatus.STAGED, assignment_id, by, at, happened_at, unit_id, asked_by)


def arrive(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the crew is on scene.

    :raises AssignmentNotFound: it never was this unit's.
    """
    return _step(AssignmentStatus.ON_SCENE, assignment_id, by, at, happened_at, unit_id, asked_by)


def transport(
    *,
    assignment_id: int,
    destination: str,
    persons: int,
    by: Actor,
    at: datetime,
    miles_start: Decimal | None = None,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the crew takes people somewhere: where, how many, and the odometer in miles.

    :raises AssignmentNotFound: it never was this unit's.
    """
    details = {"destination": destination, "persons": persons, "miles_start": miles_start}
    return _step(AssignmentStatus.TRANSPORTING, assignment_id, by, at, happened_at, unit_id, asked_by, details)


def at_destination(
    *,
    assignment_id: int,
    by: Actor,
    at: datetime,
    miles_end: Decimal | None = None,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the crew has brought people where they went, and the odometer in miles.

    :raises AssignmentNotFound: it never was this unit's.
    """
    details = {"miles_end": miles_end}
    return _step(AssignmentStatus.AT_DESTINATION, assignment_id, by, at, happened_at, unit_id, asked_by, details)


def clear(
    *,
    assignment_id: int,
    disposition: str,
    by: Actor,
    at: datetime,
    note: str = "",
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Told:
    """
    Note that the crew has finished, and how it ended. The call closes when its last unit clears.

    On an assignment that has ended otherwise both endings are kept: the first on it, this one in a flag.

    :raises AssignmentNotFound: it never was this unit's.
    """
    call, assignment, when, asked = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    flags: list[str] = []
    if rules.fit_of(assignment.status, AssignmentStatus.CLEARED) is Fit.ENDED:
        # The unit's other tablet says the same once more: nothing to look at.
        if assignment.disposition != disposition:
            facts = {"assignment": assignment.pk, "said": disposition, "at": when, "kept": assignment.disposition}
            flags.append(_flag_late(call, assignment, facts, at))
    else:
        close_out(call=call, assignment=assignment, disposition=disposition, by=by, at=at, ended_at=when)
    if note:
        Note.objects.create(call=call, text=note, by=by.label, origin="UNIT", at=when)
    return _told("assignment.cleared", call, assignment, flags, by=by, when=when, asked=asked, disposition=disposition)


def close_out(
    *,
    call: LockedCall,
    assignment: Assignment,
    disposition: str,
    by: object,
    at: datetime,
    ended_at: datetime,
) -> None:
    """
    Clear an assignment, and close the call when it was the last; the caller records it.
    """
    still_held = end(
        call=call,
        assignment=assignment,
        status=AssignmentStatus.CLEARED,
        by=by,
        at=at,
        ended_at=ended_at,
        disposition=Disposition(disposition),
    )
    if not still_held:
        close_call(call=call, by=by, at=at, closed_at=ended_at, disposition=disposition)
    elif assignment.primary and not call.disposition:
        # Others are still there; what the unit that answered for the call said is how it ended.
        call.disposition = disposition
        call.save(update_fields=["disposition"])


def _withdraw(assignment: Assignment, *, by: object, at: datetime) -> None:
    # One statement, because every clearing makes it: the alarms about the assignment, and a hand-over not yet answered.
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH silenced AS (UPDATE dispatch_alarm SET ended_at = %(at)s, ended_by = %(by)s"
            " WHERE assignment_id = %(id)s AND ended_at IS NULL)"
            " UPDATE dispatch_handover SET ended_at = %(at)s WHERE assignment_id = %(id)s AND ended_at IS NULL",
            {"id": assignment.pk, "at": at, "by": str(by)},
        )


def _step(
    to: AssignmentStatus,
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None,
    unit_id: int | None,
    asked_by: str,
    details: Mapping[str, Any] | None = None,
) -> Told:
    call, assignment, when, asked = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    kind, column = STEPS[to]
    fit = rules.fit_of(assignment.status, to)
    was_status, had_time = assignment.status, getattr(assignment, column)
    flags: list[str] = []

    if had_time is None or (fit is Fit.STEP and to != AssignmentStatus.ACKNOWLEDGED):
        setattr(assignment, column, when)
    if fit in (Fit.STEP, Fit.SKIPPED):
        assignment.status = to
    for name, value in (details or {}).items():
        if value is not None and (fit in (Fit.STEP, Fit.SKIPPED) or getattr(assignment, name) in (None, "")):
            setattr(assignment, name, value)
    was_silent = assignment.acknowledged_at is None or to == AssignmentStatus.ACKNOWLEDGED
    if assignment.acknowledged_at is None:
        assignment.acknowledged_at = when
    if was_silent and not assignment.acknowledged_by:
        assignment.acknowledged_by = asked or str(by)
    # Who acts on a call has it, whatever became of the tablet's own word.
    assignment.delivered_at = assignment.delivered_at or when
    assignment.radio_asked_by = asked or assignment.radio_asked_by
    assignment.save()
    if was_silent and fit is not Fit.ENDED:
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=_WAITED_FOR)

    facts = {"assignment": assignment.pk, "status": was_status, "said": to.value, "at": when, "kept": had_time}
    if fit is Fit.ENDED and had_time is None:
        flags.append(_flag_late(call, assignment, facts, at))
    elif fit is Fit.SKIPPED or (fit is Fit.BEHIND and to != AssignmentStatus.ACKNOWLEDGED):
        flags.append(_flag(call, "out_of_order", facts, at))
    return _told(kind, call, assignment, flags, by=by, when=when, asked=asked)


def _held(
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None,
    unit_id: int | None,
    asked_by: str,
) -> tuple[LockedCall, Assignment, datetime, str]:
    # A device's clock may run ahead of ours: nothing happened later than we heard of it.
    when = at if happened_at is None else min(happened_at, at)
    acting = unit_acted_for(by, unit_id, asked_by)
    call = Call.objects.lock_of(assignment_id)
    assignment = Assignment.objects.get(pk=assignment_id)
    rules.check_ever_held(assignment, agency_id=call.agency_id, unit_id=acting, by=by, happened_at=when)
    return call, assignment, when, radio(by, asked_by)


def _told(
    kind: str,
    call: LockedCall,
    assignment: Assignment,
    flags: list[str],
    *,
    by: Actor,
    when: datetime,
    asked: str,
    **data: Any,
) -> Told:
    record(
        kind,
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "assignment": assignment.pk,
            "unit": assignment.unit_id,
            "status": assignment.status,
            **data,
            **({"flags": flags} if flags else {}),
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=when,
    )
    return Told(assignment, flags)


def _flag_late(call: LockedCall, assignment: Assignment, facts: dict[str, Any], at: datetime) -> str:
    is_closed = call.status in (CallStatus.CLOSED, CallStatus.CANCELLED)
    ended = {"ended_as": assignment.status, "ended_at": assignment.ended_at}
    return _flag(call, "call_already_closed" if is_closed else "late", facts | ended, at)


def _flag(call: LockedCall, code: str, facts: dict[str, Any], at: datetime) -> str:
    told = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in facts.items()}
    Flag.objects.create(call=call, code=code, facts=told, at=at)
    return code
