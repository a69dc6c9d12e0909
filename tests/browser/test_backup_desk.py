"""
Requests for backup at the consoles: the desk, a police dispatcher's page and a supervisor's, in real browsers.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.site import Site

Enter = Callable[..., Page]
SMALL: ViewportSize = {"width": 1024, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
# It is there by then on a machine that does everything else as well. How fast it comes is measured by the benchmarks.
SHOWN_MS = 10_000


def raised(site: Site, call_sign: str = "CARE 14", **fields: Any) -> str:
    """
    Raise a request as the server does, by one INSERT, and return its key.
    """
    key = str(uuid4())
    values: dict[str, Any] = {"lon": -122.3317, "lat": 47.6016, "accuracy_m": 12, "battery": 63, "level": "EMERGENCY"}
    values |= {"service": "POLICE", "silent": False, "drill": False, "pressed_at": datetime.now(UTC), **fields}
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    with psycopg.connect(site.database_url) as connection:
        connection.execute(
            f"INSERT INTO dispatch_backuppress (key, agency_id, unit_id, origin, via, raw, fixed_at, {names})"  # noqa: S608
            f" SELECT %(key)s, agency_id, id, 'TABLET', 'web', '', now(), {places}"
            " FROM responders_unit WHERE call_sign = %(call_sign)s",
            {"key": key, "call_sign": call_sign, **values},
        )
    return key


def events(site: Site, key: str) -> list[str]:
    """
    Return what happened to a request, but for how it was rung and told.
    """
    with psycopg.connect(site.database_url) as connection:
        rows = connection.execute(
            "SELECT kind FROM dispatch_backupevent WHERE press = %s AND kind NOT IN ('RUNG', 'TRANSMITTED', 'OUTBOUND')"
            " ORDER BY id",
            [key],
        ).fetchall()
    return [kind for (kind,) in rows]


def shown_by(site: Site, key: str) -> int:
    """
    Return how many consoles said that they showed a request.
    """
    return events(site, key).count("SHOWN")


def until(is_true: Callable[[], bool], what: str, *, seconds: float = 15) -> None:
    """
    Wait until something is so.
    """
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def watching(page: Page) -> Page:
    """
    Wait until a console watches, and return it.
    """
    expect(page.locator("[data-backup-line]")).to_contain_text("watch", timeout=SHOWN_MS)
    return page


def picture(page: Page, path: Path, *, size: ViewportSize = DESK, night: bool = False) -> None:
    """
    Take the screen at this size, by day or at night, and turn it back.
    """
    before = page.viewport_size
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="dark" if night else "light")
    page.screenshot(path=path)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "nothing lies beside the screen"
    page.emulate_media(color_scheme="light")
    if before is not None:
        page.set_viewport_size(before)


def end(page: Page, *, drill: bool = False) -> None:
    """
    Close the request on the screen, as the desk does.
    """
    page.get_by_role("button", name="It is over …").click()
    page.get_by_role("button", name="Drill is over" if drill else "Over: the crew is safe").click()


def test_a_press_changes_the_whole_desk_until_it_is_seen_answered_and_closed(
    site: Site, enter: Enter, pictures: Path
) -> None:
    desk = watching(enter("dispatcher"))
    narrative = desk.locator("#new-narrative")
    narrative.click()
    quiet_title = desk.title()

    key = raised(site)
    one = desk.locator(".bk-one")
    # What somebody is typing at that moment is no answer.
    typed, on_its_way = "", 5
    deadline = time.monotonic() + SHOWN_MS / 1000
    while on_its_way:
        assert time.monotonic() < deadline, "nothing is shown"
        desk.keyboard.type("a ")
        typed += "a "
        on_its_way -= one.is_visible()
    written = narrative.input_value()
    assert written
    assert typed.startswith(written)

    expect(one.locator("h2")).to_have_text("BACKUP · CARE 14 · EMERGENCY")
    expect(one).to_contain_text("Responder Three, Responder Four")
    expect(one).to_contain_text("within 39 ft")
    expect(desk.locator("body")).to_have_class(re.compile("bk-open"))
    assert desk.evaluate("document.activeElement.id") == "backup"
    until(lambda: "BACKUP" in desk.title(), "the title says it")
    until(lambda: shown_by(site, key) == 1, "the console says that it shows it")
    assert "SEEN" not in events(site, key)
    picture(desk, pictures / "desk-1440.png")
    picture(desk, pictures / "desk-1440-night.png", night=True)
    picture(desk, pictures / "desk-1024.png", size=SMALL)

    # A moment without a key: the next one is an answer.
    desk.wait_for_timeout(900)
    desk.keyboard.press("Space")
    expect(one).to_contain_text("Seen by Demo Dispatcher", timeout=SHOWN_MS)
    expect(desk.locator("body")).not_to_have_class(re.compile("bk-open"))
    # Back to what was being typed, with nothing lost.
    expect(narrative).to_be_focused()
    expect(narrative).to_have_value(written)
    picture(desk, pictures / "desk-seen-night.png", night=True)

    desk.get_by_role("button", name="Police sent …").click()
    desk.get_by_label("Which police unit").fill("2K12")
    desk.get_by_label("There in minutes").fill("4")
    picture(desk, pictures / "desk-asked-1024.png", size=SMALL)
    desk.keyboard.press("Enter")
    expect(one).to_contain_text("Police sent: 2K12", timeout=SHOWN_MS)
    picture(desk, pictures / "desk-sent-1024.png", size=SMALL)
    desk.get_by_role("button", name="Police there").click()
    expect(one.locator(".bk-steps li.done")).to_have_count(4, timeout=SHOWN_MS)
    end(desk)

    expect(one).to_be_hidden(timeout=SHOWN_MS)
    expect(desk.locator(".bk-ended")).to_contain_text("closed")
    until(lambda: desk.title() == quiet_title, "the title is the page's again")
    assert events(site, key) == ["SHOWN", "SEEN", "POLICE_SENT", "POLICE_ARRIVED", "CLOSED"]


def test_the_first_who_sees_it_is_named_on_every_console_and_police_say_who_comes(
    site: Site, enter: Enter, pictures: Path
) -> None:
    desk, police, supervisor = enter("dispatcher"), enter("police"), enter("supervisor")
    expect(police.locator("#calm")).to_be_visible()
    expect(police.locator("[data-backup-line]")).to_contain_text("3 watch", timeout=SHOWN_MS)
    picture(police, pictures / "police-calm.png")
    picture(police, pictures / "police-calm-phone.png", size=PHONE)

    key = raised(site)
    for page in (desk, police, supervisor):
        expect(page.locator(".bk-one h2")).to_have_text("BACKUP · CARE 14 · EMERGENCY", timeout=SHOWN_MS)
    until(lambda: shown_by(site, key) == 3, "each says that it shows it")
    picture(police, pictures / "police.png")
    picture(police, pictures / "police-night.png", night=True)
    picture(supervisor, pictures / "supervisor.png")
    police.set_viewport_size(PHONE)
    see = police.get_by_role("button", name="I see it")
    expect(see).to_be_in_viewport(ratio=1)
    picture(police, pictures / "police-phone.png", size=PHONE)
    picture(police, pictures / "police-phone-night.png", size=PHONE, night=True)
    see.click()

    for page in (desk, supervisor):
        expect(page.locator(".bk-one")).to_contain_text("Seen by Demo Police Dispatcher", timeout=SHOWN_MS)
        expect(page.locator("body")).not_to_have_class(re.compile("bk-open"))
    expect(police.get_by_role("button", name="It is over …")).to_have_count(0)
    police.get_by_role("button", name="Police sent …").click()
    police.get_by_label("Which police unit").fill("2K12")
    picture(police, pictures / "police-asked-phone.png", size=PHONE)
    police.get_by_role("button", name="Police sent", exact=True).click()

    for page in (police, desk):
        expect(page.locator(".bk-one")).to_contain_text("Police sent: 2K12", timeout=SHOWN_MS)
    picture(police, pictures / "police-sent-phone.png", size=PHONE)
    assert events(site, key).count("SEEN") == 1


def test_a_frozen_page_claims_to_show_nothing(site: Site, enter: Enter) -> None:
    desk = watching(enter("dispatcher"))
    began = time.monotonic()
    desk.evaluate("setTimeout(() => { const end = Date.now() + 5000; while (Date.now() < end); }, 0)")
    time.sleep(0.5)

    key = raised(site)
    until(lambda: "NO_CONSOLE" in events(site, key) or time.monotonic() - began > 4.5, "it counts as nobody's")
    shown = shown_by(site, key)
    # Later it may be awake again.
    assert shown == 0 or time.monotonic() - began > 4.9

    until(lambda: shown_by(site, key) == 1, "thawed, it shows it and says so")


def test_a_page_behind_another_claims_to_show_nothing_and_rings_all_the_same(site: Site, enter: Enter) -> None:
    desk = watching(enter("dispatcher"))
    # What a browser says of a page whose tab or window is behind another.
    desk.evaluate(
        "() => { Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )

    key = raised(site)
    until(lambda: "BACKUP" in desk.title(), "it rings and its title says so")
    for _ in range(3):
        with desk.expect_response("**/api/backup/watch/"):
            pass
    assert shown_by(site, key) == 0
    desk.evaluate("() => { delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange')); }")

    until(lambda: shown_by(site, key) == 1, "in front again, it says so")


def test_the_watch_says_itself_that_it_is_down(site: Site, enter: Enter, pictures: Path) -> None:
    desk = watching(enter("dispatcher"))
    down = desk.locator(".bk-down")
    expect(down).to_be_hidden()

    desk.route("**/api/backup/watch/", lambda route: route.abort("connectionfailed"))
    expect(down).to_be_visible(timeout=SHOWN_MS)
    expect(down).to_contain_text("BACKUP WATCH IS DOWN: LISTEN TO THE RADIO")
    picture(desk, pictures / "down.png")
    desk.unroute("**/api/backup/watch/")

    expect(down).to_be_hidden(timeout=SHOWN_MS)


def test_what_comes_late_silent_and_by_the_dozen_says_so(site: Site, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    late = raised(site, "CARE 12", pressed_at=datetime.now(UTC) - timedelta(minutes=22), lon=-122.3356, lat=47.6089)
    expect(desk.locator(".bk-since")).to_have_text(
        re.compile(r"^PRESSED 22 MIN AGO, RECEIVED \d+ S AGO$"), timeout=SHOWN_MS
    )

    raised(site, "CARE 14", silent=True)
    raised(site, "CARE 16", level="URGENT", service="EMS", lon=None, lat=None, accuracy_m=None)
    expect(desk.locator(".bk-row")).to_have_count(3, timeout=SHOWN_MS)
    desk.locator(".bk-row-main", has_text="CARE 14").click()
    expect(desk.locator(".bk-note.note-silent")).to_have_text("SILENT: DO NOT CALL BACK BY RADIO")
    picture(desk, pictures / "many-1440.png")
    picture(desk, pictures / "many-1024-night.png", size=SMALL, night=True)
    police = enter("police", size=PHONE)
    # What is less than an emergency does not ring there at once.
    expect(police.locator(".bk-row")).to_have_count(2, timeout=SHOWN_MS)
    picture(police, pictures / "many-phone.png", size=PHONE)
    desk.locator(".bk-row", has_text="CARE 12").get_by_role("button", name="I see it").click()

    until(lambda: "SEEN" in events(site, late), "each has a button of its own")
    expect(desk.locator("body")).to_have_class(re.compile("bk-open"))


def test_a_cancel_is_shown_and_ends_nothing_until_it_is_confirmed(site: Site, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    key = raised(site)
    with psycopg.connect(site.database_url) as connection:
        connection.execute(
            "INSERT INTO dispatch_backupevent (press, kind, by, data)"
            " VALUES (%s, 'CANCEL_ASKED', 'tablet', '{\"reason\": \"pressed in a pocket\"}')",
            [key],
        )
    expect(desk.locator(".bk-note.note-cancel")).to_contain_text("CANCEL REQUESTED", timeout=SHOWN_MS)
    expect(desk.locator("body")).to_have_class(re.compile("bk-open"))
    desk.get_by_role("button", name="I see it").click()
    confirm = desk.get_by_role("button", name="Confirm the cancel")
    expect(confirm).to_be_visible(timeout=SHOWN_MS)
    picture(desk, pictures / "cancel.png")
    confirm.click()

    expect(desk.locator(".bk-one")).to_be_hidden(timeout=SHOWN_MS)
    assert events(site, key)[-1] == "CLOSED"


def test_a_question_that_was_open_stands_aside_and_comes_back(site: Site, enter: Enter) -> None:
    desk = enter("dispatcher")
    expect(desk.locator(".u", has_text="CARE 12")).to_be_visible()
    desk.keyboard.press("?")
    expect(desk.locator("#help")).to_be_visible()

    raised(site)
    expect(desk.locator(".bk-one")).to_be_visible(timeout=SHOWN_MS)
    assert desk.evaluate("document.querySelectorAll('dialog:modal').length") == 0
    desk.keyboard.press("F2")

    expect(desk.locator(".bk-one")).to_contain_text("Seen by Demo Dispatcher", timeout=SHOWN_MS)
    until(lambda: desk.evaluate("document.querySelectorAll('dialog:modal').length") == 1, "the question is back")


def test_a_crew_asks_on_the_radio_and_every_console_rings(enter: Enter) -> None:
    desk = enter("dispatcher")
    desk.locator(".u", has_text="CARE 12").locator(".u-radio").click()
    ask = desk.locator("#ask")
    ask.get_by_text("BACKUP: police or EMS, now …").click()
    ask.get_by_role("button", name="Next").click()
    ask.get_by_role("button", name="Raise it").click()

    expect(desk.locator(".bk-one h2")).to_have_text("BACKUP · CARE 12 · EMERGENCY", timeout=SHOWN_MS)
    expect(desk.locator(".bk-one")).to_contain_text("Raised by the desk")


def test_a_drill_is_marked_everywhere_and_reviewed(site: Site, enter: Enter, pictures: Path) -> None:
    desk, supervisor = enter("dispatcher"), enter("supervisor")
    supervisor.goto(f"{site.origin}/supervisor/backup/")
    supervisor.get_by_label("Start a drill with").select_option(label="CARE 12")
    supervisor.get_by_role("button", name="Start the drill").click()
    for page in (desk, supervisor):
        expect(page.locator(".bk-one h2")).to_have_text("TEST · BACKUP · CARE 12 · EMERGENCY", timeout=SHOWN_MS)
        expect(page.locator(".bk-note.note-test")).to_be_visible()
    picture(desk, pictures / "drill.png")
    desk.get_by_role("button", name="I see it").click()
    expect(desk.locator(".bk-one")).to_contain_text("Seen by Demo Dispatcher", timeout=SHOWN_MS)
    end(desk, drill=True)
    expect(supervisor.locator(".bk-one")).to_be_hidden(timeout=SHOWN_MS)

    supervisor.reload()
    row = supervisor.locator(".request", has_text="TEST · CARE 12").first
    row.locator("summary").click()
    expect(row).to_contain_text("Drill started at a console")
    expect(row.locator(".timeline")).to_contain_text("CLOSED: Drill over")
    expect(supervisor.locator(".drilled .done")).to_contain_text("CARE 12")
    picture(supervisor, pictures / "review-1440.png")
    picture(supervisor, pictures / "review-1024-night.png", size=SMALL, night=True)
    with supervisor.expect_download() as download:
        supervisor.get_by_role("link", name="CSV").click()
    assert "RECEIVED" in Path(download.value.path()).read_text()
