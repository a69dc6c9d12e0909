"""
Opening a record that is not one's to read: for a reason, for hours, loudly (45 CFR 164.312(a)(2)(ii); NIST SP 800-53 AC-2(2)).
"""

from datetime import datetime, timedelta

from followups.actions.clients import standing
from followups.models import BreakGlass, Client, Programme
from followups.refusals import clients as refusals
from journal.record import record
from responders.actors import Actor


def open_record(
    *, client_id: int, reason: str, by: Actor, at: datetime, happened_at: datetime | None = None
) -> BreakGlass:
    """
    Open somebody's record to the actor for the hours that the agency allows, 72 at most. Supervisors are told until one of
    them takes notice. Said again while it is open, it is another opening, with its own reason.

    :raises ClientNotFound: there is no such record in this agency.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    client = standing(client_id, agency_id=by.agency_id)
    hours = Programme.objects.filter(agency=by.agency_id).values_list("break_glass_h", flat=True).first()
    if hours is None:
        hours = Programme._meta.get_field("break_glass_h").get_default()
    row = BreakGlass.objects.create(
        client=client, person_id=by.person_id, reason=reason, at=at, ends_at=at + timedelta(hours=hours)
    )
    record(
        "client.break_glass",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        # The reason may say what ails somebody: it is sealed in the row, and supervisors read it in their document.
        data={"break_glass": row.pk, "person": by.person_id, "ends_at": row.ends_at},
        by=by,
        at=at,
    )
    return row


def see(*, break_glass_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> BreakGlass:
    """
    Take notice, as a supervisor who is another than the one who did it. Who was first counts.

    :raises BreakGlassNotFound: there is none in this agency.
    :raises BreakGlassOwn: the actor did it.
    """
    row = BreakGlass.objects.filter(pk=break_glass_id, client__agency=by.agency_id).first()
    if row is None:
        raise refusals.BreakGlassNotFound
    if row.person_id == by.person_id:
        raise refusals.BreakGlassOwn
    Client.objects.lock(row.client_id)
    row.refresh_from_db()
    if row.seen_at is None:
        row.seen_at, row.seen_by_id = at, by.person_id
        row.save(update_fields=["seen_at", "seen_by"])
        record(
            "break_glass.seen",
            agency_id=by.agency_id,
            about=f"client.{row.client_id}",
            data={"break_glass": row.pk},
            by=by,
            at=at,
        )
    return row
