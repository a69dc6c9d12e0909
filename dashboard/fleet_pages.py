"""
The page of tablets: what each still has to send and to hear.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dashboard import fleet as tablets
from dashboard import queries
from dispatch.asking import address, common, number, signed_in
from journal.refusals import NotFound
from responders.permissions import may_act


@require_safe
@ensure_csrf_cookie
def fleet(request: HttpRequest) -> HttpResponse:
    """
    Show the tablets, those that need somebody first.
    """
    return render(request, "dashboard/fleet.html", _fleet(request))


@require_safe
def fleet_rows(request: HttpRequest) -> HttpResponse:
    """
    Show the list of them anew.
    """
    return render(request, "dashboard/fleet/rows.html", _fleet(request))


def _fleet(request: HttpRequest) -> dict[str, Any]:
    actor, now, given = signed_in(request), timezone.now(), request.GET
    show, unit, page = given.get("show", ""), number(given, "unit"), number(given, "page") or 1
    if show not in tablets.SHOWS:
        raise NotFound
    found = tablets.fleet(actor.agency_id, at=now, show=show, unit_id=unit, offset=tablets.PER_PAGE * (page - 1))
    return {
        **common(actor, now),
        "fleet": found,
        "shows": tablets.SHOWS.items(),
        "chosen": {"show": show, "unit": unit, "narrowed": bool(show or unit)},
        "units": queries.units(actor.agency_id),
        "before": address(given, page=str(page - 1)) if page > 1 else "",
        "after": address(given, page=str(page + 1)) if found.last < found.total else "",
        "supervises": actor.has("SUPERVISOR"),
        "administers": actor.has("ADMIN"),
        "may_order": may_act(actor, "tablet.purge"),
    }
