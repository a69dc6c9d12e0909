"""
Reading documents: for a pull, and for the frames that the hub pushes.

Plain SQL and no models, so that the live process reads the same rows the same way without the ORM.
"""

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
