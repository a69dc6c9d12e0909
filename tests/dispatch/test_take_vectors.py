"""
The vectors that server and tablet share: why a row of the board may or may not be taken.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from dispatch import rules
from journal.refusals import Refusal

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "take.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_server_decides_as_the_vectors_say(vector: dict[str, Any]) -> None:
    can, why = rules.take_of(vector["call"], vector["unit"], vector["limits"], vector["feed_age_s"])

    assert {"can": can, "why": why} == vector["expected"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_checks_refuse_with_the_first_reason_of_the_vectors(vector: dict[str, Any]) -> None:
    call, unit, expected = vector["call"], vector["unit"], vector["expected"]
    if call["status"] != "PENDING":
        # Who has it, and since when, is said before any rule is asked.
        return

    def check() -> None:
        if call["queue"] == "POLICE":
            rules.check_may_poach(call, unit, vector["limits"], vector["feed_age_s"])
        else:
            rules.check_may_self_dispatch(call, unit)

    if expected["can"]:
        check()
        return
    with pytest.raises(Refusal) as refused:
        check()
    assert refused.value.code == expected["why"][0]


def test_every_reason_against_a_take_has_a_vector() -> None:
    told = {code for vector in VECTORS for code in vector["expected"]["why"]}

    assert told == {
        "call_already_taken",
        "call_not_pending",
        "poach_police_assigned",
        "poach_priority",
        "poach_red",
        "poach_caution",
        "poach_disqualified",
        "poach_feed_old",
        "unit_busy",
        "unit_not_dispatchable",
    }
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) >= 30
