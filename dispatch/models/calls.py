"""
Calls as CAD numbers them, and what hangs on them: answers, notes, cautions, attachments.
"""

from typing import NewType

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from dispatch import refusals
from journal.locks import lock_row
from responders.models import Agency, Person, ServiceArea
from tablets.models import Attachment


class Color(models.TextChoices):
    """
    Who goes to a type of call by default: GREEN is CARE's, YELLOW police's with CARE at discretion, RED police's only.
    """

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"


class CallType(models.Model):
    """
    A type of call as an agency's CAD names it, and its color there.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="call_types")
    code = models.CharField(max_length=100)
    label = models.CharField(max_length=100)
    color = models.CharField(max_length=10, choices=Color)
    retired = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agency", "code"], name="dispatch_call_type_one_per_code")]

    def __str__(self) -> str:
        return self.label


class Queue(models.TextChoices):
    """
    Whom a call waits for.
    """

    CARE = "CARE"
    POLICE = "POLICE"


class Response(models.TextChoices):
    """
    Who should go. Whether CARE is available is another field.
    """

    CARE = "CARE"
    POLICE = "POLICE"
    EMS = "EMS"
    CARE_POLICE = "CARE+POLICE"
    CARE_EMS = "CARE+EMS"


class Source(models.TextChoices):
    """
    Where a call came from.
    """

    EMERGENCY = "911"
    NON_EMERGENCY = "NON_EMERGENCY"
    DIRECT_LINE = "DIRECT_LINE"
    CRISIS_LINE = "988"
    WEB = "311_WEB"
    HOTLINE = "HOTLINE"
    OFFICER = "OFFICER"
    PROVIDER = "PROVIDER"
    ON_VIEW = "ON_VIEW"
    SECOND_RESPONSE = "SECOND_RESPONSE"


class PlaceKind(models.TextChoices):
    """
    What kind of place a call is at.
    """

    PUBLIC = "PUBLIC"
    RESIDENCE = "RESIDENCE"
    BUSINESS = "BUSINESS"
    ENCAMPMENT = "ENCAMPMENT"
    VEHICLE = "VEHICLE"
    UNKNOWN = "UNKNOWN"


class CallerWish(models.TextChoices):
    """
    Whether the caller wants police. NO_POLICE is asked twice before it is CONFIRMED.
    """

    NOT_SAID = "NOT_SAID"
    NO_POLICE = "NO_POLICE"
    NO_POLICE_CONFIRMED = "NO_POLICE_CONFIRMED"
    WANTS_POLICE = "WANTS_POLICE"


class Marker(models.TextChoices):
    """
    What is known of the people at a call, beside the four disqualifiers, that a policy may keep CARE from meeting alone.
    """

    DRUG_USE = "DRUG_USE"
    CONFRONTATIONAL = "CONFRONTATIONAL"


class CallStatus(models.TextChoices):
    """
    PENDING waits in its queue, ASSIGNED is held by at least one unit.
    """

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Disposition(models.TextChoices):
    """
    How a call ended, operationally: after APCO's common disposition codes. All that CAD and officers ever get.
    """

    HANDLED = "HANDLED"
    NO_ACTION_NEEDED = "NO_ACTION_NEEDED"
    UNABLE_TO_LOCATE = "UNABLE_TO_LOCATE"
    GONE_ON_ARRIVAL = "GONE_ON_ARRIVAL"
    DECLINED = "DECLINED"
    TRANSPORT_GIVEN = "TRANSPORT_GIVEN"
    REFERRED_TO_PARTNER = "REFERRED_TO_PARTNER"
    POLICE_TOOK_OVER = "POLICE_TOOK_OVER"
    EMS_TOOK_OVER = "EMS_TOOK_OVER"
    DUPLICATE = "DUPLICATE"
    CANCELLED = "CANCELLED"


class CallQuerySet(models.QuerySet["Call"]):
    """
    Calls, and the way to hold one.
    """

    def lock(self, call_id: int) -> "LockedCall":
        """
        Return the call with its row locked until the transaction ends.

        Nothing is joined: a join is compared with what was read before the wait, and a call whose type had changed
        meanwhile would be missing.

        :raises CallNotFound: there is no such call.
        """
        call = lock_row(Call, by="pk", value=call_id)
        if call is None:
            raise refusals.CallNotFound(call=call_id)
        return LockedCall(call)

    def lock_of(self, assignment_id: int) -> "LockedCall":
        """
        Return the call that an assignment is of, locked. An assignment never changes its call, so this join may stay.

        :raises AssignmentNotFound: there is no such assignment.
        """
        call = lock_row(Call, by="assignments", value=assignment_id)
        if call is None:
            raise refusals.AssignmentNotFound(assignment=assignment_id)
        return LockedCall(call)

    def open(self) -> "CallQuerySet":
        """
        Return the calls that wait or are held.
        """
        return self.filter(status__in=(CallStatus.PENDING, CallStatus.ASSIGNED))


class Call(models.Model):
    """
    One 911 call as CAD numbers it, and our response to it.

    CAD owns number, type, priority, address and police units; CARE owns its own times, takes and care. The row is the
    lock of everything that hangs on it: answers, notes, decisions, assignments, alarms.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="calls")
    number = models.CharField(max_length=40)
    # Ours, where CAD gave the call its number later: of an on-view encounter.
    own_number = models.CharField(max_length=40, blank=True)
    # Made by the tablet with an on-view encounter: what the crew tells of it before it has heard of us names it so.
    on_view_key = models.UUIDField(null=True, unique=True)
    source = models.CharField(max_length=20, choices=Source)
    type = models.ForeignKey(CallType, on_delete=models.PROTECT, related_name="calls")
    # 1 is the most urgent, 9 the least.
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, choices=CallStatus, default=CallStatus.PENDING)
    queue = models.CharField(max_length=10, choices=Queue)
    response = models.CharField(max_length=20, choices=Response)
    care_available = models.BooleanField(default=False)
    # Codes of dispatch/reasons.py: why the response is what it is, in the order in which they were found.
    reasons = ArrayField(models.CharField(max_length=60), default=list)

    address = models.CharField(max_length=200)
    # The address as it is compared: upper case, single spaces, no punctuation.
    address_key = models.CharField(max_length=200)
    point = PointField(srid=4326, geography=True, null=True)
    area = models.ForeignKey(ServiceArea, on_delete=models.PROTECT, null=True, related_name="calls")
    place_kind = models.CharField(max_length=20, choices=PlaceKind, default=PlaceKind.UNKNOWN)
    # What somebody said is there; what is not listed is not known to be absent.
    markers = ArrayField(models.CharField(max_length=20, choices=Marker), default=list)

    caller_phone = models.CharField(max_length=30, blank=True)
    caller_wish = models.CharField(max_length=20, choices=CallerWish, default=CallerWish.NOT_SAID)
    language = models.CharField(max_length=35, blank=True, help_text="BCP 47; empty when it is English or not asked.")
    interpreter = models.BooleanField(default=False)
    sign_language = models.BooleanField(default=False)
    narrative = models.TextField(blank=True, help_text="CAD's words, verbatim.")

    received_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=30, choices=Disposition, blank=True)

    cad_revision = models.PositiveIntegerField(null=True)
    cad_at = models.DateTimeField(null=True, help_text="When CAD last changed this call, by its own clock.")
    cad_closed_at = models.DateTimeField(null=True)
    police_units = ArrayField(models.CharField(max_length=20), default=list)
    police_assigned_at = models.DateTimeField(null=True)

    # The desk offers a police call to CARE's units.
    offered_at = models.DateTimeField(null=True)
    # The call that this one turned out to be; somebody decided it.
    joined_to = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="joined")
    # Copies taken at a stated moment: what they are copied from is not under this row's lock.
    cautions = models.JSONField(default=list)
    cautions_as_of = models.DateTimeField(null=True)
    premise = models.JSONField(null=True)
    premise_as_of = models.DateTimeField(null=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "number"], name="dispatch_call_one_per_number"),
            models.UniqueConstraint(
                fields=["agency", "own_number"], condition=~Q(own_number=""), name="dispatch_call_one_per_own_number"
            ),
            models.CheckConstraint(condition=Q(priority__range=(1, 9)), name="dispatch_call_priority_1_to_9"),
            models.CheckConstraint(
                condition=Q(status__in=["CLOSED", "CANCELLED"], closed_at__isnull=False)
                | Q(status__in=["PENDING", "ASSIGNED"], closed_at__isnull=True),
                name="dispatch_call_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["agency", "queue", "received_at"],
                condition=Q(status__in=["PENDING", "ASSIGNED"]),
                name="dispatch_call_open",
            ),
            models.Index(fields=["agency", "address_key", "-received_at"], name="dispatch_call_by_address"),
            models.Index(fields=["agency", "-received_at"], name="dispatch_call_by_time"),
        ]

    def __str__(self) -> str:
        return self.number


