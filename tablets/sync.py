"""
The exchange's way down: what changed in the streams that a reader may hear (docs/tablet-protocol.md).

The place in the lane, the epoch, every number and every document are read by one SQL statement, hence from one snapshot: a
number never belongs to other documents than it says, and an action is never acknowledged before its effect can be seen.
What an installation reports of itself is written only when it is news, or ten seconds old.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from django.db import connection

from journal.prepared import prepared_cursor
from journal.pulls import digest_hex, documents_json
from journal.schema import SCHEMA, changed_collections
from tablets import epochs, lanes, refusals
from tablets.epochs import EPOCH_SQL
from tablets.exchange import PROTOCOL, Exchange, HeldStream
from tablets.lanes import Taken
from tablets.streams import Standing
from tablets.times import instant

# A page's documents; the last one may pass it, so that a change is never split and a large one still arrives.
BUDGET_BYTES = 256 * 1024
POLL_SECONDS = 60
# What an installation reports is written at most this often, unless something happened.
REPORT_EVERY = timedelta(seconds=10)
# Clocks differ by this much: a request that is older than what it seems to confirm confirms nothing.
_CLOCK_TOLERANCE = timedelta(seconds=2)

# A reader gets a snapshot (the live documents, no tombstone) when it knows no number, and is reset to one when it names a
# number that this server never reached, one whose tombstones were swept, other documents than we have, or another epoch.
# The `floor` that it got and sends back says which tombstones cannot concern it: those from before its snapshot.
# `before` is how many bytes go ahead of a document: a page ends between two numbers of a stream, never inside one.
# The first row is the head: the epoch and the reader's lane.
PULL_SQL = f"""
WITH head AS MATERIALIZED (
    SELECT {EPOCH_SQL} AS epoch
), lane AS (
    SELECT json_build_object(
               'seq', i.last_seq, 'epoch', i.epoch, 'schema', i.schema, 'count', i.outbox_count,
               'mismatches', i.mismatches, 'stale', i.seen_at <= %(stale)s::timestamptz,
               'over', i.purge_ordered_at IS NOT NULL, 'resync', i.resync_ordered_at IS NOT NULL,
               'resync_told', i.resync_told_at IS NOT NULL, 'resend', i.resend,
               'removals', ARRAY(SELECT ARRAY[r.stream, extract(epoch FROM r.told_at)::text] FROM tablets_removal r
                                  WHERE r.installation_id = i.id AND r.confirmed_at IS NULL),
               'told', EXISTS (SELECT FROM tablets_purge p WHERE p.installation = i.id AND p.told_at IS NOT NULL)) AS said
      FROM tablets_installation i WHERE i.id = %(installation)s::uuid AND i.tablet_id = %(tablet)s::bigint
), asked AS (
    SELECT * FROM unnest(%(streams)s::text[], %(numbers)s::bigint[], %(floors)s::bigint[], %(digests)s::bigint[],
                         %(counts)s::bigint[]) WITH ORDINALITY AS a (stream, had, floor, digest, count, weight)
), known AS (
    SELECT asked.stream, asked.weight, asked.had, asked.floor AS passed, coalesce(s.number, 0) AS number,
           coalesce(s.floor, 0) AS floor, coalesce(s.digest, 0) AS digest, coalesce(s.count, 0) AS count,
           coalesce(asked.had > coalesce(s.number, 0)
                 OR (asked.had < s.floor AND asked.floor < s.floor)
                 OR (asked.had IS NOT NULL AND %(epoch)s::text <> (SELECT epoch FROM head))
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
), latest AS (
    SELECT stream, max(number) AS number FROM changed GROUP BY stream
)
SELECT 0 AS weight, head.epoch AS stream, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::boolean,
       NULL::bigint, NULL::bigint AS document_number, NULL AS collection, NULL AS document_id,
       (SELECT said::text FROM lane), NULL
  FROM head
UNION ALL
SELECT known.weight, known.stream, known.had, known.number,
       CASE WHEN known.reset OR known.had IS NULL THEN known.number ELSE greatest(known.passed, known.floor) END,
       known.digest, known.count, known.reset,
       latest.number,
       changed.number, changed.collection, changed.document_id, changed.body, changed.gone
  FROM known
  LEFT JOIN latest ON latest.stream = known.stream
  LEFT JOIN changed ON changed.stream = known.stream AND coalesce(changed.before, 0) < %(budget)s
 ORDER BY weight, document_number, collection, document_id
"""  # noqa: S608  of constants

_REPORT_SQL = """
UPDATE tablets_installation AS i
   SET seen_at = greatest(seen_at, %(at)s), app_version = %(app_version)s, persisted = coalesce(%(persisted)s, persisted),
       lease_until = %(lease_until)s, held = %(held)s::jsonb, schema = greatest(schema, %(schema)s),
       outbox_count = coalesce(%(count)s, outbox_count),
       outbox_oldest_at = CASE WHEN %(count)s::int IS NULL THEN outbox_oldest_at ELSE %(oldest_at)s END,
       empty_at = CASE WHEN %(empty_at)s::timestamptz IS NULL THEN empty_at ELSE greatest(empty_at, %(empty_at)s) END,
       epoch = %(epoch)s,
       last_seq = CASE WHEN %(jump)s THEN greatest(last_seq, %(first_seq)s - 1) ELSE last_seq END,
       resets = resets + %(resets)s, reset_at = CASE WHEN %(resets)s > 0 THEN %(at)s ELSE reset_at END,
       mismatch_at = CASE WHEN %(mismatches)s > mismatches THEN %(at)s ELSE mismatch_at END,
       mismatches = %(mismatches)s,
       resend = ARRAY(SELECT DISTINCT again FROM unnest(resend || %(resend)s::varchar[]) again
                       WHERE again = ANY(%(named)s::varchar[])),
       resynced_at = CASE WHEN %(named)s::varchar[] = '{}' AND resync_ordered_at IS NOT NULL THEN %(at)s
                          ELSE resynced_at END,
       resync_told_at = CASE WHEN resync_ordered_at IS NULL OR %(named)s::varchar[] = '{}' THEN NULL
                             ELSE coalesce(resync_told_at, %(at)s) END,
       resync_ordered_at = CASE WHEN %(named)s::varchar[] = '{}' THEN NULL ELSE resync_ordered_at END
 WHERE id = %(id)s AND tablet_id = %(tablet)s
"""


@dataclass(frozen=True, slots=True)
class _Head:
    """
    What the first row says: the epoch, and the reader's lane where it has one.
    """

    epoch: str
    lane: Mapping[str, Any] | None


def pull(standing: Standing, exchange: Exchange, *, taken: Taken | None = None, at: datetime) -> bytes:
    """
    Return the whole answer to an exchange, as JSON.
    """
    taken = taken or Taken()
    head, rows = _read(standing, exchange, at=at)
    is_ahead = exchange.epoch == head.epoch and any(row[2] is not None and row[2] > row[3] for row in rows)
    # It knows what this database has forgotten, or never knew: whatever the cause, nobody's numbers can be trusted.
    if is_ahead and epochs.begin_if_ahead(tablet_id=standing.bearer.tablet_id, at=at):
        head, rows = _read(standing, exchange, at=at)
    lane: Mapping[str, Any] | None = head.lane
    over = standing.revoked or taken.deposit
    if exchange.installation is not None and lane is None:
        over = _enter(standing, exchange, at=at) or over
        head, rows = _read(standing, exchange, at=at)
        lane = head.lane
    over = over or (lane is not None and bool(lane["over"]))
    resend = _to_resend(exchange, lane)
    begin_again = lane is not None and bool(exchange.streams) and (bool(lane["resync"]) or bool(resend))

    given: list[str] = []
    dropped: list[dict[str, str]] = []
    if over:
        dropped = [{"stream": name, "why": "purge"} for name in exchange.streams]
    elif begin_again and lane is not None and lane["resync"]:
        dropped = [{"stream": name, "why": "resync"} for name in exchange.streams]
    else:
        given = [
            _stream_json(name, list(group)) for name, group in groupby(rows, key=itemgetter(1)) if name not in resend
        ]
        dropped = [
            *({"stream": name, "why": "schema"} for name in sorted(resend)),
            *_dropped(standing, [name for name in exchange.streams if name not in resend]),
        ]
    if exchange.installation is not None:
        _note(standing, exchange, head, rows, dropped=dropped, resend=resend, over=over, at=at)
    parts = [f'"protocol":{PROTOCOL}', f'"schema":{SCHEMA}', f'"epoch":"{head.epoch}"', f'"now":"{instant(at)}"']
    if exchange.installation is not None:
        answers = [answered.as_dict() for answered in taken.answers]
        parts += [f'"seq":{0 if lane is None else lane["seq"]}', f'"answers":{orjson.dumps(answers).decode()}']
        if taken.expected_seq is not None:
            parts.append(f'"expected_seq":{taken.expected_seq}')
    lease = None if standing.expires_at is None else instant(standing.expires_at)
    # Spread, so that tablets which started together do not ask together.
    poll = 1 if begin_again else POLL_SECONDS - 10 + secrets.randbelow(21)
    parts += [
        f'"streams":{{{",".join(given)}}}',
        f'"dropped":{orjson.dumps(dropped).decode()}',
        f'"lease_until":{orjson.dumps(lease).decode()}',
        f'"next_poll_s":{poll}',
        f'"purge":{str(over).lower()}',
        f'"resync":{str(begin_again).lower()}',
    ]
    return f"{{{','.join(parts)}}}".encode()


def answer_streams(names: Sequence[str], held: Mapping[str, HeldStream], *, budget: int = BUDGET_BYTES) -> list[str]:
    """
    Return ``"name":{…}`` for each stream named, with what changed since the reader's number; all from one snapshot.
    """
    _, rows = _rows(names, held, budget=budget)
    return [_stream_json(name, list(group)) for name, group in groupby(rows, key=itemgetter(1))]


def _read(standing: Standing, exchange: Exchange, *, at: datetime) -> tuple[_Head, list[Any]]:
    return _rows(
        standing.streams,
        exchange.streams,
        installation=exchange.installation,
        tablet_id=standing.bearer.tablet_id,
        epoch=exchange.epoch,
        at=at,
    )


def _rows(
    names: Sequence[str],
    held: Mapping[str, HeldStream],
    *,
    installation: object = None,
    tablet_id: int | None = None,
    epoch: str | None = None,
    at: datetime | None = None,
    budget: int = BUDGET_BYTES,
) -> tuple[_Head, list[Any]]:
    readers = [held.get(name) for name in names]
    arguments: dict[str, Any] = {
        "streams": _array(names),
        "numbers": _array(None if reader is None else reader.number for reader in readers),
        "floors": _array(0 if reader is None else reader.floor for reader in readers),
        "digests": _array(None if reader is None else reader.digest for reader in readers),
        "counts": _array(None if reader is None else reader.count for reader in readers),
        "budget": budget,
        "installation": None if installation is None else str(installation),
        "tablet": tablet_id,
        "epoch": epoch,
        "stale": None if at is None else (at - REPORT_EVERY).isoformat(),
    }
    with prepared_cursor() as cursor:
        cursor.execute(PULL_SQL, arguments)
        head, *rows = cursor.fetchall()
    return _Head(epoch=head[1], lane=None if head[12] is None else orjson.loads(head[12])), rows


def _array(values: Iterable[int | str | None]) -> str:
    # As Postgres writes it: the driver looks at every element of a list several times to find their type. Names of
    # streams are ours, and have nothing in them that would need quoting.
    return f"{{{','.join('NULL' if value is None else str(value) for value in values)}}}"


def _stream_json(name: str, rows: Sequence[Sequence[Any]]) -> str:
    _, _, had, number, floor, digest, count, reset, last, *_ = rows[0]
    documents = documents_json(name, (row[9:14] for row in rows if row[9] is not None))
    reached = rows[-1][9]
    more = last is not None and reached != last
    if more:
        number = reached if reached is not None else (0 if reset or had is None else had)
    # A reader that knew no number holds nothing that could be cleared.
    parts = [f'"number":{number}', f'"floor":{floor}', f'"documents":[{documents}]']
    if not more:
        parts += [f'"digest":"{digest_hex(digest)}"', f'"count":{count}']
    parts += [f'"more":{str(more).lower()}', f'"reset":{str(reset).lower()}']
    return f'"{name}":{{{",".join(parts)}}}'


def _dropped(standing: Standing, names: Sequence[str]) -> list[dict[str, str]]:
    # A stream that is not the reader's and one that does not exist answer alike.
    off = standing.bearer.tablet_id is not None and standing.shift_id is None
    why = "signed_off" if off else "not_yours"
    return [{"stream": name, "why": why} for name in names if name not in standing.streams]


def _to_resend(exchange: Exchange, lane: Mapping[str, Any] | None) -> frozenset[str]:
    """
    Return the streams that the reader must begin again because its app now understands more of them than it kept.
    """
    if lane is None or not exchange.streams:
        return frozenset()
    waiting = frozenset(lane["resend"]) & exchange.streams.keys()
    collections = changed_collections(after=lane["schema"], upto=min(exchange.schema, SCHEMA))
    if not collections:
        return waiting
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT stream FROM journal_document WHERE stream = ANY(%s) AND collection = ANY(%s)",
            [list(exchange.streams), list(collections)],
        )
        return waiting | {row[0] for row in cursor.fetchall()}


def _enter(standing: Standing, exchange: Exchange, *, at: datetime) -> bool:
    try:
        return lanes.enter(standing, exchange, at=at) is not None
    except refusals.InstallationElsewhere:
        # Its documents are this tablet's all the same; its queue was kept, and goes nowhere.
        return False


def _note(
    standing: Standing,
    exchange: Exchange,
    head: _Head,
    rows: Sequence[Sequence[Any]],
    *,
    dropped: Sequence[Mapping[str, str]],
    resend: frozenset[str],
    over: bool,
    at: datetime,
) -> None:
    """
    Write down what is news of this installation; nothing, where nothing is.
    """
    lane = head.lane
    if lane is None:
        return
    if over and not lane["told"]:
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO tablets_purge AS p (installation, tablet_id, ordered_at, ordered_by, told_at, held, "left")'
                " VALUES (%(id)s, %(tablet)s, %(at)s, 'system:revoked', %(at)s, '{}', '{}')"
                " ON CONFLICT (installation) DO UPDATE SET told_at = coalesce(p.told_at, EXCLUDED.told_at)",
                {"id": exchange.installation, "tablet": standing.bearer.tablet_id, "at": at},
            )
    in_step = exchange.epoch == head.epoch
    outbox = exchange.outbox
    is_empty = in_step and not exchange.actions and outbox is not None and outbox.count == 0
    resets = sum(1 for name, group in groupby(rows, key=itemgetter(1)) if next(group)[7] and name not in resend)
    again = resend - set(lane["resend"])
    is_news = (
        lane["stale"]
        or resets > 0
        or lane["epoch"] != head.epoch
        or exchange.schema > lane["schema"]
        or exchange.mismatches != lane["mismatches"]
        or (outbox is not None and (outbox.count == 0) != (lane["count"] == 0))
        or bool(again)
        or (not exchange.streams and lane["resync"])
        or not exchange.streams.keys() >= set(lane["resend"])
        or (bool(exchange.streams) and lane["resync"] and not lane["resync_told"])
        or (not in_step and exchange.first_seq - 1 > lane["seq"])
    )
    if is_news:
        with connection.cursor() as cursor:
            cursor.execute(
                _REPORT_SQL,
                {
                    "id": exchange.installation,
                    "tablet": standing.bearer.tablet_id,
                    "at": at,
                    "app_version": exchange.app_version,
                    "persisted": exchange.persisted,
                    "lease_until": standing.expires_at,
                    "held": orjson.dumps({name: held.number for name, held in exchange.streams.items()}).decode(),
                    "schema": exchange.schema,
                    "count": None if outbox is None else outbox.count,
                    "oldest_at": None if outbox is None else outbox.oldest_at,
                    "empty_at": min(exchange.sent_at, at) if is_empty and exchange.sent_at is not None else None,
                    "epoch": head.epoch,
                    "jump": not in_step,
                    "first_seq": exchange.first_seq,
                    "resets": resets,
                    "mismatches": exchange.mismatches,
                    "resend": sorted(again),
                    "named": list(exchange.streams),
                },
            )
    _note_removals(exchange, standing, lane, dropped=dropped, at=at)


def _note_removals(
    exchange: Exchange,
    standing: Standing,
    lane: Mapping[str, Any],
    *,
    dropped: Sequence[Mapping[str, str]],
    at: datetime,
) -> None:
    told = {stream: float(told_at) for stream, told_at in lane["removals"]}
    tell = sorted(
        gone["stream"][:100]
        for gone in dropped
        if gone["why"] in {"not_yours", "signed_off"} and gone["stream"] not in told
    )
    # A request that was sent before the tablet could know confirms nothing, however late it arrives.
    sent = (exchange.sent_at + _CLOCK_TOLERANCE if exchange.sent_at is not None else at).timestamp()
    done = sorted(name for name, told_at in told.items() if name not in exchange.streams and sent >= told_at)
    # It is the reader's again, and was never erased.
    void = sorted(name for name in told if name in exchange.streams and name in standing.streams)
    if not (tell or done or void):
        return
    with connection.cursor() as cursor:
        if tell:
            cursor.execute(
                "INSERT INTO tablets_removal (installation_id, stream, told_at) SELECT %s, unnest(%s::varchar[]), %s"
                " ON CONFLICT DO NOTHING",
                [exchange.installation, tell, at],
            )
        if done:
            cursor.execute(
                "UPDATE tablets_removal SET confirmed_at = %s"
                " WHERE installation_id = %s AND stream = ANY(%s) AND confirmed_at IS NULL",
                [at, exchange.installation, done],
            )
        if void:
            cursor.execute(
                "DELETE FROM tablets_removal WHERE installation_id = %s AND stream = ANY(%s) AND confirmed_at IS NULL",
                [exchange.installation, void],
            )
