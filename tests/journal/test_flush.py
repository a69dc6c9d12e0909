"""
What a change does to its readers' documents, and that no change can go without.
"""

import pytest
from django.db import IntegrityError, connection, transaction

from journal.door import open_door
from journal.models import Document, Entry, Stream
from journal.rebuild import differences, digest_differences, rebuild
from journal.record import record
from responders.models import Duty, Unit
from tests.conftest import NOON
from tests.factories import responders as make
from tests.replica import Replica, bodies, fresh, number_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit() -> Unit:
    agency = make.agency()
    return make.unit(agency, areas=[make.area(agency)], call_sign="CARE 12")


def set_duty(unit: Unit, duty: Duty, kind: str = "unit.duty_set") -> None:
    with open_door(by="system:test", at=NOON):
        Unit.objects.filter(pk=unit.pk).update(duty=duty, duty_reason="flat tyre", duty_since=NOON)
        record(kind, agency_id=unit.agency_id, about=f"unit.{unit.pk}", data={"duty": duty}, by="system:test", at=NOON)


def streams_of(unit: Unit) -> list[str]:
    areas = [f"area.{area.pk}" for area in unit.areas.all()]
    return [f"unit.{unit.pk}", f"desk.{unit.agency_id}", f"supervisors.{unit.agency_id}", *areas]


def test_a_change_reaches_every_stream_its_subject_is_in(unit: Unit) -> None:
    before = {stream: number_of(stream) for stream in streams_of(unit)}

    set_duty(unit, Duty.OUT_OF_SERVICE)

    for stream in streams_of(unit):
        assert bodies(stream, "unit")[str(unit.pk)]["duty"] == "OUT_OF_SERVICE"
        assert number_of(stream) == before[stream] + 1


def test_each_reader_gets_its_own_view(unit: Unit) -> None:
    set_duty(unit, Duty.OUT_OF_SERVICE)

    area = unit.areas.get()
    assert "duty_reason" in bodies(f"unit.{unit.pk}", "unit")[str(unit.pk)]
    assert "duty_reason" not in bodies(f"area.{area.pk}", "unit")[str(unit.pk)]


def test_a_write_that_changes_no_body_raises_no_number(unit: Unit) -> None:
    before = {stream: number_of(stream) for stream in streams_of(unit)}

    with open_door(by="system:test", at=NOON):
        Unit.objects.filter(pk=unit.pk).update(call_sign=unit.call_sign)

    assert {stream: number_of(stream) for stream in streams_of(unit)} == before


def test_a_document_that_leaves_a_stream_says_why(unit: Unit) -> None:
    area = unit.areas.get()

    with open_door(by="system:test", at=NOON):
        unit.areas.clear()
        record("unit.areas_set", agency_id=unit.agency_id, about="unit.1", data={}, by="system:test", at=NOON)

    tombstone = Document.objects.get(stream=f"area.{area.pk}", collection="unit")
    assert (tombstone.gone, tombstone.body, tombstone.gone_at) == ("unit.areas_set", None, NOON)
    assert bodies(f"desk.{unit.agency_id}", "unit")


def test_a_document_can_come_back(unit: Unit) -> None:
    area = unit.areas.get()
    reader = Replica(f"area.{area.pk}")
    for change in (unit.areas.clear, lambda: unit.areas.add(area)):
        with open_door(by="system:test", at=NOON):
            change()
        reader.pull()

    assert reader.documents == fresh(reader.stream)
    assert ("unit", str(unit.pk)) in reader.documents


def test_entries_of_one_transaction_are_numbered_without_gaps(unit: Unit) -> None:
    already = Entry.objects.count()
    with open_door(by="system:test", at=NOON):
        for kind in ("test.first", "test.second", "test.third"):
            record(kind, agency_id=unit.agency_id, about="unit.1", data={}, by="system:test", at=NOON)
    set_duty(unit, Duty.MEAL)

    entries = Entry.objects.filter(stream=f"journal.{unit.agency_id}").order_by("number")
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.kind for entry in entries][already:] == ["test.first", "test.second", "test.third", "unit.duty_set"]


def test_the_digest_is_that_of_the_live_documents(unit: Unit) -> None:
    set_duty(unit, Duty.MEAL)
    with open_door(by="system:test", at=NOON):
        unit.areas.clear()

    for stream in streams_of(unit):
        reader = Replica(stream)
        reader.pull()
        kept = Stream.objects.get(name=stream)
        assert (reader.digest, len(reader.documents)) == (kept.digest, kept.count)
    assert list(digest_differences()) == []


def bypass_with_update(unit: Unit) -> None:
    Unit.objects.filter(pk=unit.pk).update(duty=Duty.MEAL)


def bypass_with_save(unit: Unit) -> None:
    unit.duty = Duty.MEAL
    unit.save()


def bypass_with_bulk_create(unit: Unit) -> None:
    Unit.objects.bulk_create([Unit(agency=unit.agency, call_sign="CARE 99")])


def bypass_with_delete(unit: Unit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM responders_unit_areas WHERE unit_id = %s", [unit.pk])


def bypass_with_raw_sql(unit: Unit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE responders_unit SET duty = 'MEAL' WHERE id = %s", [unit.pk])


def bypass_with_copy(unit: Unit) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY responders_unit (agency_id, call_sign, outside, capabilities, duty, duty_reason) FROM STDIN"
        ) as copy,
    ):
        copy.write_row((unit.agency_id, "CARE 98", False, "{}", "AVAILABLE", ""))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "bypass",
    [
        bypass_with_update,
        bypass_with_save,
        bypass_with_bulk_create,
        bypass_with_delete,
        bypass_with_raw_sql,
        bypass_with_copy,
    ],
)
def test_a_write_that_bypasses_the_door_fails(unit: Unit, bypass) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(IntegrityError, match="unflushed change of unit"), transaction.atomic():
        bypass(unit)

    assert list(differences()) == []
    unit.refresh_from_db()
    assert unit.duty == Duty.AVAILABLE


@pytest.mark.django_db(transaction=True)
def test_a_bypass_in_autocommit_fails_too(unit: Unit) -> None:
    with pytest.raises(IntegrityError, match="unflushed change of unit"):
        Unit.objects.filter(pk=unit.pk).update(duty=Duty.MEAL)


def test_rebuild_finds_what_was_damaged_and_mends_it(unit: Unit) -> None:
    Document.objects.filter(stream=f"unit.{unit.pk}").update(body='{"wrong":true}')
    Document.objects.filter(stream=f"desk.{unit.agency_id}", collection="unit").delete()
    assert len(list(differences())) == 2

    rebuild(at=NOON)

    assert list(differences()) == []
    assert list(digest_differences()) == []
