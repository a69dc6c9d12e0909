"""
A cursor for the statements that every change and every exchange runs.

Django writes arguments into the text of a statement, so Postgres plans each one anew: for a join of ten tables that hold
few rows for a key, that is ten times the work of running it. What goes through this cursor is planned once for each
connection, and then only given its arguments.
"""

from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper


def prepared_cursor() -> CursorWrapper:
    """
    Return a cursor of Django's connection whose statements are prepared once they have run a few times.

    For SQL that is constant text: one that is put together anew each time would fill the server's memory of statements.
    Arguments keep their types on the way, so one that Postgres cannot infer needs a cast (``%s::bigint[]``).
    """
    # Not `django.db.connection`: it looks the connection up anew for each of its attributes.
    database = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged:
        # Whoever logs statements wants to see them with their arguments.
        return database.cursor()
    database.close_if_health_check_failed()
    if database.connection is None:
        database.ensure_connection()
    # Django's stubs call the driver's cursor what they call its wrapper.
    cursor: Any = psycopg.Cursor(database.connection)
    return database.make_cursor(cursor)
