"""
Who holds what of calls and units: every stream, and what its readers may see.

Each function answers for many subjects at once with few statements. A body reads only rows that its subject's
lock covers, and no clock: a unit's name on a call is a copy that cannot change while the unit exists.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from dispatch.models import CadFeed, CallStatus, CallType, Policy
from journal.prepared import prepared_cursor
from journal.subjects import Held

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
    "welfare_due_at",
    "welfare_backup_at",
)


def of_calls(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what the area's board, the units that hold a call, the units asked to take it over, the desk and the supervisors
    hold of each call.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_CALLS, [list(ids)])
        calls = [_Call._make(row) for row in cursor.fetchall()]
    found = _about(calls)
    for call in calls:
        about = found[call.id]
        if call.status in _OPEN:
            yield from _of_open_call(call, about)
        for flag_id, flag in about.flags.items():
            body = {"call": call.id, "number": call.number, **flag}
            yield Held(f"supervisors.{call.agency_id}", "flag", str(flag_id), call.id, body)


def of_units(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what the unit itself, its areas' boards, the desk and the supervisors hold of each unit.

    Outside units have no crew here and no status: only the desk, which attaches them by name, holds them.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_UNITS, [list(ids)])
        rows = [_Unit._make(row) for row in cursor.fetchall()]
    # One row for each person on shift, or one without a person.
    for _, crew in groupby(rows, key=attrgetter("id")):
        shifts = list(crew)
        unit = shifts[0]
        summary, full = _unit(unit, [row for row in shifts if row.shift_id is not None])
        key = ("unit", str(unit.id), unit.id)
        yield Held(f"desk.{unit.agency_id}", *key, full)
        yield Held(f"supervisors.{unit.agency_id}", *key, full)
        if not unit.outside:
            yield Held(f"unit.{unit.id}", *key, full)
            for area_id in unit.areas:
                yield Held(f"area.{area_id}", *key, summary)


def of_debriefs(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield debriefs: to supervisors for good, to the desk while they are open.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_DEBRIEFS, [list(ids)])
        rows = cursor.fetchall()
    for debrief_id, agency_id, *values in rows:
        body = dict(zip(_DEBRIEF, values, strict=True))
        yield Held(f"supervisors.{agency_id}", "debrief", str(debrief_id), debrief_id, body)
        if body["closed_at"] is None:
            yield Held(f"desk.{agency_id}", "debrief", str(debrief_id), debrief_id, body)


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


class _Call(NamedTuple):
    """
    What the bodies of a call need of its row and its type.
    """

    id: int
    agency_id: int
    number: str
    own_number: str
    on_view_key: UUID | None
    source: str
    type_code: str
    type_label: str
    type_color: str
    priority: int
    status: str
    queue: str
    response: str
    care_available: bool
    reasons: list[str]
    address: str
    lon: float | None
    lat: float | None
    area_id: int | None
    place_kind: str
    markers: list[str]
    caller_phone: str
    caller_wish: str
    language: str
    interpreter: bool
    sign_language: bool
    narrative: str
    received_at: datetime
    cad_closed_at: datetime | None
    police_units: list[str]
    police_assigned_at: datetime | None
    offered_at: datetime | None
    cautions: str
    cautions_as_of: datetime | None
    premise: str | None
    premise_as_of: datetime | None


class _Assignment(NamedTuple):
    """
    An open assignment with its unit's call sign and its poach.
    """

    id: int
    call_id: int
    unit_id: int
    call_sign: str
    status: str
    origin: str
    primary: bool
    assigned_at: datetime
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    en_route_at: datetime | None
    staged_at: datetime | None
    on_scene_at: datetime | None
    transporting_at: datetime | None
    at_destination_at: datetime | None
    hand_back_asked_at: datetime | None
    cancel_told_at: datetime | None
    welfare_due_at: datetime | None
    welfare_backup_at: datetime | None
    acknowledged_by: str
    destination: str
    persons: int | None
    radio_asked_by: str
    poach_state: str | None
    poach_reason: str | None
    poach_settled_at: datetime | None


class _Unit(NamedTuple):
    """
    A unit, the assignment that it holds, and one person on shift on it.
    """

    id: int
    agency_id: int
    call_sign: str
    outside: bool
    capabilities: list[str]
    crew_minimum: int
    duty: str
    duty_reason: str
    duty_since: datetime | None
    areas: list[int]
    call_id: int | None
    status: str | None
    since: datetime | None
    shift_id: int | None
    person_id: int | None
    person_name: str | None
    started_at: datetime | None
    planned_end_at: datetime | None


_FROM_CALL = {
    "type_code": "t.code",
    "type_label": "t.label",
    "type_color": "t.color",
    "lon": "ST_X(c.point::geometry)",
    "lat": "ST_Y(c.point::geometry)",
}
_CALLS = f"""
SELECT {", ".join(_FROM_CALL.get(name, f"c.{name}") for name in _Call._fields)}
  FROM dispatch_call c JOIN dispatch_calltype t ON t.id = c.type_id
 WHERE c.id = ANY(%s) ORDER BY c.id
