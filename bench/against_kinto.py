"""
The exchange and the actions, side by side with Kinto: same machine, same rows, equal processes and threads, in turn.

10,000 documents of about 370 bytes, of which 20 changed since the reader was here; 200 tablets over 20 connections. Ours
answers for the streams of one crew, checks who is signed on, decides, keeps a receipt and a journal; Kinto stores what it
is given. Under both lies what the same rows cost without either: a Django view without anything, and pgbench.

Then what neither may do: answer "stored" and not have it, and let a reader's cursor run past a row.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from django.db import connection

from bench import kinto, lost
from bench.database import bench_database
from bench.figures import Figure
from bench.load import Cost, Request
from bench.load import run as load
from bench.processes import backends, cpu_ms
from bench.sides import CHANGED, TABLETS, Bare, Ours, Theirs, body_of
from bench.site import environment, running_granian
from bench.town import town

DOCUMENTS = 10_000
CONNECTIONS = 20
WORKERS, THREADS = 2, 4
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
PULLS = int(os.environ.get("BENCH_PULLS", "2000"))
ACTIONS = int(os.environ.get("BENCH_ACTIONS", "1000"))
MOST_SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))

Next = Callable[[], Request]


def run() -> list[Figure]:
    """
    Measure every workload in pairs, then the floors, then what was lost.
    """
    with bench_database(), ExitStack() as stack:
        there = town(TABLETS)
        ours = Ours(
            there, *stack.enter_context(running_granian("config.wsgi:application", workers=WORKERS, threads=THREADS))
        )
        peer = stack.enter_context(kinto.running_kinto(workers=WORKERS, threads=THREADS))
        theirs = Theirs(peer)
        bare_port, bare_pid = stack.enter_context(
            running_granian("bench.bare:application", workers=WORKERS, threads=THREADS)
        )
        bodies = [body_of(number) for number in range(DOCUMENTS)]
        ours.fill(bodies)
        theirs.fill(bodies)
        bare = Bare(ours, bare_port, bare_pid)

        pulls = _in_turn({"ours": ours.pull, "kinto": theirs.pull, "bare": bare.pull}, ours, theirs, bare, PULLS)
        quiet = _in_turn({"ours": ours.quiet, "kinto": theirs.quiet, "bare": bare.quiet}, ours, theirs, bare, PULLS)
        rest = _in_turn({"ours": ours.note, "kinto": theirs.put}, ours, theirs, bare, ACTIONS)
        batch = _in_turn({"ours": ours.lane, "kinto": theirs.batch}, ours, theirs, bare, ACTIONS)
        floor = _pgbench(ours)
        losses = lost.run(ours, theirs)
        assert ours.refused == 0, f"{ours.refused} actions of ours were not applied"
    return [
        *_compared(f"pull with {CHANGED} of {DOCUMENTS:,} changed", pulls, least=2.5, reach=4),
        *_bytes(ours, theirs),
        _beside_floor(
            "pull: ours in CPU", pulls["ours"].cpu_ms, floor, "the same rows straight from Postgres, pgbench"
        ),
        *_compared("pull without news", quiet, least=4, reach=7),
        *_compared("action by action over REST", rest, least=1.5, reach=3),
        *_compared(f"actions in batches of {kinto.BATCH}", batch, least=1.5, reach=3),
        *losses,
    ]


def _in_turn(
    workloads: dict[str, Next], ours: "Ours", theirs: "Theirs", bare: "Bare", operations: int
) -> dict[str, Cost]:
    sides: dict[str, Any] = {"ours": ours, "kinto": theirs, "bare": bare}
    costs = {name: Cost() for name in workloads}
    for name, workload in workloads.items():
        # Connections, pools and plans are there before anything is counted.
        _load(sides[name], workload, operations=CONNECTIONS * 20)
    for _ in range(PAIRS):
        for name, workload in workloads.items():
            costs[name].add(_load(sides[name], workload, operations=operations))
    return costs


def _load(side: Any, workload: Next, *, operations: int) -> Cost:
    return load(
        side.port,
        workload,
        connections=CONNECTIONS,
        operations=operations,
        most_seconds=MOST_SECONDS,
        meter=side.meter,
    )


def _compared(what: str, costs: dict[str, Cost], *, least: float, reach: float) -> list[Figure]:
    ours, theirs = costs["ours"], costs["kinto"]
    ratio = theirs.cpu_ms / ours.cpu_ms
    figures = [
        Figure(
            name=f"{what}: rate per CPU-second ({_split(ours)} an operation)",
            value=1000 / ours.cpu_ms,
            unit="/CPU-s",
            against=f"Kinto ({1000 / theirs.cpu_ms:.0f}/CPU-s; {_split(theirs)})",
            ratio=ratio,
            goal=f"ratio >= {least:g}, better {reach:g}",
            met=ratio >= least,
        ),
        Figure(
            name=f"{what}: rate",
            value=ours.rate,
            unit="/s",
            against=f"Kinto ({theirs.rate:.0f}/s)",
            ratio=ours.rate / theirs.rate,
        ),
        Figure(
            name=f"{what}: p99 of a request (p50 {ours.wait_ms(50):.0f} ms)",
            value=ours.wait_ms(99),
            unit="ms",
            against=f"Kinto ({theirs.wait_ms(99):.0f} ms; p50 {theirs.wait_ms(50):.0f} ms)",
            ratio=ours.wait_ms(99) / theirs.wait_ms(99),
            goal="ratio <= 0.25" if "pull" in what else None,
            met=ours.wait_ms(99) / theirs.wait_ms(99) <= 0.25 if "pull" in what else None,
        ),
    ]
    if "bare" in costs:
        bare = costs["bare"]
        figures.append(
            Figure(
                name=f"{what}: ours in CPU",
                value=ours.cpu_ms,
                unit="ms",
                against=f"a bare Django view with the same rows ({_split(bare)}; {bare.rate:.0f}/s)",
                ratio=ours.cpu_ms / bare.cpu_ms,
            )
        )
    return figures


def _split(cost: Cost) -> str:
    application, database = cost.application_ms / cost.operations, cost.database_ms / cost.operations
    return f"{application:.2f} + {database:.2f} ms of application and Postgres"


def _bytes(ours: Ours, theirs: Theirs) -> list[Figure]:
    figures = []
    for which, name, most in ((0, "as JSON", None), (1, "compressed", 2_500)):
        mine = sum(size[which] for size in ours.sizes) / len(ours.sizes)
        other = sum(size[which] for size in theirs.sizes) / len(theirs.sizes)
        figures.append(
            Figure(
                name=f"pull with {CHANGED} changed: body {name}",
                value=mine,
                unit="bytes",
                against=f"Kinto ({other:,.0f} bytes)",
                ratio=mine / other,
                goal="ratio <= 1" + (f", <= {most:,} bytes" if most else ""),
                met=mine <= other and (most is None or mine <= most),
            )
        )
    return figures


def _beside_floor(name: str, value: float, floor: float, what: str) -> Figure:
    return Figure(name=name, value=value, unit="ms", against=f"{what} ({floor:.2f} ms)", ratio=value / floor)


def _pgbench(ours: Ours) -> float:
    """
    Return the CPU in ms of the backends for the changed rows of the stream, read as a prepared statement.
    """
    number = ours.streams[0][ours.area]["number"] - CHANGED
    script = (
        "SELECT number, collection, document_id, body FROM journal_document"  # noqa: S608  a name and a number of our own
        f" WHERE stream = '{ours.area}' AND number > {number} ORDER BY number;\n"
    )
    url = environment()["DATABASE_URL"].replace("postgis://", "postgresql://")
    pgbench = next(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            str(pgbench),
            "-n",
            "-M",
            "prepared",
            "-c",
            "8",
            "-j",
            "1",
            "-T",
            "8",
            "-P",
            "1",
            "-f",
            file.name,
            url,
        ]
        known = backends(connection.settings_dict["NAME"])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Measured while they run: when they end, what they used goes with them.
        sleep(2)
        pids = backends(connection.settings_dict["NAME"]) - known
        before, began = {pid: cpu_ms(pid) for pid in pids}, perf_counter()
        sleep(4)
        used, lasted = sum(cpu_ms(pid) - before[pid] for pid in pids), perf_counter() - began
        output, _ = process.communicate()
    rate = float(next(line for line in output.splitlines() if line.startswith("tps =")).split()[2])
    return used / (rate * lasted)
