"""
Two thousand bad frames: each is answered with an error, none closes the socket, none reaches the log.
"""

import json
import random
from collections.abc import Callable, Iterator

import pytest

from tests.factories import tablets as make_tablets
from tests.tablets.lines import LiveProcess
from tests.tablets.test_live import unit_in_area

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CASES = 2_000
# More than this at once would meet the limit on messages, which is another test's.
AT_ONCE = 50
CORPUS: list[str | bytes] = [
    "",
    " ",
    "null",
    "true",
    "0",
    '"ping"',
    "[]",
    "{}",
    "[" * 60_000,
    '{"a":' * 10_000,
    "[" * 30_000 + "]" * 30_000,
    '{"t":' + "[" * 21 + "]" * 21 + "}",
    "9" * 5_000,
    '{"t":' + "9" * 5_000 + "}",
    "-" + "1" * 400,
    "1e999999",
    "NaN",
    "Infinity",
    '{"t":NaN}',
    '"\\ud800"',
    '{"t":"\\udfff"}',
    '{"t":"ping","t":"pong"}',
    '{"t":"ping","x":1}',
    '{"t":["ping"]}',
    '{"t":null}',
    '{"T":"ping"}',
    '{"t":"PING"}',
    '{"t":"websocket.close"}',
    '{"type":"websocket.disconnect"}',
    '{"type":"journal.hint","streams":{"desk.1":1}}',
    '{"t":"frame","s":"desk.1","prev":0,"n":1,"d":[]}',
    '{"t":"subscribe","s":"desk.1"}',
    '{"t":"__class__"}',
    '{"__proto__":{"t":"ping"}}',
    "\x00",
    '{"t":"\x00"}',
    "\ufeff{}",
    "\u202e{}",
    "\U0001f4a5" * 1_000,
    "ticket." + "A" * 43,
    b"",
    b"\x00\xff\xfe",
    b'{"t":"ping"}',
    b"\x89PNG",
]


def test_bad_frames_are_answered_and_close_nothing(live_server_process: LiveProcess) -> None:
    tablet = make_tablets.crewed(unit_in_area())
    already = len(live_server_process.log())
    answered = 0
    batch = list(cases())
    for start in range(0, CASES, AT_ONCE):
        with live_server_process.line(tablet.client) as line:
            line.next("hello")
            for case in batch[start : start + AT_ONCE]:
                line.say(case)
                answer = line.next("error", "pong")
                assert answer["t"] == ("pong" if is_ping(case) else "error"), case
                answered += 1
            line.say('{"t":"ping"}')
            line.next("pong")

    assert answered == CASES
    assert "Traceback" not in live_server_process.log()[already:]


def is_ping(case: str | bytes) -> bool:
    try:
        return isinstance(case, str) and json.loads(case) == {"t": "ping"}
    except (ValueError, RecursionError):
        return False


def cases() -> Iterator[str | bytes]:
    rng = random.Random(20260603)
    for number in range(CASES):
        if number < len(CORPUS):
            yield CORPUS[number]
        else:
            make: Callable[[random.Random], str | bytes] = rng.choice(KINDS)
            yield make(rng)


def mutated(rng: random.Random) -> str:
    text = list(
        rng.choice(['{"t":"ping"}', '{"t":"ping","id":1}', '{"t":"frame","s":"area.3","prev":1,"n":2,"d":[]}'])
    )
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text) + 1)
        text[place : place + rng.randint(0, 2)] = [chr(rng.choice([rng.randrange(128), rng.randrange(0x20, 0xD7FF)]))]
    return "".join(text)


def random_json(rng: random.Random) -> str:
    return json.dumps(value(rng, rng.randint(0, 30)))


def value(rng: random.Random, depth: int) -> object:
    kind = rng.randrange(7 if depth else 5)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 2))]
    if kind == 6:
        return {rng.choice(["t", "s", "d", "n", "type", ""]): value(rng, depth - 1) for _ in range(rng.randint(0, 2))}
    return [
        None,
        True,
        rng.randrange(-(2**70), 2**70),
        rng.random() * 10 ** rng.randint(-300, 300),
        "x" * rng.randint(0, 9),
    ][kind]


def random_text(rng: random.Random) -> str:
    return "".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(rng.randint(0, 300)))


def random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 300))


KINDS: list[Callable[[random.Random], str | bytes]] = [mutated, random_json, random_text, random_bytes]
