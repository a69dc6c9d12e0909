"""
What a server may not do: answer "stored" and not have it, and let a reader's cursor run past a row.

Several writers at once put batches into one stream (one collection of Kinto's), and a reader follows it the way that its
documentation says.
"""

import asyncio
import os
from typing import Any

import orjson
from django.db import connection

from bench.figures import Figure
from bench.load import ask, request
from bench.sides import Ours, Theirs
from bench.town import PER_UNIT
from tests.factories import responders as make
from tests.security.clients import desk_client

WRITERS, BATCHES, PER_BATCH = 8, int(os.environ.get("BENCH_BATCHES", "12")), 10


def run(ours: Ours, theirs: Theirs) -> list[Figure]:
    """
    Several writers at once into one stream, and a reader who follows it: which rows it never gets, and which of those that
    were answered as stored are not there afterwards.
    """
    missed, absent, stored = _lost_by_us(ours)
    their_missed, their_absent, their_stored = asyncio.run(_lost_by_them(theirs))
    what = f"{WRITERS} writers of batches of {PER_BATCH}"
    return [
        Figure(
            name=f"{what}: rows that a reader's cursor missed, of {stored:,}",
            value=missed,
            unit="rows",
            against=f"Kinto ({their_missed} of {their_stored:,})",
            goal="0",
            met=missed == 0,
        ),
        Figure(
            name=f"{what}: acknowledged and absent",
            value=absent,
            unit="actions",
            against=f"Kinto ({their_absent})",
            goal="0",
            met=absent == 0,
        ),
    ]


def _lost_by_us(ours: Ours) -> tuple[int, int, int]:
    stream = f"desk.{ours.town.agency.pk}"
    dispatcher = desk_client(make.person(ours.town.agency, "DISPATCHER"), SERVER_NAME="localhost")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in dispatcher.cookies.items())
    headers = {"Cookie": f"{cookies}; csrf={'c' * 32}", "X-CSRFToken": "c" * 32}
    noted: list[int] = []
    seen, there = asyncio.run(_follow_ours(ours, stream, headers, noted))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM dispatch_note WHERE id = ANY(%s)", [noted])
        kept = {row[0] for row in cursor.fetchall()}
    return len((there | kept) - seen), len({str(note) for note in noted} - kept), len(kept)


async def _follow_ours(
    ours: Ours, stream: str, headers: dict[str, str], noted: list[int]
) -> tuple[set[str], set[str]]:
    """
    Return the notes that a reader got who followed the stream while they were written, and all that are in it.
    """

    async def read(held: dict[str, Any]) -> tuple[set[str], dict[str, Any]]:
        found: set[str] = set()
        while True:
            asked = {"protocol": 1, "streams": {stream: held} if held else {}}
            status, body = await ask(ours.port, request("POST", "/api/sync", headers, orjson.dumps(asked)))
            assert status == 200, body
            answer = orjson.loads(body)["streams"][stream]
            found |= {document["id"] for document in answer["documents"] if document["c"] == "note"}
            held = {"number": answer["number"], "floor": answer["floor"]}
            if not answer["more"]:
                return found, held

    _, before = await read({})
    held, seen = before, set[str]()
    writing = asyncio.gather(*(_write_ours(ours, place * PER_UNIT, noted) for place in range(WRITERS)))
    while not writing.done():
        found, held = await read(held)
        seen |= found
        await asyncio.sleep(0.005)
    await writing
    found, _ = await read(held)
    there, _ = await read(before)
    return seen | found, there


async def _write_ours(ours: Ours, place: int, noted: list[int]) -> None:
    for _ in range(BATCHES):
        raw, done = ours.lane_of(place, PER_BATCH, noted)
        done(*await ask(ours.port, raw))


async def _lost_by_them(theirs: Theirs) -> tuple[int, int, int]:
    seen: set[str] = set()
    cursor = theirs.top

    async def read(number: int) -> tuple[set[str], int]:
        status, body = await ask(theirs.port, theirs.since(number))
        assert status == 200, body
        rows = orjson.loads(body)["data"]
        return {row["id"] for row in rows}, max([number, *(row["last_modified"] for row in rows)])

    _, cursor = await read(cursor)
    before = cursor
    stored: list[str] = []

    async def write() -> None:
        for _ in range(BATCHES):
            raw, done = theirs.batch_of(PER_BATCH, stored)
            done(*await ask(theirs.port, raw))

    writing = asyncio.gather(*(write() for _ in range(WRITERS)))
    while not writing.done():
        ids, cursor = await read(cursor)
        seen |= ids
        await asyncio.sleep(0.005)
    await writing
    ids, cursor = await read(cursor)
    seen |= ids
    there, _ = await read(before)
    return len(there - seen), len(set(stored) - there), len(there)
