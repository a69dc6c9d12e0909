"""
When a press rings, and whom: pure functions of what is known of it.

Nothing here ends by itself. What nobody has seen rings every 30 seconds for ever; what was seen and has no police yet
reminds the consoles every minute.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dispatch.models import BackupLevel

# Rung at 0, 15 and 30 seconds, and every 30 seconds from there.
_SECOND: Final = timedelta(seconds=15)
_EVERY: Final = timedelta(seconds=30)
# Reminders count from here: a ladder reaches this step after a year.
REMINDER: Final = 1_000_000
_REMIND_EVERY: Final = timedelta(seconds=60)
# From this step on, it is everybody's.
SPREAD_STEP: Final = 2

_RANK: Final = {BackupLevel.NON_URGENT: 0, BackupLevel.URGENT: 1, BackupLevel.EMERGENCY: 2}


class Audience(StrEnum):
    """
    Who is rung by a step. SECTOR is the police dispatcher of the unit's area, POLICE all of the police desk; UNITS are all
    CARE units on duty, OUTSIDE what is told through adapters.
    """

    CONSOLES = "CONSOLES"
    SUPERVISORS = "SUPERVISORS"
    SECTOR = "SECTOR"
    POLICE = "POLICE"
    UNITS = "UNITS"
    OUTSIDE = "OUTSIDE"


_AT_DESK = frozenset({Audience.CONSOLES, Audience.SUPERVISORS})
_EVERYBODY = frozenset(Audience)


def rank(level: str) -> int:
    """
    Return how urgent a level is: a higher one may be set by anybody, a lower one by a dispatcher.
    """
    return _RANK[BackupLevel(level)]


def due_at(step: int) -> timedelta:
    """
    Return how long after it was received a press rings this step; for a reminder, how long after it was seen.
    """
    if step >= REMINDER:
        return (step - REMINDER) * _REMIND_EVERY
    if step < SPREAD_STEP:
        return step * _SECOND
    return (step - 1) * _EVERY


def last_step(elapsed: timedelta) -> int:
    """
    Return the last step of the ladder that is due this long after a press was received; -1 before it was.
    """
    if elapsed < timedelta(0):
        return -1
    if elapsed < _EVERY:
        return int(elapsed >= _SECOND)
    return elapsed // _EVERY + 1


def steps_due(
    raised_at: datetime,
    seen_at: datetime | None,
    police_sent_at: datetime | None,
    closed_at: datetime | None,
    at: datetime,
) -> list[int]:
    """
    Return every step that is due at ``at``, in order. The ladder stands still from the moment somebody saw the press.
    """
    until = min(moment for moment in (at, seen_at, closed_at) if moment is not None)
    steps = list(range(last_step(until - raised_at) + 1))
    if seen_at is not None:
        until = min(moment for moment in (at, police_sent_at, closed_at) if moment is not None)
        steps += [REMINDER + count for count in range(1, max(0, (until - seen_at) // _REMIND_EVERY) + 1)]
    return steps


def next_due(
    raised_at: datetime, seen_at: datetime | None, police_sent_at: datetime | None, at: datetime
) -> datetime | None:
    """
    Return when the next step of an open press is due, or None where nothing will ring before something happens.
    """
    if seen_at is None:
        return raised_at + due_at(last_step(at - raised_at) + 1)
    if police_sent_at is None:
        return seen_at + (max(0, (at - seen_at) // _REMIND_EVERY) + 1) * _REMIND_EVERY
    return None


def audience(step: int, level: str) -> frozenset[Audience]:
    """
    Return whom a step rings; nobody where a press of this level does not ring that far.
    """
    if level == BackupLevel.NON_URGENT:
        # An ordinary request on the desk.
        return frozenset({Audience.CONSOLES}) if step == 0 else frozenset()
    if step >= REMINDER:
        return _AT_DESK
    if step >= SPREAD_STEP:
        return _EVERYBODY
    return _AT_DESK | {Audience.SECTOR} if level == BackupLevel.EMERGENCY else _AT_DESK
