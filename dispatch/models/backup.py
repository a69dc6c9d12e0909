"""
Requests for backup: what was pressed, what happened since, and who watches.

The first two tables are the life-safety path. They have no foreign keys, no streams, no marks and no locks in common with
anything: raising is one INSERT, whatever else is locked, slow or gone. What everybody else's screens hold of it
(``Backup``) is written in a transaction of its own, later.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from dispatch.models.calls import Call
from responders.models import Agency, Person, Unit


class BackupLevel(models.TextChoices):
    """
    How urgent. Until somebody chooses it is EMERGENCY; it is raised at once and lowered only by a dispatcher.
    """

    EMERGENCY = "EMERGENCY"
    URGENT = "URGENT"
    NON_URGENT = "NON_URGENT"


class BackupService(models.TextChoices):
    """
    Who is asked to come.
    """

    POLICE = "POLICE"
    EMS = "EMS"


class BackupOrigin(models.TextChoices):
    """
    Who raised it: a crew's button, the desk for a crew on the radio, a welfare clock nobody answered, a crew that withdrew,
    or the test that the path makes of itself.
    """

    TABLET = "TABLET"
    RADIO = "RADIO"
    WELFARE = "WELFARE"
    WITHDRAW = "WITHDRAW"
    SELF_TEST = "SELF_TEST"


class BackupPress(models.Model):
    """
    One press of the button, as it came. The row's commit is what a tablet is told as RECEIVED.

    Only the key is certain; what could not be understood of the rest is in ``raw`` and nowhere else. ``again_of`` is the
    open press of the same tablet less than a minute before: it rings again, and is no second request.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    agency_id = models.BigIntegerField()
    unit_id = models.BigIntegerField(null=True)
    tablet_id = models.BigIntegerField(null=True)
    received_at = models.DateTimeField(db_default=Now())
    origin = models.CharField(max_length=20, choices=BackupOrigin, default=BackupOrigin.TABLET)
    # "web" and "live" are the two ways of a tablet; "server" is no tablet.
    via = models.CharField(max_length=10)
    level = models.CharField(max_length=20, choices=BackupLevel, default=BackupLevel.EMERGENCY)
    service = models.CharField(max_length=10, choices=BackupService, default=BackupService.POLICE)
    silent = models.BooleanField(default=False)
    drill = models.BooleanField(default=False)
    # By the tablet's corrected clock.
    pressed_at = models.DateTimeField(null=True)
    person_id = models.BigIntegerField(null=True)
    call_id = models.BigIntegerField(null=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    accuracy_m = models.FloatField(null=True)
    fixed_at = models.DateTimeField(null=True, help_text="When the position was measured.")
    battery = models.SmallIntegerField(null=True)
    raw = models.TextField(blank=True)
    again_of = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["agency_id", "received_at"],
                condition=Q(closed_at__isnull=True),
                name="dispatch_backup_press_open",
            ),
            models.Index(fields=["tablet_id", "-received_at"], name="dispatch_backup_press_tablet"),
            models.Index(fields=["agency_id", "-received_at"], name="dispatch_backup_press_by_time"),
            models.Index(fields=["again_of"], condition=Q(again_of__isnull=False), name="dispatch_backup_press_again"),
        ]

    def __str__(self) -> str:
        return f"{self.key}"


class BackupEventKind(models.TextChoices):
    """
    What happened to a request for backup.
    """

    TRANSMITTED = "TRANSMITTED"
    PRESSED_AGAIN = "PRESSED_AGAIN"
    RUNG = "RUNG"
    NO_CONSOLE = "NO_CONSOLE"
    SHOWN = "SHOWN"
    SEEN = "SEEN"
    LEVEL = "LEVEL"
    POLICE_SENT = "POLICE_SENT"
    POLICE_ARRIVED = "POLICE_ARRIVED"
    CANCEL_ASKED = "CANCEL_ASKED"
    OUTBOUND = "OUTBOUND"
    CLOSED = "CLOSED"


class BackupEvent(models.Model):
    """
    One thing that happened to a press; appended, never changed. ``press`` may not be there yet: a cancel can come first.

    The first SEEN and the first CLOSED of a press hold, and each step of the escalation is rung once: by unique indexes,
    so that any number of processes and consoles may try.
    """

    press = models.UUIDField()
    kind = models.CharField(max_length=20, choices=BackupEventKind)
    step = models.PositiveIntegerField(null=True)
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=100, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["press", "step"], condition=Q(kind="RUNG"), name="dispatch_backup_rung_once"
            ),
            models.UniqueConstraint(fields=["press"], condition=Q(kind="SEEN"), name="dispatch_backup_seen_once"),
            models.UniqueConstraint(fields=["press"], condition=Q(kind="CLOSED"), name="dispatch_backup_closed_once"),
            models.UniqueConstraint(
                fields=["press", "by"], condition=Q(kind="SHOWN"), name="dispatch_backup_shown_once_each"
            ),
            models.UniqueConstraint(
                fields=["press", "step"], condition=Q(kind="NO_CONSOLE"), name="dispatch_backup_no_console_once"
            ),
        ]
        indexes = [models.Index(fields=["press", "id"], name="dispatch_backup_event_by_press")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.press}"


