"""
Where units are. No receipt, no document and no entry: a position is only worth something until the next one.
"""

from datetime import datetime, timedelta

from django.contrib.gis.geos import Point
from django.db import connection

from responders.models import Agency, Position, TrackPoint

# A track is for finding out afterwards which way a unit went, not for watching it.
TRACK_EVERY = timedelta(seconds=30)
# A latest position that is older says nothing any more.
LATEST_KEPT = timedelta(days=1)
_BATCH = 10_000

# Both tablets of a unit, and packets that overtake each other, write to one row: the newest fix wins. Off shift nothing
# is kept, not even when a position arrives together with the sign-off.
_KEEP_SQL = """
WITH latest AS (
    INSERT INTO responders_position AS kept (unit_id, point, accuracy_m, heading, at)
    SELECT %(unit)s, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography, %(accuracy_m)s, %(heading)s, %(seen_at)s
    WHERE EXISTS (SELECT FROM responders_shift WHERE unit_id = %(unit)s AND ended_at IS NULL)
    ON CONFLICT (unit_id) DO UPDATE
        SET point = EXCLUDED.point, accuracy_m = EXCLUDED.accuracy_m, heading = EXCLUDED.heading, at = EXCLUDED.at
        WHERE kept.at < EXCLUDED.at
    RETURNING unit_id, point, at
), sampled AS (
    INSERT INTO responders_trackpoint (unit_id, point, at)
    SELECT unit_id, point, at FROM latest
    WHERE NOT EXISTS (
        SELECT FROM responders_trackpoint track WHERE track.unit_id = latest.unit_id AND track.at > latest.at - %(every_s)s * interval '1 second'
    )
)
SELECT FROM latest
"""


def keep(
    *,
    unit_id: int,
    point: Point,
    accuracy_m: float | None = None,
    heading: float | None = None,
    seen_at: datetime,
    at: datetime,
) -> bool:
    """
    Note where a unit was at ``seen_at``, and tell whether that is now its latest position.

    Metres and degrees from north. An instant later than ``at`` counts as ``at``. One in ``TRACK_EVERY`` also goes to the
    track.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP_SQL,
            {
                "unit": unit_id,
                "lon": point.x,
                "lat": point.y,
                "accuracy_m": accuracy_m,
                "heading": heading,
                "seen_at": min(seen_at, at),
                "every_s": TRACK_EVERY.total_seconds(),
            },
        )
        return bool(cursor.rowcount == 1)


def forget(*, at: datetime) -> int:
    """
    Delete what is older than its agency keeps of tracks, and latest positions older than a day; return how many rows.

    Safe to run at any time, by any number of sweepers at once.
    """
    forgotten = Position.objects.filter(at__lt=at - LATEST_KEPT).delete()[0]
    for agency in Agency.objects.order_by("pk"):
        before = at - timedelta(days=agency.track_kept_days)
        old = TrackPoint.objects.filter(unit__agency=agency, at__lt=before)
        while True:
            # In batches, so that no lock is held for long; another sweeper may be at the same rows.
            ids = list(old.values_list("pk", flat=True)[:_BATCH])
            if not ids:
                break
            forgotten += TrackPoint.objects.filter(pk__in=ids).delete()[0]
    return forgotten
