"""
The kinds of action of referrals of people to services.
"""

from datetime import datetime
from typing import Any

from followups.actions import care_referrals
from followups.models import CareReferral
from followups.serializers import care_referrals as args
from journal.kinds import Kind, Nature
from responders.actors import Actor


def _care_referral(row: CareReferral) -> dict[str, Any]:
    return {"care_referral": row.pk, "client": row.client_id, "care_referral_state": row.state}


def _make(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> CareReferral:
    return care_referrals.make(by=by, at=at, **given)


def _tell(*, by: Actor, at: datetime, happened_at: datetime | None, **given: Any) -> CareReferral:
    return care_referrals.tell(by=by, at=at, **given)


KINDS: list[Kind] = [
    Kind("care_referral.make", Nature.DESK, args.CareReferralMakeArgs, _make, _care_referral, sealed=True),
    Kind("care_referral.tell", Nature.DESK, args.TellArgs, _tell, _care_referral, sealed=True),
]
