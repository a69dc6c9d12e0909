"""
The CAD system on the other side: its keys, what it sent, what waits for it.
"""

from django.db import models
from django.db.models import Q

from dispatch.models.calls import Call
from responders.models import Agency


class CadKey(models.Model):
    """
    The API key of a CAD system: SHA-256 of 256 random bits.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="cad_keys")
    name = models.CharField(max_length=60)
    key_hash = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Requests a minute; more are answered 429 and lose nothing.
    rate = models.PositiveIntegerField(default=6000)

    def __str__(self) -> str:
        return self.name


class CadRevision(models.Model):
    """
    Every revision CAD sent of a call, applied or not: (agency, number, revision) is applied once.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=40)
    revision = models.PositiveIntegerField()
    payload = models.JSONField()
    received_at = models.DateTimeField()
    # An older revision that came after a newer one is kept and changes nothing.
    applied = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "number", "revision"], name="dispatch_cad_revision_once")
        ]

    def __str__(self) -> str:
        return f"{self.number} r{self.revision}"


class CadFeed(models.Model):
    """
    When an agency's CAD was last heard of.

    ``heard_at`` moves with every request; ``told_at`` follows it at most every ten seconds and is what screens hold.
    """

    agency = models.OneToOneField(Agency, on_delete=models.CASCADE, related_name="cad_feed")
    heard_at = models.DateTimeField()
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"CAD of {self.agency_id}"


class CadMessage(models.Model):
    """
    A row for CAD to fetch and answer: the outbound half of the feed. It is kept until CAD says what it did with it.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="cad_messages")
    kind = models.CharField(max_length=40)
    body = models.JSONField()
    made_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    reject_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["agency", "id"],
                condition=Q(confirmed_at__isnull=True, rejected_at__isnull=True),
                name="dispatch_cad_message_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.call_id}"
