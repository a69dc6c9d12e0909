"""
What every answer carries (B4, F4, H5), and that a form from elsewhere is not taken.
"""

import logging
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import responders as make
from tests.factories import tablets
from tests.security.clients import desk_client
from tests.security.routes import routes


@pytest.mark.django_db
def test_no_answer_to_somebody_signed_in_may_be_kept() -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    kept = [
        route.path
        for route in routes()
        if not route.is_admin
        and route.route not in {"account_logout", "demo-enter"}
        and "no-store" not in client.get(route.path).headers.get("Cache-Control", "")
    ]

    assert kept == []


@pytest.mark.django_db
def test_no_answer_of_the_api_may_be_kept() -> None:
    crew = tablets.crewed(make.unit(make.agency())).client

    assert "no-store" in crew.get("/api/tablets/me/").headers["Cache-Control"]
    assert "no-store" in Client().get("/api/session/").headers["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/desk/", "/api/session/", "/nowhere/", "/tablet/"])
def test_every_answer_says_what_a_browser_may_do_with_it(path: str) -> None:
    answer = desk_client(make.person(make.agency(), "DISPATCHER")).get(path)

    policy = answer.headers["Content-Security-Policy"]
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}
    assert directives["default-src"] == ["'none'"]
    assert directives["object-src"] == directives["base-uri"] == directives["frame-ancestors"] == ["'none'"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert not any("*" in source for sources in directives.values() for source in sources)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "geolocation=(self)" in answer.headers["Permissions-Policy"]


@pytest.mark.django_db
def test_every_script_of_a_page_is_ours_or_carries_the_nonce() -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    for path in ("/", "/desk/", "/supervisor/", "/accounts/2fa/", "/accounts/2fa/totp/activate/", "/tablet/"):
        answer = client.get(path)
        page = answer.content.decode()
        for tag in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in tag or "nonce=" in tag or 'type="application/json"' in tag, (path, tag)
            # Without the nonce, whose base64 may have two slashes in a row.
            address = re.sub(r'nonce="[^"]*"', "", tag).replace(settings.PUBLIC_ORIGIN, "")
            assert "//" not in address, (path, tag)
        assert not re.search(r"\son\w+=", page), path
        assert not re.search(r"\sstyle=", page), path


@pytest.mark.django_db
def test_nonces_differ_from_answer_to_answer() -> None:
    policies = {Client().get("/").headers["Content-Security-Policy"] for _ in range(3)}

    assert len(policies) == 3


@pytest.mark.django_db
def test_signing_out_clears_what_the_browser_holds() -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"))

    answer = client.post("/accounts/logout/")

    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert client.get("/api/session/").status_code == 401


@pytest.mark.django_db
def test_signing_out_at_a_desk_leaves_a_tablet_of_the_same_browser_what_it_has_not_sent() -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"))
    client.cookies[settings.TABLET_COOKIE_NAME] = "token"

    assert client.post("/accounts/logout/").headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.django_db
def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    person = make.person(make.agency(), "DISPATCHER", password="violet anchor thimble")
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": "violet anchor thimble"})

    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/session/", "/api/sync", "/api/actions/call.cancel/", "/accounts/logout/"])
def test_a_write_that_a_cookie_authorises_needs_the_token_of_our_own_page(path: str) -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"), enforce_csrf_checks=True)

    assert client.post(path, {}, content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_no_secret_is_written_to_a_log(caplog: Any) -> None:
    person = make.person(make.agency(), "DISPATCHER", password="violet anchor thimble")
    paired = tablets.crewed(make.unit(person.agency))
    with caplog.at_level(logging.DEBUG):
        client = desk_client(person)
        client.get("/desk/")
        client.get("/nowhere/")
        client.post("/accounts/login/", {"login": person.email, "password": "wrong anchor thimble"})
        paired.client.get("/api/tablets/me/")
        paired.client.post("/api/actions/call.cancel/", {"id": 1}, content_type="application/json")

    written = caplog.text
    for secret in (client.cookies[settings.SESSION_COOKIE_NAME].value, paired.token, "anchor thimble"):
        assert secret not in written
