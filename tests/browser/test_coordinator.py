"""
The coordinator's day: what is due, an attempt in three taps, another day, a person to see to it, a record, and the board by
keys alone; a survey on a phone.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK
from tests.browser.site import Site

Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def cared(site: Site) -> None:
    """
    Have people to care for in the demo.
    """
    site.manage("load_followups_demo")


def test_an_attempt_takes_three_taps(enter: Enter, site: Site, cared: None, pictures: Path) -> None:
    page, watching = enter("coordinator"), enter("supervisor")
    watching.goto(f"{site.origin}/care/")
    expect(watching.locator("html")).to_have_attribute("data-line", "live")
    expect(page.locator("h1")).to_have_text("Second responses")
    # As many marks on the map as rows that have a place, each where Leaflet put it: inside.
    marks, placed = page.locator("#map .pin"), page.locator(".row[data-lat]")
    expect(marks).to_have_count(placed.count())
    for mark in marks.all():
        expect(mark).to_be_in_viewport()
    row = page.locator(".row").first
    name = row.get_attribute("data-name")
    page.screenshot(path=pictures / "board.png")

    row.get_by_role("button", name="Phoned").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Phone call to {name}")
    dialog.get_by_text("Not found").click()
    page.screenshot(path=pictures / "attempt.png")
    dialog.get_by_role("button", name="Record").click()

    expect(page.locator(".row", has_text=str(name)).first).to_contain_text("Not found (phone)")
    expect(page.locator(".row", has_text=str(name)).first).to_contain_text("1 try")
    # Whoever else has the board open sees it too.
    expect(watching.locator(".row", has_text=str(name)).first).to_contain_text("Not found (phone)")


def test_the_board_goes_by_keys_alone(enter: Enter, cared: None) -> None:
    page = enter("coordinator")
    page.keyboard.press("4")
    expect(page.locator("#filters input[value=coming]")).to_be_checked()
    expect(page.locator(".due-head").first).to_contain_text("Coming")
    page.keyboard.press("j")
    row = page.locator(".row:focus")
    key = row.get_attribute("data-key")

    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Person (may stay empty)").select_option(label="Demo Coordinator")
    # Enter opens a list that is chosen from: the answer is one Tab further.
    dialog.get_by_role("button", name="Assign").press("Enter")
    expect(page.locator(f'[data-key="{key}"]')).to_contain_text("Demo Coordinator")

    page.locator(f'[data-key="{key}"]').focus()
    page.keyboard.press("m")
    dialog.get_by_label("Why").fill("Asked for another day")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-key="{key}"] .row-outcome')).to_have_text("Moved.")

    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("Move to another day")
    page.keyboard.press("Escape")
    page.locator(f'[data-key="{key}"]').focus()
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(r"/care/people/[0-9a-f-]{36}/$"))
    # Whose day was moved, and why, is on their record.
    expect(page.locator("main")).to_contain_text("Asked for another day")


def test_a_record_is_read_and_added_to(enter: Enter, cared: None, pictures: Path) -> None:
    page = enter("coordinator")
    page.goto(page.url.replace("/care/", "/care/?show=coming"))
    page.locator(".row-what a", has_text="Demo Person One").first.click()
    expect(page.locator("h1")).to_have_text("Demo Person One")
    page.screenshot(path=pictures / "record.png", full_page=True)

    avoid = page.locator("header", has=page.get_by_role("heading", name="Avoid"))
    avoid.get_by_role("button", name="Add…").click()
    page.get_by_role("dialog").get_by_label("In a sentence").fill("Loud radios")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_contain_text("Loud radios")
    expect(page.locator("#readings-title + ul")).to_contain_text("Demo Coordinator")


def test_nothing_goes_out_without_every_element_of_a_consent(enter: Enter, cared: None, pictures: Path) -> None:
    page = enter("coordinator")
    page.goto(page.url.replace("/care/", "/care/?show=coming"))
    page.locator(".row-what a", has_text="Demo Person Six").first.click()
    page.get_by_text("Record a signed consent").click()
    form = page.locator("#consent")
    for label, words in (
        ("What, named specifically", "That they are seen by CARE, and when"),
        ("To whom", "The clinic at the harbor"),
        ("What for", "To make an appointment"),
        ("Ends upon", "the first appointment"),
        ("Signed by", "Demo Person Six"),
        ("Version of the form that was signed", "2026-1"),
    ):
        form.get_by_label(label).fill(words)
    form.get_by_label("Who they are", exact=True).check()
    form.get_by_label("Signed on").fill("2026-01-05")
    form.get_by_label(re.compile("They were told")).check()
    form.get_by_role("button", name="Record the consent").click()
    expect(page.locator("main")).to_contain_text("The clinic at the harbor")
    expect(page.locator("main")).to_contain_text("In force")

    page.get_by_text("Let something out", exact=True).click()
    page.locator("#disclosure").get_by_label("Who they are", exact=True).check()
    page.locator("#disclosure").get_by_role("button", name="Make the copy").click()

    copy = page.get_by_role("dialog")
    expect(copy).to_contain_text("42 CFR part 2")
    expect(copy).to_contain_text("To make an appointment")
    page.screenshot(path=pictures / "copy.png")


def test_a_card_is_answered_on_a_phone(site: Site, chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "cards.html"
    site.manage("print_survey_codes", "seattle-demo", "--count", "1", "--sheet", str(sheet))
    [code] = re.findall(r"<b>([2-9A-Z-]{14})</b>", sheet.read_text())
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="es-MX")
    phone = context.new_page()

    phone.goto(f"{site.origin}/say/{code}/")
    expect(phone.locator("h1")).to_have_text("¿Cómo le fue?")
    phone.screenshot(path=pictures / "survey.png", full_page=True)
    for question in phone.locator("fieldset").all():
        question.get_by_role("radio", name="Totalmente").check()
    phone.get_by_role("button", name="Enviar").click()

    expect(phone.get_by_role("status")).to_contain_text("Gracias")
    phone.goto(f"{site.origin}/say/{code}/")
    expect(phone.get_by_role("status")).to_contain_text("ya se usó")
    context.close()


def test_three_hundred_rows_stay_usable(enter: Enter, site: Site, cared: None) -> None:
    site.manage("shell", "-c", _MANY)
    page = enter("coordinator", size=DESK)
    page.goto(page.url.replace("/care/", "/care/?show=coming"))
    expect(page.locator(".row")).to_have_count(300)

    for _ in range(40):
        page.keyboard.press("j")

    # As many keys, as many rows, and what has the focus is on the screen.
    rows = page.locator(".row")
    expect(rows.nth(39)).to_be_focused()
    expect(rows.nth(39)).to_be_in_viewport()


_MANY = """
from datetime import timedelta
from django.utils import timezone
from followups.actions import clients, follow_ups
from journal.door import open_door
from responders.actors import Actor
from responders.models import Person
from responders.authentication import actor_for
by = actor_for(Person.objects.get(email="demo-coordinator@example.org"))
now = timezone.now()
for number in range(320):
    with open_door(by=by, at=now):
        client = clients.create(name=f"Row Number {number}", by=by, at=now)
        follow_ups.add(client_id=client.pk, date=(now + timedelta(days=60 + number % 20)).date(), by=by, at=now)
"""
