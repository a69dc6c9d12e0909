"""
The people met: unknown, described or named, how to reach them safely, and what helps.

``Client`` is the subject of everything that is known of one person: its row is the lock, and every table that says
something about somebody marks it.
"""

from typing import NewType

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from dispatch.models import Call
from followups.fields import SealedJSON, SealedText
from followups.models.sealed_row import SealedRow
from followups.refusals.clients import ClientNotFound
from journal.locks import lock_row
from responders.models import Agency, Person, Unit


class KnownAs(models.TextChoices):
    """
    How well somebody is known: not at all, by their looks, or by name.
    """

    UNKNOWN = "UNKNOWN"
    DESCRIBED = "DESCRIBED"
    NAMED = "NAMED"


LockedClient = NewType("LockedClient", "Client")


class ClientQuerySet(models.QuerySet["Client"]):
    """
    People met; ``standing`` are those that were not merged into another.
    """

    def standing(self) -> "ClientQuerySet":
        """
        Return the people that were not merged into another.
        """
        return self.filter(merged_into=None)

    def lock(self, client_id: int) -> LockedClient:
        """
        Lock one person's row until the commit, after calls and units and before streams.

        :raises ClientNotFound: there is none.
        """
        client = lock_row(Client, by="pk", value=client_id)
        if client is None:
            raise ClientNotFound
        return LockedClient(client)


class Client(SealedRow):
    """
    Somebody whom a crew met. Names are in ``ClientName``, ways to reach them in ``ContactWay``.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="clients")
    known_as = models.CharField(max_length=10, choices=KnownAs, default=KnownAs.UNKNOWN)
    looks = SealedText(blank=True, help_text="What somebody looks like, where the name is not known.")
    born_on = SealedText(blank=True, help_text="ISO 8601 date; a year alone, or year and month, where that is all.")
    born_on_index = models.BinaryField(max_length=32, null=True)
    language = models.CharField(max_length=35, blank=True, help_text="BCP 47.")
    interpreter = models.BooleanField(default=False)
    pronouns = models.CharField(max_length=30, blank=True)
    # What 42 CFR Part 2 covers: codes of choices with ``substance_use``; the whole record carries the label then.
    # They alone say so: a column beside the names that said it of somebody would be readable in a dump.
    substance_use = SealedJSON(default=list)
    # The person's own visiting hours, in local time; the programme's where they are missing.
    visits_from = models.TimeField(null=True)
    visits_until = models.TimeField(null=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=100)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="absorbed")
    familiar_at = models.DateTimeField(null=True, help_text="Since when this is a familiar face; seen by a sweep.")
    # One says it, a second one confirms it: then everything stops.
    deceased_said_at = models.DateTimeField(null=True)
    deceased_said_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    deceased_at = models.DateTimeField(null=True)
    deceased_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ClientQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="followups_client_not_into_itself"),
            models.CheckConstraint(
                condition=Q(deceased_at__isnull=True)
                | (Q(deceased_said_at__isnull=False) & ~Q(deceased_by=F("deceased_said_by"))),
                name="followups_client_deceased_by_two",
            ),
        ]
        indexes = [
            models.Index(fields=["agency", "born_on_index"], name="followups_client_by_born_on"),
            models.Index(fields=["merged_into"], name="followups_client_by_merged"),
        ]

    def __str__(self) -> str:
        return f"client {self.pk}"

    @property
    def part2(self) -> bool:
        """
        Tell whether the record carries the label of 42 CFR Part 2.
        """
        return bool(self.substance_use)


class ClientName(models.Model):
    """
    A name or alias. In the clear, because suggestions compare trigrams and sounds in Postgres (docs/adr/0018).
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="names")
    text = models.CharField(max_length=200)
    primary = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"], condition=Q(primary=True), name="followups_client_name_one_primary"
            ),
        ]
        indexes = [
            GinIndex(fields=["text"], opclasses=["gin_trgm_ops"], name="followups_client_name_trigram"),
            models.Index(Func(F("text"), function="dmetaphone"), name="followups_client_name_sound"),
        ]

    def __str__(self) -> str:
        return f"name of client {self.client_id}"


class WayKind(models.TextChoices):
    """
    How somebody can be reached.
    """

    PHONE = "PHONE"
    EMAIL = "EMAIL"
    ADDRESS = "ADDRESS"
    SHELTER = "SHELTER"
    PLACE = "PLACE"
    PROVIDER = "PROVIDER"


class MaySay(models.TextChoices):
    """
    What may be said to whoever answers. At a shelter the reason is never disclosed, whatever is kept here.
    """

    NOTHING = "NOTHING"
    FIRST_NAME = "FIRST_NAME"
    TEAM = "TEAM"
    REASON = "REASON"


