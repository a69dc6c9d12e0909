"""
The clients of bench/fan_out.py: processes that hold sockets, know nothing of Django, and cost little beside the server.

They read the WebSocket protocol just as far as the measurement needs: the handshake's answer, and whether what came holds
the frame that everybody gets.
"""

import asyncio
import base64
import os
import time
from multiprocessing.connection import Connection

import uvloop

# The hub also sends frames of the unit's own stream, which are not counted.
_FRAME = b'{"t":"frame","s":"area.'
_AT_ONCE = 50


class _Held:
    """
    What the sockets of one process share.
    """

    def __init__(self, sockets: int, pipe: Connection) -> None:
        self.pipe = pipe
        self.sockets = sockets
        self.open = 0
        self.arrived: list[int] = []

    def arrive(self) -> None:
        self.arrived.append(time.monotonic_ns())
        if len(self.arrived) == self.sockets:
            self.pipe.send(self.arrived)
            self.arrived = []


class _Socket(asyncio.Protocol):
    def __init__(self, held: _Held, ticket: str) -> None:
        self._held, self._ticket = held, ticket
        self._is_open = False
        self._tail = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # sockets are transports
        key = base64.b64encode(os.urandom(16)).decode()
        offered = f"Sec-WebSocket-Protocol: care.1, ticket.{self._ticket}\r\n" if self._ticket else ""
        transport.write(
            (
                "GET /live/ HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:8000\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offered}\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            if not data.startswith(b"HTTP/1.1 101"):
                self._held.pipe.send(f"a socket was refused: {data[:60]!r}")
            self._is_open = True
            self._held.open += 1
        # A frame's beginning may be split between two reads.
        seen = self._tail + data
        for _ in range(seen.count(_FRAME)):
            self._held.arrive()
        self._tail = seen[-len(_FRAME) + 1 :]

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.pipe.send("a socket was lost")


def hold(path: str, tickets: list[str], pipe: Connection) -> None:
    """
    Hold a socket for each ticket and report, change by change, when each had its frame.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_hold(path, tickets, pipe))


async def _hold(path: str, tickets: list[str], pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    held = _Held(len(tickets), pipe)
    transports = []
    for number, ticket in enumerate(tickets):
        transport, _ = await loop.create_unix_connection(lambda ticket=ticket: _Socket(held, ticket), path)  # type: ignore[misc]
        transports.append(transport)
        while held.open < number - _AT_ONCE:
            await asyncio.sleep(0.005)
    while held.open < len(tickets):
        await asyncio.sleep(0.005)
    pipe.send("held")
    await asyncio.Event().wait()
