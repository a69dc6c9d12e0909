"""
Self-dispatch and poach: who may take what, what follows, what a late unit is told.
"""

from datetime import timedelta
from typing import Any

import pytest

from dispatch import refusals
from dispatch.actions import takes
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    CadMessage,
    CallStatus,
    Color,
    Debrief,
    Poach,
    PoachState,
)
from journal.door import open_door
from journal.models import Entry
from journal.refusals import NotAllowed, Refusal
from responders.actions import duty
from responders.models import Duty
from responders.refusals import AskedByMissing, NotYourUnit, UnitNotFound
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders
from tests.factories.dispatch import Scene
from tests.replica import bodies

pytestmark = pytest.mark.django_db

REASON = "Caller asked for no police"


def poach(scene: Scene, call_id: int, **given: Any) -> Assignment:
    """
    Poach from the scene's tablet, through a door.
    """
    by = given.pop("by", scene.tablet)
    with open_door(by=by, at=NOON):
        return takes.poach(call_id=call_id, reason=REASON, by=by, at=given.pop("at", NOON), **given)


def self_dispatch(scene: Scene, call_id: int, **given: Any) -> Assignment:
    """
    Self-dispatch from the scene's tablet, through a door.
    """
    by = given.pop("by", scene.tablet)
    with open_door(by=by, at=NOON):
        return takes.self_dispatch(call_id=call_id, by=by, at=NOON, **given)


def test_a_unit_takes_a_call_that_waits_for_care() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)

    taken = self_dispatch(scene, call.pk)

    call.refresh_from_db()
    assert call.status == CallStatus.ASSIGNED
    assert (taken.status, taken.primary, taken.origin) == (AssignmentStatus.ACKNOWLEDGED, True, "SELF_DISPATCHED")
    # A crew that takes a call has acknowledged it: nothing is left to ring for.
    assert taken.acknowledged_by == str(scene.tablet)
    assert not Alarm.objects.exists()
    entry = Entry.objects.get(kind="call.self_dispatched")
    assert (entry.about, entry.by, entry.data) == (
        f"call.{call.pk}",
        str(scene.tablet),
        {"assignment": taken.pk, "unit": scene.unit.pk},
    )


def test_a_taken_call_is_the_crews_and_leaves_nobodys_board() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)

    taken = self_dispatch(scene, call.pk)

    own = bodies(f"unit.{scene.unit.pk}", "call")[str(call.pk)]
    board = bodies(f"area.{scene.area.pk}", "call")[str(call.pk)]
    assert own["assignment"]["id"] == taken.pk
    assert (board["status"], board["units"]) == ("ASSIGNED", [scene.unit.pk])
    assert bodies(f"area.{scene.area.pk}", "unit")[str(scene.unit.pk)]["status"] == "ACKNOWLEDGED"


def test_a_poach_asks_cad_opens_a_debrief_and_promises_an_alarm() -> None:
    scene = factory.scene()
    call = factory.police_call(scene)

    taken = poach(scene, call.pk)

    poached = Poach.objects.get(assignment=taken)
    assert (poached.state, poached.reason, poached.settled_at) == (PoachState.ASKED, REASON, None)
    assert Debrief.objects.get(poach=poached).opened_at == NOON
    message = CadMessage.objects.get(call=call)
    assert (message.kind, message.body["number"]) == ("poach", call.number)
    alarm = Alarm.objects.get(call=call)
    assert (alarm.kind, alarm.due_at) == (AlarmKind.POACH_NOT_CONFIRMED, NOON + timedelta(seconds=20))
    # It returns to the police queue if it is handed back, and police stay on it where they are.
    call.refresh_from_db()
    assert (call.status, call.queue) == (CallStatus.ASSIGNED, "POLICE")


