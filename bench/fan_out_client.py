"""
The clients of bench/fan_out.py: processes that hold sockets and know nothing of Django.
"""

import asyncio
import time
from multiprocessing.connection import Connection
from typing import Any

import websockets

_ORIGIN = "http://localhost:8000"
_FRAME = '{"t":"frame","s":"area.'


def hold(path: str, tickets: list[str], pipe: Connection) -> None:
    """
    Hold sockets in a process of their own and report, change by change, when each had its frame.
    """
    asyncio.run(_hold(path, tickets, pipe))


async def _hold(path: str, tickets: list[str], pipe: Connection) -> None:
    arrived: list[int] = []
    complete = asyncio.Event()
    held = 0

    async def one(ticket: str) -> None:
        nonlocal held
        subprotocols: Any = ["care.1", f"ticket.{ticket}"] if ticket else None
        origin: Any = _ORIGIN
        async with websockets.unix_connect(
            path, uri="ws://localhost/live/", subprotocols=subprotocols, origin=origin, compression=None,
            ping_interval=None, max_size=None, open_timeout=60,
        ) as socket:  # fmt: skip
            held += 1
            async for message in socket:
                # Text, as all three ways send it; the hub's also have frames of the unit's own stream.
                if isinstance(message, str) and message.startswith(_FRAME):
                    arrived.append(time.monotonic_ns())
                    if len(arrived) == len(tickets):
                        complete.set()

    tasks = []
    for start in range(0, len(tickets), 50):
        tasks += [asyncio.create_task(one(ticket)) for ticket in tickets[start : start + 50]]
        while held < min(start + 50, len(tickets)):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    arrived.clear()
    complete.clear()
    pipe.send("held")
    loop = asyncio.get_running_loop()
    # The first client process starts a round of the peers by a message of its own to them.
    loop.add_reader(pipe.fileno(), lambda: (pipe.recv(), asyncio.ensure_future(_trigger(path))))
    while True:
        await complete.wait()
        pipe.send(arrived[: len(tickets)])
        arrived.clear()
        complete.clear()


async def _trigger(path: str) -> None:
    async with websockets.unix_connect(path, uri="ws://localhost/go", compression=None) as socket:
        await socket.recv()
