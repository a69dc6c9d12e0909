"""
A network between tablets and the site that drops, delays, doubles and reorders messages, and is cut now and then.

It takes each request in whole and does with it what the script says: what a mobile network does to packets, TCP hides; what
is left for an application is an answer that never comes, a request that comes twice or much later, and a dead line.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.backup_chaos.script import Fate, Script

_LONGEST_S = 30.0
_KEY = re.compile(rb'"key": ?"([0-9a-f-]{36})"')
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class Network:
    """
    A port that leads to the site. ``calm()`` lets everything pass from there on.
    """

    def __init__(self, script: Script, port: int) -> None:
        self._script = script
        self._to = port
        self._is_calm = False
        self._is_cut = False
        self._whole = asyncio.Event()
        self._whole.set()
        self._copies: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.fates: Counter[str] = Counter()

    async def open(self) -> int:
        """
        Begin, and return the port.
        """
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """
        End it, with everything on its way.
        """
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cut(self, seconds: float, *, hangs: bool) -> None:
        """
        Let nothing through for so many seconds. Connections are reset, or hang, as in a tunnel.
        """
        self._is_cut = True
        self._whole.clear()
        try:
            if not hangs:
                for writer in list(self._writers):
                    writer.transport.abort()
            await asyncio.sleep(seconds)
        finally:
            for writer in list(self._writers):
                writer.transport.abort()
            self._is_cut = False
            self._whole.set()

    def calm(self) -> None:
        """
        Be a good network from now on.
        """
        self._is_calm = True

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            async with asyncio.timeout(_LONGEST_S * 4):
                await self._whole.wait()
                head = await reader.readuntil(b"\r\n\r\n")
                if b"websocket" in head.lower():
                    await self._line(head, reader, writer)
                    return
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length is not None else b""
                await self._message(head + body, writer)
        except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def _fate(self, request: bytes) -> Fate:
        if self._is_calm:
            return Fate("pass", 0.0)
        found = _KEY.search(request)
        name = f"{request.split(b' ', 2)[1].decode()} {found[1].decode() if found else ''}"
        self._copies[name] += 1
        fate = self._script.fate(name, self._copies[name])
        self.fates[fate.what] += 1
        return fate

    async def _message(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        fate = self._fate(request)
        if fate.what == "drop":
            # Nobody says that it was lost.
            await asyncio.sleep(fate.seconds)
            return
        if fate.what in {"pass", "late"}:
            await asyncio.sleep(fate.seconds)
        if fate.what == "twice":
            self._later(self._forward_later(request, fate.seconds))
        if self._is_cut:
            return
        answer = await self._forward(request)
        if fate.what == "drop-answer" or self._is_cut:
            return
        if fate.what == "late-answer":
            await asyncio.sleep(fate.seconds)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _forward_later(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(OSError, EOFError, TimeoutError):
            await self._forward(request)

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            async with asyncio.timeout(_LONGEST_S):
                writer.write(request)
                return await reader.read(-1)
        finally:
            writer.close()

    async def _line(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        there_writer.write(head)
        up = asyncio.create_task(self._pump(reader, there_writer))
        down = asyncio.create_task(self._pump(there_reader, writer))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            there_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            # A line that hung through a cut is dead after it: nothing of it goes through late.
            await self._whole.wait()
            writer.write(data)
            await writer.drain()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
