"""
A running site and Debian's Chromium, driven by Playwright.
"""

import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.browser.site import Site, running_site

DESK = {"width": 1440, "height": 900}
TABLET = {"width": 1024, "height": 768}
NONE_OF_IT = {"WEAPON": "NO", "VIOLENCE": "NO", "MEDICAL": "NO", "POLICE_ONLY": "NO"}
# On two cores that do everything else as well, what is quick is not always quick.
expect.set_options(timeout=20_000)
_waiting = count(1)
_LOG_LINES = 200
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

_BUSY = """
SELECT EXISTS (SELECT FROM dispatch_assignment WHERE ended_at IS NULL)
    OR EXISTS (SELECT FROM responders_unit WHERE duty <> 'AVAILABLE')
    OR EXISTS (SELECT FROM dispatch_stop s JOIN dispatch_assignment a ON a.id = s.assignment_id
                WHERE s.acknowledged_at IS NULL AND a.ended_at IS NULL)
"""
# A request for backup never ends by itself: it would ring in every test after its own, and take in what they press.
_CLOSE_BACKUP = (
    """
    INSERT INTO dispatch_backupevent (press, kind, by, data)
    SELECT key, 'CLOSED', 'test', '{"as": "RESOLVED"}' FROM dispatch_backuppress
     WHERE closed_at IS NULL AND origin <> 'SELF_TEST' ON CONFLICT DO NOTHING
    """,
    "UPDATE dispatch_backuppress SET closed_at = now() WHERE closed_at IS NULL AND origin <> 'SELF_TEST'",
)
_REST = """
from django.utils import timezone
from dispatch.models import Assignment, Call, HandOver
from journal.door import open_door
from responders.models import Unit
now = timezone.now()
with open_door(by="system:test", at=now):
    calls = list(Assignment.objects.open().values_list("call_id", flat=True))
    HandOver.objects.filter(ended_at=None).update(ended_at=now)
    Assignment.objects.open().update(status="CLEARED", disposition="HANDLED", ended_at=now)
    Call.objects.filter(pk__in=calls).update(status="CLOSED", disposition="HANDLED", closed_at=now)
    Unit.objects.update(duty="AVAILABLE", duty_reason="", duty_since=now)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark everything here: it needs the whole stack.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(240))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Add to what is said of a failure what the site said meanwhile.
    """
    report = yield
    fixtures = getattr(item, "funcargs", {})
    site, chromium = fixtures.get("site"), fixtures.get("chromium")
    if report.failed and isinstance(chromium, Browser):
        for page in [page for context in chromium.contexts for page in context.pages]:
            with suppress(PlaywrightError):
                report.sections.append((f"{page.url} shows", page.locator("body").aria_snapshot(timeout=2_000)))
    if report.failed and isinstance(site, Site):
        report.sections.append(("the site's log", "\n".join(site.log.read_text().splitlines()[-_LOG_LINES:])))
    return report


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """
    Yield the whole site with the demo in it.
    """
    with running_site() as up:
        yield up


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """
    Yield Debian's Chromium. Playwright never downloads one.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "Chromium is not installed; `make install` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, chromium_sandbox=False, args=FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _rested(site: Site) -> None:
    """
    Give each test crews that are free and available, and no open request for backup, whatever the test before it left:
    what a browser had not sent when it was closed never came.
    """
    # What was on its way when the last browser was closed still arrives.
    time.sleep(2)
    with psycopg.connect(site.database_url) as connection:
        for statement in _CLOSE_BACKUP:
            connection.execute(statement)
        busy = connection.execute(_BUSY).fetchone()
    if busy is not None and busy[0]:
        site.manage("shell", "-c", _REST)


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return the directory that pictures of this run go to.
    """
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture
def enter(site: Site, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """
    Return what steps in through one of the demo's doors, each time as in a browser of its own.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def step_in(who: str, *, size: dict[str, int] = DESK) -> Page:
        context = chromium.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            geolocation={"latitude": 47.6089, "longitude": -122.3356},
            permissions=["geolocation"],
            timezone_id="America/Los_Angeles",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{who}: {error}"))
        page.on("console", lambda said: problems.append(f"{who}: {said.text}") if _is_our_fault(said.text) else None)
        page.goto(f"{site.origin}/")
        button = page.locator(f'[data-door="{who}"]')
        # The doors of tablets open a new tab; here each has a whole browser to itself.
        button.evaluate("button => button.form.removeAttribute('target')")
        button.click()
        page.wait_for_load_state()
        return page

    yield step_in
    for context in contexts:
        for page in context.pages:
            kill_tab(page)
        context.close()
    assert problems == []


@pytest.fixture
def waiting(site: Site) -> Iterator[str]:
    """
    Have one call wait for CARE, and yield its address.
    """
    number, now = new_number(), datetime.now(UTC).isoformat()
    call = {
        "type": "DOWN - CHECK FOR PERSON DOWN",
        "priority": 3,
        "address": "OCCIDENTAL AV S / S MAIN ST",
        "point": {"lon": -122.3332, "lat": 47.6000},
        "place_kind": "PUBLIC",
        "source": "911",
        "answers": NONE_OF_IT,
        "narrative": "RP SAYS MALE ASLEEP ON BENCH.",
        "received_at": now,
    }
    site.cad_says(number, **call, cad_at=now)
    yield "OCCIDENTAL AV S / S MAIN ST"
    site.cad_says(number, **call, cad_at=now, status="CANCELLED", closed_at=now)


def new_number() -> str:
    """
    Return a number that CAD has given to no call yet: what it has closed does not wait again.
    """
    return f"7{next(_waiting):07}"


def pictured(tablet: Page, path: Path) -> None:
    """
    Take a tablet's picture as it lies in the car by day, and as it is held upright at night.
    """
    tablet.screenshot(path=path)
    tablet.emulate_media(color_scheme="dark")
    tablet.set_viewport_size({"width": TABLET["height"], "height": TABLET["width"]})
    expect(tablet.locator("html")).to_have_attribute("data-theme", "night")
    tablet.screenshot(path=path.with_stem(f"{path.stem}-night"))
    tablet.emulate_media(color_scheme="light")
    tablet.set_viewport_size({"width": TABLET["width"], "height": TABLET["height"]})
    expect(tablet.locator("html")).to_have_attribute("data-theme", "day")
    # What has just been turned moves under the finger.
    tablet.wait_for_timeout(500)


def say_by_radio(desk: Page, call_sign: str, said: str) -> None:
    """
    Do at the desk what a crew asks for on the radio.
    """
    desk.locator("#units-rows .u", has_text=call_sign).locator(".u-radio").click()
    desk.get_by_role("dialog").get_by_text(said, exact=True).click()
    desk.keyboard.press("Enter")


def clear_by_radio(desk: Page, call_sign: str) -> None:
    """
    Clear a unit at the desk, so that the next test finds it free.
    """
    say_by_radio(desk, call_sign, "Clear")
    desk.get_by_role("dialog").get_by_text("Unable to locate").click()
    desk.keyboard.press("Enter")
    expect(desk.locator("#units-rows .u", has_text=call_sign)).to_contain_text("Available")


def kill_tab(page: Page) -> None:
    """
    Kill the process that shows a page, as the system does when memory is short.

    A page that is closed politely is let go by the one who keeps its network away before it is gone: it comes online for
    a moment, and sends.
    """
    session = page.context.new_cdp_session(page)
    # What is dead does not answer.
    with page.expect_event("crash", timeout=10_000), suppress(PlaywrightError):
        session.send("Page.crash", timeout=300)
    page.close()


def _is_our_fault(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text or "404" in text
