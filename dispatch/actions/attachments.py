"""
What a crew attaches to a call: photos and signatures.
"""

from dataclasses import dataclass, field
from datetime import datetime

from dispatch.actions import flags, links
from dispatch.models import Assignment, Call, CallAttachment, CallStatus
from journal.record import record
from responders.actors import Actor
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
    unit_id = unit_acted_for(by, None, "")
    # Before the call: when the bytes are ready, their row is locked first and then the calls that show them.
    upload = uploads.need(agency_id=by.agency_id, sha256=sha256, at=at)
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at)
    call, when = link.call, link.when
    held = Assignment.objects.filter(call=call, unit=unit_id)

    row, is_new = CallAttachment.objects.get_or_create(
        call=call,
        attachment=upload,
        purpose=purpose,
        defaults={"caption": caption, "by": str(by), "at": when},
    )
    codes = _flags(call, held=list(held), when=when) or (["late_scope"] if link.shift_over else [])
    for code in codes if is_new else ():
        facts = {"kind": "call.attach", "attachment": row.pk, "at": when, "shift_ended_at": link.shift_over}
        flags.raise_flag(call=call, code=code, facts=facts, at=at, unit_id=unit_id)
    record(
        "call.attached",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"attachment": row.pk, "upload": upload.pk, "purpose": purpose},
        by=by,
        at=when,
    )
    return Attached(row, codes)


def _flags(call: Call, *, held: list[Assignment], when: datetime) -> list[str]:
    had = any(row.assigned_at <= when and (row.ended_at is None or when <= row.ended_at) for row in held)
    if had:
        return []
    return [
        "attached_after_close" if call.status not in (CallStatus.PENDING, CallStatus.ASSIGNED) else "attached_not_held"
    ]
