"""
What stands in front of the API for tablets: almost nothing.

A tablet's token is all that its request is judged by. Sessions, forms, messages and account pages have no part in it, and
setting them up cost as much as the answer: a request that comes as a tablet's goes straight to its view, which knows it,
asks the grants and answers, all by itself. A view that wants to know whose session came along says ``reads_session = True``.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve
from rest_framework.views import APIView

from responders.middleware import PERMISSIONS_POLICY
from tablets.authentication import comes_as_tablet

# Beside what SecurityMiddleware says: the rest of what every answer carries. JSON loads nothing and is in no frame.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "X-Frame-Options": "DENY",
}


class Straight:
    """
    Hands a tablet's request to its API view, and everything else on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """
        Answer the request.
        """
        match = _api_view(request.path_info) if comes_as_tablet(request) else None
        if match is None:
            return self.get_response(request)
        # Refuses a host that is not ours, as it does on every other way.
        request.get_host()
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        for name, value in _HEADERS.items():
            response.headers[name] = value
        if not response.streaming:
            response.headers["Content-Length"] = str(len(response.content))
        return response


def _api_view(path: str) -> ResolverMatch | None:
    if not path.startswith("/api/"):
        return None
    try:
        match = _resolve(path)
    except Resolver404:
        return None
    view = getattr(match.func, "cls", object)
    # Pages are guarded by responders.middleware.People, which is not passed here.
    return match if issubclass(view, APIView) and not getattr(view, "reads_session", False) else None


@lru_cache(maxsize=256)
def _resolve(path: str) -> ResolverMatch:
    return resolve(path)
