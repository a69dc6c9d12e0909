"""
Calls that somebody other than 911 sends: an officer on the street, a crisis line, a provider.
"""

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dispatch.models.assignments import Assignment
from dispatch.models.calls import Call, Source
from responders.models import Agency, Person


class ReferralKind(models.TextChoices):
    """
    What is referred: the call they are on, something they came upon, or a person for later (no unit is sent).
    """

    CALL = "CALL"
    ON_VIEW = "ON_VIEW"
    PERSON = "PERSON"


class ReferralState(models.TextChoices):
    """
    All that whoever referred may ever know: nothing clinical, not even that a service was given (RCW 70.02.230).
    """

    RECEIVED = "RECEIVED"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    ON_THE_WAY = "ON_THE_WAY"
    NOT_COMING = "NOT_COMING"
    ARRIVED = "ARRIVED"
    CLOSED = "CLOSED"


class Referral(models.Model):
    """
    One referral, its required answers, and what the policy said of it. How far it is follows from its call: see
    dispatch/referral_documents.py.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="referrals")
    kind = models.CharField(max_length=10, choices=ReferralKind)
    source = models.CharField(max_length=20, choices=Source)
    officer = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="referrals")
    key = models.ForeignKey("IntakeKey", on_delete=models.PROTECT, null=True, related_name="referrals")
    # CAD's number, where it is of a call; and the call that it became or is.
    number = models.CharField(max_length=40, blank=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, null=True, related_name="referrals")
    made_call = models.BooleanField(default=False, help_text="The call is there because of this referral.")
    eligible = models.BooleanField(default=True)

    what = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    address = models.CharField(max_length=200, blank=True)
    point = PointField(srid=4326, geography=True, null=True)
    # Required: YES, NO or UNKNOWN. Unknown is never a no.
    searched = models.CharField(max_length=10)
    weapons = models.CharField(max_length=10)
    threats = models.CharField(max_length=10)
    contact = models.CharField(
        max_length=200, blank=True, help_text="How the person can be reached, for later contact."
    )
    staying = models.BooleanField(default=False, help_text="The officer stays until a unit arrives.")
    # Codes of dispatch/reasons.py, and the other ways that were suggested where CARE does not take it.
    reasons = ArrayField(models.CharField(max_length=60), default=list)
    suggested = ArrayField(models.CharField(max_length=60), default=list)

    made_at = models.DateTimeField()
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="When the unit said that it will be there.")
    # Whose word that is: it goes with the assignment.
    due_by = models.ForeignKey(Assignment, on_delete=models.PROTECT, null=True, related_name="+")
    late_told_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    # It was withdrawn, was never eligible, or the later contact was made.
    ended_at = models.DateTimeField(null=True)
    put_away_at = models.DateTimeField(null=True, help_text="When it left the officer's list.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(officer__isnull=False, key__isnull=True) | Q(officer__isnull=True, key__isnull=False),
                name="dispatch_referral_one_sender",
            ),
            models.UniqueConstraint(
                fields=["call", "officer"],
                condition=Q(eligible=True, ended_at__isnull=True),
                name="dispatch_referral_once_each",
            ),
            models.CheckConstraint(
                condition=(Q(due_at__isnull=True, due_by__isnull=True))
                | Q(due_at__isnull=False, due_by__isnull=False),
                name="dispatch_referral_due_is_somebodys",
            ),
        ]
        indexes = [
            models.Index(fields=["call"], name="dispatch_referral_by_call"),
            models.Index(fields=["officer", "-received_at"], name="dispatch_referral_by_officer"),
            models.Index(
                fields=["received_at"],
                condition=Q(officer__isnull=False, put_away_at__isnull=True),
                name="dispatch_referral_listed",
            ),
            # What coordinators have not seen to yet.
            models.Index(
                fields=["received_at"],
                condition=Q(kind="PERSON", eligible=True, ended_at__isnull=True),
                name="dispatch_referral_for_later",
            ),
        ]

    def __str__(self) -> str:
        return f"referral {self.pk}"


class IntakeKey(models.Model):
    """
    The API key of a crisis line, a hotline or a provider: SHA-256 of 256 random bits, for one source.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="intake_keys")
    name = models.CharField(max_length=60)
    source = models.CharField(max_length=20, choices=Source)
    key_hash = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
