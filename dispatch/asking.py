"""
Who asks for a page that is drawn by the server, and what for.
"""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from dispatch.backup_console import console_facts
from dispatch.models import BackupConsoleKind
from journal.refusals import NotFound
from responders.actors import Actor
from responders.authentication import actor_of
from responders.models import Agency


def signed_in(request: HttpRequest) -> Actor:
    """
    Return whose page this is.

    :raises NotFound: nobody's. The middleware lets nobody come this far without one; a page that forgot to be guarded
        does not exist.
    """
    actor = actor_of(request)
    if actor is None:
        raise NotFound
    return actor


def common(actor: Actor, now: datetime) -> dict[str, Any]:
    """
    Return what every page for people at a desk shows.
    """
    agency = Agency.objects.get(pk=actor.agency_id)
    # Looked up by whole pages only: a part of one watches nothing.
    backup = partial(console_facts, actor, BackupConsoleKind.SUPERVISOR, at=now) if actor.has("SUPERVISOR") else None
    return {"agency": agency, "now": now, "agency_zone": agency.timezone, "backup": backup}


def number(given: QueryDict, name: str) -> int | None:
    """
    Return what an address asks for by number; None when it does not.

    :raises NotFound: it is no number that anything could have.
    """
    text = given.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) == 0:
        raise NotFound
    return int(text)


def address(given: QueryDict, **changes: str) -> str:
    """
    Return the query of the same page with something else asked for.
    """
    asked = {**given.dict(), **changes}
    return f"?{urlencode({name: value for name, value in asked.items() if value})}"
