"""
Each invariant's check can fail: a fault is planted in the tablet, in the server's answers or in the database, and the check
of exactly that invariant sees it. Without the fault the same moves break nothing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dispatch.models import Assignment, Note
from journal.door import open_door
from tablets.models import Quarantined
from tests.simulation import run
from tests.simulation.invariants import CHECKS
from tests.simulation.server import Reply, Server
from tests.simulation.tablet import SYNC, Action, Applied, Held, Request, Store, Tablet
from tests.simulation.world import Broken, World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]

JSON = dict[str, Any]
SEED = 4
Act = Callable[[World], None]


def crew_notes(world: World) -> None:
    """
    The first tablet's crew writes a note on a call that it sees, and answers come.
    """
    rig = world.rigs[0]
    _, call_id, body = next(rig.tablet.bodies("call", "area."))
    text = f"note {rig.tablet.new_id()}"
    assert world.do(rig, "call.note", {"call": int(call_id), "text": text}, call=body["number"]) is not None


def crew_writes_nonsense(world: World) -> None:
    """
    The first tablet queues something that no server understands.
    """
    assert world.do(world.rigs[0], "call.teleport", {"call": 1}) is not None


def crew_notes_on_nothing(world: World) -> None:
    """
    The first tablet tells a fact of a call that does not exist.
    """
    assert world.do(world.rigs[0], "call.note", {"call": 2**40, "text": "to nobody"}) is not None


def both_take(world: World) -> None:
    """
    Tablets of two units ask for one call.
    """
    for rig in (world.rigs[0], world.rigs[2]):
        calls = [(int(i), body) for _, i, body in rig.tablet.bodies("call", "area.") if body["queue"] == "CARE"]
        call, body = calls[0]
        assert world.do(rig, "call.self_dispatch", {"call": call}, call=body["number"]) is not None


def everybody_exchanges(world: World) -> None:
    """
    Every tablet exchanges without harm.
    """
    for rig in world.rigs:
        world.round(rig)


def send_and_lose_the_answer(world: World) -> None:
    """
    The first tablet's request is served, and nobody hears the answer.
    """
    rig = world.rigs[0]
    world.send(rig)
    world.serve(world.requests.pop())
    rig.tablet.give_up()


def unit_leaves_its_area(world: World) -> None:
    """
    The first unit serves its area no longer.
    """
    with open_door(by="system:test", at=world.clock.now):
        world.units[0].areas.clear()


def purge_is_ordered(world: World) -> None:
    """
    A supervisor orders the first tablet to erase itself.
    """
    assert world.act_as(world.supervisor, "tablet.purge", {"tablet": world.rigs[0].row}) is not None


def back_up(world: World) -> None:
    """
    The database is copied.
    """
    world.step("backup_is_taken", 1)


def restore(world: World) -> None:
    """
    The database is put back, and whoever did it says so.
    """
    world.step("backup_is_restored", 1)


def line_opens(world: World) -> None:
    """
    The first tablet opens its line.
    """
    rig = world.rigs[0]
    allowed = sorted(world.streams_of(rig.tablet.store.token))
    rig.tablet.line = {name: rig.tablet.store.streams[name].number for name in allowed}


def desk_notes(world: World) -> None:
    """
    A call comes in, so that the board moves.
    """
    world.new_call(queue="CARE", area=world.areas[0])


def old_frame_comes(world: World) -> None:
    """
    A frame that was on its way for long reaches the first tablet: a document as it was before.
    """
    rig = world.rigs[0]
    name, held = next((name, held) for name, held in rig.tablet.store.streams.items() if held.documents)
    (c, i), (n, b) = next(iter(held.documents.items()))
    applied = rig.tablet.frame(name, n - 2, n - 1, [{"c": c, "i": i, "id": i, "n": n - 1, "b": b}])
    if applied is not None:
        world.take_note(rig, applied)


def act_at_once(world: World) -> None:
    """
    Something goes through the door of single actions.
    """
    for chance in range(6):
        world.step("acts_at_once", chance)


# --- faults of tablets --------------------------------------------------------------------------------------------------


class Forgetful(Tablet):
    """
    Says that an action is kept, and does not keep it.
    """

    def do(self, kind: str, args: JSON, *, actor: str, after: tuple[int, ...] = (), v: int = 1) -> Action:
        action = super().do(kind, args, actor=actor, after=after, v=v)
        del self.store.outbox[action.seq]
        return action


class Renaming(Tablet):
    """
    Gives an action another id and place whenever it is sent again.
    """

    def request(self) -> Request:
        request = super().request()
        for envelope in request.body.get("actions", ()):
            self.store.outbox[envelope["seq"]] = replace(self.store.outbox[envelope["seq"]], id=self.new_id())
        return request


class Hoarding(Tablet):
    """
    Keeps the streams that it is told to drop.
    """

    def _take_streams(self, store: Store, body: JSON, applied: Applied) -> None:
        super()._take_streams(store, {**body, "dropped": []}, applied)


class Lying(Tablet):
    """
    Confirms that it has erased itself, and has not.
    """

    def _apply(self, body: JSON) -> Applied:
        before = self.store.streams
        applied = super()._apply(body)
        if self.store.purging is not None:
            self.store.streams = before
        return applied

    def request(self) -> Request:
        request = super().request()
        if "left" in request.body:
            request.body["left"] = dict.fromkeys(request.body["left"], 0)
        return request

    def _confirmed(self, status: int) -> Applied:
        return Applied(erased=True)


class Deaf(Tablet):
    """
    Ignores that documents are gone.
    """

    def _take_streams(self, store: Store, body: JSON, applied: Applied) -> None:
        streams = {
            name: {**given, "documents": [one for one in given["documents"] if "gone" not in one]}
            for name, given in body.get("streams", {}).items()
        }
        super()._take_streams(store, {**body, "streams": streams}, applied)


class Credulous(Tablet):
    """
    Takes any frame, however old.
    """

    def frame(self, name: str, prev: int, number: int, documents: list[JSON]) -> Applied | None:
        with self._transaction() as store:
            held = store.streams[name]
            store.streams[name] = Held(0, held.floor, dict(held.documents))
        return super().frame(name, 0, number, documents)


class Believing(Tablet):
    """
    Lives on pushes that say more than is so: what it holds is its own idea of it.
    """

    def frame(self, name: str, prev: int, number: int, documents: list[JSON]) -> Applied | None:
        changed = [{**one, "b": {**one["b"], "priority": 99}} if "b" in one else one for one in documents]
        return super().frame(name, prev, number, changed)


class Satisfied(Tablet):
    """
    Offers nothing again, whether the server's epoch is another or its lane has not come so far.
    """

    def _take_epoch(self, store: Store, body: JSON) -> None:
        store.epoch = body["epoch"]

    def _offer_from(self, store: Store, seq: int) -> None:
        pass


# --- faults of servers --------------------------------------------------------------------------------------------------


class Altered(Server):
    """
    A server whose answers to exchanges are changed on the way.
    """

    def ask(
        self, path: str, body: JSON | None, *, token: str = "", address: str = "127.0.0.1", method: str = "POST"
    ) -> Reply | None:
        reply = super().ask(path, body, token=token, address=address, method=method)
        if reply is None:
            return None
        return Reply(*self.alter(path, reply.status, json.loads(json.dumps(reply.body))))

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        raise NotImplementedError


class Fickle(Altered):
    """
    Says something else when it is asked again.
    """

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        for verdict in body.get("answers", ()):
            if verdict.get("replayed"):
                verdict["flags"] = ["on second thought"]
        return status, body


class Generous(Altered):
    """
    Tells everybody who asked for a call that they have it.
    """

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        for at, verdict in enumerate(body.get("answers", ())):
            if verdict.get("code") == "call_already_taken":
                newest = Assignment.objects.latest("pk").pk
                body["answers"][at] = {"seq": verdict["seq"], "status": "applied", "answer": {"assignment": newest}}
        return status, body


class Withholding(Altered):
    """
    Says how far its streams are, and leaves the newest document out.
    """

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        for given in body.get("streams", {}).values():
            changed = [one for one in given["documents"] if "b" in one]
            if changed and not given["reset"] and path == SYNC and given.get("count", 0) > 3:
                newest = max(changed, key=lambda one: int(one["n"]))
                given["documents"].remove(newest)
                rest = Held(0, 0, {})
                given["digest"], given["count"] = rest.digest, 0
                given["documents"] = []
                given["reset"] = True
        return status, body


class Refusing(Altered):
    """
    Refuses facts that it cannot use.
    """

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        for verdict in body.get("answers", ()):
            if verdict["status"] == "quarantined":
                verdict["status"] = "refused"
        return status, body


class Queueing(Altered):
    """
    Lets single actions wait for the queue.
    """

    def alter(self, path: str, status: int, body: JSON) -> tuple[int, JSON]:
        return (409, {"code": "queue_first"}) if path.startswith("/api/actions/") else (status, body)


# --- faults in the database ---------------------------------------------------------------------------------------------


def quarantine_is_emptied(world: World) -> None:
    """
    What nobody understood is thrown away.
    """
    Quarantined.objects.filter(agency=world.agency).delete()


def receipts_are_swept(world: World) -> None:
    """
    Somebody thought that old receipts are of no use.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM journal_receipt")


