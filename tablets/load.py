"""
How many exchanges that only ask are answered at once by one process.

Two thousand tablets that come back together after a restart all want their documents; a crew that taps "on scene" in the
middle of that must not stand behind them. Who only asks takes one of a few places or is told when to come back, at once and
for the price of reading the request. What carries actions, and the actions' own addresses, need no place.

Who is sent away is given a time of its own, one after the other at the pace that the process can keep beside its other
work: a random wait would send the same tablet away three and four times.
"""

from collections.abc import Callable
from functools import cache
from math import ceil
from secrets import randbelow
from threading import BoundedSemaphore, Lock
from time import monotonic

from django.conf import settings

from tablets import refusals

# Of a wait, in seconds: sooner nothing has changed, later the crew looks at old documents for too long.
_LEAST_S, _MOST_S = 2, 30


class Book:
    """
    When the next one may come, by the monotonic clock of this process.
    """

    def __init__(self) -> None:
        self._last = 0.0
        self._lock = Lock()

    def wait_s(self, *, per_second: float) -> int:
        """
        Enter one more, and return after how many whole seconds it is to come.
        """
        with self._lock:
            now = monotonic()
            self._last = max(self._last, now + _LEAST_S) + 1 / per_second
            wait = self._last - now
            if wait > _MOST_S:
                # More than come in time at this pace: spread at least, and the book starts anew.
                self._last = now
                return _LEAST_S + randbelow(_MOST_S - _LEAST_S + 1)
        return ceil(wait)


_book = Book()


def enter(carries_actions: Callable[[], bool]) -> bool:
    """
    Take a place; return whether there is one to give back. ``carries_actions`` is asked only when there is none.

    :raises ServerBusy: all places are taken and the exchange only asks.
    """
    if _places(settings.SYNC_PULLS).acquire(blocking=False):
        return True
    if carries_actions():
        return False
    raise refusals.ServerBusy(retry_after_s=_book.wait_s(per_second=settings.SYNC_PULLS_PER_S))


def leave(has_place: bool) -> None:
    """
    Give a place back.
    """
    if has_place:
        _places(settings.SYNC_PULLS).release()


@cache
def _places(number: int) -> BoundedSemaphore:
    return BoundedSemaphore(number)
