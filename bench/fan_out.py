"""
One change to 2,000 tablets held by one process: our hub, against a bare ASGI loop and against Channels' own group_send.

Every way runs under the same uvicorn with the same options; the same clients in other processes note when each of them
has the frame, by the clock that all processes of a machine share. Then, with 50 tablets: from a commit to their frames.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from django.conf import settings
from websockets.sync.client import ClientConnection, unix_connect

from bench import fan_out_client
from bench.database import bench_database
from bench.figures import Figure
from bench.site import environment
from bench.town import town
from journal.door import open_door
from responders.models import Duty, Unit
from tablets.models import Ticket
from tablets.secrets import hash_token, new_token

SOCKETS = int(os.environ.get("BENCH_SOCKETS", "2000"))
CLIENTS = 2
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
FEW = 50
# So that all three send frames of about the same size.
PADDING = "x" * 150
WAYS = {
    "bare": "bench.fan_out_peers:bare",
    "channels": "bench.fan_out_peers:channels",
    "hub": "config.asgi:application",
}
_OPTIONS = ["--ws-max-size=65536", "--ws-per-message-deflate=false", "--ws-ping-interval=0", "--log-level=warning"]


def run() -> list[Figure]:
    """
    Measure the three ways in turn, several times over, then the hub with few tablets.
    """
    _allow_sockets()
    with bench_database():
        there = town(SOCKETS)
        unit, tablets = there.units[0], there.tablets
        measured: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        memory: dict[str, float] = {}
        # Turn by turn, so that whatever else the machine does meets all three alike.
        for _ in range(3):
            for way in WAYS:
                rounds, per_socket = _measure(way, SOCKETS, unit, tablets)
                measured[way] += rounds
                memory[way] = per_socket
        few, _ = _measure("hub", FEW, unit, tablets, rounds_wanted=100)
    return [*_fan_out(measured), *_memory(memory), _commit_to_frame(few)]


def _fan_out(measured: dict[str, list[list[float]]]) -> list[Figure]:
    # Of each round the time at which 50 % and 99 % of the sockets had the frame; of the rounds the median.
    ways = {
        way: (median(_at(r, 50) for r in rounds), median(_at(r, 99) for r in rounds))
        for way, rounds in measured.items()
    }
    spread = {
        way: f"{min(_at(r, 99) for r in rounds):.0f}-{max(_at(r, 99) for r in rounds):.0f}"
        for way, rounds in measured.items()
    }
    bare, hub, channels = ways["bare"], ways["hub"], ways["channels"]
    return [
        Figure(
            name=f"one change to {SOCKETS:,} sockets: hub, p99 of sockets, median of rounds ({spread['hub']} ms)",
            value=hub[1],
            unit="ms",
            against=f"a bare ASGI loop ({bare[1]:.0f} ms; {spread['bare']} ms)",
            ratio=hub[1] / bare[1],
            goal="ratio <= 1.3",
            met=hub[1] / bare[1] <= 1.3,
        ),
        Figure(
            name=f"one change to {SOCKETS:,} sockets: hub, p50 of sockets",
            value=hub[0],
            unit="ms",
            against=f"a bare ASGI loop ({bare[0]:.0f} ms)",
            ratio=hub[0] / bare[0],
        ),
        Figure(
            name=f"one change to {SOCKETS:,} sockets: Channels' group_send, p99 ({spread['channels']} ms)",
            value=channels[1],
            unit="ms",
            against=f"the hub ({hub[1]:.0f} ms)",
            ratio=channels[1] / hub[1],
            goal="ratio >= 10",
            met=channels[1] / hub[1] >= 10,
        ),
    ]


def _memory(memory: dict[str, float]) -> list[Figure]:
    return [
        Figure(name=f"memory per held socket, {way} ({SOCKETS:,} held)", value=kilobytes, unit="KiB")
        for way, kilobytes in memory.items()
        if way != "bare"
    ]


def _commit_to_frame(rounds: list[list[float]]) -> Figure:
    waits = sorted(wait for each in rounds for wait in each)
    return Figure(
        name=f"commit to frame at {FEW} tablets: p99 over {len(rounds)} changes (p50 {_at(waits, 50):.1f} ms)",
        value=_at(waits, 99),
        unit="ms",
        goal="p99 <= 150 ms",
        met=_at(waits, 99) <= 150,
    )


def _measure(
    way: str, sockets: int, unit: Unit, tablets: list[int], *, rounds_wanted: int = ROUNDS
) -> tuple[list[list[float]], float]:
    with tempfile.TemporaryDirectory(prefix="care-bench-") as directory:
        path = str(Path(directory) / "live.sock")
        with _serving(WAYS[way], path) as pid:
            before = _resident(pid)
            with _clients(way, path, sockets, tablets) as pipes:
                time.sleep(1)
                per_socket = (_resident(pid) - before) / sockets
                with ExitStack() as stack:
                    go = None
                    if way != "hub":
                        go = stack.enter_context(unix_connect(path, uri="ws://localhost/go", compression=None))
                    # The first is for warming up: it is measured and not counted.
                    rounds = [_round(unit, pipes, go) for _ in range(rounds_wanted + 1)][1:]
        return rounds, per_socket


def _round(unit: Unit, pipes: list[Connection], go: ClientConnection | None) -> list[float]:
    """
    Start one fan-out and return, in ms, when each socket had the frame: counted from the asking for the peers, and from
    the commit for the hub, whose hint and whose look into Postgres are in it.
    """
    if go is not None:
        began = time.monotonic_ns()
        go.send("go")
    else:
        with open_door(by="system:bench", at=datetime.now(UTC)):
            unit.duty = Duty.MEAL if unit.duty == Duty.AVAILABLE else Duty.AVAILABLE
            unit.save(update_fields=["duty"])
        began = time.monotonic_ns()
    arrivals = [at for pipe in pipes for at in _arrivals(pipe)]
    time.sleep(0.2)
    return sorted((at - began) / 1e6 for at in arrivals)


def _arrivals(pipe: Connection) -> list[int]:
    if not pipe.poll(60):
        raise TimeoutError("not every socket had the frame within a minute")
    answer = pipe.recv()
    if not isinstance(answer, list):
        raise RuntimeError(answer)
    return answer


@contextmanager
def _serving(application: str, path: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--uds", path, *_OPTIONS, application],
        env=environment() | {"PROCESS_NAME": "bench-live", "BENCH_PADDING": PADDING},
        cwd=settings.BASE_DIR,
    )
    try:
        for _ in range(300):
            if Path(path).exists():
                break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _clients(way: str, path: str, sockets: int, tablets: list[int]) -> Iterator[list[Connection]]:
    tickets = _tickets(sockets, tablets) if way == "hub" else [""] * sockets
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for number in range(CLIENTS):
        ours, theirs = context.Pipe()
        process = context.Process(target=fan_out_client.hold, args=(path, tickets[number::CLIENTS], theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        for pipe in pipes:
            assert pipe.recv() == "held"
        yield pipes
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _tickets(count: int, tablets: list[int]) -> list[str]:
    tickets = [new_token() for _ in range(count)]
    # Two thousand handshakes on a busy machine may take longer than a ticket lives.
    later = datetime.now(UTC) + timedelta(minutes=10)
    Ticket.objects.bulk_create(
        Ticket(ticket_hash=hash_token(ticket), tablet_id=tablet, made_at=later)
        for ticket, tablet in zip(tickets, tablets, strict=False)
    )
    return tickets


def _at(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def _allow_sockets() -> None:
    wanted = SOCKETS + 500
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < wanted:
        raise SystemExit(f"{wanted} open files are needed; this machine allows {most}.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most != resource.RLIM_INFINITY else wanted, most))
