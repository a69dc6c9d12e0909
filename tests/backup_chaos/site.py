"""
The whole site behind nginx, with the command lines that ship, to be killed and stopped; and when what was out.
"""

import os
import signal
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psycopg
from honcho.environ import parse_procfile

from deploy.local.places import ROOT
from deploy.local.site import configuration
from tests.backup_chaos.ledger import Span
from tests.backup_chaos.script import WATCHES
from tests.faults.servers import Kept, Servers

_LOOK_EVERY = 0.1
# A connection by which a ringing loop listens names the process that it is in.
_LISTENERS = """
SELECT application_name, extract(epoch FROM backend_start)::float8 FROM pg_stat_activity
 WHERE application_name LIKE '%-listen'
"""


class Site(Servers):
    """
    nginx, web, backup, live, worker, beat, Redis and Postgres, each with a socket of its own.
    """

    more_of_postgres = "max_connections = 150\n"

    def __init__(self, directory: Path, disk: Path, port: int) -> None:
        super().__init__(directory, disk, port)
        state = directory / "nginx"
        state.mkdir()
        self.env |= configuration(
            listen=f"127.0.0.1:{port}", state=state, socket_directory=directory, static_root=directory
        )
        self.env["BACKUP_SELF_TEST"] = "20"
        commands: dict[str, str] = parse_procfile((ROOT / "deploy/Procfile").read_text()).processes
        for name in ("nginx", "web", "backup", "live", "worker", "beat"):
            self.kept[name] = self._shipped(name, commands[name])
        self.url = self.env["DATABASE_URL"].replace("postgis://", "postgresql://")
        self._outages = _Outages(self.url)

    def begin(self) -> None:
        """
        Make the cluster and the schema, start everything, and begin to note what is out.
        """
        super().begin()
        self._outages.start()

    def end(self) -> None:
        """
        Stop everything.
        """
        for name in self.kept:
            self._signal(name, signal.SIGCONT)
        self._outages.stop()
        super().end()

    def fell(self, what: str, who: str, seconds: float) -> None:
        """
        Kill or stop a process and have it back after so many seconds. Blocks meanwhile.
        """
        if what == "kill":
            self.kept[who].held = True
            self._outages.is_away(who)
            self.kill(who)
            time.sleep(seconds)
            self.kept[who].held = False
            self._outages.may_return(who)
        else:
            self._outages.is_away(who)
            self._signal(who, signal.SIGSTOP)
            time.sleep(seconds)
            self._signal(who, signal.SIGCONT)
            self._outages.goes_on(who)

    def wait_for_postgres(self) -> None:
        """
        Wait until Postgres answers a new connection.
        """
        self._wait_for_postgres()

    def outages(self) -> list[Span]:
        """
        Return when nothing could have rung: Postgres was away, or every process that rings was.
        """
        return self._outages.spans()

    def down(self) -> dict[str, list[Span]]:
        """
        Return when each process was away.
        """
        return self._outages.down()

    def _signal(self, who: str, what: int) -> None:
        kept = self.kept[who]
        if who != "postgres":
            kept.signal(what)
            return
        # Its children have groups of their own.
        pid = kept.process.pid if kept.process is not None else 0
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for number in (pid, *map(int, children)):
                with suppress(ProcessLookupError):
                    os.kill(number, what)

    def _shipped(self, name: str, command: str) -> Kept:
        env = {**self.env, "LC_ALL": "C.UTF-8"}
        return Kept(name, ["/bin/sh", "-c", command], env, self.directory / f"{name}.log")


class _Outages:
    """
    Notes what was done to each process, and looks when Postgres answers again and when a loop listens again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._stopped: set[str] = set()
        self._spans: dict[str, list[Span]] = defaultdict(list)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="outages", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def is_away(self, who: str) -> None:
        with self._lock:
            self._began.setdefault(who, time.time())
            self._stopped.add(who)

    def may_return(self, who: str) -> None:
        with self._lock:
            self._stopped.discard(who)

    def goes_on(self, who: str) -> None:
        with self._lock:
            self._stopped.discard(who)
            # It listens as before. Postgres is back when it answers.
            if who != "postgres" and who in self._began:
                self._spans[who].append(Span(self._began.pop(who), time.time()))

    def down(self) -> dict[str, list[Span]]:
        with self._lock:
            spans = {who: list(found) for who, found in self._spans.items()}
            for who, began in self._began.items():
                spans.setdefault(who, []).append(Span(began, time.time()))
        return spans

    def spans(self) -> list[Span]:
        down = self.down()
        nobody = down.get(next(iter(sorted(WATCHES))), [])
        for who in WATCHES:
            nobody = [
                Span(max(one.began, other.began), min(one.ended, other.ended))
                for one in nobody
                for other in down.get(who, [])
                if one.began < other.ended and other.began < one.ended
            ]
        return down.get("postgres", []) + nobody

    def _look(self) -> None:
        connection: psycopg.Connection[tuple[str, float]] | None = None
        while not self._ended.wait(_LOOK_EVERY):
            began = time.time()
            try:
                if connection is None:
                    connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
                found = connection.execute(_LISTENERS).fetchall()
            except psycopg.Error:
                if connection is not None:
                    connection.close()
                connection = None
                continue
            self._note(began, found)
        if connection is not None:
            connection.close()

    def _note(self, asked_at: float, listeners: list[tuple[str, float]]) -> None:
        now = time.time()
        with self._lock:
            for who, began in list(self._began.items()):
                if who in self._stopped or asked_at < began:
                    continue
                # Of the others nothing is measured; they count as back when they are started.
                is_back = who not in WATCHES or any(
                    name == f"{who}-listen" and since > began for name, since in listeners
                )
                if is_back:
                    self._spans[who].append(Span(self._began.pop(who), now))
