"""
The exchange's way down: what changed in the streams that a reader may hear (docs/tablet-protocol.md).

Everything is read by one SQL statement, hence from one snapshot: a number never belongs to other documents than it says.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from journal.flush import signed
from journal.prepared import prepared_cursor
from journal.pulls import digest_hex, document_json
from journal.refusals import InvalidArgs
from tablets import refusals
from tablets.streams import Standing
from tablets.times import instant

PROTOCOL = 1
# A page's documents; the last one may pass it, so that a change is never split and a large one still arrives.
BUDGET_BYTES = 256 * 1024
MOST_STREAMS = 100
POLL_SECONDS = 60
_LARGEST = (1 << 63) - 1

# A reader gets a snapshot (the live documents, no tombstone) when it knows no number, and is reset to one when it names a
# number that this server never reached, one whose tombstones were swept, or other documents than we have. The `floor`
# that it got and sends back says which tombstones cannot concern it: those from before its snapshot.
# `before` is how many bytes go ahead of a document: a page ends between two numbers of a stream, never inside one.
PULL_SQL = """
WITH asked AS (
    SELECT * FROM unnest(%(streams)s::text[], %(numbers)s::bigint[], %(floors)s::bigint[], %(digests)s::bigint[],
                         %(counts)s::bigint[]) WITH ORDINALITY AS a (stream, had, floor, digest, count, weight)
), known AS (
    SELECT asked.stream, asked.weight, asked.had, asked.floor AS passed, coalesce(s.number, 0) AS number,
           coalesce(s.floor, 0) AS floor, coalesce(s.digest, 0) AS digest, coalesce(s.count, 0) AS count,
           coalesce(asked.had > coalesce(s.number, 0)
                 OR (asked.had < s.floor AND asked.floor < s.floor)
                 OR (asked.had = coalesce(s.number, 0)
                     AND (asked.digest <> coalesce(s.digest, 0) OR asked.count <> coalesce(s.count, 0))), false) AS reset
      FROM asked LEFT JOIN journal_stream s ON s.name = asked.stream
), changed AS (
    SELECT known.stream, d.number, d.collection, d.document_id, d.body, d.gone,
           sum(coalesce(octet_length(d.body), 0) + 60) OVER (
               ORDER BY known.weight, d.number GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM known CROSS JOIN LATERAL (
          SELECT * FROM journal_document
           WHERE stream = known.stream AND gone IS NULL AND (known.reset OR known.had IS NULL)
          UNION ALL
          SELECT * FROM journal_document
           WHERE stream = known.stream AND number > known.had AND NOT known.reset
             AND (gone IS NULL OR number > known.passed)
      ) d
)
SELECT known.stream, known.had, known.number,
       CASE WHEN known.reset OR known.had IS NULL THEN known.number ELSE greatest(known.passed, known.floor) END,
       known.digest, known.count, known.reset,
       (SELECT max(c.number) FROM changed c WHERE c.stream = known.stream) AS last,
       changed.number, changed.collection, changed.document_id, changed.body, changed.gone
  FROM known
  LEFT JOIN changed ON changed.stream = known.stream AND coalesce(changed.before, 0) < %(budget)s
 ORDER BY known.weight, changed.number, changed.collection, changed.document_id
"""


@dataclass(frozen=True, slots=True)
class HeldStream:
    """
    How far a reader is in one stream, as it says.
    """

    number: int
    floor: int = 0
    digest: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    What a reader asks.
    """

    streams: dict[str, HeldStream] = field(default_factory=dict)
    app_version: str = ""


def read_exchange(data: Any) -> Exchange:
    """
    Return the request as it was meant.

    :raises InvalidArgs: it cannot be understood; facts name what.
    :raises ProtocolUnknown: it speaks another protocol.
    """
    if not isinstance(data, dict):
        raise InvalidArgs(fields={"": ["An object is expected."]})
    if data.get("protocol") != PROTOCOL:
        raise refusals.ProtocolUnknown(supported=[PROTOCOL])
    if unknown := sorted(set(data) - {"protocol", "streams", "sent_at", "app_version"}):
        raise InvalidArgs(fields={name: ["This field is not known."] for name in unknown})
    streams, version = data.get("streams", {}), data.get("app_version", "")
    if not isinstance(streams, dict) or len(streams) > MOST_STREAMS:
        raise InvalidArgs(fields={"streams": [f"At most {MOST_STREAMS} streams by name are expected."]})
    if not isinstance(version, str) or len(version) > 30:
        raise InvalidArgs(fields={"app_version": ["At most 30 characters are expected."]})
    return Exchange({name: _read_stream(name, given) for name, given in streams.items()}, version)


def pull(standing: Standing, exchange: Exchange, *, at: datetime) -> bytes:
    """
    Return the whole answer to an exchange, as JSON. Writes nothing.
    """
    streams, dropped = answer_streams(standing.streams, exchange.streams), _dropped(standing, exchange.streams)
    lease = None if standing.expires_at is None else instant(standing.expires_at)
    # Spread, so that tablets which started together do not ask together.
    poll = POLL_SECONDS - 10 + secrets.randbelow(21)
    return (
        f'{{"protocol":{PROTOCOL},"now":"{instant(at)}","streams":{{{",".join(streams)}}},'
        f'"dropped":{orjson.dumps(dropped).decode()},"lease_until":{orjson.dumps(lease).decode()},'
        f'"purge":false,"next_poll_s":{poll}}}'
    ).encode()


def answer_streams(names: Sequence[str], held: Mapping[str, HeldStream], *, budget: int = BUDGET_BYTES) -> list[str]:
    """
    Return ``"name":{…}`` for each stream named, with what changed since the reader's number; all from one snapshot.
    """
    readers = [held.get(name) for name in names]
    with prepared_cursor() as cursor:
        cursor.execute(
            PULL_SQL,
            {
                "streams": list(names),
                "numbers": [None if reader is None else reader.number for reader in readers],
                "floors": [0 if reader is None else reader.floor for reader in readers],
                "digests": [None if reader is None else reader.digest for reader in readers],
                "counts": [None if reader is None else reader.count for reader in readers],
                "budget": budget,
            },
        )
        rows = cursor.fetchall()
    return [_stream_json(name, list(group)) for name, group in groupby(rows, key=itemgetter(0))]


def _stream_json(name: str, rows: Sequence[Sequence[Any]]) -> str:
    _, had, number, floor, digest, count, reset, last, *_ = rows[0]
    documents = [
        document_json(row[8], collection, document_id, body, gone)
        for row in rows
        for collection, document_id, body, gone in [row[9:]]
        if row[8] is not None
    ]
    reached = rows[-1][8]
    more = last is not None and reached != last
    if more:
        number = reached if reached is not None else (0 if reset or had is None else had)
    # A reader that knew no number holds nothing that could be cleared.
    parts = [f'"number":{number}', f'"floor":{floor}', f'"documents":[{",".join(documents)}]']
    if not more:
        parts += [f'"digest":"{digest_hex(digest)}"', f'"count":{count}']
    parts += [f'"more":{str(more).lower()}', f'"reset":{str(reset).lower()}']
    return f'"{name}":{{{",".join(parts)}}}'


def _dropped(standing: Standing, names: Iterable[str]) -> list[dict[str, str]]:
    # A stream that is not the reader's and one that does not exist answer alike.
    off = standing.bearer.tablet_id is not None and standing.shift_id is None
    why = "signed_off" if off else "not_yours"
    return [{"stream": name, "why": why} for name in names if name not in standing.streams]


def _read_stream(name: str, given: Any) -> HeldStream:
    if (
        not isinstance(given, dict)
        or set(given) - {"number", "floor", "digest", "count"}
        or not _is_number(given.get("number"))
        or not _is_number(given.get("floor", 0))
        or not (given.get("count") is None or _is_number(given["count"]))
    ):
        raise InvalidArgs(fields={"streams": [f"{name[:100]}: number, floor, digest and count are expected."]})
    return HeldStream(given["number"], given.get("floor", 0), _read_digest(name, given), given.get("count"))


def _read_digest(name: str, given: Mapping[str, Any]) -> int | None:
    digest = given.get("digest")
    if digest is None:
        return None
    if not isinstance(digest, str) or len(digest) != 16 or not set(digest) <= set("0123456789abcdef"):
        raise InvalidArgs(fields={"streams": [f"{name[:100]}: a digest has sixteen hexadecimal digits."]})
    return signed(int(digest, 16))


def _is_number(value: Any) -> bool:
    # True and False are integers to Python, and to nobody else.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
