"""
Nested JSON to tables and back.

HSDS's API gives records with everything that hangs on them inside; its tables have a row for each, which names its
parents. A key that the standard does not have stays with its row, whatever is in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from followups.hsds.tables import ABOUT_ANYTHING, TABLES, Problem, Row, Tables

# Deeper than anything of HSDS: an organization's service's place's location's contact's phone's language's attribute's term.
_DEEPEST = 16


def flatten(
    table: str, record: Mapping[str, Any], into: Tables, *, where: str, parent_table: str = "", depth: int = 0
) -> None:
    """
    Add a nested record and everything in it. ``parent_table`` is of a record about anything (an attribute).
    """
    spec = TABLES[table]
    lists = {**spec.lists, **{name: (name, column) for name, column in ABOUT_ANYTHING.items() if name != table}}
    row: Row = {}
    inside: list[tuple[str, Row]] = []
    for key, value in record.items():
        if key in lists and isinstance(value, list):
            child, column = lists[key]
            named = {column: record["id"]} if "id" in record else {}
            for one in value:
                if isinstance(one, dict):
                    inside.append((child, {**one, **named}))
                else:
                    words = f"“{key}” of {table} {record.get('id', '')} has something in it that is no record"
                    into.problems.append(Problem(where, child, "", words, lost=True))
        elif key in spec.parts and isinstance(value, dict):
            other, column = spec.parts[key]
            row.setdefault(column, value.get("id"))
            inside.append((other, value))
        else:
            row[key] = value
    into.add(table, row, where=where, parent_table=parent_table)
    for child, one in inside:
        if depth == _DEEPEST:
            into.problems.append(Problem(where, child, str(one.get("id", "")), "too deep inside others", lost=True))
        else:
            flatten(child, one, into, where=where, parent_table=table, depth=depth + 1)


def nest(tables: Tables) -> tuple[list[Row], Tables]:
    """
    Return every organization with all that hangs on it, and what hangs on none.

    A record of several parents is inside each of them, as in the standard's own examples.
    """
    return _Nest(tables).organizations()


class _Nest:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._children: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self._about: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self._by_id: dict[str, dict[str, Row]] = {name: {} for name in TABLES}
        self._used: set[int] = set()
        for name, spec in TABLES.items():
            for row in tables.rows(name):
                self._by_id[name].setdefault(row["id"], row)
            for child, column in spec.lists.values():
                for row in tables.rows(child):
                    if column in row:
                        self._children[child, column, str(row[column])].append(row)
        for table, column in ABOUT_ANYTHING.items():
            for row in tables.rows(table):
                if parent := tables.parent_table(table, row):
                    self._about[table, parent, str(row[column])].append(row)

    def organizations(self) -> tuple[list[Row], Tables]:
        nested = [self._nested("organizations", row, within=()) for row in self._tables.rows("organizations")]
        left = Tables()
        for name in TABLES:
            for row in self._tables.rows(name):
                if id(row) not in self._used:
                    left.add(name, row, where="")
        return nested, left

    def _nested(self, table: str, row: Row, *, within: tuple[tuple[str, str], ...]) -> Row:
        self._used.add(id(row))
        spec = TABLES[table]
        inner = (*within, (table, row["id"]))
        own = {name: value for name, value in row.items() if not self._says_place(table, name, value)}
        for key, (other, column) in spec.parts.items():
            part = self._by_id[other].get(str(row.get(column, "")))
            if part is not None and (other, part["id"]) not in inner:
                own[key] = self._nested(other, part, within=inner)
        for key, (child, column) in spec.lists.items():
            self._put(own, key, child, self._children.get((child, column, row["id"]), ()), within=inner)
        for kind in ABOUT_ANYTHING:
            self._put(own, kind, kind, self._about.get((kind, table, row["id"]), ()), within=inner)
        return own

    def _put(
        self, into: Row, key: str, table: str, rows: Sequence[Row], *, within: tuple[tuple[str, str], ...]
    ) -> None:
        nested = [self._nested(table, one, within=within) for one in rows if (table, one["id"]) not in within]
        if nested:
            into[key] = nested

    def _says_place(self, table: str, column: str, value: object) -> bool:
        """
        Tell whether a column only says what the nesting says; the name of a parent that we do not have is kept.
        """
        if column == ABOUT_ANYTHING.get(table):
            return any(value in self._by_id[name] for name in TABLES)
        return any(str(value) in self._by_id[other] for other in _NAMES[table].get(column, ()))


# Which tables a column of a table names, by the table.
_NAMES: Mapping[str, Mapping[str, set[str]]] = {
    name: {
        **{column: {other} for other, column in spec.parts.values()},
        **{
            column: {parent.name for parent in TABLES.values() if (name, column) in parent.lists.values()}
            for column in {
                column for parent in TABLES.values() for child, column in parent.lists.values() if child == name
            }
        },
    }
    for name, spec in TABLES.items()
}
