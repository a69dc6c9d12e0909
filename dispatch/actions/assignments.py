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
from django.db.models import F

from dispatch import rules
from dispatch.actions import alarms, flags, links, partners, welfare
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    Disposition,
    LockedCall,
    Note,
    Origin,
    Source,
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
# Why a crew cannot be where it says that it was, for all we know (dispatch/actions/scene.py).
ONLY_TOLD = ("UNIT_BUSY", "UNIT_MOVED_ON", "CREW_GONE")
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


@dataclass(frozen=True, slots=True)
class Telling:
    """
    A locked call and one of its assignments, about which somebody tells something that happened at ``when``.

    ``in_scope`` is False for somebody who was on another unit by then; ``shift_over`` is when their shift had ended.
    """

    call: LockedCall
    assignment: Assignment
    when: datetime
    asked: str
    in_scope: bool = True
    shift_over: datetime | None = None

    def flag(self, code: str, kind: str, at: datetime, **facts: object) -> str:
        """
        Flag what was told, with the assignment that it is about.
        """
        return flags.raise_flag(
            call=self.call,
            code=code,
            facts={
                "kind": kind,
                "assignment": self.assignment.pk,
                **facts,
                "at": self.when,
                "shift_ended_at": self.shift_over,
            },
            at=at,
            unit_id=self.assignment.unit_id,
        )

    def flag_late(self, kind: str, at: datetime, **facts: object) -> str:
        """
        Flag what was told of an assignment that has ended.
        """
        is_closed = self.call.status in (CallStatus.CLOSED, CallStatus.CANCELLED)
        ended = {"ended_as": self.assignment.status, "ended_at": self.assignment.ended_at}
        return self.flag("call_already_closed" if is_closed else "late_scope", kind, at, **facts, **ended)

    def flag_scope(self, kind: str, at: datetime, **facts: object) -> list[str]:
        """
        Flag what was told by somebody who had gone off shift, or to another unit, before it happened.
        """
        fits = self.in_scope and self.shift_over is None
        return [] if fits else [self.flag("late_scope", kind, at, **facts)]


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
    primary: bool = False,
    has_alarms: bool = True,
    is_there: bool = False,
) -> Assignment:
    """
    Give a call to a unit that the rules let have it, and make the alarms that its silence would raise.

    A crew that asked for it itself has acknowledged it by that (``acknowledged_by``). Otherwise ``limits`` says after how
    many seconds the desk is told: ``deliver_s``, ``acknowledge_s``, ``reassign_s``. The first unit on a call answers for
    it; ``primary`` names a successor. ``has_alarms`` False saves the look for alarms that this ends. A unit that ``is_there``
    already, without holding the call, stays as far as it is and holds it from now on.
    """
    is_first = call.status == CallStatus.PENDING
    known = bool(acknowledged_by) or is_there
    if is_there:
        assignment = Assignment.objects.open().get(call=call, unit=unit)
        assignment.origin, assignment.primary = origin, True
        assignment.assigned_at, assignment.assigned_by = at, str(by)
        assignment.radio_asked_by = asked_by or assignment.radio_asked_by
        assignment.save()
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=[AlarmKind.UNASSIGNED_ON_SCENE])
    else:
        assignment = Assignment.objects.create(
            call=call,
            unit=unit,
            origin=origin,
            primary=is_first or primary,
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
    partners.follow(call=call, by=by, at=at, has_one=False)
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
    assignment.welfare_due_at = None
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
    partners.end_with_call(call=call, by=by, at=at, closed_at=closed_at)
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
    told = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    call, assignment = told.call, told.assignment
    if assignment.delivered_at is None:
        assignment.delivered_at = told.when
        assignment.save(update_fields=["delivered_at"])
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=[AlarmKind.NOT_DELIVERED])
    # The tablet's own word and nobody's doing: however late it comes, there is nothing for a supervisor to look at.
    return note_step("assignment.delivered", told, [], by=by)


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
    told = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    call, assignment, when = told.call, told.assignment, told.when
    raised: list[str] = []
    if rules.fit_of(assignment.status, AssignmentStatus.CLEARED) is Fit.ENDED:
        # The unit's other tablet says the same once more: nothing to look at.
        if assignment.disposition != disposition:
            raised = [told.flag_late("assignment.cleared", at, said=disposition, kept=assignment.disposition)]
            _end_unheld(told, disposition=disposition, by=by, at=at)
    else:
        close_out(call=call, assignment=assignment, disposition=disposition, by=by, at=at, ended_at=when)
        raised = told.flag_scope("assignment.cleared", at, said=disposition)
    if note:
        Note.objects.create(call=call, text=note, by=by.label, origin="UNIT", at=when)
    return note_step("assignment.cleared", told, raised, by=by, disposition=disposition)


