"""
An entry between ``record()`` and ``flush()``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEntry:
    """
    An entry that has no number yet: ``flush()`` gives it one under the stream's lock.
    """

    kind: str
    agency_id: int
    about: str
    data: dict[str, Any]
    by: str
    at: datetime

    @property
    def stream(self) -> str:
        """
        Return the stream that numbers this agency's entries.
        """
        return f"journal.{self.agency_id}"
