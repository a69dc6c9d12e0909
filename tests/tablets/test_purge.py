"""
What leaves a tablet: streams that are no longer its own, everything when a supervisor says so, and the proof of both.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from dispatch.models import Note
from journal.door import open_door
from journal.models import Entry
from tablets.models import Installation, Purge, Removal
from tests.factories import responders as make
from tests.security.clients import desk_client
from tests.tablets.lines import Replica
from tests.tablets.queues import JSON, Crew, Queue, another, crew

pytestmark = pytest.mark.django_db


def act(of: Crew, kind: str, **args: Any) -> JSON:
    """
    Do something as a supervisor of the crew's agency.
    """
    supervisor = of.scene.agency.people.filter(roles__name="SUPERVISOR").first() or make.person(
        of.scene.agency, "SUPERVISOR"
    )
    client = desk_client(supervisor, headers={"Origin": "http://localhost:8000"})
    answer = client.post(f"/api/actions/{kind}/", {"id": str(uuid4()), "args": args}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def held(of: Crew) -> JSON:
    """
    Return what a tablet that is up to date says of its streams.
    """
    replica = Replica()
    replica.pull(of.queue.paired.client)
    return {name: replica.held(name) for name in replica.numbers}


def purged(queue: Queue, **changed: Any) -> Any:
    """
    Return the HTTP answer to the proof of a purge.
    """
    body = {"installation": str(queue.installation), "held": {}, "left": {"documents": 0, "outbox": 0}, **changed}
    return queue.paired.client.post("/api/tablets/purged/", body, content_type="application/json")


def test_a_revoked_tablet_deposits_what_it_has_and_hears_nothing() -> None:
    of = crew()
    call = of.held().call_id
    streams = held(of)
    of.queue.send(streams=streams)
    waiting = of.queue.action("call.note", {"call": call, "text": "Seen"})
    act(of, "tablet.revoke", tablet=of.queue.paired.tablet.pk)

    answer = of.queue.send(waiting, streams=streams)

    assert (answer["purge"], answer["streams"], answer["lease_until"]) == (True, {}, None)
    assert {gone["stream"] for gone in answer["dropped"]} == set(streams)
    assert [(one["status"], one["code"]) for one in answer["answers"]] == [("quarantined", "tablet_revoked")]
    assert not Note.objects.exists()
    assert of.queue.send(waiting)["answers"] == [answer["answers"][0] | {"replayed": True}]
    assert of.queue.paired.client.get("/api/tablets/me/").status_code == 401


def test_a_store_that_was_never_heard_of_deposits_too() -> None:
    of = crew()
    act(of, "tablet.revoke", tablet=of.queue.paired.tablet.pk)

    answer = of.queue.send(of.queue.action("unit.duty", {"duty": "MEAL"}))

    assert [one["status"] for one in answer["answers"]] == ["quarantined"]
    assert answer["purge"]
    assert Purge.objects.get(installation=of.queue.installation).told_at is not None


def test_revoking_ends_the_key_and_orders_the_erasing() -> None:
    of = crew()
    body = {"installation": str(of.queue.installation)}
    client = of.queue.paired.client
    before = client.post("/api/tablets/key/", body, content_type="application/json").json()["key_id"]

    act(of, "tablet.revoke", tablet=of.queue.paired.tablet.pk)

    lane = Installation.objects.get(pk=of.queue.installation)
    assert before.endswith(".0")
    assert (lane.generation, lane.purge_ordered_at is not None) == (1, True)
    assert client.post("/api/tablets/key/", body, content_type="application/json").status_code == 401


def test_a_purge_is_told_until_it_is_done_and_proven() -> None:
    of = crew()
    call = of.held().call_id
    streams = held(of)
    of.queue.send(streams=streams)
    act(of, "tablet.purge", tablet=of.queue.paired.tablet.pk)
    assert Purge.objects.get(installation=of.queue.installation).told_at is None

    first = of.queue.send(streams=streams)
    second = of.queue.send(of.queue.action("call.note", {"call": call, "text": "Seen"}), streams=streams)
    still_held = purged(of.queue, held={"unit.7": {"count": 3, "digest": "0" * 16}}, left={"documents": 2})
    done = purged(of.queue, left={"documents": 0, "unsent": 1})

    assert (first["purge"], first["streams"]) == (True, {})
    assert (second["purge"], second["answers"][0]["code"]) == (True, "purge_ordered")
    assert still_held.json() == {"confirmed_at": None}
    assert done.json()["confirmed_at"].endswith("Z")
    ordered = Purge.objects.get(installation=of.queue.installation)
    assert ordered.told_at is not None
    assert (ordered.left, ordered.confirmed_at is not None) == ({"documents": 0, "unsent": 1}, True)
    # The first proof stands.
    assert purged(of.queue, left={"documents": 9}).json() == done.json()
    kinds = list(Entry.objects.filter(kind__startswith="tablet.purge").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["tablet.purge_ordered", "tablet.purge_incomplete", "tablet.purged"]


def test_after_a_purge_the_tablet_begins_empty_and_works() -> None:
    of = crew()
    call = of.held().call_id
    of.queue.send()
    act(of, "tablet.purge", tablet=of.queue.paired.tablet.pk)
    of.queue.send()
    fresh = Queue(of.queue.paired, of.person)

    answer = fresh.send(fresh.action("call.note", {"call": call, "text": "Seen"}))

    assert (answer["purge"], answer["answers"][0]["status"]) == (False, "applied")
    assert answer["streams"]
    assert of.queue.send()["purge"]


def test_a_tablet_that_was_paired_anew_can_still_prove_its_purge() -> None:
    of = crew()
    of.queue.send()
    act(of, "tablet.revoke", tablet=of.queue.paired.tablet.pk)
    anew = another(of)
    moved = Queue(anew.paired, anew.person, installation=of.queue.installation)

    assert purged(moved).json()["confirmed_at"] is not None
    assert purged(crew().queue, installation=str(of.queue.installation)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"installation": "x"},
        {"left": {"documents": -1}},
        {"held": {"unit.7": {"count": 1}}},
        {"left": {f"k{n}": 0 for n in range(101)}},
        {"who": 1},
    ],
)
def test_a_proof_that_cannot_be_understood_is_refused(body: JSON) -> None:
    assert purged(crew().queue, **body).status_code == 400


def test_a_stream_that_is_dropped_is_written_down_until_it_is_gone() -> None:
    of = crew()
    streams = held(of)
    of.queue.send(streams=streams)
    with open_door(by="system:test", at=datetime.now(UTC)):
        of.scene.unit.areas.clear()
    name = f"area.{of.scene.area.pk}"

    told = of.queue.send(streams=streams)
    still = of.queue.send(streams=streams)
    delayed = of.queue.send(
        streams={}, sent_at=(datetime.now(UTC) - timedelta(minutes=1)).isoformat(), outbox={"count": 1}
    )
    row = Removal.objects.get()
    assert [gone["stream"] for gone in told["dropped"]] == [name]
    assert still["dropped"] == told["dropped"]
    assert (row.stream, row.confirmed_at, delayed["dropped"]) == (name, None, [])

    of.queue.send(streams={other: given for other, given in streams.items() if other != name})

    row.refresh_from_db()
    assert row.confirmed_at is not None


def test_a_stream_that_is_ones_own_again_needs_no_proof() -> None:
    of = crew()
    streams = held(of)
    with open_door(by="system:test", at=datetime.now(UTC)):
        of.scene.unit.areas.clear()
    of.queue.send(streams=streams)
    with open_door(by="system:test", at=datetime.now(UTC)):
        of.scene.unit.areas.add(of.scene.area)

    of.queue.send(streams=streams)

    assert not Removal.objects.exists()


def test_an_ordered_resync_makes_a_tablet_begin_again_once() -> None:
    of = crew()
    streams = held(of)
    of.queue.send(streams=streams)
    act(of, "tablet.resync", tablet=of.queue.paired.tablet.pk)

    told = of.queue.send(streams=streams)
    # The answer was lost.
    again = of.queue.send(streams=streams)
    fresh = of.queue.send(streams={})
    after = of.queue.send(streams=streams)

    assert (told["resync"], told["streams"], told["next_poll_s"]) == (True, {}, 1)
    assert {(gone["stream"], gone["why"]) for gone in told["dropped"]} == {(name, "resync") for name in streams}
    assert again["dropped"] == told["dropped"]
    assert (fresh["resync"], set(fresh["streams"])) == (False, set(streams))
    assert after["resync"] is False
    lane = Installation.objects.get(pk=of.queue.installation)
    assert (lane.resync_ordered_at, lane.resynced_at is not None) == (None, True)
    assert not Removal.objects.exists()


def test_a_resync_leaves_the_queue_alone() -> None:
    of = crew()
    call = of.held().call_id
    of.queue.send()
    act(of, "tablet.resync", tablet=of.queue.paired.tablet.pk)

    answer = of.queue.send(of.queue.action("call.note", {"call": call, "text": "Seen"}), streams=held(of))

    assert (answer["resync"], answer["answers"][0]["status"]) == (True, "applied")


def test_orders_are_recorded_with_who_gave_them() -> None:
    of = crew()
    of.queue.send()
    act(of, "tablet.resync", tablet=of.queue.paired.tablet.pk)
    act(of, "tablet.purge", tablet=of.queue.paired.tablet.pk)

    by = Entry.objects.get(kind="tablet.purge_ordered").by
    assert by.startswith("person:")
    assert Entry.objects.get(kind="tablet.resync_ordered").by == by
    assert Purge.objects.get().ordered_by == by