class ContactWay(SealedRow):
    """
    One way to reach somebody, and its safe-contact rules: where, when, and what may be said.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="ways")
    kind = models.CharField(max_length=10, choices=WayKind)
    value = SealedText(help_text="A number, an address, or where somebody usually is.")
    value_index = models.BinaryField(max_length=32, null=True, help_text="Of a phone number: for exact search.")
    point = PointField(srid=4326, geography=True, null=True)
    may_say = models.CharField(max_length=10, choices=MaySay, default=MaySay.NOTHING)
    leave_message = models.BooleanField(default=False)
    hours_from = models.TimeField(null=True)
    hours_until = models.TimeField(null=True)
    note = SealedText(blank=True)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=100)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="SHELTER", may_say="REASON"), name="followups_way_shelter_never_told_why"
            ),
        ]
        indexes = [
            models.Index(fields=["client"], name="followups_way_by_client"),
            models.Index(fields=["value_index"], name="followups_way_by_value"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of client {self.client_id}"


class StrategyKind(models.TextChoices):
    """
    What helps, what to avoid, how somebody usually is, and how one sees that it gets worse.
    """

    HELPS = "HELPS"
    AVOID = "AVOID"
    BASELINE = "BASELINE"
    ELEVATED = "ELEVATED"


class Strategy(SealedRow):
    """
    One thing to know before one meets somebody, in the order in which to try.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="strategies")
    kind = models.CharField(max_length=10, choices=StrategyKind)
    position = models.PositiveSmallIntegerField(default=0)
    text = SealedText()
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=100)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["client"], name="followups_strategy_by_client")]

    def __str__(self) -> str:
        return f"{self.kind} of client {self.client_id}"


class ClientCaution(SealedRow):
    """
    What a crew should expect: behaviour, its date and when it expires; never a diagnosis, never history.

    ``text`` is what dispatch is told too (``caution_id`` is the caution there).
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="cautions")
    text = SealedText()
    seen_on = models.DateField()
    expires_at = models.DateTimeField()
    caution_id = models.BigIntegerField(null=True)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=100)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["client"], name="followups_caution_by_client")]

    def __str__(self) -> str:
        return f"caution of client {self.client_id}"


class CarePlan(SealedRow):
    """
    A plan for meeting somebody, in force once a second person approved it, until its review date.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="care_plans")
    text = SealedText()
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    approver = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    review_on = models.DateField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")), name="followups_care_plan_by_two"
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True, approved_at__isnull=True)
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="followups_care_plan_approval_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["client"], name="followups_care_plan_by_client")]

    def __str__(self) -> str:
        return f"care plan of client {self.client_id}"


class Route(models.TextChoices):
    """
    How it is known that somebody is at a call.
    """

    PHONE = "PHONE"
    MET = "MET"
    DESK = "DESK"
    VISIT = "VISIT"
    REFERRAL = "REFERRAL"


class Contact(models.Model):
    """
    Somebody at a call, by any route. It lets the crews that hold the call read the record, shows them the open plan, and
    tells the coordinator of a new contact.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="contacts")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="+")
    route = models.CharField(max_length=10, choices=Route)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    seen_at = models.DateTimeField(null=True, help_text="When a coordinator took notice.")
    ended_at = models.DateTimeField(null=True, help_text="It was somebody else.")
    # A coordinator said so, and not the crew whose report left them out: no report makes it again, however late it comes.
    unlinked = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(unlinked=False) | Q(ended_at__isnull=False), name="followups_contact_unlinked_has_ended"
            ),
            models.UniqueConstraint(
                fields=["client", "call"], condition=Q(ended_at__isnull=True), name="followups_contact_once"
            ),
        ]
        indexes = [
            models.Index(fields=["call"], name="followups_contact_by_call"),
            # Who was met often lately: the sweep's cost follows the days it looks at, not the years.
            models.Index(fields=["at"], condition=Q(ended_at__isnull=True), name="followups_contact_by_time"),
        ]

    def __str__(self) -> str:
        return f"client {self.client_id} at call {self.call_id}"


class BreakGlass(SealedRow):
    """
    Somebody opened a record that they may not read, for a reason, for hours (72 at most, AC-2(2)), loudly.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="break_glass")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = SealedText()
    at = models.DateTimeField()
    ends_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, help_text="When a supervisor took notice.")
    seen_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    ends_at__gt=F("at"), ends_at__lte=F("at") + models.Value("72 hours", models.DurationField())
                ),
                name="followups_break_glass_ends",
            )
        ]
        indexes = [models.Index(fields=["client", "person"], name="followups_break_glass_by_who")]

    def __str__(self) -> str:
        return f"break-glass {self.pk}"


class Shown(models.Model):
    """
    Somebody's record began to stand on a unit's tablets. A trigger writes it with the document (0004_shown.py), so that no
    such reading can go without; a sweep makes an entry of it.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())
    entered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(entered_at__isnull=True), name="followups_shown_to_enter"),
            models.Index(fields=["client"], name="followups_shown_by_client"),
        ]

    def __str__(self) -> str:
        return f"client {self.client_id} on unit {self.unit_id}"


class Merge(SealedRow):
    """
    Two records said to be one person's: what was moved, so that it can be taken back whole.

    ``moved`` holds, by table, the ids of the rows that went from the absorbed record to the kept one, and what each was before
    (followups/actions/merges.py).
    """

    kept = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="merges")
    absorbed = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="merged")
    moved = SealedJSON()
    merged_at = models.DateTimeField()
    merged_by = models.CharField(max_length=100)
    unmerged_at = models.DateTimeField(null=True)
    unmerged_by = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=Q(unmerged_at__isnull=True), name="followups_merge_once"
            )
        ]

    def __str__(self) -> str:
        return f"client {self.absorbed_id} into {self.kept_id}"
