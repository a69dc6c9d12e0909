"""
Sweeping tombstones: a reader that slept longer than they are kept is reset instead.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction

KEPT = timedelta(days=30)


def sweep(*, at: datetime) -> int:
    """
    Remove tombstones older than 30 days, raise their streams' floors past them, and return how many there were.

    Any number of sweepers may run: each stream's row is locked, in the order of names, before its tombstones go.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM journal_stream WHERE name IN"
            " (SELECT stream FROM journal_document WHERE gone IS NOT NULL AND gone_at < %s)"
            " ORDER BY name FOR NO KEY UPDATE",
            [at - KEPT],
        )
        names = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "WITH swept AS (DELETE FROM journal_document WHERE stream = ANY(%s) AND gone IS NOT NULL AND gone_at < %s"
            " RETURNING stream, number), highest AS (SELECT stream, max(number) AS number, count(*) FROM swept GROUP BY stream),"
            " raised AS (UPDATE journal_stream s SET floor = greatest(s.floor, highest.number) FROM highest"
            " WHERE s.name = highest.stream)"
            " SELECT coalesce(sum(count), 0) FROM highest",
            [names, at - KEPT],
        )
        return int(cursor.fetchone()[0])
