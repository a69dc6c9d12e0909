"""
The device in the hand: its registration, who is signed on at it, and the one-time secrets that open it.

No secret is kept. Tokens and tickets are stored as SHA-256 of 256 random bits; a pairing code, which people type and which
is therefore shorter, under a keyed hash that a copy of the database cannot be searched with.
"""

from typing import NewType

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from responders.models import Agency, Person, Shift, Unit
from tablets import refusals

LockedTablet = NewType("LockedTablet", "Tablet")


class TabletQuerySet(models.QuerySet["Tablet"]):
    """
    Tablets, and the lock on one.
    """

    def lock(self, tablet_id: int) -> LockedTablet:
        """
        Return the tablet with its row locked until the transaction ends. Locked after its unit (docs/locking.md).

        :raises TabletNotFound: there is no such tablet.
        """
        try:
            return LockedTablet(self.select_for_update(no_key=True, of=("self",)).get(pk=tablet_id))
        except Tablet.DoesNotExist:
            raise refusals.TabletNotFound(tablet=tablet_id) from None


class Tablet(models.Model):
    """
    A paired device of one unit.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="tablets")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="tablets")
    name = models.CharField(max_length=60)
    token_hash = models.BinaryField(max_length=32, unique=True)
    paired_at = models.DateTimeField()
    paired_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TabletQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class BackupKey(models.Model):
    """
    A device's own credential for one thing: to ask for backup, and to ask for that to be cancelled.

    It works while the tablet is locked, signed out, expired or outdated, until the device is revoked (CJIS AC-14; HIPAA
    164.312(a)(2)(ii)). No foreign keys, so that nothing that is locked elsewhere can make it wait. A new key does not end
    the old one; using the new one does.
    """

    key_hash = models.BinaryField(max_length=32, primary_key=True)
    tablet_id = models.BigIntegerField()
    unit_id = models.BigIntegerField()
    agency_id = models.BigIntegerField()
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tablet_id"], name="tablets_backup_key_by_tablet")]

    def __str__(self) -> str:
        return f"backup key of tablet {self.tablet_id}"


class Contact(models.Model):
    """
    When a tablet was last heard of. Its own table, because it is written often and makes no document.
    """

    tablet = models.OneToOneField(Tablet, on_delete=models.CASCADE, primary_key=True, related_name="contact")
    seen_at = models.DateTimeField()
    # The last touch of a person, as the tablet reports it; pings and refreshes do not count (CJIS AC-11).
    touched_at = models.DateTimeField(null=True)
    app_version = models.CharField(max_length=30, blank=True)
    battery = models.PositiveSmallIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.tablet_id} at {self.seen_at:%H:%M:%S}"


class PairingCode(models.Model):
    """
    A one-time code that a supervisor makes and a tablet trades for its token.

    ``selector`` is the part of the code by which its row is found, so that wrong attempts can be counted against it; the
    other part is the secret.
    """

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    selector = models.CharField(max_length=8, unique=True)
    code_hash = models.BinaryField(max_length=32)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="tablets_code_expires_after_made"),
        ]

    def __str__(self) -> str:
        return f"code for {self.name}"


class SignOn(models.Model):
    """
    A responder signed on at a tablet, for the time of a shift at most.

    It ends by itself at ``expires_at``, when the person must say again who they are; the shift goes on. ``access_epoch`` is
    the person's when they signed on: raising that one closes everything they opened before.
    """

    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, related_name="sign_ons")
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="sign_ons")
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    access_epoch = models.PositiveIntegerField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tablet"], condition=Q(ended_at__isnull=True), name="tablets_sign_on_one_open_per_tablet"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("started_at")), name="tablets_sign_on_expires_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["shift"], condition=Q(ended_at__isnull=True), name="tablets_sign_on_open_by_shift"),
        ]

    def __str__(self) -> str:
        return f"{self.shift} at {self.tablet}"


class Ticket(models.Model):
    """
    A single-use ticket, at most 30 s old, that opens one socket. ``person`` for a desk page, ``tablet`` for a tablet.

    ``made_at`` is Postgres' clock, by which the ticket is also redeemed: web and live may run on different machines.
    """

    ticket_hash = models.BinaryField(max_length=32, primary_key=True)
    tablet = models.ForeignKey(Tablet, on_delete=models.CASCADE, null=True, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    session_key = models.CharField(max_length=64, blank=True)
    access_epoch = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tablet__isnull=True, person__isnull=False) | Q(tablet__isnull=False, person__isnull=True),
                name="tablets_ticket_one_bearer",
            ),
        ]
        indexes = [models.Index(fields=["made_at"], name="tablets_ticket_by_made_at")]

    def __str__(self) -> str:
        return f"ticket of {self.made_at:%H:%M:%S}"


class Installation(models.Model):
    """
    One store on one tablet, and the lane of its actions: the row is the lock that page, worker and retry queue at.

    The tablet makes the id; an empty store is a new installation. ``last_seq`` is the last place of the lane that was
    answered. What the tablet reports of itself is written with its contact, at most every ten seconds.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, related_name="installations")
    # Where the store was before its device was paired anew: what was queued there is still that tablet's crew's.
    moved_from = models.ForeignKey(Tablet, on_delete=models.PROTECT, null=True, related_name="+")
    last_seq = models.BigIntegerField(default=0)
    # Goes into the key of what the tablet keeps (tablets/seals.py): raised, nothing that was kept can be read again.
    generation = models.PositiveIntegerField(default=0)
    # The epoch that the lane was last in step with (tablets/epochs.py).
    epoch = models.CharField(max_length=80, blank=True)
    first_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    # When the lane last said that nothing waits in it: nothing that comes later happened earlier.
    empty_at = models.DateTimeField(null=True)

    app_version = models.CharField(max_length=30, blank=True)
    schema = models.PositiveIntegerField(default=0)
    outbox_count = models.PositiveIntegerField(default=0)
    outbox_oldest_at = models.DateTimeField(null=True)
    # What the browser answered to the wish that the store may stay; null where it was not said.
    persisted = models.BooleanField(null=True)
    lease_until = models.DateTimeField(null=True)
    # Stream → number, as last reported.
    held = models.JSONField(default=dict)
    # Streams that we sent again from the start because they could not be right.
    resets = models.PositiveIntegerField(default=0)
    reset_at = models.DateTimeField(null=True)
    # Digests that the tablet found wrong, as it counts them.
    mismatches = models.PositiveIntegerField(default=0)
    mismatch_at = models.DateTimeField(null=True)

    resync_ordered_at = models.DateTimeField(null=True)
    resync_ordered_by = models.CharField(max_length=60, blank=True)
    resync_told_at = models.DateTimeField(null=True)
    resynced_at = models.DateTimeField(null=True)
    # Streams that this store must begin again because what they carry changed (journal/schema.py).
    resend = ArrayField(models.CharField(max_length=100), default=list)
    # From here on the installation is over: it may deliver what it holds, and nothing comes down.
    purge_ordered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tablet", "seen_at"], name="tablets_installation_by_tablet")]

    def __str__(self) -> str:
        return f"{self.pk} at {self.last_seq}"


