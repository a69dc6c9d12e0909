"""
The kinds of action of navigator referrals.
"""

from datetime import datetime
from typing import Any

from followups.actions import intakes
from followups.models import Intake
from followups.serializers import intakes as args
from journal.kinds import Kind, Nature
from responders.actors import Actor


def _intake(row: Intake) -> dict[str, Any]:
    return {"intake": row.pk, "intake_state": row.state, "client": row.client_id}


def _take(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Intake:
    return intakes.take(by=by, at=at, **given)


def _close(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> Intake:
    return intakes.close(by=by, at=at, **given)


KINDS: list[Kind] = [
    Kind("intake.take", Nature.DESK, args.IntakeArgs, _take, _intake, sealed=True),
    Kind("intake.close", Nature.DESK, args.IntakeCloseArgs, _close, _intake, sealed=True),
]
