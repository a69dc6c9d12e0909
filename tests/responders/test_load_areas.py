"""
``manage.py load_areas``: what it reads, and what it says when it cannot.
"""

import json
from collections.abc import Callable
from datetime import date, time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from journal.models import Entry
from responders import seattle
from responders.geojson import BadGeoJson, read_areas, read_outline
from responders.models import ServiceArea
from tests.factories import responders as make

Writer = Callable[..., Path]

SQUARE = [[-122.34, 47.60], [-122.32, 47.60], [-122.32, 47.62], [-122.34, 47.62], [-122.34, 47.60]]
NEXT_TO_IT = [[-122.32, 47.60], [-122.30, 47.60], [-122.30, 47.62], [-122.32, 47.62], [-122.32, 47.60]]
BOW_TIE = [[-122.34, 47.60], [-122.32, 47.62], [-122.32, 47.60], [-122.34, 47.62], [-122.34, 47.60]]
FEET = [[1_269_000, 224_000], [1_270_000, 224_000], [1_270_000, 225_000], [1_269_000, 224_000]]


def feature(name: str, ring: Any = SQUARE, **more: Any) -> dict[str, Any]:
    """
    Return a feature with one polygon.
    """
    geometry = more.pop("geometry", {"type": "Polygon", "coordinates": [ring]})
    return {"type": "Feature", "properties": {"NAME": name}, "geometry": geometry, **more}


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    """
    Return a function that writes features to a file.
    """

    def write(*features: Any, **more: Any) -> Path:
        path = tmp_path / "areas.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
        return path

    return write


