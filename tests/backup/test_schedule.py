"""
When a press rings, and whom: exactly.
"""

from datetime import timedelta

import pytest

from dispatch.backup.schedule import REMINDER, Audience, audience, due_at, next_due, steps_due
from tests.conftest import NOON

ALL = set(Audience)
DESK = {Audience.CONSOLES, Audience.SUPERVISORS}


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("after", "count"),
    [(-1, 0), (0, 1), (14.999, 1), (15, 2), (29.999, 2), (30, 3), (59.999, 3), (60, 4), (90, 5), (3600, 122)],
)
def test_it_rings_at_0_15_30_and_every_30_seconds(after: float, count: int) -> None:
    assert steps_due(NOON, None, None, None, NOON + s(after)) == list(range(count))


def test_each_step_is_due_when_it_first_appears() -> None:
    for step in range(200):
        at = NOON + due_at(step)
        assert steps_due(NOON, None, None, None, at)[-1] == step
        assert step not in steps_due(NOON, None, None, None, at - s(0.001))
        assert next_due(NOON, None, None, at - s(0.001)) == at


def test_it_never_ends_by_itself() -> None:
    assert len(steps_due(NOON, None, None, None, NOON + timedelta(days=3))) == 3 * 24 * 120 + 2


def test_who_has_seen_it_stops_the_ladder_and_is_reminded_until_police_are_sent() -> None:
    seen_at, sent_at = NOON + s(20), NOON + s(20 + 150)

    assert steps_due(NOON, seen_at, None, None, NOON + s(79)) == [0, 1]
    assert steps_due(NOON, seen_at, None, None, NOON + s(80)) == [0, 1, REMINDER + 1]
    assert steps_due(NOON, seen_at, None, None, NOON + s(200)) == [0, 1, REMINDER + 1, REMINDER + 2, REMINDER + 3]
    assert steps_due(NOON, seen_at, sent_at, None, NOON + s(900)) == [0, 1, REMINDER + 1, REMINDER + 2]
    assert next_due(NOON, seen_at, None, NOON + s(30)) == seen_at + s(60)
    assert next_due(NOON, seen_at, sent_at, NOON + s(900)) is None


def test_what_is_closed_rings_no_more() -> None:
    assert steps_due(NOON, None, None, NOON + s(16), NOON + s(900)) == [0, 1]


@pytest.mark.parametrize(
    ("step", "level", "whom"),
    [
        (0, "EMERGENCY", DESK | {Audience.SECTOR}),
        (1, "EMERGENCY", DESK | {Audience.SECTOR}),
        (2, "EMERGENCY", ALL),
        (9, "EMERGENCY", ALL),
        (0, "URGENT", DESK),
        (1, "URGENT", DESK),
        (2, "URGENT", ALL),
        (0, "NON_URGENT", {Audience.CONSOLES}),
        (1, "NON_URGENT", set()),
        (7, "NON_URGENT", set()),
        (REMINDER + 1, "EMERGENCY", DESK),
        (REMINDER + 1, "NON_URGENT", set()),
    ],
)
def test_whom_it_rings(step: int, level: str, whom: set[Audience]) -> None:
    assert audience(step, level) == whom
