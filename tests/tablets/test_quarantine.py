"""
What a supervisor does with what was kept: done after all, or closed with a reason, and never forgotten.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from dispatch.models import Assignment, Note
from journal.kinds import kinds
from journal.models import Entry, Receipt
from journal.rebuild import differences
from responders.models import Person
from tablets.models import Quarantined, QuarantineState
from tests.factories import responders as make
from tests.security.clients import desk_client
from tests.tablets.queues import JSON, Crew, crew
from tests.tablets.test_versions import later

pytestmark = pytest.mark.django_db


def supervisor(of: Crew) -> Person:
    """
    Return a supervisor of the crew's agency, the same one each time.
    """
    found = of.scene.agency.people.filter(roles__name="SUPERVISOR").first()
    return found or make.person(of.scene.agency, "SUPERVISOR")


def act(of: Crew, kind: str, *, action_id: str | None = None, **args: Any) -> Any:
    """
    Return the HTTP answer to what a supervisor of the crew's agency does.
    """
    client = desk_client(supervisor(of), headers={"Origin": "http://localhost:8000"})
    body = {"id": action_id or str(uuid4()), "args": args}
    return client.post(f"/api/actions/{kind}/", body, content_type="application/json")


def kept(of: Crew, monkeypatch: pytest.MonkeyPatch) -> tuple[JSON, Quarantined]:
    """
    Return an action of a version that this server does not know yet, and the ticket under which it was kept.
    """
    action = of.queue.action("call.note", {"call": of.held().call_id, "text": "Seen"}, v=3)
    of.queue.send(action)
    # The fix: a server that knows it.
    monkeypatch.setitem(kinds(), "call.note", later(kinds()["call.note"]))
    return action, Quarantined.objects.get()


def test_what_could_not_be_done_is_done_after_the_fix_as_whoever_did_it(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    action, row = kept(of, monkeypatch)
    of.queue.paired.client.post("/api/tablets/sign-off/")

    answer = act(of, "quarantine.retry", ticket=row.pk).json()

    assert (answer["status"], answer["state"], answer["result"]["status"]) == ("applied", "RETRIED", "applied")
    note = Note.objects.get()
    assert note.by == f"tablet:{of.queue.paired.tablet.pk}/person:{of.person.pk}"
    assert note.at == datetime.fromisoformat(action["happened_at"])
    row.refresh_from_db()
    assert (row.state, row.retries, row.closed_by) == (
        QuarantineState.RETRIED,
        1,
        f"person:{supervisor(of).pk}",
    )
    assert Entry.objects.get(kind="quarantine.retried").data["action_id"] == action["id"]
    assert list(differences()) == []


def test_the_tablet_gets_the_answer_that_it_got_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    action, row = kept(of, monkeypatch)
    before = of.queue.send(action)["answers"]

    act(of, "quarantine.retry", ticket=row.pk)

    assert of.queue.send(action)["answers"] == before
    assert Receipt.objects.get(action_id=action["id"]).status == 202
    assert Note.objects.count() == 1


def test_a_retry_has_one_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    _, row = kept(of, monkeypatch)
    action_id = str(uuid4())

    first = act(of, "quarantine.retry", ticket=row.pk, action_id=action_id)
    repeat = act(of, "quarantine.retry", ticket=row.pk, action_id=action_id)
    another = act(of, "quarantine.retry", ticket=row.pk)

    assert repeat.json() == first.json() | {"replayed": True}
    assert (another.status_code, another.json()["code"]) == (409, "quarantine_closed")
    assert Note.objects.count() == 1


def test_a_retry_that_cannot_be_done_either_stays_open_with_its_result() -> None:
    of = crew()
    of.queue.do("call.note", {"call": "x", "text": "Seen"})
    row = Quarantined.objects.get()
    entries = Entry.objects.count()

    answers = [act(of, "quarantine.retry", ticket=row.pk).json() for _ in range(2)]

    assert [(answer["state"], answer["result"]["code"]) for answer in answers] == [("OPEN", "invalid_args")] * 2
    row.refresh_from_db()
    assert (row.state, row.retries, row.result["code"] if row.result else None) == ("OPEN", 2, "invalid_args")
    assert Entry.objects.count() == entries + 2


def test_a_retry_that_a_rule_refuses_changes_nothing_but_the_ticket() -> None:
    of = crew()
    call = of.call()
    row = Quarantined.objects.create(
        agency=of.scene.agency,
        tablet=of.queue.paired.tablet,
        installation=of.queue.installation,
        seq=1,
        action_id=uuid4(),
        raw=json.dumps(of.queue.action("call.self_dispatch", {"call": call.pk})),
        received_at=datetime.now(UTC),
        code="server_fault",
        message="",
    )
    of.held()

    answer = act(of, "quarantine.retry", ticket=row.pk).json()

    assert (answer["state"], answer["result"]["status"], answer["result"]["code"]) == ("OPEN", "refused", "unit_busy")
    assert not Assignment.objects.filter(call=call).exists()


def test_a_fault_that_is_still_there_keeps_the_ticket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    _, row = kept(of, monkeypatch)

    def fail(**_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setitem(kinds(), "call.note", replace(kinds()["call.note"], act=fail))
    answer = act(of, "quarantine.retry", ticket=row.pk).json()

    assert (answer["status"], answer["result"]["code"]) == ("applied", "server_fault")
    assert Quarantined.objects.get().state == QuarantineState.OPEN


def test_what_nobody_will_do_is_closed_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    _, row = kept(of, monkeypatch)

    answer = act(of, "quarantine.close", ticket=row.pk, reason="Told the crew by radio").json()

    assert (answer["status"], answer["state"]) == ("applied", "CLOSED")
    row.refresh_from_db()
    assert (row.reason, row.closed_by) == ("Told the crew by radio", f"person:{supervisor(of).pk}")
    assert act(of, "quarantine.retry", ticket=row.pk).json()["code"] == "quarantine_closed"
    assert not Note.objects.exists()


def test_a_ticket_of_another_agency_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    of, stranger = crew(), crew()
    _, row = kept(of, monkeypatch)

    for kind, args in [("quarantine.retry", {}), ("quarantine.close", {"reason": "Mine"})]:
        theirs = act(stranger, kind, ticket=row.pk, **args)
        absent = act(stranger, kind, ticket=999_999, **args)
        assert (theirs.status_code, theirs.json()["code"]) == (404, "quarantine_not_found")
        assert absent.json()["code"] == theirs.json()["code"]


def test_the_deposit_of_a_revoked_tablet_can_be_done_by_a_supervisor() -> None:
    of = crew()
    action = of.queue.action("call.note", {"call": of.held().call_id, "text": "Seen"})
    act(of, "tablet.revoke", tablet=of.queue.paired.tablet.pk)
    of.queue.send(action)

    answer = act(of, "quarantine.retry", ticket=Quarantined.objects.get().pk).json()

    assert answer["result"]["status"] == "applied"
    assert Note.objects.get().text == "Seen"
