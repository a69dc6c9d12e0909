"""
What intake, decisions, policies and cautions take.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.gis.geos import Point
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dispatch.models import AnswerValue, CallerWish, Disqualifier, Marker, PlaceKind, Response, Source
from dispatch.reasons import OverruleCode

# West, south, east, north of the United States: nobody calls 911 from elsewhere, and a slip (degrees swapped, a sign
# lost, 0/0) must not put a call where no unit will ever look.
BOUNDS = (-180.0, 15.0, -60.0, 72.0)
NARRATIVE_LENGTH = 20_000
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Text(serializers.CharField):
    """
    Text and nothing that could pass for it: a number or true in its place is a mistake of the sender.
    """

    def to_internal_value(self, data: object) -> str:
        """
        Return the text.

        :raises ValidationError: it is something else.
        """
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Whole(serializers.IntegerField):
    """
    A whole number, not one in quotes nor true.
    """

    def to_internal_value(self, data: Any) -> int:
        """
        Return the number.

        :raises ValidationError: it is something else.
        """
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Choice(serializers.ChoiceField):
    """
    One of some words. A list or an object in its place is a mistake of the sender, not of ours.
    """

    def to_internal_value(self, data: Any) -> Any:
        """
        Return the word.

        :raises ValidationError: it is none of them.
        """
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        return super().to_internal_value(data)


class Yes(serializers.BooleanField):
    """
    True or false, not a word for it.
    """

    def to_internal_value(self, data: object) -> bool:
        """
        Return it.

        :raises ValidationError: it is something else.
        """
        if not isinstance(data, bool):
            self.fail("invalid", input=type(data).__name__)
        return data


class Instant(serializers.DateTimeField):
    """
    An instant with its offset: a wall clock without one is a different time in every zone.
    """

    default_error_messages = {
        "no_offset": "An instant needs its offset from UTC, like 2026-06-03T12:00:00-07:00.",
        "out_of_bounds": "This instant is not between the years 2000 and 2100.",
    }

    def to_internal_value(self, data: object) -> datetime:
        """
        Return the instant in UTC.

        :raises ValidationError: it is none, or has no offset.
        """
        if not isinstance(data, str):
            self.fail("invalid", format="ISO-8601")
        try:
            value = datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid", format="ISO-8601")
        if value.tzinfo is None:
            self.fail("no_offset")
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            self.fail("out_of_bounds")
        if not _EARLIEST <= value < _LATEST:
            self.fail("out_of_bounds")
        return value


@extend_schema_field(
    {
        "type": "object",
        "properties": {"lon": {"type": "number"}, "lat": {"type": "number"}},
        "required": ["lon", "lat"],
        "description": "WGS 84 degrees. [lon, lat] is understood too.",
    }
)
class PointField(serializers.Field[Point, Any, dict[str, float], Any]):
    """
    A place on the ground, in WGS 84 degrees.
    """

    default_error_messages = {
        "invalid": 'A point is {{"lon": …, "lat": …}} in degrees.',
        "out_of_bounds": "This point is not in the United States: are longitude and latitude swapped?",
    }

    def to_internal_value(self, data: Any) -> Point:
        """
        Return the point.

        :raises ValidationError: it is none, or out of bounds.
        """
        pair: Any = data
        if isinstance(data, Mapping) and set(data) == {"lon", "lat"}:
            pair = [data["lon"], data["lat"]]
        if not isinstance(pair, list) or len(pair) != len(("lon", "lat")):
            self.fail("invalid")
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in pair):
            self.fail("invalid")
        west, south, east, north = BOUNDS
        # Written so that NaN is out of bounds.
        if not (west <= pair[0] <= east and south <= pair[1] <= north):
            self.fail("out_of_bounds")
        return Point(float(pair[0]), float(pair[1]), srid=4326)

    def to_representation(self, value: Point) -> dict[str, float]:
        """
        Return the point as it is sent.
        """
        return {"lon": value.x, "lat": value.y}


class AnswersField(serializers.DictField):
    """
    Answers about disqualifiers, by name.
    """

    child = Choice(choices=AnswerValue.choices)
    default_error_messages = {"unknown": "{name} is not a disqualifier."}

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """
        Return the answers.

        :raises ValidationError: a name or a value is not one of the catalogue's.
        """
        answers: dict[str, str] = super().to_internal_value(data)
        for name in answers:
            if name not in list(Disqualifier):
                self.fail("unknown", name=name[:40])
        return answers


def markers_field() -> serializers.ListField:
    """
    Return the field of what is known to be at a call.
    """
    return serializers.ListField(child=Choice(choices=Marker.choices), max_length=8, required=False)


class CallFields(serializers.Serializer[Any]):
    """
    What the desk says of a call.
    """

    place_kind = Choice(choices=PlaceKind.choices, required=False)
    markers = markers_field()
    caller_phone = Text(max_length=30, allow_blank=True, required=False)
    caller_wish = Choice(choices=CallerWish.choices, required=False)
    language = Text(max_length=35, allow_blank=True, required=False, help_text="BCP 47; empty for English.")
    interpreter = Yes(required=False)
    sign_language = Yes(required=False)


class CreateArgs(CallFields):
    """
    A call that the desk makes.
    """

    source = Choice(choices=Source.choices)  # type: ignore[assignment]  # a field's own "source" is another thing
    type = Text(max_length=100, help_text="The type's code.")
    priority = Whole(min_value=1, max_value=9)
    address = Text(max_length=200)
    point = PointField(required=False, allow_null=True)
    answers = AnswersField(required=False)
    narrative = Text(max_length=NARRATIVE_LENGTH, allow_blank=True, trim_whitespace=False, required=False)


class UpdateArgs(CallFields):
    """
    What the desk changes about a call. CAD owns type, priority, address, point and narrative of the calls it made.
    """

    call = Whole(source="call_id", min_value=1)
    type = Text(max_length=100, required=False)
    priority = Whole(min_value=1, max_value=9, required=False)
    address = Text(max_length=200, required=False)
    point = PointField(required=False, allow_null=True)
    narrative = Text(max_length=NARRATIVE_LENGTH, allow_blank=True, trim_whitespace=False, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for something to change.
        """
        if set(attrs) == {"call_id"}:
            raise serializers.ValidationError("Nothing is changed.", code="empty")
        return attrs


