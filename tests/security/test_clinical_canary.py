"""
What is written of a person lies nowhere in the clear, and reaches nobody who may not read it.

Canaries stand in every field in which somebody can write about somebody. Then the database is dumped, Redis and the logs are
listened to, and everybody who is not to know asks everything that can be asked.
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from followups import tasks
from followups.models import (
    CarePlan,
    Client,
    ClientCaution,
    Consent,
    ContactWay,
    Encounter,
    FollowUp,
    Plan,
    Strategy,
)
from journal.kinds import kinds
from journal.models import Document, Entry
from responders.actors import Actor
from responders.api import run_action
from responders.models import Person, RoleName
from tests.factories import dispatch as make_dispatch
from tests.factories import encounters as make
from tests.factories import responders, tablets
from tests.security.clients import desk_client
from tests.security.routes import routes
from tests.security.test_sealed_dump import dump
from tests.tablets.lines import sync

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "CANARY"
# A name is in the clear where spellings are compared (docs/adr/0018), and goes to nobody else all the same.
NAME = "Zzyx Canaryname"
PHONE = "206-555-0177"
BORN = "1971-09-13"
# They sign in, and are not to know of anybody whom a crew met.
OUTSIDERS = [
    RoleName.RESPONDER,
    RoleName.DISPATCHER,
    RoleName.EMBEDDED,
    RoleName.POLICE_DISPATCHER,
    RoleName.OFFICER,
    RoleName.ADMIN,
]
# An answer may repeat what was asked, and the schema is about nobody.
_NOT_ASKED = {"account_logout", "demo-enter", "schema"}


class Work:
    """
    A crew that met somebody, a coordinator who sees to them, and a canary in all that they wrote.
    """

    def __init__(self) -> None:
        self.at = datetime.now(UTC)
        self.scene = make_dispatch.scene(at=self.at)
        make.offered(self.scene.agency)
        people = {role: responders.person(self.scene.agency, role) for role in RoleName.values}
        self.people: dict[str, Person] = people
        self.coordinator = responders.actor(people[RoleName.COORDINATOR])
        self.supervisor = responders.actor(people[RoleName.SUPERVISOR])
        self.held = make_dispatch.assignment(self.scene, at=self.at)
        self.report = uuid4()

    def do(self, kind: str, /, *, by: Actor | None = None, **args: Any) -> dict[str, Any]:
        answer = run_action(
            kinds()[kind], action_id=uuid4(), args=args, by=by or self.coordinator, at=self.at, happened_at=None
        )
        assert answer.applied, (kind, answer.body)
        return answer.body

    def write(self) -> None:
        crew, told = self.scene.tablet, {"encounter": str(self.report), "assignment": self.held.pk}
        self.do("encounter.save", by=crew, **told, revision=1, seconds=20, body=self.body("CANARYDRAFT"))
        self.do("encounter.sign", by=crew, **told, revision=2, seconds=40, body=self.body("CANARYNOTES"))
        self.do("encounter.addendum", by=crew, encounter=str(self.report), text="CANARYADDENDUM")
        self.do("encounter.return", by=self.supervisor, encounter=str(self.report), note="CANARYRETURN")
        whom, plan = Client.objects.get(), Plan.objects.get()
        first = FollowUp.objects.filter(plan=plan).earliest("due_at")
        today = self.at.astimezone(self.scene.agency.zone).date()
        self.do("client.update", client=whom.pk, looks="CANARYLOOKS")
        self.do("client.add_way", client=whom.pk, kind="PLACE", value="CANARYPLACE", note="CANARYWAY")
        self.do("client.add_strategy", client=whom.pk, kind="HELPS", text="CANARYSTRATEGY")
        self.do("care_plan.write", client=whom.pk, text="CANARYPLAN", review_on=str(today + timedelta(days=30)))
        self.do(
            "consent.record",
            client=whom.pk,
            patient_name="CANARYPATIENT",
            discloser="CARE",
            description="CANARYDESCRIPTION",
            sections=["ENCOUNTERS"],
            recipient="CANARYRECIPIENT",
            purpose="CANARYPURPOSE",
            right_to_revoke_told=True,
            expires_on=str(today + timedelta(days=90)),
            signed_by="CANARYSIGNED",
            signature="PAPER",
            signed_on=str(today),
            text_version="2026-02",
        )
        self.do("plan.assign", plan=plan.pk, person=self.coordinator.person_id)
        self.do("follow_up.assign", follow_up=first.pk, unit=self.scene.unit.pk, person=self.coordinator.person_id)
        self.do(
            "follow_up.attempt",
            follow_up=first.pk,
            how="PHONE",
            result="NOT_FOUND",
            note="CANARYATTEMPT",
            next_step="CANARYNEXT",
        )
        self.do("follow_up.move", follow_up=first.pk, date=str(today + timedelta(days=2)), reason="CANARYMOVE")
        self.do("follow_up.add", client=whom.pk, date=str(today), reason="CANARYSINGLE", address="CANARYADDRESS")
        breaker = responders.actor(responders.person(self.scene.agency, RoleName.EMBEDDED))
        self.do("client.break_glass", by=breaker, client=whom.pk, reason="CANARYGLASS")

    def body(self, notes: str) -> dict[str, Any]:
        new = {"name": NAME, "aliases": [f"{NAME} Alias"], "looks": "CANARYCOAT", "born_on": BORN, "phone": PHONE}
        met = {
            "client": {"new": new},
            "needs": ["SHELTER"],
            "transport": {"destination": "SHELTER", "where": "CANARYWHERE", "supervisor_said_yes": None},
            "minor": {"age": 15, "guardian": "CANARYGUARDIAN", "guardian_told": True, "own_consent": True},
            "mandated": {"about": "CANARYABUSE", "made_to": "", "number": "CANARYNUMBER"},
            "referrals": [{"position": 0, "to": "CANARYCLINIC", "need": "SHELTER", "warm": True}],
            "follow_up": "YES",
            "safe_contact": {"kind": "ADDRESS", "value": "CANARYDOOR", "may_say": "NOTHING"},
        }
        return make.body(met, notes=notes)


@pytest.fixture
def work() -> Work:
    done = Work()
    done.write()
    return done


@contextmanager
def listening() -> Iterator[list[str]]:
    """
    Yield what any process says to Redis meanwhile.
    """
    heard: list[str] = []
    over = f"OVER {uuid4()}"
    with redis.Redis.from_url(settings.REDIS_URL) as client, client.monitor() as monitor:

        def listen() -> None:
            while not heard or over not in heard[-1]:
                heard.append(monitor.next_command()["command"])

        ear = threading.Thread(target=listen, daemon=True)
        ear.start()
        try:
            yield heard
            # Hints go out behind the commit.
            threading.Event().wait(1)
        finally:
            client.echo(over)
            ear.join(5)


@cache
def _loggers() -> tuple[logging.Logger, ...]:
    named = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    return (logging.root, *named)


@contextmanager
def logged() -> Iterator[list[str]]:
    """
    Yield what every logger is told meanwhile, at whatever level.
    """
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__}")

    keep = Keep(level=logging.DEBUG)
    levels = {logger: logger.level for logger in _loggers()}
    for logger in levels:
        logger.addHandler(keep)
        logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        for logger, level in levels.items():
            logger.removeHandler(keep)
            logger.setLevel(level)


def leaks(text: str) -> list[str]:
    """
    Return what of the canaries stands in a text.
    """
    digits = PHONE.replace("-", "")
    return [word for word in (CANARY, NAME, PHONE, digits, BORN) if word in text]


def test_a_dump_holds_no_word_of_what_was_written(work: Work) -> None:
    dumped = dump()

    # What is searched for is there to be found, and the name stands where it is compared.
    assert Encounter.objects.get().met.get().body["referrals"][0]["to"] == "CANARYCLINIC"
    assert NAME in dumped
    assert [word for word in leaks(dumped) if word != NAME] == []
    clinical = Document.objects.filter(subject__in=["client", "encounter"], gone=None)
    assert clinical.count() >= 4
    assert all(document.body.startswith("§") for document in clinical if document.body)


def test_entries_say_who_did_what_and_nothing_of_anybody(work: Work) -> None:
    told = json.dumps(list(Entry.objects.values_list("kind", "about", "data")))

    assert "encounter.sign" in told
    assert leaks(told) == []


def test_redis_the_logs_and_tasks_hear_no_word_of_it() -> None:
    with listening() as heard, logged() as lines:
        Work().write()
        for sweep in (
            tasks.make_follow_ups_due,
            tasks.tell_late_follow_ups,
            tasks.escalate_follow_ups,
            tasks.sweep_intakes,
            tasks.make_digests,
        ):
            sweep.delay()
            sweep()

    # The ear was open: hints of this work and messages of these tasks were heard.
    assert any("followups.tasks" in command for command in heard)
    assert any("coordinators." in command for command in heard)
    assert leaks("\n".join(heard)) == []
    assert leaks("\n".join(lines)) == []


def everything_that_is_told(browser: Browser, work: Work) -> Iterator[tuple[str, str]]:
    """
    Yield every answer to a bearer: each address, each record by its own key, each kind of action about what is there.
    """
    whom = Client.objects.get()
    pages = [route.path for route in routes() if route.route not in _NOT_ASKED and not route.is_admin]
    pages += [
        reverse("care-record", kwargs={"client": whom.key}),
        reverse("care-record-by-number", kwargs={"number": whom.pk}),
    ]
    for path in pages:
        for method in ("GET", "POST"):
            answer: Any = browser.generic(method, path, "{}" if method == "POST" else "", "application/json")
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            yield f"{method} {path}", body.decode(errors="replace") + str(dict(answer.headers))
    for name, args in about_what_is_there(work):
        answer = browser.post(f"/api/actions/{name}/", {"id": str(uuid4()), "args": args}, "application/json")
        yield f"{name} {args}", answer.content.decode()
    answer = browser.post("/api/sync", {"protocol": 1, "streams": {}}, "application/json")
    yield "sync", answer.content.decode()


def about_what_is_there(work: Work) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield an action of each clinical kind, with arguments that point at what is there.
    """
    today = str(work.at.date())
    there: dict[str, Any] = {
        "encounter": str(work.report),
        "assignment": work.held.pk,
        "call": work.held.call_id,
        "unit": work.scene.unit.pk,
        "client": Client.objects.get().pk,
        "kept": Client.objects.get().pk,
        "absorbed": Client.objects.get().pk,
        "plan": Plan.objects.get().pk,
        "follow_up": FollowUp.objects.earliest("due_at").pk,
        "way": ContactWay.objects.first().pk,  # type: ignore[union-attr]
        "strategy": Strategy.objects.get().pk,
        "care_plan": CarePlan.objects.get().pk,
        "consent": Consent.objects.get().pk,
        "basis": "MEDICAL_EMERGENCY",
        "date": today,
        "seen_on": today,
        "kind": "HELPS",
        "how": "PHONE",
        "result": "NOT_FOUND",
        "outcome": "REACHED",
        "days": 1,
        "revision": 9,
        "seconds": 1,
    }
    caution = ClientCaution.objects.first()
    there["caution"] = caution.pk if caution else 1
    for name, kind in kinds().items():
        # Opening a record in an emergency is for some of them to do, and says what it is.
        if kind.sealed and name not in {"client.break_glass"}:
            asked = [str(field) for field in kind.serializer().fields]
            yield name, {field: there[field] for field in asked if field in there}


