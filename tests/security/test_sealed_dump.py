"""
A copy of the whole database, in the wrong hands, says nothing of what is sealed.
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from pytest_django import Settings

from followups.actions import follow_ups as actions
from followups.models import Client
from journal.door import answer_once, open_door
from journal.kinds import kinds
from journal.models import Document, Receipt
from journal.refusals import InvalidArgs
from journal.sealing import SIGN, document_about, unseal
from tablets.models import Quarantined
from tablets.postgres import connection_arguments
from tests.conftest import NOON
from tests.factories import follow_ups
from tests.journal import sealed
from tests.tablets.queues import Crew, crew

CANARY = "CANARY-9954"
IN_THE_CLEAR = "IN-THE-CLEAR-9954"


@pytest.fixture
def lines(transactional_db: None, settings: Settings) -> Iterator[None]:
    with sealed.table(), sealed.declared(settings):
        yield


def dump() -> str:
    """
    Return what pg_dump writes of this database, but for the table that only the tests know.
    """
    known = connection_arguments() | {"dbname": connection.settings_dict["NAME"]}
    names = {"dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT"}
    environment = os.environ | {names[name]: str(value) for name, value in known.items() if name in names}
    command = ["pg_dump", "--data-only", "--inserts", f"--exclude-table={sealed.TABLE}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def write_everywhere(of: Crew) -> None:
    """
    Write the canary to every kind of place that is sealed: documents, answers, refusals, kept reports, fields.
    """

    def refuse() -> dict[str, Any]:
        raise InvalidArgs(fields={"notes": [f"“{CANARY}” is not a valid choice."]})

    with open_door(by="system:test", at=NOON):
        line = sealed.write(CANARY, said=CANARY)
        Client.objects.create(
            agency=of.scene.agency, looks=CANARY, substance_use=[CANARY], made_at=NOON, made_by="system:test"
        )
    with open_door(by="system:test", at=NOON):
        sealed.change(line, said=f"{CANARY} again")
    given: dict[str, Any] = {"kind": "test.do", "args": {"text": CANARY}, "by": "person:1", "at": NOON}
    for act in (lambda: {"text": CANARY}, refuse):
        answer_once(action_id=uuid4(), act=act, sealed=True, **given)
    of.queue.do("call.note", {"call": "x", "text": CANARY})
    of.queue.do("person.note", {"text": CANARY})
    of.queue.do("call.note", {"call": 1, CANARY: "x"}, actor=CANARY)


@pytest.mark.django_db(transaction=True)
def test_a_dump_holds_nothing_of_what_is_sealed(lines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    monkeypatch.setitem(kinds(), "call.note", replace(kinds()["call.note"], sealed=True))
    write_everywhere(of)
    # What is not sealed is found: the dump is one of this database, and the search works.
    answer_once(
        action_id=uuid4(), kind="a.b", args={}, by="x", at=NOON, act=lambda: {"text": IN_THE_CLEAR}, sealed=False
    )
    assert Document.objects.filter(subject="line").count() == 2
    assert Receipt.objects.count() == 6
    assert Quarantined.objects.count() == 3

    dumped = dump()

    assert IN_THE_CLEAR in dumped
    assert dumped.count("§") >= 12
    for written in (CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), CANARY.encode().hex()):
        assert written not in dumped


def lies(whom: Client) -> list[list[Any]]:
    """
    Return all that the database says of who was met and is seen again, but for names of rows: of what is sealed, its length.
    """
    told = []
    with connection.cursor() as cursor:
        for table in ("met", "plan", "followup"):
            cursor.execute(f"SELECT to_jsonb(t) FROM followups_{table} t WHERE client_id = %s ORDER BY id", [whom.pk])  # noqa: S608  one of three
            for (row,) in cursor.fetchall():
                said = {name: word for name, word in json.loads(row).items() if name not in {"id", "key"}}
                told.append([length(word) for name, word in sorted(said.items()) if not name.endswith("_id")])
    for row in Document.objects.filter(subject="client", subject_id=whom.pk, gone=None).order_by("pk"):
        about = document_about(row.stream, row.collection, row.document_id, row.number)
        said = orjson.loads(unseal(row.body or "", about=about))
        # Ids of two people may have more digits of one than of the other.
        said = {name: 0 if name in {"client", "plan"} else word for name, word in said.items()}
        told.append([row.stream, row.collection, len(orjson.dumps(said))])
    return told


def length(word: Any) -> Any:
    return len(word) if isinstance(word, str) and word.startswith(SIGN) else word


@pytest.mark.django_db
def test_a_dump_does_not_tell_who_was_in_danger() -> None:
    of = follow_ups.care()
    calm, in_danger = follow_ups.client(of), follow_ups.client(of)
    for whom, risk in ((calm, False), (in_danger, True)):
        # Tablets tell moments to the millisecond.
        plan = follow_ups.planned(of, whom, at=NOON + timedelta(milliseconds=123), risk=risk)
        first = follow_ups.steps_of(plan)[1]
        assert first.risk is risk
        with open_door(by=of.coordinator, at=NOON):
            actions.assign(follow_up_id=first.pk, unit_id=of.scene.unit.pk, by=of.coordinator, at=NOON)

    assert [row[:2] for row in lies(in_danger)[5:]] == [
        *(
            [f"coordinators.{of.agency_id}", collection]
            for collection in ("client", "follow_up", "follow_up", "follow_up")
        ),
        *([f"unit.{of.scene.unit.pk}", collection] for collection in ("client", "follow_up")),
    ]
    assert lies(in_danger) == lies(calm)
