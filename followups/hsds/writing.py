"""
What goes out: HSDS as CSV files, as tabular JSON, or as a page of organizations with everything inside.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from followups.hsds.nesting import nest
from followups.hsds.tables import TABLES, Row, Tables


def csv_files(tables: Tables) -> Iterator[tuple[str, str]]:
    """
    Yield the name and the text of a file for each table that has rows.
    """
    for name in TABLES:
        rows = list(tables.rows(name))
        if rows:
            yield f"{name}.csv", _csv(name, rows)


def tabular_json(tables: Tables) -> str:
    """
    Return all tables as one JSON object, by the names of their CSV files.
    """
    given = {f"{name}.csv": [_ordered(name, row) for row in tables.rows(name)] for name in TABLES}
    return _json({name: rows for name, rows in given.items() if rows})


def nested_json(tables: Tables) -> tuple[str, Tables]:
    """
    Return the organizations as one page of HSDS's API with everything inside, and what belongs to none of them.
    """
    organizations, left = nest(tables)
    page = {
        "total_items": len(organizations),
        "total_pages": 1,
        "page_number": 1,
        "size": len(organizations),
        "first_page": True,
        "last_page": True,
        "empty": not organizations,
        "contents": organizations,
    }
    return _json(page), left


def _csv(name: str, rows: Iterable[Row]) -> str:
    rows = list(rows)
    own = [column for column in TABLES[name].columns if any(column in row for row in rows)]
    others = sorted({column for row in rows for column in row} - set(own))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*own, *others])
    for row in rows:
        writer.writerow([_cell(row.get(column, "")) for column in (*own, *others)])
    return text.getvalue()


def _cell(value: Any) -> Any:
    # What no column of the standard holds may be anything.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


def _ordered(name: str, row: Row) -> Row:
    own = {column: row[column] for column in TABLES[name].columns if column in row}
    return {**own, **{column: row[column] for column in sorted(row.keys() - own.keys())}}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
