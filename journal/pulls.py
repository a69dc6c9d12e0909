"""
Reading documents: for a pull, and for the frames that the hub pushes.

Plain SQL and no models, so that the live process reads the same rows the same way without the ORM.
"""

from collections.abc import Mapping, Sequence
from typing import Any

# A changed document as a row: its stream, number, collection, id, and either its body or why it is gone.
Changed = tuple[str, int, str, str, str | None, str | None]

# Of the streams named, those documents that changed since the numbers given, in number order within each stream.
CHANGED_SQL = (
    "SELECT d.stream, d.number, d.collection, d.document_id, d.body, d.gone"
    " FROM unnest(%s::text[], %s::bigint[]) AS reader (stream, number)"
    " JOIN journal_document d ON d.stream = reader.stream AND d.number > reader.number"
    " ORDER BY d.stream, d.number, d.collection, d.document_id"
)
STREAMS_SQL = "SELECT name, number, floor, digest, count FROM journal_stream WHERE name = ANY(%s)"


def document_json(number: int, collection: str, document_id: str, body: str | None, gone: str | None) -> str:
    """
    Return one document as it goes over the wire; ``body`` is JSON text already and is not parsed.
    """
    if body is None:
        return f'{{"c":"{collection}","id":"{document_id}","n":{number},"gone":"{gone}"}}'
    return f'{{"c":"{collection}","id":"{document_id}","n":{number},"b":{body}}}'


def digest_hex(digest: int) -> str:
    """
    Return a stream's signed digest as the sixteen hexadecimal digits of the protocol.
    """
    return f"{digest % (1 << 64):016x}"


def read_changed(cursor: Any, since: Mapping[str, int]) -> list[Changed]:
    """
    Return rows ``(stream, number, collection, id, body, gone)`` of everything newer than ``since``.
    """
    cursor.execute(CHANGED_SQL, [list(since), list(since.values())])
    return list(cursor.fetchall())


def read_streams(cursor: Any, names: Sequence[str]) -> dict[str, tuple[int, int, int, int]]:
    """
    Return ``(number, floor, digest, count)`` of each stream named that exists.
    """
    cursor.execute(STREAMS_SQL, [list(names)])
    return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}
