"""
The supervisor's page: one page of parts, each of which can be asked for again when something in it has changed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dashboard import flags, quarantine, queries
from dashboard.fleet import lost
from dispatch.asking import common, signed_in
from dispatch.words import ORIGINS
from journal.refusals import NotFound
from responders.actors import Actor
from responders.models import Agency

# How far back "what became of calls" may look, in days.
SPANS: Final = {"today": 0, "7": 7, "30": 30}
# A tablet that was heard of this long ago is not connected.
_SEEN_LATELY = timedelta(minutes=2)


def _outcomes(actor: Actor, request: HttpRequest, now: datetime) -> dict[str, Any]:
    span = request.GET.get("span", "today")
    if span not in SPANS:
        raise NotFound
    agency = Agency.objects.get(pk=actor.agency_id)
    midnight = now.astimezone(agency.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=SPANS[span])
    found = queries.outcomes(actor.agency_id, since=since, until=now + timedelta(seconds=1))
    return {"outcomes": found, "span": span, "origins": ORIGINS, "listed": queries.LISTED}


def _debriefs(actor: Actor, _request: HttpRequest, _now: datetime) -> dict[str, Any]:
    rows = list(queries.debriefs(actor.agency_id)[:60])
    return {
        "open_debriefs": [row for row in rows if row.closed_at is None],
        "closed_debriefs": [row for row in rows if row.closed_at is not None][:20],
    }


def _tablets(actor: Actor, _request: HttpRequest, now: datetime) -> dict[str, Any]:
    rows = []
    for tablet in queries.tablets(actor.agency_id):
        contact = getattr(tablet, "contact", None)
        seen = contact.seen_at if contact else None
        store = next(iter(getattr(tablet, "stores", [])), None)
        rows.append(
            {"tablet": tablet, "seen_at": seen, "battery": contact.battery if contact else None}
            | {
                "lately": seen is not None and now - seen < _SEEN_LATELY,
                "signed_on": getattr(tablet, "open_sign_ons", []),
                "waiting": store.outbox_count if store else 0,
                "lost": lost(
                    store.outbox_count if store else 0,
                    oldest_at=store.outbox_oldest_at if store else None,
                    said_at=store.seen_at if store else None,
                    at=now,
                ),
            }
        )
    in_use = [row for row in rows if row["tablet"].revoked_at is None]
    revoked = [row for row in rows if row["tablet"].revoked_at is not None]
    return {"tablets": in_use, "revoked": revoked, "units": queries.units(actor.agency_id)}


def _kept(actor: Actor, _request: HttpRequest, _now: datetime) -> dict[str, Any]:
    causes = quarantine.causes(actor.agency_id)
    return {"kept": causes, "kept_count": sum(count for _, _, count in causes)}


def _shifts(actor: Actor, _request: HttpRequest, now: datetime) -> dict[str, Any]:
    rows = list(queries.shifts(actor.agency_id))
    return {"shifts": rows, "overrun": sum(row.planned_end_at < now for row in rows)}


def _flagged(actor: Actor, _request: HttpRequest, _now: datetime) -> dict[str, Any]:
    causes = flags.causes(actor.agency_id)
    groups = [{"code": code, "words": flags.title(code), "count": many} for code, many in causes]
    return {"flags": groups, "flag_count": sum(many for _, many in causes)}


def _accounts(actor: Actor, _request: HttpRequest, _now: datetime) -> dict[str, Any]:
    return {"locked": queries.locked(actor.agency_id)}


PARTS: Final[dict[str, Callable[[Actor, HttpRequest, datetime], dict[str, Any]]]] = {
    "outcomes": _outcomes,
    "debriefs": _debriefs,
    "kept": _kept,
    "tablets": _tablets,
    "shifts": _shifts,
    "flagged": _flagged,
    "accounts": _accounts,
}


@require_safe
@ensure_csrf_cookie
def supervisor(request: HttpRequest) -> HttpResponse:
    """
    Show the whole page.
    """
    actor, now = signed_in(request), timezone.now()
    context: dict[str, Any] = {}
    for part in PARTS.values():
        context |= part(actor, request, now)
    return render(request, "dashboard/supervisor.html", context | common(actor, now))


@require_safe
def part(request: HttpRequest, name: str) -> HttpResponse:
    """
    Show one part anew.
    """
    actor, now = signed_in(request), timezone.now()
    if name not in PARTS:
        raise NotFound
    context = PARTS[name](actor, request, now)
    return render(request, f"dashboard/parts/{name}.html", context | common(actor, now))
