"""
CARE and police, or CARE and EMS, sent to one call together.
"""

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dispatch.models.calls import Call


class Partner(models.TextChoices):
    """
    Who comes beside CARE.
    """

    POLICE = "POLICE"
    EMS = "EMS"


class GoesFirst(models.TextChoices):
    """
    Who goes in first; the other one waits at the staging point.
    """

    PARTNER = "PARTNER"
    CARE = "CARE"
    TOGETHER = "TOGETHER"


class TandemState(models.TextChoices):
    """
    Where a tandem is.

    ASKED: CARE stages, the partner is not there. PARTNER_THERE: still not declared safe. SAFE: CARE may go in.
    CARE_STAYS: the partner was released. The last three are ends.

    ``TANDEM_TRANSITIONS`` is the whole state machine; docs/call-states.md is drawn from it.
    """

    ASKED = "ASKED"
    PARTNER_THERE = "PARTNER_THERE"
    SAFE = "SAFE"
    CARE_STAYS = "CARE_STAYS"
    PARTNER_ONLY = "PARTNER_ONLY"
    CARE_ALONE = "CARE_ALONE"
    OVER = "OVER"


_ENDS = {TandemState.PARTNER_ONLY, TandemState.CARE_ALONE, TandemState.OVER}

# docs/call-states.md is drawn from this table; `make check` fails when it is stale.
TANDEM_TRANSITIONS: dict[TandemState, set[TandemState]] = {
    TandemState.ASKED: {TandemState.PARTNER_THERE, TandemState.SAFE, *_ENDS},
    # Back to ASKED: the partner left before anybody declared the scene safe.
    TandemState.PARTNER_THERE: {TandemState.ASKED, TandemState.SAFE, *_ENDS},
    # Nobody goes alone after the partner came: what follows SAFE is that the partner is released, and when.
    TandemState.SAFE: {TandemState.CARE_STAYS, TandemState.PARTNER_ONLY, TandemState.OVER},
    TandemState.CARE_STAYS: {TandemState.PARTNER_ONLY, TandemState.OVER},
    TandemState.PARTNER_ONLY: set(),
    TandemState.CARE_ALONE: set(),
    TandemState.OVER: set(),
}
# Until one of these nobody has said that CARE may go in.
NOT_SAFE = frozenset({TandemState.ASKED, TandemState.PARTNER_THERE})


class TandemAsked(models.TextChoices):
    """
    Who asked for the partner: the policy through the call's response, the desk, the crew, or a crew that withdrew.
    """

    POLICY = "POLICY"
    DESK = "DESK"
    CREW = "CREW"
    WITHDRAW = "WITHDRAW"


class Tandem(models.Model):
    """
    One call's tandem with one partner. At most one of each is open on a call.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tandems")
    partner = models.CharField(max_length=10, choices=Partner)
    state = models.CharField(max_length=20, choices=TandemState, default=TandemState.ASKED)
    # Codes of dispatch/reasons.py: which of them require the partner. Countable, because overuse is the failure to watch.
    reasons = ArrayField(models.CharField(max_length=60), default=list)
    asked_as = models.CharField(max_length=20, choices=TandemAsked)
    first = models.CharField(max_length=10, choices=GoesFirst, default=GoesFirst.PARTNER)
    staging = PointField(srid=4326, geography=True, null=True)
    staging_note = models.CharField(max_length=200, blank=True)
    partner_unit = models.CharField(max_length=20, blank=True)
    officer = models.CharField(max_length=100, blank=True, help_text="Who agreed that CARE goes alone.")

    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=100)
    due_at = models.DateTimeField(help_text="By when the partner should be there; then desk and crew are told.")
    partner_assigned_at = models.DateTimeField(null=True)
    partner_arrived_at = models.DateTimeField(null=True)
    safe_at = models.DateTimeField(null=True)
    # The name of whoever declared the scene safe, and who relayed it when they did not do it here themselves.
    safe_by = models.CharField(max_length=100, blank=True)
    safe_relayed_by = models.CharField(max_length=100, blank=True)
    partner_released_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True, help_text="The crew left for its own safety.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["call", "partner"], condition=Q(ended_at__isnull=True), name="dispatch_tandem_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["PARTNER_ONLY", "CARE_ALONE", "OVER"], ended_at__isnull=False)
                | (~Q(state__in=["PARTNER_ONLY", "CARE_ALONE", "OVER"]) & Q(ended_at__isnull=True)),
                name="dispatch_tandem_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="SAFE") | (Q(safe_at__isnull=False) & ~Q(safe_by="")),
                name="dispatch_tandem_safe_has_who",
            ),
            models.CheckConstraint(
                condition=~Q(state="CARE_ALONE") | ~Q(officer=""), name="dispatch_tandem_alone_has_officer"
            ),
        ]
        indexes = [models.Index(fields=["call"], name="dispatch_tandem_by_call")]

    def __str__(self) -> str:
        return f"{self.partner} beside CARE on {self.call_id}"
