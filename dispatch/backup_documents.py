"""
Who holds what of requests for backup.

While one is open, its own unit, the desk and the supervisors hold it, and from the moment it is spread every other unit
that was in service then; supervisors hold it for good. Of a silent one the own unit gets a mark and nothing else.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from journal.prepared import prepared_cursor
from journal.subjects import Held

_BACKUPS = """
SELECT b.id, b.agency_id, b.press::text, b.unit_id, unit.call_sign, b.call_id, b.level, b.service, b.silent, b.drill, b.origin,
       b.received_at, b.pressed_at, b.lon, b.lat, b.seen_by, b.seen_at, b.police_unit, b.police_sent_at, b.police_due_at,
       b.police_arrived_at, b.cancel_asked_at, b.closed_at, b.closed_as, b.spread_at, b.spread_to
  FROM dispatch_backup b LEFT JOIN responders_unit unit ON unit.id = b.unit_id
 WHERE b.id = ANY(%s) ORDER BY b.id
"""


def of_backups(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what everybody holds of each request for backup.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_BACKUPS, [list(ids)])
        rows = cursor.fetchall()
    for row in rows:
        yield from _of_backup(*row)


def _of_backup(
    row_id: int,
    agency_id: int,
    press: str,
    unit_id: int | None,
    call_sign: str | None,
    call_id: int | None,
    level: str,
    service: str,
    silent: bool,
    drill: bool,
    origin: str,
    received_at: Any,
    pressed_at: Any,
    lon: float | None,
    lat: float | None,
    seen_by: str,
    seen_at: Any,
    police_unit: str,
    sent_at: Any,
    due_at: Any,
    arrived_at: Any,
    cancel_asked_at: Any,
    closed_at: Any,
    closed_as: str,
    spread_at: Any,
    spread_to: list[int],
) -> Iterator[Held]:
    police = None
    if sent_at is not None:
        police = {"unit": police_unit, "sent_at": sent_at, "due_at": due_at, "arrived_at": arrived_at}
    body = {
        "press": press,
        "unit": unit_id,
        "call_sign": call_sign,
        "call": call_id,
        "level": level,
        "service": service,
        "silent": silent,
        "drill": drill,
        "origin": origin,
        "received_at": received_at,
        "pressed_at": pressed_at,
        "point": None if lon is None or lat is None else {"lon": lon, "lat": lat},
        "seen_by": seen_by or None,
        "seen_at": seen_at,
        "police": police,
        "cancel_asked_at": cancel_asked_at,
        "closed_at": closed_at,
        "closed_as": closed_as or None,
        "spread_at": spread_at,
    }
    key = ("backup", str(row_id), row_id)
    yield Held(f"supervisors.{agency_id}", *key, body)
    if closed_at is not None:
        return
    yield Held(f"desk.{agency_id}", *key, body)
    for other_id in spread_to:
        yield Held(f"unit.{other_id}", *key, body)
    if unit_id is not None:
        state = "RECEIVED" if seen_at is None else "SEEN"
        if police is not None:
            state = "POLICE_SENT" if arrived_at is None else "POLICE_ARRIVED"
        mark = {"press": press, "silent": True, "state": state}
        yield Held(f"unit.{unit_id}", *key, mark if silent else body)
