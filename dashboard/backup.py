"""
What supervisors read of requests for backup: each with its whole timeline, how long it took, and who has drilled.

Reads only. What stands here is what was appended when it happened; nobody can change it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from dispatch.models import (
    BackupEvent,
    BackupEventKind,
    BackupLevel,
    BackupOrigin,
    BackupPress,
    BackupSelfTest,
    BackupService,
    Call,
)
from dispatch.spans import span
from responders.models import Agency, Person, Unit

PER_PAGE: Final = 40
# What a test of the path may take.
SLOW_TEST_MS: Final = 10_000
# Reminders are steps from here on (dispatch/backup/schedule.py).
_REMINDER: Final = 1_000_000

LEVELS: Final = {
    BackupLevel.EMERGENCY: "Emergency",
    BackupLevel.URGENT: "Urgent",
    BackupLevel.NON_URGENT: "Not urgent",
}
SERVICES: Final = {BackupService.POLICE: "Police", BackupService.EMS: "EMS"}
ORIGINS: Final = {
    BackupOrigin.TABLET: "Pressed on a tablet",
    BackupOrigin.RADIO: "Asked on the radio",
    BackupOrigin.WELFARE: "Welfare clock not answered",
    BackupOrigin.WITHDRAW: "Crew withdrew from danger",
}
ENDS: Final = {
    "RESOLVED": "Over, crew safe",
    "FALSE_ALARM": "False alarm",
    "DRILL_OVER": "Drill over",
    "CANCELLED": "Cancelled by the crew, confirmed",
}


@dataclass(frozen=True, slots=True)
class Line:
    """
    One thing of a timeline, or several of one kind in a row.
    """

    at: datetime
    after: str
    words: str
    by: str
    data: str
    is_turn: bool


@dataclass(frozen=True, slots=True)
class Times:
    """
    Seconds from the press being durable to what followed; ``sent_late`` is how long it was on its way before.
    """

    on_its_way: float | None
    shown: float | None
    seen: float | None
    police_sent: float | None
    police_arrived: float | None
    closed: float | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """
    One request for backup, with what became of it.
    """

    press: BackupPress
    unit: str
    call: Call | None
    person: str
    level: str
    service: str
    origin: str
    seen_by: str
    police_unit: str
    cancel_reason: str
    ended: str
    again: int
    times: Times
    took: Mapping[str, str]
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Month:
    """
    One month of them, in numbers.
    """

    count: int
    seen: str
    slowest: str
    unseen: int
    drills: int
    drilled: list[tuple[str, datetime | None]]
    tests: int
    bad_tests: int
    slowest_test_ms: int | None


def presses(agency_id: int, *, since: datetime, until: datetime, show: str) -> QuerySet[BackupPress]:
    """
    Return the requests of a span, the newest first; ``show`` is "real", "drills" or "" for both.
    """
    rows = BackupPress.objects.filter(agency_id=agency_id, received_at__gte=since, received_at__lt=until)
    rows = rows.exclude(origin=BackupOrigin.SELF_TEST).order_by("-received_at", "key")
    return rows if not show else rows.filter(drill=show == "drills")


def reviewed(agency_id: int, rows: Iterable[BackupPress]) -> list[Reviewed]:
    """
    Return these requests with everything that happened to them.
    """
    rows = list(rows)
    told: dict[UUID, list[BackupEvent]] = {row.key: [] for row in rows}
    for event in BackupEvent.objects.filter(press__in=list(told)).order_by("pk"):
        told[event.press].append(event)
    units = dict(Unit.objects.filter(agency=agency_id).values_list("pk", "call_sign"))
    people = dict(Person.objects.filter(agency=agency_id).values_list("pk", "name"))
    calls = Call.objects.filter(agency=agency_id).in_bulk([row.call_id for row in rows if row.call_id is not None])
    return [
        _reviewed(
            row,
            told[row.key],
            unit=units.get(row.unit_id or 0, "Unknown unit"),
            person=people.get(row.person_id or 0, ""),
            call=calls.get(row.call_id or 0),
        )
        for row in rows
    ]


def month(agency_id: int, *, since: datetime, until: datetime) -> Month:
    """
    Return a span in numbers: how soon somebody saw what was real, who has drilled, and how the path's own tests went.
    """
    rows = list(
        presses(agency_id, since=since, until=until, show="").values(
            "key", "drill", "received_at", "unit_id", "again_of"
        )
    )
    real = {row["key"]: row["received_at"] for row in rows if not row["drill"] and row["again_of"] is None}
    seen = dict(BackupEvent.objects.filter(press__in=list(real), kind=BackupEventKind.SEEN).values_list("press", "at"))
    waits = [(at - real[key]).total_seconds() for key, at in seen.items()]
    drills = [row for row in rows if row["drill"]]
    last = {row["unit_id"]: row["received_at"] for row in sorted(drills, key=lambda row: row["received_at"])}
    units = Unit.objects.filter(agency=agency_id, outside=False, retired_at=None).order_by("call_sign")
    tests = BackupSelfTest.objects.filter(agency=agency_id, at__gte=since, at__lt=until)
    took = [ms for ms in tests.values_list("took_ms", flat=True) if ms is not None]
    bad = tests.filter(took_ms=None).count() + tests.filter(took_ms__gt=SLOW_TEST_MS).count()
    return Month(
        count=len(real),
        seen=seconds(median(waits)) if waits else "",
        slowest=seconds(max(waits)) if waits else "",
        unseen=len(real) - len(seen),
        drills=len(drills),
        drilled=[(unit.call_sign, last.get(unit.pk)) for unit in units],
        tests=tests.count(),
        bad_tests=bad,
        slowest_test_ms=max(took, default=None),
    )


def seconds(value: float) -> str:
    """
    Say how long, with tenths where they matter.
    """
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60):02d} s"


def as_json(row: Reviewed, events: Iterable[BackupEvent]) -> dict[str, Any]:
    """
    Return one request as the export writes it, nothing left out.
    """
    press = row.press
    return {
        "key": str(press.key),
        "unit": row.unit,
        "person": row.person,
        "call": None if row.call is None else row.call.number,
        "origin": press.origin,
        "via": press.via,
        "level": press.level,
        "service": press.service,
        "silent": press.silent,
        "drill": press.drill,
        "pressed_at": press.pressed_at,
        "received_at": press.received_at,
        "position": None
        if press.lon is None
        else {"lon": press.lon, "lat": press.lat, "accuracy_m": press.accuracy_m},
        "battery": press.battery,
        "raw": press.raw,
        "again_of": None if press.again_of is None else str(press.again_of),
        "closed_at": press.closed_at,
        "seconds": {
            "on_its_way": row.times.on_its_way,
            "to_shown": row.times.shown,
            "to_seen": row.times.seen,
            "to_police_sent": row.times.police_sent,
            "to_police_arrived": row.times.police_arrived,
            "to_closed": row.times.closed,
        },
        "timeline": [
            {"at": event.at, "kind": event.kind, "step": event.step, "by": event.by, "data": event.data}
            for event in events
        ],
    }


def _reviewed(press: BackupPress, events: list[BackupEvent], *, unit: str, person: str, call: Call | None) -> Reviewed:
    first: dict[str, BackupEvent] = {}
    for event in events:
        first.setdefault(event.kind, event)
    sent = [event for event in events if event.kind == BackupEventKind.POLICE_SENT]
    closed = first.get(BackupEventKind.CLOSED)
    seen, cancel = first.get(BackupEventKind.SEEN), first.get(BackupEventKind.CANCEL_ASKED)

    def after(kind: BackupEventKind) -> float | None:
        event = first.get(kind)
        return None if event is None else (event.at - press.received_at).total_seconds()

    # The desk's word for a crew was not on its way: only a tablet's press was.
    pressed = press.pressed_at if press.origin == BackupOrigin.TABLET else None
    times = Times(
        on_its_way=None if pressed is None else max(0.0, (press.received_at - pressed).total_seconds()),
        shown=after(BackupEventKind.SHOWN),
        seen=after(BackupEventKind.SEEN),
        police_sent=after(BackupEventKind.POLICE_SENT),
        police_arrived=after(BackupEventKind.POLICE_ARRIVED),
        closed=after(BackupEventKind.CLOSED),
    )
    named = {
        "RECEIVED": times.on_its_way,
        "shown": times.shown,
        "SEEN": times.seen,
        "SENT": times.police_sent,
        "there": times.police_arrived,
        "closed": times.closed,
    }
    end = "" if closed is None else str(closed.data.get("as", ""))
    return Reviewed(
        press=press,
        unit=unit,
        call=call,
        person=person,
        level=LEVELS.get(BackupLevel(press.level), press.level),
        service=SERVICES.get(BackupService(press.service), press.service),
        origin=_origin(press),
        seen_by="" if seen is None else seen.by,
        police_unit=str(sent[-1].data.get("unit", "")) if sent else "",
        cancel_reason="" if cancel is None else str(cancel.data.get("reason", "")),
        ended=ENDS.get(end, end) if closed is not None else "",
        again=sum(event.kind == BackupEventKind.PRESSED_AGAIN for event in events),
        times=times,
        took={name: "" if value is None else seconds(value) for name, value in named.items()},
        lines=list(_lines(press, events)),
    )


def _origin(press: BackupPress) -> str:
    # A drill by the radio is one that a console started: no crew asked for it.
    if press.drill and press.origin == BackupOrigin.RADIO:
        return "Drill started at a console"
    return ORIGINS.get(BackupOrigin(press.origin), press.origin)


def _lines(press: BackupPress, events: list[BackupEvent]) -> Iterator[Line]:
    if press.origin == BackupOrigin.TABLET and press.pressed_at is not None and press.pressed_at < press.received_at:
        yield Line(press.pressed_at, "", "Pressed, by the tablet's clock", "", "", is_turn=False)
    yield Line(press.received_at, "0.0 s", "RECEIVED: durable in the database", f"by {press.via}", "", is_turn=True)
    index = 0
    while index < len(events):
        event, many = events[index], 1
        # A tablet speaks every five seconds for as long as it is open: one line says so.
        while (
            event.kind == BackupEventKind.TRANSMITTED
            and index + many < len(events)
            and events[index + many].kind == BackupEventKind.TRANSMITTED
        ):
            many += 1
        last = events[index + many - 1]
        words = _words(event)
        if many > 1:
            words = f"{words}, {many} times in {span(last.at - event.at)}"
        after = (event.at - press.received_at).total_seconds()
        yield Line(
            event.at,
            seconds(after) if after >= 0 else "before it",
            words,
            _by(event),
            _data(last.data),
            is_turn=event.kind in _TURNS,
        )
        index += many


_TURNS: Final = frozenset(
    {
        BackupEventKind.SEEN,
        BackupEventKind.POLICE_SENT,
        BackupEventKind.POLICE_ARRIVED,
        BackupEventKind.CANCEL_ASKED,
        BackupEventKind.CLOSED,
        BackupEventKind.NO_CONSOLE,
    }
)
_SAID: Final[dict[str, str]] = {
    BackupEventKind.TRANSMITTED: "Heard again from the tablet",
    BackupEventKind.PRESSED_AGAIN: "PRESSED AGAIN: it rings anew",
    BackupEventKind.NO_CONSOLE: "NO CONSOLE was watching: the tablet was told",
    BackupEventKind.SHOWN: "Shown on a screen",
    BackupEventKind.SEEN: "SEEN",
    BackupEventKind.POLICE_SENT: "POLICE SENT",
    BackupEventKind.POLICE_ARRIVED: "POLICE THERE",
    BackupEventKind.CANCEL_ASKED: "CANCEL REQUESTED by the crew",
    BackupEventKind.OUTBOUND: "Told outside",
    BackupEventKind.CLOSED: "CLOSED",
}


def _words(event: BackupEvent) -> str:
    data = event.data
    match event.kind:
        case BackupEventKind.RUNG:
            step = event.step or 0
            return "Consoles reminded: no police sent yet" if step >= _REMINDER else f"Rung, step {step}"
        case BackupEventKind.LEVEL:
            level = LEVELS.get(data.get("level", ""), str(data.get("level", "")))
            return f"Level set to {level}" if data.get("set") else f"The crew asks for {level}"
        case BackupEventKind.POLICE_SENT:
            return f"POLICE SENT: {data.get('unit', '')}"
        case BackupEventKind.CLOSED:
            end = str(data.get("as", ""))
            return f"CLOSED: {ENDS.get(end, end)}"
    return _SAID.get(event.kind, event.kind)


def _by(event: BackupEvent) -> str:
    if event.kind == BackupEventKind.SHOWN:
        return f"{event.data.get('label', '')}, {str(event.data.get('kind', '')).lower()}".strip(", ")
    return event.by


def _data(data: Mapping[str, Any]) -> str:
    said = [str(data[name]) for name in ("reason", "note", "error") if data.get(name)]
    if (place := data.get("position")) is not None:
        said.append(f"{place.get('lat')}, {place.get('lon')}")
    if data.get("battery") is not None:
        said.append(f"battery {data['battery']} %")
    return " · ".join(said)


def agency_month(agency: Agency, text: str, *, at: datetime) -> tuple[datetime, datetime]:
    """
    Return the first instant of a month of the agency's calendar, written as 2026-11, and that of the month after it.

    :raises ValueError: the text is no month.
    """
    day = datetime.strptime(text, "%Y-%m") if text else at.astimezone(agency.zone).replace(tzinfo=None)  # noqa: DTZ007
    first = datetime(day.year, day.month, 1, tzinfo=agency.zone)
    return first, datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=agency.zone)
