"""
Backup on the live line, with a real live process: the answer is the durable state, and what happens is pushed.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import settings

from dispatch.backup.database import connect
from dispatch.models import Backup
from tests.backup.asking import Asking, Scene, events, key_for, new_key, presses, scene
from tests.factories import tablets
from tests.security.clients import desk_client
from tests.tablets.conftest import run_live
from tests.tablets.lines import LiveProcess, Socket, ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(transactional_db: None) -> Iterator[LiveProcess]:
    """
    Return a live process of this test's own: its loop rings what the test presses.
    """
    with run_live() as process:
        yield process


def test_a_frame_raises_and_what_happens_is_pushed(live: LiveProcess, door: Asking) -> None:
    here, key, console = scene(), new_key(), str(uuid4())
    tablet = tablets.crewed(here.of.unit)
    session = here.session
    socket = live.open(ticket(tablet.client))
    desk = desk_line(live, here)
    socket.next("hello")
    desk.next("hello")

    socket.say(json.dumps({"t": "backup", "key": key, "battery": 40}))
    told = socket.next("backup-state")
    hint = desk.next("backup")
    door.console(session, console=console, shown=[key])
    door.console(session, "seen/", key=key, console=console)
    seen = socket.next("backup-state")
    while seen["state"] == "RECEIVED":
        seen = socket.next("backup-state")

    (press,) = presses()
    assert (told["state"], told["key"], press.via, press.tablet_id) == ("RECEIVED", key, "live", tablet.tablet.pk)
    assert hint["key"] == key
    assert (seen["state"], seen["seen_by"]) == ("SEEN", "Dispatcher One")
    assert [event.step for event in events(key, "RUNG")] == [0]


def test_both_ways_at_once_are_one_press(live: LiveProcess, door: Asking) -> None:
    here, key = scene(), new_key()
    tablet = tablets.crewed(here.of.unit)
    own_key = key_for(tablet.tablet)
    socket = live.open(ticket(tablet.client))
    socket.next("hello")

    for _ in range(100):
        socket.say(json.dumps({"t": "backup", "key": key}))
        door.tablet(own_key, key=key)
    answers = [socket.next("backup-state") for _ in range(100)]

    assert {answer["state"] for answer in answers} == {"RECEIVED"}
    assert len(presses()) == 1


def test_a_desk_raises_nothing_on_its_line(live: LiveProcess, door: Asking) -> None:
    here = scene()
    desk = desk_line(live, here)
    desk.next("hello")

    desk.say(json.dumps({"t": "backup", "key": new_key()}))

    assert desk.next("error")["code"] == "unknown_frame"
    assert presses() == []


def test_a_process_that_is_told_to_end_files_what_it_is_at(door: Asking) -> None:
    here, key = scene(), new_key()
    with run_live() as process, connect("slow") as other, other.transaction():
        other.execute("LOCK TABLE dispatch_backup IN SHARE MODE")
        door.tablet(here.key, key=key)
        wait_for_a_writer(door)
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.5)

    assert Backup.objects.filter(press=key).exists()


def wait_for_a_writer(door: Asking) -> None:
    sql = "SELECT FROM pg_locks WHERE relation = 'dispatch_backup'::regclass AND NOT granted"
    until = time.monotonic() + 5
    while not door.pool.fetch(sql, {}):
        assert time.monotonic() < until, "nobody files"
        time.sleep(0.02)


def desk_line(live: LiveProcess, here: Scene) -> Socket:
    client = desk_client(here.dispatcher)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return live.open(ticket(client), headers={"Cookie": cookie})
