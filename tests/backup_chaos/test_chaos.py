"""
Crews ask for backup while processes die and hang, and the network drops, delays, doubles and reorders what they send: none
is lost, none is doubled, none is told more than is true, and every step rings in time.

``make chaos`` does it ten thousand times (CHAOS_PRESSES); a run of 150 is part of `make test`. SEED replays a run.

A SIGKILL takes a process and leaves the kernel: what a power cut leaves on a disk rests on `synchronous_commit = on`.
"""

import os
import sys
from collections import Counter

import pytest

from tests.backup_chaos.run import chaos
from tests.backup_chaos.script import PROCESSES, Script
from tests.backup_chaos.site import Site
from tests.faults.servers import running_servers

PRESSES = int(os.environ.get("CHAOS_PRESSES", "150"))
SEED = int(os.environ.get("SEED", "1"))
_IS_SHORT = PRESSES <= 500
_MOST_SHOWN = 40


def script() -> Script:
    """
    Return the script of this run.
    """
    if _IS_SHORT:
        return Script(
            seed=SEED, presses=PRESSES, tablets=60, per_second=8.0,
            longest_fault=3.0, fault_every=2.5, left_for=32.5, left_until=0.25,
        )  # fmt: skip
    return Script(
        seed=SEED, presses=PRESSES, tablets=400, per_second=float(os.environ.get("CHAOS_PER_SECOND", "8")),
        longest_fault=10.0, fault_every=8.0,
    )  # fmt: skip


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(600 + PRESSES)
def test_every_request_for_backup_is_kept_once_and_rings_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    played = script()

    with running_servers(Site) as site:
        outcome = chaos(site, played)
        logs = site.tail() if outcome.verdict.problems else ""

    report = f"seed {SEED}: {outcome.report()}"
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
    # A run in which nothing happened would prove nothing.
    assert len(outcome.told.presses) == PRESSES
    assert outcome.befell
    assert {step.number for step in outcome.verdict.steps} >= {0, 1, 2}
    assert outcome.verdict.problems == [], "\n".join([*outcome.verdict.problems[:_MOST_SHOWN], report, logs])


def test_a_seed_is_a_script() -> None:
    one, same, other = (Script(seed, 1000, 100, 8.0, 10.0, 4.0) for seed in (7, 7, 8))

    assert (one.pressings(), one.faults()) == (same.pressings(), same.faults())
    assert one.pressings() != other.pressings()
    assert one.fate("/api/backup/ k", 3) == same.fate("/api/backup/ k", 3)
    assert one.attention("k", 0.0) == same.attention("k", 0.0)


def test_the_script_of_a_long_run_leaves_nothing_out() -> None:
    played = Script(1, 10_000, 400, 8.0, 10.0, 8.0)
    pressings, faults = played.pressings(), played.faults()
    fates = Counter(played.fate("/api/backup/ k", copy).what for copy in range(1_000))

    assert len({pressing.key for pressing in pressings}) == 10_000
    assert any(pressing.cancels_after == 0.0 for pressing in pressings)
    assert any(pressing.silent for pressing in pressings)
    kinds = Counter((fault.what, fault.who) for fault in faults)
    assert kinds.keys() == {
        *(("kill", who) for who in PROCESSES),
        *(("stop", who) for who in PROCESSES),
        ("cut", "network"),
        ("hole", "network"),
    }
    assert min(kinds.values()) >= 5
    assert min(fates[what] for what in ("late", "drop", "drop-answer", "late-answer", "twice")) >= 20
