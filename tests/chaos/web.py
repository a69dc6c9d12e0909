"""
The web process that ships, over the test database, to be killed at will; and Node, to run clients against it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from bench.site import wait_until_gone
from deploy.local.places import VENV
from tests.tablets.conftest import database_url


class Web:
    """
    The web process that ships, on a port that stays the same when it is killed and started again.
    """

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.origin = f"http://127.0.0.1:{self.port}"
        self.name = f"web-{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start it and wait until it listens.
        """
        command = [
            *(str(VENV / "bin/granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port)),
            *(
                "--workers",
                "2",
                "--blocking-threads",
                "4",
                "--no-ws",
                "--log-level",
                "error",
                "config.wsgi:application",
            ),
        ]
        environment = os.environ | {"DATABASE_URL": database_url(), "PROCESS_NAME": self.name}
        self._process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, start_new_session=True)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("web does not listen")

    def kill(self) -> None:
        """
        SIGKILL it with its workers.
        """
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def running_web() -> Iterator[Web]:
    """
    Have the web process up inside the block.
    """
    web = Web()
    web.start()
    try:
        yield web
    finally:
        web.kill()
        wait_until_gone(web.name)


@contextmanager
def running_node(script: Path, given: dict[str, Any], out: IO[str], err: IO[str]) -> Iterator["subprocess.Popen[str]"]:
    """
    Run a script of ours in Node inside the block, with ``given`` as a line of JSON on its standard input.
    """
    node = shutil.which("node")
    assert node is not None, "Node is not installed; `make install` says how"
    process = subprocess.Popen(
        [node, "--import", "./tests/js/browser.js", str(script)],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=err,
        text=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(f"{json.dumps(given)}\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
