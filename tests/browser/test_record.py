"""
The record of a person, walked by those whom it needs: a coordinator who writes, a second one who approves and confirms, a
supervisor, and a responder who opens it for a reason; and a referral without a call that becomes one.

What takes two is refused to one, what is refused leaves what was typed, and what was done the other one sees.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import DESK
from tests.browser.site import Site

Enter = Callable[..., Page]
_ZONE = "America/Los_Angeles"
_TODAY = datetime.now(ZoneInfo(_ZONE)).date()

# A second coordinator and a responder who holds nothing, signed in; two records that may be one person's, and a third; and what
# an officer referred for later contact.
_SCENE = """
import json
from django.conf import settings
from django.test import Client as Browser
from django.utils import timezone
from dispatch.actions import referrals
from dispatch.models import CallType
from followups.actions import clients, intakes, knowledge
from journal.door import open_door
from responders.authentication import actor_for
from responders.models import Person, Role
from tests.security.clients import begin_session
now = timezone.now()
one = Person.objects.get(email="demo-coordinator@example.org")
with open_door(by="system:test", at=now):
    two, _ = Person.objects.get_or_create(email="second-coordinator@example.org", agency=one.agency, name="Second Coordinator")
    Role.objects.get_or_create(person=two, name="COORDINATOR")
by, officer = actor_for(one), actor_for(Person.objects.get(email="demo-officer@example.org"))
told = {"born_on": "1971-03-04"}
made = {}
for name in ("Marta Walk-Test", "Marta Walk-Teste", "Another Walk-Test"):
    with open_door(by=by, at=now):
        made[name] = clients.create(name=name, by=by, at=now, **(told if "Marta" in name else {}))
with open_door(by=by, at=now):
    knowledge.add_strategy(client_id=made["Marta Walk-Teste"].pk, kind="HELPS", text="Speak Spanish first", by=by, at=now)
with open_door(by=officer, at=now):
    what = CallType.objects.filter(agency=one.agency, color="GREEN").first().code
    referrals.make(
        by=officer, at=now, kind="PERSON", what=what, text="Sleeps behind the library", contact="At the library, evenings",
        searched="NO", weapons="NO", threats="NO",
    )
with open_door(by="system:test", at=now):
    intakes.take_in(by="system:test", at=now, most=10)
def signed_in(person):
    browser = Browser()
    begin_session(browser, person, at=now)
    return browser.session.session_key
print(json.dumps({
    "cookie": settings.SESSION_COOKIE_NAME,
    "sessions": {"second": signed_in(two), "responder": signed_in(Person.objects.get(email="demo-responder-7@example.org"))},
    "records": {name: str(client.key) for name, client in made.items()},
}))
"""


@dataclass(frozen=True)
class Scene:
    """
    Who is there, and whose records.
    """

    site: Site
    one: Page
    two: Page
    supervisor: Page
    responder: Page
    records: dict[str, str]

    def open(self, page: Page, name: str) -> Page:
        """
        Return the page with somebody's record open.
        """
        page.goto(f"{self.site.origin}/care/people/{self.records[name]}/")
        return page

    def rows(self, question: str, *given: object) -> list[tuple[Any, ...]]:
        """
        Return what the database says.
        """
        with psycopg.connect(self.site.database_url) as connection:
            return connection.execute(question, given).fetchall()


@pytest.fixture(scope="module")
def told(site: Site) -> Any:
    """
    Set the scene, and return what it is told of.
    """
    site.manage("load_choices", "--agency", "seattle-demo")
    return json.loads(site.manage("shell", "-c", _SCENE).splitlines()[-1])


@pytest.fixture
def scene(site: Site, enter: Enter, chromium: Browser, told: Any) -> Iterator[Scene]:
    """
    Yield the scene, with each of the four at a browser of their own.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def signed_in(who: str) -> Page:
        context = chromium.new_context(viewport={"width": DESK["width"], "height": DESK["height"]}, timezone_id=_ZONE)
        contexts.append(context)
        context.add_cookies([{"name": told["cookie"], "value": told["sessions"][who], "url": site.origin}])
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{who}: {error}"))
        return page

    yield Scene(
        site, enter("coordinator"), signed_in("second"), enter("supervisor"), signed_in("responder"), told["records"]
    )
    for context in contexts:
        context.close()
    assert problems == []


