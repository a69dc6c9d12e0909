"""
Requests for backup on the live line: a tablet's own frames, and a push to whom it concerns when something happens.

tablets.live finds this through ``settings.LIVE_FRAMES``. It has a connection of its own, and no ORM.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg

from dispatch.backup.database import OPTIONS
from dispatch.backup.press import (
    ASK_BY_LINE,
    RAISE_BY_LINE,
    READ_SQL,
    Credential,
    Told,
    again_as,
    ask_arguments,
    raise_arguments,
    told_of,
)
from dispatch.backup.reading import key_beside, read
from tablets.hub import Hub, Line
from tablets.postgres import Database

_SECONDS: Final = 3.0
_MOST_WAITING: Final = 1_000
_FAMILY: Final = """
SELECT key, tablet_id FROM dispatch_backuppress
 WHERE (key = %(key)s::uuid OR again_of = %(key)s::uuid) AND tablet_id IS NOT NULL
"""
_NOTIFY: Final = "SELECT pg_notify('backup', %(text)s)"
_ASKED: Final = {"cancel": "CANCEL_ASKED", "level": "LEVEL"}

_log = logging.getLogger(__name__)


class Frames:
    """
    What the live process does about backup.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        # What is answered from here was written from here: it has to be on the disk.
        self._answering, self._pushing = Database(options=OPTIONS), Database()
        self._heard: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """
        Begin to push.
        """
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._push(), name="backup-frames")

    async def stop(self) -> None:
        """
        End it and let go of the database.
        """
        task, self._task, self._loop = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._answering.close()
        await self._pushing.close()

    def hear(self, payloads: Sequence[str]) -> None:
        """
        Take what Postgres told another thread of this process.
        """
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._take, list(payloads))

    async def answer(self, line: Line, frame: Mapping[str, Any], text: str) -> dict[str, Any] | None:
        """
        Return the answer to a tablet's frame: the state once it is durable, or None while nothing is known to be kept.

        ``frame["ask"]`` is "cancel" or "level" for what is asked about a press; without it, it is the press.
        """
        tablet_id = line.bearer.tablet_id
        if tablet_id is None:
            return {"t": "error", "code": "unknown_frame"}
        try:
            async with asyncio.timeout(_SECONDS):
                told = await self._told(tablet_id, frame, text.encode("utf-8", "replace"))
        except (psycopg.Error, TimeoutError) as error:
            _log.warning("backup frame: %s", type(error).__name__)
            return None
        return {"t": "error", "code": "backup_key_wrong"} if told is None else _frame(told)

    async def _told(self, tablet_id: int, frame: Mapping[str, Any], body: bytes) -> Told | None:
        said = read(body, key_hash=b"%d" % tablet_id)
        credential = Credential(tablet_id=tablet_id)
        kind = _ASKED.get(str(frame.get("ask", "")))
        if kind is None:
            arguments = raise_arguments(credential, said, via="live")
            try:
                rows = await self._answering.fetch(RAISE_BY_LINE, arguments)
            except psycopg.errors.LockNotAvailable:
                arguments["key"] = key_beside(said.key)
                rows = await self._answering.fetch(RAISE_BY_LINE, arguments)
            if (key := again_as(rows, arguments)) is not None:
                rows = await self._answering.fetch(RAISE_BY_LINE, arguments | {"key": key})
            told = told_of(rows, said.key)
        else:
            arguments = ask_arguments(credential, said, kind=kind, via="live")
            told = told_of(await self._answering.fetch(ASK_BY_LINE, arguments), said.key, asked=arguments)
        if told is not None and (told.is_first or kind is not None):
            await self._answering.fetch(_NOTIFY, {"text": f"{told.agency_id} {told.root or said.key}"})
        return told

    def _take(self, payloads: list[str]) -> None:
        for payload in payloads:
            if not self._heard.full():
                # Tablets ask again and consoles look every second: what does not fit is not missed for long.
                self._heard.put_nowait(payload)

    async def _push(self) -> None:
        while True:
            payload = await self._heard.get()
            agency_id, _, key = payload.partition(" ")
            if not key:
                continue
            try:
                self._hub.tell(f"desk.{agency_id}", {"t": "backup", "key": key})
                await self._tell_tablets(key)
            except Exception as error:  # noqa: BLE001  who waits for a push asks again; this task must not end
                _log.info("backup not pushed: %s", type(error).__name__)

    async def _tell_tablets(self, key: str) -> None:
        async with asyncio.timeout(_SECONDS):
            for member, tablet_id in await self._pushing.fetch(_FAMILY, {"key": key}):
                if not self._hub.has_tablet(tablet_id):
                    continue
                told = told_of(await self._pushing.fetch(READ_SQL, {"key": member}), member)
                if told is not None:
                    self._hub.tell_tablet(tablet_id, _frame(told))


def _frame(told: Told) -> dict[str, Any]:
    return {"t": "backup-state", **told.body}
