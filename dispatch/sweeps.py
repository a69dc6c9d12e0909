"""
What must happen when its time has come, whoever looks: Celery's beat and every process that watches over backup call this.

Any number of them may run at once, each with a connection of its own; what one misses, the next one finds.
"""

from datetime import datetime

from django.db import close_old_connections, connections
from django.utils import timezone

from dispatch import queries
from dispatch.actions import alarms, referrals, welfare
from journal.door import open_door

SWEEP = "system:sweep"


def raise_due_alarms(*, at: datetime) -> int:
    """
    Raise the alarms whose time has come and return how many.
    """
    raised = 0
    for call_id in queries.calls_with_due_alarms(at=at):
        with open_door(by=SWEEP, at=at):
            raised += alarms.raise_due(call_id=call_id, by=SWEEP, at=at)
    return raised


def ask_for_welfare_backup(*, at: datetime) -> int:
    """
    Ask for backup for every crew that neither its tablet nor the radio brought a sign of, and return how many.

    All presses first, each committed by itself: nothing that happens to the notes, which need locks and streams, may hold up
    or take back a request. A crew that answers between the look and the press has asked for backup once too often, which
    the desk closes; the other way round nobody would come.
    """
    due = welfare.due_presses(at=at)
    for alarm_id in due:
        welfare.press(alarm_id=alarm_id)
    noted, failed = 0, None
    for alarm_id in due:
        try:
            with open_door(by=SWEEP, at=at):
                noted += welfare.note_press(alarm_id=alarm_id, by=SWEEP, at=at)
        except Exception as error:  # noqa: BLE001  said below; what is behind this one is not to wait for it
            failed = error
    if failed is not None:
        raise failed
    return noted


def put_away_referrals(*, at: datetime) -> int:
    """
    Take what ended a day ago off officers' lists and return how many.
    """
    done = 0
    for referral_id in queries.referrals_to_put_away(at=at):
        with open_door(by=SWEEP, at=at):
            done += referrals.put_away(referral_id=referral_id, by=SWEEP, at=at)
    return done


def sweep(*, at: datetime) -> None:
    """
    Do both. Asking for backup does not wait for alarms that cannot be raised: it counts from when they were due.
    """
    try:
        ask_for_welfare_backup(at=at)
    finally:
        raise_due_alarms(at=at)


def sweep_now() -> None:
    """
    Do both now, from a thread that lives for ever and looks once a second. It keeps its connection, as web threads do.
    """
    close_old_connections()
    try:
        sweep(at=timezone.now())
    except Exception:
        # Whatever state it is in now, the next look begins anew.
        connections.close_all()
        raise
