"""
Local days and hours: when a step of a plan is due. Pure: no clock, no database but the zone's own.

A step is due on a day of the calendar, not after so many hours: seven days after a Tuesday is a Tuesday, whatever the clocks
did in between. Each is resolved once, when it is planned, by these rules:

- The day is the local day of the encounter plus the step's days. A day that a zone left out (Apia had no 30 December 2011)
  is the next one that there was.
- An hour that a gap of the clock skips is the first instant after the gap. An hour that a fold repeats is its first pass.
- Visiting hours that a gap swallows whole are as long as they should have been, from the end of the gap on.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Due(NamedTuple):
    """
    A local day, and the instants at which its visiting hours begin and end, in UTC.
    """

    date: date
    at: datetime
    until: datetime


def due(*, based_at: datetime, days: int, zone: ZoneInfo, visits_from: time, visits_until: time) -> Due:
    """
    Return when the step of ``days`` local calendar days after ``based_at`` is due.
    """
    return due_on(
        based_at.astimezone(zone).date() + timedelta(days=days),
        zone=zone,
        visits_from=visits_from,
        visits_until=visits_until,
    )


def due_on(day: date, *, zone: ZoneInfo, visits_from: time, visits_until: time) -> Due:
    """
    Return when something on a local day is due: that day, or the next one that the zone has.
    """
    day = existing(day, zone)
    begins, ends = instant(day, visits_from, zone), instant(day, visits_until, zone)
    if ends <= begins:
        ends = begins + (datetime.combine(day, visits_until) - datetime.combine(day, visits_from))
    return Due(day, begins, ends)


def existing(day: date, zone: ZoneInfo) -> date:
    """
    Return a day, or the first one after it that the zone's calendar has.
    """
    while instant(day, time(0), zone).astimezone(zone).date() != day:
        day += _DAY
    return day


def ends(day: date, zone: ZoneInfo) -> datetime:
    """
    Return the first instant after a local day, in UTC.
    """
    return instant(existing(day + _DAY, zone), time(0), zone)


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """
    Return the instant at which a wall clock shows this, in UTC: of two the first, of none the first after the gap.
    """
    shown = datetime.combine(day, clock, tzinfo=zone)
    first = shown.replace(fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return first
    # In a gap the two readings of the clock lie around the moment at which it was put forward. That is what is wanted.
    before, after = shown.replace(fold=1).astimezone(UTC), first
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
