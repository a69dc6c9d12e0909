"""
A tablet in Python, written from docs/tablet-protocol.md alone: a durable store, an outbox, and what the protocol asks of
both. It knows no server, no network and no real clock, and shares no code with the app's JavaScript.

What must outlive a crash is in ``Store``, which changes in whole transactions only. Everything else is memory.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

JSON = dict[str, Any]
Key = tuple[str, str]

PROTOCOL = 1
SCHEMA = 1
# An acknowledged action is kept this long, to be offered again if the server was restored from a backup.
KEPT = timedelta(days=7)
MOST_ACTIONS = 100
MOST_BYTES = 200_000
SYNC, PURGED = "/api/sync", "/api/tablets/purged/"
# A clock that moved otherwise than the monotonic one by more than this has been set.
_JUMP = timedelta(seconds=2)


class TabletCrashed(Exception):
    """
    The tablet's process died: its memory is gone, its store is as the last whole transaction left it.
    """


@dataclass(slots=True)
class Held:
    """
    One stream as the tablet holds it.
    """

    number: int
    floor: int
    documents: dict[Key, tuple[int, JSON]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """
        Return the sum modulo 2^64 of the first eight bytes of SHA-256 of ``collection|id|number``, in hexadecimal.
        """
        terms = (sha256(f"{c}|{i}|{n}".encode()).digest()[:8] for (c, i), (n, _) in self.documents.items())
        return f"{sum(int.from_bytes(term, 'big') for term in terms) % 2**64:016x}"


@dataclass(frozen=True, slots=True)
class Action:
    """
    Something somebody did at the tablet: what was asked, and the verdict once there is one.

    ``again``: there is a verdict, but the server may have forgotten it, and is offered the action once more.
    """

    seq: int
    id: str
    kind: str
    v: int
    args: JSON
    after: tuple[int, ...]
    actor: str
    happened_at: datetime
    jumped: bool = False
    sealed: JSON | None = None
    answer: JSON | None = None
    answered_at: datetime | None = None
    again: bool = False

    @property
    def waits(self) -> bool:
        """
        Tell whether it is to be sent.
        """
        return self.answer is None or self.again

    def envelope(self) -> JSON:
        """
        Return the action as it goes over the wire.
        """
        content = {"args": self.args} if self.sealed is None else {"sealed": self.sealed}
        return {
            "seq": self.seq,
            "id": self.id,
            "kind": self.kind,
            "v": self.v,
            **content,
            "after": list(self.after),
            "actor": self.actor,
            "happened_at": instant(self.happened_at),
            **({"jumped": True} if self.jumped else {}),
        }


@dataclass
class Store:
    """
    What is on disk. A tablet whose store is empty begins as a new installation.
    """

    installation: str
    token: str
    epoch: str | None = None
    next_seq: int = 1
    offset: timedelta = timedelta()
    lease_until: datetime | None = None
    streams: dict[str, Held] = field(default_factory=dict)
    outbox: dict[int, Action] = field(default_factory=dict)
    mismatches: int = 0
    # Who works here as the tablet understands it, and who may sign on here without a server.
    here: str | None = None
    people: frozenset[str] = frozenset()
    seal: JSON | None = None
    # What was held when the order to erase came; None without such an order.
    purging: JSON | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request of the tablet's, and which of its exchanges it belongs to.
    """

    exchange: int
    path: str
    body: JSON


@dataclass(slots=True)
class Applied:
    """
    What one answer did: each document as (stream, collection, id, number, is it there), and which actions were settled.
    """

    documents: list[tuple[str, str, str, int, bool]] = field(default_factory=list)
    settled: list[Action] = field(default_factory=list)
    erased: bool = False