"""  # noqa: S608  only columns named in this file are put in

_FROM_ASSIGNMENT = {
    "call_sign": "u.call_sign",
    "primary": 'a."primary"',
    "poach_state": "p.state",
    "poach_reason": "p.reason",
    "poach_settled_at": "p.settled_at",
}
_ASSIGNMENTS = f"""
SELECT {", ".join(_FROM_ASSIGNMENT.get(name, f"a.{name}") for name in _Assignment._fields)}
  FROM dispatch_assignment a JOIN responders_unit u ON u.id = a.unit_id LEFT JOIN dispatch_poach p ON p.assignment_id = a.id
 WHERE a.call_id = ANY(%s) AND a.ended_at IS NULL ORDER BY a.id
"""  # noqa: S608  only columns named in this file are put in

# A unit holds one call at most. `since` is when it came where it is with the call.
_UNITS = """
SELECT u.id, u.agency_id, u.call_sign, u.outside, u.capabilities, coalesce(u.crew_minimum, agency.crew_minimum), u.duty,
       u.duty_reason, u.duty_since,
       ARRAY(SELECT servicearea_id FROM responders_unit_areas WHERE unit_id = u.id ORDER BY servicearea_id),
       a.call_id, a.status,
       CASE a.status WHEN 'ASSIGNED' THEN a.assigned_at WHEN 'ACKNOWLEDGED' THEN a.acknowledged_at
                     WHEN 'EN_ROUTE' THEN a.en_route_at WHEN 'STAGED' THEN a.staged_at
                     WHEN 'ON_SCENE' THEN a.on_scene_at WHEN 'TRANSPORTING' THEN a.transporting_at
                     WHEN 'AT_DESTINATION' THEN a.at_destination_at END,
       shift.id, shift.person_id, person.name, shift.started_at, shift.planned_end_at
  FROM responders_unit u
  JOIN responders_agency agency ON agency.id = u.agency_id
  LEFT JOIN dispatch_assignment a ON a.unit_id = u.id AND a.ended_at IS NULL
  LEFT JOIN (responders_shift shift JOIN responders_person person ON person.id = shift.person_id)
    ON shift.unit_id = u.id AND shift.ended_at IS NULL
 WHERE u.id = ANY(%s) AND u.retired_at IS NULL
 ORDER BY u.id, shift.id
"""

_DEBRIEF = (
    "call",
    "number",
    "unit",
    "call_sign",
    "reason",
    "opened_at",
    "dispatcher_comment",
    "sergeant_comment",
    "closed_at",
    "closing_comment",
)
_DEBRIEFS = """
SELECT d.id, d.agency_id, p.call_id, c.number, a.unit_id, u.call_sign, p.reason, d.opened_at, d.dispatcher_comment,
       d.sergeant_comment, d.closed_at, d.closing_comment
  FROM dispatch_debrief d
  JOIN dispatch_poach p ON p.id = d.poach_id
  JOIN dispatch_call c ON c.id = p.call_id
  JOIN dispatch_assignment a ON a.id = p.assignment_id
  JOIN responders_unit u ON u.id = a.unit_id
 WHERE d.id = ANY(%s) ORDER BY d.id
