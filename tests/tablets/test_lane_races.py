"""
One lane, several hands: the page, the worker behind it and a retry, at the same moment, and a server that dies between.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from dispatch.models import Assignment, Call, Note
from journal import door
from journal.kinds import kinds
from journal.models import Entry, Receipt
from journal.rebuild import differences, digest_differences
from responders.models import Shift, Unit
from tablets import lanes
from tablets.authentication import standing_of_token
from tablets.exchange import read_exchange
from tablets.models import Installation, Quarantined
from tablets.postgres import connection_arguments
from tests.factories import dispatch as make_calls
from tests.factories import tablets as make_tablets
from tests.tablets.lines import Replica
from tests.tablets.queues import JSON, Crew, Queue, crew

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let a queue be taken in one request, on however slow a machine.
    """
    monkeypatch.setattr(lanes, "BUDGET_SECONDS", 60.0)


def together(*works: Callable[[], Any]) -> list[Any]:
    """
    Run these at the same moment, each in a thread with a connection of its own.
    """
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            start.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result() for one in [pool.submit(run, work) for work in works]]


def notes(of: Crew, count: int) -> list[JSON]:
    """
    Return facts that always apply.
    """
    call = of.held().call_id
    return [of.queue.action("call.note", {"call": call, "text": str(number)}) for number in range(count)]


def assert_whole() -> None:
    """
    Check that readers hold what the tables say, and that no number is missing.
    """
    assert list(differences()) == []
    assert list(digest_differences()) == []
    for stream in Entry.objects.values_list("stream", flat=True).distinct():
        numbers = list(Entry.objects.filter(stream=stream).order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))


def test_page_worker_and_retry_send_the_same_and_it_is_done_once() -> None:
    of = crew()
    actions = notes(of, 12)

    answers = together(*([lambda: of.queue.post(*actions).json()["answers"]] * 5))

    first = [{name: value for name, value in one.items() if name != "replayed"} for one in answers[0]]
    for other in answers:
        assert [{name: value for name, value in one.items() if name != "replayed"} for one in other] == first
    fresh = [one for each in answers for one in each if "replayed" not in one]
    assert sorted(one["seq"] for one in fresh) == list(range(1, 13))
    assert Note.objects.count() == 12
    assert Installation.objects.get().last_seq == 12
    assert_whole()


def test_parts_that_overtake_each_other_end_in_order() -> None:
    of = crew()
    actions = notes(of, 9)
    parts = [actions[:3], actions[3:6], actions[6:]]

    for _ in range(10):
        together(*[partial(of.queue.post, *part) for part in reversed(parts)])

    texts = list(Note.objects.order_by("pk").values_list("text", flat=True))
    assert texts == [str(number) for number in range(9)]
    assert Receipt.objects.filter(lane=of.queue.installation).count() == 9


def rest(of: Crew, action: JSON) -> Any:
    """
    Send an action to its own address, as an app that is online may.
    """
    body = {"id": action["id"], "args": action["args"]}
    return of.queue.paired.client.post(f"/api/actions/{action['kind']}/", body, content_type="application/json")


def test_an_action_that_is_sent_by_both_doors_at_once_is_done_once() -> None:
    of = crew()
    for _ in range(6):
        (action,) = notes(of, 1)
        together(partial(of.queue.post, action), partial(rest, of, action))

    assert Note.objects.count() == 6
    assert not Quarantined.objects.exists()
    assert Installation.objects.get().last_seq == 6


def test_of_two_tablets_that_take_one_call_from_their_queues_one_wins() -> None:
    for _ in range(5):
        of = crew()
        unit, _ = make_calls.rival(of.scene.agency, of.scene.area, at=datetime.now(UTC))
        rival = Crew(
            make_calls.Scene(of.scene.agency, of.scene.area, unit, of.scene.tablet, of.scene.dispatcher), *sit(unit)
        )
        call = of.call()
        asked = [(each, each.queue.action("call.self_dispatch", {"call": call.pk})) for each in (of, rival)]

        sent = together(*[partial(each.queue.post, one) for each, one in asked])
        answers = [answer.json()["answers"][0] for answer in sent]

        assert sorted(answer["status"] for answer in answers) == ["applied", "refused"]
        assert Assignment.objects.filter(call=call).count() == 1


def sit(unit: Unit) -> Any:
    """
    Return the queue of a new tablet of a unit, and who is signed on at it.
    """
    paired = make_tablets.paired(unit)
    person = Shift.objects.filter(unit=unit).first().person  # type: ignore[union-attr]  # it has a crew
    make_tablets.signed_on(paired.tablet, person)
    return Queue(paired, person), person


