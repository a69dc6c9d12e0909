"""
The page of what an agency decides: what is in force and what is offered, for whom, and what it is told where it cannot be.
"""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser

from followups import programme_words as words
from followups.actions.programmes import LIMITS
from followups.models import Choice, ChoiceField, Programme
from followups.rules.programmes import BOUNDS
from responders.models import Agency
from tests.factories import encounters as reports
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

PAGE = "/care/programme/"


@pytest.fixture
def here() -> Agency:
    agency = make.agency()
    reports.offered(agency)
    return agency


@pytest.fixture
def browser(here: Agency) -> Browser:
    return desk_client(make.person(here, "SUPERVISOR"))


def shown(browser: Browser, path: str = PAGE) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def do(browser: Browser, kind: str, **args: Any) -> tuple[int, dict[str, Any]]:
    body = {"id": str(uuid4()), "args": args}
    answer = browser.post(f"/api/actions/{kind}/", body, content_type="application/json")
    return answer.status_code, answer.json()


def list_of(page: str, field: str) -> tuple[list[str], list[str]]:
    """
    Return the codes that the page shows of a field: offered, and retired.
    """
    part = page.split(f'id="list-{field}"')[1].split("<form")[0]
    offered, _, retired = part.partition(">Retired</h4>")
    return re.findall(r'data-code="(\w+)"', offered), re.findall(r'data-code="(\w+)"', retired)


def test_those_who_decide_find_the_page_and_nobody_else_is_led_there(here: Agency) -> None:
    link = f'href="{PAGE}"'

    assert link in shown(desk_client(make.person(here, "SUPERVISOR")), "/care/")
    assert link in shown(desk_client(make.person(here, "ADMIN")), "/fleet/")
    coordinator = desk_client(make.person(here, "COORDINATOR"))
    assert link not in shown(coordinator, "/care/")
    assert coordinator.get(PAGE).status_code == 403


def test_an_admin_who_is_nothing_else_is_led_to_no_record(here: Agency) -> None:
    page = shown(desk_client(make.person(here, "ADMIN")))

    assert 'href="/care/people/"' not in page
    assert 'href="/care/"' not in page
    assert 'href="/fleet/"' in page


def test_each_limit_is_there_once_with_what_it_does_and_what_it_may_be(browser: Browser) -> None:
    page = shown(browser)

    assert sorted(asked.name for limit in words.LIMITS for asked in limit.asked) == sorted(LIMITS)
    for limit in words.LIMITS:
        assert limit.does in page
        assert limit.bounds in page
    for least, most in BOUNDS.values():
        assert f"{least:,} to {most:,} " in page


def test_before_anything_is_decided_the_products_figures_are_in_force(browser: Browser) -> None:
    page = shown(browser)

    for said in (
        "12:00 to 19:00",
        "days 1, 7 and 30",
        "not planned for",
        "48 hours",
        "4 times in 90 days",
        "10 answers",
    ):
        assert f"In force: <b>{said}</b>" in page
    assert 'name="steps" data-kind="days" value="1, 7, 30"' in page
    assert "Plans that there are keep their days and hours." in page


def test_what_was_decided_is_in_force_here_and_nowhere_else(browser: Browser) -> None:
    limits = {"steps": [2], "visits_from": "10:30", "plans_unasked": True, "escalate_h": 1, "familiar_contacts": 2}

    assert do(browser, "programme.set", **limits)[0] == 200

    page = shown(browser)
    for said in ("10:30 to 19:00", "day 2", "planned for", "1 hour", "2 times in 90 days"):
        assert f"In force: <b>{said}</b>" in page
    elsewhere = shown(desk_client(make.person(make.agency(), "SUPERVISOR")))
    assert "In force: <b>12:00 to 19:00</b>" in elsewhere


@pytest.mark.parametrize("name", BOUNDS)
def test_a_limit_takes_its_bounds_and_nothing_beyond_and_says_which_it_was(browser: Browser, name: str) -> None:
    least, most = BOUNDS[name]

    for edge in (least, most):
        assert do(browser, "programme.set", **{name: edge})[0] == 200
    refused: tuple[int | str, ...] = (least - 1, most + 1, str(least))
    for value in refused:
        status, body = do(browser, "programme.set", **{"escalate_h": 47, name: value})
        assert (status, body["code"], list(body["facts"]["fields"])) == (400, "invalid_args", [name])
    # Refused is refused whole.
    assert not Programme.objects.filter(escalate_h=47).exists()


def test_choices_stand_by_field_in_their_order_with_what_they_mark(browser: Browser, here: Agency) -> None:
    page = shown(browser)

    for field in ChoiceField.values:
        expected = Choice.objects.filter(agency=here, field=field).order_by("position").values_list("code", flat=True)
        assert list_of(page, field) == (list(expected), [])
        assert words.FIELDS[field][0] in page
    row = page.split('data-key="NEED-OVERDOSE"')[1].split("</li>")[0]
    assert ">Risk</span>" in row
    assert ">Substance use</span>" in row
    assert ">Risk</span>" not in page.split('data-key="NEED-SHELTER"')[1].split("</li>")[0]


def test_a_retired_choice_stands_apart_and_comes_back_last(browser: Browser) -> None:
    before, _ = list_of(shown(browser), "SUPPLY")

    assert do(browser, "choice.put", field="SUPPLY", code=before[0], retired=True)[0] == 200
    assert list_of(shown(browser), "SUPPLY") == (before[1:], before[:1])

    assert do(browser, "choice.put", field="SUPPLY", code=before[0], retired=False)[0] == 200
    assert list_of(shown(browser), "SUPPLY") == ([*before[1:], before[0]], [])


def test_what_another_agency_offers_is_not_shown_nor_changed(browser: Browser) -> None:
    other = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert do(other, "choice.put", field="NEED", code="THEIRS", label="Only <theirs>", new=True)[0] == 200
    assert do(other, "choice.put", field="NEED", code="SHELTER", label="Their bed", new=True)[0] == 200

    assert "THEIRS" not in shown(browser)
    assert "Their bed" not in shown(browser)
    assert list_of(shown(other), "NEED") == (["THEIRS", "SHELTER"], [])
    # Whatever a supervisor writes is words.
    assert "Only &lt;theirs&gt;" in shown(other)


def test_a_hold_is_refused_in_words_when_it_is_added_and_when_a_choice_is_renamed(browser: Browser) -> None:
    for args in (
        {"code": "HOLD_72", "label": "72 hour hold", "new": True},
        {"code": "DCR_CALLED", "label": "Detained by a responder"},
    ):
        status, body = do(browser, "choice.put", field="OUTCOME", **args)
        assert (status, body["code"]) == (400, "choice_not_ours")
        assert "designated crisis responder was called" in body["message"]
    assert Choice.objects.get(field="OUTCOME", code="DCR_CALLED").label != "Detained by a responder"
