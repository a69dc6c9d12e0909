"""
What the kinds of an agency's decisions take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Choice, Text, Whole, Yes
from followups.models import ChoiceField

# The smallint of Postgres.
_MOST = 32_767


def _whole(least: int, most: int = _MOST) -> Whole:
    return Whole(min_value=least, max_value=most, required=False, allow_null=True, default=None)


class ProgrammeArgs(serializers.Serializer[Any]):
    """
    Limits to set; what is missing stays. Days, hours or counts as their names say.
    """

    steps = serializers.ListField(
        child=Whole(min_value=0, max_value=3650), max_length=20, required=False, allow_null=True, default=None
    )
    visits_from = serializers.TimeField(required=False, allow_null=True, default=None)
    visits_until = serializers.TimeField(required=False, allow_null=True, default=None)
    plans_unasked = Yes(required=False, allow_null=True, default=None)
    first_attempt_risk_h = _whole(1)
    escalate_h = _whole(1)
    familiar_contacts = _whole(2)
    familiar_days = _whole(1)
    break_glass_h = _whole(1, 72)
    survey_least = _whole(5)


class ChoiceArgs(serializers.Serializer[Any]):
    """
    A choice of a report.
    """

    field = Choice(choices=ChoiceField.choices)
    code = serializers.RegexField(r"\A[A-Z][A-Z0-9_]{0,59}\Z")
    label = Text(max_length=100)  # type: ignore[assignment]  # a declared field is taken out of the class
    position = Whole(min_value=0, max_value=_MOST, required=False, default=0)
    risk = Yes(required=False, default=False)
    substance_use = Yes(required=False, default=False)
    retired = Yes(required=False, default=False)
