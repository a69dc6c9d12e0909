"""
The doors for reading: every look at somebody's record is entered in the journal, and so is one that was refused.

The entry commits with the reading: where nothing can be entered, nothing is read (45 CFR 164.312(b)).
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from followups.actions.clients import family
from followups.models import Client, Disclosure, Programme
from followups.queries import matching, records
from followups.queries.matching import Suggestion
from followups.queries.records import Pattern, Record
from followups.refusals.clients import ClientNotFound
from followups.rules.clients import can_read, cares_for_all
from journal.door import open_door
from journal.record import record
from journal.refusals import NotAllowed
from responders.actors import Actor

_T = TypeVar("_T")
_WHY = re.compile(r"[A-Z_]{1,40}")


def read_record(*, client_id: int, by: Actor, at: datetime, why: str) -> Record:
    """
    Return everything that is known of somebody; of a record that was merged into another, the other.

    ``why`` is a code of where it is read (RECORD, VISIT, …), never words of a person's: it stands in the entry.

    :raises ClientNotFound: there is none, or it is not the actor's to read; entered either way.
    """

    def read(client: Client, ids: Sequence[int]) -> Record:
        return records.record_of(client, ids=ids)

    return _read(client_id, read, by=by, at=at, why=why)


def accounting(*, client_id: int, by: Actor, at: datetime) -> list[Disclosure]:
    """
    Return what went out of somebody's record in the last three years (42 CFR 2.25).

    :raises ClientNotFound: there is none, or it is not the actor's to read; entered either way.
    """

    def read(_: Client, ids: Sequence[int]) -> list[Disclosure]:
        return records.accounting_of(ids, at=at)

    return _read(client_id, read, by=by, at=at, why="ACCOUNTING")


def pattern(*, client_id: int, by: Actor, at: datetime) -> Pattern:
    """
    Return what the contacts with somebody have in common, over the days in which the agency counts them.

    :raises ClientNotFound: there is none, or it is not the actor's to read; entered either way.
    """

    def read(client: Client, ids: Sequence[int]) -> Pattern:
        programme = Programme.objects.filter(agency=client.agency_id).first() or Programme()
        return records.pattern_of(client, ids=ids, since=at - timedelta(days=programme.familiar_days))

    return _read(client_id, read, by=by, at=at, why="PATTERN")


def suggestions(*, client_id: int, by: Actor, at: datetime, most: int = 10) -> list[Suggestion]:
    """
    Return the records that might be of the same person as this one, the likeliest first.

    :raises ClientNotFound: there is none, or it is not the actor's to read; entered either way.
    :raises NotAllowed: the actor may read this one and not the others.
    """
    if not cares_for_all(by):
        raise NotAllowed

    def read(client: Client, ids: Sequence[int]) -> list[Suggestion]:
        return _entered(matching.like(client, but=ids, most=most), by=by, at=at)

    return _read(client_id, read, by=by, at=at, why="SUGGESTIONS")


def search(
    *, by: Actor, at: datetime, names: Sequence[str] = (), born_on: str = "", phones: Sequence[str] = ()
) -> list[Suggestion]:
    """
    Return the records that what is known might be of. Which were found is entered; what was asked is not: it is clinical.

    :raises NotAllowed: the actor's roles do not open every record.
    """
    if not cares_for_all(by):
        raise NotAllowed
    with open_door(by=by, at=at):
        found = matching.suggest(agency_id=by.agency_id, names=names, born_on=born_on, phones=phones)
        return _entered(found, by=by, at=at)


def _read(client_id: int, read: Callable[[Client, Sequence[int]], _T], *, by: Actor, at: datetime, why: str) -> _T:
    if not _WHY.fullmatch(why):
        raise ValueError("a reading says why by a code")
    with open_door(by=by, at=at):
        client = _standing(client_id, by)
        may = client is not None and can_read(by, client, at=at)
        found = read(client, family(client)) if client is not None and may else None
        record(
            "client.read" if may else "client.read_denied",
            agency_id=by.agency_id,
            about=f"client.{client_id if client is None else client.pk}",
            data={"person": by.person_id, "why": why},
            by=by,
            at=at,
        )
    if found is None:
        raise ClientNotFound
    return found


def _standing(client_id: int, by: Actor) -> Client | None:
    client = Client.objects.filter(pk=client_id, agency=by.agency_id).select_related("agency").first()
    while client is not None and client.merged_into_id is not None:
        client = Client.objects.select_related("agency").get(pk=client.merged_into_id)
    return client


def _entered(found: list[Suggestion], *, by: Actor, at: datetime) -> list[Suggestion]:
    record(
        "client.searched",
        agency_id=by.agency_id,
        about=f"agency.{by.agency_id}",
        data={"clients": [one.client_id for one in found], "person": by.person_id},
        by=by,
        at=at,
    )
    return found
