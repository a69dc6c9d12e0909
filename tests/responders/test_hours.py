"""
Opening hours at an instant: in the agency's zone, past midnight, over the clock changes of 2026 and 2027.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from responders import queries
from responders.models import OpeningHours, ServiceArea
from tests.factories import responders as make

PACIFIC = ZoneInfo("America/Los_Angeles")


def local(text: str, fold: int = 0) -> datetime:
    """
    Return a Pacific wall-clock time as an instant.
    """
    return datetime.fromisoformat(text).replace(tzinfo=PACIFIC, fold=fold).astimezone(UTC)


def rows(opens: str, closes: str) -> list[OpeningHours]:
    """
    Return unsaved hours, the same on each weekday since 2023.
    """
    return [
        OpeningHours(
            weekday=day,
            opens=time.fromisoformat(opens),
            closes=time.fromisoformat(closes),
            valid_from=date(2023, 10, 1),
        )
        for day in range(7)
    ]


def closing(hours: list[OpeningHours], at: datetime) -> datetime | None:
    """
    Return what closes when, in an area that is always valid.
    """
    return queries.closing_of(hours, area=ServiceArea(valid_from=date(2020, 1, 1)), zone=PACIFIC, at=at)


def every(step: timedelta) -> list[datetime]:
    """
    Return the instants of 2026 and 2027.
    """
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    return [begin + step * number for number in range((end - begin) // step)]


def test_the_pilot_is_open_from_eleven_to_twenty_three_by_the_wall_clock_through_two_years() -> None:
    hours = rows("11:00", "23:00")

    wrong = [
        at
        for at in every(timedelta(minutes=30))
        if (closing(hours, at) is not None) != (11 <= at.astimezone(PACIFIC).hour < 23)
    ]

    assert wrong == []


def test_a_night_until_four_follows_the_wall_clock_through_two_years() -> None:
    hours = rows("20:00", "04:00")

    wrong = [
        at
        for at in every(timedelta(minutes=30))
        if (closing(hours, at) is not None) != (at.astimezone(PACIFIC).hour >= 20 or at.astimezone(PACIFIC).hour < 4)
    ]

    assert wrong == []


def test_round_the_clock_has_no_gap_in_two_years() -> None:
    hours = rows("00:00", "00:00")

    assert all(closing(hours, at) is not None for at in every(timedelta(minutes=30)))


@pytest.mark.parametrize(
    ("opens", "closes", "at", "ends"),
    [
        # An ordinary night.
        ("18:00", "02:00", local("2026-06-03T18:00"), local("2026-06-04T02:00")),
        ("18:00", "02:00", local("2026-06-04T01:59"), local("2026-06-04T02:00")),
        ("18:00", "02:00", local("2026-06-04T02:00"), None),
        ("18:00", "02:00", local("2026-06-03T17:59"), None),
        # 1 November 2026 and 7 November 2027: 01:30 comes twice, and the first one closes.
        ("18:00", "01:30", local("2026-11-01T01:15"), local("2026-11-01T01:30")),
        ("18:00", "01:30", local("2026-11-01T01:15", fold=1), None),
        ("18:00", "01:30", local("2027-11-07T01:15", fold=1), None),
        ("18:00", "02:00", local("2026-11-01T01:59", fold=1), datetime(2026, 11, 1, 10, 0, tzinfo=UTC)),
        # 8 March 2026 and 14 March 2027: 02:30 does not come; it counts as half an hour after 02:00 PST.
        ("22:00", "02:30", local("2026-03-08T03:15"), datetime(2026, 3, 8, 10, 30, tzinfo=UTC)),
        ("22:00", "02:30", local("2026-03-08T03:30"), None),
        ("22:00", "02:30", local("2027-03-14T03:15"), datetime(2027, 3, 14, 10, 30, tzinfo=UTC)),
        # The whole of a day of 23 and of one of 25 hours.
        ("00:00", "00:00", local("2026-03-08T00:00"), local("2026-03-08T00:00") + timedelta(hours=23)),
        ("00:00", "00:00", local("2026-11-01T00:00"), local("2026-11-01T00:00") + timedelta(hours=25)),
    ],
)
def test_an_opening_ends(opens: str, closes: str, at: datetime, ends: datetime | None) -> None:
    assert closing(rows(opens, closes), at) == ends


def test_an_opening_that_began_yesterday_belongs_to_yesterdays_weekday() -> None:
    friday_night = [
        OpeningHours(weekday=4, opens=time(18), closes=time(3), valid_from=date(2023, 10, 1)),
    ]

    assert closing(friday_night, local("2026-06-06T02:59")) == local("2026-06-06T03:00")
    assert closing(friday_night, local("2026-06-05T02:59")) is None
    assert closing(friday_night, local("2026-06-06T18:30")) is None


def test_the_last_valid_night_runs_to_its_end_and_the_next_one_does_not_begin() -> None:
    hours = [
        OpeningHours(
            weekday=day, opens=time(18), closes=time(2), valid_from=date(2026, 6, 1), valid_to=date(2026, 6, 3)
        )
        for day in range(7)
    ]

    assert closing(hours, local("2026-06-04T01:00")) == local("2026-06-04T02:00")
    assert closing(hours, local("2026-06-04T18:00")) is None


def test_new_hours_replace_old_ones_from_their_first_day_even_if_nobody_ended_the_old_ones() -> None:
    hours = rows("11:00", "23:00") + [
        OpeningHours(weekday=day, opens=time(12), closes=time(22), valid_from=date(2025, 1, 1)) for day in range(7)
    ]

    assert closing(hours, local("2024-12-31T11:30")) == local("2024-12-31T23:00")
    assert closing(hours, local("2025-01-01T11:30")) is None
    assert closing(hours, local("2025-01-01T21:59")) == local("2025-01-01T22:00")


def test_hours_of_one_holiday_come_before_the_usual_ones_and_the_usual_ones_return() -> None:
    hours = [
        *rows("11:00", "23:00"),
        OpeningHours(
            weekday=3, opens=time(11), closes=time(15), valid_from=date(2026, 12, 24), valid_to=date(2026, 12, 24)
        ),
    ]

    assert closing(hours, local("2026-12-24T14:00")) == local("2026-12-24T15:00")
    assert closing(hours, local("2026-12-24T16:00")) is None
    assert closing(hours, local("2026-12-31T16:00")) == local("2026-12-31T23:00")


def test_a_day_may_have_a_break() -> None:
    hours = [
        OpeningHours(weekday=2, opens=time(8), closes=time(12), valid_from=date(2026, 1, 1)),
        OpeningHours(weekday=2, opens=time(13), closes=time(17), valid_from=date(2026, 1, 1)),
    ]

    assert closing(hours, local("2026-06-03T11:00")) == local("2026-06-03T12:00")
    assert closing(hours, local("2026-06-03T12:30")) is None
    assert closing(hours, local("2026-06-03T13:00")) == local("2026-06-03T17:00")


@pytest.mark.django_db
def test_an_area_is_closed_outside_its_dates_and_without_hours() -> None:
    seattle = make.agency()
    ended = make.area(seattle, valid_from=date(2026, 1, 1), valid_to=date(2026, 5, 31))
    hourless = make.area(seattle, always_open=False)

    assert queries.is_open(ended, local("2026-05-31T23:00"))
    assert not queries.is_open(ended, local("2026-06-01T00:30"))
    assert not queries.is_open(hourless, local("2026-06-01T12:00"))


@pytest.mark.django_db
def test_the_zone_is_the_agencys() -> None:
    area = make.area(make.agency(timezone="America/New_York"), always_open=False)
    make.hours(area, opens=time(11), closes=time(23))

    assert queries.closes_at(area, datetime(2026, 6, 3, 15, 0, tzinfo=UTC)) == datetime(2026, 6, 4, 3, 0, tzinfo=UTC)
    assert not queries.is_open(area, datetime(2026, 6, 4, 4, 0, tzinfo=UTC))
