"""
The real web process over the bench's database, and a client that costs little beside it.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

_ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """
    Return a TCP port of this machine that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """
    Return this process's environment, with the database that its connection points at.
    """
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {**os.environ, "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}"}


@contextmanager
def running_web(*, workers: int = 2, threads: int = 4) -> Iterator[int]:
    """
    Serve config.wsgi with granian, as in production, and yield its port once it answers.

    :raises RuntimeError: it did not answer within 30 s.
    """
    with running_granian("config.wsgi:application", workers=workers, threads=threads) as (port, _):
        yield port


@contextmanager
def running_granian(application: str, *, workers: int = 2, threads: int = 4) -> Iterator[tuple[int, int]]:
    """
    Serve a WSGI application over the bench's database, and yield its port and its process once it answers.

    :raises RuntimeError: it did not answer within 30 s.
    """
    port = free_port()
    command = [
        *(str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads)),
        *("--no-ws", "--log-level", "error", application),
    ]
    name = f"web-{port}"
    process = subprocess.Popen(command, cwd=_ROOT, env=environment() | {"PROCESS_NAME": name})
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)
        wait_until_gone(name)


def wait_until_gone(name: str) -> None:
    """
    Wait until Postgres has noticed that a process is gone: until then what was cut off there still has its locks.

    :raises RuntimeError: it did not within 10 s.
    """
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE %s", [f"{name}%"])
            if cursor.fetchone() is None:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{name} is still connected")


def wait_for(port: int) -> None:
    """
    Wait until somebody listens on a port.

    :raises RuntimeError: nobody did within 30 s.
    """
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers on port {port}")


@dataclass
class Client:
    """
    One kept-alive HTTP/1.1 connection of one tablet.
    """

    port: int
    token: str
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """
        Send JSON and return status and body; the connection is opened again when the server closed it.
        """
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Tablet {self.token}\r\nX-Tablet: 1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode()
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self._reader is not None
        self._writer.write(head + content)
        return await self._answer(self._reader)

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, await reader.readexactly(length)

    def close(self) -> None:
        """
        Close the connection.
        """
        if self._writer is not None:
            self._writer.close()
