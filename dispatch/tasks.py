"""
Sweeps. Whatever one run misses, the next one finds; any number of them may run at once.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from dispatch import sweeps


@shared_task
def raise_due_alarms(**_: Any) -> int:
    """
    Raise the alarms whose time has come and return how many. Run every second by beat.
    """
    return sweeps.raise_due_alarms(at=timezone.now())


@shared_task
def ask_for_welfare_backup(**_: Any) -> int:
    """
    Ask for backup for crews that nobody hears of and return how many. Run every second by beat.
    """
    return sweeps.ask_for_welfare_backup(at=timezone.now())


@shared_task
def put_away_referrals(**_: Any) -> int:
    """
    Take what ended a day ago off officers' lists and return how many. Run every hour by beat.
    """
    return sweeps.put_away_referrals(at=timezone.now())
