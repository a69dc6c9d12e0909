"""
How a crew gives its call up: back to the queue, over to another unit, or at the end of a shift.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import refusals
from dispatch.actions import assignments, hand_backs, hand_overs, shifts
from dispatch.actions.shifts import SignedOff
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    CadMessage,
    CallStatus,
    Decision,
    Flag,
    HandOver,
    Note,
    Origin,
)
from journal.door import open_door
from journal.models import Document, Entry
from responders.actors import Actor
from responders.models import Shift
from responders.refusals import NotOnShift, ShiftNotFound, UnitNotFound
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders
from tests.factories.dispatch import Scene
from tests.replica import bodies

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=5)


def hand_back(scene: Scene, held: Assignment, *, by: Actor | None = None, **given: Any) -> Assignment:
    """
    Hand back from the scene's tablet.
    """
    by = by or scene.tablet
    with open_door(by=by, at=LATER):
        return hand_backs.hand_back(assignment_id=held.pk, reason="Needs a medic", by=by, at=LATER, **given)


def accept_back(scene: Scene, held: Assignment) -> Assignment:
    """
    Take the call back at the scene's desk.
    """
    with open_door(by=scene.dispatcher, at=LATER):
        return hand_backs.accept(assignment_id=held.pk, by=scene.dispatcher, at=LATER)


def ask(scene: Scene, held: Assignment, to_unit_id: int, *, by: Actor | None = None) -> HandOver:
    """
    Ask another unit to take a call over, from the scene's tablet.
    """
    by = by or scene.tablet
    with open_door(by=by, at=NOON):
        return hand_overs.ask(assignment_id=held.pk, to_unit_id=to_unit_id, by=by, at=NOON)


def accept(asked: HandOver, by: Actor) -> Assignment:
    """
    Accept a hand-over.
    """
    with open_door(by=by, at=LATER):
        return hand_overs.accept(hand_over_id=asked.pk, by=by, at=LATER)


def sign_off(by: Actor, choice: str, *, at: datetime = LATER, **given: Any) -> SignedOff:
    """
    Sign off at a tablet.
    """
    with open_door(by=by, at=at):
        return shifts.sign_off(choice=choice, by=by, at=at, **given)


def partner_of(scene: Scene) -> Actor:
    """
    Return the tablet of the scene's other responder.
    """
    shift = scene.unit.shifts.exclude(pk=scene.tablet.shift_id or 0).get()
    return responders.tablet_actor(shift, tablet_id=scene.unit.pk)


@pytest.mark.parametrize(
    "status",
    [
        AssignmentStatus.ASSIGNED,
        AssignmentStatus.ACKNOWLEDGED,
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.STAGED,
    ],
)
def test_a_call_that_is_handed_back_waits_again_since_it_was_received(status: AssignmentStatus) -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=status)
    received_at = held.call.received_at

    hand_back(scene, held)

    held.refresh_from_db()
    held.call.refresh_from_db()
    assert (held.status, held.ended_at, held.end_reason) == ("HANDED_BACK", LATER, "Needs a medic")
    assert (held.call.status, held.call.received_at) == (CallStatus.PENDING, received_at)
    ringing = Alarm.objects.filter(call=held.call, ended_at=None)
    assert [(alarm.kind, alarm.raised_at) for alarm in ringing] == [(AlarmKind.HANDED_BACK, LATER)]
    assert "Needs a medic" in Note.objects.get(call=held.call).text
    # The policy has run again.
    assert Decision.objects.filter(call=held.call, at=LATER).exists()
    gone = Document.objects.get(stream=f"unit.{scene.unit.pk}", collection="call")
    assert gone.gone == "call.handed_back"


def test_the_next_unit_ends_the_alarm_of_the_hand_back() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    hand_back(scene, held)

    # Without a policy in force the call now waits for police.
    factory.feed(scene.agency, heard_at=LATER)
    factory.assignment(scene, to=held.call, origin=Origin.POACHED, at=LATER)

    assert not Alarm.objects.filter(kind=AlarmKind.HANDED_BACK, ended_at=None).exists()


@pytest.mark.parametrize(
    "status",
    [AssignmentStatus.ON_SCENE, AssignmentStatus.TRANSPORTING, AssignmentStatus.AT_DESTINATION],
)
def test_on_scene_the_call_stays_the_crews_until_somebody_accepts(status: AssignmentStatus) -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene, status=status)

    hand_back(scene, held)

    held.refresh_from_db()
    assert (held.status, held.hand_back_asked_at) == (status, LATER)
    assert Alarm.objects.get(ended_at=None, raised_at=LATER).kind == AlarmKind.HANDED_BACK
    with pytest.raises(refusals.HandBackAlreadyAsked):
        hand_back(scene, held)
    with pytest.raises(refusals.AssignmentNotFound):
        accept_back(elsewhere, held)

    accept_back(scene, held)

    held.refresh_from_db()
    held.call.refresh_from_db()
    assert (held.status, held.end_reason) == (AssignmentStatus.HANDED_BACK, "Needs a medic")
    assert held.call.status == CallStatus.PENDING
    assert not Alarm.objects.filter(ended_at=None).exists()
    with pytest.raises(refusals.AssignmentEnded):
        accept_back(scene, held)


def test_a_call_is_not_taken_from_a_crew_that_did_not_ask() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)

    with pytest.raises(refusals.HandBackNotAsked):
        accept_back(scene, held)


def test_only_the_crew_hands_back_and_the_desk_for_it() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    _, rival = factory.rival(scene.agency, scene.area)

    with pytest.raises(refusals.AssignmentNotFound):
        hand_back(scene, held, by=rival)
    hand_back(scene, held, by=scene.dispatcher, unit_id=scene.unit.pk, asked_by="CARE 12")

    assert Entry.objects.get(kind="call.handed_back").data["by_radio"] == "CARE 12"
    with pytest.raises(refusals.AssignmentEnded):
        hand_back(scene, held)


def test_the_others_keep_a_call_that_one_unit_hands_back() -> None:
    scene = factory.scene()
    first = factory.assignment(scene)
    other, _ = factory.rival(scene.agency, scene.area)
    second = factory.assignment(scene, to=first.call, unit=other)

    hand_back(scene, first)

    first.call.refresh_from_db()
    second.refresh_from_db()
    assert (first.call.status, second.primary) == (CallStatus.ASSIGNED, True)
    assert not Alarm.objects.filter(kind=AlarmKind.HANDED_BACK).exists()


def test_who_was_on_the_way_to_a_call_that_is_finished_leaves_nothing_open() -> None:
    scene = factory.scene()
    first = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    second = factory.assignment(scene, to=first.call, unit=other)
    with open_door(by=scene.tablet, at=NOON):
        assignments.clear(assignment_id=first.pk, disposition="HANDLED", by=scene.tablet, at=NOON)

    hand_back(scene, second, by=other_tablet)

    first.call.refresh_from_db()
    assert (first.call.status, first.call.disposition) == (CallStatus.CLOSED, "HANDLED")


def test_cad_hears_that_a_poached_call_waits_for_police_again() -> None:
    scene, alone = factory.scene(), factory.scene(has_cad=False)
    held = factory.assignment(scene, origin=Origin.POACHED)
    without_cad = factory.assignment(alone, origin=Origin.POACHED)

    hand_back(scene, held)
    hand_back(alone, without_cad)

    assert [row.kind for row in CadMessage.objects.order_by("pk")] == ["poach", "poach_ended"]
    assert not Alarm.objects.filter(kind=AlarmKind.POACH_NOT_CONFIRMED, ended_at=None).exists()


def test_a_call_is_handed_over_when_the_other_unit_accepts() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, other_tablet = factory.rival(scene.agency, scene.area)

    asked = ask(scene, held, other.pk)
    offer = bodies(f"unit.{other.pk}", "offer")[str(asked.pk)]
    held.refresh_from_db()
    assert (offer["call"], held.status) == (held.call_id, AssignmentStatus.ON_SCENE)

    taken = accept(asked, other_tablet)

    held.refresh_from_db()
    assert (held.status, held.end_reason) == (AssignmentStatus.REASSIGNED, hand_overs.HANDED_OVER)
    assert (taken.unit_id, taken.primary, taken.status) == (other.pk, True, AssignmentStatus.ACKNOWLEDGED)
    assert bodies(f"unit.{other.pk}", "offer") == {}
    assert bodies(f"unit.{scene.unit.pk}", "call") == {}
    with pytest.raises(refusals.HandOverEnded) as refused:
        accept(asked, other_tablet)
    assert refused.value.facts["accepted"] is True


def test_a_declined_hand_over_leaves_the_call_where_it_is() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    asked = ask(scene, held, other.pk)

    with open_door(by=other_tablet, at=LATER):
        hand_overs.decline(hand_over_id=asked.pk, by=other_tablet, at=LATER)

    held.refresh_from_db()
    assert held.ended_at is None
    with pytest.raises(refusals.HandOverEnded):
        accept(asked, other_tablet)
    assert ask(scene, held, other.pk).pk != asked.pk


def test_who_is_asked_and_who_may_answer() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    short, _ = factory.rival(scene.agency, scene.area, crew=1)

    with pytest.raises(UnitNotFound):
        ask(scene, held, elsewhere.unit.pk)
    with pytest.raises(refusals.UnitNotDispatchable):
        ask(scene, held, short.pk)
    with pytest.raises(refusals.UnitBusy):
        ask(scene, held, scene.unit.pk)
    with pytest.raises(refusals.AssignmentNotFound):
        ask(scene, held, other.pk, by=other_tablet)
    asked = ask(scene, held, other.pk)
    with pytest.raises(refusals.HandOverAlreadyAsked):
        ask(scene, held, other.pk)
    with pytest.raises(refusals.HandOverNotFound):
        accept(asked, scene.tablet)
    with pytest.raises(refusals.HandOverNotFound):
        accept(asked, elsewhere.tablet)
    with open_door(by=scene.dispatcher, at=LATER):
        hand_overs.accept(hand_over_id=asked.pk, by=scene.dispatcher, at=LATER, unit_id=other.pk, asked_by="CARE 13")
    assert Entry.objects.get(kind="call.handed_over").data["by_radio"] == "CARE 13"


def test_a_call_that_is_cleared_can_no_longer_be_taken_over() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    asked = ask(scene, held, other.pk)
    factory.advance(held, to=AssignmentStatus.CLEARED, by=scene.dispatcher)

    with pytest.raises(refusals.HandOverEnded):
        accept(asked, other_tablet)


def test_a_unit_that_became_busy_cannot_accept() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    asked = ask(scene, held, other.pk)
    factory.assignment(scene, unit=other)

    with pytest.raises(refusals.UnitBusy):
        accept(asked, other_tablet)


def test_signing_off_with_nothing_open() -> None:
    scene = factory.scene()

    done = sign_off(scene.tablet, "NOTHING_OPEN", happened_at=LATER + timedelta(hours=1))

    assert (done.shift.ended_at, done.shift.end_reason, done.hand_over) == (LATER, "NOTHING_OPEN", None)
    again = sign_off(scene.tablet, "NOTHING_OPEN")
    assert again.flags == ["late_scope"]


def test_a_partner_who_stays_keeps_the_call() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)

    done = sign_off(scene.tablet, "LEAVE_WITH_DESK")

    held.refresh_from_db()
    assert (held.ended_at, done.shift.end_reason) == (None, "NOTHING_OPEN")


@pytest.mark.parametrize(
    "status", [AssignmentStatus.ASSIGNED, AssignmentStatus.ON_SCENE, AssignmentStatus.TRANSPORTING]
)
@pytest.mark.parametrize(("choice", "flags"), [("LEAVE_WITH_DESK", []), ("NOTHING_OPEN", ["sign_off_left_call"])])
def test_the_last_to_leave_leaves_the_call_with_the_desk(
    status: AssignmentStatus, choice: str, flags: list[str]
) -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=status)
    sign_off(partner_of(scene), "NOTHING_OPEN")

    done = sign_off(scene.tablet, choice)

    held.refresh_from_db()
    held.call.refresh_from_db()
    assert (done.shift.end_reason, done.flags) == ("LEFT_WITH_DESK", flags)
    assert (held.status, held.call.status) == (AssignmentStatus.HANDED_BACK, CallStatus.PENDING)
    ringing = Alarm.objects.filter(ended_at=None)
    assert [(alarm.kind, alarm.raised_at) for alarm in ringing] == [(AlarmKind.LEFT_WITH_DESK, LATER)]
    assert [flag.code for flag in Flag.objects.all()] == flags


def test_signing_off_with_a_clearing() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    sign_off(partner_of(scene), "NOTHING_OPEN")

    done = sign_off(scene.tablet, "CLEAR", disposition="HANDLED")

    held.refresh_from_db()
    held.call.refresh_from_db()
    assert (held.status, held.call.status) == (AssignmentStatus.CLEARED, CallStatus.CLOSED)
    assert done.shift.end_reason == "CLEARED"
    assert bodies(f"unit.{scene.unit.pk}", "unit")[str(scene.unit.pk)]["status"] == "OFF_SHIFT"


def test_a_shift_goes_on_until_the_other_unit_has_accepted() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, other_tablet = factory.rival(scene.agency, scene.area)
    sign_off(partner_of(scene), "NOTHING_OPEN")

    waiting = sign_off(scene.tablet, "HAND_OVER", to_unit_id=other.pk)
    again = sign_off(scene.tablet, "HAND_OVER", to_unit_id=other.pk)

    assert waiting.hand_over is not None
    assert waiting.hand_over == again.hand_over
    assert Shift.objects.get(pk=scene.tablet.shift_id or 0).ended_at is None

    accept(waiting.hand_over, other_tablet)
    done = sign_off(scene.tablet, "NOTHING_OPEN")

    held.refresh_from_db()
    assert (held.status, done.shift.end_reason) == (AssignmentStatus.REASSIGNED, "HANDED_OVER")


def test_signing_off_needs_a_shift() -> None:
    scene = factory.scene()
    unknown = Actor(agency_id=scene.agency.pk, label="", unit_id=scene.unit.pk, tablet_id=1)

    with pytest.raises(NotOnShift):
        sign_off(unknown, "NOTHING_OPEN")
    with pytest.raises(ShiftNotFound):
        sign_off(Actor(agency_id=scene.agency.pk, label="", shift_id=0, tablet_id=1), "NOTHING_OPEN")