def note_is_doubled(world: World) -> None:
    """
    A note was written a second time.
    """
    note = Note.objects.filter(call__agency=world.agency).latest("pk")
    with open_door(by="system:test", at=world.clock.now):
        Note.objects.create(call=note.call, text=note.text, by=note.by, origin=note.origin, at=note.at)


def entry_is_doubled(world: World) -> None:
    """
    An action was done once more, in another transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_entry (stream, number, kind, about, by, data, action_id, happened_at)"
            " SELECT stream, number + 1000, kind, about, by, data, action_id, happened_at FROM journal_entry"
            " WHERE action_id IS NOT NULL AND stream = %s ORDER BY id DESC LIMIT 1",
            [f"journal.{world.agency.pk}"],
        )


def document_is_lost(world: World) -> None:
    """
    A tablet lost a document that it should hold.
    """
    held = next(held for held in world.rigs[0].tablet.store.streams.values() if held.documents)
    held.documents.popitem()


def winner_is_changed(world: World) -> None:
    """
    A won call is somebody else's, and nobody reassigned it.
    """
    row = Assignment.objects.filter(call__agency=world.agency).latest("pk")
    with open_door(by="system:test", at=world.clock.now):
        Assignment.objects.filter(pk=row.pk).update(unit=world.units[2])


CASES: dict[str, tuple[int, Sequence[Act], JSON]] = {
    "a tablet forgets an action": (1, [crew_notes, everybody_exchanges], {"tablet_class": Forgetful}),
    "quarantine is thrown away": (
        1,
        [crew_writes_nonsense, everybody_exchanges],
        {"meddle": quarantine_is_emptied},
    ),
    "an action is sent again under another id": (
        2,
        [crew_notes, send_and_lose_the_answer, everybody_exchanges],
        {"tablet_class": Renaming},
    ),
    "a note is written twice": (2, [crew_notes, everybody_exchanges], {"meddle": note_is_doubled}),
    "an action has two transactions": (2, [crew_notes, everybody_exchanges], {"meddle": entry_is_doubled}),
    "an answer changes": (
        3,
        [crew_notes, send_and_lose_the_answer, everybody_exchanges],
        {"server_class": Fickle},
    ),
    "an answer is not kept": (3, [crew_notes, everybody_exchanges], {"meddle": receipts_are_swept}),
    "a tablet does not hear that something is gone": (
        4,
        [both_take, everybody_exchanges, unit_leaves_its_area, everybody_exchanges],
        {"tablet_class": Deaf},
    ),
    "a tablet loses a document": (4, [], {"meddle": document_is_lost}),
    "a tablet keeps what it may not hear": (
        5,
        [unit_leaves_its_area, everybody_exchanges],
        {"tablet_class": Hoarding},
    ),
    "a tablet confirms what it did not erase": (
        5,
        [purge_is_ordered, everybody_exchanges, everybody_exchanges],
        {"tablet_class": Lying},
    ),
    "two crews are told that they won": (6, [both_take, everybody_exchanges], {"server_class": Generous}),
    "a won call changes hands by itself": (6, [both_take, everybody_exchanges], {"meddle": winner_is_changed}),
    "a tablet takes an old frame": (
        7,
        [desk_notes, everybody_exchanges, old_frame_comes],
        {"tablet_class": Credulous},
    ),
    "an acknowledged effect is not there": (
        7,
        [crew_notes, desk_notes, everybody_exchanges],
        {"server_class": Withholding},
    ),
    "a fact is refused": (8, [crew_notes_on_nothing, everybody_exchanges], {"server_class": Refusing}),
    "an alarm waits for the queue": (9, [act_at_once], {"server_class": Queueing}),
    "a push is believed": (
        10,
        [line_opens, desk_notes, lambda world: world.step("pushes", 5), lambda world: world.step("pushes", 3)],
        {"tablet_class": Believing},
    ),
    "nothing is offered again": (
        11,
        [back_up, crew_notes, everybody_exchanges, restore, everybody_exchanges],
        {"tablet_class": Satisfied},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_planted_fault_is_seen(name: str) -> None:
    number, acts, fault = CASES[name]

    assert number in broken_by(acts, **fault)


def test_without_a_fault_nothing_breaks() -> None:
    done: list[Sequence[Act]] = []
    for _, acts, _ in CASES.values():
        if acts not in done:
            done.append(acts)
            assert broken_by(acts) == {}


def broken_by(acts: Sequence[Act], *, meddle: Act | None = None, **classes: Any) -> dict[int, str]:
    """
    Return which invariants break, with what each says, when these acts are done in a small world.
    """
    found: dict[int, str] = {}
    try:
        with run.played(SEED, [], prelude=acts, **classes) as world:
            if meddle is not None:
                meddle(world)
            for check in CHECKS:
                try:
                    check(world)
                except Broken as broken:
                    found[broken.number] = str(broken)
    except Broken as broken:
        found[broken.number] = str(broken)
    return found


def test_a_failing_seed_is_cut_down_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    class ForgetfulOfDuty(Tablet):
        def do(self, kind: str, args: JSON, *, actor: str, after: tuple[int, ...] = (), v: int = 1) -> Action:
            action = super().do(kind, args, actor=actor, after=after, v=v)
            if kind == "unit.duty":
                del self.store.outbox[action.seq]
            return action

    monkeypatch.setattr(run, "TABLET", ForgetfulOfDuty)
    seed = next(seed for seed in range(20) if run.breaks(seed))

    with pytest.raises(run.Failure, match=f"seed {seed}: invariant 1, no loss") as failure:
        run.check(seed, tries=30)

    lines = str(failure.value).splitlines()[2:]
    assert len(lines) <= run.STEPS // 8
    steps = [run.Step(name, int(chance)) for name, chance in (line.split() for line in lines)]
    broken = run.breaks(seed, steps)
    assert broken is not None
    assert broken.number == 1


def test_time_goes_on_only() -> None:
    with run.played(SEED, [run.Step("time_passes", 1)]) as world:
        assert world.clock.monotonic > timedelta(seconds=20)
