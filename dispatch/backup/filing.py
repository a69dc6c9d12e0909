"""
The second transaction: what everybody else's screens hold of a press, with its entries.

It may wait for locks, fail and be tried again; nothing of it is needed for ringing. Any number of processes may file: an
advisory lock lets one at a time work on a press, and the row says how many events it has taken in.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import close_old_connections, connection, connections
from django.utils import timezone

from dispatch.backup.alarms import OPEN_SQL
from dispatch.backup.database import Pool
from dispatch.backup.press import FAMILY_SQL, TELLING, Standing, fold
from dispatch.backup.schedule import Audience
from dispatch.models import Backup, BackupEvent, BackupEventKind, BackupOrigin, BackupPress, Call
from journal.door import open_door
from journal.record import record
from responders.models import Person, Unit

BY: Final = "backup"
# What is on the way to being filed waits this long for a lock, and then makes room for the next.
_LOCK_WAIT: Final = "3s"
_AT_ONCE: Final = 50

_COUNTED: Final = f"e.kind IN {TELLING} OR (e.kind = 'RUNG' AND e.data->'audience' ? '{Audience.UNITS}')"
_BEHIND: Final = f"""
SELECT press.key FROM dispatch_backuppress press
  LEFT JOIN dispatch_backup filed ON filed.press = press.key
  LEFT JOIN LATERAL ({FAMILY_SQL.format(root="press")}) family ON true
 WHERE press.origin <> 'SELF_TEST' AND (
        (filed.id IS NULL AND ({OPEN_SQL}
         OR (press.again_of IS NULL AND press.received_at > now() - interval '1 day')))
     OR (filed.closed_at IS NULL AND filed.id IS NOT NULL AND (press.closed_at IS NOT NULL OR filed.events <> (
            SELECT count(*) FROM dispatch_backupevent e WHERE e.press = ANY(family.keys) AND ({_COUNTED})))))
 ORDER BY press.received_at LIMIT {_AT_ONCE}
"""  # noqa: S608  only constants of this package are put in
_EVENTS: Final = f"""
SELECT e.kind, e.at, e.by, e.data FROM dispatch_backupevent e
 WHERE e.press = ANY(%s) AND ({_COUNTED}) ORDER BY e.id
"""  # noqa: S608  only constants of this package are put in
_FAMILY: Final = "SELECT key, level, silent FROM dispatch_backuppress WHERE key = %s OR again_of = %s"


def file_open(pool: Pool) -> int:
    """
    File every press that has none or whose events went on, and return how many. One that fails leaves the others alone.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    keys = [row[0] for row in pool.fetch(_BEHIND, {})]
    if not keys:
        return 0
    close_old_connections()
    done, failed = 0, None
    try:
        for key in keys:
            at = timezone.now()
            try:
                with open_door(by=BY, at=at):
                    done += file(key, by=BY, at=at, waits=False) is not None
            except Exception as error:  # noqa: BLE001  said below; what is behind this one is not to wait for it
                failed = error
    finally:
        # It is seldom that there is something to file: meanwhile this thread holds no connection of the ORM's.
        connections.close_all()
    if failed is not None:
        raise failed
    return done


