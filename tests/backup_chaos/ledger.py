"""
What the clients were told, what the tables say at the end, and whether the two agree.

Nothing here knows how the server does it: the ladder, the states and what they promise are written down once more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

LATEST_S: Final = 2.0
# A step that was on its way when somebody saw the press may still come: from a process that was stopped in between.
_ON_ITS_WAY_S: Final = 15.0
_REMINDER: Final = 1_000_000
# From Postgres' clock to the clients': one machine, rounded to milliseconds.
_ROUNDING_S: Final = 0.005
# Which states say that something happened, and what is to be found of it.
_PROOF: Final = {
    "SEEN": ("SEEN",),
    "POLICE_SENT": ("SEEN", "POLICE_SENT"),
    "POLICE_ARRIVED": ("SEEN", "POLICE_SENT", "POLICE_ARRIVED"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """
    From a moment to another, in seconds of the epoch.
    """

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the server said to a tablet about a press: when, by which way, and the body.
    """

    at: float
    via: str
    body: dict[str, Any]


@dataclass
class Pressed:
    """
    A press as its tablet knows it.
    """

    key: str
    tablet: int
    sent_at: float
    answers: list[Answer] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    # When an answer to the cancel came.
    cancel_told: bool = False

    @property
    def received(self) -> Answer | None:
        """
        Return the first answer that promised something.
        """
        return next((answer for answer in self.answers if answer.body.get("received_at") is not None), None)

    @property
    def is_closed(self) -> bool:
        """
        Tell whether the tablet heard that it is over.
        """
        return any(answer.body.get("state") == "CLOSED" for answer in self.answers)


@dataclass
class Told:
    """
    Everything that clients were told: tablets of their presses, consoles of what is open and who was the first to see it.
    """

    presses: dict[str, Pressed] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    # Answers about a key that this tablet never pressed.
    strays: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """
    A press as the table has it.
    """

    key: str
    received_at: float
    received: str
    tablet: int
    again_of: str | None
    closed_at: float | None
    via: str
    raw: str


@dataclass(frozen=True, slots=True)
class Event:
    """
    An event as the table has it.
    """

    press: str
    kind: str
    step: int | None
    at: float
    by: str


