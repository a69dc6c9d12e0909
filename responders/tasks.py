"""
Sweeps. Whatever one run misses, the next one finds.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from responders.actions import positions


@shared_task
def forget_tracks(**_: Any) -> None:
    """
    Delete tracks that are older than their agency keeps them. Run every hour by beat.
    """
    positions.forget(at=timezone.now())
