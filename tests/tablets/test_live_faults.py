"""
The live line while things break: Redis, Postgres, the reader, a reader at the other end that does not read.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event, Thread

import psycopg
import pytest
from django.db import connection

from journal.door import open_door
from responders.models import Duty, Unit
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.tablets.conftest import PROCESS_NAME, run_live
from tests.tablets.lines import LiveProcess, Replica
from tests.tablets.test_live import change, fresh, hear_until, unit_in_area

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_frames_go_on_without_redis(private_redis: tuple[str, Callable[[], None]]) -> None:
    redis_url, kill = private_redis
    unit = unit_in_area()
    tablet = make_tablets.crewed(unit)
    with run_live(redis_url=redis_url) as process, process.line(tablet.client) as line:
        replica = Replica()
        line.next("hello")
        replica.pull(tablet.client)
        delays = []
        # Our own hints go to another Redis than this process listens to: none arrives, with its Redis alive or dead.
        for turn in range(6):
            if turn == 3:
                kill()
            began = time.monotonic()
            change(unit, f"turn {turn}")
            hear_until(line, replica, {f"unit.{unit.pk}": replica.numbers[f"unit.{unit.pk}"] + 1}, within=4)
            delays.append(time.monotonic() - began)

        assert max(delays) < 2.6
        assert replica.documents == fresh(tablet).documents
        assert "Traceback" not in process.log()


def test_a_process_that_never_had_redis_serves_all_the_same(
    private_redis: tuple[str, Callable[[], None]],
) -> None:
    redis_url, _ = private_redis
    unit = unit_in_area()
    tablet = make_tablets.crewed(unit)
    with run_live(redis_url=redis_url.replace("redis.sock", "nowhere.sock")) as process:
        with process.line(tablet.client) as line:
            hello = line.next("hello")
            time.sleep(3)
            change(unit, "no redis")

            assert line.next("frame", within=2.6)["prev"] == hello["streams"][f"unit.{unit.pk}"]
        assert "Traceback" not in process.log()


def test_frames_go_on_after_postgres_cut_every_connection(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    tablet = make_tablets.crewed(unit)
    with live_server_process.line(tablet.client) as line:
        replica = Replica()
        line.next("hello")
        replica.pull(tablet.client)
        for turn in range(3):
            cut_connections()
            change(unit, f"turn {turn}")
            hear_until(line, replica, {f"unit.{unit.pk}": replica.numbers[f"unit.{unit.pk}"] + 1}, within=4)

    assert replica.documents == fresh(tablet).documents


def test_a_reader_that_stands_still_closes_its_lines_and_starts_again(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    tablets = [make_tablets.crewed(unit) for _ in range(5)]
    with ExitStack() as stack:
        lines = [stack.enter_context(live_server_process.line(tablet.client)) for tablet in tablets]
        for line in lines:
            line.next("hello")
        # Its next look waits for this lock, as it would for a disk or a network that has stopped answering.
        with locked("journal_stream"):
            began = time.monotonic()
            ends = [line.wait_closed(within=8) for line in lines]
            took = time.monotonic() - began

        assert {code for code, _ in ends} == {4503}
        assert took < 7
    with live_server_process.line(tablets[0].client) as line:
        hello = line.next("hello", within=8)
        change(unit, "again")
        frame = line.next("frame", within=4)
    assert frame["prev"] == hello["streams"][frame["s"]]
    assert "Traceback" not in live_server_process.log()


def test_a_process_that_was_stopped_asks_its_lines_to_come_back(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        os.kill(live_server_process.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(live_server_process.pid, signal.SIGCONT)

        assert line.wait_closed(within=3)[0] == 4503


def test_a_client_that_does_not_read_delays_nobody_and_is_closed(live_server_process: LiveProcess) -> None:
    agency = make.agency()
    area = make.area(agency)
    unit = make.unit(agency, areas=[area])
    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        others = [Unit.objects.create(agency=agency, call_sign=f"FILL {number}") for number in range(120)]
        for other in others:
            other.areas.add(area)
    slow, quick = make_tablets.crewed(unit), make_tablets.crewed(unit)
    names = [f"area.{area.pk}", f"unit.{unit.pk}"]
    with ExitStack() as stack:
        # It takes its hello and then nothing more: the buffers on the way fill, and the server's send would wait.
        stalled = stack.enter_context(live_server_process.line(slow.client))
        stalled.next("hello")
        line = stack.enter_context(live_server_process.line(quick.client))
        replica = Replica()
        line.next("hello")
        replica.pull(quick.client)
        delays = []
        for turn in range(60):
            with open_door(by=make.SCENE, at=datetime.now(UTC)):
                Unit.objects.filter(agency=agency).update(duty=Duty.AVAILABLE if turn % 2 else Duty.MEAL)
            began = time.monotonic()
            hear_until(line, replica, {each: replica.numbers[each] + 1 for each in names}, within=4)
            delays.append(time.monotonic() - began)

        assert sorted(delays)[-3] < 0.5
        assert replica.documents == fresh(quick).documents
        code, frames = stalled.wait_closed(within=15)
        assert code == 4429
        # Bounded: what it got is what fits in the buffers and in its lane, not all that was sent.
        assert len(frames) < 60 * len(names)
        line.say('{"t":"ping"}')
        line.next("pong")


def cut_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [PROCESS_NAME],
        )


class locked:  # noqa: N801  reads as a verb: with locked("table")
    """
    Holds a table's strongest lock for the length of a block, on a connection of its own.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._locked, self._done = Event(), Event()
        self._thread = Thread(target=self._hold, args=(dict(connection.get_connection_params()),))

    def _hold(self, parameters: dict[str, object]) -> None:
        wanted = {
            name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters
        }
        with psycopg.connect(**wanted) as other:  # type: ignore[arg-type]  # as Django gives them
            other.execute(f"LOCK TABLE {self._table} IN ACCESS EXCLUSIVE MODE")
            self._locked.set()
            self._done.wait(30)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._locked.wait(10)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
