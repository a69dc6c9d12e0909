"""
That somebody read what a kept report says: it may hold what a crew wrote about a person.
"""

from datetime import datetime

from journal.record import record
from journal.refusals import NotFound
from responders.actors import Actor
from tablets.models import Quarantined


def read(*, ticket: int, by: Actor, at: datetime) -> Quarantined:
    """
    Return a kept report whose words are about to be shown, and record who reads it (CJIS AU-2: reads are logged).

    :raises NotFound: there is none, or it is another agency's.
    """
    row = Quarantined.objects.select_related("tablet__unit", "person").filter(pk=ticket, agency=by.agency_id).first()
    if row is None:
        raise NotFound
    record(
        "quarantine.read",
        agency_id=row.agency_id,
        about=f"quarantine.{row.pk}",
        data={"ticket": row.pk, "kind": row.kind},
        by=by,
        at=at,
    )
    return row
