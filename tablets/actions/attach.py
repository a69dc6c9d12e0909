"""
Photos and signatures come in: begun, appended to, looked at when all is there, given up when nothing comes any more.

Bytes come last of everything a tablet sends, so an action may name an attachment (``need``) before its first byte is
here. Appending changes nothing that anybody reads and needs no door; ``keep`` does. A door that has appended the last byte
calls ``look``, while nothing is locked, and then ``keep`` with what that has found.
"""

import json
import logging
import subprocess
import sys
from datetime import datetime
from hashlib import sha256 as hash_of
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, NamedTuple, TypeAlias

from django.db import connection, transaction
from django.db.models import Sum

from journal.record import record
from tablets import picture, refusals
from tablets.models import Attachment, AttachmentContent, AttachmentPart, AttachmentState
from tablets.queries import GIVEN_UP_AFTER, NEVER_AFTER

MAX_BYTES = picture.MAX_BYTES
# A tablet sends one thing at a time; what it began and forgot (its storage was wiped) counts until it is swept.
MAX_UNFINISHED_BYTES = 5 * MAX_BYTES
NEVER_CAME = "never_came"
DAMAGED = "damaged"
# A picture that cannot be made anew in this time, or in so many tries, is taken for damaged.
LOOK_SECONDS = 20
LOOK_TRIES = 3

# The first half of the advisory lock's key; the tablet is the other.
_BEGINNING = 0x41545443

_logger = logging.getLogger(__name__)
# One at a time in each process: photos wait for everything else, and never take more than one thread.
_looking = BoundedSemaphore(1)


# A picture, or the code of why there is none.
Seen: TypeAlias = picture.Picture | str


class Sent(NamedTuple):
    """
    How far an upload is: ``offset`` bytes are here of ``size``.
    """

    state: str
    offset: int
    size: int
    code: str


def need(*, agency_id: int, sha256: str, at: datetime) -> Attachment:
    """
    Return the attachment that an action refers to, its row locked, made if it is the first word of it.

    Before any lock on a call: settling locks the attachment, then the calls that show it.
    """
    Attachment.objects.bulk_create(
        [Attachment(agency_id=agency_id, sha256=sha256, needed=True, made_at=at, touched_at=at)], ignore_conflicts=True
    )
    found = Attachment.objects.lock(agency_id, sha256)
    assert found is not None, "made above, and never swept while it is needed"
    if not found.needed:
        found.needed = True
        found.save(update_fields=["needed"])
    return found


def begin(*, tablet_id: int, agency_id: int, sha256: str, size: int, by: object, at: datetime) -> Sent:
    """
    Say that a tablet is about to send ``size`` bytes, or ask how far it is. Inside a door.

    What was said to be of another size begins again: the bytes of one content cannot have two sizes, so one of the two was
    wrong, and the hash will say which.

    :raises AttachmentsUnfinished: the tablet has begun too much.
    """
    # Serialises what one tablet begins, so that the bound holds. No row's lock: that of a tablet comes after a call's.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_BEGINNING, tablet_id % 2**31])
    Attachment.objects.bulk_create(
        [Attachment(agency_id=agency_id, sha256=sha256, made_at=at, touched_at=at)], ignore_conflicts=True
    )
    found = Attachment.objects.lock(agency_id, sha256)
    if found is None:
        # Swept between the two statements, which nobody waits for: the tablet asks again.
        raise refusals.AttachmentBusy
    if found.state == AttachmentState.REFUSED and found.code == NEVER_CAME:
        found.state, found.code, found.settled_at = AttachmentState.WAITING, "", None
        _record("attachment.came_after_all", found, {}, by=by, at=at)
    if found.state == AttachmentState.WAITING:
        if found.size != size:
            _check_bound(found, tablet_id=tablet_id, size=size)
            found.parts.all().delete()
            found.size, found.received, found.tries = size, 0, 0
        found.tablet_id, found.touched_at = tablet_id, at
        found.save()
    return _sent(found)


def append(*, agency_id: int, sha256: str, offset: int, data: bytes, at: datetime) -> Sent:
    """
    Keep the bytes that follow what is here. Whoever comes second with the same bytes is told from where to go on.

    :raises AttachmentNotBegun: nobody said that this would come.
    :raises AttachmentWrongOffset: they do not follow; facts: ``offset``.
    :raises AttachmentTooLong: they are more than was said.
    """
    with transaction.atomic():
        found = Attachment.objects.lock(agency_id, sha256)
        if found is None or (found.size is None and found.state == AttachmentState.WAITING):
            raise refusals.AttachmentNotBegun
        if found.state != AttachmentState.WAITING:
            return _sent(found)
        if offset != found.received:
            raise refusals.AttachmentWrongOffset(offset=found.received)
        assert found.size is not None, "begun, as was looked at above"
        if offset + len(data) > found.size:
            raise refusals.AttachmentTooLong(offset=found.received, size=found.size)
        if data:
            AttachmentPart.objects.create(attachment=found, offset=offset, data=data)
            found.received += len(data)
            found.touched_at = at
            found.save(update_fields=["received", "touched_at"])
        return _sent(found)


def state_of(*, agency_id: int, sha256: str) -> Sent:
    """
    Return how far an upload is.

    :raises AttachmentNotBegun: nobody said that this would come.
    """
    found = Attachment.objects.filter(agency=agency_id, sha256=sha256).first()
    if found is None or (found.size is None and found.state == AttachmentState.WAITING):
        raise refusals.AttachmentNotBegun
    return _sent(found)