class Tablet:
    """
    The tablet: everything a crew and the network can do to it.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], timedelta],
        random: Random,
    ) -> None:
        self.store = store
        self._clock, self._monotonic, self._random = clock, monotonic, random
        # Set by whoever wants the next transaction to fail, just before or just after it is on disk.
        self.crash_next: str | None = None
        self._exchanges = 0
        self._begin()

    def _begin(self) -> None:
        # What a start of the process knows: nothing but what the store says.
        self._asked: dict[str, int] = {}
        self._waiting: int | None = None
        self._clocks = (self._clock(), self._monotonic())
        self._jumped = False
        # The numbers up to which the open line has spoken; None without a line.
        self.line: dict[str, int] | None = None
        self.ask_again = False

    # --- what the crew does ---

    def do(self, kind: str, args: JSON, *, actor: str, after: tuple[int, ...] = (), v: int = 1) -> Action:
        """
        Keep an action in the outbox, for good, and return it.
        """
        self._watch_clock()
        with self._transaction() as store:
            action = Action(
                seq=store.next_seq,
                id=self.new_id(),
                kind=kind,
                v=v,
                args=args,
                after=after,
                actor=actor,
                happened_at=self.now,
                jumped=self._jumped,
            )
            if store.seal is not None:
                action = replace(action, sealed=seal(args, action.id, store.seal))
            store.outbox[action.seq] = action
            store.next_seq += 1
            if kind == "tablet.sign_on":
                store.here = actor
            elif kind in ("tablet.sign_off", "shift.sign_off"):
                store.here = None
        return action

    def signed_on(self, person: str) -> None:
        """
        Note that the server let somebody sign on here, in person.
        """
        with self._transaction() as store:
            store.here = person
            store.people = store.people | {person}

    def signed_off(self) -> None:
        """
        Note that whoever worked here signed off, in person.
        """
        with self._transaction() as store:
            store.here = None

    def keys(self, seal_key: JSON | None) -> None:
        """
        Keep the public key to which arguments are sealed from now on, or none.
        """
        with self._transaction() as store:
            store.seal = seal_key

    def paired_again(self, token: str) -> None:
        """
        Take a new token; the queue stays.
        """
        with self._transaction() as store:
            store.token = token

    # --- the exchange ---

    @property
    def is_waiting(self) -> bool:
        """
        Tell whether an exchange is under way: there is never more than one.
        """
        return self._waiting is not None

    def request(self) -> Request:
        """
        Begin an exchange, or confirm that everything was erased.
        """
        store = self.store
        self._exchanges += 1
        self._waiting = self._exchanges
        pending = self.pending()
        if store.purging is not None and not pending:
            left = {"documents": self.document_count, "outbox": len(pending)}
            return Request(
                self._waiting,
                PURGED,
                {"installation": store.installation, "held": store.purging, "left": left},
            )
        self._asked = {name: held.number for name, held in store.streams.items()}
        body: JSON = {
            "protocol": PROTOCOL,
            "schema": SCHEMA,
            "installation": store.installation,
            "epoch": store.epoch,
            "sent_at": instant(self._clock()),
            "first_seq": min(store.outbox, default=store.next_seq),
            "app_version": "model",
            "outbox": {"count": len(pending), "oldest_at": instant(pending[0].happened_at) if pending else None},
            "persisted": True,
            "mismatches": store.mismatches,
            "streams": {
                name: {
                    "number": held.number,
                    "floor": held.floor,
                    "digest": held.digest,
                    "count": len(held.documents),
                }
                for name, held in store.streams.items()
            },
            "actions": self._batch(pending),
        }
        return Request(self._waiting, SYNC, body)

    def give_up(self) -> None:
        """
        Stop waiting for the answer; one that still comes is nobody's.
        """
        self._waiting = None

    def receive(self, exchange: int, path: str, status: int, body: JSON) -> Applied:
        """
        Take an answer: everything that follows from it is one transaction.
        """
        if exchange != self._waiting:
            return Applied()
        self._waiting = None
        if path == PURGED:
            return self._confirmed(status)
        if status == 401:
            # Nobody knows this tablet: what is queued stays, and waits for somebody to pair it again.
            return Applied()
        if status != 200:
            return Applied()
        return self._apply(body)

    def _apply(self, body: JSON) -> Applied:
        applied = Applied()
        self.ask_again = bool(body.get("resync"))
        with self._transaction() as store:
            local = self._clock()
            store.offset = when(body["now"]) - local
            now = local + store.offset
            self._take_answers(store, body, now, applied)
            self._take_epoch(store, body)
            if "expected_seq" in body:
                self._go_back(store, body["expected_seq"])
            elif not body.get("purge"):
                # Answered, and the lane has not come so far: the database was put back and nobody has said so.
                self._offer_from(store, body["seq"] + 1)
            self._take_streams(store, body, applied)
            store.lease_until = when(body["lease_until"]) if body.get("lease_until") else None
            if body.get("purge") and store.purging is None:
                store.purging = {
                    name: {"count": len(held.documents), "digest": held.digest} for name, held in store.streams.items()
                }
            if store.purging is not None:
                store.streams = {}
                applied.erased = True
            self._forget(store, now)
        self._clocks, self._jumped = (self._clock(), self._monotonic()), False
        if self.pending():
            self.ask_again = True
        return applied

    def _take_answers(self, store: Store, body: JSON, now: datetime, applied: Applied) -> None:
        for answer in body.get("answers", ()):
            action = store.outbox.get(answer["seq"])
            if action is not None:
                settled = replace(action, answer=answer, answered_at=now, again=False)
                store.outbox[action.seq] = settled
                applied.settled.append(settled)

    def _take_epoch(self, store: Store, body: JSON) -> None:
        if store.epoch is not None and body["epoch"] != store.epoch:
            answered_now = {answer["seq"] for answer in body.get("answers", ())}
            for action in [*store.outbox.values()]:
                if action.answer is not None and action.seq not in answered_now:
                    store.outbox[action.seq] = replace(action, again=True)
        store.epoch = body["epoch"]

    def _go_back(self, store: Store, expected: int) -> None:
        self._offer_from(store, expected)
        if expected < min(store.outbox, default=store.next_seq):
            # What the server lacks is not kept any more: as after a restore, it is to begin where this tablet begins.
            store.epoch = None

    def _offer_from(self, store: Store, seq: int) -> None:
        for action in [*store.outbox.values()]:
            if action.seq >= seq and action.answer is not None:
                store.outbox[action.seq] = replace(action, again=True)

    def _take_streams(self, store: Store, body: JSON, applied: Applied) -> None:
        for gone in body.get("dropped", ()):
            store.streams.pop(gone["stream"], None)
        for name, given in body.get("streams", {}).items():
            held = store.streams.get(name)
            if held is not None and held.number > given["number"] and held.number > self._asked.get(name, 0):
                # The line has brought more than this answer knew of.
                self.ask_again = True
                continue
            is_new = held is None or given["reset"]
            new = Held(0, 0) if held is None or is_new else Held(held.number, held.floor, dict(held.documents))
            put(new, name, given["documents"], applied)
            new.number, new.floor = given["number"], given["floor"]
            if given["more"]:
                self.ask_again = True
            elif (given["digest"], given["count"]) != (new.digest, len(new.documents)):
                # Whatever went wrong: the next exchange brings the stream whole.
                store.mismatches += 1
                store.streams.pop(name, None)
                self.ask_again = True
                continue
            store.streams[name] = new

    def _forget(self, store: Store, now: datetime) -> None:
        for action in [*store.outbox.values()]:
            if not action.waits and action.answered_at is not None and action.answered_at < now - KEPT:
                del store.outbox[action.seq]

    def _confirmed(self, status: int) -> Applied:
        if status not in (200, 201, 204):
            return Applied()
        with self._transaction() as store:
            empty = Store(installation=self.new_id(), token=store.token)
            store.__dict__.update(empty.__dict__)
        self.line = None
        return Applied(erased=True)

    # --- the line ---

    def frame(self, name: str, prev: int, number: int, documents: list[JSON]) -> Applied | None:
        """
        Take what was pushed of one stream; None where it does not follow on what is held, so that asking is next.
        """
        held = self.store.streams.get(name)
        if held is None or prev > held.number:
            return None
        applied = Applied()
        if number > held.number:
            with self._transaction() as store:
                new = Held(held.number, held.floor, dict(held.documents))
                put(new, name, documents, applied)
                new.number = number
                store.streams[name] = new
        return applied

    # --- ends ---

    def crash(self) -> None:
        """
        Lose everything but the store.
        """
        self._begin()

    def wipe(self) -> None:
        """
        Lose the store too, as when a browser clears its data: what begins is a new installation of the same tablet.
        """
        self.store = Store(installation=self.new_id(), token=self.store.token)
        self._begin()

    # --- what it knows ---

    @property
    def now(self) -> datetime:
        """
        Return the time as the server would say it: the clock on the wall and the difference last measured.
        """
        return self._clock() + self.store.offset

    @property
    def readable(self) -> bool:
        """
        Tell whether the lease still lets anybody read here.
        """
        return self.store.lease_until is not None and self.now < self.store.lease_until

    def pending(self) -> list[Action]:
        """
        Return what is to be sent, in order.
        """
        return [action for _, action in sorted(self.store.outbox.items()) if action.waits]

    @property
    def document_count(self) -> int:
        """
        Return how many documents are held.
        """
        return sum(len(held.documents) for held in self.store.streams.values())

    def bodies(self, collection: str, prefix: str = "") -> Iterator[tuple[str, str, JSON]]:
        """
        Yield stream, id and body of every document of a collection, of streams that begin so.
        """
        for name, held in sorted(self.store.streams.items(), key=lambda item: by_number(item[0])):
            if name.startswith(prefix):
                for (c, i), (_, body) in sorted(held.documents.items(), key=lambda item: by_number(item[0][1])):
                    if c == collection:
                        yield name, i, body

    def new_id(self) -> str:
        """
        Return a new random id, version 4.
        """
        return str(UUID(int=self._random.getrandbits(128), version=4))

    # --- inside ---

    def _batch(self, pending: list[Action]) -> list[JSON]:
        batch: list[JSON] = []
        size = 0
        for action in pending[:MOST_ACTIONS]:
            envelope = action.envelope()
            size += len(json.dumps(envelope))
            if batch and size > MOST_BYTES:
                break
            batch.append(envelope)
        return batch

    def _watch_clock(self) -> None:
        (wall, steady), now = self._clocks, (self._clock(), self._monotonic())
        if abs((now[0] - wall) - (now[1] - steady)) > _JUMP:
            self._jumped = True
        self._clocks = now

    @contextmanager
    def _transaction(self) -> Iterator[Store]:
        draft = copy(self.store)
        draft.streams, draft.outbox = dict(draft.streams), dict(draft.outbox)
        yield draft
        crash, self.crash_next = self.crash_next, None
        if crash == "before":
            self.crash()
            raise TabletCrashed
        self.store = draft
        if crash == "after":
            self.crash()
            raise TabletCrashed


def put(held: Held, name: str, documents: list[JSON], applied: Applied) -> None:
    """
    Put documents into a stream that is held, and take those out that are gone.
    """
    for document in documents:
        key = (document["c"], document["id"])
        if "gone" in document:
            held.documents.pop(key, None)
        else:
            held.documents[key] = (document["n"], document["b"])
        applied.documents.append((name, *key, document["n"], "gone" not in document))


def by_number(name: str) -> tuple[str, int]:
    """
    Return what names and ids are sorted by: "area.9" comes before "area.10", whatever numbers a database has reached.
    """
    word, _, number = name.rpartition(".")
    return word, int(number) if number.isdigit() else 0


def instant(moment: datetime) -> str:
    """
    Return an instant as the protocol writes it.
    """
    return moment.replace(tzinfo=None).isoformat() + "Z"


def when(text: str) -> datetime:
    """
    Return the moment that the protocol writes so.
    """
    return datetime.fromisoformat(text)


def seal(args: JSON, action_id: str, key: JSON) -> JSON:
    """
    Return arguments that only the server can read: ephemeral P-256, HKDF-SHA256, AES-256-GCM over the action's id.
    """
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(key["public"]))
    own = ec.generate_private_key(ec.SECP256R1())
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    derive = HKDF(hashes.SHA256(), length=32, salt=point, info=f"care-field seal 1|{key['kid']}".encode())
    iv = sha256(point).digest()[:12]
    text = AESGCM(derive.derive(own.exchange(ec.ECDH(), public))).encrypt(
        iv, json.dumps(args).encode(), action_id.encode()
    )
    return {"kid": key["kid"], "epk": _text(point), "iv": _text(iv), "ct": _text(text)}


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    plain = text.replace("+", "-").replace("/", "_").rstrip("=")
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
