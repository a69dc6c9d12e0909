"""
The lane: a tablet's actions, one after the other, each in a transaction of its own (docs/tablet-protocol.md).

It is the second door of actions, beside the REST one, and shares its heart (journal.door.settle). What it adds: the row of
the installation is taken first, so that page, worker and retry stand in line; an action runs as whoever was signed on when
it happened; and a no becomes what the kind's nature asks for. An INTENT is refused. A FACT happened, so that what cannot be
applied goes into quarantine, as does whatever cannot be understood: whole, with an answer, and stopping nothing behind it.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from secrets import randbelow
from time import monotonic
from traceback import format_tb
from typing import Any
from uuid import UUID, uuid5

import orjson
import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction

from journal.door import QUARANTINED, Answer, Claim, fingerprint_of, open_door, refused, settle
from journal.kinds import Kind, Nature, kinds
from journal.prepared import prepared_cursor
from journal.refusals import ActionIdReused, InvalidArgs, Refusal, UnknownKind, UnknownVersion
from journal.sealing import blind_index
from responders import permissions
from responders.actors import Actor
from tablets import refusals, seals
from tablets.epochs import EPOCH_SQL
from tablets.exchange import Envelope, Exchange
from tablets.models import Quarantined
from tablets.streams import Standing

_log = logging.getLogger(__name__)

# What is not reached in this time is sent again: documents must come down behind a long queue, too.
BUDGET_SECONDS = 2.0
TRIES = 3
# A device's clock is measured at each exchange, to about a second: less than this is no correction worth telling.
CLOCK_TOLERANCE = timedelta(seconds=2)
# Who signed on is known by our clock, what happened then by the device's.
SIGN_ON_SLACK = timedelta(seconds=60)
# Nothing in a queue is older: a clock that says so was never set.
OLDEST = timedelta(days=366)
# Deadlock, serialization failure, lock timeout, statement timeout: the same again may well succeed.
_TRY_AGAIN = frozenset({"40P01", "40001", "55P03", "57014"})

_ADVANCE_SQL = """
UPDATE tablets_installation SET last_seq = greatest(last_seq, %(seq)s::bigint)
 WHERE id = %(installation)s AND tablet_id = %(tablet)s AND last_seq >= %(seq)s::bigint - 1
   AND (purge_ordered_at IS NULL OR %(deposit)s::boolean)
RETURNING moved_from_id, empty_at
"""
_BEGIN_SQL = f"""
INSERT INTO tablets_installation (id, tablet_id, last_seq, generation, epoch, first_at, seen_at, app_version, schema,
                                  empty_at, outbox_count, held, resets, mismatches, resync_ordered_by, resend)
