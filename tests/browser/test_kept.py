"""
Kept reports and tablets, worked through by keys: read, try again, close, order an erasure.
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

Enter = Callable[..., Page]

# Two reports of Tablet 1 that a newer app made, and a store of it that has three more.
_MAKE = """
import json, uuid
from datetime import timedelta
from django.utils import timezone
from tablets.models import Installation, Quarantined, Tablet
now = timezone.now()
tablet = Tablet.objects.get(name="Tablet 1", agency__slug="seattle-demo")
store = Installation.objects.create(id=uuid.uuid4(), tablet=tablet, first_at=now, seen_at=now, outbox_count=3,
                                    outbox_oldest_at=now - timedelta(hours=2))
for text in ("He waits for his sister.", "She went home."):
    Quarantined.objects.create(agency=tablet.agency, tablet=tablet, installation=store.pk, seq=1, action_id=uuid.uuid4(),
                               kind="call.telepathy", version=1, received_at=now, code="unknown_kind", message="New.",
                               raw=json.dumps({"kind": "call.telepathy", "v": 1, "args": {"text": text}}))
"""


@pytest.fixture(scope="module")
def _kept(site: Site) -> None:
    site.manage("shell", "-c", _MAKE)


@pytest.mark.usefixtures("_kept")
def test_kept_reports_are_settled_by_keys(enter: Enter) -> None:
    page = enter("supervisor")
    expect(page.locator("#kept")).to_contain_text("2 kept for you")
    page.get_by_role("link", name="Settle them").click()
    page.wait_for_load_state()
    rows = page.locator("[data-key]")
    expect(rows).to_have_count(2)
    expect(page.locator(".cause h2")).to_contain_text("This version does not know such a report")

    # What it says is not in the page before somebody asks for it.
    assert "sister" not in page.content()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(rows.first.locator(".row-said")).to_contain_text("He waits for his sister.")
    page.keyboard.press("e")
    expect(rows.first.locator(".row-said")).to_be_hidden()
    assert "sister" not in page.content()

    # Still nobody knows this kind: it stays, and says so.
    page.keyboard.press("t")
    expect(rows.first.locator(".row-outcome")).to_contain_text("Kept again")

    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_text("It no longer matters").click()
    page.keyboard.press("Enter")
    expect(rows.first.locator(".row-outcome")).to_have_text("Closed: It no longer matters")
    page.get_by_text("Settled").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Demo Supervisor")
    expect(page).to_have_url(re.compile("state=settled"))


@pytest.mark.usefixtures("_kept")
def test_an_erasure_is_ordered_in_two_steps_and_says_what_it_costs(enter: Enter) -> None:
    page = enter("supervisor")
    page.get_by_role("link", name="What they still have to send and to hear").click()
    page.wait_for_load_state()
    row = page.locator('[data-key][data-name="Tablet 1"]')
    expect(row).to_contain_text("3 reports")
    row.focus()
    page.keyboard.press("e")
    row.get_by_role("button", name="Erase it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("that 3 reports wait on it")
    # The way back is where the finger is.
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(row.locator(".row-outcome")).to_be_hidden()

    row.get_by_role("button", name="Erase it").click()
    dialog.get_by_role("button", name="Order it to erase itself").click()
    expect(row).to_contain_text("To be erased, ordered", timeout=20_000)
