"""
A crew that is with somebody is asked whether it is well; when nothing is heard of it, the desk rings and backup is asked for.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from dispatch import rules, sweeps
from dispatch.actions import alarms, assignments, scene, welfare
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    BackupOrigin,
    BackupPress,
    Call,
    CallStatus,
    Color,
)
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences
from responders.actors import Actor
from responders.models import Shift
from responders.refusals import NotYourUnit, UnitNotFound
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.replica import bodies

pytestmark = pytest.mark.django_db

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "welfare.json").read_text())
FIRST, NEXT, ANSWER, CHECK = (timedelta(seconds=s) for s in (600, 900, 60, 60))
Make = Callable[..., factory.Scene]


def on_scene(here: factory.Scene, *, at: datetime = NOON, **call: Any) -> Assignment:
    held = factory.assignment(here, to=factory.care_call(here, **call), status=AssignmentStatus.ON_SCENE, at=at)
    held.refresh_from_db()
    return held


def touch(by: Actor, *, at: datetime, **given: Any) -> welfare.CheckedIn:
    with open_door(by=by, at=at):
        return welfare.check_in(by=by, at=at, **given)


def missed(of: Assignment) -> list[Alarm]:
    return list(Alarm.objects.filter(assignment=of, kind=AlarmKind.WELFARE_MISSED).order_by("pk"))


def sweep(at: datetime) -> None:
    sweeps.sweep(at=at)


def presses() -> list[BackupPress]:
    return list(BackupPress.objects.order_by("received_at"))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_call_is_risky_as_the_vectors_say(vector: dict[str, Any]) -> None:
    assert rules.is_risky(vector["call"]) is vector["risky"]


def test_the_clock_starts_on_scene_and_the_desk_holds_when_it_would_ring() -> None:
    here = factory.scene()

    held = on_scene(here)

    assert held.welfare_due_at == NOON + FIRST
    (alarm,) = missed(held)
    assert (alarm.due_at, alarm.raised_at, alarm.ended_at) == (NOON + FIRST + ANSWER, None, None)
    (own,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert own["assignment"]["welfare_due_at"] == (NOON + FIRST).isoformat().replace("+00:00", "Z")
    (seen,) = bodies(f"desk.{here.agency.pk}", "call").values()
    assert seen["assignments"][0]["welfare_due_at"] == own["assignment"]["welfare_due_at"]
    assert [row["kind"] for row in seen["alarms"]] == ["WELFARE_MISSED"]
    assert list(differences()) == []


def test_before_the_crew_is_there_no_clock_runs() -> None:
    held = factory.assignment(factory.scene(), status=AssignmentStatus.STAGED)

    assert (held.welfare_due_at, missed(held)) == (None, [])


def test_a_risky_call_is_asked_about_sooner() -> None:
    held = on_scene(factory.scene(), color=Color.RED)

    assert held.welfare_due_at == NOON + timedelta(seconds=300)


def test_the_agency_sets_its_own_times() -> None:
    held = on_scene(factory.scene(welfare_first_s=120, welfare_answer_s=30))

    assert held.welfare_due_at == NOON + timedelta(seconds=120)
    assert missed(held)[0].due_at == NOON + timedelta(seconds=150)


@pytest.mark.parametrize("how", ["touch", "radio", "status"])
def test_a_touch_the_radio_or_a_status_moves_the_clock_on(how: str) -> None:
    here = factory.scene()
    held = on_scene(here)
    at = NOON + timedelta(minutes=5)

    if how == "touch":
        done = touch(here.tablet, at=at)
        assert (done.assignment, done.flags) == (held, [])
    elif how == "radio":
        touch(here.dispatcher, at=at, unit_id=here.unit.pk, asked_by="CARE 1")
        assert Entry.objects.latest("pk").data["by_radio"] == "CARE 1"
    else:
        factory.advance(held, to=AssignmentStatus.ACKNOWLEDGED, by=here.dispatcher, at=at)

    held.refresh_from_db()
    assert held.welfare_due_at == at + NEXT
    (alarm,) = missed(held)
    assert alarm.due_at == at + NEXT + ANSWER
    assert list(differences()) == []


def test_at_a_destination_it_begins_anew() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.TRANSPORTING)
    at = NOON + timedelta(minutes=20)
    with open_door(by=here.tablet, at=at):
        assignments.at_destination(assignment_id=held.pk, by=here.tablet, at=at)

    held.refresh_from_db()
    assert held.welfare_due_at == at + FIRST


def test_what_comes_late_never_sets_it_back() -> None:
    here = factory.scene()
    held = on_scene(here)
    touch(here.tablet, at=NOON + timedelta(minutes=8))

    done = touch(here.tablet, at=NOON + timedelta(minutes=9), happened_at=NOON + timedelta(minutes=2))

    held.refresh_from_db()
    assert (done.flags, held.welfare_due_at) == ([], NOON + timedelta(minutes=8) + NEXT)


def test_a_sign_of_before_the_arrival_says_nothing_about_it() -> None:
    here = factory.scene()
    held = on_scene(here, at=NOON + timedelta(minutes=1))

    touch(here.tablet, at=NOON + timedelta(minutes=2), happened_at=NOON)

    held.refresh_from_db()
    assert held.welfare_due_at == NOON + timedelta(minutes=1) + FIRST


def test_an_arrival_told_late_gives_the_crew_its_time_to_answer_before_anybody_is_alarmed() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.EN_ROUTE)
    at = NOON + timedelta(minutes=30)
    with open_door(by=here.tablet, at=at):
        assignments.arrive(assignment_id=held.pk, by=here.tablet, at=at, happened_at=NOON)

    held.refresh_from_db()
    assert held.welfare_due_at == NOON + FIRST
    assert missed(held)[0].due_at == at + ANSWER


def test_it_ends_with_the_assignment_and_so_does_its_alarm() -> None:
    here = factory.scene()
    held = on_scene(here)

    factory.advance(held, to=AssignmentStatus.CLEARED, by=here.dispatcher, at=NOON + timedelta(minutes=3))

    held.refresh_from_db()
    assert (held.welfare_due_at, missed(held)[0].ended_at) == (None, NOON + timedelta(minutes=3))
    sweep(NOON + timedelta(hours=1))
    assert presses() == []


def test_a_crew_that_stands_there_without_holding_the_call_has_a_clock_too() -> None:
    here = factory.scene()
    call = factory.care_call(here)
    with open_door(by=here.tablet, at=NOON):
        there = scene.at_scene(call_id=call.pk, by=here.tablet, at=NOON)

    assert there.assignment is not None
    there.assignment.refresh_from_db()
    assert there.assignment.welfare_due_at == NOON + FIRST


def test_without_a_call_a_check_in_is_only_noted() -> None:
    here = factory.scene()

    done = touch(here.tablet, at=NOON)

    assert (done.assignment, done.flags) == (None, [])
    entry = Entry.objects.latest("pk")
    assert (entry.kind, entry.about, entry.data["moved"]) == ("unit.checked_in", f"unit.{here.unit.pk}", False)


def test_of_a_shift_that_was_over_it_says_nothing_of_the_crew_that_came_after() -> None:
    here = factory.scene()
    held = on_scene(here)
    with open_door(by="system:test", at=NOON):
        Shift.objects.filter(unit=here.unit).update(ended_at=NOON + timedelta(minutes=1), end_reason="CLEARED")

    done = touch(here.tablet, at=NOON + timedelta(minutes=5), happened_at=NOON + timedelta(minutes=4))

    held.refresh_from_db()
    assert (done.flags, held.welfare_due_at) == (["late_scope"], NOON + FIRST)


def test_nobody_speaks_for_another_agency_or_another_unit() -> None:
    here, there = factory.scene(), factory.scene()

    with pytest.raises(UnitNotFound):
        touch(here.dispatcher, at=NOON, unit_id=there.unit.pk, asked_by="CARE")
    with pytest.raises(NotYourUnit):
        touch(here.tablet, at=NOON, unit_id=there.unit.pk)


def test_missed_it_rings_and_a_minute_later_backup_is_asked_for_once() -> None:
    here = factory.scene()
    held = on_scene(here)
    rang_at = NOON + FIRST + ANSWER

    sweep(rang_at - timedelta(seconds=1))
    assert missed(held)[0].raised_at is None
    sweep(rang_at)
    assert missed(held)[0].raised_at == rang_at
    sweep(rang_at + CHECK - timedelta(seconds=1))
    assert presses() == []
    for second in range(3):
        sweep(rang_at + CHECK + timedelta(seconds=second))

    (press,) = presses()
    assert press.key == welfare.key_of(missed(held)[0].pk)
    assert (press.origin, press.via, press.level, press.silent) == (BackupOrigin.WELFARE, "server", "EMERGENCY", False)
    assert (press.agency_id, press.unit_id, press.call_id) == (here.agency.pk, here.unit.pk, held.call_id)
    held.refresh_from_db()
    assert held.welfare_backup_at == rang_at + CHECK
    assert Entry.objects.filter(kind="welfare.backup_asked").count() == 1
    (own,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert own["assignment"]["welfare_backup_at"] is not None
    assert list(differences()) == []


@pytest.mark.parametrize("how", ["touch", "radio"])
def test_a_sign_of_the_crew_in_time_keeps_backup_away_and_the_next_silence_is_another_one(how: str) -> None:
    here = factory.scene()
    held = on_scene(here)
    rang_at = NOON + FIRST + ANSWER
    sweep(rang_at)
    at = rang_at + timedelta(seconds=30)

    if how == "touch":
        touch(here.tablet, at=at)
    else:
        touch(here.dispatcher, at=at, unit_id=here.unit.pk, asked_by="CARE 1")
    sweep(rang_at + CHECK * 3)

    assert presses() == []
    first, second = missed(held)
    assert (first.ended_at, second.due_at, second.raised_at) == (at, at + NEXT + ANSWER, None)
    sweep(second.due_at)
    sweep(second.due_at + CHECK)
    assert [press.key for press in presses()] == [welfare.key_of(second.pk)]


def test_that_a_dispatcher_has_seen_the_alarm_is_no_sign_of_the_crew() -> None:
    here = factory.scene()
    held = on_scene(here)
    rang_at = NOON + FIRST + ANSWER
    sweep(rang_at)
    with open_door(by=here.dispatcher, at=rang_at):
        alarms.acknowledge(alarm_id=missed(held)[0].pk, by=here.dispatcher, at=rang_at)

    sweep(rang_at + CHECK)

    assert len(presses()) == 1


def test_seeing_another_alarm_of_the_crew_does_not_withdraw_the_promise() -> None:
    here = factory.scene()
    held = on_scene(here)
    with open_door(by=here.dispatcher, at=NOON):
        call = Call.objects.lock(held.call_id)
        later = alarms.promise(
            call=call, kind=AlarmKind.CAD_CLOSED_UNDER_UNIT, due_at=NOON + timedelta(hours=1), assignment=held
        )
    with open_door(by=here.dispatcher, at=NOON):
        alarms.acknowledge(alarm_id=later.pk, by=here.dispatcher, at=NOON)

    assert missed(held)[0].ended_at is None


def test_backup_is_asked_for_although_no_sweep_raised_the_alarm_in_time() -> None:
    here = factory.scene()
    on_scene(here)

    sweep(NOON + FIRST + ANSWER + CHECK)

    assert len(presses()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_press_waits_for_nobody_who_holds_the_call_or_the_unit() -> None:
    here = factory.scene()
    held = on_scene(here)
    alarm = missed(held)[0]
    settings = connection.get_connection_params()
    where = {name: settings[name] for name in ("dbname", "user", "host", "port") if settings.get(name)}
    with psycopg.connect(**where) as other:
        other.execute("SELECT 1 FROM dispatch_call WHERE id = %s FOR UPDATE", [held.call_id])
        other.execute("SELECT 1 FROM responders_unit WHERE id = %s FOR UPDATE", [held.unit_id])
        other.execute("SELECT 1 FROM dispatch_assignment WHERE id = %s FOR UPDATE", [held.pk])
        other.execute("SELECT 1 FROM dispatch_alarm WHERE id = %s FOR UPDATE", [alarm.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
        key = welfare.press(alarm_id=alarm.pk)
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
        other.rollback()

    assert [press.key for press in presses()] == [key]


def test_a_press_whose_sweeper_died_before_it_was_noted_is_noted_by_the_next() -> None:
    here = factory.scene()
    held = on_scene(here)
    at = NOON + FIRST + ANSWER + CHECK
    welfare.press(alarm_id=missed(held)[0].pk)
    assert Assignment.objects.get(pk=held.pk).welfare_backup_at is None

    sweep(at)

    assert len(presses()) == 1
    assert Assignment.objects.get(pk=held.pk).welfare_backup_at == at


@pytest.mark.django_db(transaction=True)
def test_any_number_of_sweepers_ask_exactly_once() -> None:
    here = factory.scene()
    held = on_scene(here)
    at = NOON + FIRST + ANSWER + CHECK
    start = Barrier(6)

    def run(_: int) -> None:
        start.wait()
        try:
            sweep(at)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))

    assert [press.key for press in presses()] == [welfare.key_of(missed(held)[0].pk)]
    assert Entry.objects.filter(kind="welfare.backup_asked").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(4))
def test_a_check_in_races_with_the_sweep_and_the_clear_without_a_circle(attempt: int) -> None:
    here = factory.scene()
    held = on_scene(here)
    at = NOON + FIRST + ANSWER
    start = Barrier(3)

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        finally:
            connection.close()

    def clear() -> None:
        with open_door(by=here.dispatcher, at=at), transaction.atomic():
            assignments.clear(
                assignment_id=held.pk,
                disposition="HANDLED",
                unit_id=here.unit.pk,
                asked_by="CARE",
                by=here.dispatcher,
                at=at,
            )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, [lambda: sweep(at), lambda: touch(here.tablet, at=at), clear]))

    held.refresh_from_db()
    assert (held.welfare_due_at, held.call.status) == (None, CallStatus.CLOSED)
    assert all(alarm.ended_at is not None for alarm in missed(held))
    assert list(differences()) == []
