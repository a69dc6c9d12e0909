"""
``manage.py rotate_field_keys``: everything that is sealed, under the new key.
"""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from followups.fields import places, sealed_fields
from followups.models import Client, FollowUp
from journal.door import answer_once, open_door
from journal.kinds import kinds
from journal.resealing import keys_used
from journal.triggers import append_only
from responders.models import Agency
from tablets.models import Quarantined
from tablets.seals import open_kept
from tests.conftest import NOON
from tests.factories import follow_ups
from tests.factories import responders as make
from tests.tablets.queues import crew

OLD = {"old": b"o" * 32}
BOTH = {"new": b"n" * 32, "old": b"o" * 32}
NEW = {"new": b"n" * 32}


@pytest.fixture(autouse=True)
def old_key(settings: Settings) -> None:
    settings.FIELD_KEYS = OLD


def clients(agency: Agency, count: int) -> list[Client]:
    with open_door(by="system:test", at=NOON):
        return Client.objects.bulk_create(
            Client(agency=agency, looks=f"looks {n}", made_at=NOON, made_by="system:test") for n in range(count)
        )


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_field_keys", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db
def test_everything_that_is_sealed_comes_under_the_new_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = crew()
    (client,) = clients(of.scene.agency, 1)
    seen_to = follow_ups.shown_to(of.scene.unit)
    monkeypatch.setitem(kinds(), "call.note", replace(kinds()["call.note"], sealed=True))
    of.queue.do("call.note", {"call": "x", "text": "Kept"})
    answer_once(action_id=uuid4(), kind="a.b", args={}, by="x", at=NOON, act=dict, sealed=True)
    settings.FIELD_KEYS = BOTH
    with pytest.raises(CommandError, match="under another key than new"):
        run("--check")

    said = run()

    assert "followups_client.looks: 2 sealed anew" in said
    assert "followups_followup.risk: 1 sealed anew" in said
    assert "journal_receipt.answer: 2 sealed anew" in said
    assert "tablets_quarantined.raw: 1 sealed anew" in said
    settings.FIELD_KEYS = NEW
    assert "everything sealed is under new" in run("--check")
    assert Client.objects.get(pk=client.pk).looks == "looks 0"
    assert FollowUp.objects.get(pk=seen_to.pk).risk is False
    assert open_kept(Quarantined.objects.get())[0]["args"]["text"] == "Kept"
    assert "sealed anew" not in run()


@pytest.mark.django_db
def test_what_cannot_be_opened_is_named(settings: Settings) -> None:
    (client,) = clients(make.agency(), 1)
    settings.FIELD_KEYS = NEW

    out = io.StringIO()
    with pytest.raises(CommandError, match="do not open"):
        call_command("rotate_field_keys", stdout=out, stderr=out)
    assert f"broken: followups_client|{client.key}|looks" in out.getvalue()


@pytest.mark.django_db
def test_a_row_that_was_read_before_is_not_written_back_under_the_former_key(settings: Settings) -> None:
    (client,) = clients(make.agency(), 1)
    unopened, opened = Client.objects.get(pk=client.pk), Client.objects.get(pk=client.pk)
    assert opened.looks == "looks 0"
    settings.FIELD_KEYS = BOTH
    run()

    for late in (unopened, opened):
        with open_door(by="system:test", at=NOON):
            late.save()
        assert set(keys_used(next(place for place in places() if str(place) == "followups_client.looks"))) == {"new"}


@pytest.mark.django_db(transaction=True)
def test_two_thousand_rows_change_their_key_while_writers_go_on(settings: Settings) -> None:
    rows = clients(make.agency(), 2_000)
    settings.FIELD_KEYS = BOTH
    stop, wrote = Event(), [0]

    def write() -> None:
        try:
            while not stop.is_set():
                wrote[0] += 1
                with open_door(by="system:test", at=NOON):
                    for row in Client.objects.filter(pk__in=[row.pk for row in rows[::200]]).select_for_update():
                        row.looks = f"written {wrote[0]}"
                        row.save(update_fields=["looks"])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            run()
        finally:
            stop.set()
        writer.result()

    settings.FIELD_KEYS = NEW
    written = {row.pk for row in rows[::200]}
    for number, row in enumerate(Client.objects.order_by("pk")):
        assert row.looks == (f"written {wrote[0]}" if row.pk in written else f"looks {number}")


@pytest.mark.django_db
def test_no_guard_of_a_table_stands_in_the_way_of_a_new_key() -> None:
    """
    A table that is append-only and holds sealed columns names them to its guard (journal.triggers.append_only).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE tgfoid = 'journal_refuse_change'::regproc AND tgname LIKE '%%_append_only'"
        )
        guards = dict(cursor.fetchall())
    for model in apps.get_models():
        columns = {str(field.column) for field in sealed_fields(model)}
        guard = guards.get(model._meta.db_table)
        if columns and guard is not None:
            wanted = append_only("x", sealed=tuple(sorted(columns))).sql
            assert all(f"'{column}'" in guard for column in columns), (model, wanted)