class Epoch(models.Model):
    """
    The one row that says since when this database counts. Without a row it counts since it was made.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.UUIDField()
    made_at = models.DateTimeField()
    why = models.CharField(max_length=200)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="tablets_epoch_one_row")]

    def __str__(self) -> str:
        return f"{self.epoch}"


class QuarantineState(models.TextChoices):
    """
    What became of something that was not understood.
    """

    OPEN = "OPEN"
    RETRIED = "RETRIED"
    CLOSED = "CLOSED"


class Quarantined(models.Model):
    """
    What a tablet sent and we could not do: kept whole, until somebody does it after all or closes it with a reason.

    ``raw`` is the envelope as it came; arguments that were sealed stay sealed. What is of a sealed kind, or of one that
    nobody knows, is sealed as a whole with its facts (tablets.seals.open_kept), and of a retry's ``result`` no words are
    kept. The tablet has its answer (the ticket) and gets the same one for ever.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, related_name="+")
    # The lane as the tablet named it; no foreign key, because what cannot be understood may name anything.
    installation = models.UUIDField()
    seq = models.BigIntegerField()
    # The receipt that answers it.
    action_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=60, blank=True)
    version = models.IntegerField(null=True)
    actor = models.CharField(max_length=60, blank=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    raw = models.TextField()
    happened_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    code = models.CharField(max_length=60)
    message = models.CharField(max_length=300)
    facts = models.JSONField(default=dict)

    state = models.CharField(max_length=10, choices=QuarantineState, default=QuarantineState.OPEN)
    retries = models.PositiveIntegerField(default=0)
    retried_at = models.DateTimeField(null=True)
    # Of the last retry: {"status", "answer" | "code", "message", "facts"}.
    result = models.JSONField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state=QuarantineState.OPEN, closed_at__isnull=True)
                | Q(state__in=[QuarantineState.RETRIED, QuarantineState.CLOSED], closed_at__isnull=False),
                name="tablets_quarantined_closed_or_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["agency", "id"], condition=Q(state=QuarantineState.OPEN), name="tablets_quarantined_open"
            ),
        ]

    def __str__(self) -> str:
        return self.ticket

    @property
    def ticket(self) -> str:
        """
        Return what the tablet was told that this is called.
        """
        return f"q-{self.pk}"


