"""
The backup button of a tablet: on every screen, against the real server, and with the line cut.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TABLET
from tests.browser.site import Site, wait_until_up

Enter = Callable[..., Page]
UPRIGHT = {"width": 768, "height": 1024}
HOLD_MS = 2_200
# What the server has said is on the screen by then, on a machine that does everything else as well.
SOON_MS = 10_000
# Two seconds of pressing; then a press has three to be confirmed, and the screen half a second to say that it was not.
RED_MS = 5_500
# By the page's own clock: how long the test takes to look is not the screen's.
TIMED = """() => {
    const timed = (window.timed = {});
    addEventListener("pointerdown", () => (timed.pressed ??= performance.now()), { capture: true });
    new MutationObserver(() => {
        if (document.querySelector(".backup-red")) timed.red ??= performance.now();
    }).observe(document.body, { childList: true, subtree: true });
}"""

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


def hold(page: Page, *, silent: bool = False, ms: int = HOLD_MS) -> None:
    """
    Press as long as that with a mouse.
    """
    button(page, silent=silent).hover()
    page.mouse.down()
    page.wait_for_timeout(ms)
    page.mouse.up()


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


def picture(page: Page, path: Path, *, upright: bool = False, night: bool = False) -> None:
    """
    Take the screen as it is, lying or upright, by day or at night, and turn it back.
    """
    size = UPRIGHT if upright else TABLET
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.emulate_media(color_scheme="dark" if night else "light")
    page.screenshot(path=path)
    page.set_viewport_size({"width": TABLET["width"], "height": TABLET["height"]})
    page.emulate_media(color_scheme="light")


@pytest.fixture
def tablet(enter: Enter) -> Page:
    """
    Return a tablet with a crew signed on at it.
    """
    page = enter("tablet-1", size=TABLET)
    expect(page.locator(".top .line")).to_contain_text("Live", timeout=20_000)
    # Its crew is there, too: a tablet that is signed off before it knew whose it is asks in its own words to sign on.
    expect(page.locator(".top .who")).to_contain_text("CARE 12", timeout=20_000)
    return page


@pytest.fixture
def desk(enter: Enter) -> Page:
    """
    Return a desk that watches.
    """
    page = enter("dispatcher")
    expect(page.locator("[data-backup-line]")).to_contain_text("watch", timeout=SOON_MS)
    return page


def test_two_seconds_ask_for_police_and_less_explains(site: Site, tablet: Page, pictures: Path) -> None:
    hold(tablet, ms=100)
    expect(tablet.locator(".backup-hint")).to_contain_text("Hold for 2 seconds")
    assert kept(tablet) == []

    hold(tablet)

    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
    expect(band(tablet)).to_contain_text("does not replace your radio or 911")
    # Nobody has a console open.
    expect(band(tablet)).to_contain_text("No dispatcher's screen is open. USE RADIO / CALL 911.", timeout=SOON_MS)
    (press,) = kept(tablet)
    assert rows(site, press["key"]) == [("EMERGENCY", False, False, True, True)]
    picture(tablet, pictures / "received-day.png")
    picture(tablet, pictures / "received-upright-night.png", upright=True, night=True)

    band(tablet).get_by_role("button", name="Cancel…").click()
    expect(band(tablet).get_by_role("button", name="Ask to cancel")).to_be_disabled()
    band(tablet).get_by_role("button", name="Pressed by mistake").click()
    picture(tablet, pictures / "cancel-upright-day.png", upright=True)
    band(tablet).get_by_role("button", name="Ask to cancel").click()
    expect(band(tablet)).to_contain_text("CANCEL ASKED: open until a dispatcher confirms", timeout=SOON_MS)
    assert len(kept(tablet)) == 1


def test_the_tablet_says_what_the_desk_has_done_and_no_more(tablet: Page, desk: Page, pictures: Path) -> None:
    hold(tablet)
    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
    request = desk.locator(".bk-one")
    expect(request.locator("h2")).to_have_text("BACKUP · CARE 12 · EMERGENCY", timeout=SOON_MS)
    # That a screen shows it is not that somebody has seen it.
    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet")
    expect(band(tablet)).not_to_contain_text("USE RADIO")
    picture(tablet, pictures / "open-day.png")

    desk.get_by_role("button", name="I see it").click()
    expect(band(tablet)).to_contain_text("SEEN BY Demo Dispatcher", timeout=SOON_MS)
    picture(tablet, pictures / "seen-night.png", night=True)

    desk.get_by_role("button", name="Police sent …").click()
    desk.get_by_label("Which police unit").fill("2K12")
    desk.get_by_label("There in minutes").fill("4")
    desk.keyboard.press("Enter")
    expect(band(tablet)).to_contain_text("POLICE SENT: 2K12, in 4 min", timeout=SOON_MS)
    picture(tablet, pictures / "sent-upright-day.png", upright=True)

    desk.get_by_role("button", name="Police there").click()
    expect(band(tablet)).to_contain_text("POLICE ARRIVED", timeout=SOON_MS)
    desk.get_by_role("button", name="It is over …").click()
    desk.get_by_role("button", name="Over: the crew is safe").click()
    expect(band(tablet)).to_contain_text("CLOSED: resolved", timeout=SOON_MS)
    assert kept(tablet) == []
    band(tablet).get_by_role("button", name="OK").click()
    expect(band(tablet)).to_have_count(0)


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

    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
    expect(tablet.get_by_role("button", name="Unlock")).to_be_in_viewport(ratio=1)
    picture(tablet, pictures / "locked.png")
    assert len(rows(site, kept(tablet)[0]["key"])) == 1


def test_it_works_signed_out(site: Site, tablet: Page, pictures: Path) -> None:
    signed_off = tablet.evaluate(
        """() => fetch("/api/tablets/sign-off/", {
            method: "POST", headers: { "Content-Type": "application/json", "X-Tablet": "1" }, body: "{}" }).then(r => r.ok)"""
    )
    assert signed_off
    tablet.wait_for_url("**/tablet/sign-on/", timeout=30_000)

    hold(tablet)

    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
    picture(tablet, pictures / "signed-out.png")
    assert len(rows(site, kept(tablet)[0]["key"])) == 1


def test_cut_off_it_is_red_within_three_and_a_half_seconds_and_goes_on_trying(
    site: Site, tablet: Page, pictures: Path
) -> None:
    tablet.evaluate(TIMED)
    tablet.context.set_offline(True)
    hold(tablet)
    expect(tablet.locator(".backup-red")).to_be_visible(timeout=SOON_MS)
    assert tablet.evaluate("timed.red - timed.pressed") <= RED_MS
    expect(tablet.locator(".backup-red")).to_contain_text("USE RADIO\u00a0/ CALL 911")
    expect(tablet.locator(".backup-red")).to_contain_text("Still trying")
    assert button(tablet).evaluate(FREE)
    picture(tablet, pictures / "red.png")
    picture(tablet, pictures / "red-upright-night.png", upright=True, night=True)
    (press,) = kept(tablet)
    assert rows(site, press["key"]) == []

    tablet.context.set_offline(False)

    expect(tablet.locator(".backup-red")).to_have_count(0, timeout=SOON_MS)
    expect(band(tablet)).to_contain_text("RECEIVED, not seen yet")
    assert len(rows(site, press["key"])) == 1


def test_a_tab_that_was_closed_goes_on_when_it_is_opened_again(site: Site, tablet: Page) -> None:
    context = tablet.context
    context.set_offline(True)
    hold(tablet)
    expect(tablet.locator(".backup-red")).to_be_visible(timeout=SOON_MS)
    (press,) = kept(tablet)
    tablet.close()
    context.set_offline(False)

    again = context.new_page()
    again.goto(f"{site.origin}/tablet/")

    expect(band(again)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
    assert kept(again)[0]["key"] == press["key"]
    assert len(rows(site, press["key"])) == 1


def test_a_silent_one_is_a_mark_and_nothing_else_whatever_becomes_of_it(
    site: Site, tablet: Page, pictures: Path
) -> None:
    tablet.context.set_offline(True)
    hold(tablet, silent=True)
    expect(button(tablet, silent=True)).to_contain_text("!", timeout=SOON_MS)
    expect(tablet.locator(".backup-red")).to_have_count(0)
    expect(band(tablet)).to_have_count(0)
    picture(tablet, pictures / "silent-unconfirmed-night.png", night=True)
    (press,) = kept(tablet)

    tablet.context.set_offline(False)

    expect(button(tablet, silent=True)).to_contain_text("✓", timeout=SOON_MS)
    expect(band(tablet)).to_have_count(0)
    assert rows(site, press["key"]) == [("EMERGENCY", True, False, True, True)]
    picture(tablet, pictures / "silent.png")


def test_it_needs_no_web_process_but_its_own(site: Site, tablet: Page) -> None:
    site.kill("web")
    try:
        hold(tablet)
        expect(band(tablet)).to_contain_text("RECEIVED, not seen yet", timeout=SOON_MS)
        assert len(rows(site, kept(tablet)[0]["key"])) == 1
    finally:
        site.start("web")
        wait_until_up(site)
