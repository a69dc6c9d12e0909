"""
What supervisors read of each limit of care after the call and of each question of a report, and how its figures are said.
"""

from collections.abc import Callable
from datetime import time
from typing import Final, NamedTuple

from followups.models import ChoiceField, Programme
from followups.rules.programmes import BOUNDS, LAST_DAY, MOST_STEPS


class Asked(NamedTuple):
    """
    One thing to fill in: the column, what stands above it (its unit), and how it is asked: "time", "days", "whole", "yes".
    """

    name: str
    label: str
    kind: str


class Limit(NamedTuple):
    """
    A limit: what it is called, what it does in a sentence or two, what is filled in, what may be said, and what is in force.
    """

    key: str
    title: str
    does: str
    asked: tuple[Asked, ...]
    bounds: str
    in_force: Callable[[Programme], str]


def count(number: int, unit: str) -> str:
    """
    Return a number with its unit, as one or as several.
    """
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"


def _range(name: str, unit: str) -> str:
    least, most = BOUNDS[name]
    return f"{least:,} to {most:,} {unit}"


def _hour(value: time) -> str:
    return f"{value:%H:%M}"


def _days(steps: list[int]) -> str:
    said = [f"{day:,}" for day in steps]
    return f"day {said[0]}" if len(said) == 1 else f"days {', '.join(said[:-1])} and {said[-1]}"


LIMITS: Final = (
    Limit(
        "visits",
        "Visiting hours",
        "A second response is due within these hours of its day, in local time, unless the person asked for others.",
        (Asked("visits_from", "From", "time"), Asked("visits_until", "Until", "time")),
        "from an earlier hour until a later one",
        lambda row: f"{_hour(row.visits_from)} to {_hour(row.visits_until)}",
    ),
    Limit(
        "steps",
        "Days of a plan",
        "Whoever agreed is seen again so many days after they were met.",
        (Asked("steps", "Days after, with commas", "days"),),
        f"1 to {MOST_STEPS} days, each once, in order; each from 0 (the same day) to {LAST_DAY:,}",
        lambda row: _days(row.steps),
    ),
    Limit(
        "plans_unasked",
        "People who were not asked",
        "A plan is made for somebody who was not or could not be asked, too. Whoever declined never gets one.",
        (Asked("plans_unasked", "Plan for them, too", "yes"),),
        "",
        lambda row: "planned for" if row.plans_unasked else "not planned for",
    ),
    Limit(
        "first_attempt_risk_h",
        "First attempt after risk",
        "After suicide risk or an overdose, somebody tries within this time. Otherwise by the end of the first day of the plan.",
        (Asked("first_attempt_risk_h", "Hours after they were met", "whole"),),
        _range("first_attempt_risk_h", "hours"),
        lambda row: count(row.first_attempt_risk_h, "hour"),
    ),
    Limit(
        "escalate_h",
        "To supervisors",
        "A second response that nobody has tried, or tried again, for this long goes to supervisors.",
        (Asked("escalate_h", "Hours without an attempt", "whole"),),
        _range("escalate_h", "hours"),
        lambda row: count(row.escalate_h, "hour"),
    ),
    Limit(
        "familiar",
        "Familiar faces",
        "Somebody whom crews met so often in so many days is shown to coordinators as a familiar face.",
        (Asked("familiar_contacts", "Times met", "whole"), Asked("familiar_days", "Within days", "whole")),
        f"{_range('familiar_contacts', 'times')} in {_range('familiar_days', 'days')}",
        lambda row: f"{count(row.familiar_contacts, 'time')} in {count(row.familiar_days, 'day')}",
    ),
    Limit(
        "break_glass_h",
        "Break-glass",
        "Breaking the glass opens a record to somebody for this long. Then it shuts.",
        (Asked("break_glass_h", "Hours", "whole"),),
        _range("break_glass_h", "hours"),
        lambda row: count(row.break_glass_h, "hour"),
    ),
    Limit(
        "survey_least",
        "Survey",
        "Fewer answers than this are never shown, so that nobody is known by what they said.",
        (Asked("survey_least", "Answers at least", "whole"),),
        _range("survey_least", "answers"),
        lambda row: count(row.survey_least, "answer"),
    ),
)

# What a report asks, in the order in which it asks it.
FIELDS: Final[dict[str, tuple[str, str]]] = {
    ChoiceField.NEED: ("Needs", "What somebody came or was found with, and what a referral is for."),
    ChoiceField.BEHAVIOUR: ("Behaviours", "What the crew saw, never a diagnosis."),
    ChoiceField.DONE: ("What was done", "What the crew did while it was there."),
    ChoiceField.SUPPLY: ("Supplies", "What the crew left with somebody."),
    ChoiceField.DESTINATION: ("Destinations", "Where the crew gave somebody a ride to."),
    ChoiceField.OUTCOME: ("Outcomes", "How it ended for the person."),
    ChoiceField.MANDATED_TO: ("Mandated reports go to", "The authorities that take a report the law asks for."),
}
