"""
Strict JSON: what two readers could understand differently is not understood at all.

Python's own reader takes NaN, keeps the last of two equal keys and passes NUL and lone surrogates on to Postgres, which
takes neither. Everything here is refused with a sentence that says what is wrong, before any serializer sees it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
# Larger whole numbers are exact in Python only: a JavaScript reader of the same body would see another number.
MAX_INTEGER: Final = 2**63 - 1
# The last one may lack its end: what is read then is no JSON anyway, and is not looked at once for each quote in it.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_LONG_NUMBER: Final = re.compile(rb"[:,\[-][0-9]{16}")


class TooLarge(APIException):
    """
    The body is larger than any request of ours needs to be.
    """

    status_code = 413
    default_detail = f"A body has at most {MAX_BYTES} bytes."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """
    The only parser of the API.
    """

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """
        Return the body as Python objects.

        :raises TooLarge: it has more than 256 KiB.
        :raises ParseError: it is not JSON that every reader understands alike.
        """
        # One byte more than allowed, whatever Content-Length said: a length that lies low does not help.
        return read_json(stream.read(MAX_BYTES + 1))


def read_json(body: bytes) -> Any:
    """
    Return strict JSON as Python objects.

    :raises TooLarge: it has more than 256 KiB.
    :raises ParseError: it is not JSON that every reader understands alike.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge
    _check_depth(body)
    if (plain := _read_plain(body)) is not None:
        return plain
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}.") from None
    _check_text(value)
    return value


def _read_plain(body: bytes) -> Any:
    """
    Return a body that is written as programs write JSON, quickly; None for one that has to be looked at more closely.

    What comes out byte for byte as it went in held no key twice, nothing but JSON's own numbers, and whole characters. That
    leaves NUL, and numbers of so many digits that readers differ.
    """
    if b"\\u0000" in body or _LONG_NUMBER.search(body):
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if orjson.dumps(value) == body else None


def parse_json(text: str) -> Any:
    """
    Return strict JSON that arrived as text: a frame of a socket.

    :raises ParseError: it is not JSON that every reader understands alike.
    """
    try:
        return read_json(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise ParseError("The text holds half of a character.") from None


def _check_depth(body: bytes) -> None:
    # Before parsing, because the reader itself recurses. Counts brackets outside of strings, where there are enough.
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested more than {MAX_DEPTH} deep.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"The key {_shown(twice)} is there twice.")
    return found


def _no_constant(name: str) -> Any:
    raise ParseError(f"{name} is not a JSON number.")


def _integer(digits: str) -> int:
    # The length first: turning a million digits into a number is work.
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise ParseError("A whole number has at most 63 bits.")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise ParseError("A number is too large.")
    return number


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ParseError("A text holds NUL.")
        if not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise ParseError("A text holds half of a character.") from None
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)


def _shown(name: str) -> str:
    return json.dumps(name[:40])
