"""
A reader in Python: holds what a tablet would hold, from snapshots and frames.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from journal.flush import digest_term, signed
from journal.models import Document, Stream
from journal.sealing import document_about, is_sealed, unseal

Key = tuple[str, str]
# A changed document as a row: its stream, number, collection, id, and either its body or why it is gone.
Changed = tuple[str, int, str, str, str | None, str | None]

# One statement, hence one snapshot of the number and of what is newer than the reader's.
_PULL = (
    "SELECT s.number, d.stream, d.number, d.collection, d.document_id, d.body, d.gone FROM (SELECT %s::text, %s::bigint) AS reader (stream, number)"
    " JOIN journal_stream s ON s.name = reader.stream"
    " LEFT JOIN journal_document d ON d.stream = s.name AND d.number > reader.number ORDER BY d.number"
)


@dataclass
class Replica:
    """
    One stream as its reader holds it.
    """

    stream: str
    number: int = 0
    documents: dict[Key, tuple[int, str]] = field(default_factory=dict)

    def apply(self, rows: list[Changed], number: int) -> None:
        """
        Apply changed documents and the number they bring the stream to.
        """
        for stream, document_number, collection, document_id, body, _ in rows:
            if body is None:
                self.documents.pop((collection, document_id), None)
            else:
                told = plain(stream, document_number, collection, document_id, body)
                self.documents[collection, document_id] = (document_number, told)
        self.number = number

    def pull(self) -> None:
        """
        Ask for everything newer than what is held, as the exchange does: one snapshot for numbers and documents.
        """
        with connection.cursor() as cursor:
            cursor.execute(_PULL, [self.stream, self.number])
            rows = cursor.fetchall()
        if rows:
            self.apply([row[1:] for row in rows if row[1] is not None], rows[0][0])

    @property
    def digest(self) -> int:
        """
        Return the digest of what is held, to compare with the stream's.
        """
        return signed(sum(digest_term(*key, number) for key, (number, _) in self.documents.items()))


def plain(stream: str, number: int, collection: str, document_id: str, body: str) -> str:
    """
    Return a kept body as its readers get it.

    :raises SealBroken: it is sealed, and not for this document at this number.
    """
    return unseal(body, about=document_about(stream, collection, document_id, number)) if is_sealed(body) else body


def body_of(row: Document) -> str:
    """
    Return a live document's body as its readers get it.
    """
    return plain(row.stream, row.number, row.collection, row.document_id, row.body or "")


def fresh(stream: str) -> dict[Key, tuple[int, str]]:
    """
    Return a stream's live documents straight from the table.
    """
    rows = Document.objects.filter(stream=stream, gone=None)
    return {(row.collection, row.document_id): (row.number, body_of(row)) for row in rows}


def bodies(stream: str, collection: str) -> dict[str, dict[str, Any]]:
    """
    Return what a stream's readers hold of a collection, by id.
    """
    rows = Document.objects.filter(stream=stream, collection=collection, gone=None)
    return {row.document_id: json.loads(body_of(row)) for row in rows}


def number_of(stream: str) -> int:
    """
    Return how far a stream is; 0 when nobody ever wrote to it.
    """
    return Stream.objects.filter(name=stream).values_list("number", flat=True).first() or 0
