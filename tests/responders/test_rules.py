"""
Who may act for a unit, and what a unit needs to be sent.
"""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from journal.door import open_door
from journal.models import Document
from journal.refusals import Refusal
from responders import refusals, rules
from responders.actions import units
from responders.actors import Actor
from responders.models import Duty, Unit
from tests.conftest import NOON
from tests.factories import responders as make

TABLET = Actor(
    agency_id=1, label="tablet", roles=frozenset({"RESPONDER"}), person_id=1, unit_id=7, shift_id=1, tablet_id=1
)
UNPAIRED = Actor(agency_id=1, label="tablet", roles=frozenset({"RESPONDER"}), person_id=1, tablet_id=1)
DESK = Actor(agency_id=1, label="desk", roles=frozenset({"DISPATCHER"}), person_id=2)
# At a desk page a responder is nobody's crew; on a tablet a dispatcher is no desk.
RESPONDER_AT_A_PAGE = Actor(agency_id=1, label="responder", roles=frozenset({"RESPONDER"}), person_id=1)
DISPATCHER_ON_A_TABLET = Actor(
    agency_id=1, label="tablet", roles=frozenset({"DISPATCHER"}), person_id=2, unit_id=7, shift_id=1, tablet_id=1
)


@pytest.mark.parametrize(
    ("by", "unit", "asked_by", "answer"),
    [
        (TABLET, None, None, 7),
        (TABLET, 7, None, 7),
        (TABLET, 8, None, "not_your_unit"),
        (TABLET, 8, "CARE 8", "not_your_unit"),
        (UNPAIRED, None, None, "not_your_unit"),
        (DISPATCHER_ON_A_TABLET, 8, "CARE 8", "not_your_unit"),
        (DESK, 8, "CARE 8", 8),
        (DESK, 8, None, "asked_by_missing"),
        (DESK, 8, "  ", "asked_by_missing"),
        (DESK, None, "CARE 8", "asked_by_missing"),
        (RESPONDER_AT_A_PAGE, 7, "CARE 7", "not_allowed"),
    ],
)
def test_whom_an_actor_speaks_for(by: Actor, unit: int | None, asked_by: Any, answer: Any) -> None:
    said: int | str
    try:
        said = rules.unit_acted_for(by, unit, asked_by)
    except Refusal as refusal:
        said = refusal.code

    assert said == answer


@pytest.mark.parametrize(
    ("by", "agency", "may"), [(TABLET, 1, True), (TABLET, 2, False), (DESK, 1, True), (RESPONDER_AT_A_PAGE, 1, False)]
)
def test_can_act_for_answers_what_check_may_act_for_refuses(by: Actor, agency: int, may: Any) -> None:
    assert rules.can_act_for(Unit(pk=7, agency_id=agency), by=by, asked_by="CARE 7") is may


def test_only_the_desk_is_by_radio() -> None:
    assert rules.radio(DESK, " CARE 7 ") == "CARE 7"
    assert rules.radio(TABLET, "CARE 7") == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "crew", "refusal"),
    [
        ({}, 2, None),
        ({}, 3, None),
        ({}, 1, refusals.CrewTooSmall),
        ({}, 0, refusals.UnitOffShift),
        ({"crew_minimum": 1}, 1, None),
        ({"crew_minimum": 3}, 2, refusals.CrewTooSmall),
        ({"duty": Duty.OUT_OF_SERVICE, "duty_reason": "Flat tire"}, 2, refusals.UnitOutOfService),
    ],
)
def test_a_unit_is_dispatchable_alone(fields: Any, crew: Any, refusal: Any) -> None:
    unit = make.crewed_unit(make.agency(), size=crew, **fields)

    assert rules.can_be_dispatched_alone(unit) is (refusal is None)
    if refusal is not None:
        with pytest.raises(refusal):
            rules.check_dispatchable_alone(unit)


@pytest.mark.django_db
@pytest.mark.parametrize("duty", [Duty.MEAL, Duty.REPORT])
def test_the_desk_may_interrupt_a_meal_and_a_report(duty: Any) -> None:
    unit = make.crewed_unit(make.agency())
    with open_door(by=make.SCENE, at=NOON):
        Unit.objects.filter(pk=unit.pk).update(duty=duty)
    unit.refresh_from_db()

    assert rules.can_be_dispatched_alone(unit)


@pytest.mark.django_db
def test_the_agencys_smallest_crew_holds_where_a_unit_has_none_of_its_own() -> None:
    assert rules.can_be_dispatched_alone(make.crewed_unit(make.agency(crew_minimum=1), size=1))


