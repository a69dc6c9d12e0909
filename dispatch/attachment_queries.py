"""
Who may look at what was attached to a call.
"""

from datetime import datetime

from django.db.models import Q

from dispatch.models import Assignment, CallAttachment
from responders.actors import Actor
from responders.models import Shift


def sees_attachment(by: Actor, *, sha256: str, at: datetime) -> bool:
    """
    Tell whether somebody may look at a photo or a signature; ``settings.ATTACHMENTS_SEEN_BY`` names this function.

    The desk sees those of its agency's calls. A crew sees those of the call that its unit holds, and of the calls that it
    held at some time since its shift began: reports are written after the call and before the shift is over. What
    belongs to no call is seen by nobody.
    """
    attached = CallAttachment.objects.filter(attachment__sha256=sha256, call__agency=by.agency_id)
    if by.at_desk:
        return attached.exists()
    if by.tablet_id is None or by.shift_id is None:
        return False
    shift = Shift.objects.filter(pk=by.shift_id, unit=by.unit_id, started_at__lte=at, ended_at=None).first()
    if shift is None:
        return False
    held = Assignment.objects.filter(unit=by.unit_id, call__attachments__in=attached)
    return held.filter(Q(ended_at=None) | Q(ended_at__gte=shift.started_at)).exists()
