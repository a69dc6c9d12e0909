"""
Local days and hours, against the zones as they are: gaps, folds, days that a zone left out.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followups.rules import days

SEATTLE = ZoneInfo("America/Los_Angeles")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
CHATHAM = ZoneInfo("Pacific/Chatham")
APIA = ZoneInfo("Pacific/Apia")
KWAJALEIN = ZoneInfo("Pacific/Kwajalein")
# Midnight itself is skipped there in spring.
BEIRUT = ZoneInfo("Asia/Beirut")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_step_is_due_at_visiting_hours_of_its_local_day() -> None:
    # Half past eleven in the evening in Seattle, the next day in UTC.
    found = days.due(
        based_at=utc("2026-06-04T06:30"), days=1, zone=SEATTLE, visits_from=time(12), visits_until=time(19)
    )

    assert found == (date(2026, 6, 4), utc("2026-06-04T19:00"), utc("2026-06-05T02:00"))


@pytest.mark.parametrize(
    ("based_at", "step", "at"),
    [
        # The clocks go forward on 8 March and back on 1 November 2026: noon stays noon.
        ("2026-03-07T20:00", 1, "2026-03-08T19:00"),
        ("2026-03-07T20:00", 7, "2026-03-14T19:00"),
        ("2026-02-06T20:00", 30, "2026-03-08T19:00"),
        ("2026-10-31T19:00", 1, "2026-11-01T20:00"),
        ("2026-10-02T19:00", 30, "2026-11-01T20:00"),
        # A leap day, and the end of a year.
        ("2028-02-28T20:00", 1, "2028-02-29T20:00"),
        ("2026-12-31T20:00", 1, "2027-01-01T20:00"),
    ],
)
def test_days_are_the_calendars(based_at: str, step: int, at: str) -> None:
    found = days.due(based_at=utc(based_at), days=step, zone=SEATTLE, visits_from=time(12), visits_until=time(19))

    assert found.at == utc(at)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "at"),
    [
        # Half past two in Seattle does not exist on 8 March 2026: three o'clock it is.
        (date(2026, 3, 8), time(2, 30), SEATTLE, "2026-03-08T10:00"),
        (date(2026, 3, 8), time(2), SEATTLE, "2026-03-08T10:00"),
        (date(2026, 3, 8), time(3), SEATTLE, "2026-03-08T10:00"),
        (date(2026, 3, 8), time(1, 59, 59), SEATTLE, "2026-03-08T09:59:59"),
        # Half past one comes twice on 1 November: the first one.
        (date(2026, 11, 1), time(1, 30), SEATTLE, "2026-11-01T08:30"),
        (date(2026, 11, 1), time(2), SEATTLE, "2026-11-01T10:00"),
        # A gap and a fold of half an hour.
        (date(2026, 10, 4), time(2, 10), LORD_HOWE, "2026-10-03T15:30"),
        (date(2026, 4, 5), time(1, 45), LORD_HOWE, "2026-04-04T14:45"),
        # Quarters of an hour from Greenwich, and a gap at a quarter to three.
        (date(2026, 9, 27), time(3, 0), CHATHAM, "2026-09-26T14:00"),
        (date(2026, 9, 27), time(2, 45), CHATHAM, "2026-09-26T14:00"),
        # Midnight is skipped.
        (date(2026, 3, 29), time(0), BEIRUT, "2026-03-28T22:00"),
    ],
)
def test_hours_that_do_not_exist_or_come_twice(day: date, clock: time, zone: ZoneInfo, at: str) -> None:
    assert days.instant(day, clock, zone) == utc(at)


def test_a_day_that_a_zone_left_out_is_the_next_one() -> None:
    # Samoa went over the date line: there was no 30 December 2011.
    found = days.due(based_at=utc("2011-12-30T00:00"), days=1, zone=APIA, visits_from=time(12), visits_until=time(19))

    assert found.date == date(2011, 12, 31)
    assert found.at.astimezone(APIA) == datetime(2011, 12, 31, 12, tzinfo=APIA)
    assert days.existing(date(1993, 8, 21), KWAJALEIN) == date(1993, 8, 22)
    # A day whose midnight alone is skipped is a day.
    assert days.existing(date(2026, 3, 29), BEIRUT) == date(2026, 3, 29)


def test_visiting_hours_that_a_gap_swallows_are_as_long_as_they_should_be() -> None:
    found = days.due_on(date(2026, 3, 8), zone=SEATTLE, visits_from=time(2), visits_until=time(2, 45))

    assert (found.at, found.until) == (utc("2026-03-08T10:00"), utc("2026-03-08T10:45"))


def test_a_day_ends_where_the_next_one_begins() -> None:
    assert days.ends(date(2026, 3, 8), SEATTLE) - days.instant(date(2026, 3, 8), time(0), SEATTLE) == timedelta(
        hours=23
    )
    assert days.ends(date(2011, 12, 29), APIA) == days.instant(date(2011, 12, 31), time(0), APIA)


_ZONES = sorted(available_timezones())
_WHEN = st.integers(int(utc("1990-01-01T00:00").timestamp()), int(utc("2037-01-01T00:00").timestamp()))


@given(
    name=st.sampled_from(_ZONES),
    based_at=_WHEN.map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    step=st.integers(1, 60),
    begins=st.integers(0, 1438),
    length=st.integers(1, 600),
)
def test_every_zone_keeps_the_rules(name: str, based_at: datetime, step: int, begins: int, length: int) -> None:
    """
    Against zoneinfo alone: the day is the calendar's, the hour is shown by the clock then unless no clock ever showed it, and no
    earlier instant showed it.
    """
    zone = ZoneInfo(name)
    until = min(begins + length, 1439)
    visits = time(begins // 60, begins % 60), time(until // 60, until % 60)

    found = days.due(based_at=based_at, days=step, zone=zone, visits_from=visits[0], visits_until=visits[1])

    wanted = based_at.astimezone(zone).date() + timedelta(days=step)
    assert found.date >= wanted
    shown = found.at.astimezone(zone)
    if shown.date() == found.date and shown.time() != visits[0]:
        # The first instant after a gap: a second before, the clock had not come to this hour.
        before = (found.at - timedelta(seconds=1)).astimezone(zone)
        assert before.replace(tzinfo=None) < datetime.combine(found.date, visits[0]) < shown.replace(tzinfo=None)
    if shown.time() == visits[0]:
        earlier = {
            (found.at - timedelta(minutes=back)).astimezone(zone).replace(tzinfo=None) for back in (30, 60, 120)
        }
        assert shown.replace(tzinfo=None) not in earlier
    if found.date != wanted:
        noon = datetime.combine(wanted, time(12), tzinfo=zone).astimezone(UTC).astimezone(zone)
        assert noon.date() != wanted
    assert found.at < found.until