def part(page: Page, title: str) -> Locator:
    """
    Return the part of a record that has this heading.
    """
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def say(page: Page, button: str, **answers: str) -> Locator:
    """
    Answer the question that stands, by its fields' names, and press the button; return the question.
    """
    dialog = page.locator("#ask")
    for name, value in answers.items():
        field = dialog.locator(f'[name="{name}"]')
        if field.first.get_attribute("type") == "radio":
            dialog.locator(f'[name="{name}"][value="{value}"]').check()
        elif field.evaluate("field => field.localName") == "select":
            field.select_option(value)
        else:
            field.fill(value)
    dialog.get_by_role("button", name=button).click()
    return dialog


def done(page: Page, words: str) -> None:
    """
    Expect that the page came anew, and says this of what was done.
    """
    expect(page.locator("#outcome")).to_have_text(words)


def there(page: Page, shown: Locator, words: str) -> None:
    """
    Expect that a page shows this, and wait for its scripts: what is pressed before them does nothing.
    """
    expect(shown).to_contain_text(words)
    page.wait_for_load_state()


def test_what_takes_two_takes_two(scene: Scene, pictures: Path) -> None:
    one, two = scene.open(scene.one, "Marta Walk-Test"), scene.open(scene.two, "Marta Walk-Test")

    # --- a care plan: what is refused leaves what was typed; whoever wrote it does not approve it ------------------------
    part(one, "Care plan").get_by_role("button", name="Write…").click()
    one.locator("#ask").get_by_label("Plan").fill("Meet her outside.")
    one.keyboard.press("Enter")
    one.keyboard.type("Two voices are too many.")
    dialog = say(one, "Write", review_on=str(_TODAY - timedelta(days=2)))
    expect(dialog).to_contain_text("The review date must be after today")
    expect(dialog.get_by_label("Plan")).to_have_value("Meet her outside.\nTwo voices are too many.")
    one.screenshot(path=pictures / "refused.png")
    say(one, "Write", review_on=str(_TODAY + timedelta(days=90)))
    done(one, "Written. It is in force when somebody else has approved it.")
    expect(part(one, "Care plan")).to_contain_text("by somebody else than Demo Coordinator")
    expect(part(one, "Care plan").get_by_role("button", name="Approve")).to_have_count(0)
    two.reload()
    part(two, "Care plan").get_by_role("button", name="Approve").click()
    done(two, "Approved: the care plan is in force.")
    one.reload()
    expect(part(one, "Care plan")).to_contain_text("By Demo Coordinator, approved by Second Coordinator")

    # --- two records of one person, and two again ------------------------------------------------------------------------
    same = part(one, "The same person?")
    same.locator("li", has_text="Marta Walk-Teste").get_by_role("button", name="The same…").click()
    say(one, "They are the same")
    done(one, "They are one record now.")
    expect(part(one, "What helps, what to avoid")).to_contain_text("Speak Spanish first")
    expect(one.locator("#record")).to_contain_text("Also Marta Walk-Teste")
    one.screenshot(path=pictures / "merged.png", full_page=True)
    # Whoever has the other's page gets to the one that is kept.
    expect(scene.open(two, "Marta Walk-Teste").locator("h1")).to_have_text("Marta Walk-Test")
    same.get_by_role("button", name="Take it back…").click()
    say(one, "Take the merge back")
    done(one, "They are two records again.")
    expect(part(one, "What helps, what to avoid")).not_to_contain_text("Speak Spanish first")
    expect(scene.open(two, "Marta Walk-Teste").locator("h1")).to_have_text("Marta Walk-Teste")
    # One that nothing looks like is found by hand.
    same.get_by_role("link", name="Look for another…").click()
    one.get_by_label("Name or alias").fill("Another Walk-Test")
    one.get_by_role("button", name="Look", exact=True).click()
    there(one, one.locator("#found-title"), "alike")
    one.locator("li", has_text="Another Walk-Test").get_by_role("button", name="The same…").click()
    say(one, "They are the same")
    there(one, one.locator("#record"), "Also Another Walk-Test")

    # --- a consent with everything, what goes out on it, and its end -----------------------------------------------------
    one.get_by_text("Record a signed consent").click()
    form = one.locator("#consent")
    for name, words in (
        ("description", "That she is seen by us"),
        ("recipient", "The clinic at the harbor"),
        ("purpose", "To make an appointment"),
        ("signed_by", "Marta Walk-Test"),
        ("signed_on", str(_TODAY - timedelta(days=3))),
        ("text_version", "2026-1"),
    ):
        form.locator(f'[name="{name}"]').fill(words)
    form.get_by_label(re.compile("They were told")).check()
    form.get_by_role("button", name="Record the consent").click()
    expect(form.get_by_role("alert")).to_contain_text(re.compile("Missing: Which parts.*; Ends on"))
    form.get_by_label("Who they are", exact=True).check()
    form.locator('[name="expires_upon"]').fill("the first appointment")
    form.get_by_role("button", name="Record the consent").click()
    done(one, "The consent is in force.")
    one.get_by_text("Let something out", exact=True).click()
    out = one.locator("#disclosure")
    # Nothing is offered that the consent does not name, and it says itself to whom.
    expect(out.get_by_label("Cautions")).to_be_disabled()
    expect(out.get_by_label("To whom")).to_be_hidden()
    out.get_by_label("Who they are", exact=True).check()
    out.get_by_role("button", name="Make the copy").click()
    copy = one.locator("#copy")
    expect(copy.get_by_role("heading", name="The copy that goes out")).to_be_in_viewport()
    expect(copy).to_contain_text("42 CFR part 2")
    one.screenshot(path=pictures / "copy.png")
    copy.get_by_role("button", name="Done").click()
    done(one, "The copy is in the accounting.")
    consents = part(one, "Consent and what was let out")
    expect(consents.locator("h3 + .lines")).to_contain_text("The clinic at the harbor: To make an appointment")
    consents.get_by_role("button", name="Revoke…").click()
    say(one, "Revoke")
    done(one, "Revoked. Nothing goes out on it any more.")
    expect(consents).to_contain_text(re.compile("Revoked \\d"))
    one.get_by_text("Let something out", exact=True).click()
    expect(out.locator("option", has_text="Consent")).to_have_count(0)

    # --- somebody has died: one says it, nothing stops, a second one confirms it, and it can be taken back ---------------
    part(one, "Second responses").get_by_role("button", name="Open a plan…").click()
    say(one, "Open the plan")
    done(one, "The plan is open.")
    one.get_by_role("button", name="They have died…").click()
    say(one, "They have died")
    done(one, "Kept. Nothing stops before somebody else has confirmed it.")
    expect(one.get_by_role("button", name="Confirm it…")).to_have_count(0)
    expect(part(one, "Second responses")).to_contain_text("To come")
    scene.open(two, "Marta Walk-Test").get_by_role("button", name="Confirm it…").click()
    say(two, "Confirm")
    done(two, "Confirmed. Everything that was planned has stopped.")
    expect(two.get_by_role("button", name="Open a plan…")).to_have_count(0)
    two.screenshot(path=pictures / "deceased.png", full_page=True)
    assert scene.rows(
        "SELECT p.state, p.close_reason, f.state FROM followups_plan p JOIN followups_followup f ON f.plan_id = p.id"
        " JOIN followups_client c ON c.id = p.client_id WHERE c.key = %s GROUP BY 1, 2, 3",
        scene.records["Marta Walk-Test"],
    ) == [("CLOSED", "DECEASED", "CANCELLED")]
    one.reload()
    expect(one.locator("main")).to_contain_text("Said by Demo Coordinator, confirmed by Second Coordinator")
    one.get_by_role("button", name="It is not so…").click()
    say(one, "It is not so")
    done(one, "Taken back. What was closed stays closed.")

    # --- a responder who has nothing to do with her opens it for a reason, loudly ----------------------------------------
    responder = scene.open(scene.responder, "Marta Walk-Test")
    expect(responder.locator("h1")).to_have_text("This record is not open to you")
    expect(responder.locator("body")).not_to_contain_text("Marta")
    responder.get_by_label("Why you must read it now").fill("She stands on a bridge, and we talk on the phone")
    responder.screenshot(path=pictures / "shut.png")
    responder.get_by_role("button", name="Open the record").click()
    expect(responder.locator("h1")).to_have_text("Marta Walk-Test")
    expect(responder.locator("main")).to_contain_text("You opened this record for a reason, and supervisors know")
    expect(responder.locator("main button[data-do]")).to_have_count(0)
    responder.screenshot(path=pictures / "opened.png", full_page=True)
    supervisor = scene.supervisor
    supervisor.goto(f"{scene.site.origin}/care/opened/")
    row = supervisor.locator(".row", has_text="Responder Seven").filter(has_text="Marta Walk-Test")
    expect(row).to_contain_text("She stands on a bridge, and we talk on the phone")
    row.get_by_role("button", name="I have looked at it").click()
    expect(row).to_contain_text("Seen Demo Supervisor")
    supervisor.screenshot(path=pictures / "seen.png")
    one.reload()
    expect(part(one, "Who has read this")).to_contain_text("Responder Seven Opened for a reason")


