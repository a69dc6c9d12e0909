"""
Tables of the journal. Written by ``record()``, ``flush()`` and the door; read by pulls and the hub.
"""

from django.db import models
from django.db.models import Q


class Stream(models.Model):
    """
    An ordered audience. Its row is the lock under which its number is raised.

    ``number`` goes up by one for each transaction that changed a document of the stream (on an agency's ``journal.<id>``
    stream: by one for each entry), so it follows commit order and has no gaps. ``floor`` is the highest number whose
    tombstones were swept: a reader that is behind it is reset. ``digest`` is the sum modulo 2^64, kept as a signed 64-bit
    integer, of the first eight bytes of SHA-256 of ``collection|id|number`` over the stream's live documents.
    """

    name = models.CharField(max_length=100, primary_key=True)
    number = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)
    digest = models.BigIntegerField(default=0)
    count = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.number}"


class Document(models.Model):
    """
    What a stream's readers now hold of one thing; a tombstone when ``gone`` says why they no longer may.
    """

    stream = models.CharField(max_length=100)
    collection = models.CharField(max_length=40)
    document_id = models.CharField(max_length=60)
    subject = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    number = models.BigIntegerField()
    # JSON text rather than jsonb: the bytes that were compared are the bytes that are pushed and pulled.
    body = models.TextField(null=True)  # noqa: DJ001  no body is not an empty one
    gone = models.CharField(max_length=60, null=True)  # noqa: DJ001  a partial index tells it apart
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stream", "collection", "document_id"],
                name="journal_document_one_per_stream",
            ),
            models.CheckConstraint(
                condition=Q(body__isnull=True, gone__isnull=False, gone_at__isnull=False)
                | Q(body__isnull=False, gone__isnull=True, gone_at__isnull=True),
                name="journal_document_body_or_gone",
            ),
        ]
        indexes = [
            models.Index(fields=["stream", "number"], name="journal_document_by_number"),
            models.Index(fields=["stream", "number"], name="journal_document_live", condition=Q(gone__isnull=True)),
            models.Index(
                fields=["subject", "subject_id"],
                name="journal_document_by_subject",
                condition=Q(gone__isnull=True),
            ),
            models.Index(fields=["gone_at"], name="journal_document_by_gone_at", condition=Q(gone__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.stream}/{self.collection}/{self.document_id}"


class Entry(models.Model):
    """
    One thing that happened, for good: a trigger refuses UPDATE, DELETE and TRUNCATE.

    There are no foreign keys, so that the record never stands in the way of the data it is about. ``data`` carries ids
    and operational facts, never a name, a phone number or a word about anybody's health.
    """

    stream = models.CharField(max_length=100)
    number = models.BigIntegerField()
    kind = models.CharField(max_length=60)
    about = models.CharField(max_length=60)
    by = models.CharField(max_length=60)
    data = models.JSONField()
    action_id = models.UUIDField(null=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream", "number"], name="journal_entry_one_per_number"),
        ]
        indexes = [models.Index(fields=["about", "id"], name="journal_entry_by_about")]

    def __str__(self) -> str:
        return f"{self.stream} #{self.number} {self.kind}"


class Receipt(models.Model):
    """
    The answer that an action id got, committed with the effect, so that it always gets the same one.

    ``status`` is 200 for applied, 202 for quarantined, else the status of the refusal. Of a sealed kind the answer is
    sealed (journal/sealing.py).
    """

    action_id = models.UUIDField(primary_key=True)
    by = models.CharField(max_length=60)
    kind = models.CharField(max_length=60)
    # SHA-256 of the arguments (HMAC for a sealed kind): the same id with other ones must not look like a success.
    fingerprint = models.BinaryField(max_length=32)
    status = models.SmallIntegerField(null=True)
    # JSON text rather than jsonb, which would answer a repeat with its keys in another order.
    answer = models.TextField(null=True)  # noqa: DJ001  no answer yet is not an empty one
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    # The place in a tablet's lane that this answers; without them it came through another door.
    lane = models.UUIDField(null=True)
    seq = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lane", "seq"], condition=Q(lane__isnull=False), name="journal_receipt_one_per_place"
            ),
            models.CheckConstraint(
                condition=Q(lane__isnull=True, seq__isnull=True) | Q(lane__isnull=False, seq__isnull=False),
                name="journal_receipt_place_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(status__isnull=True, answer__isnull=True) | Q(status__isnull=False, answer__isnull=False),
                name="journal_receipt_answered_or_claimed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.action_id}"
