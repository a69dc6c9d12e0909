"""
The link to CAD: when it was last heard of, and what it answers to our messages.
"""

from datetime import datetime, timedelta

from django.db import connection

from dispatch import intake_refusals
from dispatch.actions import intake, on_view, poaches
from dispatch.models import CadFeed, CadMessage, Call
from journal.record import record

# Screens are told at most this often that CAD is there; they compute its age themselves.
TOLD_EVERY = timedelta(seconds=10)


def tell(*, agency_id: int, by: object, at: datetime) -> bool:
    """
    Tell the screens that CAD was heard of, unless they were told a moment ago.
    """
    told = CadFeed.objects.filter(agency=agency_id, told_at__lte=at - TOLD_EVERY).update(told_at=at, heard_at=at)
    if told:
        return True
    _, is_new = CadFeed.objects.get_or_create(agency_id=agency_id, defaults={"heard_at": at, "told_at": at})
    if is_new:
        record("cad.first_heard", agency_id=agency_id, about=f"agency.{agency_id}", data={}, by=by, at=at)
    return is_new


def fetch(*, agency_id: int, at: datetime) -> list[CadMessage]:
    """
    Return the messages that CAD has not answered, oldest first, and note when each was first fetched.
    """
    messages = list(
        CadMessage.objects.filter(agency=agency_id, confirmed_at=None, rejected_at=None)
        .select_related("call")
        .order_by("pk")[:200]
    )
    new = [message.pk for message in messages if message.fetched_at is None]
    if new:
        CadMessage.objects.filter(pk__in=new).update(fetched_at=at)
    return messages


def settle(
    *, message_id: int, agency_id: int, confirmed: bool, reason: str, by: object, at: datetime, number: str = ""
) -> CadMessage:
    """
    Take CAD's answer to a message. The same answer again changes nothing.

    With ``number`` CAD says under which number it has an on-view encounter.

    :raises MessageNotFound: it is for another agency's CAD.
    :raises MessageSettled: it was answered differently before.
    """
    found = CadMessage.objects.filter(pk=message_id, agency=agency_id).values_list("call_id", flat=True).first()
    if found is None:
        raise intake_refusals.MessageNotFound(message=message_id)
    if number and confirmed:
        intake.hold_number(agency_id=agency_id, number=number)
        on_view.confirmed(call_id=found, number=number, by=by, at=at)
    Call.objects.lock(found)
    message = CadMessage.objects.get(pk=message_id)
    if message.confirmed_at is not None or message.rejected_at is not None:
        if confirmed != (message.confirmed_at is not None):
            raise intake_refusals.MessageSettled(answer="CONFIRMED" if message.confirmed_at else "REJECTED")
        return message
    if confirmed:
        message.confirmed_at = at
    else:
        message.rejected_at, message.reject_reason = at, reason
    message.fetched_at = message.fetched_at or at
    message.save(update_fields=["confirmed_at", "rejected_at", "reject_reason", "fetched_at"])
    poaches.settle(message=message, confirmed=confirmed, reason=reason, by=by, at=at)
    record(
        "cad.answered",
        agency_id=agency_id,
        about=f"call.{found}",
        data={"message": message.pk, "message_kind": message.kind, "confirmed": confirmed},
        by=by,
        at=at,
    )
    return message


def heard(*, key_hash: bytes, at: datetime) -> tuple[int, int, str, int, datetime | None] | None:
    """
    Return whose key this is (id, agency, name, rate) and when the screens were last told of CAD; None for no key that counts.

    The same statement notes that CAD was heard of, once a second at most: a commit that changes nothing is not flushed to
    the disk.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH key AS (SELECT id, agency_id, name, rate FROM dispatch_cadkey"
            "   WHERE key_hash = %(hash)s AND (revoked_at IS NULL OR revoked_at > %(at)s)),"
            " heard AS (UPDATE dispatch_cadfeed AS feed SET heard_at = %(at)s FROM key"
            "   WHERE feed.agency_id = key.agency_id AND feed.heard_at <= %(at)s - interval '1 second')"
            " SELECT key.id, key.agency_id, key.name, key.rate, feed.told_at"
            " FROM key LEFT JOIN dispatch_cadfeed feed ON feed.agency_id = key.agency_id",
            {"hash": key_hash, "at": at},
        )
        row: tuple[int, int, str, int, datetime | None] | None = cursor.fetchone()
    return row
