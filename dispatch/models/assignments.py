"""
What units do about calls.

``TRANSITIONS`` is the whole state machine of an assignment; docs/call-states.md is drawn from it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dispatch.models.calls import Call, Disposition
from responders.models import Unit


class AssignmentStatus(models.TextChoices):
    """
    Where a unit is with a call.
    """

    ASSIGNED = "ASSIGNED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    EN_ROUTE = "EN_ROUTE"
    STAGED = "STAGED"
    ON_SCENE = "ON_SCENE"
    TRANSPORTING = "TRANSPORTING"
    AT_DESTINATION = "AT_DESTINATION"
    CLEARED = "CLEARED"
    HANDED_BACK = "HANDED_BACK"
    REASSIGNED = "REASSIGNED"
    CANCELLED = "CANCELLED"


_ENDED_BY_OTHERS = {AssignmentStatus.HANDED_BACK, AssignmentStatus.REASSIGNED, AssignmentStatus.CANCELLED}


# docs/call-states.md is drawn from this table; `make check` fails when it is stale.
TRANSITIONS: dict[AssignmentStatus, set[AssignmentStatus]] = {
    AssignmentStatus.ASSIGNED: {
        AssignmentStatus.ACKNOWLEDGED,
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.ACKNOWLEDGED: {
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.EN_ROUTE: {
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.STAGED: {
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    # On scene a call is not cancelled under the crew: cancelling only tells them.
    AssignmentStatus.ON_SCENE: {
        AssignmentStatus.TRANSPORTING,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.TRANSPORTING: {
        AssignmentStatus.AT_DESTINATION,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.AT_DESTINATION: {
        AssignmentStatus.TRANSPORTING,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.CLEARED: set(),
    AssignmentStatus.HANDED_BACK: set(),
    AssignmentStatus.REASSIGNED: set(),
    AssignmentStatus.CANCELLED: set(),
}


class Origin(models.TextChoices):
    """
    How a unit came to hold a call.
    """

    DISPATCHED = "DISPATCHED"
    SELF_DISPATCHED = "SELF_DISPATCHED"
    POACHED = "POACHED"
    ON_VIEW = "ON_VIEW"
    REFERRED = "REFERRED"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """
    Assignments, current and past.
    """

    def open(self) -> "AssignmentQuerySet":
        """
        Return the assignments by which units hold calls now.
        """
        return self.filter(ended_at=None)


class Assignment(models.Model):
    """
    The time one unit holds one call.

    The primary unit answers for the call, others assist; the call closes when the last one clears.
    """

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="assignments")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="assignments")
    origin = models.CharField(max_length=20, choices=Origin)
    primary = models.BooleanField()
    status = models.CharField(max_length=20, choices=AssignmentStatus, default=AssignmentStatus.ASSIGNED)
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=100)
    # Who asked on the radio, when the desk did it for the crew; empty when the crew did it itself.
    radio_asked_by = models.CharField(max_length=100, blank=True)
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    en_route_at = models.DateTimeField(null=True)
    staged_at = models.DateTimeField(null=True)
    on_scene_at = models.DateTimeField(null=True)
    transporting_at = models.DateTimeField(null=True)
    at_destination_at = models.DateTimeField(null=True)
    destination = models.CharField(max_length=200, blank=True)
    persons = models.PositiveSmallIntegerField(null=True)
    miles_start = models.DecimalField(max_digits=8, decimal_places=1, null=True)
    miles_end = models.DecimalField(max_digits=8, decimal_places=1, null=True)
    ended_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=30, choices=Disposition, blank=True)
    end_reason = models.CharField(max_length=60, blank=True)
    # On scene, a handed-back call stays the crew's until somebody accepts it.
    hand_back_asked_at = models.DateTimeField(null=True)
    cancel_told_at = models.DateTimeField(null=True, help_text="CAD or the desk cancelled while the crew was on it.")
    # By when the crew on scene should be heard of again; the tablet vibrates then.
    welfare_due_at = models.DateTimeField(null=True)
    # When the server asked for backup because it was not.
    welfare_backup_at = models.DateTimeField(null=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit"], condition=Q(ended_at__isnull=True), name="dispatch_assignment_one_call_per_unit"
            ),
            models.UniqueConstraint(
                fields=["call"],
                condition=Q(ended_at__isnull=True, primary=True),
                name="dispatch_assignment_one_primary_per_call",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["CLEARED", "HANDED_BACK", "REASSIGNED", "CANCELLED"], ended_at__isnull=False)
                | (~Q(status__in=["CLEARED", "HANDED_BACK", "REASSIGNED", "CANCELLED"]) & Q(ended_at__isnull=True)),
                name="dispatch_assignment_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="CLEARED") | ~Q(disposition=""), name="dispatch_assignment_cleared_has_disposition"
            ),
        ]
        indexes = [models.Index(fields=["call"], name="dispatch_assignment_by_call")]

    def __str__(self) -> str:
        return f"{self.unit} on {self.call}"


class OutsideUnit(models.Model):
    """
    A unit without a tablet here that was named on a call: Health One, a crisis team, a neighbouring city.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="outside_units")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    attached_at = models.DateTimeField()
    attached_by = models.CharField(max_length=100)
    released_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.unit} beside {self.call}"


class Stop(models.Model):
    """
    A call became riskier than what its unit was sent to: full screen on its tablets until acknowledged.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="stops")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="stops")
    reasons = ArrayField(models.CharField(max_length=60))
    raised_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"stop for {self.assignment_id}"


class HandOver(models.Model):
    """
    A crew asks another one to take its call over; it stays theirs until the other accepts.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="hand_overs")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="hand_overs")
    to_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=100)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(ended_at__isnull=True), name="dispatch_hand_over_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"hand-over of {self.call_id}"
