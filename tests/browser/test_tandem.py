"""
Two crews, a desk and a partner: they stage until somebody says that it is safe, one withdraws without signal, and they write.
"""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TABLET, clear_by_radio, pictured

Enter = Callable[..., Page]
LONG = 45_000


def detail(desk: Page) -> Locator:
    """
    Return the part of the desk's open call that is about its partners.
    """
    return desk.locator("#detail-tandem")


def send(desk: Page, call_sign: str) -> None:
    """
    Send a unit to the call that is open at the desk.
    """
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text(call_sign).click()
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail-units")).to_contain_text(call_sign)


def test_crews_stage_until_it_is_safe_and_one_withdraws(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    first, second = enter("tablet-1", size=TABLET), enter("tablet-2", size=TABLET)
    for tablet in (first, second):
        expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=LONG)
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    send(desk, "CARE 12")
    send(desk, "CARE 14")
    for tablet in (first, second):
        tablet.get_by_role("button", name="Acknowledge, en route").click(timeout=LONG)

    # --- police are asked for: both crews stage ----------------------------------------------------------------------------
    detail(desk).get_by_role("button", name="Ask for Police").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_text("They go in first").click()
    dialog.get_by_label("Their unit").fill("2K12")
    dialog.get_by_label("Where to stage").fill("North side of the park")
    desk.keyboard.press("Enter")
    for tablet in (first, second):
        expect(tablet.get_by_text("STAGE: Police not there")).to_be_visible(timeout=LONG)
        expect(tablet.get_by_text("Stage: North side of the park")).to_be_visible()
        expect(tablet.get_by_text("2K12 sent")).to_be_visible()
    detail(desk).get_by_role("button", name="Staging point").click()
    desk.locator("#map").click(position={"x": 60, "y": 60})
    expect(first.locator(".mark.staging")).to_have_count(1, timeout=LONG)
    pictured(first, pictures / "stage.png")
    desk.screenshot(path=pictures / "desk-stage.png")

    # --- declared safe, by name; without signal it is as of a time -----------------------------------------------------------
    detail(desk).get_by_role("button", name="Declared safe").click()
    desk.get_by_role("dialog").get_by_label("Name").fill("Officer of 2K12")
    desk.keyboard.press("Enter")
    for tablet in (first, second):
        expect(tablet.get_by_role("heading", name="DECLARED SAFE")).to_be_visible(timeout=LONG)
        tablet.get_by_role("button", name="Understood").click()
        expect(tablet.get_by_text("SAFE: you may go in")).to_be_visible()
        expect(tablet.get_by_text("by Officer of 2K12, relayed by").first).to_be_visible()
    first.get_by_role("button", name="On scene").first.click()
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("On scene", timeout=LONG)
    first.context.set_offline(True)
    expect(first.get_by_text("SAFE as of ")).to_be_visible(timeout=LONG)
    expect(first.get_by_text("What was said since does not reach you")).to_be_visible()
    pictured(first, pictures / "safe-as-of.png")

    # --- danger: one tap, without signal -------------------------------------------------------------------------------------
    first.get_by_role("button", name="WITHDRAW").click()
    expect(first.get_by_text("STAGE: Police there, not declared safe")).to_be_attached()
    expect(first.get_by_text("SAFE as of ")).to_have_count(0)
    pictured(first, pictures / "withdrawn-offline.png")
    expect(desk.get_by_text("WITHDREW from")).to_have_count(0)

    first.context.set_offline(False)
    expect(desk.get_by_text("WITHDREW from").first).to_be_visible(timeout=LONG)
    expect(second.get_by_role("heading", name="STOP")).to_be_visible(timeout=LONG)
    expect(second.get_by_text("A crew found danger there and withdrew.").first).to_be_visible()
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Staged", timeout=LONG)
    pictured(second, pictures / "others-stopped.png")
    desk.screenshot(path=pictures / "desk-withdrew.png")
    second.get_by_role("button", name="I have read it").click()
    clear_by_radio(desk, "CARE 12")
    clear_by_radio(desk, "CARE 14")


def test_a_crew_asks_for_a_partner_and_goes_alone_where_an_officer_agrees(
    waiting: str, enter: Enter, pictures: Path
) -> None:
    desk, first = enter("dispatcher"), enter("tablet-1", size=TABLET)
    expect(first.get_by_text("Live", exact=True)).to_be_visible(timeout=LONG)
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    send(desk, "CARE 12")
    first.get_by_role("button", name="Acknowledge, en route").click(timeout=LONG)

    first.context.set_offline(True)
    first.get_by_role("button", name="More…").click()
    first.get_by_role("button", name="Ask for EMS: we stage").click()
    expect(first.get_by_text("EMS NOT ASKED FOR YET")).to_be_visible(timeout=LONG)
    pictured(first, pictures / "asked-offline.png")
    first.context.set_offline(False)
    expect(first.get_by_text("STAGE: EMS not there")).to_be_visible(timeout=LONG)
    expect(detail(desk)).to_contain_text("Asked for by the crew", timeout=LONG)

    detail(desk).get_by_role("button", name="CARE alone…").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label("Who of the crew asked").fill("CARE 12")
    dialog.get_by_label("Which officer agrees").fill("Captain of E25")
    desk.screenshot(path=pictures / "desk-care-alone.png")
    desk.keyboard.press("Enter")
    expect(first.get_by_text("CARE alone, agreed")).to_be_visible(timeout=LONG)
    expect(first.get_by_text("Agreed by Captain of E25.")).to_be_attached()
    clear_by_radio(desk, "CARE 12")


def test_desk_and_crew_write_quietly(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    first, second = enter("tablet-1", size=TABLET), enter("tablet-2", size=TABLET)
    for tablet in (first, second):
        expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=LONG)
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    send(desk, "CARE 12")
    first.get_by_role("button", name="Acknowledge, en route").click(timeout=LONG)

    desk.locator("#detail-messages").get_by_role("button", name="Write").click()
    desk.get_by_role("dialog").get_by_label("In your words").fill("The caller waits at the north door.")
    desk.keyboard.press("Enter")
    expect(first.get_by_role("button", name="1 new")).to_be_visible(timeout=LONG)
    expect(desk.locator("#detail-messages")).to_contain_text("on its tablet", timeout=LONG)
    first.get_by_role("button", name="1 new").click()
    expect(first.get_by_text("The caller waits at the north door.")).to_be_visible()
    expect(desk.locator("#detail-messages")).to_contain_text("read", timeout=LONG)

    first.context.set_offline(True)
    first.get_by_role("button", name="We are delayed.").click()
    expect(first.locator(".thread .own")).to_contain_text("waiting to send", timeout=LONG)
    pictured(first, pictures / "thread-offline.png")
    first.context.set_offline(False)
    expect(desk.locator("#detail-messages")).to_contain_text("We are delayed.", timeout=LONG)
    expect(first.locator(".thread .own")).to_contain_text("read", timeout=LONG)
    first.screenshot(path=pictures / "thread.png")
    desk.screenshot(path=pictures / "desk-thread.png")
    # Another crew hears nothing of it.
    expect(second.get_by_text("north door")).to_have_count(0)
    first.get_by_role("button", name="Close", exact=True).click()
    clear_by_radio(desk, "CARE 12")
