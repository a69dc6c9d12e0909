"""
The door's context manager: one transaction, one actor, one moment, closed by ``flush()``.

Every write goes through it: REST views, sync batches, desk pages, the admin, imports and sweeps. Nothing reaches a
reader's documents otherwise, and nothing can forget it: a deferred constraint refuses the commit of unflushed changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from journal.entries import NewEntry
from journal.flush import flush
from journal.refusals import ActionIdReused, Refusal


class NoOpenDoor(RuntimeError):
    """
    ``record()`` was called outside a door.
    """


class DoorAlreadyOpen(RuntimeError):
    """
    A door was opened inside another one; a transaction has exactly one.
    """


@dataclass(slots=True)
class Door:
    """
    What one transaction knows of itself: who acts, when, and what was recorded so far.
    """

    by: str
    at: datetime
    action_id: UUID | None = None
    entries: list[NewEntry] = field(default_factory=list)
    flushed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What an action id was answered: now, or when it came the first time (``replayed``).
    """

    status: int
    body: dict[str, Any]
    replayed: bool = False

    @property
    def applied(self) -> bool:
        """
        Tell whether the action took effect.
        """
        return self.status < 400


_current: ContextVar[Door | None] = ContextVar("journal_door", default=None)


def current_door() -> Door:
    """
    Return the open door.

    :raises NoOpenDoor: there is none.
    """
    door = _current.get()
    if door is None:
        raise NoOpenDoor("record() belongs inside a door: see journal/door.py")
    return door


@contextmanager
def open_door(*, by: object, at: datetime, action_id: UUID | None = None) -> Iterator[Door]:
    """
    Open the transaction of one change and close it with ``flush()``.

    :raises DoorAlreadyOpen: doors do not nest.
    """
    if _current.get() is not None:
        raise DoorAlreadyOpen("a door is open already: actions are called inside it, never another door")
    door = Door(by=str(by), at=at, action_id=action_id)
    token = _current.set(door)
    try:
        with transaction.atomic(durable=True):
            yield door
            if not door.flushed:
                flush(door.entries, at=at, action_id=action_id)
    finally:
        _current.reset(token)


def answer_once(
    *,
    action_id: UUID,
    kind: str,
    args: object,
    by: object,
    at: datetime,
    act: Callable[[], dict[str, Any]],
) -> Answer:
    """
    Run ``act`` once for this action id and return its answer; a repeat gets the first answer, word for word.

    The receipt commits with the effect. A refusal rolls the effect back to a savepoint and its receipt commits.

    :raises ActionIdReused: the id is known with another actor, kind or arguments.
    """
    fingerprint = sha256(orjson.dumps(args, default=str, option=orjson.OPT_SORT_KEYS)).digest()
    with open_door(by=by, at=at, action_id=action_id) as door:
        known = _claim(action_id, kind=kind, by=door.by, fingerprint=fingerprint)
        if known is not None:
            return known
        try:
            with transaction.atomic():
                status, body = 200, act()
                flush(door.entries, at=at, action_id=action_id)
        except Refusal as refusal:
            status, body = refusal.status, refusal.as_dict()
        # Written above, or undone with the savepoint: either way nothing is left for the door to close.
        door.flushed = True
        return _complete(action_id, status=status, body=body)


def _claim(action_id: UUID, *, kind: str, by: str, fingerprint: bytes) -> Answer | None:
    with connection.cursor() as cursor:
        # ON CONFLICT waits for a transaction that is inserting the same id: of two copies of one request that arrive
        # together, the second reads the answer of the first.
        cursor.execute(
            "INSERT INTO journal_receipt (action_id, by, kind, fingerprint) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (action_id) DO NOTHING",
            [action_id, by, kind, fingerprint],
        )
        if cursor.rowcount == 1:
            return None
        cursor.execute(
            "SELECT by, kind, fingerprint, status, answer FROM journal_receipt WHERE action_id = %s",
            [action_id],
        )
        known_by, known_kind, known_fingerprint, status, answer = cursor.fetchone()
    if (known_by, known_kind, bytes(known_fingerprint)) != (by, kind, fingerprint):
        raise ActionIdReused(action_id=str(action_id))
    return Answer(status=status, body=orjson.loads(answer), replayed=True)


def _complete(action_id: UUID, *, status: int, body: dict[str, Any]) -> Answer:
    text = orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE journal_receipt SET status = %s, answer = %s WHERE action_id = %s", [status, text, action_id]
        )
    # What is answered now is read back from what is kept: a repeat cannot differ in how an instant is written.
    return Answer(status=status, body=orjson.loads(text))
