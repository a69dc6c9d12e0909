"""
The supervisors' page of reports: read one, send it back, say that one was made to the authorities, and that one is not owed;
and the page of what a report offers, with the limits of second responses.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import TABLET
from tests.browser.site import Site
from tests.browser.test_wcag import UPRIGHT
from tests.browser.wcag import violations

Enter = Callable[..., Page]

# Two reports of calls that the demo's first unit was at: one signed, one begun.
_WRITE = """
from uuid import uuid4
from datetime import timedelta
from django.utils import timezone
from dispatch.actions import assignments, desk, intake
from dispatch.models import Call, CallType
from followups.actions import encounters
from followups.serializers.encounters import ReportBody
from journal.door import open_door
from responders.actions import shifts
from responders.actors import Actor
from responders.models import Agency, Person, Shift, Unit
now = timezone.now()
agency = Agency.objects.get()
unit = Unit.objects.get(call_sign="CARE 12")
people = list(Person.objects.filter(roles__name="RESPONDER").order_by("pk")[:2])
desk_person = Person.objects.filter(roles__name="DISPATCHER").first()
clerk = Actor(agency.pk, desk_person.name, frozenset({"DISPATCHER"}), person_id=desk_person.pk)
for person in people:
    if not Shift.objects.filter(person=person, ended_at=None).exists():
        with open_door(by="system:test", at=now):
            shifts.start(person_id=person.pk, unit_id=unit.pk, planned_end_at=now + timedelta(hours=8), by="system:test", at=now)
shift = Shift.objects.filter(unit=unit, ended_at=None).order_by("pk").first()
by = Actor(agency.pk, shift.person.name, frozenset({"RESPONDER"}), person_id=shift.person_id, unit_id=unit.pk, shift_id=shift.pk, tablet_id=1)
child = {
    "client": {"new": {"name": "Demo Person Young"}}, "needs": ["SUICIDE_RISK", "SHELTER"], "behaviours": ["ANXIOUS"],
    "done": ["TALKED", "SUICIDE_SCREEN"], "minor": {"age": 15, "guardian": "Aunt"},
    "transport": {"destination": "YOUTH_SHELTER", "where": "On 45th"}, "outcomes": ["REFERRAL_MADE"],
    "mandated": {"about": "Says that they were hit"}, "referrals": [{"to": "Youth shelter", "need": "SHELTER", "warm": True}],
}
said = [{"notes": "Calm when we left.", "met": [child]}, {}]
for number, body in enumerate(said):
    at = timezone.now()
    with open_door(by=clerk, at=at):
        call = Call.objects.create(
            agency=agency, number=f"26-REPORT{number}", source="911", type=CallType.objects.filter(color="GREEN").first(),
            priority=5, queue="CARE", response="CARE", care_available=True, address=f"{number + 1}00 PINE ST",
            address_key=f"{number + 1}00 PINE ST", received_at=at,
        )
    with open_door(by=clerk, at=at):
        held = desk.dispatch(call_id=call.pk, unit_id=unit.pk, by=clerk, at=at)
    for step in (assignments.arrive, assignments.clear):
        with open_door(by=by, at=at):
            step(assignment_id=held.pk, by=by, at=at, **({"disposition": "HANDLED"} if step is assignments.clear else {}))
    read = ReportBody(data=body)
    read.is_valid(raise_exception=True)
    with open_door(by=by, at=at):
        act = encounters.sign if body else encounters.save
        act(key=uuid4(), assignment_id=held.pk, revision=1, seconds=52, body=dict(read.validated_data), by=by, at=at)
