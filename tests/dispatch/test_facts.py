"""
What crews tell: every step of the table, and what happens to facts that no longer fit.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import refusals, rules
from dispatch.actions import assignments, desk
from dispatch.actions.assignments import Told
from dispatch.models import (
    TRANSITIONS,
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    CallStatus,
    Flag,
    Note,
)
from dispatch.rules import Fit
from journal.door import open_door
from journal.models import Entry
from responders.actions import shifts
from responders.actors import Actor
from responders.refusals import AskedByMissing
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.replica import bodies

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=5)
FACTS: dict[AssignmentStatus, tuple[Callable[..., Told], dict[str, Any]]] = {
    AssignmentStatus.ACKNOWLEDGED: (assignments.acknowledge, {}),
    AssignmentStatus.EN_ROUTE: (assignments.en_route, {}),
    AssignmentStatus.STAGED: (assignments.stage, {}),
    AssignmentStatus.ON_SCENE: (assignments.arrive, {}),
    AssignmentStatus.TRANSPORTING: (assignments.transport, {"destination": "Crisis Solutions Center", "persons": 1}),
    AssignmentStatus.AT_DESTINATION: (assignments.at_destination, {}),
    AssignmentStatus.CLEARED: (assignments.clear, {"disposition": "HANDLED"}),
}
OPEN = [status for status, following in TRANSITIONS.items() if following]


def tell(status: AssignmentStatus, held: Assignment, *, by: Actor, at: datetime = LATER, **given: Any) -> Told:
    """
    Tell one fact through a door.
    """
    fact, needed = FACTS[status]
    with open_door(by=by, at=at):
        return fact(assignment_id=held.pk, by=by, at=at, **needed | given)


@pytest.mark.parametrize(
    ("status", "told"),
    [(status, told) for status in OPEN for told in FACTS if told in TRANSITIONS[status]],
)
def test_every_step_of_the_table_is_made_when_it_is_told(status: AssignmentStatus, told: AssignmentStatus) -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=status)

    answer = tell(told, held, by=scene.tablet)

    held.refresh_from_db()
    assert (held.status, answer.flags) == (told, [])
    column = "ended_at" if told == AssignmentStatus.CLEARED else assignments.STEPS[told][1]
    assert getattr(held, column) == LATER
    assert not Flag.objects.exists()
    assert Entry.objects.latest("pk").data["status"] == told


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (status, told)
        for status in OPEN
        for told in FACTS
        if told not in TRANSITIONS[status] and told not in (status, AssignmentStatus.ACKNOWLEDGED)
    ],
)
def test_a_fact_that_is_no_step_is_kept_and_flagged(status: AssignmentStatus, told: AssignmentStatus) -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=status)
    column = assignments.STEPS[told][1]
    had = getattr(held, column)

    answer = tell(told, held, by=scene.tablet)

    held.refresh_from_db()
    assert answer.flags == ["out_of_order"]
    # What was told first stays; a step that was never told has its time now.
    assert getattr(held, column) == (LATER if had is None else had)
    ahead = rules.fit_of(status, told) is Fit.SKIPPED
    assert held.status == (told if ahead else status)
    flag = Flag.objects.get(call=held.call)
    assert (flag.code, flag.facts["status"], flag.facts["said"]) == ("out_of_order", status, told)
    assert [row["code"] for row in bodies(f"supervisors.{scene.agency.pk}", "flag").values()] == ["out_of_order"]


def test_acknowledging_late_or_twice_is_nobodys_business() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)

    assert tell(AssignmentStatus.ACKNOWLEDGED, held, by=scene.tablet).flags == []

    held.refresh_from_db()
    assert (held.status, held.acknowledged_at) == (AssignmentStatus.ON_SCENE, NOON)


def test_the_same_step_twice_keeps_the_first_time() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)

    assert tell(AssignmentStatus.EN_ROUTE, held, by=scene.tablet).flags == []

    held.refresh_from_db()
    assert held.en_route_at == NOON


def test_a_fact_happened_when_the_tablet_says_but_never_later_than_it_came() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)

    tell(AssignmentStatus.EN_ROUTE, held, by=scene.tablet, happened_at=NOON + timedelta(minutes=1))
    tell(AssignmentStatus.ON_SCENE, held, by=scene.tablet, happened_at=LATER + timedelta(hours=2))

    held.refresh_from_db()
    assert (held.en_route_at, held.on_scene_at) == (NOON + timedelta(minutes=1), LATER)
    assert Entry.objects.get(kind="assignment.en_route").happened_at == NOON + timedelta(minutes=1)


def test_delivery_ends_the_first_alarm_and_acknowledging_the_others() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    ringing = Alarm.objects.filter(assignment=held, ended_at=None)
    assert {alarm.kind: alarm.due_at - NOON for alarm in ringing} == {
        AlarmKind.NOT_DELIVERED: timedelta(seconds=5),
        AlarmKind.NOT_ACKNOWLEDGED: timedelta(seconds=30),
        AlarmKind.REASSIGNABLE: timedelta(seconds=90),
    }

    with open_door(by=scene.tablet, at=NOON):
        assignments.deliver(assignment_id=held.pk, by=scene.tablet, at=NOON + timedelta(seconds=1))
    held.refresh_from_db()
    assert (held.delivered_at, held.status) == (NOON + timedelta(seconds=1), AssignmentStatus.ASSIGNED)
    assert {alarm.kind for alarm in ringing.all()} == {AlarmKind.NOT_ACKNOWLEDGED, AlarmKind.REASSIGNABLE}

    with open_door(by=scene.tablet, at=LATER):
        assignments.deliver(assignment_id=held.pk, by=scene.tablet, at=LATER)
    tell(AssignmentStatus.ACKNOWLEDGED, held, by=scene.tablet)
    held.refresh_from_db()
    assert (held.delivered_at, held.acknowledged_by) == (NOON + timedelta(seconds=1), str(scene.tablet))
    assert not ringing.all().exists()


def test_one_acknowledgement_silences_both_tablets_of_a_unit() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    second_tablet = Actor(
        agency_id=scene.agency.pk, label="Responder Two", person_id=2, unit_id=scene.unit.pk, tablet_id=9
    )

    tell(AssignmentStatus.ACKNOWLEDGED, held, by=second_tablet)

    shown = bodies(f"unit.{scene.unit.pk}", "call")[str(held.call_id)]["assignment"]
    assert (shown["status"], shown["acknowledged_by"]) == ("ACKNOWLEDGED", str(second_tablet))


def test_who_goes_en_route_has_acknowledged() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)

    tell(AssignmentStatus.EN_ROUTE, held, by=scene.tablet)

    held.refresh_from_db()
    assert (held.acknowledged_at, held.delivered_at) == (LATER, LATER)
    assert held.acknowledged_by == str(scene.tablet)
    assert not Alarm.objects.filter(ended_at=None).exists()


def test_a_transport_keeps_where_to_how_many_and_how_far() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)

    tell(AssignmentStatus.TRANSPORTING, held, by=scene.tablet, destination="DESC", persons=2, miles_start=1204.5)
    tell(AssignmentStatus.AT_DESTINATION, held, by=scene.tablet, miles_end=1207.1)

    held.refresh_from_db()
    assert (held.destination, held.persons) == ("DESC", 2)
    assert (float(held.miles_start or 0), float(held.miles_end or 0)) == (1204.5, 1207.1)


def test_the_call_closes_when_the_last_unit_clears() -> None:
    scene = factory.scene()
    first = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    second_unit, second_tablet = factory.rival(scene.agency, scene.area)
    second = factory.assignment(scene, to=first.call, unit=second_unit)
    assert (first.primary, second.primary) == (True, False)

    tell(AssignmentStatus.CLEARED, first, by=scene.tablet, disposition="TRANSPORT_GIVEN")

    second.refresh_from_db()
    first.call.refresh_from_db()
    assert (first.call.status, second.primary) == (CallStatus.ASSIGNED, True)

    tell(AssignmentStatus.CLEARED, second, by=second_tablet, disposition="NO_ACTION_NEEDED")

    first.call.refresh_from_db()
    # What the unit that answered for the call said of it stands.
    assert (first.call.status, first.call.disposition) == (CallStatus.CLOSED, "TRANSPORT_GIVEN")
    assert first.call.closed_at == LATER
    assert not Alarm.objects.filter(ended_at=None).exists()
    assert bodies(f"desk.{scene.agency.pk}", "call") == {}
    assert bodies(f"unit.{second_unit.pk}", "call") == {}


def test_what_an_assisting_unit_says_does_not_stand_for_the_call() -> None:
    scene = factory.scene()
    first = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)
    second_unit, second_tablet = factory.rival(scene.agency, scene.area)
    second = factory.assignment(scene, to=first.call, unit=second_unit)

    tell(AssignmentStatus.CLEARED, second, by=second_tablet, disposition="NO_ACTION_NEEDED")

    first.refresh_from_db()
    assert (first.call.status, first.call.disposition, first.primary) == (CallStatus.ASSIGNED, "", True)


def test_a_note_with_the_clearing_is_kept_on_the_call() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.ON_SCENE)

    tell(AssignmentStatus.CLEARED, held, by=scene.tablet, note="Walked home with a neighbour")

    note = Note.objects.get(call=held.call)
    assert (note.text, note.origin, note.by) == ("Walked home with a neighbour", "UNIT", scene.tablet.label)


def test_a_second_clearing_keeps_both_dispositions() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.CLEARED)

    assert tell(AssignmentStatus.CLEARED, held, by=scene.tablet).flags == []
    answer = tell(AssignmentStatus.CLEARED, held, by=scene.tablet, disposition="POLICE_TOOK_OVER")

    held.refresh_from_db()
    assert (answer.flags, held.disposition) == (["call_already_closed"], "HANDLED")
    flag = Flag.objects.get()
    assert (flag.facts["kept"], flag.facts["said"]) == ("HANDLED", "POLICE_TOOK_OVER")


def test_what_comes_after_the_call_was_given_to_others_is_late_but_kept() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    other_unit, _ = factory.rival(scene.agency, scene.area)
    with open_door(by=scene.dispatcher, at=LATER):
        desk.reassign(assignment_id=held.pk, unit_id=other_unit.pk, reason="Closer", by=scene.dispatcher, at=LATER)

    answer = tell(
        AssignmentStatus.ON_SCENE,
        held,
        by=scene.tablet,
        at=LATER + timedelta(minutes=9),
        happened_at=NOON + timedelta(minutes=3),
    )

    held.refresh_from_db()
    assert (answer.flags, held.status) == (["late_scope"], AssignmentStatus.REASSIGNED)
    assert held.on_scene_at == NOON + timedelta(minutes=3)
    assert Flag.objects.get().facts["ended_as"] == "REASSIGNED"


def test_only_who_held_the_call_tells_of_it() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene)
    _, rival = factory.rival(scene.agency, scene.area)

    for other in (rival, elsewhere.tablet):
        with pytest.raises(refusals.AssignmentNotFound):
            tell(AssignmentStatus.EN_ROUTE, held, by=other)
    with pytest.raises(refusals.AssignmentNotFound), open_door(by=scene.tablet, at=NOON):
        assignments.arrive(assignment_id=0, by=scene.tablet, at=NOON)


def test_who_changed_units_since_still_tells_what_they_did_before() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    other_unit, _ = factory.rival(scene.agency, scene.area)
    moved = Actor(
        agency_id=scene.agency.pk,
        label="Responder One",
        person_id=scene.tablet.person_id,
        unit_id=other_unit.pk,
        tablet_id=9,
    )

    fits = tell(AssignmentStatus.ON_SCENE, held, by=moved, happened_at=NOON + timedelta(minutes=1))
    late = tell(AssignmentStatus.CLEARED, held, by=moved, happened_at=NOON - timedelta(minutes=1))

    held.refresh_from_db()
    assert (fits.flags, late.flags, held.status) == ([], ["late_scope"], AssignmentStatus.CLEARED)


def test_who_came_to_a_unit_after_it_had_the_call_tells_nothing_of_it() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.CLEARED)
    _, other = factory.rival(scene.agency, scene.area)
    with open_door(by=other, at=LATER):
        shifts.end(shift_id=other.shift_id or 0, reason="NOTHING_OPEN", by=other, at=LATER)
        shifts.start(
            person_id=other.person_id or 0,
            unit_id=scene.unit.pk,
            planned_end_at=LATER + timedelta(hours=8),
            by=other,
            at=LATER + timedelta(minutes=1),
        )

    with pytest.raises(refusals.AssignmentNotFound):
        tell(AssignmentStatus.ON_SCENE, held, by=other, at=LATER + timedelta(minutes=2))


@pytest.mark.parametrize("told", list(FACTS))
def test_by_radio_every_fact_is_marked_with_who_asked(told: AssignmentStatus) -> None:
    scene = factory.scene()
    held = factory.assignment(scene)

    tell(told, held, by=scene.dispatcher, unit_id=scene.unit.pk, asked_by="CARE 12")

    entry = Entry.objects.latest("pk")
    assert (entry.by, entry.data["by_radio"]) == (str(scene.dispatcher), "CARE 12")
    held.refresh_from_db()
    if told != AssignmentStatus.CLEARED:
        assert (held.radio_asked_by, held.acknowledged_by) == ("CARE 12", "CARE 12")
    with pytest.raises(AskedByMissing):
        tell(told, held, by=scene.dispatcher, unit_id=scene.unit.pk)


def test_the_desk_of_another_agency_tells_nothing() -> None:
    scene, elsewhere = factory.scene(), factory.scene()
    held = factory.assignment(scene)

    with pytest.raises(refusals.AssignmentNotFound):
        tell(AssignmentStatus.EN_ROUTE, held, by=elsewhere.dispatcher, unit_id=scene.unit.pk, asked_by="CARE 12")


def test_a_crew_short_of_a_partner_keeps_its_call() -> None:
    scene = factory.scene()
    held = factory.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    partner = scene.unit.shifts.exclude(pk=scene.tablet.shift_id or 0).get()
    with open_door(by="system:test", at=NOON):
        shifts.end(shift_id=partner.pk, reason="NOTHING_OPEN", by="system:test", at=LATER)

    tell(AssignmentStatus.ON_SCENE, held, by=scene.tablet)

    held.refresh_from_db()
    assert held.status == AssignmentStatus.ON_SCENE
