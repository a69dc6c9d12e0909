"""
One action id, one effect, one answer.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from journal.door import Answer, DoorAlreadyOpen, answer_once, open_door
from journal.models import Entry, Receipt
from journal.record import record
from journal.refusals import ActionIdReused, Refusal
from tests.conftest import NOON


class Closed(Refusal):
    code = "test_closed"
    message = "It is closed."


def once(action_id: UUID, **changed: Any) -> Answer:
    def act() -> dict[str, Any]:
        record("test.happened", agency_id=1, about="test.1", data={}, by="person:1", at=NOON)
        return {"entries": Entry.objects.count()}

    given: dict[str, Any] = {"kind": "test.do", "args": {"a": 1}, "by": "person:1", "at": NOON, "act": act}
    return answer_once(action_id=action_id, **(given | changed))


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answer_and_no_second_effect() -> None:
    action_id = uuid4()

    first, second = once(action_id), once(action_id)

    assert (first.status, first.replayed) == (200, False)
    assert (second.status, second.body, second.replayed) == (200, first.body, True)
    assert Entry.objects.count() == 1


@pytest.mark.django_db
def test_a_repeat_is_word_for_word_the_first_answer() -> None:
    action_id = uuid4()

    answers = [once(action_id, act=lambda: {"zone": 1, "at": NOON, "by": None}) for _ in range(2)]

    assert json.dumps(answers[0].body) == json.dumps(answers[1].body)
    assert answers[0].body["at"] == "2026-06-03T19:00:00Z"


@pytest.mark.django_db
def test_a_refusal_is_answered_alike_every_time_and_leaves_only_its_receipt() -> None:
    action_id = uuid4()

    def act() -> dict[str, Any]:
        record("test.happened", agency_id=1, about="test.1", data={}, by="person:1", at=NOON)
        raise Closed(until="noon")

    answers = [once(action_id, act=act), once(action_id)]

    assert [answer.status for answer in answers] == [409, 409]
    assert answers[1].body == {"code": "test_closed", "message": "It is closed.", "facts": {"until": "noon"}}
    assert not Entry.objects.exists()
    assert Receipt.objects.get().status == 409


@pytest.mark.django_db
@pytest.mark.parametrize("changed", [{"by": "person:2"}, {"kind": "test.other"}, {"args": {"a": 2}}])
def test_an_id_that_comes_back_as_something_else_is_refused(changed: dict[str, Any]) -> None:
    action_id = uuid4()
    once(action_id)

    with pytest.raises(ActionIdReused):
        once(action_id, **changed)

    assert Entry.objects.count() == 1


@pytest.mark.django_db
def test_an_error_leaves_neither_effect_nor_receipt() -> None:
    action_id = uuid4()

    def act() -> dict[str, Any]:
        record("test.happened", agency_id=1, about="test.1", data={}, by="person:1", at=NOON)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once(action_id, act=act)

    assert not Receipt.objects.exists()
    assert not Entry.objects.exists()
    assert once(action_id).status == 200


@pytest.mark.django_db
def test_doors_do_not_nest() -> None:
    with open_door(by="system:test", at=NOON), pytest.raises(DoorAlreadyOpen), open_door(by="system:test", at=NOON):
        pass


@pytest.mark.django_db(transaction=True)
def test_copies_of_one_request_that_arrive_together_have_one_effect() -> None:
    action_id = uuid4()
    start_together = Barrier(8)

    def send(_: int) -> Answer:
        try:
            start_together.wait()
            return once(action_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert [answer.replayed for answer in answers].count(False) == 1
    assert {str(answer.body) for answer in answers} == {str(answers[0].body)}
    assert Entry.objects.count() == 1
