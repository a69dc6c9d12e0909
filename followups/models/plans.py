"""
Second responses: plans, follow-ups, attempts, pauses.
"""

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dispatch.models import Call, Referral
from followups.fields import SealedInstant, SealedText, SealedYesNo
from followups.models.clients import Client
from followups.models.encounters import Encounter
from followups.models.sealed_row import SealedRow
from responders.models import Agency, Person, ServiceArea, Unit


class PlanState(models.TextChoices):
    """
    PAUSED in hospital or custody; DECLINED is kept and plans nothing.
    """

    OPEN = "OPEN"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"
    DECLINED = "DECLINED"


class PauseReason(models.TextChoices):
    """
    Where somebody is while a plan waits for their release.
    """

    HOSPITAL = "HOSPITAL"
    CUSTODY = "CUSTODY"


class CloseReason(models.TextChoices):
    """
    Why a plan ended early.
    """

    DECLINED = "DECLINED"
    MOVED = "MOVED"
    IN_CARE = "IN_CARE"
    NOT_FOUND = "NOT_FOUND"
    DECEASED = "DECEASED"
    DUPLICATE = "DUPLICATE"
    OTHER = "OTHER"


class Plan(SealedRow):
    """
    What is planned for one person after an encounter. At most one is open or paused: a new encounter re-bases it.

    Days are counted from ``based_at`` in ``zone``; each re-basing is a new ``round``, so that what was planned and done
    before stays as it was.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="plans")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="plans")
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, null=True, related_name="plans")
    state = models.CharField(max_length=10, choices=PlanState, default=PlanState.OPEN)
    steps = ArrayField(models.PositiveSmallIntegerField())
    round = models.PositiveSmallIntegerField(default=1)
    zone = models.CharField(max_length=64, help_text="IANA name: days and hours are resolved once, with it.")
    based_at = models.DateTimeField()
    risk = SealedYesNo(default=False)
    reason = SealedText(blank=True, help_text="Why somebody is followed up, for who goes there.")
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=100)
    assignee = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=10, choices=PauseReason, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, blank=True)
    close_reason = models.CharField(max_length=20, choices=CloseReason, blank=True)
    close_note = SealedText(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"], condition=Q(state__in=["OPEN", "PAUSED"]), name="followups_plan_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(state="PAUSED") | (Q(paused_at__isnull=False) & ~Q(pause_reason="")),
                name="followups_plan_paused_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["CLOSED", "COMPLETED"]) | Q(closed_at__isnull=False),
                name="followups_plan_closed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["client"], name="followups_plan_by_client")]

    def __str__(self) -> str:
        return f"plan {self.pk}"


class FollowUpState(models.TextChoices):
    """
    PENDING until its hour, DUE from then; WAITING while its plan is paused. SUPERSEDED by a new round of the plan.
    """

    PENDING = "PENDING"
    DUE = "DUE"
    WAITING = "WAITING"
    DONE = "DONE"
    SUPERSEDED = "SUPERSEDED"
    CANCELLED = "CANCELLED"


class Outcome(models.TextChoices):
    """
    How a follow-up ended.
    """

    REACHED = "REACHED"
    NOT_REACHED = "NOT_REACHED"
    REFUSED = "REFUSED"
    CONNECTED = "CONNECTED"
    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"


class FollowUpQuerySet(models.QuerySet["FollowUp"]):
    """
    Second responses, to come and done.
    """

    def open(self) -> "FollowUpQuerySet":
        """
        Return what is still to be seen to.
        """
        return self.filter(state__in=[FollowUpState.PENDING, FollowUpState.DUE, FollowUpState.WAITING])


class FollowUp(SealedRow):
    """
    One second response: a step of a plan, or a single one on any date (no plan, no step).

    ``due_date`` is a local day in ``zone``; ``due_at`` and ``due_until`` are the instants at which its visiting hours
    begin and end, resolved once (a gap of the clock moves forward, a fold takes the first pass: followups/rules/days.py).
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="follow_ups")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="follow_ups")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="follow_ups")
    round = models.PositiveSmallIntegerField(default=1)
    step = models.PositiveSmallIntegerField(null=True, help_text="Days after the encounter; empty for a single one.")
    zone = models.CharField(max_length=64)
    due_date = models.DateField()
    due_at = models.DateTimeField()
    due_until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=FollowUpState, default=FollowUpState.PENDING)
    risk = SealedYesNo(default=False)
    reason = SealedText(blank=True)
    area = models.ForeignKey(ServiceArea, on_delete=models.SET_NULL, null=True, related_name="+")
    address = SealedText(blank=True)
    point = PointField(srid=4326, geography=True, null=True)
    # To a person, to a unit, to both, or to nobody yet.
    assignee = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="+")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=100)
    # Each is written once, by the sweep that saw it: the promise that it was seen to.
    due_told_at = models.DateTimeField(null=True)
    overdue_told_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    first_attempt_at = models.DateTimeField(null=True)
    # The norm that is shown, sealed because after suicide risk or an overdose it is another; and when it goes to supervisors,
    # which a sweep looks for: unless somebody tried within ``Programme.escalate_h``.
    try_by = SealedInstant(null=True)
    escalate_at = models.DateTimeField(null=True)
    end_reason = SealedText(blank=True, help_text="Why it was cancelled.")
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=100, blank=True)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "round", "step"], name="followups_follow_up_once_a_step"),
            models.CheckConstraint(
                condition=Q(plan__isnull=True, step__isnull=True) | Q(plan__isnull=False, step__isnull=False),
                name="followups_follow_up_step_of_a_plan",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | (Q(done_at__isnull=False) & ~Q(outcome="")),
                name="followups_follow_up_done_has_outcome",
            ),
        ]
        indexes = [
            # What a sweep looks for: its cost follows what is due, not what there is.
            models.Index(fields=["due_at"], condition=Q(state="PENDING"), name="followups_follow_up_to_come"),
            models.Index(
                fields=["due_until"],
                condition=Q(state="DUE", overdue_told_at__isnull=True),
                name="followups_follow_up_to_late",
            ),
            models.Index(
                fields=["escalate_at"],
                condition=Q(state__in=["PENDING", "DUE"], escalated_at__isnull=True),
                name="followups_follow_up_to_tell",
            ),
            models.Index(
                fields=["agency", "due_date"],
                condition=Q(state__in=["PENDING", "DUE", "WAITING"]),
                name="followups_follow_up_board",
            ),
            models.Index(fields=["client"], name="followups_follow_up_by_client"),
            models.Index(fields=["plan"], name="followups_follow_up_by_plan"),
            models.Index(
                fields=["unit"], condition=Q(state__in=["PENDING", "DUE"]), name="followups_follow_up_by_unit"
            ),
            models.Index(fields=["call"], name="followups_follow_up_by_call"),
        ]

    def __str__(self) -> str:
        return f"follow-up {self.pk}"


