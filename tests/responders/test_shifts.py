"""
Going on shift and signing off, also two at once.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from journal.door import open_door
from journal.models import Document, Entry
from responders import queries, refusals, rules
from responders.actions import positions, shifts
from responders.models import Duty, EndReason, Person, Position, Shift, Unit
from tests.conftest import NOON
from tests.factories import responders as make

LATER = NOON + timedelta(hours=8)


def start(person: Person, unit: Unit, *, at: datetime = NOON, planned_end_at: datetime | None = None) -> Shift:
    """
    Return the shift started through a door.
    """
    with open_door(by="person:1", at=at):
        return shifts.start(
            person_id=person.pk,
            unit_id=unit.pk,
            planned_end_at=planned_end_at or at + timedelta(hours=10),
            by="person:1",
            at=at,
        )


def end(shift: Shift, reason: EndReason | str = EndReason.NOTHING_OPEN, *, at: datetime = LATER) -> Shift:
    """
    Return the shift ended through a door.
    """
    with open_door(by="person:1", at=at):
        return shifts.end(shift_id=shift.pk, reason=reason, by="person:1", at=at)


@pytest.mark.django_db
def test_a_started_shift_is_on_the_record_and_on_every_screen_of_the_unit() -> None:
    agency = make.agency()
    area = make.area(agency)
    unit = make.unit(agency, areas=[area])
    person = make.person(agency)

    shift = start(person, unit)

    entry = Entry.objects.get(kind="shift.started")
    assert entry.about == f"shift.{shift.pk}"
    assert (entry.data["unit"], entry.data["person"]) == (unit.pk, person.pk)
    assert person.name not in str(entry.data)
    streams = {f"desk.{agency.pk}", f"supervisors.{agency.pk}", f"unit.{unit.pk}", f"area.{area.pk}"}
    documents = Document.objects.filter(collection="unit", document_id=str(unit.pk))
    assert {row.stream for row in documents if row.body and '"crew":1' in row.body} == streams


@pytest.mark.django_db
def test_the_first_of_a_crew_finds_the_unit_available_after_the_meal_of_the_crew_before() -> None:
    agency = make.agency()
    unit = make.unit(agency, duty=Duty.MEAL, duty_since=NOON - timedelta(hours=20))

    start(make.person(agency), unit)

    unit.refresh_from_db()
    assert (unit.duty, unit.duty_since) == (Duty.AVAILABLE, NOON)


@pytest.mark.django_db
def test_a_unit_left_out_of_service_stays_so_when_the_next_crew_comes() -> None:
    agency = make.agency()
    unit = make.unit(agency, duty=Duty.OUT_OF_SERVICE, duty_reason="Flat tire")

    start(make.person(agency), unit)

    unit.refresh_from_db()
    assert (unit.duty, unit.duty_reason) == (Duty.OUT_OF_SERVICE, "Flat tire")


@pytest.mark.django_db
def test_a_partner_who_joins_does_not_end_the_meal_of_the_crew() -> None:
    agency = make.agency()
    unit = make.crewed_unit(agency, size=1)
    with open_door(by=make.SCENE, at=NOON):
        Unit.objects.filter(pk=unit.pk).update(duty=Duty.MEAL)

    start(make.person(agency), unit)

    unit.refresh_from_db()
    assert unit.duty == Duty.MEAL


@pytest.mark.django_db
def test_a_person_on_shift_cannot_start_another_one() -> None:
    agency = make.agency()
    person, first = make.person(agency), make.unit(agency)
    shift = start(person, first)

    with pytest.raises(refusals.ShiftAlreadyOpen) as refused:
        start(person, make.unit(agency))

    assert refused.value.facts == {"shift": shift.pk, "unit": first.pk, "since": NOON}
    assert Entry.objects.filter(kind="shift.started").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("person_fields", "roles", "unit_fields", "refusal"),
    [
        ({"is_active": False}, ["RESPONDER"], {}, refusals.NotAResponder),
        ({}, ["DISPATCHER"], {}, refusals.NotAResponder),
        ({}, ["RESPONDER"], {"outside": True}, refusals.UnitIsOutside),
        ({}, ["RESPONDER"], {"retired_at": NOON}, refusals.UnitRetired),
    ],
)
def test_a_start_is_refused(person_fields: Any, roles: Any, unit_fields: Any, refusal: Any) -> None:
    agency = make.agency()

    with pytest.raises(refusal):
        start(make.person(agency, *roles, **person_fields), make.unit(agency, **unit_fields))

    assert not Shift.objects.exists()


@pytest.mark.django_db
def test_a_person_of_another_agency_is_refused_as_unknown() -> None:
    with pytest.raises(refusals.PersonNotFound):
        start(make.person(make.agency()), make.unit(make.agency()))


@pytest.mark.django_db
@pytest.mark.parametrize("lasts", [timedelta(0), -timedelta(hours=1), timedelta(hours=24, seconds=1)])
def test_a_planned_end_must_come_later_and_within_a_day(lasts: Any) -> None:
    agency = make.agency()

    with pytest.raises(refusals.PlannedEndInvalid):
        start(make.person(agency), make.unit(agency), planned_end_at=NOON + lasts)


@pytest.mark.django_db
def test_unknown_people_units_and_shifts_are_refused() -> None:
    agency = make.agency()
    person, unit = make.person(agency), make.unit(agency)
    unknown_person, unknown_unit = make.person(agency), make.unit(agency)
    unknown_person.pk = unknown_unit.pk = 404_404

    with pytest.raises(refusals.PersonNotFound):
        start(unknown_person, unit)
    with pytest.raises(refusals.UnitNotFound):
        start(person, unknown_unit)
    with pytest.raises(refusals.ShiftNotFound):
        end(Shift(pk=404_404))


@pytest.mark.django_db
def test_signing_off_says_what_became_of_the_call() -> None:
    agency = make.agency()
    shift = start(make.person(agency), make.unit(agency))

    ended = end(shift, EndReason.HANDED_OVER)

    assert (ended.ended_at, ended.end_reason) == (LATER, EndReason.HANDED_OVER)
    entry = Entry.objects.get(kind="shift.ended")
    assert (entry.data["reason"], entry.data["crew_left"], entry.data["crew_minimum"]) == ("HANDED_OVER", 0, 2)


@pytest.mark.django_db
def test_a_shift_ends_once() -> None:
    agency = make.agency()
    shift = start(make.person(agency), make.unit(agency))
    end(shift)

    with pytest.raises(refusals.ShiftAlreadyEnded) as refused:
        end(shift, EndReason.CLEARED)

    assert refused.value.facts == {"shift": shift.pk, "ended_at": LATER, "reason": "NOTHING_OPEN"}


@pytest.mark.django_db
def test_a_shift_does_not_end_before_it_began() -> None:
    agency = make.agency()
    shift = start(make.person(agency), make.unit(agency))

    assert end(shift, at=NOON - timedelta(minutes=1)).ended_at == NOON


@pytest.mark.django_db
def test_the_clock_ends_no_shift() -> None:
    agency = make.agency()
    unit = make.unit(agency)
    shift = start(make.person(agency), unit, planned_end_at=NOON + timedelta(hours=8))
    next_day = NOON + timedelta(days=1)

    assert list(Shift.objects.overrun(next_day)) == [shift]
    assert [row.pk for row in queries.crew_of(unit.pk)] == [shift.pk]


@pytest.mark.django_db
def test_when_one_partner_leaves_the_unit_is_still_on_duty_but_gets_no_new_call() -> None:
    agency = make.agency()
    unit = make.unit(agency)
    first, _ = make.crew(unit)
    assert rules.can_be_dispatched_alone(unit)

    end(first)

    rules.check_on_duty(unit)
    with pytest.raises(refusals.CrewTooSmall) as refused:
        rules.check_dispatchable_alone(unit)
    assert (refused.value.facts["crew"], refused.value.facts["minimum"]) == (1, 2)


@pytest.mark.django_db
def test_where_the_unit_was_goes_with_the_last_of_its_crew() -> None:
    agency = make.agency()
    unit = make.unit(agency)
    first, last = make.crew(unit)
    place = make.box(*make.DOWNTOWN).centroid
    positions.keep(unit_id=unit.pk, point=place, seen_at=NOON, at=NOON)

    end(first)
    assert Position.objects.filter(unit=unit).exists()
    end(last)
    assert not Position.objects.filter(unit=unit).exists()


@pytest.mark.django_db
def test_off_shift_there_are_no_streams() -> None:
    agency = make.agency()
    area = make.area(agency)
    unit = make.unit(agency, areas=[area])
    shift = start(make.person(agency), unit)

    assert queries.streams_of(shift) == [
        f"area.{area.pk}",
        f"reference.{agency.pk}",
        f"responder.{shift.person_id}",
        f"unit.{unit.pk}",
    ]
    assert queries.streams_of(end(shift)) == []


@pytest.mark.django_db
def test_a_fact_belongs_to_whoever_was_on_shift_when_it_happened() -> None:
    agency = make.agency()
    unit = make.unit(agency)
    shift = start(make.person(agency), unit)
    end(shift)

    assert queries.shift_at(shift.person_id, unit.pk, NOON + timedelta(hours=1)) == shift
    assert queries.shift_at(shift.person_id, unit.pk, LATER + timedelta(seconds=1)) is None
    assert queries.shift_at(shift.person_id, unit.pk, NOON - timedelta(seconds=1)) is None
    assert queries.open_shift_of(shift.person_id) is None


@pytest.mark.django_db
def test_crews_are_counted_for_many_units_at_once() -> None:
    agency = make.agency()
    full, single, empty = (make.unit(agency) for _ in range(3))
    make.crew(full)
    make.crew(single, size=1)

    assert queries.crew_sizes([full.pk, single.pk, empty.pk]) == {full.pk: 2, single.pk: 1, empty.pk: 0}


@pytest.mark.django_db
def test_only_active_responders_are_offered_for_signing_on() -> None:
    agency = make.agency()
    here = make.person(agency, name="Responder One")
    make.person(agency, "DISPATCHER")
    make.person(agency, is_active=False)
    make.person(make.agency())

    assert queries.responders_of(agency.pk) == [here]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_starts_of_one_person_at_once_one_wins() -> None:
    agency = make.agency()
    units = [make.unit(agency), make.unit(agency)]

    for _ in range(20):
        person = make.person(agency)
        together = Barrier(len(units))

        def attempt(unit: Unit, person: Person = person, together: Barrier = together) -> Shift | None:
            together.wait()
            try:
                return start(person, unit)
            except refusals.ShiftAlreadyOpen:
                return None
            finally:
                connection.close()

        with ThreadPoolExecutor(len(units)) as pool:
            outcomes = list(pool.map(attempt, units))

        assert len([won for won in outcomes if won]) == 1
        assert Shift.objects.open().filter(person=person).count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_ends_of_one_shift_at_once_one_wins() -> None:
    agency = make.agency()
    unit = make.unit(agency)

    for _ in range(20):
        [shift] = make.crew(unit, size=1)
        together = Barrier(2)

        def attempt(reason: EndReason, shift: Shift = shift, together: Barrier = together) -> Shift | None:
            together.wait()
            try:
                return end(shift, reason)
            except refusals.ShiftAlreadyEnded:
                return None
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(attempt, [EndReason.CLEARED, EndReason.LEFT_WITH_DESK]))

        [won] = [outcome for outcome in outcomes if outcome]
        shift.refresh_from_db()
        assert shift.end_reason == won.end_reason


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_crew_that_starts_and_ends_at_once_leaves_its_documents_right() -> None:
    agency = make.agency()
    unit = make.unit(agency)

    for _ in range(10):
        leaving = make.crew(unit, size=3)
        coming = [make.person(agency) for _ in range(3)]
        together = Barrier(6)

        def leave(shift: Shift, together: Barrier = together) -> None:
            together.wait()
            try:
                end(shift)
            finally:
                connection.close()

        def come(person: Person, together: Barrier = together) -> Shift:
            together.wait()
            try:
                return start(person, unit, at=LATER)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            left = [pool.submit(leave, shift) for shift in leaving]
            came = [pool.submit(come, person) for person in coming]
            for outcome in left:
                outcome.result()
            shifts_open = sorted(outcome.result().pk for outcome in came)

        body = Document.objects.get(stream=f"unit.{unit.pk}", collection="unit").body
        assert body is not None
        assert f'"crew":{len(shifts_open)},' in body
        assert [shift.pk for shift in Shift.objects.open().of_unit(unit.pk).order_by("pk")] == shifts_open
        for pk in shifts_open:
            end(Shift(pk=pk), at=LATER)
