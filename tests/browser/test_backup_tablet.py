"""
The backup button of a tablet: on every screen, against the real server, and with the line cut.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TABLET
from tests.browser.site import Site, wait_until_up

Enter = Callable[..., Page]
PORTRAIT = {"width": 768, "height": 1024}
HOLD_MS = 2_200
# A press has three seconds to be confirmed, and the screen half a second to say that it was not.
RED_MS = 3_500

KEPT = """() => new Promise((resolve, reject) => {
    const request = indexedDB.open("care-backup", 1);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
        const all = request.result.transaction("presses").objectStore("presses").getAll();
        all.onsuccess = () => { request.result.close(); resolve(all.result); };
    };
})"""
# Whether a finger on the middle of the button meets the button.
FREE = """button => {
    const { x, y, width, height } = button.getBoundingClientRect();
    return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


def button(page: Page, *, silent: bool = False) -> Locator:
    """
    Return the button, or its quiet part.
    """
    return page.locator(".backup-quiet" if silent else ".backup-press")


def band(page: Page) -> Locator:
    """
    Return what is said of this tablet's own request.
    """
    return page.locator(".backup-band:not(.other)")


def hold(page: Page, *, silent: bool = False, ms: int = HOLD_MS) -> float:
    """
    Press as long as that with a mouse, and return when two seconds of it were over.
    """
    button(page, silent=silent).hover()
    began = time.monotonic()
    page.mouse.down()
    page.wait_for_timeout(ms)
    page.mouse.up()
    return began + 2


def kept(page: Page) -> list[dict[str, Any]]:
    """
    Return the open presses that the tablet has on its disk.
    """
    presses: list[dict[str, Any]] = page.evaluate(KEPT)
    return presses


def rows(site: Site, key: str) -> list[tuple[Any, ...]]:
    """
    Return what the server has of a press.
    """
    with psycopg.connect(site.database_url) as connection:
        return connection.execute(
            "SELECT level, silent, drill, unit_id IS NOT NULL, lon IS NOT NULL FROM dispatch_backuppress WHERE key = %s",
            [key],
        ).fetchall()


@pytest.fixture
def tablet(enter: Enter) -> Page:
    """
    Return a tablet with a crew signed on at it.
    """
    page = enter("tablet-1", size=TABLET)
    expect(page.locator(".top .line")).to_contain_text("Live", timeout=20_000)
    return page


def test_two_seconds_ask_for_police_and_less_explains(site: Site, tablet: Page, pictures: Path) -> None:
    hold(tablet, ms=600)
    expect(tablet.locator(".backup-hint")).to_contain_text("Hold for 2 seconds")
    assert kept(tablet) == []

    hold(tablet)

    expect(band(tablet)).to_contain_text("RECEIVED", timeout=3_000)
    expect(band(tablet)).to_contain_text("does not replace your radio or 911")
    tablet.screenshot(path=pictures / "received-day.png")
    (press,) = kept(tablet)
    assert rows(site, press["key"]) == [("EMERGENCY", False, False, True, True)]
    tablet.emulate_media(color_scheme="dark")
    tablet.set_viewport_size({"width": PORTRAIT["width"], "height": PORTRAIT["height"]})
    tablet.screenshot(path=pictures / "received-night-portrait.png")

    band(tablet).get_by_role("button", name="Cancel…").click()
    expect(band(tablet).get_by_role("button", name="Ask to cancel")).to_be_disabled()
    band(tablet).get_by_role("button", name="Pressed by mistake").click()
    band(tablet).get_by_role("button", name="Ask to cancel").click()
    expect(band(tablet)).to_contain_text("CANCEL ASKED: open until a dispatcher confirms")
    assert len(kept(tablet)) == 1


def test_it_lies_over_menus_and_sheets_and_works_locked_by_keyboard(site: Site, tablet: Page, pictures: Path) -> None:
    tablet.locator(".who").click()
    expect(tablet.get_by_role("dialog")).to_be_visible()
    assert button(tablet).evaluate(FREE)
    tablet.get_by_role("button", name="Lock this tablet").click()
    expect(tablet.locator(".lock")).to_be_visible()
    assert button(tablet).evaluate(FREE)

    button(tablet).focus()
    tablet.keyboard.down("Space")
    tablet.wait_for_timeout(HOLD_MS)
    tablet.keyboard.up("Space")

    expect(band(tablet)).to_contain_text("RECEIVED", timeout=3_000)
    tablet.screenshot(path=pictures / "locked.png")
    assert len(rows(site, kept(tablet)[0]["key"])) == 1


def test_it_works_signed_out(site: Site, tablet: Page, pictures: Path) -> None:
    signed_off = tablet.evaluate(
        """() => fetch("/api/tablets/sign-off/", {
            method: "POST", headers: { "Content-Type": "application/json", "X-Tablet": "1" }, body: "{}" }).then(r => r.ok)"""
    )
    assert signed_off
    tablet.wait_for_url("**/tablet/sign-on/", timeout=30_000)

    hold(tablet)

    expect(band(tablet)).to_contain_text("RECEIVED", timeout=3_000)
    tablet.screenshot(path=pictures / "signed-out.png")
    assert len(rows(site, kept(tablet)[0]["key"])) == 1


def test_cut_off_it_is_red_within_three_and_a_half_seconds_and_goes_on_trying(
    site: Site, tablet: Page, pictures: Path
) -> None:
    tablet.context.set_offline(True)
    raised = hold(tablet)
    expect(tablet.locator(".backup-red")).to_be_visible(timeout=RED_MS)
    assert time.monotonic() - raised <= RED_MS / 1000 + 0.3
    expect(tablet.locator(".backup-red")).to_contain_text("USE RADIO\u00a0/ CALL 911")
    expect(tablet.locator(".backup-red")).to_contain_text("Still trying")
    assert button(tablet).evaluate(FREE)
    tablet.screenshot(path=pictures / "red.png")
    (press,) = kept(tablet)
    assert rows(site, press["key"]) == []

    tablet.context.set_offline(False)

    expect(tablet.locator(".backup-red")).to_have_count(0, timeout=7_000)
    expect(band(tablet)).to_contain_text("RECEIVED")
    assert len(rows(site, press["key"])) == 1


def test_a_tab_that_was_closed_goes_on_when_it_is_opened_again(site: Site, tablet: Page) -> None:
    context = tablet.context
    context.set_offline(True)
    hold(tablet)
    expect(tablet.locator(".backup-red")).to_be_visible(timeout=RED_MS)
    (press,) = kept(tablet)
    tablet.close()
    context.set_offline(False)

    again = context.new_page()
    again.goto(f"{site.origin}/tablet/")

    expect(band(again)).to_contain_text("RECEIVED", timeout=10_000)
    assert kept(again)[0]["key"] == press["key"]
    assert len(rows(site, press["key"])) == 1


def test_a_silent_one_leaves_a_mark_and_nothing_else(site: Site, tablet: Page, pictures: Path) -> None:
    hold(tablet, silent=True)

    expect(button(tablet, silent=True)).to_contain_text("✓", timeout=3_000)
    tablet.context.set_offline(True)
    tablet.wait_for_timeout(4_000)
    expect(band(tablet)).to_have_count(0)
    expect(tablet.locator(".backup-red")).to_have_count(0)
    tablet.screenshot(path=pictures / "silent.png")
    (press,) = kept(tablet)
    assert rows(site, press["key"]) == [("EMERGENCY", True, False, True, True)]
    tablet.context.set_offline(False)


def test_it_needs_no_web_process_but_its_own(site: Site, tablet: Page) -> None:
    site.kill("web")
    try:
        hold(tablet)
        expect(band(tablet)).to_contain_text("RECEIVED", timeout=3_000)
        assert len(rows(site, kept(tablet)[0]["key"])) == 1
    finally:
        site.start("web")
        wait_until_up(site)
