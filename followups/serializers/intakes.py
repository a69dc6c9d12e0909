"""
What actions about navigator referrals take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Text, Whole


class IntakeArgs(serializers.Serializer[Any]):
    """
    A navigator referral.
    """

    intake = Whole(source="intake_id", min_value=1)


class IntakeCloseArgs(IntakeArgs):
    """
    Whose record it led to, if to any.
    """

    client = Whole(source="client_id", min_value=1, required=False, allow_null=True)
    note = Text(max_length=2000, required=False, allow_blank=True)