def test_who_was_referred_without_a_call_is_seen_to_its_end(scene: Scene, pictures: Path) -> None:
    one, two, origin = scene.one, scene.two, scene.site.origin

    # --- taken once: the other one sees whose it is -----------------------------------------------------------------------
    two.goto(f"{origin}/care/referrals/")
    one.goto(f"{origin}/care/referrals/")
    expect(two.locator("html")).to_have_attribute("data-line", "live")
    row = one.locator(".row", has_text="Sleeps behind the library").first
    row.get_by_role("button", name="Take it").click()
    expect(row).to_contain_text("Taken by Demo Coordinator")
    # The keys go on from the row.
    expect(row).to_be_focused()
    expect(two.locator(".row", has_text="Sleeps behind the library").first).to_contain_text(
        "Taken by Demo Coordinator"
    )
    one.screenshot(path=pictures / "taken.png")

    # --- nobody like that: a record is made, and the referral ends with it -------------------------------------------------
    row.get_by_role("link", name="Find or make the record").click()
    one.get_by_label("Name or alias").fill("Quentin Zwiebel")
    one.get_by_label("Date of birth").fill("4/3/1971")
    one.get_by_role("button", name="Look", exact=True).click()
    expect(one.get_by_role("alert")).to_contain_text("Write the date of birth like 1985-04-30")
    one.get_by_label("Date of birth").fill("1971-04-03")
    one.get_by_role("button", name="Look", exact=True).click()
    there(one, one.locator("#found-title"), "Nobody like that")
    one.get_by_role("button", name="Make a new record…").click()
    dialog = say(one, "Make it", language="es", interpreter="yes", born_on="3 April")
    expect(dialog).to_contain_text("Born (1980, 1980-05 or 1980-05-17): Write it like 1980-05-17")
    say(one, "Make it", born_on="1971-04-03")
    say(one, "Close", note="Met him at the library")
    there(one, one.locator("h1"), "Quentin Zwiebel")
    expect(one.locator("#record")).to_contain_text("Speaks es, interpreter needed")
    expect(part(one, "Referred to us")).to_contain_text("What came of it: Met him at the library")
    assert (
        scene.rows(
            "SELECT state FROM followups_intake i JOIN dispatch_referral r ON r.id = i.referral_id WHERE r.ended_at IS NULL"
        )
        == []
    )

    # --- a plan that waits for a release, is counted anew, and is closed early ---------------------------------------------
    plans = part(one, "Second responses")
    plans.get_by_role("button", name="Open a plan…").click()
    say(one, "Open the plan", steps="2, 5")
    done(one, "The plan is open.")
    plans.get_by_role("button", name="Pause…").click()
    say(one, "Pause", reason="HOSPITAL")
    done(one, "Paused. It is counted anew from the release.")
    expect(plans).to_contain_text("Waits for release")
    plans.get_by_role("button", name="Released…").click()
    dialog = say(one, "Go on", released_at="2026-01-01T10:00")
    expect(dialog).to_contain_text("The release lies before the pause, or in the future.")
    say(one, "Go on", released_at="")
    done(one, "The plan goes on.")
    expect(plans).to_contain_text("Planned anew")

    # --- a single day, moved for a reason, on the other one's board --------------------------------------------------------
    plans.get_by_role("button", name="Add a day…").click()
    dialog = say(one, "Add", date=str(_TODAY - timedelta(days=2)), reason="Bring the blanket")
    expect(dialog).to_contain_text("This day is over.")
    say(one, "Add", date=str(_TODAY + timedelta(days=3)))
    done(one, "Added.")
    one.screenshot(path=pictures / "planned.png", full_page=True)
    two.goto(f"{origin}/care/?show=coming")
    single = two.locator(".row", has_text="Bring the blanket")
    single.get_by_role("button", name="Move…").click()
    dialog = say(two, "Move", date=str(_TODAY - timedelta(days=2)), reason="He asked for the weekend")
    expect(dialog).to_contain_text("This day is over.")
    say(two, "Move", date=str(_TODAY + timedelta(days=4)))
    expect(single.locator(".row-outcome")).to_have_text("Moved.")
    expect(single).to_be_focused()
    two.screenshot(path=pictures / "moved.png")

    # --- what a service says, by whom, until he was there ------------------------------------------------------------------
    services = part(one, "Referrals to services")
    services.get_by_role("button", name="Refer…").click()
    say(one, "Refer", to="Day centre on 3rd")
    done(one, "Referred.")
    for state, words, said_by, more in (
        ("WAITLISTED", "On a waiting list", "the front desk", {}),
        ("ACCEPTED", "Accepted", "their case manager", {}),
        ("ATTENDED", "Attended", "himself", {"warm": "yes"}),
    ):
        services.get_by_role("button", name="Heard of it…").click()
        say(one, "Enter", state=state, said_by=said_by, **more)
        there(one, services.locator(".tag").first, words)
    expect(services).to_contain_text("Warm handover")
    expect(services).to_contain_text("attended, said himself")
    # Nothing comes after that.
    expect(services.get_by_role("button", name="Heard of it…")).to_have_count(0)
    expect(plans).to_contain_text("He asked for the weekend")
    assert scene.rows(
        "SELECT s.state FROM followups_carereferralstep s JOIN followups_client c ON c.id = s.client_id"
        " JOIN followups_clientname n ON n.client_id = c.id WHERE n.text = 'Quentin Zwiebel' ORDER BY s.id"
    ) == [("WAITLISTED",), ("ACCEPTED",), ("ATTENDED",)]

    plans.get_by_role("button", name="Close early…").click()
    say(one, "Close the plan", reason="IN_CARE", note="Sleeps at the day centre")
    done(one, "The plan is closed.")
    expect(plans).to_contain_text("Is in care elsewhere · Sleeps at the day centre")
    one.screenshot(path=pictures / "closed.png", full_page=True)
    two.reload()
    # What was planned by itself goes on.
    expect(two.locator(".row", has_text="Quentin Zwiebel")).to_have_count(1)
    expect(two.locator(".row", has_text="Quentin Zwiebel")).to_contain_text("Single")
