"""
Who holds what of calls and units: every stream, and what its readers may see.

Each function answers for many subjects at once with one statement a table. A body reads only rows that its subject's
lock covers, and no clock: a unit's name on a call is a copy that cannot change while the unit exists.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.gis.geos import Point
from django.db.models import Model, QuerySet

from dispatch.models import (
    Alarm,
    Answer,
    Assignment,
    CadFeed,
    Call,
    CallStatus,
    CallType,
    Debrief,
    Decision,
    Flag,
    HandOver,
    Note,
    OutsideUnit,
    Poach,
    Policy,
    Stop,
)
from journal.subjects import Held
from responders.models import Shift, Unit

_Row = TypeVar("_Row", bound=Model)
_Body = dict[str, Any]
_OPEN = (CallStatus.PENDING, CallStatus.ASSIGNED)
_TIMES = (
    "assigned_at",
    "delivered_at",
    "acknowledged_at",
    "en_route_at",
    "staged_at",
    "on_scene_at",
    "transporting_at",
    "at_destination_at",
    "hand_back_asked_at",
    "cancel_told_at",
)


def of_calls(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what the area's board, the units that hold a call, the units asked to take it over, the desk and the supervisors
    hold of each call.
    """
    calls = list(Call.objects.filter(pk__in=ids).select_related("type").order_by("pk"))
    parts = _Parts(calls)
    for call in calls:
        about = parts.of(call)
        if call.status in _OPEN:
            yield from _of_open_call(call, about)
        for flag in about.flags:
            yield Held(
                f"supervisors.{call.agency_id}",
                "flag",
                str(flag.pk),
                call.pk,
                {"call": call.pk, "number": call.number, **_flag(flag)},
            )


