"""
What the actions of units and of the desk take. Ids are whole numbers; what is not named here is refused as unknown.
"""

from typing import Any

from rest_framework import serializers

from dispatch.actions.shifts import Choice
from dispatch.models import Assignment, Disposition, Purpose

# Each call of theirs is locked until the commit: a flood is settled in parts.
FLAGS_AT_ONCE = 100


def _id(name: str, help_text: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, source=f"{name}_id", help_text=help_text)


def _miles() -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=8,
        decimal_places=1,
        min_value=0,
        required=False,
        allow_null=True,
        default=None,
        help_text="The odometer, in miles.",
    )


class ByRadio(serializers.Serializer[Any]):
    """
    What a crew does on its tablet, or the desk for it: then both are required.
    """

    unit = serializers.IntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        default=None,
        source="unit_id",
        help_text="The unit that the desk speaks for; a tablet speaks for its own.",
    )
    asked_by = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        help_text="Who asked on the radio.",
    )


class TakeArgs(ByRadio):
    """
    A call to take from the CARE queue.
    """

    call = _id("call")


class PoachArgs(TakeArgs):
    """
    A call to take from the police queue, and why.
    """

    reason = serializers.CharField(max_length=200)


class AssignmentArgs(ByRadio):
    """
    A step with a call that a unit holds.
    """

    assignment = _id("assignment")


class TellingArgs(ByRadio):
    """
    A step with a call that a unit holds, named by its assignment or, before a tablet has heard of that, by the key of the
    encounter that it made.
    """

    assignment = serializers.IntegerField(
        min_value=1, source="assignment_id", required=False, allow_null=True, default=None
    )
    on_view = serializers.UUIDField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Find the assignment of an encounter. Whether it is theirs is for the action to see.
        """
        key = attrs.pop("on_view")
        if (key is None) == (attrs["assignment_id"] is None):
            raise serializers.ValidationError({"assignment": ["Name an assignment, or the encounter by its key."]})
        if key is not None:
            made = Assignment.objects.filter(call__on_view_key=key).order_by("pk").values_list("pk", flat=True).first()
            if made is None:
                raise serializers.ValidationError({"on_view": ["No encounter of this key has come in."]})
            attrs["assignment_id"] = made
        return attrs


class TransportArgs(TellingArgs):
    """
    Where people are taken, and how many.
    """

    destination = serializers.CharField(max_length=200)
    persons = serializers.IntegerField(min_value=1, max_value=99)
    miles_start = _miles()


class DestinationArgs(TellingArgs):
    """
    The end of a transport.
    """

    miles_end = _miles()


class ClearArgs(TellingArgs):
    """
    How a call ended, operationally. A note is kept on the call.
    """

    disposition = serializers.ChoiceField(choices=Disposition.choices)
    note = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class HandBackArgs(AssignmentArgs):
    """
    Why a unit gives its call back.
    """

    reason = serializers.CharField(max_length=200)


class HandOverArgs(AssignmentArgs):
    """
    The unit that is asked to take a call over.
    """

    to_unit = _id("to_unit")


class HandOverAnswerArgs(ByRadio):
    """
    A hand-over that this unit was asked for.
    """

    hand_over = _id("hand_over")


class AttachArgs(serializers.Serializer[Any]):
    """
    A photo or a signature for a call, named by the SHA-256 of what the tablet has. Its bytes come by another way.
    """

    call = _id("call")
    sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z")
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    caption = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class AtSceneArgs(ByRadio):
    """
    A call that the crew is at, whoever holds it.
    """

    call = _id("call")


class StopArgs(ByRadio):
    """
    A stop that the crew has seen.
    """

    stop = _id("stop")


class SignOffArgs(serializers.Serializer[Any]):
    """
    What becomes of the call that the unit holds: CLEAR needs a disposition, HAND_OVER a unit.
    """

    choice = serializers.ChoiceField(choices=[choice.value for choice in Choice])
    disposition = serializers.ChoiceField(choices=Disposition.choices, required=False, allow_blank=True, default="")
    to_unit = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None, source="to_unit_id")
    assignment = serializers.IntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        default=None,
        source="assignment_id",
        help_text="Which one is meant; what the unit held when it happened unless it is said.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for what the choice needs.
        """
        if attrs["choice"] == Choice.CLEAR and not attrs["disposition"]:
            raise serializers.ValidationError({"disposition": ["Say how the call ended."]})
        if attrs["choice"] == Choice.HAND_OVER and attrs["to_unit_id"] is None:
            raise serializers.ValidationError({"to_unit": ["Say which unit takes the call over."]})
        return attrs


class CallArgs(serializers.Serializer[Any]):
    """
    A call.
    """

    call = _id("call")


class DispatchArgs(CallArgs):
    """
    A call and the unit that is sent to it, or named on it.
    """

    unit = _id("unit")


class ReassignArgs(serializers.Serializer[Any]):
    """
    An assignment to end, the unit that gets the call, and why.
    """

    assignment = _id("assignment")
    unit = _id("unit")
    reason = serializers.CharField(max_length=200)


class HeldArgs(serializers.Serializer[Any]):
    """
    An assignment.
    """

    assignment = _id("assignment")


class AlarmArgs(serializers.Serializer[Any]):
    """
    An alarm that the desk has seen.
    """

    alarm = _id("alarm")


class SettleArgs(serializers.Serializer[Any]):
    """
    Flags that somebody has looked at, and what they make of them.
    """

    flags = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=FLAGS_AT_ONCE, source="flag_ids"
    )
    note = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")


class CommentArgs(serializers.Serializer[Any]):
    """
    A comment on a debrief.
    """

    debrief = _id("debrief")
    text = serializers.CharField(max_length=4000)


class CloseDebriefArgs(serializers.Serializer[Any]):
    """
    A debrief to close, with a last word if there is one.
    """

    debrief = _id("debrief")
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="", source="text")
