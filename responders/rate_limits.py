"""
Rate limits, counted in Redis by one atomic script, for all processes together.

Generous for people who work, tight where secrets can be guessed. When Redis is gone the work goes on and sign-in stops.
The address of a client is taken from the proxy in front, and only from a proxy that the settings name.
"""

from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rest_framework.throttling import BaseThrottle

from responders.refusals import SignInUnavailable, TooManyRequests

# Routes where a secret can be guessed: by address, and closed without Redis.
GUARDED: Final[Mapping[str, str]] = {
    "account_login": "30/minute",
    "mfa_authenticate": "30/minute",
    "mfa_login_webauthn": "30/minute",
    "mfa_reauthenticate": "30/minute",
    "mfa_reauthenticate_webauthn": "30/minute",
    "account_reauthenticate": "30/minute",
    "account_change_password": "10/minute",
    "tablets.pair": "10/minute",
    "tablets.sign-on": "30/minute",
    "tablets.unlock": "30/minute",
}
# Where somebody who may not read records asks for one by what they know: by person, and closed without Redis. A date of
# birth in a year takes half a day to guess, and each try is entered.
GUARDED_BY_PERSON: Final[Mapping[str, str]] = {
    "care-people": "30/hour",
}
# Anybody else, by bearer: a tablet in a busy hour makes some 2 requests a second; a CAD feed that
# catches up after an outage sends a day in minutes.
OF_A_BEARER: Final = "1200/minute"
OF_A_CAD: Final = "60000/minute"
OF_AN_ADDRESS: Final = "1200/minute"
# A bearer who makes no more requests than this in a minute of one process is not counted in Redis; who makes more is, with
# all of them.
SELDOM: Final = 120
MOST_KNOWN: Final = 20_000
_seldom: dict[str, tuple[int, int]] = {}


@cache
def _limiter() -> FixedWindowRateLimiter:
    uri = settings.REDIS_URL
    if uri.startswith("unix://"):
        uri = uri.replace("unix://", "redis+unix://", 1)
    # Short and tried once: a request waits for this when Redis hangs.
    once: Any = Retry(NoBackoff(), 0)
    return FixedWindowRateLimiter(RedisStorage(uri, socket_timeout=0.2, socket_connect_timeout=0.2, retry=once))


@cache
def _item(rate: str) -> RateLimitItem:
    return parse(rate)


def hit(rate: str, *key: str, cost: int = 1) -> bool:
    """
    Count one request under this key, or ``cost`` of them; tell whether the rate still allows it.

    :raises RedisError: it could not be counted.
    """
    return _limiter().hit(_item(rate), settings.RATE_LIMIT_PREFIX, *key, cost=cost)


def _hit_often(rate: str, who: str) -> bool:
    # Whoever asks seldom costs nobody a round trip, and waits for no Redis.
    minute = int(monotonic() // 60)
    began, count = _seldom.get(who, (minute, 0))
    if began != minute:
        if len(_seldom) > MOST_KNOWN:
            _seldom.clear()
        count = 0
    _seldom[who] = (minute, count + 1)
    if count < SELDOM:
        return True
    return hit(rate, "api", who, cost=SELDOM + 1 if count == SELDOM else 1)


def client_address(request: HttpRequest) -> str:
    """
    Return the address that the request came from.

    ``X-Forwarded-For`` counts only when the other end of the connection is a proxy of ours (a Unix socket is), and then
    from its end: what a client wrote there itself comes before what our proxies added.
    """
    address = request.META.get("REMOTE_ADDR", "") or ""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while forwarded and _is_proxy(address):
        address = forwarded.pop()
    return address if _is_address(address) else ""


def check_page_rate(request: HttpRequest, route: str) -> None:
    """
    Hold a page where secrets are asked to its rate.

    :raises TooManyRequests: too many from this address.
    :raises SignInUnavailable: it cannot be counted.
    """
    if request.method in {"GET", "HEAD"} or route not in GUARDED:
        return
    _check_guarded(request, route)


def check_person_rate(route: str, person_id: int | None) -> None:
    """
    Hold one person to the rate of a question by which something could be guessed, from wherever they ask it.

    :raises TooManyRequests: too many of this person, or it cannot be counted.
    """
    try:
        allowed = hit(GUARDED_BY_PERSON[route], route, f"person:{person_id}")
    except RedisError:
        allowed = False
    if not allowed:
        raise TooManyRequests


def _check_guarded(request: HttpRequest, route: str) -> None:
    try:
        allowed = hit(GUARDED[route], route, client_address(request))
    except RedisError:
        raise SignInUnavailable from None
    if not allowed:
        raise TooManyRequests


class Rate(BaseThrottle):
    """
    The rate limit of every API view.
    """

    def allow_request(self, request: Any, view: Any) -> bool:
        """
        Tell whether the bearer's rate allows one more request.

        :raises SignInUnavailable: a secret is asked for and the attempt cannot be counted.
        """
        route: str = getattr(view, "route_name", "")
        if route in GUARDED:
            _check_guarded(request._request, route)
            return True
        who = str(request.user) if request.user.is_authenticated else client_address(request._request)
        rate = OF_AN_ADDRESS
        if request.user.is_authenticated:
            rate = OF_A_CAD if getattr(request.user, "cad_key_id", None) is not None else OF_A_BEARER
        try:
            return _hit_often(rate, who) if request.user.is_authenticated else hit(rate, "api", who)
        except RedisError:
            # Whoever works goes on working.
            return True

    def wait(self) -> float:
        """
        Return after how many seconds to try again.
        """
        return 5.0


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_proxy(text: str) -> bool:
    # No address at all: the connection came over a Unix socket, which only our own nginx can open.
    if not _is_address(text):
        return text in {"", "unix:", "unix"}
    address = ip_address(text)
    return any(address in network for network in _proxies())


@cache
def _proxies() -> list[Any]:
    return [ip_network(text) for text in settings.TRUSTED_PROXIES]
