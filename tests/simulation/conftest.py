"""
What a simulation needs around it.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django import Settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark everything here: a database is copied and put back, which nobody else may be connected to.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("simulation")


@pytest.fixture(autouse=True)
def _cheap_and_apart(settings: Settings) -> Iterator[None]:
    """
    Hash passwords in no time, count requests apart from every other test, and keep the server's log of its deaths quiet.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMIT_PREFIX = f"simulation-{uuid4().hex}"
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