def test_without_a_cad_a_poach_waits_for_nobody() -> None:
    scene = factory.scene(has_cad=False)
    call = factory.police_call(scene)

    taken = poach(scene, call.pk)

    assert (taken.poach.state, taken.poach.settled_at) == (PoachState.NO_CAD, NOON)
    assert not CadMessage.objects.exists()
    assert not Alarm.objects.exists()
    assert Debrief.objects.filter(poach=taken.poach).exists()


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"queue": "CARE"}, refusals.PoachWrongQueue),
        ({"police_units": ["3K12"]}, refusals.PoachPoliceAssigned),
        ({"priority": 2}, refusals.PoachPriority),
        ({"color": Color.RED}, refusals.PoachRed),
        ({"status": "CLOSED", "closed_at": NOON}, refusals.CallNotPending),
        ({"status": "CANCELLED", "closed_at": NOON}, refusals.CallNotPending),
        (
            {"cautions": [{"text": "Dog", "expires_at": "2026-06-03T20:00:00Z"}], "cautions_as_of": NOON},
            refusals.PoachCaution,
        ),
    ],
)
def test_a_poach_is_refused(fields: dict[str, Any], refusal: type[Refusal]) -> None:
    scene = factory.scene()
    call = factory.police_call(scene, **fields)

    with pytest.raises(refusal):
        poach(scene, call.pk)

    assert not Assignment.objects.exists()
    assert not Entry.objects.filter(kind="call.poached").exists()


def test_an_expired_caution_does_not_stand_in_the_way() -> None:
    scene = factory.scene()
    cautions = [{"text": "Dog", "expires_at": "2026-06-03T18:59:59Z"}]
    call = factory.police_call(scene, cautions=cautions, cautions_as_of=NOON - timedelta(hours=1))

    assert poach(scene, call.pk).call_id == call.pk


def test_a_caution_that_the_call_has_no_copy_of_is_seen() -> None:
    scene = factory.scene()
    at_address, by_phone = factory.police_call(scene), factory.police_call(scene, caller_phone="2065550100")
    factory.caution(scene.agency, address_key=at_address.address_key)
    factory.caution(scene.agency, phone="2065550100")

    with pytest.raises(refusals.PoachCaution):
        poach(scene, at_address.pk)
    with pytest.raises(refusals.PoachCaution):
        poach(scene, by_phone.pk)


def test_a_disqualifier_that_was_answered_yes_stops_a_poach_until_it_is_answered_otherwise() -> None:
    scene = factory.scene()
    call = factory.police_call(scene)
    factory.answers(call, WEAPON="YES", MEDICAL="UNKNOWN")

    with pytest.raises(refusals.PoachDisqualified) as refused:
        poach(scene, call.pk)
    assert refused.value.facts == {"yes": ["WEAPON"]}

    factory.answers(call, WEAPON="NOT_RELEVANT")
    assert poach(scene, call.pk).call_id == call.pk


@pytest.mark.parametrize(("age_s", "may"), [(0, True), (30, True), (31, False), (3600, False)])
def test_a_poach_needs_a_cad_that_was_just_heard_of(age_s: int, may: bool) -> None:
    scene = factory.scene()
    factory.feed(scene.agency, heard_at=NOON - timedelta(seconds=age_s))
    call = factory.police_call(scene)

    if may:
        poach(scene, call.pk)
        return
    with pytest.raises(refusals.PoachFeedOld) as refused:
        poach(scene, call.pk)
    assert refused.value.facts == {"age_s": age_s, "limit_s": 30}


def test_a_cad_that_was_never_heard_of_is_too_old() -> None:
    scene = factory.scene(has_cad=False)
    with open_door(by=factory.SCENE, at=NOON):
        scene.agency.has_cad = True
        scene.agency.save()
    call = factory.police_call(scene)

    with pytest.raises(refusals.PoachFeedOld) as refused:
        poach(scene, call.pk)
    assert refused.value.facts["age_s"] is None


def test_self_dispatch_does_not_take_from_police() -> None:
    scene = factory.scene()
    call = factory.police_call(scene)

    with pytest.raises(refusals.SelfDispatchWrongQueue):
        self_dispatch(scene, call.pk)