"""


@dataclass
class _About:
    """
    What hangs on one call, as the bodies that its readers get.
    """

    answers: dict[str, _Body] = field(default_factory=dict)
    notes: dict[int, _Body] = field(default_factory=dict)
    attachments: dict[int, _Body] = field(default_factory=dict)
    decision: _Body | None = None
    outside: list[_Body] = field(default_factory=list)
    tandems: list[_Body] = field(default_factory=list)
    messages: dict[int, _Body] = field(default_factory=dict)
    alarms: list[_Body] = field(default_factory=list)
    stops: dict[int, list[_Body]] = field(default_factory=lambda: defaultdict(list))
    hand_overs: list[_Body] = field(default_factory=list)
    flags: dict[int, _Body] = field(default_factory=dict)
    referral: _Body | None = None
    assignments: list[_Assignment] = field(default_factory=list)


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
SELECT 'attachment', c.call_id, c.id, '', json_build_object(
           'call', c.call_id, 'sha256', t.sha256, 'purpose', c.purpose, 'caption', c.caption, 'by', c.by,
           'at', {_instant("c.at")}, 'state', t.state, 'code', nullif(t.code, ''), 'type', nullif(t.type, ''),
           'size', t.stored_size, 'width', t.width, 'height', t.height)::text
  FROM dispatch_callattachment c JOIN tablets_attachment t ON t.id = c.attachment_id
 WHERE c.call_id = ANY(%(open)s)
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
(SELECT DISTINCT ON (call_id, partner) 'tandem', call_id, id, '', json_build_object(
           'id', id, 'partner', partner, 'state', state, 'reasons', reasons, 'asked_as', asked_as, 'first', first,
           'staging', CASE WHEN staging IS NOT NULL THEN json_build_array(
               round(ST_X(staging::geometry)::numeric, 6), round(ST_Y(staging::geometry)::numeric, 6)) END,
           'staging_note', staging_note, 'partner_unit', partner_unit, 'officer', officer,
           'asked_at', {_instant("asked_at")}, 'asked_by', asked_by, 'due_at', {_instant("due_at")},
           'partner_assigned_at', {_instant("partner_assigned_at")},
           'partner_arrived_at', {_instant("partner_arrived_at")},
           'safe_at', {_instant("safe_at")}, 'safe_by', safe_by, 'safe_relayed_by', safe_relayed_by,
           'partner_released_at', {_instant("partner_released_at")}, 'withdrawn_at', {_instant("withdrawn_at")},
           'ended_at', {_instant("ended_at")})::text
  FROM dispatch_tandem WHERE call_id = ANY(%(open)s) AND state <> 'OVER' ORDER BY call_id, partner, id DESC)
UNION ALL
SELECT 'message', m.call_id, m.id, '', json_build_object(
           'call', m.call_id, 'unit', m.unit_id, 'origin', m.origin, 'text', m.text, 'canned', m.canned, 'by', m.by,
           'at', {_instant("m.at")}, 'delivered_at', {_instant("delivered.at")}, 'read_at', {_instant("seen.at")},
           'read_by', coalesce(seen.by, ''))::text
  FROM dispatch_message m
  LEFT JOIN dispatch_messagemark delivered ON delivered.message_id = m.id AND delivered.kind = 'DELIVERED'
  LEFT JOIN dispatch_messagemark seen ON seen.message_id = m.id AND seen.kind = 'READ'
 WHERE m.call_id = ANY(%(open)s)
UNION ALL
SELECT 'referral', r.call_id, r.id, '', json_build_object(
           'id', r.id, 'source', r.source, 'staying', r.staying AND r.handed_over_at IS NULL,
           'since', {_instant("r.received_at")}, 'searched', r.searched,
           'due_at', CASE WHEN due.ended_at IS NULL THEN {_instant("r.due_at")} END,
           'handed_over_at', {_instant("r.handed_over_at")})::text
  FROM dispatch_referral r LEFT JOIN dispatch_assignment due ON due.id = r.due_by_id
 WHERE r.call_id = ANY(%(open)s) AND r.eligible AND r.ended_at IS NULL
UNION ALL
SELECT 'held', call_id, id, '', '0' FROM dispatch_assignment WHERE call_id = ANY(%(open)s) AND ended_at IS NULL
UNION ALL
SELECT 'flag', call_id, id, '', json_build_object('code', code, 'facts', facts, 'at', {_instant("at")})::text
  FROM dispatch_flag WHERE call_id = ANY(%(all)s) AND resolved_at IS NULL
ORDER BY 3
"""  # noqa: S608  only columns named in this file are put in


