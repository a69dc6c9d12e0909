"""
Is the history of one call linearizable? A small checker after Wing and Gong, for one compare-and-set register.

A call is a register: nobody holds it (``None``), a unit does, or it is ``CLOSED``. Everything that moves it is one
operation with the moment it was asked for, the moment it was answered, and what the answer was. A history is
*linearizable* when each operation can be given one moment between those two at which it took effect, all at once, such
that every answer is what the register says at that moment.

The search is exponential in the worst case. Two things keep it small: positions are remembered (Lowe, "Testing for
linearizability", 2017), and an answer that changes nothing is taken as soon as it is true, which loses no solution:
wherever it stood later, it may stand here, and it holds nobody up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

CLOSED: Final = "CLOSED"
# Whoever holds a call, as the history names it; None where it waits.
State = str | None


class Verb(StrEnum):
    """
    What is asked of the register.
    """

    # None → unit.
    TAKE = "TAKE"
    # unit → None.
    HAND_BACK = "HAND_BACK"
    # unit → other unit.
    REASSIGN = "REASSIGN"
    # unit → CLOSED.
    CLEAR = "CLEAR"
    # anything open → CLOSED.
    CANCEL = "CANCEL"
    # Changes nothing: whoever asked was told enough to know that ``seen`` had it ("": that it waited).
    LOOK = "LOOK"


class Outcome(StrEnum):
    """
    What was answered. UNKNOWN: nobody heard it, so it took effect at some moment after it was asked for, or never.
    """

    OK = "OK"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One thing that was asked of a call, once, however often its request was sent. Moments are seconds of one clock.

    ``seen`` is whom a failure named as the holder ("" where it named nobody): then exactly that must have been so.
    """

    verb: Verb
    unit: str
    asked: float
    answered: float
    outcome: Outcome
    to: str = ""
    seen: str = ""

    def __str__(self) -> str:
        end = "…" if self.answered == inf else f"{self.answered:.3f}"
        named = f" ({self.seen} had it)" if self.seen else ""
        to = f" → {self.to}" if self.to else ""
        return f"[{self.asked:.3f}, {end}] {self.verb} {self.unit}{to}: {self.outcome}{named}"


def after(operation: Operation, state: State) -> tuple[bool, State]:
    """
    Say whether the operation succeeds in this state, and the state after it.
    """
    match operation.verb:
        case Verb.TAKE if state is None:
            return True, operation.unit
        case Verb.HAND_BACK if state == operation.unit:
            return True, None
        case Verb.REASSIGN if state == operation.unit:
            return True, operation.to
        case Verb.CLEAR if state == operation.unit:
            return True, CLOSED
        case Verb.CANCEL if state != CLOSED:
            return True, CLOSED
        case Verb.LOOK:
            return state == (operation.seen or None), state
    return False, state


def fits(operation: Operation, state: State) -> bool:
    """
    Tell whether the operation's answer is true in this state.
    """
    succeeds, _ = after(operation, state)
    if operation.outcome is Outcome.UNKNOWN:
        return True
    if operation.outcome is Outcome.OK:
        return succeeds
    return not succeeds and (operation.verb is Verb.LOOK or not operation.seen or operation.seen == state)


def linearization(history: Iterable[Operation], *, start: State = None) -> list[Operation] | None:
    """
    Return the operations in an order that explains every answer, or None when there is none.

    Operations that nobody heard of and that never took effect are left out of the order.
    """
    operations = sorted(history, key=lambda operation: (operation.asked, operation.answered))
    # Each position: which are placed already (a bit each), the state, and the last one placed with the position before.
    known: set[tuple[int, State]] = set()
    must = sum(1 << i for i, operation in enumerate(operations) if operation.outcome is not Outcome.UNKNOWN)
    stack: list[tuple[int, State, tuple[int, ...]]] = [(0, start, ())]
    while stack:
        placed, state, order = stack.pop()
        placed, order = _settle(operations, placed, state, order)
        if placed & must == must:
            return [operations[i] for i in order]
        if (placed, state) in known:
            continue
        known.add((placed, state))
        for i in _next(operations, placed):
            succeeds, then = after(operations[i], state)
            if succeeds and fits(operations[i], state):
                stack.append((placed | 1 << i, then, (*order, i)))
    return None


def is_linearizable(history: Iterable[Operation], *, start: State = None) -> bool:
    """
    Tell whether the history has an order that explains every answer.
    """
    return linearization(history, start=start) is not None


def _settle(
    operations: Sequence[Operation], placed: int, state: State, order: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    # Everything that may come next, is true now and changes nothing.
    found = True
    while found:
        found = False
        for i in _next(operations, placed):
            changes = operations[i].outcome is not Outcome.FAIL and operations[i].verb is not Verb.LOOK
            if not changes and fits(operations[i], state):
                placed, order, found = placed | 1 << i, (*order, i), True
    return placed, order


def _next(operations: Sequence[Operation], placed: int) -> list[int]:
    # Whatever was asked for before the first answer that is still to be placed may have taken effect first.
    left = [i for i in range(len(operations)) if not placed >> i & 1]
    bound = min((operations[i].answered for i in left), default=inf)
    return [i for i in left if operations[i].asked <= bound]
