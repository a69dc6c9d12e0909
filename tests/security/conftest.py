"""
What tests of access share.
"""

from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture(autouse=True)
def _own_rate_limits(settings: Any) -> None:
    """
    Count requests apart from every other test: Redis is shared, and remembers for a minute.
    """
    settings.RATE_LIMIT_PREFIX = f"test-{uuid4().hex}"
