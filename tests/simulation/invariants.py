"""
The eleven invariants of the protocol, each a function of the world that raises ``Broken`` and says what does not hold.

Some are looked at while the run goes on (``after_exchange``, ``monotone``, ``one_winner_so_far``), all of them when the
network has healed and everything has drained (``check_all``).
"""

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

from django.db import connection

from dispatch.models import Assignment, AssignmentStatus, Call, Note, Origin
from journal.kinds import Nature, kinds
from journal.models import Document, Receipt, Stream
from tablets.models import Purge, Quarantined, Removal
from tablets.seals import open_kept
from tests.replica import body_of
from tests.simulation.tablet import KEPT, Applied, Held, Store, Tablet
from tests.simulation.world import TAKES, Back, Broken, Done, Rig, World

JSON = dict[str, Any]
_ENDINGS = {
    AssignmentStatus.CLEARED,
    AssignmentStatus.HANDED_BACK,
    AssignmentStatus.REASSIGNED,
    AssignmentStatus.CANCELLED,
}
_MODULUS = 1 << 64


# --- while the run goes on ----------------------------------------------------------------------------------------------


def after_exchange(world: World, rig: Rig, back: Back, applied: Applied) -> None:
    """
    Look at a tablet that has just completed an exchange: it holds nothing outside its streams (5), and everything that
    the server held when it answered, its own acknowledged effects among it (7).
    """
    if back.truth.history != world.history:
        # The answer was made before the database was put back; the next one tells the tablet.
        return
    held = rig.tablet.store.streams
    for name, stream in held.items():
        if name not in back.truth.allowed:
            raise Broken(
                5,
                "removal",
                f"tablet {rig.index} completed an exchange and still holds {name}"
                f" ({len(stream.documents)} documents), which it may not hear",
            )
    if back.reply.body.get("purge") and rig.tablet.document_count:
        raise Broken(5, "removal", f"tablet {rig.index} was told to erase itself and holds documents")
    for name, given in back.reply.body.get("streams", {}).items():
        if given["more"] or name not in held or held[name].number != given["number"]:
            continue
        numbers = {key: number for key, (number, _) in held[name].documents.items()}
        if numbers != back.truth.documents[name]:
            raise Broken(
                7,
                "monotone",
                f"tablet {rig.index} completed an exchange up to {name} #{given['number']}, and does not see what it was"
                f" acknowledged there: {_difference(numbers, back.truth.documents[name])}",
            )


def monotone(rig: Rig, applied: Applied, history: int) -> None:
    """
    (7) Nobody sees an older version of a document after a newer one, nor one again that was gone at a later number. What
    was said before the database was put back is another history, even where it comes late.
    """
    for stream, collection, document_id, number, is_there in applied.documents:
        key = (history, stream, collection, document_id)
        last, _ = rig.seen.get(key, (0, False))
        if number < last:
            raise Broken(
                7,
                "monotone",
                f"tablet {rig.index} saw {stream}/{collection}/{document_id} at #{last} and now sees it at #{number}",
            )
        rig.seen[key] = (number, is_there)


def one_winner_so_far(world: World) -> None:
    """
    (6) Whoever won a call keeps it until it is handed back, reassigned, cancelled or cleared; the call has one holder.
    """
    rows = Assignment.objects.filter(call__agency=world.agency).order_by("pk")
    holder: dict[int, int] = {}
    here: dict[int, tuple[int, int, str]] = {}
    ends: dict[int, str] = {}
    fields = ("pk", "call_id", "unit_id", "origin", "primary", "ended_at", "status")
    for pk, call, unit, origin, primary, ended_at, status in rows.values_list(*fields):
        here[pk] = (call, unit, origin)
        if ended_at is not None:
            ends[pk] = status
        elif primary:
            if call in holder:
                raise Broken(6, "one winner", f"call {call} has two holders: {holder[call]}, {pk}")
            holder[call] = pk
        # Who came upon a call without having it (call.at_scene) assists, and has won nothing yet.
        if origin in (Origin.SELF_DISPATCHED, Origin.POACHED) and primary and pk not in world.won:
            world.won[pk] = here[pk]
    if any(moment == world.clock.now for moment in world.restored_at):
        # What was won after the backup is won no longer; the tablets will hear so.
        world.won = {pk: won for pk, won in world.won.items() if pk in here}
    for pk, won in world.won.items():
        if here.get(pk) != won:
            raise Broken(6, "one winner", f"assignment {pk} was won as {won} and is now {here.get(pk)}")
        if pk in ends and AssignmentStatus(ends[pk]) not in _ENDINGS:
            raise Broken(6, "one winner", f"assignment {pk} ended as {ends[pk]}")


