"""
What our columns make of a row of HSDS, and how it is given back.

A value that its column can hold is there and nowhere else. Whatever else a row says, and a value that its column gives back
otherwise than it came ("10:00:00"), stays in ``extra`` under HSDS's name: an export is the row as it was read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from followups.hsds.tables import Row

_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?")
_STATUSES = frozenset({"active", "inactive", "defunct", "temporarily closed"})
# Years; what is above it is a mistake, and no column's.
_OLDEST = 1_000


class NotUnderstood(ValueError):
    """
    A value is not what its field is for. The message says what is wrong, in words for whoever keeps the source.
    """


@dataclass(frozen=True, slots=True)
class Column:
    """
    One field of HSDS in a column of ours.
    """

    name: str
    read: Callable[[Any], Any]
    show: Callable[[Any], Any]
    empty: Any = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """
    One row: what the columns get, what stays beside them, and which fields were not understood.
    """

    columns: dict[str, Any]
    extra: dict[str, Any]
    problems: list[str] = field(default_factory=list)


def understand(table: str, row: Row, *, without: frozenset[str]) -> Understood:
    """
    Return what our columns make of a row; ``without`` names its fields that are kept as keys (its id, its parents).
    """
    columns = {column.name: column.empty for column in COLUMNS[table].values()}
    extra: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in row.items():
        if name in without:
            continue
        column = COLUMNS[table].get(name)
        if column is None:
            extra[name] = value
            continue
        try:
            columns[column.name] = read = column.read(value)
        except NotUnderstood as error:
            problems.append(f"{name}: {error}")
            extra[name] = value
        else:
            if not _same(column.show(read), value):
                extra[name] = value
    return Understood(columns, extra, problems)


def given_back(table: str, columns: Mapping[str, Any], extra: Mapping[str, Any]) -> Row:
    """
    Return the fields of a row as they came.
    """
    own = {
        name: column.show(columns[column.name])
        for name, column in COLUMNS[table].items()
        if columns[column.name] not in (None, "")
    }
    return {**own, **extra}


def _same(one: Any, other: Any) -> bool:
    # 12 and 12.0 are one number, 12 and "12" are not one value.
    return bool(one == other) and isinstance(one, str) == isinstance(other, str)


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise NotUnderstood("no text")
    return str(value)


def _age(value: Any) -> Decimal:
    try:
        age = Decimal(_text(value).strip())
    except InvalidOperation:
        raise NotUnderstood(f"“{value}” is no number") from None
    if not age.is_finite() or not 0 <= age <= _OLDEST:
        raise NotUnderstood(f"“{value}” is no age")
    return age.quantize(Decimal("0.01"))


def _number(value: Any) -> Any:
    return None if value is None else int(value) if value == value.to_integral_value() else float(value)


def _status(value: Any) -> str:
    text = _text(value).strip().lower()
    if text not in _STATUSES:
        raise NotUnderstood(f"“{value}” is none of {', '.join(sorted(_STATUSES))}")
    return text


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value).strip()[:10])
    except ValueError:
        raise NotUnderstood(f"“{value}” is no date; 2026-01-31 is one") from None


def clock(value: Any) -> tuple[time, str]:
    """
    Return a time of day and the offset from UTC that was written behind it, or "".

    :raises NotUnderstood: it is none.
    """
    match = _TIME.fullmatch(_text(value).strip())
    if match is None or (match[1] == "24" and match[2] != "00"):
        raise NotUnderstood(f"“{value}” is no time of day; 09:00 is one")
    return time(int(match[1]) % 24, int(match[2])), match[3] or ""


def _time(value: Any) -> time:
    return clock(value)[0]


def _interval(value: Any) -> int:
    text = _text(value).strip()
    if not text.isdigit() or not 1 <= int(text) <= 366:
        raise NotUnderstood(f"“{value}” is no interval")
    return int(text)


def _extension_shown(value: str) -> Any:
    # A number by the standard; what begins with 0 or has a letter is still an extension.
    return int(value) if value.isdigit() and (value == "0" or not value.startswith("0")) else value


def _as_is(value: Any) -> Any:
    return value


def _iso(value: Any) -> Any:
    return None if value is None else value.isoformat()


def _hh_mm(value: time | None) -> str | None:
    return None if value is None else f"{value:%H:%M}"


def _texts(*names: str, **renamed: str) -> dict[str, Column]:
    named = {**{name: name for name in names}, **renamed}
    return {name: Column(column, _text, _as_is) for name, column in named.items()}


COLUMNS: Mapping[str, Mapping[str, Column]] = MappingProxyType(
    {
        "organizations": _texts("name", "description", "email", "website"),
        "services": {
            **_texts("name", "description", "url", "email", "application_process", "alert"),
            **_texts(eligibility_description="eligibility", fees_description="fees"),
            "status": Column("status", _status, _as_is),
            "minimum_age": Column("minimum_age", _age, _number, None),
            "maximum_age": Column("maximum_age", _age, _number, None),
        },
        "locations": _texts("name", "description", "location_type"),
        "service_at_location": _texts("description"),
        "phones": {
            **_texts("number", "type", "description"),
            "extension": Column("extension", _text, _extension_shown),
        },
        "schedules": {
            **_texts("freq", "byday", "bymonthday", "wkst", "description"),
            "interval": Column("interval", _interval, _as_is, None),
            **{name: Column(name, _day, _iso, None) for name in ("dtstart", "until", "valid_from", "valid_to")},
            "opens_at": Column("opens_at", _time, _hh_mm, None),
            "closes_at": Column("closes_at", _time, _hh_mm, None),
        },
        "languages": _texts("code", "name"),
    }
)