@dataclass
class Tables:
    """
    The tables after everything, and when they were read.
    """

    rows: list[Row]
    events: list[Event]
    filed: set[str]
    read_at: float


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step that was rung, or should have been: how late by the clock, and how late without what nobody could help.
    """

    press: str
    number: int
    due_at: float
    late: float
    counted: float


@dataclass
class Verdict:
    """
    What is wrong, and how late each step was.
    """

    problems: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def ladder(until: float) -> list[float]:
    """
    Return after how many seconds an unseen press rings, as far as ``until``.
    """
    steps = [0.0, 15.0]
    while steps[-1] < until:
        steps.append(30.0 if len(steps) == 2 else steps[-1] + 30.0)
    return [step for step in steps if step < until]


def check(told: Told, tables: Tables, outages: Sequence[Span]) -> Verdict:
    """
    Compare what was told with what is there.
    """
    verdict = Verdict()
    say = verdict.problems.append
    counts = Counter(row.key for row in tables.rows)
    rows = {row.key: row for row in tables.rows}
    events: dict[str, list[Event]] = defaultdict(list)
    for event in tables.events:
        events[event.press].append(event)
    for key, many in counts.items():
        if many > 1:
            say(f"{key} is there {many} times")
        if key not in told.presses:
            of = rows[key]
            say(
                f"{key} is there and nobody pressed it: tablet {of.tablet} by {of.via}, one with {of.again_of}: {of.raw!r}"
            )
    for tablet, key in told.strays:
        say(f"tablet {tablet} was told of {key}, which it never pressed")
    for pressed in told.presses.values():
        _check_pressed(pressed, rows, events, say)
    for key in told.shown:
        if key not in rows:
            say(f"{key} was shown and is not there")
    for key, seen_by in told.seen:
        first = [event.by for event in events[key] if event.kind == "SEEN"]
        if first != [seen_by]:
            say(f"{key}: a console was told that {seen_by} saw it, and there is {first}")
    for row in rows.values():
        _check_row(row, rows, events, told, tables, say)
        _check_steps(row, events[row.key], tables.read_at, outages, verdict)
    return verdict


def _check_pressed(pressed: Pressed, rows: dict[str, Row], events: dict[str, list[Event]], say: Any) -> None:
    key = pressed.key
    row = rows.get(key)
    if row is None:
        say(f"{key} is lost: it was sent and is not there")
    if pressed.received is None:
        say(f"{key} was never confirmed: {dict(pressed.statuses)}")
    refused = sorted(status for status in pressed.statuses if 300 <= status < 500)
    if refused:
        say(f"{key} was refused with {refused}")
    if pressed.cancel_told and not any(event.kind == "CANCEL_ASKED" for event in events[key]):
        say(f"{key}: the cancel was confirmed and is not there")
    for answer in pressed.answers:
        _check_answer(pressed, answer, row, rows, events, say)


def _check_answer(
    pressed: Pressed,
    answer: Answer,
    row: Row | None,
    rows: dict[str, Row],
    events: dict[str, list[Event]],
    say: Any,
) -> None:
    key, body = pressed.key, answer.body
    state, root = body.get("state"), body.get("merged_into")
    if body.get("key") != key:
        say(f"{key}: the answer by {answer.via} is about {body.get('key')}")
        return
    if body.get("received_at") is None:
        if state != "UNKNOWN":
            say(f"{key} was told {state} without being received")
        return
    if row is None:
        say(f"{key} was told {state} by {answer.via} and is not there")
        return
    if body["received_at"] != row.received:
        # It was there, was lost and came again: the promise was broken all the same.
        say(
            f"{key} was told received at {body['received_at']} and is there since {row.received}"
            f" ({state} by {answer.via}, sent {row.received_at - pressed.sent_at:.1f} s before,"
            f" told {answer.at - row.received_at:.1f} s after, one with {row.again_of})"
        )
    if root is not None and root != row.again_of:
        say(f"{key} was told to be one with {root} and is one with {row.again_of}")
    family = events[key] + (events[row.again_of] if row.again_of is not None else [])
    for kind in _PROOF.get(str(state), ()):
        if not any(event.kind == kind and event.at <= answer.at + _ROUNDING_S for event in family):
            say(f"{key} was told {state} and there was no {kind}")
    if body.get("seen_by") is not None and body["seen_by"] not in {e.by for e in family if e.kind == "SEEN"}:
        say(f"{key} was told that {body['seen_by']} saw it, who did not")
    of_root = rows.get(row.again_of or "")
    closed = [one.closed_at for one in (row, of_root) if one is not None and one.closed_at is not None]
    if state == "CLOSED" and not any(at <= answer.at + _ROUNDING_S for at in closed):
        say(f"{key} was told CLOSED and was not closed")


def _check_row(
    row: Row, rows: dict[str, Row], events: dict[str, list[Event]], told: Told, tables: Tables, say: Any
) -> None:
    kinds = Counter((event.kind, event.step) for event in events[row.key] if event.kind in {"RUNG", "NO_CONSOLE"})
    kinds += Counter((event.kind, None) for event in events[row.key] if event.kind in {"SEEN", "CLOSED"})
    for (kind, step), many in kinds.items():
        if many > 1:
            say(f"{row.key}: {kind} {'' if step is None else step} happened {many} times")
    if row.again_of is not None:
        if row.again_of not in rows:
            say(f"{row.key} is one with {row.again_of}, which is not there")
        return
    if row.key not in told.shown:
        say(f"{row.key} was never shown on a console")
    if row.key not in tables.filed:
        say(f"{row.key} was never filed")


def _check_steps(
    row: Row,
    events: Sequence[Event],
    read_at: float,
    outages: Sequence[Span],
    verdict: Verdict,
) -> None:
    rung = {event.step: event.at for event in events if event.kind == "RUNG" and event.step is not None}
    seen_at = min((event.at for event in events if event.kind == "SEEN"), default=None)
    ended_at = min(at for at in (row.closed_at, seen_at, read_at) if at is not None)
    # The steps of a merged press are its first one's, until that one is closed before it.
    stands_alone = row.again_of is None
    for number, after in enumerate(ladder(max(0.0, ended_at - row.received_at) + 1e-6)):
        due_at = row.received_at + after
        at = rung.get(number)
        if at is None:
            waited = _counted(due_at, ended_at, outages)
            if stands_alone and waited > LATEST_S:
                verdict.problems.append(f"{row.key}: step {number} was due for {waited:.1f} s and was never rung")
            continue
        step = Step(row.key, number, due_at, at - due_at, _counted(due_at, at, outages))
        if step.late < -_ROUNDING_S:
            verdict.problems.append(f"{row.key}: step {number} was rung {-step.late:.2f} s early")
        if stands_alone:
            verdict.steps.append(step)
            if step.counted > LATEST_S:
                verdict.problems.append(
                    f"{row.key}: step {number} was rung {step.counted:.2f} s late ({step.late:.2f} s by the clock)"
                )
    for number, at in rung.items():
        after = _after(number)
        if number < _REMINDER and row.received_at + after > ended_at + _ON_ITS_WAY_S:
            verdict.problems.append(f"{row.key}: step {number} was rung after it was seen or closed")
        if number < _REMINDER and stands_alone and any(step not in rung for step in range(number)):
            verdict.problems.append(f"{row.key}: step {number} was rung, and not those before it")
        if number >= _REMINDER and (seen_at is None or at < seen_at + (number - _REMINDER) * 60 - _ROUNDING_S):
            verdict.problems.append(f"{row.key}: a reminder came before its time")


def _after(number: int) -> float:
    return 15.0 * number if number < 2 else 30.0 * (number - 1)


def _counted(began: float, ended: float, outages: Iterable[Span]) -> float:
    """
    Return the seconds between two moments in which something could have rung.
    """
    out, until = 0.0, began
    for span in sorted(outages, key=lambda span: span.began):
        begin, end = max(span.began, until), min(span.ended, ended)
        if end > begin:
            out += end - begin
            until = end
    return max(0.0, ended - began) - out