# A Call whose row this transaction holds. Only CallQuerySet.lock() and the sweep make one, so mypy refuses code that
# changes a call, or what hangs on it, without the lock.
LockedCall = NewType("LockedCall", Call)


class Disqualifier(models.TextChoices):
    """
    What rules CARE alone out.
    """

    WEAPON = "WEAPON"
    VIOLENCE = "VIOLENCE"
    MEDICAL = "MEDICAL"
    POLICE_ONLY = "POLICE_ONLY"


class AnswerValue(models.TextChoices):
    """
    What was answered about a disqualifier. UNKNOWN and NOT_ASKED never count as NO.
    """

    YES = "YES"
    NOT_RELEVANT = "NOT_RELEVANT"
    NO = "NO"
    UNKNOWN = "UNKNOWN"
    NOT_ASKED = "NOT_ASKED"


class Answer(models.Model):
    """
    One answer about one disqualifier of one call; the newest one holds, the older ones stay.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="answers")
    disqualifier = models.CharField(max_length=20, choices=Disqualifier)
    value = models.CharField(max_length=20, choices=AnswerValue)
    by = models.CharField(max_length=100)
    at = models.DateTimeField()
    called_back = models.BooleanField(default=False, help_text="A crew settled it by calling the caller back.")

    class Meta:
        indexes = [models.Index(fields=["call", "disqualifier", "-id"], name="dispatch_answer_newest")]

    def __str__(self) -> str:
        return f"{self.disqualifier} {self.value}"


class Note(models.Model):
    """
    Something said about a call; appended, never changed.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    by = models.CharField(max_length=100)
    origin = models.CharField(max_length=10, choices=[("CAD", "CAD"), ("DESK", "Desk"), ("UNIT", "Unit")])
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"note on {self.call_id}"


class Caution(models.Model):
    """
    A behaviour to know of at an address or a phone number, with the day it ends. Never a diagnosis or a history.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="cautions")
    address_key = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    text = models.CharField(max_length=200)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(~Q(address_key="") & Q(phone="")) | (Q(address_key="") & ~Q(phone="")),
                name="dispatch_caution_address_or_phone",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="dispatch_caution_ends_later"),
        ]
        indexes = [
            models.Index(fields=["agency", "address_key"], name="dispatch_caution_by_address"),
            models.Index(fields=["agency", "phone"], name="dispatch_caution_by_phone"),
        ]

    def __str__(self) -> str:
        return self.text


class Purpose(models.TextChoices):
    """
    What was attached to a call.
    """

    PHOTO = "PHOTO"
    SIGNATURE = "SIGNATURE"


class CallAttachment(models.Model):
    """
    A photo or a signature that belongs to a call. The picture itself comes by another way, and mostly later.

    ``caption`` is what the crew wrote of it; like the picture it may be about somebody's health, and is in no entry.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="attachments")
    attachment = models.ForeignKey(Attachment, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=Purpose)
    caption = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call", "attachment", "purpose"], name="dispatch_attachment_once_per_call")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} on {self.call_id}"
