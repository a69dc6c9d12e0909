"""
Takes from tablets without signal, by the thousand and all at once, through ``POST /api/sync`` whose requests are lost,
doubled and late, and beside it through the door of single actions: the history of every call is linearizable.

``TAKES`` says how many (`make takes`: 50,000).
"""

import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf
from random import Random
from threading import Barrier, Lock
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from dispatch.models import Assignment, Call
from journal.kinds import kinds
from journal.rebuild import differences, digest_differences
from responders.api import run_action
from tests.factories import dispatch as make_dispatch
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.linearizability.checker import CLOSED, Operation, Outcome, Verb, is_linearizable
from tests.simulation.server import Reply, Server
from tests.simulation.tablet import SYNC, Action, Request, Store, Tablet

JSON = dict[str, Any]
TAKES = int(os.environ.get("TAKES", "1500"))
UNITS = 12
CALLS = 8
THREADS = 4
# One take in this many goes through the door of single actions.
AT_ONCE = 8


class Crew:
    """
    A unit with its tablet, and what the network does to it.
    """

    def __init__(self, place: "Place", number: int) -> None:
        self.place = place
        self.unit = make.unit(place.agency, areas=[place.area])
        paired = make_tablets.crewed(self.unit)
        self.random = Random(number)
        self.sign = self.unit.call_sign
        self.person = str(paired.tablet.sign_ons.get().shift.person_id)
        started = time.monotonic()
        self.tablet = Tablet(
            Store(installation=str(uuid4()), token=paired.token),
            clock=lambda: datetime.now(UTC),
            monotonic=lambda: timedelta(seconds=time.monotonic() - started),
            random=Random(uuid4().int),
        )
        # What waits for its verdict, by id: which call it is about, and since when.
        self.asked: dict[str, tuple[int, float, Action]] = {}
        self.won: dict[int, int] = {}
        self.had: set[int] = set()
        self.late: list[Request] = []

    def do(self, kind: str, call: int, args: JSON) -> None:
        action = self.tablet.do(kind, args, actor=self.person)
        self.asked[action.id] = (call, time.monotonic(), action)

    def take(self, call: int, queue: str) -> None:
        """
        Ask for a call: in the queue, or now and then at once.
        """
        if call in self.had:
            return
        kind, args = (
            ("call.self_dispatch", {"call": call})
            if queue == "CARE"
            else (
                "call.poach",
                {"call": call, "reason": "Waits long"},
            )
        )
        self.place.takes += 1
        if self.random.randrange(AT_ONCE):
            self.do(kind, call, args)
        else:
            self._take_at_once(kind, call, args)

    def _take_at_once(self, kind: str, call: int, args: JSON) -> None:
        body = {"id": str(uuid4()), "args": args}
        asked = time.monotonic()
        reply = self.place.server.ask(f"/api/actions/{kind}/", body, token=self.tablet.store.token)
        answered = time.monotonic()
        assert reply is not None
        if self.random.random() < 0.15:
            # Nobody hears the answer, and nobody asks again.
            self.place.note(call, Operation(Verb.TAKE, self.sign, asked, inf, Outcome.UNKNOWN))
            self.had.add(call)
        else:
            self._note_take(call, asked, answered, reply.body)

    def drain(self) -> None:
        """
        Exchange until everything has its verdict, over a bad network.
        """
        for _ in range(200):
            if not self.tablet.pending():
                return
            request = self.tablet.request()
            chance = self.random.random()
            if chance < 0.1:
                self.tablet.give_up()
                self.late.append(request)
                continue
            copies = [self.place.copies.submit(self._ask, request)] if chance < 0.3 else []
            if self.late and chance > 0.8:
                copies.append(self.place.copies.submit(self._ask, self.late.pop(0)))
            reply = self._ask(request)
            for copy in copies:
                copy.result()
            if self.random.random() < 0.15:
                self.tablet.give_up()
                continue
            self._receive(request, reply)
        raise AssertionError(f"{self.sign} does not drain: {self.tablet.pending()}")

    def _ask(self, request: Request) -> Reply:
        reply = self.place.server.ask(SYNC, request.body, token=self.tablet.store.token)
        assert reply is not None
        assert reply.status in (200, 503), reply
        return reply

    def _receive(self, request: Request, reply: Reply) -> None:
        applied = self.tablet.receive(request.exchange, request.path, reply.status, reply.body)
        answered = time.monotonic()
        for action in applied.settled:
            if action.id not in self.asked:
                continue
            call, asked, _ = self.asked.pop(action.id)
            assert action.answer is not None
            if action.kind in ("call.self_dispatch", "call.poach"):
                verdict = action.answer
                told = verdict["answer"] if verdict["status"] == "applied" else verdict
                self._note_take(call, asked, answered, {**told, "status": verdict["status"]})
            else:
                self._note_end(call, asked, answered, action)

    def _note_take(self, call: int, asked: float, answered: float, told: JSON) -> None:
        code = told.get("code", "")
        self.place.counts[code or told["status"]] += 1
        if told["status"] == "applied":
            self.won[call] = told["assignment"]
            self.had.add(call)
            self.place.note(call, Operation(Verb.TAKE, self.sign, asked, answered, Outcome.OK))
        elif code == "call_already_taken":
            seen = told["facts"]["unit"]
            self.place.note(call, Operation(Verb.TAKE, self.sign, asked, answered, Outcome.FAIL, seen=seen))
        elif code == "call_not_pending":
            self.place.note(call, Operation(Verb.TAKE, self.sign, asked, answered, Outcome.FAIL, seen=CLOSED))
        elif code in ("unit_busy", "self_dispatch_wrong_queue", "poach_wrong_queue"):
            # The call is looked at first: it waited.
            self.place.note(call, Operation(Verb.LOOK, self.sign, asked, answered, Outcome.OK))
        else:
            assert code == "take_expired", told

    def _note_end(self, call: int, asked: float, answered: float, action: Action) -> None:
        assert action.answer is not None
        verb = Verb.CLEAR if action.kind == "assignment.clear" else Verb.HAND_BACK
        applied = action.answer["status"] == "applied" and not action.answer.get("flags")
        self.place.counts[f"{verb} {'done' if applied else 'late'}"] += 1
        outcome = Outcome.OK if applied else Outcome.FAIL
        self.place.note(call, Operation(verb, self.sign, asked, answered, outcome))

    def end_what_it_has(self) -> None:
        """
        Hand back or clear whatever was won.
        """
        for call, assignment in self.won.items():
            if self.random.random() < 0.7:
                self.do("assignment.hand_back", call, {"assignment": assignment, "reason": "Too far"})
            else:
                self.do("assignment.clear", call, {"assignment": assignment, "disposition": "HANDLED"})
        self.won.clear()


class Place:
    """
    An agency, its crews and its desk, and the history of every call.
    """

    def __init__(self, copies: ThreadPoolExecutor) -> None:
        self.server, self.copies = Server(), copies
        self.agency = make.agency(has_cad=False, crew_minimum=1, self_dispatch_life_s=600, poach_life_s=600)
        self.area = make.area(self.agency)
        self.type = make_dispatch.call_type(self.agency)
        self.desk = make.actor(make.person(self.agency, "DISPATCHER"))
        self.crews = [Crew(self, number) for number in range(UNITS)]
        self.takes = 0
        self.counts: Counter[str] = Counter()
        self.history: dict[int, list[Operation]] = defaultdict(list)
        self._lock = Lock()

    def note(self, call: int, operation: Operation) -> None:
        with self._lock:
            self.history[call].append(operation)

    def desk_does(self, kind: str, args: JSON) -> tuple[float, float, JSON]:
        """
        Do something at the desk; return when it was asked and answered, and what.
        """
        asked, at = time.monotonic(), datetime.now(UTC)
        answer = run_action(kinds()[kind], action_id=uuid4(), args=args, by=self.desk, at=at, happened_at=None)
        return asked, time.monotonic(), {**answer.body, "applied": answer.applied}

    def meddle(self, calls: list[int], chance: Random) -> None:
        """
        Cancel a call or two, and give some to other crews, while the crews are at it.
        """
        for call in chance.sample(calls, 2):
            self.cancel(call)
        for _ in range(4):
            row = Assignment.objects.filter(call__in=calls, ended_at=None).order_by("?").first()
            if row is None:
                continue
            unit, to = row.unit.call_sign, chance.choice(self.crews)
            args = {"assignment": row.pk, "unit": to.unit.pk, "reason": "Nearer"}
            asked, answered, told = self.desk_does("call.reassign", args)
            code = told.get("code", "reassigned")
            self.counts[f"desk {code}"] += 1
            if code in ("reassigned", "assignment_ended"):
                outcome = Outcome.OK if told["applied"] else Outcome.FAIL
                self.note(row.call_id, Operation(Verb.REASSIGN, unit, asked, answered, outcome, to=to.sign))

    def cancel(self, call: int) -> None:
        """
        Cancel a call.
        """
        asked, answered, told = self.desk_does("call.cancel", {"call": call, "reason": "Called again"})
        outcome = Outcome.OK if told["applied"] else Outcome.FAIL
        self.note(call, Operation(Verb.CANCEL, "desk", asked, answered, outcome))


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_the_history_of_every_call_is_linearizable(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    # Thousands of takes are refused, each with a line: a fault of ours would be lost among them.
    caplog.set_level(logging.ERROR, logger="django.request")
    settings.RATE_LIMIT_PREFIX = f"takes-{uuid4().hex}"
    chance = Random(TAKES)
    with ThreadPoolExecutor(2) as copies:
        place = Place(copies)
        for turn in count():
            if place.takes >= TAKES:
                break
            # The rate at which a tablet may ask is another test's business.
            settings.RATE_LIMIT_PREFIX = f"takes-{uuid4().hex}"
            rush(place, turn, chance)

    bad = {call: history for call, history in place.history.items() if not is_linearizable(history)}
    assert not bad, "\n".join(map(str, sorted(next(iter(bad.values())), key=lambda one: one.asked)))
    assert place.counts["applied"] >= TAKES // (UNITS * 2)
    assert place.counts["call_already_taken"] > 0
    assert place.counts["HAND_BACK done"] > 0
    assert place.counts["desk reassigned"] > 0
    assert list(differences()) == []
    assert list(digest_differences()) == []


def rush(place: Place, turn: int, chance: Random) -> None:
    """
    Let every crew reach for every call at once; then end what they have, while the others reach again.
    """
    queues = ["POLICE" if (turn + n) % 3 == 0 else "CARE" for n in range(CALLS)]
    calls = {
        make_dispatch.call(place.agency, area=place.area, type=place.type, queue=queue, response=queue).pk: queue
        for queue in queues
    }

    def first(crew: Crew) -> None:
        for call in crew.random.sample(sorted(calls), CALLS):
            crew.take(call, calls[call])
        crew.drain()

    def second(crew: Crew) -> None:
        crew.end_what_it_has()
        for call in crew.random.sample(sorted(calls), CALLS):
            # Given back it waits where the policy says, and without one that is with police.
            crew.take(call, crew.random.choice(["CARE", "POLICE"]))
        crew.drain()

    together(place.crews, first)
    together(place.crews, second, beside=lambda: place.meddle(sorted(calls), chance))
    for call in calls:
        place.cancel(call)
    assert not Call.objects.open().filter(pk__in=calls).exists()
    for crew in place.crews:
        crew.won.clear()


def together(crews: list[Crew], work: Callable[[Crew], None], *, beside: Callable[[], None] | None = None) -> None:
    """
    Run a work for every crew, in threads that start at the same moment.
    """
    shares = [crews[n::THREADS] for n in range(THREADS)]
    start = Barrier(THREADS + (beside is not None), timeout=60)

    def run(share: list[Crew]) -> None:
        start.wait()
        try:
            for crew in share:
                work(crew)
        finally:
            connection.close()

    def run_beside() -> None:
        start.wait()
        try:
            assert beside is not None
            beside()
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS + 1) as pool:
        running: list[Future[None]] = [pool.submit(run, share) for share in shares]
        if beside is not None:
            running.append(pool.submit(run_beside))
        for one in running:
            one.result()