"""


@pytest.mark.timeout(400)
def test_a_supervisor_sees_to_reports(enter: Enter, site: Site, pictures: Path) -> None:
    site.manage("load_choices", "--agency", "seattle-demo")
    site.manage("shell", "-c", _WRITE)
    page = enter("supervisor")
    page.goto(f"{site.origin}/care/reports/")
    expect(page.locator("h1")).to_have_text("Reports")
    # Nothing that was written stands in the lists.
    expect(page.locator("#list")).not_to_contain_text("Demo Person Young")
    wrong = []
    for name, size in (("desk", None), ("tablet", TABLET), ("upright", UPRIGHT)):
        if size:
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
        wrong += violations(page)
        page.screenshot(path=pictures / f"reports-{name}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})

    flagged = page.locator('[data-key^="check-"]')
    flagged.get_by_role("button", name="Read it").click()
    expect(flagged).to_contain_text("A minor without a guardian was given a ride")
    expect(flagged).to_contain_text("Says that they were hit")
    expect(flagged).to_contain_text("That you read it is in the record.")
    wrong += violations(page)
    page.screenshot(path=pictures / "reports-read.png", full_page=True)
    page.locator("[data-theme-switch]").click()
    page.screenshot(path=pictures / "reports-night.png", full_page=True)
    wrong += violations(page)
    assert wrong == []

    mandated = page.locator('[data-key^="mandated-"]')
    mandated.get_by_role("button", name="It was made…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Child protective services").click()
    dialog.get_by_label("When").fill("2026-01-05T10:00")
    page.screenshot(path=pictures / "reports-made.png")
    dialog.get_by_role("button", name=re.compile("It was made")).click()
    expect(mandated.locator(".row-outcome")).to_have_text("Kept. The clock has stopped.")

    owed = page.locator('[data-key^="owed-"]')
    # Other tests of this site may owe some.
    before = owed.count()
    flagged.focus()
    page.keyboard.press("b")
    dialog.get_by_label("What is to be looked at").fill("Who said yes to the ride?")
    dialog.get_by_role("button", name="Send back").click()
    expect(flagged.locator(".row-outcome")).to_have_text("Sent back.")

    page.reload()
    expect(owed).to_have_count(before + 1)
    page.locator('[data-key^="owed-"]', has=page.locator('[data-do="excuse"]')).first.get_by_role("button").click()
    dialog.get_by_label("Why").fill("The partner wrote it")
    dialog.get_by_role("button", name="Not owed").click()
    # The question stands until the server has answered.
    expect(dialog).to_be_hidden()
    page.reload()
    expect(owed).to_have_count(before)
    expect(owed.filter(has_text="Sent back")).to_have_count(1)


def test_a_supervisor_decides_on_limits_and_choices(enter: Enter, site: Site, pictures: Path) -> None:
    site.manage("load_choices", "--agency", "seattle-demo")
    page = enter("supervisor")
    page.goto(f"{site.origin}/care/")
    page.get_by_role("link", name="Programme").click()
    expect(page.locator("h1")).to_have_text("Programme")
    wrong = []

    # Refused: it says so at the field, and everything typed is there still.
    until, glass = page.get_by_label("Until"), page.get_by_role("group", name="Break-glass").get_by_role("textbox")
    until.fill("11:00")
    page.get_by_role("button", name="Keep limits").click()
    expect(page.locator("#wrong-visits")).to_have_text("Visits must begin earlier in the day than they end.")
    expect(until).to_be_focused()
    until.fill("20:00")
    glass.fill("73")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong-break_glass_h")).to_have_text("This cannot be. Possible: 1 to 72 hours.")
    wrong += violations(page)
    page.screenshot(path=pictures / "programme-refused.png")
    expect(until).to_have_value("20:00")
    expect(page.locator("#force-visits")).to_contain_text("12:00 to 19:00")
    glass.fill("12")
    page.keyboard.press("Enter")
    expect(page.locator("#limits-said")).to_contain_text("Kept, and in force from now on.")
    expect(page.locator("#force-visits")).to_contain_text("12:00 to 20:00")
    expect(page.locator(".limit-unkept:visible")).to_have_count(0)

    # By keys alone: a choice is added, refused first, moved, renamed and retired.
    supplies = page.locator("#field-SUPPLY")
    supplies.locator("summary").focus()
    page.keyboard.press("Enter")
    many = supplies.locator("ol .choice").count()
    page.keyboard.press("a")
    expect(supplies.get_by_label("A new choice")).to_be_focused()
    page.keyboard.type("Detention slip")
    expect(supplies.get_by_label("Code")).to_have_value("DETENTION_SLIP")
    page.keyboard.press("Enter")
    expect(supplies.locator("[data-wrong=label]:visible")).to_contain_text("never this programme's act")
    expect(supplies.get_by_label("A new choice")).to_have_value("Detention slip")
    supplies.get_by_label("A new choice").fill("Bus ticket, one day")
    page.keyboard.press("Enter")
    said = page.locator("#said-SUPPLY")
    expect(said).to_have_text(f"Added: Bus ticket, one day. It is {many + 1} of {many + 1}.")
    ticket = supplies.locator('[data-code="BUS_TICKET_ONE_DAY"]')
    ticket.focus()
    page.keyboard.press("u")
    expect(said).to_have_text(f"Bus ticket, one day is {many} of {many + 1}.")
    expect(ticket.locator('[data-do="up"]')).to_be_focused()
    page.keyboard.press("e")
    ticket.get_by_label("As the tablet says it").fill("Bus ticket")
    for name, size in (("desk", None), ("tablet", TABLET), ("upright", UPRIGHT)):
        if size:
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
        page.screenshot(path=pictures / f"programme-{name}.png")
    wrong += violations(page)
    page.keyboard.press("Enter")
    expect(said).to_have_text("Kept: Bus ticket.")
    expect(ticket.locator("b")).to_have_text("Bus ticket")
    page.keyboard.press("r")
    expect(said).to_contain_text("Retired: Bus ticket.")
    expect(supplies.locator("summary")).to_contain_text(f"{many} offered, 1 retired")
    # The next press is about the choice that took its place.
    expect(supplies.locator("ol .choice").last).to_be_focused()
    page.locator("[data-theme-switch]").click()
    page.screenshot(path=pictures / "programme-night.png")
    wrong += violations(page)
    # Other tests of this site count on the hours that ship.
    until.fill("19:00")
    glass.fill("24")
    page.get_by_role("button", name="Keep 2 limits").click()
    expect(page.locator("#force-visits")).to_contain_text("12:00 to 19:00")

    assert wrong == []
