"""
A kind of action whose words nobody may read from the database: its receipts, and what of it is kept in quarantine.
"""

import hashlib
import json
import logging
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from pytest_django import Settings

from dispatch.models import Note
from journal.door import Answer
from journal.kinds import kinds
from journal.models import Receipt
from journal.refusals import ActionIdReused, Refusal
from journal.sealing import SealBroken, is_sealed
from responders.api import run_action
from tablets.models import Quarantined
from tablets.seals import open_args, open_kept
from tests.conftest import NOON
from tests.factories import responders as make
from tests.security.clients import desk_client
from tests.tablets.queues import JSON, Crew, crew

pytestmark = pytest.mark.django_db

CANARY = "CANARY-2218"


class Said(Refusal):
    code = "test_said"
    message = "That cannot be."


@pytest.fixture(autouse=True)
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    note = kinds()["call.note"]
    # Its answer repeats what was written, as the answers of clinical kinds may.
    answer = lambda done: dict(note.answer(done)) | {"text": done.note.text}  # noqa: E731
    monkeypatch.setitem(kinds(), "call.note", replace(note, sealed=True, answer=answer))


def dump() -> str:
    """
    Return everything that the tables of receipts and of quarantine hold.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT string_agg(r::text, ' ') FROM journal_receipt r), '')"
            " || coalesce((SELECT string_agg(q::text, ' ') FROM tablets_quarantined q), '')"
        )
        return str(cursor.fetchone()[0])


def note(of: Crew, text: str = CANARY, **changed: Any) -> JSON:
    return of.queue.action("call.note", {"call": of.held().call_id, "text": text}, **changed)


def retry(of: Crew, row: Quarantined) -> Any:
    client = desk_client(make.person(of.scene.agency, "SUPERVISOR"), headers={"Origin": "http://localhost:8000"})
    body = {"id": str(uuid4()), "args": {"ticket": row.pk}}
    return client.post("/api/actions/quarantine.retry/", body, content_type="application/json")


def test_an_answer_is_sealed_and_a_repeat_gets_it_word_for_word() -> None:
    of = crew()
    action = note(of)

    first, second = of.queue.send(action)["answers"], of.queue.send(action)["answers"]

    assert first[0]["answer"]["text"] == CANARY
    assert second == [one | {"replayed": True} for one in first]
    assert is_sealed(Receipt.objects.get(action_id=action["id"]).answer or "")
    assert CANARY not in dump()
    assert Note.objects.count() == 1


def test_the_fingerprint_of_what_was_said_cannot_be_guessed(settings: Settings) -> None:
    of = crew()
    action = note(of)
    of.queue.send(action)
    kept = bytes(Receipt.objects.get(action_id=action["id"]).fingerprint)

    assert kept != hashlib.sha256(orjson.dumps(action["args"], option=orjson.OPT_SORT_KEYS)).digest()
    again = of.queue.send({**action, "args": action["args"] | {"text": "other"}})["answers"]
    assert again[0]["code"] == "action_id_reused"


def test_the_rest_door_seals_answers_and_refusals_too(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    by, kind = of.scene.tablet, kinds()["call.note"]
    done, no = uuid4(), uuid4()

    def ask(action_id: Any, text: str = CANARY) -> Answer:
        args = {"call": of.held().call_id, "text": text}
        return run_action(kind, action_id=action_id, args=args, by=by, at=NOON, happened_at=None)

    first, second = ask(done), ask(done)
    assert second == replace(first, replayed=True)
    with pytest.raises(ActionIdReused):
        ask(done, "other")

    def refuse(**_: Any) -> None:
        raise Said(text=CANARY)

    kind = replace(kind, act=refuse)
    first, second = ask(no), ask(no)
    assert first.body["facts"] == {"text": CANARY}
    assert second == replace(first, replayed=True)
    assert CANARY not in dump()


@pytest.mark.parametrize(
    ("kind", "changed", "code"),
    [
        ("call.note", {"args": {"call": "x", "text": CANARY}}, "invalid_args"),
        ("call.note", {"args": {"call": 1, "text": "a", CANARY: 1}}, "invalid_args"),
        ("call.note", {"v": 3}, "unknown_version"),
        ("call.note", {"actor": CANARY}, "invalid_envelope"),
        ("person.note", {}, "unknown_kind"),
        ("person.note", {"id": CANARY}, "invalid_envelope"),
        ("", {}, "invalid_envelope"),
    ],
)
def test_what_is_kept_of_it_or_of_what_nobody_knows_is_sealed_whole(kind: str, changed: JSON, code: str) -> None:
    of = crew()
    action = note(of, **({"kind": kind} | changed))

    first, second = of.queue.send(action)["answers"], of.queue.send(action)["answers"]

    assert (first[0]["status"], first[0]["code"]) == ("quarantined", code)
    assert second == [one | {"replayed": True} for one in first]
    row = Quarantined.objects.get()
    assert CANARY not in dump()
    raw, facts = open_kept(row)
    assert raw == action
    assert open_args(row) == action["args"]
    assert row.facts == {}
    assert ("fields" in facts) == (code in {"invalid_args", "invalid_envelope"})


def test_what_is_operational_is_kept_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds(), "call.note", replace(kinds()["call.note"], sealed=False))
    of = crew()
    action = note(of, v=3)

    of.queue.send(action)

    row = Quarantined.objects.get()
    assert json.loads(row.raw) == action
    assert open_kept(row) == (action, row.facts)


def test_a_retry_opens_it_and_keeps_no_word_of_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    action = note(of, args={"call": "x", "text": CANARY})
    of.queue.send(action)
    row = Quarantined.objects.get()

    still = retry(of, row).json()

    assert (still["state"], still["result"]) == (
        "OPEN",
        {"status": "quarantined", "code": "invalid_args", "message": still["result"]["message"]},
    )
    kind, call = kinds()["call.note"], of.held().call_id
    monkeypatch.setitem(
        kinds(), "call.note", replace(kind, version=2, upcasters={1: lambda args: args | {"call": call}})
    )
    done = retry(of, row).json()

    assert (done["state"], done["result"]) == ("RETRIED", {"status": "applied"})
    assert Note.objects.get().text == CANARY
    assert CANARY not in dump()


@pytest.mark.parametrize("change", ["moved", "key"])
def test_a_broken_seal_is_no_way_to_another_report_and_stops_no_queue(
    change: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    of = crew()
    good, bad = note(of), note(of, args={"call": "x", "text": "b"})
    of.queue.send(good, bad, note(of, args={"call": "y", "text": "c"}))
    first, second = Quarantined.objects.order_by("pk")
    receipts = [Receipt.objects.get(action_id=one["id"]) for one in (good, bad)]
    if change == "moved":
        Quarantined.objects.filter(pk=second.pk).update(raw=first.raw)
        Receipt.objects.filter(pk=receipts[0].pk).update(answer=receipts[1].answer)
        Receipt.objects.filter(pk=receipts[1].pk).update(answer=receipts[0].answer)
    else:
        settings.FIELD_KEYS = {"other": b"o" * 32}
    second.refresh_from_db()

    with pytest.raises(SealBroken):
        open_kept(second)
    with caplog.at_level(logging.ERROR):
        answers = of.queue.send(good, bad)["answers"]

    assert [one["status"] for one in answers] == ["applied", "quarantined"]
    assert answers[0]["answer"] == {}
    assert answers[1]["code"] == "answer_lost"
    assert f"receipt|{good['id']}" in caplog.text
    result = retry(of, second).json()["result"]
    assert (result["status"], result["code"]) == ("quarantined", "cannot_unseal")
