"""
What a bulk import through ``flush()`` costs, in plain inserts of the same rows.

Goal: 200,000 rows in at most 15 times what plain inserts take.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter

from django.db import connection, transaction

from bench.database import bench_database
from bench.figures import Figure
from dispatch.models import Call, CallType, Color, Queue, Response, Source
from journal.door import open_door
from responders.models import Agency

ROWS = int(os.environ.get("BENCH_ROWS", "200000"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
_NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def run() -> list[Figure]:
    """
    Insert the same pending calls plainly (triggers off) and through a door, in turn, and compare: rows that Postgres makes
    itself, which is the lowest floor there is, and rows that ``bulk_create`` sends.
    """
    with bench_database():
        with open_door(by="system:bench", at=_NOON):
            agency = Agency.objects.create(slug="bench", name="Bench")
            call_type = CallType.objects.create(
                agency=agency, code="WELFARE", label="Welfare check", color=Color.GREEN
            )
        return [
            _compare("INSERT ... SELECT", partial(_insert_select, agency, call_type), rows=ROWS, runs=RUNS),
            _compare("bulk_create", partial(_bulk_create, agency, call_type), rows=ROWS // 10, runs=1),
        ]


def _compare(way: str, insert: Callable[[int], None], *, rows: int, runs: int) -> Figure:
    plain, through_a_door = [], []
    for _ in range(runs):
        plain.append(_seconds(insert, rows, plainly=True))
        through_a_door.append(_seconds(insert, rows, plainly=False))
    ratio = median(ours / floor for ours, floor in zip(through_a_door, plain, strict=True))
    return Figure(
        name=f"bulk import of {rows:,} calls by {way} through flush()",
        value=median(through_a_door),
        unit="s",
        against=f"the same {way} without triggers and documents ({median(plain):.1f} s)",
        ratio=ratio,
        goal="ratio <= 15",
        met=ratio <= 15,
    )


def _seconds(insert: Callable[[int], None], rows: int, *, plainly: bool) -> float:
    began = perf_counter()
    if plainly:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE dispatch_call DISABLE TRIGGER USER")
            insert(rows)
            # The foreign keys' own checks would otherwise stand in the way of ALTER TABLE.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE dispatch_call ENABLE TRIGGER USER")
    else:
        with open_door(by="system:bench", at=_NOON):
            insert(rows)
    lasted = perf_counter() - began
    _empty()
    return lasted


def _insert_select(agency: Agency, call_type: CallType, rows: int) -> None:
    like = _call(agency, call_type, 0)
    fields = [field for field in Call._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = {field.column: field.get_db_prep_save(getattr(like, field.attname), connection) for field in fields}
    taken = ", ".join("'B' || n" if column == "number" else "%s" for column in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO dispatch_call ({columns}) SELECT {taken} FROM generate_series(1, %s) AS n",  # noqa: S608  columns of a model
            [*(value for column, value in values.items() if column != "number"), rows],
        )


def _bulk_create(agency: Agency, call_type: CallType, rows: int) -> None:
    Call.objects.bulk_create((_call(agency, call_type, number) for number in range(rows)), batch_size=1_000)


def _call(agency: Agency, call_type: CallType, number: int) -> Call:
    return Call(
        agency=agency,
        number=f"B{number}",
        source=Source.EMERGENCY,
        type=call_type,
        priority=3,
        queue=Queue.CARE,
        response=Response.CARE,
        address=f"{number} PIKE ST",
        address_key=f"{number} PIKE ST",
        received_at=_NOON - timedelta(seconds=number),
    )


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE dispatch_call, journal_document CASCADE")
        cursor.execute("DELETE FROM journal_stream WHERE name LIKE 'desk.%'")
