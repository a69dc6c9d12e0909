"""
The live process: one reader for all lines.

Hints from other processes, and a look of its own every two seconds, tell the reader that streams have moved. It reads
their changed documents once from Postgres, builds each frame once, and hands the same text to every line of the stream.

Everything that decides what a line may still hear is synchronous: between two awaits nothing can slip in. A line that
was closed gets no frame after; a line that has joined misses none.
"""

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from channels.layers import get_channel_layer  # noqa: TID251  the hub only listens; journal.hints speaks

from journal.hints import GROUP
from journal.pulls import STREAMS_SQL, documents_json
from tablets.postgres import Database
from tablets.streams import STANDINGS_SQL, Bearer, Standing, standings_arguments, standings_of
from tablets.times import instant

LOOK_SECONDS = 2.0
CHECK_SECONDS = 3.0
BEAT_SECONDS = 10.0
# A reader that has not finished a look for so long is dead, whatever it is doing.
STALLED_SECONDS = 4.0
# A line whose right to listen could not be checked for so long is closed.
UNCHECKED_SECONDS = 12.0
_WATCH_SECONDS = 0.25
_LISTEN_AGAIN_SECONDS = 2.0

FRAME_BYTES = 64 * 1024
# What a line that is slow may have waiting before it is closed and asked to come back and pull.
LANE_MESSAGES = 100
LANE_BYTES = 512 * 1024
_GOODBYE_SECONDS = 10.0

LINES_PER_TABLET = 3
LINES_PER_SESSION = 8

REVOKED = 4401
NOT_LET_IN = 4403
TOO_SLOW = 4429
RESYNC = 4503

# One snapshot: each stream that is elsewhere than its readers are, with what changed since.
FRAMES_SQL = (
    "SELECT r.stream, r.number, coalesce(s.number, 0), d.number, d.collection, d.document_id, d.body, d.gone"
    " FROM unnest(%s::text[], %s::bigint[]) AS r (stream, number)"
    " LEFT JOIN journal_stream s ON s.name = r.stream"
    " LEFT JOIN journal_document d ON d.stream = r.stream AND d.number > r.number"
    " WHERE coalesce(s.number, 0) <> r.number"
    " ORDER BY r.stream, d.number, d.collection, d.document_id"
)

Message = dict[str, Any]
Send = Callable[[Message], Coroutine[Any, Any, None]]
_log = logging.getLogger(__name__)


class Lane:
    """
    What waits for a line whose last message has not left yet.
    """

    __slots__ = ("messages", "size", "task")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.size = 0
        self.task: asyncio.Task[None] | None = None


class Line:
    """
    One open socket: whom it belongs to and which streams it carries.
    """

    __slots__ = ("bearer", "is_open", "lane", "send", "sign_on_id", "streams", "task")

    def __init__(self, send: Send, standing: Standing, task: asyncio.Task[Any] | None = None) -> None:
        self.send = send
        self.bearer: Bearer = standing.bearer
        self.sign_on_id = standing.sign_on_id
        self.streams: tuple[str, ...] = ()
        self.task = task
        self.lane: Lane | None = None
        self.is_open = True


def text_message(frame: Mapping[str, Any]) -> Message:
    """
    Return a frame as the ASGI message that sends it.
    """
    return {"type": "websocket.send", "text": orjson.dumps(frame).decode()}


