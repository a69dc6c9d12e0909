"""
The supervisors' page of reports: what the law asks for, what does not fit, what is owed, and what was signed.

The lists say who owes what and when, and nothing of what was written. A report is read by opening it, which leaves a trace.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from dispatch.asking import common, signed_in
from followups import report_words as words
from followups.actions import encounters
from followups.board_pages import beside
from followups.models import Choice, ChoiceField, Client, Encounter, EncounterState, Met
from followups.queries import encounters as queries
from followups.refusals.encounters import EncounterNotFound
from followups.rules.encounters import Concern, concerns_of, was_unlinked
from journal.door import open_door
from journal.refusals import NotFound
from responders.permissions import check_still_stands

# How far back signed reports are listed, and what "median" is the median of.
SIGNED: Final = timedelta(days=7)
SPEED: Final = timedelta(days=30)


@require_safe
@ensure_csrf_cookie
def reports(request: HttpRequest) -> HttpResponse:
    """
    Show the page.
    """
    return render(request, "followups/reports.html", _reports(request))


@require_safe
def report_rows(request: HttpRequest) -> HttpResponse:
    """
    Show its lists anew.
    """
    return render(request, "followups/reports/rows.html", _reports(request))


@require_POST
def report_read(request: HttpRequest, report: UUID) -> HttpResponse:
    """
    Show what a report says, and record that it was read. A POST, because reading it leaves a trace.
    """
    actor, now = signed_in(request), timezone.now()
    try:
        # What is not shown was not read: a no takes the entry back with it.
        with open_door(by=actor, at=now):
            check_still_stands(actor)
            row = encounters.read(key=report, by=actor, at=now)
            # A draft is its author's until it is signed; that it was looked for is no reading.
            if not row.signings.all():
                raise NotFound
            context = _whole(row)
    except EncounterNotFound:
        raise NotFound from None
    return render(request, "followups/reports/report.html", context | common(actor, now))


def _reports(request: HttpRequest) -> dict[str, Any]:
    actor, now = signed_in(request), timezone.now()
    agency = actor.agency_id
    places = Choice.objects.filter(agency=agency, field=ChoiceField.MANDATED_TO, retired=False)
    speed = queries.speed(agency, since=now - SPEED)
    return {
        **common(actor, now),
        **beside(actor, "reports"),
        "mandated": [
            {"row": row, "until": words.until(row.due_at, at=now), "late": row.due_at <= now}
            for row in queries.mandated(agency)[: queries.LISTED]
        ],
        "to_check": list(queries.to_check(agency)[: queries.LISTED]),
        "owed": [_owed(row, now) for row in queries.owed(agency)[: queries.LISTED]],
        "unbegun": list(queries.unbegun(agency, at=now)[: queries.LISTED]),
        "signed": list(queries.signed(agency, since=now - SIGNED)[: queries.LISTED]),
        "speed": {"count": speed.count, "median": words.span(speed.median_s), "p90": words.span(speed.p90_s)},
        "facts": {"madeTo": [[row.code, row.label] for row in places.order_by("position", "pk")]},
    }


def _owed(row: Encounter, now: datetime) -> dict[str, Any]:
    return {
        "row": row,
        "until": words.until(row.due_at, at=now),
        "late": row.due_at <= now,
        "returned": row.state == EncounterState.RETURNED,
    }


def _whole(row: Encounter) -> dict[str, Any]:
    labels = {(choice.field, choice.code): choice.label for choice in Choice.objects.filter(agency=row.agency_id)}
    met = sorted(row.met.all(), key=lambda one: one.position)
    signings = sorted(row.signings.all(), key=lambda one: one.pk)
    current = signings[-1].body
    return {
        "report": row,
        "people": [
            {"position": one.position, "name": _name(one), "lines": words.person_lines(one.body, labels)}
            for one in met
        ],
        "concerns": [words.CONCERNS[concern] for concern in _concerns(row, current, met)] if row.to_check else [],
        "addenda": sorted(row.addenda.all(), key=lambda one: one.at),
        "mandated": sorted(row.mandated.all(), key=lambda one: one.met),
        "made_to": {code: label for (field, code), label in labels.items() if field == ChoiceField.MANDATED_TO},
        "earlier": [
            {"row": one, "notes": one.body["notes"], "people": _said(one.body["met"], labels)} for one in signings[:-1]
        ],
        "overtaken": [
            {"row": one, "notes": one.body["notes"], "people": _said(one.body["met"], labels)}
            for one in sorted(row.overtaken.all(), key=lambda one: (one.at, one.pk))
        ],
        "took": words.span(row.seconds_spent or None),
    }


def _said(people: Iterable[dict[str, Any]], labels: words.Labels) -> list[list[words.Line]]:
    return [words.person_lines(person, labels) for person in people]


def _concerns(row: Encounter, body: dict[str, Any], met: Iterable[Met]) -> list[Concern]:
    found = concerns_of(body)
    if any(one.client_id is None and (one.body["client"] or {}).get("id") for one in met):
        found.append(Concern.NOT_THEIRS)
    calls = [call_id for call_id in (row.assignment.call_id, row.assignment.call.joined_to_id) if call_id is not None]
    if any(one.client_id is not None and was_unlinked(one.client_id, call_ids=calls) for one in met):
        found.append(Concern.UNLINKED)
    if row.overtaken.all():
        found.append(Concern.OVERTAKEN)
    return found


def _name(one: Met) -> dict[str, Any]:
    client: Client | None = one.client
    if client is None:
        return {"key": None, "words": "Somebody unknown"}
    names = [name.text for name in client.names.all() if name.primary]
    return {"key": client.key, "words": names[0] if names else client.looks or "Somebody unknown"}