class BackupConsoleKind(models.TextChoices):
    """
    What a console is there for. A SYNTHETIC one belongs to the self-test and rings nobody.
    """

    DESK = "DESK"
    SUPERVISOR = "SUPERVISOR"
    POLICE = "POLICE"
    SYNTHETIC = "SYNTHETIC"


class BackupConsole(models.Model):
    """
    An open page that shows requests for backup: when it was last heard of, and what it had on the screen then.

    Written by every console each second, so without foreign keys and not logged: after a crash of Postgres each writes
    itself again within a second.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    agency_id = models.BigIntegerField()
    person_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=BackupConsoleKind)
    # Of a police dispatcher: the service areas of their sectors; empty for all.
    areas = ArrayField(models.BigIntegerField(), default=list)
    seen_at = models.DateTimeField(db_default=Now())
    shown = ArrayField(models.UUIDField(), default=list)

    class Meta:
        indexes = [models.Index(fields=["agency_id", "seen_at"], name="dispatch_backup_console_online")]

    def __str__(self) -> str:
        return self.label


class Backup(models.Model):
    """
    A press as everybody else's screens hold it: linked to its unit and its call, with what has happened up to an event.
    """

    press = models.UUIDField(unique=True)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="backups")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="backups")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, null=True, related_name="backups")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    origin = models.CharField(max_length=20, choices=BackupOrigin)
    level = models.CharField(max_length=20, choices=BackupLevel)
    service = models.CharField(max_length=10, choices=BackupService)
    silent = models.BooleanField()
    drill = models.BooleanField()
    pressed_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    # Every CARE unit on duty is told from here on.
    spread_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=100, blank=True)
    police_unit = models.CharField(max_length=20, blank=True)
    police_sent_at = models.DateTimeField(null=True)
    police_due_at = models.DateTimeField(null=True)
    police_arrived_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_as = models.CharField(max_length=30, blank=True)
    # Every other unit in service at ``spread_at``.
    spread_to = ArrayField(models.BigIntegerField(), default=list)
    # How many events this row has taken in. A count, because ids do not follow commits.
    events = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["agency"], condition=Q(closed_at__isnull=True), name="dispatch_backup_open"),
            models.Index(fields=["call"], name="dispatch_backup_by_call"),
        ]

    def __str__(self) -> str:
        return f"backup {self.press}"


class BackupHook(models.Model):
    """
    An address outside that is told of requests for backup: a city's paging, SMS or voice gateway.

    ``secret`` signs what is sent (HMAC-SHA256), so that the gateway can tell it from anybody else's.
    """

    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="backup_hooks")
    name = models.CharField(max_length=60)
    url = models.URLField(max_length=300)
    secret = models.CharField(max_length=100)
    drills = models.BooleanField(default=False, help_text="Whether drills are sent, too.")
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class PushSubscription(models.Model):
    """
    A browser that asked to be woken (RFC 8030): at the desk, on a tablet, or on an officer's phone.

    It is a person's or a tablet's. It is woken while that person may be, and while that tablet is not revoked; of a silent
    request the unit's own tablets are not.
    """

    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    tablet_id = models.BigIntegerField(null=True)
    endpoint = models.URLField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=200)
    auth = models.CharField(max_length=100)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False, tablet_id__isnull=True)
                | Q(person__isnull=True, tablet_id__isnull=False),
                name="dispatch_push_of_a_person_or_a_tablet",
            ),
        ]

    def __str__(self) -> str:
        return f"push to {f'person {self.person_id}' if self.tablet_id is None else f'tablet {self.tablet_id}'}"


class BackupSending(models.Model):
    """
    Something to be sent outside for one step of one press: a row is the promise, and any process may keep it.
    """

    press = models.UUIDField()
    step = models.PositiveIntegerField()
    hook = models.ForeignKey(BackupHook, on_delete=models.CASCADE, null=True, related_name="+")
    push = models.ForeignKey(PushSubscription, on_delete=models.CASCADE, null=True, related_name="+")
    made_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["press", "step", "hook", "push"],
                nulls_distinct=False,
                name="dispatch_backup_sending_once",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(done_at__isnull=True), name="dispatch_backup_sending_due"),
        ]

    def __str__(self) -> str:
        return f"step {self.step} of {self.press}"


class BackupSelfTest(models.Model):
    """
    One test that the path made of itself, from a synthetic tablet to a synthetic console.
    """

    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(null=True, help_text="Empty when it never arrived.")
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        # ``at`` is the beginning of a period: of several processes one makes the test of it.
        constraints = [models.UniqueConstraint(fields=["agency", "at"], name="dispatch_backup_self_test_once")]

    def __str__(self) -> str:
        return f"self-test of {self.at:%H:%M}"
