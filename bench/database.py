"""
A database of the bench's own, migrated and empty, beside the one of the site.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def bench_database() -> Iterator[None]:
    """
    Point this process's connection at a new database, and drop it afterwards.

    Durability stays as in production: what a commit costs is part of what is measured.
    """
    kept = connection.settings_dict["NAME"]
    connection.settings_dict.setdefault("TEST", {})["NAME"] = f"{kept}_bench"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(kept, verbosity=0)
