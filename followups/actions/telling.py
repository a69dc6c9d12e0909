"""
What sweeps do for the people met: callers whose number is known are at their call, dispatch is told of cautions, what went
down to tablets is entered, and who is met often is seen.

Each function does one thing once, under the locks, whatever other sweepers did since it was found.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from dispatch.actions import cautions
from dispatch.intake_refusals import CautionEnded
from dispatch.models import Call, Caution
from followups.actions.clients import family, meet, standing
from followups.models import Client, ClientCaution, Contact, Programme, Shown
from followups.queries.people import Place, places, stands_at
from journal.record import record
from responders.actors import Actor
from responders.models import Agency, Shift

_LONGEST: Final = 200
_PERSON = re.compile(r"person:(\d+)$")

# Counted over the days that the agency looks at, from the index by time.
_FAMILIAR = """
WITH met AS (
    SELECT contact.client_id, count(*) AS contacts
      FROM followups_contact contact JOIN followups_client client ON client.id = contact.client_id
     WHERE contact.ended_at IS NULL AND contact.at > %(since)s AND client.agency_id = %(agency)s
     GROUP BY contact.client_id
)
SELECT client.id, coalesce(met.contacts, 0) >= %(contacts)s
  FROM followups_client client LEFT JOIN met ON met.client_id = client.id
 WHERE client.agency_id = %(agency)s AND client.merged_into_id IS NULL AND client.deceased_at IS NULL
   AND (client.familiar_at IS NOT NULL OR met.client_id IS NOT NULL)
   AND (client.familiar_at IS NOT NULL) <> (coalesce(met.contacts, 0) >= %(contacts)s)
 ORDER BY client.id
"""


def link_caller(*, client_id: int, call_id: int, route: str, by: object, at: datetime) -> Contact | None:
    """
    Say that somebody is at a call, unless that was said before, and be it that it was somebody else; None where it was.
    """
    call = Call.objects.lock(call_id)
    client = standing(client_id, agency_id=call.agency_id)
    if client.deceased_at is not None or Contact.objects.filter(client__in=family(client), call=call).exists():
        return None
    return meet(client=client, call_id=call.pk, route=route, by=by, at=at)


def tell_dispatch(*, caution_id: int, by: object, at: datetime) -> bool:
    """
    Put a caution on somebody's address, or on their phone number, at dispatch; tell whether that was done now.

    Dispatch hears the behaviour, its date and its end, and no name (RCW 70.02.230). A shelter's address is nobody's own: a
    caution there would be about everybody who stays there.
    """
    row = ClientCaution.objects.select_related("client").get(pk=caution_id)
    actor = _who(row)
    place = _place_of(row.client_id)
    if actor is None or place is None:
        return False
    told = cautions.add(
        text=words(row), expires_at=row.expires_at, by=actor, at=at, address=place.address, phone=place.phone
    )
    # Calls were locked first, as everywhere. Who ended it meanwhile, or told of it, makes this one void.
    client = Client.objects.lock(row.client_id)
    row = ClientCaution.objects.get(pk=caution_id)
    if row.ended_at is not None or row.caution_id is not None or row.client_id != client.pk:
        raise ToldAlready
    row.caution_id = told.pk
    row.save(update_fields=["caution_id"])
    return True


def take_back(*, caution_id: int, by: object, at: datetime) -> bool:
    """
    End at dispatch what has ended here, and what stands where its person is not; tell whether that was done now. The latter
    is told anew where there is a place.
    """
    row = ClientCaution.objects.select_related("client").get(pk=caution_id)
    actor = _who(row)
    if actor is None or row.caution_id is None:
        return False
    told = Caution.objects.filter(pk=row.caution_id).first()
    if row.ended_at is None and stands_at(_place_of(row.client_id), told):
        return False
    try:
        cautions.end(caution_id=row.caution_id, by=actor, at=at)
    except CautionEnded:
        return False
    # What dispatch itself ended keeps its caution there, and is never told anew.
    ClientCaution.objects.filter(pk=row.pk, ended_at=None).update(caution_id=None)
    return True


def enter_shown(*, limit: int, by: object, at: datetime) -> int:
    """
    Make entries of records that began to stand on units' tablets, and return of how many.
    """
    rows = list(
        Shown.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(entered_at=None)
        .select_related("unit")
        .order_by("pk")[:limit]
    )
    for row in rows:
        on_it = Shift.objects.of_unit(row.unit_id).filter(started_at__lte=row.at).exclude(ended_at__lt=row.at)
        record(
            "client.shown",
            agency_id=row.unit.agency_id,
            about=f"client.{row.client_id}",
            data={"unit": row.unit_id, "people": sorted(on_it.values_list("person", flat=True))},
            by=by,
            at=row.at,
        )
    Shown.objects.filter(pk__in=[row.pk for row in rows]).update(entered_at=at)
    return len(rows)


def changed_faces(*, agency: Agency, at: datetime) -> list[tuple[int, bool]]:
    """
    Return whose being a familiar face has changed, and whether they are one now.
    """
    programme = Programme.objects.filter(agency=agency).first() or Programme(agency=agency)
    params: dict[str, Any] = {
        "since": at - timedelta(days=programme.familiar_days),
        "agency": agency.pk,
        "contacts": programme.familiar_contacts,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FAMILIAR, params)
        return [(client_id, is_familiar) for client_id, is_familiar in cursor.fetchall()]


def see_face(*, client_id: int, is_familiar: bool, by: object, at: datetime) -> None:
    """
    Keep that somebody is met often by now, or no longer is.
    """
    client = Client.objects.lock(client_id)
    if (client.familiar_at is not None) == is_familiar:
        return
    client.familiar_at = at if is_familiar else None
    client.save(update_fields=["familiar_at"])
    record(
        "client.familiar",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        data={"familiar": is_familiar},
        by=by,
        at=at,
    )


class ToldAlready(Exception):
    """
    Another sweeper was first; what this one did is undone.
    """


def words(row: ClientCaution) -> str:
    """
    Return what dispatch is told: the behaviour and its date, in as many letters as a caution has there.
    """
    seen = f" ({row.seen_on.isoformat()})"
    room = _LONGEST - len(seen)
    text = row.text if len(row.text) <= room else f"{row.text[: room - 1]}…"
    return text + seen


def _who(row: ClientCaution) -> Actor | None:
    """
    Return the person who said it, as dispatch asks for one.
    """
    found = _PERSON.search(row.added_by)
    if found is None:
        return None
    return Actor(agency_id=row.client.agency_id, label="", person_id=int(found[1]))


def _place_of(client_id: int) -> Place | None:
    return places([client_id]).get(client_id)
