"""
What somebody agreed may be told to whom: written consents with every element of 42 CFR 2.31, and their end.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from followups.actions.clients import family, standing
from followups.models import Client, Consent
from followups.refusals import clients as client_refusals
from followups.refusals import consents as refusals
from journal.record import record
from responders.actors import Actor
from responders.models import Agency

# The elements of 2.31(a) that are words, by the paragraph that asks for them. The others are checked one by one.
ELEMENTS: Final = {
    "patient_name": "2.31(a)(1)",
    "discloser": "2.31(a)(2)",
    "description": "2.31(a)(3)",
    "sections": "2.31(a)(3)",
    "recipient": "2.31(a)(4)",
    "purpose": "2.31(a)(5)",
    "right_to_revoke_told": "2.31(a)(6)",
    "expires": "2.31(a)(7)",
    "signed_by": "2.31(a)(8)",
    "signature": "2.31(a)(8)",
    "signed_on": "2.31(a)(9)",
    "text_version": "the words that were signed",
}


def add(
    *,
    client_id: int,
    by: Actor,
    at: datetime,
    patient_name: str = "",
    discloser: str = "",
    description: str = "",
    sections: Sequence[str] = (),
    recipient: str = "",
    purpose: str = "",
    right_to_revoke_told: bool = False,
    expires_on: date | None = None,
    expires_upon: str = "",
    signed_by: str = "",
    signature: str = "",
    signed_on: date | None = None,
    text_version: str = "",
    happened_at: datetime | None = None,
) -> Consent:
    """
    Keep a consent that was given in writing. None is kept that lacks an element: it would let nothing out.
    ``sections`` are the parts of a record that ``description`` comes to (``followups.rules.disclosure.Section``): no other goes
    out on it.

    :raises ClientNotFound: there is no such record in this agency.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    :raises ConsentIncomplete: facts name each missing element and where it stands in the rule.
    :raises ConsentDatesWrong: it was signed after today, or ends before it began.
    """
    if by.person_id is None:
        raise client_refusals.PersonNeeded
    given = {
        "patient_name": patient_name,
        "discloser": discloser,
        "description": description,
        "sections": " ".join(sections),
        "recipient": recipient,
        "purpose": purpose,
        "right_to_revoke_told": "yes" if right_to_revoke_told else "",
        "expires": expires_upon if expires_on is None else expires_on.isoformat(),
        "signed_by": signed_by,
        "signature": signature,
        "signed_on": "" if signed_on is None else signed_on.isoformat(),
        "text_version": text_version,
    }
    missing = {name: where for name, where in ELEMENTS.items() if not given[name].strip()}
    if missing or signed_on is None:
        raise refusals.ConsentIncomplete(missing=missing)
    today = _today(by, at)
    if signed_on > today or (expires_on is not None and expires_on < signed_on):
        raise refusals.ConsentDatesWrong
    client = standing(client_id, agency_id=by.agency_id)
    row = Consent.objects.create(
        client=client,
        patient_name=patient_name,
        discloser=discloser,
        description=description,
        sections=list(dict.fromkeys(sections)),
        recipient=recipient,
        purpose=purpose,
        right_to_revoke_told=right_to_revoke_told,
        expires_on=expires_on,
        expires_upon=expires_upon,
        signed_by=signed_by,
        signature=signature,
        signed_on=signed_on,
        text_version=text_version,
        added_at=at,
        added_by_id=by.person_id,
    )
    _enter("consent.record", row, by=by, at=at)
    return row


def revoke(*, consent_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Consent:
    """
    Keep that a consent was revoked: the next disclosure is refused. What went out under it stays accounted for.

    :raises ConsentNotFound: there is none in this agency.
    :raises ConsentOver: it was revoked or ended before.
    """
    row = held(consent_id, by=by)
    _check_stands(row)
    row.revoked_at, row.revoked_by_id = at, by.person_id
    row.save(update_fields=["revoked_at", "revoked_by"])
    _enter("consent.revoke", row, by=by, at=at)
    return row


def end(*, consent_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Consent:
    """
    Say that the event upon which a consent ends has happened.

    :raises ConsentNotFound: there is none in this agency.
    :raises ConsentOver: it was revoked or ended before.
    """
    row = held(consent_id, by=by)
    _check_stands(row)
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _enter("consent.end", row, by=by, at=at)
    return row


def held(consent_id: int, *, by: Actor, of: Client | None = None) -> Consent:
    """
    Return a consent, read under the lock of the record that it is of. ``of`` is a locked record whose consent it must be.

    :raises ConsentNotFound: there is none, or it is somebody else's.
    """
    row = Consent.objects.filter(pk=consent_id, client__agency=by.agency_id).first()
    if row is None or (of is not None and row.client_id not in family(of)):
        raise refusals.ConsentNotFound
    if of is None:
        standing(row.client_id, agency_id=by.agency_id)
    return Consent.objects.get(pk=consent_id)


def _check_stands(row: Consent) -> None:
    if row.revoked_at is not None:
        raise refusals.ConsentOver(why="REVOKED")
    if row.ended_at is not None:
        raise refusals.ConsentOver(why="ENDED")


def _today(by: Actor, at: datetime) -> date:
    return at.astimezone(Agency.objects.get(pk=by.agency_id).zone).date()


def _enter(kind: str, row: Consent, *, by: Actor, at: datetime) -> None:
    record(kind, agency_id=by.agency_id, about=f"client.{row.client_id}", data={"consent": row.pk}, by=by, at=at)
