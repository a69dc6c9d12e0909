"""
Short notes between the desk and a crew about a call: appended, and marked by whoever gets them.
"""

from dataclasses import dataclass, field
from datetime import datetime

from dispatch import intake_refusals, refusals
from dispatch.actions import links
from dispatch.canned import CANNED
from dispatch.models import Assignment, Call, LockedCall, Message, MessageMark
from journal.record import record
from responders.actors import Actor
from responders.rules import unit_acted_for

DESK, UNIT = "DESK", "UNIT"
DELIVERED, READ = "DELIVERED", "READ"


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A message, and what did not fit about it.
    """

    message: Message
    flags: list[str] = field(default_factory=list)


def send(
    *,
    call_id: int,
    by: Actor,
    at: datetime,
    text: str = "",
    canned: str = "",
    unit_id: int | None = None,
    happened_at: datetime | None = None,
) -> Sent:
    """
    Append a message: a crew's to the desk, or the desk's to a unit that holds the call, or held it.

    :raises CallNotFound: the call never was this unit's, or is another agency's.
    :raises MessageNeedsUnit: the desk did not say for whom, and it is not one unit alone that holds the call.
    """
    if by.tablet_id is not None:
        unit_acted_for(by, unit_id, None)
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at)
    call = link.call
    held = Assignment.objects.filter(call=call)
    if by.tablet_id is not None:
        unit = link.unit_id
        if not any(links.ever_had(row, unit_id=unit, by=by, at=at) for row in held):
            raise refusals.CallNotFound(call=call_id)
    else:
        known = held.filter(ended_at=None) if unit_id is None else held.filter(unit=unit_id)
        holders = set(known.values_list("unit_id", flat=True))
        unit = holders.pop() if len(holders) == 1 else None
    if unit is None:
        raise refusals.MessageNeedsUnit(call=call.pk)
    message = Message.objects.create(
        call=call,
        unit_id=unit,
        origin=UNIT if by.tablet_id is not None else DESK,
        text=CANNED[canned] if canned else text,
        canned=canned,
        by=by.label[:100],
        at=link.when,
    )
    raised = link.flag_late(kind="message.send", at=at, message=message.pk)
    # What was said stays with the message, out of the record that is kept for good.
    _record("message.sent", call, message, by=by, at=link.when, raised=raised)
    return Sent(message, raised)


def deliver(*, message_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Message:
    """
    Note that a message is on a screen of the side that gets it. The first one counts.

    :raises MessageNotFound: it was never for this unit, or is another agency's.
    :raises MessageOwnSide: it is this side's own.
    """
    return _mark(DELIVERED, message_id, by, at, happened_at)


def read(*, message_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Message:
    """
    Note that somebody of the side that gets a message has read it, so it was delivered, too. The first one counts.

    :raises MessageNotFound: it was never for this unit, or is another agency's.
    :raises MessageOwnSide: it is this side's own.
    """
    return _mark(READ, message_id, by, at, happened_at)


def _mark(kind: str, message_id: int, by: Actor, at: datetime, happened_at: datetime | None) -> Message:
    when = links.moment(happened_at, at)
    message = Message.objects.filter(pk=message_id, call__agency=by.agency_id).first()
    if message is None:
        raise intake_refusals.MessageNotFound(message=message_id)
    call = Call.objects.lock(message.call_id)
    if by.tablet_id is not None and by.unit_id != message.unit_id:
        # Somebody who changed units since: what they read before, they read.
        held = Assignment.objects.filter(call=call, unit=message.unit_id)
        if not any(links.ever_had(row, unit_id=by.unit_id, by=by, at=at) for row in held):
            raise intake_refusals.MessageNotFound(message=message_id)
    if (message.origin == UNIT) == (by.tablet_id is not None):
        raise refusals.MessageOwnSide(message=message_id)
    when = max(when, message.at)
    marks = [DELIVERED, READ] if kind == READ else [DELIVERED]
    known = set(MessageMark.objects.filter(message=message).values_list("kind", flat=True))
    new = [mark for mark in marks if mark not in known]
    MessageMark.objects.bulk_create(
        MessageMark(message=message, kind=mark, by=by.label[:100], at=when) for mark in new
    )
    if new:
        _record(f"message.{kind.lower()}", call, message, by=by, at=when, raised=[])
    return message


def _record(kind: str, call: LockedCall, message: Message, *, by: Actor, at: datetime, raised: list[str]) -> None:
    record(
        kind,
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "message": message.pk,
            "unit": message.unit_id,
            "origin": message.origin,
            **({"flags": raised} if raised else {}),
        },
        by=by,
        at=at,
    )
