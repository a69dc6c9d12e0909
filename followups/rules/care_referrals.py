"""
What may be heard of a referral after what.
"""

from followups.models.care_referrals import AFTER, CareReferralState


def may_follow(known: str, said: str) -> bool:
    """
    Tell whether ``said`` may be heard of a referral of which ``known`` is known.
    """
    return CareReferralState(said) in AFTER[CareReferralState(known)]
