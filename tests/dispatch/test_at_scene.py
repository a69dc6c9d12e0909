"""
A crew on scene of a call that it does not hold: loud at the desk, and never the holder by being there.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from dispatch import refusals
from dispatch.actions import assignments, desk, hand_backs, hand_overs, intake, scene, takes
from dispatch.actions.scene import There
from dispatch.models import Alarm, AlarmKind, Assignment, AssignmentStatus, Call, CallStatus, Flag, Origin
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences
from responders.actions import shifts
from responders.actors import Actor
from responders.models import Unit
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.replica import bodies

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=5)
RACE = pytest.mark.parametrize("attempt", range(8))


def tell(call: Call, by: Actor, *, at: datetime = LATER, **given: Any) -> There:
    """
    Say through a door that a crew is on scene.
    """
    with open_door(by=by, at=at):
        return scene.at_scene(call_id=call.pk, by=by, at=at, **given)


def alarms_of(call: Call) -> list[str]:
    return sorted(
        Alarm.objects.filter(call=call, ended_at=None, raised_at__isnull=False).values_list("kind", flat=True)
    )


def kinds_of_alarms(call: Call, **chosen: Any) -> list[str]:
    """
    Return the kinds of all alarms of a call, those that are only promised among them.
    """
    return sorted(Alarm.objects.filter(call=call, **chosen).values_list("kind", flat=True))


def flags_of(call: Call) -> list[tuple[str, int | None]]:
    return [(flag.code, flag.unit_id) for flag in Flag.objects.filter(call=call).order_by("pk")]


def test_who_holds_the_call_arrives_by_it() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.EN_ROUTE)

    there = tell(held.call, here.tablet, happened_at=NOON + timedelta(minutes=2))

    held.refresh_from_db()
    assert (there.assignment, there.flags) == (held, [])
    assert (held.status, held.on_scene_at) == (AssignmentStatus.ON_SCENE, NOON + timedelta(minutes=2))
    assert (alarms_of(held.call), flags_of(held.call)) == ([], [])
    assert Entry.objects.latest("pk").kind == "assignment.arrived"


def test_beside_another_holder_it_assists_and_the_desk_is_alarmed() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.EN_ROUTE)
    unit, late = factory.rival(here.agency, here.area)

    there = tell(held.call, late, happened_at=NOON + timedelta(minutes=2))

    assert there.assignment is not None
    assert (there.assignment.unit, there.assignment.primary) == (unit, False)
    assert (there.assignment.status, there.assignment.origin) == (AssignmentStatus.ON_SCENE, Origin.SELF_DISPATCHED)
    assert there.assignment.on_scene_at == NOON + timedelta(minutes=2)
    assert (there.flags, flags_of(held.call)) == (["contested"], [("contested", unit.pk)])
    flag = Flag.objects.get()
    assert (flag.facts["holder"], flag.facts["at"]) == (here.unit.pk, (NOON + timedelta(minutes=2)).isoformat())
    assert alarms_of(held.call) == ["CONTESTED"]
    held.refresh_from_db()
    assert (held.primary, held.status) == (True, AssignmentStatus.EN_ROUTE)
    (board,) = bodies(f"unit.{unit.pk}", "call").values()
    assert (board["status"], board["assignment"]["primary"]) == ("ASSIGNED", False)


def test_where_nobody_holds_it_the_call_waits_on() -> None:
    here = factory.scene()
    call = factory.police_call(here)

    there = tell(call, here.tablet)

    call.refresh_from_db()
    assert there.assignment is not None
    assert (call.status, there.assignment.primary) == (CallStatus.PENDING, False)
    assert (there.flags, alarms_of(call)) == (["unassigned_on_scene"], ["UNASSIGNED_ON_SCENE"])
    (shown,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert (shown["status"], shown["assignment"]["status"]) == ("PENDING", "ON_SCENE")
    (unit,) = bodies(f"unit.{here.unit.pk}", "unit").values()
    assert (unit["status"], unit["call"]) == ("ON_SCENE", call.pk)
    (seen,) = bodies(f"desk.{here.agency.pk}", "call").values()
    assert [(row["unit"], row["primary"]) for row in seen["assignments"]] == [(here.unit.pk, False)]
    assert list(differences()) == []


def test_said_twice_it_is_one_crew_on_scene() -> None:
    here = factory.scene()
    call = factory.police_call(here)

    first, again = tell(call, here.tablet), tell(call, here.tablet, at=LATER + timedelta(minutes=1))

    assert (again.assignment, again.flags) == (first.assignment, [])
    assert (Flag.objects.count(), Assignment.objects.count()) == (1, 1)
    assert kinds_of_alarms(call) == ["UNASSIGNED_ON_SCENE", "WELFARE_MISSED"]


@pytest.mark.parametrize("how", ["take", "desk"])
def test_the_crew_on_scene_becomes_the_holder_by_a_take_or_by_the_desk(how: str) -> None:
    here = factory.scene()
    call = factory.care_call(here)
    there = tell(call, here.tablet, happened_at=NOON)

    with open_door(by=here.tablet, at=LATER):
        if how == "take":
            held = takes.self_dispatch(call_id=call.pk, by=here.tablet, at=LATER)
        else:
            held = desk.dispatch(call_id=call.pk, unit_id=here.unit.pk, by=here.dispatcher, at=LATER)

    call.refresh_from_db()
    assert (held, call.status) == (there.assignment, CallStatus.ASSIGNED)
    assert (held.primary, held.status, held.assigned_at, held.on_scene_at) == (
        True,
        AssignmentStatus.ON_SCENE,
        LATER,
        NOON,
    )
    assert alarms_of(call) == []
    # A crew that is with somebody is looked after, whoever holds the call; nothing else is open.
    assert kinds_of_alarms(call, ended_at=None) == ["WELFARE_MISSED"]


def test_a_poach_of_the_call_that_one_stands_at_asks_cad_as_ever() -> None:
    here = factory.scene()
    call = factory.police_call(here)
    tell(call, here.tablet, at=NOON)

    with open_door(by=here.tablet, at=NOON):
        held = takes.poach(call_id=call.pk, reason="We are here", by=here.tablet, at=NOON)

    assert (held.origin, held.primary, held.poach.state) == (Origin.POACHED, True, "ASKED")
    assert list(differences()) == []


def test_another_unit_may_still_take_it_and_the_first_assists() -> None:
    here = factory.scene()
    call = factory.care_call(here)
    unit, other = factory.rival(here.agency, here.area)
    there = tell(call, here.tablet, at=NOON)

    with open_door(by=other, at=NOON):
        held = takes.self_dispatch(call_id=call.pk, by=other, at=NOON)

    assert there.assignment is not None
    there.assignment.refresh_from_db()
    assert (held.primary, held.unit, there.assignment.primary) == (True, unit, False)
    with open_door(by=here.tablet, at=NOON), pytest.raises(refusals.CallAlreadyTaken):
        takes.self_dispatch(call_id=call.pk, by=here.tablet, at=NOON)


def test_leaving_a_call_that_one_never_held_does_not_end_it() -> None:
    here = factory.scene()
    call = factory.police_call(here)
    there = tell(call, here.tablet)
    assert there.assignment is not None

    with open_door(by=here.tablet, at=LATER):
        assignments.clear(assignment_id=there.assignment.pk, disposition="GONE_ON_ARRIVAL", by=here.tablet, at=LATER)

    call.refresh_from_db()
    assert (call.status, call.disposition, call.closed_at) == (CallStatus.PENDING, "", None)
    there.assignment.refresh_from_db()
    assert there.assignment.disposition == "GONE_ON_ARRIVAL"
    assert alarms_of(call) == []


@pytest.mark.parametrize("by_cad", [True, False])
def test_a_call_that_is_called_off_ends_with_the_crew_that_is_there(by_cad: bool) -> None:
    here = factory.scene()
    call = factory.police_call(here)
    there = tell(call, here.tablet)
    assert there.assignment is not None
    with open_door(by=here.dispatcher, at=LATER):
        if by_cad:
            Call.objects.filter(pk=call.pk).update(cad_closed_at=LATER)
        else:
            intake.cancel(call_id=call.pk, reason="TEST", by=here.dispatcher, at=LATER)
    call.refresh_from_db()
    assert call.status == CallStatus.PENDING

    with open_door(by=here.tablet, at=LATER):
        assignments.clear(assignment_id=there.assignment.pk, disposition="HANDLED", by=here.tablet, at=LATER)

    call.refresh_from_db()
    assert (call.status, call.disposition) == (CallStatus.CLOSED, "HANDLED")


def test_nobody_hands_over_what_they_do_not_hold() -> None:
    here = factory.scene()
    call = factory.police_call(here)
    unit, _ = factory.rival(here.agency, here.area)
    there = tell(call, here.tablet)
    assert there.assignment is not None

    with open_door(by=here.tablet, at=LATER), pytest.raises(refusals.CallNotHeld):
        hand_overs.ask(assignment_id=there.assignment.pk, to_unit_id=unit.pk, by=here.tablet, at=LATER)
    with open_door(by=here.tablet, at=LATER):
        hand_backs.hand_back(assignment_id=there.assignment.pk, reason="Police are here", by=here.tablet, at=LATER)
        hand_backs.accept(assignment_id=there.assignment.pk, by=here.dispatcher, at=LATER)

    call.refresh_from_db()
    assert call.status == CallStatus.PENDING


def test_a_crew_that_is_with_another_call_is_only_flagged() -> None:
    here = factory.scene()
    held = factory.assignment(here)
    call = factory.care_call(here)

    there = tell(call, here.tablet)

    assert (there.assignment, there.flags) == (None, ["unassigned_on_scene"])
    assert Flag.objects.get().facts["only_told"] == "UNIT_BUSY"
    assert (alarms_of(call), list(Assignment.objects.all())) == ([], [held])


def test_a_crew_that_had_another_call_since_is_only_flagged() -> None:
    here = factory.scene()
    call = factory.care_call(here)
    factory.assignment(here, status=AssignmentStatus.CLEARED, at=LATER)

    there = tell(call, here.tablet, at=LATER + timedelta(hours=1), happened_at=NOON)

    assert (there.assignment, Flag.objects.get().facts["only_told"]) == (None, "UNIT_MOVED_ON")


def test_a_crew_that_has_gone_home_is_only_flagged() -> None:
    here = factory.scene()
    call = factory.care_call(here)
    with open_door(by=here.tablet, at=LATER):
        shifts.end(shift_id=here.tablet.shift_id or 0, reason="NOTHING_OPEN", by=here.tablet, at=LATER)

    then = tell(call, here.tablet, at=LATER + timedelta(hours=1), happened_at=NOON)
    after = tell(call, here.tablet, at=LATER + timedelta(hours=1), happened_at=LATER + timedelta(minutes=1))

    assert (then.assignment, then.flags) == (None, ["unassigned_on_scene"])
    assert (after.assignment, after.flags) == (None, ["late_scope", "unassigned_on_scene"])


def test_on_scene_of_a_call_that_is_closed_is_kept() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.CLEARED)
    _, late = factory.rival(here.agency, here.area)

    there = tell(held.call, late)

    assert (there.assignment, there.flags) == (None, ["call_already_closed"])
    assert alarms_of(held.call) == []


def test_on_scene_while_it_held_the_call_is_told_of_that_time() -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.EN_ROUTE)
    unit, _ = factory.rival(here.agency, here.area)
    with open_door(by=here.dispatcher, at=LATER):
        desk.reassign(assignment_id=held.pk, unit_id=unit.pk, reason="No answer", by=here.dispatcher, at=LATER)

    there = tell(held.call, here.tablet, at=LATER + timedelta(minutes=9), happened_at=NOON + timedelta(minutes=3))

    held.refresh_from_db()
    assert (there.assignment, there.flags) == (held, ["late_scope"])
    assert (held.status, held.on_scene_at) == (AssignmentStatus.REASSIGNED, NOON + timedelta(minutes=3))


def test_the_desk_tells_it_for_a_crew_by_radio() -> None:
    here = factory.scene()
    call = factory.care_call(here)

    there = tell(call, here.dispatcher, unit_id=here.unit.pk, asked_by="CARE 12")

    assert there.assignment is not None
    assert (there.assignment.radio_asked_by, there.flags) == ("CARE 12", ["unassigned_on_scene"])


def test_a_call_that_was_never_on_ones_board_is_not_there() -> None:
    here, elsewhere = factory.scene(), factory.scene()
    hidden = factory.call(here.agency, area=None)

    for call, by in ((hidden, here.tablet), (factory.care_call(here), elsewhere.tablet)):
        with pytest.raises(refusals.CallNotFound):
            tell(call, by)
    assert not Flag.objects.exists()


def in_parallel(*works: Any) -> list[Any]:
    """
    Run at once, each on a connection of its own; refusals are returned.
    """
    start = Barrier(len(works))

    def run(work: Any) -> Any:
        start.wait()
        try:
            return work()
        except refusals.CallAlreadyTaken as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@RACE
def test_being_there_never_beats_a_take(attempt: int) -> None:
    here = factory.scene()
    call = factory.care_call(here)
    unit, other = factory.rival(here.agency, here.area)

    def take() -> Assignment:
        with open_door(by=other, at=NOON):
            return takes.self_dispatch(call_id=call.pk, by=other, at=NOON)

    there, held = in_parallel(lambda: tell(call, here.tablet, at=NOON), take)

    call.refresh_from_db()
    winner = Assignment.objects.get(call=call, ended_at=None, primary=True)
    assert (call.status, winner, winner.unit) == (CallStatus.ASSIGNED, held, unit)
    assert there.flags in (["contested"], ["unassigned_on_scene"])
    beside = Assignment.objects.get(call=call, ended_at=None, primary=False)
    assert (beside, beside.unit) == (there.assignment, Unit.objects.get(pk=here.unit.pk))
    assert list(differences()) == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@RACE
def test_a_crew_that_takes_and_arrives_at_once_holds_it_once(attempt: int) -> None:
    here = factory.scene()
    call = factory.care_call(here)

    def take() -> Assignment:
        with open_door(by=here.tablet, at=NOON):
            return takes.self_dispatch(call_id=call.pk, by=here.tablet, at=NOON)

    there, held = in_parallel(lambda: tell(call, here.tablet, at=NOON), take)

    assert Assignment.objects.get() == held == there.assignment
    assert (held.primary, Assignment.objects.get().status) == (True, AssignmentStatus.ON_SCENE)
    assert alarms_of(call) == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@RACE
def test_a_desk_that_sends_the_unit_elsewhere_meanwhile_leaves_it_one_call(attempt: int) -> None:
    here = factory.scene()
    call, elsewhere = factory.care_call(here), factory.care_call(here)

    def send() -> Any:
        try:
            with open_door(by=here.dispatcher, at=NOON):
                return desk.dispatch(call_id=elsewhere.pk, unit_id=here.unit.pk, by=here.dispatcher, at=NOON)
        except refusals.UnitBusy as refusal:
            return refusal.code

    there, sent = in_parallel(lambda: tell(call, here.tablet, at=NOON), send)

    assert Assignment.objects.open().filter(unit=here.unit).count() == 1
    assert (there.assignment is None) == (sent != "unit_busy")
    assert flags_of(call) == [("unassigned_on_scene", here.unit.pk)]
    assert AlarmKind.UNASSIGNED_ON_SCENE in alarms_of(call) or there.assignment is None
