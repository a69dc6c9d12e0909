"""
Who goes to a call, by which dated policy, and how a person overruled it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dispatch.models.calls import Call, Response
from responders.models import Agency, Person


class Policy(models.Model):
    """
    One dated version of an agency's dispatch policy: what goes alone, what goes with police, what CARE does not take.

    ``rules`` is checked by dispatch/policies.py, which says what each key means.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="policies")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    rules = models.JSONField()
    # In force from this instant until another one of the agency begins; empty while it is a draft.
    in_force_from = models.DateTimeField(null=True, blank=True)
    switched_on_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["agency", "name", "version"], name="dispatch_policy_one_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Decision(models.Model):
    """
    What a policy said about a call at a moment, with every reason, or how a person overruled it.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="decisions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, related_name="decisions")
    at = models.DateTimeField()
    response = models.CharField(max_length=20, choices=Response)
    care_available = models.BooleanField()
    reasons = ArrayField(models.CharField(max_length=60))
    overruled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    overrule_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(overruled_by__isnull=True, overrule_code="")
                | (Q(overruled_by__isnull=False) & ~Q(overrule_code="")),
                name="dispatch_decision_overrule_has_code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.response} for {self.call_id}"
