"""
The main job, in three browsers: calls come in from the replayed feed, the desk sends one, the crews race for the other.
"""

import csv
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.local.places import ROOT, VENV
from tests.browser.conftest import TABLET, clear_by_radio
from tests.browser.site import Site

# Some columns of Seattle's Call Data as it is today; the rows are invented. Both calls last until long after the test.
_COLUMNS = (
    "cad_event_number",
    "cad_event_original_time_queued",
    "dispatch_address",
    "dispatch_longitude",
    "dispatch_latitude",
    "initial_call_type",
    "priority",
    "call_sign_dispatch_id",
    "last_spd_call_sign_in_service_time",
)
_BEGIN, _END = "2026-06-03T12:00:00.000", "2026-06-03T14:00:00.000"
_DAY = (
    ("90000001", _BEGIN, "1ST AV / PIKE ST", "-122.3402", "47.6087", "DOWN - CHECK FOR PERSON DOWN", "3", "", _END),
    ("90000002", _BEGIN, "S MAIN ST / 2ND AV S", "-122.3315", "47.6000", "DISTURBANCE - OTHER", "3", "", _END),
)
Enter = Callable[..., Page]


@pytest.fixture
def replayed(site: Site, tmp_path: Path) -> Iterator[None]:
    """
    Replay two calls through the CAD's own door; the feed goes on being heard of for the length of the test.
    """
    file = tmp_path / "day.csv"
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(_COLUMNS)
        writer.writerows(_DAY)
    command = [str(VENV / "bin/python"), "manage.py", "replay_calls", str(file), "--speed", "1", "--start", "12:00"]
    command += ["--origin", site.origin]
    # Not as an argument: other programs of the machine can read those.
    settings = {**site.settings, "CAD_KEY": site.key_file.read_text().strip()}
    log = tmp_path / "replay.log"
    with log.open("w") as said:
        feed = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=said, stderr=subprocess.STDOUT)
        yield
        ended_early = feed.poll() is not None
        feed.terminate()
        feed.wait(15)
    assert not ended_early, log.read_text()


def row_of(desk: Page, address: str) -> Any:
    """
    Return the desk's row of the call at an address.
    """
    return desk.locator("#queues .q:not(.gone)", has_text=address)


def test_a_replayed_call_is_sent_by_the_desk_and_another_is_raced_for(
    replayed: None, enter: Enter, pictures: Path
) -> None:
    desk = enter("dispatcher")
    expect(desk.locator("#line-words")).to_have_text("Live")
    first, second = enter("tablet-1", size=TABLET), enter("tablet-2", size=TABLET)
    expect(row_of(desk, "1ST AV / PIKE ST")).to_be_visible(timeout=30_000)
    expect(row_of(desk, "S MAIN ST / 2ND AV S")).to_be_visible(timeout=30_000)

    # --- the desk asks, and the policy answers -----------------------------------------------------------------------------
    row_of(desk, "1ST AV / PIKE ST").locator(".q-main").click()
    for question in range(4):
        answers = desk.locator("#detail-answers .ans").nth(question)
        answers.get_by_role("button", name="no", exact=True).click()
        expect(answers.get_by_role("button", name="no", exact=True)).to_have_attribute("aria-pressed", "true")
    desk.keyboard.press("Escape")
    row_of(desk, "1ST AV / PIKE ST").locator(".q-main").click()
    desk.keyboard.press("e")
    desk.get_by_role("dialog").get_by_text("Public place").click()
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail-head .tag")).to_have_text("CARE alone")

    # --- sent, rung, acknowledged, en route, on scene, cleared ---------------------------------------------------------------
    desk.keyboard.press("s")
    expect(desk.get_by_role("dialog")).to_contain_text("CARE 12")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    expect(first.get_by_text("New call for CARE 12")).to_be_visible(timeout=10_000)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Tablet rings")
    first.screenshot(path=pictures / "rings.png")
    first.get_by_role("button", name="Acknowledge, en route").click()
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("En route")
    first.get_by_role("button", name="On scene").first.click()
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("On scene")
    desk.screenshot(path=pictures / "on-scene.png")
    first.get_by_role("button", name="Clear").first.click()
    first.get_by_role("button", name="Handled").click()
    first.get_by_role("button", name="Clear: Handled").click()
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Available")
    desk.mouse.move(5, 500)
    expect(row_of(desk, "1ST AV / PIKE ST")).to_have_count(0, timeout=10_000)

    # --- both crews reach for the call that waits for police -----------------------------------------------------------------
    for tablet in (first, second):
        ask_for_the_second_call(tablet)
    for tablet in (first, second):
        # Both are pressed before either has an answer: the pages run beside each other.
        tablet.evaluate(
            "() => [...document.querySelectorAll('button')].find(one => one.innerText.includes('Ask to take it')).click()"
        )
    out = desk.locator("#out-rows .q", has_text="S MAIN ST / 2ND AV S")
    expect(out).to_be_visible(timeout=10_000)
    winner = "CARE 12" if "CARE 12" in out.inner_text() else "CARE 14"
    loser = second if winner == "CARE 12" else first
    expect(out).to_contain_text(winner)
    expect(out).not_to_contain_text("+ 1")
    expect(loser.get_by_text(f"{winner} took it").first).to_be_visible(timeout=10_000)
    loser.screenshot(path=pictures / "lost.png")
    out.locator(".q-main").click()
    expect(desk.locator("#detail-units .holder")).to_have_count(1)
    expect(desk.locator("#detail-units")).to_contain_text("Taken from police")
    desk.screenshot(path=pictures / "poached.png")

    # --- and the desk says what it thinks of that ------------------------------------------------------------------------------
    expect(desk.locator("#debriefs")).to_have_text(re.compile("1 debrief"))
    desk.keyboard.press("w")
    desk.get_by_role("dialog").locator("textarea").fill("Police were twenty minutes away.")
    desk.keyboard.press("Enter")
    expect(desk.locator("#debriefs")).to_be_hidden()
    clear_by_radio(desk, winner)


def ask_for_the_second_call(tablet: Page) -> None:
    """
    Open the question before a take from police, and give a reason, but do not send it yet.
    """
    row = tablet.locator(":is(li, article, .row)", has_text="S MAIN ST / 2ND AV S").filter(
        has=tablet.get_by_role("button", name="Take from police")
    )
    # A tap right after an action is taken for a slip of the finger: wait as a person would.
    tablet.wait_for_timeout(1_500)
    row.last.get_by_role("button", name="Take from police").click()
    tablet.get_by_role("button", name="The caller asked for CARE").click()
