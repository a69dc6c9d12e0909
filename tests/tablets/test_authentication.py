"""
A tablet's token: where it counts, where it does not, and when it is dead.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from journal.door import open_door
from tablets.actions import registry
from tablets.models import Contact, Tablet
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

OURS = {"X-Tablet": "1", "Origin": make_tablets.ORIGIN}


def crewed() -> make_tablets.Paired:
    return make_tablets.crewed(make.unit(make.agency()))


def browser(tablet: make_tablets.Paired, **headers: str) -> Client:
    client = Client(headers=headers)
    client.cookies["tablet"] = tablet.token
    return client


def post_sync(client: Client) -> tuple[int, str]:
    answer = client.post("/api/sync", {"protocol": 1}, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


def test_a_token_in_the_header_is_the_tablet() -> None:
    assert post_sync(crewed().client) == (200, "")


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 5_000, "Ä", "' OR 1=1 --", "\udcff".encode("utf-8", "surrogatepass").hex()]
)
def test_a_token_of_nobody_is_refused_with_one_query(token: str) -> None:
    crewed()
    with CaptureQueriesContext(connection) as queries:
        status, code = post_sync(Client(headers={"Authorization": f"Tablet {token}"}))

    assert (status, code) == (401, "tablet_unknown")
    assert len([query for query in queries if "tablets_tablet" in query["sql"]]) == 1


def test_a_revoked_tablet_is_told_to_erase_itself() -> None:
    tablet = crewed()
    by = make.actor(make.person(tablet.tablet.agency, "SUPERVISOR"))
    with open_door(by=by, at=datetime.now(UTC)):
        registry.revoke(tablet=tablet.tablet.pk, by=by, at=datetime.now(UTC))

    answer = tablet.client.get("/api/tablets/me/")
    exchange = tablet.client.post("/api/sync", {"protocol": 1}, content_type="application/json")

    assert answer.status_code == 401
    assert (answer.json()["code"], answer.json()["facts"]) == ("tablet_revoked", {"purge": True})
    # The exchange alone goes on: what the tablet has not sent yet is taken, and nothing comes down.
    assert exchange.status_code == 200
    assert (exchange.json()["purge"], exchange.json()["streams"]) == (True, {})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Tablet": "1", "Origin": make_tablets.ORIGIN}, 200),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "same-origin", "Origin": make_tablets.ORIGIN}, 200),
        ({"X-Tablet": "1"}, 403),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "cross-site", "Origin": make_tablets.ORIGIN}, 403),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "none"}, 403),
        ({"X-Tablet": "1", "Origin": "https://evil.example"}, 403),
        ({"X-Tablet": "1", "Origin": "null"}, 403),
        ({"X-Tablet": "1", "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8001"}, 403),
        ({"Origin": make_tablets.ORIGIN}, 401),
        ({"X-Tablet": "0", "Origin": make_tablets.ORIGIN}, 401),
        ({"X-Tablet": "true", "Origin": make_tablets.ORIGIN}, 401),
    ],
)
def test_the_cookie_counts_only_from_our_own_page(headers: dict[str, str], expected: int) -> None:
    assert post_sync(browser(crewed(), **headers))[0] == expected


def test_a_desk_session_in_the_same_browser_stays_the_desks() -> None:
    tablet = crewed()
    dispatcher = make.person(tablet.tablet.agency, "DISPATCHER")
    client = desk_client(dispatcher, headers={"Origin": make_tablets.ORIGIN})
    client.cookies["tablet"] = tablet.token

    as_desk = client.get("/api/session/")
    as_tablet = client.get("/api/tablets/me/", headers={"X-Tablet": "1"})

    assert as_desk.status_code == 200
    assert as_tablet.json()["tablet"] == tablet.tablet.pk


def test_a_browser_that_says_tablet_without_a_cookie_is_not_the_desk() -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"), headers=OURS)

    assert post_sync(client) == (401, "tablet_unknown")


def test_contact_is_written_once_in_ten_seconds() -> None:
    tablet = crewed()
    post_sync(tablet.client)
    first = Contact.objects.get(tablet=tablet.tablet).seen_at

    post_sync(tablet.client)
    assert Contact.objects.get(tablet=tablet.tablet).seen_at == first

    Contact.objects.update(seen_at=first - timedelta(seconds=10))
    post_sync(tablet.client)
    assert Contact.objects.get(tablet=tablet.tablet).seen_at > first


def test_a_tablet_reports_where_it_is_and_when_it_was_touched() -> None:
    tablet = crewed()
    now = datetime.now(UTC)
    body = {
        "lon": -122.33,
        "lat": 47.6,
        "accuracy_m": 5,
        "at": now.isoformat(),
        "touched_at": now.isoformat(),
        "battery": 80,
    }

    answer = tablet.client.post("/api/tablets/position/", body, content_type="application/json")
    positions = tablet.client.get("/api/positions/").json()["positions"]

    contact = Contact.objects.get(tablet=tablet.tablet)
    assert answer.status_code == 204, answer.content
    assert [(row["unit"], row["point"]) for row in positions] == [(tablet.tablet.unit_id, [-122.33, 47.6])]
    assert (contact.battery, contact.touched_at) == (80, now)


def test_the_desk_sees_positions_and_contacts_of_its_agency() -> None:
    tablet, stranger = crewed(), crewed()
    for each in (tablet, stranger):
        body = {"lon": -122.33, "lat": 47.6, "at": datetime.now(UTC).isoformat()}
        each.client.post("/api/tablets/position/", body, content_type="application/json")
    desk = desk_client(make.person(tablet.tablet.agency, "DISPATCHER"))

    seen = desk.get("/api/positions/").json()

    assert [row["unit"] for row in seen["positions"]] == [tablet.tablet.unit_id]
    assert [row["tablet"] for row in seen["tablets"]] == [tablet.tablet.pk]


def test_a_copy_of_the_database_authenticates_nobody() -> None:
    tablet = crewed()
    kept = bytes(Tablet.objects.values_list("token_hash", flat=True).get())

    for guess in (kept.hex(), kept.decode("latin-1")):
        assert post_sync(Client(headers={"Authorization": f"Tablet {guess.encode().hex()}"}))[0] == 401
    assert tablet.token not in str(Tablet.objects.values().get())
