"""
A new key for everything that is sealed: nothing is lost or renumbered, and nobody waits for it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from journal.door import answer_once, open_door
from journal.models import Document, Receipt, Stream
from journal.rebuild import differences, digest_differences
from journal.resealing import DOCUMENTS, RECEIPTS, keys_used, reseal
from journal.sealing import document_about, unseal
from journal.triggers import append_only
from tests.conftest import NOON
from tests.journal import sealed
from tests.journal.sealed import STREAMS

pytestmark = pytest.mark.django_db

OLD = {"old": b"o" * 32}
BOTH = {"new": b"n" * 32, "old": b"o" * 32}


@pytest.fixture(autouse=True)
def lines(settings: Settings) -> Iterator[None]:
    settings.FIELD_KEYS = OLD
    with sealed.table(), sealed.declared(settings):
        yield


def write(count: int) -> None:
    with open_door(by="system:test", at=NOON), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_tests_line (text) SELECT 'line ' || n FROM generate_series(1, %s) AS n", [count]
        )


def numbers() -> list[tuple[str, int, int]]:
    return sorted(Document.objects.values_list("document_id", "number", "pk"))


def test_documents_get_the_new_key_and_keep_their_numbers(settings: Settings) -> None:
    write(1200)
    before, streams = numbers(), list(Stream.objects.order_by("name").values_list())
    settings.FIELD_KEYS = BOTH
    assert keys_used(DOCUMENTS) == {"old": 2400}

    did = reseal(DOCUMENTS)

    assert (did.done, did.broken) == (2400, [])
    settings.FIELD_KEYS = {"new": BOTH["new"]}
    assert keys_used(DOCUMENTS) == {"new": 2400}
    assert (numbers(), list(Stream.objects.order_by("name").values_list())) == (before, streams)
    assert not [*differences(), *digest_differences()]
    assert reseal(DOCUMENTS).done == 0


def test_receipts_get_the_new_key_and_answer_as_before(settings: Settings) -> None:
    action_id = uuid4()

    def once(*, kept: bool = True) -> dict[str, object]:
        return answer_once(
            action_id=action_id,
            kind="test.do",
            args={},
            by="person:1",
            at=NOON,
            act=lambda: {"said": "word for word"},
            sealed=kept,
        ).body

    first = once()
    settings.FIELD_KEYS = BOTH
    assert reseal(RECEIPTS).done == 1
    settings.FIELD_KEYS = {"new": BOTH["new"]}

    assert once() == first
    assert (Receipt.objects.get().answer or "").startswith("§new.")


def test_what_is_broken_is_named_and_stops_nothing(settings: Settings) -> None:
    write(3)
    moved, other = Document.objects.order_by("pk")[:2]
    Document.objects.filter(pk=moved.pk).update(body=other.body)
    settings.FIELD_KEYS = BOTH

    did = reseal(DOCUMENTS)

    assert did.broken == [f"{moved.stream}|line|{moved.document_id}|{moved.number}"]
    assert did.done == 5


def test_plain_documents_are_left_as_they_are(settings: Settings) -> None:
    with sealed.declared(settings, sealed=False):
        write(2)
    before = list(Document.objects.order_by("pk").values_list("body", flat=True))
    settings.FIELD_KEYS = BOTH

    assert reseal(DOCUMENTS).done == 0
    assert list(Document.objects.order_by("pk").values_list("body", flat=True)) == before


def test_what_is_append_only_can_be_sealed_anew_and_nothing_else(settings: Settings) -> None:
    operation = append_only(sealed.TABLE, sealed=("text",))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_tests_line (text, said) VALUES ('§old.AAAA', 'a'); DELETE FROM journal_mark"
        )
        cursor.execute(str(operation.sql))

    def refused(sql: str, *, resealing: str = "on") -> bool:
        said = ""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL journal.resealing = '{resealing}'")
                cursor.execute(sql)
                cursor.execute("SET LOCAL journal.resealing = 'off'; DELETE FROM journal_mark")
        except DatabaseError as error:
            said = str(error)
        assert not said or "append-only" in said
        return bool(said)

    assert not refused("UPDATE journal_tests_line SET text = '§new.AAAA'")
    assert refused("UPDATE journal_tests_line SET text = '§new.AAAB'", resealing="off")
    assert refused("UPDATE journal_tests_line SET text = 'plain'")
    assert refused("UPDATE journal_tests_line SET text = '§new.AAAC', said = 'b'")
    assert refused("DELETE FROM journal_tests_line")
    with connection.cursor() as cursor:
        cursor.execute(str(operation.reverse_sql))
    assert not refused("DELETE FROM journal_tests_line")


def test_what_is_written_between_the_reading_and_the_sealing_stays(settings: Settings) -> None:
    write(3)
    line = min(int(row) for row in Document.objects.values_list("document_id", flat=True))
    settings.FIELD_KEYS = BOTH
    late: list[int] = []

    def about(*names: Any) -> str:
        # Asked for after a batch was read, and before any of it is replaced.
        if not late:
            late.append(line)
            with open_door(by="system:test", at=NOON):
                sealed.change(line, text="written meanwhile")
        return document_about(*names)

    did = reseal(replace(DOCUMENTS, about=about))

    assert (did.done, did.broken) == (4, [])
    assert not [*differences(), *digest_differences()]
    assert set(keys_used(DOCUMENTS)) == {"new"}


@pytest.mark.django_db(transaction=True)
def test_what_threads_hold_is_waited_for_alone(settings: Settings) -> None:
    write(20)
    held = Document.objects.order_by("pk")[3].pk
    settings.FIELD_KEYS = BOTH
    holds, release = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Document.objects.select_for_update(no_key=True).get(pk=held)
                holds.set()
                assert release.wait(20)
                # Whoever waited for this holder while holding another of its rows would wait for ever.
                list(Document.objects.select_for_update(no_key=True).order_by("-pk"))
        finally:
            connection.close()

    def change() -> int:
        try:
            return reseal(DOCUMENTS).done
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold)
        assert holds.wait(20)
        changing = pool.submit(change)
        until = monotonic() + 20
        while keys_used(DOCUMENTS) != {"new": 39, "old": 1} and monotonic() < until:
            sleep(0.02)
        assert keys_used(DOCUMENTS) == {"new": 39, "old": 1}
        release.set()
        holder.result()
        assert changing.result() == 40


@pytest.mark.django_db(transaction=True)
def test_threads_go_on_writing_while_the_key_changes(settings: Settings) -> None:
    """
    Writers never wait long, never fail, and nothing that they wrote is overwritten by an older text.
    """
    write(1000)
    settings.FIELD_KEYS = BOTH
    stop, wrote = Event(), [0, 0]

    def writer(which: int) -> None:
        try:
            while not stop.is_set():
                wrote[which] += 1
                with open_door(by="system:test", at=NOON):
                    for line in range(which + 1, 1001, 97):
                        sealed.change(line, said=f"{which} {wrote[which]}")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(writer, which) for which in range(2)]
        try:
            passes = 0
            while reseal(DOCUMENTS).done:
                passes += 1
        finally:
            stop.set()
        for one in writers:
            one.result()

    assert passes >= 1
    assert min(wrote) >= 1
    assert set(keys_used(DOCUMENTS)) == {"new"}
    assert not [*differences(), *digest_differences()]
    for which in range(2):
        row = Document.objects.get(stream=STREAMS[0], document_id=str(which + 1))
        about = document_about(row.stream, row.collection, row.document_id, row.number)
        assert f'"{which} {wrote[which]}"' in unseal(row.body or "", about=about)
