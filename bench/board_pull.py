"""
A board's pull with 100 pending calls, and the same with a million past calls in the database.

Past calls leave the boards with a tombstone that stays for 30 days: those are there too.
"""

import asyncio
import json
import os
from datetime import timedelta
from statistics import median
from time import perf_counter

from django.db import connection
from django.utils import timezone

from bench.database import bench_database
from bench.figures import Figure
from bench.site import Client, running_web
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make
from tests.factories import tablets as make_tablets

PENDING = 100
PAST = int(os.environ.get("BENCH_PAST", "1000000"))
PULLS = int(os.environ.get("BENCH_PULLS", "300"))
# At Seattle's volume (about 890 a day) this many of them left a board within the 30 days that tombstones stay.
TOMBSTONES = 27_000

_PAST_CALLS = """
INSERT INTO dispatch_call ({columns})
SELECT {values} FROM dispatch_call, generate_series(1, %s) AS n WHERE dispatch_call.id = %s
"""


def run() -> list[Figure]:
    """
    Pull the whole board over HTTP, again and again, before and after the past calls are there.
    """
    with bench_database():
        agency = make.agency(has_cad=False)
        area = make.area(agency)
        token = make_tablets.crewed(make.unit(agency, areas=[area])).token
        calls = [make_dispatch.call(agency, area=area).pk for _ in range(PENDING)]
        with running_web() as port:
            before = asyncio.run(_pulls(port, token, f"area.{area.pk}"))
            _add_past(calls[0], f"area.{area.pk}", f"desk.{agency.pk}")
            after = asyncio.run(_pulls(port, token, f"area.{area.pk}"))
    ratio = median(after) / median(before)
    return [
        Figure(
            name=f"pull of a board of {PENDING} pending calls with {PAST:,} past calls, median",
            value=median(after) * 1000,
            unit="ms",
            against=f"the same pull without them ({median(before) * 1000:.1f} ms)",
            ratio=ratio,
            goal="ratio <= 1.2",
            met=ratio <= 1.2,
        )
    ]


async def _pulls(port: int, token: str, stream: str) -> list[float]:
    client = Client(port, token)
    lasted = []
    for _ in range(PULLS):
        began = perf_counter()
        status, body = await client.post("/api/sync", {"protocol": 1, "streams": {}})
        lasted.append(perf_counter() - began)
        assert status == 200, body
    held = [document for document in json.loads(body)["streams"][stream]["documents"] if document["c"] == "call"]
    assert len(held) == PENDING, len(held)
    client.close()
    return lasted


def _add_past(like: int, *streams: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'dispatch_call' AND column_name <> 'id'"
        )
        columns = [row[0] for row in cursor.fetchall()]
        values = {name: f'"{name}"' for name in columns} | {
            "number": "'PAST' || n",
            "status": "'CLOSED'",
            "disposition": "'HANDLED'",
            "received_at": "received_at - n * interval '97 seconds'",
            "closed_at": "received_at - n * interval '97 seconds' + interval '1 hour'",
            "address_key": "(n %% 40000) || ' PIKE ST'",
        }
        cursor.execute("ALTER TABLE dispatch_call DISABLE TRIGGER USER")
        cursor.execute(
            _PAST_CALLS.format(
                columns=", ".join(f'"{name}"' for name in columns), values=", ".join(values[name] for name in columns)
            ),
            [PAST, like],
        )
        cursor.execute("ALTER TABLE dispatch_call ENABLE TRIGGER USER")
        for stream in streams:
            cursor.execute(
                "INSERT INTO journal_document (stream, collection, document_id, subject, subject_id, number, gone, gone_at)"
                " SELECT %s, 'call', 'past' || n, 'call', 1000000000 + n, 1, 'assignment.cleared', %s"
                " FROM generate_series(1, %s) AS n",
                [stream, timezone.now() - timedelta(days=1), TOMBSTONES],
            )
        cursor.execute("ANALYZE dispatch_call, journal_document")
