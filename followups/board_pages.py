"""
The coordinators' pages: the board of second responses, and the lists beside it.
"""

import json
import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dispatch.asking import address, common, number, signed_in
from followups.actions import readings
from followups.queries import board as queries
from followups.queries import lists
from followups.rules.clients import cares_for_all
from followups.words import board_words
from journal.door import open_door
from journal.refusals import NotFound
from responders.actors import Actor
from responders.middleware import BACKGROUND_HEADER
from responders.models import Person, RoleName, ServiceArea, Unit
from responders.permissions import may_use

_WHO: Final = re.compile(r"none|[pu][1-9][0-9]{0,14}", re.ASCII)
# In the session: whose names this person was shown, by page, so that a page that asks every few seconds is entered once.
_SHOWN: Final = "care_shown"


@require_safe
@ensure_csrf_cookie
def board(request: HttpRequest) -> HttpResponse:
    """
    Show what is due.
    """
    actor = signed_in(request)
    areas = ServiceArea.objects.filter(agency=actor.agency_id, valid_to=None)
    facts = facts_of(actor) | {"areas": [[row.name, _outline(row)] for row in areas]}
    return render(request, "followups/board.html", _board(request) | {"facts": facts})


@require_safe
def board_rows(request: HttpRequest) -> HttpResponse:
    """
    Show the list of it anew.
    """
    return render(request, "followups/board/rows.html", _board(request))


@require_safe
@ensure_csrf_cookie
def care_list(request: HttpRequest, name: str) -> HttpResponse:
    """
    Show one of the lists beside the board.
    """
    return render(request, "followups/list.html", _list(request, name))


@require_safe
def care_list_rows(request: HttpRequest, name: str) -> HttpResponse:
    """
    Show it anew.
    """
    return render(request, f"followups/lists/{name}.html", _list(request, name))


def _board(request: HttpRequest) -> dict[str, Any]:
    actor, now, given = signed_in(request), timezone.now(), request.GET
    show, who, area = given.get("show", ""), given.get("who", ""), given.get("area", "")
    if show not in queries.SHOWS or (who and not _WHO.fullmatch(who)):
        raise NotFound
    chosen = queries.Chosen(
        show=show,
        who=who,
        area=0 if area == "0" else number(given, "area"),
        page=number(given, "page") or 1,
    )
    found = queries.listed(actor.agency_id, chosen, at=now)
    enter_shown(request, actor, "board", found.clients, at=now)
    return {
        **common(actor, now),
        **beside(actor, "board"),
        "board": found,
        "chosen": chosen,
        "shows": [(key, words, found.counts[key or "todo"]) for key, words in queries.SHOWS.items()],
        "before": address(given, page=str(chosen.page - 1)) if chosen.page > 1 else "",
        "after": address(given, page=str(chosen.page + 1)) if found.last < found.total else "",
        "all_of_them": address(given, who="", area="", page=""),
    }


def _contacts(actor: Actor, now: datetime) -> tuple[dict[str, Any], Collection[int]]:
    rows = lists.new_contacts(actor.agency_id, at=now)
    return {"rows": rows}, {row.client_id for row in rows}


def _familiar(actor: Actor, now: datetime) -> tuple[dict[str, Any], Collection[int]]:
    rows = lists.familiar(actor.agency_id, at=now)
    return {"rows": rows}, {row.client_id for row in rows}


def _referrals(actor: Actor, now: datetime) -> tuple[dict[str, Any], Collection[int]]:
    rows = lists.intakes(actor.agency_id, at=now)
    return {"rows": rows, "me": actor.person_id}, {one.row.client_id for one in rows if one.row.client_id is not None}


def _caseload(actor: Actor, now: datetime) -> tuple[dict[str, Any], Collection[int]]:
    return {"rows": queries.loads(actor.agency_id, at=now), "ages": queries.AGES}, ()


def _opened(actor: Actor, now: datetime) -> tuple[dict[str, Any], Collection[int]]:
    rows, late = lists.opened(actor.agency_id, at=now), lists.late(actor.agency_id, at=now)
    clients = {one.row.client_id for one in rows} | {one.row.client_id for one in late}
    return {"rows": rows, "late": late}, clients


