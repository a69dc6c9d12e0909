"""
The exchange: whatever a reader holds, it ends with what the stream holds.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any
from hypothesis import strategies as st

from journal.door import open_door
from journal.models import Document, Stream
from responders.models import ServiceArea, Unit
from tablets.exchange import HeldStream
from tablets.sync import answer_streams
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.security.clients import desk_client
from tests.tablets.lines import Replica
from tests.tablets.lines import sync as exchange

pytestmark = pytest.mark.django_db


def area_with_units(count: int) -> tuple[ServiceArea, make_tablets.Paired]:
    agency = make.agency()
    area = make.area(agency)
    # Each in a transaction of its own, hence under a number of its own.
    for number in range(count):
        make.unit(agency, call_sign=f"FILL {number}", areas=[area])
    return area, make_tablets.crewed(make.unit(agency, areas=[area]))


def fresh(tablet: make_tablets.Paired) -> Replica:
    replica = Replica()
    replica.pull(tablet.client)
    return replica


def test_a_tablet_gets_its_unit_areas_person_and_agency_in_order_of_weight() -> None:
    area, tablet = area_with_units(0)
    answer = exchange(tablet.client)

    person = tablet.client.get("/api/tablets/me/").json()["person"]
    assert list(answer["streams"]) == [
        f"unit.{tablet.tablet.unit_id}",
        f"area.{area.pk}",
        f"responder.{person}",
        f"reference.{tablet.tablet.agency_id}",
        f"care.{tablet.tablet.agency_id}",
        f"directory.{tablet.tablet.agency_id}",
    ]
    assert (answer["dropped"], answer["purge"], answer["protocol"]) == ([], False, 1)
    assert 50 <= answer["next_poll_s"] <= 70
    assert answer["lease_until"].endswith("Z")


def test_a_tablet_without_a_crew_gets_nothing_and_drops_what_it_had() -> None:
    _, tablet = area_with_units(1)
    held = fresh(tablet)
    tablet.client.post("/api/tablets/sign-off/")

    answer = exchange(tablet.client, {name: held.held(name) for name in held.numbers})

    assert answer["streams"] == {}
    assert {gone["stream"] for gone in answer["dropped"]} == set(held.numbers)
    assert {gone["why"] for gone in answer["dropped"]} == {"signed_off"}


def test_streams_of_others_and_of_nobody_answer_alike() -> None:
    _, tablet = area_with_units(0)
    other, _ = area_with_units(1)

    answer = exchange(
        tablet.client, {f"area.{other.pk}": {"number": 1}, "area.999999": {"number": 1}, "'\"": {"number": 1}}
    )

    assert {gone["why"] for gone in answer["dropped"]} == {"not_yours"}
    assert len(answer["dropped"]) == 3


def test_who_is_up_to_date_gets_no_document() -> None:
    _, tablet = area_with_units(3)
    replica = fresh(tablet)

    answer = exchange(tablet.client, {name: replica.held(name) for name in replica.numbers})

    assert all(given["documents"] == [] and not given["reset"] for given in answer["streams"].values())


def test_an_exchange_without_news_writes_nothing() -> None:
    _, tablet = area_with_units(3)
    replica = fresh(tablet)

    with CaptureQueriesContext(connection) as queries:
        exchange(tablet.client, {name: replica.held(name) for name in replica.numbers})

    # One to know the tablet, one for all streams and documents.
    assert len(queries) == 2
    assert not [query for query in queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]


def test_pages_bring_everything_and_never_split_a_number() -> None:
    area, tablet = area_with_units(40)
    names = [f"unit.{tablet.tablet.unit_id}", f"area.{area.pk}", f"reference.{tablet.tablet.agency_id}"]

    held: dict[str, HeldStream] = {}
    documents: dict[str, dict[tuple[str, str], int]] = {name: {} for name in names}
    pages = 0
    while True:
        pages += 1
        answer = parse(answer_streams(names, held, budget=1_000))
        for name, page in answer.items():
            for document in page["documents"]:
                documents[name][document["c"], document["id"]] = document["n"]
            held[name] = HeldStream(page["number"], page["floor"])
        if not any(page["more"] for page in answer.values()):
            break

    live = Document.objects.filter(stream__in=names, gone=None)
    assert pages >= 5
    assert {(name, key): n for name, held_of in documents.items() for key, n in held_of.items()} == {
        (row.stream, (row.collection, row.document_id)): row.number for row in live
    }
    assert {name: held[name].number for name in names} == dict(
        Stream.objects.filter(name__in=names).values_list("name", "number")
    )


@pytest.mark.parametrize("wrong", ["ahead", "below the floor", "digest", "count"])
def test_a_reader_that_cannot_be_right_is_reset(wrong: str) -> None:
    area, tablet = area_with_units(3)
    replica = fresh(tablet)
    name = f"area.{area.pk}"
    held = replica.held(name)
    if wrong == "ahead":
        held["number"] += 1
    elif wrong == "below the floor":
        Stream.objects.filter(name=name).update(floor=held["number"])
        held["number"] -= 1
        held["floor"] = 0
    elif wrong == "digest":
        held["digest"] = "0" * 16
    else:
        held["count"] = 999

    given = exchange(tablet.client, {name: held})["streams"][name]

    assert given["reset"]
    assert len(given["documents"]) == given["count"]


def test_a_bootstrap_that_was_cut_resumes_below_the_floor() -> None:
    area, _ = area_with_units(20)
    name = f"area.{area.pk}"
    Stream.objects.filter(name=name).update(floor=Stream.objects.get(name=name).number)

    first = parse(answer_streams([name], {}, budget=500))[name]
    second = parse(answer_streams([name], {name: HeldStream(first["number"], first["floor"])}, budget=500))[name]

    assert first["more"]
    assert not second["reset"]
    assert second["number"] > first["number"]


def test_a_document_that_left_is_named_to_who_had_it() -> None:
    area, tablet = area_with_units(2)
    replica = fresh(tablet)
    leaving = Unit.objects.get(agency=area.agency, call_sign="FILL 0")
    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        leaving.areas.clear()

    name = f"area.{area.pk}"
    given = exchange(tablet.client, {name: replica.held(name)})["streams"][name]
    replica.pull(tablet.client)

    assert [document["id"] for document in given["documents"] if "gone" in document] == [str(leaving.pk)]
    assert replica.documents == fresh(tablet).documents


def test_a_desk_gets_its_desk() -> None:
    agency = make.agency()
    make.unit(agency)
    for roles, expected in [
        (["DISPATCHER"], {"desk", "reference"}),
        (["EMBEDDED"], {"desk", "reference"}),
        (["SUPERVISOR"], {"desk", "supervisors", "coordinators", "reference"}),
        (["COORDINATOR"], {"coordinators", "reference"}),
    ]:
        client = desk_client(make.person(agency, *roles), headers={"Origin": make_tablets.ORIGIN})
        assert set(exchange(client)["streams"]) == {f"{name}.{agency.pk}" for name in expected}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"protocol": 2}, 426),
        ({}, 426),
        ({"protocol": "1"}, 426),
        ({"protocol": 1, "actions": {}}, 400),
        ({"protocol": 1, "who": 1}, 400),
        ({"protocol": 1, "streams": []}, 400),
        ({"protocol": 1, "streams": {"area.1": 5}}, 400),
        ({"protocol": 1, "streams": {"area.1": {}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": -1}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": True}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": 1.5}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": 2**63}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": 1, "digest": "xyz"}}}, 400),
        ({"protocol": 1, "streams": {"area.1": {"number": 1, "who": 1}}}, 400),
        ({"protocol": 1, "streams": {f"area.{n}": {"number": 1} for n in range(101)}}, 400),
        ([1], 400),
    ],
)
def test_what_cannot_be_understood_is_refused(body: object, status: int) -> None:
    _, tablet = area_with_units(0)

    answer = tablet.client.post("/api/sync", body, content_type="application/json")

    assert answer.status_code == status, answer.content


def test_the_digest_is_as_the_protocol_says() -> None:
    _, tablet = area_with_units(5)

    replica = fresh(tablet)

    assert all(len(replica.digest(name)) == 16 for name in replica.numbers)
    assert replica.resets == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given_any(
    steps=st.lists(st.sampled_from(["join", "leave", "duty", "pull", "lose"]), min_size=5, max_size=25),
    seed=st.integers(0, 9),
)
def test_any_history_of_changes_and_pulls_ends_equal(steps: list[str], seed: int) -> None:
    area, tablet = area_with_units(3)
    units = list(Unit.objects.filter(agency=area.agency).order_by("pk"))
    replica = Replica()

    for turn, step in enumerate(steps):
        unit = units[(turn + seed) % len(units)]
        if step == "pull":
            replica.pull(tablet.client)
        elif step == "lose":
            replica = Replica()
        else:
            with open_door(by=make.SCENE, at=datetime.now(UTC)):
                if step == "join":
                    unit.areas.add(area)
                elif step == "leave" and unit.pk != tablet.tablet.unit_id:
                    unit.areas.remove(area)
                else:
                    Unit.objects.filter(pk=unit.pk).update(duty="MEAL" if turn % 2 else "AVAILABLE")
    replica.pull(tablet.client)

    assert replica.documents == fresh(tablet).documents
    assert replica.resets == 0


def parse(parts: list[str]) -> dict[str, dict[str, Any]]:
    return dict(orjson.loads("{" + ",".join(parts) + "}"))