VALUES (%(id)s, %(tablet)s, %(last)s, 0, {EPOCH_SQL}, %(at)s, %(at)s, '', %(schema)s, %(empty)s, 0, '{{}}', 0, 0, '',
        '{{}}')
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608  of constants
_LOOK_SQL = f"""
SELECT lane.tablet_id, tablet.agency_id, lane.purge_ordered_at IS NOT NULL, lane.epoch, {EPOCH_SQL}
  FROM tablets_installation lane JOIN tablets_tablet tablet ON tablet.id = lane.tablet_id
 WHERE lane.id = %s FOR NO KEY UPDATE OF lane
"""  # noqa: S608  of constants
# The sign-ons of a person at a tablet that cover the moment, the best first, and the one that is open. Where the clock
# jumped, its moment is worth nothing, and any of them may be meant.
_SIGN_ONS_SQL = """
WITH moment AS (SELECT %(happened)s::timestamptz AS at, %(slack)s::interval AS slack, %(at)s::timestamptz AS now)
SELECT person.id, person.name, shift.id, shift.unit_id,
       %(jumped)s::boolean OR (signon.started_at <= moment.at + moment.slack
        AND least(signon.ended_at, signon.expires_at) >= moment.at - moment.slack) AS covers,
       signon.tablet_id = tablet.id AND signon.ended_at IS NULL AND signon.expires_at > moment.now
       AND shift.ended_at IS NULL AND shift.unit_id = tablet.unit_id AND tablet.revoked_at IS NULL
       AND person.is_active AND person.access_epoch = signon.access_epoch AS stands
  FROM moment
  JOIN tablets_tablet tablet ON tablet.id = %(tablet)s
  JOIN tablets_signon signon ON signon.tablet_id = ANY(%(tablets)s::bigint[])
  JOIN responders_shift shift ON shift.id = signon.shift_id AND shift.person_id = %(person)s
  JOIN responders_person person ON person.id = shift.person_id
 WHERE signon.started_at <= moment.now + moment.slack
   AND (%(jumped)s::boolean OR signon.ended_at IS NULL
        OR (signon.started_at <= moment.at + moment.slack
            AND least(signon.ended_at, signon.expires_at) >= moment.at - moment.slack))
 ORDER BY signon.started_at <= moment.at AND least(signon.ended_at, signon.expires_at) >= moment.at DESC,
          signon.ended_at IS NULL DESC, signon.started_at DESC
 LIMIT 20
"""
# For what is decided now: whoever withdraws the person's access meanwhile waits, or is seen (ASVS 15.4.2).
_SIGN_ONS_NOW_SQL = f"{_SIGN_ONS_SQL} FOR SHARE OF person"
_PERSON_SQL = """
SELECT person.id, person.name, NULL::bigint, NULL::bigint, true, true FROM responders_person person
 WHERE person.id = %(person)s AND person.agency_id = %(agency)s AND person.is_active FOR SHARE OF person
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """
    A place in the lane and its answer.
    """

    seq: int
    answer: Answer

    def as_dict(self) -> dict[str, Any]:
        """
        Return the answer as it goes over the wire.
        """
        body = dict(self.answer.body)
        wire: dict[str, Any] = {"seq": self.seq, "status": self.answer.verdict}
        if self.answer.applied:
            flags = body.pop("flags", [])
            wire["answer"] = body
            if flags:
                wire["flags"] = flags
        else:
            wire |= body
        if self.answer.replayed:
            wire["replayed"] = True
        return wire


@dataclass(slots=True)
class Taken:
    """
    What became of the actions of one exchange. What is not among the answers was not reached.
    """

    answers: list[Answered] = field(default_factory=list)
    expected_seq: int | None = None
    # The store is over: it may deliver, and hears nothing any more.
    deposit: bool = False

    @property
    def changed_something(self) -> bool:
        """
        Tell whether an action took effect just now, so that what the bearer may hear is to be asked anew.
        """
        return any(one.answer.applied and not one.answer.replayed for one in self.answers)


class OutOfStep(Exception):
    """
    The lane's row does not take this place as it is: unknown, another tablet's, over, or not there yet.
    """


class Gap(Exception):
    """
    A place before this one was never answered.
    """

    def __init__(self, expected: int) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Then:
    """
    Where and when an action happened, as far as it can be believed, and when it is decided.
    """

    agency_id: int
    tablet_id: int
    unit_id: int
    happened_at: datetime
    at: datetime
    # Where the lane was before its device was paired anew.
    moved_from_id: int | None = None
    # What is to be said of the clock.
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Lane:
    """
    Where the actions of one exchange are taken.
    """

    standing: Standing
    tablet_id: int
    installation: UUID
    received_at: datetime
    # Why nothing of it is done any more; what comes is kept whole.
    deposit: Refusal | None = None
    # Another agency's lane: its row is not ours to take.
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class _Act:
    """
    One action as far as it was understood before its transaction.
    """

    envelope: Envelope
    action_id: UUID
    by: str
    kind: Kind | None
    args: dict[str, Any]
    problem: Refusal | None
    # An id that came as something else before: it is no place of the lane, whose place is answered.
    placed: bool = True


def take(standing: Standing, exchange: Exchange, *, received_at: datetime) -> Taken:
    """
    Take the actions of an exchange, in order, until they are done, a place is missing, or the time is over.

    :raises ServerBusy: the database cannot be reached; what was answered before that is answered again.
    """
    taken = Taken()
    if not exchange.actions or exchange.installation is None or standing.bearer.tablet_id is None:
        return taken
    lane = _Lane(standing, standing.bearer.tablet_id, exchange.installation, received_at)
    if standing.revoked:
        lane.deposit = refusals.TabletRevoked(purge=True)
    until = monotonic() + BUDGET_SECONDS
    try:
        for envelope in exchange.actions:
            # The first one is always taken: a queue that moves slowly moves.
            if taken.answers and monotonic() > until:
                break
            taken.answers.append(Answered(envelope.seq, _take_one(lane, envelope, exchange)))
    except Gap as gap:
        taken.expected_seq = gap.expected
    except (OperationalError, InterfaceError) as error:
        raise busy() from error
    taken.deposit = lane.deposit is not None
    return taken


def enter(standing: Standing, exchange: Exchange, *, at: datetime, empty_at: datetime | None = None) -> Refusal | None:
    """
    Bring the lane of an exchange in step: make it, move it to this tablet, or let it jump after a new epoch.

    ``empty_at``: a lane that is made now had nothing in it until then.

    :return: why its actions are only kept, if they are.
    :raises InstallationElsewhere: it belongs to another agency.
    """
    assert exchange.installation is not None
    with transaction.atomic(), connection.cursor() as cursor:
        # A lane that nobody knows begins where the tablet says that it is.
        cursor.execute(
            _BEGIN_SQL,
            {
                "id": exchange.installation,
                "tablet": standing.bearer.tablet_id,
                "last": exchange.first_seq - 1,
                "empty": empty_at,
                "at": at,
                "schema": exchange.schema,
            },
        )
        cursor.execute(
            _LOOK_SQL,
            [exchange.installation],
        )
        tablet_id, agency_id, is_over, lane_epoch, epoch = cursor.fetchone()
        if agency_id != standing.agency_id:
            raise refusals.InstallationElsewhere
        if tablet_id != standing.bearer.tablet_id:
            # The device was paired anew. What its crews did before was done at the tablet that it was then.
            _log.warning("installation %s moved from tablet %s", exchange.installation, tablet_id)
            cursor.execute(
                "UPDATE tablets_installation SET tablet_id = %s, moved_from_id = %s WHERE id = %s",
                [standing.bearer.tablet_id, tablet_id, exchange.installation],
            )
        if (exchange.epoch, lane_epoch) != (epoch, epoch):
            # After a restore nobody waits for what the tablet no longer has; it says from where on it has everything.
            cursor.execute(
                "UPDATE tablets_installation SET last_seq = greatest(last_seq, %s), epoch = %s WHERE id = %s",
                [exchange.first_seq - 1, epoch, exchange.installation],
            )
    if standing.revoked:
        return refusals.TabletRevoked(purge=True)
    return refusals.PurgeOrdered() if is_over else None


def last_seq(standing: Standing, installation: UUID | None) -> int:
    """
    Return the last place of a tablet's lane that was answered; 0 where there is no such lane.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT last_seq FROM tablets_installation WHERE id = %s AND tablet_id = %s",
            [installation, standing.bearer.tablet_id],
        )
        row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def busy() -> refusals.ServerBusy:
    """
    Return the answer of a server that has no room or no database; spread, so that not everybody comes back together.
    """
    return refusals.ServerBusy(retry_after_s=2 + randbelow(11))


