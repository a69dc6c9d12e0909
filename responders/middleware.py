"""
What stands in front of every view: whose session this is, whether it still counts, and whether the route is theirs.

API views answer for themselves through DRF (tablets and CAD systems have no session); every other view is a page, and a
page whose URL name nobody granted anything does not exist.
"""

import logging
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import ResolverMatch, reverse
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.views import APIView

from journal.refusals import Refusal
from responders import permissions, sessions
from responders.authentication import actor_for
from responders.models import Person
from responders.rate_limits import check_page_rate
from responders.refusals import SignInUnavailable

_log = logging.getLogger(__name__)

BACKGROUND_HEADER: Final = "X-Background"
# Parts of the admin site that would go round our own sign-in.
_CLOSED_ADMIN: Final = frozenset({"admin:login", "admin:password_change", "admin:password_change_done"})
PERMISSIONS_POLICY: Final = ", ".join(
    [
        "geolocation=(self)",
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
        *(
            f"{feature}=()"
            for feature in ("accelerometer", "camera", "display-capture", "gyroscope", "magnetometer", "microphone")
        ),
        *(f"{feature}=()" for feature in ("midi", "payment", "usb", "serial", "hid")),
    ]
)


def route_of(match: ResolverMatch | None) -> str | None:
    """
    Return the name that the grants know a page by.
    """
    if match is None:
        return None
    if match.app_name == "admin":
        return None if match.view_name in _CLOSED_ADMIN else "admin"
    return match.view_name


class People:
    """
    Puts the actor of a person's session on the request, ends sessions in time, and guards every page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """
        Answer the request.
        """
        request.actor = None  # type: ignore[attr-defined]  # read by responders.authentication.actor_of
        request.half_signed_in = False  # type: ignore[attr-defined]  # by process_view() below
        was_signed_in = self._read_session(request)
        response = self.get_response(request)
        is_signed_in = request.user.is_authenticated
        if (
            was_signed_in
            or is_signed_in
            or request.path.startswith("/api/")
            or not response.has_header("Cache-Control")
        ):
            response.headers["Cache-Control"] = "no-store"
        if was_signed_in and not is_signed_in:
            response.headers["Clear-Site-Data"] = self._what_to_clear(request)
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """
        Let the request through to a page that is granted to its bearer, or answer in its place.
        """
        if issubclass(getattr(view, "cls", object), APIView):
            return None
        route = route_of(request.resolver_match)
        refused = self._guard(request, route)
        request.refused = refused is not None  # type: ignore[attr-defined]  # for the log, and for the tests
        if refused is not None:
            _log.info("refused: %s %s to %s", request.method, route, request.actor)  # type: ignore[attr-defined]
            return refused
        try:
            check_page_rate(request, route or "")
        except Refusal as refusal:
            return self.process_exception(request, refusal)
        return None

    def _guard(self, request: HttpRequest, route: str | None) -> HttpResponse | None:
        actor = request.actor  # type: ignore[attr-defined]  # set above
        grants = permissions.grants_of(route)
        if not grants:
            return render(request, "404.html", status=404)
        method = "GET" if request.method == "HEAD" else request.method or ""
        if request.half_signed_in:  # type: ignore[attr-defined]  # set above
            return self._towards_second_factor(request, route, method)
        if permissions.may_use(actor, route, method):
            if route == "admin" and self._must_show_again(request):
                return _to(request, "mfa_reauthenticate")
            return None
        if actor is None:
            return _to(request, "account_login")
        if method not in grants and any(permissions.may_use(actor, route, other) for other in grants):
            return render(request, "405.html", status=405)
        return render(request, "403.html", status=403)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """
        Turn an anticipated no of a page into a page that says it; without Redis nobody new is let in.
        """
        refusal: Refusal
        if isinstance(exception, Refusal):
            refusal = exception
        elif isinstance(exception, RedisError):
            refusal = SignInUnavailable()
        else:
            return None
        if refusal.status == 404:
            return render(request, "404.html", status=404)
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(refusal.as_dict(), status=refusal.status)
        return render(request, "refused.html", {"refusal": refusal}, status=refusal.status)

    def _read_session(self, request: HttpRequest) -> bool:
        person = request.user
        if not isinstance(person, Person):
            return False
        at = timezone.now()
        session = request.session
        if sessions.is_over(session, at=at):
            logout(request)
        elif sessions.has_second_factor(request, person):
            request.actor = actor_for(person)  # type: ignore[attr-defined]  # see above
            if request.headers.get(BACKGROUND_HEADER) != "1" and sessions.is_stale(session, at=at):
                sessions.touch(session, at=at)
        elif sessions.is_half_over(session, at=at):
            logout(request)
        else:
            request.half_signed_in = True  # type: ignore[attr-defined]  # see above
        return True

    def _towards_second_factor(self, request: HttpRequest, route: str | None, method: str) -> HttpResponse | None:
        # Somebody who has a factor must show it; only who has none may add one with the password alone. Otherwise a
        # stolen password would be enough to add one's own.
        has_factor = Authenticator.objects.filter(user_id=request.user.pk).exists()
        steps = permissions.NEXT_STEPS if has_factor else permissions.FIRST_STEPS
        if (route in steps or route == "home") and method in permissions.grants_of(route):
            return None
        return _to(request, "mfa_reauthenticate" if has_factor else "mfa_activate_totp")

    def _must_show_again(self, request: HttpRequest) -> bool:
        person = request.user
        assert isinstance(person, Person)
        return timezone.now() - sessions.shown_at(request, person) > sessions.PRIVILEGED_FOR

    def _what_to_clear(self, request: HttpRequest) -> str:
        # A tablet in the same browser keeps what its crew has not sent yet: that is not the desk's to clear.
        if settings.TABLET_COOKIE_NAME in request.COOKIES:
            return '"cache"'
        return '"cache", "cookies", "storage"'


def _to(request: HttpRequest, name: str) -> HttpResponse:
    if "application/json" in request.headers.get("Accept", ""):
        body = {"code": "not_signed_in", "message": "Sign in first.", "facts": {}}
        return JsonResponse(body, status=401)
    here = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': here})}")
