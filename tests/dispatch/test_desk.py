"""
What the desk decides: who is sent, who takes over, offers, outside units, alarms, debriefs.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import refusals, sweeps, tasks
from dispatch.actions import alarms, assignments, debriefs, desk, hand_backs, poaches, stops, takes
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    CadMessage,
    Call,
    CallStatus,
    Debrief,
    Origin,
    OutsideUnit,
    Stop,
)
from journal.door import open_door
from journal.models import Document, Entry
from responders.actions import duty
from responders.models import Duty, RoleName
from responders.refusals import UnitNotFound
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import responders
from tests.factories.dispatch import Scene
from tests.replica import bodies

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(seconds=90)


def send(scene: Scene, call_id: int, unit_id: int) -> Assignment:
    """
    Dispatch a unit from the scene's desk.
    """
    with open_door(by=scene.dispatcher, at=NOON):
        return desk.dispatch(call_id=call_id, unit_id=unit_id, by=scene.dispatcher, at=NOON)


def reassign(scene: Scene, assignment_id: int, unit_id: int, *, at: datetime = LATER) -> Assignment:
    """
    Reassign from the scene's desk.
    """
    with open_door(by=scene.dispatcher, at=LATER):
        return desk.reassign(
            assignment_id=assignment_id,
            unit_id=unit_id,
            reason="Closer",
            by=scene.dispatcher,
            at=at,
        )


def test_the_desk_sends_a_unit_and_another_to_assist() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)
    second_unit, _ = factory.rival(scene.agency, scene.area)

    first = send(scene, call.pk, scene.unit.pk)
    second = send(scene, call.pk, second_unit.pk)

    assert (first.primary, first.status, first.origin) == (True, "ASSIGNED", Origin.DISPATCHED)
    assert (second.primary, second.status) == (False, "ASSIGNED")
    shown = bodies(f"desk.{scene.agency.pk}", "call")[str(call.pk)]
    assert [(row["unit"], row["primary"]) for row in shown["units"]] == [
        (scene.unit.pk, True),
        (second_unit.pk, False),
    ]
    assert len(shown["alarms"]) == 6


def test_the_desk_interrupts_a_meal_and_nothing_else() -> None:
    scene = factory.scene()
    calls = [factory.care_call(scene), factory.care_call(scene)]
    units = [scene.unit, factory.rival(scene.agency, scene.area)[0]]
    for unit, said in zip(units, (Duty.MEAL, Duty.REPORT), strict=True):
        with open_door(by=scene.dispatcher, at=NOON):
            duty.set_duty(duty=said, unit=unit.pk, asked_by="CARE", by=scene.dispatcher, at=NOON)

    assert send(scene, calls[0].pk, units[0].pk).unit_id == units[0].pk
    with pytest.raises(refusals.UnitNotDispatchable) as refused:
        send(scene, calls[1].pk, units[1].pk)
    assert refused.value.facts == {"why": "REPORT"}


def test_what_the_desk_may_not_send() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    call = factory.care_call(scene)
    short, _ = factory.rival(scene.agency, scene.area, crew=1)
    empty = responders.unit(scene.agency)
    outside = responders.unit(scene.agency, outside=True)
    retired = responders.crewed_unit(scene.agency, retired_at=None)
    with open_door(by="system:test", at=NOON):
        retired.retired_at = NOON
        retired.save()

    for unit, why in [(short, "CREW_TOO_SMALL"), (empty, "OFF_SHIFT"), (outside, "OUTSIDE"), (retired, "RETIRED")]:
        with pytest.raises(refusals.UnitNotDispatchable) as refused:
            send(scene, call.pk, unit.pk)
        assert refused.value.facts == {"why": why}
    with pytest.raises(UnitNotFound):
        send(scene, call.pk, elsewhere.unit.pk)
    with pytest.raises(refusals.CallNotFound):
        send(scene, factory.care_call(elsewhere).pk, scene.unit.pk)


def test_a_call_that_care_is_ruled_out_of_is_overruled_before_anybody_is_sent() -> None:
    scene = factory.scene()
    ruled_out = factory.police_call(scene, reasons=["WEAPON_YES"])
    tandem = factory.police_call(scene, response="CARE+POLICE")
    closed = factory.care_call(scene, status="CLOSED", closed_at=NOON)

    with pytest.raises(refusals.CallNotForCare) as refused:
        send(scene, ruled_out.pk, scene.unit.pk)
    assert refused.value.facts["reasons"] == ["WEAPON_YES"]
    with pytest.raises(refusals.CallNotPending):
        send(scene, closed.pk, scene.unit.pk)
    assert send(scene, tandem.pk, scene.unit.pk).call_id == tandem.pk


def test_a_poached_call_may_get_an_assisting_unit() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, origin=Origin.POACHED)
    second_unit, _ = factory.rival(scene.agency, scene.area)

    assert not send(scene, held.call_id, second_unit.pk).primary


def test_the_desk_reassigns_a_silent_unit_after_its_time_and_the_system_never() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    other, _ = factory.rival(scene.agency, scene.area)

    with pytest.raises(refusals.ReassignTooEarly) as refused:
        reassign(scene, held.pk, other.pk, at=LATER - timedelta(seconds=1))
    assert refused.value.facts == {"from": LATER}

    given = reassign(scene, held.pk, other.pk)

    held.refresh_from_db()
    assert (held.status, held.ended_at, held.end_reason) == (AssignmentStatus.REASSIGNED, LATER, "Closer")
    assert (given.primary, given.status, given.unit_id) == (True, AssignmentStatus.ASSIGNED, other.pk)
    gone = Document.objects.get(stream=f"unit.{scene.unit.pk}", collection="call", document_id=str(held.call_id))
    assert (gone.body, gone.gone) == (None, "call.reassigned")
    assert not Alarm.objects.filter(assignment=held, ended_at=None).exists()


def test_a_unit_that_answers_is_reassigned_at_any_time_by_the_desk() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, _ = factory.rival(scene.agency, scene.area)

    with pytest.raises(refusals.UnitBusy):
        reassign(scene, held.pk, scene.unit.pk, at=NOON)
    with pytest.raises(UnitNotFound):
        reassign(scene, held.pk, elsewhere.unit.pk)
    with pytest.raises(refusals.AssignmentNotFound):
        reassign(elsewhere, held.pk, elsewhere.unit.pk)
    assert reassign(scene, held.pk, other.pk, at=NOON).unit_id == other.pk
    with pytest.raises(refusals.AssignmentEnded):
        reassign(scene, held.pk, other.pk)


def test_an_offer_shows_a_police_call_to_care_until_it_is_withdrawn_or_taken() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    call = factory.police_call(scene)
    with open_door(by=scene.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=scene.dispatcher, at=NOON)
    assert bodies(f"area.{scene.area.pk}", "call")[str(call.pk)]["offered_at"] == "2026-06-03T19:00:00Z"

    with pytest.raises(refusals.CallAlreadyOffered), open_door(by=scene.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=scene.dispatcher, at=NOON)
    with open_door(by=scene.dispatcher, at=NOON):
        desk.withdraw_offer(call_id=call.pk, by=scene.dispatcher, at=NOON)
    with pytest.raises(refusals.CallNotOffered), open_door(by=scene.dispatcher, at=NOON):
        desk.withdraw_offer(call_id=call.pk, by=scene.dispatcher, at=NOON)
    with pytest.raises(refusals.CallNotFound), open_door(by=elsewhere.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=elsewhere.dispatcher, at=NOON)

    with open_door(by=scene.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=scene.dispatcher, at=NOON)
    with open_door(by=scene.tablet, at=NOON):
        takes.poach(call_id=call.pk, reason="Offered", by=scene.tablet, at=NOON)
    call.refresh_from_db()
    assert call.offered_at is None
    with pytest.raises(refusals.CallNotPending), open_door(by=scene.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=scene.dispatcher, at=NOON)


def test_a_call_that_waits_for_care_is_not_offered() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)

    with pytest.raises(refusals.OfferWrongQueue), open_door(by=scene.dispatcher, at=NOON):
        desk.offer(call_id=call.pk, by=scene.dispatcher, at=NOON)


def test_outside_units_are_named_on_a_call_and_leave_it() -> None:
    scene = factory.scene()
    call, closed = factory.care_call(scene), factory.care_call(scene, status="CLOSED", closed_at=NOON)
    health_one = responders.unit(scene.agency, call_sign="HEALTH 1", outside=True)
    given: dict[str, Any] = {"call_id": call.pk, "unit_id": health_one.pk, "by": scene.dispatcher, "at": NOON}

    with open_door(by=scene.dispatcher, at=NOON):
        desk.attach_outside(**given)
    shown = bodies(f"desk.{scene.agency.pk}", "call")[str(call.pk)]["outside_units"]
    assert shown == [{"unit": health_one.pk, "call_sign": "HEALTH 1"}]

    with pytest.raises(refusals.OutsideUnitAttached), open_door(by=scene.dispatcher, at=NOON):
        desk.attach_outside(**given)
    with pytest.raises(refusals.UnitNotOutside), open_door(by=scene.dispatcher, at=NOON):
        desk.attach_outside(**given | {"unit_id": scene.unit.pk})
    with pytest.raises(refusals.CallNotPending), open_door(by=scene.dispatcher, at=NOON):
        desk.attach_outside(**given | {"call_id": closed.pk})
    with open_door(by=scene.dispatcher, at=NOON):
        desk.release_outside(**given)
    with pytest.raises(refusals.OutsideUnitNotAttached), open_door(by=scene.dispatcher, at=NOON):
        desk.release_outside(**given)
    assert OutsideUnit.objects.get().released_at == NOON


def test_calling_off_sends_home_who_is_on_the_way_and_tells_who_is_there() -> None:
    scene = factory.scene()
    on_scene = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    second_unit, _ = factory.rival(scene.agency, scene.area)
    on_the_way = factory.assignment(scene, to=on_scene.call, unit=second_unit, status=AssignmentStatus.EN_ROUTE)

    with open_door(by="cad:1", at=LATER):
        call = Call.objects.lock(on_scene.call_id)
        stay = assignments.call_off(call=call, reason="CAD_CANCELLED", by="cad:1", at=LATER)

    assert [row.pk for row in stay] == [on_scene.pk]
    on_the_way.refresh_from_db()
    on_scene.refresh_from_db()
    assert (on_the_way.status, on_the_way.end_reason) == (AssignmentStatus.CANCELLED, "CAD_CANCELLED")
    assert (on_scene.status, on_scene.cancel_told_at) == (AssignmentStatus.ON_SCENE, LATER)
    # Told once; a second word from CAD does not move the time.
    with open_door(by="cad:1", at=LATER):
        call = Call.objects.lock(on_scene.call_id)
        assignments.call_off(call=call, reason="CAD_CLOSED", by="cad:1", at=LATER + timedelta(minutes=1))
    on_scene.refresh_from_db()
    assert on_scene.cancel_told_at == LATER


def test_a_stop_is_full_screen_until_acknowledged_and_the_desk_is_told_after_15_seconds() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    with open_door(by="system:test", at=NOON):
        call = Call.objects.lock(held.call_id)
        [stop] = stops.raise_stop(call=call, reasons=["WEAPON_YES"], by="system:test", at=NOON)
        assert stops.raise_stop(call=call, reasons=["WEAPON_YES"], by="system:test", at=NOON) == []
    alarm = Alarm.objects.get(assignment=held, ended_at=None)
    assert (alarm.kind, alarm.due_at) == (AlarmKind.STOP_NOT_ACKNOWLEDGED, NOON + timedelta(seconds=15))
    shown = bodies(f"unit.{scene.unit.pk}", "call")[str(held.call_id)]["stops"]
    assert [(row["reasons"], row["acknowledged_at"]) for row in shown] == [(["WEAPON_YES"], None)]

    for at in (LATER, LATER + timedelta(seconds=5)):
        with open_door(by=scene.tablet, at=at):
            stops.acknowledge(stop_id=stop.pk, by=scene.tablet, at=at)

    stop.refresh_from_db()
    assert (stop.acknowledged_at, stop.acknowledged_by) == (LATER, str(scene.tablet))
    assert not Alarm.objects.filter(ended_at=None).exists()


def test_two_stops_ring_until_both_are_acknowledged_and_only_by_the_crew() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    with open_door(by="system:test", at=NOON):
        call = Call.objects.lock(held.call_id)
        stops.raise_stop(call=call, reasons=["WEAPON_YES"], by="system:test", at=NOON)
        stops.raise_stop(call=call, reasons=["VIOLENCE_YES"], by="system:test", at=NOON)
    first, second = Stop.objects.order_by("pk")
    _, rival = factory.rival(scene.agency, scene.area)

    for other in (rival, elsewhere.tablet):
        with pytest.raises(refusals.StopNotFound), open_door(by=other, at=NOON):
            stops.acknowledge(stop_id=first.pk, by=other, at=NOON)
    with pytest.raises(refusals.StopNotFound), open_door(by=rival, at=NOON):
        stops.acknowledge(stop_id=0, by=rival, at=NOON)
    with open_door(by=scene.dispatcher, at=LATER):
        stops.acknowledge(stop_id=first.pk, by=scene.dispatcher, at=LATER, unit_id=scene.unit.pk, asked_by="CARE 12")
    first.refresh_from_db()
    assert first.acknowledged_by == "CARE 12"
    assert Alarm.objects.filter(ended_at=None, kind=AlarmKind.STOP_NOT_ACKNOWLEDGED).exists()
    with open_door(by=scene.tablet, at=LATER):
        stops.acknowledge(stop_id=second.pk, by=scene.tablet, at=LATER)
    assert not Alarm.objects.filter(ended_at=None).exists()


def test_a_stop_finds_nobody_on_a_call_that_waits() -> None:
    waiting = factory.care_call(factory.scene())

    with open_door(by="system:test", at=NOON):
        call = Call.objects.lock(waiting.pk)
        assert stops.raise_stop(call=call, reasons=["WEAPON_YES"], by="system:test", at=NOON) == []

    assert not Stop.objects.exists()


def test_the_sweep_raises_what_is_due_once() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    factory.assignment(scene, unit=factory.rival(scene.agency, scene.area)[0])

    for at in (NOON + timedelta(seconds=4), NOON + timedelta(seconds=30)):
        with open_door(by=sweeps.SWEEP, at=at):
            alarms.raise_due(call_id=held.call_id, by=sweeps.SWEEP, at=at)
    with open_door(by=sweeps.SWEEP, at=NOON + timedelta(seconds=31)):
        again = alarms.raise_due(call_id=held.call_id, by=sweeps.SWEEP, at=NOON + timedelta(seconds=31))

    raised = Alarm.objects.filter(call=held.call, raised_at__isnull=False)
    assert {(alarm.kind, alarm.raised_at) for alarm in raised} == {
        (AlarmKind.NOT_DELIVERED, NOON + timedelta(seconds=30)),
        (AlarmKind.NOT_ACKNOWLEDGED, NOON + timedelta(seconds=30)),
    }
    assert again == 0
    assert Entry.objects.filter(kind="alarm.raised").count() == 1
    # The second call's are due too: real time is long after NOON.
    assert tasks.raise_due_alarms() == 4
    assert tasks.raise_due_alarms() == 0


def test_a_dispatcher_silences_an_alarm_once() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene)
    alarm = Alarm.objects.filter(assignment=held).earliest("due_at")

    with pytest.raises(refusals.AlarmNotFound), open_door(by=elsewhere.dispatcher, at=NOON):
        alarms.acknowledge(alarm_id=alarm.pk, by=elsewhere.dispatcher, at=NOON)
    with open_door(by=scene.dispatcher, at=LATER):
        alarms.acknowledge(alarm_id=alarm.pk, by=scene.dispatcher, at=LATER)
    with pytest.raises(refusals.AlarmEnded) as refused, open_door(by=scene.dispatcher, at=LATER):
        alarms.acknowledge(alarm_id=alarm.pk, by=scene.dispatcher, at=LATER)

    assert refused.value.facts["by"] == str(scene.dispatcher)


def test_who_has_seen_the_later_alarm_has_seen_the_earlier_ones() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    with open_door(by="system:test", at=NOON):
        stops.raise_stop(call=Call.objects.lock(held.call_id), reasons=["WEAPON_YES"], by="system:test", at=NOON)
    later = Alarm.objects.get(assignment=held, kind=AlarmKind.NOT_ACKNOWLEDGED)

    with open_door(by=scene.dispatcher, at=LATER):
        alarms.acknowledge(alarm_id=later.pk, by=scene.dispatcher, at=LATER)

    # A stop is another matter, and what is still to come is still to come.
    assert {alarm.kind for alarm in Alarm.objects.filter(ended_at=None)} == {
        AlarmKind.REASSIGNABLE,
        AlarmKind.STOP_NOT_ACKNOWLEDGED,
    }


def test_an_alarm_is_raised_once_however_often_it_is_asked_for() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    with open_door(by="system:test", at=LATER):
        call = Call.objects.lock(held.call_id)
        first = alarms.raise_alarm(call=call, kind=AlarmKind.POLICE_ASSIGNED, at=LATER)
        again = alarms.raise_alarm(call=call, kind=AlarmKind.POLICE_ASSIGNED, at=LATER)
        promised = alarms.raise_alarm(call=call, kind=AlarmKind.NOT_DELIVERED, at=LATER, assignment=held)

    assert first == again
    assert (promised.due_at, promised.raised_at) == (NOON + timedelta(seconds=5), LATER)


def test_cad_confirms_a_poach() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, origin=Origin.POACHED)
    message = CadMessage.objects.get(call=held.call)

    for confirmed in (True, False):
        with open_door(by="cad:1", at=LATER):
            poaches.settle(message=message, confirmed=confirmed, reason="", by="cad:1", at=LATER)

    held.refresh_from_db()
    # CAD's first answer stands.
    assert (held.poach.state, held.poach.settled_at) == ("CAD_CONFIRMED", LATER)
    assert not Alarm.objects.filter(ended_at=None).exists()
    assert not Stop.objects.exists()
    assert bodies(f"unit.{scene.unit.pk}", "call")[str(held.call_id)]["poach"]["state"] == "CAD_CONFIRMED"


def test_cad_rejects_a_poach_and_the_desk_decides() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, origin=Origin.POACHED, status=AssignmentStatus.EN_ROUTE)
    message = CadMessage.objects.get(call=held.call)
    with pytest.raises(refusals.HandBackNotAsked), open_door(by=scene.dispatcher, at=NOON):
        hand_backs.accept(assignment_id=held.pk, by=scene.dispatcher, at=NOON)

    with open_door(by="cad:1", at=LATER):
        poaches.settle(message=message, confirmed=False, reason="Officer near", by="cad:1", at=LATER)

    held.refresh_from_db()
    # Nothing is taken from the crew by itself.
    assert (held.status, held.poach.state) == (AssignmentStatus.EN_ROUTE, "CAD_REJECTED")
    assert Stop.objects.get(assignment=held).reasons == ["CAD_REJECTED"]
    ringing = Alarm.objects.filter(ended_at=None, raised_at__isnull=False)
    assert [alarm.kind for alarm in ringing] == [AlarmKind.POACH_REJECTED]

    with open_door(by=scene.dispatcher, at=LATER):
        hand_backs.accept(assignment_id=held.pk, by=scene.dispatcher, at=LATER)
    held.call.refresh_from_db()
    assert (held.call.status, held.call.queue) == (CallStatus.PENDING, "POLICE")


def test_police_assigned_after_a_poach_stop_the_crew_and_alarm_the_desk() -> None:
    scene = factory.scene()
    poached = factory.assignment(scene, origin=Origin.POACHED)
    other_unit, _ = factory.rival(scene.agency, scene.area)
    sent = factory.assignment(scene, unit=other_unit)

    with open_door(by="cad:1", at=LATER):
        told = poaches.police_assigned(call=Call.objects.lock(poached.call_id), by="cad:1", at=LATER)
        not_told = poaches.police_assigned(call=Call.objects.lock(sent.call_id), by="cad:1", at=LATER)

    assert (told, not_told) == (True, False)
    assert Stop.objects.get().assignment_id == poached.pk
    assert Alarm.objects.filter(kind=AlarmKind.POLICE_ASSIGNED, raised_at=LATER).count() == 1


def test_a_message_that_asked_for_no_poach_settles_none() -> None:
    scene = factory.scene()
    call = factory.care_call(scene)
    message = CadMessage(agency=scene.agency, call=call, kind="poach_ended", body={}, made_at=NOON)

    assert poaches.settle(message=message, confirmed=True, reason="", by="cad:1", at=NOON) is None


def test_a_debrief_has_both_comments_and_is_closed_by_a_supervisor() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    factory.assignment(scene, origin=Origin.POACHED)
    debrief = Debrief.objects.get(agency=scene.agency)
    sergeant = responders.actor(responders.person(scene.agency, RoleName.OFFICER))
    supervisor = responders.actor(responders.person(scene.agency, RoleName.SUPERVISOR))
    other_desk = responders.actor(responders.person(scene.agency, RoleName.EMBEDDED))

    for who, text in [(scene.dispatcher, "Fine"), (scene.dispatcher, "Fine by us"), (sergeant, "Call us next time")]:
        with open_door(by=who, at=NOON):
            debriefs.comment(debrief_id=debrief.pk, text=text, by=who, at=NOON)
    with pytest.raises(refusals.DebriefCommented), open_door(by=other_desk, at=NOON):
        debriefs.comment(debrief_id=debrief.pk, text="No", by=other_desk, at=NOON)
    with pytest.raises(refusals.DebriefNotYours), open_door(by=supervisor, at=NOON):
        debriefs.comment(debrief_id=debrief.pk, text="No", by=supervisor, at=NOON)
    with pytest.raises(refusals.DebriefNotFound), open_door(by=elsewhere.dispatcher, at=NOON):
        debriefs.comment(debrief_id=debrief.pk, text="No", by=elsewhere.dispatcher, at=NOON)
    with open_door(by=supervisor, at=LATER):
        debriefs.close(debrief_id=debrief.pk, text="Thanks", by=supervisor, at=LATER)
    with pytest.raises(refusals.DebriefClosed), open_door(by=sergeant, at=LATER):
        debriefs.comment(debrief_id=debrief.pk, text="One more", by=sergeant, at=LATER)

    debrief.refresh_from_db()
    assert (debrief.dispatcher_comment, debrief.sergeant_comment) == ("Fine by us", "Call us next time")
    assert (debrief.closed_by_id, debrief.closing_comment) == (supervisor.person_id, "Thanks")
    assert bodies(f"desk.{scene.agency.pk}", "debrief") == {}
    assert list(bodies(f"supervisors.{scene.agency.pk}", "debrief")) == [str(debrief.pk)]
    # The journal says that somebody commented, never what.
    assert "Fine" not in str([entry.data for entry in Entry.objects.all()])