def _about(calls: Sequence[_Call]) -> Mapping[int, _About]:
    open_ids = [call.id for call in calls if call.status in _OPEN]
    found: dict[int, _About] = defaultdict(_About)
    with prepared_cursor() as cursor:
        cursor.execute(_PARTS, {"open": open_ids, "all": [call.id for call in calls]})
        held = False
        # In the order of their ids: the newest answer about a disqualifier is the one that stays.
        for part, call_id, row_id, kept_under, text in cursor.fetchall():
            about, body = found[call_id], orjson.loads(text)
            match part:
                case "answer":
                    about.answers[kept_under] = body
                case "note":
                    about.notes[row_id] = body
                case "attachment":
                    about.attachments[row_id] = body
                case "decision":
                    about.decision = body
                case "outside":
                    about.outside.append(body)
                case "tandem":
                    about.tandems.append(body)
                case "message":
                    about.messages[row_id] = body
                case "alarm":
                    about.alarms.append(body)
                case "stop":
                    about.stops[int(kept_under)].append(body)
                case "hand_over":
                    about.hand_overs.append(body)
                case "referral":
                    about.referral = body
                case "flag":
                    about.flags[row_id] = body
                case "held":
                    # Of a call that waits as well: a crew may be on scene without having it.
                    held = True
        if held:
            cursor.execute(_ASSIGNMENTS, [open_ids])
            for row in cursor.fetchall():
                assignment = _Assignment._make(row)
                found[assignment.call_id].assignments.append(assignment)
    return found


def _of_open_call(call: _Call, about: _About) -> Iterator[Held]:
    key = ("call", str(call.id), call.id)
    summary = _summary(call, about)
    if call.area_id is not None:
        yield Held(f"area.{call.area_id}", *key, summary)
    full = summary | _full(call, about)
    desk = f"desk.{call.agency_id}"
    yield Held(desk, *key, full | _desk(call, about))
    beside = [("note", str(note_id), call.id, note) for note_id, note in about.notes.items()]
    beside += [("attachment", str(row_id), call.id, body) for row_id, body in about.attachments.items()]
    if call.premise is not None:
        premise = {"call": call.id, "as_of": call.premise_as_of, **orjson.loads(call.premise)}
        beside.append(("premise", str(call.id), call.id, premise))
    messages = [("message", str(row_id), call.id, body) for row_id, body in about.messages.items()]
    for more in [*beside, *messages]:
        yield Held(desk, *more)
    for assignment in about.assignments:
        stream = f"unit.{assignment.unit_id}"
        yield Held(stream, *key, full | _own(assignment, about))
        # What the desk and another unit say to each other is theirs.
        own = [message for message in messages if message[3]["unit"] == assignment.unit_id]
        for more in [*beside, *own]:
            yield Held(stream, *more)
    from_unit = {assignment.id: assignment for assignment in about.assignments}
    for hand_over in about.hand_overs:
        holder = from_unit[hand_over["assignment"]]
        offer = {
            "call": call.id,
            "from_unit": holder.unit_id,
            "from_call_sign": holder.call_sign,
            "type": summary["type"],
            "priority": call.priority,
            "address": call.address,
            "point": summary["point"],
            "status": holder.status,
            "asked_at": hand_over["asked_at"],
        }
        yield Held(f"unit.{hand_over['to_unit']}", "offer", str(hand_over["id"]), call.id, offer)


def _summary(call: _Call, about: _About) -> _Body:
    return {
        "number": call.number,
        "status": call.status,
        "queue": call.queue,
        "response": call.response,
        "care_available": call.care_available,
        "reasons": call.reasons,
        "type": {"code": call.type_code, "label": call.type_label, "color": call.type_color},
        "priority": call.priority,
        "address": call.address,
        "point": _point(call.lon, call.lat),
        "place_kind": call.place_kind,
        "received_at": call.received_at,
        "police_assigned": bool(call.police_units),
        "caution": bool(orjson.loads(call.cautions)),
        "offered_at": call.offered_at,
        "answers": {name: answer["value"] for name, answer in sorted(about.answers.items())},
        "units": [assignment.unit_id for assignment in about.assignments],
        # Who waits there: a board shows it, because somebody of the police stands idle meanwhile.
        "referral": about.referral and {name: about.referral[name] for name in ("source", "staying", "since")},
        # Who comes beside CARE; all that a board needs of it.
        "tandem": [tandem["partner"] for tandem in about.tandems if tandem["ended_at"] is None],
    }


