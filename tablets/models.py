"""
The device in the hand: its registration, who is signed on at it, and the one-time secrets that open it.

No secret is kept. Tokens and tickets are stored as SHA-256 of 256 random bits; a pairing code, which people type and which
is therefore shorter, under a keyed hash that a copy of the database cannot be searched with.
"""

from typing import NewType

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
