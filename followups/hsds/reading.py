"""
What comes in: HSDS as nested JSON, as tabular JSON, or as CSV files in a directory or a zip archive.

Nothing stops at what cannot be understood: a record that is none is named, and everything beside it is read.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path, PurePath
from typing import Any
from zipfile import BadZipFile, ZipFile

from followups.hsds.nesting import flatten
from followups.hsds.tables import NUMBERS, TABLES, Problem, Row, Tables

# Of one file inside an archive: a directory of a whole state has tens of megabytes, a bomb has more.
MOST_BYTES = 256 * 1024 * 1024
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
csv.field_size_limit(1024 * 1024)


class Unreadable(ValueError):
    """
    A file is not what it says it is, as a whole.
    """


def read(path: Path) -> Tables:
    """
    Read a JSON file, a CSV file, a zip archive of CSV files, or a directory of either.

    :raises Unreadable: there is nothing in it that could be read.
    """
    tables = Tables()
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() in _READERS)
        if not files:
            raise Unreadable(f"{path} has no JSON and no CSV files in it.")
        for file in files:
            _READERS[file.suffix.lower()](file.name, _bytes(file), tables)
    elif path.suffix.lower() == ".zip":
        for name, content in _unpacked(path):
            _READERS[PurePath(name).suffix.lower()](name, content, tables)
    elif reader := _READERS.get(path.suffix.lower()):
        reader(path.name, _bytes(path), tables)
    else:
        raise Unreadable(f"{path} is neither JSON nor CSV nor a zip archive of CSV files.")
    return tables


def read_json(where: str, content: bytes, into: Tables) -> None:
    """
    Read records, lists and pages of records, nested or in tabular form (``{"services.csv": [row, …]}``).

    :raises Unreadable: it is no JSON.
    """
    try:
        # NaN and Infinity are no JSON, whatever Python takes them for.
        given = json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{where} is no JSON: {error}") from error
    given = _storable(given)
    if (
        isinstance(given, dict)
        and any(_table_of(name) for name in given)
        and all(isinstance(v, list) for v in given.values())
    ):
        for name, rows in given.items():
            _read_rows(where, name, rows, into)
        return
    records = given.get("contents", given) if isinstance(given, dict) else given
    for number, record in enumerate(records if isinstance(records, list) else [records], start=1):
        place = f"{where} #{number}"
        table = kind_of(record) if isinstance(record, dict) else None
        if table is not None:
            flatten(table, record, into, where=place)
        elif not (isinstance(record, dict) and _describes_an_api(record)):
            identity = str(record.get("id", "")) if isinstance(record, dict) else ""
            words = "it is none of HSDS's records"
            into.problems.append(Problem(place, "record", identity, words, lost=True))


def read_csv(where: str, content: bytes, into: Tables) -> None:
    """
    Read one table from a file of its name (``services.csv``).
    """
    table = _table_of(PurePath(where).name)
    if table is None:
        into.problems.append(Problem(where, "table", "", "no table of HSDS has this name", lost=True))
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Spreadsheets still write it; every byte is some letter in it, so nothing else fails.
        text = content.decode("cp1252", errors="replace")
        into.problems.append(Problem(where, table, "", "not UTF-8: read as Windows-1252"))
    try:
        for number, row in enumerate(csv.DictReader(io.StringIO(text.replace("\x00", ""), newline="")), start=2):
            too_many = row.pop(None, None)  # None: what has no heading
            place = f"{where}:{number}"
            if too_many:
                into.problems.append(Problem(place, table, str(row.get("id", "")), "more values than headings"))
            into.add(table, {name: _number(table, name, value) for name, value in row.items() if value}, where=place)
    except csv.Error as error:
        into.problems.append(Problem(where, table, "", f"no more of it could be read: {error}", lost=True))


def kind_of(record: Mapping[str, Any]) -> str | None:
    """
    Return the table of a nested record that does not say what it is; None where it looks like none.
    """
    keys = record.keys()
    if "location_type" in keys:
        return "locations"
    if isinstance(record.get("service"), dict) or isinstance(record.get("location"), dict):
        return "service_at_location"
    if keys & {"service_at_locations", "status", "eligibility_description", "application_process", "program"}:
        return "services"
    if keys & {"taxonomy_detail", "term_uri", "taxonomy", "taxonomy_id"}:
        return "taxonomy_terms"
    if keys <= {"id", "name", "description", "uri", "version", "metadata"} and "version" in keys and "id" in keys:
        return "taxonomies"
    if "id" in keys and "name" in keys:
        return "organizations"
    return None


def _describes_an_api(record: Mapping[str, Any]) -> bool:
    # What the root of an HSDS API answers: which version it speaks.
    return "openapi_url" in record or {"version", "profile"} <= record.keys()


def _read_rows(where: str, name: str, rows: list[Any], into: Tables) -> None:
    table = _table_of(name)
    if table is None:
        into.problems.append(Problem(where, name, "", "no table of HSDS has this name", lost=True))
        return
    for number, row in enumerate(rows, start=1):
        place = f"{where} {name} #{number}"
        if isinstance(row, dict):
            into.add(table, row, where=place)
        else:
            into.problems.append(Problem(place, table, "", "it is no record", lost=True))


def _table_of(name: str) -> str | None:
    table = name.lower().removesuffix(".csv")
    # HSDS's own tables are in the plural, but for those that have none.
    aliases = {"service_at_locations": "service_at_location", "metadatas": "metadata"}
    table = aliases.get(table, table)
    return table if table in TABLES else None


def _number(table: str, name: str, value: str) -> Any:
    # What would read otherwise as a number (0123) stays as it is.
    if (table, name) not in NUMBERS or not _NUMBER.fullmatch(value):
        return value
    number = float(value) if "." in value else int(value)
    return number if str(number) == value else value


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with ZipFile(path) as archive:
            files = [one for one in archive.infolist() if PurePath(one.filename).suffix.lower() == ".csv"]
            if not files:
                raise Unreadable(f"{path} has no CSV files in it.")
            for one in files:
                if one.file_size > MOST_BYTES:
                    raise Unreadable(f"{one.filename} in {path} is larger than {MOST_BYTES // 1024**2} MB.")
                yield one.filename, archive.read(one)
    except (BadZipFile, OSError) as error:
        raise Unreadable(f"{path} is no zip archive: {error}") from error


def _skip(where: str, content: bytes, into: Tables) -> None:
    # The description of a data package says what its CSV files say, and nothing more.
    if PurePath(where).name != "datapackage.json":
        read_json(where, content, into)


def _finite(text: str) -> float | None:
    # So many digits that it is none any more: PostgreSQL's JSON has no infinity.
    number = float(text)
    return number if isfinite(number) else None


def _storable(value: Any) -> Any:
    """
    Return a value without what PostgreSQL does not keep and no text needs: NUL, and halves of characters.
    """
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(str(key)): _storable(one) for key, one in value.items()}
    return value


_Reader = Callable[[str, bytes, Tables], None]
_READERS: Mapping[str, _Reader] = {".json": _skip, ".csv": read_csv}
__all__ = ["MOST_BYTES", "Row", "Unreadable", "kind_of", "read", "read_csv", "read_json"]
