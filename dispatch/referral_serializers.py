"""
What referrals take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Choice, PointField, Text, Whole, Yes
from dispatch.models import PlaceKind, ReferralKind

# Asked of everybody who refers. Unknown is an answer, and never a no.
ANSWERS = ["YES", "NO", "UNKNOWN"]
LONGEST_ETA = 240


class MakeArgs(serializers.Serializer[Any]):
    """
    A call that somebody is on, something they came upon, or a person for later contact.
    """

    kind = Choice(choices=ReferralKind.choices)
    number = Text(
        max_length=40, required=False, allow_blank=True, help_text="CAD's number of the call that they are on."
    )
    what = Text(max_length=100, help_text="The code of a type of call.")
    text = Text(max_length=2000, required=False, allow_blank=True)
    address = Text(max_length=200, required=False, allow_blank=True)
    point = PointField(required=False, allow_null=True)
    place_kind = Choice(choices=PlaceKind.choices, required=False)
    searched = Choice(choices=ANSWERS)
    weapons = Choice(choices=ANSWERS)
    threats = Choice(choices=ANSWERS)
    medical = Choice(choices=ANSWERS, required=False, help_text="Whether anybody may need an ambulance now.")
    contact = Text(max_length=200, required=False, allow_blank=True, help_text="How the person can be reached later.")
    staying = Yes(required=False, help_text="Whether the officer stays until a unit is there.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for what each kind cannot do without.
        """
        kind = attrs["kind"]
        if kind == ReferralKind.CALL and not attrs.get("number"):
            raise serializers.ValidationError({"number": ["Say the number of the call."]})
        if kind == ReferralKind.ON_VIEW and not attrs.get("address") and attrs.get("point") is None:
            raise serializers.ValidationError({"address": ["Say where it is."]})
        if kind == ReferralKind.PERSON and not attrs.get("contact") and not attrs.get("address"):
            raise serializers.ValidationError({"contact": ["Say how or where the person can be found."]})
        return attrs


class EtaArgs(serializers.Serializer[Any]):
    """
    In how many minutes a unit will be where an officer waits.
    """

    call = Whole(source="call_id", min_value=1)
    minutes = Whole(min_value=0, max_value=LONGEST_ETA)
    unit = Whole(source="unit_id", min_value=1, required=False, allow_null=True, help_text="Whom the desk speaks for.")
    asked_by = Text(max_length=100, required=False, allow_blank=True, help_text="Who asked on the radio.")


class HandedOverArgs(serializers.Serializer[Any]):
    """
    The officer leaves: an officer names the referral, a crew the call.
    """

    referral = Whole(source="referral_id", min_value=1, required=False, allow_null=True)
    call = Whole(source="call_id", min_value=1, required=False, allow_null=True)
    unit = Whole(source="unit_id", min_value=1, required=False, allow_null=True, help_text="Whom the desk speaks for.")
    asked_by = Text(max_length=100, required=False, allow_blank=True, help_text="Who asked on the radio.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for one of the two.
        """
        if (attrs.get("referral_id") is None) == (attrs.get("call_id") is None):
            raise serializers.ValidationError({"referral": ["Name the referral or the call, one of them."]})
        return attrs


class ReferralArgs(serializers.Serializer[Any]):
    """
    A referral of one's own.
    """

    referral = Whole(source="referral_id", min_value=1)


class IntakeInput(MakeArgs):
    """
    What the holder of a key sends: a referral, and an id that makes sending it twice the same as once.
    """

    id = serializers.UUIDField()
