"""
One run: an agency with its crews and desk, its tablets, the network between them and the server, and what happens to all
of them. ``MOVES`` is everything that can happen; each move does nothing where it does not apply, so that any list of moves
can be run, and a list that fails can be cut down to a shorter one that still does.

The world keeps its own ledger of what was done and heard. The invariants compare that with what the server and the
tablets hold, and trust neither.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any, cast
from uuid import uuid4

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from dispatch.models import Assignment, Call, Disposition
from journal.door import open_door
from journal.kinds import Nature, kinds
from journal.refusals import Refusal
from journal.tombstones import sweep
from responders.actors import Actor
from responders.api import run_action
from responders.models import Person, ServiceArea, Shift, Unit
from tablets.hub import FRAMES_SQL
from tablets.models import SignOn
from tablets.models import Tablet as PairedTablet
from tablets.secrets import hash_token
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.replica import plain
from tests.simulation.server import Fault, Reply, Server
from tests.simulation.tablet import PURGED, SYNC, Action, Applied, Key, Request, Store, Tablet, TabletCrashed

JSON = dict[str, Any]
PASSWORD = "correct horse battery"
TABLETS_ON = (0, 0, 1)
UNITS = 3
CREW = 2
STEPS_OF = (
    "deliver",
    "acknowledge",
    "en_route",
    "stage",
    "arrive",
    "transport",
    "at_destination",
)
TAKES = ("call.self_dispatch", "call.poach")


class Broken(AssertionError):
    """
    One of the eleven invariants of the protocol does not hold.
    """

    def __init__(self, number: int, name: str, message: str) -> None:
        super().__init__(f"invariant {number}, {name}: {message}")
        self.number = number


class Clock:
    """
    The world's time: what the server's clock says, and what a monotonic clock counts. It only ever goes on.
    """

    def __init__(self, traveller: Any, start: datetime) -> None:
        self._traveller, self._start = traveller, start
        self.now = start
        traveller.move_to(start)

    def advance(self, by: timedelta) -> None:
        """
        Let time pass, for everybody.
        """
        self.now += by
        self._traveller.move_to(self.now)

    @property
    def monotonic(self) -> timedelta:
        """
        Return how long the world has been.
        """
        return self.now - self._start


@dataclass(slots=True)
class Done:
    """
    The ledger's line about one action: what was done at which tablet, and every verdict that its tablet heard.
    """

    rig: int
    installation: str
    seq: int
    id: str
    kind: str
    args: JSON
    at: datetime
    # The number of the call that the crew meant, where it had one before it.
    call: str | None = None
    # Why the store that held it is no more, if it is no more: nobody can ask for what was in it.
    lost: str = ""
    # Each with the history that it was heard in, and when.
    heard: list[tuple[int, datetime, JSON]] = field(default_factory=list)

    @property
    def nature(self) -> Nature | None:
        """
        Return the nature of its kind; None for a kind that does not exist.
        """
        kind = kinds().get(self.kind)
        return None if kind is None else kind.nature


@dataclass(slots=True)
class Rig:
    """
    A tablet in the world: the model of it, which row of the server's it is, how wrong its clock is.
    """

    index: int
    tablet: Tablet
    unit: int
    row: int
    skew: timedelta
    address: str
    # The highest number seen of each document, by history: nobody sees an older one after it.
    seen: dict[tuple[int, str, str, str], tuple[int, bool]] = field(default_factory=dict)
    # Assignments that a crew has seen here, with the number of the call: crews speak of what is over, too.
    remembered: dict[int, str] = field(default_factory=dict)
    calls: dict[int, str] = field(default_factory=dict)
    unknown: bool = False
    exchanges: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """
    What the server held when it made an answer: the streams that this tablet might hear, and what was in them.
    """

    history: int
    allowed: frozenset[str]
    documents: dict[str, dict[Key, int]]


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A request on its way.
    """

    rig: int
    request: Request
    token: str


@dataclass(frozen=True, slots=True)
class Back:
    """
    An answer on its way.
    """

    sent: Sent
    reply: Reply
    truth: Truth


