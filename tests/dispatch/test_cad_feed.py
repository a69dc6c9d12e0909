"""
The REST door of CAD: keys, rates, strict bodies, the same answer twice, messages.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.actions import cad_keys
from dispatch.models import CadFeed, CadKey, CadMessage, CadRevision, Call, Origin, Poach, PoachState, Stop
from journal.door import open_door
from journal.models import Receipt
from responders import rate_limits
from tests.conftest import NOON
from tests.factories import dispatch, responders
from tests.factories import intake as factory
from tests.factories.intake import Desk
from tests.replica import bodies, number_of
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db


class Cad:
    """
    A CAD system at the other end of the line.
    """

    def __init__(self, key: str) -> None:
        self._client = Client(raise_request_exception=True)
        self._headers = {"Authorization": f"CAD {key}"}

    def send(self, body: Any, path: str = "calls/") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self._client.post(f"/api/cad/{path}", data, content_type="application/json", headers=self._headers)

    def get(self, path: str) -> Any:
        return self._client.get(f"/api/cad/{path}", headers=self._headers)


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def cad_of(desk: Desk) -> Cad:
    return Cad(desk.key)


def key_of(desk: Desk) -> CadKey:
    return CadKey.objects.get(agency=desk.agency)


def codes(response: Any) -> dict[str, list[str]]:
    """
    Return the codes of a 400, by field.
    """
    fields: dict[str, list[dict[str, str]]] = response.json()["facts"]["fields"]
    return {name: [problem["code"] for problem in problems] for name, problems in fields.items()}


def test_a_call_comes_in_and_the_same_revision_gets_the_same_answer() -> None:
    desk = factory.desk()
    body = factory.body("26000001")

    first, again = cad_of(desk).send(body), cad_of(desk).send(body)

    call = Call.objects.get(agency=desk.agency, number="26000001")
    told = {
        "status": "applied",
        "call": call.pk,
        "number": "26000001",
        "revision": 1,
        "current_revision": 1,
        "created": True,
    }
    assert (first.status_code, first.json()) == (200, {**told, "replayed": False})
    assert (again.status_code, again.json()) == (200, {**told, "replayed": True})
    assert call.response == "CARE"


def test_a_revision_that_came_too_late_says_so() -> None:
    desk = factory.desk()
    cad_of(desk).send(factory.body("26000001", revision=2))

    answer = cad_of(desk).send(factory.body("26000001", revision=1, priority=1)).json()

    assert (answer["status"], answer["current_revision"]) == ("stored", 2)
    assert Call.objects.get().priority == 3


def test_a_revision_with_other_content_is_refused() -> None:
    desk = factory.desk()
    cad_of(desk).send(factory.body("26000001"))

    answer = cad_of(desk).send(factory.body("26000001", priority=1))

    assert (answer.status_code, answer.json()["code"]) == (409, "revision_reused")
    assert Call.objects.get().priority == 3


def test_a_new_key_of_the_same_cad_may_send_the_past_again() -> None:
    desk = factory.desk()
    body = factory.body("26000001")
    cad_of(desk).send(body)
    with open_door(by="system:test", at=NOON):
        _, text = cad_keys.make(agency_id=desk.agency.pk, name="New CAD", by="system:test", at=NOON)

    assert Cad(text).send(body).json()["created"] is False
    assert Cad(text).send({**body, "priority": 1}).status_code == 409
    assert CadRevision.objects.count() == 1


@pytest.mark.parametrize("header", [None, "CAD", "CAD ", "CAD nonsense", "Bearer x", "CAD \udc80", "cad {key}"])
def test_only_a_key_lets_in(header: str | None) -> None:
    desk = factory.desk()
    headers = {} if header is None else {"Authorization": header.format(key=desk.key)}

    answer = Client().post("/api/cad/calls/", factory.body(), content_type="application/json", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer["WWW-Authenticate"].startswith("CAD")


def test_a_revoked_key_lets_in_no_longer() -> None:
    desk = factory.desk()
    with open_door(by="system:test", at=NOON):
        cad_keys.revoke(key=key_of(desk), by="system:test", at=NOON)

    assert cad_of(desk).send(factory.body()).status_code == 401
    assert key_of(desk).key_hash != desk.key.encode()


def test_a_key_opens_nothing_else() -> None:
    desk = factory.desk()
    client = Client(headers={"Authorization": f"CAD {desk.key}"})

    for path in ("/api/actions/call.create/", "/api/decision-preview/", "/api/sync"):
        assert client.post(path, {}, content_type="application/json").status_code in {401, 403}, path


# --- bodies ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"number": ""}, "number", "blank"),
        ({"number": 26}, "number", "invalid"),
        ({"number": "x" * 41}, "number", "max_length"),
        ({"revision": 0}, "revision", "min_value"),
        ({"revision": 2**31}, "revision", "max_value"),
        ({"revision": True}, "revision", "invalid"),
        ({"revision": "1"}, "revision", "invalid"),
        ({"status": "GONE"}, "status", "invalid_choice"),
        ({"status": ["OPEN"]}, "status", "invalid_choice"),
        ({"priority": 0}, "priority", "min_value"),
        ({"priority": 10}, "priority", "max_value"),
        ({"priority": 3.5}, "priority", "invalid"),
        ({"address": "?! /"}, "address", "no_address"),
        ({"point": {"lon": 47.6, "lat": -122.3}}, "point", "out_of_bounds"),
        ({"point": {"lon": 0, "lat": 0}}, "point", "out_of_bounds"),
        ({"point": {"lon": 1e308, "lat": 47}}, "point", "out_of_bounds"),
        ({"point": {"lon": "-122", "lat": "47"}}, "point", "invalid"),
        ({"point": {"lon": -122.3}}, "point", "invalid"),
        ({"point": [-122.3, 47.6, 5]}, "point", "invalid"),
        ({"point": {"lon": True, "lat": 47}}, "point", "invalid"),
        ({"place_kind": "MOON"}, "place_kind", "invalid_choice"),
        ({"source": "PIGEON"}, "source", "invalid_choice"),
        ({"answers": {"DOG": "YES"}}, "answers", "unknown"),
        ({"answers": {"WEAPON": "MAYBE"}}, "answers.WEAPON", "invalid_choice"),
        ({"answers": []}, "answers", "not_a_dict"),
        ({"markers": ["SLEEPY"]}, "markers.0", "invalid_choice"),
        ({"interpreter": "yes"}, "interpreter", "invalid"),
        ({"police_units": "2K3"}, "police_units", "not_a_list"),
        ({"police_units": ["x"] * 41}, "police_units", "max_length"),
        ({"received_at": "2026-06-03T12:00:00"}, "received_at", "no_offset"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "received_at", "out_of_bounds"),
        ({"received_at": "9999-12-31T23:59:59-14:00"}, "received_at", "out_of_bounds"),
        ({"received_at": 1780000000}, "received_at", "invalid"),
        ({"received_at": "yesterday"}, "received_at", "invalid"),
        ({"colour": "RED"}, "colour", "unknown"),
        ({"care_units": [{"unit": "C12", "lunch_at": "x"}]}, "care_units.0.lunch_at", "unknown"),
        ({"care_units": [{}, {"unit": "C12", "on_scene_at": 5}]}, "care_units.1.on_scene_at", "invalid"),
        ({"care_units": ["C12"]}, "care_units.0.non_field_errors", "invalid"),
        ({"narrative": "x" * 20_001}, "narrative", "max_length"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_code(change: dict[str, Any], field: str, code: str) -> None:
    desk = factory.desk()

    answer = cad_of(desk).send({**factory.body(), **change})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_args"
    assert code in codes(answer)[field]
    assert not Call.objects.exists()


@pytest.mark.parametrize("field", ["number", "revision", "status", "type", "priority", "address", "source", "cad_at"])
def test_a_required_field_is_asked_for(field: str) -> None:
    desk = factory.desk()
    body = factory.body()
    del body[field]

    assert codes(cad_of(desk).send(body)) == {field: ["required"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b'{"number": NaN}',
        b'{"number": "\\u0000"}',
        b'{"number": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"priority": 1' + b"0" * 5000 + b"}",
        b'{"priority": 1e999}',
        b'{"number": "1", "number": "2"}',
        b'{"narrative": "' + b"x" * 300_000 + b'"}',
    ],
)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    desk = factory.desk()

    assert cad_of(desk).send(body).status_code in {400, 413}
    assert not Receipt.objects.exists()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=30)
    | st.sampled_from(["OPEN", "CLOSED", "911", "YES", "WEAPON", "2026-06-03T12:00:00Z", "PUBLIC"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def desk() -> Desk:
    return factory.desk(rate=1_000_000)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.dictionaries(st.sampled_from([*sorted(factory.revision().as_payload()), "x"]), JSON, max_size=4))
def test_nothing_that_is_sent_breaks_the_door(desk: Desk, change: dict[str, Any]) -> None:
    answer = cad_of(desk).send(json.dumps({**factory.body(), **change}).encode())

    assert answer.status_code in {200, 400, 409}
    answer.json()


# --- heard, told, limited ---------------------------------------------------------------------------------------------------


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_screens_are_told_every_ten_seconds_that_cad_is_there() -> None:
    desk = factory.desk()
    stream = f"reference.{desk.agency.pk}"
    before = number_of(stream)
    for seconds in (1, 3, 9.9, 10, 12, 19.9, 20):
        with time_machine.travel(at(seconds), tick=False):
            assert cad_of(desk).send(b"", "heartbeat/").status_code == 204
            assert CadFeed.objects.get(agency=desk.agency).heard_at >= at(seconds - 1)

    feed = CadFeed.objects.get(agency=desk.agency)
    assert (feed.told_at, feed.heard_at) == (at(20), at(20))
    assert number_of(stream) == before + 2
    assert [body["told_at"] for body in bodies(stream, "feed").values()] == ["2026-06-03T19:00:20Z"]


def test_the_first_word_of_a_cad_makes_its_feed() -> None:
    desk = factory.desk(has_cad=False)
    assert not CadFeed.objects.filter(agency=desk.agency).exists()

    cad_of(desk).send(b"", "heartbeat/")
    cad_of(desk).send(b"", "heartbeat/")

    assert CadFeed.objects.get(agency=desk.agency).told_at == NOON


def test_a_key_has_a_rate() -> None:
    desk = factory.desk(rate=5)
    with time_machine.travel(at(7200), tick=False):
        statuses = [cad_of(desk).send(b"", "heartbeat/").status_code for _ in range(8)]

    assert statuses == [204] * 5 + [429] * 3


@pytest.mark.django_db(transaction=True)
def test_the_rate_holds_against_requests_at_once() -> None:
    desk = factory.desk(rate=10)

    def beat(_: int) -> int:
        try:
            return int(cad_of(desk).send(b"", "heartbeat/").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(beat, range(60)))

    assert statuses.count(204) == 10
    assert statuses.count(429) == 50


def test_calls_come_in_without_redis(settings: Any) -> None:
    desk = factory.desk()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    rate_limits._limiter.cache_clear()
    try:
        assert cad_of(desk).send(factory.body()).status_code == 200
    finally:
        rate_limits._limiter.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_two_revisions_of_a_new_call_at_once_make_one_call() -> None:
    desk = factory.desk(rate=1_000_000)
    sent = [factory.body(f"26{n:06d}", revision=revision) for n in range(6) for revision in (1, 2, 3, 3)]

    def send(body: dict[str, Any]) -> int:
        try:
            return int(cad_of(desk).send(body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, sent)) == {200}

    assert Call.objects.count() == 6
    assert set(Call.objects.values_list("cad_revision", flat=True)) == {3}
    assert CadRevision.objects.count() == 18


# --- messages ---------------------------------------------------------------------------------------------------------------


def poached(desk: Desk) -> tuple[Call, CadMessage]:
    cad_of(desk).send(factory.body("26000001", type="TRESPASS"))
    call = Call.objects.get(agency=desk.agency)
    dispatch.assignment(desk, to=call, origin=Origin.POACHED)
    return call, CadMessage.objects.get(call=call)


def test_cad_fetches_what_we_ask_and_confirms_it() -> None:
    desk = factory.desk()
    call, message = poached(desk)

    listed = cad_of(desk).get("messages/").json()
    assert listed == [
        {
            "id": message.pk,
            "kind": "poach",
            "number": call.number,
            "body": message.body,
            "made_at": "2026-06-03T19:00:00Z",
        }
    ]
    for _ in range(2):
        answer = cad_of(desk).send({"answer": "CONFIRMED"}, f"messages/{message.pk}/")
        assert (answer.status_code, answer.json()) == (200, {"id": message.pk, "answer": "CONFIRMED"})

    message.refresh_from_db()
    assert (message.fetched_at, message.confirmed_at) == (NOON, NOON)
    assert Poach.objects.get(call=call).state == PoachState.CAD_CONFIRMED
    assert cad_of(desk).get("messages/").json() == []
    changed = cad_of(desk).send({"answer": "REJECTED"}, f"messages/{message.pk}/")
    assert (changed.status_code, changed.json()["code"]) == (409, "message_settled")


def test_a_rejected_poach_stops_the_crew() -> None:
    desk = factory.desk()
    call, message = poached(desk)

    cad_of(desk).send({"answer": "REJECTED", "reason": "2K3 is on it"}, f"messages/{message.pk}/")

    message.refresh_from_db()
    assert (message.rejected_at, message.reject_reason) == (NOON, "2K3 is on it")
    assert Poach.objects.get(call=call).state == PoachState.CAD_REJECTED
    assert Stop.objects.get(call=call).reasons == ["CAD_REJECTED"]


def test_another_agencys_message_does_not_exist() -> None:
    desk, other = factory.desk(), factory.desk()
    _, message = poached(desk)

    absent = cad_of(other).send({"answer": "CONFIRMED"}, f"messages/{message.pk + 1000}/")
    foreign = cad_of(other).send({"answer": "CONFIRMED"}, f"messages/{message.pk}/")

    assert absent.status_code == foreign.status_code == 404
    assert absent.json()["code"] == foreign.json()["code"] == "message_not_found"
    assert cad_of(other).get("messages/").json() == []
    assert cad_of(desk).send({"answer": "PERHAPS"}, f"messages/{message.pk}/").status_code == 400
    assert cad_of(desk).send({"answer": "CONFIRMED", "x": 1}, f"messages/{message.pk}/").status_code == 400


def test_the_desk_sees_what_would_be_decided() -> None:
    desk = factory.desk()
    person = responders.person(desk.agency, "DISPATCHER")
    client = desk_client(person)
    asked = {
        "type": factory.WELFARE,
        "point": {"lon": -122.337, "lat": 47.611},
        "address": "Pike St & 5th Ave",
        "place_kind": "PUBLIC",
        "answers": factory.ALL_NO,
    }

    answer = client.post("/api/decision-preview/", asked, content_type="application/json")

    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "response": "CARE",
        "care_available": True,
        "reasons": ["TYPE_GREEN", "DISQUALIFIERS_RULED_OUT"],
        "queue": "CARE",
        "area": {"id": desk.area.pk, "name": desk.area.name},
        "policy": "seattle-2025 v1",
        "cautions": [],
        "premise": {"here": [], "nearby": []},
    }
    senseless: list[Any] = [{"type": factory.WELFARE, "x": 1}, {}, [], {"type": "NOTHING"}]
    for body in senseless:
        assert client.post("/api/decision-preview/", body, content_type="application/json").status_code == 400


def test_receipts_of_revisions_cannot_be_asked_for_by_chance() -> None:
    desk = factory.desk()
    cad_of(desk).send(factory.body("26000001"))

    receipt = Receipt.objects.get()
    assert receipt.action_id.version == 5
    assert receipt.kind == "cad.revision"
