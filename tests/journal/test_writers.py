"""
Two writers on one stream, ten thousand times, committing in the other order than they began: no reader misses anything.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from time import sleep

import pytest
from django.db import connection

from dispatch.models import CallType
from journal.door import open_door
from journal.models import Entry
from journal.rebuild import differences, digest_differences
from journal.record import record
from tests.conftest import NOON
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make
from tests.replica import Replica, fresh, number_of

PAIRS = 10_000


def closing_its_connection(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run


def write(row: CallType, turn: int, *, before_commit: Callable[[], object]) -> None:
    with open_door(by="system:test", at=NOON):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE dispatch_calltype SET label = %s WHERE id = %s", [str(turn), row.pk])
        record("test.turn", agency_id=row.agency_id, about=f"call_type.{row.pk}", data={}, by="system:test", at=NOON)
        before_commit()


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.django_db(transaction=True)
def test_every_reader_converges_when_commits_are_inverted() -> None:
    agency = make.agency()
    # The subject whose documents cost the least: what is tested is the order of numbers and commits.
    first, second = make_dispatch.call_type(agency), make_dispatch.call_type(agency)
    stream = f"reference.{agency.pk}"
    start = number_of(stream)
    readers = [Replica(stream), Replica(stream)]
    begun, committed, done = Semaphore(0), Semaphore(0), Event()

    def begin_first() -> None:
        for turn in range(PAIRS):
            # Even turns force the inversion; odd turns let both run into the streams' locks at once.
            inverted = turn % 2 == 0

            def let_the_other_pass(inverted: bool = inverted) -> None:
                begun.release()
                if inverted:
                    committed.acquire()

            write(first, turn, before_commit=let_the_other_pass)
            if not inverted:
                committed.acquire()

    def commit_first() -> None:
        for turn in range(PAIRS):
            begun.acquire()
            write(second, turn, before_commit=lambda: None)
            committed.release()

    def read(reader: Replica) -> None:
        while not done.is_set():
            before = reader.number
            reader.pull()
            assert reader.number >= before
            sleep(0.05)

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(closing_its_connection(lambda reader=reader: read(reader))) for reader in readers]  # type: ignore[misc]
        writing = [pool.submit(closing_its_connection(work)) for work in (begin_first, commit_first)]
        try:
            for future in writing:
                future.result()
        finally:
            done.set()
        for future in reading:
            future.result()

    assert number_of(stream) == start + 2 * PAIRS
    for reader in readers:
        reader.pull()
        assert reader.documents == fresh(stream)
    entries = Entry.objects.filter(stream=f"journal.{agency.pk}")
    assert list(entries.order_by("number").values_list("number", flat=True)) == list(range(1, len(entries) + 1))
    assert list(differences()) == []
    assert list(digest_differences()) == []
