"""
Raising a request for backup, and what a tablet is told of it.

A press is one statement: the credential is looked up, the row is written and the state is read in one round trip to
Postgres, whose commit is RECEIVED. The statement locks nothing but the row that it writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from dispatch.backup.database import Pool, Row, connect
from dispatch.backup.reading import Said, key_beside, key_of_agency
from dispatch.backup.schedule import rank
from dispatch.models import BackupLevel, BackupOrigin, BackupService
from tablets.times import instant

# A second press of one tablet this soon after the last is the same request, and rings again.
MERGE_SECONDS: Final = 60
# A console counts as present this long after it was heard of.
CONSOLE_SECONDS: Final = 5
# One that has not said after this long that it shows a press does not count for it: a second to ask, two to draw.
SHOWN_WITHIN_SECONDS: Final = 3

# What changes what a request is; the rest of its timeline is how it was told.
TELLING: Final = (
    "PRESSED_AGAIN",
    "SEEN",
    "LEVEL",
    "POLICE_SENT",
    "POLICE_ARRIVED",
    "CANCEL_ASKED",
    "CLOSED",
)

# The keys of one request: the press itself and those that were merged into it.
FAMILY_SQL: Final = """
    SELECT array_agg(member.key) AS keys, bool_or(member.silent) AS silent, count(*) AS presses,
           json_agg(json_build_array(member.level, member.received_at)) AS levels
      FROM dispatch_backuppress member WHERE member.key = {root}.key OR member.again_of = {root}.key
"""
EVENTS_SQL: Final = f"""
    SELECT coalesce(json_agg(json_build_array(e.kind, e.at, e.by, e.data) ORDER BY e.id), '[]') AS events
      FROM dispatch_backupevent e WHERE e.press = ANY({{keys}}) AND e.kind IN {TELLING}
"""  # noqa: S608  only constants of this package are put in
CONSOLES_SQL: Final = f"""
    SELECT count(*) AS consoles FROM dispatch_backupconsole c
     WHERE c.agency_id = {{root}}.agency_id AND c.kind <> 'SYNTHETIC'
       AND c.seen_at > now() - interval '{CONSOLE_SECONDS} seconds'
       AND ({{root}}.received_at > now() - interval '{SHOWN_WITHIN_SECONDS} seconds'
            OR EXISTS (SELECT FROM dispatch_backupevent shown WHERE shown.press = {{root}}.key
                        AND shown.kind = 'SHOWN' AND shown.by = c.key::text))
"""  # noqa: S608  only constants of this package are put in

_BY_KEY: Final = """
    SELECT tablet_id, unit_id, agency_id, used_at IS NULL AS is_new FROM tablets_backupkey
     WHERE key_hash = %(key_hash)s AND ended_at IS NULL
"""
_BY_LINE: Final = """
    SELECT id AS tablet_id, unit_id, agency_id, false AS is_new FROM tablets_tablet
     WHERE id = %(tablet)s AND revoked_at IS NULL
"""
_BY_AGENCY: Final = """
    SELECT NULL::bigint AS tablet_id, NULL::bigint AS unit_id, %(agency)s::bigint AS agency_id, false AS is_new
"""
_BY_PRESS: Final = """
    SELECT tablet_id, unit_id, agency_id, false AS is_new FROM dispatch_backuppress WHERE key = %(key)s
