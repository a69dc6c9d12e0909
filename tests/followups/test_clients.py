"""
The people met: who they are, how they are reached, what helps, at which calls they are, and that they died.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection

from dispatch.models import AssignmentStatus, Call, Caution, PlaceKind
from dispatch.refusals import CallNotFound
from followups.actions import clients, consents, deaths, knowledge, merges, telling
from followups.models import (
    CarePlan,
    Client,
    ClientCaution,
    ClientName,
    Contact,
    ContactWay,
    FollowUp,
    Programme,
    Route,
    Strategy,
    WayKind,
)
from followups.refusals import clients as refusals
from followups.sweeps import people as sweeps
from journal.door import open_door
from journal.kinds import kinds
from journal.models import Entry
from journal.rebuild import differences
from journal.refusals import InvalidArgs
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import dispatch, follow_ups
from tests.replica import bodies

pytestmark = pytest.mark.django_db


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care()


def do(act: Callable[..., Any], *, by: Actor, at: Any = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def names(whom: Client) -> list[tuple[str, bool]]:
    return list(ClientName.objects.filter(client=whom).order_by("-primary", "pk").values_list("text", "primary"))


# --- who somebody is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "known_as"),
    [({}, "UNKNOWN"), ({"looks": "Red coat"}, "DESCRIBED"), ({"name": "Rosa Ortiz", "looks": "Red coat"}, "NAMED")],
)
def test_somebody_is_unknown_described_or_named(care: follow_ups.Care, told: dict[str, str], known_as: str) -> None:
    whom: Client = do(clients.create, by=care.coordinator, **told)

    assert whom.known_as == known_as


def test_somebody_unknown_gets_a_name_and_keeps_it_as_an_alias_when_it_changes(care: follow_ups.Care) -> None:
    whom = people.known(care, looks="Red coat")

    do(clients.update, by=care.coordinator, client_id=whom.pk, name="Rosie", language="es")
    do(clients.update, by=care.coordinator, client_id=whom.pk, name="Rosa Ortiz")
    # The same name in other letters is a correction.
    found: Client = do(clients.update, by=care.coordinator, client_id=whom.pk, name="ROSA ORTIZ")

    assert names(whom) == [("ROSA ORTIZ", True), ("Rosie", False)]
    assert (found.known_as, found.language, found.looks) == ("NAMED", "es", "Red coat")
    # Which fields changed is entered, and nothing of what stands there.
    changed = [row.data["changed"] for row in Entry.objects.filter(kind="client.update").order_by("pk")]
    assert changed == [["language", "name"], ["name"], ["name"]]


def test_aliases_that_are_given_are_all_of_them(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz", aliases=["Rosie", "rosie", " "])
    assert names(whom) == [("Rosa Ortiz", True), ("Rosie", False)]

    do(clients.update, by=care.coordinator, client_id=whom.pk, aliases=["La Flaca"])

    assert names(whom) == [("Rosa Ortiz", True), ("La Flaca", False)]


@pytest.mark.parametrize("born_on", ["1980", "1980-05", "1980-05-17", ""])
def test_a_date_of_birth_is_kept_as_far_as_it_is_known(care: follow_ups.Care, born_on: str) -> None:
    assert kinds()["client.create"].read({"born_on": born_on})["born_on"] == born_on
    assert people.known(care, born_on=born_on).born_on == born_on


@pytest.mark.parametrize(
    "born_on", ["1980-13", "1980-02-30", "17.5.1980", "80", "1899", 1980, "\uff11\uff19\uff18\uff10", "1980-5-17"]
)
def test_what_is_no_date_of_birth_is_refused(born_on: object) -> None:
    with pytest.raises(InvalidArgs):
        kinds()["client.create"].read({"born_on": born_on})


def test_nobody_is_born_tomorrow(care: follow_ups.Care) -> None:
    tomorrow = (NOON + timedelta(days=1)).date().isoformat()
    with pytest.raises(InvalidArgs):
        do(clients.create, by=care.coordinator, born_on=tomorrow)
    with pytest.raises(InvalidArgs):
        do(clients.update, by=care.coordinator, client_id=people.known(care).pk, born_on=tomorrow)


def test_a_report_is_not_refused_for_a_slip_in_somebodys_birth_or_number(care: follow_ups.Care) -> None:
    # By which signing makes records; a tablet that was offline cannot ask again.
    whom = people.known(care, "Rosa Ortiz", born_on="2062", phone="she has none")

    assert (whom.born_on, whom.born_on_index) == ("", None)
    assert not ContactWay.objects.filter(client=whom).exists()
    with pytest.raises(refusals.NotANumber):
        do(clients.create, by=care.coordinator, phone="she has none")


@pytest.mark.parametrize(
    "told", [{"visits_from": "13:00"}, {"visits_from": "16:00", "visits_until": "13:00"}, {"visits_until": "13:00"}]
)
def test_visiting_hours_are_two_in_order(told: dict[str, str]) -> None:
    with pytest.raises(InvalidArgs):
        kinds()["client.create"].read(told)


@pytest.mark.parametrize(
    ("act", "given"),
    [
        (clients.update, {"language": "es"}),
        (clients.add_way, {"kind": "PLACE", "value": "Under the bridge"}),
        (clients.link, {"call_id": 0}),
        (knowledge.add_strategy, {"kind": "HELPS", "text": "Speak slowly"}),
        (knowledge.add_caution, {"text": "Startles", "days": 3}),
        (knowledge.write_care_plan, {"text": "One voice", "review_on": date(2026, 9, 1)}),
        (deaths.say, {}),
        (deaths.confirm, {}),
        (deaths.take_back, {}),
    ],
)
def test_nobody_touches_a_record_of_another_agency(
    care: follow_ups.Care, act: Callable[..., Any], given: dict[str, Any]
) -> None:
    whom = people.known(follow_ups.care(), "Rosa Ortiz")
    if "call_id" in given:
        given = {"call_id": dispatch.care_call(care.scene).pk}

    with pytest.raises(refusals.ClientNotFound):
        do(act, by=care.coordinator, client_id=whom.pk, **given)


# --- how somebody is reached ---------------------------------------------------------------------------------------------


def test_the_same_number_is_one_way_with_the_rules_that_were_said_last(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom, value="206-555-0100", may_say="TEAM", note="After work")

    again = people.way(care, whom, value="+1 (206) 555 0100", may_say="NOTHING")

    assert list(ContactWay.objects.filter(client=whom)) == [again]
    assert (again.may_say, again.note) == ("NOTHING", "After work")


def test_at_a_shelter_the_reason_is_never_disclosed(care: follow_ups.Care) -> None:
    with pytest.raises(refusals.ShelterNeverToldWhy):
        people.way(care, people.known(care), WayKind.SHELTER, "Eastlake", may_say="REASON")


def test_a_number_has_digits(care: follow_ups.Care) -> None:
    with pytest.raises(refusals.NotANumber):
        people.way(care, people.known(care), value="none")


def test_a_way_that_has_ended_stays_and_ends_once(care: follow_ups.Care) -> None:
    way = people.way(care, people.known(care))
    do(clients.end_way, by=care.coordinator, way_id=way.pk)

    with pytest.raises(refusals.ClientPartEnded):
        do(clients.end_way, by=care.coordinator, way_id=way.pk)
    assert ContactWay.objects.get(pk=way.pk).ended_at == NOON
    with pytest.raises(refusals.ClientPartNotFound):
        do(clients.end_way, by=follow_ups.care().coordinator, way_id=way.pk)


# --- what helps, what to expect, care plans ------------------------------------------------------------------------------


def test_strategies_stand_in_the_order_in_which_to_try_them(care: follow_ups.Care) -> None:
    whom = people.known(care)
    one, two, three, four = (people.strategy(care, whom, text) for text in ("One", "Two", "Three", "Four"))
    people.strategy(care, whom, "Elsewhere", kind="AVOID")

    do(
        knowledge.order_strategies,
        by=care.coordinator,
        client_id=whom.pk,
        kind="HELPS",
        # The last one stays where it was.
        strategies=[three.pk, one.pk, two.pk, four.pk],
    )
    do(knowledge.end_strategy, by=care.coordinator, strategy_id=one.pk)

    rows = Strategy.objects.filter(client=whom, kind="HELPS", ended_at=None).order_by("position")
    assert [row.text for row in rows] == ["Three", "Two", "Four"]
    with pytest.raises(refusals.StrategiesDiffer):
        do(
            knowledge.order_strategies,
            by=care.coordinator,
            client_id=whom.pk,
            kind="HELPS",
            strategies=[three.pk, two.pk, one.pk, four.pk],
        )


def test_a_care_plan_is_in_force_when_somebody_else_has_approved_it(care: follow_ups.Care) -> None:
    whom = people.known(care)
    written = {"client_id": whom.pk, "review_on": date(2026, 9, 1)}
    old: CarePlan = do(knowledge.write_care_plan, by=care.coordinator, text="One voice", **written)
    do(knowledge.approve_care_plan, by=care.supervisor, care_plan_id=old.pk)
    new: CarePlan = do(knowledge.write_care_plan, by=care.coordinator, text="Two voices", **written)
    with pytest.raises(refusals.OwnCarePlan):
        do(knowledge.approve_care_plan, by=care.coordinator, care_plan_id=new.pk)
    assert CarePlan.objects.get(pk=old.pk).ended_at is None

    do(knowledge.approve_care_plan, by=care.supervisor, care_plan_id=new.pk)

    assert CarePlan.objects.get(pk=old.pk).ended_at == NOON
    assert CarePlan.objects.get(pk=new.pk).approver_id == care.supervisor.person_id


@pytest.mark.parametrize("review_on", [date(2026, 6, 3), date(2026, 6, 2), date(2027, 6, 5)])
def test_a_care_plan_is_looked_at_again_within_a_year(care: follow_ups.Care, review_on: date) -> None:
    with pytest.raises(refusals.ReviewInThePast):
        do(
            knowledge.write_care_plan,
            by=care.coordinator,
            client_id=people.known(care).pk,
            text="One voice",
            review_on=review_on,
        )


def test_dispatch_hears_of_a_behaviour_its_date_and_its_end_and_of_nobody(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    people.way(care, whom, value="206-555-0100")
    people.way(care, whom, WayKind.ADDRESS, "400 Yesler Way")
    waiting = dispatch.care_call(care.scene, address="400 Yesler Way", address_key="400 YESLER WAY")
    row = people.caution(care, whom)
    assert not Caution.objects.exists()

    assert sweeps.tell_cautions(at=NOON) == 1
    assert sweeps.tell_cautions(at=NOON) == 0

    [told] = Caution.objects.all()
    assert (told.address_key, told.phone) == ("400 YESLER WAY", "")
    assert told.text == "Startles at sudden noise (2026-06-03)"
    assert told.expires_at == row.expires_at
    assert told.made_by_id == care.coordinator.person_id
    assert [caution["text"] for caution in Call.objects.get(pk=waiting.pk).cautions] == [told.text]

    do(knowledge.end_caution, by=care.coordinator, at=NOON + timedelta(minutes=1), caution_id=row.pk)

    assert Caution.objects.get(pk=told.pk).expires_at == NOON + timedelta(minutes=1)
    assert Call.objects.get(pk=waiting.pk).cautions == []


def test_without_an_address_the_number_and_without_either_the_home_at_which_they_were_met(
    care: follow_ups.Care,
) -> None:
    by_phone, at_home, nowhere, at_shelter = (people.known(care) for _ in range(4))
    people.way(care, by_phone, value="206-555-0100")
    people.at_call(
        at_home,
        dispatch.care_call(care.scene, address="12 Elm St", address_key="12 ELM ST", place_kind=PlaceKind.RESIDENCE),
    )
    people.at_call(nowhere, dispatch.care_call(care.scene, place_kind=PlaceKind.PUBLIC))
    # It would be about everybody who stays there.
    people.way(care, at_shelter, WayKind.SHELTER, "500 Pine St")
    for whom in (by_phone, at_home, nowhere, at_shelter):
        people.caution(care, whom)

    assert sweeps.tell_cautions(at=NOON) == 2

    assert set(Caution.objects.values_list("phone", "address_key")) == {("2065550100", ""), ("", "12 ELM ST")}


@pytest.mark.parametrize("how", ["end_way", "unlink", "unmerge"])
def test_a_caution_leaves_the_place_that_turns_out_not_to_be_theirs(care: follow_ups.Care, how: str) -> None:
    whom = people.known(care)
    people.way(care, whom, value="206-555-0100")
    if how == "unlink":
        do(clients.end_way, by=care.coordinator, way_id=ContactWay.objects.get().pk)
        home = {"address": "12 Elm St", "address_key": "12 ELM ST", "place_kind": PlaceKind.RESIDENCE}
        contact = people.at_call(whom, dispatch.care_call(care.scene, **home))
        undo: dict[str, Any] = {"act": clients.unlink, "contact_id": contact.pk}
    elif how == "end_way":
        wrong = people.way(care, whom, WayKind.ADDRESS, "12 Elm St")
        undo = {"act": clients.end_way, "way_id": wrong.pk}
    else:
        other = people.known(care)
        people.way(care, other, WayKind.ADDRESS, "12 Elm St")
        merge = do(merges.merge, by=care.supervisor, kept_id=whom.pk, absorbed_id=other.pk)
        undo = {"act": merges.unmerge, "merge_id": merge.pk}
    people.caution(care, whom)
    sweeps.tell_cautions(at=NOON)
    [wrongly] = Caution.objects.all()
    assert wrongly.address_key == "12 ELM ST"
    later = NOON + timedelta(minutes=1)
    assert sweeps.tell_cautions(at=later) == 0

    do(**undo, by=care.coordinator, at=later)
    for _ in range(3):
        sweeps.tell_cautions(at=later)

    assert Caution.objects.get(pk=wrongly.pk).expires_at == later
    # Told anew where there is a place, and once.
    standing = Caution.objects.filter(expires_at__gt=later)
    assert [row.phone for row in standing] == ([] if how == "unlink" else ["2065550100"])
    assert ClientCaution.objects.get().caution_id == (None if how == "unlink" else standing.get().pk)


def test_what_was_ended_before_dispatch_heard_is_taken_back_there(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom)
    row = people.caution(care, whom, "x" * 185)
    sweeps.tell_cautions(at=NOON)
    with open_door(by="system:test", at=NOON):
        ClientCaution.objects.filter(pk=row.pk).update(ended_at=NOON)

    assert sweeps.tell_cautions(at=NOON) == 1

    [told] = Caution.objects.all()
    assert len(told.text) <= 200
    assert told.expires_at <= NOON + timedelta(seconds=1)


def test_a_caution_lasts_for_a_year_at_most(care: follow_ups.Care) -> None:
    with pytest.raises(refusals.CautionTooLong):
        people.caution(care, people.known(care), days=367)


# --- at which calls somebody is ------------------------------------------------------------------------------------------


def test_a_caller_whose_number_is_known_is_at_the_call(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz", phone="206-555-0100")
    call = dispatch.care_call(care.scene, caller_phone="+1 206-555-0100")
    dispatch.care_call(care.scene, caller_phone="206-555-0999")

    assert sweeps.link_callers(at=NOON) == 1
    assert sweeps.link_callers(at=NOON) == 0

    [contact] = Contact.objects.all()
    assert (contact.client_id, contact.call_id, contact.route, contact.seen_at) == (
        whom.pk,
        call.pk,
        Route.PHONE,
        None,
    )
    [head] = bodies(f"coordinators.{care.agency_id}", "client").values()
    assert head["contact_unseen"] == 1


def test_that_it_was_somebody_else_is_not_forgotten_by_the_sweep(care: follow_ups.Care) -> None:
    people.known(care, "Rosa Ortiz", phone="206-555-0100")
    dispatch.care_call(care.scene, caller_phone="206-555-0100")
    sweeps.link_callers(at=NOON)
    do(clients.unlink, by=care.coordinator, contact_id=Contact.objects.get().pk)

    assert sweeps.link_callers(at=NOON) == 0


def test_a_number_that_people_share_says_nothing_of_who_is_there(care: follow_ups.Care) -> None:
    for _ in range(2):
        people.known(care, phone="206-555-0100")
    dispatch.care_call(care.scene, caller_phone="206-555-0100")

    assert sweeps.link_callers(at=NOON) == 0


def test_a_call_that_was_over_before_the_sweep_is_seen_and_one_of_yesterday_is_not(care: follow_ups.Care) -> None:
    people.known(care, phone="206-555-0100")
    over: dict[str, Any] = {"status": "CLOSED", "closed_at": NOON, "caller_phone": "206-555-0100"}
    recent = dispatch.care_call(care.scene, received_at=NOON - timedelta(minutes=50), **over)
    dispatch.care_call(care.scene, received_at=NOON - timedelta(days=1), **over)

    sweeps.link_callers(at=NOON)

    assert [contact.call_id for contact in Contact.objects.all()] == [recent.pk]


def test_who_is_at_an_encounter_goes_on_to_the_call_that_it_was(care: follow_ups.Care) -> None:
    whom = people.known(care)
    call, into = dispatch.care_call(care.scene), dispatch.care_call(care.scene)
    people.at_call(whom, call)
    with open_door(by="system:test", at=NOON):
        Call.objects.filter(pk=call.pk).update(joined_to=into)

    assert sweeps.link_callers(at=NOON) == 1
    assert Contact.objects.filter(client=whom, call=into, route=Route.MET).exists()


def test_a_coordinator_takes_notice_of_a_contact_once(care: follow_ups.Care) -> None:
    contact = people.at_call(people.known(care), dispatch.care_call(care.scene))

    do(clients.see_contact, by=care.coordinator, contact_id=contact.pk)
    do(clients.see_contact, by=care.supervisor, at=NOON + timedelta(hours=1), contact_id=contact.pk)

    assert Contact.objects.get(pk=contact.pk).seen_at == NOON
    assert Entry.objects.filter(kind="contact.seen").count() == 1


def test_a_coordinator_names_who_is_at_a_call_of_the_agency(care: follow_ups.Care) -> None:
    whom = people.known(care)
    call = dispatch.care_call(care.scene)

    told = do(clients.link, by=care.coordinator, client_id=whom.pk, call_id=call.pk)
    again = do(clients.link, by=care.coordinator, client_id=whom.pk, call_id=call.pk)

    assert told.contact == again.contact
    assert (told.contact.route, told.contact.seen_at) == (Route.DESK, NOON)
    with pytest.raises(CallNotFound):
        do(
            clients.link,
            by=care.coordinator,
            client_id=whom.pk,
            call_id=dispatch.care_call(follow_ups.care().scene).pk,
        )


def test_what_a_crew_says_of_a_call_that_is_over_is_kept_and_flagged(care: follow_ups.Care) -> None:
    whom = people.known(care)
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    people.with_crew(whom, held)
    dispatch.advance(held, to=AssignmentStatus.CLEARED, by=care.scene.dispatcher)

    told = do(clients.link, by=care.scene.tablet, client_id=whom.pk, call_id=held.call_id, happened_at=NOON)

    assert told.flags == ["call_already_closed"]


def test_who_is_met_often_becomes_a_familiar_face_and_ceases_to_be_one(care: follow_ups.Care) -> None:
    with open_door(by="system:test", at=NOON):
        Programme.objects.create(agency_id=care.agency_id, familiar_contacts=3, familiar_days=30)
    often, seldom = people.known(care), people.known(care)
    for day in range(3):
        people.at_call(often, dispatch.care_call(care.scene), at=people.days(day))
    people.at_call(seldom, dispatch.care_call(care.scene))

    assert sweeps.see_familiar(at=people.days(3)) == 1
    assert sweeps.see_familiar(at=people.days(3)) == 0
    assert Client.objects.get(pk=often.pk).familiar_at == people.days(3)

    assert sweeps.see_familiar(at=people.days(40)) == 1
    assert Client.objects.get(pk=often.pk).familiar_at is None


# --- that somebody died --------------------------------------------------------------------------------------------------


def test_one_says_that_somebody_died_a_second_one_confirms_it_and_everything_stops(care: follow_ups.Care) -> None:
    whom = people.known(care)
    plan = follow_ups.planned(care, whom)
    with pytest.raises(refusals.DeathNotSaid):
        do(deaths.confirm, by=care.supervisor, client_id=whom.pk)
    do(deaths.say, by=care.coordinator, client_id=whom.pk)
    with pytest.raises(refusals.DeathSaidBySame):
        do(deaths.confirm, by=care.coordinator, client_id=whom.pk)
    assert FollowUp.objects.open().filter(client=whom).count() == 3

    do(deaths.confirm, by=care.supervisor, client_id=whom.pk)

    plan.refresh_from_db()
    assert (plan.state, plan.close_reason) == ("CLOSED", "DECEASED")
    assert not FollowUp.objects.open().filter(client=whom).exists()
    [head] = bodies(f"coordinators.{care.agency_id}", "client").values()
    assert head["deceased"] is True


def test_a_death_is_said_once_and_can_be_taken_back(care: follow_ups.Care) -> None:
    whom = people.known(care)
    do(deaths.say, by=care.coordinator, client_id=whom.pk)
    do(deaths.say, by=care.supervisor, client_id=whom.pk)
    assert Client.objects.get(pk=whom.pk).deceased_said_by_id == care.coordinator.person_id

    do(deaths.take_back, by=care.supervisor, client_id=whom.pk)

    assert Client.objects.get(pk=whom.pk).deceased_said_at is None
    with pytest.raises(refusals.DeathNotSaid):
        do(deaths.take_back, by=care.supervisor, client_id=whom.pk)


def test_nobody_who_died_is_linked_by_a_number(care: follow_ups.Care) -> None:
    whom = people.known(care, phone="206-555-0100")
    do(deaths.say, by=care.coordinator, client_id=whom.pk)
    do(deaths.confirm, by=care.supervisor, client_id=whom.pk)
    dispatch.care_call(care.scene, caller_phone="206-555-0100")

    assert sweeps.link_callers(at=NOON) == 0


# --- races ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_unit_that_takes_a_call_while_somebody_is_said_to_be_there_gets_the_record() -> None:
    # Whichever is first: each must see the other.
    for _ in range(3):
        care = follow_ups.care()
        whom, call = people.known(care, "Rosa Ortiz"), dispatch.care_call(care.scene)
        together = Barrier(2)

        def say(
            care: follow_ups.Care = care, whom: Client = whom, call: Call = call, start: Barrier = together
        ) -> None:
            start.wait()
            do(clients.link, by=care.coordinator, client_id=whom.pk, call_id=call.pk)
            connection.close()

        def take(care: follow_ups.Care = care, call: Call = call, start: Barrier = together) -> None:
            start.wait()
            dispatch.assignment(care.scene, to=call)
            connection.close()

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(say), pool.submit(take)]:
                done.result()

        assert set(bodies(f"unit.{care.scene.unit.pk}", "client")) == {str(whom.pk)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("of", ["record", "way"])
def test_what_is_said_of_a_record_while_it_is_merged_is_said_of_the_other(of: str) -> None:
    care = follow_ups.care()
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    way = people.way(care, absorbed)
    says = Thread(target=say_while_waiting, args=(care, absorbed, way, of))

    with open_door(by=care.coordinator, at=NOON):
        merges.merge(kept_id=kept.pk, absorbed_id=absorbed.pk, by=care.coordinator, at=NOON)
        says.start()
        wait_until_somebody_waits()
    says.join(timeout=30)

    if of == "record":
        assert ContactWay.objects.filter(client=kept, kind="PLACE").count() == 1
    else:
        assert ContactWay.objects.filter(client=kept, ended_at=NOON).count() == 1
    assert not ContactWay.objects.filter(client=absorbed).exists()
    assert list(differences()) == []


def say_while_waiting(care: follow_ups.Care, absorbed: Client, way: ContactWay, of: str) -> None:
    try:
        if of == "record":
            people.way(care, absorbed, "PLACE", "Under the bridge")
        else:
            do(clients.end_way, by=care.coordinator, way_id=way.pk)
    finally:
        connection.close()


def wait_until_somebody_waits() -> None:
    deadline = monotonic() + 20
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            sleep(0.05)
    pytest.fail("nobody waits for the lock")


# --- what is said twice, by nobody, or too late --------------------------------------------------------------------------


def test_who_answers_for_it_is_a_person(care: follow_ups.Care) -> None:
    whom = people.known(care)
    plan: CarePlan = do(
        knowledge.write_care_plan, by=care.coordinator, client_id=whom.pk, text="One", review_on=date(2026, 9, 1)
    )
    nobody = Actor(care.agency_id, "Key", intake_key_id=1)
    for act, given in (
        (deaths.say, {"client_id": whom.pk}),
        (deaths.confirm, {"client_id": whom.pk}),
        (knowledge.add_caution, {"client_id": whom.pk, "text": "Startles", "days": 3}),
        (knowledge.write_care_plan, {"client_id": whom.pk, "text": "One", "review_on": date(2026, 9, 1)}),
        (knowledge.approve_care_plan, {"care_plan_id": plan.pk}),
        (consents.add, {"client_id": whom.pk, **people.elements()}),
    ):
        with pytest.raises(refusals.PersonNeeded):
            do(act, by=nobody, **given)


def test_what_is_said_again_changes_nothing(care: follow_ups.Care) -> None:
    whom = people.known(care)
    plan: CarePlan = do(
        knowledge.write_care_plan, by=care.coordinator, client_id=whom.pk, text="One", review_on=date(2026, 9, 1)
    )
    do(knowledge.approve_care_plan, by=care.supervisor, care_plan_id=plan.pk)
    do(deaths.say, by=care.coordinator, client_id=whom.pk)
    do(deaths.confirm, by=care.supervisor, client_id=whom.pk)
    entries = Entry.objects.count()

    later, second = people.days(1), people.desk(care, "SUPERVISOR")
    do(knowledge.approve_care_plan, by=second, at=later, care_plan_id=plan.pk)
    do(deaths.confirm, by=second, at=later, client_id=whom.pk)
    with open_door(by=second, at=later):
        for codes in (["OPIOIDS"], ["OPIOIDS"]):
            clients.mark_part2(client=Client.objects.lock(whom.pk), codes=codes)

    assert Entry.objects.count() == entries
    assert CarePlan.objects.get(pk=plan.pk).approved_at == NOON
    found = Client.objects.get(pk=whom.pk)
    assert (found.deceased_at, found.part2, found.substance_use) == (NOON, True, ["OPIOIDS"])


def test_a_care_plan_is_taken_out_of_force(care: follow_ups.Care) -> None:
    plan: CarePlan = do(
        knowledge.write_care_plan,
        by=care.coordinator,
        client_id=people.known(care).pk,
        text="One",
        review_on=date(2026, 9, 1),
    )

    do(knowledge.end_care_plan, by=care.coordinator, care_plan_id=plan.pk)

    assert CarePlan.objects.get(pk=plan.pk).ended_at == NOON
    with pytest.raises(refusals.ClientPartEnded):
        do(knowledge.approve_care_plan, by=care.supervisor, care_plan_id=plan.pk)


def test_visiting_hours_change_without_a_name(care: follow_ups.Care) -> None:
    whom = people.known(care, born_on="1980")

    do(clients.update, by=care.coordinator, client_id=whom.pk, born_on="", interpreter=True)

    found = Client.objects.get(pk=whom.pk)
    assert (found.born_on, found.born_on_index, found.interpreter) == ("", None, True)


def test_a_caution_ends_here_where_it_has_ended_at_dispatch_or_never_reached_it(care: follow_ups.Care) -> None:
    told, untold = people.known(care), people.known(care)
    people.way(care, told)
    ended, kept = people.caution(care, told), people.caution(care, untold)
    sweeps.tell_cautions(at=NOON)
    with open_door(by="system:test", at=NOON):
        Caution.objects.update(expires_at=NOON + timedelta(seconds=1))

    later = NOON + timedelta(minutes=1)
    for row in (ended, kept):
        do(knowledge.end_caution, by=care.coordinator, at=later, caution_id=row.pk)

    assert not ClientCaution.objects.filter(ended_at=None).exists()
    # Nothing is left to tell, nor to take back.
    assert sweeps.tell_cautions(at=later) == 0


def test_of_two_sweepers_one_tells_dispatch(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom)
    row = people.caution(care, whom)
    sweeps.tell_cautions(at=NOON)

    # The other one had found it before.
    with pytest.raises(telling.ToldAlready), open_door(by="system:sweep", at=NOON):
        telling.tell_dispatch(caution_id=row.pk, by="system:sweep", at=NOON)

    assert Caution.objects.count() == 1


def test_what_a_sweeper_found_may_be_so_no_longer(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom, WayKind.ADDRESS, "REDACTED")
    row = people.caution(care, whom)
    call = dispatch.care_call(care.scene)
    people.at_call(whom, call)
    sweep: dict[str, Any] = {"by": "system:sweep", "at": NOON}

    with open_door(by="system:sweep", at=NOON):
        # An address that was withheld is no place; nobody is at a call twice; nobody becomes a face that is one.
        assert not telling.tell_dispatch(caution_id=row.pk, **sweep)
        assert not telling.take_back(caution_id=row.pk, **sweep)
        assert telling.link_caller(client_id=whom.pk, call_id=call.pk, route=Route.PHONE, **sweep) is None
        telling.see_face(client_id=whom.pk, is_familiar=False, **sweep)

    assert not Caution.objects.exists()
    assert not Entry.objects.filter(kind="client.familiar").exists()


def test_what_the_system_says_is_nobodys_caution_at_dispatch(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom)
    with open_door(by="system:test", at=NOON):
        row = knowledge.put_caution(
            client=Client.objects.lock(whom.pk),
            text="Startles",
            seen_on=NOON.date(),
            expires_at=people.days(3),
            by="system:test",
            at=NOON,
        )

    with open_door(by="system:sweep", at=NOON):
        assert not telling.tell_dispatch(caution_id=row.pk, by="system:sweep", at=NOON)


def test_what_dispatch_ended_meanwhile_is_not_taken_back_twice(care: follow_ups.Care) -> None:
    whom = people.known(care)
    people.way(care, whom)
    row = people.caution(care, whom)
    sweeps.tell_cautions(at=NOON)
    with open_door(by="system:test", at=NOON):
        Caution.objects.update(expires_at=NOON + timedelta(seconds=1))

    later = NOON + timedelta(minutes=1)
    with open_door(by="system:sweep", at=later):
        assert not telling.take_back(caution_id=row.pk, by="system:sweep", at=later)
