"""
Reports as tablets send them: through the queue, kept whole when they cannot be read, back on a tablet that never had them.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection

from dispatch.models import AssignmentStatus
from followups.models import Choice, Encounter, EncounterState
from journal.rebuild import differences
from tablets.models import Quarantined
from tests.factories import dispatch
from tests.factories import encounters as make
from tests.factories import responders as people
from tests.factories.encounters import body, new, say
from tests.tablets.queues import Crew, Queue, crew

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canaryword"


@pytest.fixture
def of() -> Crew:
    here = crew()
    make.offered(here.scene.agency)
    return here


def cleared(of: Crew) -> int:
    return dispatch.advance(of.held(), to=AssignmentStatus.CLEARED, by=of.scene.dispatcher).pk


def report(assignment: int, said: dict[str, Any], *, revision: int = 1, key: str | None = None) -> dict[str, Any]:
    return {"encounter": key or str(uuid4()), "assignment": assignment, "revision": revision, "body": said}


def held_by(queue: Queue) -> dict[str, Any]:
    stream = queue.send()["streams"][f"responder.{queue.person.pk if queue.person else 0}"]
    return {row["id"]: row["b"] for row in stream["documents"] if row["c"] == "encounter" and "b" in row}


def test_a_fresh_tablet_has_what_was_typed_on_another(of: Crew) -> None:
    args = report(cleared(of), body(new(CANARY), notes="Half of a"))
    assert of.queue.do("encounter.save", args)["status"] == "applied"

    fresh = Queue(of.queue.paired, of.person)

    assert held_by(fresh)[args["encounter"]]["body"]["notes"] == "Half of a"
    assert list(differences()) == []


def test_a_signed_report_leaves_the_tablet_and_comes_back_when_it_is_sent_back(of: Crew) -> None:
    args = report(cleared(of), body(new(CANARY)))
    first = of.queue.action("encounter.save", args)
    second = of.queue.action("encounter.sign", {**args, "revision": 2})
    answers = of.queue.send(first, second)["answers"]
    assert [(one["status"], one["answer"]["state"]) for one in answers] == [
        ("applied", "DRAFT"),
        ("applied", "SIGNED"),
    ]
    assert held_by(of.queue) == {}

    by = people.actor(people.person(of.scene.agency, "SUPERVISOR"))
    say(by, "encounter.return", encounter=args["encounter"], note="Whose child?")

    back = held_by(of.queue)[args["encounter"]]
    assert (back["state"], back["return_note"], back["revision"]) == ("RETURNED", "Whose child?", 2)


def test_a_report_with_an_unknown_choice_is_kept_closed_and_entered_when_the_choice_is_there(of: Crew) -> None:
    args = report(cleared(of), body({**new(CANARY), "needs": ["BRAND_NEW"]}))
    answer = of.queue.do("encounter.sign", args)
    assert (answer["status"], answer["code"]) == ("quarantined", "choice_unknown")
    kept = Quarantined.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(q)::text FROM tablets_quarantined q")
        assert CANARY not in cursor.fetchone()[0]
    assert not Encounter.objects.exists()

    by = people.actor(people.person(of.scene.agency, "SUPERVISOR"))
    assert say(by, "choice.put", field="NEED", code="BRAND_NEW", label="New").applied
    retried = say(by, "quarantine.retry", ticket=kept.pk, at=datetime.now(UTC))

    assert retried.body["result"]["status"] == "applied", retried.body
    row = Encounter.objects.get()
    assert (row.state, row.author_id) == (EncounterState.SIGNED, of.person.pk)
    assert Choice.objects.filter(code="BRAND_NEW").exists()


def test_a_key_that_a_body_does_not_know_keeps_the_report_whole(of: Crew) -> None:
    args = report(cleared(of), body({**new(CANARY), "diagnosis": "None of ours"}))

    answer = of.queue.do("encounter.save", args)

    assert (answer["status"], answer["code"]) == ("quarantined", "invalid_args")
    assert orjson.loads(orjson.dumps(answer))["ticket"] == Quarantined.objects.get().ticket
