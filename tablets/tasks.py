"""
Sweeps of what tablets left unfinished. Whatever one run misses, the next one finds; any number of them may run at once.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from journal.door import open_door
from tablets import queries
from tablets.actions import attach

SWEEP = "system:sweep"


@shared_task
def forget_attachments(**_: Any) -> int:
    """
    Give up uploads in which nothing moves and remove what nobody refers to; return how many. Run every hour by beat.
    """
    now = timezone.now()
    forgotten = 0
    for attachment_id in queries.attachments_to_forget(at=now):
        with open_door(by=SWEEP, at=now):
            forgotten += attach.forget(attachment_id=attachment_id, by=SWEEP, at=now)
    return forgotten
