"""
What everybody of an agency holds; and that copies in a unit's document never go stale.
"""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from journal.door import open_door
from journal.models import Document
from journal.refusals import Refusal
from responders import documents, refusals
from responders.actions import shifts
from responders.models import Agency, OpeningHours, Person, Unit
from tests.conftest import NOON
from tests.factories import responders as make


def body_of(stream: str, collection: str) -> Any:
    """
    Return the one body of a collection that a stream holds.
    """
    body = Document.objects.get(stream=stream, collection=collection).body
    assert body is not None
    return orjson.loads(body)


def change(rows: QuerySet[Any], **fields: Any) -> None:
    """
    Update rows through a door.
    """
    with open_door(by=make.SCENE, at=NOON):
        rows.update(**fields)


@pytest.mark.django_db
def test_everybody_holds_every_limit_of_the_agency() -> None:
    agency = make.agency(cad_silent_s=90, has_cad=False)

    body = body_of(f"reference.{agency.pk}", "agency")

    limits = {field.name for field in Agency._meta.get_fields() if field.concrete} - {"id", "slug"}
    assert set(body) == limits
    assert (body["cad_silent_s"], body["has_cad"], body["timezone"]) == (90, False, "America/Los_Angeles")


@pytest.mark.django_db
def test_a_new_name_of_a_responder_reaches_the_unit() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)

    change(Person.objects.filter(pk=shift.person_id), name="Responder Renamed")

    assert body_of(f"unit.{unit.pk}", "unit")["people"][0]["name"] == "Responder Renamed"


@pytest.mark.django_db
def test_somebody_off_shift_changes_no_document() -> None:
    unit = make.crewed_unit(make.agency())
    before = Document.objects.get(stream=f"unit.{unit.pk}").number

    change(Person.objects.filter(pk=make.person(unit.agency).pk), name="Responder Renamed")
    change(Person.objects.filter(shifts__unit=unit), badge="7")

    assert Document.objects.get(stream=f"unit.{unit.pk}").number == before


@pytest.mark.django_db
def test_a_new_smallest_crew_of_the_agency_reaches_the_units_without_one_of_their_own() -> None:
    agency = make.agency()
    unit, own = make.unit(agency), make.unit(agency, crew_minimum=3)

    change(Agency.objects.filter(pk=agency.pk), crew_minimum=1)

    assert body_of(f"unit.{unit.pk}", "unit")["crew_minimum"] == 1
    assert body_of(f"unit.{own.pk}", "unit")["crew_minimum"] == 3


@pytest.mark.django_db
def test_nothing_that_is_gone_is_described() -> None:
    assert list(documents.of_agencies([404_404])) == []
    assert list(documents.of_areas([404_404])) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "write",
    [
        lambda unit: Unit.objects.filter(pk=unit.pk).update(duty_reason="Unseen"),
        lambda unit: Agency.objects.filter(pk=unit.agency_id).update(deliver_s=9),
        lambda unit: Person.objects.filter(shifts__unit=unit).update(name="Unseen"),
        lambda unit: unit.areas.clear(),
        lambda unit: unit.areas.get().hours.all().delete(),
        lambda unit: OpeningHours.objects.bulk_create(
            OpeningHours(area=area, weekday=1, opens="01:00", closes="02:00", valid_from="2026-01-01")
            for area in unit.areas.all()
        ),
        lambda unit: connection.cursor().execute("UPDATE responders_servicearea SET name = 'Unseen'"),
    ],
    ids=["unit", "agency", "person", "areas", "delete", "bulk_create", "sql"],
)
def test_what_is_written_beside_the_door_is_refused_at_the_commit(write: Any) -> None:
    agency = make.agency()
    unit = make.crewed_unit(agency, areas=[make.area(agency)])

    with pytest.raises(IntegrityError, match=r"unflushed change of (unit|agency|area)"), transaction.atomic():
        write(unit)

    assert not Person.objects.filter(name="Unseen").exists()
    assert unit.areas.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_renames_and_starts_at_once_leave_every_copy_right() -> None:
    agency = make.agency()

    for number in range(15):
        person, unit = make.person(agency), make.unit(agency)
        together = Barrier(2)

        def start(person: Person = person, unit: Unit = unit, together: Barrier = together) -> None:
            together.wait()
            try:
                make.on_shift(person, unit)
            finally:
                connection.close()

        def rename(person: Person = person, number: int = number, together: Barrier = together) -> None:
            together.wait()
            try:
                change(Person.objects.filter(pk=person.pk), name=f"Renamed {number}")
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            for outcome in [pool.submit(start), pool.submit(rename)]:
                outcome.result()

        assert body_of(f"unit.{unit.pk}", "unit")["people"][0]["name"] == f"Renamed {number}"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_new_units_and_a_new_smallest_crew_at_once_leave_every_copy_right() -> None:
    agency = make.agency()

    for number in range(15):
        together = Barrier(2)

        def add(together: Barrier = together) -> Unit:
            together.wait()
            try:
                return make.unit(agency)
            finally:
                connection.close()

        def lower(number: int = number, together: Barrier = together) -> None:
            together.wait()
            try:
                change(Agency.objects.filter(pk=agency.pk), crew_minimum=number + 3)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            added = pool.submit(add)
            pool.submit(lower).result()

        assert body_of(f"unit.{added.result().pk}", "unit")["crew_minimum"] == number + 3


@pytest.mark.django_db
def test_recomputing_every_document_finds_no_difference() -> None:
    agency = make.agency()
    unit = make.unit(agency, areas=[make.area(agency)])
    first, _ = make.crew(unit)
    with open_door(by=make.SCENE, at=NOON):
        shifts.end(shift_id=first.pk, reason="NOTHING_OPEN", by=make.SCENE, at=NOON)
    change(Agency.objects.filter(pk=agency.pk), crew_minimum=1)
    out = StringIO()

    call_command("rebuild_documents", "--check", stdout=out, stderr=out)


def test_every_refusal_has_a_code_and_a_sentence_of_its_own() -> None:
    catalogue = [
        refusal
        for refusal in vars(refusals).values()
        if isinstance(refusal, type) and issubclass(refusal, Refusal) and refusal is not Refusal
    ]

    assert len({refusal.code for refusal in catalogue}) == len(catalogue)
    assert len({refusal.message for refusal in catalogue}) == len(catalogue)
    assert all(400 <= refusal.status < 600 for refusal in catalogue)
