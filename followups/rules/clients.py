"""
Who may read what is known of somebody.

Coordinators and supervisors of the agency; a crew, and a responder at a page, while they hold a call at which the person is
or have a follow-up with them; anybody who broke the glass, until it ends. An administrator has no clinical role, and roles
alone open nothing to responders (45 CFR 164.312(a); 42 CFR 2.13: what is needed, no more).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q

from dispatch.models import Assignment
from followups.models import BreakGlass, Client, Contact, FollowUp, FollowUpState
from followups.refusals.clients import ClientNotFound
from responders.actors import Actor
from responders.models import Shift

# What a crew had on its tablets, it speaks of for so long after: its report is written by then, and a crew that does not meet
# somebody anew has no more to do with them.
SPEAKS_FOR: Final = timedelta(days=7)

_SEEN_TO = (FollowUpState.PENDING, FollowUpState.DUE)

# The newest tombstone tells until when a record stood there. That of one which came back since is gone: it then counts as
# having stood there all the while.
_HAD_ON_TABLET = """
SELECT EXISTS (
    SELECT FROM followups_shown shown
      JOIN responders_shift shift ON shift.unit_id = shown.unit_id AND shift.person_id = %(person)s
      LEFT JOIN journal_document document ON document.stream = 'unit.' || shown.unit_id
           AND document.collection = 'client' AND document.document_id = shown.client_id::text
     WHERE shown.client_id = ANY(%(clients)s)
       AND coalesce(shift.ended_at, 'infinity') >= greatest(shown.at, %(since)s)
       AND CASE WHEN document.id IS NULL THEN shown.at ELSE coalesce(document.gone_at, 'infinity') END
           >= greatest(shift.started_at, %(since)s)
)
"""


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


def open_until(client: Client, *, person_id: int | None, at: datetime) -> datetime | None:
    """
    Return until when a record is open to somebody who broke the glass; None where they did not.
    """
    opened = BreakGlass.objects.filter(client=client.pk, person=person_id or 0, at__lte=at, ends_at__gt=at)
    return opened.order_by("-ends_at").values_list("ends_at", flat=True).first()


def cares_for_all(actor: Actor) -> bool:
    """
    Tell whether the actor's role opens every record of the agency. A tablet never lends more than its crew's rights.
    """
    return actor.tablet_id is None and actor.has("COORDINATOR", "SUPERVISOR")


def had_on_tablet(person_id: int | None, client_ids: Iterable[int], *, when: datetime) -> bool:
    """
    Tell whether any of these records stood on the tablets of a unit while this person was on it, at some moment since
    ``SPEAKS_FOR`` before ``when``: what they say of somebody then is told from wherever they ride now.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HAD_ON_TABLET, {"person": person_id, "clients": list(client_ids), "since": when - SPEAKS_FOR})
        row: tuple[bool] = cursor.fetchone()
    return row[0]


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
