"""
What the actions of this app take.
"""

from typing import Any

from rest_framework import serializers

from responders.models import Duty, RoleName


class DutyArgs(serializers.Serializer[Any]):
    """
    A crew says whether it can be sent, or the desk says it for a crew that asked by radio.
    """

    duty = serializers.ChoiceField(choices=Duty.choices)
    reason = serializers.CharField(
        max_length=100, required=False, allow_blank=True, default="", help_text="Required out of service."
    )
    unit = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        help_text="The desk names the unit; a tablet is its own.",
    )
    asked_by = serializers.CharField(
        max_length=100, required=False, allow_blank=True, default="", help_text="Who asked on the radio."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for a reason out of service.
        """
        if attrs["duty"] == Duty.OUT_OF_SERVICE and not attrs["reason"]:
            raise serializers.ValidationError({"reason": ["Say why the unit is out of service."]})
        return attrs


class PersonArgs(serializers.Serializer[Any]):
    """
    A matter of one person's account.
    """

    person = serializers.IntegerField(min_value=1)


class RolesArgs(PersonArgs):
    """
    All the roles that a person shall have.
    """

    roles = serializers.ListField(child=serializers.ChoiceField(choices=RoleName.choices), max_length=len(RoleName))