class World:
    """
    Everything there is in one run.
    """

    def __init__(self, seed: int, server: Server, traveller: Any, *, tablet_class: type[Tablet] = Tablet) -> None:
        self.seed, self.server = seed, server
        # The same seed comes from the same addresses: run again within a minute, it must not meet the rates of the run
        # before. The fixture puts the setting back.
        settings.RATE_LIMIT_PREFIX = f"simulation-{uuid4().hex}"
        self.random = Random(seed)
        self.clock = Clock(traveller, datetime.fromtimestamp(self._start(), tz=UTC))
        self.history = 0
        self.restored_at: list[datetime] = []
        self.new_epoch_forgotten = False
        self.counts: Counter[str] = Counter()
        self.ledger: dict[str, Done] = {}
        # Every verdict that left the server, whether anybody got it or not: id → history → verdicts.
        self.verdicts: dict[str, dict[int, list[JSON]]] = defaultdict(lambda: defaultdict(list))
        self.requests: list[Sent] = []
        self.answers: list[Back] = []
        self.urgent: list[tuple[str, Reply | None]] = []
        # Assignments that a take has won, as they were first seen: nobody may change whose they are.
        self.won: dict[int, tuple[int, int, str]] = {}
        # Something has reached the server since its rows were last looked at.
        self.touched = False
        self._call_numbers = 0
        self._set_scene(tablet_class)

    def _start(self) -> float:
        # Seeds of one database follow each other in time, two months apart, as its sequences and rows do.
        return 1_900_000_000 + (self.seed % 10_000) * 60 * 86_400

    def _set_scene(self, tablet_class: type[Tablet]) -> None:
        rng = self.random
        self.agency = make.agency(
            slug=f"simulation-{uuid4().hex}",
            crew_minimum=1,
            has_cad=rng.random() < 0.3,
            cad_silent_s=10**9,
            poach_feed_age_s=10**9,
            reassign_s=30,
        )
        if self.agency.has_cad:
            make_dispatch.feed(self.agency, heard_at=self.clock.now)
        self.areas = [make.area(self.agency) for _ in range(2)]
        self.type = make_dispatch.call_type(self.agency)
        self.units = [make.unit(self.agency, areas=self.areas[: 1 + i % 2]) for i in range(UNITS)]
        self.crews = [[make.person(self.agency, password=PASSWORD) for _ in range(CREW)] for _ in self.units]
        self.desk = make.actor(make.person(self.agency, "DISPATCHER"))
        self.supervisor_row = make.person(self.agency, "SUPERVISOR")
        self.supervisor = make.actor(self.supervisor_row)
        make.on_shift(self.crews[2][0], self.units[2], at=self.clock.now, lasts=timedelta(hours=20))
        self.rigs: list[Rig] = []
        for index, unit in enumerate(TABLETS_ON):
            paired = make_tablets.paired(self.units[unit], by=self.supervisor_row)
            skew = timedelta(seconds=rng.choice([0, 0, rng.uniform(-7200, 7200), rng.uniform(-60, 60)]))
            address = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
            rig = Rig(index, None, unit, paired.tablet.pk, skew, address)  # type: ignore[arg-type]  # made below
            # Ids are nobody's choice: those of another run in the same database must not come again.
            first = Store(installation=str(uuid4()), token=paired.token)
            rig.tablet = tablet_class(
                first,
                clock=lambda rig=rig: self.clock.now + rig.skew,  # type: ignore[misc]
                monotonic=lambda: self.clock.monotonic,
                random=Random(uuid4().int),
            )
            self.rigs.append(rig)
        for n in range(3):
            self.new_call(queue="POLICE" if n == 1 else "CARE", area=self.areas[0])
        for rig in self.rigs:
            self.sign_on(rig, self.crews[rig.unit][rig.index % CREW])
            self.round(rig)

    # --- the network ---

    def send(self, rig: Rig) -> None:
        """
        Let a tablet begin an exchange: its request is on its way.
        """
        if not rig.tablet.is_waiting:
            request = rig.tablet.request()
            rig.exchanges += 1
            # A copy: what is on its way does not change with what sent it.
            body = json.loads(json.dumps(request.body))
            self.requests.append(
                Sent(rig.index, Request(request.exchange, request.path, body), rig.tablet.store.token)
            )

    def serve(self, sent: Sent) -> Back | None:
        """
        Let a request reach the server, and return the answer unless the server died over it.
        """
        rig, self.touched = self.rigs[sent.rig], True
        reply = self.server.ask(sent.request.path, sent.request.body, token=sent.token, address=rig.address)
        if reply is None:
            self.counts["server died"] += 1
            return None
        self.counts[f"HTTP {reply.status}"] += 1
        if sent.request.path == SYNC and "answers" in reply.body:
            by_seq = {action["seq"]: action["id"] for action in sent.request.body["actions"]}
            for verdict in reply.body["answers"]:
                self.counts[verdict["status"]] += 1
                self.verdicts[by_seq[verdict["seq"]]][self.history].append(verdict)
        return Back(sent, reply, self.truth(sent))

    def truth(self, sent: Sent) -> Truth:
        """
        Look at what the server holds for a tablet now.
        """
        allowed = self.streams_of(sent.token)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT stream, collection, document_id, number FROM journal_document"
                " WHERE stream = ANY(%s) AND gone IS NULL",
                [sorted(allowed)],
            )
            documents: dict[str, dict[Key, int]] = {name: {} for name in allowed}
            for stream, collection, document_id, number in cursor.fetchall():
                documents[stream][collection, document_id] = number
        return Truth(self.history, allowed, documents)

    def streams_of(self, token: str) -> frozenset[str]:
        """
        Return the streams that the tablet with this token may hear now, worked out from the rows one by one.
        """
        row = PairedTablet.objects.filter(token_hash=hash_token(token), revoked_at=None).first()
        if row is None:
            return frozenset()
        sign_on = SignOn.objects.filter(tablet=row, ended_at=None).select_related("shift__person").first()
        if sign_on is None or sign_on.expires_at <= self.clock.now:
            return frozenset()
        shift, person = sign_on.shift, sign_on.shift.person
        if shift.ended_at is not None or shift.unit_id != row.unit_id:
            return frozenset()
        if not person.is_active or person.access_epoch != sign_on.access_epoch:
            return frozenset()
        areas = Unit.areas.through.objects.filter(unit=row.unit_id).values_list("servicearea_id", flat=True)
        return frozenset(
            {
                f"unit.{row.unit_id}",
                f"responder.{person.pk}",
                *(f"{audience}.{row.agency_id}" for audience in ("reference", "care", "directory")),
                *(f"area.{area}" for area in areas),
            }
        )

    def arrive(self, back: Back) -> None:
        """
        Let an answer reach its tablet.
        """
        from tests.simulation import invariants

        rig = self.rigs[back.sent.rig]
        waited = rig.tablet.is_waiting
        before = rig.tablet.store.installation
        if back.reply.status == 401 and back.reply.body.get("code") == "tablet_unknown":
            rig.unknown = True
        try:
            applied = rig.tablet.receive(
                back.sent.request.exchange, back.sent.request.path, back.reply.status, back.reply.body
            )
        except TabletCrashed:
            self.counts["tablet crashed"] += 1
            return
        self.take_note(rig, applied, back.truth.history)
        if back.sent.request.path == PURGED and back.reply.status == 200:
            invariants.removal(self)
        if rig.tablet.store.installation != before:
            self.counts["purged"] += 1
        if waited and not rig.tablet.is_waiting and back.sent.request.path == SYNC and back.reply.status == 200:
            invariants.after_exchange(self, rig, back, applied)

    def take_note(self, rig: Rig, applied: Applied, history: int | None = None) -> None:
        """
        Enter into the ledger what an answer or a frame has told, in the history in which the server said it.
        """
        from tests.simulation import invariants

        said_in = self.history if history is None else history
        for action in applied.settled:
            assert action.answer is not None
            done = self.ledger.get(action.id)
            if done is None:
                raise Broken(2, "once", f"tablet {rig.index} was answered {action.id}, which nobody did")
            done.heard.append((said_in, self.clock.now, action.answer))
        invariants.monotone(rig, applied, said_in)
        for _, document_id, body in rig.tablet.bodies("call"):
            rig.calls[int(document_id)] = body["number"]
            if body.get("assignment"):
                rig.remembered[int(body["assignment"]["id"])] = body["number"]

    def round(self, rig: Rig, *, most: int = 4) -> None:
        """
        Let a tablet exchange without any harm, until nothing is left to ask.
        """
        for _ in range(most):
            rig.tablet.give_up()
            self.send(rig)
            back = self.serve(self.requests.pop())
            if back is None:
                return
            self.arrive(back)
            if not rig.tablet.ask_again:
                return

    # --- people and desk ---

    def sign_on(self, rig: Rig, person: Person) -> bool:
        """
        Sign somebody on at a tablet, in person, over the network.
        """
        body = {"email": person.email, "password": PASSWORD}
        reply = self.server.ask(
            "/api/tablets/sign-on/", body, token=rig.tablet.store.token, address=self._some_address()
        )
        if reply is None or reply.status != 200:
            self.counts[f"sign-on {reply.status if reply else 'lost'}"] += 1
            return False
        try:
            rig.tablet.signed_on(str(person.pk))
        except TabletCrashed:
            return False
        return True

    def _some_address(self) -> str:
        # Every sign-on from an address of its own: the rate at which one may try is another test's business.
        return f"10.{self.random.randrange(256)}.{self.random.randrange(256)}.{self.random.randrange(1, 255)}"

    def new_call(self, *, queue: str, area: ServiceArea) -> Call:
        """
        Let a call come in. No two calls of a run have one number, not even those that a restore has undone.
        """
        self._call_numbers += 1
        police = {"response": "POLICE"} if queue == "POLICE" else {}
        return make_dispatch.call(
            self.agency, area=area, queue=queue, type=self.type, number=f"S{self._call_numbers}", **police
        )

    def act_as(self, by: Actor, kind: str, args: JSON) -> JSON | None:
        """
        Do something at a page or at another tablet, through its door; None where it is refused.
        """
        if kind not in kinds():
            return None
        self.touched = True
        try:
            answer = run_action(
                kinds()[kind],
                action_id=uuid4(),
                args=args,
                by=by,
                at=self.clock.now,
                happened_at=None,
            )
        except Refusal as refusal:
            self.counts[f"{kind} {refusal.code}"] += 1
            return None
        finally:
            self.clock.advance(timedelta(milliseconds=5))
        self.counts[f"{kind} {'applied' if answer.applied else answer.body['code']}"] += 1
        if answer.applied:
            return answer.body
        return None

    def do(
        self, rig: Rig, kind: str, args: JSON, *, call: str | None = None, after: tuple[int, ...] = (), v: int = 1
    ) -> Action | None:
        """
        Let the crew at a tablet do something, and enter it in the ledger once it is in the outbox.
        """
        actor = rig.tablet.store.here
        if kind == "tablet.sign_on":
            actor = args["person"]
        if actor is None or rig.tablet.store.purging is not None:
            return None
        seq = rig.tablet.store.next_seq
        try:
            action = rig.tablet.do(kind, args, actor=actor, after=after, v=v)
        except TabletCrashed:
            self.counts["tablet crashed"] += 1
            if seq not in rig.tablet.store.outbox:
                return None
            # It died when the action was on disk already.
            action = rig.tablet.store.outbox[seq]
        self.ledger[action.id] = Done(
            rig.index,
            rig.tablet.store.installation,
            action.seq,
            action.id,
            kind,
            args,
            self.clock.now,
            call,
        )
        self.counts[f"did {kind}"] += 1
        return action

    # --- one step ---

    def step(self, name: str, chance: int) -> None:
        """
        Let one thing happen. ``chance`` decides everything about it that is left to chance.
        """
        from tests.simulation import invariants

        rng = Random(chance)
        self.clock.advance(timedelta(seconds=rng.uniform(0.1, 4)))
        MOVES[name].run(self, rng)
        if self.touched:
            invariants.one_winner_so_far(self)
            self.touched = False


