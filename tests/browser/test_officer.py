"""
An officer's phone: refers somebody, sees the unit come, hands over; drafts without signal; leaves nothing behind.
"""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import clear_by_radio, say_by_radio
from tests.browser.site import Site

Enter = Callable[..., Page]
PHONE = {"width": 390, "height": 844}
DRAFTS = "indexedDB.databases().then(all => all.map(one => one.name).filter(name => name === 'care officer'))"


def to_check(phone: Page, pictures: Path | None = None, *, weapons: str = "No", address: str = "") -> None:
    """
    Answer everything up to the last screen: somebody the officer came upon, here, at a public place, and stays.
    """

    def picture(name: str) -> None:
        if pictures is not None:
            phone.screenshot(path=pictures / f"officer-{name}.png")

    picture("1-kind")
    phone.get_by_text("Somebody I came upon").click()
    phone.get_by_label("Choose, or type a word").fill("person down")
    picture("2-what")
    phone.get_by_role("group", name="Types").get_by_role("button").first.click()
    expect(phone.get_by_role("button", name="Next")).to_be_disabled()
    phone.get_by_text("Here, where I stand").click()
    expect(phone.get_by_text("Here: position taken")).to_be_visible()
    if address:
        phone.get_by_label("Address or corner").fill(address)
    phone.get_by_role("button", name="Public place").click()
    picture("3-where")
    phone.get_by_role("button", name="Next").click()
    for name in ("searched", "threats", "medical"):
        phone.locator(f"[data-question={name}]").get_by_role("button", name="No", exact=True).click()
    expect(phone.get_by_role("button", name="Next")).to_be_disabled()
    phone.locator("[data-question=weapons]").get_by_role("button", name=weapons, exact=True).click()
    picture("4-safe")
    phone.get_by_role("button", name="Next").click()
    picture("5-staying")
    phone.get_by_text("I am staying").click()
    expect(phone.get_by_role("heading", name="Right so?")).to_be_visible()
    picture("6-check")


def sent(phone: Page, before: int) -> Locator:
    """
    Send what was written and return its card, wherever it goes from now on; ``before``: how many there were.
    """
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator(".o-card")).to_have_count(before + 1)
    # Open ones come first, and the newest of them.
    return phone.locator(f'.o-card[data-referral="{phone.locator(".o-card").first.get_attribute("data-referral")}"]')


def test_an_officer_refers_and_hands_over(enter: Enter, pictures: Path) -> None:
    desk, phone = enter("dispatcher"), enter("officer", size=PHONE)
    expect(phone.get_by_text("● live")).to_be_visible()
    # Somebody else may have referred with this account before.
    expect(phone.get_by_text("Nothing is open.").or_(phone.locator(".o-card")).first).to_be_visible()
    before = phone.locator(".o-card").count()
    phone.screenshot(path=pictures / "officer-0-empty.png")

    phone.get_by_role("button", name="Refer somebody").click()
    to_check(phone, pictures, address="3RD AV / UNION ST")

    card = sent(phone, before)
    expect(card).to_contain_text("Received")
    expect(card).to_contain_text("Stay until a unit is with you.")
    phone.screenshot(path=pictures / "officer-7-received.png")
    assert phone.evaluate(DRAFTS) == []

    row = desk.locator("#care-rows .q", has_text="3RD AV / UNION ST")
    expect(row).to_contain_text("officer waits there")
    row.locator(".q-main").click()
    desk.screenshot(path=pictures / "officer-desk.png")
    desk.keyboard.press("s")
    desk.get_by_role("dialog").get_by_text("CARE 12").click()
    desk.keyboard.press("Enter")
    expect(card).to_contain_text("On the way")
    phone.screenshot(path=pictures / "officer-8-on-the-way.png")

    say_by_radio(desk, "CARE 12", "On scene")
    expect(card).to_contain_text("Arrived")
    phone.screenshot(path=pictures / "officer-9-arrived.png")
    card.get_by_role("button", name="HANDED OVER").click()
    expect(card).to_contain_text("You may leave.")
    clear_by_radio(desk, "CARE 12")
    expect(card).to_contain_text("Closed")
    assert "locate" not in (card.text_content() or "")
    phone.screenshot(path=pictures / "officer-10-closed.png")


