"""
Who holds what of calls and units: every stream, and what its readers may see.

Each function answers for many subjects at once with few statements. A body reads only rows that its subject's
lock covers, and no clock: a unit's name on a call is a copy that cannot change while the unit exists.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import orjson
from django.contrib.gis.geos import Point
from django.db import connection
from django.db.models import Model, QuerySet

from dispatch.models import Assignment, CadFeed, Call, CallStatus, CallType, Debrief, Poach, Policy
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
    found = _about(calls)
    for call in calls:
        about = found[call.pk]
        if call.status in _OPEN:
            yield from _of_open_call(call, about)
        for flag_id, flag in about.flags.items():
            body = {"call": call.pk, "number": call.number, **flag}
            yield Held(f"supervisors.{call.agency_id}", "flag", str(flag_id), call.pk, body)


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


@dataclass
class _About:
    """
    What hangs on one call, as the bodies that its readers get.
    """

    answers: dict[str, _Body] = field(default_factory=dict)
    notes: dict[int, _Body] = field(default_factory=dict)
    decision: _Body | None = None
    outside: list[_Body] = field(default_factory=list)
    alarms: list[_Body] = field(default_factory=list)
    stops: dict[int, list[_Body]] = field(default_factory=lambda: defaultdict(list))
    hand_overs: list[_Body] = field(default_factory=list)
    flags: dict[int, _Body] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)


def _instant(column: str) -> str:
    return f"to_json({column} AT TIME ZONE 'UTC') #>> '{{}}' || 'Z'"


# Every table that hangs on a call, in one statement: a change of a call would otherwise ask eight times, mostly for nothing.
# The columns are the part's name, its call, its id, what it is kept under, and its body.
_PARTS = f"""
SELECT 'answer', call_id, id, disqualifier, json_build_object(
           'value', value, 'by', by, 'at', {_instant("at")}, 'called_back', called_back)::text
  FROM dispatch_answer WHERE call_id = ANY(%(open)s)
UNION ALL
SELECT 'note', call_id, id, '', json_build_object(
           'call', call_id, 'text', text, 'by', by, 'origin', origin, 'at', {_instant("at")})::text
  FROM dispatch_note WHERE call_id = ANY(%(open)s)
UNION ALL
(SELECT DISTINCT ON (d.call_id) 'decision', d.call_id, d.id, '', json_build_object(
           'id', d.id, 'at', {_instant("d.at")}, 'policy', p.name || ' v' || p.version, 'response', d.response,
           'care_available', d.care_available, 'reasons', d.reasons, 'overrule_code', d.overrule_code)::text
  FROM dispatch_decision d LEFT JOIN dispatch_policy p ON p.id = d.policy_id
 WHERE d.call_id = ANY(%(open)s) ORDER BY d.call_id, d.id DESC)
UNION ALL
SELECT 'outside', o.call_id, o.id, '', json_build_object('unit', o.unit_id, 'call_sign', u.call_sign)::text
  FROM dispatch_outsideunit o JOIN responders_unit u ON u.id = o.unit_id
 WHERE o.call_id = ANY(%(open)s) AND o.released_at IS NULL
UNION ALL
SELECT 'alarm', call_id, id, '', json_build_object(
           'id', id, 'kind', kind, 'assignment', assignment_id, 'due_at', {_instant("due_at")},
           'raised_at', {_instant("raised_at")})::text
  FROM dispatch_alarm WHERE call_id = ANY(%(open)s) AND ended_at IS NULL
UNION ALL
SELECT 'stop', s.call_id, s.id, s.assignment_id::text, json_build_object(
           'id', s.id, 'reasons', s.reasons, 'raised_at', {_instant("s.raised_at")},
           'acknowledged_at', {_instant("s.acknowledged_at")}, 'acknowledged_by', s.acknowledged_by)::text
  FROM dispatch_stop s JOIN dispatch_assignment a ON a.id = s.assignment_id
 WHERE s.call_id = ANY(%(open)s) AND a.ended_at IS NULL
UNION ALL
SELECT 'hand_over', h.call_id, h.id, '', json_build_object(
           'id', h.id, 'assignment', h.assignment_id, 'to_unit', h.to_unit_id, 'asked_at', {_instant("h.asked_at")})::text
  FROM dispatch_handover h JOIN dispatch_assignment a ON a.id = h.assignment_id
 WHERE h.call_id = ANY(%(open)s) AND h.ended_at IS NULL AND a.ended_at IS NULL
