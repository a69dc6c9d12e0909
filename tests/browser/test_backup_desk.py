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
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.site import Site

Enter = Callable[..., Page]
SMALL: ViewportSize = {"width": 1024, "height": 768}
# From the press to the screen of a console, on a machine that does everything else as well.
SHOWN_MS = 3_000


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


def until(is_true: Callable[[], bool], what: str, *, seconds: float = 8) -> None:
    """
    Wait until something is so.
    """
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def end(page: Page, *, drill: bool = False) -> None:
    """
    Close the request on the screen, as the desk does.
    """
    page.get_by_role("button", name="It is over …").click()
    page.get_by_role("button", name="Drill is over" if drill else "Over: the crew is safe").click()


@pytest.fixture(autouse=True)
def nothing_open(site: Site) -> Any:
    """
    Leave no request behind that would ring in the next test.
    """
    yield
    with psycopg.connect(site.database_url) as connection:
        connection.execute(
            "INSERT INTO dispatch_backupevent (press, kind, by, data)"
            " SELECT key, 'CLOSED', 'test', '{\"as\": \"RESOLVED\"}' FROM dispatch_backuppress WHERE closed_at IS NULL"
            " ON CONFLICT DO NOTHING"
        )
        connection.execute("UPDATE dispatch_backuppress SET closed_at = now() WHERE closed_at IS NULL")


def test_a_press_changes_the_whole_desk_until_it_is_seen_answered_and_closed(
    site: Site, enter: Enter, pictures: Path
) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("[data-backup-line]")).to_contain_text("watch")
    narrative = desk.locator("#new-narrative")
    narrative.click()
    narrative.press_sequentially("Man sitting in a doorway")
    quiet_title = desk.title()

    key = raised(site)
    one = desk.locator(".bk-one")
    expect(one).to_be_visible(timeout=SHOWN_MS)
    # What somebody is typing at that moment is no answer.
    desk.keyboard.type("  and he", delay=60)

    expect(one.locator("h2")).to_have_text("BACKUP · CARE 14 · EMERGENCY")
    expect(one).to_contain_text("Responder Three, Responder Four")
    expect(one).to_contain_text("within 39 ft")
    expect(desk.locator("body")).to_have_class(re.compile("bk-open"))
    assert desk.evaluate("document.activeElement.id") == "backup"
    until(lambda: "BACKUP" in desk.title(), "the title says it")
    until(lambda: shown_by(site, key) == 1, "the console says that it shows it")
    assert "SEEN" not in events(site, key)
    desk.screenshot(path=pictures / "desk-1440.png")
    desk.set_viewport_size(SMALL)
    desk.screenshot(path=pictures / "desk-1024.png")
    desk.set_viewport_size({"width": 1440, "height": 900})

    desk.wait_for_timeout(900)
    desk.keyboard.press("Space")
    expect(one).to_contain_text("Seen by Demo Dispatcher")
    expect(desk.locator("body")).not_to_have_class(re.compile("bk-open"))
    # Back to what was being typed, with nothing lost.
    expect(narrative).to_be_focused()
    expect(narrative).to_have_value("Man sitting in a doorway")
    desk.screenshot(path=pictures / "desk-seen.png")

    desk.get_by_role("button", name="Police sent …").click()
    desk.get_by_label("Which police unit").fill("2K12")
    desk.get_by_label("There in minutes").fill("4")
    desk.screenshot(path=pictures / "desk-asked.png")
    desk.keyboard.press("Enter")
    expect(one).to_contain_text("Police sent: 2K12")
    desk.screenshot(path=pictures / "desk-sent.png")
    desk.get_by_role("button", name="Police there").click()
    expect(one.locator(".bk-steps li.done")).to_have_count(4)
    end(desk)

    expect(one).to_be_hidden()
    expect(desk.locator(".bk-ended")).to_contain_text("closed")
    until(lambda: desk.title() == quiet_title, "the title is the page's again")
    assert events(site, key) == ["SHOWN", "SEEN", "POLICE_SENT", "POLICE_ARRIVED", "CLOSED"]


def test_the_first_who_sees_it_is_named_on_every_console_and_police_say_who_comes(
    site: Site, enter: Enter, pictures: Path
) -> None:
    desk, police, supervisor = enter("dispatcher"), enter("police"), enter("supervisor")
    expect(police.locator("#calm")).to_be_visible()
    police.screenshot(path=pictures / "police-calm.png")
    expect(police.locator("[data-backup-line]")).to_contain_text("3 watch")

    key = raised(site)
    for page in (desk, police, supervisor):
        expect(page.locator(".bk-one h2")).to_have_text("BACKUP · CARE 14 · EMERGENCY", timeout=SHOWN_MS)
    until(lambda: shown_by(site, key) == 3, "each says that it shows it")
    police.screenshot(path=pictures / "police.png")
    supervisor.screenshot(path=pictures / "supervisor.png")
    police.get_by_role("button", name="I see it").click()

    for page in (desk, supervisor):
        expect(page.locator(".bk-one")).to_contain_text("Seen by Demo Police Dispatcher", timeout=SHOWN_MS)
        expect(page.locator("body")).not_to_have_class(re.compile("bk-open"))
    expect(police.get_by_role("button", name="It is over …")).to_have_count(0)
    police.get_by_role("button", name="Police sent …").click()
    police.get_by_label("Which police unit").fill("2K12")
    police.get_by_role("button", name="Police sent", exact=True).click()

    expect(desk.locator(".bk-one")).to_contain_text("Police sent: 2K12", timeout=SHOWN_MS)
    assert events(site, key).count("SEEN") == 1


