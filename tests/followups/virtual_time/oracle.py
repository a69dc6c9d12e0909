"""
When a step is due, found another way than followups/rules/days.py finds it: by looking at a wall clock.

Every zone moved its clocks in whole quarters of an hour, so a clock that is looked at each quarter of an hour misses nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_QUARTER = timedelta(minutes=15)
_MOST = timedelta(hours=30)


def due(based_at: datetime, *, days: int, zone: ZoneInfo, visits_from: time) -> tuple[date, datetime]:
    """
    Return the local day and the instant at which its visiting hours begin.
    """
    day = based_at.astimezone(zone).date() + timedelta(days=days)
    while not _has(zone, day):
        day += timedelta(days=1)
    return day, _first(zone, datetime.combine(day, visits_from, tzinfo=UTC))


@cache
def _has(zone: ZoneInfo, day: date) -> bool:
    return any(shown.date() == day for _, shown in _looks(zone, datetime.combine(day, time(12), tzinfo=UTC)))


@cache
def _first(zone: ZoneInfo, wanted: datetime) -> datetime:
    # The first moment at which the clock shows this or later: what a gap skips is its end, and of two passes it is the first.
    return next(at for at, shown in _looks(zone, wanted) if shown >= wanted)


def _looks(zone: ZoneInfo, around: datetime) -> list[tuple[datetime, datetime]]:
    # What the clock shows is written as if it were UTC, so that two of its readings compare.
    count = int(2 * _MOST / _QUARTER)
    instants = [around - _MOST + step * _QUARTER for step in range(count)]
    return [(at, at.astimezone(zone).replace(tzinfo=UTC)) for at in instants]
