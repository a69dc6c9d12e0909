"""
Lengths of time as people say them: the same words as tablets/static/tablets/times.js.
"""

from datetime import datetime, timedelta

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def span(length: timedelta) -> str:
    """
    Return "8 s", "12 min", "2 h 05", "3 d". Never negative: clocks differ a little.
    """
    seconds = max(0, int(length.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02d}"
    return f"{seconds // _DAY} d"


def since(then: datetime | None, *, at: datetime) -> str:
    """
    Return how long ago an instant was; an empty text when there is none.
    """
    return "" if then is None else span(at - then)
