"""
A whole shift in a real browser, with everything that can go wrong on the way; and a tablet that is stolen: what lies on
its disk says nothing.
"""

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.conftest import FLAGS, NONE_OF_IT, TABLET, kill_tab, say_by_radio
from tests.browser.site import Site, wait_until_up
from tests.browser.test_offline import (
    OTHER_PIN,
    PASSWORD,
    PIN,
    SOON,
    choose_pin,
    leave,
    send,
    sign_on,
    take_pictures,
    type_pin,
    until,
    wait_until_kept,
)

Enter = Callable[..., Page]
SEVEN, EIGHT = "demo-responder-7@example.org", "demo-responder-8@example.org"
ALL_REACHED = "Everything you did has reached the desk."
# A page's idea of the server's time is off by half the way there and back at most, and the machine is busy.
_OFF = timedelta(seconds=3)
# Up to a minute lies between two tries of a tablet whose requests fail.
_TWO_TRIES_S = 90
# A finger that taps within this of another tap is taken for a slip.
_SLIP_MS = 1_200
# Ask for a newer release until it is there: every file of it is fetched first.
_NEWER_WAITS = """async () => {
    const registration = await navigator.serviceWorker.getRegistration("/tablet/");
    if (!registration.waiting && !registration.installing) await registration.update();
    return registration.waiting !== null;
}"""
# By the page itself: that a call was shown, and that somebody touched it.
_BY_ITSELF = {"assignment.deliver", "unit.check_in", "encounter.save"}

pytestmark = [pytest.mark.timeout(480)]


class Wire:
    """
    The way of a tablet's exchanges to the server, and what befalls them.
    """

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.sent: list[dict[str, Any]] = []
        self.lost = self.held = 0
        self.fate = "pass"
        self._site = site
        context.route("**/api/sync", self._carry)

    def _carry(self, route: Route) -> None:
        body: dict[str, Any] = route.request.post_data_json or {}
        self.sent.append(body)
        fate = self.fate if body["actions"] else "pass"
        # Whoever asked may be gone before there is an answer.
        with suppress(PlaywrightError):
            if fate == "lose":
                # The server takes it and answers; nobody hears that.
                route.fetch()
                self.lost += 1
                route.abort("connectionreset")
            elif fate == "hold":
                self.held += 1
            elif fate == "drop":
                route.abort("connectionreset")
            elif fate == "kill":
                self.fate = "pass"
                # With the request in its hands: it would have answered before the signal came.
                self._site.freeze("web")
                route.continue_()
                self._site.kill("web")
            else:
                route.continue_()

    def offers(self) -> Counter[str]:
        """
        Return how often each action was sent.
        """
        return Counter(action["id"] for body in self.sent for action in body["actions"])


