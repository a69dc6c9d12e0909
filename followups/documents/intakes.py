"""
What coordinators hold of navigator referrals: that there is one, and who has it. What it says they read on their pages.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from followups.models import Intake, IntakeState
from journal.subjects import Held


def of_intakes(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield to coordinators the referrals that are not closed.
    """
    for row in Intake.objects.filter(pk__in=ids).exclude(state=IntakeState.CLOSED).order_by("pk"):
        yield Held(f"coordinators.{row.agency_id}", "intake", str(row.pk), row.pk, _body(row))


def _body(row: Intake) -> dict[str, Any]:
    return {
        "referral": row.referral_id,
        "state": row.state,
        "made_at": row.made_at,
        "taken_by": row.taken_by_id,
        "client": row.client_id,
    }
