"""
Words of one report that arrive at one moment, and two reports about one person.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from dispatch.models import AssignmentStatus, Flag
from followups.actions import clients, merges
from followups.models import Client, Encounter, Met, Plan, Signing
from journal.door import Answer, open_door
from journal.kinds import kinds
from journal.rebuild import differences
from tests.conftest import NOON
from tests.factories import dispatch
from tests.factories import encounters as make
from tests.factories import responders as people
from tests.factories.encounters import body, new, say, write

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Answer]) -> list[Answer]:
    """
    Return what each was answered, all begun at one moment.
    """
    # As in every process that serves, what can be asked for is known before anybody asks.
    kinds()
    start = Barrier(len(acts))

    def run(act: Callable[[], Answer]) -> Answer:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_the_first_words_of_a_report_that_come_together_begin_one() -> None:
    of = make.scene()
    args: dict[str, Any] = {"encounter": str(uuid4()), "assignment": make.seen_to(of).pk}

    answers = at_once(
        *(
            lambda revision=revision: say(
                of.tablet, "encounter.save", **args, revision=revision, body=body(notes=f"word {revision}")
            )
            for revision in (1, 2, 3)
        )
    )

    assert all(answer.applied for answer in answers), [answer.body for answer in answers]
    row = Encounter.objects.get()
    assert (row.revision, row.draft["notes"]) == (3, "word 3")
    assert list(differences()) == []


def test_a_report_that_is_signed_twice_at_once_is_signed_once() -> None:
    of = make.scene()
    args: dict[str, Any] = {
        "encounter": str(uuid4()),
        "assignment": make.seen_to(of).pk,
        "revision": 1,
        "body": body({**new("Jo"), "follow_up": "YES"}),
    }

    answers = at_once(*[lambda: say(of.tablet, "encounter.sign", **args)] * 3)

    assert all(answer.applied for answer in answers), [answer.body for answer in answers]
    counts = [model.objects.count() for model in (Signing, Met, Client, Plan)]
    assert counts == [1, 1, 1, 1]
    assert not Flag.objects.exists()


def test_two_crews_who_met_one_person_leave_them_one_plan() -> None:
    of = make.scene()
    first = make.seen_to(of)
    write(of, first, body({**new("Jo"), "follow_up": "NO"}))
    [jo] = Client.objects.all()
    unit, other = dispatch.rival(of.agency, of.area)
    both = [make.seen_to(of), dispatch.assignment(of, unit=unit, status=AssignmentStatus.CLEARED)]
    by = people.actor(people.person(of.agency, "COORDINATOR"))
    for held in both:
        assert say(by, "client.link", client=jo.pk, call=held.call_id).applied
    said = body({"client": {"id": jo.pk}, "follow_up": "YES"})

    answers = at_once(
        *(
            lambda tablet=tablet, held=held: say(
                tablet, "encounter.sign", encounter=str(uuid4()), assignment=held.pk, revision=1, body=said
            )
            for tablet, held in zip((of.tablet, other), both, strict=True)
        )
    )

    assert all(answer.applied for answer in answers), [answer.body for answer in answers]
    assert Plan.objects.filter(client=jo, state="OPEN").count() == 1
    assert Met.objects.filter(client=jo).count() == 3
    assert list(differences()) == []


def test_records_that_were_merged_are_locked_in_the_order_of_those_that_stand() -> None:
    of = make.scene()
    by = people.actor(people.person(of.agency, "COORDINATOR"))
    first, second, third = (say(by, "client.create", name=name).body["client"] for name in ("One", "Two", "Three"))
    assert say(by, "client.merge", kept=third, absorbed=first).applied
    pid: Queue[int] = Queue()

    def lock() -> dict[int, int]:
        with open_door(by=by, at=NOON), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid.put(cursor.fetchone()[0])
            return {
                asked_for: row.pk
                for asked_for, row in clients.standing_each([first, second], agency_id=of.agency.pk).items()
            }

    with ThreadPoolExecutor(1) as pool:
        with open_door(by=by, at=NOON):
            Client.objects.lock(second)
            got = pool.submit(in_own_connection, lock)
            waits_for_a_lock(pid.get(timeout=10))
            # Whoever waits for the second holds nothing behind it, so that these two become one without a deadlock.
            merges.merge(kept_id=third, absorbed_id=second, by=by, at=NOON)
        assert got.result(10) == {first: third, second: third}


def in_own_connection(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connection.close()


def waits_for_a_lock(pid: int) -> None:
    """
    Return once a connection waits for a lock.
    """
    until = monotonic() + 10
    with connection.cursor() as cursor:
        while monotonic() < until:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)", [pid])
            if cursor.fetchone()[0]:
                return
            sleep(0.01)
    raise AssertionError("it waits for nothing")
