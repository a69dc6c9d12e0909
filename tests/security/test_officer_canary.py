"""
Nothing of what was done for a person reaches an officer: not in a page, an answer, an error, a document or a frame.

RCW 70.02.230. Canaries lie wherever somebody can write something of a person, and wherever it is kept that a service was given.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from dispatch.actions import assignments, hand_backs, intake, messages, referrals, takes
from dispatch.models import Assignment, Call, Disposition, Referral
from journal.door import open_door
from journal.models import Document
from responders.actors import Actor
from responders.models import Person
from tests.factories import dispatch as make_dispatch
from tests.factories import intake as factory
from tests.factories import referrals as make
from tests.factories import responders
from tests.factories.intake import Desk
from tests.security.clients import desk_client
from tests.security.routes import routes
from tests.tablets.conftest import run_live
from tests.tablets.lines import LiveProcess, sync

pytestmark = pytest.mark.django_db(transaction=True)

CANARIES = [f"CANARY{name}" for name in ("NOTE", "NARRATIVE", "MESSAGE", "DESTINATION", "REASON", "CLEARNOTE")]
# That a service was given, and which: an officer never hears how it ended.
ENDINGS = [ending.value for ending in Disposition if ending != Disposition.CANCELLED]
# All that an officer may hold of a referral.
KEYS = {
    *("kind", "what", "number", "state", "due_at", "late", "received_at", "reasons", "suggested"),
    # What they said themselves.
    *("staying", "handed_over_at"),
}


@pytest.fixture
def live(transactional_db: None) -> Iterator[LiveProcess]:
    """
    Return a live process, which is gone before the database is emptied.
    """
    with run_live() as process:
        yield process


class Work:
    """
    A crew at work on what an officer referred, with a canary in everything that can be written.
    """

    def __init__(self) -> None:
        self.at = datetime.now(UTC)
        self.scene: Desk = factory.desk(at=self.at)
        # Whatever the hour is in Seattle while this runs.
        factory.in_force(self.scene.agency, "seattle-2025", since=self.at - timedelta(days=1), hours=None)
        self.person: Person = responders.person(self.scene.agency, "OFFICER")
        self.officer: Actor = responders.actor(self.person)
        self.client: Client = desk_client(self.person)

    def cad_call(self, **fields: Any) -> Call:
        revision = factory.revision(
            answers={"WEAPON": "UNKNOWN"},
            narrative="CANARYNARRATIVE schizophrenia, off medication",
            caller_phone="206-555-0199",
            received_at=self.at,
            cad_at=self.at,
            **fields,
        )
        with open_door(by=self.scene.cad, at=self.at):
            made = intake.take_revision(
                agency_id=self.scene.agency.pk, revision=revision, by=self.scene.cad, at=self.at
            )
        make_dispatch.caution(self.scene.agency, phone="2065550199", expires_at=self.at + timedelta(days=1))
        return made.call

    def refer(self, call: Call) -> Referral:
        return make.referral(self.officer, at=self.at, kind="CALL", number=call.number)

    def do(self, act: Any, **given: Any) -> Any:
        by = given.pop("by", self.scene.tablet)
        with open_door(by=by, at=self.at):
            return act(by=by, at=self.at, **given)

    def take_and_write(self, call: Call) -> Assignment:
        held: Assignment = self.do(takes.self_dispatch, call_id=call.pk)
        self.do(intake.note, call_id=call.pk, text="CANARYNOTE overdose two weeks ago")
        self.do(messages.send, call_id=call.pk, text="CANARYMESSAGE wants detox")
        self.do(intake.answer, call_id=call.pk, disqualifier="MEDICAL", value="NOT_RELEVANT")
        self.do(referrals.eta, call_id=call.pk, minutes=4)
        return held

    def finish(self, held: Assignment) -> None:
        self.do(assignments.arrive, assignment_id=held.pk)
        self.do(assignments.transport, assignment_id=held.pk, destination="CANARYDESTINATION detox", persons=1)
        self.do(assignments.at_destination, assignment_id=held.pk)
        self.do(
            assignments.clear,
            assignment_id=held.pk,
            disposition=Disposition.TRANSPORT_GIVEN,
            note="CANARYCLEARNOTE admitted",
        )


def find_leaks(text: str) -> list[str]:
    return [word for word in [*CANARIES, *ENDINGS, "206-555", "2065550199", "thrown things"] if word in text]


def everything_that_an_officer_is_told(client: Client, referral: int) -> Iterator[tuple[str, str]]:
    """
    Yield every answer to a session of an officer: each page and route by each method, each action, wrong ones too.
    """
    for route in routes():
        # The schema describes the API to everybody and is about nobody.
        if route.is_admin or route.route in {"account_logout", "demo-enter", "schema"}:
            continue
        for method in ("GET", "POST"):
            answer: Any = client.generic(method, route.path, "{}" if method == "POST" else "", "application/json")
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            yield f"{method} {route.path}", body.decode(errors="replace") + str(dict(answer.headers))
    calls = list(Call.objects.values_list("pk", "number"))
    asked: list[tuple[str, dict[str, Any]]] = [
        ("referral.withdraw", {"referral": referral}),
        ("referral.handed_over", {"referral": referral}),
    ]
    asked += [("referral.handed_over", {"call": call}) for call, _ in calls]
    asked += [("referral.make", {**make.said(), "kind": "CALL", "number": number}) for _, number in calls]
    asked += [("call.note", {"call": call, "text": "x"}) for call, _ in calls]
    asked += [("debrief.comment", {"debrief": 1, "text": "x"}), ("referral.make", {"kind": "NOTHING"})]
    for kind, args in asked:
        answer = client.post(f"/api/actions/{kind}/", {"id": str(uuid4()), "args": args}, "application/json")
        yield f"{kind} {args}", answer.content.decode()
    yield "sync", json.dumps(sync(client))


def test_no_answer_to_an_officer_says_what_was_done() -> None:
    work = Work()
    ended, under_way, given_back, refused = (work.cad_call() for _ in range(4))
    rows = [work.refer(call) for call in (ended, under_way, given_back)]
    work.finish(work.take_and_write(ended))
    held = work.take_and_write(given_back)
    work.do(hand_backs.hand_back, assignment_id=held.pk, reason="CANARYREASON psychotic")
    work.take_and_write(under_way)
    work.do(intake.answer, call_id=refused.pk, disqualifier="MEDICAL", value="YES", by=work.scene.dispatcher)
    work.refer(refused)

    told = dict(everything_that_an_officer_is_told(work.client, rows[1].pk))

    # What is searched for is there to be found.
    assert find_leaks(json.dumps(list(Document.objects.values_list("body", flat=True))))
    assert Call.objects.get(pk=ended.pk).disposition == Disposition.TRANSPORT_GIVEN
    assert {name: leaks for name, text in told.items() if (leaks := find_leaks(text))} == {}
    assert "MEDICAL" not in told["sync"]
    states = {document["id"]: document["b"] for document in of_officer(told["sync"], work.person.pk)}
    assert {body["state"] for body in states.values()} >= {"CLOSED", "ON_THE_WAY"}


def of_officer(text: str, person: int) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = json.loads(text)["streams"][f"officer.{person}"]["documents"]
    return documents


def test_an_officer_holds_of_a_referral_what_is_named_here_and_nothing_else() -> None:
    work = Work()
    call = work.cad_call()
    work.refer(call)
    work.finish(work.take_and_write(call))

    answer = sync(work.client)
    documents = of_officer(json.dumps(answer), work.person.pk)

    assert set(answer["streams"]) == {f"officer.{work.person.pk}", f"reference.{work.scene.agency.pk}"}
    assert {document["c"] for document in documents} == {"referral"}
    assert [set(document["b"]) for document in documents] == [KEYS]
    colleague = desk_client(responders.person(work.scene.agency, "OFFICER"))
    assert [streams for streams in sync(colleague)["streams"] if streams.startswith("officer.")] == [
        f"officer.{Person.objects.latest('pk').pk}"
    ]


def test_no_frame_to_an_officer_says_what_was_done(live: LiveProcess) -> None:
    work = Work()
    call = work.cad_call()
    frames: list[str] = []

    session = f"{settings.SESSION_COOKIE_NAME}={work.client.cookies[settings.SESSION_COOKIE_NAME].value}"
    with live.line(work.client, headers={"Cookie": session}) as line:
        frames.append(json.dumps(line.next("hello")))
        work.refer(call)
        work.finish(work.take_and_write(call))
        while True:
            frame = line.next("frame", "streams", within=10)
            frames.append(json.dumps(frame))
            if any(document.get("b") and document["b"]["state"] == "CLOSED" for document in frame.get("d", [])):
                break

    assert len(frames) >= 2
    assert find_leaks("\n".join(frames)) == []


def test_a_holder_of_a_key_hears_no_more_than_an_officer() -> None:
    work = Work()
    _, text = make.key(work.scene.agency)
    line = Client(headers={"Authorization": f"Intake {text}"})
    body = {"id": str(uuid4()), **make.said(text="Asks for help")}
    made = line.post("/api/referrals/", body, "application/json")
    call = make.call_of(Referral.objects.get(pk=made.json()["referral"]))
    work.finish(work.take_and_write(call))

    answers = [
        made,
        line.get(f"/api/referrals/{made.json()['referral']}/"),
        line.post("/api/referrals/", body, "application/json"),
    ]
    answers += [
        line.get("/api/referrals/1/"),
        line.post("/api/sync", {"protocol": 1, "streams": {}}, "application/json"),
    ]

    assert find_leaks("\n".join(answer.content.decode() for answer in answers)) == []
    assert set(answers[1].json()) == KEYS | {"referral"}
    assert answers[1].json()["state"] == "CLOSED"