def run_as_then(envelope: Envelope, then: Then) -> dict[str, Any]:
    """
    Do, inside an open door, what an envelope says, as its actor as of then; return the body of its answer.

    :raises NotUnderstood: it cannot be understood, or nobody of that name was signed on.
    :raises Refusal: a rule says no.
    """
    kind, args, problem = _understand(envelope)
    if problem is not None or kind is None:
        raise refusals.NotUnderstood(problem or UnknownKind(kind=envelope.kind))
    return _run(envelope, kind, args, then)


def _take_one(lane: _Lane, envelope: Envelope, exchange: Exchange) -> Answer:
    act = _prepare(lane, envelope)
    tries = 0
    while True:
        on = connection.connection
        try:
            return _attempt(lane, act)
        except OutOfStep:
            _bring_in_step(lane, envelope, exchange)
        except ActionIdReused as reused:
            if not act.placed:
                raise
            act = _as_something_else(lane, act, reused)
        except OperationalError as error:
            tries += 1
            if _state_of(error) not in _TRY_AGAIN:
                raise
            if tries >= TRIES:
                act = _as_fault(act, error)
                tries = 0
        except InterfaceError:
            raise
        except Exception as error:
            # Whatever a lost connection looked like from inside, it is no fault of the action.
            is_lost = on not in (None, connection.connection) or not connection.is_usable()
            if is_lost or isinstance(act.problem, refusals.ServerFault):
                # Not even keeping it works: nothing is answered, and the tablet keeps it.
                raise OperationalError(type(error).__name__) from error
            act = _as_fault(act, error)


