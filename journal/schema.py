"""
Which collections changed their shape, and since when.

``SCHEMA`` is what the documents of this server are like; a tablet's app says which it understands. A store that was filled
by an older app than now reads it may lack what that one did not know: those streams are sent again from the start.
"""

from collections.abc import Mapping

SCHEMA = 1

# Schema → the collections that it changed.
SCHEMA_CHANGES: Mapping[int, frozenset[str]] = {}


def changed_collections(*, after: int, upto: int) -> frozenset[str]:
    """
    Return the collections that changed after one schema and not after another.
    """
    return frozenset().union(*(SCHEMA_CHANGES[at] for at in SCHEMA_CHANGES if after < at <= upto))
