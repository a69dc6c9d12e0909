"""
What every test stands on: the real Postgres and Redis of ``make services``, and one fixed moment.
"""

import gc
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def pytest_configure() -> None:
    """
    Let the flush between transactional tests truncate what is append-only, under the setting that is named for it.
    """
    # Modules, models and tests are for good: looking through them again and again took a fifth of the time.
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    options: dict[str, Any] = settings.DATABASES["default"].setdefault("OPTIONS", {})
    # A crash of the machine cannot matter to a test database; everything else is as in production.
    options["options"] = f"{options.get('options', '')} -c journal.allow_truncate=on -c synchronous_commit=off"


@pytest.fixture(scope="session", autouse=True)
def _flush_what_holds_rows(django_db_modify_db_settings: None) -> None:
    """
    Let the flush after a transactional test empty the tables that hold something, and leave the others alone.

    Django truncates them all, which makes new files for some hundred tables and their indexes: a second or two for each
    test. A Postgres that does not let us switch triggers off (``make services`` does) is flushed Django's way.
    """
    truncate_all = connection.ops.sql_flush

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        names = [connection.ops.quote_name(table) for table in tables]
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
            if not cursor.fetchone()[0]:
                return list(truncate_all(style, tables, **options))
            cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names))  # noqa: S608  Django's own names
            filled = [name for (name,) in cursor.fetchall()]
        return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {name}" for name in filled)]  # noqa: S608

    # Django has no setting for it.
    setattr(connection.ops, "sql_flush", sql_flush)  # noqa: B010


@pytest.fixture
def noon() -> datetime:
    """
    Return noon of a Wednesday in Seattle.
    """
    return NOON
