"""
Understanding what a tablet sends when somebody needs help: everything that can be understood, and never a no.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import orjson

from dispatch.models import BackupLevel, BackupService

# Of a body; the rest is cut off unread.
MOST_BYTES: Final = 16 * 1024
_LONGEST_REASON: Final = 300
_T = TypeVar("_T")
# For keys that are no UUID, or are missing: the same body of the same device is the same press.
_NAMESPACE: Final = UUID("6f0d0c6e-1f0b-5d0e-9a36-4f1c4be5b0a1")
_KEY_IN_TEXT: Final = re.compile(rb'"key"\s*:\s*"([0-9a-fA-F-]{32,36})"')
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_MOST_ID = (1 << 63) - 1
_FIELDS: Final = frozenset(
    {"t", "key", "level", "service", "silent", "drill", "pressed_at", "person", "call", "position", "battery"}
    | {"seen_state", "reason"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """
    A position as a tablet measured it.
    """

    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """
    What could be understood of a body. ``raw`` is all of it where something could not, else empty.
    """

    key: UUID
    level: str | None
    service: str | None
    silent: bool
    drill: bool
    pressed_at: datetime | None
    person: int | None
    call: int | None
    place: Place | None
    battery: int | None
    reason: str
    raw: str


class _Reader:
    """
    Reads fields of one object and remembers whether any of them could not be understood.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.understood = True

    def get(self, name: str, read: Callable[[Any], _T | None]) -> _T | None:
        value = self._given.get(name)
        if value is None:
            return None
        found = read(value)
        if found is None:
            self.understood = False
        return found


def read(body: bytes, *, key_hash: bytes) -> Said:
    """
    Return what a body says. Never raises: what it does not understand is None, and kept whole in ``raw``.
    """
    kept = body[:MOST_BYTES]
    given, is_object = _object(kept)
    reader = _Reader(given)
    if not is_object or not _FIELDS.issuperset(given):
        reader.understood = False
    key = reader.get("key", _uuid)
    if key is None:
        reader.understood = False
        key = _key_in(kept) if not is_object else None
    place = reader.get("position", _place)
    silent = reader.get("silent", _yes_or_no)
    drill = reader.get("drill", lambda value: value if isinstance(value, bool) else None)
    said = Said(
        key=key or _made_key(given, kept, key_hash),
        level=reader.get("level", lambda value: _one_of(BackupLevel, value)),
        service=reader.get("service", lambda value: _one_of(BackupService, value)),
        silent=bool(silent),
        drill=bool(drill),
        pressed_at=reader.get("pressed_at", _instant),
        person=reader.get("person", _id),
        call=reader.get("call", _id),
        place=place,
        battery=reader.get("battery", _percent),
        reason=(reader.get("reason", _text) or "")[:_LONGEST_REASON],
        raw="",
    )
    if reader.understood and (place is None or _is_whole(given["position"])):
        return said
    return _with_raw(said, kept)


def _with_raw(said: Said, kept: bytes) -> Said:
    # Postgres' text has no NUL; bytes that are no UTF-8 are written as what they are.
    raw = kept.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    return Said(**{name: getattr(said, name) for name in Said.__slots__ if name != "raw"}, raw=raw)


def _object(body: bytes) -> tuple[dict[str, Any], bool]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}, False
    return (given, True) if isinstance(given, dict) else ({}, False)


def _key_in(body: bytes) -> UUID | None:
    # Of a body that was cut off or broken on its way the key is worth looking for: the next copy may be whole.
    found = _KEY_IN_TEXT.search(body)
    return None if found is None else _uuid(found[1].decode())


def _made_key(given: Mapping[str, Any], body: bytes, key_hash: bytes) -> UUID:
    named = given.get("key")
    text = repr(named) if named is not None else body.decode("utf-8", "backslashreplace")
    return uuid5(_NAMESPACE, f"{key_hash.hex()} {text}")


def key_of_agency(key: UUID, agency_id: int) -> UUID:
    """
    Return what a press is kept under when its key is already another agency's.
    """
    return uuid5(_NAMESPACE, f"{agency_id} {key}")


def key_beside(key: UUID) -> UUID:
    """
    Return what a press is kept under while its own key cannot be written.
    """
    return uuid5(_NAMESPACE, f"beside {key}")


def _uuid(value: Any) -> UUID | None:
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _one_of(choices: type[BackupLevel] | type[BackupService], value: Any) -> str | None:
    name = value.upper().replace("-", "_") if isinstance(value, str) else ""
    return name if name in choices.values else None


def _yes_or_no(value: Any) -> bool | None:
    # Under duress a silence that was asked for in the wrong words is still a silence.
    if value in (True, "true", "1"):
        return True
    return False if value in (False, "false", "0", "") else None


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None and _FIRST_YEAR <= at.year <= _LAST_YEAR else None


def _number(value: Any, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and least <= number <= most else None


def _id(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _MOST_ID else None


def _percent(value: Any) -> int | None:
    number = _number(value, 0, 100)
    return None if number is None else round(number)


def _text(value: Any) -> str | None:
    return value.replace("\x00", "") if isinstance(value, str) else None


def _place(value: Any) -> Place | None:
    if not isinstance(value, dict):
        return None
    lon, lat = _number(value.get("lon"), -180, 180), _number(value.get("lat"), -90, 90)
    if lon is None or lat is None:
        return None
    return Place(lon, lat, _number(value.get("accuracy"), 0, 1e7), _instant(value.get("at")))


def _is_whole(value: Mapping[str, Any]) -> bool:
    place = _place(value)
    accuracy, at = value.get("accuracy"), value.get("at")
    return (
        place is not None and (accuracy is None) == (place.accuracy_m is None) and (at is None) == (place.at is None)
    )
