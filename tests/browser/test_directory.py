"""
A crew looks something up: by need, in words, by age and language, on its call, and without signal.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from deploy.local.places import ROOT
from tests.browser.conftest import TABLET, clear_by_radio, pictured
from tests.browser.site import Site

Enter = Callable[..., Page]
DEMO = ROOT / "followups" / "data" / "demo-directory.json"


@pytest.fixture(autouse=True)
def directory(site: Site) -> None:
    """
    Have the demo's directory in the site.
    """
    site.manage("import_hsds", str(DEMO), "--agency", "seattle-demo", "--source", "demo", "--name", "Demo directory")


def rows(sheet: Locator) -> Locator:
    return sheet.get_by_role("list", name="Resources", exact=True).locator(".dir-row")


def test_a_crew_finds_dials_and_goes_there_without_signal(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    tablet.get_by_role("button", name="Resources").click()
    sheet = tablet.get_by_role("dialog", name="Resources")
    expect(sheet.get_by_text("25 resources, on this tablet also without signal")).to_be_visible(timeout=60_000)
    pictured(tablet, pictures / "needs.png")

    tablet.context.set_offline(True)
    expect(tablet.get_by_text("Offline").first).to_be_visible(timeout=60_000)
    sheet.get_by_role("button", name="Shelter").click()
    expect(rows(sheet)).to_have_count(6)
    pictured(tablet, pictures / "shelters.png")
    sheet.get_by_label("Age").fill("15")
    # Those for grown-ups are gone; where nobody said an age, one may ask.
    expect(rows(sheet)).to_have_count(4)
    expect(sheet.get_by_text("Demo Youth Shelter")).to_be_visible()
    sheet.get_by_role("button", name="Language").click()
    sheet.get_by_role("button", name="Russian").click()
    expect(rows(sheet)).to_have_count(1)
    sheet.get_by_role("button", name="Open now").click()
    # At any hour of any day, holidays included.
    expect(sheet.get_by_text("Open, day and night")).to_be_visible()
    pictured(tablet, pictures / "filtered.png")

    rows(sheet).locator(".dir-main").click()
    one = tablet.get_by_role("dialog", name="Demo Safe Homes Line")
    expect(one.get_by_role("link", name=re.compile("206-555-01"))).to_have_attribute(
        "href", re.compile(r"^tel:20655501\d\d$")
    )
    one.get_by_role("button", name="Back to the list").click()
    sheet.get_by_role("button", name="another need").click()
    sheet.get_by_label("Search the directory").fill("nobody has such a thing")
    sheet.get_by_role("button", name="Begin anew").click()
    sheet.get_by_label("Search the directory").fill("wound")
    rows(sheet).locator(".dir-main").click()
    clinic = tablet.get_by_role("dialog", name="Demo Street Clinic")
    expect(clinic.get_by_text(re.compile("^Mon.Fri$"))).to_be_visible()
    expect(clinic.get_by_role("link", name=re.compile("Navigate"))).to_have_attribute(
        "href", re.compile("^geo:47.6049,-122.3265")
    )
    pictured(tablet, pictures / "clinic.png")
    clinic.get_by_role("button", name="Close").click()

    tablet.context.set_offline(False)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    tablet.get_by_role("button", name="Acknowledge", exact=True).click(timeout=60_000)
    call = tablet.get_by_role("region", name="My call")
    pictured(tablet, pictures / "on-call.png")
    call.get_by_role("button", name="Resources").click()
    # What was asked is still there, and stays when the call goes.
    expect(sheet.get_by_text("Demo Street Clinic")).to_be_visible()
    clear_by_radio(desk, "CARE 12")
    # That it went is said first.
    tablet.get_by_role("button", name="Understood").click(timeout=60_000)
    expect(sheet.get_by_text("Demo Street Clinic")).to_be_visible()
    expect(call).to_have_count(0)
