"""
HSDS 3 in and out, without a database: nothing is lost, nothing stops at what is broken, and what we write is valid.
"""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from followups.hsds import king_county, writing
from followups.hsds.columns import COLUMNS, given_back, understand
from followups.hsds.hours import is_clear
from followups.hsds.needs import needs, needs_of
from followups.hsds.nesting import nest
from followups.hsds.reading import Unreadable, kind_of, read, read_csv, read_json
from followups.hsds.tables import TABLES, Row, Tables

DEMO = Path(settings.BASE_DIR) / "followups" / "data" / "demo-directory.json"
STANDARD = Path(settings.DATA_DIR) / "standards" / "hsds"
KING_COUNTY = Path(settings.DATA_DIR) / "directory" / "kingcounty_solutions_organizations.csv"
PACIFIC = ZoneInfo("America/Los_Angeles")
has_standard = pytest.mark.skipif(not STANDARD.is_dir(), reason="HSDS's schemas and examples are not in DATA_DIR")
EXAMPLES = (
    [*sorted((STANDARD / "examples").glob("*.json")), STANDARD / "examples" / "csv"] if STANDARD.is_dir() else []
)


def said(text: str) -> Tables:
    tables = Tables()
    read_json("given.json", text.encode(), tables)
    return tables


def as_rows(tables: Tables) -> dict[str, list[Row]]:
    return {
        name: sorted(map(_named, tables.rows(name)), key=lambda row: json.dumps(row, sort_keys=True))
        for name in TABLES
    }


def _named(row: Row) -> Row:
    # A number that names another record is the same name as its digits.
    return {key: str(value) if key.endswith("_id") and type(value) is int else value for key, value in row.items()}


@has_standard
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_of_the_standard_is_read_whole(path: Path) -> None:
    tables = read(path)

    assert tables.problems == []
    # The root of an API says which version it speaks, and has no records.
    assert (len(tables) > 0) is (path.name != "base.json")


@has_standard
def test_the_full_example_comes_out_as_it_went_in() -> None:
    given = json.loads((STANDARD / "examples" / "organization_full.json").read_text())

    organizations, left = nest(read(STANDARD / "examples" / "organization_full.json"))

    assert organizations == [given]
    assert len(left) == 0


@has_standard
def test_the_csv_example_comes_out_as_it_went_in() -> None:
    folder = STANDARD / "examples" / "csv"

    written = dict(writing.csv_files(read(folder)))

    assert written.keys() == {path.name for path in folder.glob("*.csv")}
    for name, text in written.items():
        assert text.strip() == (folder / name).read_text().strip(), name


@has_standard
def test_tabular_and_csv_are_one_directory() -> None:
    from_json = as_rows(read(STANDARD / "examples" / "tabular.json"))
    from_csv = as_rows(read(STANDARD / "examples" / "csv"))

    # The example's own JSON has two numbers that its schema calls texts.
    for rows in (from_json, from_csv):
        for row in (*rows["locations"], *rows["organization_identifiers"]):
            row.update({name: str(row[name]) for name in ("external_identifier", "identifier") if name in row})
    assert from_json == from_csv


def test_the_demo_directory_comes_out_as_it_went_in() -> None:
    given = json.loads(DEMO.read_text())

    tables = read(DEMO)
    text, left = writing.nested_json(tables)

    assert tables.problems == []
    assert json.loads(text) == given
    assert len(left) == 0


@has_standard
def test_what_is_written_is_valid() -> None:
    compiled = STANDARD / "schema" / "compiled"
    service = jsonschema.Draft202012Validator(json.loads((compiled / "service_with_definitions.json").read_text()))
    tabular = jsonschema.Draft202012Validator(json.loads((compiled / "tabular.json").read_text()))
    tables = read(DEMO)

    page = json.loads(writing.nested_json(tables)[0])

    services = [one for organization in page["contents"] for one in organization["services"]]
    assert len(services) >= 20
    assert [error.message for one in services for error in service.iter_errors(one)] == []
    assert [error.message for error in tabular.iter_errors(json.loads(writing.tabular_json(tables)))] == []


def test_csv_goes_round_through_a_zip_archive(tmp_path: Path) -> None:
    tables = read(DEMO)
    with ZipFile(tmp_path / "directory.zip", "w") as archive:
        for name, text in writing.csv_files(tables):
            archive.writestr(f"export/{name}", text)

    again = read(tmp_path / "directory.zip")

    assert again.problems == []
    assert as_rows(again) == as_rows(tables)


