"""
``record()``: say what happened, inside an open door.
"""

from datetime import datetime
from typing import Any

from journal.door import current_door
from journal.entries import NewEntry


def record(
    kind: str,
    *,
    agency_id: int,
    about: str,
    data: dict[str, Any],
    by: object,
    at: datetime,
) -> None:
    """
    Write one entry on the agency's journal when the door is flushed.

    Call it last in an action. ``about`` names the subject as ``call.12``; ``data`` holds ids and operational facts only.
    The kind is also the reason that readers get for documents which leave their streams in this transaction.

    :raises NoOpenDoor: nothing would commit this entry together with its effect.
    """
    current_door().entries.append(NewEntry(kind=kind, agency_id=agency_id, about=about, data=data, by=str(by), at=at))
