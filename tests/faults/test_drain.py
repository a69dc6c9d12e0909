"""
Two hundred tablets come back from where there was no signal, and while they send what they have, a part of the server
dies. Nothing that a tablet was told is done is lost, nothing is done twice, and the site is back within ten seconds.

A SIGKILL takes a process and leaves the kernel, so it says nothing about what a power cut leaves on the disk: that rests
on `fsync = on` and `synchronous_commit = on` of deploy/postgresql.conf, and on disks and controllers that do not lie.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from deploy.local.places import VENV
from tests.faults.drain import Drain, drain_of
from tests.faults.servers import Servers, has_small_disk, running_servers

TABLETS = 200
EACH = 4
BACK_WITHIN_S = 10.0
DRAINED_WITHIN_S = 120.0
DISK_FULL_FOR_S = 4.0

pytestmark = [pytest.mark.race, pytest.mark.timeout(400)]

_seeds = count(1)

FAULTS: dict[str, Callable[[Servers], None]] = {
    "web": lambda servers: servers.kill("web"),
    "worker": lambda servers: servers.kill("worker"),
    "beat": lambda servers: servers.kill("beat"),
    "redis": lambda servers: servers.kill("redis"),
    "redis-flushall": lambda servers: servers.flush_redis(),
    "postgres": lambda servers: servers.kill("postgres"),
    "postgres-backend": lambda servers: servers.kill_backend(),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """
    Yield servers that nobody else uses.
    """
    with running_servers(Servers) as up:
        yield up


@pytest.fixture(scope="module")
def scene(servers: Servers) -> list[dict[str, Any]]:
    """
    Return two hundred crews with calls.
    """
    told: list[dict[str, Any]] = json.loads(
        servers.run(str(VENV / "bin/python"), "-m", "tests.faults.scene", str(TABLETS))
    )
    return told


@pytest.fixture
def drain(servers: Servers, scene: list[dict[str, Any]]) -> Drain:
    """
    Return the crews, each with an app that has not been heard of yet.
    """
    return drain_of(scene, port=servers.port, seed=next(_seeds))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_acknowledged_outlives_the_death_of(fault: str, servers: Servers, drain: Drain) -> None:
    drain.queue(EACH)
    asked = drain.pending
    with drain.running():
        backs = []
        for share in (0.75, 0.4):
            _wait_until_pending(drain, at_most=asked * share)
            moment = time.monotonic()
            FAULTS[fault](servers)
            backs.append(_back(drain, moment))
        drained = drain.finish(DRAINED_WITHIN_S)
    assert drained, f"{drain.pending} of {asked} actions have no answer; {dict(drain.statuses)}\n{servers.tail()}"
    assert max(backs) <= BACK_WITHIN_S, f"back after {backs}\n{servers.tail()}"
    _check_nothing_lost_nothing_twice(servers, drain)


def test_what_was_acknowledged_outlives_a_full_disk(servers: Servers, drain: Drain) -> None:
    if not has_small_disk(servers):
        pytest.skip("a disk of its own, to be filled, can be mounted by root only")
    drain.queue(EACH)
    asked = drain.pending
    with drain.running():
        _wait_until_pending(drain, at_most=asked * 0.8)
        servers.fill_disk()
        time.sleep(DISK_FULL_FOR_S)
        servers.free_disk()
        back = _back(drain, time.monotonic())
        drained = drain.finish(DRAINED_WITHIN_S)
    assert drained, f"{drain.pending} of {asked} actions have no answer; {dict(drain.statuses)}\n{servers.tail()}"
    assert back <= BACK_WITHIN_S, servers.tail()
    # Otherwise the disk was full and nobody noticed.
    assert any(status >= 500 for status in drain.statuses), dict(drain.statuses)
    _check_nothing_lost_nothing_twice(servers, drain)


def _wait_until_pending(drain: Drain, *, at_most: float) -> None:
    deadline = time.monotonic() + DRAINED_WITHIN_S
    while drain.pending > at_most:
        assert time.monotonic() < deadline, "the tablets do not get on"
        time.sleep(0.02)


def _back(drain: Drain, moment: float) -> float:
    deadline = moment + BACK_WITHIN_S * 3
    while time.monotonic() < deadline and drain.back_after(moment) == float("inf") and drain.pending:
        time.sleep(0.05)
    # Nothing was left to send: it had come back before anybody needed it.
    return drain.back_after(moment) if drain.pending else min(drain.back_after(moment), time.monotonic() - moment)


def _check_nothing_lost_nothing_twice(servers: Servers, drain: Drain) -> None:
    url = servers.env["DATABASE_URL"].replace("postgis://", "postgresql://")
    with psycopg.connect(url) as connection:
        notes = Counter(row[0] for row in connection.execute("SELECT text FROM dispatch_note"))
        entries = Counter(
            str(row[0])
            for row in connection.execute("SELECT action_id FROM journal_entry WHERE action_id IS NOT NULL")
        )
        receipts = {str(row[0]): row[1] for row in connection.execute("SELECT action_id, status FROM journal_receipt")}
        kept = connection.execute("SELECT code, message FROM tablets_quarantined").fetchall()
    # A server's trouble is not the action's: it waits, and is not put aside for a supervisor.
    assert kept == [], servers.said("is kept")
    for crew in drain.crews:
        for action in crew.tablet.store.outbox.values():
            name = action.args.get("text", "")
            assert crew.acknowledged[action.id] == "applied", action
            assert receipts[action.id] == 200, f"{action.kind} was acknowledged and has no receipt"
            assert entries[action.id] == 1, f"{action.kind} was done {entries[action.id]} times"
            assert not name or notes[name] == 1, f"a note is there {notes[name]} times"
        assert crew.tablet.store.mismatches == 0
    # It fails where a document or a digest differs.
    servers.manage("rebuild_documents", "--check")
