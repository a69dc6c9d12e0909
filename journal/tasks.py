"""
The journal's sweeps.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from journal import tombstones


@shared_task
def sweep_tombstones(**_: Any) -> None:
    """
    Run every hour by beat. A missed run is caught up by the next one.
    """
    tombstones.sweep(at=timezone.now())
