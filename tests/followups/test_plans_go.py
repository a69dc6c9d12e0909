"""
A crew goes to a visit of its own accord, under the rules by which it is sent; and a visit of one person is seen as that.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from dispatch.models import Alarm, Assignment, AssignmentStatus, CadMessage, Call, Origin, Source
from dispatch.refusals import UnitBusy, UnitNotDispatchable
from followups.actions import follow_ups
from followups.models import Attempt, Contact, Encounter, FollowUp
from followups.refusals import plans as refusals
from journal.door import open_door
from journal.kinds import kinds
from journal.models import Entry
from journal.refusals import NotAllowed
from responders.actions import shifts
from responders.api import run_action
from responders.models import Duty, Person, Shift, Unit
from tests.conftest import NOON
from tests.factories import dispatch, intake, responders
from tests.factories import encounters as reports
from tests.factories import follow_ups as factory
from tests.replica import bodies
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

# The day of the first step, in its visiting hours.
DAY = NOON + timedelta(days=1)
NOTHING_AGAINST = dict.fromkeys(("WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY"), "NO")


def minutes(count: float) -> datetime:
    return DAY + timedelta(minutes=count)


@dataclass
class Ours:
    """
    A crew of two, and a second response that its unit is to see to.
    """

    of: factory.Care
    row: FollowUp

    @property
    def unit(self) -> Unit:
        return self.of.scene.unit

    def go(self, *, at: datetime = DAY, **given: Any) -> Assignment:
        given = {"by": self.of.scene.tablet, "place_kind": "PUBLIC", "answers": NOTHING_AGAINST, **given}
        with open_door(by=given["by"], at=at):
            return follow_ups.go(follow_up_id=self.row.pk, at=at, **given)

    def tell(self, *, at: datetime, **told: Any) -> follow_ups.Tried:
        told = {"by": self.of.scene.tablet, "how": "VISIT", "result": "NOT_FOUND", **told}
        with open_door(by=told["by"], at=at):
            return follow_ups.attempt(follow_up_id=self.row.pk, at=at, **told)

    @property
    def partner(self) -> Shift:
        return Shift.objects.open().of_unit(self.unit.pk).exclude(person=self.of.scene.tablet.person_id).get()

    def is_now(self, **fields: Any) -> None:
        with open_door(by=factory.SCENE, at=NOON):
            Unit.objects.filter(pk=self.unit.pk).update(**fields)

    def part(self, *, at: datetime) -> None:
        """
        Let the partner go home.
        """
        with open_door(by=factory.SCENE, at=at):
            shifts.end(shift_id=self.partner.pk, reason="NOTHING_OPEN", by="test", at=at)


def ours(**scene: Any) -> Ours:
    of = factory.care(dispatch.scene(**scene))
    intake.in_force(of.scene.agency, "seattle-2025")
    whom = factory.client(of)
    factory.at_home(whom)
    row = factory.steps_of(factory.planned(of, whom))[1]
    with open_door(by=of.coordinator, at=NOON):
        follow_ups.assign(follow_up_id=row.pk, unit_id=of.scene.unit.pk, by=of.coordinator, at=NOON)
    return Ours(of, row)


# --- the crew goes ---------------------------------------------------------------------------------------------------------


def test_a_crew_that_goes_has_a_call_like_any_other() -> None:
    we = ours()

    held = we.go()

    call = Call.objects.get(pk=held.call_id)
    assert (call.source, call.narrative) == (Source.SECOND_RESPONSE, "CARE visit")
    assert (held.origin, held.status, held.primary) == (Origin.SELF_DISPATCHED, AssignmentStatus.ACKNOWLEDGED, True)
    assert (held.acknowledged_at, held.acknowledged_by) == (DAY, str(we.of.scene.tablet))
    we.row.refresh_from_db()
    assert (we.row.call_id, we.row.unit_id) == (call.pk, we.unit.pk)
    assert list(Contact.objects.filter(call=call).values_list("client", "route")) == [(we.row.client_id, "VISIT")]
    assert CadMessage.objects.get(call=call).kind == "care_visit"
    # It told so itself: nobody is alarmed that it has not heard of it. The desk sees it busy.
    assert not Alarm.objects.filter(call=call).exists()
    (unit,) = bodies(f"desk.{we.of.agency_id}", "unit").values()
    assert unit["call"] == call.pk
    begun = Entry.objects.get(kind="follow_up.begun")
    assert (begun.by, begun.data) == (
        str(we.of.scene.tablet),
        {"follow_up": we.row.pk, "call": call.pk, "unit": we.unit.pk},
    )


def test_the_welfare_clock_runs_while_the_crew_is_there() -> None:
    we = ours()

    held = dispatch.advance(we.go(), to=AssignmentStatus.ON_SCENE, by=we.of.scene.tablet, at=minutes(10))

    assert held.welfare_due_at is not None
    assert held.welfare_due_at > minutes(10)


def test_a_crew_goes_to_whom_its_own_unit_sees_to_and_to_nobody_else() -> None:
    we = ours()
    _, rival = dispatch.rival(we.of.scene.agency, we.of.scene.area)

    for by in (rival, factory.care().scene.tablet):
        with pytest.raises(refusals.FollowUpNotFound):
            we.go(by=by)
    with pytest.raises(NotAllowed):
        we.go(by=we.of.coordinator)
    with open_door(by=we.of.coordinator, at=NOON):
        follow_ups.assign(follow_up_id=we.row.pk, by=we.of.coordinator, at=NOON)
    with pytest.raises(refusals.FollowUpNotFound):
        we.go()
    assert not Call.objects.filter(source=Source.SECOND_RESPONSE).exists()


@pytest.mark.parametrize("minimum", [1, 2])
def test_nobody_goes_alone(minimum: int) -> None:
    we = ours(crew_minimum=minimum)
    we.part(at=NOON)

    with pytest.raises(refusals.VisitNeedsTwo) as no:
        we.go()

    assert no.value.facts == {"crew": 1}
    assert not Call.objects.filter(source=Source.SECOND_RESPONSE).exists()


def test_a_unit_of_three_goes_as_three() -> None:
    we = ours()
    we.is_now(crew_minimum=3)

    with pytest.raises(UnitNotDispatchable) as no:
        we.go()

    assert no.value.facts == {"why": "CREW_TOO_SMALL"}


def test_a_crew_goes_when_it_is_free() -> None:
    we = ours()
    busy = dispatch.assignment(we.of.scene, at=NOON)

    with pytest.raises(UnitBusy):
        we.go()
    dispatch.advance(busy, to=AssignmentStatus.CLEARED, by=we.of.scene.dispatcher, at=DAY)
    we.is_now(duty=Duty.MEAL)
    # The desk may interrupt a meal; the crew says itself when it is over.
    with pytest.raises(UnitNotDispatchable):
        we.go()
    we.is_now(duty=Duty.AVAILABLE)
    assert we.go().ended_at is None


def test_the_rules_of_a_visit_are_those_by_which_a_unit_is_sent() -> None:
    we = ours()
    other = responders.crewed_unit(we.of.scene.agency, areas=[we.of.scene.area])
    by = we.of.coordinator

    with pytest.raises(refusals.VisitNotForCare) as no:
        we.go(answers={**NOTHING_AGAINST, "WEAPON": "YES"})
    assert "WEAPON_YES" in no.value.facts["reasons"]
    with open_door(by=by, at=DAY):
        follow_ups.send(follow_up_id=we.row.pk, unit_id=other.pk, by=by, at=DAY)
    with open_door(by=by, at=DAY):
        follow_ups.assign(follow_up_id=we.row.pk, unit_id=we.unit.pk, by=by, at=DAY)
    with pytest.raises(refusals.FollowUpSent):
        we.go()
    with open_door(by=by, at=DAY):
        follow_ups.cancel(follow_up_id=we.row.pk, reason="Double", by=by, at=DAY)
    with pytest.raises(refusals.FollowUpEnded):
        we.go()


def test_nobody_goes_nowhere() -> None:
    we = ours()
    with open_door(by=factory.SCENE, at=NOON):
        row = FollowUp.objects.get(pk=we.row.pk)
        row.address, row.point = "", None
        row.save()

    with pytest.raises(refusals.FollowUpNowhere):
        we.go()


def test_a_wish_to_go_that_waited_too_long_for_signal_is_not_decided() -> None:
    we = ours()

    def ask(age_s: float) -> Any:
        return run_action(
            kinds()["follow_up.go"],
            action_id=uuid4(),
            args={"follow_up": we.row.pk},
            by=we.of.scene.tablet,
            at=DAY,
            happened_at=DAY - timedelta(seconds=age_s),
        )

    late = ask(121)
    assert (late.status, late.body["code"]) == (409, "take_expired")
    assert not Call.objects.filter(source=Source.SECOND_RESPONSE).exists()
    held = Assignment.objects.get(pk=ask(120).body["assignment"])
    assert held.call.source == Source.SECOND_RESPONSE


# --- nobody visits alone unnoticed -----------------------------------------------------------------------------------------


def test_a_visit_of_one_person_is_kept_and_flagged() -> None:
    we = ours()
    we.part(at=minutes(-60))

    told = we.tell(at=DAY)

    assert told.flags == ["visit_alone"]
    assert Attempt.objects.get().alone
    assert Entry.objects.get(kind="follow_up.attempted").data["flags"] == ["visit_alone"]
    # Two went the next time: the coordinator's page tells the one from the other.
    we.tell(at=minutes(60), by=we.of.coordinator)
    browser = desk_client(Person.objects.get(pk=we.of.coordinator.person_id or 0))
    page = browser.get(f"/care/people/{we.row.client.key}/").content.decode()
    assert (page.count("Visit: not found"), page.count("one person went alone")) == (2, 1)


@pytest.mark.parametrize("how", ["PHONE", "PROVIDER"])
def test_who_is_alone_may_phone(how: str) -> None:
    we = ours()
    we.part(at=minutes(-60))

    assert we.tell(at=DAY, how=how).flags == []


def test_a_visit_of_two_is_none_of_one() -> None:
    we = ours()
    partner = we.partner.person_id
    both = we.tell(at=DAY)
    we.part(at=minutes(30))

    # Told after the partner went home, of when they were there; with somebody of another unit; and by who was not there.
    told = [
        both,
        we.tell(at=minutes(60), happened_at=minutes(20)),
        we.tell(at=minutes(60), partner_id=partner),
        we.tell(at=minutes(60), by=we.of.coordinator),
    ]

    assert [one.flags for one in told] == [[], [], [], []]
    assert not Attempt.objects.filter(alone=True).exists()
    assert we.tell(at=minutes(60)).flags == ["visit_alone"]


def test_whoever_rides_elsewhere_now_was_then_on_the_unit_that_they_were_on() -> None:
    we = ours()
    scene = we.of.scene
    with open_door(by=factory.SCENE, at=minutes(30)):
        shifts.end(shift_id=scene.tablet.shift_id or 0, reason="NOTHING_OPEN", by="test", at=minutes(30))
    elsewhere = responders.unit(scene.agency, areas=[scene.area])
    with open_door(by=factory.SCENE, at=minutes(40)):
        shifts.start(
            person_id=scene.tablet.person_id or 0,
            unit_id=elsewhere.pk,
            planned_end_at=minutes(400),
            by="test",
            at=minutes(40),
        )
    by = replace(scene.tablet, unit_id=elsewhere.pk, tablet_id=elsewhere.pk)

    assert we.tell(at=minutes(60), happened_at=minutes(10), by=by).flags == []
    assert we.tell(at=minutes(60), happened_at=minutes(50), by=by).flags == ["visit_alone"]


def visited(we: Ours, *, parts_at: float) -> Assignment:
    """
    Return the call of a visit: they go at once, are there after 10 minutes, and clear it after 30.
    """
    held = we.go()
    for at in sorted({10, 30, parts_at}):
        if at == parts_at:
            we.part(at=minutes(at))
        else:
            to = AssignmentStatus.ON_SCENE if at == 10 else AssignmentStatus.CLEARED
            held = dispatch.advance(held, to=to, by=we.of.scene.tablet, at=minutes(at))
    return held


@pytest.mark.parametrize(("parts_at", "flags"), [(5, ["visit_alone"]), (20, []), (40, [])])
def test_a_visit_that_was_a_call_is_as_its_crew_was_there(parts_at: float, flags: list[str]) -> None:
    we = ours()
    visited(we, parts_at=parts_at)

    assert we.tell(at=minutes(60)).flags == flags
    # What is told after that was another visit.
    assert we.tell(at=minutes(90)).flags == ["visit_alone"]


@pytest.mark.parametrize(("parts_at", "alone"), [(5, True), (20, False)])
@pytest.mark.parametrize("nobody_found", [True, False])
def test_the_report_of_a_visit_knows_it_too(parts_at: float, alone: bool, nobody_found: bool) -> None:
    we = ours()
    reports.offered(we.of.scene.agency)
    held = visited(we, parts_at=parts_at)
    met = {"client": {"id": we.row.client_id}, "follow_up": "YES"}
    said = reports.body(nobody_found=True) if nobody_found else reports.body(met)

    reports.write(we.of.scene, held, said, when=minutes(30))

    assert Encounter.objects.get(assignment=held).follow_up_id == we.row.pk
    assert Attempt.objects.get().alone is alone
    # Whoever adds to it at a desk knows no better.
    result = "NOT_FOUND" if nobody_found else "REACHED"
    told = we.tell(at=minutes(60), by=we.of.coordinator, happened_at=minutes(30), result=result, note="Dark there")
    assert told.flags == (["visit_alone"] if alone else [])
    assert Attempt.objects.get().alone is alone
