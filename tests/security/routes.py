"""
Every address of the site, as Django resolves it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.views import APIView

from responders.middleware import route_of

# What to put into an address that takes something.
_SAMPLES: dict[str, Any] = {
    "who": "dispatcher",
    "object_id": "1",
    "app_label": "responders",
    "content_type_id": 1,
    "message_id": 1,
    "referral_id": 1,
    "pk": 1,
    "key": "abc",
    "uidb36": "abc",
    "url": "nowhere",
    "name": "tablets",
    "ticket": 1,
    "stream_path": "x",
    "sha256": "0" * 64,
    "client": "00000000-0000-4000-8000-000000000000",
    "code": "2222-2222-2222",
    "number": 1,
    "report": "00000000-0000-4000-8000-000000000000",
}

# What an address asks for behind its question mark.
_QUERIES = {"admin:autocomplete": "?app_label=responders&model_name=unit&field_name=agency"}


@dataclass(frozen=True)
class Route:
    """
    One address: its path with samples filled in, what the grants call it, and whether it is an API view.
    """

    path: str
    route: str
    is_api: bool
    is_admin: bool


def routes() -> Iterator[Route]:
    """
    Yield every address, the actions included.
    """
    yield from _walk(get_resolver(), namespaces=[], taken=[])


def _walk(resolver: URLResolver, *, namespaces: list[str], taken: list[str]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = [*namespaces, entry.namespace] if entry.namespace else namespaces
            yield from _walk(entry, namespaces=inner, taken=[*taken, *entry.pattern.regex.groupindex])
        else:
            yield _route(entry, namespaces, [*taken, *entry.pattern.regex.groupindex])


def _route(entry: URLPattern, namespaces: list[str], taken: list[str]) -> Route:
    view = entry.callback
    is_admin = "admin" in namespaces
    name = entry.name
    view_class = getattr(view, "cls", None)
    is_api = view_class is not None and issubclass(view_class, APIView)
    if name is None:
        # The admin's catch-all has no name; nothing else may lack one.
        assert is_admin, f"an address without a name: {entry.pattern}"
        return Route("/admin/nowhere", "admin", is_api=False, is_admin=True)
    arguments = {key: _SAMPLES[key] for key in taken}
    full_name = ":".join([*namespaces, name])
    path = reverse(full_name, kwargs=arguments) + _QUERIES.get(full_name, "")
    if is_api:
        assert view_class is not None
        return Route(path, view_class.route_name, is_api=True, is_admin=False)
    if is_admin:
        route = route_of(_Match(full_name)) or full_name  # type: ignore[arg-type]  # what route_of reads of a match
        return Route(path, route, is_api=False, is_admin=True)
    return Route(path, full_name, is_api=False, is_admin=False)


@dataclass(frozen=True)
class _Match:
    view_name: str
    app_name: str = "admin"