# --- moves: each is a function of the world and of chance ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """
    Something that can happen, and how often it does beside the others.
    """

    weight: float
    run: Callable[[World, Random], None]


MOVES: dict[str, Move] = {}


def move(weight: float) -> Callable[[Callable[[World, Random], None]], Callable[[World, Random], None]]:
    """
    Enter a function as a move of this weight.
    """

    def enter(run: Callable[[World, Random], None]) -> Callable[[World, Random], None]:
        MOVES[run.__name__] = Move(weight, run)
        return run

    return enter


@move(30)
def crew_acts(world: World, rng: Random) -> None:
    """
    A crew does something that its tablet offers.
    """
    rig = rng.choice([rig for rig in world.rigs if rig.tablet.store.here is not None] or world.rigs)
    for _ in range(rng.randint(1, 3)):
        chosen = [*_offered(world, rig, rng)]
        if chosen:
            kind, args, call, after = rng.choice(chosen)
            world.do(rig, kind, args, call=call, after=after)


def _offered(world: World, rig: Rig, rng: Random) -> Iterator[tuple[str, JSON, str | None, tuple[int, ...]]]:
    tablet = rig.tablet
    if tablet.store.here is None or (not tablet.readable and rng.random() < 0.7):
        return
    takes = {a.args.get("call"): a.seq for a in tablet.pending() if a.kind in TAKES}
    some = tuple(rng.sample(sorted(tablet.store.outbox), min(len(tablet.store.outbox), 2)))
    for _, call_id, body in tablet.bodies("call", "area."):
        call, number = int(call_id), body["number"]
        if body["status"] == "PENDING":
            if body["queue"] == "CARE":
                yield "call.self_dispatch", {"call": call}, number, ()
            else:
                yield "call.poach", {"call": call, "reason": "Known to us"}, number, ()
        yield "call.note", {"call": call, "text": f"note {tablet.new_id()}"}, number, ()
        if "call.at_scene" in kinds() and (call in takes or rng.random() < 0.2):
            yield "call.at_scene", {"call": call}, number, (takes[call],) if call in takes else ()
    for _, call_id, body in tablet.bodies("call", "unit."):
        own = body.get("assignment")
        if own:
            yield from _of_own(world, int(call_id), int(own["id"]), body["number"], some, rng, tablet)
    for _, offer_id, body in tablet.bodies("offer", "unit."):
        number = rig.calls.get(int(body["call"]))
        yield "hand_over.accept", {"hand_over": int(offer_id)}, number, ()
        yield "hand_over.decline", {"hand_over": int(offer_id)}, number, ()
    if rig.remembered and rng.random() < 0.4:
        assignment = rng.choice(sorted(rig.remembered))
        step = rng.choice(["arrive", "en_route", "acknowledge"])
        yield f"assignment.{step}", {"assignment": assignment}, rig.remembered[assignment], some
    duty = rng.choice(["AVAILABLE", "AVAILABLE", "MEAL"])
    yield "unit.duty", {"duty": duty}, None, some


def _of_own(
    world: World, call: int, assignment: int, number: str, some: tuple[int, ...], rng: Random, tablet: Tablet
) -> Iterator[tuple[str, JSON, str | None, tuple[int, ...]]]:
    held: JSON = {"assignment": assignment}
    for step in STEPS_OF:
        more = {"transport": {"destination": "Clinic", "persons": 1}}.get(step, {})
        yield f"assignment.{step}", {**held, **more}, number, ()
    yield "call.note", {"call": call, "text": f"note {tablet.new_id()}"}, number, some
    yield "call.answer", {"call": call, "disqualifier": "MEDICAL", "value": "NO"}, number, ()
    yield "assignment.hand_back", {**held, "reason": "Too far"}, number, some
    to_unit = rng.choice(world.units).pk
    yield "assignment.hand_over", {**held, "to_unit": to_unit}, number, ()
    disposition = rng.choice([Disposition.HANDLED, Disposition.UNABLE_TO_LOCATE])
    yield "assignment.clear", {**held, "disposition": disposition.value, "note": "done"}, number, ()


@move(3)
def crew_takes(world: World, rng: Random) -> None:
    """
    A crew asks for a call on its board.
    """
    rig = rng.choice(world.rigs)
    chosen = [one for one in _offered(world, rig, rng) if one[0] in (*TAKES, "call.at_scene")]
    if chosen:
        kind, args, call, after = rng.choice(chosen)
        world.do(rig, kind, args, call=call, after=after)


@move(2)
def nonsense(world: World, rng: Random) -> None:
    """
    An app of another time, or one with a fault, queues what nobody understands.
    """
    rig = rng.choice(world.rigs)
    kind, args, v = rng.choice(
        [
            ("call.teleport", {"call": 1}, 1),
            ("call.note", {"call": 1, "text": "x"}, 99),
            ("call.note", {"call": "one", "words": 5}, 1),
            ("call.note", {"call": 2**40, "text": "to nobody"}, 1),
            ("assignment.arrive", {"assignment": 2**40}, 1),
            ("call.dispatch", {"call": 1, "unit": 1}, 1),
            ("assignment.arrive", {}, 1),
        ]
    )
    args = {**cast("JSON", args)}
    world.do(rig, kind, args, v=v)


@move(18)
def exchange_begins(world: World, rng: Random) -> None:
    """
    A tablet sends a request.
    """
    world.send(rng.choice(world.rigs))


@move(22)
def request_arrives(world: World, rng: Random) -> None:
    """
    Some request, in any order, reaches the server; now and then a copy of it goes on travelling.
    """
    if not world.requests:
        return
    at = rng.randrange(len(world.requests))
    sent = world.requests[at] if rng.random() < 0.25 else world.requests.pop(at)
    back = world.serve(sent)
    if back is not None and rng.random() < 0.85:
        world.answers.append(back)


@move(22)
def answer_arrives(world: World, rng: Random) -> None:
    """
    Some answer, in any order, reaches its tablet; now and then a copy of it goes on travelling.
    """
    if not world.answers:
        return
    at = rng.randrange(len(world.answers))
    world.arrive(world.answers[at] if rng.random() < 0.15 else world.answers.pop(at))


@move(3)
def request_lost(world: World, rng: Random) -> None:
    """
    A request never arrives.
    """
    if world.requests:
        world.requests.pop(rng.randrange(len(world.requests)))


@move(3)
def answer_lost(world: World, rng: Random) -> None:
    """
    An answer never arrives.
    """
    if world.answers:
        world.answers.pop(rng.randrange(len(world.answers)))


@move(6)
def tablet_gives_up(world: World, rng: Random) -> None:
    """
    A tablet waits no longer, and may ask again while the first request is still on its way.
    """
    rng.choice(world.rigs).tablet.give_up()


@move(10)
def good_signal(world: World, rng: Random) -> None:
    """
    For a moment everything works for one tablet.
    """
    world.round(rng.choice(world.rigs))


@move(8)
def line_opens(world: World, rng: Random) -> None:
    """
    A tablet opens its line: frames begin after the numbers of now.
    """
    for rig in rng.sample(world.rigs, 2):
        allowed = sorted(world.streams_of(rig.tablet.store.token))
        if not allowed or rig.tablet.store.purging is not None:
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, number FROM journal_stream WHERE name = ANY(%s)", [allowed])
            rig.tablet.line = dict.fromkeys(allowed, 0) | dict(cursor.fetchall())


@move(14)
def pushes(world: World, rng: Random) -> None:
    """
    The hub reads what changed and pushes it, as a frame for each stream; any of them may be lost.
    """
    for rig in world.rigs:
        if rig.tablet.line is not None:
            _push(world, rig, rng)


def _push(world: World, rig: Rig, rng: Random) -> None:
    line = rig.tablet.line
    assert line is not None
    if world.streams_of(rig.tablet.store.token) != set(line):
        # The hub looks every three seconds, and closes the line or names the streams anew; either makes the tablet ask.
        rig.tablet.line = None
        return
    with connection.cursor() as cursor:
        cursor.execute(FRAMES_SQL, [list(line), list(line.values())])
        rows = cursor.fetchall()
    frames: dict[str, tuple[int, int, list[JSON]]] = {}
    for stream, prev, number, at, collection, document_id, body, gone in rows:
        documents = frames.setdefault(stream, (prev, number, []))[2]
        if at is not None:
            told = {"c": collection, "id": document_id, "n": at}
            documents.append(
                told
                | (
                    {"gone": gone}
                    if body is None
                    else {"b": json.loads(plain(stream, at, collection, document_id, body))}
                )
            )
    for stream, (prev, number, documents) in frames.items():
        line[stream] = number
        if rng.random() < 0.3:
            world.counts["frame lost"] += 1
            continue
        try:
            applied = rig.tablet.frame(stream, prev, number, documents)
        except TabletCrashed:
            world.counts["tablet crashed"] += 1
            return
        world.counts["frame applied" if applied else "frame not followed"] += 1
        if applied is not None:
            world.take_note(rig, applied)


@move(4)
def tablet_crashes(world: World, rng: Random) -> None:
    """
    A tablet's process dies: at once, or just before or after its next transaction is on disk.
    """
    tablet = rng.choice(world.rigs).tablet
    how = rng.choice(["now", "before", "after"])
    if how == "now":
        tablet.crash()
        world.counts["tablet crashed"] += 1
    else:
        tablet.crash_next = how


@move(0.4)
def store_is_wiped(world: World, rng: Random) -> None:
    """
    A browser clears its data: what was queued there is gone with it, and nobody can ask for it.
    """
    rig = rng.choice(world.rigs)
    for done in world.ledger.values():
        if done.installation == rig.tablet.store.installation and not done.heard:
            done.lost = "wiped"
    rig.tablet.wipe()


@move(7)
def signs_on(world: World, rng: Random) -> None:
    """
    Somebody signs on at a tablet, in person and online.
    """
    rig = rng.choice(world.rigs)
    unit = rig.unit if rng.random() < 0.9 else rng.randrange(UNITS)
    world.sign_on(rig, rng.choice(world.crews[unit]))


@move(2)
def signs_off(world: World, rng: Random) -> None:
    """
    Whoever is signed on at a tablet leaves it, in person and online; the answer may be lost.
    """
    rig = rng.choice(world.rigs)
    reply = world.server.ask("/api/tablets/sign-off/", None, token=rig.tablet.store.token, address=rig.address)
    if reply is not None and rng.random() < 0.8:
        rig.tablet.crash_next = None
        rig.tablet.signed_off()


@move(3)
def switches_offline(world: World, rng: Random) -> None:
    """
    A crew leaves its tablet, or another one signs on there, without signal.
    """
    rig = rng.choice(world.rigs)
    if "tablet.sign_on" not in kinds():
        return
    if rig.tablet.store.here is not None and rng.random() < 0.9:
        world.do(rig, "tablet.sign_off", {})
    if rig.tablet.store.people and rng.random() < 0.8:
        world.do(rig, "tablet.sign_on", {"person": rng.choice(sorted(rig.tablet.store.people, key=int))})


@move(2)
def ends_shift_offline(world: World, rng: Random) -> None:
    """
    A responder ends the shift on the tablet, whatever is still open.
    """
    rig = rng.choice(world.rigs)
    args: JSON = rng.choice(
        [{"choice": "NOTHING_OPEN"}, {"choice": "LEAVE_WITH_DESK"}, {"choice": "CLEAR", "disposition": "HANDLED"}]
    )
    world.do(rig, "shift.sign_off", dict(args))


@move(2)
def ends_shift_elsewhere(world: World, rng: Random) -> None:
    """
    A shift ends at another tablet.
    """
    open_shifts = list(Shift.objects.open().filter(unit__agency=world.agency).order_by("pk"))
    if open_shifts:
        shift = rng.choice(open_shifts)
        world.act_as(make.tablet_actor(shift), "shift.sign_off", {"choice": "LEAVE_WITH_DESK"})


@move(2)
def clock_is_set(world: World, rng: Random) -> None:
    """
    Somebody sets a tablet's clock, up to two hours wrong.
    """
    rng.choice(world.rigs).skew = timedelta(seconds=rng.choice([0, rng.uniform(-7200, 7200)]))


@move(2)
def gets_keys(world: World, rng: Random) -> None:
    """
    A tablet asks for its keys, and seals what it queues from then on; or forgets them.
    """
    rig = rng.choice(world.rigs)
    key = None
    if rng.random() < 0.8:
        body = {"installation": rig.tablet.store.installation}
        reply = world.server.ask(
            "/api/tablets/key/", body, token=rig.tablet.store.token, address=world._some_address()
        )
        if reply is None or reply.status != 200:
            world.counts[f"key {reply.status if reply else 'lost'}"] += 1
            return
        key = reply.body["seal"]
    rig.tablet.crash_next = None
    rig.tablet.keys(key)


@move(4)
def acts_at_once(world: World, rng: Random) -> None:
    """
    A tablet does something through the door of single actions, past whatever its queue is stuck on.
    """
    rig = rng.choice(world.rigs)
    token = rig.tablet.store.token
    if not world.streams_of(token):
        return
    action_id = rig.tablet.new_id()
    body = {"id": action_id, "args": {"duty": "AVAILABLE"}}
    reply = world.server.ask("/api/actions/unit.duty/", body, token=token, address=rig.address)
    world.urgent.append((action_id, reply))


@move(6)
def call_comes_in(world: World, rng: Random) -> None:
    """
    A call comes in.
    """
    world.new_call(queue=rng.choice(["CARE", "CARE", "POLICE"]), area=rng.choice(world.areas))


@move(8)
def desk_works(world: World, rng: Random) -> None:
    """
    The desk dispatches, reassigns, cancels, notes, or takes a call back.
    """
    calls = list(Call.objects.open().filter(agency=world.agency).order_by("pk").values_list("pk", flat=True))
    held = list(
        Assignment.objects.open().filter(call__agency=world.agency).order_by("pk").values_list("pk", flat=True)
    )
    unit = rng.choice(world.units).pk
    match rng.choice(["dispatch", "dispatch", "reassign", "cancel", "note", "accept", "offer"]):
        case "dispatch" if calls:
            world.act_as(world.desk, "call.dispatch", {"call": rng.choice(calls), "unit": unit})
        case "reassign" if held:
            args = {"assignment": rng.choice(held), "unit": unit, "reason": "Nearer"}
            world.act_as(world.desk, "call.reassign", args)
        case "cancel" if calls:
            world.act_as(world.desk, "call.cancel", {"call": rng.choice(calls), "reason": "Called again"})
        case "note" if calls:
            args = {"call": rng.choice(calls), "text": f"desk {rng.getrandbits(60):x}"}
            world.act_as(world.desk, "call.note", args)
        case "accept" if held:
            world.act_as(world.desk, "hand_back.accept", {"assignment": rng.choice(held)})
        case "offer" if calls:
            world.act_as(world.desk, "call.offer", {"call": rng.choice(calls)})


@move(3)
def areas_change(world: World, rng: Random) -> None:
    """
    A unit serves an area no longer, or from now on.
    """
    unit, area = rng.choice(world.units), rng.choice(world.areas)
    with open_door(by="system:test", at=world.clock.now):
        if unit.areas.filter(pk=area.pk).exists():
            unit.areas.remove(area)
        else:
            unit.areas.add(area)


@move(1.5)
def access_changes(world: World, rng: Random) -> None:
    """
    Somebody's access is withdrawn, or given back.
    """
    person = rng.choice([one for crew in world.crews for one in crew])
    kind = "person.enable" if rng.random() < 0.6 else "person.disable"
    world.act_as(world.supervisor, kind, {"person": person.pk})


@move(1)
def order_resync(world: World, rng: Random) -> None:
    """
    A supervisor orders a tablet to begin anew.
    """
    world.act_as(world.supervisor, "tablet.resync", {"tablet": rng.choice(world.rigs).row})


@move(0.7)
def order_purge(world: World, rng: Random) -> None:
    """
    A supervisor orders a tablet to erase itself.
    """
    world.act_as(world.supervisor, "tablet.purge", {"tablet": rng.choice(world.rigs).row})


@move(0.7)
def tablet_is_revoked(world: World, rng: Random) -> None:
    """
    A supervisor takes a tablet out of use.
    """
    world.act_as(world.supervisor, "tablet.revoke", {"tablet": rng.choice(world.rigs).row})


@move(6)
def tablet_is_paired_again(world: World, rng: Random) -> None:
    """
    A tablet that the server does not know, or knows as revoked, is paired anew; its queue stays.
    """
    for rig in world.rigs:
        row = PairedTablet.objects.filter(pk=rig.row).first()
        if rig.unknown or row is None or (row.revoked_at is not None and rig.tablet.store.purging is None):
            pair_again(world, rig)


def pair_again(world: World, rig: Rig) -> None:
    """
    Pair a tablet anew with its unit.
    """
    rig.tablet.crash_next = None
    paired = make_tablets.paired(world.units[rig.unit], by=world.supervisor_row)
    rig.tablet.paired_again(paired.token)
    rig.row, rig.unknown, rig.tablet.line = paired.tablet.pk, False, None


@move(5)
def time_passes(world: World, rng: Random) -> None:
    """
    Nothing happens for a while: seconds, a night, a week off.
    """
    waits = [20, 45, 45, 130, 130, 600, 600, 3_600, 3 * 3_600, 13 * 3_600, 2 * 86_400]
    world.clock.advance(timedelta(seconds=rng.choice(waits)))


@move(0.5)
def weeks_pass(world: World, rng: Random) -> None:
    """
    Longer than acknowledged actions are kept, or than tombstones are.
    """
    world.clock.advance(timedelta(days=rng.choice([8, 31])))
    sweep(at=world.clock.now)


@move(7)
def server_will_die(world: World, rng: Random) -> None:
    """
    The next request dies at some statement: the process, or only its connection; before or after it has run.
    """
    world.server.fault = Fault(
        statement=rng.choice([rng.randint(1, 8), rng.randint(1, 40)]),
        before=rng.random() < 0.5,
        killed=rng.random() < 0.6,
    )


@move(1)
def backup_is_taken(world: World, rng: Random) -> None:
    """
    The database is copied.
    """
    world.server.back_up()
    world.counts["backed up"] += 1


@move(3)
def backup_is_restored(world: World, rng: Random) -> None:
    """
    The database is put back to its copy. Whoever restores also says so, except when it is forgotten.
    """
    if not world.server.restore():
        # Nothing to put back yet: now there will be.
        MOVES["backup_is_taken"].run(world, rng)
        return
    world.touched = True
    world.history += 1
    world.restored_at.append(world.clock.now)
    world.counts["restored"] += 1
    for rig in world.rigs:
        rig.tablet.line = None
    if rng.random() < 0.85:
        with redirect_stdout(StringIO()):
            call_command("new_epoch")
    else:
        world.new_epoch_forgotten = True
        world.counts["new epoch forgotten"] += 1
