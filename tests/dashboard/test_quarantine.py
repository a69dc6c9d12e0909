"""
The page of kept reports: what each was, whose, why it was kept, and what may be read of it.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard import quarantine
from dashboard.quarantine import Chosen
from journal.door import open_door
from journal.models import Entry
from responders.models import Person
from tablets.models import Quarantined, Tablet
from tests.factories import dispatch, tablets
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def kept(
    at_tablet: Tablet,
    *,
    kind: str = "call.note",
    args: dict[str, Any] | None = None,
    person: Person | None = None,
    code: str = "unknown_version",
    happened: timedelta = timedelta(hours=1),
    **fields: Any,
) -> Quarantined:
    """
    Return a report of a tablet that was kept a minute before NOW.
    """
    action_id = uuid4()
    raw = {"seq": 1, "id": str(action_id), "kind": kind, "v": 1, "args": args or {}}
    raw |= {"actor": str(person.pk) if person else "1", "happened_at": (NOW - happened).isoformat()}
    given: dict[str, Any] = {
        "agency": at_tablet.agency,
        "tablet": at_tablet,
        "installation": uuid4(),
        "seq": 1,
        "action_id": action_id,
        "kind": kind,
        "version": 1,
        "person": person,
        "raw": json.dumps(raw),
        "happened_at": NOW - happened,
        "received_at": NOW - timedelta(minutes=1),
        "code": code,
        "message": "A sentence.",
    }
    with open_door(by=make.SCENE, at=NOW):
        return Quarantined.objects.create(**given | fields)


def only(agency_id: int, chosen: Chosen | None = None) -> quarantine.Kept:
    """
    Return the one report that is listed.
    """
    [group] = quarantine.listed(agency_id, chosen or Chosen(), at=NOW).groups
    [row] = group.rows
    return row


def test_a_report_says_what_it_was_whose_and_when() -> None:
    scene = dispatch.scene()
    held = dispatch.assignment(scene)
    person = make.person(scene.agency, name="Responder One")
    tablet = tablets.paired(scene.unit).tablet
    row = kept(tablet, kind="assignment.arrive", args={"assignment": held.pk}, person=person)

    said = only(scene.agency.pk)

    assert (said.what, said.person, said.unit, said.tablet) == (
        "On scene",
        "Responder One",
        scene.unit.call_sign,
        tablet.name,
    )
    assert (said.ago, said.late) == ("1 h 00", "59 min")
    assert said.call == held.call
    assert said.name == f"q-{row.pk}"


def test_the_call_of_another_agency_is_not_named() -> None:
    ours, theirs = dispatch.scene(), dispatch.scene()
    foreign = dispatch.assignment(theirs)
    tablet = tablets.paired(ours.unit).tablet
    kept(tablet, kind="assignment.arrive", args={"assignment": foreign.pk})
    kept(tablet, args={"call": foreign.call_id, "text": "?"})

    [group] = quarantine.listed(ours.agency.pk, Chosen(), at=NOW).groups

    assert [row.call for row in group.rows] == [None, None]


def test_reports_are_grouped_by_cause_the_most_frequent_first() -> None:
    unit = make.unit(make.agency())
    tablet = tablets.paired(unit).tablet
    kept(tablet, code="something_new", message="A sentence that nobody foresaw.")
    for _ in range(quarantine.PER_CAUSE + 1):
        kept(tablet)

    found = quarantine.listed(unit.agency_id, Chosen(), at=NOW)

    assert [(group.code, group.count, len(group.rows)) for group in found.groups] == [
        ("unknown_version", quarantine.PER_CAUSE + 1, quarantine.PER_CAUSE),
        ("something_new", 1, 1),
    ]
    assert found.groups[1].cause.title == "A sentence that nobody foresaw"
    assert (found.open, found.settled) == (quarantine.PER_CAUSE + 2, 0)


def test_a_cause_alone_is_listed_by_pages_in_the_order_in_which_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = make.unit(make.agency())
    tablet = tablets.paired(unit).tablet
    monkeypatch.setattr(quarantine, "PER_PAGE", 2)
    rows = [kept(tablet).pk for _ in range(5)]

    pages = [
        [
            row.ticket
            for group in quarantine.listed(unit.agency_id, Chosen(code="unknown_version", page=page), at=NOW).groups
            for row in group.rows
        ]
        for page in (1, 2, 3, 4)
    ]

    assert pages == [rows[:2], rows[2:4], rows[4:], []]


def test_the_list_can_be_narrowed_and_says_by_what() -> None:
    agency = make.agency()
    one, two = (tablets.paired(make.unit(agency)).tablet for _ in range(2))
    person = make.person(agency, name="Responder One")
    mine = kept(one, person=person)
    kept(one, code="invalid_args")
    kept(two)

    for chosen in (Chosen(unit=one.unit_id, code="unknown_version"), Chosen(person=person.pk)):
        assert only(agency.pk, chosen).ticket == mine.pk
    filters = {row.name: row for row in quarantine.listed(agency.pk, Chosen(unit=one.unit_id), at=NOW).filters}
    assert {choice.label: choice.count for choice in filters["unit"].choices} == {
        one.unit.call_sign: 2,
        two.unit.call_sign: 1,
    }
    assert [choice.label for choice in filters["unit"].choices if choice.chosen] == [one.unit.call_sign]
    assert [(choice.label, choice.count) for choice in filters["person"].choices] == [("Responder One", 1)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "CLOSED", "reason": "It no longer matters"}, "Closed:"),
        ({"state": "RETRIED", "result": {"status": "applied"}}, "Entered."),
        (
            {"state": "RETRIED", "result": {"status": "applied", "answer": {"flags": ["late_scope"]}}},
            "Entered. It does not fit everywhere; see “To look at”.",
        ),
    ],
)
def test_what_is_settled_says_how_and_by_whom(fields: dict[str, Any], words: str) -> None:
    unit = make.unit(make.agency())
    supervisor = make.person(unit.agency, "SUPERVISOR", name="Supervisor One")
    kept(tablets.paired(unit).tablet, closed_at=NOW, closed_by=f"person:{supervisor.pk}", **fields)

    row = only(unit.agency_id, Chosen(settled=True))

    assert (row.settled_words, row.settled_by) == (words, "Supervisor One")
    assert quarantine.listed(unit.agency_id, Chosen(), at=NOW).groups == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"status": "quarantined", "code": "unknown_version"}, "Tried again 2 times, the last time 9 min ago."),
        (
            {"status": "quarantined", "code": "server_fault", "message": "Something."},
            "Tried again 2 times, the last time 9 min ago: The server failed while entering it.",
        ),
        (
            {"status": "refused", "code": "call_already_taken", "message": "Another unit took this call first."},
            "Tried again 2 times, the last time 9 min ago: refused. Another unit took this call first.",
        ),
    ],
)
def test_what_was_tried_in_vain_says_what_came_of_it(result: dict[str, Any], words: str) -> None:
    unit = make.unit(make.agency())
    kept(tablets.paired(unit).tablet, retries=2, retried_at=NOW - timedelta(minutes=9), result=result)

    assert only(unit.agency_id).tried == words


def test_hundreds_of_reports_cost_as_many_statements_as_two() -> None:
    scene = dispatch.scene()
    held = dispatch.assignment(scene)
    tablet = tablets.paired(scene.unit).tablet
    client = desk_client(make.person(scene.agency, "SUPERVISOR"))
    counts = []

    for more in (2, 298):
        for number in range(more):
            kept(
                tablet,
                kind="assignment.arrive" if number % 2 else "call.note",
                args={"assignment": held.pk} if number % 2 else {"call": held.call_id},
                person=make.person(scene.agency) if number < 5 else None,
                code=f"cause_{number % 7}",
            )
        with CaptureQueriesContext(connection) as asked:
            client.get("/supervisor/quarantine/rows/", headers={"X-Background": "1"})
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_what_a_report_says_is_shown_when_asked_for_and_that_is_recorded() -> None:
    scene = dispatch.scene()
    held = dispatch.assignment(scene)
    words = "Says he has not slept since Thursday."
    row = kept(tablets.paired(scene.unit).tablet, args={"call": held.call_id, "text": words})
    supervisor = make.person(scene.agency, "SUPERVISOR")
    client = desk_client(supervisor)

    page = client.get("/supervisor/quarantine/").content.decode()
    answer = client.post(f"/supervisor/quarantine/{row.pk}/read/")

    assert words not in page
    assert words in answer.content.decode()
    assert held.call.number in answer.content.decode()
    entry = Entry.objects.get(kind="quarantine.read")
    assert (entry.about, entry.by) == (f"quarantine.{row.pk}", f"person:{supervisor.pk}")
    assert words not in json.dumps(entry.data)


def test_looking_at_the_list_records_nothing() -> None:
    unit = make.unit(make.agency())
    kept(tablets.paired(unit).tablet)
    client = desk_client(make.person(unit.agency, "SUPERVISOR"))
    before = Entry.objects.count()

    client.get("/supervisor/quarantine/")

    assert Entry.objects.count() == before


def test_what_was_done_for_a_person_is_not_read_here() -> None:
    unit = make.unit(make.agency())
    row = kept(tablets.paired(unit).tablet, kind="encounter.save", args={"text": "clinical"})
    client = desk_client(make.person(unit.agency, "SUPERVISOR"))

    page = client.get("/supervisor/quarantine/").content.decode()
    answer = client.post(f"/supervisor/quarantine/{row.pk}/read/")

    assert 'data-do="read"' not in page
    assert answer.status_code == 404
    assert "clinical</dd>" not in answer.content.decode()
    assert not Entry.objects.filter(kind="quarantine.read").exists()


def test_what_cannot_be_opened_says_so() -> None:
    unit = make.unit(make.agency())
    sealed = {"kid": "0" * 16, "epk": "AA", "iv": "AA", "ct": "AA"}
    row = kept(
        tablets.paired(unit).tablet, raw=json.dumps({"id": str(uuid4()), "sealed": sealed}), code="cannot_unseal"
    )
    client = desk_client(make.person(unit.agency, "SUPERVISOR"))

    page, answer = client.get("/supervisor/quarantine/"), client.post(f"/supervisor/quarantine/{row.pk}/read/")

    assert page.status_code == 200
    assert "so it cannot be opened." in answer.content.decode()
    assert not Entry.objects.filter(kind="quarantine.read").exists()


def test_nothing_of_another_agency_is_listed_counted_or_read() -> None:
    ours, theirs = make.unit(make.agency()), make.unit(make.agency())
    mine = kept(tablets.paired(ours).tablet)
    foreign = [kept(tablets.paired(theirs).tablet, code="invalid_args", args={"text": "secret"}) for _ in range(3)]
    client = desk_client(make.person(ours.agency, "SUPERVISOR"))

    found = quarantine.listed(ours.agency_id, Chosen(), at=NOW)
    answers = [client.post(f"/supervisor/quarantine/{pk}/read/") for pk in (foreign[0].pk, 999_999_999)]

    assert [row.ticket for group in found.groups for row in group.rows] == [mine.pk]
    assert found.open == 1
    assert [many for _, _, many in quarantine.causes(ours.agency_id)] == [1]
    assert [choice.label for row in found.filters for choice in row.choices].count(theirs.call_sign) == 0
    assert [answer.status_code for answer in answers] == [404, 404]
    bodies = [re.sub(rb'(nonce|value)="[^"]+"', b"", answer.content) for answer in answers]
    assert bodies[0] == bodies[1]
    assert not Entry.objects.filter(kind="quarantine.read").exists()
    assert quarantine.listed(ours.agency_id, Chosen(unit=theirs.pk), at=NOW).groups == []


@pytest.mark.parametrize("query", ["state=secret", "unit=x", "person=0", "page=-1"])
def test_an_address_that_makes_no_sense_is_absent(query: str) -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert client.get(f"/supervisor/quarantine/?{query}").status_code == 404


def test_an_empty_page_says_that_nothing_is_kept() -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert "Nothing is kept." in client.get("/supervisor/quarantine/").content.decode()
    assert "Nothing has been settled yet." in client.get("/supervisor/quarantine/?state=settled").content.decode()
    assert "No report fits this choice." in client.get("/supervisor/quarantine/?code=gone").content.decode()


def test_a_report_that_is_tried_again_after_a_fix_is_entered_and_settled() -> None:
    now = datetime.now(UTC)
    scene = dispatch.scene(at=now)
    held = dispatch.assignment(scene, at=now)
    paired = tablets.paired(scene.unit)
    on = tablets.signed_on(paired.tablet, since=now)
    row = kept(
        paired.tablet,
        person=on.shift.person,
        args={"call": held.call_id, "text": "He waits for his sister."},
        happened_at=now,
        received_at=now,
        code="server_fault",
    )
    client = desk_client(make.person(scene.agency, "SUPERVISOR"))

    answer = client.post(
        "/api/actions/quarantine.retry/", {"id": str(uuid4()), "args": {"ticket": row.pk}}, "application/json"
    )

    assert answer.json()["result"]["status"] == "applied", answer.content
    assert held.call.notes.get().text == "He waits for his sister."
    assert only(scene.agency.pk, Chosen(settled=True)).settled_words == "Entered."
    assert quarantine.causes(scene.agency.pk) == []


def test_a_report_that_still_cannot_be_entered_stays() -> None:
    unit = make.unit(make.agency())
    row = kept(tablets.paired(unit).tablet, kind="call.telepathy", code="unknown_kind")
    client = desk_client(make.person(unit.agency, "SUPERVISOR"))

    answer = client.post(
        "/api/actions/quarantine.retry/", {"id": str(uuid4()), "args": {"ticket": row.pk}}, "application/json"
    )

    assert (answer.status_code, answer.json()["result"]["status"]) == (200, "quarantined")
    assert only(unit.agency_id).tried.startswith("Tried again once")


def test_a_report_is_closed_with_a_reason() -> None:
    unit = make.unit(make.agency())
    row = kept(tablets.paired(unit).tablet)
    supervisor = make.person(unit.agency, "SUPERVISOR", name="Supervisor One")
    body = {"id": str(uuid4()), "args": {"ticket": row.pk, "reason": "It no longer matters"}}

    answer = desk_client(supervisor).post("/api/actions/quarantine.close/", body, "application/json")

    assert answer.status_code == 200, answer.content
    settled = only(unit.agency_id, Chosen(settled=True))
    assert (settled.settled_words, settled.settled_reason, settled.settled_by) == (
        "Closed:",
        "It no longer matters",
        "Supervisor One",
    )
