"""
Short notes between the desk and a crew: appended, marked by the side that gets them, seen by these two only.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import DatabaseError, connection, transaction

from dispatch import canned, intake_refusals, refusals
from dispatch.actions import assignments, messages
from dispatch.actions.messages import Sent
from dispatch.models import Assignment, AssignmentStatus, Message, MessageMark
from journal.door import open_door
from journal.kinds import kinds
from journal.models import Document, Entry
from journal.refusals import InvalidArgs
from responders.actors import Actor
from responders.api import run_action
from responders.refusals import NotYourUnit
from tests.conftest import NOON
from tests.factories import dispatch as make

pytestmark = pytest.mark.django_db


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def do(act: Callable[..., Any], *, by: Actor, at: datetime = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def held(scene: make.Scene) -> Assignment:
    return make.assignment(scene, status=AssignmentStatus.EN_ROUTE)


def thread(stream: str) -> list[dict[str, Any]]:
    rows = Document.objects.filter(stream=stream, collection="message", gone=None).order_by("document_id")
    return [orjson.loads(row.body or "") for row in rows]


def test_a_crew_writes_to_the_desk() -> None:
    scene = make.scene()
    mine = held(scene)

    sent: Sent = do(messages.send, call_id=mine.call_id, text="Which door?", by=scene.tablet, at=minutes(2))

    assert (sent.message.origin, sent.message.unit_id, sent.flags) == ("UNIT", scene.unit.pk, [])
    [body] = thread(f"desk.{scene.agency.pk}")
    assert body == thread(f"unit.{scene.unit.pk}")[0]
    assert (body["text"], body["by"], body["delivered_at"], body["read_at"]) == (
        "Which door?",
        scene.tablet.label,
        None,
        None,
    )


def test_a_phrase_is_kept_with_its_code_and_its_words() -> None:
    scene = make.scene()
    mine = held(scene)

    sent: Sent = do(messages.send, call_id=mine.call_id, canned="POLICE_DELAYED", by=scene.dispatcher)

    assert (sent.message.canned, sent.message.text) == ("POLICE_DELAYED", canned.OF_DESK["POLICE_DELAYED"])
    assert (sent.message.origin, sent.message.unit_id) == ("DESK", scene.unit.pk)


@pytest.mark.parametrize("args", [{}, {"text": "Hello", "canned": "UNDERSTOOD"}, {"canned": "NO_SUCH"}])
def test_a_message_is_either_words_or_a_phrase(args: dict[str, str]) -> None:
    with pytest.raises(InvalidArgs):
        kinds()["message.send"].read({"call": 1, **args})


def test_the_desk_names_the_unit_where_several_hold_the_call() -> None:
    scene = make.scene()
    mine = held(scene)
    other, other_tablet = make.rival(scene.agency, scene.area)
    make.assignment(scene, to=mine.call, unit=other)

    with pytest.raises(refusals.MessageNeedsUnit):
        do(messages.send, call_id=mine.call_id, text="Hello", by=scene.dispatcher)
    do(messages.send, call_id=mine.call_id, text="For you", unit_id=other.pk, by=scene.dispatcher)

    assert [body["text"] for body in thread(f"unit.{other.pk}")] == ["For you"]
    # What is said to one crew is not the other's.
    assert thread(f"unit.{scene.unit.pk}") == []
    with pytest.raises(NotYourUnit):
        do(messages.send, call_id=mine.call_id, text="As you", unit_id=scene.unit.pk, by=other_tablet)


def test_nobody_writes_about_a_call_that_they_never_had() -> None:
    scene = make.scene()
    mine = held(scene)
    other, other_tablet = make.rival(scene.agency, scene.area)

    with pytest.raises(refusals.CallNotFound):
        do(messages.send, call_id=mine.call_id, text="Hello", by=other_tablet)
    with pytest.raises(refusals.MessageNeedsUnit):
        do(messages.send, call_id=mine.call_id, text="Hello", unit_id=other.pk, by=scene.dispatcher)
    with pytest.raises(refusals.CallNotFound):
        do(messages.send, call_id=mine.call_id, text="Hello", by=make.scene().dispatcher)


def test_it_is_marked_by_the_side_that_gets_it_and_the_first_counts() -> None:
    scene = make.scene()
    mine = held(scene)
    message = do(messages.send, call_id=mine.call_id, text="Wait", by=scene.dispatcher).message

    do(messages.deliver, message_id=message.pk, by=scene.tablet, at=minutes(1))
    do(messages.read, message_id=message.pk, by=scene.tablet, at=minutes(2))
    do(messages.read, message_id=message.pk, by=scene.tablet, at=minutes(3))

    [body] = thread(f"desk.{scene.agency.pk}")
    assert datetime.fromisoformat(body["delivered_at"]) == minutes(1)
    assert datetime.fromisoformat(body["read_at"]) == minutes(2)
    assert body["read_by"] == scene.tablet.label
    assert MessageMark.objects.count() == 2
    with pytest.raises(refusals.MessageOwnSide):
        do(messages.read, message_id=message.pk, by=scene.dispatcher)


def test_what_was_read_was_delivered() -> None:
    scene = make.scene()
    mine = held(scene)
    message = do(messages.send, call_id=mine.call_id, text="Which door?", by=scene.tablet).message

    do(messages.read, message_id=message.pk, by=scene.dispatcher, at=minutes(1))

    assert set(message.marks.values_list("kind", "at")) == {("DELIVERED", minutes(1)), ("READ", minutes(1))}


def test_nobody_marks_what_is_not_for_them() -> None:
    scene = make.scene()
    mine = held(scene)
    message = do(messages.send, call_id=mine.call_id, text="Wait", by=scene.dispatcher).message
    _, other_tablet = make.rival(scene.agency, scene.area)

    for by in (other_tablet, make.scene().tablet):
        with pytest.raises(intake_refusals.MessageNotFound):
            do(messages.deliver, message_id=message.pk, by=by)


def test_one_that_comes_after_the_call_was_closed_is_kept_and_flagged() -> None:
    scene = make.scene()
    mine = held(scene)
    do(assignments.clear, assignment_id=mine.pk, disposition="HANDLED", by=scene.tablet, at=minutes(5))

    sent: Sent = do(
        messages.send, call_id=mine.call_id, text="Late", by=scene.tablet, happened_at=minutes(4), at=minutes(9)
    )

    assert (sent.message.at, sent.flags) == (minutes(4), ["call_already_closed"])


def test_what_was_said_is_not_in_the_record() -> None:
    scene = make.scene()
    mine = held(scene)

    do(messages.send, call_id=mine.call_id, text="He is called Robin", by=scene.tablet)

    assert "Robin" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_messages_and_their_marks_are_append_only() -> None:
    scene = make.scene()
    message = do(messages.send, call_id=held(scene).call_id, text="Wait", by=scene.dispatcher).message
    do(messages.read, message_id=message.pk, by=scene.tablet)

    for change in (
        lambda: Message.objects.update(text="Go"),
        lambda: Message.objects.filter(pk=message.pk).delete(),
        lambda: MessageMark.objects.update(by="Nobody"),
        lambda: MessageMark.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_tablets_of_a_unit_read_it_at_once() -> None:
    scene = make.scene()
    mine = held(scene)
    message = do(messages.send, call_id=mine.call_id, text="Wait", by=scene.dispatcher).message
    together = Barrier(6)

    def mark(kind: str, second: int) -> bool:
        together.wait()
        try:
            return run_action(
                kinds()[kind],
                action_id=uuid4(),
                args={"message": message.pk},
                by=scene.tablet,
                at=minutes(1) + timedelta(seconds=second),
                happened_at=None,
            ).applied
        finally:
            connection.close()

    names = ["message.read", "message.deliver"] * 3
    with ThreadPoolExecutor(len(names)) as pool:
        done = list(pool.map(mark, names, range(len(names))))

    assert all(done)
    assert sorted(message.marks.values_list("kind", flat=True)) == ["DELIVERED", "READ"]
