"""
A tablet's queue for tests: it numbers actions, sends them, and keeps nothing else.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from dispatch.models import Assignment, Call
from responders.models import Person
from tests.factories import dispatch as make_calls
from tests.factories import responders as make
from tests.factories import tablets as make_tablets

JSON = dict[str, Any]


@dataclass
class Queue:
    """
    The lane of one installation, seen from the tablet.
    """

    paired: make_tablets.Paired
    person: Person | None = None
    installation: UUID = field(default_factory=uuid4)
    next_seq: int = 1
    first_seq: int = 1
    epoch: str | None = None

    def action(self, kind: str, args: JSON | None = None, /, **changed: Any) -> JSON:
        """
        Return the envelope of one action at the next place; a value of None leaves the key out.
        """
        envelope: JSON = {
            "seq": self.next_seq,
            "id": str(uuid4()),
            "kind": kind,
            "v": 1,
            "args": args or {},
            "actor": str(self.person.pk if self.person else 0),
            "happened_at": datetime.now(UTC).isoformat(),
            **changed,
        }
        self.next_seq = max(self.next_seq, envelope["seq"] or 0) + 1
        return {name: value for name, value in envelope.items() if value is not None}

    def post(self, *actions: JSON, **changed: Any) -> Any:
        """
        Return the HTTP answer to one exchange.
        """
        body = {
            "protocol": 1,
            "schema": 1,
            "installation": str(self.installation),
            "epoch": self.epoch,
            "sent_at": datetime.now(UTC).isoformat(),
            "first_seq": self.first_seq,
            "app_version": "0.1.0",
            "outbox": {"count": len(actions), "oldest_at": None},
            "persisted": True,
            "mismatches": 0,
            "streams": {},
            "actions": list(actions),
            **changed,
        }
        return self.paired.client.post("/api/sync", body, content_type="application/json")

    def send(self, *actions: JSON, **changed: Any) -> JSON:
        """
        Return the answer to one exchange, and keep its epoch.
        """
        answer = self.post(*actions, **changed)
        assert answer.status_code == 200, answer.content
        body: JSON = answer.json()
        self.epoch = body["epoch"]
        return body

    def do(self, kind: str, args: JSON | None = None, /, **changed: Any) -> JSON:
        """
        Send one action and return its answer.
        """
        (answer,) = self.send(self.action(kind, args, **changed))["answers"]
        return dict(answer)


@dataclass
class Crew:
    """
    An agency at work, a unit with its crew on shift, and the tablet at which the first of them is signed on.
    """

    scene: make_calls.Scene
    queue: Queue
    person: Person

    def call(self, **fields: Any) -> Call:
        """
        Return a call that waits for CARE.
        """
        return make_calls.care_call(self.scene, **fields)

    def held(self) -> Assignment:
        """
        Return the assignment of the call that the unit has, a new one if it has none.
        """
        held = Assignment.objects.open().filter(unit=self.scene.unit).first()
        return held or make_calls.assignment(self.scene, unit=self.scene.unit)


def crew(*, size: int = 1) -> Crew:
    """
    Return an agency with a unit, its crew, and a tablet of theirs.
    """
    now = datetime.now(UTC)
    scene = make_calls.scene(crew=size, at=now, crew_minimum=1)
    person = Person.objects.get(pk=scene.tablet.person_id or 0)
    paired = make_tablets.paired(scene.unit)
    make_tablets.signed_on(paired.tablet, person)
    return Crew(scene, Queue(paired, person), person)


def another(of: Crew) -> Queue:
    """
    Return another tablet of the same unit, with a new colleague signed on at it.
    """
    paired = make_tablets.paired(of.scene.unit)
    person = make.person(of.scene.agency)
    make_tablets.signed_on(paired.tablet, person)
    return Queue(paired, person)
