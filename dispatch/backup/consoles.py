"""
Consoles: who watches, what they have on the screen, and who was the first to see.

A session is read plainly from its row, as responders.middleware reads it: with a second factor, within its two ends, of
an active person whose access was not changed since. Looking is no gesture: it keeps no session alive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from dispatch.backup.alarms import Alarm, one_alarm, open_alarms
from dispatch.backup.database import Pool
from dispatch.backup.press import CONSOLE_SECONDS, announce, told
from dispatch.backup.schedule import SPREAD_STEP
from dispatch.models import BackupConsoleKind, BackupLevel
from responders.models import Person
from responders.sessions import SessionStore, has_second_factor, is_over, key_hash
from tablets.times import instant

# What a console may be there for, by what its person is.
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    BackupConsoleKind.DESK: frozenset({"DISPATCHER", "EMBEDDED", "SUPERVISOR"}),
    BackupConsoleKind.SUPERVISOR: frozenset({"SUPERVISOR"}),
    BackupConsoleKind.POLICE: frozenset({"POLICE_DISPATCHER", "SUPERVISOR"}),
}
_WATCHERS: Final = frozenset().union(*_KINDS.values())
_MOST_SHOWN: Final = 500
_MOST_AREAS: Final = 200

_SESSION: Final = "SELECT session_data FROM django_session WHERE session_key = %(key)s AND expire_date > now()"
_PERSON: Final = """
SELECT now(), person.id, person.agency_id, person.name, person.password, person.access_epoch,
       ARRAY(SELECT role.name FROM responders_role role WHERE role.person_id = person.id),
       ARRAY(SELECT shift.unit_id FROM responders_shift shift WHERE shift.person_id = person.id AND shift.ended_at IS NULL)
  FROM responders_person person WHERE person.id = %(person)s AND person.is_active
"""

# The console's own row, and an event for everything that it shows for the first time. A console of somebody else's is
# nobody's to write.
_HEAR: Final = """
WITH heard AS (
    INSERT INTO dispatch_backupconsole AS c (key, agency_id, person_id, label, kind, areas, seen_at, shown)
    VALUES (%(console)s, %(agency)s, %(person)s, %(label)s, %(kind)s, %(areas)s::bigint[], now(), %(shown)s::uuid[])
        ON CONFLICT (key) DO UPDATE SET seen_at = now(), shown = EXCLUDED.shown, areas = EXCLUDED.areas,
           kind = EXCLUDED.kind, label = EXCLUDED.label
     WHERE c.person_id = EXCLUDED.person_id AND c.agency_id = EXCLUDED.agency_id
    RETURNING c.key
)
INSERT INTO dispatch_backupevent (press, kind, by, data)
SELECT press.key, 'SHOWN', heard.key::text, %(data)s::jsonb
  FROM heard JOIN dispatch_backuppress press ON press.key = ANY(%(shown)s::uuid[]) AND press.agency_id = %(agency)s
    ON CONFLICT DO NOTHING
"""
_GONE: Final = "DELETE FROM dispatch_backupconsole WHERE key = %(console)s AND person_id = %(person)s"
_ONLINE: Final = f"""
SELECT label, kind, areas FROM dispatch_backupconsole
 WHERE agency_id = %(agency)s AND seen_at > now() - interval '{CONSOLE_SECONDS} seconds' AND kind <> 'SYNTHETIC'
 ORDER BY label, key
"""  # noqa: S608  a number of this package
# One that is being made has not failed; one whose process died is missed like one that was never made.
_SELF_TEST: Final = """
SELECT at, took_ms, error FROM dispatch_backupselftest
 WHERE agency_id = %(agency)s AND (took_ms IS NOT NULL OR error <> '') ORDER BY at DESC LIMIT 1
