"""
One HTTP request on a connection of its own.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, Final

_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


async def post(
    port: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, within: float
) -> tuple[int, dict[str, Any]]:
    """
    Post JSON and return the status and the body of the answer; an empty one where it is no object.

    :raises OSError: there was no answer.
    :raises EOFError: it was cut off.
    :raises TimeoutError: it did not come in time.
    """
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            content = json.dumps(body).encode()
            lines = [
                f"POST {path} HTTP/1.1",
                f"Host: localhost:{port}",
                "Connection: close",
                "Content-Type: application/json",
                f"Content-Length: {len(content)}",
                *(f"{name}: {value}" for name, value in headers.items()),
            ]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
            answer = await reader.read(-1)
        finally:
            writer.transport.abort()
    head, found, rest = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not found or length is None or len(rest) < int(length[1]):
        raise EOFError("the answer was cut off")
    try:
        said = json.loads(rest)
    except ValueError:
        said = {}
    return int(head.split(b" ", 2)[1]), said if isinstance(said, dict) else {}
