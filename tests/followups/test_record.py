"""
The page of one person: who may open it, that every opening and refusal is entered, and that all of the record is on it.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from followups.actions import deaths, encounters, intakes, knowledge
from followups.actions import readings as readings_actions
from followups.indexes import born_on_index, phone_index
from followups.models import Addendum, BreakGlass, Client, ClientName, Contact, Disclosure, Met, Route
from followups.queries.record import READERS, whole
from journal.door import open_door
from journal.models import Entry
from journal.record import record
from responders.models import Person, RoleName
from responders.rate_limits import GUARDED_BY_PERSON, _limiter, check_person_rate
from responders.refusals import TooManyRequests
from tests.conftest import NOON
from tests.factories import clients, dispatch, follow_ups, responders
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

SCENE = responders.SCENE


@pytest.fixture(autouse=True)
def _uncounted(settings: Settings) -> None:
    # Each test counts what a person asks from none.
    settings.RATE_LIMIT_PREFIX = f"record-{uuid4()}"


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care()


@pytest.fixture
def client(care: follow_ups.Care) -> Client:
    """
    Return somebody with a name, an alias and a phone.
    """
    born: dict[str, Any] = {"born_on": "1980-05-17", "born_on_index": born_on_index("1980-05-17")}
    made = follow_ups.client(care, known_as="NAMED", looks="Green coat", **born)
    with open_door(by=SCENE, at=NOON):
        ClientName.objects.create(client=made, text="Somebody Known", primary=True)
        ClientName.objects.create(client=made, text="Other Name", primary=False)
    number: dict[str, Any] = {"value": "206-555-0100", "value_index": phone_index("206-555-0100")}
    follow_ups.at_home(made, kind="PHONE", may_say="FIRST_NAME", point=None, **number)
    return made


def page(of: follow_ups.Care, role: str) -> tuple[Browser, Person]:
    """
    Return somebody of the agency with this role, and who that is.
    """
    person = responders.person(of.scene.agency, role)
    return desk_client(person), person


def readings(of: Client, kind: str = "client.read") -> list[Entry]:
    """
    Return the entries about somebody.
    """
    return list(Entry.objects.filter(about=f"client.{of.pk}", kind=kind))


@pytest.mark.parametrize("role", [RoleName.COORDINATOR, RoleName.SUPERVISOR])
def test_a_record_is_opened_and_that_is_entered(care: follow_ups.Care, client: Client, role: str) -> None:
    browser, person = page(care, role)

    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert "Somebody Known" in html
    assert "Other Name" in html
    assert [entry.data for entry in readings(client)] == [
        {"person": person.pk, "why": "RECORD"},
        {"person": person.pk, "why": "SUGGESTIONS"},
    ]


@pytest.mark.parametrize("role", [RoleName.RESPONDER, RoleName.EMBEDDED])
def test_who_may_not_read_is_refused_loudly_and_can_break_the_glass(
    care: follow_ups.Care, client: Client, role: str
) -> None:
    browser, person = page(care, role)

    shut = browser.get(f"/care/people/{client.key}/")

    assert shut.status_code == 403
    html = shut.content.decode()
    assert "Somebody Known" not in html
    assert "Green coat" not in html
    assert 'id="break-glass"' in html
    [entry] = readings(client, "client.read_denied")
    assert entry.data["person"] == person.pk
    assert readings(client) == []

    opened = browser.post(
        "/api/actions/client.break_glass/",
        {"id": str(uuid4()), "args": {"client": client.pk, "reason": "Stands on a bridge, we talk on the phone"}},
        content_type="application/json",
    )

    assert opened.status_code == 200, opened.content
    assert "Somebody Known" in browser.get(f"/care/people/{client.key}/").content.decode()
    # What coordinators do with a record is not offered with it.
    assert "Who has read this" not in browser.get(f"/care/people/{client.key}/").content.decode()


def test_a_crew_reads_whom_it_is_with_and_no_longer(care: follow_ups.Care, client: Client) -> None:
    person = Person.objects.filter(shifts__unit=care.scene.unit, shifts__ended_at=None).order_by("pk").first()
    assert person is not None
    browser = desk_client(person)
    held = dispatch.assignment(care.scene)
    with open_door(by=SCENE, at=NOON):
        contact = Contact.objects.create(client=client, call=held.call, route=Route.DESK, at=NOON, by=SCENE)

    assert browser.get(f"/care/people/{client.key}/").status_code == 200

    with open_door(by=SCENE, at=NOON):
        contact.ended_at = NOON
        contact.save(update_fields=["ended_at"])
    assert browser.get(f"/care/people/{client.key}/").status_code == 403


@pytest.mark.parametrize("role", [RoleName.OFFICER, RoleName.DISPATCHER, RoleName.POLICE_DISPATCHER, RoleName.ADMIN])
def test_other_roles_reach_no_page_of_care(care: follow_ups.Care, client: Client, role: str) -> None:
    browser, _ = page(care, role)

    for path in ("/care/", "/care/rows/", "/care/people/", f"/care/people/{client.key}/", "/care/survey/"):
        assert browser.get(path).status_code == 403
    assert readings(client, "client.read_denied") == []


def test_another_agencys_record_does_not_exist(client: Client) -> None:
    other = follow_ups.care()
    browser, _ = page(other, RoleName.COORDINATOR)

    assert browser.get(f"/care/people/{client.key}/").status_code == 404
    assert browser.get(f"/care/people/{client.pk}/").status_code == 404
    assert readings(client, "client.read_denied") == []


def test_a_number_leads_to_the_record_for_those_who_read_all(care: follow_ups.Care, client: Client) -> None:
    browser, _ = page(care, RoleName.COORDINATOR)

    assert browser.get(f"/care/people/{client.pk}/")["Location"] == f"/care/people/{client.key}/"


def test_a_record_that_was_merged_leads_to_the_one_that_was_kept(care: follow_ups.Care, client: Client) -> None:
    absorbed = follow_ups.client(care, merged_into=client)
    browser, _ = page(care, RoleName.COORDINATOR)

    assert browser.get(f"/care/people/{absorbed.key}/")["Location"] == f"/care/people/{client.key}/"


def looked_for(browser: Browser, **asked: str) -> str:
    """
    Return what is found.
    """
    return browser.post("/care/people/", {"name": "", "born_on": "", "phone": "", **asked}).content.decode()


def test_coordinators_find_people_by_what_sounds_alike(care: follow_ups.Care, client: Client) -> None:
    browser, person = page(care, RoleName.COORDINATOR)

    html = looked_for(browser, name="Somebody Nown")

    assert f"/care/people/{client.key}/" in html
    assert "similar name" in html
    entry = Entry.objects.get(kind="client.searched")
    assert entry.data == {"clients": [client.pk], "person": person.pk}
    assert "Nobody like that" in looked_for(browser, name="Zzyzx")


def test_others_find_a_record_only_by_a_name_and_what_goes_with_it(care: follow_ups.Care, client: Client) -> None:
    browser, _ = page(care, RoleName.EMBEDDED)

    assert "Nobody like that" in looked_for(browser, name="Somebody Known")
    assert "Nobody like that" in looked_for(browser, phone="206-555-0100")
    html = looked_for(browser, name="Somebody Known", phone="(206) 555-0100")

    # That there is one, and nothing of what is in it.
    assert f"/care/people/{client.key}/" in html
    assert "There is a record" in html
    assert "Green coat" not in html
    assert "Nobody like that" not in looked_for(browser, name="somebody known", born_on="1980-05-17")


@pytest.mark.parametrize(
    "asked",
    [
        {"born_on": "1980"},
        {"born_on": "1980-05"},
        {"born_on": "1980-05-18"},
        {"name": "Somebody Nown", "born_on": "1980-05-17", "phone": "206-555-0100"},
        {"name": "", "born_on": "1980-05-17", "phone": "206-555-0100"},
    ],
)
def test_what_only_fits_tells_others_of_no_record(
    care: follow_ups.Care, client: Client, asked: dict[str, str]
) -> None:
    browser, _ = page(care, RoleName.EMBEDDED)

    assert "Nobody like that" in looked_for(browser, **{"name": "Somebody Known", **asked})


def test_a_year_that_is_all_that_is_known_is_no_date_of_birth(care: follow_ups.Care) -> None:
    born: dict[str, Any] = {"born_on": "1980", "born_on_index": born_on_index("1980")}
    known = follow_ups.client(care, known_as="NAMED", **born)
    with open_door(by=SCENE, at=NOON):
        ClientName.objects.create(client=known, text="Somebody Known", primary=True)
    browser, _ = page(care, RoleName.EMBEDDED)

    assert "Nobody like that" in looked_for(browser, name="Somebody Known", born_on="1980")


def test_nobody_learns_a_date_of_birth_from_what_is_found(care: follow_ups.Care, client: Client) -> None:
    browser, _ = page(care, RoleName.EMBEDDED)
    # As many of the name as are suggested at all: none of them takes the place of the one whose phone is known.
    for _ in range(10):
        other = follow_ups.client(care, known_as="NAMED")
        with open_door(by=SCENE, at=NOON):
            ClientName.objects.create(client=other, text="Somebody Known", primary=True)

    found = [
        looked_for(browser, name="Somebody Known", phone="206-555-0100", born_on=born_on).split("<h2", 1)[1]
        for born_on in ("", "1980", "1980-05", "1980-05-17", "1991", "1991-01-01")
    ]

    assert len(set(found)) == 1
    assert f"/care/people/{client.key}/" in found[0]
    assert "of 100" not in found[0]
    assert "same" not in found[0]


def test_others_cannot_guess_without_end_and_coordinators_look_as_often_as_they_need(
    care: follow_ups.Care, client: Client
) -> None:
    most = int(GUARDED_BY_PERSON["care-people"].split("/")[0])
    embedded, coordinator = (page(care, role)[0] for role in (RoleName.EMBEDDED, RoleName.COORDINATOR))

    codes = [embedded.post("/care/people/", {"name": "Somebody"}).status_code for _ in range(most + 1)]

    assert codes == [*[200] * most, 429]
    assert {coordinator.post("/care/people/", {"name": "Zzyzx"}).status_code for _ in range(most + 1)} == {200}
    assert page(care, RoleName.EMBEDDED)[0].post("/care/people/", {"name": "Somebody"}).status_code == 200


def test_what_cannot_be_counted_is_not_looked_for_by_others(
    care: follow_ups.Care, client: Client, settings: Settings
) -> None:
    _limiter.cache_clear()
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    try:
        with pytest.raises(TooManyRequests):
            check_person_rate("care-people", 1)
    finally:
        _limiter.cache_clear()


def test_the_whole_record_is_on_the_page(care: follow_ups.Care, client: Client) -> None:
    plan = follow_ups.planned(care, client)
    row = follow_ups.steps_of(plan)[1]
    at = NOON + timedelta(days=1, hours=2)
    follow_ups.tried(row, by=care.coordinator, result="NOT_FOUND", at=at)

    found = whole(client, ids=[client.pk], at=at, cares=True)

    assert found.open_plan is not None
    assert found.open_plan.row == plan
    [day_1, *_] = sorted(found.open_plan.steps, key=lambda step: step.row.due_at)
    assert [line.words for line in day_1.tries] == ["Phone: not found"]
    assert [words for _, _, words in found.ways] == ["206-555-0100: ask for them by first name only, no message"]
    assert [report.unit for report in found.reports] == [care.scene.unit.call_sign]
    assert ("Second response", "agreed") in found.reports[0].facts


def test_somebody_alike_is_suggested_with_reasons(care: follow_ups.Care, client: Client) -> None:
    twin = follow_ups.client(care, known_as="NAMED")
    with open_door(by=SCENE, at=NOON):
        ClientName.objects.create(client=twin, text="Somebody Known", primary=True)

    browser, person = page(care, RoleName.COORDINATOR)
    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert f'href="/care/people/{twin.key}/"' in html
    assert "of 100: same name" in html
    # It is another's name, so whose is entered.
    [entry] = Entry.objects.filter(kind="client.searched")
    assert entry.data == {"clients": [twin.pk], "person": person.pk}


def opened_to(person: Person, client: Client) -> None:
    """
    Open a record to somebody for an hour, as breaking the glass does.
    """
    now = timezone.now()
    with open_door(by=SCENE, at=now):
        BreakGlass.objects.create(
            client=client, person=person, reason="On a bridge", at=now, ends_at=now + timedelta(hours=1)
        )


def test_who_reads_one_record_only_is_told_of_nobody_alike(care: follow_ups.Care, client: Client) -> None:
    twin = follow_ups.client(care, known_as="NAMED")
    browser, person = page(care, RoleName.EMBEDDED)
    with open_door(by=SCENE, at=NOON):
        ClientName.objects.create(client=twin, text="Somebody Known", primary=True)
    opened_to(person, client)

    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert "Somebody Known" in html
    assert str(twin.key) not in html
    assert not Entry.objects.filter(kind="client.searched").exists()


def test_words_about_several_people_are_for_those_who_read_all_of_them(care: follow_ups.Care, client: Client) -> None:
    several, alone = (follow_ups.encounter(care, notes=f"Notes {which}") for which in ("of two", "of one"))
    follow_ups.met(client, several)
    follow_ups.met(client, alone)
    # The same person twice is one.
    follow_ups.met(client, alone, position=1)
    with open_door(by=SCENE, at=NOON):
        # Somebody whom nobody knows is another person too.
        Met.objects.create(encounter=several, position=1, body={})
        Addendum.objects.create(encounter=several, text="Added of two", author=several.author, at=NOON)
    embedded, person = page(care, RoleName.EMBEDDED)
    opened_to(person, client)

    few = embedded.get(f"/care/people/{client.key}/").content.decode()
    every = page(care, RoleName.COORDINATOR)[0].get(f"/care/people/{client.key}/").content.decode()

    assert "of two" not in few
    assert "Notes of one" in few
    assert few.count("The notes of this report are about several people.") == 1
    assert all(words in every for words in ("Notes of two", "Added of two", "Notes of one"))
    assert "about several people" not in every


def test_who_has_read_it_is_on_the_page(care: follow_ups.Care, client: Client) -> None:
    browser, person = page(care, RoleName.COORDINATOR)

    browser.get(f"/care/people/{client.key}/")

    assert readings_of(client) == {(person.name, "Read (the page)"), (person.name, "Read (those alike)")}


def readings_of(of: Client, *absorbed: Client) -> set[tuple[str, str]]:
    """
    Return who has read a record, as its page says it.
    """
    ids = [one.pk for one in (of, *absorbed)]
    return {(one.who, one.words) for one in whole(of, ids=ids, at=NOON, cares=True).readings}


def test_lists_searches_reports_tablets_and_copies_are_among_the_readings(
    care: follow_ups.Care, client: Client
) -> None:
    absorbed, other = follow_ups.client(care, merged_into=client), follow_ups.client(care)
    report = follow_ups.encounter(care)
    follow_ups.met(client, report)
    on_it = Person.objects.filter(shifts__unit=care.scene.unit, shifts__ended_at=None).order_by("pk")
    names = ", ".join(on_it.values_list("name", flat=True))
    supervisor = care.supervisor
    assert supervisor.person_id is not None
    name = Person.objects.get(pk=supervisor.person_id).name
    with open_door(by=supervisor, at=NOON):
        readings_actions.listed(clients=[absorbed.pk, other.pk], page="BOARD", by=supervisor, at=NOON)
        readings_actions.listed(clients=[other.pk], page="BOARD", by=care.coordinator, at=NOON)
        readings_actions.searched(found=[client.pk], by=supervisor, at=NOON)
        encounters.read(key=report.key, by=supervisor, at=NOON)
        for unit, people in ((care.scene.unit.pk, [one.pk for one in on_it]), (care.scene.unit.pk, [])):
            data = {"unit": unit, "people": people}
            record("client.shown", agency_id=care.agency_id, about=f"client.{client.pk}", data=data, by=SCENE, at=NOON)
        data = {"disclosure": 1, "basis": "CONSENT", "consent": 1, "what": []}
        record(
            "disclosure.make", agency_id=care.agency_id, about=f"client.{client.pk}", data=data, by=supervisor, at=NOON
        )

    assert names
    assert readings_of(client, absorbed) == {
        (name, "In a list"),
        (name, "Found by a search"),
        (name, "Report read"),
        (names, "Shown on a tablet"),
        # Nobody was on shift on it.
        (care.scene.unit.call_sign, "Shown on a tablet"),
        (name, "Copy let out"),
    }


def test_many_lists_take_no_room_from_what_was_read_of_one_person(care: follow_ups.Care, client: Client) -> None:
    browser, person = page(care, RoleName.COORDINATOR)
    browser.get(f"/care/people/{client.key}/")
    with open_door(by=care.supervisor, at=NOON):
        for _ in range(READERS + 1):
            readings_actions.listed(clients=[client.pk], page="BOARD", by=care.supervisor, at=NOON)

    found = whole(client, ids=[client.pk], at=NOON, cares=True).readings

    assert (person.name, "Read (the page)") in {(one.who, one.words) for one in found}
    assert sum(one.words == "In a list" for one in found) == READERS


def test_a_report_that_was_of_somebody_else_when_it_was_read_is_no_reading(
    care: follow_ups.Care, client: Client
) -> None:
    report = follow_ups.encounter(care)
    row = follow_ups.met(follow_ups.client(care), report)
    with open_door(by=care.supervisor, at=NOON):
        encounters.read(key=report.key, by=care.supervisor, at=NOON)
    with open_door(by=SCENE, at=NOON):
        row.client = client
        row.save()

    assert readings_of(client) == set()


def test_no_name_stands_in_an_address(care: follow_ups.Care, client: Client) -> None:
    browser, _ = page(care, RoleName.COORDINATOR)
    follow_ups.planned(care, client)
    seen: list[Any] = [browser.get(path).content.decode() for path in ("/care/?show=coming", "/care/contacts/")]

    addresses = [part.split('"')[0] for html in seen for part in html.split('href="')[1:]]
    assert not [address for address in addresses if "Known" in address or "555" in address]
    assert BreakGlass.objects.count() == 0


def test_what_went_out_of_a_record_that_was_merged_is_accounted_for_with_the_kept_one(
    care: follow_ups.Care, client: Client
) -> None:
    absorbed = follow_ups.client(care, merged_into=client)
    person = responders.person(care.scene.agency, RoleName.COORDINATOR)
    with open_door(by=SCENE, at=NOON):
        Disclosure.objects.create(
            client=absorbed,
            basis="MEDICAL_EMERGENCY",
            recipient="The emergency room",
            purpose="Treatment",
            body={},
            notice_version="1",
            at=NOON,
            by=person,
        )
    browser, _ = page(care, RoleName.COORDINATOR)

    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert "The emergency room: Treatment" in html


def test_a_date_that_cannot_be_read_looks_for_nobody(care: follow_ups.Care, client: Client) -> None:
    browser, _ = page(care, RoleName.COORDINATOR)

    html = looked_for(browser, name="Somebody Known", born_on="5/17/1980")

    # "Nobody like that" would make a second record of them.
    assert "Nobody was looked for yet" in html
    assert "Nobody like that" not in html
    assert "Make a new record" not in html
    assert 'value="Somebody Known"' in html
    assert "Nothing was asked for" in looked_for(browser)


def test_the_other_record_of_somebody_is_looked_for_by_hand(care: follow_ups.Care, client: Client) -> None:
    other = clients.known(care, "Somebody Knowne")
    browser, person = page(care, RoleName.COORDINATOR)

    asked = {"name": "Somebody Known", "born_on": "", "phone": ""}
    html = browser.post(f"/care/people/?same={client.key}", asked).content.decode()

    # Into the one that it was looked for from, and not into itself.
    assert f'data-id="{other.pk}"' in html
    assert f'data-into="{client.pk}"' in html
    assert f'data-id="{client.pk}"' not in html
    entry = Entry.objects.get(kind="client.listed")
    assert entry.data == {"clients": [client.pk], "person": person.pk, "page": "people"}
    stranger, _ = page(care, RoleName.EMBEDDED)
    assert "Somebody Known" not in stranger.get(f"/care/people/?same={client.key}").content.decode()


def test_a_consent_holds_to_the_end_of_its_last_day_where_the_agency_is(care: follow_ups.Care, client: Client) -> None:
    last = date(2026, 6, 30)
    clients.consent(care, client, expires_on=last)
    evening = datetime(2026, 6, 30, 23, 30, tzinfo=ZoneInfo("America/Los_Angeles"))

    states = [
        whole(client, ids=[client.pk], at=at, cares=True).consents[0][1]
        for at in (evening, evening + timedelta(hours=1))
    ]

    assert states == ["In force", "Ended"]


def test_every_draft_of_a_care_plan_waits_until_it_is_approved_or_taken_away(
    care: follow_ups.Care, client: Client
) -> None:
    by, other = care.coordinator, follow_ups.coordinator(care)
    review_on = NOON.date() + timedelta(days=30)
    drafts = []
    for text in ("First", "Second"):
        with open_door(by=by, at=NOON):
            drafts.append(
                knowledge.write_care_plan(client_id=client.pk, text=text, review_on=review_on, by=by, at=NOON)
            )
    with open_door(by=other, at=NOON):
        knowledge.approve_care_plan(care_plan_id=drafts[1].pk, by=other, at=NOON)

    found = whole(client, ids=[client.pk], at=NOON, cares=True)

    assert found.care_plan == drafts[1]
    assert found.drafts == [drafts[0]]
    assert not found.review_is_due
    assert whole(client, ids=[client.pk], at=NOON + timedelta(days=30), cares=True).review_is_due


def test_what_takes_a_coordinator_is_offered_to_no_one_who_broke_the_glass(
    care: follow_ups.Care, client: Client
) -> None:
    with open_door(by=care.coordinator, at=NOON):
        deaths.say(client_id=client.pk, by=care.coordinator, at=NOON)
    browser, person = page(care, RoleName.RESPONDER)
    opened_to(person, client)

    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert "that this person has died" in html
    assert "You opened this record for a reason" in html
    assert "data-do=" not in html
    assert 'href="/care/people/"' in browser.get("/").content.decode()


def test_a_referral_that_led_to_a_record_stands_there(care: follow_ups.Care, client: Client) -> None:
    by = care.coordinator
    intake = follow_ups.intake(care.scene)
    with open_door(by=by, at=NOON):
        intakes.close(intake_id=intake.pk, client_id=client.pk, note="Met at the library", by=by, at=NOON)
    browser, _ = page(care, RoleName.SUPERVISOR)

    html = browser.get(f"/care/people/{client.key}/").content.decode()

    assert "What came of it: Met at the library" in html
    assert "At the library" in html


def test_no_form_of_a_record_puts_words_into_an_address(care: follow_ups.Care, client: Client) -> None:
    path = f"/care/people/{client.key}/"
    whole_page, shut = (page(care, role)[0].get(path).content.decode() for role in ("COORDINATOR", "RESPONDER"))

    # One without a method asks for an address with everything in it where the page's script has not come.
    tags = [part.split(">")[0] for html in (whole_page, shut) for part in html.split("<form")[1:]]
    assert len(tags) >= 5
    assert [tag for tag in tags if 'method="post"' not in tag and 'method="dialog"' not in tag] == []
