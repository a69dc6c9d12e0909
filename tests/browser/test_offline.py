"""
A tablet without signal, in a real browser: it opens, works, is killed and opened again, is updated, loses its memory, is
handed to the next user, and is taken out of use.
"""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.conftest import TABLET, clear_by_radio, kill_tab
from tests.browser.site import Site

Enter = Callable[..., Page]
PIN, OTHER_PIN = "739481", "604917"
UPRIGHT = {"width": 768, "height": 1024}
# A socket that nobody closes is dead after 25 s of silence, and a browser tells nobody that its network is gone.
SOON = 40_000


def send(desk: Page, address: str, unit: str) -> None:
    """
    Dispatch a waiting call to a unit at the desk.
    """
    desk.locator("#care-rows .q", has_text=address).locator(".q-main").click()
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text(unit).click()
    desk.keyboard.press("Enter")


def type_pin(page: Page, pin: str) -> None:
    """
    Type a PIN on the keypad, as a finger does.
    """
    for digit in pin:
        page.locator(".keypad .key", has_text=digit).click()
    page.locator(".keypad .key.go").click()


def choose_pin(page: Page, pin: str) -> None:
    """
    Choose a PIN in the menu.
    """
    page.locator("button.who").click()
    page.locator(".sheet").get_by_role("button", name=re.compile("PIN")).click()
    expect(page.get_by_role("heading", name="Choose a PIN")).to_be_visible()
    type_pin(page, pin)
    expect(page.get_by_role("heading", name="The same PIN once more")).to_be_visible()
    type_pin(page, pin)
    expect(page.get_by_text("Your PIN opens this tablet without signal")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="OK").click()


def wait_until_kept(page: Page) -> None:
    """
    Wait until the app's pages and modules are on the device and the page is the worker's.
    """
    until(page, "() => navigator.serviceWorker?.controller?.state === 'activated'")


