"""
``flush()``: turn the changes of a transaction into documents, numbers and entries, last thing before the commit.

Written in SQL, and in few statements, because it runs once for every change anybody makes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson
from django.db import connection, transaction

from journal import hints
from journal.entries import NewEntry
from journal.prepared import prepared_cursor
from journal.sealing import document_about, is_sealed, opened, seal
from journal.subjects import sealed_subjects, subjects

# Documents of a bulk import go to the server in statements of this many rows.
BATCH_ROWS = 2_000
_MODULUS = 1 << 64
_T = TypeVar("_T")

_OLD_DOCUMENTS_SQL = """
SELECT d.stream, d.collection, d.document_id, d.subject, d.subject_id, d.number, d.body
  FROM unnest(%s::text[], %s::bigint[]) AS marked (subject, subject_id)
  JOIN journal_document d ON d.subject = marked.subject AND d.subject_id = marked.subject_id AND d.gone IS NULL
"""

# One statement locks old and new rows alike, in the order of the names: no two transactions can wait in a circle.
_RAISE_SQL = """
INSERT INTO journal_stream AS s (name, number, floor, digest, count)
SELECT name, step, 0, 0, 0 FROM unnest(%s::text[], %s::bigint[]) AS raised (name, step) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET number = s.number + EXCLUDED.number
RETURNING s.name, s.number, s.digest, s.count
"""

# Rows come as JSON rather than as arrays: quoting arrays took a third of a bulk import's time.
_WRITE_SQL = """
WITH document AS (
    INSERT INTO journal_document
           (stream, collection, document_id, subject, subject_id, number, body, gone, gone_at)
    SELECT stream, collection, id, subject, subject_id, number, body,
           CASE WHEN body IS NULL THEN %(gone)s END, CASE WHEN body IS NULL THEN %(at)s::timestamptz END
      FROM json_to_recordset(%(documents)s::json) AS changed (
           stream text, collection text, id text, subject text, subject_id bigint, number bigint, body text)
        ON CONFLICT (stream, collection, document_id) DO UPDATE
       SET subject = EXCLUDED.subject, subject_id = EXCLUDED.subject_id, number = EXCLUDED.number,
           body = EXCLUDED.body, gone = EXCLUDED.gone, gone_at = EXCLUDED.gone_at
), entry AS (
    INSERT INTO journal_entry (stream, number, kind, about, by, data, action_id, happened_at)
    SELECT stream, number, kind, about, by, data, %(action_id)s::uuid, at
      FROM json_to_recordset(%(entries)s::json) AS new (
           stream text, number bigint, kind text, about text, by text, data jsonb, at timestamptz)
)
UPDATE journal_stream AS s SET digest = new.digest, count = new.count
  FROM json_to_recordset(%(streams)s::json) AS new (name text, digest bigint, count int)
 WHERE s.name = new.name
