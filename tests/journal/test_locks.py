"""
A row that is locked is the row as the ORM reads it, and nobody else's until the transaction ends.
"""

from concurrent.futures import ThreadPoolExecutor
from math import cos, pi, sin
from threading import Barrier
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.db import OperationalError, connection, transaction
from django.db.models import Model

from dispatch.models import Call
from journal.door import open_door
from journal.locks import lock_row
from responders.models import ServiceArea, Unit
from tests.conftest import NOON
from tests.factories import dispatch as make
from tests.factories import responders as make_responders


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


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_threads_read_each_its_own_shape() -> None:
    # What reads a geometry keeps in itself what it reads: shared, it fails or mixes up two rows. Large ones take longer.
    agency = make_responders.agency()
    areas = [make_responders.area(agency, polygon=MultiPolygon(ring(-122.3 - n, 47.6))) for n in range(4)]
    start = Barrier(len(areas), timeout=60)

    def read(area: ServiceArea) -> bool:
        start.wait()
        try:
            with transaction.atomic():
                rows = [lock_row(ServiceArea, by="pk", value=area.pk) for _ in range(50)]
            return all(row is not None and row.polygon == area.polygon for row in rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(areas)) as pool:
        assert list(pool.map(read, areas)) == [True] * len(areas)


def ring(x: float, y: float, *, corners: int = 5000) -> Polygon:
    """
    Return a disc around a place, with so many corners.
    """
    angles = [2 * pi * n / corners for n in range(corners)]
    outside = [(x + cos(angle) / 10, y + sin(angle) / 10) for angle in angles]
    return Polygon([*outside, outside[0]])
