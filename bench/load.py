"""
A closed loop of requests over a fixed number of connections, and what they cost both processes that serve them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from bench.processes import Meter

# A request as bytes, and what its answer is shown to: it returns how many operations the answer completed.
Request = tuple[bytes, Callable[[int, bytes], int]]


@dataclass
class Cost:
    """
    What a number of operations took. Times are seconds, CPU is ms.
    """

    operations: int = 0
    seconds: float = 0.0
    application_ms: float = 0.0
    database_ms: float = 0.0
    requests: int = 0
    body_bytes: int = 0
    waits: list[float] = field(default_factory=list)

    def add(self, other: "Cost") -> None:
        """
        Count another run of the same kind.
        """
        for name in ("operations", "seconds", "application_ms", "database_ms", "requests", "body_bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waits += other.waits

    @property
    def rate(self) -> float:
        """
        Return operations per second of the clock on the wall.
        """
        return self.operations / self.seconds

    @property
    def cpu_ms(self) -> float:
        """
        Return the CPU time of application and database for one operation.
        """
        return (self.application_ms + self.database_ms) / self.operations

    def wait_ms(self, percent: float) -> float:
        """
        Return the wait that this many percent of the requests did not exceed.
        """
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def run(
    port: int,
    next_request: Callable[[], Request],
    *,
    connections: int,
    operations: int,
    most_seconds: float,
    meter: Meter,
) -> Cost:
    """
    Make requests until enough operations are done or the time is over.
    """
    meter.start()
    cost = asyncio.run(_run(port, next_request, connections, operations, most_seconds))
    cost.application_ms, cost.database_ms = meter.stop()
    return cost


async def _run(
    port: int, next_request: Callable[[], Request], connections: int, operations: int, most_seconds: float
) -> Cost:
    cost = Cost()
    pipes = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    began = perf_counter()

    async def worker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while cost.operations < operations and perf_counter() - began < most_seconds:
            raw, done = next_request()
            sent = perf_counter()
            writer.write(raw)
            status, body = await read_answer(reader)
            cost.waits.append(perf_counter() - sent)
            cost.requests += 1
            cost.body_bytes += len(body)
            cost.operations += done(status, body)

    await asyncio.gather(*(worker(*pipe) for pipe in pipes))
    cost.seconds = perf_counter() - began
    for _, writer in pipes:
        writer.close()
    return cost


async def ask(port: int, raw: bytes) -> tuple[int, bytes]:
    """
    Make one request on a connection of its own, and return status and body.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """
    Return status and body of one answer.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    assert at >= 0, head
    length = int(lowered[at + 15 : lowered.index(b"\r", at)])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


def request(method: str, path: str, headers: dict[str, str], content: bytes = b"") -> bytes:
    """
    Return a request as it goes over the wire.
    """
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content
