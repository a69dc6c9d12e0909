"""
The first page, the desk by keys alone, and the supervisor who pairs a tablet.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NONE_OF_IT, TABLET, clear_by_radio, say_by_radio
from tests.browser.site import Site

Enter = Callable[..., Page]
_numbers = count(1)


def test_the_first_page_has_doors_in_the_demo(site: Site, chromium: Browser, pictures: Path) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(site.origin)

    doors = page.locator("[data-door]").evaluate_all("doors => doors.map(door => door.dataset.door)")

    assert doors == ["dispatcher", "coordinator", "supervisor", "police", "officer", "tablet-1", "tablet-2"]
    page.screenshot(path=pictures / "home.png")
    page.close()


def test_the_desk_goes_by_keys_alone(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("#line-words")).to_have_text("Live")
    row = desk.locator("#care-rows .q", has_text=waiting)
    expect(row).to_be_visible()

    # A new call, typed without the mouse: where, what, the four questions, the place; nothing is sent before Enter.
    desk.keyboard.press("n")
    desk.keyboard.type("200 Pike St, doorway")
    desk.keyboard.press("Alt+t")
    desk.keyboard.type("person down")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    desk.keyboard.type("Man asleep in a doorway, breathing normally.")
    desk.keyboard.press("Alt+1")
    for letter in "nnnn":
        desk.keyboard.press(letter)
    expect(desk.locator("#new-answers [aria-checked=true]")).to_have_count(4)
    desk.keyboard.press("Alt+k")
    desk.keyboard.type("Pub")
    expect(desk.locator("#verdict b")).to_have_text("CARE alone", timeout=10_000)
    desk.screenshot(path=pictures / "intake.png")

    # Ctrl+Enter leaves it in its queue.
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#queues .q", has_text="200 Pike St")).to_be_visible()
    expect(desk.locator("#new-address")).to_have_value("")

    # Down to the call that waits, open it, note something, look at all keys.
    desk.keyboard.press("Escape")
    for _ in range(12):
        desk.keyboard.press("j")
        if waiting in desk.locator(".q.sel").inner_text():
            break
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail-head .where")).to_contain_text(waiting)
    desk.keyboard.press("a")
    desk.keyboard.type("Staff will open the side door.")
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail-notes")).to_contain_text("Staff will open the side door.")
    expect(desk.locator("#detail-notes")).to_contain_text("Demo Dispatcher")
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_contain_text("All keys")
    desk.keyboard.press("Escape")

    # Mute is visible, and so is that it is lifted.
    desk.keyboard.press("m")
    expect(desk.locator("#mute")).to_have_text(re.compile("Sound OFF"))
    desk.keyboard.press("m")
    expect(desk.locator("#mute")).not_to_have_text(re.compile("OFF"))

    # The call that was made here is cancelled by keys as well.
    for _ in range(12):
        desk.keyboard.press("j")
        if "200 Pike St" in desk.locator(".q.sel").inner_text():
            break
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail-head .where")).to_contain_text("200 Pike St")
    desk.keyboard.press("x")
    desk.keyboard.press("1")
    expect(desk.locator("#detail-head")).to_contain_text("no longer open")


def test_rows_hold_still_under_the_pointer(site: Site, waiting: str, enter: Enter) -> None:
    desk = enter("dispatcher")
    row = desk.locator("#care-rows .q", has_text=waiting)
    expect(row).to_be_visible()
    row.hover()
    before = row.bounding_box()
    number, now = f"8{next(_numbers):07}", datetime.now(UTC).isoformat()
    urgent = {
        "type": "DOWN - CHECK FOR PERSON DOWN",
        "priority": 2,
        "address": "YESLER WY / 1ST AV",
        "point": {"lon": -122.3340, "lat": 47.6017},
        "place_kind": "PUBLIC",
        "source": "911",
        "answers": NONE_OF_IT,
        "received_at": now,
    }
    site.cad_says(number, **urgent, cad_at=now)

    expect(desk.locator("#care-fresh")).to_have_text(re.compile("1 new"))
    assert row.bounding_box() == before
    desk.keyboard.press(".")
    expect(desk.locator("#care-rows .q").first).to_contain_text("YESLER WY / 1ST AV")
    site.cad_says(number, **urgent, cad_at=now, status="CANCELLED", closed_at=now)


def test_a_call_nobody_answers_rings_the_desk(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    desk.locator("#care-rows .q", has_text=waiting).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")

    # No tablet of CARE 12 is on: after 5 seconds the desk hears that the call has not reached it.
    alarm = desk.locator("#alarms .alarm")
    expect(alarm).to_contain_text("CARE 12 has not received", timeout=10_000)
    desk.screenshot(path=pictures / "alarm.png")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Space")
    expect(alarm).to_have_count(0)

    # The crew says by radio that it is on its way, on scene and clear; the desk does it for it.
    for said in ("En route", "On scene"):
        say_by_radio(desk, "CARE 12", said)
        expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text(said)
    clear_by_radio(desk, "CARE 12")


def test_a_supervisor_pairs_a_tablet_and_revokes_it(
    enter: Enter, site: Site, chromium: Browser, pictures: Path
) -> None:
    page = enter("supervisor")
    page.select_option("#pair-unit", label="CARE 18")
    page.fill("#pair-name", "Tablet 9")
    page.get_by_role("button", name="Make a code").click()
    dialog = page.get_by_role("dialog")
    # What is there is a drawing, with something drawn in it.
    expect(dialog.locator(".qr svg path").first).to_be_visible()
    assert dialog.locator(".qr svg").evaluate("svg => svg instanceof SVGSVGElement")
    code = dialog.locator("output").inner_text()
    page.screenshot(path=pictures / "pairing.png")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(code)).to_have_count(0)
    assert code not in page.content()

    device = chromium.new_context(viewport={"width": TABLET["width"], "height": TABLET["height"]})
    tablet = device.new_page()
    tablet.goto(f"{site.origin}/tablet/pair/#{code}")
    # The code came with the address, as from the QR code: nothing is typed, and it does not stay in the address.
    expect(tablet).to_have_url(f"{site.origin}/tablet/sign-on/")
    row = page.locator("#tablets tr", has_text="Tablet 9")
    expect(row).to_be_visible(timeout=15_000)
    page.screenshot(path=pictures / "tablets.png", full_page=True)

    page.on("dialog", lambda asked: asked.accept())
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0, timeout=10_000)
    expect(page.locator("#tablets")).to_contain_text(re.compile(r"Revoked:.*Tablet 9 "))
    device.close()
