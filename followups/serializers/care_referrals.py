"""
What actions about referrals of people to services take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Choice, Text, Whole, Yes
from followups.models import CareReferralState
from followups.serializers.plans import LONGEST_TEXT, ClientArgs, Day


class CareReferralMakeArgs(ClientArgs):
    """
    A referral of somebody, in words or by a line of the directory.
    """

    to = Text(max_length=300, required=False, allow_blank=True)
    resource = Whole(source="resource_id", min_value=1, required=False, allow_null=True)
    need = Text(max_length=60, required=False, allow_blank=True, help_text="A code of NEED.")
    warm = Yes(required=False, help_text="Somebody goes along, or is there when they are received.")


class TellArgs(serializers.Serializer[Any]):
    """
    What was heard of a referral.
    """

    care_referral = Whole(source="care_referral_id", min_value=1)
    state = Choice(choices=[one for one in CareReferralState.choices if one[0] != CareReferralState.MADE])
    on = Day(required=False, allow_null=True, help_text="Today where it is not said.")
    said_by = Text(max_length=200)
    note = Text(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    warm = Yes(required=False, allow_null=True)
