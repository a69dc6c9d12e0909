"""
The directory of resources: what an import writes, a part of it in each transaction.

Everything of one source is written under the lock of its row. A row that says what it said before is left alone, so that a
nightly import of what has not changed sends nobody anything.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.db.models import Model, QuerySet

from followups.hsds.columns import Understood, understand
from followups.hsds.hours import is_clear
from followups.hsds.tables import Problem, Row
from followups.models import (
    DirectoryRecord,
    DirectorySource,
    Language,
    Location,
    Organization,
    Phone,
    Schedule,
    Service,
    ServiceAtLocation,
    ServiceNeed,
)
from followups.refusals.resources import ImportOvertaken, ImportWouldEmpty
from journal.record import record

# Fewer than this may all go at once: a source with a handful of services may well drop most of them.
_FEW = 20
# Whole numbers below it are the same as floats.
_EXACT = 2**53
# The place of a service that has none: no id of HSDS begins so.
NO_PLACE = "no place of "

_Lasting = Organization | Service | Location | ServiceAtLocation
LASTING: dict[str, type[_Lasting]] = {
    "organizations": Organization,
    "locations": Location,
    "services": Service,
    "service_at_location": ServiceAtLocation,
}
BELONGING: dict[str, Any] = {
    "phones": Phone,
    "schedules": Schedule,
    "languages": Language,
}
# Which columns of a row name what it belongs to, in our words and HSDS's.
PARENTS: Mapping[str, Mapping[str, str]] = {
    "organizations": {},
    "locations": {},
    "services": {"organization_id": "organizations"},
    "service_at_location": {"service_id": "services", "location_id": "locations"},
    "phones": {
        "organization_id": "organizations",
        "service_id": "services",
        "location_id": "locations",
        "service_at_location_id": "service_at_location",
    },
    "schedules": {
        "service_id": "services",
        "location_id": "locations",
        "service_at_location_id": "service_at_location",
    },
    "languages": {"service_id": "services", "location_id": "locations"},
}


@dataclass(slots=True)
class Written:
    """
    What a part of an import came to, by table, and what was not understood.
    """

    made: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    retired: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def __iadd__(self, other: "Written") -> "Written":
        self.made += other.made
        self.changed += other.changed
        self.retired += other.retired
        self.problems += other.problems
        return self


class Run(NamedTuple):
    """
    One import of one source.
    """

    source_id: int
    id: UUID


class Place(NamedTuple):
    """
    Where a location is: its address on one line, and longitude and latitude where they are known.
    """

    address: str
    point: Point | None


def begin(
    *,
    agency_id: int,
    code: str,
    name: str,
    licence: str,
    run_id: UUID,
    services: Collection[str],
    may_empty: bool,
) -> Run:
    """
    Begin an import of a source, which is made if it is new, and return it. ``services``: the ids that will stay.

    :raises ImportWouldEmpty: more than half of what the source has would be retired, and that was not said to be right.
    """
    DirectorySource.objects.get_or_create(agency_id=agency_id, code=code, defaults={"name": name, "licence": licence})
    source = DirectorySource.objects.select_for_update(no_key=True).get(agency_id=agency_id, code=code)
    held = set(Service.objects.filter(source=source, retired_at=None).values_list("their_id", flat=True))
    gone = len(held - set(services))
    if gone > max(_FEW, len(held) // 2) and not may_empty:
        raise ImportWouldEmpty(retired=gone, held=len(held))
    source.run = run_id
    source.name = name
    source.licence = licence
    source.save(update_fields=["run", "name", "licence"])
    return Run(source.pk, run_id)


def put_organizations(*, run: Run, rows: Sequence[Row]) -> Written:
    """
    Write organizations.

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    return _put_lasting(Organization, "organizations", source, rows, {})


def put_locations(*, run: Run, rows: Sequence[Row], places: Mapping[str, Place]) -> Written:
    """
    Write locations; ``places`` says by id where each is.

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    more = {row["id"]: places[row["id"]]._asdict() for row in rows}
    return _put_lasting(Location, "locations", source, rows, more, kept=frozenset({"latitude", "longitude"}))


def put_services(*, run: Run, rows: Sequence[Row], needs: Mapping[str, Sequence[str]], today: date) -> Written:
    """
    Write services, with the needs that each meets by its id. ``today`` is the day that holds where a source says none.

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    more = {row["id"]: {"as_of": _vouched(row)} for row in rows}
    written = _put_lasting(Service, "services", source, rows, more, today=today)
    ours = _ids(Service, source, [row["id"] for row in rows])
    wanted = {(ours[row["id"]], need) for row in rows for need in needs.get(row["id"], ())}
    held = {(row.service_id, row.need): row.pk for row in ServiceNeed.objects.filter(service__in=ours.values())}
    ServiceNeed.objects.filter(pk__in=[pk for key, pk in held.items() if key not in wanted]).delete()
    ServiceNeed.objects.bulk_create(
        ServiceNeed(service_id=service, need=need) for service, need in sorted(wanted - held.keys())
    )
    return written


