"""
What the kinds of an agency's decisions take.
"""

from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import Choice, Text, Whole, Yes
from followups.models import ChoiceField
from followups.rules.programmes import BOUNDS, LAST_DAY, MOST_POSITION, MOST_STEPS

# More than anybody would choose from.
_MOST_CHOICES = 500
_CODE = r"\A[A-Z][A-Z0-9_]{0,59}\Z"


def _whole(least: int, most: int) -> Whole:
    return Whole(min_value=least, max_value=most, required=False, allow_null=True, default=None)


class ProgrammeArgs(serializers.Serializer[Any]):
    """
    Limits to set; what is missing stays. Days, hours or counts as their names say.
    """

    steps = serializers.ListField(
        child=Whole(min_value=0, max_value=LAST_DAY),
        max_length=MOST_STEPS,
        required=False,
        allow_null=True,
        default=None,
    )
    visits_from = serializers.TimeField(required=False, allow_null=True, default=None)
    visits_until = serializers.TimeField(required=False, allow_null=True, default=None)
    plans_unasked = Yes(required=False, allow_null=True, default=None)
    first_attempt_risk_h = _whole(*BOUNDS["first_attempt_risk_h"])
    escalate_h = _whole(*BOUNDS["escalate_h"])
    familiar_contacts = _whole(*BOUNDS["familiar_contacts"])
    familiar_days = _whole(*BOUNDS["familiar_days"])
    break_glass_h = _whole(*BOUNDS["break_glass_h"])
    survey_least = _whole(*BOUNDS["survey_least"])


class ChoiceArgs(serializers.Serializer[Any]):
    """
    A choice of a report; what is missing stays. One that is ``new`` has a code that nothing had before.
    """

    field = Choice(choices=ChoiceField.choices)
    code = serializers.RegexField(_CODE)
    # A declared field is taken out of the class.
    label = Text(max_length=100, required=False, allow_null=True, default=None)  # type: ignore[assignment]
    position = _whole(0, MOST_POSITION)
    risk = Yes(required=False, allow_null=True, default=None)
    substance_use = Yes(required=False, allow_null=True, default=None)
    retired = Yes(required=False, allow_null=True, default=None)
    new = Yes(required=False, default=False)


class ChoiceOrderArgs(serializers.Serializer[Any]):
    """
    All choices that a field offers, in the order in which a report shows them.
    """

    field = Choice(choices=ChoiceField.choices)
    codes = serializers.ListField(child=serializers.RegexField(_CODE), max_length=_MOST_CHOICES)
