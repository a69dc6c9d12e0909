"""
Reading what a tablet or a desk page sends to ``POST /api/sync`` (docs/tablet-protocol.md).

Strict about the request, because a misunderstanding there concerns everything in it. An action is read apart: what is
wrong with one never stops the others, it goes into quarantine with its place in the lane (tablets/lanes.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from journal.flush import signed
from journal.refusals import InvalidArgs
from tablets import refusals

PROTOCOL = 1
MOST_STREAMS = 100
MOST_ACTIONS = 100
# Whole numbers that JavaScript keeps exactly.
MOST_SEQ = (1 << 53) - 1
_LARGEST = (1 << 63) - 1
_KEYS = frozenset(
    {
        "protocol", "schema", "installation", "epoch", "sent_at", "first_seq", "app_version", "outbox", "persisted",
        "mismatches", "streams", "actions",
    }
)  # fmt: skip
_ENVELOPE_KEYS = frozenset({"seq", "id", "kind", "v", "args", "sealed", "after", "actor", "happened_at", "jumped"})
_SEALED_KEYS = frozenset({"kid", "epk", "iv", "ct"})


@dataclass(frozen=True, slots=True)
class HeldStream:
    """
    How far a reader is in one stream, as it says.
    """

    number: int
    floor: int = 0
    digest: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    One action as a tablet sent it. ``faults`` names what of it could not be read; the rest is as it says.
    """

    seq: int
    raw: Mapping[str, Any]
    action_id: UUID | None = None
    kind: str = ""
    version: int = 0
    args: dict[str, Any] | None = None
    sealed: dict[str, str] | None = None
    after: tuple[int, ...] = ()
    person_id: int | None = None
    happened_at: datetime | None = None
    jumped: bool = False
    faults: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def said_id(self) -> str:
        """
        Return the action's id as it was written, to which sealed arguments are bound.
        """
        return str(self.raw.get("id", ""))


