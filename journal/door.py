"""
The door's context manager: one transaction, one actor, one moment, closed by ``flush()``.

Every write goes through it: REST views, tablets' queues, desk pages, the admin, imports and sweeps. Nothing reaches a
reader's documents otherwise, and nothing can forget it: a deferred constraint refuses the commit of unflushed changes.

Two doors answer actions: ``answer_once`` and the lane of a tablet's queue (tablets/lanes.py). Both claim the receipt, act
behind a savepoint and complete the receipt by ``settle``; the lane takes its own row first, and says what a no becomes.
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
from django.db import transaction

from journal.entries import NewEntry
from journal.flush import flush
from journal.prepared import prepared_cursor
from journal.refusals import ActionIdReused, AnswerLost, Refusal
from journal.sealing import blind_index, opened, receipt_about, seal

# Of a receipt; a refusal has its own.
APPLIED = 200
QUARANTINED = 202


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
        return self.status == APPLIED

    @property
    def verdict(self) -> str:
        """
        Return the answer's status on the wire.
        """
        if self.status == QUARANTINED:
            return "quarantined"
        return "applied" if self.applied else "refused"


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What a door says an action is before it runs: the same id must come as the same thing again.

    An empty fingerprint says that the arguments could not be read this time. ``lane`` and ``seq`` are its place in a
    tablet's queue. ``sealed``: nobody may read its answer from the database.
    """

    action_id: UUID
    kind: str
    by: str
    fingerprint: bytes
    lane: UUID | None = None
    seq: int | None = None
    sealed: bool = False


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
    sealed: bool = False,
) -> Answer:
    """
    Run ``act`` once for this action id and return its answer; a repeat gets the first answer, word for word.

    The receipt commits with the effect. A refusal rolls the effect back to a savepoint and its receipt commits.
    ``sealed``: nobody may read the receipt from the database.

    :raises ActionIdReused: the id is known with another actor, kind or arguments.
    """
    with open_door(by=by, at=at, action_id=action_id) as door:
        fingerprint = fingerprint_of(args, sealed=sealed)
        claim = Claim(action_id=action_id, kind=kind, by=door.by, fingerprint=fingerprint, sealed=sealed)
        return settle(door, claim, act)


def fingerprint_of(args: object, *, sealed: bool = False) -> bytes:
    """
    Return SHA-256 of an action's arguments, whatever the order of their keys; of sealed ones under a key, because a short
    text is guessed from its plain hash.
    """
    text = orjson.dumps(args, default=str, option=orjson.OPT_SORT_KEYS)
    return blind_index(text, purpose="receipt") if sealed else sha256(text).digest()


def refused(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    """
    Return what a refusal is in a receipt.
    """
    return refusal.status, refusal.as_dict()


def settle(
    door: Door,
    claim: Claim,
    act: Callable[[], dict[str, Any]],
    *,
    on_refusal: Callable[[Refusal], tuple[int, dict[str, Any]]] = refused,
) -> Answer:
    """
    Claim the receipt, act behind a savepoint, flush, complete the receipt. It is the last thing in an open door.

    ``on_refusal`` says which status and body a refusal becomes; what it writes commits with the receipt.

    :raises ActionIdReused: the id, or its place in the lane, is known as something else.
    """
    known = _claim(claim)
    # Nothing is left for the door to close: it was answered before, or is written or undone below.
    door.flushed = True
    if known is not None:
        return known
    try:
        with transaction.atomic():
            status, body = APPLIED, act()
            flush(door.entries, at=door.at, action_id=claim.action_id)
    except Refusal as refusal:
        status, body = on_refusal(refusal)
    return _complete(claim, status=status, body=body)


def _claim(claim: Claim) -> Answer | None:
    with prepared_cursor() as cursor:
        # ON CONFLICT waits for a transaction that is inserting the same id or place: of two copies of one request that
        # arrive together, the second reads the answer of the first.
        cursor.execute(
            "INSERT INTO journal_receipt (action_id, by, kind, fingerprint, lane, seq) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [claim.action_id, claim.by, claim.kind, claim.fingerprint, claim.lane, claim.seq],
        )
        if cursor.rowcount == 1:
            return None
        cursor.execute(
            "SELECT action_id, by, kind, fingerprint, status, answer FROM journal_receipt"
            " WHERE action_id = %(id)s OR (lane = %(lane)s AND seq = %(seq)s) ORDER BY (action_id = %(id)s) DESC LIMIT 1",
            {"id": claim.action_id, "lane": claim.lane, "seq": claim.seq},
        )
        action_id, by, kind, fingerprint, status, answer = cursor.fetchone()
    # What was not understood once may be understood now, and still gets the answer that it got.
    same_args = not claim.fingerprint or status == QUARANTINED or bytes(fingerprint) == claim.fingerprint
    if (action_id, _who(by), kind) != (claim.action_id, _who(claim.by), claim.kind) or not same_args:
        raise ActionIdReused(action_id=str(claim.action_id))
    text = opened(answer, about=receipt_about(action_id))
    if text is None:
        # A tablet that got no answer at all would send it for ever, and what is behind it never.
        return Answer(status=status, body={} if status == APPLIED else AnswerLost().as_dict(), replayed=True)
    return Answer(status=status, body=orjson.loads(text), replayed=True)


def _who(by: str) -> str:
    # The person: the device that they hold may have been paired anew before it sent the same again.
    return by.rpartition("/")[2]


def _complete(claim: Claim, *, status: int, body: dict[str, Any]) -> Answer:
    text = orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z).decode()
    kept = seal(text, about=receipt_about(claim.action_id)) if claim.sealed else text
    with prepared_cursor() as cursor:
        cursor.execute(
            "UPDATE journal_receipt SET status = %s, answer = %s WHERE action_id = %s", [status, kept, claim.action_id]
        )
    # What is answered now is read back from what is kept: a repeat cannot differ in how an instant is written.
    return Answer(status=status, body=orjson.loads(text))
