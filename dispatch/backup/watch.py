"""
The loop that rings: in every web, live and backup process, each ready to do all of it.

It looks every second, and at once when it is woken or a step is due. Each step of each press is a row that one process
writes, by a unique index; the others find it there. Filing and what goes outside have threads of their own, so that a
locked row or a slow gateway never makes a step late.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from dispatch.backup.alarms import OPEN_SQL
from dispatch.backup.database import Pool, connect
from dispatch.backup.press import CONSOLES_SQL, EVENTS_SQL, FAMILY_SQL, SHOWN_WITHIN_SECONDS, Standing, fold
from dispatch.backup.schedule import REMINDER, Audience, audience, due_at, last_step, next_due, steps_due

LOOK_SECONDS: Final = 1.0
_CHANNEL: Final = "backup"
_AGAIN_SECONDS: Final = 0.3
# A process that ends waits this long for what is under way: a look, a press being filed. What is not done then is cut off,
# as by a crash, and another process does it.
_END_SECONDS: Final = 3.0

_PENDING: Final = f"""
SELECT now(), press.key, press.agency_id, press.received_at, press.level, press.origin, family.levels, told.events,
       (SELECT max(step) FROM dispatch_backupevent e
         WHERE e.press = press.key AND e.kind = 'RUNG' AND e.step < {REMINDER}),
       (SELECT max(step) FROM dispatch_backupevent e
         WHERE e.press = press.key AND e.kind = 'RUNG' AND e.step >= {REMINDER}),
       (SELECT max(step) FROM dispatch_backupevent e WHERE e.press = press.key AND e.kind = 'NO_CONSOLE'),
       present.consoles
  FROM dispatch_backuppress press
  LEFT JOIN LATERAL ({FAMILY_SQL.format(root="press")}) family ON true
  LEFT JOIN LATERAL ({EVENTS_SQL.format(keys="family.keys")}) told ON true
  LEFT JOIN LATERAL ({CONSOLES_SQL.format(root="press")}) present ON true
 WHERE {OPEN_SQL} AND press.origin <> 'SELF_TEST'
"""  # noqa: S608  only constants of this package are put in
_RING: Final = """
WITH rung AS (
    INSERT INTO dispatch_backupevent (press, kind, step, by, data)
    SELECT press::uuid, kind, step, %(by)s, data
      FROM json_to_recordset(%(rows)s::json) AS due (press text, kind text, step int, data jsonb)
        ON CONFLICT DO NOTHING
    RETURNING press, kind, step
)
SELECT press, kind, step, pg_notify('backup', agency_id || ' ' || press)
  FROM rung JOIN dispatch_backuppress p ON p.key = rung.press
"""

_log = logging.getLogger(__name__)
Heard = Callable[[Sequence[str]], None]
# Done again and again; what it returns is for tests.
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pending:
    """
    An open press as the loop sees it.
    """

    key: UUID
    agency_id: int
    received_at: datetime
    standing: Standing
    rung: int
    reminded: int
    missed: int
    consoles: int

    def due(self, at: datetime) -> list[int]:
        """
        Return the steps that are due and were not rung, and ring somebody.
        """
        standing = self.standing
        steps = steps_due(self.received_at, standing.seen_at, standing.police_sent_at, None, at)
        return [
            step
            for step in steps
            if step > (self.reminded if step >= REMINDER else self.rung) and audience(step, standing.level)
        ]

    def next_at(self, at: datetime) -> datetime | None:
        """
        Return when the next step is due.
        """
        return next_due(self.received_at, self.standing.seen_at, self.standing.police_sent_at, at)

    def has_nobody(self, at: datetime) -> bool:
        """
        Tell whether nobody shows this press although everybody had the time to.
        """
        return (
            self.consoles == 0
            and self.standing.seen_at is None
            and (at - self.received_at).total_seconds() >= SHOWN_WITHIN_SECONDS
            and self.missed < max(0, last_step(at - self.received_at))
        )


def look(pool: Pool, *, by: str = "") -> tuple[datetime | None, datetime | None]:
    """
    Ring every step that is due; return the moment of the look by Postgres' clock, and when the next step is due.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    rows = pool.fetch(_PENDING, {})
    if not rows:
        return None, None
    at: datetime = rows[0][0]
    pending = [_pending(row) for row in rows]
    due = [row for press in pending for row in _rows(press, at)]
    if due:
        pool.fetch(_RING, {"by": by, "rows": orjson.dumps(due).decode()})
    return at, min((moment for press in pending if (moment := press.next_at(at)) is not None), default=None)


def _pending(row: tuple[Any, ...]) -> Pending:
    _, key, agency_id, received_at, level, _, levels, events, rung, reminded, missed, consoles = row
    return Pending(
        key=key,
        agency_id=agency_id,
        received_at=received_at,
        standing=fold(levels or [(level, None)], events),
        rung=-1 if rung is None else rung,
        reminded=REMINDER if reminded is None else reminded,
        missed=-1 if missed is None else missed,
        consoles=consoles,
    )


