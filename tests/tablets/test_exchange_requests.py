"""
What comes to the exchange: strict about the request, and never losing an action that is in it.
"""

import logging
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journal.models import Receipt
from tablets.models import Installation, Quarantined
from tablets.seals import open_kept
from tests.security.clients import desk_client
from tests.tablets.lines import Replica
from tests.tablets.queues import JSON, Crew, Queue, crew

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"installation": "x"}, 400),
        ({"installation": 7}, 400),
        ({"installation": None, "actions": [{"seq": 1}]}, 400),
        ({"installation": "{" + str(uuid4()) + "}"}, 400),
        ({"epoch": 7}, 400),
        ({"epoch": "e" * 81}, 400),
        ({"sent_at": "yesterday"}, 400),
        ({"sent_at": "2026-06-03T12:00:00"}, 400),
        ({"sent_at": 7}, 400),
        ({"first_seq": 0}, 400),
        ({"first_seq": True}, 400),
        ({"schema": -1}, 400),
        ({"app_version": "v" * 31}, 400),
        ({"outbox": []}, 400),
        ({"outbox": {}}, 400),
        ({"outbox": {"count": -1}}, 400),
        ({"outbox": {"count": 1, "oldest": 1}}, 400),
        ({"persisted": 1}, 400),
        ({"mismatches": 1.5}, 400),
        ({"actions": {}}, 400),
        ({"actions": [1]}, 400),
        ({"actions": [{}]}, 400),
        ({"actions": [{"seq": 0}]}, 400),
        ({"actions": [{"seq": "1"}]}, 400),
        ({"actions": [{"seq": 2**53}]}, 400),
        ({"actions": [{"seq": n} for n in range(1, 102)]}, 413),
        ({"who": 1}, 400),
    ],
)
def test_a_request_that_cannot_be_understood_is_refused_as_a_whole(changed: JSON, status: int) -> None:
    of = crew()

    answer = of.queue.post(**changed)

    assert answer.status_code == status, answer.content
    assert not Receipt.objects.filter(lane=of.queue.installation).exists()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"id": None}, "invalid_envelope"),
        ({"id": "x"}, "invalid_envelope"),
        ({"id": 7}, "invalid_envelope"),
        ({"kind": None}, "invalid_envelope"),
        ({"kind": "k" * 61}, "invalid_envelope"),
        ({"kind": "call.unheard_of"}, "unknown_kind"),
        ({"kind": 7}, "invalid_envelope"),
        ({"v": None}, "invalid_envelope"),
        ({"v": 0}, "invalid_envelope"),
        ({"v": 2**40}, "invalid_envelope"),
        ({"v": 2}, "unknown_version"),
        ({"args": None}, "invalid_envelope"),
        ({"args": []}, "invalid_envelope"),
        ({"args": {"call": "x"}}, "invalid_args"),
        ({"args": {"call": 7, "text": "a", "who": 1}}, "invalid_args"),
        ({"sealed": {"kid": "1"}}, "invalid_envelope"),
        ({"args": None, "sealed": {"kid": "1"}}, "invalid_envelope"),
        ({"args": None, "sealed": {"kid": "1", "epk": "", "iv": "", "ct": ""}}, "cannot_unseal"),
        ({"after": "1"}, "invalid_envelope"),
        ({"after": [1]}, "invalid_envelope"),
        ({"actor": None}, "invalid_envelope"),
        ({"actor": 7}, "invalid_envelope"),
        ({"actor": "-7"}, "invalid_envelope"),
        ({"actor": "\u0667"}, "invalid_envelope"),
        ({"actor": "9" * 5000}, "invalid_envelope"),
        ({"happened_at": "yesterday"}, "invalid_envelope"),
        ({"happened_at": "2026-06-03T12:00:00"}, "invalid_envelope"),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, "invalid_envelope"),
        ({"jumped": "yes"}, "invalid_envelope"),
        ({"who": 1}, "invalid_envelope"),
    ],
)
def test_an_action_that_cannot_be_understood_is_kept_whole(changed: JSON, code: str) -> None:
    of = crew()
    call = of.held().call_id
    bad = of.queue.action("call.note", {"call": call, "text": "Seen"}, **changed)
    good = of.queue.action("call.note", {"call": call, "text": "Seen"})

    first, second = of.queue.send(bad, good)["answers"], of.queue.send(bad, good)["answers"]

    assert [one["status"] for one in first] == ["quarantined", "applied"]
    assert first[0]["code"] == code
    assert second == [one | {"replayed": True} for one in first]
    kept = Quarantined.objects.get()
    assert open_kept(kept)[0] == bad
    assert first[0]["ticket"] == kept.ticket


