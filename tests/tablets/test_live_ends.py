"""
When a line ends: revoked, signed off, disabled, expired; too many, too fast, too large.
"""

import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from journal.door import open_door
from responders.actions import shifts
from responders.actors import Actor
from responders.models import EndReason, Person, Shift
from tablets.actions import registry
from tablets.models import SignOn
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.security.clients import desk_client
from tests.tablets.lines import LiveProcess, Socket
from tests.tablets.test_live import change, unit_in_area

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_lines_of_revoked_tablets_close_in_five_seconds_and_hear_nothing_after(
    live_server_process: LiveProcess,
) -> None:
    unit = unit_in_area()
    supervisor = make.actor(make.person(unit.agency, "SUPERVISOR"))
    tablets = [make_tablets.crewed(unit) for _ in range(50)]
    untouched = make_tablets.crewed(unit)
    with ExitStack() as stack:
        lines = [stack.enter_context(live_server_process.line(tablet.client)) for tablet in tablets]
        other = stack.enter_context(live_server_process.line(untouched.client))
        for line in [*lines, other]:
            line.next("hello")

        for tablet in tablets:
            revoke(tablet, supervisor)
        revoked_at = time.monotonic()
        ends = [line.wait_closed(within=6) for line in lines]
        took = time.monotonic() - revoked_at
        change(unit, "after the end")

        assert {code for code, _ in ends} == {4401}
        assert took < 5
        assert heard(other, unit.pk) == "after the end"
        for line in lines:
            with pytest.raises(ConnectionClosed):
                line.connection.recv(timeout=0)


def test_no_frame_follows_once_a_revoked_line_was_told(live_server_process: LiveProcess) -> None:
    unit = unit_in_area()
    supervisor = make.actor(make.person(unit.agency, "SUPERVISOR"))
    tablet = make_tablets.crewed(unit)
    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        revoke(tablet, supervisor)
        until = time.monotonic() + 5
        turn = 0
        while line.connection.close_code is None and time.monotonic() < until:
            turn += 1
            change(unit, f"turn {turn}")
            # Nobody reads the line meanwhile: more than its buffers hold would close it as too slow instead.
            time.sleep(0.02)
        code, frames = line.wait_closed(within=1)

    assert code == 4401
    # Frames of the seconds before the check are there; the close came after every one of them.
    assert [frame["n"] for frame in frames if frame.get("s") == f"unit.{unit.pk}"] == sorted(
        frame["n"] for frame in frames if frame.get("s") == f"unit.{unit.pk}"
    )


def test_signing_off_at_the_tablet_closes_its_line(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")

        assert tablet.client.post("/api/tablets/sign-off/").status_code == 204

        assert line.wait_closed(within=5)[0] == 4401


def test_the_end_of_the_shift_closes_the_line(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    shift = Shift.objects.get(sign_ons__tablet=tablet.tablet)
    with live_server_process.line(tablet.client) as line:
        line.next("hello")

        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            shifts.end(shift_id=shift.pk, reason=EndReason.NOTHING_OPEN, by=make.SCENE, at=datetime.now(UTC))

        assert line.wait_closed(within=5)[0] == 4401


@pytest.mark.parametrize("withdrawn", [{"is_active": False}, {"access_epoch": 99}])
def test_withdrawing_a_responders_access_closes_the_line(
    live_server_process: LiveProcess, withdrawn: dict[str, object]
) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")

        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            Person.objects.filter(shifts__sign_ons__tablet=tablet.tablet).update(**withdrawn)

        assert line.wait_closed(within=5)[0] == 4401


def test_a_sign_on_ends_after_twelve_hours(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")

        with open_door(by=make.SCENE, at=datetime.now(UTC)):
            SignOn.objects.filter(tablet=tablet.tablet).update(
                started_at=datetime.now(UTC) - timedelta(hours=12), expires_at=datetime.now(UTC)
            )

        assert line.wait_closed(within=5)[0] == 4401


def test_a_desk_line_ends_with_its_session(live_server_process: LiveProcess) -> None:
    agency = make.agency()
    dispatcher = make.person(agency, "DISPATCHER")
    client = desk_client(dispatcher)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    with live_server_process.line(client, headers={"Cookie": cookie}) as line:
        hello = line.next("hello")

        client.session.flush()

        assert line.wait_closed(within=5)[0] == 4401
    assert set(hello["streams"]) == {f"desk.{agency.pk}", f"reference.{agency.pk}"}


def test_a_desk_ticket_without_its_session_opens_nothing(live_server_process: LiveProcess) -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"))

    with live_server_process.line(client) as line:
        assert line.wait_closed() == (4403, [])


def test_the_fourth_line_of_a_tablet_closes_its_first(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with ExitStack() as stack:
        lines = [stack.enter_context(live_server_process.line(tablet.client)) for _ in range(3)]
        for line in lines:
            line.next("hello")
            line.say('{"t":"ping"}')
            line.next("pong")

        stack.enter_context(live_server_process.line(tablet.client)).next("hello")

        assert lines[0].wait_closed()[0] == 4429
        lines[1].say('{"t":"ping"}')
        lines[1].next("pong")


def test_sixty_messages_at_once_are_answered_and_a_hundred_are_too_many(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        for _ in range(60):
            line.say('{"t":"ping"}')
        for _ in range(60):
            line.next("pong")
        # The line may end while this still talks.
        with suppress(ConnectionClosed):
            for _ in range(100):
                line.say('{"t":"ping"}')

        assert line.wait_closed()[0] == 4429


def test_a_message_of_64_kib_is_answered_and_one_byte_more_is_too_much(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    with live_server_process.line(tablet.client) as line:
        line.next("hello")
        line.say(" " * (64 * 1024 - 12) + '{"t":"ping"}')
        line.next("pong")
        line.say(" " * (64 * 1024 - 11) + '{"t":"ping"}')

        assert line.wait_closed()[0] == 1009


def revoke(tablet: make_tablets.Paired, by: Actor) -> None:
    with open_door(by=by, at=datetime.now(UTC)):
        registry.revoke(tablet=tablet.tablet.pk, by=by, at=datetime.now(UTC))


def heard(line: Socket, unit_id: int) -> str:
    while True:
        frame = line.next("frame")
        if frame["s"] == f"unit.{unit_id}" and frame["d"][0]["b"]["duty_reason"] == "after the end":
            return str(frame["d"][0]["b"]["duty_reason"])