def look(*, agency_id: int, sha256: str) -> Seen | None:
    """
    Look at an upload that is complete: compare its hash and make the picture anew. None where there is nothing to look at.

    Outside of any door, because nothing may be locked for as long as this takes. What stops in the middle leaves the bytes
    where they are, and whoever asks next looks again.

    :raises AttachmentHashWrong: these are other bytes; they are dropped, and the tablet begins again.
    :raises AttachmentBusy: another picture is being looked at, or this one took too long.
    """
    found = Attachment.objects.filter(agency=agency_id, sha256=sha256, state=AttachmentState.WAITING).first()
    if found is None or found.size is None or found.received < found.size:
        return None
    if not _looking.acquire(blocking=False):
        raise refusals.AttachmentBusy(offset=found.received)
    try:
        data = b"".join(bytes(part) for part in found.parts.order_by("offset").values_list("data", flat=True))
        if hash_of(data).hexdigest() != sha256:
            _drop(found, len(data))
            raise refusals.AttachmentHashWrong(offset=0)
        seen = _made_anew(data, is_last_try=found.tries + 1 >= LOOK_TRIES)
    finally:
        _looking.release()
    if seen is None:
        Attachment.objects.filter(pk=found.pk).update(tries=found.tries + 1)
        raise refusals.AttachmentBusy(offset=found.received)
    return seen


def keep(*, agency_id: int, sha256: str, seen: Seen, by: object, at: datetime) -> Sent:
    """
    Keep the picture that was made, or why there is none, and drop the bytes that came.

    :raises AttachmentNotBegun: it was swept while it was looked at.
    """
    found = Attachment.objects.lock(agency_id, sha256)
    if found is None:
        raise refusals.AttachmentNotBegun
    if found.state != AttachmentState.WAITING:
        # Another request was as quick.
        return _sent(found)
    found.parts.all().delete()
    found.settled_at = found.touched_at = at
    if isinstance(seen, picture.Picture):
        AttachmentContent.objects.create(attachment=found, data=seen.data, thumbnail=seen.thumbnail)
        found.state, found.type, found.stored_size = AttachmentState.READY, seen.type, len(seen.data)
        found.width, found.height = seen.width, seen.height
        found.save()
        _record("attachment.ready", found, {"type": seen.type, "size": len(seen.data)}, by=by, at=at)
    else:
        found.state, found.code = AttachmentState.REFUSED, seen
        found.save()
        _record("attachment.refused", found, {"code": seen}, by=by, at=at)
    return _sent(found)


def forget(*, attachment_id: int, by: object, at: datetime) -> bool:
    """
    Give up an upload in which nothing moves any more, or remove what nobody refers to; tell whether there was something to
    do. Looked at again under its lock: a tablet may have come back, and other sweepers may run.
    """
    rows = Attachment.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    found = rows.filter(pk=attachment_id).first()
    if found is None:
        return False
    if not found.needed and found.touched_at < at - NEVER_AFTER:
        # What refers to it sets `needed` first, under this lock.
        found.delete()
        return True
    if found.state != AttachmentState.WAITING:
        return False
    given_up = found.size is not None and found.touched_at < at - GIVEN_UP_AFTER
    if given_up:
        found.parts.all().delete()
        found.size, found.received = None, 0
        found.save()
    if found.touched_at >= at - NEVER_AFTER:
        return given_up
    found.state, found.code, found.settled_at = AttachmentState.REFUSED, NEVER_CAME, at
    found.save()
    _record("attachment.refused", found, {"code": NEVER_CAME}, by=by, at=at)
    return True


def _check_bound(found: Attachment, *, tablet_id: int, size: int) -> None:
    others = Attachment.objects.filter(tablet=tablet_id, state=AttachmentState.WAITING).exclude(pk=found.pk)
    unfinished = others.aggregate(sum=Sum("size"))["sum"] or 0
    if unfinished + size > MAX_UNFINISHED_BYTES:
        raise refusals.AttachmentsUnfinished(bytes=unfinished, limit=MAX_UNFINISHED_BYTES)


def _made_anew(data: bytes, *, is_last_try: bool) -> Seen | None:
    program = [sys.executable, "-I", str(Path(picture.__file__).resolve())]
    try:
        # No environment: what reads a stranger's file knows no secret of ours.
        done = subprocess.run(  # noqa: S603  our own program; the stranger's bytes are its input, not its arguments
            program, input=data, capture_output=True, env={}, timeout=LOOK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _logger.warning("a picture was not made anew within %s s", LOOK_SECONDS)
        return DAMAGED if is_last_try else None
    head, separator, body = done.stdout.partition(b"\n")
    if done.returncode != 0 or not separator:
        # Out of time, or its reader crashed: what a program of its own is for.
        _logger.warning("the program that makes pictures anew ended with %s", done.returncode)
        return DAMAGED if is_last_try else None
    said: dict[str, Any] = json.loads(head)
    if "code" in said:
        return str(said["code"])
    size = said["size"]
    return picture.Picture(said["type"], said["width"], said["height"], body[:size], body[size:])


def _drop(found: Attachment, length: int) -> None:
    with transaction.atomic():
        locked = Attachment.objects.lock(found.agency_id, found.sha256)
        # Somebody may have begun again since these bytes were read.
        if locked is not None and locked.state == AttachmentState.WAITING and locked.received == length:
            locked.parts.all().delete()
            locked.received = 0
            locked.save(update_fields=["received"])


def _record(kind: str, found: Attachment, data: dict[str, Any], *, by: object, at: datetime) -> None:
    record(kind, agency_id=found.agency_id, about=f"attachment.{found.pk}", data=data, by=by, at=at)


def _sent(found: Attachment) -> Sent:
    return Sent(str(found.state), found.received, found.size or 0, found.code)
