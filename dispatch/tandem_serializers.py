"""
What the actions of tandems and of messages take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.canned import CANNED
from dispatch.intake_serializers import Choice, Instant, PointField, Text
from dispatch.models import GoesFirst, Partner
from dispatch.reasons import REASON_WORDS
from dispatch.serializers import ByRadio


def _id(name: str) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, source=f"{name}_id")


class AskArgs(ByRadio):
    """
    A call, who should come beside CARE, and why.
    """

    call = _id("call")
    partner = Choice(choices=Partner.choices)
    reasons = serializers.ListField(child=Choice(choices=list(REASON_WORDS)), required=False, max_length=20)
    first = Choice(choices=GoesFirst.choices, required=False, default=GoesFirst.PARTNER)
    staging = PointField(required=False, allow_null=True, default=None)
    staging_note = Text(max_length=200, required=False, allow_blank=True, default="")
    partner_unit = Text(max_length=20, required=False, allow_blank=True, default="")


class PlanArgs(serializers.Serializer[Any]):
    """
    Who goes in first, where the other one waits, who comes. What is left out stays as it is.
    """

    tandem = _id("tandem")
    first = Choice(choices=GoesFirst.choices, required=False)
    staging = PointField(required=False, allow_null=True)
    staging_note = Text(max_length=200, required=False, allow_blank=True)
    partner_unit = Text(max_length=20, required=False, allow_blank=True)


class TandemArgs(ByRadio):
    """
    A tandem.
    """

    tandem = _id("tandem")


class SafeArgs(TandemArgs):
    """
    Who declared the scene safe, by name.
    """

    said_by = Text(max_length=100)


class ReleaseArgs(TandemArgs):
    """
    When the partner left; when it is said unless it is told.
    """

    at = Instant(required=False, allow_null=True, default=None, source="released_at")


class PartnerOnlyArgs(TandemArgs):
    """
    Who of the partner's side said so, where it was them.
    """

    said_by = Text(max_length=100, required=False, allow_blank=True, default="")


class CareAloneArgs(TandemArgs):
    """
    The officer who agrees that CARE goes alone, by name.
    """

    officer = Text(max_length=100)


class WithdrawArgs(ByRadio):
    """
    A call whose scene the crew has left for its own safety, and the key of its request for backup.
    """

    call = _id("call")
    key = serializers.UUIDField(required=False, allow_null=True, default=None)
    point = PointField(required=False, allow_null=True, default=None)


class SendArgs(serializers.Serializer[Any]):
    """
    A message about a call, in words or by the code of a phrase; the desk names the unit.
    """

    call = _id("call")
    text = Text(max_length=500, required=False, allow_blank=True, default="")
    canned = Choice(choices=list(CANNED), required=False, allow_blank=True, default="")
    unit = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None, source="unit_id")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for words or for a phrase.
        """
        if bool(attrs["text"]) == bool(attrs["canned"]):
            raise serializers.ValidationError({"text": ["Write something, or choose one phrase."]})
        return attrs


class MessageArgs(serializers.Serializer[Any]):
    """
    A message.
    """

    message = _id("message")
