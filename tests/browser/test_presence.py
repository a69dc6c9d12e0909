"""
A crew that comes upon somebody without signal, and a crew that nobody hears of: what the tablet says, and what the desk sees.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NONE_OF_IT, TABLET, clear_by_radio, new_number, pictured, say_by_radio
from tests.browser.site import Site

Enter = Callable[..., Page]
UNKNOWN = "DISPATCH DOES NOT KNOW YOU ARE HERE: RADIO"
PHONE = {"width": 390, "height": 780}
# What an agency would never set: a test waits for it.
_TIMES = """
from django.utils import timezone
from journal.door import open_door
from responders.models import Agency
with open_door(by="system:test", at=timezone.now()):
    for agency in Agency.objects.all():
        agency.welfare_first_s, agency.welfare_next_s, agency.welfare_answer_s, agency.welfare_check_s = {times}
        agency.welfare_risky_first_s, agency.welfare_risky_next_s = agency.welfare_first_s, agency.welfare_next_s
        agency.save()
"""


@pytest.fixture
def hasty(site: Site) -> Iterator[None]:
    """
    Have crews asked after 15 s, the desk alarmed 5 s later, and backup long after.
    """
    site.manage("shell", "-c", _TIMES.format(times="15, 15, 5, 600"))
    yield
    site.manage("shell", "-c", _TIMES.format(times="600, 900, 60, 60"))


def test_what_a_crew_comes_upon_without_signal_is_its_call_and_the_desk_hears_of_it(
    site: Site, enter: Enter, pictures: Path
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    unit = desk.locator("#units-rows .u", has_text="CARE 12")
    expect(unit).to_contain_text("Available")
    expect(tablet.get_by_role("button", name="On-view…")).to_be_visible()
    pictured(tablet, pictures / "available.png")
    tablet.context.set_offline(True)
    expect(tablet.get_by_text("Offline").first).to_be_visible(timeout=40_000)

    tablet.get_by_role("button", name="On-view…").click()
    pictured(tablet, pictures / "on-view-sheet.png")
    tablet.get_by_role("button", name="Check on a person").click()

    expect(tablet.get_by_text(UNKNOWN)).to_be_visible()
    expect(tablet.get_by_role("heading", name="Check on a person")).to_be_visible()
    expect(tablet.get_by_role("button", name="Clear…")).to_be_visible()
    expect(tablet.get_by_role("button", name="Hand back…")).to_have_count(0)
    pictured(tablet, pictures / "on-view-offline.png")
    tablet.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    # A phone shows one of call, board and map: what the crew has just begun.
    expect(tablet.get_by_role("heading", name="Check on a person")).to_be_visible()
    expect(tablet.get_by_text(UNKNOWN)).to_be_visible()
    tablet.screenshot(path=pictures / "on-view-offline-phone.png")
    tablet.set_viewport_size({"width": TABLET["width"], "height": TABLET["height"]})
    expect(unit).to_contain_text("Available")

    tablet.context.set_offline(False)

    expect(unit).to_contain_text("On-view", timeout=40_000)
    expect(tablet.get_by_text(UNKNOWN)).to_have_count(0, timeout=40_000)
    expect(tablet.get_by_text(re.compile(r"number OV\d+"))).to_be_visible()

    # A 911 call that waits where the crew stands is offered, and joined only when somebody says so.
    now = datetime.now(UTC).isoformat()
    call = {
        "type": "DOWN - CHECK FOR PERSON DOWN",
        "priority": 3,
        "address": "PIKE ST / 4 AV",
        "point": {"lon": -122.3355, "lat": 47.6089},
        "place_kind": "PUBLIC",
        "source": "911",
        "answers": NONE_OF_IT,
        "narrative": "RP SAYS PERSON ASLEEP IN DOORWAY.",
        "received_at": now,
    }
    number = new_number()
    site.cad_says(number, **call, cad_at=now)
    expect(tablet.get_by_text("The same as Down - check for person down?")).to_be_visible(timeout=20_000)
    pictured(tablet, pictures / "same-call.png")
    desk.screenshot(path=pictures / "desk-on-view.png")
    tablet.get_by_role("button", name="Same call").click()

    expect(tablet.get_by_text(f"number {number}")).to_be_visible(timeout=20_000)
    expect(tablet.get_by_role("alertdialog")).to_have_count(0)
    expect(unit).to_contain_text("PIKE ST / 4 AV")
    tablet.screenshot(path=pictures / "joined.png")
    clear_by_radio(desk, "CARE 12")


def test_an_encounter_that_began_and_ended_without_signal_arrives_as_a_whole(enter: Enter) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    # Who is signed on, and that they are free, is known here before the signal goes.
    expect(tablet.get_by_role("button", name="On-view…")).to_be_visible()
    tablet.context.set_offline(True)
    expect(tablet.get_by_text("Offline").first).to_be_visible(timeout=40_000)
    tablet.get_by_role("button", name="On-view…").click()
    tablet.get_by_role("button", name="Shelter, food or a ride").click()
    tablet.get_by_role("button", name="Clear…").click()
    tablet.get_by_role("button", name="Handled", exact=True).click()
    tablet.get_by_role("button", name="Clear: Handled").click()
    # And the next one, before anything was sent.
    expect(tablet.get_by_text("Cleared: Handled")).to_be_visible()
    tablet.get_by_role("button", name="On-view…").click()
    tablet.get_by_role("button", name="Dispute").click()
    expect(tablet.get_by_role("heading", name="Dispute")).to_be_visible()

    tablet.context.set_offline(False)

    unit = desk.locator("#units-rows .u", has_text="CARE 12")
    expect(unit).to_contain_text("Dispute", timeout=40_000)
    expect(tablet.get_by_text("not done")).to_have_count(0)
    clear_by_radio(desk, "CARE 12")


def test_a_crew_that_nobody_hears_of_is_asked_and_rings_at_the_desk(
    waiting: str, hasty: None, enter: Enter, pictures: Path
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    tablet.get_by_role("button", name="Acknowledge, en route").click(timeout=10_000)
    # The large one only from now on: a second tap of the same finger is not taken for it.
    expect(tablet.locator(".bar .next")).to_contain_text("On scene")
    tablet.locator(".bar .next").click()
    unit = desk.locator("#units-rows .u", has_text="CARE 12")

    expect(unit).to_contain_text("check-in in")
    expect(tablet.get_by_text("check-in in under 1 min")).to_be_visible()
    pictured(tablet, pictures / "clock.png")

    # Nobody touches it.
    expect(tablet.get_by_text("Tap anywhere: all well?")).to_be_visible(timeout=40_000)
    pictured(tablet, pictures / "all-well.png")
    alarm = desk.locator("#alarms-rows .alarm", has_text="No sign of CARE 12")
    expect(alarm).to_be_visible(timeout=20_000)
    desk.screenshot(path=pictures / "desk-no-sign.png")

    say_by_radio(desk, "CARE 12", "All well: radio check")

    expect(alarm).to_have_count(0)
    expect(tablet.get_by_text("Tap anywhere: all well?")).to_have_count(0)

    # Without signal it asks all the same, and says who cannot see the answer; a touch anywhere is one.
    tablet.context.set_offline(True)
    expect(tablet.get_by_text("No signal: the desk cannot see your answer.")).to_be_visible(timeout=60_000)
    pictured(tablet, pictures / "all-well-offline.png")
    tablet.get_by_role("heading", name="Down - check for person down").click()
    expect(tablet.get_by_text("Tap anywhere: all well?")).to_have_count(0)
    tablet.context.set_offline(False)
    clear_by_radio(desk, "CARE 12")