def test_what_is_not_for_care_says_what_else(enter: Enter, pictures: Path) -> None:
    phone = enter("officer", size=PHONE)
    phone.get_by_role("button", name="Refer somebody").click()
    to_check(phone, weapons="Yes")
    phone.get_by_role("button", name="Send").click()

    card = phone.locator(".o-card", has_text="Not for CARE").first
    expect(card).to_contain_text("A weapon was said to be there.")
    expect(card).to_contain_text("Refer the person for later contact.")
    phone.screenshot(path=pictures / "officer-not-for-care.png")


def test_a_draft_outlives_the_signal_and_is_sent_by_hand(enter: Enter, site: Site, pictures: Path) -> None:
    phone = enter("officer", size=PHONE)
    expect(phone.get_by_text("● live")).to_be_visible()
    # Kept by its worker from the second look on.
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    phone.reload()
    expect(phone.get_by_text("● live")).to_be_visible()
    expect(phone.get_by_text("Nothing is open.").or_(phone.locator(".o-card")).first).to_be_visible()
    before = phone.locator(".o-card").count()
    phone.get_by_role("button", name="Refer somebody").click()
    to_check(phone, address="1ST AV / PIKE ST")

    phone.context.set_offline(True)
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("alert")).to_contain_text("NOT SENT: no signal.")
    expect(phone.get_by_role("alert")).to_be_in_viewport(ratio=1)
    expect(phone.locator(".o-line")).to_contain_text("no signal")
    phone.screenshot(path=pictures / "officer-offline.png")
    phone.reload()
    expect(phone.get_by_text("Not sent yet.")).to_be_visible()
    expect(phone.get_by_text(re.compile("no signal"))).to_be_visible()
    phone.screenshot(path=pictures / "officer-offline-draft.png")

    phone.context.set_offline(False)
    expect(phone.get_by_text("● live")).to_be_visible(timeout=40_000)
    phone.get_by_role("button", name="Go on with the draft").click()
    card = sent(phone, before)
    expect(card).to_contain_text("Received")
    phone.once("dialog", lambda asked: asked.accept())
    card.get_by_role("button", name="Withdraw").click()
    expect(card.get_by_role("button", name="Withdraw")).to_have_count(0)


def test_signing_out_leaves_nothing_on_the_phone(enter: Enter, site: Site) -> None:
    phone = enter("officer", size=PHONE)
    phone.get_by_role("button", name="Refer somebody").click()
    phone.get_by_text("A person, for later").click()
    phone.evaluate(
        f"(async () => {{ while ((await {DRAFTS}).length !== 1) await new Promise(soon => setTimeout(soon, 50)) }})()"
    )
    phone.get_by_role("button", name="Back").click()
    phone.get_by_role("button", name="Back").click()

    phone.once("dialog", lambda asked: asked.accept())
    phone.get_by_role("button", name="Sign out").click()
    expect(phone.locator("[data-door]").first).to_be_visible()

    assert phone.evaluate(DRAFTS) == []
    assert phone.evaluate(
        "caches.keys().then(keys => Promise.all(keys.map(key => caches.open(key).then(one => one.match('/officer/')))))"
    ) in (
        [],
        [None],
    )


def test_the_phone_may_keep_it_as_an_app(enter: Enter, site: Site) -> None:
    phone = enter("officer", size=PHONE)

    answer = phone.request.get(f"{site.origin}/officer/app.webmanifest")
    worker = phone.request.get(f"{site.origin}/officer/sw.js")

    assert answer.json()["scope"] == answer.json()["start_url"] == "/officer/"
    assert {icon["sizes"] for icon in answer.json()["icons"]} == {"192x192", "512x512"}
    assert worker.headers["service-worker-allowed"] == "/officer/"