def test_a_frozen_page_claims_to_show_nothing(site: Site, enter: Enter) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("[data-backup-line]")).to_contain_text("watch")
    desk.evaluate("setTimeout(() => { const end = Date.now() + 6000; while (Date.now() < end); }, 0)")
    time.sleep(0.5)

    key = raised(site)
    time.sleep(4)
    assert shown_by(site, key) == 0

    until(lambda: shown_by(site, key) == 1, "thawed, it shows it and says so")


def test_a_page_behind_another_claims_to_show_nothing_and_rings_all_the_same(site: Site, enter: Enter) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("[data-backup-line]")).to_contain_text("watch")
    # What a browser says of a page whose tab or window is behind another.
    desk.evaluate(
        "() => { Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )

    key = raised(site)
    until(lambda: "BACKUP" in desk.title(), "it rings and its title says so")
    time.sleep(3)
    assert shown_by(site, key) == 0
    desk.evaluate("() => { delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange')); }")

    until(lambda: shown_by(site, key) == 1, "in front again, it says so")


def test_the_watch_says_itself_that_it_is_down(site: Site, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("[data-backup-line]")).to_contain_text("watch")
    down = desk.locator(".bk-down")
    expect(down).to_be_hidden()

    began = time.monotonic()
    desk.route("**/api/backup/watch/", lambda route: route.abort("connectionfailed"))
    expect(down).to_be_visible(timeout=5_500)
    expect(down).to_contain_text("BACKUP WATCH IS DOWN: LISTEN TO THE RADIO")
    assert time.monotonic() - began < 5.5
    desk.screenshot(path=pictures / "down.png")
    desk.unroute("**/api/backup/watch/")

    expect(down).to_be_hidden(timeout=3_000)


def test_what_comes_late_silent_and_by_the_dozen_says_so(site: Site, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    late = raised(site, "CARE 12", pressed_at=datetime.now(UTC) - timedelta(minutes=22), lon=-122.3356, lat=47.6089)
    expect(desk.locator(".bk-since")).to_have_text(re.compile(r"^PRESSED 22 MIN AGO, RECEIVED \d+ S AGO$"))

    raised(site, "CARE 14", silent=True)
    raised(site, "CARE 16", level="URGENT", service="EMS", lon=None, lat=None, accuracy_m=None)
    expect(desk.locator(".bk-row")).to_have_count(3, timeout=SHOWN_MS)
    desk.locator(".bk-row-main", has_text="CARE 14").click()
    expect(desk.locator(".bk-note.note-silent")).to_have_text("SILENT: DO NOT CALL BACK BY RADIO")
    desk.screenshot(path=pictures / "many-1440.png")
    desk.set_viewport_size(SMALL)
    desk.screenshot(path=pictures / "many-1024.png")
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
    desk.screenshot(path=pictures / "cancel.png")
    desk.get_by_role("button", name="Confirm the cancel").click()

    expect(desk.locator(".bk-one")).to_be_hidden()
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

    expect(desk.locator(".bk-one")).to_contain_text("Seen by Demo Dispatcher")
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
    desk.screenshot(path=pictures / "drill.png")
    desk.get_by_role("button", name="I see it").click()
    expect(desk.locator(".bk-one")).to_contain_text("Seen by Demo Dispatcher")
    end(desk, drill=True)
    expect(supervisor.locator(".bk-one")).to_be_hidden(timeout=SHOWN_MS)

    supervisor.reload()
    row = supervisor.locator(".request", has_text="TEST · CARE 12").first
    row.locator("summary").click()
    expect(row.locator(".timeline")).to_contain_text("CLOSED: Drill over")
    expect(supervisor.locator(".drilled .done")).to_contain_text("CARE 12")
    supervisor.screenshot(path=pictures / "review-1440.png", full_page=True)
    supervisor.set_viewport_size(SMALL)
    supervisor.screenshot(path=pictures / "review-1024.png")
    with supervisor.expect_download() as download:
        supervisor.get_by_role("link", name="CSV").click()
    assert "RECEIVED" in Path(download.value.path()).read_text()