# --- when everything has drained ----------------------------------------------------------------------------------------


def no_loss(world: World) -> None:
    """
    (1) Whatever was in an outbox has a receipt, or is in quarantine with its envelope whole.
    """
    receipts = _receipts(world)
    envelopes = {str(row.action_id): row for row in Quarantined.objects.filter(action_id__in=list(world.ledger))}
    for done in world.ledger.values():
        if done.lost or not _still_kept(world, done):
            continue
        receipt = receipts.get(done.id)
        if receipt is None or receipt.status is None:
            raise Broken(1, "no loss", f"{_name(done)} was in an outbox and left no receipt")
        if receipt.status == 202:
            row = envelopes.get(done.id)
            if row is None:
                raise Broken(1, "no loss", f"{_name(done)} was quarantined and is not in quarantine")
            raw, _ = open_kept(row)
            if (raw["id"], raw["seq"], raw["kind"]) != (done.id, done.seq, done.kind):
                raise Broken(1, "no loss", f"{_name(done)} is not whole in quarantine: {row.raw}")
            if "args" in raw and raw["args"] != done.args:
                raise Broken(1, "no loss", f"{_name(done)} has other arguments in quarantine: {row.raw}")


def once(world: World) -> None:
    """
    (2) Each id, and each place in a lane, has one effect: one transaction's entries, one note, one assignment; none where
    it was refused; and on the call that the crew meant.
    """
    receipts = _receipts(world)
    for done in world.ledger.values():
        receipt = receipts.get(done.id)
        place = None if receipt is None or receipt.lane is None else (str(receipt.lane), receipt.seq)
        if place not in (None, (done.installation, done.seq)):
            raise Broken(2, "once", f"{_name(done)} has the place {place}")
    numbers = {
        f"call.{pk}": number for pk, number in Call.objects.filter(agency=world.agency).values_list("pk", "number")
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action_id::text, count(DISTINCT xmin::text), array_agg(DISTINCT about), array_agg(DISTINCT kind)"
            " FROM journal_entry WHERE action_id = ANY(%s::uuid[]) GROUP BY action_id",
            [list(world.ledger)],
        )
        for action_id, transactions, about, what in cursor.fetchall():
            done, receipt = world.ledger[action_id], receipts.get(action_id)
            if transactions != 1:
                raise Broken(2, "once", f"{_name(done)} had effects in {transactions} transactions: {what}")
            effects = [kind for kind in what if not kind.startswith(("quarantine", "action"))]
            if effects and (receipt is None or receipt.status != 200):
                raise Broken(2, "once", f"{_name(done)} was not applied and had an effect: {what}")
            meant = {numbers.get(name) for name in about if name.startswith("call.")}
            if done.call is not None and meant and meant != {done.call}:
                raise Broken(2, "once", f"{_name(done)} was meant for call {done.call} and was done to {meant}")
    for done in world.ledger.values():
        receipt = receipts.get(done.id)
        if done.kind == "call.note" and "text" in done.args and receipt is not None:
            written = Note.objects.filter(call__agency=world.agency, text=done.args["text"]).count()
            if written != (1 if receipt.status == 200 else 0):
                raise Broken(2, "once", f"{_name(done)} was answered {receipt.status} and is written {written} times")


def same_answer(world: World) -> None:
    """
    (3) An id gets the same answer every time, word for word, whoever hears it; and it is the one that is kept.
    """
    receipts = _receipts(world)
    for action_id, by_history in world.verdicts.items():
        for verdicts in by_history.values():
            plain = {json.dumps(_plain(verdict), sort_keys=False) for verdict in verdicts}
            if len(plain) != 1:
                raise Broken(3, "same answer", f"{_name(world.ledger[action_id])} was answered {sorted(plain)}")
        last = by_history.get(world.history)
        receipt = receipts.get(action_id)
        if last and (receipt is None or receipt.status is None):
            raise Broken(3, "same answer", f"{_name(world.ledger[action_id])} was answered and nothing is kept of it")
        if last and receipt is not None and _status_of(receipt.status) != last[-1]["status"]:
            raise Broken(
                3,
                "same answer",
                f"{_name(world.ledger[action_id])} was answered {last[-1]['status']} and {receipt.status} is kept",
            )


