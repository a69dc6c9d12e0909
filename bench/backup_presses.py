"""
The crews of bench/backup.py that press, in a process of their own: a press must not wait for the console or for two thousand
tablets of ours that come back.
"""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from uuid import uuid4

import orjson
import uvloop

from bench.load import ask, request

_ENDED_WITHIN_S = 60


@dataclass
class Pressed:
    """
    When each press began, by the clock that all processes share, and how long it was until its tablet had its answer.
    """

    began: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)


@contextmanager
def pressing(port: int, keys: list[str], *, per_second: float) -> Iterator[Pressed]:
    """
    Press at a steady rate for the length of the block, each time with another key; what came of it is known afterwards.

    :raises RuntimeError: there were too few keys, or a press was answered wrongly or not at all.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_press_on, args=(port, keys, per_second, theirs))
    process.start()
    # What it alone holds is closed when it dies, which the wait below then hears of.
    theirs.close()
    pressed = Pressed()
    try:
        assert ours.recv() == "ready"
        yield pressed
        ours.send("stop")
        if not ours.poll(_ENDED_WITHIN_S):
            raise RuntimeError("the last presses were not answered")
        try:
            found: Pressed = ours.recv()
        except EOFError as error:
            raise RuntimeError("whoever presses ended before its time") from error
        pressed.began, pressed.waits = found.began, found.waits
    finally:
        process.terminate()
        process.join()


def _press_on(port: int, keys: list[str], per_second: float, pipe: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pipe.send("ready")
        pipe.send(runner.run(_press_until_told(port, keys, per_second, pipe)))


async def _press_until_told(port: int, keys: list[str], per_second: float, pipe: Connection) -> Pressed:
    pressed, stopped = Pressed(), asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
    left, under_way = list(keys), []
    while not stopped.is_set():
        under_way.append(asyncio.create_task(_press(port, left.pop(), pressed)))
        await asyncio.sleep(random.uniform(0.5, 1.5) / per_second)
    await asyncio.gather(*under_way)
    return pressed


async def _press(port: int, credential: str, pressed: Pressed) -> None:
    key, began, now = str(uuid4()), time.monotonic(), datetime.now(UTC).isoformat()
    pressed.began[key] = began
    body = orjson.dumps(
        {
            "key": key,
            "level": "EMERGENCY",
            "pressed_at": now,
            "position": {"lon": -122.3370, "lat": 47.6110, "accuracy": 8.0, "at": now},
            "battery": 71,
        }
    )
    raw = request("POST", "/api/backup/", {"Authorization": f"Backup {credential}"}, body)
    while True:
        try:
            async with asyncio.timeout(20):
                status, answer = await ask(port, raw)
        except (OSError, EOFError, TimeoutError):
            status, answer = 0, b""
        if status == 200:
            break
        await asyncio.sleep(1.0)
    said = orjson.loads(answer)
    assert (said["key"], said["received_at"] is not None) == (key, True), said
    pressed.waits.append(time.monotonic() - began)
