"""
The first page, the desk's shell and the officer's page.
"""

import json
import re
from typing import Any

import pytest
from django.test import Client

from dispatch.models import AssignmentStatus, Disposition
from dispatch.words import DISPOSITIONS, STATUSES, desk_words
from responders.models import Duty
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_doors_exist_in_demo_mode_only(settings: Any) -> None:
    settings.DEMO = True
    in_demo = Client().get("/").content.decode()
    settings.DEMO = False
    outside = Client().get("/").content.decode()

    assert len(re.findall(r"data-door=", in_demo)) == 7
    assert "data-door" not in outside
    assert "/demo/" not in outside
    assert "Sign in" in outside


def test_the_doors_do_not_open_outside_demo_mode(settings: Any) -> None:
    settings.DEMO = False

    answers = [Client().post(f"/demo/enter/{who}/").status_code for who in ("dispatcher", "supervisor", "tablet-1")]

    assert answers == [404, 404, 404]


def test_the_desk_gets_its_own_agency_only() -> None:
    ours, theirs = make.agency(), make.agency()
    dispatcher = make.person(ours, "DISPATCHER")
    stranger = make.person(theirs, "RESPONDER")

    page = desk_client(dispatcher).get("/desk/")

    facts = json.loads(re.search(r'<script id="desk-facts"[^>]*>(.*?)</script>', page.content.decode(), re.DOTALL)[1])  # type: ignore[index]
    assert page.status_code == 200
    assert facts["agency"] == ours.pk
    assert str(dispatcher.pk) in facts["people"]
    assert str(stranger.pk) not in facts["people"]


def test_nobody_else_sees_a_desk() -> None:
    agency = make.agency()

    statuses = {
        role: desk_client(make.person(agency, role)).get("/desk/").status_code
        for role in ("RESPONDER", "OFFICER", "COORDINATOR")
    }

    assert statuses == {"RESPONDER": 403, "OFFICER": 403, "COORDINATOR": 403}


def test_an_officer_is_told_when_there_is_nothing_to_comment_on() -> None:
    officer = make.person(make.agency(), "OFFICER")

    page = desk_client(officer).get("/officer/debriefs/")

    assert "No debrief is open" in page.content.decode()


def test_every_code_that_the_desk_shows_has_a_word() -> None:
    assert set(DISPOSITIONS) == set(Disposition)
    assert set(STATUSES) >= set(AssignmentStatus) | set(Duty)
    assert all(word for catalogue in desk_words().values() for word in catalogue.values())
