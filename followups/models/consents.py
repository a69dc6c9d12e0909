"""
What somebody agreed may be told to whom, and what was told: 42 CFR Part 2, 2024 rule.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from followups.fields import SealedJSON, SealedText
from followups.models.clients import Client
from followups.models.sealed_row import SealedRow
from responders.models import Person


class Consent(SealedRow):
    """
    One written consent with every element of 42 CFR 2.31(a), revocable at any time.

    (1) whose: ``client`` and ``patient_name``; (2) who may disclose; (3) what, named specifically, in words and as
    ``sections``; (4) to whom; (5) why; (6) that it can be revoked and how; (7) when it ends: a date, an event, or both; (8) the
    signature; (9) its date.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="consents")
    patient_name = SealedText()
    discloser = models.CharField(max_length=200)
    description = SealedText()
    # The parts of a record that the description comes to: codes, which say nothing of anybody, so that they can be compared.
    sections = ArrayField(models.CharField(max_length=20))
    recipient = SealedText()
    purpose = SealedText()
    right_to_revoke_told = models.BooleanField()
    expires_on = models.DateField(null=True)
    expires_upon = models.CharField(max_length=200, blank=True)
    signed_by = SealedText(help_text="As signed; who signs for a minor or under guardianship is named.")
    # A signature on paper or on the glass (2.31(a)(8) allows electronic ones under state law); never a spoken yes.
    signature = models.CharField(max_length=10, choices=[("PAPER", "On paper"), ("GLASS", "On the tablet")])
    signed_on = models.DateField()
    text_version = models.CharField(max_length=20)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, help_text="The event upon which it ends has happened.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(right_to_revoke_told=True), name="followups_consent_right_to_revoke_told"
            ),
            models.CheckConstraint(condition=Q(sections__len__gt=0), name="followups_consent_names_sections"),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=False) | ~Q(expires_upon=""), name="followups_consent_ends"
            ),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True) | Q(expires_on__gte=F("signed_on")),
                name="followups_consent_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["client"], name="followups_consent_by_client")]

    def __str__(self) -> str:
        return f"consent of client {self.client_id}"


class Basis(models.TextChoices):
    """
    Why something was let out.
    """

    CONSENT = "CONSENT"
    MEDICAL_EMERGENCY = "MEDICAL_EMERGENCY"
    MANDATED_REPORT = "MANDATED_REPORT"
    TO_THE_PERSON = "TO_THE_PERSON"


class Disclosure(SealedRow):
    """
    One copy that went out, for the accounting of 42 CFR 2.25: to whom, what, why, when, under which words. Append-only.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="disclosures")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, related_name="disclosures")
    basis = models.CharField(max_length=20, choices=Basis)
    recipient = SealedText()
    purpose = SealedText()
    body = SealedJSON(help_text="What was let out, word for word.")
    notice_version = models.CharField(max_length=20, help_text="Of the notice of 2.32 that went with it.")
    at = models.DateTimeField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(basis="CONSENT") | Q(consent__isnull=False), name="followups_disclosure_has_its_consent"
            ),
        ]
        indexes = [models.Index(fields=["client"], name="followups_disclosure_by_client")]

    def __str__(self) -> str:
        return f"disclosure about client {self.client_id}"
