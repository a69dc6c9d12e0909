"""
A crew is on scene of a call that it does not hold: it asked for it without signal and lost, or nobody has decided yet.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from dispatch import rules
from dispatch.actions import alarms, assignments, flags, links, partners, welfare
from dispatch.actions.assignments import Telling
from dispatch.models import AlarmKind, Assignment, AssignmentStatus, Call, CallStatus, Origin
from dispatch.premises import copy_premise
from journal.record import record
from responders.actors import Actor
from responders.models import LockedUnit, Shift, Unit
from responders.rules import unit_acted_for

CONTESTED = "contested"
UNASSIGNED = "unassigned_on_scene"
_ALARMS = {CONTESTED: AlarmKind.CONTESTED, UNASSIGNED: AlarmKind.UNASSIGNED_ON_SCENE}


@dataclass(frozen=True, slots=True)
class There:
    """
    A call and the crew that says it is there; ``assignment`` is None where it could not be put beside it.
    """

    call: Call
    assignment: Assignment | None
    flags: list[str] = field(default_factory=list)


def at_scene(
    *,
    call_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> There:
    """
    Note that a crew is where a call is, whoever holds it.

    Who holds it arrives by that. Who does not is put beside it as assisting, on scene, and the desk is alarmed: CONTESTED
    where another unit holds the call, UNASSIGNED_ON_SCENE where nobody does. Nobody becomes the holder by being there:
    only the desk or a take makes one. A crew that is with another call, or was since, or has gone home, is only flagged.

    :raises CallNotFound: the call never was on the crew's board, and its unit never held it.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=acting, asked_by=asked_by)
    call, when = link.call, link.when
    # The call, then the unit: nobody can give it another call meanwhile, nor can its crew go.
    unit = Unit.objects.lock(acting)
    own = list(Assignment.objects.filter(call=call, unit=unit).order_by("pk"))
    arrived = _arrived_by(own, when, is_closed=link.is_closed)
    if arrived is not None:
        told = Telling(call, arrived, when, link.asked, True, link.shift_over)
        done = assignments.make_step(AssignmentStatus.ON_SCENE, told, by=by, at=at)
        return There(call, done.assignment, done.flags)

    raised = link.flag_late(kind="call.at_scene", at=at)
    assignment = None
    if not link.is_closed:
        holder = Assignment.objects.open().filter(call=call, primary=True).first()
        code = CONTESTED if call.status == CallStatus.ASSIGNED else UNASSIGNED
        only_told = elsewhere(unit, by, when)
        facts = {
            "kind": "call.at_scene",
            "at": when,
            "holder": holder and holder.unit_id,
            "held_since": holder and holder.assigned_at,
            "only_told": only_told or None,
        }
        raised.append(flags.raise_flag(call=call, code=code, facts=facts, at=at, unit_id=unit.pk))
        if not only_told:
            assignment = _put_beside(link, unit, by=by, at=at)
            welfare.move_on(call=call, assignment=assignment, when=when, by=by, at=at, begins=True)
            alarms.raise_alarm(call=call, kind=_ALARMS[code], at=at, assignment=assignment)

    record(
        "call.at_scene",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "unit": unit.pk,
            "assignment": assignment and assignment.pk,
            "flags": raised,
            **({"by_radio": link.asked} if link.asked else {}),
        },
        by=by,
        at=when,
    )
    return There(call, assignment, raised)


def _arrived_by(own: list[Assignment], when: datetime, *, is_closed: bool) -> Assignment | None:
    """
    Return the unit's own assignment by which it was there: the open one, or the one it had at that moment.
    """
    for assignment in reversed(own):
        if assignment.ended_at is None or assignment.assigned_at <= when <= assignment.ended_at:
            return assignment
    return own[-1] if own and is_closed else None


def elsewhere(unit: LockedUnit, by: Actor, when: datetime) -> str:
    """
    Say why the crew cannot still be there, for all we know, or nothing.
    """
    # A presence or premise check keeps nobody anywhere: it ended when it began.
    since = Assignment.objects.filter(unit=unit).exclude(origin=Origin.ON_VIEW, ended_at=F("assigned_at"))
    if since.open().exists():
        return "UNIT_BUSY"
    if since.filter(assigned_at__gt=when).exists():
        return "UNIT_MOVED_ON"
    on_shift = Shift.objects.open().of_unit(unit.pk)
    if by.shift_id is not None:
        on_shift = on_shift.filter(pk=by.shift_id)
    return "" if on_shift.exists() else "CREW_GONE"


def _put_beside(link: links.Link, unit: LockedUnit, *, by: Actor, at: datetime) -> Assignment:
    rules.check_of_agency(unit, by=by)
    if link.call.premise is None:
        copy_premise(call=link.call, at=at)
    when = link.when
    beside = Assignment.objects.create(
        call=link.call,
        unit=unit,
        origin=Origin.SELF_DISPATCHED,
        primary=False,
        status=AssignmentStatus.ON_SCENE,
        assigned_at=when,
        assigned_by=str(by),
        radio_asked_by=link.asked,
        delivered_at=when,
        acknowledged_at=when,
        acknowledged_by=link.asked or str(by),
        on_scene_at=when,
    )
    partners.follow(call=link.call, by=by, at=at, has_one=False)
    return beside
