"""
What actions about plans and follow-ups take.
"""

from datetime import date
from typing import Any

from rest_framework import serializers

from dispatch.intake_serializers import AnswersField, Choice, Instant, PointField, Text, Whole
from dispatch.models import PlaceKind
from followups.models import AttemptResult, CloseReason, How, Outcome, PauseReason

# A year: what is planned for later than that is nobody's plan.
LONGEST_STEP = 366
MOST_STEPS = 12
LONGEST_TEXT = 2000


class Day(serializers.DateField):
    """
    A day of the calendar, written as 2026-06-03.
    """

    def to_internal_value(self, value: Any) -> date:
        """
        Return the day.

        :raises ValidationError: it is none.
        """
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class ClientArgs(serializers.Serializer[Any]):
    """
    A person met.
    """

    client = Whole(source="client_id", min_value=1)


class OpenArgs(ClientArgs):
    """
    A plan that is opened by hand.
    """

    encounter = Whole(source="encounter_id", min_value=1, required=False, allow_null=True)
    based_at = Instant(
        required=False, allow_null=True, help_text="From when days are counted; now where it is not said."
    )
    steps = serializers.ListField(
        child=Whole(min_value=1, max_value=LONGEST_STEP),
        min_length=1,
        max_length=MOST_STEPS,
        required=False,
        allow_null=True,
        help_text="Days after it; the programme's where they are not said.",
    )


class PlanArgs(serializers.Serializer[Any]):
    """
    A plan.
    """

    plan = Whole(source="plan_id", min_value=1)


class PauseArgs(PlanArgs):
    """
    Why a plan waits, and since when.
    """

    reason = Choice(choices=PauseReason.choices)
    at = Instant(source="since", required=False, allow_null=True)


class ResumeArgs(PlanArgs):
    """
    When somebody was released.
    """

    released_at = Instant(required=False, allow_null=True)


class PlanCloseArgs(PlanArgs):
    """
    Why a plan ends early.
    """

    reason = Choice(choices=CloseReason.choices)
    note = Text(max_length=LONGEST_TEXT, required=False, allow_blank=True)


class AssignPlanArgs(PlanArgs):
    """
    Who has a plan; nobody where it is null.
    """

    person = Whole(source="person_id", min_value=1, allow_null=True)


class AssigneesArgs(serializers.Serializer[Any]):
    """
    Who sees to a follow-up: a person, a unit, both, or nobody.
    """

    person = Whole(source="person_id", min_value=1, required=False, allow_null=True)
    unit = Whole(source="unit_id", min_value=1, required=False, allow_null=True)


class AddArgs(ClientArgs, AssigneesArgs):
    """
    A single follow-up on a day. Without a place it is where the person is known to be.
    """

    date = Day()
    reason = Text(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    address = Text(max_length=200, required=False, allow_blank=True)
    point = PointField(required=False, allow_null=True)


class FollowUpArgs(serializers.Serializer[Any]):
    """
    A follow-up.
    """

    follow_up = Whole(source="follow_up_id", min_value=1)


class AssignArgs(FollowUpArgs, AssigneesArgs):
    """
    A follow-up, and who sees to it.
    """


class MoveArgs(FollowUpArgs):
    """
    Another day for a follow-up, and why.
    """

    date = Day()
    reason = Text(max_length=LONGEST_TEXT)


class AttemptArgs(FollowUpArgs):
    """
    What was tried, and what came of it.
    """

    how = Choice(choices=How.choices)
    result = Choice(choices=AttemptResult.choices)
    note = Text(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    next_step = Text(max_length=LONGEST_TEXT, required=False, allow_blank=True)
    partner = Whole(
        source="partner_id",
        min_value=1,
        required=False,
        allow_null=True,
        help_text="Who was there too: a visit is two people.",
    )


class FinishArgs(FollowUpArgs):
    """
    How a follow-up ended.
    """

    outcome = Choice(choices=Outcome.choices)


class FollowUpCancelArgs(FollowUpArgs):
    """
    Why a follow-up is taken back.
    """

    reason = Text(max_length=LONGEST_TEXT)


class GoArgs(FollowUpArgs):
    """
    A visit that begins now, and what is known of the place and of what speaks against going there.
    """

    place_kind = Choice(choices=PlaceKind.choices, required=False)
    answers = AnswersField(required=False, allow_null=True)


class FollowUpSendArgs(GoArgs):
    """
    The unit that visits, and what is known of the place and of what speaks against going there.
    """

    unit = Whole(source="unit_id", min_value=1)
