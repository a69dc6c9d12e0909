"""
What every test stands on: the real Postgres and Redis of ``make services``, and one fixed moment.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings

NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def pytest_configure() -> None:
    """
    Let the flush between transactional tests truncate what is append-only, under the setting that is named for it.
    """
    options: dict[str, Any] = settings.DATABASES["default"].setdefault("OPTIONS", {})
    # A crash of the machine cannot matter to a test database; everything else is as in production.
    options["options"] = f"{options.get('options', '')} -c journal.allow_truncate=on -c synchronous_commit=off"


@pytest.fixture
def noon() -> datetime:
    """
    Return noon of a Wednesday in Seattle.
    """
    return NOON
