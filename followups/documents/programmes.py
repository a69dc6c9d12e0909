"""
What crews' tablets hold of an agency's decisions: the limits, and what a report offers to choose from.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from followups.models import Choice, ChoiceField, Programme
from journal.subjects import Held


def of_programmes(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield to crews what their agency has decided. A choice that was retired is no longer offered.
    """
    rows = list(Programme.objects.filter(pk__in=ids).order_by("pk"))
    offered: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: {name: [] for name in ChoiceField.values}
    )
    agencies = [row.agency_id for row in rows]
    for choice in Choice.objects.filter(agency__in=agencies, retired=False).order_by("position", "pk"):
        offered[choice.agency_id][choice.field].append(_choice(choice))
    for row in rows:
        stream, agency = f"care.{row.agency_id}", str(row.agency_id)
        yield Held(stream, "programme", agency, row.pk, _programme(row))
        yield Held(stream, "choices", agency, row.pk, offered[row.agency_id])


def _choice(row: Choice) -> dict[str, Any]:
    return {"code": row.code, "label": row.label, "risk": row.risk, "substance_use": row.substance_use}


def _programme(row: Programme) -> dict[str, Any]:
    return {
        "steps": row.steps,
        "visits_from": f"{row.visits_from:%H:%M}",
        "visits_until": f"{row.visits_until:%H:%M}",
        "plans_unasked": row.plans_unasked,
        "first_attempt_risk_h": row.first_attempt_risk_h,
        "escalate_h": row.escalate_h,
    }
