"""
Which area a point is in, on which day; and how areas and hours follow each other.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from math import cos, sin, tau
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.db import IntegrityError

from journal.door import open_door
from journal.models import Document, Entry
from responders import queries, refusals, seattle
from responders.actions import areas
from responders.documents import POINTS_SENT, simplified
from responders.geojson import read_areas
from responders.models import Agency, ServiceArea
from tests.conftest import NOON
from tests.factories import responders as make

SOMEWHERE = {
    "Downtown": (-122.3352, 47.6089),
    "Pioneer Square": (-122.3331, 47.6003),
    "International District": (-122.3243, 47.5984),
    "SODO": (-122.3340, 47.5800),
}
LITTLE_SAIGON = (-122.3185, 47.5990)
GREEN_LAKE = (-122.3380, 47.6780)


def draw(agency: Agency, polygons: Mapping[str, MultiPolygon], valid_from: date) -> list[ServiceArea]:
    """
    Return areas loaded through a door.
    """
    with open_door(by="person:1", at=NOON):
        return areas.load(agency_id=agency.pk, polygons=polygons, valid_from=valid_from, by="person:1", at=NOON)


def name_at(agency: Agency, place: tuple[float, float], at: datetime = NOON) -> str | None:
    """
    Return the name of the area around a longitude and latitude.
    """
    found = queries.area_at(agency, Point(*place, srid=4326), at)
    return None if found is None else found.name


@pytest.mark.django_db
@pytest.mark.parametrize("polygons", [seattle.pilot_areas(), read_areas(seattle.DRAWN)], ids=["at hand", "drawn"])
def test_seattles_pilot_areas_hold_their_places(polygons: Any) -> None:
    agency = make.agency()

    draw(agency, polygons, date(2023, 10, 1))

    assert {name: name_at(agency, place) for name, place in SOMEWHERE.items()} == {name: name for name in SOMEWHERE}
    assert name_at(agency, LITTLE_SAIGON) == "International District"
    assert name_at(agency, GREEN_LAKE) is None


def test_the_drawn_areas_stand_in_for_the_real_ones() -> None:
    real, drawn = seattle.pilot_areas(), read_areas(seattle.DRAWN)

    assert set(drawn) == set(real)
    for name, polygon in drawn.items():
        assert real[name].covers(polygon.centroid), name
        assert polygon.intersection(real[name]).area > 0.5 * polygon.area, name


@pytest.mark.django_db
def test_a_point_without_coordinates_is_in_no_area() -> None:
    assert queries.area_at(make.agency(), None, NOON) is None


@pytest.mark.django_db
def test_of_areas_that_overlap_the_smallest_holds_the_point() -> None:
    agency = make.agency()
    make.area(agency, name="City", polygon=make.box(-122.5, 47.4, -122.2, 47.8))
    make.area(agency, name="Downtown")

    assert name_at(agency, (-122.3300, 47.6050)) == "Downtown"
    assert name_at(agency, GREEN_LAKE) == "City"


@pytest.mark.django_db
def test_a_point_on_the_edge_of_two_areas_is_always_in_the_same_one() -> None:
    agency = make.agency()
    make.area(agency, name="West", polygon=make.box(-122.4, 47.5, -122.3, 47.6))
    make.area(agency, name="East", polygon=make.box(-122.3, 47.5, -122.2, 47.6))

    assert len({name_at(agency, (-122.3, 47.55)) for _ in range(5)}) == 1


@pytest.mark.django_db
def test_an_agency_sees_only_its_own_areas() -> None:
    make.area(make.agency())

    assert name_at(make.agency(), (-122.3300, 47.6050)) is None


@pytest.mark.django_db
def test_the_day_is_the_agencys_and_a_gap_in_the_dates_is_a_gap_in_the_service() -> None:
    agency = make.agency()
    make.area(agency, name="Pilot", valid_from=date(2025, 1, 1), valid_to=date(2025, 12, 31))
    make.area(agency, name="Again", valid_from=date(2026, 2, 1))

    # 07:30 UTC is 23:30 of the day before in Seattle.
    assert name_at(agency, (-122.33, 47.605), datetime(2026, 1, 1, 7, 30, tzinfo=UTC)) == "Pilot"
    assert name_at(agency, (-122.33, 47.605), datetime(2026, 1, 1, 8, 30, tzinfo=UTC)) is None
    assert name_at(agency, (-122.33, 47.605), datetime(2026, 2, 1, 8, 0, tzinfo=UTC)) == "Again"


@pytest.mark.django_db
def test_two_versions_of_one_area_never_hold_on_the_same_day() -> None:
    agency = make.agency()
    make.area(agency, name="Downtown", valid_from=date(2025, 1, 1))

    with pytest.raises(IntegrityError, match="responders_area_one_version_a_day"):
        make.area(agency, name="Downtown", valid_from=date(2026, 1, 1))


@pytest.mark.django_db
def test_a_new_version_ends_the_old_one_and_takes_over_its_units_and_hours() -> None:
    agency = make.agency()
    [old] = draw(agency, {"Downtown": make.box(*make.DOWNTOWN)}, date(2023, 10, 1))
    make.hours(old, opens=time(11), closes=time(23))
    unit = make.unit(agency, areas=[old])

    [new] = draw(agency, {"Downtown": make.box(-122.36, 47.58, -122.3, 47.63)}, date(2026, 7, 1))

    old.refresh_from_db()
    assert old.valid_to == date(2026, 6, 30)
    assert new.valid_to is None
    assert set(unit.areas.all()) == {old, new}
    assert queries.is_open(new, datetime(2026, 7, 1, 19, 0, tzinfo=UTC))
    assert not queries.is_open(old, datetime(2026, 7, 1, 19, 0, tzinfo=UTC))
    assert Document.objects.filter(stream=f"area.{new.pk}", collection="unit", document_id=str(unit.pk)).exists()


@pytest.mark.django_db
def test_loading_the_same_areas_twice_changes_no_document() -> None:
    agency = make.agency()
    draw(agency, {"Downtown": make.box(*make.DOWNTOWN)}, date(2023, 10, 1))
    before = list(Document.objects.order_by("pk").values_list("pk", "number", "body"))

    draw(agency, {"Downtown": make.box(*make.DOWNTOWN)}, date(2023, 10, 1))

    assert list(Document.objects.order_by("pk").values_list("pk", "number", "body")) == before
    assert ServiceArea.objects.filter(agency=agency).count() == 1


@pytest.mark.django_db
def test_an_area_that_begins_on_the_same_day_is_drawn_anew() -> None:
    agency = make.agency()
    [area] = draw(agency, {"Downtown": make.box(*make.DOWNTOWN)}, date(2023, 10, 1))

    draw(agency, {"Downtown": make.box(-122.36, 47.58, -122.3, 47.63)}, date(2023, 10, 1))

    area.refresh_from_db()
    assert area.polygon.extent == (-122.36, 47.58, -122.3, 47.63)


@pytest.mark.django_db
def test_a_version_before_a_later_one_is_refused_and_nothing_is_drawn() -> None:
    agency = make.agency()
    draw(agency, {"SODO": make.box(*make.DOWNTOWN)}, date(2026, 1, 1))
    entries = Entry.objects.count()

    with pytest.raises(refusals.AreaVersionOverlaps):
        draw(agency, {"Ballard": make.box(*make.DOWNTOWN), "SODO": make.box(*make.DOWNTOWN)}, date(2025, 1, 1))

    assert not ServiceArea.objects.filter(name="Ballard").exists()
    assert Entry.objects.count() == entries


@pytest.mark.django_db
def test_hours_set_from_a_day_on_end_what_held_before() -> None:
    area = make.area(make.agency(), always_open=False)
    with open_door(by="person:1", at=NOON):
        for (opens, closes), day in (
            (seattle.PILOT_2023, date(2023, 10, 1)),
            (seattle.SEATTLE_2025, date(2025, 1, 1)),
        ):
            areas.set_hours(area_id=area.pk, opens=opens, closes=closes, valid_from=day, by="person:1", at=NOON)

    assert set(area.hours.values_list("valid_from", "valid_to", "opens", "closes").distinct()) == {
        (date(2023, 10, 1), date(2024, 12, 31), time(11), time(23)),
        (date(2025, 1, 1), None, time(12), time(22)),
    }
    assert area.hours.count() == 14


@pytest.mark.django_db
def test_hours_of_an_unknown_area_are_refused() -> None:
    with pytest.raises(refusals.AreaNotFound), open_door(by="person:1", at=NOON):
        areas.set_hours(
            area_id=404, opens=time(11), closes=time(23), valid_from=date(2026, 1, 1), by="person:1", at=NOON
        )


@pytest.mark.django_db
def test_everybody_of_the_agency_holds_its_areas_with_their_hours() -> None:
    agency = make.agency()
    area = make.area(agency, name="Downtown", always_open=False, valid_to=date(2027, 1, 1))
    make.hours(area, opens=time(18), closes=time(2), weekdays=[4])

    document = Document.objects.get(stream=f"reference.{agency.pk}", collection="area")

    assert document.document_id == str(area.pk)
    assert (
        document.body
        == '{"name":"Downtown","polygon":{"type":"MultiPolygon","coordinates":[[[[-122.345,47.595],[-122.345,47.615],'
        '[-122.32,47.615],[-122.32,47.595],[-122.345,47.595]]]]},"hours":[{"weekday":4,"opens":"18:00","closes":"02:00",'
        '"valid_from":"2023-10-01","valid_to":null}],"valid_from":"2023-10-01","valid_to":"2027-01-01"}'
    )


def test_a_polygon_travels_small_and_stays_close() -> None:
    wavy = [
        (-122.3 + 0.01 * (1 + 0.02 * (n % 2)) * x, 47.6 + 0.01 * (1 + 0.02 * (n % 2)) * y)
        for n, (x, y) in enumerate(_circle(20_000))
    ]
    exact = MultiPolygon(Polygon([*wavy, wavy[0]]), srid=4326).buffer(0)
    exact = exact if isinstance(exact, MultiPolygon) else MultiPolygon(exact, srid=4326)

    simple = simplified(exact)

    assert simple.num_coords <= POINTS_SENT < exact.num_coords
    assert simple.valid
    assert simple.sym_difference(exact).area < 0.05 * exact.area


def test_an_area_of_two_parts_travels_with_both() -> None:
    parts = MultiPolygon(make.box(*make.DOWNTOWN)[0], make.box(-122.40, 47.50, -122.38, 47.52)[0], srid=4326)

    simple = simplified(parts)

    assert simple.equals(parts)
    assert len(simple) == 2


def test_seattles_areas_travel_within_three_metres() -> None:
    for name, exact in seattle.pilot_areas().items():
        simple = simplified(exact)

        # A degree is at most 111 km: what is 0.00003 degrees away is at most 3.3 m away.
        assert exact.buffer(0.00003).covers(simple), name
        assert simple.buffer(0.00003).covers(exact), name


def _circle(points: int) -> list[tuple[float, float]]:
    return [(cos(tau * n / points), sin(tau * n / points)) for n in range(points)]
