"""
Tablets, a server and a network in chaos: after every run all eleven invariants hold (`make simulate`).

``SEEDS`` says how many seeds, ``SEED`` runs one again.
"""

import os
from collections import Counter

import pytest

from tests.simulation import run
from tests.simulation.world import MOVES

SEEDS = int(os.environ.get("SEEDS", "100"))
BLOCK = 10
_ONE = os.environ.get("SEED")
# What every ten seeds must meet, or they have not looked where they should.
_MUST_MEET = ["applied", "refused", "quarantined", "server died", "tablet crashed"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", [int(_ONE)] if _ONE else range(0, SEEDS, BLOCK))
def test_every_invariant_holds_whatever_happens(first: int) -> None:
    met: Counter[str] = Counter()

    for seed in range(first, first + (1 if _ONE else min(BLOCK, SEEDS - first))):
        met += run.check(seed)

    assert _ONE or SEEDS < BLOCK or all(met[name] for name in _MUST_MEET), {name: met[name] for name in _MUST_MEET}


def test_the_scripts_of_a_hundred_seeds_leave_nothing_out() -> None:
    moves = Counter(step.name for seed in range(100) for step in run.script(seed))

    assert moves.keys() == MOVES.keys()
    assert min(moves.values()) >= 10
