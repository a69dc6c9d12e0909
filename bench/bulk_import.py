"""
What a bulk import through ``flush()`` costs, in plain inserts of the same rows.

Goal: 200,000 rows in at most 15 times what plain inserts take.
"""

import os
from datetime import UTC, datetime, timedelta
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
    Insert the same pending calls plainly (triggers off) and through a door, in turn, and compare.
    """
    plain, through_a_door = [], []
    with bench_database():
        with open_door(by="system:bench", at=_NOON):
            agency = Agency.objects.create(slug="bench", name="Bench")
            call_type = CallType.objects.create(
                agency=agency, code="WELFARE", label="Welfare check", color=Color.GREEN
            )
        for _ in range(RUNS):
            plain.append(_seconds(agency, call_type, plainly=True))
            _empty()
            through_a_door.append(_seconds(agency, call_type, plainly=False))
            _empty()
    ratios = [ours / floor for ours, floor in zip(through_a_door, plain, strict=True)]
    return [
        Figure(
            name=f"bulk import of {ROWS:,} calls through flush()",
            value=median(through_a_door),
            unit="s",
            against=f"plain inserts of the same rows ({median(plain):.1f} s)",
            ratio=median(ratios),
            goal="ratio <= 15",
            met=median(ratios) <= 15,
        )
    ]


def _seconds(agency: Agency, call_type: CallType, *, plainly: bool) -> float:
    calls = [
        Call(
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
        for number in range(ROWS)
    ]
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT" if _may_checkpoint(cursor) else "SELECT 1")
    began = perf_counter()
    if plainly:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE dispatch_call DISABLE TRIGGER USER")
            Call.objects.bulk_create(calls, batch_size=1_000)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE dispatch_call ENABLE TRIGGER USER")
    else:
        with open_door(by="system:bench", at=_NOON):
            Call.objects.bulk_create(calls, batch_size=1_000)
    return perf_counter() - began


def _may_checkpoint(cursor: object) -> bool:
    cursor.execute("SELECT pg_has_role(current_user, 'pg_checkpoint', 'member')")  # type: ignore[attr-defined]
    return bool(cursor.fetchone()[0])  # type: ignore[attr-defined]


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE dispatch_call, journal_document CASCADE")
        cursor.execute("DELETE FROM journal_stream WHERE name LIKE 'desk.%'")