def put_places(
    *,
    run: Run,
    rows: Sequence[Row],
    belonging: Mapping[str, Sequence[Row]],
    without_place: Sequence[str] = (),
) -> Written:
    """
    Write services at locations with what belongs to these alone, and the places of services that have none
    (``without_place``: the services' ids).

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    made_up: list[Row] = [{"id": f"{NO_PLACE}{service}", "service_id": service} for service in without_place]
    written = _put_lasting(ServiceAtLocation, "service_at_location", source, [*rows, *made_up], {})
    places = _ids(ServiceAtLocation, source, [row["id"] for row in rows])
    for table, model in BELONGING.items():
        if "service_at_location_id" in PARENTS[table]:
            held = model.objects.filter(service_at_location__in=places.values())
            written += _put_belonging(table, source, belonging.get(table, ()), held)
    return written


def put_belongings(*, run: Run, table: str, rows: Sequence[Row]) -> Written:
    """
    Write all phones, schedules or languages of a source that belong to no service at one location alone, and remove what is
    gone.

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    held = BELONGING[table].objects.filter(source=source)
    if "service_at_location_id" in PARENTS[table]:
        held = held.filter(service_at_location=None)
    return _put_belonging(table, source, rows, held)


def finish(
    *,
    run: Run,
    stay: Mapping[str, Collection[str]],
    records: Sequence[DirectoryRecord],
    written: Written,
    by: object,
    at: datetime,
) -> Written:
    """
    Retire what is gone from the source (``stay`` has the ids that are not, by table), write what is kept whole, and say what
    the whole import came to (``written``, and what this adds to it).

    :raises ImportOvertaken: another import of the source has begun.
    """
    source = _lock(run)
    last = Written()
    # What is at something goes before it.
    for table, model in reversed(LASTING.items()):
        held = model.objects.filter(source=source, retired_at=None).values_list("pk", "their_id")
        gone = [pk for pk, their_id in held if their_id not in stay[table]]
        model.objects.filter(pk__in=gone).update(retired_at=at)
        last.retired[table] += len(gone)
    _put_records(source, records)
    written += last
    source.run = None
    source.imported_at = at
    source.save(update_fields=["run", "imported_at"])
    record(
        "directory.import",
        agency_id=source.agency_id,
        about=f"directory_source.{source.pk}",
        data={
            "made": dict(written.made),
            "changed": dict(written.changed),
            "retired": {table: count for table, count in written.retired.items() if count},
            "problems": len(written.problems),
        },
        by=by,
        at=at,
    )
    return last


def _lock(run: Run) -> DirectorySource:
    sources = DirectorySource.objects.select_for_update(no_key=True, of=("self",)).select_related("agency")
    source = sources.get(pk=run.source_id)
    if source.run != run.id:
        raise ImportOvertaken(source=source.code)
    return source


def _ids(model: type[_Lasting], source: DirectorySource, their_ids: Collection[str]) -> dict[str, int]:
    return dict(model.objects.filter(source=source, their_id__in=their_ids).values_list("their_id", "pk"))


def _put_lasting(
    model: Any,
    table: str,
    source: DirectorySource,
    rows: Sequence[Row],
    more: Mapping[str, Mapping[str, Any]],
    *,
    kept: frozenset[str] = frozenset(),
    today: date | None = None,
) -> Written:
    written = Written()
    known = {
        row.their_id: row for row in model.objects.filter(source=source, their_id__in=[row["id"] for row in rows])
    }
    parents = _Parents(table, source, rows)
    new = []
    for row in rows:
        understood = understand(table, row, without=frozenset({"id", *PARENTS[table]}))
        extra = {**understood.extra, **parents.unknown(row), **{name: row[name] for name in sorted(kept & row.keys())}}
        written.problems += _problems(table, row, understood)
        values = {
            **understood.columns,
            **parents.known(row),
            **more.get(row["id"], {}),
            "extra": extra,
            "retired_at": None,
        }
        had = known.get(row["id"])
        # A source that says no day: the one on which it said something else than before.
        undated = "as_of" in values and values["as_of"] is None
        if undated:
            values["as_of"] = today if had is None else had.as_of
        if had is None:
            new.append(model(source=source, their_id=row["id"], **values))
        elif differing := [name for name, value in values.items() if not _equal(getattr(had, name), value)]:
            if undated:
                values["as_of"] = today
                differing.append("as_of")
            for name in differing:
                setattr(had, name, values[name])
            had.save(update_fields=sorted(set(differing)))
            written.changed[table] += 1
    model.objects.bulk_create(new)
    written.made[table] += len(new)
    return written


