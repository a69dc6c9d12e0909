"""
What crews tell of what they came upon.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Choice, PointField, Text
from dispatch.models import PlaceKind
from dispatch.serializers import ByRadio
from dispatch.words import CHECKS


class OnViewArgs(ByRadio):
    """
    What a crew came upon: at least what. ``key`` names it in what the tablet tells of it afterwards.
    """

    key = serializers.UUIDField(required=False, allow_null=True, default=None)
    what = Text(
        max_length=100, help_text="A word of the short list, or the code of one of the agency's types of call."
    )
    point = PointField(required=False, allow_null=True, default=None)
    accuracy = serializers.FloatField(
        min_value=0, max_value=100_000, required=False, allow_null=True, default=None, source="accuracy_m"
    )
    place_kind = Choice(choices=PlaceKind.choices, required=False, default=PlaceKind.UNKNOWN)
    note = Text(max_length=4000, allow_blank=True, required=False, default="")


class CheckArgs(ByRadio):
    """
    A presence or premise check: one tap.
    """

    what = Choice(choices=list(CHECKS))
    point = PointField(required=False, allow_null=True, default=None)


class LinkArgs(serializers.Serializer[Any]):
    """
    An encounter, and the number that CAD gave it.
    """

    call = serializers.IntegerField(min_value=1, source="call_id")
    number = Text(max_length=40)


class JoinArgs(ByRadio):
    """
    An encounter, and the call that it turned out to be.
    """

    call = serializers.IntegerField(min_value=1, source="call_id")
    into = serializers.IntegerField(min_value=1, source="into_id")