def _end_unheld(told: Telling, *, disposition: str, by: object, at: datetime) -> None:
    """
    Close an encounter that waits for somebody only because its crew could not be there any more when we heard of it, now that
    the crew says how it ended.
    """
    call = told.call
    if call.source != Source.ON_VIEW or call.status != CallStatus.PENDING or told.assignment.origin != Origin.ON_VIEW:
        return
    if told.assignment.end_reason in ONLY_TOLD and not Assignment.objects.open().filter(call=call).exists():
        close_call(call=call, by=by, at=at, closed_at=told.when, disposition=disposition)


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

    A crew that was on scene of a call it never held does not end the call by leaving: that waits on for whom it waits,
    unless CAD or the desk had called it off meanwhile.
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
        waits = call.status == CallStatus.PENDING and call.cad_closed_at is None and assignment.cancel_told_at is None
        if not waits:
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


def make_step(
    to: AssignmentStatus, told: Telling, *, by: Actor, at: datetime, details: Mapping[str, Any] | None = None
) -> Told:
    """
    Note a step under the call's lock as far as it fits, and record it.
    """
    call, assignment, when, asked = told.call, told.assignment, told.when, told.asked
    kind, column = STEPS[to]
    fit = rules.fit_of(assignment.status, to)
    was_status, had_time = assignment.status, getattr(assignment, column)

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
    if to == AssignmentStatus.ON_SCENE and had_time is None:
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=[AlarmKind.REFERRAL_LATE])
    begins = to in welfare.BEGINNINGS and fit in (Fit.STEP, Fit.SKIPPED)
    welfare.move_on(call=call, assignment=assignment, when=when, by=by, at=at, begins=begins)

    facts = {"status": was_status, "said": to.value, "kept": had_time}
    raised: list[str] = []
    if fit is Fit.ENDED:
        if had_time is None:
            raised.append(told.flag_late(kind, at, **facts))
    else:
        if fit is Fit.SKIPPED or (fit is Fit.BEHIND and to != AssignmentStatus.ACKNOWLEDGED):
            raised.append(told.flag("out_of_order", kind, at, **facts))
        raised += told.flag_scope(kind, at, **facts)
    if to == AssignmentStatus.ON_SCENE and (tandem := partners.arrived_before_safe(call, when)) is not None:
        raised.append(told.flag("arrived_before_safe", kind, at, tandem=tandem.pk, partner=tandem.partner))
    return note_step(kind, told, raised, by=by)


def note_step(kind: str, told: Telling, raised: list[str], *, by: Actor, **data: Any) -> Told:
    """
    Record what was told of an assignment, with the codes of the flags that it raised.
    """
    assignment = told.assignment
    record(
        kind,
        agency_id=told.call.agency_id,
        about=f"call.{told.call.pk}",
        data={
            "assignment": assignment.pk,
            "unit": assignment.unit_id,
            "status": assignment.status,
            **data,
            **({"flags": raised} if raised else {}),
            **({"by_radio": told.asked} if told.asked else {}),
        },
        by=by,
        at=told.when,
    )
    return Told(assignment, raised)


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
    told = _held(assignment_id, by, at, happened_at, unit_id, asked_by)
    return make_step(to, told, by=by, at=at, details=details)


def _held(
    assignment_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None,
    unit_id: int | None,
    asked_by: str,
) -> Telling:
    when = links.moment(happened_at, at)
    acting = unit_acted_for(by, unit_id, asked_by)
    assignment_id = _followed(assignment_id)
    call = Call.objects.lock_of(assignment_id)
    assignment = Assignment.objects.get(pk=assignment_id)
    rules.check_had_link(assignment, agency_id=call.agency_id, unit_id=acting, by=by, at=at)
    asked = radio(by, asked_by)
    # What is told as it happens is told by somebody who stands: nothing to look up.
    if happened_at is None:
        return Telling(call, assignment, when, asked)
    in_scope = links.was_on(assignment, by=by, when=when)
    return Telling(call, assignment, when, asked, in_scope, links.shift_over(by, when))


def _followed(assignment_id: int) -> int:
    """
    Return the assignment by which a unit went on, where its encounter turned out to be another call: what it tells of the one
    is meant for the other. Read before any lock, because the two calls are locked in the order of their ids.
    """
    into = (
        Assignment.objects.filter(
            pk=assignment_id, call__joined_to__isnull=False, call__joined_to__assignments__unit=F("unit")
        )
        .order_by("-call__joined_to__assignments__pk")
        .values_list("call__joined_to__assignments__pk", flat=True)
        .first()
    )
    return assignment_id if into is None else into
