"""
Which schedules we reckon with.

A tablet says "open" only where nothing is left to guess. What says more than weekdays, days of a month, an interval and the
days between which it holds (weeks of a year, a number of times, another zone) is shown in the source's words, and nothing more.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from followups.hsds.columns import NotUnderstood, clock
from followups.hsds.tables import Row

_DAYS = "MO|TU|WE|TH|FR|SA|SU"
_WEEKLY = re.compile(rf"({_DAYS})(,({_DAYS}))*")
_MONTHLY = re.compile(rf"(-?[1-5])?({_DAYS})(,(-?[1-5])?({_DAYS}))*")
_MONTH_DAYS = re.compile(r"-?([1-9]|[12]\d|3[01])(,-?([1-9]|[12]\d|3[01]))*")
# Any year has both offsets of a zone; the day is one of neither change.
_SUMMER_AND_WINTER = (date(2025, 1, 15), date(2025, 7, 15))


def is_clear(row: Row, columns: dict[str, Any], *, zone: ZoneInfo) -> bool:
    """
    Tell whether a schedule can be reckoned with; ``columns`` is what was understood of it.

    HSDS writes times as wall times or with an offset. One that is not the agency's own, summer or winter, is of another
    place, and what it means there on a given day nobody said.
    """
    if columns["opens_at"] is None or columns["closes_at"] is None:
        return False
    if any(row.get(name) for name in ("byweekno", "byyearday", "count")):
        return False
    # What was written and not understood would narrow it down.
    if any(name in row and columns[name] is None for name in ("interval", "until", "valid_from", "valid_to")):
        return False
    freq, byday, bymonthday = columns["freq"].upper(), _packed(columns["byday"]), _packed(columns["bymonthday"])
    if freq in {"", "WEEKLY"}:
        rule = bool(_WEEKLY.fullmatch(byday)) and not bymonthday
    elif freq == "MONTHLY":
        rule = (
            bool(byday or bymonthday)
            and (not byday or bool(_MONTHLY.fullmatch(byday)))
            and (not bymonthday or bool(_MONTH_DAYS.fullmatch(bymonthday)))
        )
    else:
        rule = False
    every = columns["interval"] in (None, 1)
    return rule and (every or columns["dtstart"] is not None) and _is_here(row, zone)


def _packed(text: str) -> str:
    return re.sub(r"\s", "", text).upper()


def _is_here(row: Row, zone: ZoneInfo) -> bool:
    own = {datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset() for day in _SUMMER_AND_WINTER}
    said = [_offset(row.get("timezone"))] if row.get("timezone") not in (None, "") else []
    for name in ("opens_at", "closes_at"):
        try:
            written = clock(row[name])[1]
        except NotUnderstood:
            return False
        if written:
            said.append(_written(written))
    return all(offset in own for offset in said)


def _offset(hours: Any) -> timedelta | None:
    try:
        return timedelta(hours=float(hours))
    except (TypeError, ValueError, OverflowError):
        return None


def _written(text: str) -> timedelta:
    if text == "Z":
        return UTC.utcoffset(None)
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    return sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
