"""
Servers of one's own to kill: Postgres on a small disk, Redis, web, worker and beat, each brought back when it dies, as a
supervisor with `Restart=always` would.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

from deploy.local import environment
from deploy.local.places import ROOT, VENV, postgres_account
from deploy.local.servers import EXTENSIONS, postgres_bin

DISK_BYTES = 768 * 1024 * 1024
UP_WITHIN_S = 60
_ROLE = "care_field"
# What keeps a small disk small; everything that a promise rests on is as in deploy/postgresql.conf.
_SMALL = """
max_wal_size = 64MB
min_wal_size = 32MB
shared_buffers = 64MB
max_connections = 60
"""


@dataclass
class Kept:
    """
    A server that is started again whenever it ends.
    """

    name: str
    command: Sequence[str]
    env: dict[str, str]
    log: Path
    as_account: bool = False
    held: bool = False
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """
        Start it, in a process group of its own.
        """
        account = postgres_account() if self.as_account else None
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                list(self.command),
                cwd="/" if self.as_account else ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=list(account.groups) if account else None,
            )
        self.starts += 1

    def signal(self, what: int) -> None:
        """
        Signal the whole group. Postgres' children have groups of their own: they end when their postmaster has.
        """
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, what)


class Servers:
    """
    Everything that the site runs on, at one's mercy.
    """

    # What a kind of site of its own adds to postgresql.conf.
    more_of_postgres = ""

    def __init__(self, directory: Path, disk: Path, port: int) -> None:
        self.directory, self.disk, self.port = directory, disk, port
        self.data = disk / "data"
        self.ballast = disk / "ballast"
        self.log = directory / "servers.log"
        self._redis_socket = directory / "redis.sock"
        self.env = {
            **environment.for_processes(str(port)),
            "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "DATABASE_URL": f"postgis://{_ROLE}@{quote(str(directory), safe='')}/{_ROLE}",
            "REDIS_URL": f"unix://{self._redis_socket}?db=0",
            "DEMO": "1",
            "SERVER": "faults",
        }
        programs = postgres_bin()
        assert programs is not None, "PostgreSQL with PostGIS is not installed; `make install` installs it"
        self._programs = programs
        redis = shutil.which("redis-server")
        assert redis is not None, "redis-server is not installed; `make install` installs it"
        self.kept = {
            kept.name: kept
            for kept in (
                self._server("postgres", [str(programs / "postgres"), "-D", str(self.data)], as_account=True),
                self._server(
                    "redis",
                    [
                        *(redis, "--port", "0", "--unixsocket", str(self._redis_socket), "--save", ""),
                        "--dir",
                        str(directory),
                    ],
                ),
                self._server(
                    "web",
                    [
                        *(
                            "granian",
                            "--interface",
                            "wsgi",
                            "--host",
                            "127.0.0.1",
                            "--port",
                            str(port),
                            "--workers",
                            "2",
                        ),
                        *("--blocking-threads", "4", "--no-ws", "--log-level", "error", "config.wsgi:application"),
                    ],
                ),
                self._server(
                    "worker",
                    [
                        *("celery", "--quiet", "--app", "config.celery:app", "worker", "--pool", "threads"),
                        *("--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"),
                    ],
                ),
                self._server(
                    "beat",
                    [
                        *("celery", "--quiet", "--app", "config.celery:app", "beat", "--loglevel", "ERROR"),
                        *("--schedule", str(directory / "beat"), "--pidfile="),
                    ],
                ),
            )
        }
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def _server(self, name: str, command: Sequence[str], *, as_account: bool = False) -> Kept:
        program = command[0] if "/" in command[0] else str(VENV / "bin" / command[0])
        env = {**self.env, "PROCESS_NAME": name, "LC_ALL": "C.UTF-8"}
        return Kept(name, [program, *command[1:]], env, self.directory / f"{name}.log", as_account)

    # --- up and down ---

    def begin(self) -> None:
        """
        Make the cluster and the schema, and start everything.
        """
        self._make_cluster()
        self.kept["postgres"].start()
        self._wait_for_postgres()
        self._psql("template1", *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS))
        self._psql(
            "postgres",
            f"CREATE ROLE {_ROLE} LOGIN CREATEDB IN ROLE pg_monitor, pg_checkpoint, pg_signal_backend",
            f"CREATE DATABASE {_ROLE} OWNER {_ROLE}",
        )
        self.manage("migrate", "--verbosity", "0")
        for name, kept in self.kept.items():
            if name != "postgres":
                kept.start()
        self.wait_until_up()
        self._keeper.start()

    def end(self) -> None:
        """
        Stop everything.
        """
        self._ended.set()
        if self._keeper.is_alive():
            self._keeper.join(5)
        for kept in reversed(list(self.kept.values())):
            # SIGINT is Postgres' fast shutdown; the others have nothing to say good-bye to.
            kept.signal(signal.SIGINT if kept.name == "postgres" else signal.SIGKILL)
            if kept.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    kept.process.wait(15)
                kept.signal(signal.SIGKILL)

    def _keep(self) -> None:
        while not self._ended.wait(0.1):
            for kept in self.kept.values():
                if kept.process is not None and kept.process.poll() is not None and not kept.held:
                    kept.start()

    # --- what can befall them ---

    def kill(self, name: str) -> None:
        """
        SIGKILL a server with everything that it started.
        """
        kept = self.kept[name]
        if name == "postgres":
            self._kill_backends(kept)
        kept.signal(signal.SIGKILL)

    def _kill_backends(self, kept: Kept) -> None:
        # The postmaster first, so that no backend's death is handled; a power cut asks nobody either.
        assert kept.process is not None
        children = Path(f"/proc/{kept.process.pid}/task/{kept.process.pid}/children").read_text().split()
        for pid in (kept.process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_backend(self) -> None:
        """
        SIGKILL one backend in the middle of its work: Postgres ends all sessions and recovers from its log.
        """
        pids = self.query(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = 'web'"
            " AND pid <> pg_backend_pid() ORDER BY (state = 'active') DESC LIMIT 1"
        )
        for (pid,) in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def flush_redis(self) -> None:
        """
        FLUSHALL: queues, hints, caches, rate limits, everything.
        """
        subprocess.run(
            ["redis-cli", "-s", str(self._redis_socket), "FLUSHALL"], check=True, stdout=subprocess.DEVNULL, timeout=10
        )

    def fill_disk(self) -> None:
        """
        Leave not a byte on the disk that Postgres has.
        """
        file = os.open(self.ballast, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            # In blocks, and then what is left of the last one.
            for size in (1 << 20, 1 << 12, 512):
                with suppress(OSError):
                    while True:
                        os.write(file, bytes(size))
        finally:
            os.close(file)

    def free_disk(self) -> None:
        """
        Give the space back.
        """
        self.ballast.unlink(missing_ok=True)

    # --- asking ---

    def manage(self, *arguments: str) -> str:
        """
        Run a management command and return what it prints.
        """
        return self.run(str(VENV / "bin/python"), "manage.py", *arguments)

    def run(self, *command: str) -> str:
        """
        Run a program in the site's environment and return what it prints.
        """
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def query(self, statement: str) -> list[tuple[int, ...]]:
        """
        Return the rows, all of whole numbers, of a statement run as the superuser.
        """
        out = self._psql(_ROLE, statement)
        return [tuple(int(value) for value in line.split("|")) for line in out.splitlines() if line]

    def wait_until_up(self) -> None:
        """
        Wait until the site answers.

        :raises AssertionError: it does not.
        """
        deadline = time.monotonic() + UP_WITHIN_S
        while time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=5):
                    return
            except HTTPError as error:
                error.close()
            except (URLError, OSError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"the site did not come up within {UP_WITHIN_S} s:\n{self.tail()}")

    def said(self, words: str, *, lines: int = 60) -> str:
        """
        Return what the logs say from these words on, for a failure's message.
        """
        texts = [log.read_text(errors="replace") for log in sorted(self.directory.glob("*.log"))]
        found = [text[text.index(words) :].splitlines()[:lines] for text in texts if words in text]
        return "\n".join(line for block in found for line in block)

    def tail(self) -> str:
        """
        Return the ends of all logs, for a failure's message.
        """
        return "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            for log in sorted(self.directory.glob("*.log"))
        )

    def _psql(self, database: str, *statements: str) -> str:
        command = [str(self._programs / "psql"), "-h", str(self.directory), "-U", "postgres", "-d", database, "-XAtq"]
        command += ["-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _make_cluster(self) -> None:
        account = postgres_account()
        for path in (self.directory, self.disk):
            if account is not None:
                os.chown(path, account.uid, account.gid)
        made = subprocess.run(
            [
                *(str(self._programs / "initdb"), "-D", str(self.data), "--username", "postgres", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--wal-segsize", "8"),
            ],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=list(account.groups) if account else None,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        conf = (ROOT / "deploy/postgresql.conf").read_text()
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{conf}{_SMALL}{self.more_of_postgres}unix_socket_directories = '{self.directory}'\n")

    def _wait_for_postgres(self) -> None:
        for _ in range(UP_WITHIN_S * 10):
            with suppress(AssertionError):
                self._psql("postgres", "SELECT 1")
                return
            time.sleep(0.1)
        raise AssertionError(f"Postgres did not come up:\n{self.tail()}")


_Site = TypeVar("_Site", bound=Servers)


@contextmanager
def running_servers(kind: Callable[[Path, Path, int], _Site]) -> Iterator[_Site]:
    """
    Have servers of one's own inside the block. Postgres has a small disk of its own where the system lets us make one.
    """
    directory = Path(tempfile.mkdtemp(prefix="care-f-"))  # short: sockets' names are limited to 107 characters
    disk = directory / "disk"
    disk.mkdir()
    mounted = _mount(disk)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    servers = kind(directory, disk, port)
    try:
        servers.begin()
        yield servers
    finally:
        servers.end()
        if mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=False)
        shutil.rmtree(directory, ignore_errors=True)


def has_small_disk(servers: Servers) -> bool:
    """
    Tell whether Postgres' disk is one that may be filled.
    """
    return os.path.ismount(servers.disk)


def _mount(disk: Path) -> bool:
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
