"""
Tombstones go after thirty days, and who slept longer is below the floor.
"""

from datetime import timedelta

import pytest

from journal import tombstones
from journal.door import open_door
from journal.models import Document, Stream
from journal.rebuild import digest_differences
from tests.conftest import NOON
from tests.factories import responders as make

pytestmark = pytest.mark.django_db


def test_only_old_tombstones_are_swept_and_raise_the_floor() -> None:
    agency = make.agency()
    area = make.area(agency)
    old, young = make.unit(agency, areas=[area]), make.unit(agency, areas=[area])
    for unit, at in ((old, NOON - tombstones.KEPT - timedelta(seconds=1)), (young, NOON - tombstones.KEPT)):
        with open_door(by="system:test", at=at):
            unit.areas.clear()
    stream = f"area.{area.pk}"
    gone = Document.objects.get(stream=stream, document_id=str(old.pk)).number

    swept = tombstones.sweep(at=NOON)

    assert swept == 1
    left = Document.objects.filter(stream=stream).exclude(gone=None)
    assert [row.document_id for row in left] == [str(young.pk)]
    assert Stream.objects.get(name=stream).floor == gone
    assert tombstones.sweep(at=NOON) == 0
    assert list(digest_differences()) == []