def convergence(world: World) -> None:
    """
    (4) After quiet each tablet holds what its streams hold, no more and no less, and the digests agree.
    """
    for rig in world.rigs:
        store = rig.tablet.store
        if waiting := rig.tablet.pending():
            raise Broken(
                4, "convergence", f"tablet {rig.index} still has {_envelopes(waiting)} to send after the drain"
            )
        allowed = world.streams_of(store.token)
        if store.streams.keys() != allowed:
            raise Broken(
                4, "convergence", f"tablet {rig.index} hears {sorted(allowed)} and holds {sorted(store.streams)}"
            )
        for name, held in store.streams.items():
            rows = Document.objects.filter(stream=name, gone=None)
            fresh = {(row.collection, row.document_id): (row.number, json.loads(body_of(row))) for row in rows}
            if held.documents != fresh:
                raise Broken(
                    4,
                    "convergence",
                    f"tablet {rig.index} holds of {name}: {_difference(held.documents, fresh)}",
                )
            row = Stream.objects.filter(name=name).first()
            kept = (0, 0, 0) if row is None else (row.number, row.digest % _MODULUS, row.count)
            if kept != (held.number, int(held.digest, 16), len(held.documents)):
                raise Broken(
                    4,
                    "convergence",
                    f"{name} is at {kept}, tablet {rig.index} at"
                    f" {(held.number, int(held.digest, 16), len(held.documents))}",
                )
        if store.mismatches:
            raise Broken(4, "convergence", f"tablet {rig.index} found {store.mismatches} digests wrong")


def removal(world: World) -> None:
    """
    (5) What the server has recorded as erased is erased: confirmed streams, and confirmed installations.
    """
    by_installation = {rig.tablet.store.installation: rig for rig in world.rigs}
    for row in Purge.objects.filter(tablet__agency=world.agency, confirmed_at__isnull=False):
        rig = by_installation.get(str(row.installation))
        left = (0, 0) if rig is None else (rig.tablet.document_count, len(rig.tablet.pending()))
        if any(left):
            raise Broken(
                5,
                "removal",
                f"installation {row.installation} is confirmed as erased and holds {left[0]} documents, {left[1]} actions",
            )
    for removed in Removal.objects.filter(installation__tablet__agency=world.agency, confirmed_at__isnull=False):
        rig = by_installation.get(str(removed.installation_id))
        if rig is None or removed.stream not in rig.tablet.store.streams:
            continue
        if removed.stream not in world.streams_of(rig.tablet.store.token):
            raise Broken(5, "removal", f"{removed.stream} is confirmed as erased and tablet {rig.index} holds it")


def one_winner(world: World) -> None:
    """
    (6) Each take that was applied made one assignment of that call for that unit, and whoever lost to somebody lost to
    somebody who had the call.
    """
    one_winner_so_far(world)
    units = {rig.index: world.units[rig.unit].pk for rig in world.rigs}
    for done in world.ledger.values():
        if done.kind not in TAKES:
            continue
        for verdict in world.verdicts[done.id].get(world.history, []):
            calls = Call.objects.filter(agency=world.agency, number=done.call or "")
            if verdict["status"] == "applied":
                made = Assignment.objects.filter(
                    pk=verdict["answer"]["assignment"], call=done.args["call"], unit=units[done.rig]
                )
                if not made.exists():
                    raise Broken(6, "one winner", f"{_name(done)} was applied and made no assignment: {verdict}")
            elif verdict.get("code") == "call_already_taken":
                signs = set(Assignment.objects.filter(call__in=calls).values_list("unit__call_sign", flat=True))
                if verdict["facts"]["unit"] not in signs:
                    raise Broken(6, "one winner", f"{_name(done)} lost to {verdict['facts']}, who never had the call")


def facts_never_refused(world: World) -> None:
    """
    (8) No fact is refused: it is applied, or kept whole in quarantine for a person.
    """
    for action_id, by_history in world.verdicts.items():
        done = world.ledger[action_id]
        if done.nature is Nature.FACT:
            for verdict in (verdict for verdicts in by_history.values() for verdict in verdicts):
                if verdict["status"] not in ("applied", "quarantined"):
                    raise Broken(8, "facts", f"{_name(done)} is a fact and was answered {verdict}")


def alarms_wait_on_nothing(world: World) -> None:
    """
    (9) What goes through a door of its own is answered there, whatever the tablet's queue is stuck on; and nothing that is
    an alarm can be queued.
    """
    for action_id, reply in world.urgent:
        if reply is not None and reply.status not in (200, 500, 503):
            raise Broken(9, "alarms", f"{action_id} was answered {reply.status} {reply.body} beside the queue")
    for kind in kinds().values():
        queued = [done for done in world.ledger.values() if done.kind == kind.name]
        if kind.nature is Nature.ALARM and any(
            verdict["status"] == "applied"
            for done in queued
            for verdicts in world.verdicts[done.id].values()
            for verdict in verdicts
        ):
            raise Broken(9, "alarms", f"{kind.name} is an alarm and was taken from the queue")