def lose_a_deadlock(held: Assignment) -> None:
    """
    Run into a real deadlock, inside a door, as the one that Postgres ends.

    Postgres ends whoever has waited for a second when there is a circle. So this side waits first, and the other closes
    the circle when it sees that.
    """
    Call.objects.lock(held.call_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    has_unit = Event()

    def other() -> None:
        try:
            with transaction.atomic():
                Unit.objects.lock(held.unit_id)
                has_unit.set()
                with connection.cursor() as cursor:
                    waits = False
                    while not waits:
                        cursor.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [pid])
                        waits = bool(cursor.fetchone()[0])
                Call.objects.lock(held.call_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        opponent = pool.submit(other)
        has_unit.wait(10)
        try:
            Unit.objects.lock(held.unit_id)
        finally:
            # The locks go with the transaction that was ended: the other one comes through.
            connection.connection.rollback()
            opponent.result(10)


def test_a_deadlock_is_tried_again_and_nobody_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    held = of.held()
    kind = kinds()["call.note"]
    lost: list[str] = []

    def act(**given: Any) -> Any:
        if not lost:
            try:
                lose_a_deadlock(held)
            except OperationalError as error:
                lost.append(str(getattr(error.__cause__, "sqlstate", "")))
                raise
        return kind.act(**given)

    monkeypatch.setitem(kinds(), "call.note", replace(kind, act=act))

    answers = of.queue.post(*notes(of, 2)).json()["answers"]

    assert lost == ["40P01"]
    assert [one["status"] for one in answers] == ["applied", "applied"]
    assert Note.objects.count() == 2
    assert not Quarantined.objects.exists()
    assert_whole()


def test_an_action_that_deadlocks_again_and_again_is_kept_and_those_behind_it_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = crew()
    held = of.held()
    lost: list[str] = []

    def act(**_: Any) -> Any:
        try:
            lose_a_deadlock(held)
        except OperationalError as error:
            lost.append(str(getattr(error.__cause__, "sqlstate", "")))
            raise

    monkeypatch.setitem(kinds(), "unit.duty", replace(kinds()["unit.duty"], act=act))
    poisoned = of.queue.action("unit.duty", {"duty": "MEAL"})

    answers = of.queue.post(poisoned, *notes(of, 1)).json()["answers"]

    assert lost == ["40P01"] * lanes.TRIES
    assert [(one["status"], one.get("code")) for one in answers] == [
        ("quarantined", "server_fault"),
        ("applied", None),
    ]
    assert_whole()


def test_a_bug_keeps_the_action_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()

    def act(**_: Any) -> Any:
        Note.objects.create(call_id=of.held().call_id, text="half", by="x", at=datetime.now(UTC))
        raise ZeroDivisionError("CANARY")

    monkeypatch.setitem(kinds(), "unit.duty", replace(kinds()["unit.duty"], act=act))
    poisoned = of.queue.action("unit.duty", {"duty": "MEAL"})
    (good,) = notes(of, 1)

    answers = of.queue.post(poisoned, good).json()["answers"]

    assert [one["status"] for one in answers] == ["quarantined", "applied"]
    assert list(Note.objects.values_list("text", flat=True)) == ["0"]
    assert_whole()


def test_whatever_goes_wrong_while_the_connection_is_lost_is_not_the_actions_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = crew()
    lost: list[int] = []
    kind = kinds()["call.note"]

    def act(**given: Any) -> Any:
        if not lost:
            lost.append(connection.connection.info.backend_pid)
            with psycopg.connect(autocommit=True, **connection_arguments()) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [lost[0]])
            # What a driver says of a connection that it has lost is not always what Django calls it.
            raise psycopg.OperationalError("the connection is closed")
        return kind.act(**given)

    monkeypatch.setitem(kinds(), "call.note", replace(kind, act=act))
    actions = notes(of, 2)

    assert of.queue.post(*actions).status_code == 503
    answers = of.queue.post(*actions).json()["answers"]

    assert [one["status"] for one in answers] == ["applied", "applied"]
    assert not Quarantined.objects.exists()
    assert_whole()


class Died(BaseException):
    """
    The process was killed.
    """


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
def test_a_server_that_dies_around_the_commit_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    of = crew()
    actions = notes(of, 3)
    settle, calls = door.settle, []

    def dying(*given: Any, **named: Any) -> Any:
        answer = settle(*given, **named)
        calls.append(1)
        if len(calls) == 2:
            if when == "after the commit":
                transaction.on_commit(die)
            else:
                die()
        return answer

    def die() -> None:
        raise Died

    monkeypatch.setattr(lanes, "settle", dying)
    with pytest.raises(Died):
        of.queue.post(*actions)
    monkeypatch.setattr(lanes, "settle", settle)
    connection.close()

    answers = of.queue.send(*actions)["answers"]

    replayed = [one.get("replayed", False) for one in answers]
    assert replayed == [True, when == "after the commit", False]
    assert [one["status"] for one in answers] == ["applied"] * 3
    assert Note.objects.count() == 3
    assert_whole()