@pytest.mark.timeout(400)
def test_no_answer_to_who_may_not_read_says_a_word(work: Work) -> None:
    browsers = {role.value: desk_client(work.people[role]) for role in OUTSIDERS} | {"nobody": Browser()}
    for who, browser in browsers.items():
        told = dict(everything_that_is_told(browser, work))

        assert {(who, name): found for name, text in told.items() if (found := leaks(text))} == {}


def test_another_crew_hears_no_word_and_the_crew_itself_does(work: Work) -> None:
    other, _ = make_dispatch.rival(work.scene.agency, work.scene.area, at=work.at)
    told = dict(everything_that_is_told(tablets.crewed(other).client, work))

    assert {name: found for name, text in told.items() if (found := leaks(text))} == {}
    # Whose follow-up it is has it on its tablet.
    assert CANARY in json.dumps(sync(tablets.crewed(work.scene.unit).client))


@pytest.mark.parametrize("role", [RoleName.OFFICER, RoleName.DISPATCHER, RoleName.ADMIN])
def test_who_may_not_open_a_record_cannot_see_that_there_is_one(work: Work, role: str) -> None:
    browser = desk_client(work.people[role])
    whom = Client.objects.get()

    for there, absent in (
        ({"client": whom.key}, {"client": UUID(int=7)}),
        ({"number": whom.pk}, {"number": 7_777_777}),
    ):
        name = "care-record" if "client" in there else "care-record-by-number"
        answers = [browser.get(reverse(name, kwargs=asked)) for asked in (there, absent)]

        assert [answer.status_code for answer in answers] == [403, 403]


def test_a_refusal_repeats_nothing_of_the_record(work: Work) -> None:
    again = {"client": Client.objects.get().pk}

    answer = run_action(
        kinds()["plan.open"], action_id=uuid4(), args=again, by=work.coordinator, at=work.at, happened_at=None
    )

    assert not answer.applied
    assert leaks(json.dumps(answer.body)) == []
