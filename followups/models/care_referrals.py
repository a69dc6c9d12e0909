"""
Referrals of people to services, and what became of them.
"""

from collections.abc import Mapping

from django.db import models
from django.db.models import Q

from followups.fields import SealedText
from followups.models.clients import Client
from followups.models.encounters import Encounter
from followups.models.sealed_row import SealedRow
from responders.models import Person


class CareReferralState(models.TextChoices):
    """
    How far a referral is.
    """

    MADE = "MADE"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    WAITLISTED = "WAITLISTED"
    ATTENDED = "ATTENDED"
    NOT_ATTENDED = "NOT_ATTENDED"


# What may be heard of a referral after what. Services answer late, and not always in order: who was never said to be accepted
# may have gone, and who did not go is asked for again. That somebody went is the end of it.
AFTER: Mapping[CareReferralState, frozenset[CareReferralState]] = {
    CareReferralState.MADE: frozenset(
        {
            CareReferralState.ACCEPTED,
            CareReferralState.DECLINED,
            CareReferralState.WAITLISTED,
            CareReferralState.ATTENDED,
            CareReferralState.NOT_ATTENDED,
        }
    ),
    CareReferralState.WAITLISTED: frozenset(
        {
            CareReferralState.ACCEPTED,
            CareReferralState.DECLINED,
            CareReferralState.ATTENDED,
            CareReferralState.NOT_ATTENDED,
        }
    ),
    CareReferralState.ACCEPTED: frozenset(
        {
            CareReferralState.DECLINED,
            CareReferralState.WAITLISTED,
            CareReferralState.ATTENDED,
            CareReferralState.NOT_ATTENDED,
        }
    ),
    CareReferralState.NOT_ATTENDED: frozenset(
        {
            CareReferralState.ACCEPTED,
            CareReferralState.DECLINED,
            CareReferralState.WAITLISTED,
            CareReferralState.ATTENDED,
        }
    ),
    CareReferralState.DECLINED: frozenset(
        {CareReferralState.ACCEPTED, CareReferralState.WAITLISTED, CareReferralState.ATTENDED}
    ),
    CareReferralState.ATTENDED: frozenset(),
}


class CareReferral(SealedRow):
    """
    One referral of one person to one service; ``to`` says where in words too, because a directory changes.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="care_referrals")
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, null=True, related_name="care_referrals")
    to = SealedText()
    # Which line of the directory, where it is one. No key: which service somebody is sent to says what they have.
    resource = SealedText(blank=True, help_text="The id of a ServiceAtLocation.")
    need = SealedText(blank=True, help_text="A code of NEED.")
    state = models.CharField(max_length=15, choices=CareReferralState, default=CareReferralState.MADE)
    warm_handover = models.BooleanField(default=False)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    # Kept by the encounter and the position in it, so that signing twice refers once.
    position = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["encounter", "client", "position"],
                condition=Q(position__isnull=False),
                name="followups_care_referral_once",
            ),
        ]
        indexes = [models.Index(fields=["client"], name="followups_care_referral_of")]

    def __str__(self) -> str:
        return f"care referral {self.pk}"


class CareReferralStep(SealedRow):
    """
    One thing that was heard of a referral: when it happened, and who said so.
    """

    referral = models.ForeignKey(CareReferral, on_delete=models.PROTECT, related_name="steps")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=15, choices=CareReferralState)
    on = models.DateField()
    said_by = SealedText()
    note = SealedText(blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.state} of care referral {self.referral_id}"
