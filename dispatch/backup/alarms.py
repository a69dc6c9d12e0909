"""
What consoles show: every open request of an agency, read in one statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from dispatch.backup.database import Pool
from dispatch.backup.press import EVENTS_SQL, FAMILY_SQL, Standing, fold, told
from tablets.times import instant

# A press that took longer than this to arrive says so: what is on the screen happened a while ago.
_LATE_SECONDS: Final = 20
_MOST_TRACK: Final = 60
_MOST_RINGS: Final = 40
_MOST_NEAR: Final = 5

# Presses that stand by themselves: a merged one does so when its first one is closed while it is open.
OPEN_SQL: Final = """
    press.closed_at IS NULL AND (press.again_of IS NULL OR EXISTS (
        SELECT FROM dispatch_backuppress former WHERE former.key = press.again_of AND former.closed_at IS NOT NULL))
"""

_ALARMS: Final = f"""
SELECT now(), press.key, press.received_at, press.pressed_at, press.level, press.service, family.silent, press.drill,
       press.origin, press.closed_at, press.lon, press.lat, press.accuracy_m, press.fixed_at, press.battery, press.unit_id,
       unit.call_sign, held.status, held.since, unit.duty, unit.duty_since, crew.names, crew.ids,
       call.id, call.number, call.address, ST_X(call.point::geometry), ST_Y(call.point::geometry),
       family.levels, told.events, heard.positions, heard.last_at, heard.battery, rung.steps,
       ARRAY(SELECT servicearea_id FROM responders_unit_areas WHERE unit_id = press.unit_id),
       EXISTS (SELECT FROM dispatch_backupevent shown WHERE shown.press = press.key AND shown.kind = 'SHOWN'
                  AND shown.by = %(console)s)
  FROM dispatch_backuppress press
  LEFT JOIN responders_unit unit ON unit.id = press.unit_id AND unit.agency_id = press.agency_id
  LEFT JOIN LATERAL (
        SELECT a.call_id, a.status, coalesce(a.at_destination_at, a.transporting_at, a.on_scene_at, a.staged_at,
               a.en_route_at, a.acknowledged_at, a.assigned_at) AS since
          FROM dispatch_assignment a WHERE a.unit_id = press.unit_id AND a.ended_at IS NULL LIMIT 1) held ON true
  LEFT JOIN LATERAL (
        SELECT array_agg(person.name ORDER BY shift.id) AS names, array_agg(person.id) AS ids
          FROM responders_shift shift JOIN responders_person person ON person.id = shift.person_id
         WHERE shift.unit_id = press.unit_id AND shift.ended_at IS NULL) crew ON true
  LEFT JOIN dispatch_call call ON call.id = coalesce(press.call_id, held.call_id) AND call.agency_id = press.agency_id
  LEFT JOIN LATERAL ({FAMILY_SQL.format(root="press")}) family ON true
  LEFT JOIN LATERAL ({EVENTS_SQL.format(keys="family.keys")}) told ON true
  LEFT JOIN LATERAL (
        SELECT json_agg(json_build_array(h.lon, h.lat, h.at, h.accuracy) ORDER BY h.id)
                   FILTER (WHERE h.lon IS NOT NULL) AS positions,
               max(h.heard_at) AS last_at, (array_agg(h.battery ORDER BY h.id DESC)
                   FILTER (WHERE h.battery IS NOT NULL))[1] AS battery
          FROM (SELECT e.id, e.at AS heard_at, (e.data->'position'->>'lon')::float8 AS lon,
                       (e.data->'position'->>'lat')::float8 AS lat, coalesce(e.data->'position'->>'at', e.at::text) AS at,
                       (e.data->'position'->>'accuracy')::float8 AS accuracy, (e.data->>'battery')::float8 AS battery
                  FROM dispatch_backupevent e
                 WHERE e.press = ANY(family.keys) AND e.kind IN ('TRANSMITTED', 'PRESSED_AGAIN')
                 ORDER BY e.id DESC LIMIT {_MOST_TRACK}) h) heard ON true
  LEFT JOIN LATERAL (
        SELECT array_agg(e.step ORDER BY e.step) AS steps
          FROM (SELECT step FROM dispatch_backupevent e WHERE e.press = press.key AND e.kind = 'RUNG'
                 ORDER BY e.id DESC LIMIT {_MOST_RINGS}) e) rung ON true
 WHERE press.agency_id = %(agency)s AND (press.origin = 'SELF_TEST') = %(synthetic)s
   AND {{which}}
 ORDER BY press.received_at, press.key
"""  # noqa: S608  only constants of this package are put in
_OPEN: Final = _ALARMS.format(which=OPEN_SQL)
_ONE: Final = _ALARMS.format(which="press.key = %(key)s")

_NEAR: Final = f"""
SELECT place.key::text, unit.call_sign, round(ST_Distance(position.point,
           ST_SetSRID(ST_MakePoint(place.lon, place.lat), 4326)::geography))::bigint AS meters
  FROM unnest(%(keys)s::text[], %(units)s::bigint[], %(lons)s::float8[], %(lats)s::float8[])
           AS place (key, unit_id, lon, lat)
  JOIN LATERAL (
        SELECT position.* FROM responders_position position JOIN responders_unit u ON u.id = position.unit_id
         WHERE u.agency_id = %(agency)s AND u.id IS DISTINCT FROM place.unit_id AND u.retired_at IS NULL
           AND position.at > now() - interval '10 minutes'
         ORDER BY ST_Distance(position.point, ST_SetSRID(ST_MakePoint(place.lon, place.lat), 4326)::geography)
         LIMIT {_MOST_NEAR}) position ON true
  JOIN responders_unit unit ON unit.id = position.unit_id
 ORDER BY 1, 3
