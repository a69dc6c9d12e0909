"""
Rates are counted for all processes together, under addresses that cannot be made up (H2).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from responders import rate_limits
from responders.rate_limits import client_address, hit


def test_of_five_hundred_at_once_the_rate_lets_ten_through() -> None:
    with ThreadPoolExecutor(32) as pool:
        allowed = sum(pool.map(lambda _: hit("10/hour", "test"), range(500)))

    assert allowed == 10


def test_who_asks_often_is_counted_with_all_that_was_asked_before(monkeypatch: Any) -> None:
    monkeypatch.setattr(rate_limits, "monotonic", lambda: 30.0)
    who = f"tablet:{uuid4()}"
    rate = f"{rate_limits.SELDOM + 5}/hour"

    allowed = [rate_limits._hit_often(rate, who) for _ in range(rate_limits.SELDOM + 7)]

    assert allowed == [True] * (rate_limits.SELDOM + 5) + [False] * 2
    # Another process has counted nothing of it, and still hears of it.
    assert not hit(rate, "api", who)


def test_who_asks_seldom_needs_no_redis(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rate_limits, "monotonic", lambda: 30.0)
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    rate_limits._limiter.cache_clear()
    try:
        assert rate_limits._hit_often("1200/minute", f"tablet:{uuid4()}")
    finally:
        rate_limits._limiter.cache_clear()


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "address"),
    [
        ("203.0.113.9", "", [], "203.0.113.9"),
        # A client that comes directly says what it likes.
        ("203.0.113.9", "10.0.0.1", [], "203.0.113.9"),
        # Our nginx, over a Unix socket.
        ("", "203.0.113.9", [], "203.0.113.9"),
        ("", "6.6.6.6, 203.0.113.9", [], "203.0.113.9"),
        # A load balancer in front of it, named in the settings.
        ("", "6.6.6.6, 203.0.113.9, 10.1.2.3", ["10.1.0.0/16"], "203.0.113.9"),
        ("10.1.2.3", "6.6.6.6, 203.0.113.9", ["10.1.0.0/16"], "203.0.113.9"),
        ("", "no address", [], ""),
    ],
)
def test_an_address_is_taken_from_our_proxies_only(
    settings: Any, remote: str, forwarded: str, proxies: list[str], address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    rate_limits._proxies.cache_clear()

    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(request) == address
    rate_limits._proxies.cache_clear()


@pytest.mark.django_db
def test_too_many_tries_from_one_address_are_answered_with_a_sentence() -> None:
    client = Client()

    answers = [client.post("/accounts/login/", {"login": "", "password": ""}) for _ in range(31)]

    assert {answer.status_code for answer in answers[:30]} == {200}
    assert answers[30].status_code == 429
    assert b"Nothing was lost" in answers[30].content


@pytest.mark.django_db
def test_without_redis_nobody_new_is_let_in_and_whoever_is_in_goes_on(settings: Any) -> None:
    from tests.factories import responders as make
    from tests.security.clients import desk_client

    signed_in = desk_client(make.person(make.agency(), "DISPATCHER"))
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    rate_limits._limiter.cache_clear()
    try:
        assert Client().post("/accounts/login/", {"login": "a@example.org", "password": "x"}).status_code == 503
        assert signed_in.get("/api/session/").status_code == 200
    finally:
        rate_limits._limiter.cache_clear()
