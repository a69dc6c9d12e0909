"""
The judge of a run of chaos sees what it is there to see: each promise, broken once on purpose.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tablets.times import instant
from tests.backup_chaos.ledger import Answer, Event, Pressed, Row, Span, Tables, Told, check, ladder

AT = 1_800_000_000.0
FIRST, AGAIN = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
_RECEIVED = instant(datetime.fromtimestamp(AT, UTC))
_AGAIN_RECEIVED = instant(datetime.fromtimestamp(AT + 5, UTC))


def run() -> tuple[Told, Tables]:
    """
    Return a run in which all is well: a press that rang thrice, was seen and closed, and one that is one with it.
    """
    first = Pressed(FIRST, 1, AT - 0.1)
    first.answers = [
        Answer(AT + 0.1, "web", _body(FIRST, "RECEIVED")),
        Answer(AT + 33, "live", _body(FIRST, "SEEN") | {"seen_by": "Dispatcher One"}),
        Answer(AT + 41, "web", _body(FIRST, "CLOSED") | {"seen_by": "Dispatcher One"}),
    ]
    first.cancel_told = True
    again = Pressed(AGAIN, 1, AT + 4.9)
    again.answers = [
        Answer(AT + 5.1, "web", _body(AGAIN, "RECEIVED") | {"merged_into": FIRST, "received_at": _AGAIN_RECEIVED})
    ]
    told = Told({FIRST: first, AGAIN: again}, {FIRST: AT + 0.8}, [(FIRST, "Dispatcher One")])
    rows = [
        Row(FIRST, AT, _RECEIVED, 1, None, AT + 40, "web", ""),
        Row(AGAIN, AT + 5, _AGAIN_RECEIVED, 1, FIRST, AT + 40, "web", ""),
    ]
    events = [
        Event(FIRST, "RUNG", 0, AT + 0.02, "web:1"),
        Event(FIRST, "RUNG", 1, AT + 15.1, "backup:2"),
        Event(FIRST, "RUNG", 2, AT + 30.1, "live:3"),
        Event(FIRST, "CANCEL_ASKED", None, AT + 1, "tablet:1"),
        Event(FIRST, "SEEN", None, AT + 32, "Dispatcher One"),
        Event(FIRST, "CLOSED", None, AT + 40, "Dispatcher One"),
    ]
    return told, Tables(rows, events, {FIRST}, AT + 60)


def _body(key: str, state: str) -> dict[str, Any]:
    return {"key": key, "state": state, "received_at": _RECEIVED, "merged_into": None, "seen_by": None}


def test_a_run_in_which_all_is_well_is_found_well() -> None:
    told, tables = run()

    verdict = check(told, tables, [])

    assert verdict.problems == []
    assert [step.number for step in verdict.steps] == [0, 1, 2]


def _forged(told: Told, tables: Tables) -> None:
    # The server said RECEIVED before it was: the press never came to the table.
    tables.rows = [row for row in tables.rows if row.key != AGAIN]


def _deleted(told: Told, tables: Tables) -> None:
    tables.rows = []


def _lost_and_sent_again(told: Told, tables: Tables) -> None:
    tables.rows[0] = replace(tables.rows[0], received="2027-01-15T08:00:09.000Z")


def _unsent(told: Told, tables: Tables) -> None:
    del told.presses[AGAIN]


def _doubled(told: Told, tables: Tables) -> None:
    tables.rows.append(tables.rows[0])


def _unconfirmed(told: Told, tables: Tables) -> None:
    told.presses[AGAIN].answers = []


def _of_another(told: Told, tables: Tables) -> None:
    told.presses[AGAIN].answers[0].body["key"] = FIRST


def _stray(told: Told, tables: Tables) -> None:
    told.strays.append((2, FIRST))


def _refused(told: Told, tables: Tables) -> None:
    told.presses[FIRST].statuses[429] += 1


def _seen_by_nobody(told: Told, tables: Tables) -> None:
    tables.events = [event for event in tables.events if event.kind != "SEEN"]


def _seen_too_soon(told: Told, tables: Tables) -> None:
    told.presses[FIRST].answers[1] = replace(told.presses[FIRST].answers[1], at=AT + 31)


def _police_that_nobody_sent(told: Told, tables: Tables) -> None:
    told.presses[FIRST].answers[1].body["state"] = "POLICE_SENT"


def _seen_by_another(told: Told, tables: Tables) -> None:
    told.seen.append((FIRST, "Dispatcher Two"))


def _seen_twice(told: Told, tables: Tables) -> None:
    tables.events.append(Event(FIRST, "SEEN", None, AT + 33, "Dispatcher One"))


def _closed_too_soon(told: Told, tables: Tables) -> None:
    told.presses[FIRST].answers[2] = replace(told.presses[FIRST].answers[2], at=AT + 39)


def _merged_elsewhere(told: Told, tables: Tables) -> None:
    tables.rows[1] = replace(tables.rows[1], again_of=None)


def _cancel_lost(told: Told, tables: Tables) -> None:
    tables.events = [event for event in tables.events if event.kind != "CANCEL_ASKED"]


def _rung_late(told: Told, tables: Tables) -> None:
    tables.events[1] = replace(tables.events[1], at=AT + 17.1)


def _rung_early(told: Told, tables: Tables) -> None:
    tables.events[1] = replace(tables.events[1], at=AT + 14.9)


def _rung_twice(told: Told, tables: Tables) -> None:
    tables.events.append(tables.events[1])


def _not_rung(told: Told, tables: Tables) -> None:
    del tables.events[0]


def _rung_on(told: Told, tables: Tables) -> None:
    tables.events.append(Event(FIRST, "RUNG", 3, AT + 60, "web:1"))


def _never_shown(told: Told, tables: Tables) -> None:
    told.shown.clear()


def _shown_from_nowhere(told: Told, tables: Tables) -> None:
    told.shown["00000000-0000-4000-8000-000000000009"] = AT


def _not_filed(told: Told, tables: Tables) -> None:
    tables.filed.clear()


_BROKEN: dict[Callable[[Told, Tables], None], str] = {
    _forged: "is not there",
    _deleted: "is lost",
    _lost_and_sent_again: "is there since",
    _unsent: "nobody pressed it",
    _doubled: "is there 2 times",
    _unconfirmed: "never confirmed",
    _of_another: "is about",
    _stray: "which it never pressed",
    _refused: "was refused with [429]",
    _seen_by_nobody: "there was no SEEN",
    _seen_too_soon: "there was no SEEN",
    _police_that_nobody_sent: "there was no POLICE_SENT",
    _seen_by_another: "Dispatcher Two saw it",
    _seen_twice: "SEEN  happened 2 times",
    _closed_too_soon: "was not closed",
    _merged_elsewhere: "is one with None",
    _cancel_lost: "the cancel was confirmed and is not there",
    _rung_late: "step 1 was rung 2.10 s late",
    _rung_early: "0.10 s early",
    _rung_twice: "RUNG 1 happened 2 times",
    _not_rung: "step 0 was due for 32.0 s and was never rung",
    _rung_on: "step 3 was rung after it was seen or closed",
    _never_shown: "never shown on a console",
    _shown_from_nowhere: "was shown and is not there",
    _not_filed: "was never filed",
}


@pytest.mark.parametrize("broken", _BROKEN)
def test_a_broken_promise_is_seen(broken: Callable[[Told, Tables], None]) -> None:
    told, tables = run()
    broken(told, tables)

    problems = check(told, tables, []).problems

    assert any(_BROKEN[broken] in problem for problem in problems), problems


def test_what_nothing_could_have_rung_is_not_counted_as_late_and_no_more_than_that() -> None:
    told, tables = run()
    tables.events[1] = replace(tables.events[1], at=AT + 19.5)

    # Down from 14 to 18 s, by two spans that overlap: the step was due in it and came 1.5 s after its end.
    down = [Span(AT + 14, AT + 17), Span(AT + 16, AT + 18)]
    in_time = check(told, tables, down)
    too_late = check(told, tables, [Span(AT + 14, AT + 17)])

    assert in_time.problems == []
    assert in_time.steps[1].counted == pytest.approx(1.5)
    assert in_time.steps[1].late == pytest.approx(4.5)
    assert ["step 1 was rung 2.50 s late" in problem for problem in too_late.problems] == [True]


def test_the_ladder() -> None:
    assert ladder(0.1) == [0.0]
    assert ladder(15.0) == [0.0]
    assert ladder(100.0) == [0.0, 15.0, 30.0, 60.0, 90.0]
