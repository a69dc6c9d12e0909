"""
Tablets of crews that need help: each sends its presses by HTTP and on its live line at once, and again and again, as
tablets/static/tablets/backup/lane.js does, and writes down every answer.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.backup_chaos.ledger import Answer, Pressed, Told
from tests.backup_chaos.script import Pressing
from tests.backup_chaos.wire import post

# What lane.js waits between two sendings; the last for ever. And how many requests it has under way at most.
WAITS: Final = (1.0, 1.0, 2.0, 3.0, 5.0)
_MOST_IN_FLIGHT: Final = 4
_GIVES_UP_S: Final = 30.0
# Of these many tablets one has a live line; the others are where only HTTP goes through.
_LINE_OF: Final = 4


@dataclass
class Tablet:
    """
    A tablet: its own key for backup, its token, and its line while there is one.
    """

    number: int
    key: str
    token: str
    presses: dict[str, Pressed] = field(default_factory=dict)
    line: ClientConnection | None = None

    def hear(self, body: dict[str, Any], told: Told) -> None:
        """
        Take what came on the line.
        """
        key = str(body.get("key"))
        if key in self.presses:
            self.presses[key].answers.append(Answer(time.time(), "live", body))
        else:
            told.strays.append((self.number, key))


class Crews:
    """
    All tablets, on one network.
    """

    def __init__(self, scene: list[dict[str, Any]], told: Told, *, port: int, origin: str, seed: int) -> None:
        self._tablets = [Tablet(number, member["key"], member["token"]) for number, member in enumerate(scene)]
        self._told = told
        self._port = port
        self._origin = origin
        self._seed = seed
        self._work: set[asyncio.Task[None]] = set()
        self._lines: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """
        Open the lines, again and again where they break.
        """
        self._lines = [asyncio.create_task(self._hold_line(tablet)) for tablet in self._tablets[::_LINE_OF]]

    async def stop(self) -> None:
        """
        Switch all tablets off.
        """
        for task in (*self._lines, *self._work):
            task.cancel()
        await asyncio.gather(*self._lines, *self._work, return_exceptions=True)

    def press(self, pressing: Pressing) -> None:
        """
        Let a crew press. What follows goes on by itself until the tablet hears that it is closed.
        """
        tablet = self._tablets[pressing.tablet]
        pressed = Pressed(str(pressing.key), tablet.number, time.time())
        tablet.presses[pressed.key] = self._told.presses[pressed.key] = pressed
        self._begin(self._send_on(tablet, pressed, pressing))
        if pressing.cancels_after is not None:
            self._begin(self._cancel(tablet, pressed, pressing.cancels_after))

    def unconfirmed(self) -> int:
        """
        Return how many presses have no answer yet that promises something.
        """
        return sum(pressed.received is None for pressed in self._told.presses.values())

    async def _send_on(self, tablet: Tablet, pressed: Pressed, pressing: Pressing) -> None:
        random = Random(f"{self._seed}:{pressed.key}:tablet")
        in_flight: list[asyncio.Task[None]] = []
        body: dict[str, Any] = {
            "key": pressed.key,
            "level": pressing.level,
            "service": "POLICE",
            "silent": pressing.silent,
            "drill": False,
            "pressed_at": datetime.fromtimestamp(pressed.sent_at, UTC).isoformat(),
        }
        step = 0
        try:
            while not pressed.is_closed:
                body["position"] = {
                    "lon": -122.33 + random.uniform(-0.02, 0.02),
                    "lat": 47.61 + random.uniform(-0.02, 0.02),
                    "accuracy": 12.0,
                    "at": datetime.now(UTC).isoformat(),
                }
                in_flight = [task for task in in_flight if not task.done()]
                while len(in_flight) >= _MOST_IN_FLIGHT:
                    in_flight.pop(0).cancel()
                in_flight.append(asyncio.create_task(self._ask(tablet, pressed, "/api/backup/", dict(body))))
                self._begin(self._say(tablet, {"t": "backup", **body}))
                await asyncio.sleep(WAITS[min(step, len(WAITS) - 1)])
                step += 1
        finally:
            for task in in_flight:
                task.cancel()
            await asyncio.gather(*in_flight, return_exceptions=True)

    async def _cancel(self, tablet: Tablet, pressed: Pressed, after: float) -> None:
        await asyncio.sleep(after)
        step = 0
        while not pressed.cancel_told and not pressed.is_closed:
            await self._ask(
                tablet, pressed, "/api/backup/cancel/", {"key": pressed.key, "reason": "PRESSED BY MISTAKE"}
            )
            await asyncio.sleep(WAITS[min(step, len(WAITS) - 1)])
            step += 1

    async def _ask(self, tablet: Tablet, pressed: Pressed, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Backup {tablet.key}"}
        try:
            status, answer = await post(self._port, path, body, headers, within=_GIVES_UP_S)
        except (OSError, EOFError, TimeoutError):
            return
        pressed.statuses[status] += 1
        if status == 200:
            pressed.answers.append(Answer(time.time(), "web", answer))
            pressed.cancel_told = pressed.cancel_told or path.endswith("/cancel/")

    async def _say(self, tablet: Tablet, frame: dict[str, Any]) -> None:
        line = tablet.line
        if line is None:
            return
        try:
            async with asyncio.timeout(5):
                await line.send(json.dumps(frame))
        except (OSError, TimeoutError, WebSocketException):
            return

    async def _hold_line(self, tablet: Tablet) -> None:
        random = Random(f"{self._seed}:{tablet.number}:line")
        headers = {"Authorization": f"Tablet {tablet.token}", "X-Tablet": "1"}
        while True:
            try:
                status, ticket = await post(self._port, "/api/live-ticket", {}, headers, within=10)
                if status == 200:
                    await self._listen(tablet, ticket["ticket"])
            except (OSError, EOFError, TimeoutError, WebSocketException):
                pass
            finally:
                tablet.line = None
            await asyncio.sleep(random.uniform(0.5, 3.0))

    async def _listen(self, tablet: Tablet, ticket: str) -> None:
        async with connect(
            f"ws://127.0.0.1:{self._port}/live/",
            origin=self._origin,  # type: ignore[arg-type]  # an Origin is a str
            subprotocols=["care.1", f"ticket.{ticket}"],  # type: ignore[list-item]  # and so is a Subprotocol
            open_timeout=8,
            ping_interval=5,
            ping_timeout=5,
            close_timeout=1,
            compression=None,
        ) as line:
            tablet.line = line
            async for text in line:
                frame = json.loads(text)
                if frame.get("t") == "backup-state":
                    tablet.hear(frame, self._told)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
