"""
The crews of bench/storm.py that are connected and go on tapping, in a process of their own: the two thousand others are
much work for one event loop, and a tap must not wait for that.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

import orjson
import uvloop

from bench.load import read_answer, request

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("assignment.acknowledge", {}),
    ("assignment.en_route", {}),
    ("assignment.stage", {}),
    ("assignment.arrive", {}),
    ("assignment.transport", {"destination": "Crisis Solutions Center", "persons": 1}),
    ("assignment.at_destination", {}),
]


@dataclass(frozen=True)
class Crew:
    """
    One tablet that taps: what it asks without an action, its headers, and the assignment that it tells about.
    """

    asked: dict[str, Any]
    headers: dict[str, str]
    person: int
    assignment: int


def tap(port: int, crews: list[Crew], pipe: Connection) -> None:
    """
    Tap until the pipe says stop; send back when each tap began, by the clock that all processes share, and how long it took.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pipe.send(runner.run(_tap_all(port, crews, pipe)))


async def _tap_all(port: int, crews: list[Crew], pipe: Connection) -> list[tuple[float, float]]:
    taps: list[tuple[float, float]] = []
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
    await asyncio.gather(*(_tap(port, crew, taps, stopped) for crew in crews))
    return taps


async def _tap(port: int, crew: Crew, taps: list[tuple[float, float]], stopped: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for seq, (kind, more) in enumerate(STEPS, start=1):
        await asyncio.sleep(random.uniform(0.5, 7))
        if stopped.is_set():
            break
        now = datetime.now(UTC).isoformat()
        action = {
            "seq": seq,
            "id": str(uuid4()),
            "kind": kind,
            "v": 1,
            "args": {"assignment": crew.assignment, **more},
            "after": [],
            "actor": str(crew.person),
            "happened_at": now,
        }
        asked = crew.asked | {"sent_at": now, "outbox": {"count": 1, "oldest_at": now}, "actions": [action]}
        raw, began = request("POST", "/api/sync", crew.headers, orjson.dumps(asked)), time.monotonic()
        while True:
            writer.write(raw)
            status, body = await read_answer(reader)
            if status == 200 and (answers := orjson.loads(body)["answers"]):
                break
            # Nobody there yet, or no time for it: the crew still waits.
            await asyncio.sleep(random.uniform(0.5, 1.5))
        assert answers[0]["status"] == "applied", answers
        taps.append((began, time.monotonic() - began))
    writer.close()
