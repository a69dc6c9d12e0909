"""
One sweep of follow-ups that have come due, with 10,000 of them in the table and with 1,000,000.

The same number is due each time, to as many people, and each becomes due through the sweep that production runs: locks, entries,
documents. Of the others seven of ten are done, two are to come and one was superseded. A sweep that finds nothing is measured beside
it, because that is what most sweeps are.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from bench.database import bench_database
from bench.figures import Figure
from followups.models import Client, FollowUp
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from responders.models import Agency

FEW = 10_000
MANY = int(os.environ.get("BENCH_FOLLOW_UPS", "1000000"))
DUE = int(os.environ.get("BENCH_DUE", "500"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
_NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)
_HOUR = timedelta(hours=1)
# How many follow-ups a person has in the table.
_EACH = 3

_FILL_CLIENTS = "INSERT INTO followups_client ({columns}) SELECT {taken} FROM generate_series(%s, %s) AS n"
_FILL = "INSERT INTO followups_followup ({columns}) SELECT {taken} FROM generate_series(%s, %s) AS n"
# Done ones lie behind, those to come ahead of everything that is measured.
_STATES = {
    "id": "1000000 + n",
    "key": "gen_random_uuid()",
    "client_id": f"1000000 + n / {_EACH}",
    "state": "CASE WHEN n % 10 < 7 THEN 'DONE' WHEN n % 10 < 9 THEN 'PENDING' ELSE 'SUPERSEDED' END",
    "outcome": "CASE WHEN n % 10 < 7 THEN 'REACHED' ELSE '' END",
    "done_at": "CASE WHEN n % 10 < 7 THEN '2025-06-03T19:00:00Z'::timestamptz END",
    "due_at": "CASE WHEN n % 10 < 7 THEN '2025-06-03T19:00:00Z'::timestamptz ELSE '2027-06-03T19:00:00Z'::timestamptz END"
    " + (n % 100000) * interval '1 minute'",
    "escalate_at": "CASE WHEN n % 10 < 7 THEN '2025-06-05T19:00:00Z'::timestamptz"
    " ELSE '2027-06-05T19:00:00Z'::timestamptz END",
}


def run() -> list[Figure]:
    """
    Sweep with few, fill, sweep with many.
    """
    with bench_database():
        with open_door(by="system:bench", at=_NOON):
            agency = Agency.objects.create(slug="bench", name="Bench", has_cad=False)
        _come_due(agency, 2 * ROUNDS)
        _fill(agency, 1, FEW)
        few = _measure(0)
        _fill(agency, FEW + 1, MANY)
        many = _measure(ROUNDS)
    return [
        _figure(f"a sweep that finds {DUE} due", few[0], many[0], goal=1.2),
        _figure("a sweep that finds nothing due", few[1], many[1], goal=None),
    ]


def _figure(name: str, few: list[float], many: list[float], *, goal: float | None) -> Figure:
    ratio = median(many) / median(few)
    return Figure(
        name=f"{name}, with {MANY:,} follow-ups in the table, median of {ROUNDS}",
        value=median(many) * 1000,
        unit="ms",
        against=f"the same with {FEW:,} ({median(few) * 1000:.1f} ms)",
        ratio=ratio,
        goal=None if goal is None else f"ratio <= {goal}",
        met=None if goal is None else ratio <= goal,
    )


def _measure(since: int) -> tuple[list[float], list[float]]:
    """
    Return the seconds of sweeps that find what is due in an hour, and of those that come right after and find nothing.
    """
    some, none = [], []
    for number in range(since, since + ROUNDS):
        at = _NOON + number * _HOUR
        some.append(_seconds(partial(sweeps.make_due, at=at), DUE))
        none.append(_seconds(partial(sweeps.make_due, at=at), 0))
    return some, none


def _seconds(sweep: Callable[[], int], found: int) -> float:
    began = perf_counter()
    assert sweep() == found, "another number was due than the one that is measured"
    return perf_counter() - began


def _come_due(agency: Agency, hours: int) -> None:
    """
    Make people of whom something comes due, so many in each hour, through a door as production does.
    """
    for number in range(hours):
        with open_door(by="system:bench", at=_NOON):
            clients = Client.objects.bulk_create(
                Client(agency=agency, made_at=_NOON, made_by="system:bench") for _ in range(DUE)
            )
            FollowUp.objects.bulk_create(_row(client, _NOON + number * _HOUR) for client in clients)


def _row(client: Client, due_at: datetime) -> FollowUp:
    return FollowUp(
        agency_id=client.agency_id,
        client=client,
        zone="America/Los_Angeles",
        due_date=due_at.date(),
        due_at=due_at,
        due_until=due_at + 7 * _HOUR,
        try_by=due_at + 12 * _HOUR,
        escalate_at=due_at + 48 * _HOUR,
        made_at=_NOON,
        made_by="system:bench",
    )


def _fill(agency: Agency, first: int, last: int) -> None:
    """
    Put the others beside them, without triggers: what they were told once is not what is measured.
    """
    like = Client(agency=agency, made_at=_NOON, made_by="system:bench")
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("followups_client", "followups_followup"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        people = {"id": "1000000 + n", "key": "gen_random_uuid()"}
        # The last of the few and the first of the many may be the same person's.
        begins = 0 if first == 1 else (first - 1) // _EACH + 1
        _insert(cursor, _FILL_CLIENTS, like, people, begins, last // _EACH)
        _insert(cursor, _FILL, _row(Client(pk=1_000_000, agency=agency), _NOON), _STATES, first, last)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("followups_client", "followups_followup"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE followups_followup, followups_client")


def _insert(cursor: Any, sql: str, like: Model, taken: dict[str, str], first: int, last: int) -> None:
    fields = like._meta.concrete_fields
    values = {
        field.column: field.get_db_prep_save(field.pre_save(like, True), connection)
        for field in fields
        if field.column not in taken
    }
    columns = [*taken, *values]
    cursor.execute(
        sql.format(
            columns=", ".join(f'"{column}"' for column in columns),
            taken=", ".join([*(words.replace("%", "%%") for words in taken.values()), *("%s" for _ in values)]),
        ),
        [*values.values(), first, last],
    )