def pushes_are_hints(world: World) -> None:
    """
    (10) Who got pushes holds what somebody holds who never got one: a store that begins now, without a line.
    """
    for rig in world.rigs:
        store = rig.tablet.store
        fresh = Tablet(
            Store(installation=rig.tablet.new_id(), token=store.token),
            clock=lambda: world.clock.now,
            monotonic=lambda: world.clock.monotonic,
            random=Random(uuid4().int),
        )
        for _ in range(20):
            request = fresh.request()
            reply = world.server.ask(request.path, request.body, token=store.token, address=rig.address)
            if reply is None or reply.status != 200:
                raise Broken(10, "pushes", f"a new store of tablet {rig.index} was answered {reply}")
            fresh.receive(request.exchange, request.path, reply.status, reply.body)
            if not fresh.ask_again:
                break
        ours, theirs = _documents(store.streams), _documents(fresh.store.streams)
        if ours != theirs:
            raise Broken(10, "pushes", f"tablet {rig.index} got pushes and holds {_difference(ours, theirs)}")


def epoch(world: World) -> None:
    """
    (11) After the database was put back, what was acknowledged in the last seven days is known again.
    """
    if not world.restored_at:
        return
    receipts = _receipts(world)
    for done in world.ledger.values():
        if done.heard and not done.lost and _still_kept(world, done):
            receipt = receipts.get(done.id)
            if receipt is None or receipt.status is None:
                raise Broken(
                    11,
                    "epoch",
                    f"{_name(done)} was acknowledged at {done.heard[0][1]:%d %H:%M}, the database was put back at"
                    f" {world.restored_at[-1]:%d %H:%M}, and nobody knows of it",
                )
    for rig in world.rigs:
        if rig.tablet.store.epoch not in (None, current_epoch()):
            raise Broken(11, "epoch", f"tablet {rig.index} is still in epoch {rig.tablet.store.epoch}")


CHECKS: list[Callable[[World], None]] = [
    no_loss,
    once,
    same_answer,
    convergence,
    removal,
    one_winner,
    facts_never_refused,
    alarms_wait_on_nothing,
    pushes_are_hints,
    epoch,
]


def check_all(world: World) -> None:
    """
    Check every invariant of a world that has drained.

    :raises Broken: the first that does not hold.
    """
    for check in CHECKS:
        check(world)


def current_epoch() -> str:
    """
    Return the server's epoch.
    """
    from tablets import epochs

    return epochs.current()


# --- inside -------------------------------------------------------------------------------------------------------------


def _receipts(world: World) -> dict[str, Receipt]:
    return {str(row.action_id): row for row in Receipt.objects.filter(action_id__in=list(world.ledger))}


def _still_kept(world: World, done: Done) -> bool:
    """
    Tell whether the protocol promises that this action is known now: it was never acknowledged, or it was acknowledged
    after the last time that the database was put back, or in the seven days before its tablet was heard of again.
    """
    if not world.restored_at or not done.heard:
        return True
    heard = [moment for history, moment, _ in done.heard if history == world.history]
    if heard:
        return True
    rig = world.rigs[done.rig]
    if rig.tablet.store.installation != done.installation:
        # Its store was erased or wiped after this was acknowledged: nobody is left who could offer it again.
        return False
    first = done.heard[0][1]
    # A tablet's clock is corrected at every exchange, so that seven days are seven days give or take its skew.
    return world.clock.now - first < KEPT - timedelta(hours=4)


def _plain(verdict: JSON) -> JSON:
    return {name: value for name, value in verdict.items() if name != "replayed"}


def _status_of(status: int | None) -> str:
    return {200: "applied", 202: "quarantined"}.get(status or 0, "refused")


def _name(done: Done) -> str:
    return f"{done.kind} {done.id} (tablet {done.rig}, seq {done.seq}, {done.args})"


def _envelopes(actions: list[Any]) -> str:
    return ", ".join(f"#{action.seq} {action.kind}" for action in actions)


def _documents(streams: dict[str, Held]) -> dict[Any, Any]:
    return {(name, *key): value for name, held in streams.items() for key, value in held.documents.items()}


def _difference(ours: dict[Any, Any], theirs: dict[Any, Any]) -> str:
    lacking = [key for key in theirs if key not in ours]
    extra = [key for key in ours if key not in theirs]
    other = [(key, ours[key], theirs[key]) for key in ours if key in theirs and ours[key] != theirs[key]]
    return f"lacking {lacking[:3]}, too many {extra[:3]}, other {other[:2]}"
