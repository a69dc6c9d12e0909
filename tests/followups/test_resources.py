"""
The directory in the database: imported once and again, retired and back, sent to tablets, and exported as it came.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from followups.actions import resources
from followups.actions.resources import Written
from followups.directory import PLACES_AT_ONCE, import_tables, tables_of
from followups.hsds import king_county, writing
from followups.hsds.reading import read, read_json
from followups.hsds.tables import TABLES, Tables
from followups.models import DirectoryRecord, DirectorySource, Phone, Service, ServiceAtLocation
from followups.refusals.resources import ImportOvertaken, ImportWouldEmpty
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences
from responders.models import Agency
from tests.factories import responders as make
from tests.followups.test_hsds import ALMOST, DEMO, KING_COUNTY, STANDARD, as_rows, has_standard
from tests.replica import bodies, number_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
Importer = Callable[..., Written]


def kitchen(**more: Any) -> dict[str, Any]:
    """
    Return an organization with one service at one place.
    """
    return {
        "id": "o",
        "name": "Food Together",
        "services": [
            {
                "id": "s",
                "name": "Kitchen",
                "status": "active",
                "phones": [{"id": "p", "number": "(206) 555-0100", "extension": 7, "type": "voice"}],
                "schedules": [{"id": "h", "byday": "MO,TU", "opens_at": "11:00", "closes_at": "13:00"}],
                "languages": [{"id": "l", "code": "es", "name": "Spanish"}],
                "attributes": [{"id": "a", "taxonomy_term": {"id": "t", "name": "Meals", "description": "x"}}],
                "service_at_locations": [
                    {
                        "id": "sal",
                        "location": {
                            "id": "loc",
                            "location_type": "physical",
                            "latitude": 47.6005,
                            "longitude": -122.3321,
                            "addresses": [
                                {
                                    "id": "ad",
                                    "address_1": "500 Example Ave",
                                    "city": "Seattle",
                                    "state_province": "WA",
                                    "postal_code": "98104",
                                    "country": "US",
                                    "address_type": "physical",
                                }
                            ],
                        },
                    }
                ],
                **more,
            }
        ],
    }


def tables_from(*records: dict[str, Any]) -> Tables:
    tables = Tables()
    read_json("given.json", json.dumps(records).encode(), tables)
    return tables


def load(agency: Agency, tables: Tables, *, at: datetime = NOW, **more: Any) -> Written:
    return import_tables(
        tables, **{"agency": agency, "code": "demo", "name": "Demo", "by": "system:test", "at": at, **more}
    )


def held(agency: Agency) -> list[dict[str, Any]]:
    return sorted(bodies(f"directory.{agency.pk}", "resource").values(), key=lambda body: str(body["name"]))


def test_a_tablet_holds_what_it_needs_of_a_service_and_nothing_empty() -> None:
    agency = make.agency()

    load(agency, tables_from(kitchen()))

    assert held(agency) == [
        {
            "name": "Kitchen",
            "organization": "Food Together",
            "needs": ["FOOD"],
            "languages": ["es"],
            "phones": [{"number": "2065550100", "shown": "(206) 555-0100", "extension": "7"}],
            "schedules": [{"byday": "MO,TU", "opens_at": "11:00", "closes_at": "13:00"}],
            "address": "500 Example Ave, Seattle, WA 98104",
            "point": [-122.3321, 47.6005],
            "as_of": "2026-11-20",
            "source": "Demo",
        }
    ]


def test_the_same_again_changes_nothing_and_sends_nobody_anything() -> None:
    agency = make.agency()
    load(agency, read(DEMO))
    before, number = held(agency), number_of(f"directory.{agency.pk}")

    again = load(agency, read(DEMO), at=NOW + timedelta(days=1))

    assert (sum(again.made.values()), sum(again.changed.values()), sum(again.retired.values())) == (0, 0, 0)
    assert number_of(f"directory.{agency.pk}") == number
    assert held(agency) == before
    assert len(before) == 25


def test_a_directory_of_thousands_comes_in_numbers_that_fit_a_page() -> None:
    agency = make.agency()
    many = [
        kitchen(
            id=f"s{n}",
            name=f"Kitchen {n}",
            service_at_locations=[],
            schedules=[],
            phones=[],
            languages=[],
            attributes=[],
        )
        for n in range(2 * PLACES_AT_ONCE + 1)
    ]

    load(agency, tables_from(*({**one, "id": f"o{n}"} for n, one in enumerate(many))))

    assert len(held(agency)) == 2 * PLACES_AT_ONCE + 1
    assert number_of(f"directory.{agency.pk}") == 3


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({"name": "Soup Kitchen"}, "name", "Soup Kitchen"),
        ({"alert": "Closed on Sunday."}, "alert", "Closed on Sunday."),
        ({"minimum_age": 18}, "ages", [18, None]),
        ({"eligibility_description": "Everybody."}, "eligibility", "Everybody."),
        ({"status": "temporarily closed"}, "closed", True),
        ({"languages": []}, "languages", None),
        ({"phones": [{"id": "p", "number": "988"}]}, "phones", [{"number": "988"}]),
        ({"phones": [{"id": "p", "number": "206-555-0100", "type": "fax"}]}, "phones", None),
        ({"schedules": [{"id": "h", "byday": "MO", "opens_at": "11:00"}]}, "unclear", True),
        ({"schedules": [{"id": "h", "description": "By appointment"}]}, "hours", "By appointment"),
        ({"attributes": []}, "needs", None),
        ({"assured_date": "2026-10-01", "last_modified": "2026-09-01T00:00:00Z"}, "as_of", "2026-10-01"),
        ({"url": "https://example.org"}, "url", "https://example.org"),
    ],
)  # fmt: skip
def test_what_a_source_says_anew_reaches_the_tablet(change: dict[str, Any], key: str, expected: object) -> None:
    agency = make.agency()
    load(agency, tables_from(kitchen()))

    written = load(agency, tables_from(kitchen(**change)))

    assert held(agency)[0].get(key) == expected
    assert sum((written.made + written.changed + written.retired).values()) > 0 or key == "needs"
    assert list(differences()) == []


def test_a_day_of_its_own_is_the_first_on_which_it_was_read_as_it_is() -> None:
    agency = make.agency()
    load(agency, tables_from(kitchen()))
    load(agency, tables_from(kitchen()), at=NOW + timedelta(days=30))
    assert held(agency)[0]["as_of"] == "2026-11-20"

    # 18:00 in UTC is the same day in Seattle, 03:00 the day before.
    load(agency, tables_from(kitchen(alert="New")), at=NOW + timedelta(days=40, hours=9))

    assert held(agency)[0]["as_of"] == "2026-12-30"


def test_hours_and_numbers_of_a_service_at_one_place_come_before_those_of_the_service() -> None:
    agency = make.agency()
    given = kitchen()
    place = given["services"][0]["service_at_locations"][0]
    place["schedules"] = [{"id": "h2", "byday": "SU", "opens_at": "09:00", "closes_at": "10:00"}]
    place["phones"] = [{"id": "p2", "number": "206-555-0111"}]

    load(agency, tables_from(given))

    (body,) = held(agency)
    assert [row["byday"] for row in body["schedules"]] == ["SU"]
    assert [phone["number"] for phone in body["phones"]] == ["2065550111", "2065550100"]


def test_what_is_gone_from_its_source_is_retired_and_comes_back_as_the_same() -> None:
    agency = make.agency()
    other = {"id": "o2", "name": "Stays"}
    load(agency, tables_from(kitchen(), other))
    place = ServiceAtLocation.objects.get(their_id="sal")

    gone = load(agency, tables_from(other), at=NOW + timedelta(days=1))

    assert held(agency) == []
    assert (gone.retired["services"], gone.retired["phones"], gone.retired["organizations"]) == (1, 1, 1)
    assert Service.objects.get(their_id="s").retired_at == NOW + timedelta(days=1)
    assert not Phone.objects.exists()
    load(agency, tables_from(kitchen(), other))
    assert [str(place.pk)] == list(bodies(f"directory.{agency.pk}", "resource"))


def test_one_that_cannot_be_read_today_is_not_gone() -> None:
    agency = make.agency()
    load(agency, tables_from(kitchen()))

    written = load(agency, tables_from(kitchen(name="")))

    assert [problem.words for problem in written.problems if problem.lost] == ["name missing"]
    assert Service.objects.get(their_id="s").retired_at is None


def test_a_file_that_is_cut_off_does_not_empty_the_directory() -> None:
    agency = make.agency()
    load(agency, read(DEMO))
    half = tables_from(json.loads(DEMO.read_text())["contents"][0])

    with pytest.raises(ImportWouldEmpty) as refused:
        load(agency, half)

    assert refused.value.facts == {"retired": 21, "held": 24}
    assert len(held(agency)) == 25
    load(agency, half, may_empty=True)
    assert len(held(agency)) == 4


def test_two_sources_and_two_agencies_leave_each_other_alone() -> None:
    agency, other = make.agency(), make.agency()
    load(agency, tables_from(kitchen()))
    load(agency, tables_from(kitchen()), code="second", name="Second")
    load(other, tables_from(kitchen()))

    load(agency, tables_from({"id": "x", "name": "Other"}))

    assert [body["source"] for body in held(agency)] == ["Second"]
    assert len(held(other)) == 1


def test_a_new_name_of_a_source_reaches_its_resources() -> None:
    agency = make.agency()
    load(agency, tables_from(kitchen()))

    load(agency, tables_from(kitchen()), name="City directory")

    assert [body["source"] for body in held(agency)] == ["City directory"]


def test_an_import_that_was_overtaken_stops() -> None:
    agency = make.agency()
    begin: dict[str, Any] = {
        "agency_id": agency.pk,
        "code": "demo",
        "name": "Demo",
        "licence": "",
        "services": (),
        "may_empty": True,
    }
    with open_door(by="system:test", at=NOW):
        first = resources.begin(**begin, run_id=uuid4())
    with open_door(by="system:test", at=NOW):
        second = resources.begin(**begin, run_id=uuid4())

    with pytest.raises(ImportOvertaken), open_door(by="system:test", at=NOW):
        resources.put_organizations(run=first, rows=[{"id": "o", "name": "Org"}])
    with open_door(by="system:test", at=NOW):
        assert resources.put_organizations(run=second, rows=[{"id": "o", "name": "Org"}]).made["organizations"] == 1


def test_a_place_on_no_earth_and_a_place_of_nothing_are_named_and_kept() -> None:
    agency = make.agency()
    given = kitchen()
    given["services"][0]["service_at_locations"][0]["location"]["latitude"] = 100
    stray = {"id": "sal9", "service": {"id": "s9"}, "location": {"id": "loc9", "location_type": "virtual"}}

    written = load(agency, tables_from(given, stray))

    assert [(one.id, one.lost) for one in written.problems] == [("s9", True), ("sal9", False), ("loc", False)]
    assert "point" not in held(agency)[0]
    assert list(DirectoryRecord.objects.filter(table="service_at_location").values_list("their_id", flat=True)) == [
        "sal9"
    ]
    assert as_rows(tables_of(agency, "demo")) == as_rows(tables_from(given, stray))


def test_an_import_is_one_entry_in_the_journal_and_clean_when_recomputed() -> None:
    agency = make.agency()

    load(agency, read(DEMO))

    entry = Entry.objects.get(kind="directory.import")
    assert entry.data["made"]["service_at_location"] == 25
    source = DirectorySource.objects.get()
    assert (source.run, source.imported_at) == (None, NOW)
    assert list(differences()) == []


def test_an_export_is_what_was_imported() -> None:
    agency = make.agency()
    tables = read(DEMO)
    load(agency, tables)

    exported = tables_of(agency, "demo")

    assert as_rows(exported) == as_rows(tables)
    assert json.loads(writing.nested_json(exported)[0])["contents"]


@has_standard
@pytest.mark.parametrize(
    "name", ["organization_full.json", "service_full.json", "tabular.json", "location.json", "csv"]
)
def test_every_example_of_the_standard_comes_back_from_the_database(name: str) -> None:
    agency = make.agency()
    tables = read(STANDARD / "examples" / name)

    written = load(agency, tables)

    assert as_rows(tables_of(agency, "demo")) == as_rows(tables)
    assert [problem for problem in written.problems if problem.lost] == []


@examples(max_examples=10, deadline=None, phases=[Phase.generate])
@given(st.data())
def test_no_import_fails_whatever_a_source_says(data: st.DataObject) -> None:
    agency = make.agency()
    tables = Tables()
    ids = st.sampled_from(["a", "b", "c", 7, "x" * 300])
    for table, spec in TABLES.items():
        columns = st.sampled_from([*spec.columns, "x_other"])
        for row in data.draw(st.lists(st.dictionaries(columns, ALMOST | ids, max_size=8), max_size=3)):
            tables.add(table, {"name": "N", "number": "1", **row, "id": data.draw(ids)}, where="drawn")

    load(agency, tables)
    again = load(agency, tables)

    assert (sum(again.made.values()), sum(again.changed.values()), sum(again.retired.values())) == (0, 0, 0)
    assert as_rows(tables_of(agency, "demo")) == as_rows(tables)
    assert list(differences()) == []


@pytest.mark.skipif(not KING_COUNTY.is_file(), reason="King County's organizations are not in DATA_DIR")
def test_king_countys_organizations_fit_a_tablet() -> None:
    agency = make.agency()

    load(agency, king_county.read_king_county(KING_COUNTY.name, KING_COUNTY.read_bytes()))

    found = held(agency)
    assert len(found) == 599
    assert sum(len(json.dumps(body)) for body in found) < 599 * 1_000
    assert sum(bool(body.get("needs")) for body in found) > 500


def test_the_commands_import_check_and_export(tmp_path: Path) -> None:
    agency = make.agency(slug="city")
    (tmp_path / "given.json").write_text(json.dumps([kitchen(), {"id": "b", "status": "active"}]))
    out, err = StringIO(), StringIO()
    given = [str(tmp_path / "given.json"), "--agency", "city", "--source", "city"]

    call_command("import_hsds", *given, "--check", stdout=out, stderr=err)
    assert "Nothing was imported" in out.getvalue()
    assert "left out: given.json #2: services b: name missing" in err.getvalue()
    assert not DirectorySource.objects.exists()
    call_command("import_hsds", *given, stdout=out, stderr=err)
    assert "services: 1 new, 0 changed, 0 gone" in out.getvalue()
    assert "1 could not be understood" in out.getvalue()
    call_command("export_hsds", str(tmp_path / "out"), "--agency", "city", "--source", "city", stdout=out)
    assert as_rows(read(tmp_path / "out")) == as_rows(tables_from(kitchen()))
    call_command(
        "export_hsds",
        str(tmp_path / "o.json"),
        "--agency",
        "city",
        "--source",
        "city",
        "--format",
        "json",
        stdout=out,
        stderr=err,
    )
    assert as_rows(read(tmp_path / "o.json")) == as_rows(tables_from(kitchen()))
    call_command(
        "export_hsds",
        str(tmp_path / "t.json"),
        "--agency",
        "city",
        "--source",
        "city",
        "--format",
        "tabular",
        stdout=out,
    )
    assert as_rows(read(tmp_path / "t.json")) == as_rows(tables_from(kitchen()))
    assert agency.pk == DirectorySource.objects.get().agency_id


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["import_hsds", "missing.json", "--agency", "city", "--source", "x"], "cannot be read"),
        (["import_hsds", str(DEMO), "--agency", "nowhere", "--source", "x"], "There is no agency “nowhere”"),
        (["import_king_county", str(DEMO), "--agency", "city"], "is not the file of organizations"),
        (["import_king_county", "missing.csv", "--agency", "city"], "cannot be read"),
        (["export_hsds", "x", "--agency", "city", "--source", "x"], "There is no source “x”. Sources: none yet"),
        (["export_hsds", "x", "--agency", "nowhere", "--source", "x"], "There is no agency “nowhere”"),
    ],
)
def test_a_command_that_cannot_says_why(command: list[str], words: str) -> None:
    make.agency(slug="city")

    with pytest.raises(CommandError, match=words):
        call_command(*command)


def test_the_demo_names_nobody_and_dials_nobody() -> None:
    text = DEMO.read_text()

    numbers = [row["number"] for row in read(DEMO).rows("phones")]
    assert numbers
    assert all(number.startswith("206-555-01") for number in numbers)
    assert "contacts" not in text
    assert len(TABLES) == 21
    assert str(DEMO).startswith(str(settings.BASE_DIR))