"""
# Of any number at once one gets in, by the unique index; only on a console that shows it, and never the crew itself.
_SEE: Final = """
INSERT INTO dispatch_backupevent (press, kind, by, data)
SELECT press.key, 'SEEN', %(label)s, %(data)s::jsonb
  FROM dispatch_backuppress press
  JOIN dispatch_backupconsole console ON console.key = %(console)s AND console.person_id = %(person)s
  JOIN dispatch_backupevent shown ON shown.press = press.key AND shown.kind = 'SHOWN' AND shown.by = console.key::text
 WHERE press.key = %(key)s AND press.agency_id = %(agency)s AND press.closed_at IS NULL
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Watcher:
    """
    The person behind a console.
    """

    person_id: int
    agency_id: int
    name: str
    roles: frozenset[str]
    units: frozenset[int]
    at: datetime


@dataclass(frozen=True, slots=True)
class No:
    """
    What cannot be done for a console, with the status that says so.
    """

    status: int
    code: str
    message: str
    facts: Mapping[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """
        Return the answer, in the form of every refusal of the site.
        """
        return {"code": self.code, "message": self.message, "facts": dict(self.facts)}


NOT_SIGNED_IN: Final = No(401, "not_signed_in", "Sign in first.", {})
NOT_ALLOWED: Final = No(403, "not_allowed", "That is not yours to do.", {})
MALFORMED: Final = No(400, "invalid_args", "Some fields cannot be understood.", {})
UNKNOWN: Final = No(404, "backup_unknown", "There is no such request for backup.", {})
NOT_SHOWN: Final = No(409, "backup_not_shown", "This console has not shown that request for backup.", {})
OWN: Final = No(409, "backup_own", "Nobody can see their own request for backup.", {})
CLOSED: Final = No(409, "backup_closed", "That request for backup is closed.", {})


def watcher_of(pool: Pool, session_key: str) -> Watcher | None:
    """
    Return who is signed in under a session's key, with everything that takes, or None.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    rows = pool.fetch(_SESSION, {"key": key_hash(session_key)})
    if not rows:
        return None
    store = SessionStore()
    data = store.decode(rows[0][0])
    try:
        person_id = int(data.get(SESSION_KEY, ""))
    except (TypeError, ValueError):
        return None
    rows = pool.fetch(_PERSON, {"person": person_id})
    if not rows:
        return None
    at, _, agency_id, name, password, epoch, roles, units = rows[0]
    person = Person(pk=person_id, agency_id=agency_id, name=name, password=password, access_epoch=epoch)
    hashes = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    kept = str(data.get(HASH_SESSION_KEY, ""))
    if not any(constant_time_compare(kept, known) for known in hashes):
        return None
    # What the session knows is set from the row: nothing is loaded through the ORM.
    store._session_cache = data  # type: ignore[attr-defined]  # a field of Django's own
    request = HttpRequest()
    request.session = store
    if is_over(store, at=at) or not has_second_factor(request, person):
        return None
    return Watcher(person_id, agency_id, name, frozenset(roles), frozenset(units), at)


def watch(pool: Pool, watcher: Watcher, given: Mapping[str, Any]) -> dict[str, Any] | No:
    """
    Hear a console's look, and return what it has to show.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    console = _uuid(given.get("console"))
    if console is None:
        return MALFORMED
    kind = str(given.get("kind", BackupConsoleKind.DESK))
    if watcher.roles.isdisjoint(_KINDS.get(kind, frozenset())):
        return NOT_ALLOWED
    areas = [area for area in _list(given.get("areas"), _MOST_AREAS) if type(area) is int and 0 < area < 1 << 63]
    shown = [key for key in map(_uuid, _list(given.get("shown"), _MOST_SHOWN)) if key is not None]
    is_visible = given.get("visible") is not False
    pool.fetch(
        _HEAR,
        {
            "console": console,
            "agency": watcher.agency_id,
            "person": watcher.person_id,
            "label": watcher.name,
            "kind": kind,
            "areas": areas,
            # What is behind another window is shown to nobody.
            "shown": shown if is_visible else [],
            "data": orjson.dumps({"person": watcher.person_id, "label": watcher.name, "kind": kind}).decode(),
        },
    )
    now, alarms = open_alarms(pool, watcher.agency_id, console=str(console))
    online = pool.fetch(_ONLINE, {"agency": watcher.agency_id})
    if kind == BackupConsoleKind.POLICE:
        sectors = [set(row[2]) for row in online if row[1] == BackupConsoleKind.POLICE]
        alarms = [alarm for alarm in alarms if rings_police(alarm, set(areas), sectors)]
    tests = pool.fetch(_SELF_TEST, {"agency": watcher.agency_id})
    return {
        "now": instant(now),
        "open": [alarm.body | {"own": watcher.person_id in alarm.crew} for alarm in alarms],
        "self_test": {"at": told(tests[0][0]), "took_ms": tests[0][1], "error": tests[0][2]} if tests else None,
        "consoles": [{"label": label, "kind": kind} for label, kind, _ in online],
    }


def leave(pool: Pool, watcher: Watcher, given: Mapping[str, Any]) -> dict[str, Any] | No:
    """
    Forget a console whose page is being closed: it does not count for the five seconds that it would have had.
    """
    console = _uuid(given.get("console"))
    if console is None:
        return MALFORMED
    pool.fetch(_GONE, {"console": console, "person": watcher.person_id})
    return {}


def rings_police(alarm: Alarm, areas: set[int], online: Sequence[set[int]]) -> bool:
    """
    Tell whether a police console with these areas gets a request, while these police consoles are online.

    At once only what is an emergency in its sectors, or in nobody's; from the step on that is everybody's, all; and
    whatever has police on the way.
    """
    if alarm.step >= SPREAD_STEP or alarm.standing.police_sent_at is not None:
        return True
    if alarm.level != BackupLevel.EMERGENCY:
        return False
    covered = any(not theirs or theirs & alarm.areas for theirs in online)
    return not areas or not alarm.areas or bool(areas & alarm.areas) or not covered


def see(pool: Pool, watcher: Watcher, given: Mapping[str, Any]) -> dict[str, Any] | No:
    """
    Take a request as seen by this person at this console; who comes later is told who was first.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    console, key = _uuid(given.get("console")), _uuid(given.get("key"))
    if console is None or key is None:
        return MALFORMED
    if watcher.roles.isdisjoint(_WATCHERS):
        return NOT_ALLOWED
    alarm = one_alarm(pool, watcher.agency_id, key, console=str(console))
    if alarm is None:
        return UNKNOWN
    if watcher.person_id in alarm.crew or alarm.unit_id in watcher.units:
        return OWN
    if alarm.standing.seen_at is None:
        if not alarm.shown:
            return NOT_SHOWN
        if alarm.standing.closed_at is not None:
            return CLOSED
        data = {"person": watcher.person_id, "console": str(console)}
        pool.fetch(
            _SEE,
            {
                "key": key,
                "console": console,
                "person": watcher.person_id,
                "agency": watcher.agency_id,
                "label": watcher.name,
                "data": orjson.dumps(data).decode(),
            },
        )
        alarm = one_alarm(pool, watcher.agency_id, key, console=str(console))
        assert alarm is not None, "a press is never taken back"
        if alarm.standing.seen_at is None:
            return NOT_SHOWN if alarm.standing.closed_at is None else CLOSED
        announce(pool, watcher.agency_id, key)
    return alarm.body | {"own": False}


def may_watch(watcher: Watcher) -> bool:
    """
    Tell whether somebody may have a console at all.
    """
    return not watcher.roles.isdisjoint(_WATCHERS)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) <= 64 else None
    except ValueError:
        return None


def _list(value: Any, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def session_cookie(cookies: Mapping[str, str]) -> str:
    """
    Return the key of the session that came with a request; empty where none did.
    """
    return cookies.get(settings.SESSION_COOKIE_NAME, "")