def until(page: Page, holds: str, *, within_s: float = 30) -> None:
    """
    Wait until a function of the page returns true. Playwright's own would have to evaluate text, which our pages refuse.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        # A page that is being loaded anew has nobody to ask.
        with suppress(PlaywrightError):
            if page.evaluate(holds):
                return
        page.wait_for_timeout(200)
    raise AssertionError(holds)


def theme(page: Page, name: str) -> None:
    """
    Switch between day and night.
    """
    page.evaluate(
        "name => { localStorage.setItem('theme', name); dispatchEvent(new Event('care:theme')); }",
        name,
    )


def take_pictures(page: Page, pictures: Path, name: str) -> None:
    """
    Take a screen lying and upright, by day and by night.
    """
    for size, turned in ((TABLET, "lying"), (UPRIGHT, "upright")):
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for when in ("day", "night"):
            theme(page, when)
            page.wait_for_timeout(250)
            page.screenshot(path=pictures / f"{name}-{turned}-{when}.png")
    page.set_viewport_size({"width": TABLET["width"], "height": TABLET["height"]})


def opened_again(context: BrowserContext, site: Site) -> Page:
    """
    Open the app in a new tab.
    """
    page = context.new_page()
    page.goto(f"{site.origin}/tablet/")
    return page


def test_a_call_is_worked_without_signal_through_a_reload_and_a_killed_tab(
    waiting: str, enter: Enter, site: Site, pictures: Path
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    wait_until_kept(tablet)
    choose_pin(tablet, PIN)
    send(desk, waiting, "CARE 12")
    tablet.get_by_role("button", name="Acknowledge, en route").click(timeout=10_000)
    unit = desk.locator("#units-rows .u", has_text="CARE 12")
    expect(unit).to_contain_text("En route")
    context = tablet.context
    context.set_offline(True)

    # --- loaded anew in the basement: the app comes from the tablet, the call behind the PIN -----------------------------
    tablet.reload()
    expect(tablet.locator(".keypad")).to_be_visible(timeout=10_000)
    expect(tablet.get_by_text(waiting)).to_have_count(0)
    take_pictures(tablet, pictures, "pin")
    type_pin(tablet, "739482")
    expect(tablet.get_by_text("Wrong PIN")).to_be_visible()
    type_pin(tablet, PIN)
    expect(tablet.get_by_role("heading", name="Down - check for person down")).to_be_visible(timeout=10_000)
    expect(tablet.get_by_text("MALE ASLEEP ON BENCH")).to_be_visible()
    expect(tablet.locator("button.line")).to_contain_text("Offline")

    tablet.get_by_role("button", name="On scene").first.click()
    tablet.get_by_role("button", name="Note", exact=True).click()
    tablet.locator("#text").fill("He is awake and wants shelter.")
    tablet.get_by_role("button", name="Add note").click()
    expect(tablet.locator("button.line")).to_contain_text("2 waiting to send")
    tablet.get_by_role("button", name="History").click()
    expect(tablet.get_by_text("Operational facts only")).to_be_visible()
    tablet.keyboard.press("Escape")
    take_pictures(tablet, pictures, "on-scene-offline")

    # --- the tab is killed; what was done is still there ------------------------------------------------------------------
    kill_tab(tablet)
    tablet = opened_again(context, site)
    expect(tablet.locator(".keypad")).to_be_visible(timeout=10_000)
    type_pin(tablet, PIN)
    expect(tablet.locator("button.line")).to_contain_text("2 waiting to send")
    expect(tablet.get_by_text("He is awake and wants shelter.")).to_be_visible()
    tablet.locator("button.line").click()
    expect(tablet.get_by_role("heading", name=re.compile("Waiting to send · 2, oldest"))).to_be_visible()
    take_pictures(tablet, pictures, "waiting")
    tablet.keyboard.press("Escape")
    expect(unit).to_contain_text("En route")

    context.set_offline(False)

    expect(unit).to_contain_text("On scene", timeout=SOON)
    expect(tablet.locator("button.line")).to_have_text("Live", timeout=SOON)
    desk.locator("#units-rows .u", has_text="CARE 12").locator("button").first.click()
    clear_by_radio(desk, "CARE 12")


def test_a_call_can_be_asked_for_without_signal_and_is_not_theirs_until_the_desk_has_said_so(
    waiting: str, enter: Enter, pictures: Path
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    row = tablet.locator(".row", has_text=waiting)
    expect(row.get_by_role("button", name="Take", exact=True)).to_be_visible(timeout=10_000)
    tablet.context.set_offline(True)
    expect(row.get_by_role("button", name="Ask to take")).to_be_visible(timeout=SOON)
    expect(tablet.get_by_text("it is yours when the desk has said so")).to_be_visible()
    take_pictures(tablet, pictures, "board-offline")

    row.get_by_role("button", name="Ask to take").click()

    expect(row).to_contain_text("NOT YOURS YET")
    expect(row).to_contain_text(re.compile(r"asked \d+ s ago · expires in"))
    expect(tablet.get_by_role("button", name="En route")).to_have_count(0)
    take_pictures(tablet, pictures, "asked")
    row.locator(".row-main").click()
    expect(tablet.get_by_role("button", name="We are there already…")).to_be_visible()
    tablet.keyboard.press("Escape")

    tablet.context.set_offline(False)

    expect(tablet.get_by_role("heading", name="Down - check for person down")).to_be_visible(timeout=SOON)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text(
        re.compile("Assigned|Acknowledged|rings")
    )
    acknowledge = tablet.get_by_role("button", name="Acknowledge", exact=True)
    if acknowledge.count():
        acknowledge.click()
    clear_by_radio(desk, "CARE 12")


def test_a_crew_that_lost_a_call_hears_who_has_it(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    row = tablet.locator(".row", has_text=waiting)
    expect(row.get_by_role("button", name="Take", exact=True)).to_be_visible(timeout=10_000)
    tablet.context.set_offline(True)
    row.get_by_role("button", name=re.compile("^(Ask to take|Take)$")).click()
    expect(row).to_contain_text("NOT YOURS YET", timeout=10_000)
    send(desk, waiting, "CARE 14")
    expect(desk.locator("#units-rows .u", has_text="CARE 14")).to_contain_text(re.compile("Sending|Tablet rings"))

    tablet.context.set_offline(False)

    expect(tablet.locator(".toast")).to_contain_text("CARE 14 took it", timeout=SOON)
    expect(tablet.get_by_role("button", name="1 not done")).to_be_visible()
    tablet.get_by_role("button", name="1 not done").click()
    expect(tablet.get_by_text("Look at the board for another call.")).to_be_visible()
    take_pictures(tablet, pictures, "not-done")
    tablet.get_by_role("button", name="I have seen these").click()
    expect(tablet.get_by_role("button", name="1 not done")).to_have_count(0)
    clear_by_radio(desk, "CARE 14")


def test_a_crew_that_stands_there_says_so_and_the_desk_hears_it(waiting: str, enter: Enter, pictures: Path) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    row = tablet.locator(".row", has_text=waiting)
    expect(row).to_be_visible(timeout=10_000)
    tablet.context.set_offline(True)
    expect(row.get_by_role("button", name="Ask to take")).to_be_visible(timeout=SOON)
    row.locator(".row-main").click()
    tablet.get_by_role("button", name="We are there already…").click()
    take_pictures(tablet, pictures, "at-scene")
    tablet.get_by_role("button", name="On scene anyway").click()
    expect(row).to_contain_text("ON SCENE, NOT YOURS")

    tablet.context.set_offline(False)

    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("On scene", timeout=SOON)
    clear_by_radio(desk, "CARE 12")


def test_an_update_waits_for_the_crew_and_leaves_what_is_not_sent_alone(
    waiting: str, enter: Enter, site: Site
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    wait_until_kept(tablet)
    send(desk, waiting, "CARE 12")
    tablet.get_by_role("button", name="Acknowledge", exact=True).click(timeout=10_000)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Acknowledged")
    before = json.loads(tablet.locator("#config").inner_text())["release"]
    words = Path(site.settings["STATIC_ROOT"]) / "tablets" / "words.js"
    words.write_text(f"{words.read_text()}\n// Another release.\n")

    # A new release comes while the crew is on a call: it is fetched, and waits.
    tablet.evaluate("async () => { await (await navigator.serviceWorker.getRegistration('/tablet/')).update(); }")
    until(tablet, "async () => (await navigator.serviceWorker.getRegistration('/tablet/')).waiting !== null")
    tablet.route("**/api/sync", lambda route: route.abort())
    tablet.get_by_role("button", name="En route").first.click()
    tablet.wait_for_timeout(6_000)
    assert json.loads(tablet.locator("#config").inner_text())["release"] == before

    # Cleared, with two things not sent: the new one is let in, and they are sent by it.
    tablet.get_by_role("button", name="Clear…").first.click()
    tablet.get_by_role("button", name="Handled").click()
    tablet.get_by_role("button", name="Clear: Handled").click()
    expect(tablet.locator("button.line")).to_contain_text("2", timeout=10_000)
    tablet.unroute("**/api/sync")
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Available", timeout=SOON)
    until(tablet, f"() => JSON.parse(document.getElementById('config')?.textContent ?? '{{}}').release !== '{before}'")
    expect(tablet.locator("button.line")).to_have_text("Live", timeout=SOON)


def test_a_tablet_whose_memory_was_emptied_says_so(site: Site, enter: Enter, pictures: Path) -> None:
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=10_000)
    expect(tablet.get_by_text("emptied")).to_have_count(0)
    tablet.goto("about:blank")
    session = tablet.context.new_cdp_session(tablet)
    session.send("Storage.clearDataForOrigin", {"origin": site.origin, "storageTypes": "indexeddb,cache_storage"})

    tablet.goto(f"{site.origin}/tablet/")

    expect(tablet.locator(".notice")).to_contain_text("The browser has emptied this tablet's memory", timeout=10_000)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=10_000)
    take_pictures(tablet, pictures, "emptied")


def test_a_second_window_says_that_it_follows(site: Site, enter: Enter, pictures: Path) -> None:
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=10_000)
    wait_until_kept(tablet)
    second = opened_again(tablet.context, site)
    second.set_viewport_size({"width": TABLET["width"], "height": TABLET["height"]})

    expect(second.locator(".notice")).to_contain_text("CARE is open in another window too", timeout=10_000)
    second.screenshot(path=pictures / "follows.png")
    second.get_by_role("button", name="Meal").click()

    # What was done in the one that follows is sent by the other, and both show it.
    expect(second.get_by_role("button", name="Available again")).to_be_visible(timeout=10_000)
    expect(tablet.get_by_role("button", name="Available again")).to_be_visible(timeout=10_000)
    tablet.close()
    expect(second.locator(".notice")).not_to_contain_text("another window", timeout=10_000)
    second.wait_for_timeout(1_000)
    second.get_by_role("button", name="Available again").click()
    expect(second.get_by_role("button", name="Meal")).to_be_visible(timeout=10_000)


def test_the_next_user_goes_on_without_signal_and_cannot_see_what_the_one_before_did(
    site: Site, enter: Enter, pictures: Path
) -> None:
    tablet = enter("tablet-1", size=TABLET)
    wait_until_kept(tablet)
    choose_pin(tablet, PIN)
    leave(tablet)
    give_password(site, "demo-responder-2@example.org")
    sign_on(tablet, "demo-responder-2@example.org")
    expect(tablet.get_by_text("Live", exact=True)).to_be_visible(timeout=15_000)
    choose_pin(tablet, OTHER_PIN)
    tablet.context.set_offline(True)
    expect(tablet.locator("button.line")).to_contain_text("Offline", timeout=SOON)
    tablet.get_by_role("button", name="Meal").click()
    expect(tablet.locator("button.line")).to_contain_text("1 waiting to send")

    # Without signal: one leaves, the other goes on by PIN. What was done is counted, and nothing more is said of it.
    leave(tablet)
    expect(tablet.get_by_role("heading", name="You are signed off")).to_be_visible()
    expect(tablet.get_by_text("not sent yet")).to_be_visible()
    take_pictures(tablet, pictures, "signed-off")
    tablet.get_by_role("button", name="Sign on").click()
    expect(tablet.get_by_role("heading", name="Who are you?")).to_be_visible()
    take_pictures(tablet, pictures, "who")
    tablet.get_by_role("button", name=re.compile("Responder One")).click()
    type_pin(tablet, PIN)
    expect(tablet.locator("button.who")).to_be_visible(timeout=10_000)
    tablet.locator("button.line").click()
    expect(tablet.locator(".sheet").get_by_text("Meal")).to_have_count(0)
    tablet.keyboard.press("Escape")

    tablet.context.set_offline(False)

    expect(tablet.locator("button.line")).to_have_text("Live", timeout=SOON)
    expect(tablet.get_by_role("button", name="Available again")).to_be_visible(timeout=10_000)
    tablet.get_by_role("button", name="Available again").click()
    expect(tablet.get_by_role("button", name="Meal")).to_be_visible(timeout=10_000)


def test_a_tablet_that_is_taken_out_of_use_forgets_everything(
    site: Site, enter: Enter, chromium: Browser, pictures: Path
) -> None:
    supervisor = enter("supervisor")
    supervisor.select_option("#pair-unit", label="CARE 14")
    supervisor.fill("#pair-name", "Tablet 8")
    supervisor.get_by_role("button", name="Make a code").click()
    code = supervisor.get_by_role("dialog").locator("output").inner_text()
    supervisor.get_by_role("button", name="Done").click()
    give_password(site, "demo-responder-4@example.org")
    device = chromium.new_context(viewport={"width": TABLET["width"], "height": TABLET["height"]})
    tablet = device.new_page()
    tablet.goto(f"{site.origin}/tablet/pair/#{code}")
    sign_on(tablet, "demo-responder-4@example.org")
    expect(tablet.get_by_role("button", name="Meal")).to_be_visible(timeout=15_000)
    assert kept_documents(tablet) > 0
    supervisor.on("dialog", lambda asked: asked.accept())

    supervisor.locator("#tablets tr", has_text="Tablet 8").get_by_role("button", name="Revoke").click(timeout=15_000)

    expect(tablet.get_by_role("heading", name="This tablet is out of use")).to_be_visible(timeout=SOON)
    take_pictures(tablet, pictures, "out-of-use")
    assert kept_documents(tablet) == 0
    device.close()


def test_a_locked_tablet_takes_statuses_and_opens_by_pin(
    waiting: str, enter: Enter, site: Site, pictures: Path
) -> None:
    desk = enter("dispatcher")
    tablet = enter("tablet-1", size=TABLET)
    choose_pin(tablet, PIN)
    send(desk, waiting, "CARE 12")
    tablet.get_by_role("button", name="Acknowledge", exact=True).click(timeout=10_000)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("Acknowledged")
    tablet.context.set_offline(True)
    expect(tablet.locator("button.line")).to_contain_text("Offline", timeout=SOON)
    tablet.locator("button.who").click()
    tablet.get_by_role("button", name="Lock this tablet").click()

    # Nothing of the call can be read, and the next status works.
    expect(tablet.get_by_role("button", name="Unlock")).to_be_visible()
    expect(tablet.get_by_text(waiting)).to_have_count(0)
    tablet.get_by_role("button", name="En route").first.click()
    expect(tablet.locator("button.line")).to_contain_text("1 waiting to send")
    tablet.get_by_role("button", name="Unlock").click()
    take_pictures(tablet, pictures, "locked")
    type_pin(tablet, OTHER_PIN)
    expect(tablet.get_by_text("Wrong PIN. 4 tries left.")).to_be_visible()
    type_pin(tablet, PIN)

    expect(tablet.get_by_role("heading", name="Down - check for person down")).to_be_visible()
    tablet.context.set_offline(False)
    expect(desk.locator("#units-rows .u", has_text="CARE 12")).to_contain_text("En route", timeout=SOON)
    clear_by_radio(desk, "CARE 12")


def test_a_sign_on_that_is_over_closes_what_it_had_opened(site: Site, enter: Enter, pictures: Path) -> None:
    tablet = enter("tablet-1", size=TABLET)
    expect(tablet.get_by_role("button", name="Report")).to_be_visible(timeout=10_000)
    tablet.context.set_offline(True)
    expect(tablet.locator("button.line")).to_contain_text("Offline", timeout=SOON)
    tablet.get_by_role("button", name="Report").click()
    expect(tablet.locator("button.line")).to_contain_text("1 waiting to send")

    # Thirteen hours pass: as long as no sign-on lasts.
    tablet.clock.install()
    tablet.clock.fast_forward("13:00:00")

    expect(tablet.get_by_role("heading", name="Sign on again")).to_be_visible(timeout=10_000)
    expect(tablet.get_by_text("What you did is kept and will be sent.")).to_be_visible()
    expect(tablet.get_by_text("Report")).to_have_count(0)
    take_pictures(tablet, pictures, "sign-on-again")


PASSWORD = "long-and-plain-enough-for-a-test"


def give_password(site: Site, email: str) -> None:
    """
    Give one of the demo's people a password: its doors lead to the first responder of each tablet only.
    """
    site.manage(
        "shell",
        "-c",
        f"from responders.models import Person; p = Person.objects.get(email={email!r});"
        f" p.set_password({PASSWORD!r}); p.save(update_fields=['password'])",
    )


def sign_on(tablet: Page, email: str) -> None:
    """
    Sign on at a tablet with a password.
    """
    tablet.wait_for_url("**/tablet/sign-on/")
    tablet.get_by_label("E-mail").fill(email)
    tablet.get_by_label("Password").fill(PASSWORD)
    tablet.get_by_role("button", name="Sign on").click()


def leave(tablet: Page) -> None:
    """
    Leave a tablet without ending the shift.
    """
    tablet.locator("button.who").click()
    tablet.get_by_role("button", name="Leave this tablet, stay on shift").click()


def kept_documents(page: Page) -> int:
    """
    Return how many documents lie in the tablet's database.
    """
    counted: int = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const open = indexedDB.open("care-field");
            open.onerror = () => reject(open.error);
            open.onsuccess = () => {
                const count = open.result.transaction("documents").objectStore("documents").count();
                count.onsuccess = () => { resolve(count.result); open.result.close(); };
                count.onerror = () => reject(count.error);
            };
        })"""
    )
    return counted
