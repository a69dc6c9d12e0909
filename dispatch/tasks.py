"""
Sweeps. Whatever one run misses, the next one finds; any number of them may run at once.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from dispatch import queries
from dispatch.actions import alarms
from journal.door import open_door

SWEEP = "system:sweep"


@shared_task
def raise_due_alarms(**_: Any) -> int:
    """
    Raise the alarms whose time has come and return how many. Run every second by beat.
    """
    now = timezone.now()
    raised = 0
    for call_id in queries.calls_with_due_alarms(at=now):
        with open_door(by=SWEEP, at=now):
            raised += alarms.raise_due(call_id=call_id, by=SWEEP, at=now)
    return raised
