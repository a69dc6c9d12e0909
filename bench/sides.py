"""
The sides of bench/against_kinto.py: what each server holds, and what its 200 tablets ask of it.
"""

import asyncio
import base64
import gzip
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from django.db import connection

from bench import kinto
from bench.load import Request, ask, request
from bench.processes import Meter
from bench.town import PER_UNIT, Town
from dispatch.actions.decisions import decide
from dispatch.models import Call
from journal.door import open_door
from journal.flush import digest_term, signed
from journal.pulls import digest_hex
from journal.schema import SCHEMA
from tablets import epochs
from tests.factories import dispatch as make_dispatch

CHANGED = 20
TABLETS = 200
CALLS = 1_000
NOTE = (
    "The caller is on the bench by the fountain and says that somebody who is with her has had nothing to eat today."
)


@dataclass
class Ours:
    """
    Our web process, the numbers that its tablets hold, and what they ask.
    """

    town: Town
    port: int
    pid: int
    streams: dict[int, dict[str, dict[str, Any]]] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.meter = Meter(self.pid, connection.settings_dict["NAME"])
        self.installations = [str(uuid4()) for _ in self.town.tokens]
        self.seqs = [1] * TABLETS
        self.idle = list(range(TABLETS))
        self.epoch = epochs.current()
        type_of_call = make_dispatch.call_type(self.town.agency)
        with open_door(by="system:bench", at=datetime.now(UTC)):
            calls = Call.objects.bulk_create(
                Call(
                    agency=self.town.agency,
                    area=self.town.area,
                    type=type_of_call,
                    number=f"B{number}",
                    source="911",
                    priority=3,
                    queue="CARE",
                    response="CARE",
                    address=f"{number} PIKE ST",
                    address_key=f"{number} PIKE ST",
                    received_at=datetime.now(UTC),
                )
                for number in range(CALLS)
            )
            self.calls = [call.pk for call in calls]
        with open_door(by="system:bench", at=datetime.now(UTC)):
            # What a note finds is a call that was decided when it came in.
            for call_id in self.calls:
                decide(call=Call.objects.lock(call_id), by="system:bench", at=datetime.now(UTC))

    @property
    def area(self) -> str:
        return f"area.{self.town.area.pk}"

    def fill(self, bodies: Sequence[str]) -> None:
        """
        Put the documents above what is in the area's stream, as many transactions would have.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT number, digest, count FROM journal_stream WHERE name = %s", [self.area])
            first, digest, held = cursor.fetchone()
            cursor.execute(
                "INSERT INTO journal_document (stream, collection, document_id, subject, subject_id, number, body)"
                " SELECT %s, 'call', id, 'call', 1000000000 + nr, %s + nr, body"
                " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS row (id, body, nr)",
                [self.area, first, [f"b{number}" for number in range(len(bodies))], list(bodies)],
            )
            digest += sum(digest_term("call", f"b{number}", first + number + 1) for number in range(len(bodies)))
            cursor.execute(
                "UPDATE journal_stream SET number = %s, digest = %s, count = %s WHERE name = %s",
                [first + len(bodies), signed(digest), held + len(bodies), self.area],
            )
            cursor.execute("ANALYZE")
            cursor.execute("SELECT name, number, floor, digest, count FROM journal_stream")
            numbers = {
                name: {"number": number, "floor": floor, "digest": digest_hex(digest), "count": many}
                for name, number, floor, digest, many in cursor.fetchall()
            }
        nothing = {"number": 0, "floor": 0, "digest": digest_hex(0), "count": 0}
        for place, person in enumerate(self.town.people):
            unit = self.town.units[place // PER_UNIT].pk
            names = [f"unit.{unit}", self.area, f"responder.{person}", *self.town.streams]
            self.streams[place] = {name: numbers.get(name, nothing) for name in names}

    def pull(self) -> Request:
        place = random.randrange(TABLETS)
        held = dict(self.streams[place])
        now = held[self.area]
        held[self.area] = {"number": now["number"] - CHANGED, "floor": now["floor"]}
        return self._exchange(place, held), self._pulled

    def quiet(self) -> Request:
        place = random.randrange(TABLETS)
        return self._exchange(place, self.streams[place]), partial(_expect, 200)

    def note(self) -> Request:
        place = random.randrange(TABLETS)
        args = {"call": random.choice(self.calls), "text": NOTE}
        content = orjson.dumps({"id": str(uuid4()), "args": args})
        return request("POST", "/api/actions/call.note/", self._headers(place), content), partial(_expect, 200)

    def lane(self) -> Request:
        return self.lane_of(self.idle.pop(), kinto.BATCH)

    def lane_of(self, place: int, size: int, noted: list[int] | None = None) -> Request:
        """
        Return the next actions of one tablet's queue; nobody else sends for it until they are answered.
        """
        first, now = self.seqs[place], datetime.now(UTC).isoformat()
        actions = [
            {
                "seq": first + number,
                "id": str(uuid4()),
                "kind": "call.note",
                "v": 1,
                "args": {"call": random.choice(self.calls), "text": NOTE},
                "after": [],
                "actor": str(self.town.people[place]),
                "happened_at": now,
            }
            for number in range(size)
        ]

        def done(status: int, body: bytes) -> int:
            assert status == 200, body
            answers = orjson.loads(body)["answers"]
            self.refused += sum(answer["status"] != "applied" for answer in answers)
            self.seqs[place] += len(answers)
            if noted is None:
                self.idle.insert(0, place)
            else:
                noted.extend(answer["answer"]["note"] for answer in answers if answer["status"] == "applied")
            return len(answers)

        return self._exchange(place, self.streams[place], actions), done

    def _pulled(self, status: int, body: bytes) -> int:
        assert status == 200, body
        if len(self.sizes) < 50:
            documents = orjson.loads(body)["streams"][self.area]["documents"]
            assert len(documents) == CHANGED, len(documents)
            self.sizes.append((len(body), len(gzip.compress(body, 6))))
        return 1

    def _headers(self, place: int) -> dict[str, str]:
        return {"Authorization": f"Tablet {self.town.tokens[place]}", "X-Tablet": "1"}

    def _exchange(self, place: int, held: dict[str, dict[str, Any]], actions: Sequence[dict[str, Any]] = ()) -> bytes:
        asked = {
            "protocol": 1,
            "schema": SCHEMA,
            "installation": self.installations[place],
            "epoch": self.epoch,
            "sent_at": datetime.now(UTC).isoformat(),
            "first_seq": self.seqs[place],
            "app_version": "0.1.0",
            "outbox": {"count": len(actions), "oldest_at": None},
            "persisted": True,
            "mismatches": 0,
            "streams": held,
            "actions": list(actions),
        }
        return request("POST", "/api/sync", self._headers(place), orjson.dumps(asked))


class Theirs:
    """
    Kinto with the same documents as records, and what as many users ask of it.
    """

    def __init__(self, peer: kinto.Kinto) -> None:
        self.peer, self.port = peer, peer.port
        self.meter = Meter(peer.pid, peer.database)
        self.sizes: list[tuple[int, int]] = []
        self.refused = 0
        self.top = 0

    def fill(self, bodies: Sequence[str]) -> None:
        """
        Make the collection over HTTP, so that Kinto gives its permissions, and its records in SQL, a ms apart.
        """
        everybody = {"permissions": {"read": ["system.Authenticated"], "write": ["system.Authenticated"]}}
        bucket = f"/v1/buckets/{kinto.BUCKET}"
        parent = f"{bucket}/collections/{kinto.COLLECTION}"
        asyncio.run(
            self._make(request("PUT", path, self._headers(0), orjson.dumps(everybody)) for path in (bucket, parent))
        )
        began = int(datetime.now(UTC).timestamp() * 1000) - 10 * len(bodies)
        with psycopg.connect(self.peer.url, autocommit=True) as database:
            database.execute(
                "INSERT INTO objects (id, parent_id, resource_name, last_modified, data, deleted)"
                " SELECT 'b' || nr, %s, 'record', from_epoch(%s + nr), body::jsonb, false"
                " FROM unnest(%s::text[]) WITH ORDINALITY AS row (body, nr) ORDER BY nr",
                [parent.removeprefix("/v1"), began, list(bodies)],
            )
            database.execute("ANALYZE")
        self.top = began + len(bodies)

    def pull(self) -> Request:
        return self._since(self.top - CHANGED), self._pulled

    def quiet(self) -> Request:
        return self._since(self.top), partial(_expect, 200)

    def put(self) -> Request:
        path = f"{kinto.RECORDS}/{uuid4()}"
        content = orjson.dumps({"data": self._note()})
        return request("PUT", path, self._headers(random.randrange(TABLETS)), content), self._stored

    def batch(self) -> Request:
        return self.batch_of(kinto.BATCH)

    def batch_of(self, size: int, stored: list[str] | None = None) -> Request:
        """
        Return new records in one request; ``stored`` gets the ids of those that were answered with 201.
        """
        ids = [str(uuid4()) for _ in range(size)]
        content = orjson.dumps(
            {
                "defaults": {"method": "PUT"},
                "requests": [{"path": f"{kinto.RECORDS}/{key}", "body": {"data": self._note()}} for key in ids],
            }
        )

        def done(status: int, body: bytes) -> int:
            answers = orjson.loads(body)["responses"] if status == 200 else []
            fine = [answer["path"].rpartition("/")[2] for answer in answers if answer["status"] == 201]
            self.refused += size - len(fine)
            if stored is not None:
                stored.extend(fine)
            return len(fine)

        return request("POST", "/v1/batch", self._headers(random.randrange(TABLETS)), content), done

    def since(self, number: int) -> bytes:
        """
        Return the request for everything above a cursor, oldest first, as Kinto's documentation says to sync.
        """
        return self._since(number, "&_sort=last_modified")

    def _since(self, number: int, more: str = "") -> bytes:
        return request("GET", f"{kinto.RECORDS}?_since=%22{number}%22{more}", self._headers(random.randrange(TABLETS)))

    def _note(self) -> dict[str, Any]:
        # About what one of our notes is with everything that is kept beside it.
        return {"call": random.randrange(CALLS), "text": NOTE, "at": datetime.now(UTC).isoformat(), "origin": "UNIT"}

    def _pulled(self, status: int, body: bytes) -> int:
        assert status == 200, body
        if len(self.sizes) < 50:
            assert len(orjson.loads(body)["data"]) == CHANGED, body
            self.sizes.append((len(body), len(gzip.compress(body, 6))))
        return 1

    def _stored(self, status: int, _: bytes) -> int:
        self.refused += status != 201
        return int(status == 201)

    def _headers(self, place: int) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"tablet{place}:secret".encode()).decode()}

    async def _make(self, requests: Iterable[bytes]) -> None:
        for raw in requests:
            status, body = await ask(self.port, raw)
            assert status == 201, body


class Bare:
    """
    A Django view without anything around it, over the same rows.
    """

    def __init__(self, ours: Ours, port: int, pid: int) -> None:
        self.ours, self.port = ours, port
        self.meter = Meter(pid, connection.settings_dict["NAME"])

    def pull(self) -> Request:
        return self._above(self.ours.streams[0][self.ours.area]["number"] - CHANGED)

    def quiet(self) -> Request:
        return self._above(self.ours.streams[0][self.ours.area]["number"])

    def _above(self, number: int) -> Request:
        headers = {"Authorization": f"Tablet {random.choice(self.ours.town.tokens)}"}
        content = orjson.dumps({"stream": self.ours.area, "number": number})
        return request("POST", "/rows", headers, content), partial(_expect, 200)


def _expect(wanted: int, status: int, body: bytes) -> int:
    assert status == wanted, body
    return 1


def body_of(number: int) -> str:
    """
    Return about 370 bytes of what a board shows of a call.
    """
    return orjson.dumps(
        {
            "number": f"26-{number:06d}",
            "status": "PENDING",
            "queue": "CARE" if number % 3 else "POLICE",
            "response": "CARE",
            "care_available": True,
            "reasons": ["CARE_GREEN"],
            "type": {"code": "WELFARE", "label": "Welfare check", "color": "YELLOW"},
            "priority": 3,
            "address": f"{number % 4000} PIKE ST",
            "point": [-122.337, 47.611],
            "place_kind": "PUBLIC",
            "received_at": "2026-06-03T19:00:00Z",
            "police_assigned": False,
            "caution": False,
            "units": [],
        }
    ).decode()
