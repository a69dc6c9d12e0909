"""
Reading documents: for a pull, and for the frames that the hub pushes.

Plain SQL and no models, so that the live process reads the same rows the same way without the ORM.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from journal.sealing import SIGN, document_about, opened

STREAMS_SQL = "SELECT name, number, floor, digest, count FROM journal_stream WHERE name = ANY(%s)"


def documents_json(stream: str, documents: Iterable[Sequence[Any]]) -> str:
    """
    Return (number, collection, id, body, why it is gone) of one stream's documents as they go over the wire, joined by
    commas; sealed bodies are opened.

    One whose seal is broken is left out, which the log says: the reader's digest shows it that something is missing, and
    everything else of the stream still arrives.
    """
    texts = []
    for number, collection, document_id, body, gone in documents:
        if body is not None and body[0] == SIGN:
            body = opened(body, about=document_about(stream, collection, document_id, number))
            if body is None:
                continue
        texts.append(document_json(number, collection, document_id, body, gone))
    return ",".join(texts)


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