# Each list: its title, what it is for, whom it is for, and what it holds.
_List = Callable[[Actor, datetime], tuple[dict[str, Any], Collection[int]]]
LISTS: Final[dict[str, tuple[str, str, frozenset[str], _List]]] = {
    "referrals": (
        "Referred without a call",
        "Officers and providers ask for later contact. Take one before you call, so that nobody is called twice.",
        frozenset({RoleName.COORDINATOR, RoleName.SUPERVISOR}),
        _referrals,
    ),
    "contacts": (
        "New contacts",
        "People you know were at a call. Look at what it changes for their plan, then say that you have seen it.",
        frozenset({RoleName.COORDINATOR, RoleName.SUPERVISOR}),
        _contacts,
    ),
    "familiar": (
        "Familiar faces",
        "People whom crews met often of late: where, when, and what helped.",
        frozenset({RoleName.COORDINATOR, RoleName.SUPERVISOR}),
        _familiar,
    ),
    "caseload": (
        "Caseload",
        "Who has how much, and how long what is overdue has waited.",
        frozenset({RoleName.COORDINATOR, RoleName.SUPERVISOR}),
        _caseload,
    ),
    "opened": (
        "Escalated and opened",
        "Second responses that nobody has begun in time, and records that were opened by somebody who may not read them.",
        frozenset({RoleName.SUPERVISOR}),
        _opened,
    ),
}


def _list(request: HttpRequest, name: str) -> dict[str, Any]:
    actor, now = signed_in(request), timezone.now()
    if name not in LISTS or not actor.has(*LISTS[name][2]):
        raise NotFound
    title, lead, _, rows_of = LISTS[name]
    context, clients = rows_of(actor, now)
    enter_shown(request, actor, name, clients, at=now)
    return {
        **common(actor, now),
        **beside(actor, name),
        "title": title,
        "lead": lead,
        "list_name": name,
        "list_rows": f"followups/lists/{name}.html",
        "facts": facts_of(actor),
        **context,
    }


def beside(actor: Actor, page: str) -> dict[str, Any]:
    """
    Return what stands above every page of this app: the others that the actor may open, and how much waits there.
    """
    places: list[tuple[str, str, str, int]] = []
    if cares_for_all(actor):
        tallies = lists.tallies(actor.agency_id)
        tallies["opened"] += tallies["late"]
        places.append(("board", "/care/", "Board", 0))
        places += [
            (name, f"/care/{name}/", title, tallies.get(name, 0))
            for name, (title, _, roles, _) in LISTS.items()
            if actor.has(*roles)
        ]
        if actor.has("SUPERVISOR"):
            places.append(("reports", "/care/reports/", "Reports", tallies.get("reports", 0)))
        places.append(("survey", "/care/survey/", "Survey", 0))
    if may_use(actor, "care-people", "GET"):
        places.append(("people", "/care/people/", "People", 0))
    if may_use(actor, "care-programme", "GET"):
        places.append(("programme", "/care/programme/", "Programme", 0))
    return {"page": page, "places": places, "supervises": actor.has("SUPERVISOR")}


def facts_of(actor: Actor) -> dict[str, Any]:
    """
    Return what the page's questions offer: words for codes, and to whom something can be given.
    """
    people = Person.objects.filter(
        agency=actor.agency_id, is_active=True, roles__name__in=[RoleName.COORDINATOR, RoleName.RESPONDER]
    ).distinct()
    units = Unit.objects.filter(agency=actor.agency_id, outside=False, retired_at=None).order_by("call_sign")
    return {
        "me": actor.person_id,
        "people": [[row.pk, row.name] for row in people.order_by("name")],
        "units": [[row.pk, row.call_sign] for row in units],
        "words": board_words(),
    }


def _outline(area: ServiceArea) -> list[Any]:
    """
    Return an area's polygons as GeoJSON has those of many, coarse enough for a map of a city.
    """
    drawn = json.loads(area.polygon.simplify(0.0002, preserve_topology=True).geojson)
    return list(drawn["coordinates"]) if drawn["type"] == "MultiPolygon" else [drawn["coordinates"]]


def enter_shown(request: HttpRequest, actor: Actor, page: str, clients: Collection[int], *, at: datetime) -> None:
    """
    Enter whose names a page shows, before it shows them. What this browser was shown on the same page the same day and
    asks for again by itself is not entered again.
    """
    today = at.date().isoformat()
    kept = request.session.get(_SHOWN, {})
    before = set(kept.get(page, ())) if kept.get("day") == today else set()
    asked_by_itself = request.headers.get(BACKGROUND_HEADER) == "1"
    if not clients or (asked_by_itself and before.issuperset(clients)):
        return
    with open_door(by=actor, at=at):
        readings.listed(clients=clients, page=page, by=actor, at=at)
    fresh = kept if kept.get("day") == today else {"day": today}
    request.session[_SHOWN] = fresh | {page: sorted(before | set(clients))}
