"""
The page of one person, and the way to it. Every opening of a record is entered, and so is every refusal.
"""

import re
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from dispatch.asking import common, number, signed_in
from followups.actions import readings
from followups.board import beside, facts_of
from followups.models import Client, Intake, IntakeState, Programme
from followups.queries import record as queries
from followups.queries.matching import Suggestion, suggest
from followups.rules.clients import cares_for_all
from followups.words import SECTIONS
from journal.door import open_door
from journal.refusals import NotFound
from responders.actors import Actor

# Whoever may not read records finds one only by what they know already: two things that agree.
_SURE: Final = 0.85
_MOST: Final = 20
_BORN_ON: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)


@require_safe
@ensure_csrf_cookie
def record(request: HttpRequest, client: UUID) -> HttpResponse:
    """
    Show everything that may be read of one person; to somebody who may not, the way to open it for a reason.
    """
    actor, now = signed_in(request), timezone.now()
    found = Client.objects.filter(key=client, agency=actor.agency_id).select_related("merged_into").first()
    if found is None:
        raise NotFound
    if found.merged_into is not None:
        return HttpResponseRedirect(f"/care/people/{found.merged_into.key}/")
    # The entry is kept before anything is shown: what could not be entered is not read.
    with open_door(by=actor, at=now):
        may = readings.read(client=found, by=actor, at=now)
    context = {**common(actor, now), **beside(actor, "people"), "facts": facts_of(actor)}
    if not may:
        programme = Programme.objects.filter(agency=actor.agency_id).first() or Programme()
        shut = {"client": found, "hours": programme.break_glass_h}
        return render(request, "followups/record/shut.html", context | shut, status=403)
    about: dict[str, Any] = {
        "record": queries.whole(found, at=now),
        "cares": cares_for_all(actor),
        "me": actor.person_id,
    }
    about |= {"sections": SECTIONS.items()}
    return render(request, "followups/record/record.html", context | about)


@require_safe
def record_by_number(request: HttpRequest, number: int) -> HttpResponse:
    """
    Send somebody who reads every record on to the one with this number: what an action has answered is a number.
    """
    actor = signed_in(request)
    found = Client.objects.filter(pk=number, agency=actor.agency_id).first() if cares_for_all(actor) else None
    if found is None:
        raise NotFound
    return HttpResponseRedirect(f"/care/people/{found.key}/")


@require_http_methods(["GET", "HEAD", "POST"])
@ensure_csrf_cookie
def people(request: HttpRequest) -> HttpResponse:
    """
    Look for somebody. The question is a POST: no name stands in an address, a history or a log.
    """
    actor, now = signed_in(request), timezone.now()
    context: dict[str, Any] = {
        **common(actor, now),
        **beside(actor, "people"),
        "facts": facts_of(actor),
        "cares": cares_for_all(actor),
        "intake": _intake(request, actor),
    }
    if request.method == "POST":
        asked = {name: request.POST.get(name, "").strip()[:200] for name in ("name", "born_on", "phone")}
        found = _found(actor, **asked)
        with open_door(by=actor, at=now):
            readings.searched(found=[one.client_id for one in found], by=actor, at=now)
        clients = Client.objects.in_bulk([one.client_id for one in found])
        context |= {
            "asked": asked,
            "searched": True,
            "found": [queries.alike(clients[one.client_id], one) for one in found],
        }
    return render(request, "followups/people.html", context)


def _found(actor: Actor, *, name: str, born_on: str, phone: str) -> list[Suggestion]:
    found = suggest(
        agency_id=actor.agency_id,
        names=[name] if name else [],
        born_on=born_on if _BORN_ON.fullmatch(born_on) else "",
        phones=[phone] if phone else [],
        most=_MOST,
    )
    return found if cares_for_all(actor) else [one for one in found if one.score >= _SURE]


def _intake(request: HttpRequest, actor: Actor) -> Intake | None:
    """
    Return the referral for which a record is looked for, if there is one.
    """
    asked = number(request.GET, "intake")
    if asked is None or not cares_for_all(actor):
        return None
    rows = Intake.objects.filter(agency=actor.agency_id).exclude(state=IntakeState.CLOSED)
    return rows.filter(pk=asked).select_related("referral").first()
