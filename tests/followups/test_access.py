"""
Who may read somebody's record, and that every reading leaves a trace: those who are with them, those whose work it is, and
whoever broke the glass, loudly.
"""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from dispatch.models import AssignmentStatus
from followups import reading
from followups.actions import break_glass, clients, merges
from followups.models import BreakGlass, Client, Contact, FollowUp, Programme, Shown
from followups.refusals import clients as refusals
from followups.refusals.plans import FollowUpNotFound
from followups.rules.clients import can_read
from followups.rules.encounters import was_met
from followups.rules.plans import check_may_tell
from journal.door import open_door
from journal.models import Entry
from journal.refusals import NotAllowed
from responders.actors import Actor
from responders.models import EndReason, RoleName, Shift, Unit
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import dispatch, follow_ups
from tests.replica import bodies

pytestmark = pytest.mark.django_db


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care()


def entries(kind: str) -> list[dict[str, object]]:
    return [{"about": row.about, **row.data} for row in Entry.objects.filter(kind=kind).order_by("pk")]


@pytest.mark.parametrize("role", sorted(RoleName.values))
def test_roles_alone_open_records_to_coordinators_and_supervisors_only(care: follow_ups.Care, role: str) -> None:
    whom = people.known(care, "Rosa Ortiz")

    assert can_read(people.desk(care, role), whom, at=NOON) is (role in {"COORDINATOR", "SUPERVISOR"})


def test_no_record_of_another_agency_is_read_by_anybody(care: follow_ups.Care) -> None:
    whom = people.known(follow_ups.care(), "Rosa Ortiz")

    assert not can_read(care.coordinator, whom, at=NOON)
    with pytest.raises(refusals.ClientNotFound):
        reading.read_record(client_id=whom.pk, by=care.coordinator, at=NOON, why="RECORD")


