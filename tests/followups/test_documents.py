"""
Who holds what of the people met: coordinators heads without words, a unit the record while it is with somebody, supervisors
who opened one; nobody else anything.
"""

from datetime import date, timedelta

import pytest

from dispatch.actions import assignments
from dispatch.models import AssignmentStatus
from followups.actions import clients, knowledge
from followups.models import FollowUp, Shown, WayKind
from followups.sweeps import people as sweeps
from journal.door import open_door
from journal.models import Document, Entry
from journal.rebuild import differences
from responders.models import Shift
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import dispatch, follow_ups
from tests.replica import bodies, fresh

pytestmark = pytest.mark.django_db


def unit_of(care: follow_ups.Care) -> str:
    return f"unit.{care.scene.unit.pk}"


def clear(care: follow_ups.Care, held: int) -> None:
    by = care.scene.dispatcher
    with open_door(by=by, at=NOON):
        assignments.clear(
            assignment_id=held, disposition="HANDLED", unit_id=care.scene.unit.pk, asked_by="CARE", by=by, at=NOON
        )


def test_a_crew_holds_a_record_while_it_has_a_call_with_somebody() -> None:
    care = follow_ups.care()
    whom = people.known(
        care, "Rosa Ortiz", aliases=["Rosie"], born_on="1980-05", language="es", pronouns="she/her", looks="Red coat"
    )
    people.strategy(care, whom, "Speak slowly")
    people.strategy(care, whom, "Do not touch her bag", kind="AVOID")
    people.strategy(care, whom, "Walks a lot", kind="BASELINE")
    people.strategy(care, whom, "Talks of the war", kind="ELEVATED")
    people.caution(care, whom)
    people.way(care, whom)
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    assert bodies(unit_of(care), "client") == {}

    people.with_crew(whom, held)

    [body] = bodies(unit_of(care), "client").values()
    assert body == {
        "name": "Rosa Ortiz",
        "aliases": ["Rosie"],
        "known_as": "NAMED",
        "looks": "Red coat",
        "born_on": "1980-05",
        "language": "es",
        "interpreter": False,
        "pronouns": "she/her",
        "deceased": False,
        "cautions": [
            {"text": "Startles at sudden noise", "seen_on": "2026-06-03", "expires_at": "2026-07-03T19:00:00Z"}
        ],
        "helps": ["Speak slowly"],
        "avoid": ["Do not touch her bag"],
        "baseline": ["Walks a lot"],
        "elevated": ["Talks of the war"],
        "care_plan": None,
        # Nobody was sent to look for her.
        "ways": [],
        "plan": None,
        "calls": [held.call_id],
    }

    clear(care, held.pk)

    assert bodies(unit_of(care), "client") == {}
    assert list(differences()) == []


def test_a_unit_that_takes_the_call_later_gets_the_record_with_it() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    call = dispatch.care_call(care.scene)
    people.at_call(whom, call)
    other, _ = dispatch.rival(care.scene.agency, care.scene.area)

    dispatch.assignment(care.scene, to=call, unit=other)

    assert set(bodies(f"unit.{other.pk}", "client")) == {str(whom.pk)}
    assert bodies(unit_of(care), "client") == {}


def test_it_was_somebody_else() -> None:
    care = follow_ups.care()
    contact = people.with_crew(people.known(care, "Rosa Ortiz"), dispatch.assignment(care.scene))

    with open_door(by=care.coordinator, at=NOON):
        clients.unlink(contact_id=contact.pk, by=care.coordinator, at=NOON)

    assert bodies(unit_of(care), "client") == {}


def test_a_unit_with_a_follow_up_is_told_how_to_reach_somebody() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    people.way(care, whom, WayKind.SHELTER, "Eastlake shelter", may_say="FIRST_NAME", note="Ask for the night desk")
    plan = follow_ups.planned(care, whom)
    first = plan.follow_ups.order_by("step")[0]

    with open_door(by=care.coordinator, at=NOON):
        FollowUp.objects.filter(pk=first.pk).update(unit=care.scene.unit)

    [body] = bodies(unit_of(care), "client").values()
    assert body["ways"] == [
        {
            "kind": "SHELTER",
            "value": "Eastlake shelter",
            "point": None,
            "may_say": "FIRST_NAME",
            "leave_message": False,
            "hours": None,
            "note": "Ask for the night desk",
        }
    ]
    assert [step["step"] for step in body["plan"]["steps"]] == [1, 7, 30]
    assert body["calls"] == []

    with open_door(by=care.coordinator, at=NOON):
        FollowUp.objects.filter(pk=first.pk).update(unit=None)

    assert bodies(unit_of(care), "client") == {}