def test_a_broken_record_is_named_and_the_others_are_read() -> None:
    tables = said(
        json.dumps(
            [
                {
                    "id": "a",
                    "name": "Kitchen",
                    "status": "active",
                    "phones": [{"id": "p"}, "206", {"id": "q", "number": "1"}],
                },
                {"name": "No id", "status": "active"},
                {"id": "b", "status": "active"},
                17,
                {"colour": "green"},
                {"id": "c", "name": "Shelter", "status": "active"},
            ]
        )
    )

    assert [row["id"] for row in tables.rows("services")] == ["a", "c"]
    assert [row["id"] for row in tables.rows("phones")] == ["q"]
    assert [(one.table, one.id, one.words) for one in tables.problems if one.lost] == [
        ("phones", "", "“phones” of services a has something in it that is no record"),
        ("phones", "p", "number missing"),
        ("services", "", "id missing"),
        ("services", "b", "name missing"),
        ("record", "", "it is none of HSDS's records"),
        ("record", "", "it is none of HSDS's records"),
    ]
    assert [one.where for one in tables.problems] == [
        *["given.json #1"] * 2,
        *(f"given.json #{n}" for n in (2, 3, 4, 5)),
    ]


def test_a_row_of_a_csv_file_that_is_broken_is_named_by_its_line() -> None:
    tables = Tables()
    read_csv("services.csv", b"id,name,status\na,Kitchen,active\n,No id,active\nc,Shelter,active,too much\n", tables)
    read_csv("recipes.csv", b"id\n1\n", tables)
    read_csv("phones.csv", "id,number,description\np,206-555-0100,Caf\xe9\n".encode("cp1252"), tables)

    assert [row["name"] for row in tables.rows("services")] == ["Kitchen", "Shelter"]
    assert [str(one) for one in tables.problems] == [
        "services.csv:3: services without id: id missing",
        "services.csv:4: services c: more values than headings",
        "recipes.csv: table without id: no table of HSDS has this name",
        "phones.csv: phones without id: not UTF-8: read as Windows-1252",
    ]
    assert [row["description"] for row in tables.rows("phones")] == ["Café"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("a.json", b'{"id": "\xff"}'),
        ("a.zip", b"no archive"),
        ("a.txt", b""),
        ("a.json", b"[" * 100_000),
    ],
)
def test_what_is_no_file_of_this_kind_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(Unreadable, match=r"a\.(json|zip|txt)"):
        read(tmp_path / name)


def test_a_directory_without_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no JSON and no CSV"):
        read(tmp_path)


def test_one_record_of_several_parents_is_one_row_and_comes_out_in_each() -> None:
    phone = {"id": "p", "number": "206-555-0100"}
    tables = said(json.dumps({"id": "o", "name": "Org", "phones": [phone], "services": [
        {"id": "s", "name": "Kitchen", "status": "active", "phones": [{**phone, "type": "voice"}]},
        {"id": "t", "name": "Pantry", "status": "active", "phones": [phone]},
    ]}))  # fmt: skip

    organizations, _ = nest(tables)

    # HSDS's row has one column for a service: the second service's is a row of its own.
    assert [
        (row.get("service_id"), row["organization_id"]) for row in tables.rows("phones") if "organization_id" in row
    ] == [("s", "o")]
    assert len(list(tables.rows("phones"))) == 2
    assert [len(one["phones"]) for one in organizations[0]["services"]] == [1, 1]
    assert organizations[0]["phones"][0]["type"] == "voice"


def test_two_that_contradict_each_other_are_named_and_the_first_is_kept() -> None:
    tables = said('[{"id": "o", "name": "Org"}, {"id": "o", "name": "Other", "website": "https://example.org"}]')

    assert list(tables.rows("organizations")) == [{"id": "o", "name": "Org", "website": "https://example.org"}]
    assert [one.words for one in tables.problems] == ["said twice, and name not the same: the first is kept"]


def test_what_the_standard_does_not_know_stays_with_its_record() -> None:
    record = {"id": "s", "name": "Kitchen", "status": "active", "capacity": [{"unit": "beds"}], "x_rating": {"a": 1}}

    tables = said(json.dumps(record))

    assert list(tables.rows("services")) == [record]
    assert '"[{""unit"": ""beds""}]"' in dict(writing.csv_files(tables))["services.csv"]


