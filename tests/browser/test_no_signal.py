"""
A tablet that loses signal in the middle of a call: what is done waits, says so, and arrives.
"""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import TABLET, clear_by_radio

Enter = Callable[..., Page]


def test_what_is_done_without_signal_waits_says_so_and_arrives(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible()
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    tablet.get_by_role("button", name="Acknowledge, en route").click(timeout=10_000)
    unit = desk.locator("#units-rows .u", has_text="CARE 12")
    expect(unit).to_contain_text("En route")

    tablet.context.set_offline(True)
    tablet.get_by_role("button", name="On scene").first.click()

    # The line may not have noticed yet; whatever it says, it never says that the desk knows.
    expect(tablet.get_by_text("waiting to send").first).to_be_visible(timeout=40_000)
    expect(tablet.get_by_text("Offline").first).to_be_visible()
    expect(tablet.get_by_text("Nothing was waiting when the signal went")).to_be_visible()
    expect(unit).to_contain_text("En route")
    tablet.screenshot(path=pictures / "no-signal.png")

    tablet.context.set_offline(False)

    expect(unit).to_contain_text("On scene", timeout=40_000)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=40_000)
    expect(tablet.get_by_text("waiting to send")).to_have_count(0)
    tablet.screenshot(path=pictures / "signal-again.png")
    clear_by_radio(desk, "CARE 12")


def test_a_page_that_is_loaded_again_shows_the_same_call(waiting: str, enter: Enter) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    tablet.get_by_role("button", name="Acknowledge", exact=True).click(timeout=10_000)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Acknowledged")

    tablet.reload()

    # Acknowledged once is acknowledged: it does not ring again.
    details = tablet.get_by_role("group", name="Call details")
    expect(details.get_by_role("heading", name="Down - check for person down")).to_be_visible(timeout=20_000)
    expect(tablet.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
    clear_by_radio(desk, "CARE 12")
