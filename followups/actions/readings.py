"""
Lists of people leave a trace of whom they showed. A record's own page reads through followups/reading.py.
"""

from collections.abc import Collection
from datetime import datetime

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
    Record that somebody who may not read records looked for one, and which were found; what was asked for is a name, and
    is not kept.
    """
    record(
        "client.searched",
        agency_id=by.agency_id,
        about=f"agency.{by.agency_id}",
        data={"clients": sorted(set(found)), "person": by.person_id},
        by=by,
        at=at,
    )