def _attempt(lane: _Lane, act: _Act) -> Answer:
    envelope = act.envelope
    with open_door(by=act.by, at=lane.received_at, action_id=act.action_id) as door:
        moved_from_id, empty_at = _advance(lane, envelope.seq)
        placed = act.placed and not lane.foreign
        sealed = is_to_be_sealed(envelope.kind)
        claim = Claim(
            action_id=act.action_id,
            kind=envelope.kind,
            by=act.by,
            fingerprint=b"" if act.problem is not None else fingerprint_of(act.args, sealed=sealed),
            lane=lane.installation if placed else None,
            seq=envelope.seq if placed else None,
            sealed=sealed,
        )
        then = _then(lane, envelope, moved_from_id=moved_from_id, empty_at=empty_at)

        def do() -> dict[str, Any]:
            if lane.deposit is not None:
                raise refusals.NotUnderstood(lane.deposit)
            if act.problem is not None or act.kind is None:
                raise refusals.NotUnderstood(act.problem or UnknownKind(kind=envelope.kind))
            return _run(envelope, act.kind, act.args, then, lane=lane.installation)

        def no(refusal: Refusal) -> tuple[int, dict[str, Any]]:
            if isinstance(refusal, refusals.NotUnderstood):
                return _quarantine(lane, act, refusal.why, then)
            if act.kind is not None and act.kind.nature is Nature.FACT:
                return _quarantine(lane, act, refusal, then)
            return refused(refusal)

        return settle(door, claim, do, on_refusal=no)


def _run(
    envelope: Envelope, kind: Kind, args: dict[str, Any], then: Then, *, lane: UUID | None = None
) -> dict[str, Any]:
    actor = _actor_of(envelope, kind, then)
    permissions.check_may_act(actor, kind.name)
    flags = list(then.flags)
    if (stood_on := _refused_before(lane, envelope)) is not None:
        if kind.nature is not Nature.FACT:
            raise refusals.DependsRefused(after=stood_on)
        flags.append("detached")
    try:
        given = kind.read(args)
    except InvalidArgs as refusal:
        raise refusals.NotUnderstood(refusal) from None
    body = dict(kind.answer(kind.act(by=actor, at=then.at, happened_at=then.happened_at, **given)))
    if told := [*body.pop("flags", []), *flags]:
        body["flags"] = told
    return body


def _prepare(lane: _Lane, envelope: Envelope) -> _Act:
    kind, args, problem = _understand(envelope)
    who = "?" if envelope.person_id is None else str(envelope.person_id)
    return _Act(
        envelope=envelope,
        # Without an id of its own it is known by what it says: a repeat is recognised, whatever is wrong with it.
        action_id=envelope.action_id or _id_of(lane.installation, envelope),
        by=f"tablet:{lane.tablet_id}/person:{who}",
        kind=kind,
        args=args,
        problem=problem,
    )


