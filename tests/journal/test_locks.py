"""
A row that is locked is the row as the ORM reads it, and nobody else's until the transaction ends.
"""

from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import OperationalError, connection, transaction
from django.db.models import Model

from dispatch.models import Call
from journal.door import open_door
from journal.locks import lock_row
from responders.models import Unit
from tests.conftest import NOON
from tests.factories import dispatch as make


def fields_of(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.django_db
def test_a_locked_row_is_what_the_orm_reads() -> None:
    scene = make.scene()
    held = make.assignment(scene)
    with open_door(by="system:test", at=NOON):
        Call.objects.filter(pk=held.call_id).update(markers=["DRUG_USE"], caller_phone="+12065550100")
    call = Call.objects.get(pk=held.call_id)

    # Often enough for the statement to be prepared.
    for _ in range(7):
        for locked in (lock_row(Call, by="pk", value=call.pk), lock_row(Call, by="assignments", value=held.pk)):
            assert locked == call
            assert fields_of(locked) == fields_of(call)
            assert isinstance(locked, Call)
            assert (locked.cautions, locked.markers) == ([], ["DRUG_USE"])
            assert isinstance(locked.point, Point)
    unit = lock_row(Unit, by="pk", value=scene.unit.pk)
    assert unit is not None
    assert fields_of(unit) == fields_of(Unit.objects.get(pk=scene.unit.pk))
    # A row like any other: it is changed and saved.
    with open_door(by="system:test", at=NOON):
        unit.duty_since = NOON
        unit.save(update_fields=["duty_since"])
    assert Unit.objects.get(pk=unit.pk).duty_since == NOON


@pytest.mark.django_db
def test_what_is_not_there_is_none() -> None:
    assert lock_row(Call, by="pk", value=0) is None
    assert lock_row(Call, by="assignments", value=0) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by", ["pk", "assignments"])
def test_nobody_else_gets_a_locked_row(by: str) -> None:
    scene = make.scene()
    held = make.assignment(scene)
    other = connection.copy()
    try:
        with transaction.atomic():
            assert lock_row(Call, by=by, value=held.call_id if by == "pk" else held.pk) is not None
            with other.cursor() as cursor, pytest.raises(OperationalError, match="could not obtain lock"):
                cursor.execute("SELECT 1 FROM dispatch_call WHERE id = %s FOR NO KEY UPDATE NOWAIT", [held.call_id])
            with other.cursor() as cursor:
                # The unit is only joined, and a row that refers to the call may still be written.
                cursor.execute("SELECT 1 FROM dispatch_assignment WHERE id = %s FOR UPDATE NOWAIT", [held.pk])
                cursor.execute("SELECT 1 FROM dispatch_call WHERE id = %s FOR KEY SHARE NOWAIT", [held.call_id])
    finally:
        other.close()
