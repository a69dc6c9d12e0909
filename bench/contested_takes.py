"""
Many units take one call at once: one wins, and how fast that is.

Over HTTP: rounds of 50 units for one call, the winner clearing before the next round. At the action: 200,000 attempts from
several processes, against the statements of a losing take in pgbench.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

from bench.database import bench_database
from bench.figures import Figure
from bench.site import Client, environment, running_web
from dispatch.models import Assignment, Call
from responders.models import Agency, Shift, Unit
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make
from tests.factories import tablets as make_tablets

UNITS = 50
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1000"))
ATTEMPTS = int(os.environ.get("BENCH_ATTEMPTS", "200000"))
PROCESSES = 2


@dataclass(frozen=True)
class _Town:
    agency: Agency
    units: list[Unit]
    tokens: list[str]


def run() -> list[Figure]:
    """
    Measure both ways; a call with other than one winner stops the run.
    """
    with bench_database():
        town = _town()
        over_http = _over_http(town)
        attempts_per_second, floor = _at_the_action(town)
    return [
        *over_http,
        Figure(
            name=f"attempts at one call by {PROCESSES} processes, {ATTEMPTS:,} in all, one winner each",
            value=attempts_per_second,
            unit="attempts/s",
            against=f"the statements of a losing take in pgbench ({floor:,.0f}/s)",
            ratio=attempts_per_second / floor,
        ),
    ]


def _town() -> _Town:
    agency = make.agency(has_cad=False, crew_minimum=1)
    area = make.area(agency)
    units = [make.unit(agency, areas=[area]) for _ in range(UNITS)]
    return _Town(agency, units, [make_tablets.crewed(unit).token for unit in units])


def _over_http(town: _Town) -> list[Figure]:
    area = town.agency.areas.get()
    with running_web() as port:
        return asyncio.run(_rounds(port, town, [make_dispatch.call(town.agency, area=area).pk for _ in range(ROUNDS)]))


async def _rounds(port: int, town: _Town, calls: list[int]) -> list[Figure]:
    clients = [Client(port, token) for token in town.tokens]
    waits: list[float] = []
    lasted: list[float] = []
    for call in calls:
        began = perf_counter()
        answers = await asyncio.gather(*(_take(client, call, waits) for client in clients))
        lasted.append(perf_counter() - began)
        winners = [(client, body) for client, (status, body) in zip(clients, answers, strict=True) if status == 200]
        losers = [json.loads(body)["code"] for status, body in answers if status != 200]
        assert len(winners) == 1, f"call {call} has {len(winners)} winners: {set(losers)}"
        assert set(losers) == {"call_already_taken"}, set(losers)
        winner, body = winners[0]
        args = {"assignment": json.loads(body)["assignment"], "disposition": "HANDLED"}
        status, body = await winner.post("/api/actions/assignment.clear/", {"id": str(uuid4()), "args": args})
        assert status == 200, body
    for client in clients:
        client.close()
    waits.sort()
    return [
        Figure(
            name=f"contested takes over HTTP: {len(calls):,} rounds of {UNITS} units, one winner each",
            value=UNITS * len(calls) / sum(lasted),
            unit="attempts/s",
        ),
        Figure(name="contested takes over HTTP: a round of 50, median", value=median(lasted) * 1000, unit="ms"),
        Figure(
            name="contested takes over HTTP: one attempt, p99", value=waits[len(waits) * 99 // 100] * 1000, unit="ms"
        ),
    ]


async def _take(client: Client, call: int, waits: list[float]) -> tuple[int, bytes]:
    began = perf_counter()
    answer = await client.post("/api/actions/call.self_dispatch/", {"id": str(uuid4()), "args": {"call": call}})
    waits.append(perf_counter() - began)
    return answer


def _at_the_action(town: _Town) -> tuple[float, float]:
    area = town.agency.areas.get()
    rounds = ATTEMPTS // UNITS
    calls = [make_dispatch.call(town.agency, area=area).pk for _ in range(rounds)]
    shifts = [Shift.objects.filter(unit=unit).earliest("pk").pk for unit in town.units]
    # Every process tries every call, for its share of the units.
    shares = [json.dumps({"calls": calls, "shifts": shifts[part::PROCESSES]}) for part in range(PROCESSES)]
    began = perf_counter()
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(_attempts, shares))
    seconds = perf_counter() - began
    holders = Assignment.objects.filter(call__in=calls)
    assert holders.count() == rounds, f"{holders.count()} winners of {rounds} calls"
    assert not Call.objects.filter(pk__in=calls, status="PENDING").exists()
    return rounds * UNITS / seconds, _pgbench_floor(calls)


def _attempts(share: str) -> None:
    command = [sys.executable, "-m", "bench.take_attempts"]
    subprocess.run(command, input=share, text=True, check=True, env=environment())


def _pgbench_floor(calls: list[int]) -> float:
    script = (
        f"\\set call random({min(calls)}, {max(calls)})\n"
        "BEGIN;\n"
        "SELECT * FROM dispatch_call WHERE id = :call FOR NO KEY UPDATE;\n"
        "SELECT a.assigned_at, u.call_sign FROM dispatch_assignment a JOIN responders_unit u ON u.id = a.unit_id"
        " WHERE a.call_id = :call;\n"
        "ROLLBACK;\n"
    )
    url = environment()["DATABASE_URL"].replace("postgis://", "postgresql://")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        pgbench = next(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        done = subprocess.run(
            [str(pgbench), "-n", "-c", str(PROCESSES), "-j", "1", "-T", "5", "-f", file.name, url],
            capture_output=True,
            text=True,
            check=True,
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps ="))
    return float(line.split()[2])
