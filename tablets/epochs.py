"""
Since when this database counts.

A database that was restored from a backup has forgotten answers that tablets remember. It is another epoch: every stream
begins again, and every tablet offers again what it was told was done. An epoch is a row that ``manage.py new_epoch``
changes, together with what Postgres itself knows of its past: the cluster's identity and its timeline, which a promoted
standby and a point-in-time recovery change by themselves.
"""

import logging
from datetime import datetime

from django.db import connection, transaction

_log = logging.getLogger(__name__)

# The timeline that is being written, not the last checkpoint's: that one lags behind a promotion by minutes.
EPOCH_SQL = """
coalesce((SELECT epoch.epoch::text FROM tablets_epoch epoch), '0')
|| '.' || (SELECT to_hex(system_identifier) FROM pg_control_system())
|| '.' || ltrim(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '0')
"""
# Ids that were handed out after the backup live on in queues: none of them may come to mean something else.
IDS_SKIPPED = 1_000_000


def current() -> str:
    """
    Return the epoch as the protocol says it; nobody but this module reads anything in it.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {EPOCH_SQL}")
        return str(cursor.fetchone()[0])


def begin(*, why: str, at: datetime) -> str:
    """
    Begin a new epoch and return it.
    """
    _begin(why=why, at=at, unless_within_s=0)
    return current()


def begin_if_ahead(*, tablet_id: int | None, at: datetime) -> bool:
    """
    Begin a new epoch because a tablet knows a number that this database never reached; at most one in a minute.
    """
    begun = _begin(why=f"tablet {tablet_id} was ahead of this database", at=at, unless_within_s=60)
    if begun:
        _log.error("new epoch: tablet %s was ahead of this database; was it restored?", tablet_id)
    return begun


def _begin(*, why: str, at: datetime, unless_within_s: int) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tablets_epoch AS e (id, epoch, made_at, why) VALUES (1, gen_random_uuid(), %(at)s, %(why)s)"
            " ON CONFLICT (id) DO UPDATE SET epoch = EXCLUDED.epoch, made_at = EXCLUDED.made_at, why = EXCLUDED.why"
            " WHERE %(within)s = 0 OR e.made_at <= EXCLUDED.made_at - make_interval(secs => %(within)s)",
            {"at": at, "why": why, "within": unless_within_s},
        )
        if cursor.rowcount == 0:
            return False
        cursor.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass,"
            " least(max_value, coalesce(last_value, 0) + %s)) FROM pg_sequences WHERE schemaname = current_schema()",
            [IDS_SKIPPED],
        )
        return True
