"""
``flush()``: turn the changes of a transaction into documents, numbers and entries, last thing before the commit.

Written in SQL, because it runs once for every change anybody makes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson
from django.db import connection, transaction

from journal import hints
from journal.entries import NewEntry
from journal.subjects import Subject, subjects

# Documents of a bulk import go to the server in statements of this many rows.
BATCH_ROWS = 2_000
_MODULUS = 1 << 64
_T = TypeVar("_T")


class _Key(NamedTuple):
    stream: str
    collection: str
    id: str


class _Change(NamedTuple):
    key: _Key
    subject: str
    subject_id: int
    body: str | None
    old_number: int | None


@dataclass(slots=True)
class _Raised:
    number: int
    digest: int
    count: int


def flush(entries: Sequence[NewEntry], *, at: datetime, action_id: UUID | None = None) -> None:
    """
    Write the difference that this transaction makes to its readers' documents, and its entries.

    Takes the marks that row triggers left, locks those subjects, computes what every stream now holds of them, locks the
    streams in order of their names, raises each once, writes, and fires the constraint that refuses leftover marks.
    """
    with connection.cursor() as cursor:
        marked = _take_marks(cursor)
        changes = [change for name, ids in marked for change in _changes_of(cursor, subjects()[name], ids)]
        if not changes and not entries:
            _refuse_leftovers(cursor)
            return
        steps: dict[str, int] = {change.key.stream: 1 for change in changes}
        for entry in entries:
            steps[entry.stream] = steps.get(entry.stream, 0) + 1
        raised = _raise_streams(cursor, steps)
        gone = entries[-1].kind if entries else "removed"
        _write_documents(cursor, changes, raised, gone=gone, at=at)
        _write_entries(cursor, entries, raised, action_id=action_id)
        _refuse_leftovers(cursor)
    numbers = {name: stream.number for name, stream in raised.items() if not name.startswith("journal.")}
    if numbers:
        transaction.on_commit(partial(hints.offer, numbers), robust=True)


def digest_term(collection: str, document_id: str, number: int) -> int:
    """
    Return one live document's share of its stream's digest, 0 ≤ term < 2^64.
    """
    return int.from_bytes(sha256(f"{collection}|{document_id}|{number}".encode()).digest()[:8], "big")


def signed(digest: int) -> int:
    """
    Return a digest modulo 2^64 as the signed integer that Postgres keeps.
    """
    digest %= _MODULUS
    return digest - _MODULUS if digest >= _MODULUS >> 1 else digest


def encode(body: Mapping[str, Any]) -> str:
    """
    Return a body as the JSON text that is compared, kept, pushed and pulled.
    """
    return orjson.dumps(body, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()


def _take_marks(cursor: Any) -> list[tuple[str, list[int]]]:
    cursor.execute("DELETE FROM journal_mark RETURNING subject, subject_id")
    marked: dict[str, set[int]] = defaultdict(set)
    for subject, subject_id in cursor.fetchall():
        marked[subject].add(subject_id)
    return [(name, sorted(marked[name])) for name in subjects() if name in marked]


def _changes_of(cursor: Any, subject: Subject, ids: Sequence[int]) -> Iterator[_Change]:
    for some in _batches(ids):
        # An action holds this lock already. The admin, an import or raw SQL may not: without it, two writers of one
        # subject could each compute its documents from the half that they can see.
        cursor.execute(
            f"SELECT 1 FROM {subject.table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608  the table's name is declared in code
            [some],
        )
        cursor.execute(
            "SELECT stream, collection, document_id, subject_id, number, body FROM journal_document"
            " WHERE subject = %s AND subject_id = ANY(%s) AND gone IS NULL",
            [subject.name, some],
        )
        had = {_Key(*row[:3]): row[3:] for row in cursor.fetchall()}
        for held in subject.documents(some):
            key = _Key(held.stream, held.collection, held.id)
            body = encode(held.body)
            _, number, old_body = had.pop(key, (None, None, None))
            if body != old_body:
                yield _Change(key, subject.name, held.subject_id, body, number)
        for key, (subject_id, number, _) in had.items():
            yield _Change(key, subject.name, subject_id, None, number)


def _raise_streams(cursor: Any, steps: Mapping[str, int]) -> dict[str, _Raised]:
    names = sorted(steps)
    # One statement locks old and new rows alike, in the order of the names: no two transactions can wait in a circle.
    cursor.execute(
        "INSERT INTO journal_stream AS s (name, number, floor, digest, count)"
        " SELECT name, step, 0, 0, 0 FROM unnest(%s::text[], %s::bigint[]) AS raised (name, step) ORDER BY name"
        " ON CONFLICT (name) DO UPDATE SET number = s.number + EXCLUDED.number"
        " RETURNING s.name, s.number, s.digest, s.count",
        [names, [steps[name] for name in names]],
    )
    return {name: _Raised(number, digest, count) for name, number, digest, count in cursor.fetchall()}


def _write_documents(
    cursor: Any, changes: Sequence[_Change], raised: dict[str, _Raised], *, gone: str, at: datetime
) -> None:
    for some in _batches(changes):
        # One JSON parameter rather than seven arrays: quoting arrays took a third of a bulk import's time.
        rows = [
            {
                "stream": change.key.stream,
                "collection": change.key.collection,
                "id": change.key.id,
                "subject": change.subject,
                "subject_id": change.subject_id,
                "number": raised[change.key.stream].number,
                "body": change.body,
            }
            for change in some
        ]
        cursor.execute(
            "INSERT INTO journal_document"
            " (stream, collection, document_id, subject, subject_id, number, body, gone, gone_at)"
            " SELECT stream, collection, id, subject, subject_id, number, body,"
            " CASE WHEN body IS NULL THEN %s END, CASE WHEN body IS NULL THEN %s::timestamptz END"
            " FROM json_to_recordset(%s::json) AS changed (stream text, collection text, id text, subject text,"
            " subject_id bigint, number bigint, body text)"
            " ON CONFLICT (stream, collection, document_id) DO UPDATE SET subject = EXCLUDED.subject,"
            " subject_id = EXCLUDED.subject_id, number = EXCLUDED.number, body = EXCLUDED.body,"
            " gone = EXCLUDED.gone, gone_at = EXCLUDED.gone_at",
            [gone, at, orjson.dumps(rows).decode()],
        )
    if not changes:
        return
    for change in changes:
        stream = raised[change.key.stream]
        if change.old_number is not None:
            stream.digest -= digest_term(change.key.collection, change.key.id, change.old_number)
            stream.count -= 1
        if change.body is not None:
            stream.digest += digest_term(change.key.collection, change.key.id, stream.number)
            stream.count += 1
    touched = sorted({change.key.stream for change in changes})
    cursor.execute(
        "UPDATE journal_stream AS s SET digest = new.digest, count = new.count"
        " FROM unnest(%s::text[], %s::bigint[], %s::int[]) AS new (name, digest, count) WHERE s.name = new.name",
        [touched, [signed(raised[name].digest) for name in touched], [raised[name].count for name in touched]],
    )


def _write_entries(
    cursor: Any, entries: Sequence[NewEntry], raised: Mapping[str, _Raised], *, action_id: UUID | None
) -> None:
    if not entries:
        return
    left: dict[str, int] = defaultdict(int)
    for entry in entries:
        left[entry.stream] += 1
    rows = []
    for entry in entries:
        left[entry.stream] -= 1
        number = raised[entry.stream].number - left[entry.stream]
        data = orjson.dumps(entry.data, default=str, option=orjson.OPT_UTC_Z).decode()
        rows.append((entry.stream, number, entry.kind, entry.about, entry.by, data, action_id, entry.at))
    cursor.executemany(
        "INSERT INTO journal_entry (stream, number, kind, about, by, data, action_id, happened_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        rows,
    )


def _refuse_leftovers(cursor: Any) -> None:
    cursor.execute("SET CONSTRAINTS journal_mark_is_flushed IMMEDIATE")
    cursor.execute("SET CONSTRAINTS journal_mark_is_flushed DEFERRED")


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while some := list(islice(iterator, BATCH_ROWS)):
        yield some