@pytest.mark.django_db(transaction=True)
def test_whoever_must_look_is_told_without_a_word_of_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    of = crew()

    with caplog.at_level(logging.INFO):
        of.queue.do("call.note", {"call": "x", "text": "CANARY-7731"})

    assert [record.levelname for record in caplog.records if "quarantined q-" in record.getMessage()] == ["ERROR"]
    assert "CANARY-7731" not in caplog.text
    assert "CANARY-7731" in Quarantined.objects.get().raw


def test_a_desk_has_no_lane() -> None:
    of = crew()
    client = desk_client(
        of.scene.agency.people.get(roles__name="DISPATCHER"), headers={"Origin": "http://localhost:8000"}
    )

    body = {"protocol": 1, "installation": str(uuid4())}
    answer = client.post("/api/sync", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_tablet")


def test_another_protocol_still_delivers_its_actions() -> None:
    of = crew()
    action = of.queue.action("unit.duty", {"duty": "MEAL"})

    answer = of.queue.post(action, protocol=2, streams="another shape")
    body = answer.json()

    assert answer.status_code == 426
    assert (body["code"], body["supported"], body["seq"]) == ("protocol_unknown", [1], 1)
    assert [one["status"] for one in body["answers"]] == ["applied"]
    assert of.queue.send(action)["answers"] == [body["answers"][0] | {"replayed": True}]


def test_an_exchange_of_a_lane_without_news_writes_nothing() -> None:
    of = crew()
    replica = Replica()
    replica.pull(of.queue.paired.client)
    streams = {name: replica.held(name) for name in replica.numbers}
    of.queue.send(streams=streams)
    of.queue.send(streams=streams)

    with CaptureQueriesContext(connection) as queries:
        answer = of.queue.send(streams=streams)

    # One to know the tablet, one for its lane, the epoch, all streams and documents.
    assert len(queries) == 2, [query["sql"][:100] for query in queries]
    assert not [query for query in queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert (answer["seq"], answer["answers"], answer["purge"], answer["resync"]) == (0, [], False, False)


def test_what_a_tablet_reports_of_itself_is_kept() -> None:
    of = crew()
    oldest = datetime(2026, 6, 3, 12, tzinfo=UTC)
    of.queue.send(outbox={"count": 0})

    of.queue.send(
        outbox={"count": 3, "oldest_at": oldest.isoformat()},
        mismatches=2,
        streams={f"unit.{of.scene.unit.pk}": {"number": 1}},
    )

    lane = Installation.objects.get(pk=of.queue.installation)
    assert (lane.outbox_count, lane.outbox_oldest_at, lane.persisted, lane.mismatches) == (3, oldest, True, 2)
    assert lane.held == {f"unit.{of.scene.unit.pk}": 1}
    assert lane.mismatch_at is not None
    assert lane.epoch == of.queue.epoch
    assert lane.lease_until is not None


@pytest.fixture
def of() -> Crew:
    """
    Return one crew for all examples of a property.
    """
    return crew()


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
)
KEYS = ["id", "kind", "v", "args", "sealed", "after", "actor", "happened_at", "jumped", "who"]
KINDS = ["call.note", "unit.duty", "call.self_dispatch", "call.dispatch", "tablet.sign_on", "assignment.arrive", "x"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    queue=st.lists(
        st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(KEYS), anything, max_size=3)),
        min_size=1,
        max_size=6,
    ),
    cut=st.integers(0, 6),
)
def test_whatever_is_in_an_envelope_it_is_answered_and_answered_alike(queue: list[tuple[str, JSON]], cut: int) -> None:
    of = crew()
    lane = Queue(of.queue.paired, of.person)
    actions = [lane.action(kind, {"duty": "MEAL"}) | changed for kind, changed in queue]

    part = lane.post(*actions[:cut])
    whole = lane.post(*actions)
    again = lane.post(*actions)

    assert [answer.status_code for answer in (part, whole, again)] == [200, 200, 200], whole.content
    answers = whole.json()["answers"]
    assert [one["seq"] for one in answers] == [action["seq"] for action in actions]
    assert whole.json()["seq"] == len(actions)
    assert [without_replayed(one) for one in again.json()["answers"]] == [without_replayed(one) for one in answers]
    assert [without_replayed(one) for one in part.json()["answers"]] == [
        without_replayed(one) for one in answers[:cut]
    ]
    tickets = {one["ticket"] for one in answers if one["status"] == "quarantined"}
    assert tickets == {row.ticket for row in Quarantined.objects.filter(installation=lane.installation)}


def without_replayed(answer: JSON) -> JSON:
    """
    Return an answer as it was the first time.
    """
    return {name: value for name, value in answer.items() if name != "replayed"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changed=st.dictionaries(
        st.sampled_from(
            ["installation", "epoch", "first_seq", "actions", "streams", "outbox", "protocol", "schema", "x"]
        ),
        anything,
        max_size=4,
    )
)
def test_whatever_is_in_a_request_the_server_does_not_stumble(of: Crew, changed: JSON) -> None:
    assert of.queue.post(**changed).status_code in {200, 400, 413, 426}
