"""
Two dispatchers at consoles: each looks every second, shows what is open, and deals with it after a while.
"""

import asyncio
import time
from random import Random
from typing import Any
from uuid import UUID

from tests.backup_chaos.ledger import Told
from tests.backup_chaos.script import Script
from tests.backup_chaos.wire import post

_LOOK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 12.0
_CSRF = "c" * 32


class Desk:
    """
    The consoles, on the city's own network: nothing between them and nginx.
    """

    def __init__(self, scene: dict[str, Any], script: Script, told: Told, *, port: int, origin: str) -> None:
        self._script = script
        self._told = told
        self._port = port
        random = Random(f"{script.seed}:consoles")
        self._consoles = [str(UUID(int=random.getrandbits(128), version=4)) for _ in scene["sessions"]]
        self._headers = [
            {
                "Cookie": f"{scene['cookie']}={session}; {scene['csrf']}={_CSRF}",
                "X-CSRFToken": _CSRF,
                "Origin": origin,
            }
            for session in scene["sessions"]
        ]
        self._open: list[set[str]] = [set() for _ in self._consoles]
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._looking: list[asyncio.Task[None]] = []
        self._began = 0.0
        self.looks = 0
        self.failed_looks = 0
        self.refused: list[str] = []

    def start(self) -> None:
        """
        Begin to look.
        """
        self._began = time.monotonic()
        self._looking = [asyncio.create_task(self._look_on(number)) for number in range(len(self._consoles))]

    async def stop(self) -> None:
        """
        Go home.
        """
        tasks = (*self._looking, *self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def is_clear(self) -> bool:
        """
        Tell whether the first console shows nothing that is open.
        """
        return not self._open[0]

    async def _look_on(self, number: int) -> None:
        while True:
            began = time.monotonic()
            self.looks += 1
            try:
                await self._look(number)
            except (OSError, EOFError, TimeoutError):
                self.failed_looks += 1
            await asyncio.sleep(max(0.05, _LOOK_EVERY_S - (time.monotonic() - began)))

    async def _look(self, number: int) -> None:
        body = {
            "console": self._consoles[number],
            "kind": "DESK",
            "areas": [],
            "shown": sorted(self._open[number]),
            "visible": True,
        }
        status, answer = await self._post(number, "/api/backup/watch/", body)
        if status != 200:
            self.failed_looks += 1
            if status < 500:
                self.refused.append(f"watch/ answered {status} {answer}")
            return
        now = time.time()
        self._open[number] = {alarm["key"] for alarm in answer["open"]}
        if number != 0:
            return
        for key in self._open[0]:
            self._told.shown.setdefault(key, now)
            if key not in self._at_work:
                self._at_work[key] = asyncio.create_task(self._deal_with(key))

    async def _deal_with(self, key: str) -> None:
        attention = self._script.attention(key, time.monotonic() - self._began)
        await asyncio.sleep(attention.seen_after)
        hands = [self._see(number, key) for number in range(2 if attention.by_both else 1)]
        await asyncio.gather(*hands)
        await asyncio.sleep(attention.closed_after)
        await self._close(key)

    async def _see(self, number: int, key: str) -> None:
        while True:
            try:
                body = {"key": key, "console": self._consoles[number]}
                status, answer = await self._post(number, "/api/backup/seen/", body)
            except (OSError, EOFError, TimeoutError):
                status, answer = 0, {}
            if status == 200:
                self._told.seen.append((key, answer.get("seen_by")))
                return
            if status == 409 and answer.get("code") == "backup_closed":
                return
            if 400 <= status < 500 and answer.get("code") != "backup_not_shown":
                self.refused.append(f"seen/ answered {status} {answer}")
                return
            await asyncio.sleep(0.5)

    async def _close(self, key: str) -> None:
        action = Random(f"{self._script.seed}:{key}:close").getrandbits(128)
        body = {"id": str(UUID(int=action, version=4)), "args": {"key": key, "as": "RESOLVED"}}
        while True:
            try:
                status, answer = await self._post(0, "/api/actions/backup.resolve/", body)
            except (OSError, EOFError, TimeoutError):
                status, answer = 0, {}
            if status == 200 or answer.get("code") == "backup_closed":
                return
            if 400 <= status < 500 and status != 429:
                self.refused.append(f"backup.resolve answered {status} {answer}")
                return
            await asyncio.sleep(0.5)

    async def _post(self, number: int, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return await post(self._port, path, body, self._headers[number], within=_ANSWER_WITHIN_S)
