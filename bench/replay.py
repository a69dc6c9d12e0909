"""
Intake: a whole day of calls at full speed through the CAD's own endpoint.

The real day where it is at hand, else the synthetic one; the city's day takes a day, so the ratio is to real time.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from time import perf_counter

from django.utils import timezone

from bench.database import bench_database
from bench.figures import Figure
from bench.site import running_web
from dispatch import catalogue
from dispatch.actions import cad_keys, policies
from dispatch.management.commands.replay_calls import Plan, Site, Tally, read_day
from journal.door import open_door
from responders.models import Agency
from tests.factories import responders as make

CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "4"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
_BY = "system:bench"


def run() -> list[Figure]:
    """
    Replay the day several times, each time into an agency of its own.
    """
    reading = read_day()
    what = "synthetic" if reading.synthetic else "real"
    calls_s, revisions_s, latencies = [], [], []
    with bench_database(), running_web() as port:
        for _ in range(RUNS):
            plan = Plan(reading, demo=False, tag="", limit=None, start=None, speed=0)
            site = Site(f"http://127.0.0.1:{port}", _agency())
            site.wait_until_up()
            took, lasted = _send(site, plan)
            calls_s.append(plan.calls / took)
            revisions_s.append(len(plan.revisions) / took)
            latencies += lasted
    day = timedelta(days=1).total_seconds()
    latencies.sort()
    return [
        Figure(
            name=f"intake: {what} day of {len(reading.calls)} calls, {CONNECTIONS} connections, median of {RUNS}",
            value=median(calls_s),
            unit="calls/s",
            against=f"the day itself ({len(reading.calls) / day:.4f} calls/s)",
            ratio=median(calls_s) / (len(reading.calls) / day),
        ),
        Figure(name="intake: slowest of the runs", value=min(calls_s), unit="calls/s"),
        Figure(name="intake: revisions, each with its decision", value=median(revisions_s), unit="revisions/s"),
        Figure(name="intake: one revision, median", value=median(latencies) * 1000, unit="ms"),
        Figure(name="intake: one revision, p99", value=latencies[int(len(latencies) * 0.99)] * 1000, unit="ms"),
    ]


def _agency() -> str:
    agency: Agency = make.agency()
    make.crewed_unit(agency, areas=[make.area(agency)])
    now = timezone.now()
    with open_door(by=_BY, at=now):
        policies.load_types(agency_id=agency.pk, types=catalogue.call_types(), by=_BY, at=now)
        policies.install(
            agency_id=agency.pk,
            name="seattle-2025",
            rules=catalogue.seattle_2025(),
            in_force_from=now - timedelta(days=2),
            by=_BY,
            at=now,
        )
        _, key = cad_keys.make(agency_id=agency.pk, name="Bench", by=_BY, at=now, rate=10_000_000)
    return key


def _send(site: Site, plan: Plan) -> tuple[float, list[float]]:
    tally, lasted = Tally(), []
    bodies = [plan.body(revision) for revision in plan.revisions]

    def post(body: dict[str, object]) -> None:
        began = perf_counter()
        site.post(body, tally)
        lasted.append(perf_counter() - began)

    began = perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(post, bodies))
    took = perf_counter() - began
    assert not tally.refused, tally.refused
    assert tally.applied + tally.stored == len(bodies)
    return took, lasted
