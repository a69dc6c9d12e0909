"""
What happened stays as it was recorded.
"""

import pytest
from django.db import ProgrammingError, connection, transaction

from journal.door import NoOpenDoor, open_door
from journal.models import Entry
from journal.record import record
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Entry:
    with open_door(by="system:test", at=NOON):
        record("test.happened", agency_id=1, about="test.1", data={"n": 1}, by="system:test", at=NOON)
    return Entry.objects.get()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entry SET kind = 'other'",
        "DELETE FROM journal_entry",
    ],
)
def test_an_entry_cannot_be_changed_or_removed(entry: Entry, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    entry.refresh_from_db()
    assert entry.kind == "test.happened"


def test_the_models_obey_the_same_guard(entry: Entry) -> None:
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        Entry.objects.all().delete()
    entry.kind = "other"
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        entry.save()


def test_truncate_is_refused_without_the_named_setting(entry: Entry) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL journal.allow_truncate = 'off'")
        with pytest.raises(ProgrammingError, match="TRUNCATE refused"), transaction.atomic():
            cursor.execute("TRUNCATE journal_entry")

    assert Entry.objects.count() == 1


def test_truncate_is_allowed_under_the_named_setting(entry: Entry) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL journal.allow_truncate = 'on'")
        cursor.execute("TRUNCATE journal_entry")

    assert not Entry.objects.exists()


def test_nothing_is_recorded_outside_a_door() -> None:
    with pytest.raises(NoOpenDoor):
        record("test.happened", agency_id=1, about="test.1", data={}, by="system:test", at=NOON)