@dataclass(frozen=True, slots=True)
class Outbox:
    """
    What waits on a tablet, as it says.
    """

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    What a reader asks and tells. Only a tablet has an installation, and with it a lane.
    """

    streams: Mapping[str, HeldStream] = field(default_factory=dict)
    understood: bool = True
    app_version: str = ""
    schema: int = 0
    installation: UUID | None = None
    epoch: str | None = None
    sent_at: datetime | None = None
    first_seq: int = 1
    outbox: Outbox | None = None
    persisted: bool | None = None
    mismatches: int = 0
    actions: tuple[Envelope, ...] = ()


def read_exchange(data: Any) -> Exchange:
    """
    Return the request as it was meant. Of another protocol only the actions and their lane are read.

    :raises InvalidArgs: it cannot be understood; facts name what.
    :raises TooManyActions: it carries more than a hundred.
    """
    if not isinstance(data, dict):
        raise InvalidArgs(fields={"": ["An object is expected."]})
    if data.get("protocol") != PROTOCOL or isinstance(data["protocol"], bool):
        return _read_strange(data)
    if unknown := sorted(set(data) - _KEYS):
        raise InvalidArgs(fields={name[:100]: ["This field is not known."] for name in unknown})
    streams, version, persisted = data.get("streams", {}), data.get("app_version", ""), data.get("persisted")
    if not isinstance(streams, dict) or len(streams) > MOST_STREAMS:
        raise InvalidArgs(fields={"streams": [f"At most {MOST_STREAMS} streams by name are expected."]})
    if not isinstance(version, str) or len(version) > 30:
        raise InvalidArgs(fields={"app_version": ["At most 30 characters are expected."]})
    if persisted is not None and not isinstance(persisted, bool):
        raise InvalidArgs(fields={"persisted": ["true, false or null is expected."]})
    installation, first_seq, actions = _read_lane(data)
    return Exchange(
        streams={name: _read_stream(name, given) for name, given in streams.items()},
        app_version=version,
        schema=_read_number(data, "schema", most=32_767),
        installation=installation,
        epoch=_read_epoch(data),
        sent_at=_read_instant(data, "sent_at"),
        first_seq=first_seq,
        outbox=_read_outbox(data.get("outbox")),
        persisted=persisted,
        mismatches=_read_number(data, "mismatches", most=(1 << 31) - 1),
        actions=actions,
    )


def read_installation(text: Any) -> UUID:
    """
    Return an installation's id.

    :raises InvalidArgs: it is none.
    """
    installation = _read_uuid(text)
    if installation is None:
        raise InvalidArgs(fields={"installation": ["A UUID is expected."]})
    return installation


def read_envelope(seq: int, raw: Mapping[str, Any]) -> Envelope:
    """
    Return one action with everything of it that can be read, and the faults of the rest.
    """
    faults = {name[:100]: ["This field is not known."] for name in sorted(set(raw) - _ENVELOPE_KEYS)}

    def expect(name: str, fine: bool, what: str) -> bool:
        if not fine:
            faults[name] = [f"{what} is expected."]
        return fine

    action_id = _read_uuid(raw.get("id"))
    expect("id", action_id is not None, "A UUID")
    kind = raw.get("kind")
    named = expect("kind", isinstance(kind, str) and 0 < len(kind) <= 60, "The name of a kind of action")
    version = raw.get("v")
    versioned = expect("v", _is_number(version, 1, 32_767), "A version from 1 on")
    args, sealed = raw.get("args"), raw.get("sealed")
    expect("args", ("args" in raw) != ("sealed" in raw), "Either args or sealed")
    open_args = "args" in raw and expect("args", isinstance(args, dict), "An object")
    is_sealed = "sealed" in raw and expect("sealed", _is_sealed(sealed), "kid, epk, iv and ct")
    after = raw.get("after", [])
    follows = expect(
        "after",
        isinstance(after, list) and len(after) <= MOST_ACTIONS and all(_is_number(n, 1, seq - 1) for n in after),
        "A list of earlier places",
    )
    actor = raw.get("actor")
    # Digits of ASCII only: str.isdigit() knows others.
    signed_on = expect(
        "actor",
        isinstance(actor, str) and len(actor) < 19 and actor.isascii() and actor.isdigit() and int(actor) > 0,
        "A person's id",
    )
    happened_at = None
    try:
        happened_at = _instant(raw.get("happened_at"))
    except ValueError:
        expect("happened_at", fine=False, what="An instant with its zone")
    jumped = raw.get("jumped", False)
    expect("jumped", isinstance(jumped, bool), "true or false")
    return Envelope(
        seq=seq,
        raw=raw,
        action_id=action_id,
        kind=str(kind) if named else "",
        version=int(version or 0) if versioned else 0,
        args=args if open_args else None,
        sealed=sealed if is_sealed else None,
        after=tuple(after) if follows else (),
        person_id=int(actor or 0) if signed_on else None,
        happened_at=happened_at,
        jumped=jumped is True,
        faults=faults,
    )


def _read_strange(data: dict[str, Any]) -> Exchange:
    # Another protocol: whatever else it means, the actions of a tablet are taken and answered.
    try:
        installation, first_seq, actions = _read_lane(data)
        epoch = _read_epoch(data)
    except (InvalidArgs, refusals.TooManyActions):
        return Exchange(understood=False)
    return Exchange(understood=False, installation=installation, epoch=epoch, first_seq=first_seq, actions=actions)


def _read_lane(data: Mapping[str, Any]) -> tuple[UUID | None, int, tuple[Envelope, ...]]:
    sent = data.get("actions", [])
    if not isinstance(sent, list):
        raise InvalidArgs(fields={"actions": ["A list is expected."]})
    if len(sent) > MOST_ACTIONS:
        raise refusals.TooManyActions(most=MOST_ACTIONS)
    actions = []
    for raw in sent:
        seq = raw.get("seq") if isinstance(raw, dict) else None
        if not isinstance(seq, int) or not _is_number(seq, 1, MOST_SEQ):
            raise InvalidArgs(fields={"actions": ["Each is an object with its place, seq, from 1 on."]})
        actions.append(read_envelope(seq, raw))
    given = data.get("installation")
    if given is None and not actions:
        return None, 1, ()
    first_seq = data.get("first_seq", actions[0].seq if actions else 1)
    if not _is_number(first_seq, 1, MOST_SEQ):
        raise InvalidArgs(fields={"first_seq": ["A whole number from 1 on is expected."]})
    return read_installation(given), first_seq, tuple(actions)


def _read_epoch(data: Mapping[str, Any]) -> str | None:
    epoch = data.get("epoch")
    if epoch is None or (isinstance(epoch, str) and len(epoch) <= 80):
        return epoch
    raise InvalidArgs(fields={"epoch": ["At most 80 characters, as they came, or null are expected."]})


def _read_outbox(given: Any) -> Outbox | None:
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) - {"count", "oldest_at"} or "count" not in given:
        raise InvalidArgs(fields={"outbox": ["count and oldest_at are expected."]})
    return Outbox(_read_number(given, "count", most=(1 << 31) - 1), _read_instant(given, "oldest_at"))


def _read_number(data: Mapping[str, Any], name: str, *, most: int) -> int:
    number = data.get(name, 0)
    if not _is_number(number, 0, most):
        raise InvalidArgs(fields={name: [f"A whole number from 0 to {most} is expected."]})
    return int(number)


def _read_instant(data: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return _instant(data.get(name))
    except ValueError:
        raise InvalidArgs(fields={name: ["An instant with its zone is expected."]}) from None


def _instant(text: Any) -> datetime | None:
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError from None


def _read_uuid(text: Any) -> UUID | None:
    try:
        found = UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and str(found) == text.lower() else None


def _is_sealed(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and set(given) == _SEALED_KEYS
        and all(isinstance(part, str) for part in given.values())
    )


def _read_stream(name: str, given: Any) -> HeldStream:
    if (
        not isinstance(given, dict)
        or set(given) - {"number", "floor", "digest", "count"}
        or not _is_number(given.get("number"))
        or not _is_number(given.get("floor", 0))
        or not (given.get("count") is None or _is_number(given["count"]))
    ):
        raise InvalidArgs(fields={"streams": [f"{name[:100]}: number, floor, digest and count are expected."]})
    return HeldStream(given["number"], given.get("floor", 0), _read_digest(name, given), given.get("count"))


def _read_digest(name: str, given: Mapping[str, Any]) -> int | None:
    digest = given.get("digest")
    if digest is None:
        return None
    if not isinstance(digest, str) or len(digest) != 16 or not set(digest) <= set("0123456789abcdef"):
        raise InvalidArgs(fields={"streams": [f"{name[:100]}: a digest has sixteen hexadecimal digits."]})
    return signed(int(digest, 16))


def _is_number(value: Any, least: int = 0, most: int = _LARGEST) -> bool:
    # True and False are integers to Python, and to nobody else.
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