"""


class _Mark(NamedTuple):
    subject: str
    subject_id: int


class _Key(NamedTuple):
    stream: str
    collection: str
    id: str


class _Change(NamedTuple):
    key: _Key
    mark: _Mark
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
    with prepared_cursor() as cursor:
        marks = _take_marks(cursor)
        changes = [change for some in _batches(marks) for change in _changes_of(cursor, some)]
        if changes or entries:
            steps: dict[str, int] = {change.key.stream: 1 for change in changes}
            for entry in entries:
                steps[entry.stream] = steps.get(entry.stream, 0) + 1
            raised = _raise_streams(cursor, steps)
            _write(cursor, changes, entries, raised, at=at, action_id=action_id)
            numbers = {name: stream.number for name, stream in raised.items() if not name.startswith("journal.")}
            if numbers:
                transaction.on_commit(partial(hints.offer, numbers), robust=True)
    if marks:
        _refuse_leftovers()


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


def _take_marks(cursor: Any) -> list[_Mark]:
    cursor.execute(_take_and_lock_sql())
    marked: dict[str, set[int]] = defaultdict(set)
    for subject, subject_id in cursor.fetchall():
        marked[subject].add(subject_id)
    return [_Mark(name, subject_id) for name in subjects() for subject_id in sorted(marked.get(name, ()))]


@cache
def _take_and_lock_sql() -> str:
    # An action holds the locks already. The admin, an import or raw SQL may not: without them, two writers of one subject
    # could each compute its documents from the half that they can see. The parts of a UNION ALL run one after another, so
    # the locks are taken in the order in which subjects are declared, and within one in that of the ids.
    parts = ["WITH taken AS (DELETE FROM journal_mark RETURNING subject, subject_id) SELECT * FROM taken"]
    parts += [
        f"SELECT * FROM (SELECT '{subject.name}', id FROM {subject.table} WHERE id = ANY(ARRAY("  # noqa: S608  names and tables are declared in code
        f"SELECT subject_id FROM taken WHERE subject = '{subject.name}')) ORDER BY id FOR NO KEY UPDATE) AS locked"
        for subject in subjects().values()
    ]
    return " UNION ALL ".join(parts)


def _changes_of(cursor: Any, marks: Sequence[_Mark]) -> Iterator[_Change]:
    # Read after the locks: whoever held them before has committed what was written by then.
    cursor.execute(_OLD_DOCUMENTS_SQL, [[mark.subject for mark in marks], [mark.subject_id for mark in marks]])
    had = {_Key(*row[:3]): row[3:] for row in cursor.fetchall()}
    for name, some in groupby(marks, key=attrgetter("subject")):
        subject = subjects()[name]
        for held in subject.documents([mark.subject_id for mark in some]):
            key = _Key(held.stream, held.collection, held.id)
            body = encode(held.body)
            *_, number, old_body = had.pop(key, (None, None))
            if subject.sealed and old_body is not None:
                # Each seal of the same body is another text. A plain one is from before the subject was sealed.
                old_body = opened(old_body, about=document_about(*key, number)) if is_sealed(old_body) else None
            if body != old_body:
                yield _Change(key, _Mark(name, held.subject_id), body, number)
    for key, (name, subject_id, number, _) in had.items():
        yield _Change(key, _Mark(name, subject_id), None, number)


def _raise_streams(cursor: Any, steps: Mapping[str, int]) -> dict[str, _Raised]:
    names = sorted(steps)
    cursor.execute(_RAISE_SQL, [names, [steps[name] for name in names]])
    return {name: _Raised(number, digest, count) for name, number, digest, count in cursor.fetchall()}


def _write(
    cursor: Any,
    changes: Sequence[_Change],
    entries: Sequence[NewEntry],
    raised: Mapping[str, _Raised],
    *,
    at: datetime,
    action_id: UUID | None,
) -> None:
    # The last of several batches brings the rest along; for all but an import it is the only one.
    batches = list(_batches(changes)) or [[]]
    for position, some in enumerate(batches, start=1):
        is_last = position == len(batches)
        cursor.execute(
            _WRITE_SQL,
            {
                "documents": _json(_document_rows(some, raised)),
                "entries": _json(_entry_rows(entries, raised) if is_last else []),
                "streams": _json(_digests(changes, raised) if is_last else []),
                # What leaves a stream says what happened last.
                "gone": entries[-1].kind if entries else "removed",
                "at": at,
                "action_id": action_id,
            },
        )


def _document_rows(changes: Sequence[_Change], raised: Mapping[str, _Raised]) -> list[dict[str, Any]]:
    rows = [
        {
            "stream": change.key.stream,
            "collection": change.key.collection,
            "id": change.key.id,
            "subject": change.mark.subject,
            "subject_id": change.mark.subject_id,
            "number": raised[change.key.stream].number,
            "body": change.body,
        }
        for change in changes
    ]
    for row, change in zip(rows, changes, strict=True):
        if change.mark.subject in sealed_subjects() and change.body is not None:
            row["body"] = seal(change.body, about=document_about(*change.key, raised[change.key.stream].number))
    return rows


def _entry_rows(entries: Sequence[NewEntry], raised: Mapping[str, _Raised]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    left: dict[str, int] = defaultdict(int)
    # From the last one back: it has the number that its stream was raised to.
    for entry in reversed(entries):
        number = raised[entry.stream].number - left[entry.stream]
        left[entry.stream] += 1
        rows.append(
            {
                "stream": entry.stream,
                "number": number,
                "kind": entry.kind,
                "about": entry.about,
                "by": entry.by,
                "data": entry.data,
                "at": entry.at,
            }
        )
    return rows[::-1]


def _digests(changes: Sequence[_Change], raised: Mapping[str, _Raised]) -> list[dict[str, Any]]:
    touched: set[str] = set()
    for change in changes:
        stream = raised[change.key.stream]
        touched.add(change.key.stream)
        if change.old_number is not None:
            stream.digest -= digest_term(change.key.collection, change.key.id, change.old_number)
            stream.count -= 1
        if change.body is not None:
            stream.digest += digest_term(change.key.collection, change.key.id, stream.number)
            stream.count += 1
    return [{"name": name, "digest": signed(raised[name].digest), "count": raised[name].count} for name in touched]


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows, default=str, option=orjson.OPT_UTC_Z).decode()


def _refuse_leftovers() -> None:
    # A statement of two parts cannot be prepared.
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS journal_mark_is_flushed IMMEDIATE; SET CONSTRAINTS journal_mark_is_flushed DEFERRED"
        )


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while some := list(islice(iterator, BATCH_ROWS)):
        yield some