def test_coordinators_are_told_that_something_is_so_and_not_who_it_is() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz", looks="Red coat", born_on="1980-05-17", language="es")
    people.caution(care, whom)
    plan = follow_ups.planned(care, whom)

    people.with_crew(whom, dispatch.assignment(care.scene))

    [body] = bodies(f"coordinators.{care.agency_id}", "client").values()
    assert body == {
        "known_as": "NAMED",
        "familiar": False,
        "deceased": False,
        "deceased_said_at": None,
        "plan": {
            "id": plan.pk,
            "state": "OPEN",
            "round": 1,
            "based_at": "2026-06-03T19:00:00Z",
            "assignee": None,
            "pause_reason": "",
        },
        "contact_unseen": 1,
    }


def test_a_care_plan_reaches_a_crew_once_it_is_approved() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    people.with_crew(whom, dispatch.assignment(care.scene))
    with open_door(by=care.coordinator, at=NOON):
        plan = knowledge.write_care_plan(
            client_id=whom.pk, text="Two voices are too many", review_on=date(2026, 9, 1), by=care.coordinator, at=NOON
        )
    [body] = bodies(unit_of(care), "client").values()
    assert body["care_plan"] is None

    with open_door(by=care.supervisor, at=NOON):
        knowledge.approve_care_plan(care_plan_id=plan.pk, by=care.supervisor, at=NOON)

    [body] = bodies(unit_of(care), "client").values()
    assert body["care_plan"] == {"text": "Two voices are too many", "review_on": "2026-09-01"}


def test_nothing_of_anybody_reaches_desks_areas_officers_or_reference_streams() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    follow_ups.planned(care, whom)
    people.with_crew(whom, dispatch.assignment(care.scene))

    streams = set(Document.objects.filter(subject="client").values_list("stream", flat=True))

    assert streams == {f"coordinators.{care.agency_id}", unit_of(care)}


def test_what_is_kept_of_a_record_cannot_be_read_in_the_database() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz", looks="Red coat")
    people.with_crew(whom, dispatch.assignment(care.scene))

    kept = [row.body or "" for row in Document.objects.filter(subject="client")]

    assert kept
    assert all(body.startswith("§") for body in kept)
    # What it says, and whose it is, stands in no entry either.
    said = "".join(f"{entry.about} {entry.data}" for entry in Entry.objects.all())
    assert "Rosa" not in said
    assert "coat" not in said


def test_what_goes_down_to_a_tablet_is_entered_each_time_that_it_begins() -> None:
    care = follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    people.with_crew(whom, held)
    # A change of what stands there already is no new reading.
    people.strategy(care, whom, "Speak slowly")
    assert Shown.objects.count() == 1
    clear(care, held.pk)
    again = dispatch.assignment(care.scene, at=NOON + timedelta(hours=1))
    people.with_crew(whom, again)

    assert sweeps.enter_shown(at=NOON) == 2
    assert sweeps.enter_shown(at=NOON) == 0

    crew = sorted(Shift.objects.of_unit(care.scene.unit.pk).values_list("person", flat=True))
    entries = Entry.objects.filter(kind="client.shown", about=f"client.{whom.pk}")
    assert [entry.data for entry in entries] == [{"unit": care.scene.unit.pk, "people": crew}] * 2
    assert Shown.objects.filter(entered_at=None).count() == 0


def test_a_change_of_a_call_without_anybody_costs_no_document_of_people() -> None:
    care = follow_ups.care()
    people.known(care, "Rosa Ortiz")
    stream = f"coordinators.{care.agency_id}"
    before = fresh(stream)

    dispatch.assignment(care.scene)

    assert fresh(stream) == before


def test_the_people_of_another_agency_are_its_own() -> None:
    care, neighbour = follow_ups.care(), follow_ups.care()
    whom = people.known(care, "Rosa Ortiz")
    people.known(neighbour, "Somebody else")

    assert set(bodies(f"coordinators.{care.agency_id}", "client")) == {str(whom.pk)}
