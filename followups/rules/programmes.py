"""
What an agency may decide of care after the call.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import time
from typing import Final

from followups.refusals import programmes as refusals

# The least and the most of each limit that is a number: hours, days or counts as their names say. Break-glass ends within
# 72 hours (FedRAMP AC-2(2)); of fewer than five answers to a survey, one could be told from the others.
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "first_attempt_risk_h": (1, 720),
    "escalate_h": (1, 720),
    "familiar_contacts": (2, 100),
    "familiar_days": (1, 730),
    "break_glass_h": (1, 72),
    "survey_least": (5, 1000),
}
# How many second responses a plan may have, and how many days after an encounter one may be.
MOST_STEPS: Final = 20
LAST_DAY: Final = 3650
# The smallint of Postgres.
MOST_POSITION: Final = 32_767

# What only a designated crisis responder, a court or the police may do (RCW 71.05.150, 71.05.153).
_HOLD = re.compile(r"involuntar|\bdetain|detention|emergent.?hold|\bITA\b|72.?hour hold", re.IGNORECASE)


def check_hours(*, visits_from: time, visits_until: time) -> None:
    """
    :raises HoursInvalid: visits would end before they begin.
    """
    if visits_from >= visits_until:
        raise refusals.HoursInvalid


def check_steps(steps: Sequence[int]) -> None:
    """
    :raises StepsInvalid: there is none, or they are not days one after the other.
    """
    if not steps or list(steps) != sorted(set(steps)):
        raise refusals.StepsInvalid


def check_is_all(*, codes: Sequence[str], offered: Collection[str]) -> None:
    """
    Check that an order is one of everything that is offered.

    :raises ChoicesDiffer: something else is offered by now.
    """
    if sorted(codes) != sorted(offered):
        raise refusals.ChoicesDiffer


def check_is_ours(*, code: str, label: str) -> None:
    """
    Check that a choice is something that this programme does or finds. A hold against somebody's will is neither.

    :raises ChoiceNotOurs: it is such a hold.
    """
    if _HOLD.search(code.replace("_", " ")) or _HOLD.search(label):
        raise refusals.ChoiceNotOurs(choice=code)
