"""
The supervisors' page of reports: who owes what, what does not fit, and that nothing is read without a trace.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser

from dispatch.models import Assignment
from followups.models import Client, Contact, Encounter
from journal.models import Entry
from tests.factories import dispatch
from tests.factories import encounters as make
from tests.factories import responders as people
from tests.factories.encounters import body, new, say, write
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

CANARY = "canaryword"
SAID: dict[str, Any] = {
    **new(f"Jo {CANARY}"),
    "needs": ["SUICIDE_RISK"],
    "naloxone": {"doses": 2, "outcome": "RECOVERED"},
    "transport": {"destination": "HOME"},
    "minor": {"age": 12},
    "mandated": {"about": CANARY},
    "referrals": [{"to": "Clinic"}],
}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def here() -> dispatch.Scene:
    of = dispatch.scene(at=now() - timedelta(hours=1))
    make.offered(of.agency)
    return of


@pytest.fixture
def held(here: dispatch.Scene) -> Assignment:
    return make.seen_to(here, at=now() - timedelta(minutes=40))


@pytest.fixture
def browser(here: dispatch.Scene) -> Browser:
    return desk_client(people.person(here.agency, "SUPERVISOR"))


def shown(browser: Browser) -> str:
    answer = browser.get("/care/reports/rows/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def signed(
    of: dispatch.Scene, held: Assignment, said: dict[str, Any] | None = None, *, seconds: int = 40
) -> Encounter:
    return write(of, held, said or body(SAID, notes=CANARY), when=now() - timedelta(minutes=20), seconds=seconds)


def test_a_call_without_a_report_is_shown_until_one_is_begun(
    here: dispatch.Scene, held: Assignment, browser: Browser
) -> None:
    assert f"unbegun-{held.pk}" in shown(browser)

    row = write(here, held, kind="encounter.save", when=now() - timedelta(minutes=20))

    rows = shown(browser)
    assert f"unbegun-{held.pk}" not in rows
    assert f"owed-{row.key}" in rows
    assert "due in " in rows


def test_the_lists_say_nothing_of_what_was_written(here: dispatch.Scene, held: Assignment, browser: Browser) -> None:
    row = signed(here, held)

    rows = shown(browser)

    assert CANARY not in rows
    for key in (f"check-{row.key}", f"signed-{row.key}", f'data-report="{row.key}" data-met="0"'):
        assert key in rows
    assert not Entry.objects.filter(kind="encounter.read").exists()


def test_a_report_is_read_with_a_trace(here: dispatch.Scene, held: Assignment, browser: Browser) -> None:
    row = signed(here, held)

    answer = browser.post(f"/care/reports/{row.key}/")

    said = " ".join(answer.content.decode().split())
    assert answer.status_code == 200
    for words in (
        f"Jo {CANARY}",
        "Thoughts of suicide",
        "2 times, Recovered",
        "A minor without a guardian was given a ride",
        "A minor agreed, and neither",
        "Under 18",
        "Not asked",
        f'<p class="words">{CANARY}</p>',
    ):
        assert words in said, words
    entry = Entry.objects.get(kind="encounter.read")
    assert entry.data["clients"] == [Client.objects.get().pk]
    assert CANARY not in str(entry.data)


def test_a_draft_is_read_by_nobody_and_what_was_signed_before_it_came_back_is(
    here: dispatch.Scene, held: Assignment, browser: Browser
) -> None:
    draft = write(here, held, body(SAID), kind="encounter.save", when=now() - timedelta(minutes=20))
    assert browser.post(f"/care/reports/{draft.key}/").status_code == 404
    assert not Entry.objects.filter(kind="encounter.read").exists()

    row = write(here, held, body(notes="First word", nobody_found=True), key=draft.key, revision=2, when=now())
    by = people.actor(people.person(here.agency, "SUPERVISOR"))
    say(by, "encounter.return", encounter=str(row.key), note="Nobody?", at=now())
    assert "Sent back" in shown(browser)
    write(here, held, body(notes="Second word", nobody_found=True), key=draft.key, revision=3, when=now())

    said = browser.post(f"/care/reports/{row.key}/").content.decode()
    assert "First word" in said
    assert "Second word" in said


def test_every_overtaken_draft_and_who_was_unlinked_are_shown(
    here: dispatch.Scene, held: Assignment, browser: Browser
) -> None:
    at = now() - timedelta(minutes=10)
    row = write(here, held, body(new("Jo"), notes="Signed"), revision=3, when=at)
    for tablet in (98, 99):
        by, notes = replace(here.tablet, tablet_id=tablet), f"Typed on {tablet}"
        write(here, held, body(notes=notes), kind="encounter.save", key=row.key, revision=3, when=at, by=by)
    supervisor, coordinator = (
        people.actor(people.person(here.agency, role)) for role in ("SUPERVISOR", "COORDINATOR")
    )
    assert say(coordinator, "client.unlink", contact=Contact.objects.get().pk, at=now()).applied
    say(supervisor, "encounter.return", encounter=str(row.key), note="Who?", at=now())
    write(here, held, body(new("Jo"), notes="Signed"), key=row.key, revision=4, when=now())

    said = browser.post(f"/care/reports/{row.key}/").content.decode()

    assert [words in said for words in ("Typed on 98", "Typed on 99", "it was somebody else at this call")] == [
        True
    ] * 3


def test_another_agencys_report_and_none_at_all_answer_alike(here: dispatch.Scene, held: Assignment) -> None:
    row = signed(here, held)
    stranger = desk_client(people.person(dispatch.scene().agency, "SUPERVISOR"))

    theirs = stranger.post(f"/care/reports/{row.key}/")
    nobodys = stranger.post("/care/reports/00000000-0000-4000-8000-000000000000/")

    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert str(row.key) not in shown(stranger)


def test_how_long_it_takes_is_the_median(here: dispatch.Scene, browser: Browser) -> None:
    for minute, seconds in ((50, 30), (40, 50), (30, 600), (25, 0)):
        held = make.seen_to(here, at=now() - timedelta(minutes=minute))
        signed(here, held, body(nobody_found=True), seconds=seconds)

    assert "<b>50 s</b>with the form, the median of 3 in 30 days" in shown(browser)
