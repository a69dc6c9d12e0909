"""
Referrals of people to services, and what became of them.
"""

from datetime import datetime

from followups.models import CareReferral, CareReferralState, Encounter, LockedClient
from responders.actors import Actor


def refer(
    *,
    encounter: Encounter,
    client: LockedClient,
    position: int,
    resource_id: int | None,
    to: str,
    need: str,
    warm: bool,
    declined: bool,
    by: Actor,
    at: datetime,
) -> None:
    """
    Keep a referral that a report made, once for each of its places. What became of it since stays.
    """
    if CareReferral.objects.filter(encounter=encounter, client=client, position=position).exists():
        return
    CareReferral.objects.create(
        encounter=encounter,
        client=client,
        position=position,
        to=to,
        resource="" if resource_id is None else str(resource_id),
        need=need,
        warm_handover=warm,
        state=CareReferralState.DECLINED if declined else CareReferralState.MADE,
        made_at=at,
        made_by_id=by.person_id,
    )
