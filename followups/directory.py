"""
The door of the directory: an import writes a source in parts, an export reads it back.

A part is a transaction of its own, and one number of the stream: a tablet that has just been signed on gets a directory of
thousands in pages, and one that loses its signal goes on where it was. Nothing is written before the whole file was read,
and what was written by an import that died is written again by the next.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point

from followups.actions import resources
from followups.actions.resources import BELONGING, LASTING, NO_PLACE, PARENTS, Place, Written
from followups.hsds.columns import given_back
from followups.hsds.needs import needs_of
from followups.hsds.tables import ABOUT_ANYTHING, TABLES, Problem, Row, Tables
from followups.models import DirectoryRecord, DirectorySource
from journal.door import open_door
from responders.models import Agency

# Documents of one number: some 150 kB, well below a page of the exchange (tablets/sync.py).
PLACES_AT_ONCE = 150
_ROWS_AT_ONCE = 500
_T = TypeVar("_T")


def import_tables(
    tables: Tables,
    *,
    agency: Agency,
    code: str,
    name: str,
    licence: str = "",
    may_empty: bool = False,
    by: object,
    at: datetime,
) -> Written:
    """
    Make an agency's directory of one source what these tables say, and return what that came to.

    :raises ImportWouldEmpty: most of the source would be retired, and ``may_empty`` does not say that this is right.
    :raises ImportOvertaken: another import of the source began meanwhile.
    """
    plan = _Plan(tables)
    with open_door(by=by, at=at):
        run = resources.begin(
            agency_id=agency.pk,
            code=code,
            name=name,
            licence=licence,
            run_id=uuid4(),
            services=plan.stay["services"],
            may_empty=may_empty,
        )
    today = at.astimezone(ZoneInfo(agency.timezone)).date()
    written = Written(problems=[*tables.problems, *plan.problems])
    for some in _parts(plan.rows("organizations"), _ROWS_AT_ONCE):
        with open_door(by=by, at=at):
            written += resources.put_organizations(run=run, rows=some)
    for some in _parts(plan.rows("locations"), _ROWS_AT_ONCE):
        with open_door(by=by, at=at):
            written += resources.put_locations(run=run, rows=some, places=plan.places)
    for some in _parts(plan.rows("services"), PLACES_AT_ONCE):
        with open_door(by=by, at=at):
            written += resources.put_services(run=run, rows=some, needs=plan.needs, today=today)
    for table in BELONGING:
        with open_door(by=by, at=at):
            written += resources.put_belongings(run=run, table=table, rows=plan.belonging[table])
    for some in _parts(plan.rows("service_at_location"), PLACES_AT_ONCE):
        with open_door(by=by, at=at):
            written += resources.put_places(run=run, rows=some, belonging=plan.belonging_at(some))
    for names in _parts(plan.without_place, PLACES_AT_ONCE):
        with open_door(by=by, at=at):
            written += resources.put_places(run=run, rows=(), belonging={}, without_place=names)
    with open_door(by=by, at=at):
        resources.finish(run=run, stay=plan.stay, records=plan.records, written=written, by=by, at=at)
    return written


def tables_of(agency: Agency, code: str) -> Tables:
    """
    Return what is held of a source as HSDS's tables, without what is retired.

    :raises DirectorySource.DoesNotExist: the agency has no such source.
    """
    source = DirectorySource.objects.get(agency=agency, code=code)
    tables = Tables()
    for table, model in {**LASTING, **BELONGING}.items():
        found: Any = model.objects.filter(source=source).order_by("pk")
        if table in LASTING:
            found = found.filter(retired_at=None).exclude(their_id__startswith=NO_PLACE)
        parents = {column: f"{column.removesuffix('_id')}__their_id" for column in PARENTS[table]}
        for one in found.select_related(*(column.removesuffix("_id") for column in parents)):
            named = {
                column: getattr(one, column.removesuffix("_id")).their_id
                for column in parents
                if getattr(one, column) is not None
            }
            tables.add(table, {"id": one.their_id, **named, **given_back(table, vars(one), one.extra)}, where=table)
    for kept in DirectoryRecord.objects.filter(source=source).order_by("pk").iterator():
        tables.add(kept.table, kept.body, where=kept.table, parent_table=kept.parent_table)
    return tables


class _Plan:
    """
    What is to be written, worked out before anything is.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.problems: list[Problem] = []
        self.records: list[DirectoryRecord] = []
        self._lasting = {table: self._first_of_each(table) for table in LASTING}
        ids = {table: {row["id"] for row in rows} for table, rows in self._lasting.items()}
        self._keep_places_of_nothing(ids)
        self.belonging: dict[str, list[Row]] = {}
        self._at: dict[str, dict[str, list[Row]]] = {}
        for table in BELONGING:
            self._sort_belonging(table, ids)
        self.records += [
            _record(tables, table, row)
            for table in TABLES
            if table not in LASTING and table not in BELONGING
            for row in tables.rows(table)
        ]
        # A record that could not be read this time is not gone: what was read before stays.
        unread = defaultdict(set)
        for problem in tables.problems:
            if problem.lost and problem.id:
                unread[problem.table].add(problem.id)
        placed = {str(row["service_id"]) for row in self._lasting["service_at_location"]}
        self.without_place = [row["id"] for row in self._lasting["services"] if row["id"] not in placed]
        self.stay = {table: ids[table] | unread[table] for table in LASTING}
        self.stay["service_at_location"] |= {f"{NO_PLACE}{service}" for service in self.without_place}
        self.needs = self._needs()
        self.places = self._places()

    def rows(self, table: str) -> list[Row]:
        return self._lasting[table]

    def belonging_at(self, places: Sequence[Row]) -> dict[str, list[Row]]:
        """
        Return what belongs to services at locations alone, by table.
        """
        return {table: [one for row in places for one in at.get(row["id"], ())] for table, at in self._at.items()}

    def _first_of_each(self, table: str) -> list[Row]:
        rows: dict[str, Row] = {}
        for row in self._tables.rows(table):
            if rows.setdefault(row["id"], row) is not row:
                words = "said again with other parents: the first is shown, the other kept"
                self.problems.append(Problem("", table, row["id"], words))
                self.records.append(_record(self._tables, table, row))
        return list(rows.values())

    def _keep_places_of_nothing(self, ids: dict[str, set[str]]) -> None:
        whole = []
        for row in self._lasting["service_at_location"]:
            missing = [
                column
                for column, parent in PARENTS["service_at_location"].items()
                if str(row.get(column, "")) not in ids[parent]
            ]
            if missing:
                words = f"its {' and '.join(missing)} is not in the file: kept, and not shown"
                self.problems.append(Problem("", "service_at_location", row["id"], words))
                self.records.append(_record(self._tables, "service_at_location", row))
                ids["service_at_location"].discard(row["id"])
            else:
                whole.append(row)
        self._lasting["service_at_location"] = whole

    def _sort_belonging(self, table: str, ids: Mapping[str, set[str]]) -> None:
        self.belonging[table] = []
        self._at[table] = defaultdict(list)
        for row in self._tables.rows(table):
            known = [column for column, parent in PARENTS[table].items() if str(row.get(column, "")) in ids[parent]]
            if "service_at_location_id" in known:
                self._at[table][str(row["service_at_location_id"])].append(row)
            elif known:
                self.belonging[table].append(row)
            else:
                self.records.append(_record(self._tables, table, row))

    def _needs(self) -> dict[str, Sequence[str]]:
        """
        Return by service which needs it meets: by its own terms and those of its places, else by its organization's.
        """
        terms = {
            row["id"]: (str(row.get("code", "")), str(row.get("name", "")))
            for row in self._tables.rows("taxonomy_terms")
        }
        given: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for row in self._tables.rows("attributes"):
            term = terms.get(str(row.get("taxonomy_term_id", "")), ("", str(row.get("value", ""))))
            given[self._tables.parent_table("attributes", row), str(row.get("link_id", ""))].append(term)
        at: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in self._lasting["service_at_location"]:
            at[str(row["service_id"])] += given.get(("service_at_location", row["id"]), [])
        needs: dict[str, Sequence[str]] = {}
        for row in self._lasting["services"]:
            own = needs_of([*given.get(("services", row["id"]), []), *at[row["id"]]])
            needs[row["id"]] = own or needs_of(given.get(("organizations", str(row.get("organization_id", ""))), []))
        return needs

    def _places(self) -> dict[str, Place]:
        addresses: dict[str, list[Row]] = defaultdict(list)
        for row in self._tables.rows("addresses"):
            addresses[str(row.get("location_id", ""))].append(row)
        places: dict[str, Place] = {}
        for row in self._lasting["locations"]:
            found = sorted(addresses[row["id"]], key=lambda one: one.get("address_type") != "physical")
            point, problem = _point(row)
            if problem:
                self.problems.append(Problem("", "locations", row["id"], problem))
            places[row["id"]] = Place(address=_address(found[0]) if found else "", point=point)
        return places


def _record(tables: Tables, table: str, row: Row) -> DirectoryRecord:
    parent = ABOUT_ANYTHING.get(table)
    return DirectoryRecord(
        table=table,
        their_id=row["id"],
        parent_table=tables.parent_table(table, row) if parent else "",
        parent_id=str(row.get(parent, "")) if parent else "",
        body=row,
    )


def _address(row: Row) -> str:
    street = [str(row[name]).strip() for name in ("address_1", "address_2") if row.get(name)]
    town = " ".join(str(row[name]).strip() for name in ("state_province", "postal_code") if row.get(name))
    return ", ".join(part for part in [*street, str(row.get("city", "")).strip(), town] if part)


def _point(row: Row) -> tuple[Point | None, str]:
    given = row.get("latitude"), row.get("longitude")
    if given == (None, None):
        return None, ""
    try:
        latitude, longitude = (float(str(value)) for value in given)
    except ValueError:
        return None, "its latitude and longitude are not both numbers: it has no place on the map"
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180) or (latitude, longitude) == (0, 0):
        return None, f"{latitude}, {longitude} is no place on earth: it has no place on the map"
    return Point(longitude, latitude, srid=4326), ""


def _parts(rows: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(rows)
    while some := list(islice(iterator, size)):
        yield some
