"""
Takes from the police queue, and the talk after them.
"""

from django.db import models
from django.db.models import Q

from dispatch.models.assignments import Assignment
from dispatch.models.calls import Call
from responders.models import Agency, Person


class PoachState(models.TextChoices):
    """
    How far a poach is with CAD. "OURS" is said from ASKED on, "confirmed" only from CAD_CONFIRMED on.
    """

    ASKED = "ASKED"
    CAD_CONFIRMED = "CAD_CONFIRMED"
    CAD_REJECTED = "CAD_REJECTED"
    NO_CAD = "NO_CAD"


class Poach(models.Model):
    """
    A take from the police queue: why, how far CAD has followed, and its debrief.
    """

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="poach")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="poaches")
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=PoachState, default=PoachState.ASKED)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"poach of {self.call_id}"


class Debrief(models.Model):
    """
    The talk after a poach: the dispatcher's and the sergeant's comments, closed by a supervisor.
    """

    poach = models.OneToOneField(Poach, on_delete=models.PROTECT, related_name="debrief")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="debriefs")
    opened_at = models.DateTimeField()
    dispatcher_comment = models.TextField(blank=True)
    dispatcher = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    sergeant_comment = models.TextField(blank=True)
    sergeant = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    closing_comment = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="dispatch_debrief_closed_has_who",
            ),
        ]

    def __str__(self) -> str:
        return f"debrief of {self.poach_id}"
