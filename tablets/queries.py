"""
Reads that sweeps begin with.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from tablets.models import Attachment, AttachmentState

# An upload in which nothing moved for this long is given up: its bytes go, and the tablet may begin again.
GIVEN_UP_AFTER = timedelta(days=7)
# What was referred to and never came, or came and was never referred to: until then a quarantined action may be retried.
NEVER_AFTER = timedelta(days=90)


def attachments_to_forget(*, at: datetime) -> list[int]:
    """
    Return the attachments that the sweep should look at, those longest untouched first.
    """
    stale = Q(state=AttachmentState.WAITING, size__isnull=False, touched_at__lt=at - GIVEN_UP_AFTER)
    lost = Q(state=AttachmentState.WAITING, touched_at__lt=at - NEVER_AFTER)
    unneeded = Q(needed=False, touched_at__lt=at - NEVER_AFTER)
    rows = Attachment.objects.filter(stale | lost | unneeded).order_by("touched_at")
    return list(rows.values_list("pk", flat=True)[:500])
