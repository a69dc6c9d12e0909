"""
What the desk's actions on requests for backup take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.models import BackupLevel, BackupService

# How a request ends. DRILL_OVER is of a drill only on paper: whoever closes it says so.
ENDS = ("RESOLVED", "FALSE_ALARM", "DRILL_OVER")


class KeyArgs(serializers.Serializer[Any]):
    """
    One request, by the key of its press.
    """

    key = serializers.UUIDField()


class LevelArgs(KeyArgs):
    """
    The level that a dispatcher sets: higher or lower.
    """

    level = serializers.ChoiceField(choices=BackupLevel.choices)


class PoliceSentArgs(KeyArgs):
    """
    Which police, or which EMS, come, and when they are expected.
    """

    unit = serializers.CharField(max_length=20)
    due_in_s = serializers.IntegerField(
        min_value=0, max_value=24 * 3600, required=False, allow_null=True, default=None
    )


class ResolveArgs(KeyArgs):
    """
    How a request ended.
    """

    note = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        """
        Return the fields; ``as`` is a word of Python's own.
        """
        return {
            **super().get_fields(),
            "as": serializers.ChoiceField(choices=[(end, end) for end in ENDS], source="closed_as"),
        }


class RaiseArgs(serializers.Serializer[Any]):
    """
    A request that a crew made on the radio. Until a level is said it is EMERGENCY.
    """

    unit = serializers.IntegerField(min_value=1, source="unit_id")
    level = serializers.ChoiceField(choices=BackupLevel.choices, required=False, default=BackupLevel.EMERGENCY)
    service = serializers.ChoiceField(choices=BackupService.choices, required=False, default=BackupService.POLICE)
    asked_by = serializers.CharField(max_length=100)
    silent = serializers.BooleanField(required=False, default=False)
    drill = serializers.BooleanField(required=False, default=False)
