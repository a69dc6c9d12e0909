"""
Cautions: a behaviour to know of at an address or a phone number, until a day. Never a diagnosis or a history.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from dispatch import intake_refusals, premises
from dispatch.actions.decisions import decide
from dispatch.models import Call, Caution
from journal.record import record
from responders.actors import Actor

# A warning that nobody looks at again is a rumour.
LONGEST = timedelta(days=366)


def add(
    *,
    text: str,
    expires_at: datetime,
    by: Actor,
    at: datetime,
    address: str = "",
    phone: str = "",
    happened_at: datetime | None = None,
) -> Caution:
    """
    Put a caution on an address or on a phone number. Open calls there get it at once, and the policy runs again for them.

    :raises CautionNeedsPerson: the actor is not a person.
    :raises CautionNeedsOnePlace: neither or both were given, or nothing of it can be compared.
    :raises CautionExpiryInvalid: it would end before now, or after more than a year.
    """
    if by.person_id is None:
        raise intake_refusals.CautionNeedsPerson
    key, number = premises.address_key(address), premises.phone_key(phone)
    if bool(key) == bool(number):
        raise intake_refusals.CautionNeedsOnePlace
    if not at < expires_at <= at + LONGEST:
        raise intake_refusals.CautionExpiryInvalid
    caution = Caution.objects.create(
        agency_id=by.agency_id,
        address_key=key,
        phone=number,
        text=text,
        made_by_id=by.person_id,
        made_at=at,
        expires_at=expires_at,
    )
    calls = _refresh(caution, by=by, at=at)
    record(
        "caution.add",
        agency_id=by.agency_id,
        about=f"caution.{caution.pk}",
        data={"on": "ADDRESS" if key else "PHONE", "expires_at": expires_at, "calls": calls},
        by=by,
        at=at,
    )
    return caution


def end(*, caution_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Caution:
    """
    End a caution now. Open calls there lose it at once, and the policy runs again for them.

    :raises CautionNotFound: it is another agency's.
    :raises CautionEnded: it has ended already.
    """
    caution = Caution.objects.select_for_update(no_key=True).filter(pk=caution_id, agency=by.agency_id).first()
    if caution is None:
        raise intake_refusals.CautionNotFound(caution=caution_id)
    if caution.expires_at <= at:
        raise intake_refusals.CautionEnded(at=caution.expires_at)
    # Never before it was made: the clocks of two servers may differ.
    caution.expires_at = max(at, caution.made_at + timedelta(microseconds=1))
    caution.save(update_fields=["expires_at"])
    calls = _refresh(caution, by=by, at=at)
    record(
        "caution.end",
        agency_id=by.agency_id,
        about=f"caution.{caution.pk}",
        data={"calls": calls},
        by=by,
        at=at,
    )
    return caution


def _refresh(caution: Caution, *, by: Actor, at: datetime) -> list[int]:
    there = Q(address_key=caution.address_key) if caution.address_key else Q(caller_phone=caution.phone)
    ids = list(Call.objects.open().filter(there, agency=caution.agency_id).order_by("pk").values_list("pk", flat=True))
    for call_id in ids:
        decide(call=Call.objects.lock(call_id), by=by, at=at)
    return ids
