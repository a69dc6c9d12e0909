"""
The page of one person, and the way to it. Every opening of a record is entered, and so is every refusal.
"""

import re
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from dispatch.asking import common, number, signed_in
from followups import reading
from followups.actions import readings
from followups.actions.clients import family
from followups.board_pages import beside, facts_of
from followups.models import Basis, Client, Intake, IntakeState, Programme
from followups.queries import record as queries
from followups.queries.board import names_of
from followups.queries.matching import Suggestion, known
from followups.refusals.clients import ClientNotFound
from followups.rules.clients import cares_for_all, open_until
from followups.rules.disclosure import WIDTH, Section
from followups.words import BASES, SECTIONS
from journal.door import open_door
from journal.refusals import NotFound
from responders.actors import Actor
from responders.rate_limits import check_person_rate

# Of those who may be the same person a record shows the likeliest.
ALIKE: Final = 5
# On what ground a copy goes out without a consent, and which parts of a record that lets out.
GROUNDS: Final = [
    (str(basis), BASES[basis], " ".join(str(section) for section in Section if section in WIDTH[basis]))
    for basis in (Basis.MEDICAL_EMERGENCY, Basis.MANDATED_REPORT, Basis.TO_THE_PERSON)
]
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
    context = {**common(actor, now), **beside(actor, "people"), "facts": facts_of(actor)}
    try:
        # Entered before anything is shown, a refusal too.
        reading.read_record(client_id=found.pk, by=actor, at=now, why="RECORD")
    except ClientNotFound:
        programme = Programme.objects.filter(agency=actor.agency_id).first() or Programme()
        shut = {"client": found, "hours": programme.break_glass_h}
        return render(request, "followups/record/shut.html", context | shut, status=403)
    cares = cares_for_all(actor)
    # The names of others, so it is a reading of its own.
    likely = reading.suggestions(client_id=found.pk, by=actor, at=now, most=ALIKE) if cares else []
    about: dict[str, Any] = {
        "record": queries.whole(found, ids=family(found), at=now, cares=cares, likely=likely),
        "cares": cares,
        "me": actor.person_id,
    }
    about |= {"sections": SECTIONS.items(), "grounds": GROUNDS}
    if cares:
        context["facts"] |= {"labels": queries.labels_by_question(actor.agency_id)}
    else:
        about["open_until"] = open_until(found, person_id=actor.person_id, at=now)
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

    :raises TooManyRequests: somebody who may not read records asks more often than anybody needs to.
    """
    actor, now = signed_in(request), timezone.now()
    cares = cares_for_all(actor)
    context: dict[str, Any] = {
        **common(actor, now),
        **beside(actor, "people"),
        "facts": facts_of(actor),
        "cares": cares,
        "intake": _intake(request, actor),
        "same": _same(request, actor, at=now) if cares else None,
    }
    if context["same"] is not None:
        context["same_name"] = names_of([context["same"].pk])[context["same"].pk]
    if request.method == "POST":
        asked = {name: request.POST.get(name, "").strip()[:200] for name in ("name", "born_on", "phone")}
        context["asked"] = asked
        if asked["born_on"] and not _BORN_ON.fullmatch(asked["born_on"]):
            # Looked for without it, nobody would be found, and a second record would be made.
            context["not_a_date"] = True
        else:
            found = _found(actor, **asked, at=now) if any(asked.values()) else []
            found = [one for one in found if context["same"] is None or one.client_id != context["same"].pk]
            clients = Client.objects.in_bulk([one.client_id for one in found])
            context["searched"] = True
            context["found"] = [queries.alike(clients[one.client_id], one) for one in found]
    return render(request, "followups/people.html", context)


def _found(actor: Actor, *, name: str, born_on: str, phone: str, at: datetime) -> list[Suggestion]:
    """
    Return the records that are shown to somebody who knows this much, and enter which they are.

    Whoever may not read records finds one only by what they know already (followups/queries/matching.py: ``known``).
    """
    if cares_for_all(actor):
        names, phones = [name] if name else [], [phone] if phone else []
        return reading.search(names=names, born_on=born_on, phones=phones, by=actor, at=at)
    check_person_rate("care-people", actor.person_id)
    found = known(agency_id=actor.agency_id, name=name, born_on=born_on, phone=phone)
    with open_door(by=actor, at=at):
        readings.searched(found=[one.client_id for one in found], by=actor, at=at)
    return found


def _intake(request: HttpRequest, actor: Actor) -> Intake | None:
    """
    Return the referral for which a record is looked for, if there is one.
    """
    asked = number(request.GET, "intake")
    if asked is None or not cares_for_all(actor):
        return None
    rows = Intake.objects.filter(agency=actor.agency_id).exclude(state=IntakeState.CLOSED)
    return rows.filter(pk=asked).select_related("referral").first()


def _same(request: HttpRequest, actor: Actor, *, at: datetime) -> Client | None:
    """
    Return the record for which another one of the same person is looked for, if there is one. That it was read is entered.
    """
    try:
        key = UUID(request.GET.get("same", ""))
    except ValueError:
        return None
    found = Client.objects.standing().filter(key=key, agency=actor.agency_id).first()
    if found is not None:
        with open_door(by=actor, at=at):
            readings.listed(clients=[found.pk], page="people", by=actor, at=at)
    return found