def of_units(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what the unit itself, its areas' boards, the desk and the supervisors hold of each unit.

    Outside units have no crew here and no status: only the desk, which attaches them by name, holds them.
    """
    units = list(Unit.objects.filter(pk__in=ids, retired_at=None).select_related("agency").order_by("pk"))
    areas = _grouped(Unit.areas.through.objects.filter(unit__in=units).order_by("servicearea_id"), "unit_id")
    shifts = _grouped(
        Shift.objects.filter(unit__in=units, ended_at=None).select_related("person").order_by("pk"), "unit_id"
    )
    held = {row.unit_id: row for row in Assignment.objects.filter(unit__in=units, ended_at=None)}
    for unit in units:
        summary, full = _unit(unit, shifts[unit.pk], held.get(unit.pk), [row.servicearea_id for row in areas[unit.pk]])
        key = ("unit", str(unit.pk), unit.pk)
        yield Held(f"desk.{unit.agency_id}", *key, full)
        yield Held(f"supervisors.{unit.agency_id}", *key, full)
        if not unit.outside:
            yield Held(f"unit.{unit.pk}", *key, full)
            for row in areas[unit.pk]:
                yield Held(f"area.{row.servicearea_id}", *key, summary)


def of_debriefs(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield debriefs: to supervisors for good, to the desk while they are open.
    """
    rows = Debrief.objects.filter(pk__in=ids).select_related("poach__call", "poach__assignment__unit").order_by("pk")
    for row in rows:
        body = {
            "call": row.poach.call_id,
            "number": row.poach.call.number,
            "unit": row.poach.assignment.unit_id,
            "call_sign": row.poach.assignment.unit.call_sign,
            "reason": row.poach.reason,
            "opened_at": row.opened_at,
            "dispatcher_comment": row.dispatcher_comment,
            "sergeant_comment": row.sergeant_comment,
            "closed_at": row.closed_at,
            "closing_comment": row.closing_comment,
        }
        yield Held(f"supervisors.{row.agency_id}", "debrief", str(row.pk), row.pk, body)
        if row.closed_at is None:
            yield Held(f"desk.{row.agency_id}", "debrief", str(row.pk), row.pk, body)


def of_call_types(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield the types of call that may be chosen.
    """
    for row in CallType.objects.filter(pk__in=ids, retired=False).order_by("pk"):
        yield Held(f"reference.{row.agency_id}", "call_type", str(row.pk), row.pk, _type(row))


def of_policies(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield dated policies; which one is in force follows from the instants and the reader's clock.
    """
    for row in Policy.objects.filter(pk__in=ids, in_force_from__isnull=False).order_by("pk"):
        body = {"name": row.name, "version": row.version, "in_force_from": row.in_force_from}
        yield Held(f"reference.{row.agency_id}", "policy", str(row.pk), row.pk, body)


def of_feeds(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield when CAD was last heard of, as told: a screen computes the age and says CAD LINK DOWN by itself.
    """
    for row in CadFeed.objects.filter(pk__in=ids).order_by("pk"):
        yield Held(f"reference.{row.agency_id}", "feed", str(row.pk), row.pk, {"told_at": row.told_at})


class _About:
    """
    The rows that hang on one call.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.notes: list[Note] = []
        self.decision: Decision | None = None
        self.assignments: list[Assignment] = []
        self.outside: list[OutsideUnit] = []
        self.alarms: list[Alarm] = []
        self.stops: list[Stop] = []
        self.poaches: dict[int, Poach] = {}
        self.hand_overs: list[HandOver] = []
        self.flags: list[Flag] = []


class _Parts:
    """
    The rows that hang on some calls, read with one statement a table.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        ids = [call.pk for call in calls]
        open_ids = [call.pk for call in calls if call.status in _OPEN]
        self._about: dict[int, _About] = defaultdict(_About)
        for flag in Flag.objects.filter(call__in=ids, resolved_at=None).order_by("pk"):
            self._about[flag.call_id].flags.append(flag)
        if not open_ids:
            return
        # Oldest first: the newest answer and the newest decision are the ones that stay.
        for answer in Answer.objects.filter(call__in=open_ids).order_by("pk"):
            self._about[answer.call_id].answers[answer.disqualifier] = answer
        newest = Decision.objects.filter(call__in=open_ids).order_by("call_id", "-pk").distinct("call_id")
        for decision in newest.select_related("policy"):
            self._about[decision.call_id].decision = decision
        for note in Note.objects.filter(call__in=open_ids).order_by("pk"):
            self._about[note.call_id].notes.append(note)
        for alarm in Alarm.objects.filter(call__in=open_ids, ended_at=None).order_by("pk"):
            self._about[alarm.call_id].alarms.append(alarm)
        outside = OutsideUnit.objects.filter(call__in=open_ids, released_at=None).select_related("unit")
        for attached in outside.order_by("pk"):
            self._about[attached.call_id].outside.append(attached)
        assignments = Assignment.objects.filter(call__in=open_ids, ended_at=None).select_related("unit").order_by("pk")
        for assignment in assignments:
            self._about[assignment.call_id].assignments.append(assignment)
        held = [row.pk for about in self._about.values() for row in about.assignments]
        if not held:
            return
        for stop in Stop.objects.filter(assignment__in=held).order_by("pk"):
            self._about[stop.call_id].stops.append(stop)
        for poach in Poach.objects.filter(assignment__in=held):
            self._about[poach.call_id].poaches[poach.assignment_id] = poach
        hand_overs = HandOver.objects.filter(assignment__in=held, ended_at=None).order_by("pk")
        for hand_over in hand_overs:
            self._about[hand_over.call_id].hand_overs.append(hand_over)

    def of(self, call: Call) -> _About:
        """
        Return what hangs on one call.
        """
        return self._about[call.pk]


def _of_open_call(call: Call, about: _About) -> Iterator[Held]:
    key = ("call", str(call.pk), call.pk)
    summary = _summary(call, about)
    if call.area_id is not None:
        yield Held(f"area.{call.area_id}", *key, summary)
    full = summary | _full(call, about)
    desk = f"desk.{call.agency_id}"
    yield Held(desk, *key, full | _desk(call, about))
    beside = [("note", str(note.pk), call.pk, _note(note)) for note in about.notes]
    if call.premise is not None:
        premise = {"call": call.pk, "as_of": call.premise_as_of, **call.premise}
        beside.append(("premise", str(call.pk), call.pk, premise))
    for more in beside:
        yield Held(desk, *more)
    for assignment in about.assignments:
        stream = f"unit.{assignment.unit_id}"
        yield Held(stream, *key, full | _own(assignment, about))
        for more in beside:
            yield Held(stream, *more)
    from_unit = {assignment.pk: assignment for assignment in about.assignments}
    for hand_over in about.hand_overs:
        holder = from_unit[hand_over.assignment_id]
        offer = {
            "call": call.pk,
            "from_unit": holder.unit_id,
            "from_call_sign": holder.unit.call_sign,
            "type": summary["type"],
            "priority": call.priority,
            "address": call.address,
            "point": summary["point"],
            "status": holder.status,
            "asked_at": hand_over.asked_at,
        }
        yield Held(f"unit.{hand_over.to_unit_id}", "offer", str(hand_over.pk), call.pk, offer)


def _summary(call: Call, about: _About) -> _Body:
    return {
        "number": call.number,
        "status": call.status,
        "queue": call.queue,
        "response": call.response,
        "care_available": call.care_available,
        "reasons": call.reasons,
        "type": _type(call.type),
        "priority": call.priority,
        "address": call.address,
        "point": _point(call.point),
        "place_kind": call.place_kind,
        "received_at": call.received_at,
        "police_assigned": bool(call.police_units),
        "caution": bool(call.cautions),
        "offered_at": call.offered_at,
        "answers": {name: answer.value for name, answer in sorted(about.answers.items())},
        "units": [assignment.unit_id for assignment in about.assignments],
    }


def _full(call: Call, about: _About) -> _Body:
    return {
        "source": call.source,
        "markers": sorted(call.markers),
        "narrative": call.narrative,
        "caller_phone": call.caller_phone,
        "caller_wish": call.caller_wish,
        "language": call.language,
        "interpreter": call.interpreter,
        "sign_language": call.sign_language,
        "cautions": call.cautions,
        "cautions_as_of": call.cautions_as_of,
        "police_units": call.police_units,
        "police_assigned_at": call.police_assigned_at,
        "cad_closed_at": call.cad_closed_at,
        "units": [
            {
                "unit": assignment.unit_id,
                "call_sign": assignment.unit.call_sign,
                "primary": assignment.primary,
                "status": assignment.status,
            }
            for assignment in about.assignments
        ],
        "outside_units": [{"unit": row.unit_id, "call_sign": row.unit.call_sign} for row in about.outside],
    }


def _own(assignment: Assignment, about: _About) -> _Body:
    poach = about.poaches.get(assignment.pk)
    hand_over = next((row for row in about.hand_overs if row.assignment_id == assignment.pk), None)
    return {
        "assignment": _assignment(assignment),
        "stops": [_stop(stop) for stop in about.stops if stop.assignment_id == assignment.pk],
        "poach": _poach(poach),
        "hand_over": hand_over
        and {"id": hand_over.pk, "to_unit": hand_over.to_unit_id, "asked_at": hand_over.asked_at},
    }


def _desk(call: Call, about: _About) -> _Body:
    return {
        "area": call.area_id,
        "assignments": [
            _assignment(row)
            | {
                "unit": row.unit_id,
                "call_sign": row.unit.call_sign,
                "poach": _poach(about.poaches.get(row.pk)),
            }
            for row in about.assignments
        ],
        "stops": [_stop(stop) | {"assignment": stop.assignment_id} for stop in about.stops],
        "hand_overs": [
            {"id": row.pk, "assignment": row.assignment_id, "to_unit": row.to_unit_id, "asked_at": row.asked_at}
            for row in about.hand_overs
        ],
        "alarms": [
            {
                "id": alarm.pk,
                "kind": alarm.kind,
                "assignment": alarm.assignment_id,
                "due_at": alarm.due_at,
                "raised_at": alarm.raised_at,
            }
            for alarm in about.alarms
        ],
        "answers_by": {
            name: {"value": answer.value, "by": answer.by, "at": answer.at, "called_back": answer.called_back}
            for name, answer in sorted(about.answers.items())
        },
        "decision": _decision(about.decision),
        "flags": [_flag(flag) | {"id": flag.pk} for flag in about.flags],
    }


def _assignment(row: Assignment) -> _Body:
    times: dict[str, datetime | None] = {name: getattr(row, name) for name in _TIMES}
    return {
        "id": row.pk,
        "status": row.status,
        "origin": row.origin,
        "primary": row.primary,
        **times,
        "acknowledged_by": row.acknowledged_by,
        "destination": row.destination,
        "persons": row.persons,
        "radio_asked_by": row.radio_asked_by,
    }


def _unit(unit: Unit, shifts: Sequence[Shift], held: Assignment | None, areas: Sequence[int]) -> tuple[_Body, _Body]:
    status, since = _status(unit, shifts, held)
    minimum = unit.crew_minimum if unit.crew_minimum is not None else unit.agency.crew_minimum
    summary = {
        "call_sign": unit.call_sign,
        "status": status,
        "since": since,
        "capabilities": sorted(unit.capabilities),
        "crew": len(shifts),
        "crew_minimum": minimum,
        "duty": unit.duty,
        "call": held.call_id if held else None,
    }
    full = summary | {
        "outside": unit.outside,
        "duty_reason": unit.duty_reason,
        "duty_since": unit.duty_since,
        "areas": list(areas),
        "people": [
            {
                "id": shift.person_id,
                "name": shift.person.name,
                "shift": shift.pk,
                "started_at": shift.started_at,
                "planned_end_at": shift.planned_end_at,
            }
            for shift in shifts
        ],
    }
    return summary, full


def _status(unit: Unit, shifts: Sequence[Shift], held: Assignment | None) -> tuple[str, datetime | None]:
    if held is not None:
        entered = {
            "ASSIGNED": held.assigned_at,
            "ACKNOWLEDGED": held.acknowledged_at,
            "EN_ROUTE": held.en_route_at,
            "STAGED": held.staged_at,
            "ON_SCENE": held.on_scene_at,
            "TRANSPORTING": held.transporting_at,
            "AT_DESTINATION": held.at_destination_at,
        }
        return held.status, entered[held.status]
    if unit.outside:
        return "OUTSIDE", None
    if not shifts:
        return "OFF_SHIFT", None
    return unit.duty, unit.duty_since


def _type(row: CallType) -> _Body:
    return {"code": row.code, "label": row.label, "color": row.color}


def _note(note: Note) -> _Body:
    return {"call": note.call_id, "text": note.text, "by": note.by, "origin": note.origin, "at": note.at}


def _stop(stop: Stop) -> _Body:
    return {
        "id": stop.pk,
        "reasons": stop.reasons,
        "raised_at": stop.raised_at,
        "acknowledged_at": stop.acknowledged_at,
        "acknowledged_by": stop.acknowledged_by,
    }


def _poach(poach: Poach | None) -> _Body | None:
    return poach and {"state": poach.state, "reason": poach.reason, "settled_at": poach.settled_at}


def _decision(decision: Decision | None) -> _Body | None:
    return decision and {
        "id": decision.pk,
        "at": decision.at,
        "policy": decision.policy and str(decision.policy),
        "response": decision.response,
        "care_available": decision.care_available,
        "reasons": decision.reasons,
        "overrule_code": decision.overrule_code,
    }


def _flag(flag: Flag) -> _Body:
    return {"code": flag.code, "facts": flag.facts, "at": flag.at}


def _point(point: Point | None) -> list[float] | None:
    return None if point is None else [round(point.x, 6), round(point.y, 6)]


def _grouped(rows: "QuerySet[_Row] | Iterable[_Row]", column: str) -> Mapping[int, list[_Row]]:
    groups: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups
