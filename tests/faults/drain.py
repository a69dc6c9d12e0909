"""
Many tablets that come back with full queues and send what they have, whatever happens to the server meanwhile.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

from tests.simulation.tablet import Store, Tablet

# How long a tablet waits before it asks again, in seconds: short, so that what is measured is the server's return.
_AGAIN = (0.05, 0.25)
_ANSWER_WITHIN = 8.0
_THREADS = 20


@dataclass
class Crew:
    """
    A tablet of the drill, and what was told to its crew.
    """

    tablet: Tablet
    actor: str
    call: int
    assignment: int
    acknowledged: dict[str, str] = field(default_factory=dict)


@dataclass
class Drain:
    """
    The drill: crews, what they have sent, and when the server answered.
    """

    port: int
    crews: list[Crew]
    seed: int
    successes: list[tuple[float, float]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    # The fewest seconds between two exchanges of one tablet: stretches the drain over the faults.
    pace: float = 0.0

    def queue(self, each: int) -> None:
        """
        Let every crew do ``each`` things without signal: go there, write notes.
        """
        for crew in self.crews:
            steps = ["assignment.acknowledge", "assignment.en_route", "assignment.arrive"]
            for kind in steps[:each]:
                crew.tablet.do(kind, {"assignment": crew.assignment}, actor=crew.actor)
            for _ in range(each - len(steps)):
                # The note is its own name: how often it is there is how often it was done.
                name = crew.tablet.new_id()
                crew.tablet.do("call.note", {"call": crew.call, "text": name}, actor=crew.actor)

    @property
    def pending(self) -> int:
        """
        Return how many actions have no answer yet.
        """
        return sum(len(crew.tablet.pending()) for crew in self.crews)

    @contextmanager
    def running(self) -> Iterator[None]:
        """
        Have all tablets send inside the block.
        """
        shares = [self.crews[start::_THREADS] for start in range(_THREADS)]
        threads = [threading.Thread(target=self._work, args=(share, number)) for number, share in enumerate(shares)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(30)

    def finish(self, within: float) -> bool:
        """
        Wait until every action has its answer; tell whether that came about within so many seconds.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.pending:
            time.sleep(0.1)
        return not self.pending

    def back_after(self, moment: float) -> float:
        """
        Return how many seconds after a moment an exchange that began after it had its answer.
        """
        began = [ended for started, ended in list(self.successes) if started >= moment]
        return min(began) - moment if began else float("inf")

    def _work(self, crews: Sequence[Crew], number: int) -> None:
        random = Random(self.seed * 1000 + number)
        connection: HTTPConnection | None = None
        while not self._stop.is_set():
            busy = [crew for crew in crews if crew.tablet.pending()]
            if not busy:
                self._stop.wait(0.1)
                continue
            crew = random.choice(busy)
            connection, done = self._exchange(crew, connection)
            self._stop.wait(self.pace if done else random.uniform(*_AGAIN))
        if connection is not None:
            connection.close()

    def _exchange(self, crew: Crew, connection: HTTPConnection | None) -> tuple[HTTPConnection | None, bool]:
        request = crew.tablet.request()
        started = time.monotonic()
        try:
            connection = connection or HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_WITHIN)
            connection.request(
                "POST",
                request.path,
                json.dumps(request.body),
                {
                    "Authorization": f"Tablet {crew.tablet.store.token}",
                    "X-Tablet": "1",
                    "Content-Type": "application/json",
                    "Host": "localhost",
                },
            )
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            # Whether it was done is not known.
            if connection is not None:
                connection.close()
            crew.tablet.give_up()
            return None, False
        self.statuses[response.status] += 1
        if response.status != 200:
            crew.tablet.receive(request.exchange, request.path, response.status, {})
            return connection, False
        body: dict[str, Any] = json.loads(content)
        applied = crew.tablet.receive(request.exchange, request.path, 200, body)
        self.successes.append((started, time.monotonic()))
        for action in applied.settled:
            assert action.answer is not None, "a settled action has its answer"
            crew.acknowledged[action.id] = action.answer["status"]
        return connection, True


def drain_of(scene: Sequence[dict[str, Any]], *, port: int, seed: int) -> Drain:
    """
    Return a drill of the crews that ``tests.faults.scene`` has made.
    """
    began = time.monotonic()
    crews = []
    for number, member in enumerate(scene):
        random = Random(seed * 10_000 + number)
        blank = Tablet(
            Store(installation="", token=member["token"]),
            clock=lambda: datetime.now(UTC),
            monotonic=lambda: timedelta(seconds=time.monotonic() - began),
            random=random,
        )
        blank.store.installation = blank.new_id()
        blank.signed_on(member["actor"])
        crews.append(Crew(blank, member["actor"], member["call"], member["assignment"]))
    return Drain(port, crews, seed)