def _full(call: _Call, about: _About) -> _Body:
    return {
        "source": call.source,
        "referral": about.referral,
        "own_number": call.own_number,
        "on_view_key": call.on_view_key and str(call.on_view_key),
        "markers": sorted(call.markers),
        "narrative": call.narrative,
        "caller_phone": call.caller_phone,
        "caller_wish": call.caller_wish,
        "language": call.language,
        "interpreter": call.interpreter,
        "sign_language": call.sign_language,
        "cautions": orjson.loads(call.cautions),
        "cautions_as_of": call.cautions_as_of,
        "police_units": call.police_units,
        "police_assigned_at": call.police_assigned_at,
        "cad_closed_at": call.cad_closed_at,
        "units": [
            {
                "unit": assignment.unit_id,
                "call_sign": assignment.call_sign,
                "primary": assignment.primary,
                "status": assignment.status,
            }
            for assignment in about.assignments
        ],
        "outside_units": about.outside,
        "tandem": about.tandems,
    }


def _own(assignment: _Assignment, about: _About) -> _Body:
    hand_over = next((row for row in about.hand_overs if row["assignment"] == assignment.id), None)
    return {
        "assignment": _assignment(assignment),
        "stops": about.stops[assignment.id],
        "poach": _poach(assignment),
        "hand_over": hand_over and {name: hand_over[name] for name in ("id", "to_unit", "asked_at")},
    }


def _desk(call: _Call, about: _About) -> _Body:
    return {
        "area": call.area_id,
        "assignments": [
            _assignment(row) | {"unit": row.unit_id, "call_sign": row.call_sign, "poach": _poach(row)}
            for row in about.assignments
        ],
        "stops": [stop | {"assignment": held} for held, stops in about.stops.items() for stop in stops],
        "hand_overs": about.hand_overs,
        "alarms": about.alarms,
        "answers_by": dict(sorted(about.answers.items())),
        "decision": about.decision,
        "flags": [flag | {"id": flag_id} for flag_id, flag in about.flags.items()],
    }


def _assignment(row: _Assignment) -> _Body:
    times: dict[str, datetime | None] = {name: getattr(row, name) for name in _TIMES}
    return {
        "id": row.id,
        "status": row.status,
        "origin": row.origin,
        "primary": row.primary,
        **times,
        "acknowledged_by": row.acknowledged_by,
        "destination": row.destination,
        "persons": row.persons,
        "radio_asked_by": row.radio_asked_by,
    }


def _unit(unit: _Unit, shifts: Sequence[_Unit]) -> tuple[_Body, _Body]:
    status, since = _status(unit, shifts)
    summary = {
        "call_sign": unit.call_sign,
        "status": status,
        "since": since,
        "capabilities": sorted(unit.capabilities),
        "crew": len(shifts),
        "crew_minimum": unit.crew_minimum,
        "duty": unit.duty,
        "call": unit.call_id,
    }
    full = summary | {
        "outside": unit.outside,
        "duty_reason": unit.duty_reason,
        "duty_since": unit.duty_since,
        "areas": unit.areas,
        "people": [
            {
                "id": shift.person_id,
                "name": shift.person_name,
                "shift": shift.shift_id,
                "started_at": shift.started_at,
                "planned_end_at": shift.planned_end_at,
            }
            for shift in shifts
        ],
    }
    return summary, full


def _status(unit: _Unit, shifts: Sequence[_Unit]) -> tuple[str, datetime | None]:
    if unit.status is not None:
        return unit.status, unit.since
    if unit.outside:
        return "OUTSIDE", None
    if not shifts:
        return "OFF_SHIFT", None
    return unit.duty, unit.duty_since


def _type(row: CallType) -> _Body:
    return {"code": row.code, "label": row.label, "color": row.color}


def _poach(assignment: _Assignment) -> _Body | None:
    if assignment.poach_state is None:
        return None
    return {
        "state": assignment.poach_state,
        "reason": assignment.poach_reason,
        "settled_at": assignment.poach_settled_at,
    }


def _point(lon: float | None, lat: float | None) -> list[float] | None:
    return None if lon is None or lat is None else [round(lon, 6), round(lat, 6)]
