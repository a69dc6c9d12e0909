"""
What processes cost: the CPU time of a server with everything it started, and of one database's backends.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

_TICK = os.sysconf("SC_CLK_TCK")


def with_children(pid: int) -> set[int]:
    """
    Return a process and everything it has started that is still there.
    """
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything; the parent is the second word after it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, ahead = set(), [pid]
    while ahead:
        one = ahead.pop()
        found.add(one)
        ahead += children.get(one, [])
    return found


def backends(database: str) -> set[int]:
    """
    Return the processes of Postgres that serve a database, without the one that is asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'",
            [database],
        )
        return {row[0] for row in cursor.fetchall()}


def cpu_ms(pid: int) -> float:
    """
    Return the CPU time that a process has used so far, all of its threads, in ms; 0 when it is gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * 1000 / _TICK


@dataclass
class Meter:
    """
    CPU time of a server and of its database between two moments.
    """

    server: int
    database: str
    _before: dict[int, float] = field(default_factory=dict)

    def start(self) -> None:
        """
        Begin to measure.
        """
        self._before = {pid: cpu_ms(pid) for pid in self._pids()}

    def stop(self) -> tuple[float, float]:
        """
        Return what the server and the backends have used since, in ms. What began meanwhile counts from its beginning.
        """
        server, database = with_children(self.server), backends(self.database)
        return self._used(server), self._used(database)

    def _used(self, pids: Iterable[int]) -> float:
        return sum(cpu_ms(pid) - self._before.get(pid, 0.0) for pid in pids)

    def _pids(self) -> set[int]:
        return with_children(self.server) | backends(self.database)
