"""
What an agency decided about care after the call, as data: visiting hours, steps, limits, and the choices of a report.
"""

from datetime import time

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from responders.models import Agency

# The seed's figures: second responses at one, seven and thirty days.
STEPS = (1, 7, 30)


def default_steps() -> list[int]:
    """
    Return the days after an encounter on which a second response is planned unless an agency says otherwise.
    """
    return list(STEPS)


class Programme(models.Model):
    """
    One agency's second responses. Limits in seconds, days or hours as their names say.
    """

    agency = models.OneToOneField(Agency, on_delete=models.PROTECT, related_name="programme")
    steps = ArrayField(models.PositiveSmallIntegerField(), default=default_steps)
    # Local hours in which people are visited: from the first, until the second.
    visits_from = models.TimeField(default=time(12))
    visits_until = models.TimeField(default=time(19))
    # Policy may plan for somebody who was not asked or could not answer; never for one who declined.
    plans_unasked = models.BooleanField(default=False)
    first_attempt_risk_h = models.PositiveSmallIntegerField(default=24)
    escalate_h = models.PositiveSmallIntegerField(default=48)
    # Contacts within so many days that make a familiar face.
    familiar_contacts = models.PositiveSmallIntegerField(default=4)
    familiar_days = models.PositiveSmallIntegerField(default=90)
    # Break-glass: hours for which a record stays open; 72 at most (FedRAMP AC-2(2)).
    break_glass_h = models.PositiveSmallIntegerField(default=24)
    # Fewer answers than this are not shown of a survey.
    survey_least = models.PositiveSmallIntegerField(default=10)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(visits_from__lt=F("visits_until")), name="followups_programme_hours_in_order"
            ),
            models.CheckConstraint(
                condition=Q(break_glass_h__gte=1, break_glass_h__lte=72), name="followups_programme_break_glass_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"programme of {self.agency_id}"


class ChoiceField(models.TextChoices):
    """
    What a choice of a report answers.
    """

    NEED = "NEED"
    BEHAVIOUR = "BEHAVIOUR"
    DONE = "DONE"
    SUPPLY = "SUPPLY"
    DESTINATION = "DESTINATION"
    OUTCOME = "OUTCOME"
    MANDATED_TO = "MANDATED_TO"


class Choice(models.Model):
    """
    One choice of a report, under a code that never changes its meaning; a retired one is kept and no longer offered.

    ``risk`` marks what makes the first attempt due within ``Programme.first_attempt_risk_h`` (suicide risk, overdose);
    ``substance_use`` what 42 CFR Part 2 covers.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="choices")
    field = models.CharField(max_length=20, choices=ChoiceField)
    code = models.CharField(max_length=60)
    label = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    risk = models.BooleanField(default=False)
    substance_use = models.BooleanField(default=False)
    retired = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "field", "code"], name="followups_choice_one_per_code")
        ]

    def __str__(self) -> str:
        return self.label
