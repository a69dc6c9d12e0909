"""
What an agency may decide of care after the call.
"""

import re
from collections.abc import Sequence
from datetime import time

from followups.refusals import programmes as refusals

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


def check_is_ours(*, code: str, label: str) -> None:
    """
    Check that a choice is something that this programme does or finds. A hold against somebody's will is neither.

    :raises ChoiceNotOurs: it is such a hold.
    """
    if _HOLD.search(code.replace("_", " ")) or _HOLD.search(label):
        raise refusals.ChoiceNotOurs(choice=code)