@pytest.mark.parametrize(
    ("record", "table"),
    [
        ({"id": "1", "name": "x"}, "organizations"),
        ({"id": "1", "name": "x", "status": "active"}, "services"),
        ({"id": "1", "location_type": "physical", "name": "x"}, "locations"),
        ({"id": "1", "location": {"id": "2"}}, "service_at_location"),
        ({"id": "1", "name": "x", "description": "y", "version": "1"}, "taxonomies"),
        ({"id": "1", "name": "x", "taxonomy": "y"}, "taxonomy_terms"),
        ({"name": "x"}, None),
        ({}, None),
    ],
)
def test_a_record_is_known_by_what_it_has(record: dict[str, Any], table: str | None) -> None:
    assert kind_of(record) == table


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "problem"),
    [
        ("services", {"minimum_age": 12}, "minimum_age", 12, ""),
        ("services", {"minimum_age": "17.5"}, "minimum_age", 17.5, ""),
        ("services", {"minimum_age": "twelve"}, "minimum_age", None, "minimum_age: “twelve” is no number"),
        ("services", {"maximum_age": -1}, "maximum_age", None, "maximum_age: “-1” is no age"),
        ("services", {"maximum_age": 9999.999}, "maximum_age", None, "maximum_age: “9999.999” is no age"),
        ("services", {"maximum_age": "NaN"}, "maximum_age", None, "maximum_age: “NaN” is no age"),
        ("services", {"status": "Active"}, "status", "active", ""),
        ("services", {"status": "gone fishing"}, "status", "", "status: “gone fishing” is none of"),
        ("services", {"description": {"en": "x"}}, "description", "", "description: no text"),
        ("schedules", {"opens_at": "9:00"}, "opens_at", "09:00", ""),
        ("schedules", {"opens_at": "10:00:00"}, "opens_at", "10:00", ""),
        ("schedules", {"opens_at": "09:00-08:00"}, "opens_at", "09:00", ""),
        ("schedules", {"closes_at": "24:00"}, "closes_at", "00:00", ""),
        ("schedules", {"closes_at": "24:30"}, "closes_at", None, "closes_at: “24:30” is no time of day"),
        ("schedules", {"valid_from": "2026-13-01"}, "valid_from", None, "valid_from: “2026-13-01” is no date"),
        ("schedules", {"interval": "often"}, "interval", None, "interval: “often” is no interval"),
        ("phones", {"number": 5550100}, "number", "5550100", ""),
        ("phones", {"extension": "0042"}, "extension", "0042", ""),
    ],
)  # fmt: skip
def test_whatever_a_column_makes_of_a_value_it_comes_out_as_it_went_in(
    table: str, row: Row, column: str, value: object, problem: str
) -> None:
    understood = understand(table, row, without=frozenset())

    kept = understood.columns[column]
    assert (f"{kept:%H:%M}" if hasattr(kept, "hour") else kept) == value
    assert "".join(understood.problems).startswith(problem)
    assert bool(understood.problems) is bool(problem)
    assert given_back(table, understood.columns, understood.extra) == row


# What PostgreSQL keeps: reading takes the rest out.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
EXACT = 2**53
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.floats(-1e15, 1e15) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
ALMOST = st.one_of(
    JSON,
    st.sampled_from(
        ["09:00", "24:00", "9:5", "MO,TU", "2026-02-30", "12", "-1", "1e9", "Infinity", "active", "+1 206", ""]
    ),
)


@examples(max_examples=300)
@given(st.data())
def test_no_value_of_any_field_is_lost_or_stops_anything(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(sorted(COLUMNS)))
    row = data.draw(st.dictionaries(st.sampled_from([*COLUMNS[table], "x_other"]), ALMOST, max_size=6))
    row = {name: value for name, value in row.items() if value is not None and value != ""}

    understood = understand(table, row, without=frozenset())

    assert given_back(table, understood.columns, understood.extra) == row
    if table == "schedules":
        assert is_clear(row, understood.columns, zone=PACIFIC) in (True, False)


@examples(max_examples=300)
@given(JSON)
def test_whatever_is_json_is_read_or_named(value: object) -> None:
    tables = said(json.dumps(value))

    organizations, left = nest(tables)
    assert len(tables) >= len(left)
    assert len(organizations) == len(list(tables.rows("organizations")))


def test_what_no_database_keeps_is_taken_out_of_a_text() -> None:
    tables = said(
        '[{"id": "s", "name": "Kit\\u0000chen \\ud83d", "status": "active", "minimum_age": NaN, "maximum_age": 1e999}]'
    )

    assert list(tables.rows("services")) == [{"id": "s", "name": "Kitchen \ufffd\ufffd\ufffd", "status": "active"}]


