"""
The same actions as they come over HTTP's door: arguments, answers, receipts, and how much they cost.
"""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dispatch.actions import stops
from dispatch.models import Assignment, Call
from journal.door import Answer, open_door
from journal.kinds import kinds
from journal.refusals import InvalidArgs
from responders.actors import Actor
from responders.api import run_action
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders

pytestmark = pytest.mark.django_db


def ask(by: Actor, kind: str, **args: Any) -> Answer:
    """
    Ask for an action as the door does.
    """
    return run_action(kinds()[kind], action_id=uuid4(), args=args, by=by, at=NOON, happened_at=None)


def test_a_whole_call_over_the_door() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)
    tablet = scene.tablet

    sent = ask(scene.dispatcher, "call.dispatch", call=call.pk, unit=scene.unit.pk)
    held = sent.body["assignment"]
    steps = [
        ask(tablet, "assignment.deliver", assignment=held),
        ask(tablet, "assignment.acknowledge", assignment=held),
        ask(tablet, "assignment.en_route", assignment=held),
        ask(tablet, "assignment.stage", assignment=held),
        ask(tablet, "assignment.arrive", assignment=held),
        ask(tablet, "assignment.transport", assignment=held, destination="DESC", persons=1, miles_start="1204.5"),
        ask(tablet, "assignment.at_destination", assignment=held, miles_end="1206.0"),
        ask(tablet, "assignment.clear", assignment=held, disposition="TRANSPORT_GIVEN", note="Arrived well"),
    ]

    assert sent.body == {"assignment": held, "call": call.pk, "assignment_status": "ASSIGNED"}
    assert [answer.body["assignment_status"] for answer in steps] == [
        "ASSIGNED",
        "ACKNOWLEDGED",
        "EN_ROUTE",
        "STAGED",
        "ON_SCENE",
        "TRANSPORTING",
        "AT_DESTINATION",
        "CLEARED",
    ]
    assert all(answer.applied and answer.body["flags"] == [] for answer in steps)


def test_every_other_kind_over_the_door() -> None:
    scene = factory.scene()
    other, other_tablet = factory.rival(scene.agency, scene.area)
    outside = responders.unit(scene.agency, outside=True)
    supervisor = responders.actor(responders.person(scene.agency, "SUPERVISOR"))
    desk, tablet = scene.dispatcher, scene.tablet
    police, care = factory.police_call(scene), factory.care_call(scene)

    assert ask(desk, "call.offer", call=police.pk).body["offered_at"] == "2026-06-03T19:00:00Z"
    assert ask(desk, "call.withdraw_offer", call=police.pk).body["offered_at"] is None
    assert ask(desk, "call.attach_outside", call=care.pk, unit=outside.pk).applied
    assert ask(desk, "call.release_outside", call=care.pk, unit=outside.pk).applied
    poached = ask(tablet, "call.poach", call=police.pk, reason="Near").body["assignment"]
    debrief = Assignment.objects.get(pk=poached).poach.debrief.pk
    assert ask(desk, "debrief.comment", debrief=debrief, text="Fine").applied
    assert ask(supervisor, "debrief.close", debrief=debrief).applied
    asked = ask(tablet, "assignment.hand_over", assignment=poached, to_unit=other.pk).body["hand_over"]
    assert ask(other_tablet, "hand_over.decline", hand_over=asked).applied
    asked = ask(tablet, "assignment.hand_over", assignment=poached, to_unit=other.pk).body["hand_over"]
    taken = ask(other_tablet, "hand_over.accept", hand_over=asked).body["assignment"]
    assert ask(other_tablet, "assignment.arrive", assignment=taken).applied
    assert ask(other_tablet, "assignment.hand_back", assignment=taken, reason="Needs a medic").applied
    assert ask(desk, "hand_back.accept", assignment=taken).body["assignment_status"] == "HANDED_BACK"
    held = ask(tablet, "call.self_dispatch", call=care.pk).body["assignment"]
    given = ask(desk, "call.reassign", assignment=held, unit=other.pk, reason="Closer").body["assignment"]
    alarm = Assignment.objects.get(pk=given).alarms.earliest("due_at")
    assert ask(desk, "alarm.acknowledge", alarm=alarm.pk).body == {"alarm": alarm.pk}
    with open_door(by="system:test", at=NOON):
        [stop] = stops.raise_stop(call=Call.objects.lock(care.pk), reasons=["WEAPON_YES"], by="system:test", at=NOON)
    seen = ask(other_tablet, "stop.acknowledge", stop=stop.pk).body
    assert seen == {"stop": stop.pk, "acknowledged_at": "2026-06-03T19:00:00Z", "flags": []}
    signed_off = ask(tablet, "shift.sign_off", choice="NOTHING_OPEN").body
    assert signed_off == {"shift": tablet.shift_id, "ended": True, "flags": []}


