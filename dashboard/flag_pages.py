"""
The page of flags.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dashboard import flags as flagged
from dispatch.asking import address, common, number, signed_in
from journal.refusals import NotFound


@require_safe
@ensure_csrf_cookie
def flags(request: HttpRequest) -> HttpResponse:
    """
    Show what does not fit, by cause.
    """
    return render(request, "dashboard/flags.html", _flags(request))


@require_safe
def flag_rows(request: HttpRequest) -> HttpResponse:
    """
    Show the list of it anew.
    """
    return render(request, "dashboard/flags/rows.html", _flags(request))


@require_safe
def flag_ids(request: HttpRequest) -> HttpResponse:
    """
    Return which flags one cause has, up to the newest that was shown: what is settled when a whole cause is.
    """
    actor, given = signed_in(request), request.GET
    code, until = given.get("code", "")[:40], number(given, "until")
    if not code or until is None:
        raise NotFound
    found = flagged.ids(actor.agency_id, code=code, unit=number(given, "unit"), until=until)
    return JsonResponse({"flags": found})


def _flags(request: HttpRequest) -> dict[str, Any]:
    actor, now, given = signed_in(request), timezone.now(), request.GET
    if given.get("state", "open") not in {"open", "settled"}:
        raise NotFound
    chosen = flagged.Chosen(
        settled=given.get("state") == "settled",
        code=given.get("code", "")[:40],
        unit=number(given, "unit"),
        page=number(given, "page") or 1,
    )
    page = flagged.listed(actor.agency_id, chosen, at=now)
    shown = flagged.PER_PAGE * chosen.page if chosen.code else flagged.PER_CAUSE
    # A cause that was asked for, and one that is alone, is open.
    opened = bool(chosen.code) or len(page.groups) == 1
    groups = [
        {
            "group": group,
            "more": address(given, code=group.code, page=str(chosen.page + 1) if chosen.code else "")
            if group.count > shown
            else "",
        }
        for group in page.groups
    ]
    before = address(given, page=str(chosen.page - 1)) if chosen.code and chosen.page > 1 else ""
    return {
        **common(actor, now),
        "page": page,
        "chosen": chosen,
        "groups": groups,
        "before": before,
        "opened": opened,
        "first": flagged.PER_PAGE * (chosen.page - 1) + 1,
    }
