"""
The page of reports that were kept.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from dashboard import quarantine as kept
from dashboard import words
from dispatch.asking import address, common, number, signed_in
from journal.door import open_door
from journal.refusals import NotFound
from responders.permissions import check_still_stands
from tablets.actions import readings
from tablets.refusals import CannotUnseal


@require_safe
@ensure_csrf_cookie
def quarantine(request: HttpRequest) -> HttpResponse:
    """
    Show the reports that were kept, by cause.
    """
    return render(request, "dashboard/quarantine.html", _quarantine(request))


@require_safe
def quarantine_rows(request: HttpRequest) -> HttpResponse:
    """
    Show the list of them anew.
    """
    return render(request, "dashboard/quarantine/rows.html", _quarantine(request))


@require_POST
def quarantine_read(request: HttpRequest, ticket: int) -> HttpResponse:
    """
    Show what one of them says, and record that it was read. A POST, because reading it leaves a trace.
    """
    actor, now = signed_in(request), timezone.now()
    try:
        # What is not shown was not read: a no takes the entry back with it.
        with open_door(by=actor, at=now):
            check_still_stands(actor)
            row = readings.read(ticket=ticket, by=actor, at=now)
            if not words.is_operational(row.kind):
                raise NotFound
            arguments = kept.arguments(row)
    except CannotUnseal as refusal:
        return render(request, "dashboard/quarantine/arguments.html", {"refusal": refusal})
    return render(request, "dashboard/quarantine/arguments.html", {"arguments": arguments})


def _quarantine(request: HttpRequest) -> dict[str, Any]:
    actor, now, given = signed_in(request), timezone.now(), request.GET
    if given.get("state", "open") not in {"open", "settled"}:
        raise NotFound
    chosen = kept.Chosen(
        settled=given.get("state") == "settled",
        code=given.get("code", "")[:60],
        unit=number(given, "unit"),
        person=number(given, "person"),
        page=number(given, "page") or 1,
    )
    page = kept.listed(actor.agency_id, chosen, at=now)
    shown = kept.PER_PAGE * chosen.page if chosen.code else kept.PER_CAUSE
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
    return {**common(actor, now), "page": page, "chosen": chosen, "groups": groups, "before": before}