def _put_belonging(table: str, source: DirectorySource, rows: Sequence[Row], held: QuerySet[Any]) -> Written:
    written = Written()
    model = BELONGING[table]
    parents = _Parents(table, source, rows)
    wanted: list[tuple[str, Model]] = []
    for row in rows:
        understood = understand(table, row, without=frozenset({"id", *PARENTS[table]}))
        written.problems += _problems(table, row, understood)
        values = {**understood.columns, **parents.known(row), "extra": {**understood.extra, **parents.unknown(row)}}
        if table == "schedules":
            values["clear"] = is_clear(row, understood.columns, zone=ZoneInfo(source.agency.timezone))
        made = model(source=source, their_id=row["id"], **values)
        wanted.append((_content(made), made))
    # The same row may stand there twice; each is matched by one.
    left: dict[str, list[int]] = {}
    for one in held:
        left.setdefault(_content(one), []).append(one.pk)
    new = []
    for content, made in wanted:
        if same := left.get(content):
            same.pop()
        else:
            new.append(made)
    gone = [pk for pks in left.values() for pk in pks]
    model.objects.filter(pk__in=gone).delete()
    model.objects.bulk_create(new)
    written.made[table] += len(new)
    written.retired[table] += len(gone)
    return written


def _put_records(source: DirectorySource, records: Sequence[DirectoryRecord]) -> None:
    left: dict[str, list[int]] = {}
    for held in DirectoryRecord.objects.filter(source=source).iterator():
        left.setdefault(_content(held), []).append(held.pk)
    new = []
    for one in records:
        one.source = source
        if same := left.get(_content(one)):
            same.pop()
        else:
            new.append(one)
    DirectoryRecord.objects.filter(pk__in=[pk for pks in left.values() for pk in pks]).delete()
    DirectoryRecord.objects.bulk_create(new, batch_size=1_000)


class _Parents:
    """
    What rows belong to, of what their source has given us.
    """

    def __init__(self, table: str, source: DirectorySource, rows: Iterable[Row]) -> None:
        self._columns = PARENTS[table]
        named: dict[str, set[str]] = {}
        for row in rows:
            for column, parent in self._columns.items():
                if column in row:
                    named.setdefault(parent, set()).add(str(row[column]))
        self._ids = {parent: _ids(LASTING[parent], source, ids) for parent, ids in named.items()}

    def known(self, row: Row) -> dict[str, int | None]:
        return {
            column: self._ids.get(parent, {}).get(str(row.get(column, ""))) for column, parent in self._columns.items()
        }

    def unknown(self, row: Row) -> dict[str, Any]:
        known = self.known(row)
        return {column: row[column] for column in self._columns if column in row and known[column] is None}


def _problems(table: str, row: Row, understood: Understood) -> list[Problem]:
    return [Problem("", table, row["id"], words) for words in understood.problems]


def _vouched(row: Row) -> date | None:
    """
    Return the newest day on which the source says that it looked, or None.
    """
    days = []
    for name in ("assured_date", "last_modified"):
        try:
            days.append(date.fromisoformat(str(row.get(name, ""))[:10]))
        except ValueError:
            continue
    return max(days, default=None)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Point) and isinstance(other, Point):
        return bool(one.coords == other.coords)
    return bool(one == other) or (isinstance(one, dict) and _said(one) == _said(other))


def _content(row: Model) -> str:
    """
    Return what a row says, without its own key.
    """
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    return _said({field.attname: getattr(row, field.attname) for field in fields})


def _said(value: object) -> str:
    return json.dumps(_with_plain_numbers(value), default=str, sort_keys=True)


def _with_plain_numbers(value: Any) -> Any:
    """
    Return a value with its numbers as jsonb gives them back: 4.0 and 4 are one, and what is too large for a float's digits is
    what a float makes of it.
    """
    if isinstance(value, dict):
        return {key: _with_plain_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) < _EXACT:
        return int(value) if value == int(value) else value
    try:
        return float(value)
    except OverflowError:
        return str(value)
