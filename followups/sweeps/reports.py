"""
Reports that wait for somebody: overdue ones, and those to the authorities whose time runs out. Any number of sweepers may run at
once; what one misses, the next one finds.
"""

from datetime import datetime
from typing import Final

from followups.actions import encounters
from journal.door import open_door

SWEEP: Final = "system:sweep"
# Of one transaction: its documents are written under one lock of each stream.
AT_ONCE: Final = 50


def tell_overdue(*, at: datetime) -> int:
    """
    Tell authors and supervisors of reports whose time is over, once, and return of how many.
    """
    told = 0
    while True:
        with open_door(by=SWEEP, at=at):
            found = encounters.tell_overdue(by=SWEEP, at=at, at_once=AT_ONCE)
        told += found
        if found < AT_ONCE:
            return told


def tell_mandated(*, at: datetime) -> int:
    """
    Tell supervisors of reports to the authorities while there is time to make them, once, and return of how many encounters.
    """
    told = 0
    while True:
        with open_door(by=SWEEP, at=at):
            found = encounters.tell_mandated(by=SWEEP, at=at, at_once=AT_ONCE)
        told += found
        if found < AT_ONCE:
            return told