class Hub:
    """
    All lines of one live process, and the tasks that keep them fed.
    """

    def __init__(self) -> None:
        self._lines: dict[Bearer, list[Line]] = defaultdict(list)
        self._listeners: dict[str, dict[Line, None]] = {}
        # How far the frames of each stream with listeners are. A line that joins starts here.
        self._reached: dict[str, int] = {}
        self._hinted: set[str] = set()
        self._wake = asyncio.Event()
        # The loop keeps only weak references to tasks: one that nobody holds can vanish in the middle (asyncio docs).
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._reader_database = Database()
        self._checker_database = Database()
        self._looked_at = self._checked_at = self._restarted_at = 0.0

    # --- life ---

    def start(self) -> None:
        """
        Start the tasks; lines may join from now on.
        """
        self._restarted_at = asyncio.get_running_loop().time()
        for name, work in self._works().items():
            self._tasks[name] = asyncio.create_task(work(), name=f"hub-{name}")

    async def stop(self) -> None:
        """
        Stop the tasks and let go of the database. Lines are closed by the server that holds them.
        """
        tasks = [*self._tasks.values(), *self._others]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reader_database.close()
        await self._checker_database.close()

    def _works(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        return {
            "reader": self._read,
            "listener": self._listen,
            "checker": self._check,
            "beat": self._beat,
            "watch": self._watch,
        }

    # --- lines come and go ---

    async def let_in(self, send: Send, standing: Standing) -> Line:
        """
        Open a line for a bearer who may hear ``standing.streams``: say hello, and carry every frame from then on.

        :raises psycopg.Error: Postgres cannot be reached.
        """
        numbers: dict[str, int] = {}
        while missing := [name for name in standing.streams if name not in self._reached and name not in numbers]:
            numbers |= await self._numbers_of(missing)
        line = Line(send, standing, asyncio.current_task())
        # No await from here on: what the hello says and where the frames begin are the same moment.
        self._make_room(line.bearer)
        self._lines[line.bearer].append(line)
        self._carry(line, standing.streams, numbers)
        self._write(line, text_message({"t": "hello", "now": _now(), "streams": self._numbers(line)}))
        return line

    def reply(self, line: Line, frame: Mapping[str, Any]) -> None:
        """
        Answer a line's own message.
        """
        self._write(line, text_message(frame))

    def tell(self, stream: str, frame: Mapping[str, Any]) -> None:
        """
        Send a frame that is no document's to everybody who hears a stream.
        """
        self._spread(stream, text_message(frame))

    def has_tablet(self, tablet_id: int) -> bool:
        """
        Tell whether a tablet has a line here.
        """
        return bool(self._lines.get(Bearer(tablet_id=tablet_id)))

    def tell_tablet(self, tablet_id: int, frame: Mapping[str, Any]) -> None:
        """
        Send a frame to every line of a tablet.
        """
        for line in [*self._lines.get(Bearer(tablet_id=tablet_id), ())]:
            self._write(line, text_message(frame))

    def close(self, line: Line, code: int, reason: str = "") -> None:
        """
        Close a line; no frame follows, not even one that was being written.
        """
        if not line.is_open:
            return
        self.forget(line)
        message = {"type": "websocket.close", "code": code, "reason": reason}
        lane = line.lane
        if lane is None:
            self._begin(line, message)
        else:
            lane.messages.clear()
            lane.messages.append(message)
        if line.lane is not None:
            # It does not take what we write; the goodbye waits for a while and then the socket goes without.
            self._keep(self._hang_up(line))

    def forget(self, line: Line) -> None:
        """
        Let go of a line that is closed.
        """
        if not line.is_open:
            return
        line.is_open = False
        self._uncarry(line, line.streams)
        line.streams = ()
        lines = self._lines[line.bearer]
        lines.remove(line)
        if not lines:
            del self._lines[line.bearer]

    @property
    def line_count(self) -> int:
        """
        Return how many lines are open.
        """
        return sum(map(len, self._lines.values()))

    def _make_room(self, bearer: Bearer) -> None:
        # The newest wins: a tablet that lost its network comes back before its old sockets are known to be dead.
        most = LINES_PER_TABLET if bearer.tablet_id is not None else LINES_PER_SESSION
        lines = self._lines.get(bearer, [])
        for line in lines[: max(0, len(lines) + 1 - most)]:
            self.close(line, TOO_SLOW, "too many lines")

    def _carry(self, line: Line, streams: tuple[str, ...], numbers: Mapping[str, int]) -> None:
        for name in streams:
            if name not in self._reached:
                self._reached[name] = numbers[name]
                self._listeners[name] = {}
                # It may have moved since its number was read, and the hint for that found no listener.
                self._hint(name)
            self._listeners[name][line] = None
        line.streams = streams

    def _uncarry(self, line: Line, streams: Iterable[str]) -> None:
        for name in streams:
            listeners = self._listeners[name]
            listeners.pop(line, None)
            if not listeners:
                del self._listeners[name], self._reached[name]

    def _numbers(self, line: Line) -> dict[str, int]:
        return {name: self._reached[name] for name in line.streams}

    async def _numbers_of(self, names: Iterable[str]) -> dict[str, int]:
        numbers = dict.fromkeys(names, 0)
        if numbers:
            rows = await self._checker_database.fetch(STREAMS_SQL, [list(numbers)])
            numbers |= {name: number for name, number, *_ in rows}
        return numbers

    # --- writing ---

    def _write(self, line: Line, message: Message) -> None:
        if not line.is_open:
            return
        lane = line.lane
        if lane is None:
            self._begin(line, message)
            return
        lane.messages.append(message)
        lane.size += len(message.get("text", ""))
        if len(lane.messages) > LANE_MESSAGES or lane.size > LANE_BYTES:
            self.close(line, TOO_SLOW, "too slow")

    def _begin(self, line: Line, message: Message) -> None:
        """
        Hand a message to the server without a task and without waiting.

        A socket that has room takes the message at once, and the send is over at its first step. One that has none
        suspends: that send is finished by a task of its own, while everybody else goes on.
        """
        sending = line.send(message)
        try:
            pending = sending.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001  whatever the server raises, this socket is gone and the others are not
            _log.debug("a line is gone: %r", error)
            self.forget(line)
        else:
            line.lane = Lane()
            line.lane.task = self._keep(self._catch_up(line, line.lane, _Rest(sending, pending)))

    async def _catch_up(self, line: Line, lane: Lane, sending: Awaitable[None]) -> None:
        try:
            await sending
            while lane.messages:
                message = lane.messages.popleft()
                lane.size -= len(message.get("text", ""))
                await line.send(message)
        except Exception as error:  # noqa: BLE001  as in _begin
            _log.debug("a slow line is gone: %r", error)
            self.forget(line)
        finally:
            line.lane = None

    async def _hang_up(self, line: Line) -> None:
        await asyncio.sleep(_GOODBYE_SECONDS)
        lane = line.lane
        if lane is not None and lane.task is not None:
            lane.task.cancel()
            if line.task is not None:
                line.task.cancel()

    def _spread(self, stream: str, message: Message) -> None:
        # A copy: a line that turns out to be gone leaves the listeners meanwhile.
        for line in [*self._listeners.get(stream, ())]:
            self._write(line, message)

    # --- reading ---

    def _hint(self, name: str) -> None:
        self._hinted.add(name)
        self._wake.set()

    async def _listen(self) -> None:
        while True:
            layer = get_channel_layer()
            if layer is None:
                return
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                while True:
                    message = await layer.receive(channel)
                    for name, number in message["streams"].items():
                        if number > self._reached.get(name, number):
                            self._hint(name)
            except Exception as error:  # noqa: BLE001  without Redis the reader's own look goes on
                _log.info("no hints: %s", type(error).__name__)
                with suppress(Exception):
                    # Nothing of the broken connection is kept, and closing it may fail as well.
                    await layer.flush()
                await asyncio.sleep(_LISTEN_AGAIN_SECONDS)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, look_at - loop.time()))
            self._wake.clear()
            hinted, self._hinted = self._hinted, set()
            is_due = loop.time() >= look_at
            if is_due:
                look_at = loop.time() + LOOK_SECONDS
            wanted = {name: n for name, n in self._reached.items() if is_due or name in hinted}
            try:
                if wanted:
                    self._deliver(await self._reader_database.fetch(FRAMES_SQL, [list(wanted), list(wanted.values())]))
            except Exception as error:  # noqa: BLE001  Postgres may be restarting; the watch decides how long is too long
                _log.info("no frames: %s", type(error).__name__)
                look_at = loop.time() + 0.2
                await asyncio.sleep(0.2)
                continue
            if is_due:
                self._looked_at = loop.time()

    def _deliver(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for stream, group in groupby(rows, key=itemgetter(0)):
            changed = list(group)
            asked, number = changed[0][1], changed[0][2]
            prev = self._reached.get(stream)
            if prev is None:
                continue
            if prev != asked:
                # The last listener left and another came while we read: the next look starts from its number.
                self._hint(stream)
            elif number < prev:
                self._set_back(stream)
            else:
                self._reached[stream] = number
                self._spread(stream, frame_message(stream, prev, number, changed))

    def _set_back(self, stream: str) -> None:
        # The database was restored to an earlier point: what readers hold may never have been.
        _log.warning("stream %s was set back", stream)
        for line in [*self._listeners.get(stream, ())]:
            self._ask_to_resync(line)

    # --- heartbeats ---

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._looked_at < self._restarted_at:
                # A beat says that nothing was missed, and after a restart that is not known before the first look.
                continue
            now = _now()
            beats: dict[tuple[str, ...], Message] = {}
            for line in [line for lines in self._lines.values() for line in lines]:
                message = beats.get(line.streams)
                if message is None:
                    message = text_message({"t": "beat", "now": now, "streams": self._numbers(line)})
                    beats[line.streams] = message
                self._write(line, message)

    # --- authorisation for life ---

    async def _check(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            bearers = list(self._lines)
            try:
                if bearers:
                    arguments = standings_arguments(bearers, at=datetime.now(UTC))
                    rows = await self._checker_database.fetch(STANDINGS_SQL, arguments)
                    standings = standings_of(bearers, rows)
                    named = {name for standing in standings.values() for name in standing.streams}
                    numbers = await self._numbers_of(named - self._reached.keys())
                    self._apply(bearers, standings, numbers)
            except Exception as error:  # noqa: BLE001  as in _read
                _log.info("not checked: %s", type(error).__name__)
                continue
            self._checked_at = loop.time()

    def _apply(
        self, bearers: Iterable[Bearer], standings: Mapping[Bearer, Standing], numbers: Mapping[str, int]
    ) -> None:
        for bearer in bearers:
            standing = standings.get(bearer)
            for line in [*self._lines.get(bearer, ())]:
                # A line belongs to one sign-on: who signs on next opens their own.
                if standing is None or not standing.streams or standing.sign_on_id != line.sign_on_id:
                    self.close(line, REVOKED, "signed off")
                elif standing.streams != line.streams:
                    self._change(line, standing.streams, numbers)

    def _change(self, line: Line, streams: tuple[str, ...], numbers: Mapping[str, int]) -> None:
        if any(name not in self._reached and name not in numbers for name in streams):
            # Its last listener left since we asked for numbers: the next check has it.
            return
        lost = [name for name in line.streams if name not in streams]
        self._carry(line, streams, numbers)
        self._uncarry(line, lost)
        self._write(line, text_message({"t": "streams", "streams": self._numbers(line)}))

    # --- the canary ---

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = loop.time()
            is_reading = now - max(self._looked_at, self._restarted_at) < STALLED_SECONDS
            is_checking = now - max(self._checked_at, self._restarted_at) < UNCHECKED_SECONDS
            if is_reading and is_checking and not any(task.done() for task in self._tasks.values()):
                continue
            if self._looked_at >= self._restarted_at:
                # Said once, not every time that another start finds the database still away.
                _log.warning("the hub's %s stood still: all lines are asked to come back", self._culprit(is_reading))
            for line in [line for lines in self._lines.values() for line in lines]:
                self._ask_to_resync(line)
            # New connections too: the old ones may wait for ever, and are left to whoever still holds them.
            self._reader_database, self._checker_database = Database(), Database()
            for name in self._tasks.keys() - {"watch"}:
                self._restart(name)
            self._restarted_at = now

    def _culprit(self, is_reading: bool) -> str:
        dead = [name for name, task in self._tasks.items() if task.done()]
        return ", ".join(dead) or ("checker" if is_reading else "reader")

    def _restart(self, name: str) -> None:
        former = self._tasks[name]
        former.cancel()
        self._others.add(former)
        former.add_done_callback(self._let_go)
        self._tasks[name] = asyncio.create_task(self._works()[name](), name=f"hub-{name}")

    def _ask_to_resync(self, line: Line) -> None:
        # Spread, so that two thousand tablets do not come back in the same second.
        self.close(line, RESYNC, f"retry_after={random.uniform(0.5, 10):.1f}")  # noqa: S311  no secret

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._let_go)
        return task

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._others.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a task of the hub ended: %r", error)


def frame_message(stream: str, prev: int, number: int, changed: Iterable[tuple[Any, ...]]) -> Message:
    """
    Return what brings a stream's readers from ``prev`` to ``number``, built once for all of them.
    """
    documents = documents_json(stream, (row[3:8] for row in changed if row[3] is not None))
    text = f'{{"t":"frame","s":"{stream}","prev":{prev},"n":{number},"d":[{documents}]}}'
    if len(text) > FRAME_BYTES or len(text.encode()) > FRAME_BYTES:
        # Too much for one frame: the number alone makes the reader pull.
        return text_message({"t": "beat", "now": _now(), "streams": {stream: number}})
    return {"type": "websocket.send", "text": text}


def _now() -> str:
    return instant(datetime.now(UTC))


class _Rest(Awaitable[None]):
    """
    The rest of a coroutine that was begun without a task: what it waits for is passed on to the task that awaits this.
    """

    __slots__ = ("_pending", "_sending")

    def __init__(self, sending: Coroutine[Any, Any, None], pending: Any) -> None:
        self._sending, self._pending = sending, pending

    def __await__(self) -> Generator[Any, Any, None]:
        pending = self._pending
        while True:
            try:
                answer = yield pending
            except BaseException as error:  # noqa: BLE001  cancellation too belongs to the coroutine
                step: Callable[[], Any] = partial(self._sending.throw, error)
            else:
                step = partial(self._sending.send, answer)
            try:
                pending = step()
            except StopIteration:
                return
