"""
Navigator referrals: an officer or a provider names a person for later contact, and a coordinator sees to it. No call is made.

What whoever referred hears stays with ``dispatch.Referral``: received, then closed, and nothing of what came of it.
"""

from datetime import datetime
from typing import Final

from django.db import connection

from dispatch.actions import referrals
from followups.actions import clients
from followups.models import Intake, IntakeState
from followups.refusals import intakes as refusals
from followups.refusals.clients import PersonNeeded
from journal.record import record
from responders.actors import Actor

# The referral's row is locked first, as everywhere: whoever withdraws it holds it.
_NEW: Final = """
SELECT r.id, r.agency_id, r.received_at FROM dispatch_referral r
 WHERE r.kind = 'PERSON' AND r.eligible AND r.ended_at IS NULL
   AND NOT EXISTS (SELECT FROM followups_intake i WHERE i.referral_id = r.id)
 ORDER BY r.received_at LIMIT %s FOR NO KEY UPDATE OF r SKIP LOCKED
"""
_WITHDRAWN: Final = """
SELECT i.id FROM followups_intake i JOIN dispatch_referral r ON r.id = i.referral_id
 WHERE i.state <> 'CLOSED' AND r.ended_at IS NOT NULL ORDER BY i.id LIMIT %s FOR NO KEY UPDATE OF i SKIP LOCKED
"""


def take_in(*, by: object, at: datetime, most: int) -> list[int]:
    """
    Put what was referred for later contact before coordinators, and return the intakes' ids.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEW, [most])
        new = cursor.fetchall()
    # Another sweep may have made one between the look and the lock: one referral is one intake.
    known = set(Intake.objects.filter(referral__in=[row[0] for row in new]).values_list("referral_id", flat=True))
    made = [
        Intake.objects.create(referral_id=referral_id, agency_id=agency_id, made_at=received_at)
        for referral_id, agency_id, received_at in new
        if referral_id not in known
    ]
    for row in made:
        _record("intake.received", row, by=by, at=at)
    return [row.pk for row in made]


def close_withdrawn(*, by: object, at: datetime, most: int) -> list[int]:
    """
    Close what whoever referred took back, and return the intakes' ids.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAWN, [most])
        ids = [row[0] for row in cursor.fetchall()]
    for row in Intake.objects.filter(pk__in=ids).exclude(state=IntakeState.CLOSED).order_by("pk"):
        row.state, row.closed_at = IntakeState.CLOSED, at
        row.save(update_fields=["state", "closed_at"])
        _record("intake.withdrawn", row, by=by, at=at)
    return ids


def take(*, intake_id: int, by: Actor, at: datetime) -> Intake:
    """
    See to a referral. Who has it already has it.

    :raises PersonNeeded: the actor is not a person.
    :raises IntakeNotFound: there is none in the agency.
    :raises IntakeClosed: it is closed.
    :raises IntakeTaken: another coordinator has it.
    """
    if by.person_id is None:
        raise PersonNeeded
    row = _held(intake_id, by)
    if row.state == IntakeState.TAKEN:
        if row.taken_by_id != by.person_id:
            raise refusals.IntakeTaken(person=row.taken_by_id)
        return row
    row.state, row.taken_by_id, row.taken_at = IntakeState.TAKEN, by.person_id, at
    row.save(update_fields=["state", "taken_by", "taken_at"])
    _record("intake.taken", row, by=by, at=at)
    return row


def close(*, intake_id: int, by: Actor, at: datetime, client_id: int | None = None, note: str = "") -> Intake:
    """
    Close a referral, which led to somebody's record or to nothing. Whoever referred is told that it is closed.

    :raises IntakeNotFound: there is none in the agency.
    :raises IntakeClosed: it is closed already.
    :raises ClientNotFound: there is no such person in the agency.
    """
    referral_id = (
        Intake.objects.filter(pk=intake_id, agency=by.agency_id).values_list("referral_id", flat=True).first()
    )
    if referral_id is None:
        raise refusals.IntakeNotFound
    referrals.end_later_contact(referral_id=referral_id, by=by, at=at)
    client = None if client_id is None else clients.standing(client_id, agency_id=by.agency_id)
    row = _held(intake_id, by)
    row.state, row.client, row.note, row.closed_at = IntakeState.CLOSED, client, note, at
    row.save(update_fields=["state", "client", "note", "closed_at"])
    _record("intake.closed", row, by=by, at=at, client=row.client_id)
    return row


def _held(intake_id: int, by: Actor) -> Intake:
    rows = Intake.objects.select_for_update(no_key=True, of=("self",)).filter(pk=intake_id, agency=by.agency_id)
    row = rows.first()
    if row is None:
        raise refusals.IntakeNotFound
    if row.state == IntakeState.CLOSED:
        raise refusals.IntakeClosed(at=row.closed_at)
    return row


def _record(kind: str, row: Intake, *, by: object, at: datetime, **data: object) -> None:
    record(
        kind,
        agency_id=row.agency_id,
        about=f"intake.{row.pk}",
        data={"referral": row.referral_id, **data},
        by=by,
        at=at,
    )
