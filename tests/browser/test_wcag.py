"""
Every page of the project against WCAG 2.2 AA, by day and at night, at a desk and on a tablet: no violation.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, TABLET
from tests.browser.site import Site
from tests.browser.wcag import violations

Enter = Callable[..., Page]
UPRIGHT = {"width": 768, "height": 1024}
PHONE = {"width": 390, "height": 844}
# What each door leads to, without what needs somebody's number in its address.
PAGES = {
    "dispatcher": ["/", "/desk/"],
    "police": ["/police/"],
    "officer": ["/officer/", "/officer/debriefs/"],
    "supervisor": [
        "/supervisor/",
        "/supervisor/flags/",
        "/supervisor/quarantine/",
        "/supervisor/backup/",
        "/fleet/",
        "/care/opened/",
        "/care/programme/",
        "/care/reports/",
    ],
    "coordinator": [
        "/care/",
        "/care/?show=coming",
        "/care/?show=waiting",
        "/care/referrals/",
        "/care/contacts/",
        "/care/familiar/",
        "/care/caseload/",
        "/care/survey/",
        "/care/people/",
    ],
}
STRANGERS = ["/", "/accounts/login/", "/say/", "/say/2222-2222-2222/", "/nowhere/"]


@pytest.fixture(scope="module")
def cared(site: Site) -> None:
    """
    Have people to care for in the demo.
    """
    site.manage("load_followups_demo")


def looked_at(page: Page, path: str, pictures: Path, name: str) -> list[str]:
    """
    Return what is wrong on the page as it stands, at each size and theme.
    """
    wrong = []
    sizes = (("desk", DESK), ("tablet", TABLET), ("upright", UPRIGHT))
    for where, size in sizes:
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for theme in ("day", "night"):
            # Nobody has chosen: it is as the system says.
            page.emulate_media(color_scheme="dark" if theme == "night" else "light", reduced_motion="reduce")
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            wrong += [f"{path} ({where}, {theme}): {line}" for line in violations(page)]
            page.screenshot(path=pictures / f"{name}-{where}-{theme}.png")
    return wrong


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", PAGES)
def test_the_pages_behind_a_door_break_no_rule(
    who: str, enter: Enter, site: Site, cared: None, pictures: Path
) -> None:
    page = enter(who)
    page.emulate_media(reduced_motion="reduce")
    wrong: list[str] = []

    for path in PAGES[who]:
        page.goto(f"{site.origin}{path}")
        page.wait_for_load_state("networkidle" if path.startswith("/care/") else "load")
        name = f"{who}{path.replace('/', '-').replace('?', '-').replace('=', '-')}".rstrip("-")
        wrong += looked_at(page, path, pictures, name)

    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
def test_a_record_and_what_it_asks_break_no_rule(enter: Enter, site: Site, cared: None, pictures: Path) -> None:
    page = enter("coordinator")
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{site.origin}/care/?show=coming")
    page.locator(".row-what a").first.click()
    page.wait_for_url("**/care/people/*/")
    wrong = []
    page.locator("main details").evaluate_all("all => all.forEach(one => one.open = true)")
    wrong += looked_at(page, "record", pictures, "record")

    for button in ("Add a day…", "Close early…", "Add a caution…"):
        page.get_by_role("button", name=button).first.click()
        wrong += [f"{button} {line}" for line in violations(page)]
        page.keyboard.press("Escape")

    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
def test_what_everybody_may_see_breaks_no_rule(site: Site, chromium: Browser, pictures: Path) -> None:
    context = chromium.new_context(
        viewport={"width": PHONE["width"], "height": PHONE["height"]}, reduced_motion="reduce"
    )
    page = context.new_page()
    wrong = []

    for path in STRANGERS:
        page.goto(f"{site.origin}{path}")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            wrong += [f"{path} ({theme}): {line}" for line in violations(page)]
        page.screenshot(path=pictures / f"everybody{path.replace('/', '-')}.png")
    context.close()

    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
def test_the_tablet_breaks_no_rule(enter: Enter, site: Site, cared: None, pictures: Path) -> None:
    tablet = enter("tablet-1", size=TABLET)
    tablet.emulate_media(reduced_motion="reduce")
    expect(tablet.locator(".board")).to_be_visible()
    wrong = []

    for where, size in (("tablet", TABLET), ("upright", UPRIGHT)):
        tablet.set_viewport_size({"width": size["width"], "height": size["height"]})
        for theme in ("light", "dark"):
            tablet.emulate_media(color_scheme=theme, reduced_motion="reduce")
            wrong += [f"{where}, {theme}: {line}" for line in violations(tablet)]
            tablet.screenshot(path=pictures / f"tablet-{where}-{theme}.png")

    assert not wrong, "\n".join(wrong)
