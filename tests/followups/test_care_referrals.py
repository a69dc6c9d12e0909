"""
Referrals of people to services: made in words or by a line of the directory, and what was heard of them since.
"""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from followups.actions import care_referrals
from followups.models import CareReferral, CareReferralState, Client, ServiceAtLocation
from followups.models.care_referrals import AFTER
from followups.refusals.care_referrals import (
    CareReferralDayWrong,
    CareReferralNotFound,
    CareReferralNowhere,
    CareReferralStepImpossible,
)
from followups.refusals.clients import ClientNotFound
from journal.door import open_door
from journal.models import Entry
from responders.actors import Actor
from responders.models import Agency, RoleName
from tests.conftest import NOON
from tests.factories import responders as make_responders
from tests.factories.responders import SCENE
from tests.followups.test_resources import kitchen, load, tables_from

pytestmark = pytest.mark.django_db
TODAY = NOON.date()


@pytest.fixture
def agency() -> Agency:
    return make_responders.agency()


@pytest.fixture
def by(agency: Agency) -> Actor:
    return make_responders.actor(make_responders.person(agency, RoleName.COORDINATOR))


@pytest.fixture
def client_id(agency: Agency) -> int:
    with open_door(by=SCENE, at=NOON):
        return Client.objects.create(agency=agency, made_at=NOON, made_by=SCENE).pk


def make(client_id: int, by: Actor, **more: Any) -> CareReferral:
    with open_door(by=by, at=NOON):
        return care_referrals.make(client_id=client_id, by=by, at=NOON, **more)


def tell(referral: CareReferral, by: Actor, state: str, **more: Any) -> CareReferral:
    with open_door(by=by, at=NOON + timedelta(days=3)):
        return care_referrals.tell(
            care_referral_id=referral.pk,
            state=state,
            by=by,
            at=NOON + timedelta(days=3),
            **{"said_by": "Front desk", **more},
        )


def test_a_line_of_the_directory_names_where_to_and_no_table_says_it(
    agency: Agency, by: Actor, client_id: int
) -> None:
    load(agency, tables_from(kitchen()))
    place = ServiceAtLocation.objects.get()

    referral = make(client_id, by, resource_id=place.pk, warm=True)

    kept = CareReferral.objects.get()
    assert (kept.to, kept.resource, kept.state) == ("Kitchen, Food Together", str(place.pk), "MADE")
    assert (kept.warm_handover, kept.made_by_id) == (True, by.person_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM followups_carereferral r")
        assert "Kitchen" not in cursor.fetchone()[0]
    entry = Entry.objects.get(kind="care_referral.make")
    assert (entry.about, entry.data) == (f"client.{client_id}", {"care_referral": referral.pk, "state": "MADE"})


def test_words_are_enough_and_nothing_is_not(by: Actor, client_id: int) -> None:
    assert make(client_id, by, to=" The clinic ").to == "The clinic"
    with pytest.raises(CareReferralNowhere):
        make(client_id, by, to="  ")


def test_a_line_of_another_agency_is_none(by: Actor, client_id: int) -> None:
    load(make_responders.agency(), tables_from(kitchen()))

    with pytest.raises(CareReferralNowhere):
        make(client_id, by, resource_id=ServiceAtLocation.objects.get().pk)


def test_what_is_heard_is_kept_with_the_day_and_who_said_so(by: Actor, client_id: int) -> None:
    referral = make(client_id, by, to="The clinic")

    tell(referral, by, "WAITLISTED", on=TODAY)
    tell(referral, by, "ACCEPTED", on=TODAY + timedelta(days=2), note="A bed on Friday")
    done = tell(referral, by, "ATTENDED", said_by="The person", warm=True)

    assert (done.state, done.warm_handover) == ("ATTENDED", True)
    steps = [(step.state, step.on, step.said_by, step.note) for step in referral.steps.order_by("pk")]
    assert steps == [
        ("WAITLISTED", TODAY, "Front desk", ""),
        ("ACCEPTED", TODAY + timedelta(days=2), "Front desk", "A bed on Friday"),
        ("ATTENDED", TODAY + timedelta(days=3), "The person", ""),
    ]


def test_what_cannot_follow_is_refused_and_says_what_is_known(by: Actor, client_id: int) -> None:
    referral = make(client_id, by, to="The clinic")
    tell(referral, by, "ATTENDED")

    with pytest.raises(CareReferralStepImpossible) as refused:
        tell(referral, by, "DECLINED")

    assert refused.value.facts == {"state": "ATTENDED"}
    assert referral.steps.count() == 1


@pytest.mark.parametrize("on", [TODAY - timedelta(days=1), TODAY + timedelta(days=4)])
def test_nothing_is_heard_before_it_was_made_or_tomorrow(by: Actor, client_id: int, on: date) -> None:
    referral = make(client_id, by, to="The clinic")

    with pytest.raises(CareReferralDayWrong) as refused:
        tell(referral, by, "ACCEPTED", on=on)

    assert refused.value.facts == {"made_on": TODAY, "today": TODAY + timedelta(days=3)}


def test_another_agency_finds_neither_the_person_nor_the_referral(by: Actor, client_id: int) -> None:
    referral = make(client_id, by, to="The clinic")
    other = make_responders.agency()
    stranger = make_responders.actor(make_responders.person(other, RoleName.COORDINATOR))

    with pytest.raises(ClientNotFound):
        make(client_id, stranger, to="The clinic")
    with pytest.raises(CareReferralNotFound):
        tell(referral, stranger, "ACCEPTED")


def test_every_state_says_what_may_follow_it_and_only_having_gone_ends_it() -> None:
    assert AFTER.keys() == set(CareReferralState)
    assert [state for state, after in AFTER.items() if not after] == [CareReferralState.ATTENDED]
    assert all(CareReferralState.MADE not in after for after in AFTER.values())
