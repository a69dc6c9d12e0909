"""
Calls and what units do about them.

``TRANSITIONS`` is the whole state machine of an assignment; docs/call-states.md is drawn from it.
"""

from typing import NewType

from django.contrib.gis.db.models import PointField
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from dispatch import refusals
from journal.locks import lock_row
from responders.models import Agency, Person, ServiceArea, Unit
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
    # Copies taken at a stated moment: what they are copied from is not under this row's lock.
    cautions = models.JSONField(default=list)
    cautions_as_of = models.DateTimeField(null=True)
    premise = models.JSONField(null=True)
    premise_as_of = models.DateTimeField(null=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "number"], name="dispatch_call_one_per_number"),
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


class Policy(models.Model):
    """
    One dated version of an agency's dispatch policy: what goes alone, what goes with police, what CARE does not take.

    ``rules`` is checked by dispatch/policies.py, which says what each key means.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="policies")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    rules = models.JSONField()
    # In force from this instant until another one of the agency begins; empty while it is a draft.
    in_force_from = models.DateTimeField(null=True, blank=True)
    switched_on_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["agency", "name", "version"], name="dispatch_policy_one_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Decision(models.Model):
    """
    What a policy said about a call at a moment, with every reason, or how a person overruled it.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="decisions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, related_name="decisions")
    at = models.DateTimeField()
    response = models.CharField(max_length=20, choices=Response)
    care_available = models.BooleanField()
    reasons = ArrayField(models.CharField(max_length=60))
    overruled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    overrule_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(overruled_by__isnull=True, overrule_code="")
                | (Q(overruled_by__isnull=False) & ~Q(overrule_code="")),
                name="dispatch_decision_overrule_has_code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.response} for {self.call_id}"


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


class AssignmentStatus(models.TextChoices):
    """
    Where a unit is with a call.
    """

    ASSIGNED = "ASSIGNED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    EN_ROUTE = "EN_ROUTE"
    STAGED = "STAGED"
    ON_SCENE = "ON_SCENE"
    TRANSPORTING = "TRANSPORTING"
    AT_DESTINATION = "AT_DESTINATION"
    CLEARED = "CLEARED"
    HANDED_BACK = "HANDED_BACK"
    REASSIGNED = "REASSIGNED"
    CANCELLED = "CANCELLED"


_ENDED_BY_OTHERS = {AssignmentStatus.HANDED_BACK, AssignmentStatus.REASSIGNED, AssignmentStatus.CANCELLED}

# docs/call-states.md is drawn from this table; `make check` fails when it is stale.
TRANSITIONS: dict[AssignmentStatus, set[AssignmentStatus]] = {
    AssignmentStatus.ASSIGNED: {
        AssignmentStatus.ACKNOWLEDGED,
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.ACKNOWLEDGED: {
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.EN_ROUTE: {
        AssignmentStatus.STAGED,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    AssignmentStatus.STAGED: {
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.CLEARED,
        *_ENDED_BY_OTHERS,
    },
    # On scene a call is not cancelled under the crew: cancelling only tells them.
    AssignmentStatus.ON_SCENE: {
        AssignmentStatus.TRANSPORTING,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.TRANSPORTING: {
        AssignmentStatus.AT_DESTINATION,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.AT_DESTINATION: {
        AssignmentStatus.TRANSPORTING,
        AssignmentStatus.CLEARED,
        AssignmentStatus.HANDED_BACK,
        AssignmentStatus.REASSIGNED,
    },
    AssignmentStatus.CLEARED: set(),
    AssignmentStatus.HANDED_BACK: set(),
    AssignmentStatus.REASSIGNED: set(),
    AssignmentStatus.CANCELLED: set(),
}


class Origin(models.TextChoices):
    """
    How a unit came to hold a call.
    """

    DISPATCHED = "DISPATCHED"
    SELF_DISPATCHED = "SELF_DISPATCHED"
    POACHED = "POACHED"
    ON_VIEW = "ON_VIEW"
    REFERRED = "REFERRED"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """
    Assignments, current and past.
    """

    def open(self) -> "AssignmentQuerySet":
        """
        Return the assignments by which units hold calls now.
        """
        return self.filter(ended_at=None)


class Assignment(models.Model):
    """
    The time one unit holds one call.

    The primary unit answers for the call, others assist; the call closes when the last one clears.
    """

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="assignments")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="assignments")
    origin = models.CharField(max_length=20, choices=Origin)
    primary = models.BooleanField()
    status = models.CharField(max_length=20, choices=AssignmentStatus, default=AssignmentStatus.ASSIGNED)
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=100)
    # Who asked on the radio, when the desk did it for the crew; empty when the crew did it itself.
    radio_asked_by = models.CharField(max_length=100, blank=True)
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    en_route_at = models.DateTimeField(null=True)
    staged_at = models.DateTimeField(null=True)
    on_scene_at = models.DateTimeField(null=True)
    transporting_at = models.DateTimeField(null=True)
    at_destination_at = models.DateTimeField(null=True)
    destination = models.CharField(max_length=200, blank=True)
    persons = models.PositiveSmallIntegerField(null=True)
    miles_start = models.DecimalField(max_digits=8, decimal_places=1, null=True)
    miles_end = models.DecimalField(max_digits=8, decimal_places=1, null=True)
    ended_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=30, choices=Disposition, blank=True)
    end_reason = models.CharField(max_length=60, blank=True)
    # On scene, a handed-back call stays the crew's until somebody accepts it.
    hand_back_asked_at = models.DateTimeField(null=True)
    cancel_told_at = models.DateTimeField(null=True, help_text="CAD or the desk cancelled while the crew was on it.")

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit"], condition=Q(ended_at__isnull=True), name="dispatch_assignment_one_call_per_unit"
            ),
            models.UniqueConstraint(
                fields=["call"],
                condition=Q(ended_at__isnull=True, primary=True),
                name="dispatch_assignment_one_primary_per_call",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["CLEARED", "HANDED_BACK", "REASSIGNED", "CANCELLED"], ended_at__isnull=False)
                | (~Q(status__in=["CLEARED", "HANDED_BACK", "REASSIGNED", "CANCELLED"]) & Q(ended_at__isnull=True)),
                name="dispatch_assignment_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="CLEARED") | ~Q(disposition=""), name="dispatch_assignment_cleared_has_disposition"
            ),
        ]
        indexes = [models.Index(fields=["call"], name="dispatch_assignment_by_call")]

    def __str__(self) -> str:
        return f"{self.unit} on {self.call}"