@pytest.mark.parametrize(
    ("row", "clear"),
    [
        ({"byday": "MO,TU", "opens_at": "09:00", "closes_at": "17:00"}, True),
        ({"freq": "WEEKLY", "byday": "mo, tu", "opens_at": "09:00", "closes_at": "17:00"}, True),
        ({"freq": "MONTHLY", "byday": "2MO,-1FR", "opens_at": "09:00", "closes_at": "17:00"}, True),
        ({"freq": "MONTHLY", "bymonthday": "1,15,-1", "opens_at": "09:00", "closes_at": "17:00"}, True),
        ({"byday": "MO", "opens_at": "09:00-08:00", "closes_at": "17:00-07:00"}, True),
        ({"byday": "MO", "opens_at": "09:00", "closes_at": "17:00", "timezone": -8}, True),
        ({"byday": "MO", "interval": 2, "dtstart": "2026-01-05", "opens_at": "09:00", "closes_at": "17:00"}, True),
        ({"byday": "MO", "interval": 2, "opens_at": "09:00", "closes_at": "17:00"}, False),
        ({"byday": "MO", "opens_at": "09:00"}, False),
        ({"byday": "MO", "opens_at": "nine", "closes_at": "17:00"}, False),
        ({"opens_at": "09:00", "closes_at": "17:00"}, False),
        ({"freq": "WEEKLY", "byday": "1MO", "opens_at": "09:00", "closes_at": "17:00"}, False),
        ({"freq": "MONTHLY", "opens_at": "09:00", "closes_at": "17:00"}, False),
        ({"freq": "YEARLY", "byday": "MO", "opens_at": "09:00", "closes_at": "17:00"}, False),
        ({"byday": "MO", "opens_at": "09:00", "closes_at": "17:00", "byweekno": "41"}, False),
        ({"byday": "MO", "opens_at": "09:00", "closes_at": "17:00", "count": 3}, False),
        ({"byday": "MO", "opens_at": "09:00", "closes_at": "17:00", "until": "soon"}, False),
        ({"byday": "MO", "opens_at": "09:00Z", "closes_at": "17:00Z"}, False),
        ({"byday": "MO", "opens_at": "09:00", "closes_at": "17:00", "timezone": 3}, False),
    ],
)  # fmt: skip
def test_only_hours_that_leave_nothing_to_guess_are_reckoned_with(row: Row, clear: bool) -> None:
    understood = understand("schedules", row, without=frozenset())

    assert is_clear(row, understood.columns, zone=PACIFIC) is clear


@pytest.mark.parametrize(
    ("term", "found"),
    [
        (("BD-1800.2000", ""), ("FOOD",)),
        (("BH-1800.8500", "whatever"), ("SHELTER",)),
        (("BH-8600", ""), ("HOUSING",)),
        (("", "Emergency Food Pantries"), ("FOOD",)),
        (("", "Shelter & Housing"), ("SHELTER", "HOUSING")),
        (("", "Social networks"), ()),
        (("FOOD-1", ""), ()),
        (("", ""), ()),
    ],
)
def test_needs_are_found_from_terms(term: tuple[str, str], found: tuple[str, ...]) -> None:
    assert needs_of([term]) == found


def test_every_need_can_be_shown_and_no_two_are_one() -> None:
    sprite = (Path(settings.BASE_DIR) / "node_modules/@uswds/uswds/dist/img/sprite.svg").read_text()

    assert len({need.code for need in needs()}) == len(needs())
    for need in needs():
        assert f'id="{need.icon}"' in sprite, need.icon
        assert need.words
        assert need.names


def test_king_countys_columns_become_tables() -> None:
    row = (
        "slug,title,acronym,type,parent_organization,jurisdictions,topics,address,phone,email,website,description\n"
        'kitchen,Kitchen,,Program,Big Org,King County; Seattle,Food & Nutrition; Health Care,"500 Example St, Suite 2, '
        'Seattle, WA 98104",206-555-0100,,https://example.org,"The **Kitchen**."\n'
        'big-org,Big Org,BO,Agency,,,,"PO Box 1, Kent, WA 98032",,,,\n'
        ",No slug,,,,,,,,,,\n"
    )

    tables = king_county.read_king_county("kc.csv", row.encode())

    organizations = list(tables.rows("organizations"))
    assert [one["name"] for one in organizations] == ["Kitchen", "Big Org"]
    assert organizations[0]["parent_organization_id"] == organizations[1]["id"]
    assert organizations[0]["description"] == "The Kitchen."
    assert [(one["city"], one["address_1"], one["address_type"]) for one in tables.rows("addresses")] == [
        ("Seattle", "500 Example St, Suite 2", "physical"),
        ("Kent", "PO Box 1", "postal"),
    ]
    assert sorted(one["name"] for one in tables.rows("taxonomy_terms")) == ["Food & Nutrition", "Health Care"]
    assert [one.words for one in tables.problems] == ["id missing"]
    with pytest.raises(Unreadable, match="has no address"):
        king_county.read_king_county("other.csv", b"slug,title\n")


@pytest.mark.skipif(not KING_COUNTY.is_file(), reason="King County's organizations are not in DATA_DIR")
def test_every_organization_of_king_county_is_read() -> None:
    tables = king_county.read_king_county(KING_COUNTY.name, KING_COUNTY.read_bytes())

    assert tables.problems == []
    assert len(list(tables.rows("organizations"))) == len(list(tables.rows("services"))) == 599
    assert len(list(tables.rows("phones"))) == 308
