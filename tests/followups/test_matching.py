"""
Who somebody might be: by name, sound, birth and phone, with the reasons; found from indexes, decided by a human.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from followups.actions import merges
from followups.indexes import born_on_index, phone_index
from followups.models import Client
from followups.queries import matching
from followups.queries.matching import Suggestion
from journal.door import open_door
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import follow_ups

pytestmark = pytest.mark.django_db

# A hundred thousand people with as many names as a city has: 60 x 60 given and 70 x 70 family names.
_CITY = """
INSERT INTO followups_client (key, agency_id, known_as, looks, born_on, language, interpreter, pronouns, substance_use,
                              made_at, made_by, born_on_index)
SELECT gen_random_uuid(), %(agency)s, 'NAMED', '', '', '', false, '', '[]', now(), 'system:test',
       sha256(('born' || (n %% 25000))::bytea)
  FROM generate_series(1, %(people)s) AS n;
INSERT INTO followups_clientname (client_id, text, "primary")
SELECT id, initcap(s[1 + id * 7 %% 20] || s[1 + id * 13 %% 20] || s[1 + id * 3 %% 17]) || ' '
           || initcap(s[1 + id * 11 %% 20] || s[1 + id / 7 %% 20] || s[1 + id / 140 %% 20]), true
  FROM followups_client, (SELECT ARRAY['ma','ro','ti','le','ka','an','so','vi','du','er','mo','na','li','be','gu','os','pa','ri',
                                       'ze','ho'] AS s) AS syllables
 WHERE agency_id = %(agency)s;
INSERT INTO followups_contactway (key, client_id, kind, value, value_index, may_say, leave_message, note, added_at, added_by)
SELECT gen_random_uuid(), id, 'PHONE', '', sha256(('phone' || id)::bytea), 'NOTHING', false, '', now(), 'system:test'
  FROM followups_client WHERE agency_id = %(agency)s;
"""
_TABLES = ("followups_client", "followups_clientname", "followups_contactway")


def ids(found: list[Suggestion]) -> list[int]:
    return [one.client_id for one in found]


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care()


@pytest.mark.parametrize(
    ("asked", "reasons"),
    [
        ({"names": ["Rosa Ortiz"]}, ("NAME_SAME",)),
        ({"names": ["rosa ORTIZ"]}, ("NAME_SAME",)),
        ({"names": ["Rosa Ortis"]}, ("NAME_ALIKE",)),
        ({"names": ["Ortiz Rosa"]}, ("NAME_SAME",)),
        # An alias is a name.
        ({"names": ["La Flaca"]}, ("NAME_SAME",)),
        ({"born_on": "1980-05-17"}, ("BORN_ON_SAME",)),
        ({"phones": ["+1 (206) 555-0123"]}, ("PHONE_SAME",)),
        ({"names": ["Rosa Ortiz"], "born_on": "1980"}, ("NAME_SAME", "BORN_ON_FITS")),
        ({"names": ["Rosa Ortiz"], "born_on": "1991-01-01"}, ("NAME_SAME", "BORN_ON_DIFFERS")),
        (
            {"names": ["Rosa Ortiz"], "born_on": "1980-05-17", "phones": ["2065550123"]},
            ("NAME_SAME", "BORN_ON_SAME", "PHONE_SAME"),
        ),
    ],
)
def test_somebody_is_found_by(care: follow_ups.Care, asked: dict[str, Any], reasons: tuple[str, ...]) -> None:
    whom = people.known(care, "Rosa Ortiz", aliases=["La Flaca"], born_on="1980-05-17", phone="206-555-0123")
    people.known(care, "Benjamin Vuong", born_on="1955-01-02", phone="206-555-0999")

    [one] = matching.suggest(agency_id=care.agency_id, **asked)

    assert (one.client_id, one.reasons) == (whom.pk, reasons)
    assert (one.name, one.aliases, one.born_on) == ("Rosa Ortiz", ("La Flaca",), "1980-05-17")
    assert 0 < one.score < 1


def test_what_sounds_alike_is_found_where_letters_differ(care: follow_ups.Care) -> None:
    whom = people.known(care, "Muhammad")

    [one] = matching.suggest(agency_id=care.agency_id, names=["Mohamed"], phones=[], born_on="")

    assert one.client_id == whom.pk
    assert one.reasons == ("NAME_ALIKE",) or one.reasons == ("NAME_SOUNDS",)


def test_more_that_agrees_stands_first(care: follow_ups.Care) -> None:
    name_only = people.known(care, "Rosa Ortiz")
    other_birth = people.known(care, "Rosa Ortiz", born_on="1971-02-03")
    both = people.known(care, "Rosa Ortiz", born_on="1980-05-17")

    found = matching.suggest(agency_id=care.agency_id, names=["Rosa Ortiz"], born_on="1980-05-17")

    assert ids(found) == [both.pk, name_only.pk, other_birth.pk]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_nothing_known_finds_nobody(care: follow_ups.Care) -> None:
    people.known(care, looks="Red coat")

    assert matching.suggest(agency_id=care.agency_id, names=["", "  "], phones=["none"]) == []


def test_another_agencys_people_and_merged_ones_are_not_suggested(care: follow_ups.Care) -> None:
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortiz")
    people.known(follow_ups.care(), "Rosa Ortiz")
    assert ids(matching.like(kept)) == [absorbed.pk]

    with open_door(by=care.coordinator, at=NOON):
        merges.merge(kept_id=kept.pk, absorbed_id=absorbed.pk, by=care.coordinator, at=NOON)

    assert ids(matching.suggest(agency_id=care.agency_id, names=["Rosa Ortiz"])) == [kept.pk]
    assert matching.like(Client.objects.get(pk=kept.pk)) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_people_are_looked_through_by_indexes(care: follow_ups.Care) -> None:
    city = follow_ups.care()
    with connection.cursor() as cursor:
        for table in _TABLES:
            # Documents of a city would take the test's time and are not what is tested.
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(_CITY, {"agency": city.agency_id, "people": 100_000})
        for table in _TABLES:
            cursor.execute(f"ANALYZE {table}")

    index, number = born_on_index("1980-05-17"), phone_index("2065550123")
    assert index is not None
    assert number is not None
    with CaptureQueriesContext(connection) as captured:
        found = matching.candidates(city.agency_id, ["Maroti Lekaan", "Marotti"], index, [number])
    assert found
    [asked] = [query["sql"] for query in captured if query["sql"].lstrip().startswith("WITH asked")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', '0.4', true)")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {asked}")
        plan = cursor.fetchone()[0]

    nodes = list(scans(plan if isinstance(plan, list) else json.loads(plan)))
    read_whole = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    assert set(read_whole).isdisjoint(_TABLES)
    used = {node.get("Index Name") for node in nodes}
    assert {"followups_client_name_trigram", "followups_client_name_sound", "followups_client_by_born_on"} <= used
    assert "followups_way_by_value" in used


def scans(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, list):
        for part in plan:
            yield from scans(part)
    if isinstance(plan, dict):
        if "Relation Name" in plan or "Index Name" in plan:
            yield plan
        for part in plan.values():
            yield from scans(part)
