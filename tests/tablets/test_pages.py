"""
The tablet's pages: shells for everybody, with nobody's data, under a content policy that takes nothing inline.
"""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from dispatch.models import AssignmentStatus, Disposition
from dispatch.words import FLAGS
from responders.models import Duty

PAGES = ["/tablet/", "/tablet/pair/", "/tablet/sign-on/"]
WORDS = (Path(settings.BASE_DIR) / "tablets/static/tablets/words.js").read_text()


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_a_shell_that_its_own_content_policy_lets_work(client: Client, path: str) -> None:
    page = client.get(path)

    html = page.content.decode()
    assert page.status_code == 200
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html)
    for attributes in re.findall(r"<script([^>]*)>", html):
        assert 'type="application/json"' in attributes or 'nonce="' in attributes


def test_the_app_has_a_word_for_every_status_and_disposition() -> None:
    ended = {AssignmentStatus.HANDED_BACK, AssignmentStatus.REASSIGNED, AssignmentStatus.CANCELLED}
    codes = [*(set(AssignmentStatus) - ended), *Duty, *Disposition]

    assert [str(code) for code in codes if not re.search(rf"^  {code}: ", WORDS, re.MULTILINE)] == []


def test_the_app_says_why_a_supervisor_looks_at_what_a_crew_did() -> None:
    trays = (Path(settings.BASE_DIR) / "tablets/static/tablets/trays.js").read_text()
    told = set(re.findall(r"^  ([a-z_]+): ", trays[trays.index("const FLAGS") :], re.MULTILINE))
    # CAD's own are nothing that a crew did; "late" is what older ones are called.
    cads = {
        "late",
        "unknown_type",
        "cad_closed_under_unit",
        "cad_reopened_after_close",
        "on_view_number_conflict",
        "time_conflict",
    }

    assert {code for code in FLAGS if code not in cads and not code.startswith(("cad_", "feed_"))} - told == set()
    assert {"clock_corrected", "clock_jumped", "detached"} <= told


def test_every_disposition_can_be_chosen_and_they_fit_on_one_screen() -> None:
    offered = re.findall(r'^  \["([A-Z_]+)", "[a-z_]+"\],$', WORDS, re.MULTILINE)

    assert sorted(offered) == sorted(Disposition.values)
    assert len(offered) <= 12
