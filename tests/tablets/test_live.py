"""
The live line: what a tablet hears, and that it is all and nothing more.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from django.db import connection

from journal.door import open_door
from responders.models import Unit
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.tablets.conftest import PROCESS_NAME
from tests.tablets.lines import LiveProcess, Replica, Socket, sync

pytestmark = pytest.mark.django_db(transaction=True)


def change(unit: Unit, words: str) -> None:
    """
    Change something that everybody who hears of the unit can see.
    """
    with open_door(by=make.SCENE, at=datetime.now(UTC)), connection.cursor() as cursor:
        cursor.execute("UPDATE responders_unit SET duty_reason = %s WHERE id = %s", [words, unit.pk])


def unit_in_area() -> Unit:
    agency = make.agency()
    return make.unit(agency, areas=[make.area(agency)])


def hear_until(line: Socket, replica: Replica, numbers: dict[str, int], *, within: float = 10.0) -> None:
    """
    Apply frames until the replica has reached these numbers; every frame must follow on the one before.
    """
    while any(replica.numbers[name] < number for name, number in numbers.items()):
        assert replica.frame(line.next("frame", within=within)), "a frame was missed"


def test_a_line_says_hello_and_carries_what_changes(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    tablet = make_tablets.crewed(unit)
    before = sync(tablet.client)["streams"]

    with live_server_process.line(tablet.client) as line:
        hello = line.next("hello")
        change(unit, "flat tyre")
        frame = line.next("frame", within=1.5)

    assert hello["streams"] == {name: given["number"] for name, given in before.items()}
    assert (frame["prev"], frame["n"]) == (hello["streams"][frame["s"]], hello["streams"][frame["s"]] + 1)
    assert {document["c"] for document in frame["d"]} == {"unit"}
    assert frame["d"][0]["n"] == frame["n"]


def test_a_ping_is_answered(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())

    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        line.say('{"t":"ping"}')

        assert line.next("pong")["now"].endswith("Z")


def test_the_process_that_tests_share_does_nothing_by_itself(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE %s",
                [f"{PROCESS_NAME}%"],
            )
            names = {name for (name,) in cursor.fetchall()}

    assert PROCESS_NAME in names
    # Whoever rings listens, and what is rung would be filed.
    assert not {name for name in names if name.endswith(("-listen", "-backup"))}


def test_a_beat_tells_the_numbers(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())

    with live_server_process.line(tablet.client) as line:
        hello = line.next("hello")
        beat = line.next("beat", within=11)

    assert beat["streams"] == hello["streams"]


def test_two_hundred_rapid_transactions_make_one_chain(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    tablet = make_tablets.crewed(unit)
    replica = Replica()
    with live_server_process.line(tablet.client) as line:
        hello = line.next("hello")
        replica.pull(tablet.client)

        for turn in range(200):
            change(unit, f"turn {turn}")
        wanted = {name: given["number"] for name, given in sync(tablet.client)["streams"].items()}
        hear_until(line, replica, wanted)

    assert max(wanted.values()) >= max(hello["streams"].values()) + 200
    assert replica.documents == fresh(tablet).documents


def test_whoever_joins_in_the_middle_of_writing_misses_nothing(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    tablets = [make_tablets.crewed(unit) for _ in range(8)]
    rng = random.Random(7)

    def write() -> None:
        try:
            for turn in range(150):
                change(unit, f"{turn} {rng.random()}")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        writing = pool.submit(write)
        joined = []
        for tablet in tablets:
            replica = Replica()
            line = stack.enter_context(live_server_process.line(tablet.client))
            # A line first, then the exchange: what the exchange does not have yet comes as frames after the hello.
            hello = line.next("hello")
            replica.pull(tablet.client)
            joined.append((tablet, line, replica, hello))
        writing.result()
        for tablet, line, replica, hello in joined:
            wanted = {name: given["number"] for name, given in sync(tablet.client)["streams"].items()}
            assert all(replica.numbers[name] >= hello["streams"][name] for name in wanted)
            hear_until(line, replica, wanted)

            assert replica.documents == fresh(tablet).documents


def test_a_new_area_is_named_and_a_lost_one_no_longer(live_server_process: LiveProcess) -> None:
    agency = make.agency()
    first, second = make.area(agency), make.area(agency)
    unit = make.unit(agency, areas=[first])
    tablet = make_tablets.crewed(unit)

    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            unit.areas.set([second])
        named = line.next("streams", within=5)

        assert f"area.{second.pk}" in named["streams"]
        assert f"area.{first.pk}" not in named["streams"]

        other = make.crewed_unit(agency, areas=[first], at=datetime.now(UTC))
        change(other, "not yours")
        change(unit, "yours")
        frame = line.next("frame")
        while frame["s"] != f"unit.{unit.pk}" or frame["d"][0]["b"].get("duty_reason") != "yours":
            assert frame["s"] != f"area.{first.pk}"
            frame = line.next("frame")


def test_a_change_too_large_for_a_frame_is_told_by_its_number(live_server_process: LiveProcess) -> None:
    agency = make.agency()
    area = make.area(agency)
    unit = make.unit(agency, areas=[area])
    tablet = make_tablets.crewed(unit)
    replica = Replica()

    with live_server_process.line(tablet.client) as line:
        hello = line.next("hello")
        replica.pull(tablet.client)
        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            Unit.objects.bulk_create(
                Unit(agency=agency, call_sign=f"BULK {number}", retired_at=None) for number in range(600)
            )
            for other in Unit.objects.filter(agency=agency, call_sign__startswith="BULK"):
                other.areas.add(area)
        name = f"area.{area.pk}"
        told = line.next("beat", within=8)
        while told["streams"].get(name, 0) <= hello["streams"][name]:
            # The regular one may come first.
            told = line.next("beat", within=8)

        replica.pull(tablet.client)
        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            Unit.objects.filter(pk=unit.pk).update(call_sign="RENAMED")
        frame = line.next("frame")
        while frame["s"] != name or frame["n"] <= replica.numbers[name]:
            frame = line.next("frame")
        assert replica.frame(frame)
    replica.pull(tablet.client)
    assert replica.documents == fresh(tablet).documents


def fresh(tablet: make_tablets.Paired) -> Replica:
    """
    Return what a tablet holds that has never held anything.
    """
    replica = Replica()
    replica.pull(tablet.client)
    return replica
