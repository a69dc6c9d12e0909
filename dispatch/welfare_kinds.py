"""
The kinds of action by which a crew says that it is well.
"""

from typing import Any

from dispatch.actions import welfare
from dispatch.actions.welfare import CheckedIn
from dispatch.serializers import ByRadio
from journal.kinds import Kind, Nature


def _checked_in(done: CheckedIn) -> dict[str, Any]:
    return {
        "unit": done.unit.pk,
        "assignment": done.assignment and done.assignment.pk,
        "due_at": done.assignment and done.assignment.welfare_due_at,
        "flags": done.flags,
    }


KINDS = [Kind("unit.check_in", Nature.FACT, ByRadio, welfare.check_in, _checked_in)]
