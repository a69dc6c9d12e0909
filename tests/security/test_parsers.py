"""
What the strict reader takes, and what it refuses with a sentence.
"""

import json
from collections.abc import Callable
from time import process_time

import orjson
import pytest
from rest_framework.exceptions import ParseError

from responders.parsers import MAX_BYTES, MAX_DEPTH, TooLarge, parse_json, read_json


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "x\\u0000y"}',
        b'{"\\u0000": 1}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": 1}trailing',
        b'{"a": 9223372036854775808}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000,
        b"",
        b"{",
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        read_json(body)


def test_a_body_larger_than_any_request_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_json(b'"' + b"x" * MAX_BYTES + b'"')


@pytest.mark.parametrize("written", [orjson.dumps, lambda value: json.dumps(value, indent=1).encode()])
def test_it_makes_no_difference_how_a_program_writes_its_json(written: Callable[[object], bytes]) -> None:
    value = {"text": 'Straße 😀 "[{\\', "n": [0, -1, 2.5, 1e300, 2**63 - 1, True, None], "deep": {"er": {"": []}}}

    assert read_json(written(value)) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":[{"b":1,"b":1}]}',
        b'{"a":"x\\u0000y"}',
        b'{"a":9223372036854775808}',
        b'{"a":-9223372036854775809}',
        b'{"a":"\\ud800"}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'["\\"",' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]",
    ],
)
def test_what_is_refused_is_refused_without_a_space_in_it_too(body: bytes) -> None:
    with pytest.raises(ParseError):
        read_json(body)


def test_a_body_of_quotes_without_an_end_is_refused_at_once() -> None:
    began = process_time()
    with pytest.raises(ParseError):
        read_json(b"[" * MAX_DEPTH + b'["' + b'\\"' * 120_000 + b"\\")

    assert process_time() - began < 2


def test_half_of_a_character_in_a_frame_is_refused() -> None:
    with pytest.raises(ParseError):
        parse_json('{"a": "\ud83d"}')


def test_ordinary_json_is_read() -> None:
    body = '{"text": "Straße \\ud83d\\ude00 [[[[[[[[[[[[[[[[[[[[[[[[", "n": [1, -2.5, true, null], "deep": {"er": {}}}'

    assert read_json(body.encode())["n"] == [1, -2.5, True, None]
    assert "😀" in read_json(body.encode())["text"]
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