class OutsideUnit(models.Model):
    """
    A unit without a tablet here that was named on a call: Health One, a crisis team, a neighbouring city.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="outside_units")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    attached_at = models.DateTimeField()
    attached_by = models.CharField(max_length=100)
    released_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.unit} beside {self.call}"


class AlarmKind(models.TextChoices):
    """
    What the desk is told of loudly.
    """

    NOT_DELIVERED = "NOT_DELIVERED"
    NOT_ACKNOWLEDGED = "NOT_ACKNOWLEDGED"
    REASSIGNABLE = "REASSIGNABLE"
    STOP_NOT_ACKNOWLEDGED = "STOP_NOT_ACKNOWLEDGED"
    POACH_NOT_CONFIRMED = "POACH_NOT_CONFIRMED"
    POACH_REJECTED = "POACH_REJECTED"
    POLICE_ASSIGNED = "POLICE_ASSIGNED"
    HANDED_BACK = "HANDED_BACK"
    CAD_CLOSED_UNDER_UNIT = "CAD_CLOSED_UNDER_UNIT"
    LEFT_WITH_DESK = "LEFT_WITH_DESK"
    # A crew is there without holding the call: another unit has it, or nobody.
    CONTESTED = "CONTESTED"
    UNASSIGNED_ON_SCENE = "UNASSIGNED_ON_SCENE"


class Alarm(models.Model):
    """
    A promise to tell the desk, made with what might go wrong and withdrawn when it goes right.

    ``due_at`` is in the desk's document, so that a console rings on time by itself; a sweep writes ``raised_at``.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="alarms")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, null=True, related_name="alarms")
    kind = models.CharField(max_length=30, choices=AlarmKind)
    due_at = models.DateTimeField()
    raised_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(raised_at__isnull=True, ended_at__isnull=True),
                name="dispatch_alarm_due",
            ),
            models.Index(fields=["call"], condition=Q(ended_at__isnull=True), name="dispatch_alarm_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.call_id}"


class Stop(models.Model):
    """
    A call became riskier than what its unit was sent to: full screen on its tablets until acknowledged.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="stops")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="stops")
    reasons = ArrayField(models.CharField(max_length=60))
    raised_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"stop for {self.assignment_id}"


class PoachState(models.TextChoices):
    """
    How far a poach is with CAD. "OURS" is said from ASKED on, "confirmed" only from CAD_CONFIRMED on.
    """

    ASKED = "ASKED"
    CAD_CONFIRMED = "CAD_CONFIRMED"
    CAD_REJECTED = "CAD_REJECTED"
    NO_CAD = "NO_CAD"


class Poach(models.Model):
    """
    A take from the police queue: why, how far CAD has followed, and its debrief.
    """

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="poach")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="poaches")
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=PoachState, default=PoachState.ASKED)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"poach of {self.call_id}"


class Debrief(models.Model):
    """
    The talk after a poach: the dispatcher's and the sergeant's comments, closed by a supervisor.
    """

    poach = models.OneToOneField(Poach, on_delete=models.PROTECT, related_name="debrief")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="debriefs")
    opened_at = models.DateTimeField()
    dispatcher_comment = models.TextField(blank=True)
    dispatcher = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    sergeant_comment = models.TextField(blank=True)
    sergeant = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    closing_comment = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="dispatch_debrief_closed_has_who",
            ),
        ]

    def __str__(self) -> str:
        return f"debrief of {self.poach_id}"


class HandOver(models.Model):
    """
    A crew asks another one to take its call over; it stays theirs until the other accepts.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="hand_overs")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="hand_overs")
    to_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=100)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(ended_at__isnull=True), name="dispatch_hand_over_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"hand-over of {self.call_id}"


class Flag(models.Model):
    """
    Something that does not fit and that a person should look at; both sides of it are kept.

    ``at`` is when we heard of it; when it happened, and what else is said of it, is in ``facts``.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="flags")
    # The unit whose doing it is about, where it is one's.
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="+")
    code = models.CharField(max_length=40)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    settling_note = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["code", "at"], condition=Q(resolved_at__isnull=True), name="dispatch_flag_open"),
        ]

    def __str__(self) -> str:
        return f"{self.code} on {self.call_id}"


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