class How(models.TextChoices):
    """
    How contact was tried.
    """

    VISIT = "VISIT"
    PHONE = "PHONE"
    PROVIDER = "PROVIDER"


class AttemptResult(models.TextChoices):
    """
    What came of an attempt.
    """

    REACHED = "REACHED"
    NOT_FOUND = "NOT_FOUND"
    MOVED = "MOVED"
    REFUSED = "REFUSED"
    HOSPITALISED = "HOSPITALISED"
    IN_CUSTODY = "IN_CUSTODY"
    DECEASED = "DECEASED"


class Attempt(SealedRow):
    """
    One contact tried for a follow-up; what happened, never changed.
    """

    follow_up = models.ForeignKey(FollowUp, on_delete=models.PROTECT, related_name="attempts")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="attempts")
    how = models.CharField(max_length=10, choices=How)
    result = models.CharField(max_length=15, choices=AttemptResult)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    by = models.CharField(max_length=100)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    partner = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    alone = models.BooleanField(default=False, help_text="A visit that its crew made alone: a visit is two people.")
    note = SealedText(blank=True)
    next_step = SealedText(blank=True)

    class Meta:
        indexes = [models.Index(fields=["follow_up"], name="followups_attempt_by_follow_up")]

    def __str__(self) -> str:
        return f"attempt for follow-up {self.follow_up_id}"


class Move(SealedRow):
    """
    A follow-up was put on another day, and why.
    """

    follow_up = models.ForeignKey(FollowUp, on_delete=models.PROTECT, related_name="moves")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    from_date = models.DateField()
    to_date = models.DateField()
    reason = SealedText()
    at = models.DateTimeField()
    by = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"move of follow-up {self.follow_up_id}"


class ReminderKind(models.TextChoices):
    """
    What an assignee is reminded of.
    """

    DUE = "DUE"
    OVERDUE = "OVERDUE"
    ESCALATED = "ESCALATED"
    DIGEST = "DIGEST"


class Reminder(models.Model):
    """
    One reminder to one person, once: of a follow-up and the day of it, or a day's digest. Its text says how many, never who
    or why. ``reached`` counts the browsers that took it; where nobody asked to be woken it is none.
    """

    follow_up = models.ForeignKey(FollowUp, on_delete=models.CASCADE, null=True, related_name="reminders")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=ReminderKind)
    day = models.DateField(null=True)
    made_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    reached = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follow_up", "person", "kind", "day"], name="followups_reminder_once"),
            models.UniqueConstraint(
                fields=["person", "day"], condition=Q(kind="DIGEST"), name="followups_reminder_one_digest_a_day"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="followups_reminder_to_send")
        ]

    def __str__(self) -> str:
        return f"reminder {self.kind} for person {self.person_id}"


class IntakeState(models.TextChoices):
    """
    A navigator referral is NEW until a coordinator takes it, and CLOSED when it led to a plan or to nothing.
    """

    NEW = "NEW"
    TAKEN = "TAKEN"
    CLOSED = "CLOSED"


class Intake(SealedRow):
    """
    A referral of a person for later contact, by an officer or a provider, without a call. What whoever referred hears of
    it stays with ``dispatch.Referral``: received, closed.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="intakes")
    referral = models.OneToOneField(Referral, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=IntakeState, default=IntakeState.NEW)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="intakes")
    taken_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    note = SealedText(blank=True)
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agency"], condition=~Q(state="CLOSED"), name="followups_intake_open")]

    def __str__(self) -> str:
        return f"intake {self.pk}"
