"""
Telling the world outside: webhooks of an agency's gateways, and browsers that asked to be woken.

A row is the promise, made for each step that is everybody's; any process keeps it, one at a time, until it is taken or the
request is closed. What is sent names the unit and what it asks for, and nobody.
"""

import hmac
import logging
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson
from django.conf import settings

from dispatch.backup import push
from dispatch.backup.database import Pool, Row
from dispatch.backup.schedule import Audience
from tablets.times import instant

TIMEOUT_SECONDS: Final = 5.0
# The people whose browsers are woken, as responders/permissions.py lets them ask for it.
WOKEN: Final = ("DISPATCHER", "EMBEDDED", "SUPERVISOR", "POLICE_DISPATCHER", "OFFICER")
# Longer than a try can take: who claimed a sending and died gives it back by the clock.
_CLAIM_SECONDS: Final = 15
_AGAIN_SECONDS: Final = (1, 2, 5, 10, 20, 30)
_MOST_ERROR: Final = 200

# One silent press makes the whole request silent.
_SILENT: Final = (
    "EXISTS (SELECT FROM dispatch_backuppress one"
    " WHERE one.silent AND (one.key = press.key OR one.again_of = press.key))"
)
# A step has its sendings from the first process that finds it. A browser is woken while whoever it is may be: access can be
# taken away after it asked. Of a silent request the unit's own tablets are not.
PROMISE: Final = f"""
WITH told AS (
    SELECT press.key, press.agency_id, press.unit_id, press.drill, {_SILENT} AS silent, rung.step
      FROM dispatch_backuppress press
      JOIN dispatch_backupevent rung ON rung.press = press.key AND rung.kind = 'RUNG'
     WHERE press.closed_at IS NULL AND press.origin <> 'SELF_TEST' AND rung.data->'audience' ? '{Audience.OUTSIDE}'
       AND rung.at > now() - interval '5 minutes'
)
INSERT INTO dispatch_backupsending (press, step, hook_id, push_id, made_at, tries, next_at, error)
SELECT told.key, told.step, hook.id, NULL::bigint, now(), 0, now(), ''
  FROM told JOIN dispatch_backuphook hook ON hook.agency_id = told.agency_id AND hook.ended_at IS NULL
   AND (hook.drills OR NOT told.drill)
 WHERE NOT EXISTS (SELECT FROM dispatch_backupsending s WHERE s.press = told.key AND s.step = told.step AND s.hook_id = hook.id)
UNION ALL
SELECT told.key, told.step, NULL::bigint, sub.id, now(), 0, now(), ''
  FROM told JOIN dispatch_pushsubscription sub ON sub.agency_id = told.agency_id AND sub.ended_at IS NULL
   AND (EXISTS (SELECT FROM responders_person person JOIN responders_role role ON role.person_id = person.id
                 WHERE person.id = sub.person_id AND person.is_active AND role.name = ANY(%(roles)s))
        OR EXISTS (SELECT FROM tablets_tablet tablet WHERE tablet.id = sub.tablet_id AND tablet.revoked_at IS NULL
                      AND NOT (told.silent AND tablet.unit_id IS NOT DISTINCT FROM told.unit_id)))
 WHERE %(pushes)s
   AND NOT EXISTS (SELECT FROM dispatch_backupsending s WHERE s.press = told.key AND s.step = told.step AND s.push_id = sub.id)
    ON CONFLICT DO NOTHING
"""  # noqa: S608  only constants of this package are put in
_CLAIM: Final = f"""
WITH claimed AS (
    UPDATE dispatch_backupsending SET tries = tries + 1, next_at = now() + interval '{_CLAIM_SECONDS} seconds'
     WHERE id = (SELECT id FROM dispatch_backupsending WHERE done_at IS NULL AND next_at <= now()
                  ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING *
)
SELECT claimed.id, claimed.press, claimed.step, claimed.tries, hook.url, hook.secret, sub.endpoint, sub.p256dh, sub.auth,
       press.level, press.service, press.drill, {_SILENT}, press.received_at, press.agency_id, unit.call_sign,
       press.closed_at, now(), sub.id, hook.name
  FROM claimed
  JOIN dispatch_backuppress press ON press.key = claimed.press
  LEFT JOIN dispatch_backuphook hook ON hook.id = claimed.hook_id
  LEFT JOIN dispatch_pushsubscription sub ON sub.id = claimed.push_id
  LEFT JOIN responders_unit unit ON unit.id = press.unit_id AND unit.agency_id = press.agency_id
"""  # noqa: S608  only constants of this package are put in
_DONE: Final = """
WITH done AS (
    UPDATE dispatch_backupsending SET done_at = now(), error = %(error)s WHERE id = %(id)s AND done_at IS NULL
    RETURNING press, step
)
INSERT INTO dispatch_backupevent (press, kind, step, by, data) SELECT press, 'OUTBOUND', step, %(by)s, %(data)s::jsonb FROM done
"""
_AGAIN: Final = """
UPDATE dispatch_backupsending SET next_at = now() + make_interval(secs => %(seconds)s), error = %(error)s
 WHERE id = %(id)s AND done_at IS NULL
"""
_GONE: Final = "UPDATE dispatch_pushsubscription SET ended_at = now() WHERE id = %(id)s AND ended_at IS NULL"