"""

_RAISE: Final = f"""
, before AS MATERIALIZED (
    SELECT coalesce(recent.again_of, recent.key) AS key
      FROM credential JOIN dispatch_backuppress recent ON recent.tablet_id = credential.tablet_id
     WHERE recent.received_at > now() - interval '{MERGE_SECONDS} seconds' AND recent.closed_at IS NULL
       AND recent.key <> %(key)s AND recent.drill = %(drill)s AND recent.service = %(service)s
       AND recent.agency_id = credential.agency_id
     ORDER BY recent.received_at DESC LIMIT 1
), existing AS MATERIALIZED (
    SELECT press.* FROM dispatch_backuppress press WHERE press.key = %(key)s
), pressed AS (
    INSERT INTO dispatch_backuppress
           (key, agency_id, unit_id, tablet_id, origin, via, level, service, silent, drill, pressed_at, person_id, call_id,
            lon, lat, accuracy_m, fixed_at, battery, raw, again_of)
    SELECT %(key)s, agency_id, unit_id, tablet_id, %(origin)s, %(via)s, coalesce(%(level)s::text, 'EMERGENCY'), %(service)s,
           %(silent)s, %(drill)s, %(pressed_at)s::timestamptz, %(person)s::bigint, %(call)s::bigint,
           %(lon)s::double precision, %(lat)s::double precision, %(accuracy)s::double precision,
           %(fixed_at)s::timestamptz, %(battery)s::smallint, %(raw)s, (SELECT key FROM before)
      FROM credential
     -- Of what is there nothing is tried: it would wait for whoever closes it just now.
     WHERE NOT EXISTS (SELECT FROM existing)
        ON CONFLICT (key) DO NOTHING
    RETURNING *
), heard AS (
    INSERT INTO dispatch_backupevent (press, kind, by, data)
    SELECT pressed.again_of, 'PRESSED_AGAIN', %(by)s, %(heard)s::jsonb FROM pressed WHERE pressed.again_of IS NOT NULL
    UNION ALL
    SELECT existing.key, 'TRANSMITTED', %(by)s, %(heard)s::jsonb
      FROM existing JOIN credential USING (agency_id)
)
"""  # noqa: S608  only constants of this package are put in
_ASK: Final = """
, existing AS MATERIALIZED (
    SELECT press.* FROM dispatch_backuppress press WHERE press.key = %(key)s
), asked AS (
    INSERT INTO dispatch_backupevent (press, kind, by, data)
    SELECT %(key)s, %(kind)s, %(by)s, %(data)s::jsonb FROM credential
     WHERE NOT EXISTS (SELECT FROM existing WHERE existing.agency_id <> credential.agency_id)
), pressed AS (
    SELECT * FROM existing WHERE false
)
"""
_READ: Final = """
, existing AS MATERIALIZED (
    SELECT press.* FROM dispatch_backuppress press WHERE press.key = %(key)s
), pressed AS (
    SELECT * FROM existing WHERE false
)
"""
_STATE: Final = f"""
SELECT credential.tablet_id, credential.unit_id, credential.agency_id, credential.is_new, now(), press.key, press.again_of,
       press.received_at, press.agency_id, press.closed_at, root.key, root.received_at, root.level, root.drill,
       root.service, root.closed_at, family.silent, family.presses, told.events, present.consoles, family.levels,
       (SELECT count(*) FROM pressed), press.level, press.silent
  FROM credential
  LEFT JOIN LATERAL (SELECT * FROM pressed UNION ALL SELECT * FROM existing LIMIT 1) press ON true
  -- A press whose first one is closed while it is open stands by itself.
  LEFT JOIN LATERAL (
        SELECT former.* FROM dispatch_backuppress former
         WHERE former.key = press.again_of AND (former.closed_at IS NULL OR press.closed_at IS NOT NULL)
        UNION ALL SELECT press.*
         LIMIT 1) root ON true
  LEFT JOIN LATERAL ({FAMILY_SQL.format(root="root")}) family ON true
  LEFT JOIN LATERAL ({EVENTS_SQL.format(keys="family.keys || root.key || %(key)s::uuid")}) told ON true
  LEFT JOIN LATERAL ({CONSOLES_SQL.format(root="root")}) present ON true
