"""
Who may read what is known of somebody.

Coordinators and supervisors of the agency; a crew, and a responder at a page, while they hold a call at which the person is
or have a follow-up with them; anybody who broke the glass, until it ends. An administrator has no clinical role, and roles
alone open nothing to responders (45 CFR 164.312(a); 42 CFR 2.13: what is needed, no more).
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from dispatch.models import Assignment
from followups.models import BreakGlass, Client, Contact, FollowUp, FollowUpState, Shown
from followups.refusals.clients import ClientNotFound
from responders.actors import Actor
from responders.models import Shift

_SEEN_TO = (FollowUpState.PENDING, FollowUpState.DUE)


def check_may_read(actor: Actor, client: Client, *, at: datetime) -> None:
    """
    Check that somebody may read a record now.

    :raises ClientNotFound: they may not; answers like a record that does not exist.
    """
    if not can_read(actor, client, at=at):
        raise ClientNotFound


def can_read(actor: Actor, client: Client, *, at: datetime) -> bool:
    """
    Tell whether ``check_may_read`` would let this pass.
    """
    if client.agency_id != actor.agency_id:
        return False
    if cares_for_all(actor):
        return True
    if actor.person_id is None:
        return False
    if actor.has("RESPONDER") and _is_with(actor, client):
        return True
    return BreakGlass.objects.filter(client=client.pk, person=actor.person_id, at__lte=at, ends_at__gt=at).exists()


def cares_for_all(actor: Actor) -> bool:
    """
    Tell whether the actor's role opens every record of the agency. A tablet never lends more than its crew's rights.
    """
    return actor.tablet_id is None and actor.has("COORDINATOR", "SUPERVISOR")


def was_shown(actor: Actor, client_ids: Iterable[int]) -> bool:
    """
    Tell whether any of these records stands or stood on the tablets of the actor's unit, or of one that they were on before:
    what they say of somebody then is told from wherever they ride now.
    """
    ridden = Shift.objects.filter(person=actor.person_id).values("unit_id")
    shown = Shown.objects.filter(Q(unit=actor.unit_id) | Q(unit__in=ridden), client__in=client_ids)
    return actor.tablet_id is not None and shown.exists()


def _is_with(actor: Actor, client: Client) -> bool:
    # At a tablet the unit is the tablet's; at a page it is the one on which the person is on shift now.
    units = [actor.unit_id]
    if actor.tablet_id is None:
        units = list(Shift.objects.open().filter(person=actor.person_id).values_list("unit_id", flat=True))
    mine = Q(assignee=actor.person_id) | Q(unit__in=units)
    if FollowUp.objects.filter(mine, client=client.pk, state__in=_SEEN_TO).exists():
        return True
    calls = Contact.objects.filter(client=client.pk, ended_at=None).values("call")
    return Assignment.objects.open().filter(unit__in=units, call__in=calls).exists()