def load(file: Path | None, agency: str, *options: str) -> str:
    """
    Return what the command printed.
    """
    out = StringIO()
    arguments = [] if file is None else [str(file)]
    call_command("load_areas", *arguments, "--agency", agency, "--valid-from", "2023-10-01", *options, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_named_areas_are_loaded_under_the_labels_they_are_given(written: Writer) -> None:
    agency = make.agency(slug="seattle")
    file = written(feature("DOWNTOWN COMMERICAL"), feature("SODO"), feature("BALLARD"))

    said = load(file, "seattle", "--names", "DOWNTOWN COMMERICAL=Downtown", "SODO", "--hours", "11-23")

    areas = ServiceArea.objects.filter(agency=agency)
    assert {area.name for area in areas} == {"Downtown", "SODO"}
    assert {area.valid_from for area in areas} == {date(2023, 10, 1)}
    assert set(areas.values_list("hours__opens", "hours__closes")) == {(time(11), time(23))}
    assert said.splitlines() == ["Downtown: 5 points, from 2023-10-01", "SODO: 5 points, from 2023-10-01"]
    assert Entry.objects.get(kind="areas.loaded").by == "system:load_areas"


@pytest.mark.django_db
def test_without_a_file_seattles_pilot_areas_are_loaded() -> None:
    make.agency(slug="seattle")

    load(None, "seattle", "--hours", "12:00-22:00")

    assert set(ServiceArea.objects.values_list("name", flat=True)) == set(seattle.MCPP_NAMES.values())


@pytest.mark.django_db
def test_a_second_load_adds_nothing(written: Writer) -> None:
    make.agency(slug="seattle")
    file = written(feature("SODO"))

    load(file, "seattle", "--hours", "11-23")
    load(file, "seattle", "--hours", "11-23")

    area = ServiceArea.objects.get()
    assert area.hours.count() == 7


@pytest.mark.django_db
def test_a_whole_city_is_one_area(written: Writer) -> None:
    make.agency(slug="seattle")

    load(written(feature("a"), feature("b", NEXT_TO_IT)), "seattle", "--as-one", "Seattle", "--hours", "12-24")

    area = ServiceArea.objects.get()
    assert area.name == "Seattle"
    assert len(area.polygon) == 1
    assert set(area.hours.values_list("opens", "closes")) == {(time(12), time(0))}


@pytest.mark.django_db
def test_a_file_that_cannot_be_used_draws_nothing(written: Writer) -> None:
    make.agency(slug="seattle")

    with pytest.raises(CommandError, match="Self-intersection"):
        load(written(feature("SODO"), feature("BALLARD", BOW_TIE)), "seattle")

    assert not ServiceArea.objects.exists()


@pytest.mark.django_db
def test_an_unknown_agency_is_named_beside_those_that_exist(written: Writer) -> None:
    make.agency(slug="seattle")

    with pytest.raises(CommandError, match=r"There is no agency “tacoma”. Agencies: seattle"):
        load(written(feature("SODO")), "tacoma")


@pytest.mark.django_db
def test_a_load_before_a_later_version_is_refused_in_words(written: Writer) -> None:
    agency = make.agency(slug="seattle")
    make.area(agency, name="SODO", valid_from=date(2025, 1, 1))

    with pytest.raises(CommandError, match=r"begins later exists already. .area: SODO, begins: 2025-01-01"):
        load(written(feature("SODO")), "seattle")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hours", "noon"], "“noon” are no hours"),
        (["--hours", "11-25"], "“11-25” are no hours"),
        (["--valid-from", "October"], "“October” is no day"),
        (["--names", "SODO", "--as-one", "Seattle"], "Either --names or --as-one"),
    ],
)
def test_options_that_make_no_sense_are_refused(written: Writer, options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        load(written(feature("SODO")), "seattle", *options)


def test_names_without_a_file_are_refused() -> None:
    with pytest.raises(CommandError, match="Say which FILE"):
        load(None, "seattle", "--names", "SODO")


@pytest.mark.parametrize(
    ("features", "more", "message"),
    [
        ([], {}, "has no areas"),
        ([feature("SODO", BOW_TIE)], {}, "“SODO”: the polygon is not valid: Self-intersection"),
        ([feature("SODO", FEET)], {}, "not a longitude and a latitude in degrees. Is the file projected"),
        ([feature("SODO", SQUARE[:-1])], {}, "“SODO”: the coordinates are not those of a polygon"),
        ([feature("SODO", SQUARE[:2])], {}, "“SODO”: the coordinates are not those of a polygon"),
        ([feature("SODO", [["east", "north"]])], {}, "“SODO”: the coordinates are not those of a polygon"),
        ([feature("SODO", geometry=None)], {}, "the geometry is missing"),
        ([feature("SODO", geometry={"type": "Point", "coordinates": [1, 2]})], {}, "the geometry is Point"),
        ([feature("SODO", geometry={"type": "MultiPolygon", "coordinates": []})], {}, "the polygon is empty"),
        ([feature("SODO", geometry={"type": "Polygon"})], {}, "the coordinates are not those of a polygon"),
        (
            [{"type": "Feature", "properties": {"BEAT": "M1"}, "geometry": None}],
            {},
            "no name in its property “NAME”. Its",
        ),
        ([{"type": "Feature", "properties": None, "geometry": None}], {}, "Its properties are: none at all"),
        (
            [feature("SODO")],
            {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2926"}}},
            "Convert it to longitude and latitude",
        ),
        ([feature("SODO")], {"type": "Topology"}, "is not a GeoJSON FeatureCollection"),
        ([1], {}, "has no list of features"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(written: Writer, features: Any, more: Any, message: str) -> None:
    with pytest.raises(BadGeoJson, match=message):
        read_areas(written(*features, **more))


def test_a_misspelt_name_is_answered_with_what_is_near(written: Writer) -> None:
    file = written(feature("DOWNTOWN COMMERICAL"), feature("SODO"))

    with pytest.raises(BadGeoJson, match=r"“DOWNTOWN COMMERCIAL”. It has: DOWNTOWN COMMERICAL"):
        read_areas(file, names={"DOWNTOWN COMMERCIAL": "Downtown"})


def test_a_file_that_is_not_there_or_not_json_says_so(tmp_path: Path) -> None:
    (tmp_path / "areas.geojson").write_text("{")

    with pytest.raises(BadGeoJson, match="cannot be read: No such file"):
        read_areas(tmp_path / "nowhere.geojson")
    with pytest.raises(BadGeoJson, match="is not JSON"):
        read_areas(tmp_path / "areas.geojson")
    with pytest.raises(BadGeoJson, match="cannot be read"):
        read_areas(Path(tmp_path))


def test_features_of_one_label_become_one_area_and_heights_are_left_out(written: Writer) -> None:
    high = [[*position, 56.0] for position in SQUARE]
    file = written(feature("EAST", NEXT_TO_IT), feature("WEST", high))

    areas = read_areas(file, names={"EAST": "International District", "WEST": "International District"})

    [area] = areas.values()
    assert area.extent == (-122.34, 47.60, -122.30, 47.62)
    assert not area.hasz


def test_parts_that_do_not_touch_stay_parts(written: Writer) -> None:
    island = [[-122.40, 47.60], [-122.38, 47.60], [-122.38, 47.62], [-122.40, 47.62], [-122.40, 47.60]]

    [area] = read_outline(written(feature("mainland"), feature("island", island)), name="City").values()

    assert len(area) == 2


def test_an_outline_of_nothing_is_refused(written: Writer) -> None:
    with pytest.raises(BadGeoJson, match="has no areas"):
        read_outline(written(), name="Seattle")
