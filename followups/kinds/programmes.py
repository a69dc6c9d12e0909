"""
The kinds of action by which an agency decides of care after the call.
"""

from typing import Any

from followups.actions import programmes
from followups.models import Choice, Programme
from followups.serializers import programmes as args
from journal.kinds import Kind, Nature


def _programme(row: Programme) -> dict[str, Any]:
    return {"programme": row.pk}


def _choice(row: Choice) -> dict[str, Any]:
    return {"field": row.field, "code": row.code, "retired": row.retired}


def _order(rows: list[Choice]) -> dict[str, Any]:
    return {"codes": [row.code for row in rows]}


KINDS = [
    Kind("programme.set", Nature.DESK, args.ProgrammeArgs, programmes.decide, _programme, sealed=True),
    Kind("choice.put", Nature.DESK, args.ChoiceArgs, programmes.put_choice, _choice, sealed=True),
    Kind("choice.order", Nature.DESK, args.ChoiceOrderArgs, programmes.order_choices, _order, sealed=True),
]
