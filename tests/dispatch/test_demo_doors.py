"""
The demo's doors, end to end: from the first page to a page that works, without typing anything.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from dispatch.views import DOORS

pytestmark = pytest.mark.django_db

# Where each door leads, and what whoever went through it may call its own.
PEOPLE = {
    "dispatcher": ("/desk/", "DISPATCHER"),
    "coordinator": ("/care/", "COORDINATOR"),
    "supervisor": ("/supervisor/", "SUPERVISOR"),
    "police": ("/police/", "POLICE_DISPATCHER"),
    "officer": ("/officer/", "OFFICER"),
}
# What a browser and the tablet app say with each request.
APP = {"X-Tablet": "1", "Sec-Fetch-Site": "same-origin"}
TABLETS = {"tablet-1": "Tablet 1", "tablet-2": "Tablet 2"}


@pytest.fixture
def site(tmp_path: Path) -> Client:
    """
    Return a browser before the first page of a loaded demo, which checks forms as a real one is checked.
    """
    call_command("load_demo", key_file=tmp_path / "key", verbosity=0)
    return Client(enforce_csrf_checks=True)


def step_in(site: Client, who: str) -> Any:
    """
    Press a door's button on the first page.
    """
    page = site.get("/").content.decode()
    assert f'action="/demo/enter/{who}/"' in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    return site.post(f"/demo/enter/{who}/", {"csrfmiddlewaretoken": token[1]})


def test_the_first_page_has_these_doors() -> None:
    assert {door.who for door in DOORS} == {*PEOPLE, *TABLETS}


@pytest.mark.parametrize("who", PEOPLE)
def test_a_door_leads_to_the_page_of_its_role(site: Client, who: str) -> None:
    path, role = PEOPLE[who]

    entered = step_in(site, who)

    assert (entered.status_code, entered.headers["Location"]) == (302, path)
    assert site.get(path).status_code == 200
    assert site.get("/api/session/").json()["roles"] == [role]
    # And not into anybody else's.
    also = {("/desk/", "SUPERVISOR"), ("/police/", "SUPERVISOR"), ("/care/", "SUPERVISOR")}
    closed = [page for page, other in PEOPLE.values() if other != role and (page, role) not in also]
    assert {site.get(page).status_code for page in closed} == {403}


@pytest.mark.parametrize("who", TABLETS)
def test_a_tablets_door_pairs_the_browser_and_signs_on(site: Client, who: str) -> None:
    entered = step_in(site, who)

    assert (entered.status_code, entered.headers["Location"]) == (302, "/tablet/")
    cookie = entered.cookies[settings.TABLET_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert site.get("/tablet/").status_code == 200
    me = site.get("/api/tablets/me/", headers=APP).json()
    assert me["shift"] is not None
    exchanged = site.post("/api/sync", {"protocol": 1}, "application/json", headers=APP).json()
    assert f"unit.{me['unit']}" in exchanged["streams"]
    held = exchanged["streams"][f"unit.{me['unit']}"]["documents"]
    assert any(one["c"] == "unit" for one in held)


def test_a_door_that_is_not_there_leads_nowhere(site: Client) -> None:
    page = site.get("/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None

    assert site.post("/demo/enter/admin/", {"csrfmiddlewaretoken": token[1]}).status_code == 404
    assert site.get("/demo/enter/dispatcher/").status_code in {403, 404, 405, 302}
    assert site.get("/api/session/").status_code == 401


def test_outside_demo_mode_the_view_refuses_even_where_it_is_wired_up(site: Client, settings: Any) -> None:
    settings.DEMO = False

    assert "/demo/enter/" not in site.get("/").content.decode()
    assert Client().post("/demo/enter/dispatcher/").status_code == 404
