"""
Requests for backup: how long from the press until it is durable, with nothing else going on and while two thousand tablets
come back after a restart of web and live; and until a console has it.

Everything goes through nginx, as shipped. A wait ends when the tablet has its answer, or the console its list: what a
browser takes to draw it is not in it. Whoever is not answered tries again, and the wait goes on.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import orjson
import uvloop
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bench.backup_presses import Pressed, pressing
from bench.database import bench_database
from bench.figures import Figure
from bench.load import ask, request
from bench.storm import TABLETS, prepared, site_in_front
from bench.town import Town, backup_keys, town
from tests.factories import responders as make
from tests.security.clients import desk_client

QUIET = int(os.environ.get("BENCH_PRESSES", "500"))
QUIET_PER_SECOND = 10.0
STORM_PER_SECOND = 5.0
_CSRF = "c" * 32
# A request is over this long after it was pressed: what stays open rings on, and would be measured too.
_OPEN_FOR_S = 3.0
_LOOK_EVERY_S = 1.0
_CLOSE = """
WITH closed AS (
    UPDATE dispatch_backuppress SET closed_at = now()
     WHERE closed_at IS NULL AND received_at < now() - make_interval(secs => %s) RETURNING key
)
INSERT INTO dispatch_backupevent (press, kind, by, data, at)
SELECT key, 'CLOSED', 'bench', '{"as": "RESOLVED"}', now() FROM closed ON CONFLICT DO NOTHING
"""


def run() -> list[Figure]:
    """
    Press at leisure, and then through a storm.
    """
    with bench_database(), site_in_front("backup") as front:
        there = town(TABLETS)
        keys = backup_keys(there)
        random.shuffle(keys)
        desk = _Console(there, front.port)
        storm = prepared(there, front)
        with front.serving(), _closing(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            quiet = runner.run(_press_at_leisure(front.port, keys[: len(keys) // 2], desk))
        stormy_keys = keys[len(keys) // 2 :]
        with front.serving(), _closing(), pressing(front.port, stormy_keys, per_second=STORM_PER_SECOND) as stormy:
            storm.pass_over()
    shown = [desk.shown[key] - began for key, began in quiet.began.items()]
    return [
        _figure(f"backup: press to durable, {len(quiet.waits)} presses at {QUIET_PER_SECOND:.0f}/s", quiet.waits, goal=500),
        _figure(f"backup: press to a console's list, {len(shown)} of them", shown, goal=1000),
        _figure(f"backup: press to durable while {TABLETS:,} tablets come back, {len(stormy.waits)} presses", stormy.waits,
                goal=1000),
    ]  # fmt: skip


def _figure(name: str, waits: Sequence[float], *, goal: int) -> Figure:
    ordered = sorted(waits)
    p50, p99, longest = (ordered[place] * 1000 for place in (len(ordered) // 2, len(ordered) * 99 // 100, -1))
    return Figure(
        name=f"{name}, p99 (p50 {p50:.0f} ms, max {longest:.0f} ms)",
        value=p99,
        unit="ms",
        goal=f"p99 <= {goal} ms",
        met=p99 <= goal,
    )


class _Console:
    """
    A dispatcher's page: it looks every second, and at once when its line says that there is something.
    """

    def __init__(self, there: Town, port: int) -> None:
        client = desk_client(make.person(there.agency, "DISPATCHER"))
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self._headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={_CSRF}",
            "X-CSRFToken": _CSRF,
            "Origin": settings.PUBLIC_ORIGIN,
        }
        self._port = port
        self._console = str(uuid4())
        self._there: set[str] = set()
        self._woken = asyncio.Event()
        self.shown: dict[str, float] = {}

    async def watch(self) -> None:
        """
        Look until cancelled.
        """
        status, body = await ask(self._port, request("POST", "/api/live-ticket", self._headers, b"{}"))
        assert status == 200, body
        async with connect(
            f"ws://127.0.0.1:{self._port}/live/",
            origin=Origin(settings.PUBLIC_ORIGIN),
            subprotocols=[Subprotocol("care.1"), Subprotocol(f"ticket.{orjson.loads(body)['ticket']}")],
            additional_headers={"Cookie": self._headers["Cookie"]},
            compression=None,
        ) as line:
            listening = asyncio.create_task(self._listen(line))
            try:
                await self._look_on()
            finally:
                listening.cancel()

    async def _listen(self, line: ClientConnection) -> None:
        async for text in line:
            if orjson.loads(text).get("t") == "backup":
                self._woken.set()

    async def _look_on(self) -> None:
        while True:
            self._woken.clear()
            said = {"console": self._console, "kind": "DESK", "areas": [], "shown": sorted(self._there)}
            status, body = await ask(
                self._port, request("POST", "/api/backup/watch/", self._headers, orjson.dumps(said))
            )
            assert status == 200, body
            now = time.monotonic()
            self._there = {alarm["key"] for alarm in orjson.loads(body)["open"]}
            for key in self._there:
                self.shown.setdefault(key, now)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue


async def _press_at_leisure(port: int, keys: list[str], desk: _Console) -> Pressed:
    await _until_up(port)
    watching = asyncio.create_task(desk.watch())
    try:
        await asyncio.sleep(3.0)
        quiet = await asyncio.to_thread(_press_for, QUIET / QUIET_PER_SECOND, port, keys)
        await asyncio.sleep(2.0)
        assert not watching.done(), watching.exception()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    unseen = quiet.began.keys() - desk.shown.keys()
    assert not unseen, f"{len(unseen)} presses came to no console while they were open"
    return quiet


def _press_for(seconds: float, port: int, keys: list[str]) -> Pressed:
    with pressing(port, keys, per_second=QUIET_PER_SECOND) as pressed:
        time.sleep(seconds)
    return pressed


async def _until_up(port: int) -> None:
    # The sockets are there before anybody answers on them.
    async with asyncio.timeout(30):
        while (await ask(port, request("GET", "/health/", {}, b"")))[0] != 200:
            await asyncio.sleep(0.1)


@contextmanager
def _closing() -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_close_on, args=(ended,), name="closing")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _close_on(ended: threading.Event) -> None:
    try:
        while not ended.wait(0.5):
            with connection.cursor() as cursor:
                cursor.execute(_CLOSE, [_OPEN_FOR_S])
    finally:
        connection.close()
