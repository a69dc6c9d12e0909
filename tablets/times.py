"""
Instants on the wire.
"""

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """
    Return an instant as the protocol writes it: UTC, to the millisecond, with Z.
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