def test_a_crew_reads_while_it_has_the_call(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    tablet = care.scene.tablet
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    assert not can_read(tablet, whom, at=NOON)

    people.with_crew(whom, held)
    assert can_read(tablet, whom, at=NOON)
    # The same person at a page, on shift on that unit.
    assert can_read(Actor(care.agency_id, "", frozenset({"RESPONDER"}), tablet.person_id), whom, at=NOON)

    dispatch.advance(held, to=AssignmentStatus.CLEARED, by=care.scene.dispatcher)
    assert not can_read(tablet, whom, at=NOON)


def test_another_crew_does_not(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    people.with_crew(whom, dispatch.assignment(care.scene))
    _, other = dispatch.rival(care.scene.agency, care.scene.area)

    assert not can_read(other, whom, at=NOON)


@pytest.mark.parametrize("to", ["unit", "assignee"])
def test_whoever_is_to_visit_somebody_reads_until_that_is_done(care: follow_ups.Care, to: str) -> None:
    whom = people.known(care, "Rosa Ortiz")
    tablet = care.scene.tablet
    row = follow_ups.planned(care, whom).follow_ups.order_by("step")[0]
    given = {"unit": care.scene.unit} if to == "unit" else {"assignee_id": tablet.person_id}
    with open_door(by="system:test", at=NOON):
        FollowUp.objects.filter(pk=row.pk).update(**given)
    assert can_read(tablet, whom, at=NOON)

    with open_door(by="system:test", at=NOON):
        FollowUp.objects.filter(pk=row.pk).update(state="CANCELLED")

    assert not can_read(tablet, whom, at=NOON)


def test_an_officer_or_a_key_never_reads_whatever_it_is_with(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    held = dispatch.assignment(care.scene)
    people.with_crew(whom, held)

    assert not can_read(people.desk(care, "OFFICER"), whom, at=NOON)
    assert not can_read(Actor(care.agency_id, "CAD", cad_key_id=1), whom, at=NOON)
    assert not can_read(Actor(care.agency_id, "Line", intake_key_id=1), whom, at=NOON)


def test_every_reading_is_entered_and_so_is_one_that_was_refused(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    nobody = people.desk(care, "RESPONDER")

    found = reading.read_record(client_id=whom.pk, by=care.coordinator, at=NOON, why="RECORD")
    with pytest.raises(refusals.ClientNotFound):
        reading.read_record(client_id=whom.pk, by=nobody, at=NOON, why="RECORD")
    with pytest.raises(refusals.ClientNotFound):
        reading.read_record(client_id=whom.pk + 1, by=nobody, at=NOON, why="RECORD")

    assert found.name == "Rosa Ortiz"
    about = f"client.{whom.pk}"
    assert entries("client.read") == [{"about": about, "person": care.coordinator.person_id, "why": "RECORD"}]
    assert entries("client.read_denied") == [
        {"about": about, "person": nobody.person_id, "why": "RECORD"},
        {"about": f"client.{whom.pk + 1}", "person": nobody.person_id, "why": "RECORD"},
    ]


def test_why_somebody_reads_is_said_by_a_code(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")

    with pytest.raises(ValueError, match="by a code"):
        reading.read_record(client_id=whom.pk, by=care.coordinator, at=NOON, why="She is here again")

    assert entries("client.read") == []


def test_a_search_is_entered_by_what_it_found_and_not_by_what_was_asked(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")

    found = reading.search(by=care.coordinator, at=NOON, names=["Rosa Ortis"])

    assert [one.client_id for one in found] == [whom.pk]
    [entry] = entries("client.searched")
    assert entry["clients"] == [whom.pk]
    assert "Ort" not in str(entry)
    with pytest.raises(NotAllowed):
        reading.search(by=people.desk(care, "RESPONDER"), at=NOON, names=["Rosa Ortiz"])


def test_breaking_the_glass_opens_one_record_to_one_person_for_a_day(care: follow_ups.Care) -> None:
    whom, other = people.known(care, "Rosa Ortiz"), people.known(care, "Somebody else")
    embedded = people.desk(care, "EMBEDDED")

    with open_door(by=embedded, at=NOON):
        row = break_glass.open_record(client_id=whom.pk, reason="She is at the desk now", by=embedded, at=NOON)

    assert row.ends_at == NOON + timedelta(hours=24)
    assert can_read(embedded, whom, at=row.ends_at - timedelta(seconds=1))
    assert not can_read(embedded, whom, at=row.ends_at)
    assert not can_read(embedded, other, at=NOON)
    assert not can_read(people.desk(care, "EMBEDDED"), whom, at=NOON)


def test_it_is_loud_until_another_supervisor_has_seen_it(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    stream = f"supervisors.{care.agency_id}"
    with open_door(by=care.supervisor, at=NOON):
        row = break_glass.open_record(client_id=whom.pk, reason="She is at the desk now", by=care.supervisor, at=NOON)

    [told] = bodies(stream, "break_glass").values()
    assert (told["client"], told["person"], told["reason"]) == (
        whom.pk,
        care.supervisor.person_id,
        "She is at the desk now",
    )
    [entry] = entries("client.break_glass")
    assert "desk" not in str(entry)

    with pytest.raises(refusals.BreakGlassOwn), open_door(by=care.supervisor, at=NOON):
        break_glass.see(break_glass_id=row.pk, by=care.supervisor, at=NOON)
    second = people.desk(care, "SUPERVISOR")
    with open_door(by=second, at=NOON):
        break_glass.see(break_glass_id=row.pk, by=second, at=NOON)

    assert bodies(stream, "break_glass") == {}
    assert BreakGlass.objects.get(pk=row.pk).seen_by_id == second.person_id


def test_an_agency_says_for_how_long_and_the_first_who_sees_it_counts(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    with open_door(by="system:test", at=NOON):
        Programme.objects.create(agency_id=care.agency_id, break_glass_h=2)
    embedded = people.desk(care, "EMBEDDED")
    with open_door(by=embedded, at=NOON):
        row = break_glass.open_record(client_id=whom.pk, reason="She is at the desk now", by=embedded, at=NOON)
    assert row.ends_at == NOON + timedelta(hours=2)

    for minute, supervisor in enumerate([care.supervisor, people.desk(care, "SUPERVISOR")]):
        with open_door(by=supervisor, at=NOON):
            break_glass.see(break_glass_id=row.pk, by=supervisor, at=NOON + timedelta(minutes=minute))

    assert BreakGlass.objects.get(pk=row.pk).seen_at == NOON
    neighbour = follow_ups.care().supervisor
    with pytest.raises(refusals.BreakGlassNotFound), open_door(by=neighbour, at=NOON):
        break_glass.see(break_glass_id=row.pk, by=neighbour, at=NOON)


def test_suggestions_and_accounts_are_read_by_those_who_may(care: follow_ups.Care) -> None:
    whom, other = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    crew = people.desk(care, "RESPONDER")

    assert [one.client_id for one in reading.suggestions(client_id=whom.pk, by=care.coordinator, at=NOON)] == [
        other.pk
    ]
    assert reading.accounting(client_id=whom.pk, by=care.coordinator, at=NOON) == []

    with pytest.raises(NotAllowed):
        reading.suggestions(client_id=whom.pk, by=crew, at=NOON)
    with pytest.raises(refusals.ClientNotFound):
        reading.accounting(client_id=whom.pk, by=crew, at=NOON)


def test_a_record_that_was_merged_is_read_in_the_other_with_what_stayed_behind(care: follow_ups.Care) -> None:
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    with open_door(by=care.supervisor, at=NOON):
        glass = break_glass.open_record(client_id=absorbed.pk, reason="She is here", by=care.supervisor, at=NOON)
        merges.merge(kept_id=kept.pk, absorbed_id=absorbed.pk, by=care.supervisor, at=NOON)

    found = reading.read_record(client_id=absorbed.pk, by=care.coordinator, at=NOON, why="RECORD")

    assert (found.client, found.absorbed, found.break_glass) == (kept, [absorbed], [glass])
    assert [row.text for row in found.names] == ["Rosa Ortiz", "Rosa Ortis"]
    # Supervisors go on being told of it.
    assert set(bodies(f"supervisors.{care.agency_id}", "break_glass")) == {str(glass.pk)}


def test_no_agency_can_open_a_record_for_longer_than_three_days(care: follow_ups.Care) -> None:
    whom, person_id = people.known(care, "Rosa Ortiz"), care.supervisor.person_id
    assert person_id is not None

    with pytest.raises(IntegrityError), transaction.atomic():
        BreakGlass.objects.create(
            client=whom,
            person_id=person_id,
            reason="A week",
            at=NOON,
            ends_at=NOON + timedelta(hours=72, seconds=1),
        )


def test_a_person_without_a_name_cannot_break_it(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    nobody = Actor(care.agency_id, "Key", intake_key_id=1)

    with pytest.raises(refusals.PersonNeeded), open_door(by=nobody, at=NOON):
        break_glass.open_record(client_id=whom.pk, reason="Because", by=nobody, at=NOON)


def test_a_pattern_is_read_like_a_record(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    people.strategy(care, whom, "Speak slowly")
    for _ in range(2):
        people.at_call(whom, dispatch.care_call(care.scene, address="400 YESLER WAY"))
    people.at_call(whom, dispatch.care_call(care.scene, address="PIKE ST"))

    found = reading.pattern(client_id=whom.pk, by=care.coordinator, at=NOON)

    assert found.contacts == 3
    assert found.where == [("400 YESLER WAY", 2), ("PIKE ST", 1)]
    # Ten minutes to noon, of a Wednesday in Seattle.
    assert found.when == [("3 MORNING", 3)]
    assert found.helped == ["Speak slowly"]
    assert [entry["why"] for entry in entries("client.read")] == ["PATTERN"]
    with pytest.raises(refusals.ClientNotFound):
        reading.pattern(client_id=whom.pk, by=people.desk(care, "ADMIN"), at=NOON)


def test_a_crew_names_somebody_whose_record_it_had_and_nobody_else(care: follow_ups.Care) -> None:
    whom, stranger = people.known(care, "Rosa Ortiz"), people.known(care, "Somebody else")
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    people.with_crew(whom, held)
    dispatch.advance(held, to=AssignmentStatus.CLEARED, by=care.scene.dispatcher)
    again = dispatch.assignment(care.scene, at=NOON + timedelta(hours=1))
    tablet = care.scene.tablet
    assert not can_read(tablet, whom, at=NOON)

    with open_door(by=tablet, at=NOON):
        told = clients.link(client_id=whom.pk, call_id=again.call_id, by=tablet, at=NOON, happened_at=NOON)
    with pytest.raises(refusals.ClientNotFound), open_door(by=tablet, at=NOON):
        clients.link(client_id=stranger.pk, call_id=again.call_id, by=tablet, at=NOON)

    assert (told.contact.call_id, told.contact.route, told.flags) == (again.call_id, "MET", [])


def days(count: float) -> timedelta:
    return timedelta(days=count)


def had_on_tablet(care: follow_ups.Care, whom: Client) -> None:
    """
    Have somebody's record stand on the unit's tablets for an hour from noon.
    """
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    people.with_crew(whom, held)
    # The database's clock writes it.
    Shown.objects.filter(client=whom).update(at=NOON)
    dispatch.advance(held, to=AssignmentStatus.CLEARED, by=care.scene.dispatcher, at=NOON + timedelta(hours=1))


def rode(unit: Unit, whose: Actor, *, since: timedelta, until: timedelta) -> None:
    """
    Have the person of a tablet have been on a unit.
    """
    with open_door(by="system:test", at=NOON):
        Shift.objects.create(
            person_id=whose.person_id or 0,
            unit=unit,
            started_at=NOON + since,
            planned_end_at=NOON + until,
            ended_at=NOON + until,
            end_reason=EndReason.NOTHING_OPEN,
        )


@pytest.mark.parametrize(
    ("since", "until", "called", "happened", "named"),
    [
        # On the unit while the record stood there, and within the week after.
        (-0.1, 0.2, 6, 6, True),
        (-0.1, 0.2, 8, 8, False),
        # On the unit before it came, and after it had gone.
        (-150, -149, 1, 1, False),
        (0.1, 0.2, 1, 1, False),
        # Nobody was met at a call before it was, whatever the tablet's clock says.
        (-0.1, 0.2, 8, 0, False),
    ],
)
def test_a_crew_names_from_another_unit_whom_it_had_a_week_ago_at_most(
    care: follow_ups.Care, since: float, until: float, called: float, happened: float, named: bool
) -> None:
    whom = people.known(care, "Rosa Ortiz")
    had_on_tablet(care, whom)
    unit, tablet = dispatch.rival(care.scene.agency, care.scene.area)
    rode(care.scene.unit, tablet, since=days(since), until=days(until))
    at = NOON + days(called)
    new = dispatch.care_call(care.scene, received_at=at)
    call = dispatch.assignment(care.scene, to=new, unit=unit, at=at).call

    def link() -> None:
        with open_door(by=tablet, at=at):
            clients.link(client_id=whom.pk, call_id=call.pk, by=tablet, at=at, happened_at=NOON + days(happened))

    assert was_met([whom.pk], call_ids=[call.pk], person_id=tablet.person_id, when=at) is named
    if named:
        link()
    else:
        with pytest.raises(refusals.ClientNotFound):
            link()
    assert can_read(tablet, whom, at=at) is named


def test_a_crew_tells_of_a_follow_up_that_its_unit_had_while_it_was_on_it(care: follow_ups.Care) -> None:
    row = follow_ups.shown_to(care.scene.unit)
    _, tablet = dispatch.rival(care.scene.agency, care.scene.area)
    rode(care.scene.unit, tablet, since=days(-150), until=days(-149))
    for happened_at in (NOON, NOON - days(149)):
        with pytest.raises(FollowUpNotFound):
            check_may_tell(row, row.client, by=tablet, at=NOON, when=happened_at)

    rode(care.scene.unit, tablet, since=days(-0.1), until=days(0.2))

    check_may_tell(row, row.client, by=tablet, at=NOON + days(6), when=NOON + days(6))
    with pytest.raises(FollowUpNotFound):
        check_may_tell(row, row.client, by=tablet, at=NOON + days(8), when=NOON + days(8))


def test_a_crew_does_not_say_again_what_a_coordinator_took_back(care: follow_ups.Care) -> None:
    whom, tablet = people.known(care, "Rosa Ortiz"), care.scene.tablet
    held = dispatch.assignment(care.scene, status=AssignmentStatus.ON_SCENE)
    contact = people.with_crew(whom, held)
    with open_door(by=care.coordinator, at=NOON):
        clients.unlink(contact_id=contact.pk, by=care.coordinator, at=NOON)

    with open_door(by=tablet, at=NOON):
        told = clients.link(client_id=whom.pk, call_id=held.call_id, by=tablet, at=NOON, happened_at=NOON)

    # Kept for a supervisor to look at, and nothing opens.
    assert (told.contact.pk, told.flags) == (contact.pk, ["late_scope"])
    assert not can_read(tablet, whom, at=NOON)

    with open_door(by=care.coordinator, at=NOON):
        clients.link(client_id=whom.pk, call_id=held.call_id, by=care.coordinator, at=NOON)
    assert Contact.objects.filter(client=whom, call=held.call_id, ended_at=None).exists()
    assert can_read(tablet, whom, at=NOON)
