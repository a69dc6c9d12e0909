"""
The path tests itself: every five minutes a synthetic tablet presses, and a synthetic console must show it.

Nobody is rung by it. Consoles show how the last one went; one that took over ten seconds, or never arrived, is an alarm.
"""

import logging
import time
from typing import Final
from uuid import uuid4

import orjson
import psycopg
from django.conf import settings

from dispatch.backup.alarms import open_alarms
from dispatch.backup.database import Pool
from dispatch.backup.press import Credential, announce, raise_
from dispatch.backup.reading import read
from dispatch.models import BackupConsoleKind

MOST_SECONDS: Final = 10.0
_LOOK_EVERY: Final = 0.1
# A process that has just been started has other things to do, and one that lives for a moment only makes no test.
_FIRST_AFTER: Final = 30.0

_DUE: Final = """
INSERT INTO dispatch_backupselftest (agency_id, at, error)
SELECT agency.id, date_bin(make_interval(secs => %(period)s), now(), 'epoch'), ''
  FROM responders_agency agency
 WHERE NOT EXISTS (SELECT FROM dispatch_backupselftest known WHERE known.agency_id = agency.id
                      AND known.at >= date_bin(make_interval(secs => %(period)s), now(), 'epoch'))
    ON CONFLICT DO NOTHING
RETURNING id, agency_id
"""
_DONE: Final = "UPDATE dispatch_backupselftest SET took_ms = %(took_ms)s, error = %(error)s WHERE id = %(id)s"
_SHOW: Final = """
WITH console AS (
    INSERT INTO dispatch_backupconsole (key, agency_id, label, kind, areas, shown)
    VALUES (%(console)s, %(agency)s, 'Self-test', %(kind)s, '{}', ARRAY[%(key)s]::uuid[])
    ON CONFLICT (key) DO UPDATE SET seen_at = now()
)
INSERT INTO dispatch_backupevent (press, kind, by, data) VALUES (%(key)s, 'SHOWN', %(console)s::text, '{}')
    ON CONFLICT DO NOTHING
"""
_CLOSE: Final = """
WITH closed AS (
    INSERT INTO dispatch_backupevent (press, kind, by, data) VALUES (%(key)s, 'CLOSED', 'self-test', '{"as": "SELF_TEST"}')
    ON CONFLICT DO NOTHING
), gone AS (
    DELETE FROM dispatch_backupconsole WHERE key = %(console)s
)
UPDATE dispatch_backuppress SET closed_at = now() WHERE key = %(key)s AND closed_at IS NULL
"""

_started = time.monotonic()
_log = logging.getLogger(__name__)


def run_when_due(pool: Pool) -> int:
    """
    Test the path for every agency whose turn it is and that no other process has taken; return how many.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    period = settings.BACKUP_SELF_TEST
    if not period or time.monotonic() - _started < _FIRST_AFTER:
        return 0
    taken = pool.fetch(_DUE, {"period": period})
    for row_id, agency_id in taken:
        took, error = 0.0, ""
        try:
            took = press_and_show(pool, agency_id)
            if took > MOST_SECONDS:
                error = "took too long"
        except (psycopg.Error, TimeoutError) as failed:
            error = type(failed).__name__
        if error:
            _log.error("self-test of backup: %s", error)
        took_ms = None if error and not took else round(took * 1000)
        pool.fetch(_DONE, {"id": row_id, "took_ms": took_ms, "error": error})
    return len(taken)


def press_and_show(pool: Pool, agency_id: int) -> float:
    """
    Press as a tablet does and look as a console does; return how long it took until it was on the console.

    :raises TimeoutError: it never was.
    :raises psycopg.Error: Postgres cannot be reached.
    """
    key, console = uuid4(), uuid4()
    began = time.monotonic()
    credential = Credential(agency_id=agency_id)
    told = raise_(pool, credential, read(orjson.dumps({"key": str(key), "drill": True}), key_hash=b""), via="server")
    assert told is not None, "an agency may always test itself"
    try:
        announce(pool, agency_id, key)
        while True:
            _, alarms = open_alarms(pool, agency_id, console=str(console), synthetic=True)
            if any(alarm.key == key for alarm in alarms):
                kind = BackupConsoleKind.SYNTHETIC.value
                pool.fetch(_SHOW, {"console": console, "agency": agency_id, "kind": kind, "key": key})
                return time.monotonic() - began
            if time.monotonic() - began > MOST_SECONDS:
                raise TimeoutError("the press never came to the console")
            time.sleep(_LOOK_EVERY)
    finally:
        pool.fetch(_CLOSE, {"key": key, "console": console})
