"""
Seattle's open data as a CAD would have sent it: both shapes of file, read into calls, and calls into revisions.

Pure: no clock, no database, no network. ``manage.py replay_calls`` does the sending.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from dispatch import catalogue

# Both shapes give wall-clock times without an offset, in the city's zone.
SEATTLE = ZoneInfo("America/Los_Angeles")
# What the columns of 2016 say of police is that somebody was at the scene, not who.
SOME_POLICE = "SPD"

_OF_2016 = {"CAD Event Number", "Event Clearance Date", "Initial Type Description", "Hundred Block Location"}
_OF_CALL_DATA = {"cad_event_number", "initial_call_type", "cad_event_original_time_queued", "call_sign_dispatch_id"}
_FORM_OF_2016 = "%m/%d/%Y %I:%M:%S %p"
_NOTHING = {"", "-", "REDACTED", "NONE", "NULL"}
_SOURCES = {
    "911": "911",
    "TEXT MESSAGE": "911",
    "ONVIEW": "OFFICER",
    "IN PERSON COMPLAINT": "OFFICER",
}
# The columns of 2016 have no priority. A type that says "in progress or just occurred" is urgent, one that a telephone
# report unit takes is not, everything else is in the middle.
_URGENT, _MIDDLE, _REPORT = 2, 3, 6


class Shape(StrEnum):
    """
    The two shapes of SPD's open data.
    """

    INCIDENT_RESPONSE_2016 = "911 incident response (2016)"
    CALL_DATA = "Call Data (today)"


class UnknownShape(ValueError):
    """
    The columns of a file are those of neither shape.
    """


@dataclass(frozen=True, slots=True)
class PoliceUnit:
    """
    A police unit on a call, from when until when.
    """

    name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PastCall:
    """
    One call of the data. Times are instants; those that the data does not give are None.
    """

    number: str
    type: str
    final_type: str
    priority: int
    address: str
    point: tuple[float, float] | None
    source: str
    received_at: datetime
    closed_at: datetime | None
    police: tuple[PoliceUnit, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revision:
    """
    One revision of a call, due at an instant of the data's own time.
    """

    due_at: datetime
    body: Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """
    What a file held: its calls in the order of their receipt, and why other rows were refused.
    """

    shape: Shape
    rows: int = 0
    calls: list[PastCall] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    same_call: int = 0
    no_point: int = 0
    synthetic: bool = False

    def begins_at(self) -> datetime:
        """
        Return the midnight, in Seattle, of the day that most calls were received on.
        """
        days = Counter(call.received_at.astimezone(SEATTLE).date() for call in self.calls)
        day = min(day for day, count in days.items() if count == max(days.values()))
        return datetime.combine(day, datetime.min.time(), tzinfo=SEATTLE)


def read(lines: TextIO | Iterable[str]) -> Reading:
    """
    Read a CSV file of either shape, told by its columns.

    :raises UnknownShape: it is neither.
    """
    rows = csv.DictReader(lines)
    columns = set(rows.fieldnames or ())
    if columns >= _OF_2016:
        return _read_2016(rows)
    if columns >= _OF_CALL_DATA:
        return _read_call_data(rows)
    raise UnknownShape(
        "These columns are neither SPD's 911 incident response of 2016 nor today's Call Data: "
        f"{', '.join(sorted(columns)[:8]) or 'none'}"
    )


def revisions_of(call: PastCall, *, screening: Mapping[str, Any] | None = None) -> list[Revision]:
    """
    Return what a CAD would have sent of a call: received, each change of its police units, closed.

    ``screening`` is added to every revision; the data itself holds no answers, and none are made up for it.
    """
    changes = sorted({unit.since for unit in call.police} | {unit.until for unit in call.police if unit.until})
    moments = [call.received_at, *(moment for moment in changes if moment > call.received_at)]
    if call.closed_at is not None:
        moments = [moment for moment in moments if moment < call.closed_at] or [call.received_at]
        moments.append(max(call.closed_at, moments[-1]))
    revisions = []
    for number, moment in enumerate(moments, start=1):
        is_closing = call.closed_at is not None and number == len(moments)
        units = [
            unit.name for unit in call.police if unit.since <= moment and (unit.until is None or moment < unit.until)
        ]
        body: dict[str, Any] = {
            "number": call.number,
            "revision": number,
            "status": "CLOSED" if is_closing else "OPEN",
            "type": call.final_type if is_closing else call.type,
            "priority": call.priority,
            "address": call.address,
            "source": call.source,
            "police_units": [] if is_closing else units,
            **call.extra,
            **(screening or {}),
        }
        if call.point is not None:
            body["point"] = {"lon": call.point[0], "lat": call.point[1]}
        revisions.append(Revision(due_at=moment, body=body))
    return revisions


def demo_screening(call: PastCall) -> dict[str, Any]:
    """
    Return answers for a call of the demo, where the data has none: the same ones for the same number, every time.

    Nothing here was said by anybody. A corner of two streets counts as a public place.
    """
    chance = hashlib.sha256(call.number.encode()).digest()
    names = ("WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY")
    answers = dict.fromkeys(names, "NO")
    if catalogue.colors().get(call.type, "RED") == "RED":
        answers["POLICE_ONLY"] = "YES"
    elif chance[0] < 40:  # of 256: about one call in six has something that nobody could say
        answers[names[chance[1] % len(names)]] = "UNKNOWN"
    elif chance[0] < 60:  # and one in thirteen a yes
        answers[names[chance[1] % len(names)]] = "YES"
    return {"answers": answers, "place_kind": "PUBLIC" if "/" in call.address else "UNKNOWN"}


def wall_clock(text: str, form: str | None = None, *, not_before: datetime | None = None) -> datetime:
    """
    Return the instant of a floating Pacific time.

    Of an hour that comes twice in autumn it is the first, unless that would be before ``not_before``. An hour that is
    skipped in spring is read as if the clocks had not been moved yet.

    :raises ValueError: this is no time.
    """
    naive = datetime.strptime(text.strip(), form) if form else datetime.fromisoformat(text.strip())  # noqa: DTZ007  the zone follows
    if naive.tzinfo is not None:
        return naive.astimezone(UTC)
    # In UTC before anything is compared: Python compares times of one zone by their wall clocks.
    first, second = (naive.replace(tzinfo=SEATTLE, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if not_before is not None and first < not_before <= second else first


def _read_2016(rows: "csv.DictReader[str]") -> Reading:
    reading = Reading(Shape.INCIDENT_RESPONSE_2016)
    found: list[tuple[str, dict[str, str], datetime, datetime | None]] = []
    seen: set[str] = set()
    for row in rows:
        reading.rows += 1
        number = _text(row, "CAD Event Number")
        if not number.isdigit():
            reading.refused["no number"] += 1
            continue
        if number in seen:
            reading.same_call += 1
            continue
        if not _text(row, "Initial Type Description"):
            reading.refused["no type"] += 1
            continue
        try:
            cleared = wall_clock(_text(row, "Event Clearance Date"), _FORM_OF_2016)
            scene = _text(row, "At Scene Time")
            at_scene = wall_clock(scene, _FORM_OF_2016) if scene else None
        except ValueError:
            reading.refused["no time that can be read"] += 1
            continue
        seen.add(number)
        found.append((number, row, cleared, at_scene))
    found.sort(key=lambda one: int(one[0]))
    # The data does not say when a call was received. Numbers are given in the order of receipt, so a call came in no
    # later than anything that is known of it or of any later number: that bound is the best there is.
    bound: datetime | None = None
    received: list[datetime] = []
    for _, _, cleared, at_scene in reversed(found):
        known = min(cleared, at_scene or cleared)
        bound = known if bound is None else min(bound, known)
        received.append(bound)
    for (number, row, cleared, at_scene), received_at in zip(found, reversed(received), strict=True):
        kind = _text(row, "Initial Type Description")
        point = _point(row.get("Longitude"), row.get("Latitude"))
        reading.no_point += point is None
        reading.calls.append(
            PastCall(
                number=number,
                type=kind,
                final_type=kind,
                priority=_URGENT if "IP/JO" in kind else _REPORT if kind.startswith("TRU") else _MIDDLE,
                address=_text(row, "Hundred Block Location") or _withheld(_text(row, "Zone/Beat")),
                point=point,
                source="911",
                received_at=received_at,
                closed_at=cleared,
                police=(PoliceUnit(SOME_POLICE, at_scene, cleared),) if at_scene else (),
            )
        )
    reading.calls.sort(key=lambda call: (call.received_at, call.number))
    return reading


def _read_call_data(rows: "csv.DictReader[str]") -> Reading:
    reading = Reading(Shape.CALL_DATA)
    by_number: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        reading.rows += 1
        number = _text(row, "cad_event_number")
        if not number:
            reading.refused["no number"] += 1
            continue
        # One row for each unit that was dispatched: the call is the same.
        reading.same_call += number in by_number
        by_number.setdefault(number, []).append(row)
        reading.synthetic = reading.synthetic or _text(row, "synthetic") == "yes"
    for number, of_call in by_number.items():
        first = of_call[0]
        kind = _text(first, "initial_call_type") or _text(first, "final_call_type")
        if not kind:
            reading.refused["no type"] += len(of_call)
            continue
        try:
            received_at = wall_clock(_text(first, "cad_event_original_time_queued"))
            police = tuple(_police(number, of_call, received_at))
            closed_at = _closed(of_call, received_at)
        except ValueError:
            reading.refused["no time that can be read"] += len(of_call)
            continue
        try:
            priority = int(_text(first, "priority"))
        except ValueError:
            reading.refused["no priority"] += len(of_call)
            continue
        point = _point(first.get("dispatch_longitude"), first.get("dispatch_latitude"))
        reading.no_point += point is None
        reading.calls.append(
            PastCall(
                number=number,
                type=kind,
                final_type=_text(first, "final_call_type") or kind,
                priority=priority,
                address=_text(first, "dispatch_address") or _withheld(_text(first, "dispatch_beat")),
                point=point,
                source=_SOURCES.get(_text(first, "call_type"), "NON_EMERGENCY"),
                received_at=received_at,
                closed_at=closed_at,
                police=police,
                extra=_extra(first),
            )
        )
    reading.calls.sort(key=lambda call: (call.received_at, call.number))
    return reading


def _police(number: str, rows: Sequence[Mapping[str, str]], received_at: datetime) -> Iterator[PoliceUnit]:
    for row in rows:
        unit = _text(row, "call_sign_dispatch_id").removeprefix(number).strip(" -")
        dispatched = _text(row, "call_sign_dispatch_time")
        # CARE's own units are ours to send here, not CAD's to report.
        if not unit or not dispatched or "CARE" in unit or _text(row, "cad_event_response_category") == "CARE":
            continue
        since = wall_clock(dispatched, not_before=received_at)
        free = _text(row, "call_sign_in_service_time")
        yield PoliceUnit(unit[:20], since, wall_clock(free, not_before=since) if free else None)


def _closed(rows: Sequence[Mapping[str, str]], received_at: datetime) -> datetime | None:
    columns = (
        "call_sign_in_service_time",
        "last_spd_call_sign_in_service_time",
        "last_care_call_sign_in_service_time",
        "last_co_response_call_sign_in_service_time",
    )
    times = [
        wall_clock(text, not_before=received_at) for row in rows for column in columns if (text := _text(row, column))
    ]
    return max(times, default=None)


def _extra(row: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what only a synthetic day holds: words and answers that nobody said.
    """
    extra: dict[str, Any] = {}
    if _text(row, "synthetic") != "yes":
        return extra
    for column in ("narrative", "place_kind", "caller_wish"):
        if text := _text(row, column):
            extra[column] = text
    if markers := _text(row, "markers"):
        extra["markers"] = markers.split(" ")
    if answers := _text(row, "answers"):
        extra["answers"] = dict(pair.split("=", 1) for pair in answers.split(" "))
    return extra


def _point(lon: str | None, lat: str | None) -> tuple[float, float] | None:
    try:
        place = float(lon or ""), float(lat or "")
    except ValueError:
        return None
    # 0/0 and -1/-1 stand for "not known" in parts of the data.
    return None if any(abs(value) <= 1 for value in place) else place


def _withheld(beat: str) -> str:
    return f"Redacted, beat {beat}" if beat else "Redacted"


def _text(row: Mapping[str, str | None], column: str) -> str:
    text = (row.get(column) or "").strip()
    return "" if text.upper() in _NOTHING else text