"""  # noqa: S608  a number of this module


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    One open request as consoles get it, and what decides who gets it.
    """

    key: UUID
    standing: Standing
    level: str
    unit_id: int | None
    crew: frozenset[int]
    areas: frozenset[int]
    step: int
    shown: bool
    body: dict[str, Any]


def open_alarms(pool: Pool, agency_id: int, *, console: str, synthetic: bool = False) -> tuple[datetime, list[Alarm]]:
    """
    Return the moment, and every open request of an agency.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    rows = pool.fetch(_OPEN, {"agency": agency_id, "console": console, "synthetic": synthetic})
    alarms = [_alarm(row) for row in rows]
    _add_near(pool, agency_id, alarms)
    return (rows[0][0] if rows else _now(pool)), alarms


def one_alarm(pool: Pool, agency_id: int, key: UUID, *, console: str, synthetic: bool = False) -> Alarm | None:
    """
    Return one request of an agency, open or closed, or None where there is none under this key.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    rows = pool.fetch(_ONE, {"agency": agency_id, "console": console, "synthetic": synthetic, "key": key})
    return _alarm(rows[0]) if rows else None


def _now(pool: Pool) -> datetime:
    at: datetime = pool.fetch("SELECT now()", {})[0][0]
    return at


def _alarm(row: tuple[Any, ...]) -> Alarm:
    (
        now, key, received_at, pressed_at, level, service, silent, drill, origin, closed_at, lon, lat, accuracy, fixed_at,
        battery, unit_id, call_sign, status, since, duty, duty_since, people, crew, call_id, number, address, call_lon,
        call_lat, levels, events, positions, last_at, last_battery, steps, areas, shown,
    ) = row  # fmt: skip
    standing = fold(levels or [(level, None)], events)
    standing.closed_at = standing.closed_at or closed_at
    # Never younger than it was received, whatever the tablet's clock says.
    began_at = received_at if pressed_at is None else min(pressed_at, received_at)
    track = [] if lon is None else [[lon, lat, fixed_at or received_at, accuracy]]
    track = (track + (positions or []))[-_MOST_TRACK:]
    position = None
    if track:
        last_lon, last_lat, at, last_accuracy = track[-1]
        position = {"lon": last_lon, "lat": last_lat, "accuracy": last_accuracy, "at": _instant(at)}
    unit = None
    if call_sign is not None:
        own = (status, since) if status is not None else (duty if people else "OFF_SHIFT", duty_since)
        unit = {"id": unit_id, "call_sign": call_sign, "status": own[0], "since": told(own[1])}
    call = None
    if call_id is not None:
        point = None if call_lon is None else [call_lon, call_lat]
        call = {"id": call_id, "number": number, "address": address, "point": point}
    rings = steps or []
    body: dict[str, Any] = {
        "key": str(key),
        "state": standing.state,
        "received_at": instant(received_at),
        "pressed_at": told(pressed_at),
        "age_s": max(0, int((now - began_at).total_seconds())),
        "late": (received_at - began_at).total_seconds() > _LATE_SECONDS,
        "unit": unit,
        "people": people or [],
        "call": call,
        "level": standing.level,
        "asked_level": standing.asked_level,
        "service": service,
        "silent": bool(silent),
        "drill": drill,
        "origin": origin,
        "position": position,
        "track": [[lon, lat, _instant(at)] for lon, lat, at, _ in track],
        "battery": battery if last_battery is None else int(last_battery),
        "rings": rings,
        "step": rings[-1] if rings else None,
        "seen_by": standing.seen_by or None,
        "seen_at": told(standing.seen_at),
        "police": standing.police,
        "cancel": _cancel(standing),
        "again": standing.again,
        "last_heard_at": instant(max(filter(None, (received_at, last_at)))),
        "near": [],
        "closed_at": told(standing.closed_at),
        "closed_as": standing.closed_as or None,
    }
    return Alarm(
        key=key,
        standing=standing,
        level=standing.level,
        unit_id=unit_id,
        crew=frozenset(crew or ()),
        areas=frozenset(areas),
        step=max((step for step in rings if step < 1_000_000), default=-1),
        shown=shown,
        body=body,
    )


def _cancel(standing: Standing) -> dict[str, Any] | None:
    if standing.cancel_asked_at is None:
        return None
    return {"asked_at": instant(standing.cancel_asked_at), "reason": standing.cancel_reason}


def _instant(at: Any) -> str:
    return instant(at if isinstance(at, datetime) else datetime.fromisoformat(at))


def _add_near(pool: Pool, agency_id: int, alarms: list[Alarm]) -> None:
    placed: list[tuple[Alarm, Mapping[str, Any]]] = [
        (alarm, alarm.body["position"]) for alarm in alarms if alarm.body["position"] is not None
    ]
    if not placed:
        return
    rows = pool.fetch(
        _NEAR,
        {
            "keys": [str(alarm.key) for alarm, _ in placed],
            "units": [alarm.unit_id for alarm, _ in placed],
            "lons": [place["lon"] for _, place in placed],
            "lats": [place["lat"] for _, place in placed],
            "agency": agency_id,
        },
    )
    by_key = {str(alarm.key): alarm for alarm, _ in placed}
    for key, call_sign, meters in rows:
        by_key[key].body["near"].append({"kind": "CARE", "call_sign": call_sign, "meters": meters})
