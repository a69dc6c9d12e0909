"""
A tablet's request takes the short way to its view, and is judged there as on the long one.
"""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from responders.models import Person
from tests.factories import responders as make
from tests.factories import tablets
from tests.security.clients import desk_client

BODY = {"protocol": 1, "streams": {}}


def sync(client: Client, **headers: str) -> Any:
    return client.post("/api/sync", BODY, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_an_answer_on_the_short_way_carries_every_header() -> None:
    paired = tablets.crewed(make.unit(make.agency()))

    short, long = sync(paired.client), sync(desk_client(make.person(make.agency(), "DISPATCHER")))

    assert short.status_code == long.status_code == 200
    assert not hasattr(short.wsgi_request, "session")
    said_always = {name for name in long.headers if name not in {"Vary", "Allow"}}
    assert said_always <= set(short.headers)
    assert "default-src 'none'" in short.headers["Content-Security-Policy"]
    assert short.headers["Cache-Control"] == "no-store"
    for name in ("X-Frame-Options", "Permissions-Policy", "X-Content-Type-Options", "Referrer-Policy"):
        assert short.headers[name] == long.headers[name]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Tablet nobodys-token"}, 401),
        ({"Authorization": "tablet  "}, 401),
        ({"X-Tablet": "1"}, 401),
        ({"X-Tablet": "1", "Authorization": "Bearer x"}, 401),
    ],
)
def test_saying_that_one_is_a_tablet_opens_nothing(headers: dict[str, str], status: int) -> None:
    dispatcher = desk_client(make.person(make.agency(), "DISPATCHER"))

    # Nor does a session that came along: whoever says that it is a tablet is answered as one.
    assert sync(dispatcher, **headers).status_code == status
    assert sync(dispatcher).status_code == 200


@pytest.mark.django_db
def test_a_page_is_never_on_the_short_way() -> None:
    paired = tablets.crewed(make.unit(make.agency()))

    assert paired.client.get("/desk/").status_code == 302
    assert paired.client.get("/api/nowhere/").status_code == 404


@pytest.mark.django_db
def test_a_kind_that_is_the_desks_stays_so() -> None:
    paired = tablets.crewed(make.unit(make.agency()))

    assert paired.client.post("/api/actions/call.cancel/", {}, content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_refused() -> None:
    paired = tablets.crewed(make.unit(make.agency()))

    assert sync(paired.client, Host="elsewhere.example").status_code == 400


@pytest.mark.django_db
def test_signing_on_sees_the_session_of_the_same_browser() -> None:
    agency = make.agency()
    paired = tablets.paired(make.unit(agency))
    person: Person = make.person(agency)
    client = desk_client(person)
    client.cookies[settings.TABLET_COOKIE_NAME] = paired.token

    answer = client.post(
        "/api/tablets/sign-on/",
        {},
        content_type="application/json",
        headers={"X-Tablet": "1", "Sec-Fetch-Site": "same-origin"},
    )

    assert answer.status_code == 200, answer.content
    assert answer.json()["person"] == person.pk
