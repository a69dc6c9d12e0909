"""
The live line as an ASGI application: who is let in, what may be said, and when it ends (docs/tablet-protocol.md).

It only speaks; whatever a tablet or a desk does, it does over HTTP. No ORM: the process serves sockets and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol

import orjson
import psycopg
from django.conf import settings
from django.utils.module_loading import import_string

from responders.sessions import key_hash
from tablets import hub as hubs
from tablets.hub import Hub, Line, Send
from tablets.origins import allowed_origins
from tablets.postgres import Database
from tablets.secrets import hash_token, same
from tablets.streams import TICKET_SQL, Standing, standing_of
from tablets.times import instant

PROTOCOL = "care.1"
TICKET_PREFIX = "ticket."
TICKET_SECONDS = 30
ADMIT_SECONDS = 5.0
MESSAGES_PER_SECOND = 20.0
BURST = 60.0
DEEPEST = 20
_LONGEST_TICKET = 100

Receive = Callable[[], Awaitable[dict[str, Any]]]
Scope = dict[str, Any]
_log = logging.getLogger(__name__)


class Frames(Protocol):
    """
    What an app of ``settings.LIVE_FRAMES`` does with the frames of its name.
    """

    def start(self) -> None:
        """
        Begin, inside the server's loop.
        """

    async def stop(self) -> None:
        """
        Let go of everything.
        """

    async def answer(self, line: Line, frame: Mapping[str, Any], text: str) -> dict[str, Any] | None:
        """
        Return the answer to a frame, or None where there is none to give.
        """


class Live:
    """
    The application behind /live/, with its hub. One of each per process.
    """

    def __init__(self) -> None:
        self.hub = Hub()
        # What other apps have to say on a line, by the frame's name.
        self.frames: dict[str, Frames] = {
            name: import_string(path)(self.hub) for name, path in settings.LIVE_FRAMES.items()
        }
        self._tickets = Database()
        self._is_started = False

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Start the hub with the server and stop it with the server.
        """
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for frames in self.frames.values():
                    await frames.stop()
                await self.hub.stop()
                await self._tickets.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer plain HTTP: /live/ takes sockets only, and there is nothing else here.
        """
        is_here = scope["path"] == "/live/"
        status, body = (426, b'{"code":"upgrade_required"}') if is_here else (404, b'{"code":"not_found"}')
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if is_here:
            headers += [(b"upgrade", b"websocket")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Refuse a socket to any other address.
        """
        await receive()
        await send({"type": "websocket.close"})

    async def line(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one socket from its handshake to its end.
        """
        # A server without lifespan events begins here.
        self._start()
        await receive()
        ticket = ticket_of(scope)
        if not has_allowed_origin(scope) or ticket is None:
            # Before the handshake is complete this is an HTTP 403: a page of another site learns nothing.
            await send({"type": "websocket.close"})
            return
        standing, line, code = None, None, hubs.NOT_LET_IN
        try:
            async with asyncio.timeout(ADMIT_SECONDS):
                standing = await self._redeem(ticket, scope)
        except (psycopg.Error, TimeoutError):
            code = hubs.RESYNC
        # Accepted even when the ticket is no good: only an open socket can be told why it is closed.
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        if standing is not None and standing.streams:
            try:
                async with asyncio.timeout(ADMIT_SECONDS):
                    line = await self.hub.let_in(send, standing)
            except (psycopg.Error, TimeoutError):
                code = hubs.RESYNC
        if line is None:
            await send({"type": "websocket.close", "code": code})
            return
        try:
            await self._answer(line, receive)
        except asyncio.CancelledError:
            # The hub hangs up on a socket that does not even take its goodbye; anything else is the server stopping.
            if line.is_open:
                raise
        finally:
            self.hub.forget(line)

    def _start(self) -> None:
        if not self._is_started:
            self._is_started = True
            quiet_logs()
            self.hub.start()
            for frames in self.frames.values():
                frames.start()

    async def _redeem(self, ticket: str, scope: Scope) -> Standing | None:
        rows = await self._tickets.fetch(
            TICKET_SQL, {"ticket_hash": hash_token(ticket), "seconds": TICKET_SECONDS, "at": datetime.now(UTC)}
        )
        if not rows:
            return None
        standing = standing_of(rows[0])
        return standing if is_bearers_own(standing, cookies_of(scope)) else None

    async def _answer(self, line: Line, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        allowance, counted_at = BURST, loop.time()
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            found = self._frames_for(message)
            if found is not None:
                # No limit: it may be somebody who needs help. One after the other, which is limit enough.
                frames, frame = found
                answer = await frames.answer(line, frame, message["text"])
                if answer is not None:
                    self.hub.reply(line, answer)
                continue
            at = loop.time()
            allowance, counted_at = min(BURST, allowance + (at - counted_at) * MESSAGES_PER_SECOND) - 1, at
            if allowance < 0:
                self.hub.close(line, hubs.TOO_SLOW, "too fast")
            else:
                self.hub.reply(line, answer_to(message))

    def _frames_for(self, message: Mapping[str, Any]) -> "tuple[Frames, dict[str, Any]] | None":
        text = message.get("text")
        # A ping is most of what comes, and is read below.
        if not text or not any(f'"{name}"' in text for name in self.frames):
            return None
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        name = frame.get("t") if isinstance(frame, dict) else None
        frames = self.frames.get(name) if isinstance(name, str) else None
        return None if frames is None else (frames, frame)


def ticket_of(scope: Scope) -> str | None:
    """
    Return the ticket among the subprotocols that the client offers, or None unless they are exactly ours and one ticket.
    """
    offers: list[str] = scope["subprotocols"]
    tickets = [offered[len(TICKET_PREFIX) :] for offered in offers if offered.startswith(TICKET_PREFIX)]
    if PROTOCOL not in offers or len(tickets) != 1 or len(tickets[0]) > _LONGEST_TICKET:
        return None
    return tickets[0]


def has_allowed_origin(scope: Scope) -> bool:
    """
    Tell whether the handshake says, once, that it comes from one of our own pages.

    An absent origin and ``null`` are refused like a stranger's: a browser always says, and other clients can.
    """
    origins = [value for name, value in scope["headers"] if name.lower() == b"origin"]
    return len(origins) == 1 and origins[0].decode("latin-1") in allowed_origins()


def cookies_of(scope: Scope) -> dict[str, str]:
    """
    Return the handshake's cookies; none where they cannot be read.
    """
    jar: SimpleCookie = SimpleCookie()
    try:
        for name, value in scope["headers"]:
            if name.lower() == b"cookie":
                jar.load(value.decode("latin-1"))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def is_bearers_own(standing: Standing, cookies: Mapping[str, str]) -> bool:
    """
    Tell whether the browser that presents a ticket is the one that got it.

    A desk page's handshake carries its session. A tablet's carries its token where that is a cookie; a client that keeps
    its token elsewhere sends no cookie, and the ticket stands for itself.
    """
    if standing.bearer.tablet_id is None:
        session = cookies.get(settings.SESSION_COOKIE_NAME, "")
        return same(key_hash(session).encode(), standing.bearer.session_key.encode())
    token = cookies.get(settings.TABLET_COOKIE_NAME)
    return token is None or same(hash_token(token), standing.token_hash or b"")


def answer_to(message: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the answer to whatever a client sent: a pong to a ping, and an error to everything else. Never raises.
    """
    text = message.get("text")
    if text is None:
        return {"t": "error", "code": "not_text"}
    try:
        # Strict where Python's own reader is not: no NaN, no lone surrogates, no recursion, no huge integers.
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"t": "error", "code": "not_json"}
    if is_deeper(frame, DEEPEST):
        return {"t": "error", "code": "too_deep"}
    if frame == {"t": "ping"}:
        return {"t": "pong", "now": instant(datetime.now(UTC))}
    return {"t": "error", "code": "unknown_frame"}


def is_deeper(value: Any, most: int) -> bool:
    """
    Tell whether a JSON value nests deeper than ``most`` levels, without recursion.
    """
    level = [value]
    for _ in range(most + 1):
        level = [
            child
            for holder in level
            if isinstance(holder, dict | list)
            for child in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return True


def quiet_logs() -> None:
    """
    Keep tracebacks out of the log for what is nobody's bug: text that is not UTF-8, and a Redis that is away.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_no_bad_text)
    logging.getLogger("channels_redis.pubsub").addFilter(_in_one_line)


def _is_no_bad_text(record: logging.LogRecord) -> bool:
    # uvicorn closes such a socket with 1007, as RFC 6455 wants. All other errors of its log stay as they are.
    return not (record.exc_info and record.exc_info[0] is UnicodeDecodeError)


def _in_one_line(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = f"no hints through Redis: {record.exc_info[0].__name__}", ()
        record.exc_info = None
    return True