def _understand(envelope: Envelope) -> tuple[Kind | None, dict[str, Any], Refusal | None]:
    if envelope.faults:
        return None, {}, refusals.InvalidEnvelope(fields=envelope.faults)
    kind = kinds().get(envelope.kind)
    if kind is None:
        return None, {}, UnknownKind(kind=envelope.kind)
    try:
        args = envelope.args
        if args is None:
            assert envelope.sealed is not None, "an envelope without faults has either"
            args = seals.unseal(envelope.sealed, action_id=envelope.said_id)
        return kind, kind.upcast(args, version=envelope.version), None
    except (UnknownVersion, refusals.CannotUnseal) as refusal:
        return kind, {}, refusal
    except (LookupError, TypeError, ValueError):
        # An upcaster met arguments that this version never had.
        return kind, {}, InvalidArgs(fields={"": [f"These are no arguments of version {envelope.version}."]})


def _id_of(installation: UUID, envelope: Envelope) -> UUID:
    # Under a key: from a plain hash a short text is guessed.
    return uuid5(installation, blind_index(_text(envelope), purpose="envelope").hex())


def _text(envelope: Envelope) -> str:
    return orjson.dumps(envelope.raw).decode()


def _as_something_else(lane: _Lane, act: _Act, reused: ActionIdReused) -> _Act:
    return _Act(
        envelope=act.envelope,
        action_id=_id_of(lane.installation, act.envelope),
        by=act.by,
        kind=act.kind,
        args={},
        problem=reused,
        placed=False,
    )


def _as_fault(act: _Act, error: Exception) -> _Act:
    # Where and what kind, not in its own words: those may hold what somebody wrote about somebody.
    where = "".join(format_tb(error.__traceback__))
    _log.error("action %s of %s failed and is kept: %s\n%s", act.action_id, act.by, type(error).__name__, where)
    return _Act(act.envelope, act.action_id, act.by, act.kind, act.args, refusals.ServerFault(), act.placed)


def _advance(lane: _Lane, seq: int) -> tuple[int | None, datetime | None]:
    if lane.foreign:
        return None, None
    with prepared_cursor() as cursor:
        # The first lock of the transaction; undone with it if the action cannot be answered.
        cursor.execute(
            _ADVANCE_SQL,
            {
                "installation": lane.installation,
                "tablet": lane.tablet_id,
                "seq": seq,
                "deposit": lane.deposit is not None,
            },
        )
        row = cursor.fetchone()
    if row is None:
        raise OutOfStep
    return row[0], row[1]


def _bring_in_step(lane: _Lane, envelope: Envelope, exchange: Exchange) -> None:
    try:
        over = enter(lane.standing, exchange, at=lane.received_at)
    except refusals.InstallationElsewhere as elsewhere:
        lane.foreign, lane.deposit = True, elsewhere
        return
    lane.deposit = over
    last = last_seq(lane.standing, lane.installation)
    if last < envelope.seq - 1:
        raise Gap(last + 1)


def _then(lane: _Lane, envelope: Envelope, *, moved_from_id: int | None, empty_at: datetime | None) -> Then:
    received_at = lane.received_at
    claimed = envelope.happened_at or received_at
    earliest = max(empty_at or received_at - OLDEST, received_at - OLDEST)
    happened_at = min(max(claimed, earliest), received_at)
    flags = ["clock_corrected"] if abs(happened_at - claimed) > CLOCK_TOLERANCE else []
    assert lane.standing.unit_id is not None, "every tablet has a unit"
    return Then(
        agency_id=lane.standing.agency_id,
        tablet_id=lane.tablet_id,
        unit_id=lane.standing.unit_id,
        happened_at=happened_at,
        at=received_at,
        moved_from_id=moved_from_id,
        flags=(*flags, *(["clock_jumped"] if envelope.jumped else [])),
    )


