"""
Where units are: the newest fix wins, a sample goes to the track, and what is old is forgotten.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import connection
from time_machine import travel

from journal.models import Document, Entry, Receipt, Stream
from responders import queries
from responders.actions import positions
from responders.models import Position, TrackPoint, Unit
from responders.tasks import forget_tracks
from tests.conftest import NOON
from tests.factories import responders as make

PIER = Point(-122.3400, 47.6070, srid=4326)
MARKET = Point(-122.3422, 47.6097, srid=4326)


def seconds(number: float) -> timedelta:
    """
    Return so many seconds.
    """
    return timedelta(seconds=number)


def keep(
    unit: Unit, point: Point = PIER, *, seen_at: datetime = NOON, at: datetime | None = None, **fields: Any
) -> bool:
    """
    Tell whether the position kept is the unit's latest.
    """
    return positions.keep(unit_id=unit.pk, point=point, seen_at=seen_at, at=at or seen_at, **fields)


@pytest.mark.django_db
def test_a_position_is_one_row_and_no_part_of_the_journal() -> None:
    unit = make.crewed_unit(make.agency())
    before = (
        Entry.objects.count(),
        Document.objects.count(),
        list(Stream.objects.order_by("name").values_list("number")),
    )

    for number in range(100):
        assert keep(unit, seen_at=NOON + seconds(number), accuracy_m=8, heading=90)

    row = Position.objects.get()
    assert (row.unit_id, row.at, row.accuracy_m, row.heading) == (unit.pk, NOON + seconds(99), 8, 90)
    assert (row.point.x, row.point.y) == (PIER.x, PIER.y)
    assert before == (
        Entry.objects.count(),
        Document.objects.count(),
        list(Stream.objects.order_by("name").values_list("number")),
    )
    assert not Receipt.objects.exists()


@pytest.mark.django_db
def test_of_positions_that_overtake_each_other_the_newest_stays() -> None:
    unit = make.crewed_unit(make.agency())

    assert keep(unit, MARKET, seen_at=NOON + seconds(10))
    assert not keep(unit, PIER, seen_at=NOON + seconds(5), at=NOON + seconds(11))
    assert not keep(unit, PIER, seen_at=NOON + seconds(10))

    assert Position.objects.get().point.x == MARKET.x


@pytest.mark.django_db
def test_a_device_whose_clock_runs_ahead_does_not_freeze_the_map() -> None:
    unit = make.crewed_unit(make.agency())

    keep(unit, MARKET, seen_at=NOON + timedelta(hours=5), at=NOON)

    assert Position.objects.get().at == NOON
    assert keep(unit, PIER, seen_at=NOON + seconds(1))


@pytest.mark.django_db
def test_off_shift_nothing_is_kept() -> None:
    unit = make.unit(make.agency())

    assert not keep(unit)

    assert not Position.objects.exists()
    assert not TrackPoint.objects.exists()


@pytest.mark.django_db
def test_one_position_in_thirty_seconds_goes_to_the_track() -> None:
    unit, other = (make.crewed_unit(make.agency()) for _ in range(2))

    for number in range(0, 121, 5):
        keep(unit, seen_at=NOON + seconds(number))
    keep(other, seen_at=NOON + seconds(7))

    assert [row.at - NOON for row in TrackPoint.objects.filter(unit=unit).order_by("at")] == [
        seconds(number) for number in (0, 30, 60, 90, 120)
    ]
    assert TrackPoint.objects.filter(unit=other).count() == 1


@pytest.mark.django_db
def test_the_desk_sees_the_positions_of_its_own_agency_with_their_age() -> None:
    agency = make.agency()
    first, second = make.crewed_unit(agency), make.crewed_unit(agency)
    foreign = make.crewed_unit(make.agency())
    keep(first, MARKET, accuracy_m=5)
    keep(second, PIER, seen_at=NOON + seconds(30))
    keep(foreign)

    seen = queries.positions_of(agency.pk, NOON + seconds(45))

    assert seen == [
        {
            "unit": first.pk,
            "point": [-122.3422, 47.6097],
            "accuracy_m": 5.0,
            "heading": None,
            "at": NOON,
            "age_s": 45,
        },
        {
            "unit": second.pk,
            "point": [-122.34, 47.607],
            "accuracy_m": None,
            "heading": None,
            "at": NOON + seconds(30),
            "age_s": 15,
        },
    ]
    assert [row["unit"] for row in queries.positions_of(agency.pk, NOON, unit_ids=[second.pk, foreign.pk])] == [
        second.pk
    ]


@pytest.mark.django_db
def test_tracks_are_forgotten_after_as_many_days_as_each_agency_says_and_no_sooner() -> None:
    short = make.crewed_unit(make.agency(track_kept_days=1))
    long = make.crewed_unit(make.agency(track_kept_days=30))
    for unit in (short, long):
        for days in (0, 2, 31):
            TrackPoint.objects.create(unit=unit, point=PIER, at=NOON - timedelta(days=days))
        TrackPoint.objects.create(unit=unit, point=PIER, at=NOON - timedelta(days=1))

    positions.forget(at=NOON)

    def kept(unit: Unit) -> list[int]:
        return sorted((NOON - row.at).days for row in TrackPoint.objects.filter(unit=unit))

    assert kept(short) == [0, 1]
    assert kept(long) == [0, 1, 2]


@pytest.mark.django_db
def test_forgetting_twice_forgets_nothing_more() -> None:
    unit = make.crewed_unit(make.agency())
    TrackPoint.objects.bulk_create(
        TrackPoint(unit=unit, point=PIER, at=NOON - timedelta(days=40, seconds=number)) for number in range(25_000)
    )
    keep(unit, seen_at=NOON - timedelta(days=2))
    keep(make.crewed_unit(unit.agency), seen_at=NOON)

    # The track of 40 days ago, and the latest position of two days ago; not that one's track.
    assert positions.forget(at=NOON) == 25_001
    assert positions.forget(at=NOON) == 0
    assert Position.objects.count() == 1
    assert TrackPoint.objects.count() == 2


@pytest.mark.django_db
def test_the_sweep_forgets_what_is_old_by_now() -> None:
    unit = make.crewed_unit(make.agency())
    TrackPoint.objects.create(unit=unit, point=PIER, at=NOON)

    with travel(NOON + timedelta(days=30), tick=False):
        forget_tracks()
    assert TrackPoint.objects.exists()
    with travel(NOON + timedelta(days=30, seconds=1), tick=False):
        forget_tracks()
    assert not TrackPoint.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_newest_of_many_positions_at_once_stays() -> None:
    unit = make.crewed_unit(make.agency())
    together = Barrier(8)

    def drive(tablet: int) -> None:
        together.wait()
        try:
            for number in range(50):
                keep(unit, seen_at=NOON + seconds(number + tablet / 10), at=NOON + timedelta(minutes=5))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(drive, range(8)))

    assert Position.objects.get().at == NOON + seconds(49.7)
