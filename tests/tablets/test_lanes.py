"""
The lane: each action of a tablet has one effect and one answer, in order, whatever happens around it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dispatch.models import Assignment, Note
from journal.models import Receipt
from tablets.models import Installation, Quarantined
from tests.factories import dispatch as make_calls
from tests.tablets.queues import Crew, Queue, another, crew

pytestmark = pytest.mark.django_db


def note(of: Crew, text: str = "Seen", **changed: Any) -> dict[str, Any]:
    """
    Return a fact that always applies: a note on a call that the unit holds.
    """
    return of.queue.action("call.note", {"call": of.held().call_id, "text": text}, **changed)


def test_an_action_is_applied_and_answered_like_at_the_rest_door() -> None:
    of = crew()
    call = of.call()

    answer = of.queue.do("call.self_dispatch", {"call": call.pk})

    held = Assignment.objects.get(call=call)
    assert answer == {
        "seq": 1,
        "status": "applied",
        "answer": {"assignment": held.pk, "call": call.pk, "assignment_status": "ACKNOWLEDGED"},
    }
    receipt = Receipt.objects.get(lane=of.queue.installation, seq=1)
    assert (receipt.by, receipt.kind, receipt.status) == (
        f"tablet:{of.queue.paired.tablet.pk}/person:{of.person.pk}",
        "call.self_dispatch",
        200,
    )


def test_a_repeat_gets_the_first_answer_word_for_word() -> None:
    of = crew()
    action = of.queue.action("call.self_dispatch", {"call": of.call().pk})

    first, second = of.queue.send(action), of.queue.send(action)

    assert second["answers"] == [first["answers"][0] | {"replayed": True}]
    assert second["seq"] == first["seq"] == 1
    assert Assignment.objects.count() == 1


def test_the_number_of_the_lane_and_the_effect_come_together() -> None:
    of = crew()
    call = of.call()

    answer = of.queue.send(of.queue.action("call.self_dispatch", {"call": call.pk}))

    assert answer["seq"] == 1
    documents = answer["streams"][f"unit.{of.scene.unit.pk}"]["documents"]
    assert str(call.pk) in {document["id"] for document in documents if document["c"] == "call"}


def test_a_refused_intent_leaves_its_receipt_and_nothing_else() -> None:
    of = crew()
    other_unit, _ = make_calls.rival(of.scene.agency, of.scene.area)
    call = make_calls.assignment(of.scene, unit=other_unit).call

    answer = of.queue.do("call.self_dispatch", {"call": call.pk})

    assert (answer["status"], answer["code"]) == ("refused", "call_already_taken")
    assert set(answer) == {"seq", "status", "code", "message", "facts"}
    assert of.queue.do("call.self_dispatch", {"call": of.call().pk})["status"] == "applied"


def test_a_gap_stops_and_says_what_is_missing() -> None:
    of = crew()
    first, missing, third = note(of, "1"), note(of, "2"), note(of, "3")

    answer = of.queue.send(first, third)

    assert [one["seq"] for one in answer["answers"]] == [1]
    assert (answer["expected_seq"], answer["seq"]) == (2, 1)
    assert [one["seq"] for one in of.queue.send(missing, third)["answers"]] == [2, 3]


def test_an_id_that_is_known_from_the_rest_door_gets_that_answer() -> None:
    of = crew()
    action = of.queue.action("call.self_dispatch", {"call": of.call().pk})
    client = of.queue.paired.client
    rest = client.post(
        "/api/actions/call.self_dispatch/",
        {"id": action["id"], "args": action["args"]},
        content_type="application/json",
    ).json()

    answer = of.queue.send(action)

    assert answer["answers"][0]["answer"] == {name: rest[name] for name in rest if name != "status"}
    assert answer["answers"][0]["replayed"]
    assert answer["seq"] == 1
    assert Assignment.objects.count() == 1


@pytest.mark.parametrize("changed", ["id", "place"])
def test_an_id_or_a_place_that_comes_as_something_else_is_kept_and_answered_alike(changed: str) -> None:
    of = crew()
    action = note(of)
    of.queue.send(action)
    other = note(of, "Other", seq=1, id=action["id"] if changed == "id" else str(uuid4()))

    first, second = of.queue.send(other)["answers"][0], of.queue.send(other)["answers"][0]

    assert (first["status"], first["code"]) == ("quarantined", "action_id_reused")
    assert second == first | {"replayed": True}
    assert of.queue.send(action)["answers"][0]["status"] == "applied"
    assert Note.objects.count() == Quarantined.objects.count() == 1


def test_a_fact_that_cannot_be_applied_is_quarantined_and_stops_nothing() -> None:
    of = crew()
    nobody_s = of.queue.action("assignment.arrive", {"assignment": 999_999})

    answers = of.queue.send(nobody_s, note(of))["answers"]

    assert [one["status"] for one in answers] == ["quarantined", "applied"]
    kept = Quarantined.objects.get()
    assert answers[0] == {
        "seq": 1,
        "status": "quarantined",
        "code": kept.code,
        "message": kept.message,
        "ticket": f"q-{kept.pk}",
    }
    assert (kept.kind, kept.person_id, kept.seq, kept.code) == (
        "assignment.arrive",
        of.person.pk,
        1,
        "assignment_not_found",
    )


def test_a_fact_counts_for_whoever_was_signed_on_then() -> None:
    of = crew()
    of.held()
    then = note(of)
    of.queue.paired.client.post("/api/tablets/sign-off/")

    answer = of.queue.send(then)["answers"][0]

    assert answer["status"] == "applied"
    assert Note.objects.get().by.endswith(f"person:{of.person.pk}")


def test_an_intent_needs_whoever_asks_to_be_signed_on_still() -> None:
    of = crew()
    asked = of.queue.action("call.self_dispatch", {"call": of.call().pk})
    of.queue.paired.client.post("/api/tablets/sign-off/")

    answer = of.queue.send(asked)["answers"][0]

    assert (answer["status"], answer["code"]) == ("refused", "not_signed_on")


@pytest.mark.parametrize("when", ["before", "stranger"])
def test_what_nobody_who_was_signed_on_did_is_quarantined(when: str) -> None:
    of = crew()
    elsewhere = another(of)
    changed = (
        {"happened_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat()}
        if when == "before"
        else {"actor": str(elsewhere.person.pk if elsewhere.person else 0)}
    )

    answer = of.queue.send(note(of, **changed))["answers"][0]

    assert (answer["status"], answer["code"]) == ("quarantined", "not_signed_on_then")


def test_a_clock_that_is_ahead_is_corrected_and_said() -> None:
    of = crew()

    answer = of.queue.send(note(of, happened_at=(datetime.now(UTC) + timedelta(hours=2)).isoformat()))["answers"][0]

    assert (answer["status"], answer["flags"]) == ("applied", ["clock_corrected"])
    assert abs(Note.objects.get().at - datetime.now(UTC)) < timedelta(seconds=30)


def test_nothing_happened_before_the_lane_was_last_empty() -> None:
    of = crew()
    of.queue.send()
    of.queue.send()
    Installation.objects.update(empty_at=datetime.now(UTC))

    answer = of.queue.send(note(of, happened_at=(datetime.now(UTC) - timedelta(hours=2)).isoformat()))["answers"][0]

    assert (answer["status"], answer["flags"]) == ("applied", ["clock_corrected"])


def test_a_clock_that_jumped_does_not_hide_who_it_was() -> None:
    of = crew()

    jumped = note(of, happened_at=(datetime.now(UTC) - timedelta(hours=5)).isoformat(), jumped=True)
    answer = of.queue.send(jumped)["answers"][0]

    assert (answer["status"], answer["flags"]) == ("applied", ["clock_jumped"])


def test_a_refused_intent_takes_dependent_intents_with_it_and_no_fact() -> None:
    of = crew()
    other_unit, _ = make_calls.rival(of.scene.agency, of.scene.area)
    taken = make_calls.assignment(of.scene, unit=other_unit).call
    lost = of.queue.action("call.self_dispatch", {"call": taken.pk})
    stands_on_it = of.queue.action("call.self_dispatch", {"call": of.call().pk}, after=[1])
    fact = note(of, after=[1])

    answers = of.queue.send(lost, stands_on_it, fact)["answers"]

    assert [(one["status"], one.get("code")) for one in answers] == [
        ("refused", "call_already_taken"),
        ("refused", "depends_refused"),
        ("applied", None),
    ]
    assert answers[1]["facts"] == {"after": 1}
    assert answers[2]["flags"] == ["detached"]


def test_a_take_that_waited_too_long_is_refused() -> None:
    of = crew()
    Installation.objects.all().delete()
    late = datetime.now(UTC) - timedelta(seconds=50)
    of.queue.send()
    # Signed on long ago, asked 50 seconds ago: police calls wait 30.
    connection.cursor().execute("UPDATE tablets_signon SET started_at = started_at - interval '1 hour'")
    connection.cursor().execute("DELETE FROM journal_mark")

    call = make_calls.police_call(of.scene)
    answer = of.queue.do("call.poach", {"call": call.pk, "reason": "Near"}, happened_at=late.isoformat())

    assert (answer["status"], answer["code"]) == ("refused", "take_expired")


def test_an_action_costs_one_statement_more_than_at_the_rest_door() -> None:
    of = crew()
    calls = [of.held().call_id]
    client = of.queue.paired.client
    client.post("/api/tablets/me/")
    of.queue.send(note(of))
    second, third, fourth = note(of), note(of), note(of)

    with CaptureQueriesContext(connection) as rest:
        answer = client.post(
            "/api/actions/call.note/",
            {"id": str(uuid4()), "args": {"call": calls[0], "text": "A"}},
            content_type="application/json",
        )
        assert answer.json()["status"] == "applied"
    with CaptureQueriesContext(connection) as one:
        of.queue.send(second)
    with CaptureQueriesContext(connection) as two:
        of.queue.send(third, fourth)

    # The REST request also asks who the tablet is, once.
    per_action = len(two) - len(one)
    assert per_action <= len(rest) - 1 + 1, [query["sql"][:80] for query in two]


def test_an_unknown_lane_begins_where_the_tablet_is() -> None:
    of = crew()
    of.queue.next_seq = of.queue.first_seq = 40

    answer = of.queue.send(note(of))

    assert [one["status"] for one in answer["answers"]] == ["applied"]
    assert answer["seq"] == 40


def test_a_queue_of_another_agency_is_kept_and_its_lane_is_left_alone() -> None:
    of, stranger = crew(), crew()
    of.queue.send(note(of))
    stolen = Queue(stranger.queue.paired, stranger.person, installation=of.queue.installation, next_seq=2)

    answer = stolen.do("unit.duty", {"duty": "MEAL"})
    again = stolen.post(stolen.action("unit.duty", {"duty": "MEAL"}, seq=2)).json()["answers"][0]

    assert (answer["status"], answer["code"]) == ("quarantined", "installation_elsewhere")
    assert again["status"] == "quarantined"
    assert Installation.objects.get(pk=of.queue.installation).last_seq == 1
    assert Quarantined.objects.first().agency_id == stranger.scene.agency.pk  # type: ignore[union-attr]


def test_a_device_that_was_paired_anew_brings_its_queue_along() -> None:
    of = crew()
    of.queue.send(note(of))
    waiting = note(of)
    anew = another(of)
    moved = Queue(anew.paired, anew.person, installation=of.queue.installation, next_seq=3, first_seq=2)

    answers = moved.send(waiting, moved.action("unit.duty", {"duty": "MEAL"}))["answers"]

    assert [one["status"] for one in answers] == ["applied", "applied"]
    lane = Installation.objects.get(pk=of.queue.installation)
    assert (lane.tablet_id, lane.moved_from_id) == (anew.paired.tablet.pk, of.queue.paired.tablet.pk)
