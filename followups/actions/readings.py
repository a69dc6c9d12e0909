"""
Looking at people leaves a trace.
"""

from collections.abc import Collection
from datetime import datetime

from followups.models import Client
from followups.rules.clients import can_read
from journal.record import record
from responders.actors import Actor


def listed(*, clients: Collection[int], page: str, by: Actor, at: datetime) -> None:
    """
    Record whose names a page has shown to somebody.
    """
    record(
        "client.listed",
        agency_id=by.agency_id,
        about=f"agency.{by.agency_id}",
        data={"clients": sorted(set(clients)), "person": by.person_id, "page": page},
        by=by,
        at=at,
    )


def searched(*, found: Collection[int], by: Actor, at: datetime) -> None:
    """
    Record that somebody looked for a person, and whose records were shown; what was asked for is a name, and is not kept.
    """
    record(
        "client.searched",
        agency_id=by.agency_id,
        about=f"agency.{by.agency_id}",
        data={"clients": sorted(set(found)), "person": by.person_id},
        by=by,
        at=at,
    )


def read(*, client: Client, by: Actor, at: datetime) -> bool:
    """
    Record that somebody opened a record, or that they were refused; return whether they may read it.
    """
    may = can_read(by, client, at=at)
    record(
        "client.read" if may else "client.read_denied",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        data={"client": client.pk, "person": by.person_id, "why": "page"},
        by=by,
        at=at,
    )
    return may
