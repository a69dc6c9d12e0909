"""
The loop that rings: each step once, in time, whoever of several is dead.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from dispatch.backup.database import Pool
from dispatch.backup.schedule import REMINDER
from dispatch.backup.watch import Ringer, Watch, look
from tests.backup.asking import Asking, Scene, events, new_key, scene

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_due_is_rung_once(door: Asking, pool: Pool) -> None:
    here = scene()
    key = pressed(here, ago=31)

    look(pool, by="one")
    look(pool, by="two")

    rung = events(key, "RUNG")
    assert [event.step for event in rung] == [0, 1, 2]
    assert {event.by for event in rung} == {"one"}
    assert "UNITS" in rung[2].data["audience"]
    assert 900 < rung[2].data["late_ms"] < 5_000


def test_a_press_that_came_late_rings_at_once(door: Asking, pool: Pool) -> None:
    here, key = scene(), new_key()
    long_ago = (datetime.now(UTC) - timedelta(minutes=22)).isoformat()
    door.tablet(here.key, key=key, pressed_at=long_ago)

    look(pool)

    assert [event.step for event in events(key, "RUNG")] == [0]


def test_a_request_that_is_not_urgent_rings_the_desk_only_once(door: Asking, pool: Pool) -> None:
    here = scene()
    key = pressed(here, ago=100, level="NON_URGENT")

    look(pool)

    assert [(event.step, event.data["audience"]) for event in events(key, "RUNG")] == [(0, ["CONSOLES"])]


def test_raised_later_it_rings_like_what_it_is_now(door: Asking, pool: Pool) -> None:
    here = scene()
    key = pressed(here, ago=40, level="NON_URGENT")
    look(pool)

    door.tablet(here.key, "level/", key=key, level="EMERGENCY")
    look(pool)

    assert [event.step for event in events(key, "RUNG")] == [0, 1, 2]


def test_who_saw_it_is_reminded_every_minute(door: Asking, pool: Pool) -> None:
    here = scene()
    key = pressed(here, ago=200)
    event(key, "SEEN", ago=130)

    look(pool)

    assert [e.step for e in events(key, "RUNG")] == [0, 1, 2, 3, REMINDER + 1, REMINDER + 2]


def test_that_no_console_is_there_is_said_within_five_seconds(door: Asking, pool: Pool) -> None:
    here, key = scene(), new_key()
    with ringing(1):
        door.tablet(here.key, key=key)
        until(lambda: events(key, "NO_CONSOLE"), 5)

    assert (events(key, "NO_CONSOLE")[0].at - events(key, "RUNG")[0].at).total_seconds() < 5
    assert door.tablet(here.key, key=key).body["consoles"] == 0


def test_a_console_that_shows_it_is_somebody(door: Asking, pool: Pool) -> None:
    here = scene()
    session, console = here.session, str(uuid4())
    key = pressed(here, ago=10)
    door.console(session, console=console, kind="DESK", shown=[key], visible=True)

    look(pool)

    assert events(key, "NO_CONSOLE") == []
    assert door.tablet(here.key, key=key).body["consoles"] == 1


def test_a_console_that_is_heard_of_and_shows_nothing_is_nobody(door: Asking, pool: Pool) -> None:
    here = scene()
    session = here.session
    key = pressed(here, ago=10)
    door.console(session, console=str(uuid4()), kind="DESK", shown=[], visible=True)
    door.console(session, console=str(uuid4()), kind="DESK", shown=[key], visible=False)

    look(pool)

    assert len(events(key, "NO_CONSOLE")) == 1
    assert door.tablet(here.key, key=key).body["consoles"] == 0


def test_of_several_loops_each_step_is_rung_once_and_in_time_though_one_is_killed(door: Asking) -> None:
    here, key = scene(), new_key()
    with ringing(4) as ringers:
        door.tablet(here.key, key=key)
        until(lambda: events(key, "RUNG"), 3)
        end(ringers.pop())
        kill_all_connections_of_a_ringer()
        until(lambda: len(events(key, "RUNG")) == 2, 20)

    rung = events(key, "RUNG")
    assert [event.step for event in rung] == [0, 1]
    assert max(event.data["late_ms"] for event in rung) <= 2_000


def test_what_is_under_way_when_the_watch_stops_is_finished_first(door: Asking) -> None:
    here, key = scene(), pressed(scene(), ago=0)
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        door.pool.fetch("SELECT pg_sleep(0.5)", {})
        done.set()

    watch = Watch(door.pool, works=[("slow", work)])
    watch.start()
    assert begun.wait(5)
    watch.stop()

    assert done.is_set()
    assert events(key, "RUNG") != []
    # Postgres sees a moment later that somebody has hung up.
    until(lambda: backends("backup", "listen") == [], 5)
    # Nobody rings any more.
    door.tablet(here.key, key=(later := new_key()))
    time.sleep(1.5)
    assert events(later, "RUNG") == []


def pressed(here: Scene, *, ago: float, level: str = "EMERGENCY", silent: bool = False) -> str:
    key = new_key()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dispatch_backuppress (key, agency_id, unit_id, tablet_id, received_at, origin, via, level, service,"
            " silent, drill, raw) VALUES (%s, %s, %s, %s, now() - make_interval(secs => %s), 'TABLET', 'web', %s, 'POLICE',"
            " %s, false, '')",
            [key, here.of.agency.pk, here.of.unit.pk, here.tablet.pk, ago, level, silent],
        )
    return key


def event(key: str, kind: str, *, ago: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dispatch_backupevent (press, kind, at, by, data)"
            " VALUES (%s, %s, now() - make_interval(secs => %s), 'Dispatcher One', '{}')",
            [key, kind, ago],
        )


@contextmanager
def ringing(count: int) -> Iterator[list[Ringer]]:
    pools = [Pool(2) for _ in range(count)]
    ringers = [Ringer(pool) for pool in pools]
    for ringer in ringers:
        ringer.start()
    running = list(ringers)
    try:
        yield running
    finally:
        for ringer in running:
            end(ringer)
        for pool in pools:
            pool.close()


def end(ringer: Ringer) -> None:
    ringer.end()
    ringer.join(10)


def until(found: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not found():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def backends(*names: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE ANY(%s)",
            [[f"%-{name}" for name in names]],
        )
        return [name for (name,) in cursor.fetchall()]


def kill_all_connections_of_a_ringer() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE '%-listen' AND datname = current_database()"
        )