@pytest.mark.parametrize(
    ("kind", "args", "wrong"),
    [
        ("call.poach", {"call": 1}, {"reason"}),
        ("call.poach", {"call": "x", "reason": "Near"}, {"call"}),
        ("call.self_dispatch", {"call": 1, "colour": "blue"}, {"colour"}),
        ("assignment.clear", {"assignment": 1, "disposition": "FINE"}, {"disposition"}),
        ("assignment.transport", {"assignment": 1, "destination": "DESC", "persons": 0}, {"persons"}),
        ("shift.sign_off", {"choice": "CLEAR"}, {"disposition"}),
        ("shift.sign_off", {"choice": "HAND_OVER"}, {"to_unit"}),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(kind: str, args: dict[str, Any], wrong: set[str]) -> None:
    scene = factory.scene()

    with pytest.raises(InvalidArgs) as refused:
        ask(scene.tablet, kind, **args)

    assert set(refused.value.facts["fields"]) == wrong


def test_a_late_take_is_answered_with_who_and_when() -> None:
    scene = factory.scene()
    call = factory.police_call(scene)
    _, late = factory.rival(scene.agency, scene.area)
    ask(scene.tablet, "call.poach", call=call.pk, reason="Near")

    answer = ask(late, "call.poach", call=call.pk, reason="Near")

    assert (answer.status, answer.body["code"]) == (409, "call_already_taken")
    assert answer.body["facts"] == {"unit": scene.unit.call_sign, "at": "2026-06-03T19:00:00Z"}


def test_what_a_take_costs() -> None:
    scene = factory.scene()
    _, late = factory.rival(scene.agency, scene.area)
    police, care = factory.police_call(scene), factory.care_call(scene)

    with CaptureQueriesContext(connection) as poached:
        assert ask(scene.tablet, "call.poach", call=police.pk, reason="Near").applied
    with CaptureQueriesContext(connection) as lost:
        assert not ask(late, "call.poach", call=police.pk, reason="Near").applied
    with CaptureQueriesContext(connection) as taken:
        assert ask(late, "call.self_dispatch", call=care.pk).applied

    # Two locks, one look, the assignment, the call, its premise history and what a poach opens; then what flush() needs to compute and write the documents.
    assert _before_flush(poached) == 7
    assert _before_flush(taken) == 6
    # Receipt, the call's lock, who has it, receipt; and the savepoints around them.
    assert len([query for query in lost if "SAVEPOINT" not in query["sql"]]) == 4


def _before_flush(captured: CaptureQueriesContext) -> int:
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    marks = next(number for number, sql in enumerate(statements) if "journal_mark" in sql)
    return marks - 1


def test_the_doors_own_word_is_not_taken_by_what_an_action_answers() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)

    for kind, args in (
        ("call.offer", {"call": factory.police_call(scene).pk}),
        ("call.dispatch", {"call": call.pk, "unit": scene.unit.pk}),
    ):
        answer = ask(scene.dispatcher, kind, **args)
        assert answer.applied
        assert "status" not in answer.body