"""  # noqa: S608  only constants of this package are put in


def _statement(credential: str, middle: str) -> str:
    return f"WITH credential AS MATERIALIZED ({credential}) {middle} {_STATE}"


_RAISE_BY_KEY: Final = _statement(_BY_KEY, _RAISE)
RAISE_BY_LINE: Final = _statement(_BY_LINE, _RAISE)
_RAISE_BY_AGENCY: Final = _statement(_BY_AGENCY, _RAISE)
READ_SQL: Final = _statement(_BY_PRESS, _READ)
_ASK_BY_KEY: Final = _statement(_BY_KEY, _ASK)
ASK_BY_LINE: Final = _statement(_BY_LINE, _ASK)

_ENTER: Final = """
WITH pressed AS (
    INSERT INTO dispatch_backuppress
           (key, agency_id, unit_id, origin, via, level, service, silent, drill, pressed_at, raw, lon, lat, accuracy_m, fixed_at)
    VALUES (%(key)s, %(agency)s, %(unit)s, %(origin)s, 'server', %(level)s, %(service)s, %(silent)s, %(drill)s,
            %(pressed_at)s, %(raw)s, %(lon)s, %(lat)s, %(accuracy)s, %(fixed_at)s)
        ON CONFLICT (key) DO NOTHING
    RETURNING agency_id, key
)
SELECT pg_notify('backup', agency_id || ' ' || key) FROM pressed
"""

_USED: Final = """
WITH free AS (
    SELECT key_hash, tablet_id, made_at FROM tablets_backupkey
     WHERE key_hash = %(key_hash)s AND used_at IS NULL FOR UPDATE SKIP LOCKED
), used AS (
    UPDATE tablets_backupkey own SET used_at = now() FROM free WHERE own.key_hash = free.key_hash
), older AS (
    SELECT old.key_hash FROM tablets_backupkey old JOIN free USING (tablet_id)
     WHERE old.made_at < free.made_at AND old.ended_at IS NULL FOR UPDATE OF old SKIP LOCKED
)
UPDATE tablets_backupkey old SET ended_at = now() FROM older WHERE old.key_hash = older.key_hash
"""


@dataclass(frozen=True, slots=True)
class Credential:
    """
    What lets somebody raise: the hash of a device's own key, the tablet whose live line it came on, or the agency that
    tests itself.
    """

    key_hash: bytes = b""
    tablet_id: int | None = None
    agency_id: int | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """
        Return what the statements ask by.
        """
        return {
            "key_hash": self.key_hash,
            "tablet": self.tablet_id,
            "agency": self.agency_id,
        }

    @property
    def origin(self) -> str:
        """
        Return who raises.
        """
        return BackupOrigin.TABLET if self.agency_id is None else BackupOrigin.SELF_TEST


@dataclass(frozen=True, slots=True)
class Told:
    """
    What a tablet is answered, and whom it concerns. ``is_first`` says that this very call wrote the press.
    """

    agency_id: int
    tablet_id: int | None
    root: UUID | None
    is_new_key: bool
    is_first: bool
    body: dict[str, Any]


@dataclass(slots=True)
class Standing:
    """
    How far a request is: the press and everything that happened to it, folded.
    """

    level: str
    asked_level: str | None = None
    seen_by: str = ""
    seen_at: datetime | None = None
    seen_person: int | None = None
    police_unit: str = ""
    police_sent_at: datetime | None = None
    police_due_at: datetime | None = None
    police_arrived_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    cancel_reason: str = ""
    closed_at: datetime | None = None
    closed_as: str = ""
    again: int = 0
    again_at: datetime | None = None

    @property
    def state(self) -> str:
        """
        Return the state, never more hopeful than what happened.
        """
        if self.closed_at is not None:
            return "CLOSED"
        if self.police_arrived_at is not None:
            return "POLICE_ARRIVED"
        if self.police_sent_at is not None:
            return "POLICE_SENT"
        return "RECEIVED" if self.seen_at is None else "SEEN"

    @property
    def police(self) -> dict[str, Any] | None:
        """
        Return which police come, or None while none were sent.
        """
        if self.police_sent_at is None:
            return None
        return {
            "unit": self.police_unit,
            "sent_at": instant(self.police_sent_at),
            "due_at": told(self.police_due_at),
            "arrived_at": told(self.police_arrived_at),
        }


def told(at: datetime | None) -> str | None:
    """
    Return an instant as the protocol writes it, or None.
    """
    return None if at is None else instant(at)


def fold(levels: Iterable[Sequence[Any]], events: Iterable[Sequence[Any]]) -> Standing:
    """
    Return how far a request is: the levels of its presses, and its events in order as (kind, at, by, data).

    The highest level that anybody asked for holds, until a dispatcher sets another.
    """
    standing = Standing(level=max((level for level, *_ in levels), key=rank))
    for kind, at_text, by, data in events:
        at = at_text if isinstance(at_text, datetime) else datetime.fromisoformat(at_text)
        match kind:
            case "LEVEL":
                _fold_level(standing, data)
            case "SEEN" if standing.seen_at is None:
                # The first holds; one that was merged and stayed open has another of its own.
                standing.seen_at, standing.seen_by, standing.seen_person = at, by, data.get("person")
            case "POLICE_SENT":
                # The newest unit holds; police were sent when the first was.
                standing.police_unit = str(data.get("unit", ""))
                standing.police_sent_at = standing.police_sent_at or at
                due_at = data.get("due_at")
                standing.police_due_at = None if due_at is None else datetime.fromisoformat(due_at)
            case "POLICE_ARRIVED":
                standing.police_arrived_at = standing.police_arrived_at or at
            case "CANCEL_ASKED":
                standing.cancel_asked_at = standing.cancel_asked_at or at
                standing.cancel_reason = standing.cancel_reason or str(data.get("reason", ""))
            case "CLOSED":
                standing.closed_at, standing.closed_as = at, str(data.get("as", ""))
            case "PRESSED_AGAIN":
                standing.again += 1
                standing.again_at = at
    return standing


def _fold_level(standing: Standing, data: Mapping[str, Any]) -> None:
    level = data.get("level")
    if level not in BackupLevel.values:
        return
    if data.get("set") or rank(level) > rank(standing.level):
        standing.level, standing.asked_level = level, None
    elif rank(level) < rank(standing.level):
        standing.asked_level = level


def raise_(pool: Pool, credential: Credential, said: Said, *, via: str) -> Told | None:
    """
    Write a press, or hear it again, and return what its tablet is told; None where the credential is nobody's.

    :raises psycopg.Error: nothing is known to be written; the tablet tries again with the same key.
    """
    sql = RAISE_BY_LINE if credential.tablet_id is not None else _RAISE_BY_KEY
    if credential.agency_id is not None:
        sql = _RAISE_BY_AGENCY
    arguments = raise_arguments(credential, said, via=via)
    try:
        rows = pool.fetch(sql, arguments)
    except psycopg.errors.LockNotAvailable:
        # Somebody is writing this very key, in a transaction that waits for something else: a crew that withdraws is entered
        # with its call. Better two requests than none.
        arguments["key"] = key_beside(said.key)
        rows = pool.fetch(sql, arguments)
    if (key := again_as(rows, arguments)) is not None:
        rows = pool.fetch(sql, arguments | {"key": key})
    return told_of(rows, said.key)


def enter(said: Said, *, agency_id: int, unit_id: int, origin: BackupOrigin) -> None:
    """
    Write the press of a unit for which somebody else raises it. Of a key that is there nothing is done.

    On a connection of its own, so that it is committed here: it rings whatever becomes of the transaction that whoever
    enters it has open, and whatever that one still waits for.

    :raises psycopg.Error: nothing is known to be written; who tries again gives the same key.
    """
    place = said.place
    arguments = {
        "key": said.key,
        "agency": agency_id,
        "unit": unit_id,
        "origin": origin.value,
        "level": said.level or BackupLevel.EMERGENCY.value,
        "service": said.service or BackupService.POLICE.value,
        "silent": said.silent,
        "drill": said.drill,
        "pressed_at": said.pressed_at,
        "raw": said.raw,
        "lon": place and place.lon,
        "lat": place and place.lat,
        "accuracy": place and place.accuracy_m,
        "fixed_at": place and place.at,
    }
    with connect("backup-enter") as own:
        own.execute(_ENTER, arguments)


def ask(pool: Pool, credential: Credential, said: Said, *, kind: str, via: str) -> Told | None:
    """
    Keep what a tablet asks about its press (to cancel it, another level), also when the press itself is still to come.

    :raises psycopg.Error: nothing is known to be written; the tablet tries again.
    """
    sql = ASK_BY_LINE if credential.tablet_id is not None else _ASK_BY_KEY
    arguments = ask_arguments(credential, said, kind=kind, via=via)
    return told_of(pool.fetch(sql, arguments), said.key, asked=arguments)


def raise_arguments(credential: Credential, said: Said, *, via: str) -> dict[str, Any]:
    """
    Return the arguments of the raise.
    """
    place = said.place
    return credential.arguments | {
        "key": said.key,
        "origin": credential.origin,
        "via": via,
        "by": _by(credential),
        "level": said.level,
        "service": said.service or BackupService.POLICE.value,
        "silent": said.silent,
        "drill": said.drill,
        "pressed_at": said.pressed_at,
        "person": said.person,
        "call": said.call,
        "lon": place and place.lon,
        "lat": place and place.lat,
        "accuracy": place and place.accuracy_m,
        "fixed_at": place and place.at,
        "battery": said.battery,
        "raw": said.raw,
        "heard": orjson.dumps(_heard(said, via)).decode(),
    }


def ask_arguments(credential: Credential, said: Said, *, kind: str, via: str) -> dict[str, Any]:
    """
    Return the arguments of what is asked about a press.
    """
    data: dict[str, Any] = {"via": via}
    if kind == "LEVEL":
        # What nobody can read is asked as the highest: raising is anybody's.
        data["level"] = said.level or BackupLevel.EMERGENCY.value
    else:
        data["reason"] = said.reason
    if said.raw:
        data["raw"] = said.raw
    return credential.arguments | {
        "key": said.key,
        "kind": kind,
        "by": _by(credential),
        "data": orjson.dumps(data).decode(),
    }


def again_as(rows: Sequence[Row], arguments: Mapping[str, Any]) -> UUID | None:
    """
    Return the key to raise with once more, or None where the first time was enough.

    A copy that was being written at the same moment is not seen by a statement that began before; a key that is another
    agency's press is kept as one of our own.
    """
    if not rows:
        return None
    agency_id, press_key, press_agency = rows[0][2], rows[0][5], rows[0][8]
    if press_key is None:
        key: UUID = arguments["key"]
        return key
    return key_of_agency(arguments["key"], agency_id) if press_agency != agency_id else None


def told_of(rows: Sequence[Row], key: UUID, *, asked: Mapping[str, Any] | None = None) -> Told | None:
    """
    Return what a tablet is told from the row of any of this module's statements; ``asked`` is what that one wrote.
    """
    if not rows:
        return None
    (
        tablet_id, _, agency_id, is_new, now, press_key, again_of, received_at, press_agency, closed_at, root_key, _,
        _, drill, _, root_closed_at, silent, _, events, consoles, levels, written, own_level, own_silent,
    ) = rows[0]  # fmt: skip
    # A statement does not see what it writes itself.
    events = list(events or ())
    if asked is not None and press_agency in (None, agency_id):
        events.append((asked["kind"], now, asked["by"], orjson.loads(asked["data"])))
    if press_key is None or press_agency != agency_id:
        # Nothing is received: all that is known is what was asked about it.
        standing = Standing(level=BackupLevel.EMERGENCY)
        if press_key is None:
            standing = fold([(BackupLevel.EMERGENCY, None)], events)
        body = _body(key, "UNKNOWN", standing, now=now)
        return Told(agency_id, tablet_id, None, is_new, False, body)
    standing = fold([*(levels or ()), (own_level, None)], events)
    standing.closed_at = standing.closed_at or (root_closed_at if root_closed_at is not None else closed_at)
    body = _body(key, standing.state, standing, now=now) | {
        "received_at": instant(received_at),
        "silent": bool(silent) or own_silent,
        "drill": drill,
        "consoles": consoles,
        "merged_into": str(again_of) if again_of is not None and root_key == again_of else None,
    }
    return Told(agency_id, tablet_id, root_key, is_new, bool(written), body)


def note_use(pool: Pool, credential: Credential) -> None:
    """
    Write down the first use of a key, which ends the older keys of its tablet; later, when a row of them is locked now.
    """
    pool.fetch(_USED, {"key_hash": credential.key_hash})


def announce(pool: Pool, agency_id: int, key: UUID) -> None:
    """
    Wake whoever listens. Consoles look every second all the same: that it was not heard is no harm.
    """
    try:
        pool.fetch("SELECT pg_notify('backup', %(text)s)", {"text": f"{agency_id} {key}"})
    except psycopg.Error:
        return


def _heard(said: Said, via: str) -> dict[str, Any]:
    place = said.place
    position = place and {
        "lon": place.lon,
        "lat": place.lat,
        "accuracy": place.accuracy_m,
        "at": told(place.at),
    }
    return {
        "key": str(said.key),
        "via": via,
        "position": position,
        "battery": said.battery,
        "silent": said.silent,
        **({"level": said.level} if said.level else {}),
    }


def _by(credential: Credential) -> str:
    return "tablet" if credential.tablet_id is None else f"tablet:{credential.tablet_id}"


def _body(key: UUID, state: str, standing: Standing, *, now: datetime) -> dict[str, Any]:
    return {
        "key": str(key),
        "state": state,
        "received_at": None,
        "level": standing.level,
        "asked_level": standing.asked_level,
        "silent": False,
        "drill": False,
        "seen_by": standing.seen_by or None,
        "seen_at": told(standing.seen_at),
        "police": standing.police,
        "cancel": None if standing.cancel_asked_at is None else "ASKED",
        "cancel_asked_at": told(standing.cancel_asked_at),
        "closed_as": standing.closed_as or None,
        "consoles": 0,
        "merged_into": None,
        "now": instant(now),
    }
