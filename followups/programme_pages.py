"""
The page of what an agency decides of care after the call: limits of second responses, and what a report offers.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dispatch.asking import common, signed_in
from followups import programme_words as words
from followups.board_pages import beside
from followups.models import Choice, Programme
from followups.queries.plans import programme_of


@require_safe
@ensure_csrf_cookie
def programme(request: HttpRequest) -> HttpResponse:
    """
    Show what is in force and what is offered. The page asks for itself anew after each change, and takes out what changed.
    """
    actor, now = signed_in(request), timezone.now()
    row = programme_of(actor.agency_id)
    context = {
        **common(actor, now),
        **beside(actor, "programme"),
        "administers": actor.has("ADMIN"),
        "limits": [_limit(limit, row) for limit in words.LIMITS],
        "fields": _fields(actor.agency_id),
    }
    return render(request, "followups/programme.html", context)


def _limit(limit: words.Limit, row: Programme) -> dict[str, Any]:
    return {
        "limit": limit,
        "in_force": limit.in_force(row),
        "asked": [{"of": asked, "value": _filled(asked, row)} for asked in limit.asked],
    }


def _filled(asked: words.Asked, row: Programme) -> str:
    """
    Return what is in force as its field holds it.
    """
    value = getattr(row, asked.name)
    if asked.kind == "time":
        return f"{value:%H:%M}"
    if asked.kind == "days":
        return ", ".join(str(day) for day in value)
    if asked.kind == "yes":
        return "yes" if value else ""
    return str(value)


def _fields(agency_id: int) -> list[dict[str, Any]]:
    rows: dict[str, list[Choice]] = {name: [] for name in words.FIELDS}
    for row in Choice.objects.filter(agency=agency_id).order_by("position", "pk"):
        rows[row.field].append(row)
    return [
        {
            "name": name,
            "title": title,
            "about": about,
            "offered": [row for row in rows[name] if not row.retired],
            "retired": [row for row in rows[name] if row.retired],
        }
        for name, (title, about) in words.FIELDS.items()
    ]