class Removal(models.Model):
    """
    A stream that an installation was told to erase; confirmed by its next exchange that no longer names it.
    """

    installation = models.ForeignKey(Installation, on_delete=models.PROTECT, related_name="removals")
    stream = models.CharField(max_length=100)
    told_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "stream"],
                condition=Q(confirmed_at__isnull=True),
                name="tablets_removal_one_open",
            ),
        ]

    def __str__(self) -> str:
        return self.stream


class Purge(models.Model):
    """
    The order to erase an installation, and the proof that it was done.

    ``held`` is what the tablet says it had (stream → count and digest), ``left`` what it found afterwards. It is confirmed
    only when nothing is left.
    """

    installation = models.UUIDField(unique=True)
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, related_name="purges")
    ordered_at = models.DateTimeField()
    ordered_by = models.CharField(max_length=60)
    told_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    held = models.JSONField(default=dict)
    left = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.installation}"


class AttachmentState(models.TextChoices):
    """
    How far the bytes of a photo or a signature have come.
    """

    WAITING = "WAITING"
    READY = "READY"
    REFUSED = "REFUSED"


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """
    What tablets attach, and the lock on one.
    """

    def lock(self, agency_id: int, sha256: str) -> "Attachment | None":
        """
        Return the attachment with its row locked until the transaction ends. Locked before any call (docs/locking.md).
        """
        return self.select_for_update(no_key=True, of=("self",)).filter(agency=agency_id, sha256=sha256).first()


class Attachment(models.Model):
    """
    A photo or a signature, known by the SHA-256 of what the tablet has. What it belongs to is said elsewhere.

    The row comes with the first word of it: an action that names it, or a tablet that begins to send it. ``size`` is
    what the tablet says it will send, None until it does; ``received`` is how much of that is here without a gap. READY,
    there is a picture made anew from those bytes, and the bytes are gone; ``code`` says why it was REFUSED.
    ``needed`` is set for good by whatever refers to it: what nobody needs is swept.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=AttachmentState, default=AttachmentState.WAITING)
    code = models.CharField(max_length=40, blank=True)
    needed = models.BooleanField(default=False)
    # Whose upload it is: what one tablet may leave unfinished is bounded.
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, null=True, related_name="+")
    size = models.PositiveIntegerField(null=True)
    received = models.PositiveIntegerField(default=0)
    # How often making the picture anew came to no end.
    tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    # Of the picture that is kept.
    type = models.CharField(max_length=20, blank=True)
    stored_size = models.PositiveIntegerField(null=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "sha256"], name="tablets_attachment_one_per_content"),
            models.CheckConstraint(
                condition=Q(size__isnull=True, received=0) | Q(size__gte=F("received")),
                name="tablets_attachment_no_more_than_said",
            ),
            models.CheckConstraint(
                condition=Q(state="WAITING", settled_at__isnull=True)
                | Q(state="REFUSED", settled_at__isnull=False)
                | Q(
                    state="READY",
                    settled_at__isnull=False,
                    stored_size__isnull=False,
                    width__isnull=False,
                    height__isnull=False,
                ),
                name="tablets_attachment_settled_or_waiting",
            ),
        ]
        indexes = [
            models.Index(fields=["tablet"], condition=Q(state="WAITING"), name="tablets_attachment_waiting"),
            models.Index(
                fields=["touched_at"], condition=~Q(state="READY", needed=True), name="tablets_attachment_to_sweep"
            ),
        ]

    def __str__(self) -> str:
        return f"attachment {self.pk}, {self.state}"


class AttachmentPart(models.Model):
    """
    Bytes of an unfinished upload as they came, from ``offset`` on; gone when the upload is settled.

    In Postgres rather than in files, so that a backup holds everything and any web process can go on with any upload.
    """

    attachment = models.ForeignKey(Attachment, on_delete=models.CASCADE, related_name="parts")
    offset = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attachment", "offset"], name="tablets_attachment_part_one_per_offset")
        ]

    def __str__(self) -> str:
        return f"part of {self.attachment_id} at {self.offset}"


class AttachmentContent(models.Model):
    """
    The picture that is kept, and the small one for lists: apart from its row, which is read far more often.
    """

    attachment = models.OneToOneField(Attachment, on_delete=models.CASCADE, primary_key=True, related_name="content")
    data = models.BinaryField()
    thumbnail = models.BinaryField()

    def __str__(self) -> str:
        return f"content of {self.attachment_id}"
