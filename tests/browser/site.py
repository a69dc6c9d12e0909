"""
The whole site on a free port, with its own database and Redis and the demo in it: nginx, web, live, worker and beat.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import psycopg
from honcho.environ import parse_procfile

from deploy.local import environment
from deploy.local.places import ROOT, VENV
from deploy.local.site import PROCESSES, configuration, honcho_command

READY_S = 90


class Site:
    """
    A running site.
    """

    def __init__(self, *, origin: str, settings: dict[str, str], key_file: Path, log: Path) -> None:
        self.origin = origin
        self.settings = settings
        self.key_file = key_file
        self.log = log
        self._revision: dict[str, int] = {}
        self._apart: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def database_url(self) -> str:
        """
        Return where the site's database is, as psycopg takes it.
        """
        return urlunsplit(urlsplit(self.settings["DATABASE_URL"])._replace(scheme="postgresql"))

    def start(self, name: str) -> None:
        """
        Start a process of the site beside the supervisor, which would end the whole site together with it.
        """
        commands: dict[str, str] = parse_procfile((ROOT / "deploy/Procfile").read_text()).processes
        # A socket that a killed process left behind would be in the way of the next.
        if left_over := self.settings.get(f"{name.upper()}_SOCKET"):
            Path(left_over).unlink(missing_ok=True)
        with self.log.open("a") as log:
            self._apart[name] = subprocess.Popen(
                ["/bin/sh", "-c", commands[name]],
                cwd=ROOT,
                env=self.settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def freeze(self, name: str) -> None:
        """
        SIGSTOP a process that was started apart: what reaches it from now on lies there.
        """
        os.killpg(self._apart[name].pid, signal.SIGSTOP)

    def kill(self, name: str) -> None:
        """
        SIGKILL a process that was started apart, with everything that it started.
        """
        process = self._apart.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)

    def is_up(self) -> bool:
        """
        Tell whether the site answers.
        """
        try:
            with urlopen(f"{self.origin}/health/", timeout=5):  # noqa: S310
                return True
        except OSError:
            return False

    def end_apart(self) -> None:
        """
        End what was started apart.
        """
        for name in list(self._apart):
            self.kill(name)

    def manage(self, *arguments: str) -> str:
        """
        Run a management command in the site's environment and return what it prints.
        """
        command = [str(VENV / "bin/python"), "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.settings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def cad_says(self, number: str, **fields: Any) -> None:
        """
        Send the next revision of a call as the CAD does, with the replay's key.
        """
        revision = self._revision[number] = self._revision.get(number, 0) + 1
        body = {"number": number, "revision": revision, "status": "OPEN", **fields}
        request = Request(  # noqa: S310  our own site
            f"{self.origin}/api/cad/calls/",
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"CAD {self.key_file.read_text().strip()}",
            },
        )
        try:
            with urlopen(request, timeout=15) as response:  # noqa: S310
                assert response.status < 300
        except HTTPError as error:
            raise AssertionError(f"{error.status}: {error.read().decode()}") from None


@contextmanager
def running_site(
    *, demo: bool = True, processes: tuple[str, ...] = PROCESSES, apart: tuple[str, ...] = ("web",)
) -> Iterator[Site]:
    """
    Have a whole site up inside the block, with a database and a Redis that are gone afterwards. Those ``apart`` can be killed and
    started again.
    """
    directory = Path(tempfile.mkdtemp(prefix="care-"))  # short: sockets' names are limited to 107 characters
    port = str(_free_port())
    name = f"care_browser_{port}"
    base = environment.for_processes(port)
    database = urlsplit(base["DATABASE_URL"])
    settings = {
        **base,
        "PATH": f"{VENV / 'bin'}{os.pathsep}{base.get('PATH', os.defpath)}",
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{name}")),
        "DEMO": "1" if demo else "0",
        "WEB_WORKERS": "1",
        "WORKERS": "1",
        "STATIC_ROOT": str(directory / "static"),
        "SERVER": "browser",
        "REDIS_URL": f"unix://{directory / 'redis.sock'}?db=0",
    }
    settings |= configuration(
        listen=f"127.0.0.1:{port}", state=directory, socket_directory=directory, static_root=directory / "static"
    )
    plain = database._replace(scheme="postgresql")
    site = Site(
        origin=f"http://localhost:{port}",
        settings=settings,
        key_file=directory / "demo-cad-key",
        log=directory / "site.log",
    )
    with psycopg.connect(urlunsplit(plain), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        redis = _start_redis(directory)
        try:
            site.manage("migrate", "--verbosity", "0")
            site.manage("collectstatic", "--noinput", "--verbosity", "0")
            if demo:
                site.manage("load_demo", "--key-file", str(site.key_file))
            with site.log.open("a") as log:
                supervisor = subprocess.Popen(
                    honcho_command([name for name in processes if name not in apart]),
                    cwd=ROOT,
                    env=settings,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                try:
                    for name in apart:
                        site.start(name)
                    wait_until_up(site, supervisor)
                    yield site
                finally:
                    site.end_apart()
                    _end(supervisor)
        finally:
            redis.kill()
            redis.wait()
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            shutil.rmtree(directory, ignore_errors=True)


def _start_redis(directory: Path) -> "subprocess.Popen[bytes]":
    """
    Start a Redis for one site alone: queues and hints of another one that runs beside it are not its own.
    """
    program = shutil.which("redis-server")
    assert program is not None, "redis-server is not installed; `make install` installs it"
    made = ["--port", "0", "--unixsocket", str(directory / "redis.sock"), "--save", "", "--dir", str(directory)]
    return subprocess.Popen([program, *made], stdout=subprocess.DEVNULL, start_new_session=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(site: Site, supervisor: "subprocess.Popen[bytes] | None" = None) -> None:
    """
    Wait until a site answers.

    :raises AssertionError: it does not, or has ended.
    """
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert supervisor is None or supervisor.poll() is None, f"the site ended:\n{site.log.read_text()}"
        if site.is_up():
            return
        time.sleep(0.3)
    raise AssertionError(f"the site did not answer within {READY_S} s:\n{site.log.read_text()}")


def _end(supervisor: "subprocess.Popen[bytes]") -> None:
    supervisor.send_signal(signal.SIGTERM)
    try:
        supervisor.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.wait()


if __name__ == "__main__":
    # For looking at it by hand: python -m tests.browser.site
    with running_site() as up:
        sys.stdout.write(f"{up.origin}  key in {up.key_file}, log in {up.log}; Enter ends it\n")
        sys.stdout.flush()
        sys.stdin.readline()