class _ByRadio(serializers.Serializer[Any]):
    unit = Whole(
        source="unit_id", min_value=1, required=False, allow_null=True, help_text="Whom the desk speaks for by radio."
    )
    asked_by = Text(max_length=100, allow_blank=True, required=False, help_text="Who asked on the radio.")


class AnswerArgs(_ByRadio):
    """
    An answer about one disqualifier. A crew that called the caller back says so.
    """

    call = Whole(source="call_id", min_value=1)
    disqualifier = Choice(choices=Disqualifier.choices)
    value = Choice(choices=AnswerValue.choices)
    called_back = Yes(required=False)


class NoteArgs(_ByRadio):
    """
    Words to append to a call.
    """

    call = Whole(source="call_id", min_value=1)
    text = Text(max_length=5000)


class CancelArgs(serializers.Serializer[Any]):
    """
    The desk cancels a call.
    """

    call = Whole(source="call_id", min_value=1)
    reason = Text(max_length=60)


class OverruleArgs(serializers.Serializer[Any]):
    """
    A person decides otherwise than the policy.
    """

    call = Whole(source="call_id", min_value=1)
    response = Choice(choices=Response.choices)
    code = Choice(choices=[(code.value, code.value) for code in OverruleCode])


class CautionArgs(serializers.Serializer[Any]):
    """
    A caution on an address or on a phone number, until a day.
    """

    address = Text(max_length=200, required=False, allow_blank=True)
    phone = Text(max_length=30, required=False, allow_blank=True)
    text = Text(max_length=200, help_text="A behaviour to know of; never a diagnosis or a history.")
    expires_at = Instant()


class EndCautionArgs(serializers.Serializer[Any]):
    """
    A caution to end now.
    """

    caution = Whole(source="caution_id", min_value=1)


class SwitchOnArgs(serializers.Serializer[Any]):
    """
    A policy and the instant from which it is in force.
    """

    policy = Whole(source="policy_id", min_value=1)
    in_force_from = Instant()


class PreviewArgs(serializers.Serializer[Any]):
    """
    A call that is still being typed in.
    """

    type = Text(max_length=100)
    point = PointField(required=False, allow_null=True)
    address = Text(max_length=200, required=False, allow_blank=True)
    place_kind = Choice(choices=PlaceKind.choices, required=False)
    answers = AnswersField(required=False)
    caller_wish = Choice(choices=CallerWish.choices, required=False)
    caller_phone = Text(max_length=30, required=False, allow_blank=True)
    markers = markers_field()


class TrialArgs(serializers.Serializer[Any]):
    """
    A policy to try against past calls.
    """

    policy = Whole(min_value=1)
    since = Instant()
    until = Instant()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for a span of time that is one.
        """
        if attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ["This is not later than since."]})
        return attrs
