"""
The doors of the demo: step in as somebody without a password.

config/urls.py takes this module in only when ``settings.DEMO``. Outside demo mode the addresses do not exist, and the
views refuse to run even where somebody wires them up.
"""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from journal.door import open_door
from responders import sessions
from responders.models import Person, Shift
from tablets.actions.pair import renew_token
from tablets.actions.sign_on import sign_on
from tablets.authentication import set_cookie
from tablets.models import SignOn, Tablet

AGENCY: Final = "seattle-demo"
# Who is behind each door at a desk, and where they step in.
_PEOPLE: Final = {
    "dispatcher": ("demo-dispatcher@example.org", "/desk/"),
    "coordinator": ("demo-coordinator@example.org", "/care/"),
    "supervisor": ("demo-supervisor@example.org", "/supervisor/"),
    "police": ("demo-police-dispatcher@example.org", "/police/"),
    "officer": ("demo-officer@example.org", "/officer/"),
}
# The tablet behind each door, and who signs on at it when nobody of its unit is on shift.
_TABLETS: Final = {
    "tablet-1": ("Tablet 1", "demo-responder-1@example.org"),
    "tablet-2": ("Tablet 2", "demo-responder-3@example.org"),
}


@require_POST
def enter(request: HttpRequest, who: str) -> HttpResponse:
    """
    Step in through one of the doors.
    """
    if not settings.DEMO:
        raise Http404
    at = timezone.now()
    if who in _PEOPLE:
        return _enter_as_person(request, *_PEOPLE[who], at=at)
    if who in _TABLETS:
        return _enter_as_tablet(*_TABLETS[who], at=at)
    raise Http404


def _enter_as_person(request: HttpRequest, email: str, page: str, *, at: datetime) -> HttpResponse:
    person = Person.objects.filter(email=email, agency__slug=AGENCY, is_active=True).first()
    if person is None:
        raise Http404
    login(request, person, backend="responders.accounts.SignIn")
    sessions.begin(request.session, at=at)
    request.session[sessions.DEMO_MARK] = person.pk
    return HttpResponseRedirect(page)


def _enter_as_tablet(name: str, email: str, *, at: datetime) -> HttpResponse:
    tablet = Tablet.objects.filter(agency__slug=AGENCY, name=name, revoked_at=None).order_by("-pk").first()
    person = None if tablet is None else _crew_member(tablet, email, at=at)
    if tablet is None or person is None:
        raise Http404
    with open_door(by="system:demo", at=at):
        token = renew_token(tablet_id=tablet.pk, by="system:demo", at=at)
        sign_on(tablet_id=tablet.pk, person_id=person.pk, by="system:demo", at=at)
    response = HttpResponseRedirect("/tablet/")
    set_cookie(response, token)
    return response


def _crew_member(tablet: Tablet, email: str, *, at: datetime) -> Person | None:
    # Whoever is signed on here already, else somebody of the unit's crew, else the door's own responder.
    here = SignOn.objects.filter(tablet=tablet, ended_at=None, expires_at__gt=at, shift__ended_at=None)
    crew = Shift.objects.filter(unit=tablet.unit_id, ended_at=None)
    shift_id = (
        here.values_list("shift_id", flat=True).first() or crew.order_by("pk").values_list("pk", flat=True).first()
    )
    people = Person.objects.filter(is_active=True, agency_id=tablet.agency_id)
    if shift_id is not None:
        return people.filter(shifts=shift_id).first()
    return people.filter(email=email).first()


urlpatterns = [path("enter/<str:who>/", enter, name="demo-enter")]