UNION ALL
SELECT 'flag', call_id, id, '', json_build_object('code', code, 'facts', facts, 'at', {_instant("at")})::text
  FROM dispatch_flag WHERE call_id = ANY(%(all)s) AND resolved_at IS NULL
ORDER BY 3
"""  # noqa: S608  only columns named in this file are put in


def _about(calls: Sequence[Call]) -> Mapping[int, _About]:
    open_ids = [call.pk for call in calls if call.status in _OPEN]
    found: dict[int, _About] = defaultdict(_About)
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"open": open_ids, "all": [call.pk for call in calls]})
        # In the order of their ids: the newest answer about a disqualifier is the one that stays.
        for part, call_id, row_id, kept_under, text in cursor.fetchall():
            about, body = found[call_id], orjson.loads(text)
            match part:
                case "answer":
                    about.answers[kept_under] = body
                case "note":
                    about.notes[row_id] = body
                case "decision":
                    about.decision = body
                case "outside":
                    about.outside.append(body)
                case "alarm":
                    about.alarms.append(body)
                case "stop":
                    about.stops[int(kept_under)].append(body)
                case "hand_over":
                    about.hand_overs.append(body)
                case "flag":
                    about.flags[row_id] = body
    if any(call.status == CallStatus.ASSIGNED for call in calls):
        held = Assignment.objects.filter(call__in=open_ids, ended_at=None).select_related("unit", "poach")
        for assignment in held.order_by("pk"):
            found[assignment.call_id].assignments.append(assignment)
    return found


def _of_open_call(call: Call, about: _About) -> Iterator[Held]:
    key = ("call", str(call.pk), call.pk)
    summary = _summary(call, about)
    if call.area_id is not None:
        yield Held(f"area.{call.area_id}", *key, summary)
    full = summary | _full(call, about)
    desk = f"desk.{call.agency_id}"
    yield Held(desk, *key, full | _desk(call, about))
    beside = [("note", str(note_id), call.pk, note) for note_id, note in about.notes.items()]
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
        holder = from_unit[hand_over["assignment"]]
        offer = {
            "call": call.pk,
            "from_unit": holder.unit_id,
            "from_call_sign": holder.unit.call_sign,
            "type": summary["type"],
            "priority": call.priority,
            "address": call.address,
            "point": summary["point"],
            "status": holder.status,
            "asked_at": hand_over["asked_at"],
        }
        yield Held(f"unit.{hand_over['to_unit']}", "offer", str(hand_over["id"]), call.pk, offer)


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
        "answers": {name: answer["value"] for name, answer in sorted(about.answers.items())},
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
        "outside_units": about.outside,
    }


def _own(assignment: Assignment, about: _About) -> _Body:
    hand_over = next((row for row in about.hand_overs if row["assignment"] == assignment.pk), None)
    return {
        "assignment": _assignment(assignment),
        "stops": about.stops[assignment.pk],
        "poach": _poach(assignment),
        "hand_over": hand_over and {name: hand_over[name] for name in ("id", "to_unit", "asked_at")},
    }


def _desk(call: Call, about: _About) -> _Body:
    return {
        "area": call.area_id,
        "assignments": [
            _assignment(row) | {"unit": row.unit_id, "call_sign": row.unit.call_sign, "poach": _poach(row)}
            for row in about.assignments
        ],
        "stops": [stop | {"assignment": held} for held, stops in about.stops.items() for stop in stops],
        "hand_overs": about.hand_overs,
        "alarms": about.alarms,
        "answers_by": dict(sorted(about.answers.items())),
        "decision": about.decision,
        "flags": [flag | {"id": flag_id} for flag_id, flag in about.flags.items()],
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


def _poach(assignment: Assignment) -> _Body | None:
    poach: Poach | None = getattr(assignment, "poach", None)
    if poach is None:
        return None
    return {"state": poach.state, "reason": poach.reason, "settled_at": poach.settled_at}


def _point(point: Point | None) -> list[float] | None:
    return None if point is None else [round(point.x, 6), round(point.y, 6)]


def _grouped(rows: "QuerySet[_Row] | Iterable[_Row]", column: str) -> Mapping[int, list[_Row]]:
    groups: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups
