"""
Who is let in at the live line: origins, tickets, addresses.
"""

import http.client
import socket

import pytest
from django.db import connection
from websockets.exceptions import InvalidStatus

from tablets.secrets import hash_token
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.factories.tablets import ORIGIN
from tests.tablets.lines import LiveProcess, ticket

pytestmark = pytest.mark.django_db(transaction=True)

OURS = "http://localhost:8000"
REFUSED_ORIGINS = [
    None,
    "",
    "null",
    "http://localhost",
    "http://localhost:80",
    "http://localhost:8001",
    "http://localhost:80000",
    "https://localhost:8000",
    "ws://localhost:8000",
    "localhost:8000",
    "//localhost:8000",
    "http://localhost:8000/",
    "http://localhost:8000.evil.example",
    "http://localhost.evil.example:8000",
    "http://evil.example/localhost:8000",
    "http://evillocalhost:8000",
    "http://sub.localhost:8000",
    "http://user@localhost:8000",
    "HTTP://LOCALHOST:8000",
    "http://localhost:8000, http://localhost:8000",
    "http://[::1]:8000",
    "file://",
    "*",
]


def crewed_tablet() -> make_tablets.Paired:
    return make_tablets.crewed(make.unit(make.agency()))


def test_pages_of_elsewhere_are_refused_before_the_handshake(live_server_process: LiveProcess) -> None:
    unused = ticket(crewed_tablet().client)

    statuses = {}
    for origin in REFUSED_ORIGINS:
        with pytest.raises(InvalidStatus) as refused:
            live_server_process.open(unused, origin=origin)
        statuses[origin] = refused.value.response.status_code

    assert statuses == dict.fromkeys(REFUSED_ORIGINS, 403)
    # The strangers did not even use the ticket up.
    live_server_process.open(unused, origin=OURS).next("hello")


def test_two_origins_are_refused(live_server_process: LiveProcess) -> None:
    tablet = crewed_tablet()

    with pytest.raises(InvalidStatus):
        live_server_process.open(ticket(tablet.client), headers={"Origin": OURS})


def test_a_ticket_opens_one_line(live_server_process: LiveProcess) -> None:
    tablet = crewed_tablet()
    once = ticket(tablet.client)
    live_server_process.open(once).next("hello")

    code, frames = live_server_process.open(once).wait_closed()

    assert (code, frames) == (4403, [])


@pytest.mark.parametrize(("age", "is_let_in"), [(29, True), (31, False)])
def test_a_ticket_is_good_for_thirty_seconds(live_server_process: LiveProcess, age: int, is_let_in: bool) -> None:
    tablet = crewed_tablet()
    aged = ticket(tablet.client)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tablets_ticket SET made_at = now() - make_interval(secs => %s) WHERE ticket_hash = %s",
            [age, hash_token(aged)],
        )

    line = live_server_process.open(aged)

    if is_let_in:
        line.next("hello")
    else:
        assert line.wait_closed() == (4403, [])


def test_tickets_that_nobody_gave_open_nothing(live_server_process: LiveProcess) -> None:
    for made_up in ["", "x", "A" * 43, "A" * 100, "%00"]:
        assert live_server_process.open(made_up).wait_closed() == (4403, [])


def test_a_ticket_is_good_only_in_the_browser_that_got_it(live_server_process: LiveProcess) -> None:
    mine, other = crewed_tablet(), crewed_tablet()

    stolen = live_server_process.open(ticket(mine.client), headers={"Cookie": f"tablet={other.token}"})
    own = live_server_process.open(ticket(mine.client), headers={"Cookie": f"tablet={mine.token}"})

    assert stolen.wait_closed() == (4403, [])
    own.next("hello")


def test_other_subprotocols_are_refused(live_server_process: LiveProcess) -> None:
    given = ticket(crewed_tablet().client)

    for offered in [
        [],
        ["care.1"],
        [f"ticket.{given}"],
        ["care.2", f"ticket.{given}"],
        ["care.1", f"ticket.{given}", f"ticket.{given}"],
        ["care.1", "ticket." + "A" * 101],
    ]:
        with pytest.raises(InvalidStatus) as refused:
            live_server_process.open(None, subprotocols=offered)
        assert refused.value.response.status_code == 403


def test_a_ticket_in_the_address_is_not_a_ticket(live_server_process: LiveProcess) -> None:
    tablet = crewed_tablet()

    with pytest.raises(InvalidStatus):
        live_server_process.open(None, path=f"/live/?ticket={ticket(tablet.client)}", subprotocols=["care.1"])


def test_a_tablet_without_a_crew_gets_no_ticket() -> None:
    tablet = make_tablets.paired(make.unit(make.agency()))

    answer = tablet.client.post("/api/live-ticket")

    assert (answer.status_code, answer.json()["code"]) == (403, "nothing_to_hear")


def test_a_tablet_signed_off_after_its_ticket_is_not_let_in(live_server_process: LiveProcess) -> None:
    tablet = crewed_tablet()
    early = ticket(tablet.client)
    assert tablet.client.post("/api/tablets/sign-off/").status_code == 204

    assert live_server_process.open(early).wait_closed() == (4403, [])


def test_sockets_to_other_addresses_are_refused(live_server_process: LiveProcess) -> None:
    given = ticket(crewed_tablet().client)

    for path in ["/", "/live", "/live/x", "/liveX/", "/api/sync"]:
        with pytest.raises(InvalidStatus) as refused:
            live_server_process.open(given, path=path)
        assert refused.value.response.status_code == 403


def test_plain_http_finds_nothing_there(live_server_process: LiveProcess) -> None:
    statuses = {}
    for method, path in [
        ("GET", "/"),
        ("GET", "/live/"),
        ("POST", "/live/"),
        ("GET", "/admin/"),
        ("POST", "/api/sync"),
    ]:
        client = http.client.HTTPConnection("localhost")
        client.sock = socket.socket(socket.AF_UNIX)
        client.sock.connect(live_server_process.path)
        client.request(method, path)
        statuses[method, path] = client.getresponse().status
        client.close()

    assert statuses == {
        ("GET", "/"): 404,
        ("GET", "/live/"): 426,
        ("POST", "/live/"): 426,
        ("GET", "/admin/"): 404,
        ("POST", "/api/sync"): 404,
    }


def test_nothing_of_this_is_a_traceback_or_shows_a_ticket(live_server_process: LiveProcess) -> None:
    tablet = crewed_tablet()
    shown = ticket(tablet.client)
    live_server_process.open(shown, origin=ORIGIN).next("hello")

    assert "Traceback" not in live_server_process.log()
    assert shown not in live_server_process.log()
