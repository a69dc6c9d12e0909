"""
Pages: the first one, and the 911 desk. Officers' are in dispatch/officer.py.
"""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.gis.db.models import Extent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from dispatch.words import desk_words
from journal.refusals import NotFound
from responders.actors import Actor
from responders.authentication import actor_of
from responders.models import Person, ServiceArea
from tablets.models import Tablet

# Where the desk's map begins before any area is known: the middle of Seattle.
_SEATTLE = (-122.3321, 47.6062)


class Door(NamedTuple):
    """
    A way into the demo: who one becomes, and what one can do there.
    """

    who: str
    name: str
    what: str
    icon: str
    tablet: bool = False
    starts_pair: bool = False
    ends_pair: bool = False


DOORS = (
    Door("dispatcher", "Dispatcher", "Take a call, send a unit, watch it go: the 911 desk.", "support_agent"),
    Door("coordinator", "Coordinator", "See who is to be seen again, and who goes there: second responses.", "people"),
    Door("supervisor", "Supervisor", "Tablets, shifts, debriefs, and what became of calls.", "insights"),
    Door("police", "Police dispatcher", "Hear when a CARE unit asks for backup, and say who comes.", "local_police"),
    Door(
        "officer", "Officer", "Refer a person or a call to CARE, and see when a unit is on its way.", "directions_car"
    ),
    Door("tablet-1", "Tablet 1", "CARE 12", "directions_walk", tablet=True, starts_pair=True),
    Door("tablet-2", "Tablet 2", "CARE 14, in a private window", "directions_walk", tablet=True, ends_pair=True),
)

# The pages of each role, the first first.
_PLACES = (
    ({"DISPATCHER", "EMBEDDED", "SUPERVISOR"}, "/desk/", "To the 911 desk"),
    ({"SUPERVISOR"}, "/supervisor/", "To the supervisor's page"),
    ({"COORDINATOR", "SUPERVISOR"}, "/care/", "To second responses"),
    ({"POLICE_DISPATCHER"}, "/police/", "To requests for backup"),
    ({"OFFICER"}, "/officer/", "To the officer's page"),
    # A record that is not theirs to read opens for a reason: the way there is not to be known by heart.
    ({"RESPONDER", "EMBEDDED"}, "/care/people/", "To people met"),
    ({"ADMIN"}, "/admin/", "To the administration"),
)


@require_safe
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """
    Say what this is, and show the ways in.
    """
    actor = actor_of(request)
    places = (
        [] if actor is None else [{"url": url, "label": label} for roles, url, label in _PLACES if actor.has(*roles)]
    )
    return render(
        request,
        "home.html",
        {"demo": settings.DEMO, "doors": DOORS if settings.DEMO else (), "places": places},
    )


@require_safe
@ensure_csrf_cookie
def desk(request: HttpRequest) -> HttpResponse:
    """
    Show the 911 desk: a shell that fills itself from the live line.
    """
    actor = signed_in(request)
    people = Person.objects.filter(agency=actor.agency_id).values_list("pk", "name")
    tablets = Tablet.objects.filter(agency=actor.agency_id).values_list("pk", "name")
    facts: dict[str, Any] = {
        "agency": actor.agency_id,
        "me": {"id": actor.person_id, "name": actor.label, "roles": sorted(actor.roles)},
        # Who did something is kept as an id; the desk shows a name.
        "people": {str(pk): name for pk, name in people},
        "tablets": {str(pk): name for pk, name in tablets},
        "words": desk_words(),
        "demo": settings.DEMO,
        "center": _center(actor),
    }
    return render(request, "dispatch/desk.html", {"facts": facts})


def signed_in(request: HttpRequest) -> Actor:
    """
    Return who looks at a page.

    :raises NotFound: nobody whom it is for.
    """
    actor = actor_of(request)
    if actor is None:
        # The middleware lets nobody come this far without one; a page that forgot to be guarded does not exist.
        raise NotFound
    return actor


def _center(actor: Actor) -> tuple[float, float]:
    extent = ServiceArea.objects.filter(agency=actor.agency_id).aggregate(extent=Extent("polygon"))["extent"]
    if extent is None:
        return _SEATTLE
    west, south, east, north = extent
    return ((west + east) / 2, (south + north) / 2)