def test_who_comes_too_late_is_told_who_has_it_and_since_when() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)
    self_dispatch(scene, call.pk)
    _, late = factory.rival(scene.agency, scene.area)

    with pytest.raises(refusals.CallAlreadyTaken) as refused:
        self_dispatch(scene, call.pk, by=late)

    assert refused.value.facts == {"unit": scene.unit.call_sign, "at": NOON}


def test_a_unit_that_holds_a_call_takes_no_second_one() -> None:
    scene = factory.scene()
    first, second, of_police = factory.care_call(scene), factory.care_call(scene), factory.police_call(scene)
    self_dispatch(scene, first.pk)

    with pytest.raises(refusals.UnitBusy) as refused:
        self_dispatch(scene, second.pk)
    assert refused.value.facts == {"call": first.pk}
    with pytest.raises(refusals.UnitBusy):
        poach(scene, of_police.pk)


@pytest.mark.parametrize(
    ("crew", "said", "why"),
    [
        (1, Duty.AVAILABLE, "CREW_TOO_SMALL"),
        (2, Duty.MEAL, "MEAL"),
        (2, Duty.REPORT, "REPORT"),
        (2, Duty.OUT_OF_SERVICE, "OUT_OF_SERVICE"),
    ],
)
def test_a_unit_that_cannot_be_sent_takes_nothing(crew: int, said: Duty, why: str) -> None:
    scene = factory.scene(crew=crew)
    call = factory.care_call(scene)
    with open_door(by=scene.tablet, at=NOON):
        duty.set_duty(duty=said, reason="Flat tyre", by=scene.tablet, at=NOON, happened_at=None)

    with pytest.raises(refusals.UnitNotDispatchable) as refused:
        self_dispatch(scene, call.pk)

    assert refused.value.facts == {"why": why}


def test_a_tablet_takes_only_what_is_on_its_board() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    other_area = responders.area(scene.agency)
    unplaced = factory.care_call(scene, area=None)
    of_other_area = factory.care_call(scene, area=other_area)
    of_other_agency = factory.care_call(elsewhere)
    taken_elsewhere = factory.care_call(elsewhere)
    self_dispatch(elsewhere, taken_elsewhere.pk)

    for call_id in (unplaced.pk, of_other_area.pk, of_other_agency.pk, taken_elsewhere.pk, 0):
        with pytest.raises(refusals.CallNotFound):
            self_dispatch(scene, call_id)


def test_the_desk_takes_by_radio_and_says_who_asked() -> None:
    scene = factory.scene()
    call = factory.police_call(scene)

    taken = poach(scene, call.pk, by=scene.dispatcher, unit_id=scene.unit.pk, asked_by="CARE 12, Responder One")

    assert taken.unit_id == scene.unit.pk
    assert taken.radio_asked_by == taken.acknowledged_by == "CARE 12, Responder One"
    assert Entry.objects.get(kind="call.poached").data["by_radio"] == "CARE 12, Responder One"


def test_by_radio_needs_the_unit_and_who_asked() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    call = factory.care_call(scene)
    officer = responders.actor(responders.person(scene.agency, "OFFICER"))

    with pytest.raises(AskedByMissing):
        self_dispatch(scene, call.pk, by=scene.dispatcher, unit_id=scene.unit.pk)
    with pytest.raises(AskedByMissing):
        self_dispatch(scene, call.pk, by=scene.dispatcher, asked_by="CARE 12")
    with pytest.raises(NotYourUnit):
        self_dispatch(scene, call.pk, unit_id=elsewhere.unit.pk)
    with pytest.raises(UnitNotFound):
        self_dispatch(scene, call.pk, by=scene.dispatcher, unit_id=elsewhere.unit.pk, asked_by="CARE 12")
    with pytest.raises(NotAllowed):
        self_dispatch(scene, call.pk, by=officer, unit_id=scene.unit.pk, asked_by="CARE 12")
