"""
The live process under test: uvicorn with the options of deploy/Procfile, against the test database and a real Redis.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from tests.tablets.lines import LiveProcess

# What Postgres calls the connections of the process under test.
PROCESS_NAME = "live-under-test"
_OPTIONS = [
    "--ws-max-size=65536",
    "--ws-per-message-deflate=false",
    "--ws-ping-interval=10",
    "--ws-ping-timeout=15",
    "--timeout-graceful-shutdown=3",
    "--no-access-log",
    "--no-server-header",
    "--log-level=warning",
]


def database_url() -> str:
    """
    Return the address of the database that this test process uses.
    """
    database = connection.settings_dict
    host = quote(str(database["HOST"] or "localhost"), safe="")
    credentials = quote(str(database["USER"]))
    if database["PASSWORD"]:
        credentials += f":{quote(str(database['PASSWORD']), safe='')}"
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgis://{credentials}@{host}{port}/{database['NAME']}"


@contextmanager
def run_live(*, redis_url: str | None = None, application: str = "config.asgi:application") -> Iterator[LiveProcess]:
    """
    Run a live process for a while.
    """
    with tempfile.TemporaryDirectory(prefix="care-live-") as directory:
        path, log = Path(directory) / "live.sock", Path(directory) / "log"
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": redis_url or settings.REDIS_URL,
            "PROCESS_NAME": PROCESS_NAME,
            "PYTHONPATH": str(settings.BASE_DIR),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "--uds", str(path), *_OPTIONS, application],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=settings.BASE_DIR,
            )
            try:
                _wait_until(lambda: path.exists() or process.poll() is not None, 30)
                assert process.poll() is None, log.read_text()
                yield LiveProcess(path=str(path), log=log.read_text, pid=process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@pytest.fixture(autouse=True)
def _own_rate_limits(settings: Settings) -> None:
    """
    Count requests apart from every other test: Redis is shared, and remembers for a minute.
    """
    settings.RATE_LIMIT_PREFIX = f"test-{uuid4().hex}"


@pytest.fixture(scope="session")
def live_server_process(django_db_setup: None) -> Iterator[LiveProcess]:
    """
    Return a live process that lasts for the whole test run: its lines, and nothing that writes by itself.
    """
    with run_live(application="tests.tablets.lines_only:application") as process:
        yield process


@pytest.fixture
def private_redis() -> Iterator[tuple[str, Callable[[], None]]]:
    """
    Return the address of a Redis of the test's own, and the function that kills it.
    """
    with tempfile.TemporaryDirectory(prefix="care-redis-") as directory:
        path = Path(directory) / "redis.sock"
        process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", directory],
            stdout=subprocess.DEVNULL,
        )

        def kill() -> None:
            process.kill()
            process.wait()

        try:
            _wait_until(path.exists, 10)
            yield f"unix://{path}?db=0", kill
        finally:
            kill()


def _wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