@pytest.mark.django_db
def test_outside_and_retired_units_are_never_dispatchable() -> None:
    agency = make.agency()

    assert not rules.can_be_dispatched_alone(make.unit(agency, outside=True))
    assert not rules.can_be_dispatched_alone(make.unit(agency, retired_at=NOON))


@pytest.mark.django_db
def test_a_zone_that_does_not_exist_is_not_taken() -> None:
    agency = make.agency(timezone="America/Atlantis")

    with pytest.raises(ValidationError, match="is not a time zone"):
        agency.full_clean()


@pytest.mark.django_db
def test_retired_units_are_not_in_service() -> None:
    agency = make.agency()
    kept = make.unit(agency)
    make.unit(agency, retired_at=NOON)

    assert list(Unit.objects.in_service()) == [kept]


@pytest.mark.django_db
def test_several_units_are_locked_together_or_not_at_all() -> None:
    agency = make.agency()
    one, two = make.unit(agency), make.unit(agency)

    with open_door(by=make.SCENE, at=NOON):
        assert list(Unit.objects.lock_many([two.pk, one.pk, two.pk])) == [one.pk, two.pk]
        with pytest.raises(refusals.UnitNotFound):
            Unit.objects.lock_many([one.pk, 404_404])
        with pytest.raises(refusals.UnitNotFound):
            Unit.objects.lock(404_404)


@pytest.mark.django_db
def test_an_outside_unit_is_named_once() -> None:
    agency = make.agency()
    with open_door(by="person:1", at=NOON):
        first = units.name_outside(agency_id=agency.pk, call_sign="HEALTH ONE", by="person:1", at=NOON)
        again = units.name_outside(agency_id=agency.pk, call_sign="HEALTH ONE", by="person:1", at=NOON)

    assert first == again
    assert first.outside
    streams = Document.objects.filter(collection="unit", document_id=str(first.pk)).values_list("stream", flat=True)
    assert set(streams) == {f"desk.{agency.pk}", f"supervisors.{agency.pk}"}


@pytest.mark.django_db
def test_an_own_units_call_sign_is_not_an_outside_unit() -> None:
    agency = make.agency()
    unit = make.unit(agency)

    with pytest.raises(refusals.CallSignTaken), open_door(by="person:1", at=NOON):
        units.name_outside(agency_id=agency.pk, call_sign=unit.call_sign, by="person:1", at=NOON)


@pytest.mark.django_db
def test_a_unit_covers_the_areas_it_is_given_and_leaves_the_boards_of_others() -> None:
    agency = make.agency()
    downtown, sodo = make.area(agency), make.area(agency)
    unit = make.unit(agency, areas=[downtown])

    with open_door(by="person:1", at=NOON):
        units.cover(unit_id=unit.pk, area_ids=[sodo.pk], by="person:1", at=NOON)

    documents = Document.objects.filter(collection="unit", document_id=str(unit.pk))
    assert documents.get(stream=f"area.{downtown.pk}").gone == "unit.areas_set"
    assert documents.get(stream=f"area.{sodo.pk}").gone is None


@pytest.mark.django_db
def test_a_unit_covers_no_area_of_another_agency() -> None:
    unit = make.unit(make.agency())
    foreign = make.area(make.agency())

    with pytest.raises(refusals.AreaNotFound), open_door(by="person:1", at=NOON):
        units.cover(unit_id=unit.pk, area_ids=[foreign.pk], by="person:1", at=NOON)


@pytest.mark.django_db
def test_a_retired_unit_leaves_every_screen_and_is_retired_once() -> None:
    unit = make.unit(make.agency())

    with open_door(by="person:1", at=NOON):
        units.retire(unit_id=unit.pk, by="person:1", at=NOON)
    with pytest.raises(refusals.UnitRetired), open_door(by="person:1", at=NOON):
        units.retire(unit_id=unit.pk, by="person:1", at=NOON)

    gone = Document.objects.filter(collection="unit", document_id=str(unit.pk)).values_list("gone", flat=True)
    assert set(gone) == {"unit.retired"}


@pytest.mark.django_db
def test_a_unit_with_a_crew_is_not_retired() -> None:
    unit = make.crewed_unit(make.agency())

    with pytest.raises(refusals.UnitHasCrew), open_door(by="person:1", at=NOON):
        units.retire(unit_id=unit.pk, by="person:1", at=NOON)
