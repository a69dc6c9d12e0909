"""
What a crew attaches to a call: photos and signatures.
"""

from dataclasses import dataclass, field
from datetime import datetime

from dispatch import rules
from dispatch.models import Assignment, Call, CallAttachment, CallStatus, Flag
from journal.record import record
from responders.actors import Actor
from responders.models import Unit
from responders.rules import unit_acted_for
from tablets.actions import attach as uploads


@dataclass(frozen=True, slots=True)
class Attached:
    """
    What was attached, and what did not fit about it.
    """

    row: CallAttachment
    flags: list[str] = field(default_factory=list)


def attach(
    *,
    call_id: int,
    sha256: str,
    purpose: str,
    caption: str = "",
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
) -> Attached:
    """
    Note that a photo or a signature belongs to a call, whether its bytes have come or not. Said twice, it is one.

    As with notes, whoever sees the call on its board or ever held it may; where the crew did not have it then, or it was
    closed, both sides are kept and a supervisor is told.

    :raises CallNotFound: it is not on the tablet's board and its unit never held it.
    """
    when = at if happened_at is None else min(happened_at, at)
    unit_id = unit_acted_for(by, None, "")
    # Before the call: when the bytes are ready, their row is locked first and then the calls that show them.
    upload = uploads.need(agency_id=by.agency_id, sha256=sha256, at=at)
    call = Call.objects.lock(call_id)
    held = Assignment.objects.filter(call=call, unit=unit_id)
    on_board = call.area_id is not None and Unit.objects.filter(pk=unit_id, areas=call.area_id).exists()
    rules.check_sees_call(call, by=by, in_area=on_board or held.exists())

    row, is_new = CallAttachment.objects.get_or_create(
        call=call,
        attachment=upload,
        purpose=purpose,
        defaults={"caption": caption, "by": str(by), "at": when},
    )
    flags = _flags(call, held=list(held), when=when)
    if is_new:
        Flag.objects.bulk_create(Flag(call=call, code=code, facts={"attachment": row.pk}, at=at) for code in flags)
    record(
        "call.attached",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"attachment": row.pk, "upload": upload.pk, "purpose": purpose},
        by=by,
        at=when,
    )
    return Attached(row, flags)


def _flags(call: Call, *, held: list[Assignment], when: datetime) -> list[str]:
    had = any(row.assigned_at <= when and (row.ended_at is None or when <= row.ended_at) for row in held)
    if had:
        return []
    return [
        "attached_after_close" if call.status not in (CallStatus.PENDING, CallStatus.ASSIGNED) else "attached_not_held"
    ]
