"""
The door of backup without a server: its pool is closed after every test, so that the test database can be emptied.
"""

from collections.abc import Iterator

import pytest

from dispatch.backup.database import Pool
from tests.backup.asking import Asking, doors


@pytest.fixture
def pool(transactional_db: None) -> Iterator[Pool]:
    """
    Return a pool of the path's own connections.
    """
    made = Pool(4)
    yield made
    made.close()


@pytest.fixture
def door(pool: Pool) -> Asking:
    """
    Return the door, to be asked like a server would.
    """
    return doors(pool)
