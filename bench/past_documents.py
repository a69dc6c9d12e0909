"""
A tablet's pull when 10,000 documents have left the boards, and when 10,000,000 have.

What left a board in the last 30 days is there as a tombstone: at Seattle's volume 27,000 on the tablet's own area, the
others on other agencies' streams. Asked three ways: everything, what 20 changes left, and nothing new. Minutes lie between
the two, in which a shared machine changes: a request that reads no documents at all is asked beside them each time, and
what it has become dearer is taken out of the ratio.
"""

import os
import random
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import orjson
from django.db import connection
from django.utils import timezone

from bench.database import bench_database
from bench.figures import Figure
from bench.load import Cost, Request, request
from bench.load import run as load
from bench.sides import CHANGED, Ours, body_of
from bench.site import running_granian
from bench.town import town

FEW = 10_000
MANY = int(os.environ.get("BENCH_PAST_DOCUMENTS", "10000000"))
OWN = 27_000
BOARD = 100
PULLS = int(os.environ.get("BENCH_PULLS", "400"))
ROUNDS = 5
_AT_ONCE = 500_000
_CONTROL = "a request without documents"

_FILL = """
INSERT INTO journal_document (stream, collection, document_id, subject, subject_id, number, gone, gone_at)
SELECT CASE WHEN n <= %(own)s THEN %(stream)s ELSE 'desk.past' || n %% 2000 END, 'call', 'past' || n, 'call',
       2000000000 + n, 1 + n / 2000, 'assignment.cleared', %(at)s
  FROM generate_series(%(first)s, %(last)s) AS n
"""


def run() -> list[Figure]:
    """
    Pull with few, fill, pull with many.
    """
    with bench_database(), running_granian("config.wsgi:application", workers=2, threads=4) as (port, pid):
        ours = Ours(town(200), port, pid)
        ours.fill([body_of(number) for number in range(BOARD)])
        ways: dict[str, Callable[[], Request]] = {
            "the whole board": partial(_whole, ours),
            f"{CHANGED} changed": ours.pull,
            "nothing new": ours.quiet,
            _CONTROL: _no_documents,
        }
        _fill(ours.area, 1, FEW, own=FEW // 2)
        few = _measure(ours, ways)
        _fill(ours.area, FEW + 1, MANY, own=OWN)
        many = _measure(ours, ways)
    machine = _cpu(many[_CONTROL]) / _cpu(few[_CONTROL])
    figures = []
    for way in ways:
        if way == _CONTROL:
            continue
        ratio = _cpu(many[way]) / _cpu(few[way]) / machine
        figures.append(
            Figure(
                name=f"pull, {way}, with {MANY:,} past documents: CPU of application and Postgres",
                value=_cpu(many[way]),
                unit="ms",
                against=f"the same with {FEW:,} ({_cpu(few[way]):.2f} ms; {_CONTROL} meanwhile {machine:.2f} times as dear)",
                ratio=ratio,
                goal="ratio <= 1.2",
                met=ratio <= 1.2,
            )
        )
    return figures


def _measure(ours: Ours, ways: dict[str, Callable[[], Request]]) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    # In turn, so that whatever else the machine does meets all of them; the first round warms up.
    for _ in range(ROUNDS + 1):
        for way, ask in ways.items():
            cost = load(ours.port, ask, connections=4, operations=PULLS, most_seconds=30, meter=ours.meter)
            costs[way].append(cost)
    return {way: some[1:] for way, some in costs.items()}


def _cpu(costs: list[Cost]) -> float:
    return median(cost.cpu_ms for cost in costs)


def _whole(ours: Ours) -> Request:
    content = orjson.dumps({"protocol": 1, "streams": {}})
    token = random.choice(ours.town.tokens)

    def done(status: int, body: bytes) -> int:
        assert status == 200, body
        return 1

    return request("POST", "/api/sync", {"Authorization": f"Tablet {token}", "X-Tablet": "1"}, content), done


def _no_documents() -> Request:
    def done(status: int, body: bytes) -> int:
        assert status == 200, body
        return 1

    return request("GET", "/health/", {}, b""), done


def _fill(stream: str, first: int, last: int, *, own: int) -> None:
    with connection.cursor() as cursor:
        for begin in range(first, last + 1, _AT_ONCE):
            given: dict[str, Any] = {
                "own": own,
                "stream": stream,
                "at": timezone.now(),
                "first": begin,
                "last": min(begin + _AT_ONCE - 1, last),
            }
            cursor.execute(_FILL, given)
        cursor.execute("VACUUM ANALYZE journal_document")