def _rows(press: Pending, at: datetime) -> list[dict[str, Any]]:
    rows = []
    for step in press.due(at):
        began_at = press.standing.seen_at if step >= REMINDER else press.received_at
        assert began_at is not None, "a reminder follows a look"
        data = {
            "audience": sorted(audience(step, press.standing.level)),
            "late_ms": round((at - began_at - due_at(step)).total_seconds() * 1000),
            "consoles": press.consoles,
        }
        rows.append({"press": str(press.key), "kind": "RUNG", "step": step, "data": data})
    if press.has_nobody(at):
        step = max(0, last_step(at - press.received_at))
        rows.append({"press": str(press.key), "kind": "NO_CONSOLE", "step": step, "data": {}})
    return rows


def rings(step: int, level: str, whom: Audience) -> bool:
    """
    Tell whether a step of a press of this level rings somebody.
    """
    return whom in audience(step, level)


class Loop(threading.Thread):
    """
    A thread that does its work again and again, whatever happens to it.
    """

    def __init__(self, name: str, work: Work, *, every: float = LOOK_SECONDS) -> None:
        super().__init__(name=f"backup-{name}", daemon=True)
        self._work = work
        self._every = every
        self._wake = threading.Event()
        self._stopped = False

    def wake(self) -> None:
        """
        Do the work now rather than at the next second.
        """
        self._wake.set()

    def end(self) -> None:
        """
        Let the thread end when it has done what it is at.
        """
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """
        Work until stopped.
        """
        while not self._stopped:
            try:
                self._work()
            except Exception as error:  # noqa: BLE001  Postgres may be restarting; nothing may end this loop
                _log.warning("%s: %s", self.name, type(error).__name__)
            self._wake.wait(self._every)
            self._wake.clear()


class Ringer(threading.Thread):
    """
    Looks every second, when it is woken, and when the next step is due.
    """

    def __init__(self, pool: Pool, *, heard: Heard | None = None) -> None:
        super().__init__(name="backup-ringer", daemon=True)
        self._pool = pool
        self._heard = heard
        self._by = f"{os.environ.get('PROCESS_NAME', 'care-field')}:{os.getpid()}"
        self._listening: psycopg.Connection[Any] | None = None
        self._stopped = False

    def end(self) -> None:
        """
        Let the thread end when it has done what it is at, and hears nothing for a second.
        """
        self._stopped = True

    def run(self) -> None:
        """
        Ring until stopped.
        """
        while not self._stopped:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001  Postgres may be restarting; nothing may end this loop
                _log.warning("backup watch: %s", type(error).__name__)
                self._drop()
                time.sleep(_AGAIN_SECONDS)
        self._drop()

    def _turn(self) -> None:
        at, next_at = look(self._pool, by=self._by)
        wait = LOOK_SECONDS
        if at is not None and next_at is not None:
            wait = min(wait, max(0.01, (next_at - at).total_seconds()))
        if self._listening is None:
            self._listening = connect("listen")
            self._listening.execute(f"LISTEN {_CHANNEL}")
        # Of many that come together one look takes care; all are passed on.
        payloads = [notice.payload for notice in self._listening.notifies(timeout=wait, stop_after=1)]
        if payloads and self._heard is not None:
            self._heard(payloads)

    def _drop(self) -> None:
        connection, self._listening = self._listening, None
        if connection is not None:
            connection.close()


class Watch:
    """
    Everything of this path that runs by itself in one process.
    """

    def __init__(self, pool: Pool, *, heard: Heard | None = None, works: Sequence[tuple[str, Work]] = ()) -> None:
        self.pool = pool
        self._also_heard = heard
        self._loops = [Loop(name, work) for name, work in works]
        self._ringer = Ringer(pool, heard=self._hear)

    def start(self) -> None:
        """
        Start the threads.
        """
        self._ringer.start()
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """
        Stop the threads, once each has done what it is at, and let go of the connections.
        """
        threads: list[Ringer | Loop] = [self._ringer, *self._loops]
        for thread in threads:
            thread.end()
        deadline = time.monotonic() + _END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.pool.close()

    def _hear(self, payloads: Sequence[str]) -> None:
        for loop in self._loops:
            loop.wake()
        if self._also_heard is not None:
            self._also_heard(payloads)


def start_watch(pool: Pool, *, heard: Heard | None = None) -> Watch:
    """
    Start all that runs by itself: ringing, filing, sending outside, the test of itself, what is due when nobody is heard of.
    """
    from dispatch import sweeps
    from dispatch.backup import filing, outbound, self_test

    watch = Watch(
        pool,
        heard=heard,
        works=[
            ("filing", lambda: filing.file_open(pool)),
            ("outbound", lambda: outbound.send_due(pool)),
            ("self-test", lambda: self_test.run_when_due(pool)),
            ("sweeps", sweeps.sweep_now),
        ],
    )
    watch.start()
    return watch
