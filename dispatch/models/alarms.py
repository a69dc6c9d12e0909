"""
What the desk is told loudly, and what somebody should look at later.
"""

from django.db import models
from django.db.models import Q

from dispatch.models.assignments import Assignment
from dispatch.models.calls import Call
from responders.models import Person, Unit


class AlarmKind(models.TextChoices):
    """
    What the desk is told of loudly.
    """

    NOT_DELIVERED = "NOT_DELIVERED"
    NOT_ACKNOWLEDGED = "NOT_ACKNOWLEDGED"
    REASSIGNABLE = "REASSIGNABLE"
    STOP_NOT_ACKNOWLEDGED = "STOP_NOT_ACKNOWLEDGED"
    POACH_NOT_CONFIRMED = "POACH_NOT_CONFIRMED"
    POACH_REJECTED = "POACH_REJECTED"
    POLICE_ASSIGNED = "POLICE_ASSIGNED"
    HANDED_BACK = "HANDED_BACK"
    CAD_CLOSED_UNDER_UNIT = "CAD_CLOSED_UNDER_UNIT"
    LEFT_WITH_DESK = "LEFT_WITH_DESK"
    # A crew is there without holding the call: another unit has it, or nobody.
    CONTESTED = "CONTESTED"
    UNASSIGNED_ON_SCENE = "UNASSIGNED_ON_SCENE"
    WELFARE_MISSED = "WELFARE_MISSED"
    TANDEM_NO_PARTNER = "TANDEM_NO_PARTNER"
    CREW_WITHDREW = "CREW_WITHDREW"
    REFERRAL_LATE = "REFERRAL_LATE"


class Alarm(models.Model):
    """
    A promise to tell the desk, made with what might go wrong and withdrawn when it goes right.

    ``due_at`` is in the desk's document, so that a console rings on time by itself; a sweep writes ``raised_at``.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="alarms")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, null=True, related_name="alarms")
    kind = models.CharField(max_length=30, choices=AlarmKind)
    due_at = models.DateTimeField()
    raised_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(raised_at__isnull=True, ended_at__isnull=True),
                name="dispatch_alarm_due",
            ),
            models.Index(fields=["call"], condition=Q(ended_at__isnull=True), name="dispatch_alarm_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.call_id}"


class Flag(models.Model):
    """
    Something that does not fit and that a person should look at; both sides of it are kept.

    ``at`` is when we heard of it; when it happened, and what else is said of it, is in ``facts``.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="flags")
    # The unit whose doing it is about, where it is one's.
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="+")
    code = models.CharField(max_length=40)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    settling_note = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["code", "at"], condition=Q(resolved_at__isnull=True), name="dispatch_flag_open"),
        ]

    def __str__(self) -> str:
        return f"{self.code} on {self.call_id}"
