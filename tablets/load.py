"""
How many exchanges that only ask are answered at once by one process.

Two thousand tablets that come back together after a restart all want their documents; a crew that taps "on scene" in the
middle of that must not stand behind them. Who only asks takes one of a few places or is told when to come back, at once and
for the price of reading the request. What carries actions, and the actions' own addresses, need no place.
"""

from collections.abc import Callable
from functools import cache
from secrets import randbelow
from threading import BoundedSemaphore

from django.conf import settings

from tablets import refusals

# Spread, so that those who were sent away do not come back together.
_LEAST_WAIT_S, _MOST_WAIT_S = 2, 15


def enter(carries_actions: Callable[[], bool]) -> bool:
    """
    Take a place; return whether there is one to give back. ``carries_actions`` is asked only when there is none.

    :raises ServerBusy: all places are taken and the exchange only asks.
    """
    if _places(settings.SYNC_PULLS).acquire(blocking=False):
        return True
    if carries_actions():
        return False
    raise refusals.ServerBusy(retry_after_s=_LEAST_WAIT_S + randbelow(_MOST_WAIT_S - _LEAST_WAIT_S + 1))


def leave(has_place: bool) -> None:
    """
    Give a place back.
    """
    if has_place:
        _places(settings.SYNC_PULLS).release()


@cache
def _places(number: int) -> BoundedSemaphore:
    return BoundedSemaphore(number)
