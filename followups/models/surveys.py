"""
What the people met say of it: optional, short, anonymous. No row here leads to anybody.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from responders.models import Agency


class SurveyCode(models.Model):
    """
    A code on a card that lets somebody answer once: SHA-256 of it, and the month in which it was printed.

    Cards are printed in batches and handed out by crews from the pocket: nothing says who got which.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    code_hash = models.BinaryField(max_length=32, unique=True)
    month = models.DateField(help_text="First day of the month in which it was printed.")
    used = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"survey code {self.pk}"


class SurveyAnswer(models.Model):
    """
    One person's answers: codes and numbers only, no text, no time but the month. Its id is random, so that the order of the
    rows does not say who was when.
    """

    id = models.UUIDField(primary_key=True)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    month = models.DateField()
    language = models.CharField(max_length=10)
    # One to five each, in the order of followups/survey.py; 0 where a question was left out.
    answers = ArrayField(models.PositiveSmallIntegerField())

    class Meta:
        indexes = [models.Index(fields=["agency", "month"], name="followups_survey_by_month")]

    def __str__(self) -> str:
        return f"survey answer of {self.month:%Y-%m}"


class SurveyPeriod(models.Model):
    """
    What was said in whole months that had enough answers together, ``least`` at the time, from ``first`` to ``last``: made once,
    when they were over, and never put together otherwise. Whoever could compare two ways of putting months together would
    learn what one person answered.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    first = models.DateField()
    last = models.DateField()
    least = models.PositiveSmallIntegerField()
    count = models.PositiveIntegerField()
    # What the page shows of them (followups/queries/surveys.py): no sum that it does not.
    languages = models.JSONField(default=list)
    questions = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "first"], name="followups_survey_period_once"),
            models.CheckConstraint(condition=Q(count__gte=F("least")), name="followups_survey_period_of_enough"),
            models.CheckConstraint(condition=Q(first__lte=F("last")), name="followups_survey_period_in_order"),
        ]

    def __str__(self) -> str:
        return f"survey period {self.first:%Y-%m} to {self.last:%Y-%m}"