_log = logging.getLogger(__name__)


class _NoRedirect(HTTPRedirectHandler):
    """
    Follows nobody elsewhere: what is signed for one address goes to that address.
    """

    def redirect_request(self, *_: Any) -> None:
        """
        Follow no redirect.
        """


_opener = build_opener(_NoRedirect)


def send_due(pool: Pool) -> int:
    """
    Make the rows of the steps that were rung, send what is due, and return how many were taken.

    :raises psycopg.Error: Postgres cannot be reached.
    """
    pool.fetch(PROMISE, {"pushes": bool(settings.VAPID_PRIVATE_KEY), "roles": list(WOKEN)})
    taken = 0
    while rows := pool.fetch(_CLAIM, {}):
        taken += _send(pool, rows[0])
    return taken


def signed(secret: str, body: bytes, *, at: int) -> str:
    """
    Return the header by which a gateway knows that a body is ours and of this moment.
    """
    mac = hmac.new(secret.encode(), b"%d." % at + body, sha256).hexdigest()
    return f"t={at},v1={mac}"


def _send(pool: Pool, row: Row) -> bool:
    (
        sending_id, press, step, tries, url, secret, endpoint, p256dh, auth, level, service, drill, silent, received_at,
        agency_id, call_sign, closed_at, now, subscription_id, hook_name,
    ) = row  # fmt: skip
    by = f"hook {hook_name}" if url is not None else f"push {subscription_id}"
    if closed_at is not None:
        _done(pool, sending_id, by, "closed before it was sent", tries)
        return False
    body = orjson.dumps(
        {
            "type": "backup.test" if drill else "backup",
            "press": str(press),
            "step": step,
            "level": level,
            "service": service,
            "silent": silent,
            "drill": drill,
            "unit": call_sign,
            "agency": agency_id,
            "received_at": instant(received_at),
        }
    )
    try:
        if url is not None:
            headers = {
                "Content-Type": "application/json",
                "X-Care-Signature": signed(secret, body, at=int(now.timestamp())),
            }
            status = _post(url, body, headers)
        else:
            status = wake(endpoint, body, p256dh=p256dh, auth=auth, at=now)
        error = "" if 200 <= status < 300 else f"answered {status}"
    except (URLError, OSError, ValueError) as failed:
        status, error = 0, f"{type(failed).__name__}: {getattr(failed, 'reason', failed)}"[:_MOST_ERROR]
    if not error:
        _done(pool, sending_id, by, "", tries)
        return True
    _log.info("backup outside: %s", error)
    if subscription_id is not None and status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        # The browser took its wish back.
        pool.fetch(_GONE, {"id": subscription_id})
        _done(pool, sending_id, by, error, tries)
        return False
    wait = _AGAIN_SECONDS[min(tries, len(_AGAIN_SECONDS)) - 1]
    pool.fetch(_AGAIN, {"id": sending_id, "seconds": wait, "error": error})
    return False


def _done(pool: Pool, sending_id: int, by: str, error: str, tries: int) -> None:
    data = orjson.dumps({"tries": tries, "error": error}).decode()
    pool.fetch(_DONE, {"id": sending_id, "error": error, "by": by, "data": data})


def wake(
    endpoint: str, body: bytes, *, p256dh: str, auth: str, at: datetime, ttl_s: int = 120, urgency: str = "high"
) -> int:
    """
    Send something to a browser that asked to be woken, sealed to it, and return what its push service answered.

    ``ttl_s`` is how long the service keeps it for a browser that is away; ``urgency`` is one of RFC 8030's.

    :raises OSError: the service could not be reached.
    :raises ValueError: the address, the browser's keys or our own are none.
    """
    headers = {
        "Authorization": push.signature(
            endpoint, private_key=settings.VAPID_PRIVATE_KEY, contact=settings.VAPID_CONTACT, at=at
        ),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(ttl_s),
        "Urgency": urgency,
    }
    return _post(endpoint, push.sealed(body, p256dh=p256dh, auth=auth), headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    if not url.startswith(("https://", "http://")):
        raise ValueError("only http and https are sent to")
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310  the scheme is looked at above
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            status: int = answer.status
            return status
    except HTTPError as error:
        with error:
            return error.code
