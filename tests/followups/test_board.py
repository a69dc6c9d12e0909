"""
The coordinators' board and the lists beside it: what is due first, with all that the next step needs, and every look entered.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from followups.actions import programmes
from followups.models import (
    BreakGlass,
    Client,
    ClientName,
    Consent,
    Contact,
    FollowUp,
    FollowUpState,
    Intake,
    Plan,
    Route,
    Strategy,
)
from followups.queries import board, lists
from followups.queries.board import Chosen, listed, loads, rows_of
from journal.door import open_door
from journal.models import Entry
from responders.models import Person, RoleName
from tests.conftest import NOON
from tests.factories import dispatch, follow_ups, referrals, responders
from tests.factories import intake as desk_of_intake
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

SCENE = responders.SCENE
# NOON is Wednesday noon in Seattle; visiting hours of the next day are from 12 to 19.
THURSDAY_1300 = NOON + timedelta(days=1, hours=1)
THURSDAY_2000 = NOON + timedelta(days=1, hours=8)


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care(first_attempt_risk_h=24)


def named(of: follow_ups.Care, name: str, **fields: Any) -> Client:
    """
    Return somebody with a name.
    """
    client = follow_ups.client(of, known_as="NAMED", **fields)
    with open_door(by=SCENE, at=NOON):
        ClientName.objects.create(client=client, text=name, primary=True)
    return client


def change(row: Any, **fields: Any) -> Any:
    """
    Return a row as it is after the scene has changed it.
    """
    with open_door(by=SCENE, at=NOON):
        for name, value in fields.items():
            setattr(row, name, value)
        row.save(update_fields=list(fields))
    return row


def step(of: follow_ups.Care, client: Client, number: int = 1) -> FollowUp:
    """
    Return a step of the plan of somebody who was met at noon.
    """
    return follow_ups.steps_of(follow_ups.planned(of, client))[number]


def me_of(of: follow_ups.Care) -> Person:
    """
    Return the scene's coordinator.
    """
    return Person.objects.get(agency=of.agency_id, roles__name=RoleName.COORDINATOR)


_EVERYTHING = Chosen()


def groups(of: follow_ups.Care, chosen: Chosen = _EVERYTHING, *, at: datetime) -> dict[str, list[str]]:
    """
    Return the names on the board by group.
    """
    return {group.key: [row.name for row in group.rows] for group in listed(of.agency_id, chosen, at=at).groups}


def test_what_is_late_comes_first_and_of_that_what_is_dangerous(care: follow_ups.Care) -> None:
    calm, risky, paused = (named(care, name) for name in ("Calm", "Risky", "Paused"))
    first = step(care, calm)
    change(step(care, risky), risk=True, due_at=first.due_at + timedelta(minutes=5))
    change(step(care, paused), state=FollowUpState.WAITING)

    assert groups(care, at=THURSDAY_1300) == {"now": ["Calm", "Risky"]}
    assert groups(care, at=THURSDAY_2000) == {"overdue": ["Risky", "Calm"]}
    assert groups(care, Chosen(show="waiting"), at=THURSDAY_1300) == {"waiting": ["Paused"]}
    # Days 7 and 30 of all three.
    assert groups(care, Chosen(show="coming"), at=THURSDAY_1300)["coming"][:2] == ["Calm", "Risky"]
    assert len(groups(care, Chosen(show="coming"), at=THURSDAY_1300)["coming"]) == 6


def test_today_is_the_agencys_own_day(care: follow_ups.Care) -> None:
    step(care, named(care, "Tomorrow"))
    midnight = datetime(2026, 6, 4, 7, 0, tzinfo=UTC)  # in Seattle

    assert groups(care, at=midnight - timedelta(seconds=1)) == {}
    assert groups(care, at=midnight) == {"today": ["Tomorrow"]}
    counts = listed(care.agency_id, Chosen(), at=midnight).counts
    assert counts == {"todo": 1, "overdue": 0, "today": 1, "coming": 2, "waiting": 0}


def test_a_row_says_who_why_last_contact_consent_and_next_step(care: follow_ups.Care) -> None:
    client = named(care, "Somebody Known")
    follow_ups.at_home(client, value="206-555-0100", kind="PHONE", may_say="FIRST_NAME", point=None)
    row = change(step(care, client), reason="Sleeps badly since the fire")

    [shown] = rows_of([row.pk], agency=care.scene.agency, at=THURSDAY_1300)

    assert (shown.name, shown.why, shown.step) == ("Somebody Known", "Sleeps badly since the fire", "Day 1 · 1 of 3")
    assert shown.last is not None
    assert (shown.last.words, shown.last.ago) == ("Met by a crew", "1 d")
    assert shown.consent == "Agreed · no release"
    assert shown.next_step == "Assign it"
    assert shown.ways == [("PHONE", "206-555-0100: ask for them by first name only, no message")]

    given = change(row, assignee=me_of(care))
    follow_ups.tried(given, by=care.coordinator, result="NOT_FOUND", at=THURSDAY_1300)
    _consented(client)
    [after] = rows_of([row.pk], agency=care.scene.agency, at=THURSDAY_1300 + timedelta(minutes=10))

    assert after.last is not None
    assert (after.last.words, after.last.ago, after.attempts) == ("Not found (phone)", "10 min", 1)
    assert after.consent == "Agreed · 1 release in force"
    assert after.next_step == "Call, then visit"
    assert after.norm == ""


def _consented(client: Client) -> Consent:
    added_by = responders.person(client.agency, RoleName.COORDINATOR)
    with open_door(by=SCENE, at=NOON):
        return Consent.objects.create(
            client=client,
            patient_name="x",
            discloser="x",
            description="x",
            sections=["IDENTITY"],
            recipient="x",
            purpose="x",
            right_to_revoke_told=True,
            expires_upon="the end of it",
            signed_by="x",
            signature="PAPER",
            signed_on=NOON.date(),
            text_version="1",
            added_at=NOON,
            added_by=added_by,
        )


def test_the_norm_of_the_first_attempt_is_shown_until_it_is_made(care: follow_ups.Care) -> None:
    calm = step(care, named(care, "Calm"))
    risky = follow_ups.steps_of(follow_ups.planned(care, named(care, "Risky"), risk=True))[1]
    # What the agency decides now is for plans to come.
    with open_door(by=care.supervisor, at=NOON):
        programmes.decide(first_attempt_risk_h=2, by=care.supervisor, at=NOON)

    rows = {row.name: row for row in rows_of([calm.pk, risky.pk], agency=care.scene.agency, at=THURSDAY_1300)}

    # A day after a risk has passed at noon; day 1 ends at midnight, eleven hours on.
    assert (rows["Risky"].norm, rows["Risky"].norm_missed) == ("1 h 00", True)
    assert (rows["Calm"].norm, rows["Calm"].norm_missed) == ("11 h 00", False)


def test_a_row_whose_seal_is_broken_keeps_no_other_from_anybody(
    care: follow_ups.Care, caplog: pytest.LogCaptureFixture
) -> None:
    whole, broken = (step(care, named(care, name)) for name in ("Whole", "Broken"))
    with open_door(by=SCENE, at=NOON), connection.cursor() as cursor:
        # Copied from the other row, and therefore of no use in this one.
        cursor.execute(
            "UPDATE followups_followup SET (reason, risk, try_by) ="
            " (SELECT reason, risk, try_by FROM followups_followup WHERE id = %s) WHERE id = %s",
            [whole.pk, broken.pk],
        )

    shown = listed(care.agency_id, _EVERYTHING, at=broken.due_until)

    rows = {row.name: row for group in shown.groups for row in group.rows}
    assert rows["Whole"].why == whole.reason
    assert not rows["Whole"].risk
    # What cannot be known is not said to be harmless.
    assert (rows["Broken"].why, rows["Broken"].risk) == ("(cannot be opened)", True)
    assert f"followups_followup|{broken.key}|risk" in caplog.text


def test_the_norm_stays_where_the_day_is_moved(care: follow_ups.Care) -> None:
    row = step(care, named(care, "Calm"))
    change(row, due_at=row.due_at + timedelta(days=4), due_until=row.due_until + timedelta(days=4))

    [shown] = rows_of([row.pk], agency=care.scene.agency, at=THURSDAY_1300)

    assert shown.norm == "11 h 00"


def test_what_waits_for_a_release_offers_no_move_and_nobody_to_send(care: follow_ups.Care) -> None:
    waits, row = (
        follow_ups.planned(care, named(care, name), left_to=to) for name, to in (("A", "CUSTODY"), ("B", ""))
    )

    def offered(plan: Plan) -> set[str]:
        [shown] = rows_of([follow_ups.steps_of(plan)[1].pk], agency=care.scene.agency, at=THURSDAY_1300)
        return set(re.findall(r'data-do="(\w+)"', render_to_string("followups/board/row.html", {"row": shown})))

    assert offered(row) - offered(waits) == {"move", "send", "plan"}


def test_at_a_shelter_the_reason_is_never_said_whatever_is_kept(care: follow_ups.Care) -> None:
    way = follow_ups.at_home(named(care, "Guest"), value="Shelter desk", kind="SHELTER", may_say="FIRST_NAME")
    way.may_say = "REASON"

    assert board.way_words(way) == "Shelter desk: never say why, no message"


def test_the_board_is_narrowed_to_an_area_a_person_a_unit_or_nobody(care: follow_ups.Care) -> None:
    mine, theirs, keepers, nobodys = (named(care, name) for name in ("Mine", "Units", "Keepers", "Nobodys"))
    me = me_of(care)
    change(step(care, mine), assignee=me)
    change(step(care, theirs), unit=care.scene.unit, area=None)
    change(follow_ups.planned(care, keepers), assignee=me)
    step(care, nobodys)
    at = THURSDAY_1300

    assert groups(care, Chosen(who=f"p{me.pk}"), at=at) == {"now": ["Mine", "Keepers"]}
    assert groups(care, Chosen(who=f"u{care.scene.unit.pk}"), at=at) == {"now": ["Units"]}
    assert groups(care, Chosen(who="none"), at=at) == {"now": ["Nobodys"]}
    assert "Units" in groups(care, Chosen(area=0), at=at)["now"]
    labels = {choice.label: choice.count for choice in listed(care.agency_id, Chosen(), at=at).people}
    # All steps of the plan that is kept are its keeper's; what is left of the others is nobody's yet.
    assert labels == {"Nobody yet": 7, me.name: 4, care.scene.unit.call_sign: 1}


def test_the_caseload_says_who_has_how_much_and_how_old_it_is(care: follow_ups.Care) -> None:
    me = me_of(care)
    late, older = step(care, named(care, "Late")), step(care, named(care, "Older"))
    change(late, assignee=me)
    change(older, assignee=me, due_at=NOON - timedelta(days=5), due_until=NOON - timedelta(days=4))

    first = loads(care.agency_id, at=THURSDAY_2000)[0]

    assert (first.who, first.open, first.overdue) == (me.name, 2, 2)
    # Under a day, 1 to 2, 3 to 6, more.
    assert first.ages == [1, 0, 1, 0]
    assert first.oldest == "5 d"


def test_the_number_of_queries_does_not_grow_with_the_list(care: follow_ups.Care) -> None:
    def many(count: int) -> int:
        for number in range(count):
            client = named(care, f"Person {number}")
            follow_ups.at_home(client)
            follow_ups.planned(care, client)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            listed(care.agency_id, Chosen(), at=THURSDAY_1300)
        return len(queries)

    assert many(1) == many(4)


def test_another_agencys_people_are_on_no_board_of_ours(care: follow_ups.Care) -> None:
    step(care, named(care, "Ours"))
    other = follow_ups.care()

    assert groups(other, at=THURSDAY_1300) == {}
    assert set(lists.tallies(other.agency_id).values()) == {0}


def browser(of: follow_ups.Care, role: str = RoleName.COORDINATOR) -> Browser:
    """
    Return somebody of the agency at a page.
    """
    return desk_client(responders.person(of.scene.agency, role))


def test_the_page_shows_rows_and_enters_whom_it_has_shown(care: follow_ups.Care) -> None:
    client = named(care, "Somebody Known")
    change(step(care, client), due_at=NOON, due_until=NOON + timedelta(hours=1))
    page = browser(care)

    html = page.get("/care/").content.decode()

    assert "Somebody Known" in html
    assert f'href="/care/people/{client.key}/"' in html
    [entry] = Entry.objects.filter(kind="client.listed")
    assert entry.data["clients"] == [client.pk]
    assert entry.data["page"] == "board"

    # What the page asks for by itself shows nobody new: it is entered once. Somebody new is.
    page.get("/care/rows/", headers={"x-background": "1"})
    assert Entry.objects.filter(kind="client.listed").count() == 1
    change(step(care, named(care, "Somebody Else")), due_at=NOON, due_until=NOON + timedelta(hours=1))
    assert "Somebody Else" in page.get("/care/rows/", headers={"x-background": "1"}).content.decode()
    assert Entry.objects.filter(kind="client.listed").count() == 2
    # Whoever asks for it themselves is entered again.
    page.get("/care/rows/?show=")
    assert Entry.objects.filter(kind="client.listed").count() == 3


@pytest.mark.parametrize("query", ["show=all", "who=x", "who=p0", "area=-1", "page=0", "who=p1%00"])
def test_an_address_that_asks_for_nothing_there_is_answers_so(care: follow_ups.Care, query: str) -> None:
    assert browser(care).get(f"/care/?{query}").status_code == 404


@pytest.mark.parametrize("name", ["contacts", "referrals", "familiar", "caseload"])
def test_every_list_is_empty_in_words(care: follow_ups.Care, name: str) -> None:
    page = browser(care)

    assert page.get(f"/care/{name}/").status_code == 200
    assert page.get(f"/care/{name}/rows/").status_code == 200


def test_what_is_the_supervisors_is_not_shown_to_coordinators(care: follow_ups.Care) -> None:
    client, person = named(care, "Somebody Known"), responders.person(care.scene.agency)
    with open_door(by=SCENE, at=NOON):
        BreakGlass.objects.create(
            client=client,
            person=person,
            reason="Calls from a bridge, no time",
            at=NOON,
            ends_at=NOON + timedelta(hours=2),
        )

    assert browser(care).get("/care/opened/").status_code == 404
    html = browser(care, RoleName.SUPERVISOR).get("/care/opened/").content.decode()
    assert "Calls from a bridge, no time" in html
    assert "I have looked at it" in html


def test_escalated_is_shown_to_the_supervisor_until_the_first_attempt(care: follow_ups.Care) -> None:
    row = change(step(care, named(care, "Waits")), escalated_at=THURSDAY_2000)

    assert [late.name for late in lists.late(care.agency_id, at=THURSDAY_2000)] == ["Waits"]
    change(row, first_attempt_at=THURSDAY_2000)
    assert lists.late(care.agency_id, at=THURSDAY_2000) == []


def test_new_contacts_say_where_and_what_is_planned(care: follow_ups.Care) -> None:
    client = named(care, "Seen Again")
    step(care, client)
    call = dispatch.care_call(care.scene)
    with open_door(by=SCENE, at=NOON):
        contact = Contact.objects.create(
            client=client, call=call, route=Route.PHONE, at=NOON + timedelta(hours=1), by=SCENE
        )

    [row] = lists.new_contacts(care.agency_id, at=NOON + timedelta(hours=2))

    assert (row.name, row.route) == ("Seen Again", "Called from a number that is theirs")
    assert row.plan == "Plan open, next 4 Jun"
    assert lists.tallies(care.agency_id)["contacts"] == 1
    change(contact, seen_at=NOON)
    assert lists.new_contacts(care.agency_id, at=NOON) == []


def test_what_coordinators_know_already_is_no_new_contact(care: follow_ups.Care) -> None:
    once, visited = named(care, "Met Once"), named(care, "Visited")
    step(care, visited)
    first, second = dispatch.care_call(care.scene), dispatch.care_call(care.scene)
    later = NOON + timedelta(days=1)
    with open_door(by=SCENE, at=NOON):
        # The call from whose report a plan may come, and the visit that a plan asked for.
        Contact.objects.create(client=once, call=first, route=Route.MET, at=NOON, by=SCENE)
        Contact.objects.create(client=visited, call=second, route=Route.VISIT, at=later, by=SCENE)

    assert lists.new_contacts(care.agency_id, at=later) == []
    assert lists.tallies(care.agency_id)["contacts"] == 0


def test_familiar_faces_come_with_the_pattern(care: follow_ups.Care) -> None:
    client = change(named(care, "Often Met"), familiar_at=NOON)
    for number in range(3):
        call = dispatch.care_call(care.scene, address="3 AV / PINE ST")
        with open_door(by=SCENE, at=NOON):
            Contact.objects.create(
                client=client, call=call, route=Route.MET, at=NOON - timedelta(days=7 * number), by=SCENE
            )
    with open_door(by=SCENE, at=NOON):
        for position, text in enumerate(("Coffee first", "Sit down")):
            Strategy.objects.create(
                client=client, kind="HELPS", position=position, text=text, added_at=NOON, added_by=SCENE
            )

    [face] = lists.familiar(care.agency_id, at=NOON)

    assert (face.contacts, face.places) == (3, [("3 AV / PINE ST", 3)])
    assert face.times == [("Wed afternoon", 3)]
    assert face.helps == ["Coffee first", "Sit down"]
    # What is older than the programme looks back does not count.
    assert lists.familiar(care.agency_id, at=NOON + timedelta(days=200))[0].contacts == 0


def test_a_referral_without_a_call_waits_until_somebody_has_taken_and_closed_it() -> None:
    agency = desk_of_intake.desk().agency
    officer = referrals.officer(agency, name="Officer One")
    referral = referrals.referral(officer, kind="PERSON", contact="206-555-0101", text="Asks for help with papers")
    with open_door(by=SCENE, at=NOON):
        intake = Intake.objects.create(agency=agency, referral=referral, made_at=NOON)

    [row] = lists.intakes(agency.pk, at=NOON + timedelta(hours=2))
    html = desk_client(responders.person(agency, RoleName.COORDINATOR)).get("/care/referrals/").content.decode()

    assert (row.by, row.ago) == ("Officer One", "2 h 00")
    assert "206-555-0101" in html
    assert re.search(r'data-do="take"', html)
    change(intake, state="CLOSED", closed_at=NOON)
    assert lists.intakes(agency.pk, at=NOON) == []
