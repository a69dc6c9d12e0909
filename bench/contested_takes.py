"""
Many units take one call at once: one wins, and how fast that is.

Over HTTP: rounds of 50 units for one call, the winner clearing before the next round. At the action: 200,000 attempts from
several processes, against the statements of a losing take in pgbench.
"""

import asyncio
import json
import os
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

from bench.database import bench_database
from bench.figures import Figure
from bench.site import Client, environment, running_web
from django.db import connection
from django.utils import timezone

from dispatch.models import Assignment, Call
from journal.door import open_door
from responders.models import Agency, Shift, Unit
from tablets.models import SignOn, Tablet
from tablets.secrets import hash_token, new_token
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make

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
    now = timezone.now()
    agency = make.agency(has_cad=False)
    area = make.area(agency)
    units, tokens = [], []
    pairer = make.person(agency, "SUPERVISOR")
    for _ in range(UNITS):
        unit = make.crewed_unit(agency, areas=[area], at=now)
        token = new_token()
        with open_door(by="system:bench", at=now):
            tablet = Tablet.objects.create(
                agency=agency, unit=unit, name="Bench", token_hash=hash_token(token), paired_at=now, paired_by=pairer
            )
            SignOn.objects.create(tablet=tablet, shift=Shift.objects.filter(unit=unit).earliest("pk"), started_at=now)
        units.append(unit)
        tokens.append(token)
    return _Town(agency, units, tokens)


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
    database = connection.settings_dict["NAME"]
    connection.close()
    began = perf_counter()
    with ProcessPoolExecutor(PROCESSES, initializer=_point_at, initargs=(database,)) as pool:
        # Every process tries every call, for its half of the units.
        halves = [shifts[part::PROCESSES] for part in range(PROCESSES)]
        list(pool.map(_attempts, [calls] * PROCESSES, halves))
    seconds = perf_counter() - began
    holders = Assignment.objects.filter(call__in=calls)
    assert holders.count() == rounds, f"{holders.count()} winners of {rounds} calls"
    assert not Call.objects.filter(pk__in=calls, status="PENDING").exists()
    return rounds * UNITS / seconds, _pgbench_floor(calls)


def _point_at(database: str) -> None:
    import django

    django.setup()
    connection.close()
    connection.settings_dict["NAME"] = database


def _attempts(calls: list[int], shifts: list[int]) -> None:
    from dispatch.actions import assignments, takes
    from journal.refusals import Refusal

    actors = [make.tablet_actor(Shift.objects.select_related("unit", "person").get(pk=shift)) for shift in shifts]
    for call in calls:
        for actor in actors:
            now = timezone.now()
            try:
                with open_door(by=actor, at=now):
                    held = takes.self_dispatch(call_id=call, by=actor, at=now)
            except Refusal as refusal:
                # The winner clears at once, so that later ones find it closed.
                assert refusal.code in ("call_already_taken", "call_not_pending"), refusal.code
                continue
            with open_door(by=actor, at=now + timedelta(seconds=1)):
                assignments.clear(
                    assignment_id=held.pk, disposition="HANDLED", by=actor, at=now + timedelta(seconds=1)
                )


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
