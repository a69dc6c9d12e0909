"""
Taking the lock of one row.

Every action begins so. The ORM would build and compile the same query anew each time, which costs several times what the
lock does; here it compiles it once in each thread.
"""

from collections.abc import Callable
from threading import local
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model

from journal.prepared import prepared_cursor

_M = TypeVar("_M", bound=Model)


class _Query(NamedTuple):
    sql: str
    fields: list[str]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]


class _Compiled(local):
    """
    Queries of one thread, never shared: what converts a geometry keeps the reader of the thread that compiled it, and two
    threads that read with one reader fail, or get each other's place.
    """

    def __init__(self) -> None:
        self.queries: dict[tuple[type[Model], str], _Query] = {}


_compiled = _Compiled()


def lock_row(model: type[_M], *, by: str, value: int) -> _M | None:
    """
    Return the row whose field ``by`` has this value, locked until the transaction ends, or None.

    ``by`` may go through a relation (``assignments``) that names one row; only the row itself is locked. NO KEY: a plain
    FOR UPDATE would block inserts of rows that only refer to it.
    """
    query = _query(model, by)
    with prepared_cursor() as cursor:
        cursor.execute(query.sql, [value])
        found = cursor.fetchone()
    if found is None:
        return None
    values = list(found)
    for position, converters, expression in query.converters:
        for convert in converters:
            values[position] = convert(values[position], expression, connection)
    return model.from_db(connection.alias, query.fields, values)


def _query(model: type[Model], by: str) -> _Query:
    queries = _compiled.queries
    query = queries.get((model, by))
    if query is None:
        query = queries[model, by] = _compile(model, by)
    return query


def _compile(model: type[Model], by: str) -> _Query:
    rows = model._base_manager.select_for_update(no_key=True, of=("self",)).filter(**{by: 0})
    compiler: Any = rows.query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    assert params == (0,), "one row is named by one value"
    expressions = [expression for expression, *_ in compiler.select]
    return _Query(
        sql=sql,
        fields=[expression.target.attname for expression in expressions],
        converters=[
            (position, converters, expression)
            for position, (converters, expression) in compiler.get_converters(expressions).items()
        ],
    )
