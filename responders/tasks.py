"""
Sweeps. Whatever one run misses, the next one finds.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from journal.door import open_door
from responders import sessions, sign_in
from responders.actions import access, positions


@shared_task
def forget_tracks(**_: Any) -> None:
    """
    Delete tracks that are older than their agency keeps them. Run every hour by beat.
    """
    positions.forget(at=timezone.now())


@shared_task
def close_idle_accounts(**_: Any) -> None:
    """
    Close accounts that nobody has used for ninety days. Run every hour by beat.
    """
    now = timezone.now()
    more = True
    while more:
        with open_door(by="system:sweep", at=now):
            more = access.close_next_idle(by="system:sweep", at=now) is not None


@shared_task
def forget_sign_ins(**_: Any) -> None:
    """
    Delete counts of failed sign-ins whose window has passed, and sessions that are over. Run every hour by beat.
    """
    sign_in.forget_old(at=timezone.now())
    sessions.SessionStore.clear_expired()