def file(key: UUID, *, by: object, at: datetime, waits: bool = True) -> Backup | None:
    """
    Bring what screens hold of a press up to its events, inside an open door; None where somebody else is at it.
    """
    with connection.cursor() as cursor:
        if not waits:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        taken = "pg_try_advisory_xact_lock" if not waits else "pg_advisory_xact_lock"
        cursor.execute(f"SELECT {taken}(hashtextextended('backup ' || %s::text, 0))", [key])
        if not waits and not cursor.fetchone()[0]:
            return None
        cursor.execute(_FAMILY, [key, key])
        family = cursor.fetchall()
        cursor.execute(_EVENTS, [[row[0] for row in family]])
        events = cursor.fetchall()
    press = BackupPress.objects.get(pk=key)
    standing = fold(
        [(level, None) for _, level, _ in family], [_loaded(event) for event in events if event[0] != "RUNG"]
    )
    standing.closed_at = standing.closed_at or press.closed_at
    backup = Backup.objects.filter(press=key).first() or _new(press)
    is_new = backup.pk is None
    before = None if is_new else _state(backup)
    _bring_up(backup, standing, silent=any(silent for *_, silent in family), count=len(events))
    spread_at = next((at for kind, at, *_ in events if kind == "RUNG"), None)
    if backup.spread_at is None and spread_at is not None and backup.closed_at is None:
        on_duty = Unit.objects.in_service().filter(agency=press.agency_id, outside=False).order_by("pk")
        backup.spread_at = spread_at
        backup.spread_to = [pk for pk in on_duty.values_list("pk", flat=True) if pk != press.unit_id]
    backup.save()
    after = _state(backup)
    if is_new or after != before:
        record(
            "backup.raised" if is_new else f"backup.{after.lower()}",
            agency_id=press.agency_id,
            about=f"backup.{backup.pk}",
            data={"backup": backup.pk, "unit": backup.unit_id, "state": after, "drill": press.drill},
            by=by,
            at=at,
        )
    return backup


def add(key: UUID, kind: BackupEventKind, *, by: str, at: datetime, **data: Any) -> None:
    """
    Append an event of the desk to a press, in the transaction that files it. Of a first look only the first one holds.
    """
    BackupEvent.objects.bulk_create(
        [BackupEvent(press=key, kind=kind, by=by, at=at, data=data)],
        ignore_conflicts=kind in (BackupEventKind.SEEN, BackupEventKind.CLOSED),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('backup', agency_id || ' ' || key) FROM dispatch_backuppress WHERE key = %s", [key]
        )


def _loaded(event: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, at, by, data = event
    # Django's own cursors give JSON as text.
    return kind, at, by, orjson.loads(data) if isinstance(data, str) else data


def _new(press: BackupPress) -> Backup:
    # A tablet may name any id: what is no unit, call or person of the agency is nothing.
    unit = Unit.objects.filter(pk=press.unit_id, agency=press.agency_id).first() if press.unit_id else None
    call = Call.objects.filter(pk=press.call_id, agency=press.agency_id).first() if press.call_id else None
    if call is None and unit is not None and press.origin != BackupOrigin.SELF_TEST:
        call = Call.objects.filter(assignments__unit=unit, assignments__ended_at=None).first()
    person = Person.objects.filter(pk=press.person_id, agency=press.agency_id).first() if press.person_id else None
    return Backup(
        press=press.pk,
        agency_id=press.agency_id,
        unit=unit,
        call=call,
        person=person,
        origin=press.origin,
        service=press.service,
        drill=press.drill,
        pressed_at=press.pressed_at,
        received_at=press.received_at,
        lon=press.lon,
        lat=press.lat,
    )


def _bring_up(backup: Backup, standing: Standing, *, silent: bool, count: int) -> None:
    backup.level = standing.level
    backup.silent = silent
    backup.seen_at, backup.seen_by = standing.seen_at, standing.seen_by
    backup.police_unit = standing.police_unit
    backup.police_sent_at, backup.police_due_at = standing.police_sent_at, standing.police_due_at
    backup.police_arrived_at = standing.police_arrived_at
    backup.cancel_asked_at, backup.cancel_reason = standing.cancel_asked_at, standing.cancel_reason
    backup.closed_at, backup.closed_as = standing.closed_at, standing.closed_as
    backup.events = count


def _state(backup: Backup) -> str:
    if backup.closed_at is not None:
        return "CLOSED"
    if backup.police_sent_at is not None:
        return "POLICE_ARRIVED" if backup.police_arrived_at is not None else "POLICE_SENT"
    return "RECEIVED" if backup.seen_at is None else "SEEN"
