"""
Recomputing documents: the proof that ``flush()`` missed nothing, and the mend if it ever did.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction

from journal.door import open_door
from journal.flush import digest_term, encode, signed
from journal.sealing import document_about, is_sealed, opened
from journal.subjects import Subject, subjects

_BATCH = 500


def differences() -> Iterator[str]:
    """
    Yield a line for every document that is missing, left over or not what the rows say.

    Each batch of subjects is locked while it is compared, so that a change in flight is never taken for a difference.
    """
    for subject in subjects().values():
        for ids in _ids_of(subject):
            with transaction.atomic():
                yield from list(_differences_of(subject, ids))


def digest_differences() -> Iterator[str]:
    """
    Yield a line for every stream whose count or digest is not that of its live documents.
    """
    for name, _, _ in _wrong_digests():
        yield f"{name}: digest or count is not that of its documents"


def rebuild(*, at: datetime) -> int:
    """
    Mark every subject as changed and flush, then mend digests; return how many subjects there were.

    What already agrees is left as it is.
    """
    total = 0
    for subject in subjects().values():
        for ids in _ids_of(subject):
            with open_door(by="system:rebuild", at=at), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO journal_mark (subject, subject_id) SELECT %s, unnest(%s::bigint[])",
                    [subject.name, ids],
                )
            total += len(ids)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM journal_stream ORDER BY name FOR NO KEY UPDATE")
        for name, digest, count in _wrong_digests():
            cursor.execute("UPDATE journal_stream SET digest = %s, count = %s WHERE name = %s", [digest, count, name])
    return total


def _wrong_digests() -> list[tuple[str, int, int]]:
    kept: dict[str, tuple[int, int]] = {}
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with connection.cursor() as cursor:
        # One statement: streams and documents of one moment, without stopping anybody.
        cursor.execute(
            "SELECT s.name, s.digest, s.count, d.collection, d.document_id, d.number FROM journal_stream s"
            " LEFT JOIN journal_document d ON d.stream = s.name AND d.gone IS NULL"
        )
        for name, digest, count, collection, document_id, number in cursor.fetchall():
            kept[name] = (digest, count)
            if collection is not None:
                found[name][0] += digest_term(collection, document_id, number)
                found[name][1] += 1
    right = {name: (signed(found[name][0]), found[name][1]) for name in kept}
    return [(name, *right[name]) for name in kept if right[name] != kept[name]]


def _ids_of(subject: Subject) -> Iterator[list[int]]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM (SELECT id FROM {subject.table} UNION"  # noqa: S608  the table's name is declared in code
                " SELECT subject_id FROM journal_document WHERE subject = %s AND gone IS NULL) AS ids (id)"
                " WHERE id > %s ORDER BY id LIMIT %s",
                [subject.name, after, _BATCH],
            )
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids
        after = ids[-1]


def _differences_of(subject: Subject, ids: list[int]) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {subject.table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608  declared in code
            [ids],
        )
        cursor.execute(
            "SELECT stream, collection, document_id, number, body FROM journal_document"
            " WHERE subject = %s AND subject_id = ANY(%s) AND gone IS NULL",
            [subject.name, ids],
        )
        had = {row[:3]: row[3:] for row in cursor.fetchall()}
    for held in subject.documents(ids):
        key = (held.stream, held.collection, held.id)
        kept = had.pop(key, None)
        if kept is None:
            yield f"{'/'.join(key)}: missing"
            continue
        number, body = kept
        if opened(body, about=document_about(*key, number)) != encode(held.body):
            yield f"{'/'.join(key)}: not what the rows say"
        elif subject.sealed and not is_sealed(body):
            yield f"{'/'.join(key)}: not sealed"
    for key in had:
        yield f"{'/'.join(key)}: left over"
