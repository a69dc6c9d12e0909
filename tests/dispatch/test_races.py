"""
Threads against each other, released at once by a barrier: the locks decide, exactly one way, every time.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from time import sleep
from typing import Any

import pytest
from django.db import connection

from dispatch import sweeps, tasks
from dispatch.actions import alarms, assignments, desk, hand_overs, poaches, shifts, takes
from dispatch.models import (
    Alarm,
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    HandOver,
    Origin,
    Stop,
)
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences, digest_differences
from journal.refusals import Refusal
from responders.actors import Actor
from responders.models import Shift
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

ROUNDS = 8
LATER = NOON + timedelta(seconds=5)


def race(*works: Callable[[], Any]) -> list[Any]:
    """
    Run works at the same moment, each on a connection of its own, and return what each returned or was refused with.
    """
    together = Barrier(len(works), timeout=30)

    def run(work: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            together.wait()
            return work()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def through_a_door(by: object, act: Callable[..., Any], **given: Any) -> Callable[[], Any]:
    """
    Return a work that runs one action through a door.
    """

    def work() -> Any:
        with open_door(by=by, at=LATER):
            return act(by=by, at=LATER, **given)

    return work


def assert_consistent() -> None:
    """
    Check that what readers hold is what the tables say, and that no number is missing.
    """
    assert list(differences()) == []
    assert list(digest_differences()) == []
    for stream in Entry.objects.values_list("stream", flat=True).distinct():
        numbers = list(Entry.objects.filter(stream=stream).order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))


def test_of_many_units_exactly_one_takes_a_call() -> None:
    scene = factory.scene()
    tablets = [scene.tablet, *(factory.rival(scene.agency, scene.area)[1] for _ in range(5))]

    for turn in range(ROUNDS):
        is_poach = turn % 2 == 0
        call = factory.police_call(scene) if is_poach else factory.care_call(scene)
        act, given = (takes.poach, {"reason": "Waits long"}) if is_poach else (takes.self_dispatch, {})
        outcomes = race(*(through_a_door(tablet, act, call_id=call.pk, **given) for tablet in tablets))

        winners = [outcome for outcome in outcomes if isinstance(outcome, Assignment)]
        assert len(winners) == 1
        assert sorted(outcome for outcome in outcomes if outcome not in winners) == ["call_already_taken"] * 5
        assert Assignment.objects.filter(call=call).count() == 1
        factory.advance(winners[0], to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()


def test_a_unit_that_reaches_for_two_calls_gets_one() -> None:
    scene = factory.scene()

    for _ in range(ROUNDS):
        calls = [factory.care_call(scene), factory.police_call(scene)]
        outcomes = race(
            through_a_door(scene.tablet, takes.self_dispatch, call_id=calls[0].pk),
            through_a_door(scene.tablet, takes.poach, call_id=calls[1].pk, reason="Near"),
        )

        winners = [outcome for outcome in outcomes if isinstance(outcome, Assignment)]
        assert len(winners) == 1
        assert "unit_busy" in outcomes
        factory.advance(winners[0], to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()


def test_a_poach_against_the_desk() -> None:
    scene = factory.scene()
    other, _ = factory.rival(scene.agency, scene.area)

    for _ in range(ROUNDS):
        call = factory.police_call(scene, response="CARE+POLICE")
        poached, sent = race(
            through_a_door(scene.tablet, takes.poach, call_id=call.pk, reason="Near"),
            through_a_door(scene.dispatcher, desk.dispatch, call_id=call.pk, unit_id=other.pk),
        )

        # The desk may send an assisting unit after a poach; a poach after the desk comes too late.
        assert isinstance(sent, Assignment)
        assert sent.primary is (poached == "call_already_taken")
        assert Assignment.objects.open().filter(call=call, primary=True).count() == 1
        for held in Assignment.objects.open().filter(call=call):
            factory.advance(held, to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()


def test_a_poach_against_police_being_assigned() -> None:
    scene = factory.scene()

    def assign_police(*, call_id: int, by: object, at: Any) -> bool:
        call = Call.objects.lock(call_id)
        call.police_units, call.police_assigned_at = ["3K12"], at
        call.save(update_fields=["police_units", "police_assigned_at"])
        return poaches.police_assigned(call=call, by=by, at=at)

    for _ in range(ROUNDS):
        call = factory.police_call(scene)
        poached, told = race(
            through_a_door(scene.tablet, takes.poach, call_id=call.pk, reason="Near"),
            through_a_door("cad:1", assign_police, call_id=call.pk),
        )

        # Either the poach came too late, or its crew was stopped: never a crew that does not know.
        if poached == "poach_police_assigned":
            assert told is False
        else:
            assert told is True
            assert Stop.objects.filter(assignment=poached, reasons=["POLICE_ASSIGNED"]).count() == 1
            factory.advance(poached, to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()


def test_accepting_a_hand_over_against_clearing_the_call() -> None:
    scene = factory.scene()
    other, other_tablet = factory.rival(scene.agency, scene.area)

    for _ in range(ROUNDS):
        held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
        with open_door(by=scene.tablet, at=NOON):
            asked = hand_overs.ask(assignment_id=held.pk, to_unit_id=other.pk, by=scene.tablet, at=NOON)
        taken, told = race(
            through_a_door(other_tablet, hand_overs.accept, hand_over_id=asked.pk),
            through_a_door(scene.tablet, assignments.clear, assignment_id=held.pk, disposition="HANDLED"),
        )

        call = Call.objects.get(pk=held.call_id)
        if taken == "hand_over_ended":
            assert (call.status, told.flags) == (CallStatus.CLOSED, [])
        else:
            # The clearing is a fact: kept and flagged, and the call is the other unit's all the same.
            assert (call.status, told.flags) == (CallStatus.ASSIGNED, ["late_scope"])
            factory.advance(taken, to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)
        assert not HandOver.objects.filter(ended_at=None).exists()

    assert_consistent()


def test_two_units_hand_over_to_each_other_without_waiting_in_a_circle() -> None:
    scene = factory.scene()
    other, other_tablet = factory.rival(scene.agency, scene.area)

    for _ in range(ROUNDS):
        mine, theirs = factory.assignment(scene), factory.assignment(scene, unit=other)
        outcomes = race(
            through_a_door(scene.dispatcher, desk.reassign, assignment_id=mine.pk, unit_id=other.pk, reason="Closer"),
            through_a_door(
                scene.dispatcher, desk.reassign, assignment_id=theirs.pk, unit_id=scene.unit.pk, reason="Closer"
            ),
        )

        assert outcomes == ["reassign_too_early", "reassign_too_early"]
        for held, by in [(mine, scene.tablet), (theirs, other_tablet)]:
            with open_door(by=by, at=NOON):
                assignments.clear(assignment_id=held.pk, disposition="HANDLED", by=by, at=NOON)

    assert_consistent()


def test_both_tablets_of_a_unit_tell_the_same_step_at_once() -> None:
    scene = factory.scene()
    second = Actor(
        agency_id=scene.agency.pk, label="Responder Two", person_id=0, unit_id=scene.unit.pk, tablet_id=9_999
    )

    for _ in range(ROUNDS):
        held = factory.assignment(scene)
        told = race(
            through_a_door(scene.tablet, assignments.acknowledge, assignment_id=held.pk),
            through_a_door(second, assignments.acknowledge, assignment_id=held.pk),
        )

        assert [answer.flags for answer in told] == [[], []]
        assert not Alarm.objects.filter(assignment=held, ended_at=None).exists()
        factory.advance(held, to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()


def test_signing_off_against_being_sent() -> None:
    scene = factory.scene()

    for _ in range(ROUNDS):
        unit, tablet = factory.rival(scene.agency, scene.area)
        partner = unit.shifts.exclude(pk=tablet.shift_id or 0).get()
        with open_door(by="system:test", at=NOON):
            unit.crew_minimum = 1
            unit.save(update_fields=["crew_minimum"])
        partner_tablet = responders.tablet_actor(partner)
        with open_door(by=partner_tablet, at=NOON):
            shifts.sign_off(choice="NOTHING_OPEN", by=partner_tablet, at=NOON)
        call = factory.care_call(scene)
        done, sent = race(
            through_a_door(tablet, shifts.sign_off, choice="NOTHING_OPEN"),
            through_a_door(scene.dispatcher, desk.dispatch, call_id=call.pk, unit_id=unit.pk),
        )

        assert not Shift.objects.open().filter(unit=unit).exists()
        # No shift ends under an open assignment, whoever was first.
        assert not Assignment.objects.open().filter(unit=unit).exists()
        call.refresh_from_db()
        assert call.status == CallStatus.PENDING
        assert done.flags == ([] if sent == "unit_not_dispatchable" else ["sign_off_left_call"])

    assert_consistent()


def test_a_call_that_came_while_the_sign_off_waited_is_found() -> None:
    scene = factory.scene()
    partner = responders.tablet_actor(scene.unit.shifts.exclude(pk=scene.tablet.shift_id or 0).get())
    with open_door(by=partner, at=NOON):
        shifts.sign_off(choice="NOTHING_OPEN", by=partner, at=NOON)
    with open_door(by="system:test", at=NOON):
        scene.unit.crew_minimum = 1
        scene.unit.save(update_fields=["crew_minimum"])
    call = factory.care_call(scene)
    sent = Event()

    def send_slowly() -> Assignment:
        with open_door(by=scene.dispatcher, at=LATER):
            held = desk.dispatch(call_id=call.pk, unit_id=scene.unit.pk, by=scene.dispatcher, at=LATER)
            sent.set()
            wait_until_somebody_waits_for_a_lock()
        return held

    def sign_off_after() -> Any:
        sent.wait(30)
        return through_a_door(scene.tablet, shifts.sign_off, choice="NOTHING_OPEN")()

    held, done = race(send_slowly, sign_off_after)

    held.refresh_from_db()
    assert (held.status, done.flags) == (AssignmentStatus.HANDED_BACK, ["sign_off_left_call"])
    assert_consistent()


def wait_until_somebody_waits_for_a_lock() -> None:
    """
    Return as soon as another connection to this database waits for a row that is locked.
    """
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def test_a_sweep_leaves_a_call_alone_that_somebody_works_on() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    locked, swept = Event(), Event()

    def work_slowly() -> None:
        with open_door(by=scene.dispatcher, at=LATER):
            Call.objects.lock(held.call_id)
            locked.set()
            assert swept.wait(30)

    def sweep() -> Any:
        assert locked.wait(30)
        try:
            return through_a_door(sweeps.SWEEP, alarms.raise_due, call_id=held.call_id)()
        finally:
            swept.set()

    assert race(work_slowly, sweep) == [None, 0]


def test_sweeps_raise_an_alarm_once_however_many_run() -> None:
    scene = factory.scene()
    held = [
        factory.assignment(scene, unit=factory.rival(scene.agency, scene.area)[0], origin=Origin.DISPATCHED)
        for _ in range(4)
    ]
    raised = race(*[tasks.raise_due_alarms] * 4)
    raised.append(tasks.raise_due_alarms())

    assert sum(raised) == 3 * len(held)
    assert Entry.objects.filter(kind="alarm.raised").count() == len(held)
    assert_consistent()


def test_a_sweep_against_the_acknowledgement_that_it_waits_for() -> None:
    scene = factory.scene()

    for _ in range(ROUNDS):
        held = factory.assignment(scene)
        race(
            through_a_door(scene.tablet, assignments.acknowledge, assignment_id=held.pk),
            through_a_door(sweeps.SWEEP, alarms.raise_due, call_id=held.call_id),
        )

        assert not Alarm.objects.filter(assignment=held, ended_at=None).exists()
        factory.advance(held, to=AssignmentStatus.CLEARED, by=scene.dispatcher, at=LATER)

    assert_consistent()
