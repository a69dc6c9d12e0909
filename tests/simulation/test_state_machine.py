"""
The same world as a state machine of Hypothesis, which chooses otherwise than our seeds do and shrinks by its own means.
"""

from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.simulation import invariants, run
from tests.simulation.server import Server
from tests.simulation.world import MOVES, World

EXAMPLES = 10
STEPS = 40


class Chaos(RuleBasedStateMachine):
    """
    Any move at any time; when Hypothesis has had enough, everything drains and every invariant is checked.
    """

    world: World | None = None

    def __init__(self) -> None:
        super().__init__()
        self._server = Server()
        self._travel = time_machine.travel(0, tick=False)
        self._traveller: Any = self._travel.start()

    @initialize(seed=st.integers(0, 9_999))
    def begin(self, seed: int) -> None:
        self.world = World(seed, self._server, self._traveller)

    @rule(name=st.sampled_from(sorted(MOVES)), chance=st.integers(0, 2**48 - 1))
    def happens(self, name: str, chance: int) -> None:
        assert self.world is not None
        self.world.step(name, chance)

    def teardown(self) -> None:
        try:
            if self.world is not None:
                run.drain(self.world)
                invariants.check_all(self.world)
        finally:
            self._travel.stop()
            self._server.forget_backup()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_hypothesis_finds_no_way_to_break_an_invariant() -> None:
    run_state_machine_as_test(
        Chaos,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
