"""
The checker itself: histories known to be good and bad, and every small random history against brute force.
"""

from itertools import combinations, permutations
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.linearizability.checker import (
    CLOSED,
    Operation,
    Outcome,
    State,
    Verb,
    after,
    fits,
    is_linearizable,
    linearization,
)

OK, FAIL, UNKNOWN = Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN


def take(unit: str, asked: float, answered: float, outcome: Outcome = OK, *, seen: str = "") -> Operation:
    return Operation(Verb.TAKE, unit, asked, answered, outcome, seen=seen)


def hand_back(unit: str, asked: float, answered: float, outcome: Outcome = OK) -> Operation:
    return Operation(Verb.HAND_BACK, unit, asked, answered, outcome)


def reassign(unit: str, to: str, asked: float, answered: float, outcome: Outcome = OK) -> Operation:
    return Operation(Verb.REASSIGN, unit, asked, answered, outcome, to=to)


def look(asked: float, answered: float, seen: str = "") -> Operation:
    return Operation(Verb.LOOK, "", asked, answered, OK, seen=seen)


def cancel(asked: float, answered: float, outcome: Outcome = OK) -> Operation:
    return Operation(Verb.CANCEL, "desk", asked, answered, outcome)


GOOD: dict[str, list[Operation]] = {
    "nothing happened": [],
    "one of two wins, the first asked": [take("A", 0, 3), take("B", 1, 4, FAIL)],
    "one of two wins, the later asked": [take("A", 0, 3, FAIL), take("B", 1, 4)],
    "the loser is told by whom": [take("A", 0, 3), take("B", 1, 4, FAIL, seen="A")],
    "taken again after it was handed back": [take("A", 0, 1), hand_back("A", 2, 3), take("B", 4, 5)],
    "taken while the hand-back is under way": [take("A", 0, 1), hand_back("A", 2, 9), take("B", 3, 4)],
    "the desk gives it to somebody else": [take("A", 0, 1), reassign("A", "B", 2, 3), hand_back("A", 4, 5, FAIL)],
    "nobody heard of the take that made the other fail": [take("A", 0, inf, UNKNOWN), take("B", 5, 6, FAIL, seen="A")],
    "nobody heard of a take that never was": [take("A", 0, inf, UNKNOWN), take("B", 5, 6)],
    "an unheard take comes true late": [
        take("A", 0, inf, UNKNOWN),
        take("B", 5, 6),
        hand_back("B", 7, 8),
        take("C", 9, 10, FAIL, seen="A"),
    ],
    "cancelled before it could be taken": [cancel(0, 5), take("A", 1, 2, FAIL)],
    "seen free before it was taken": [look(0, 3), take("A", 1, 2), look(4, 5, "A")],
}
BAD: dict[str, list[Operation]] = {
    "two winners": [take("A", 0, 3), take("B", 1, 4)],
    "two winners, one after the other": [take("A", 0, 1), take("B", 2, 3)],
    "nobody won and both were refused": [take("A", 0, 1, FAIL), take("B", 2, 3, FAIL)],
    "refused before anybody could have it": [take("B", 0, 1, FAIL), take("A", 2, 3)],
    "the loser was told of somebody who came later": [
        take("A", 0, 1),
        take("B", 2, 3, FAIL, seen="C"),
        hand_back("A", 4, 5),
        take("C", 6, 7),
    ],
    "won although the hand-back came later": [take("A", 0, 1), take("B", 2, 3), hand_back("A", 4, 5)],
    "given back by who does not have it": [take("A", 0, 1), hand_back("B", 2, 3)],
    "a confirmed winner lost it to nobody's doing": [take("A", 0, 1), hand_back("A", 2, 3, FAIL)],
    "taken after it was cancelled": [cancel(0, 1), take("A", 2, 3)],
    "an unheard take cannot come true before it was asked for": [
        take("B", 0, 1, FAIL, seen="A"),
        take("A", 2, inf, UNKNOWN),
    ],
    "seen free while somebody had it": [take("A", 0, 1), look(2, 3), hand_back("A", 4, 5)],
    "the device's clock stole a confirmed take": [take("A", 5, 6), take("B", 7, 8), hand_back("A", 9, 10, FAIL)],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_is_explained(name: str) -> None:
    order = linearization(GOOD[name])

    assert order is not None
    assert follows(order, None)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_seen(name: str) -> None:
    assert not is_linearizable(BAD[name])


def test_a_history_may_begin_with_a_holder() -> None:
    assert is_linearizable([take("B", 0, 1, FAIL, seen="A")], start="A")
    assert not is_linearizable([take("B", 0, 1)], start="A")
    assert is_linearizable([take("B", 0, 1, FAIL)], start=CLOSED)


def test_a_crowd_on_one_call_takes_no_time() -> None:
    crowd = [take(f"U{n}", 0, 10, FAIL, seen="U0") for n in range(1, 300)]
    back_and_forth = [
        operation
        for turn in range(40)
        for operation in (take("U0", turn, turn + 0.5), hand_back("U0", turn + 0.6, turn + 0.9))
    ]

    assert is_linearizable([*crowd, take("U0", 0, 10)])
    assert is_linearizable([*back_and_forth, *(take(f"L{n}", 0, 40, FAIL, seen="U0") for n in range(100))])
    assert not is_linearizable([*crowd, take("U0", 0, 10), take("V", 0, 10)])


_units = st.sampled_from(["A", "B"])
_operations = st.builds(
    lambda verb, unit, to, asked, lasts, outcome, seen: Operation(
        verb,
        unit,
        asked,
        inf if outcome is UNKNOWN else asked + lasts,
        outcome,
        to=to if verb is Verb.REASSIGN else "",
        seen=seen if outcome is FAIL or verb is Verb.LOOK else "",
    ),
    st.sampled_from(Verb),
    _units,
    _units,
    st.integers(0, 6),
    st.integers(0, 4),
    st.sampled_from([OK, OK, FAIL, UNKNOWN]),
    st.sampled_from(["", "", "A", "B"]),
)


@settings(max_examples=1500, deadline=None)
@given(history=st.lists(_operations, max_size=5), start=st.sampled_from([None, "A", CLOSED]))
def test_it_says_what_brute_force_says(history: list[Operation], start: State) -> None:
    assert is_linearizable(history, start=start) == by_brute_force(history, start)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_register_did_is_explained(data: st.DataObject) -> None:
    state: State = None
    history = []
    for moment in range(data.draw(st.integers(0, 8))):
        asked = moment - data.draw(st.floats(0, 3))
        answered = moment + data.draw(st.floats(0, 3))
        verb, unit = data.draw(st.sampled_from(Verb)), data.draw(_units)
        heard = data.draw(st.integers(0, 4)) > 0
        plain = Operation(verb, unit, asked, answered if heard else inf, UNKNOWN, to="C")
        succeeds, then = after(plain, state)
        outcome = (OK if succeeds else FAIL) if heard else UNKNOWN
        history.append(Operation(verb, unit, plain.asked, plain.answered, outcome, to="C"))
        state = then

    assert is_linearizable(history)


def follows(order: list[Operation], state: State) -> bool:
    """
    Tell whether an order keeps real time, and every answer is true where it stands.
    """
    for place, operation in enumerate(order):
        if any(later.answered < operation.asked for later in order[place + 1 :]):
            return False
        if not fits(operation, state):
            return False
        _, state = after(operation, state)
    return True


def by_brute_force(history: list[Operation], start: State) -> bool:
    """
    Try every order of everything that was heard of, with every choice of what was not.
    """
    heard = [operation for operation in history if operation.outcome is not UNKNOWN]
    unheard = [operation for operation in history if operation.outcome is UNKNOWN]
    return any(
        follows(list(order), start)
        for size in range(len(unheard) + 1)
        for chosen in combinations(unheard, size)
        for order in permutations([*heard, *chosen])
    )
