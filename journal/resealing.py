"""
Changing the key under which things are sealed, while everybody works (docs/adr/0017-sealing.md).

A sealed text is replaced only where it still is the one that was read: nothing that was written meanwhile is lost. What a row says does not change, so that
neither documents nor their numbers do. Nothing remembers how far it came: what is under another key is what is left.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from journal.sealing import SIGN, SealBroken, current_kid, document_about, receipt_about, seal, unseal

BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Place:
    """
    A column of sealed texts. ``about`` is given the values of ``named_by`` and says to what each text is bound.

    ``id_type`` is the type in Postgres of the primary key, ``id_column``.
    """

    table: str
    column: str
    named_by: tuple[str, ...]
    about: Callable[..., str]
    id_column: str = "id"
    id_type: str = "bigint"

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


DOCUMENTS = Place("journal_document", "body", ("stream", "collection", "document_id", "number"), document_about)
RECEIPTS = Place("journal_receipt", "answer", ("action_id",), receipt_about, id_column="action_id", id_type="uuid")


@dataclass(slots=True)
class Resealed:
    """
    What one pass over a place did: how many texts it sealed anew, and which are broken, by their places.
    """

    done: int
    broken: list[str]


class _New(NamedTuple):
    id: Any
    old: str
    sealed: str


def keys_used(place: Place) -> dict[str, int]:
    """
    Return how many texts of a place are sealed under which key, by its id.
    """
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT split_part(substr({quote(place.column)}, {len(SIGN) + 1}), '.', 1), count(*)"  # noqa: S608  declared in code
            f" FROM {quote(place.table)} WHERE starts_with({quote(place.column)}, %s) GROUP BY 1 ORDER BY 1",
            [SIGN],
        )
        return dict(cursor.fetchall())


def reseal(place: Place, *, progress: Callable[[int], object] = lambda _: None) -> Resealed:
    """
    Go once over everything of a place that is sealed under another key than the current one, and seal it under that.

    Each batch is a transaction of its own. ``progress`` is told of each how many rows it was.
    """
    total = Resealed(0, [])
    for rows in _batches(place):
        news = []
        for row_id, text, *names in rows:
            about = place.about(*names)
            try:
                news.append(_New(row_id, text, seal(unseal(text, about=about), about=about)))
            except SealBroken:
                total.broken.append(about)
        done = _replace(place, news, others="SKIP LOCKED")
        for new in news:
            if new.id not in done:
                # Held by somebody: waited for alone, because whoever holds one row and waits for others must not be
                # waited for in a circle. Where it changed meanwhile, whoever changed it has sealed it.
                done |= _replace(place, [new], others="")
        total.done += len(done)
        progress(len(rows))
    return total


def _batches(place: Place) -> Iterator[list[Sequence[Any]]]:
    quote = connection.ops.quote_name
    row_id, column = quote(place.id_column), quote(place.column)
    columns = ", ".join([row_id, column, *map(quote, place.named_by)])
    after = None
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {quote(place.table)}"  # noqa: S608  declared in code
                f" WHERE starts_with({column}, %(sign)s) AND NOT starts_with({column}, %(current)s)"
                f" AND (%(after)s::{place.id_type} IS NULL OR {row_id} > %(after)s::{place.id_type})"
                f" ORDER BY {row_id} LIMIT {BATCH_ROWS}",
                {"sign": SIGN, "current": f"{SIGN}{current_kid()}.", "after": after},
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _replace(place: Place, news: Sequence[_New], *, others: str) -> set[Any]:
    quote = connection.ops.quote_name
    table, row_id, column = quote(place.table), quote(place.id_column), quote(place.column)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL journal.resealing = 'on'")
        cursor.execute(
            f"WITH new AS (SELECT * FROM unnest(%s::{place.id_type}[], %s::text[], %s::text[]) AS new (id, old, sealed)),"  # noqa: S608  declared in code
            f" held AS (SELECT t.{row_id} AS id FROM {table} t JOIN new ON new.id = t.{row_id} AND new.old = t.{column}"
            f" ORDER BY t.{row_id} FOR NO KEY UPDATE OF t {others})"
            f" UPDATE {table} t SET {column} = new.sealed FROM new JOIN held ON held.id = new.id"
            f" WHERE t.{row_id} = new.id AND t.{column} = new.old RETURNING t.{row_id}",
            [[new.id for new in news], [new.old for new in news], [new.sealed for new in news]],
        )
        done = {row[0] for row in cursor.fetchall()}
        # The triggers saw rows change. What they say did not: no subject has anything new to tell its readers.
        cursor.execute("DELETE FROM journal_mark")
    return done