class Taps:
    """
    When a finger touched the screen for what.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.at: list[tuple[str, datetime]] = []

    def __call__(self, kind: str, tap: Callable[[], object]) -> None:
        """
        Do it, no sooner after the last one than a person would.
        """
        self.page.wait_for_timeout(_SLIP_MS)
        tap()
        self.at.append((kind, datetime.now(UTC)))


def wait_for(holds: Callable[[], object], page: Page, *, within_s: float = 40) -> None:
    """
    Wait for something outside the page, while the page goes on.
    """
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def _passwords(site: Site) -> None:
    site.manage(
        "shell",
        "-c",
        f"from responders.models import Person\nfor p in Person.objects.filter(email__in={[SEVEN, EIGHT]!r}):\n"
        f"    p.set_password({PASSWORD!r}); p.save(update_fields=['password'])",
    )


def pairing_code(supervisor: Page, name: str) -> str:
    """
    Have the supervisor make a code for a new tablet of CARE 18.
    """
    supervisor.select_option("#pair-unit", label="CARE 18")
    supervisor.fill("#pair-name", name)
    supervisor.get_by_role("button", name="Make a code").click()
    code = supervisor.get_by_role("dialog").locator("output").inner_text()
    supervisor.get_by_role("button", name="Done").click()
    return code


def staffed(context: BrowserContext, site: Site, code: str, pins: tuple[str, str]) -> Page:
    """
    Pair a browser as a tablet, and have its crew of two sign on, one after the other, each with a PIN.
    """
    tablet = context.pages[0] if context.pages else context.new_page()
    tablet.goto(f"{site.origin}/tablet/pair/#{code}")
    for email, pin in zip((EIGHT, SEVEN), reversed(pins), strict=True):
        sign_on(tablet, email)
        expect(tablet.locator("button.line")).to_have_text("Live", timeout=SOON)
        choose_pin(tablet, pin)
        if email == EIGHT:
            leave(tablet)
    wait_until_kept(tablet)
    return tablet


@pytest.fixture
def call(site: Site) -> Iterator[Callable[..., str]]:
    """
    Return what sends a call through CAD's door and returns its address; all are closed in the end.
    """
    made: list[tuple[str, dict[str, Any]]] = []

    def come_in(number: str, **fields: Any) -> str:
        now = datetime.now(UTC).isoformat()
        body = {
            "type": "DOWN - CHECK FOR PERSON DOWN",
            "priority": 3,
            "address": "YESLER WAY / 3RD AV",
            "point": {"lon": -122.3308, "lat": 47.6019},
            "place_kind": "PUBLIC",
            "source": "911",
            "answers": NONE_OF_IT,
            "narrative": "RP SAYS WOMAN SITS ON CURB, CRYING.",
            "received_at": now,
            **fields,
        }
        site.cad_says(number, **body, cad_at=now)
        made.append((number, body))
        return str(body["address"])

    yield come_in
    if not site.is_up():
        # Killed, and the test ended before it was to come back.
        site.start("web")
        wait_until_up(site)
    for number, body in made:
        now = datetime.now(UTC).isoformat()
        site.cad_says(number, **body, cad_at=now, status="CANCELLED", closed_at=now)


def line_of(tablet: Page, words: str, *, within_s: float = SOON / 1000) -> None:
    """
    Expect the words at the top right, in full.
    """
    expect(tablet.locator("button.line")).to_have_text(re.compile(f"^{words}$"), timeout=within_s * 1000)


def hears_about_the_line(tablet: Page, says: str, *, not_yet: bool) -> None:
    """
    Expect what the tablet says of its line in a sentence; whether all has reached the desk it says only when it has.
    """
    tablet.locator("button.line").click()
    banner = tablet.locator(".sheet .banner").first
    expect(banner).to_contain_text(says)
    if not_yet:
        expect(banner).not_to_contain_text(ALL_REACHED)
        expect(tablet.get_by_role("heading", name=re.compile("Waiting to send"))).to_be_visible()
    tablet.keyboard.press("Escape")


@pytest.mark.usefixtures("_passwords")
def test_a_whole_shift_reaches_the_server_once_and_as_it_happened(
    call: Callable[..., str], enter: Enter, site: Site, chromium: Browser, pictures: Path
) -> None:
    desk, supervisor = enter("dispatcher"), enter("supervisor")
    context = chromium.new_context(viewport={"width": TABLET["width"], "height": TABLET["height"]})
    wire = Wire(context, site)
    tablet = staffed(context, site, pairing_code(supervisor, "The shift's tablet"), (PIN, OTHER_PIN))
    tap = Taps(tablet)
    unit = desk.locator("#units-rows .u", has_text="CARE 18")

    # --- the desk sends a call; one question about it is open ---------------------------------------------------------------
    where = call("79000001", answers={**NONE_OF_IT, "MEDICAL": "UNKNOWN"})
    send(desk, where, "CARE 18")
    acknowledge = tablet.get_by_role("button", name="Acknowledge", exact=True)
    expect(acknowledge).to_be_visible(timeout=SOON)
    tap("assignment.acknowledge", acknowledge.click)
    expect(unit).to_contain_text("Acknowledged", timeout=SOON)
    line_of(tablet, "Live")

    # --- into the basement ---------------------------------------------------------------------------------------------------
    context.set_offline(True)
    line_of(tablet, r"Offline.*")
    tap("assignment.en_route", tablet.get_by_role("button", name="En route").first.click)
    expect(tablet.locator(".bar")).to_contain_text("waiting to send")
    tap("assignment.arrive", tablet.get_by_role("button", name="On scene").first.click)
    add_note(tablet, tap, "She lost her keys and her coat.")
    tablet.get_by_role("button", name=re.compile("Medical not known")).click()
    tap("call.answer", tablet.get_by_role("button", name="No medical emergency").click)
    expect(tablet.locator(".checks")).to_contain_text(re.compile(r"No medical emergency · ?waiting to send"))
    line_of(tablet, r"Offline.*4 waiting to send")
    tablet.locator(".kick-time").click()
    expect(tablet.locator(".times li", has_text="Acknowledged")).to_contain_text("on record")
    for step in ("En route", "On scene"):
        expect(tablet.locator(".times li", has_text=step)).to_contain_text("waiting to send")
    tablet.keyboard.press("Escape")
    hears_about_the_line(tablet, "No signal for", not_yet=True)
    # What the map says of itself does not lie over its buttons.
    tablet.get_by_role("button", name="Closer").click(trial=True)
    take_pictures(tablet, pictures, "shift-1-offline")
    expect(unit).to_contain_text("Acknowledged")
    tablet.wait_for_timeout(4_000)
    back = datetime.now(UTC)

    # --- signal again, and the server dies with the request in its hands -----------------------------------------------------
    wire.fate = "kill"
    context.set_offline(False)
    wait_for(lambda: wire.fate == "pass", tablet)
    # News may come all the while (another process brings it): what counts is what is said of the crew's own work.
    expect(tablet.locator("button.line")).to_contain_text(re.compile("4 (waiting to send|sending)"))
    hears_about_the_line(tablet, "", not_yet=True)
    tablet.screenshot(path=pictures / "shift-2-server-killed.png")

    # --- it comes back, takes everything, and its answer is lost --------------------------------------------------------------
    wire.fate = "lose"
    site.start("web")
    wait_until_up(site)
    wait_for(lambda: wire.lost, tablet, within_s=_TWO_TRIES_S)
    expect(unit).to_contain_text("On scene", timeout=SOON)
    desk.locator("#out-rows .q", has_text=where).locator(".q-main").click()
    expect(desk.locator("#detail").get_by_text("She lost her keys and her coat.")).to_have_count(1)
    expect(tablet.locator("button.line")).to_contain_text(re.compile("4 (waiting to send|sending)"))
    hears_about_the_line(tablet, "", not_yet=True)
    tablet.screenshot(path=pictures / "shift-3-answer-lost.png")

    # --- one more note, and the tab dies while it is on its way ---------------------------------------------------------------
    wire.fate = "drop"
    add_note(tablet, tap, "Her sister is coming for her.")
    # Counted when it lies on the disk, and not before.
    expect(tablet.locator("button.line")).to_contain_text(re.compile("5 (waiting to send|sending)"))
    wire.fate = "hold"
    wait_for(lambda: wire.held, tablet, within_s=_TWO_TRIES_S)
    kill_tab(tablet)
    wire.fate = "lose"
    tablet = tap.page = context.new_page()
    tablet.goto(f"{site.origin}/tablet/")
    expect(tablet.get_by_text("Her sister is coming for her.")).to_be_visible(timeout=SOON)
    expect(tablet.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
    expect(tablet.locator("button.line")).to_contain_text(re.compile("5 (waiting to send|sending)"))
    hears_about_the_line(tablet, "", not_yet=True)
    wire.fate = "pass"
    line_of(tablet, "Live", within_s=_TWO_TRIES_S)
    hears_about_the_line(tablet, ALL_REACHED, not_yet=False)
    expect(desk.locator("#detail").get_by_text("Her sister is coming for her.")).to_have_count(1)
    expect(tablet.get_by_role("button", name=re.compile("not done"))).to_have_count(0)

    # --- a newer app comes, and waits for the crew ----------------------------------------------------------------------------
    before = tablet.locator("#config").inner_text()
    words = Path(site.settings["STATIC_ROOT"]) / "tablets" / "words.js"
    words.write_text(f"{words.read_text()}\n// A release of the middle of a shift.\n")
    until(tablet, _NEWER_WAITS, within_s=90)
    tablet.locator("button.line").click()
    expect(tablet.locator(".sheet")).to_contain_text("a newer one waits until you are free", timeout=SOON)
    take_pictures(tablet, pictures, "shift-4-update-waits")
    tablet.keyboard.press("Escape")
    assert tablet.locator("#config").inner_text() == before

    tablet.get_by_role("button", name="Clear…").first.click()
    tablet.get_by_role("button", name="Handled").click()
    tap("assignment.clear", tablet.get_by_role("button", name="Clear: Handled").click)
    expect(unit).to_contain_text("Available", timeout=SOON)
    until(tablet, f"() => !['', {before!r}].includes(document.getElementById('config')?.textContent ?? '')")
    line_of(tablet, "Live")

    # --- without signal again: one goes home, the other goes on, and goes home -------------------------------------------------
    context.set_offline(True)
    line_of(tablet, r"Offline.*")
    end_shift(tablet, tap)
    expect(tablet.get_by_text("1 not sent yet.")).to_be_visible()
    tablet.get_by_role("button", name="Sign on").click()
    tablet.get_by_role("button", name=re.compile("Responder Eight")).click()
    type_pin(tablet, OTHER_PIN)
    tap.at.append(("tablet.sign_on", datetime.now(UTC)))
    expect(tablet.locator("button.who")).to_be_visible(timeout=SOON)
    take_pictures(tablet, pictures, "shift-5-next-user")
    end_shift(tablet, tap)
    expect(tablet.get_by_text("3 not sent yet.")).to_be_visible()
    expect(tablet.get_by_text("Everything you did has been sent.")).to_have_count(0)
    take_pictures(tablet, pictures, "shift-6-signed-off")
    expect(unit).to_contain_text("Available")
    context.set_offline(False)
    expect(unit).to_contain_text("Off shift", timeout=SOON)

    check_rows(site, wire, tap, offline_until=back)
    context.close()


def add_note(tablet: Page, tap: Taps, text: str) -> None:
    """
    Write a note on the call.
    """
    tablet.get_by_role("button", name="Note", exact=True).click()
    tablet.locator("#text").fill(text)
    tap("call.note", tablet.get_by_role("button", name="Add note").click)


def end_shift(tablet: Page, tap: Taps) -> None:
    """
    End a shift without signal.
    """
    tablet.locator("button.who").click()
    tablet.get_by_role("button", name="End my shift…").click()
    expect(tablet.locator(".sheet")).to_contain_text(
        "No signal: it counts from now, and is sent when the signal is back."
    )
    tap("shift.sign_off", tablet.get_by_role("button", name="End my shift", exact=True).click)
    expect(tablet.get_by_role("heading", name="You are signed off")).to_be_visible(timeout=SOON)


def check_rows(site: Site, wire: Wire, tap: Taps, *, offline_until: datetime) -> None:
    """
    Check the server's rows against the taps: each step once, in order, at its time.
    """
    lane = wire.sent[-1]["installation"]
    with psycopg.connect(site.database_url) as connection:
        receipts = connection.execute(
            "SELECT seq, kind, status, action_id::text FROM journal_receipt WHERE lane = %s ORDER BY seq", [lane]
        ).fetchall()
        entries = connection.execute(
            "SELECT action_id::text, kind, count(*), min(happened_at) FROM journal_entry"
            " WHERE action_id = ANY(%s::uuid[]) GROUP BY 1, 2",
            [[row[3] for row in receipts]],
        ).fetchall()
        notes = connection.execute(
            "SELECT n.text, n.at FROM dispatch_note n JOIN dispatch_call c ON c.id = n.call_id"
            " WHERE c.number = '79000001' AND n.origin = 'UNIT' ORDER BY n.at"
        ).fetchall()
        times = connection.execute(
            "SELECT a.acknowledged_at, a.en_route_at, a.on_scene_at, a.ended_at, a.disposition FROM dispatch_assignment a"
            " JOIN dispatch_call c ON c.id = a.call_id WHERE c.number = '79000001'"
        ).fetchall()
        answers = connection.execute(
            "SELECT a.value, a.at FROM dispatch_answer a JOIN dispatch_call c ON c.id = a.call_id"
            " WHERE c.number = '79000001' AND a.disqualifier = 'MEDICAL' AND a.called_back"
        ).fetchall()
        flags = connection.execute(
            "SELECT f.code FROM dispatch_flag f JOIN dispatch_call c ON c.id = f.call_id WHERE c.number = '79000001'"
        ).fetchall()
        kept = connection.execute(
            "SELECT kind, code FROM tablets_quarantined WHERE installation = %s", [lane]
        ).fetchall()
    assert kept == []
    # EMS goes along, and nobody has said that it is safe.
    assert flags == [("arrived_before_safe",)]
    # Every step of the lane, in the order of the taps, and none without a receipt.
    assert [row[0] for row in receipts] == list(range(1, len(receipts) + 1))
    assert [(row[1], row[2]) for row in receipts if row[1] not in _BY_ITSELF] == [(kind, 200) for kind, _ in tap.at]
    assert {row[3] for row in receipts} == set(wire.offers())
    # The net of this test has holes: most of it was sent more than once, and done once.
    assert sum(times > 1 for times in wire.offers().values()) >= 5
    assert [row for row in entries if row[2] != 1] == []
    # At the time of the tap, not of the arrival.
    happened = {row[0]: row[3] for row in entries}
    steps = [(row[1], happened[row[3]]) for row in receipts if row[1] not in _BY_ITSELF]
    assert [at for _, at in steps] == sorted(at for _, at in steps)
    for (kind, at), (_, tapped) in zip(steps, tap.at, strict=True):
        assert abs(at - tapped) <= _OFF, f"{kind} happened {tapped} and is on record as of {at}"
    by_kind = dict(reversed(steps))
    assert times == [
        (
            by_kind["assignment.acknowledge"],
            by_kind["assignment.en_route"],
            by_kind["assignment.arrive"],
            by_kind["assignment.clear"],
            "HANDLED",
        )
    ]
    assert [text for text, _ in notes] == ["She lost her keys and her coat.", "Her sister is coming for her."]
    assert answers == [("NO", by_kind["call.answer"])]
    assert max(by_kind["call.answer"], times[0][2], notes[0][1]) < offline_until


# Where a browser keeps what a page gave it.
_KEPT_BY_PAGES = (
    "IndexedDB",
    "Local Storage",
    "Session Storage",
    "Service Worker",
    "Cache",
    "blob_storage",
    "WebStorage",
)
# Each of these stands in something that the crew sees or types.
CANARIES = {
    "narrative": "CANARYNARRATIVE9KX4",
    "address": "CANARY7QWZ ST / YESLER WAY",
    "phone": "+12065550173",
    "note": "CANARYNOTE5TJ8 needs a blanket",
    "PIN": "492751380627",
    "password": PASSWORD,
}
# What is put there on purpose, and has to be found: a search that finds nothing could be one that does not look.
_PLANTED = "CANARYPLANTED3BD6"
_PLANT = """value => new Promise((resolve, reject) => {
    localStorage.setItem("planted", value);
    const open = indexedDB.open("planted", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("planted");
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
        const transaction = open.result.transaction("planted", "readwrite", { durability: "strict" });
        transaction.objectStore("planted").put(value, 1);
        transaction.oncomplete = () => resolve();
        transaction.onerror = () => reject(transaction.error);
    };
})"""
_COUNT = """() => new Promise((resolve, reject) => {
    const counted = {};
    const open = indexedDB.open("care-field");
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
        const names = [...open.result.objectStoreNames];
        if (!names.length) return resolve(counted);
        const transaction = open.result.transaction(names);
        for (const name of names) {
            const count = transaction.objectStore(name).count();
            count.onsuccess = () => { counted[name] = count.result; };
        }
        transaction.oncomplete = () => { open.result.close(); resolve(counted); };
    };
})"""


def found(profile: Path, words: str, *, only: tuple[str, ...] = _KEPT_BY_PAGES) -> list[str]:
    """
    Return the files of a browser's profile that hold some words, in any of the two ways in which it writes text.
    """
    wanted = {words.encode(how) for how in ("utf-8", "utf-16-le")}
    holding = []
    for file in profile.rglob("*"):
        where = file.relative_to(profile)
        if not file.is_file() or not any(part.startswith(only) for part in where.parts):
            continue
        # A file may go while the browser tidies up.
        with suppress(OSError):
            content = file.read_bytes()
            if any(one in content for one in wanted):
                holding.append(str(where))
    return holding


def check_disk(profile: Path) -> None:
    """
    Check that no canary is in what the pages keep, by a search that finds what was planted.
    """
    planted = found(profile, _PLANTED)
    assert any("IndexedDB" in file for file in planted), planted
    assert {what: files for what, words in CANARIES.items() if (files := found(profile, words))} == {}


@contextmanager
def browser_on(chromium: Browser, profile: Path) -> Iterator[BrowserContext]:
    """
    Have a browser with a profile of its own on the disk, as a tablet's is.
    """
    context = chromium.browser_type.launch_persistent_context(
        str(profile),
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        headless=True,
        chromium_sandbox=False,
        args=FLAGS,
        viewport={"width": TABLET["width"], "height": TABLET["height"]},
    )
    try:
        yield context
    finally:
        with suppress(PlaywrightError):
            context.close()


@pytest.mark.usefixtures("_passwords")
def test_a_stolen_tablet_says_nothing_and_a_revoked_one_has_nothing(
    call: Callable[..., str], enter: Enter, site: Site, chromium: Browser, tmp_path: Path, pictures: Path
) -> None:
    desk, supervisor = enter("dispatcher"), enter("supervisor")
    supervisor.on("dialog", lambda asked: asked.accept())
    profile = tmp_path / "profile"
    unit = desk.locator("#units-rows .u", has_text="CARE 18")
    with browser_on(chromium, profile) as context:
        tablet = staffed(context, site, pairing_code(supervisor, "Tablet 11"), (CANARIES["PIN"], OTHER_PIN))
        tap = Taps(tablet)
        call(
            "79000002",
            address=CANARIES["address"],
            narrative=f"RP SAYS {CANARIES['narrative']} IS COLD.",
            caller_phone=CANARIES["phone"],
        )
        send(desk, CANARIES["address"], "CARE 18")
        acknowledge = tablet.get_by_role("button", name="Acknowledge", exact=True)
        expect(acknowledge).to_be_visible(timeout=SOON)
        tap("assignment.acknowledge", acknowledge.click)
        expect(unit).to_contain_text("Acknowledged", timeout=SOON)
        context.set_offline(True)
        line_of(tablet, r"Offline.*")
        tap("assignment.en_route", tablet.get_by_role("button", name="En route").first.click)
        add_note(tablet, tap, CANARIES["note"])
        # All of it is on the screen, and so on the tablet.
        for what in ("narrative", "address", "note"):
            expect(tablet.locator(".call")).to_contain_text(CANARIES[what])
        assert tablet.evaluate(_COUNT)["documents"] > 0
        tablet.evaluate(_PLANT, _PLANTED)
        tablet.wait_for_timeout(2_000)
        check_disk(profile)

    # --- switched off and taken away, in the middle of the shift ---------------------------------------------------------------
    check_disk(profile)
    assert {what: files for what, words in CANARIES.items() if (files := found(profile, words, only=("",)))} == {}

    # --- opened again, with the crew's work still in it, and taken out of use ---------------------------------------------------
    with browser_on(chromium, profile) as context:
        tablet = context.pages[0]
        tablet.goto(f"{site.origin}/tablet/")
        expect(unit).to_contain_text("En route", timeout=SOON)
        expect(tablet.locator(".call")).to_contain_text(CANARIES["note"], timeout=SOON)
        lane = site_says(
            site,
            "SELECT i.id FROM tablets_installation i JOIN tablets_tablet t ON t.id = i.tablet_id"
            " WHERE t.name = 'Tablet 11'",
        )[0][0]
        row = supervisor.locator("#tablets tr", has_text="Tablet 11")
        row.get_by_role("button", name="Revoke").click(timeout=SOON)
        expect(tablet.get_by_role("heading", name="This tablet is out of use")).to_be_visible(timeout=SOON)
        expect(tablet.get_by_text("Nothing of any call is on it any more.")).to_be_visible(timeout=SOON)
        take_pictures(tablet, pictures, "shift-7-revoked")
        assert sum(tablet.evaluate(_COUNT).values()) == 0
        check_disk(profile)
        wait_for(lambda: site_says(site, CONFIRMED, lane), tablet)
        ((left,),) = site_says(site, CONFIRMED, lane)
        assert {what: n for what, n in left.items() if n} == {}
    check_disk(profile)
    say_by_radio(desk, "CARE 18", "Clear")
    desk.get_by_role("dialog").get_by_text("Unable to locate").click()
    desk.keyboard.press("Enter")


CONFIRMED = 'SELECT "left" FROM tablets_purge WHERE installation = %s AND confirmed_at IS NOT NULL'


def site_says(site: Site, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """
    Return the rows of a statement, from the site's database.
    """
    with psycopg.connect(site.database_url) as connection:
        return connection.execute(statement.encode(), values).fetchall()
