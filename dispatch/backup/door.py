"""
Everything under /api/backup/, as a WSGI application of its own: in front of Django in web, alone in the process backup.

A tablet with a valid key is never told no: whatever it sends is a press, or is about one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import psycopg
from django.conf import settings
from django.http.cookie import parse_cookie

from dispatch.backup import consoles
from dispatch.backup.consoles import No
from dispatch.backup.database import Pool
from dispatch.backup.press import Credential, Told, announce, ask, note_use, raise_
from dispatch.backup.reading import MOST_BYTES, Said, read
from tablets.origins import allowed_origins
from tablets.secrets import hash_token

PREFIX: Final = "/api/backup/"
# What one console shows, at most; its body has no business being longer.
_MOST_CONSOLE_BYTES: Final = 64 * 1024
_LONGEST_KEY: Final = 100
_JSON: Final = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
_Answer = tuple[int, dict[str, Any]]
_log = logging.getLogger(__name__)

KEY_WRONG: Final = (401, {"code": "backup_key_wrong", "message": "This device has no key for backup.", "facts": {}})
NOT_FOUND: Final = (404, {"code": "not_found", "message": "There is nothing here.", "facts": {}})
NOT_POST: Final = (405, {"code": "method_not_allowed", "message": "Only POST is answered here.", "facts": {}})
CROSS_SITE: Final = (403, {"code": "cross_site_request", "message": "That came from another site.", "facts": {}})
# No promise: nothing is known to be kept.
TRY_AGAIN: Final = (503, {"code": "try_again", "message": "Not received. Try again, and use the radio.", "facts": {}})


class Door:
    """
    Answers tablets that ask for backup, and the consoles that show it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._of_tablets: dict[str, Callable[[Credential, Said], Told | None]] = {
            "": lambda credential, said: raise_(pool, credential, said, via="web"),
            "cancel/": lambda credential, said: ask(pool, credential, said, kind="CANCEL_ASKED", via="web"),
            "level/": lambda credential, said: ask(pool, credential, said, kind="LEVEL", via="web"),
        }
        self._of_consoles: dict[str, Callable[..., dict[str, Any] | No]] = {
            "watch/": consoles.watch,
            "seen/": consoles.see,
            "leave/": consoles.leave,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """
        Answer one request.
        """
        name = environ.get("PATH_INFO", "").removeprefix(PREFIX)
        try:
            status, body = self._answer(name, environ)
        except psycopg.Error as error:
            _log.warning("backup %s: %s", name or "raise", type(error).__name__)
            status, body = TRY_AGAIN
        content = orjson.dumps(body)
        headers = [*_JSON, ("Content-Length", str(len(content)))]
        if status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", 'Backup realm="care-field"'))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [content]

    def _answer(self, name: str, environ: Environ) -> _Answer:
        if name not in self._of_tablets and name not in self._of_consoles:
            return NOT_FOUND
        if environ.get("REQUEST_METHOD") != "POST":
            return NOT_POST
        if name in self._of_tablets:
            return self._answer_tablet(name, environ)
        return self._answer_console(name, environ)

    def _answer_tablet(self, name: str, environ: Environ) -> _Answer:
        credential = credential_of(environ)
        if credential is None:
            return KEY_WRONG
        said = read(_body(environ, MOST_BYTES), key_hash=credential.key_hash)
        told = self._of_tablets[name](credential, said)
        if told is None:
            return KEY_WRONG
        if told.is_new_key:
            self._note_use(credential)
        # A copy that only says that the tablet is still there wakes nobody.
        if told.is_first or name:
            announce(self._pool, told.agency_id, told.root or said.key)
        return 200, told.body

    def _answer_console(self, name: str, environ: Environ) -> _Answer:
        if not _is_same_origin(environ, must_say=True):
            return CROSS_SITE
        session_key = consoles.session_cookie(_cookies(environ))
        watcher = consoles.watcher_of(self._pool, session_key) if session_key else None
        if watcher is None:
            return consoles.NOT_SIGNED_IN.status, consoles.NOT_SIGNED_IN.body
        if not consoles.may_watch(watcher):
            return consoles.NOT_ALLOWED.status, consoles.NOT_ALLOWED.body
        try:
            given = orjson.loads(_body(environ, _MOST_CONSOLE_BYTES))
        except orjson.JSONDecodeError:
            given = None
        answer = self._of_consoles[name](self._pool, watcher, given) if isinstance(given, dict) else consoles.MALFORMED
        if isinstance(answer, No):
            return answer.status, answer.body
        return 200, answer

    def _note_use(self, credential: Credential) -> None:
        try:
            note_use(self._pool, credential)
        except psycopg.Error as error:
            # What is received stays received; the next press writes it down.
            _log.warning("backup key not marked as used: %s", type(error).__name__)


def in_front_of(application: Application, door: Application) -> Application:
    """
    Return a WSGI application that hands what is under /api/backup/ to the door, and everything else on.
    """

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        chosen = door if environ.get("PATH_INFO", "").startswith(PREFIX) else application
        return chosen(environ, start_response)

    return answer


def credential_of(environ: Environ) -> Credential | None:
    """
    Return what a request claims to be let in by: a key in its header, or in a cookie that came from one of our own pages.
    """
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "backup":
        key = given.strip()
    elif _is_same_origin(environ, must_say=False):
        key = _cookies(environ).get(settings.BACKUP_COOKIE_NAME, "")
    else:
        return None
    return Credential(key_hash=hash_token(key[:_LONGEST_KEY])) if key else None


def _is_same_origin(environ: Environ, *, must_say: bool) -> bool:
    # Browsers set both and no page can.
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin in allowed_origins()
    return not must_say


def _cookies(environ: Environ) -> Mapping[str, str]:
    # WSGI gives bytes as Latin-1; one cookie of somebody else's that makes no sense hides no other.
    return parse_cookie(environ.get("HTTP_COOKIE", ""))


def _body(environ: Environ, most: int) -> bytes:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    wanted = min(max(length, 0), most)
    if environ.get("HTTP_TRANSFER_ENCODING") and not wanted:
        wanted = most
    if not wanted:
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(wanted)
    except OSError:
        # The sender is gone in the middle: what it wanted is known from the path and its key.
        return b""
    return body
