"""
The page of flags: a flood is one line for each cause, and everything of it can be settled with a note.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard import flags as page
from dashboard.flags import Chosen, listed
from dispatch.actions import flags as actions
from dispatch.models import Call, Flag
from dispatch.refusals import FlagNotFound
from dispatch.words import FLAGS
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences
from responders.actors import Actor
from responders.models import Unit
from tests.factories import dispatch as factory
from tests.factories import responders as make
from tests.replica import bodies
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def flag(
    call: Call,
    code: str = "late_scope",
    *,
    unit: Unit | None = None,
    ago: timedelta = timedelta(minutes=5),
    **facts: Any,
) -> Flag:
    """
    Return a flag on a call, as the actions raise them.
    """
    with open_door(by=factory.SCENE, at=NOW):
        actions.raise_flag(call=call, code=code, facts=facts, at=NOW - ago, unit_id=None if unit is None else unit.pk)
        return Flag.objects.latest("pk")


def flood(call: Call, count: int, *, code: str = "late_scope", unit: Unit | None = None) -> list[int]:
    """
    Return the ids of very many flags of one cause.
    """
    with open_door(by=factory.SCENE, at=NOW):
        made = Flag.objects.bulk_create(
            Flag(call=call, code=code, unit=unit, at=NOW - timedelta(seconds=number), facts={})
            for number in range(count)
        )
    return [row.pk for row in made]


@pytest.fixture
def here() -> factory.Scene:
    return factory.scene()


@pytest.fixture
def supervisor(here: factory.Scene) -> Actor:
    return make.actor(make.person(here.agency, "SUPERVISOR", name="Supervisor One"))


@pytest.fixture
def client(here: factory.Scene) -> Client:
    return desk_client(make.person(here.agency, "SUPERVISOR"))


def settle(by: Actor, ids: Iterable[int], *, note: str = "") -> int:
    """
    Settle flags through a door.
    """
    with open_door(by=by, at=NOW):
        return actions.settle(flag_ids=list(ids), by=by, at=NOW, note=note)


# --- the list ----------------------------------------------------------------------------------------------------------


def test_a_flood_is_one_line_for_each_cause(here: factory.Scene) -> None:
    call = factory.care_call(here)
    units = [factory.rival(here.agency, here.area)[0] for _ in range(6)]
    for unit in units:
        flood(call, 40, unit=unit)
    flood(call, 3, unit=units[0])
    flag(call, "time_conflict", ago=timedelta(hours=3))

    found = listed(here.agency.pk, Chosen(), at=NOW)

    assert (found.open, found.settled) == (244, 0)
    assert [(group.code, group.count, group.oldest) for group in found.groups] == [
        ("late_scope", 243, "39 s"),
        ("time_conflict", 1, "3 h 00"),
    ]
    flooded, single = found.groups
    assert flooded.title == FLAGS["late_scope"]
    assert flooded.units.startswith(f"{units[0].call_sign}, ")
    assert flooded.units.endswith("and 2 more")
    assert single.units == ""
    # Newest first, and no more than fit when it is opened.
    assert len(flooded.rows) == page.PER_CAUSE
    assert flooded.rows[0].happened_at == NOW


def test_the_list_costs_the_same_with_thousands(here: factory.Scene) -> None:
    call = factory.care_call(here)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(here.agency.pk, Chosen(), at=NOW)
        return len(captured)

    flood(call, 20)
    few = queries()
    flood(call, 3000, unit=here.unit)
    assert queries() <= few + 1


def test_one_cause_is_paged_through_from_the_newest_to_the_oldest(here: factory.Scene, client: Client) -> None:
    call = factory.care_call(here)
    ids = flood(call, 250)

    pages = [listed(here.agency.pk, Chosen(code="late_scope", page=number), at=NOW) for number in (1, 2, 3, 4)]

    seen = [row.id for found in pages for group in found.groups for row in group.rows]
    assert seen == ids
    assert [len(group.rows) for found in pages for group in found.groups] == [100, 100, 50]
    first = client.get("/supervisor/flags/?code=late_scope").content.decode()
    assert "1 to 100 of 250" in " ".join(first.split())
    assert "page=2" in first
    last = client.get("/supervisor/flags/?code=late_scope&page=3").content.decode()
    assert "201 to 250 of 250" in " ".join(last.split())
    assert "page=4" not in last


def test_it_is_narrowed_by_cause_and_by_unit(here: factory.Scene) -> None:
    call = factory.care_call(here)
    other, _ = factory.rival(here.agency, here.area)
    flag(call, unit=here.unit)
    flag(call, unit=other)
    flag(call, "contested", unit=other)

    found = listed(here.agency.pk, Chosen(unit=other.pk), at=NOW)
    alone = listed(here.agency.pk, Chosen(code="contested", unit=here.unit.pk), at=NOW)

    assert [(group.code, group.count, group.units) for group in found.groups] == [
        ("contested", 1, other.call_sign),
        ("late_scope", 1, other.call_sign),
    ] or [group.code for group in found.groups] == ["late_scope", "contested"]
    assert alone.groups == []
    # What can be chosen says how many there are in all.
    assert found.open == 3
    assert {choice.label: choice.count for choice in found.filters[1].choices} == {
        here.unit.call_sign: 1,
        other.call_sign: 2,
    }


def test_a_row_says_what_was_told_what_stands_and_how_late_it_came(here: factory.Scene) -> None:
    call = factory.care_call(here)
    at = (NOW - timedelta(hours=2)).isoformat()
    flag(
        call,
        "call_already_closed",
        unit=here.unit,
        kind="assignment.cleared",
        said="POLICE_TOOK_OVER",
        kept="HANDLED",
        ended_as="CLEARED",
        ended_at=(NOW - timedelta(hours=1)).isoformat(),
        at=at,
    )

    [group] = listed(here.agency.pk, Chosen(), at=NOW).groups
    [row] = group.rows

    assert (row.unit, row.what, row.call) == (here.unit.call_sign, "Clear: Police took over", call)
    assert (row.happened_at, row.ago) == (NOW - timedelta(hours=2), "2 h 00")
    assert row.late == "1 h 55"
    assert [(detail.label, detail.words, detail.at) for detail in row.details] == [
        ("What stands", "Handled", None),
        ("For the unit it ended", "Clear", NOW - timedelta(hours=1)),
    ]


@pytest.mark.parametrize(
    ("code", "facts", "what", "details"),
    [
        ("late_scope", {"kind": "assignment.arrived", "said": "ON_SCENE"}, "On scene", {}),
        ("out_of_order", {"kind": "assignment.staged", "said": "STAGED", "status": "ON_SCENE"}, "Staged", {"The unit was": "On scene"}),
        ("out_of_order", {"kind": "call.answer", "disqualifier": "WEAPON", "value": "YES", "kept": "NO"}, "Weapon: Yes", {"What stands": "No"}),
        ("hand_over_impossible", {"kind": "shift.sign_off", "against": "unit_busy"}, "Signed off", {"Why the other unit was not asked": "It had a call"}),
        ("unassigned_on_scene", {"kind": "call.at_scene", "only_told": "CREW_GONE"}, "On scene", {"Not put beside it": "Its crew had gone off shift"}),
        ("unknown_type", {"type": "BEES"}, "", {"Type": "BEES"}),
        ("cad_closed_under_unit", {"cad_status": "CLOSED", "units": []}, "", {"CAD said": "Closed"}),
        ("cad_reopened_after_close", {"disposition": "HANDLED"}, "", {"How it ended": "Handled"}),
        ("something_new", {"anything": [1, {"else": None}], "at": "no time", "kept": "no time"}, "", {"What stands": ""}),
    ],
)  # fmt: skip
def test_every_flag_is_said_in_words(
    here: factory.Scene, client: Client, code: str, facts: dict[str, Any], what: str, details: dict[str, str]
) -> None:
    flag(factory.care_call(here), code, **facts)

    [group] = listed(here.agency.pk, Chosen(), at=NOW).groups

    assert group.rows[0].what == what
    assert {detail.label: detail.words for detail in group.rows[0].details} == details
    assert client.get("/supervisor/flags/").status_code == 200


def test_who_holds_a_contested_call_is_named(here: factory.Scene) -> None:
    held = factory.assignment(here)
    _, late = factory.rival(here.agency, here.area)
    with open_door(by=late, at=NOW):
        from dispatch.actions import scene

        scene.at_scene(call_id=held.call_id, by=late, at=NOW)

    [group] = listed(here.agency.pk, Chosen(), at=NOW).groups

    assert [detail.label for detail in group.rows[0].details] == [f"Held by {here.unit.call_sign} since"]


def test_another_agencys_flags_are_nowhere(here: factory.Scene, client: Client) -> None:
    elsewhere = factory.scene()
    theirs = flag(factory.care_call(elsewhere), unit=elsewhere.unit)

    found = listed(here.agency.pk, Chosen(), at=NOW)

    assert (found.open, found.groups, found.filters[1].choices) == (0, [], [])
    assert page.ids(here.agency.pk, code="late_scope", unit=None, until=theirs.pk) == []
    assert client.get(f"/supervisor/flags/ids/?code=late_scope&until={theirs.pk}").json() == {"flags": []}


@pytest.mark.parametrize(
    "address",
    [
        "/supervisor/flags/?state=gone",
        "/supervisor/flags/?unit=x",
        "/supervisor/flags/?page=0",
        "/supervisor/flags/ids/",
        "/supervisor/flags/ids/?code=late_scope",
        "/supervisor/flags/ids/?code=late_scope&until=9999999999999999",
    ],
)
def test_what_cannot_be_asked_for_is_absent(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("role", ["DISPATCHER", "OFFICER", "COORDINATOR", "ADMIN"])
def test_flags_are_for_supervisors(here: factory.Scene, role: str) -> None:
    client = desk_client(make.person(here.agency, role))
    row = flag(factory.care_call(here))

    pages = [client.get(f"/supervisor/flags/{part}").status_code for part in ("", "rows/", "ids/?code=x&until=1")]
    answer = client.post(
        "/api/actions/flag.settle/",
        {"id": str(uuid4()), "args": {"flags": [row.pk]}},
        content_type="application/json",
    )

    assert (pages, answer.status_code) == ([403, 403, 403], 403)
    row.refresh_from_db()
    assert row.resolved_at is None


def test_an_empty_page_says_so_in_every_state(client: Client) -> None:
    open_page = client.get("/supervisor/flags/").content.decode()
    settled = client.get("/supervisor/flags/?state=settled").content.decode()
    narrowed = client.get("/supervisor/flags/?code=contested").content.decode()

    assert "Nothing is flagged." in open_page
    assert "Nothing has been settled yet." in settled
    assert "Nothing fits this choice." in narrowed


def test_the_supervisors_page_leads_to_each_cause(here: factory.Scene, client: Client) -> None:
    flood(factory.care_call(here), 7, code="contested")

    whole, part = client.get("/supervisor/").content.decode(), client.get("/supervisor/flagged/").content.decode()

    for shown in (whole, part):
        assert 'href="/supervisor/flags/?code=contested"' in shown
        assert "<b>7</b>" in shown


# --- settling ----------------------------------------------------------------------------------------------------------


def test_settling_keeps_who_looked_and_what_they_say(here: factory.Scene, supervisor: Actor) -> None:
    call, other = factory.care_call(here), factory.care_call(here)
    rows = [flag(call), flag(call), flag(other)]
    assert len(bodies(f"supervisors.{here.agency.pk}", "flag")) == 3

    assert settle(supervisor, [row.pk for row in rows[:2]], note="The crew confirms it.") == 2

    for row in rows:
        row.refresh_from_db()
    assert [row.resolved_at for row in rows] == [NOW, NOW, None]
    assert (rows[0].resolved_by_id, rows[0].settling_note) == (supervisor.person_id, "The crew confirms it.")
    assert list(bodies(f"supervisors.{here.agency.pk}", "flag")) == [str(rows[2].pk)]
    entry = Entry.objects.get(kind="flag.settled")
    assert (entry.about, entry.data) == (f"call.{call.pk}", {"flags": [rows[0].pk, rows[1].pk]})
    assert list(differences()) == []
    found = listed(here.agency.pk, Chosen(settled=True), at=NOW)
    assert (found.open, found.settled) == (1, 2)
    assert (found.groups[0].rows[0].settled_by, found.groups[0].rows[0].note) == (
        "Supervisor One",
        "The crew confirms it.",
    )


def test_what_was_settled_before_stays_as_it_was(here: factory.Scene, supervisor: Actor) -> None:
    row, fresh = flag(factory.care_call(here)), flag(factory.care_call(here))
    settle(supervisor, [row.pk], note="First")

    assert settle(supervisor, [row.pk, fresh.pk], note="Second") == 1

    row.refresh_from_db()
    assert row.settling_note == "First"
    assert Entry.objects.filter(kind="flag.settled").count() == 2


def test_a_flag_of_another_agency_settles_nothing(here: factory.Scene, supervisor: Actor) -> None:
    mine, theirs = flag(factory.care_call(here)), flag(factory.care_call(factory.scene()))

    for wrong in (theirs.pk, 10**9):
        with pytest.raises(FlagNotFound) as refused:
            settle(supervisor, [mine.pk, wrong])
        assert refused.value.facts == {"flag": wrong}
    assert Flag.objects.filter(resolved_at=None).count() == 2


def test_a_whole_flood_is_settled_in_parts_and_not_what_came_since(here: factory.Scene, client: Client) -> None:
    calls = [factory.care_call(here) for _ in range(3)]
    shown = [pk for call in calls for pk in flood(call, 60)]
    [group] = listed(here.agency.pk, Chosen(), at=NOW).groups
    since = flag(calls[0])

    ids = client.get(f"/supervisor/flags/ids/?code=late_scope&until={group.newest}").json()["flags"]
    answers = [
        client.post(
            "/api/actions/flag.settle/",
            {"id": str(uuid4()), "args": {"flags": ids[at : at + 100], "note": "One storm"}},
            content_type="application/json",
        )
        for at in range(0, len(ids), 100)
    ]

    assert ids == sorted(shown)
    assert [answer.json()["settled"] for answer in answers] == [100, 80]
    assert [row.pk for row in Flag.objects.filter(resolved_at=None)] == [since.pk]
    assert list(differences()) == []


@pytest.mark.parametrize(
    "args", [{"flags": []}, {"flags": list(range(1, 102))}, {"flags": [0]}, {"flags": [1], "note": "x" * 401}]
)
def test_what_cannot_be_understood_settles_nothing(here: factory.Scene, client: Client, args: dict[str, Any]) -> None:
    answer = client.post(
        "/api/actions/flag.settle/", {"id": str(uuid4()), "args": args}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")
