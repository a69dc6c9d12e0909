"""
The kinds of action of referrals.
"""

from typing import Any

from dispatch import referral_serializers as args
from dispatch.actions import referrals
from dispatch.actions.referrals import Due, HandedOver
from dispatch.models import Referral
from dispatch.referral_documents import bodies
from journal.kinds import Kind, Nature


def referral_body(row: Referral) -> dict[str, Any]:
    """
    Return what whoever referred is answered: what their list shows of it, and nothing else.
    """
    # Its own answer says "status" of the action: how far the referral is, is its state.
    return {"referral": row.pk, **bodies([row.pk])[row.pk]}


def _due(told: Due) -> dict[str, Any]:
    return {"call": told.call.pk, "due_at": told.due_at, "flags": told.flags}


def _handed_over(told: HandedOver) -> dict[str, Any]:
    return {"referrals": told.referrals, "handed_over_at": told.at, "flags": told.flags}


KINDS = [
    Kind("referral.make", Nature.INTENT, args.MakeArgs, referrals.make, referral_body),
    Kind("referral.eta", Nature.FACT, args.EtaArgs, referrals.eta, _due),
    Kind("referral.handed_over", Nature.FACT, args.HandedOverArgs, referrals.handed_over, _handed_over),
    Kind("referral.withdraw", Nature.INTENT, args.ReferralArgs, referrals.withdraw, referral_body),
]
