"""
Signing on and off at a tablet that has no signal: heard of later, and true as of when it happened.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from journal.door import Answer, open_door
from journal.kinds import Nature, kinds
from journal.models import Entry
from responders.actions import shifts
from responders.actors import Actor
from responders.api import run_action
from responders.models import EndReason, Person, Shift, Unit
from responders.permissions import may_act
from tablets.actions import sign_off
from tablets.actions.sign_on import LIFE
from tablets.models import SignOn, Tablet
from tests.conftest import NOON
from tests.factories import responders as make
from tests.factories import tablets as make_tablets

pytestmark = pytest.mark.django_db


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


class Basement:
    """
    A tablet whose crew of two has signed on at it properly, one after the other, and then went where no signal is.
    """

    def __init__(self) -> None:
        self.unit = make.unit(make.agency())
        self.tablet = make_tablets.paired(self.unit).tablet
        self.first, self.second = make.person(self.unit.agency), make.person(self.unit.agency)
        self.leave(self.second, since=minutes(-60))
        self.signed_on = make_tablets.signed_on(self.tablet, self.first, since=NOON)

    def leave(self, person: Person, *, since: datetime) -> SignOn:
        """
        Sign a person on properly, and off again with their shift a minute later.
        """
        signed_on = make_tablets.signed_on(self.tablet, person, since=since)
        with open_door(by=make.SCENE, at=since):
            sign_off.sign_off(tablet_id=self.tablet.pk, by=make.SCENE, at=since + timedelta(minutes=1))
            shifts.end(
                shift_id=signed_on.shift_id,
                reason=EndReason.NOTHING_OPEN,
                by=make.SCENE,
                at=since + timedelta(minutes=1),
            )
        return signed_on

    def actor(self, person: Person, shift: Shift | None = None) -> Actor:
        """
        Return whom an action in the tablet's lane is of.
        """
        return Actor(
            agency_id=self.unit.agency_id,
            label=self.unit.call_sign,
            roles=frozenset({"RESPONDER"}),
            person_id=person.pk,
            unit_id=self.unit.pk,
            shift_id=None if shift is None else shift.pk,
            tablet_id=self.tablet.pk,
        )

    def tell(self, kind: str, of: Person, /, *, when: datetime, heard: datetime | None = None, **args: Any) -> Answer:
        """
        Send one of the two kinds as the lane does.
        """
        on = SignOn.objects.filter(tablet=self.tablet, shift__person=of).order_by("-started_at").first()
        by = self.actor(of, None if on is None or kind == "tablet.sign_on" else on.shift)
        return run_action(
            kinds()[kind], action_id=uuid4(), args=args, by=by, at=heard or minutes(240), happened_at=when
        )


@pytest.fixture
def basement() -> Basement:
    return Basement()


def test_a_tablet_changes_hands_in_a_basement(basement: Basement) -> None:
    assert basement.tell("tablet.sign_off", basement.first, when=minutes(10)).body == {
        "tablet": basement.tablet.pk,
        "flags": [],
    }

    answer = basement.tell("tablet.sign_on", basement.second, when=minutes(15))

    shift = Shift.objects.get(person=basement.second, ended_at=None)
    assert answer.applied
    assert (answer.body["person"], answer.body["shift"], answer.body["ended_at"]) == (
        basement.second.pk,
        shift.pk,
        None,
    )
    assert (shift.unit, shift.started_at) == (basement.unit, minutes(15))
    was, now = SignOn.objects.filter(tablet=basement.tablet).order_by("started_at", "pk")[1:]
    assert (was.shift.person, was.ended_at) == (basement.first, minutes(10))
    assert (now.shift, now.started_at, now.ended_at) == (shift, minutes(15), None)
    # The first one's shift goes on: signing off at a tablet is not going home.
    assert basement.signed_on.shift.ended_at is None
    entry = Entry.objects.get(kind="tablet.signed_on", data__without_signal=True)
    assert entry.happened_at == minutes(15)


def test_a_pin_never_makes_a_sign_on_last_longer(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))

    basement.tell("tablet.sign_on", basement.second, when=minutes(600), heard=minutes(601))
    basement.tell("tablet.sign_off", basement.second, when=minutes(602), heard=minutes(610))
    again = basement.tell("tablet.sign_on", basement.second, when=minutes(603), heard=minutes(610))

    assert again.applied
    proper, *by_pin = SignOn.objects.filter(shift__person=basement.second).order_by("pk")
    assert len(by_pin) == 2
    assert {row.expires_at for row in by_pin} == {proper.expires_at}
    lapsed = basement.tell("tablet.sign_on", basement.second, when=proper.expires_at, heard=minutes(900))
    assert (lapsed.status, lapsed.body["code"]) == (403, "sign_on_lapsed")


def test_who_never_signed_on_properly_here_has_no_pin_here(basement: Basement) -> None:
    stranger, elsewhere = make.person(basement.unit.agency), make_tablets.paired(basement.unit)
    make_tablets.signed_on(elsewhere.tablet, stranger, since=NOON)
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))

    assert basement.tell("tablet.sign_on", stranger, when=minutes(15)).body["code"] == "sign_on_lapsed"


def test_a_password_changed_since_ends_the_pin(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    with open_door(by=make.SCENE, at=minutes(12)):
        Person.objects.filter(pk=basement.second.pk).update(access_epoch=7)

    assert basement.tell("tablet.sign_on", basement.second, when=minutes(15)).body["code"] == "sign_on_lapsed"
    assert SignOn.objects.filter(ended_at=None).count() == 0


def test_who_was_not_signed_off_keeps_the_tablet(basement: Basement) -> None:
    refused = basement.tell("tablet.sign_on", basement.second, when=minutes(15))

    assert (refused.status, refused.body["code"]) == (409, "tablet_in_use")
    assert SignOn.objects.get(ended_at=None).shift.person == basement.first


def test_a_sign_on_that_had_lapsed_by_then_stands_in_nobodys_way(basement: Basement) -> None:
    late = NOON + LIFE - timedelta(minutes=30)
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    basement.leave(basement.second, since=late)
    basement.tell(
        "tablet.sign_on", basement.first, when=late + timedelta(minutes=5), heard=late + timedelta(minutes=5)
    )

    answer = basement.tell("tablet.sign_on", basement.second, when=late + timedelta(minutes=40), heard=late + LIFE)

    assert answer.applied, answer.body
    (ended,) = SignOn.objects.filter(shift__person=basement.first).order_by("-pk")[:1]
    assert ended.ended_at == NOON + LIFE


def test_nobody_signs_somebody_else_on(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))

    named = basement.tell("tablet.sign_on", basement.first, when=minutes(15), person=basement.second.pk)

    assert (named.status, named.body["code"]) == (403, "not_signed_on")


def test_one_who_is_on_shift_elsewhere_is_refused(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    other: Unit = make.unit(basement.unit.agency)
    with open_door(by=make.SCENE, at=minutes(20)):
        shifts.start(
            person_id=basement.second.pk,
            unit_id=other.pk,
            planned_end_at=minutes(600),
            by=make.SCENE,
            at=minutes(20),
        )

    refused = basement.tell("tablet.sign_on", basement.second, when=minutes(15))

    assert (refused.status, refused.body["code"]) == (409, "on_another_unit")


def test_the_shift_that_is_open_is_joined_and_one_that_is_over_is_not_begun_anew(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    # Meanwhile the second was heard of at the unit's other tablet, worked and went home; the third stays.
    make_tablets.signed_on(make_tablets.paired(basement.unit).tablet, basement.second, since=minutes(12))
    shift = Shift.objects.get(person=basement.second, ended_at=None)
    with open_door(by=make.SCENE, at=minutes(100)):
        shifts.end(shift_id=shift.pk, reason=EndReason.NOTHING_OPEN, by=make.SCENE, at=minutes(100))

    answer = basement.tell("tablet.sign_on", basement.second, when=minutes(15))

    assert (answer.body["shift"], answer.body["ended_at"]) == (shift.pk, "2026-06-03T20:40:00Z")
    assert Shift.objects.filter(person=basement.second, ended_at=None).count() == 0
    assert basement.tell("tablet.sign_on", basement.second, when=minutes(11)).body["code"] == "sign_on_lapsed"


def test_a_sign_on_that_is_heard_of_after_its_lease_is_over_as_it_begins(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))

    answer = basement.tell("tablet.sign_on", basement.second, when=minutes(15), heard=NOON + 2 * LIFE)

    assert answer.applied
    ended = SignOn.objects.get(shift=answer.body["shift"])
    assert ended.ended_at == ended.expires_at


def test_signing_off_is_a_fact_of_who_signs_off(basement: Basement) -> None:
    # The first signed off without signal; by the time that is heard of, the second is signed on properly.
    with open_door(by=make.SCENE, at=minutes(20)):
        sign_off.sign_off(tablet_id=basement.tablet.pk, by=make.SCENE, at=minutes(20))
    make_tablets.signed_on(basement.tablet, basement.second, since=minutes(30))

    assert basement.tell("tablet.sign_off", basement.first, when=minutes(10)).applied

    assert SignOn.objects.get(ended_at=None).shift.person == basement.second


def test_signing_off_twice_or_after_the_shift_is_told_and_kept(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    with open_door(by=make.SCENE, at=minutes(20)):
        shift = Shift.objects.get(person=basement.first, ended_at=None)
        shifts.end(shift_id=shift.pk, reason=EndReason.NOTHING_OPEN, by=make.SCENE, at=minutes(20))

    assert basement.tell("tablet.sign_off", basement.first, when=minutes(15)).body["flags"] == []
    assert basement.tell("tablet.sign_off", basement.first, when=minutes(25)).body["flags"] == ["late_scope"]


def test_a_sign_off_does_not_end_what_began_after_it(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(-5))

    assert SignOn.objects.get(ended_at=None) == basement.signed_on


def test_the_same_person_again_takes_their_own_place(basement: Basement) -> None:
    answer = basement.tell("tablet.sign_on", basement.first, when=minutes(15))

    assert answer.body["shift"] == basement.signed_on.shift_id
    basement.signed_on.refresh_from_db()
    assert basement.signed_on.ended_at == minutes(15)
    before = basement.tell("tablet.sign_on", basement.first, when=minutes(5))
    assert before.body["ended_at"] == "2026-06-03T19:15:00Z"


def test_what_the_tablet_is_told_of_a_time_without_signal_is_for_tablets_only(basement: Basement) -> None:
    assert (kinds()["tablet.sign_on"].nature, kinds()["tablet.sign_off"].nature) == (Nature.INTENT, Nature.FACT)
    assert (kinds()["tablet.sign_on"].needs_sign_on, kinds()["tablet.sign_off"].needs_sign_on) == (False, True)
    supervisor = make.actor(make.person(basement.unit.agency, "SUPERVISOR"))
    for kind in ("tablet.sign_on", "tablet.sign_off"):
        assert may_act(basement.actor(basement.first), kind)
        assert not may_act(supervisor, kind)


def test_a_revoked_tablet_signs_nobody_on(basement: Basement) -> None:
    basement.tell("tablet.sign_off", basement.first, when=minutes(10))
    with open_door(by=make.SCENE, at=minutes(12)):
        Tablet.objects.filter(pk=basement.tablet.pk).update(revoked_at=minutes(12))

    assert basement.tell("tablet.sign_on", basement.second, when=minutes(11)).body["code"] == "tablet_revoked"
