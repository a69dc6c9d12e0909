"""
What a CAD sends: a revision of a call, and its answer to one of our messages.
"""

from typing import Any

from rest_framework import serializers

from dispatch.actions.intake import CadCall
from dispatch.intake_serializers import (
    NARRATIVE_LENGTH,
    AnswersField,
    Choice,
    Instant,
    PointField,
    Text,
    Whole,
    Yes,
    markers_field,
)
from dispatch.models import CallerWish, PlaceKind, Source
from journal.bodies import no_unknown_keys

_UNITS = 40
# The largest value of the column.
_LAST_REVISION = 2**31 - 1


class CareUnitTimes(serializers.Serializer[Any]):
    """
    What CAD's clock says of one of our units on the call. Ours stay; differences are flagged.
    """

    unit = Text(max_length=20, help_text="Call sign.")
    en_route_at = Instant(required=False, allow_null=True)
    on_scene_at = Instant(required=False, allow_null=True)
    cleared_at = Instant(required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """
        Return the times.

        :raises ValidationError: a key is not known, or a value cannot be used.
        """
        if isinstance(data, dict):
            no_unknown_keys(data, self)
        return super().to_internal_value(data)


class CadCallInput(serializers.Serializer[Any]):
    """
    One revision of a call: everything CAD says of it at that moment. Revisions of a number count up from 1.

    A field that is left out is empty in this revision; only ``answers`` that are left out stay what they were.
    """

    number = Text(max_length=40)
    revision = Whole(min_value=1, max_value=_LAST_REVISION)
    status = Choice(choices=["OPEN", "CLOSED", "CANCELLED"])
    type = Text(max_length=100, help_text="CAD's code. One that is not known here is taken as RED, and flagged.")
    priority = Whole(min_value=1, max_value=9, help_text="1 is the most urgent.")
    address = Text(max_length=200)
    point = PointField(required=False, allow_null=True)
    place_kind = Choice(choices=PlaceKind.choices, required=False)
    markers = markers_field()
    source = Choice(choices=Source.choices)  # type: ignore[assignment]  # a field's own "source" is another thing
    answers = AnswersField(required=False, allow_null=True)
    narrative = Text(max_length=NARRATIVE_LENGTH, allow_blank=True, trim_whitespace=False, required=False)
    caller_phone = Text(max_length=30, allow_blank=True, required=False)
    caller_wish = Choice(choices=CallerWish.choices, required=False)
    language = Text(max_length=35, allow_blank=True, required=False, help_text="BCP 47.")
    interpreter = Yes(required=False)
    sign_language = Yes(required=False)
    police_units = serializers.ListField(child=Text(max_length=20), max_length=_UNITS, required=False)
    police_assigned_at = Instant(required=False, allow_null=True)
    care_units = serializers.ListField(child=CareUnitTimes(), max_length=_UNITS, required=False)
    received_at = Instant()
    cad_at = Instant(help_text="When CAD made this revision, by its own clock.")
    closed_at = Instant(required=False, allow_null=True)
    own_number = Text(
        max_length=40,
        allow_blank=True,
        required=False,
        help_text="Ours (OV…), where this incident was made for an on_view message: it becomes that call's number.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Refuse an address of nothing but punctuation: nobody could find it, or find it again.
        """
        if not any(character.isalnum() for character in attrs["address"]):
            raise serializers.ValidationError({"address": ["This is no address."]}, code="no_address")
        return attrs

    def call(self) -> CadCall:
        """
        Return the revision, once it is valid.
        """
        fields = dict(self.validated_data)
        point = fields.pop("point", None)
        return CadCall(point=(point.x, point.y) if point else None, **fields)


class MessageAnswerInput(serializers.Serializer[Any]):
    """
    What CAD did with a message of ours.
    """

    answer = Choice(choices=["CONFIRMED", "REJECTED"])
    reason = Text(max_length=200, allow_blank=True, required=False, help_text="Why it was rejected.")
    number = Text(
        max_length=40,
        allow_blank=True,
        required=False,
        help_text="CAD's number of it, for an on_view that is confirmed.",
    )


class CadCallOutput(serializers.Serializer[Any]):
    """
    What became of a revision.
    """

    status = serializers.CharField(help_text="applied, or stored when a newer revision is known.")
    call = serializers.IntegerField()
    number = serializers.CharField()
    revision = serializers.IntegerField()
    current_revision = serializers.IntegerField()
    created = serializers.BooleanField()
    replayed = serializers.BooleanField(help_text="This revision was answered before, in these words.")


class CadMessageOutput(serializers.Serializer[Any]):
    """
    Something we ask CAD to do.
    """

    id = serializers.IntegerField()
    kind = serializers.CharField()
    number = serializers.CharField(help_text="Of the call.")
    body = serializers.DictField()
    made_at = serializers.DateTimeField()