def test_without_a_database_the_tablet_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    actions = notes(of, 2)

    def gone(**_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    kind = kinds()["call.note"]
    monkeypatch.setitem(kinds(), "call.note", replace(kind, act=gone))
    answer = of.queue.post(*actions)
    assert (answer.status_code, answer.json()["code"]) == (503, "server_busy")
    assert int(answer.headers["Retry-After"]) >= 2
    connection.close()
    monkeypatch.setitem(kinds(), "call.note", kind)

    assert [one["status"] for one in of.queue.send(*actions)["answers"]] == ["applied", "applied"]
    assert not Quarantined.objects.exists()


def test_a_database_that_is_gone_before_anything_is_known_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()

    def gone(*_: Any, **__: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr("tablets.authentication.standing_of_token", gone)
    answers = [of.queue.post(), of.queue.paired.client.post("/api/live-ticket")]
    monkeypatch.undo()
    connection.close()

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "server_busy")] * 2
    assert all(int(answer.headers["Retry-After"]) >= 2 for answer in answers)
    assert of.queue.send()["streams"]


def test_a_long_queue_leaves_time_for_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    of = crew()
    monkeypatch.setattr(lanes, "BUDGET_SECONDS", 0.0)
    actions = notes(of, 5)

    answer = of.queue.send(*actions)

    assert len(answer["answers"]) == 1
    assert answer["streams"]
    assert "expected_seq" not in answer
    for _ in range(4):
        answer = of.queue.send(*actions[answer["seq"] :])
    assert answer["seq"] == 5


def test_an_action_is_never_acknowledged_before_its_effect_can_be_seen() -> None:
    of = crew()
    actions = notes(of, 40)
    done = Event()

    def write() -> None:
        for action in actions:
            of.queue.post(action)
        done.set()

    def read() -> list[tuple[int, int]]:
        replica, seen = Replica(), []
        while not done.is_set():
            body = {
                "protocol": 1,
                "installation": str(of.queue.installation),
                "epoch": None,
                "streams": {name: replica.held(name) for name in replica.numbers},
            }
            answer = of.queue.paired.client.post("/api/sync", body, content_type="application/json").json()
            for name, given in answer["streams"].items():
                if given["reset"]:
                    replica.documents[name] = {}
                replica._apply(name, given["documents"])
                replica.numbers[name], replica.floors[name] = given["number"], given["floor"]
            own = replica.documents.get(f"unit.{of.scene.unit.pk}", {})
            seen.append((answer["seq"], sum(1 for collection, _ in own if collection == "note")))
        return seen

    _, seen = together(write, read)

    assert all(notes_seen >= seq for seq, notes_seen in seen), seen
    assert len(seen) > 3


def test_a_lane_that_is_held_up_holds_up_no_other() -> None:
    of, other = crew(), crew()
    of.queue.send()
    held, go = Event(), Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM tablets_installation WHERE id = %s FOR NO KEY UPDATE", [of.queue.installation]
            )
            held.set()
            go.wait(20)

    def send() -> Any:
        held.wait(10)
        answer = other.queue.post(*notes(other, 1)).json()
        # A pull of the lane that is held up needs no lock either.
        pull = of.queue.post().json()
        go.set()
        return answer, pull

    _, (answer, pull) = together(hold, send)

    assert answer["answers"][0]["status"] == "applied"
    assert pull["streams"]


def test_the_lane_is_the_first_lock() -> None:
    of = crew()
    (action,) = notes(of, 1)
    standing = standing_of_token(of.queue.paired.token, at=datetime.now(UTC))
    assert standing is not None
    statements: list[str] = []

    def keep(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    of.queue.send()
    request = {"protocol": 1, "installation": str(of.queue.installation), "actions": [action], "first_seq": 1}
    with connection.execute_wrapper(keep):
        taken = lanes.take(standing, read_exchange(request), received_at=datetime.now(UTC))

    assert [one.answer.status for one in taken.answers] == [200]
    assert statements[0].lstrip().startswith("UPDATE tablets_installation")
    assert statements[1].startswith("INSERT INTO journal_receipt")
    assert statements[2].startswith("SAVEPOINT")