def _actor_of(envelope: Envelope, kind: Kind, then: Then) -> Actor:
    """
    Return whoever did it, as they were then.

    :raises NotUnderstood: nobody of that name was signed on at this tablet then.
    :raises NotSignedOn: they were, and are no longer, and what they ask is decided now.
    """
    given: dict[str, Any] = {
        "person": envelope.person_id,
        "agency": then.agency_id,
        "tablet": then.tablet_id,
        "tablets": [then.tablet_id] if then.moved_from_id is None else [then.tablet_id, then.moved_from_id],
        "happened": then.happened_at,
        "at": then.at,
        "slack": SIGN_ON_SLACK,
        "jumped": envelope.jumped,
    }
    is_fact = kind.nature is Nature.FACT
    with prepared_cursor() as cursor:
        if not kind.needs_sign_on:
            cursor.execute(_PERSON_SQL, given)
        else:
            cursor.execute(_SIGN_ONS_SQL if is_fact else _SIGN_ONS_NOW_SQL, given)
        rows = cursor.fetchall()
    if not any(covers for *_, covers, _ in rows):
        raise refusals.NotUnderstood(refusals.NotSignedOnThen())
    # A fact is of the sign-on of its moment. A request is of whoever is signed on now, if they were so then.
    fitting = [row for row in rows if (row[4] if is_fact else row[5])]
    if not fitting:
        raise refusals.NotSignedOn
    person_id, name, shift_id, unit_id, *_ = fitting[0]
    # A tablet lends nobody more than the crew's rights; nobody signs on at one who has not those.
    return Actor(
        agency_id=then.agency_id,
        label=name,
        roles=frozenset({"RESPONDER"}),
        person_id=person_id,
        unit_id=unit_id or then.unit_id,
        shift_id=shift_id,
        tablet_id=then.tablet_id,
    )


def _refused_before(lane: UUID | None, envelope: Envelope) -> int | None:
    if lane is None or not envelope.after:
        return None
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT min(seq) FROM journal_receipt WHERE lane = %s AND seq = ANY(%s::bigint[]) AND status <> 200",
            [lane, list(envelope.after)],
        )
        found: int | None = cursor.fetchone()[0]
    return found


def _quarantine(lane: _Lane, act: _Act, why: Refusal, then: Then) -> tuple[int, dict[str, Any]]:
    envelope = act.envelope
    facts = orjson.loads(orjson.dumps(why.facts, default=str))
    raw = _text(envelope)
    actor = str(envelope.raw.get("actor", ""))[:60]
    if is_to_be_sealed(envelope.kind):
        # What was wrong with it may say what was in it.
        raw, facts = seals.close_kept(act.action_id, raw=envelope.raw, facts=facts), {}
        actor = "" if envelope.person_id is None else actor
    row = Quarantined.objects.create(
        agency_id=lane.standing.agency_id,
        tablet_id=lane.tablet_id,
        installation=lane.installation,
        seq=envelope.seq,
        action_id=act.action_id,
        kind=envelope.kind,
        version=envelope.version or None,
        actor=actor,
        person_id=_known_person(lane, envelope),
        raw=raw,
        happened_at=then.happened_at,
        received_at=lane.received_at,
        code=why.code,
        message=why.message,
        facts=facts,
    )
    # The alert: ids and codes only, what it says is in the row.
    alert = partial(_log.error, "quarantined %s: %s of %s, %s", row.ticket, envelope.kind or "?", act.by, why.code)
    transaction.on_commit(alert, robust=True)
    return QUARANTINED, {"code": why.code, "message": why.message, "ticket": row.ticket}


def is_to_be_sealed(kind: str) -> bool:
    """
    Tell whether what comes as this kind is kept sealed: it says so, or nobody knows what it may hold.
    """
    declared = kinds().get(kind)
    return declared is None or declared.sealed


def _known_person(lane: _Lane, envelope: Envelope) -> int | None:
    if envelope.person_id is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM responders_person WHERE id = %s AND agency_id = %s",
            [envelope.person_id, lane.standing.agency_id],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _state_of(error: OperationalError) -> str:
    cause = error.__cause__
    return (cause.sqlstate or "") if isinstance(cause, psycopg.Error) else ""
