"""
Who can respond: agencies, service areas, units, people, shifts.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import ClassVar, NewType
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.gis.db.models import MultiPolygonField, PointField
from django.contrib.gis.geos import Point
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeBoundary, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower, Now
from django.utils.crypto import salted_hmac

from journal.locks import lock_row
from responders import refusals


def check_zone(name: str) -> None:
    """
    Raise ValidationError unless ``name`` is a time zone of the IANA database.
    """
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone; write it like America/Los_Angeles.")


class Agency(models.Model):
    """
    A city's programme, and the limits it has set. Seconds unless the name says otherwise.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=60, default="America/Los_Angeles", validators=[check_zone])

    # Without a CAD the desk is the system of record, and nothing waits for confirmation.
    has_cad = models.BooleanField(default=True)
    cad_silent_s = models.PositiveIntegerField(default=60)
    poach_feed_age_s = models.PositiveIntegerField(default=30)
    poach_confirm_s = models.PositiveIntegerField(default=20)
    # 1 is the most urgent. A call of a smaller number than this is never poached.
    poach_priority = models.PositiveSmallIntegerField(default=3)
    deliver_s = models.PositiveIntegerField(default=5)
    acknowledge_s = models.PositiveIntegerField(default=30)
    reassign_s = models.PositiveIntegerField(default=90)
    stop_s = models.PositiveIntegerField(default=15)
    # How old a take may be when it reaches us: one that waited longer without signal is refused, and asked anew.
    poach_life_s = models.PositiveIntegerField(default=30)
    self_dispatch_life_s = models.PositiveIntegerField(default=120)
    # How long a crew on scene may be silent: first, then each time; and on a risky call. Missed, the desk is alarmed
    # `welfare_answer_s` later; unanswered by radio too, backup is asked for `welfare_check_s` after that.
    welfare_first_s = models.PositiveIntegerField(default=600)
    welfare_next_s = models.PositiveIntegerField(default=900)
    welfare_risky_first_s = models.PositiveIntegerField(default=300)
    welfare_risky_next_s = models.PositiveIntegerField(default=600)
    welfare_answer_s = models.PositiveIntegerField(default=60)
    welfare_check_s = models.PositiveIntegerField(default=60)
    # How long police or EMS may take to come to a tandem before desk and crew are told.
    tandem_wait_s = models.PositiveIntegerField(default=600)
    # How near a pending call must be to be offered as the same as an on-view encounter.
    join_nearby_m = models.PositiveIntegerField(default=150)
    far_from_call_m = models.PositiveIntegerField(default=400)
    # How late a unit may be before the officer who waits for it is told.
    referral_late_s = models.PositiveIntegerField(default=300)
    crew_minimum = models.PositiveSmallIntegerField(default=2)
    premise_nearby_m = models.PositiveIntegerField(default=25)
    track_kept_days = models.PositiveIntegerField(default=30)
    notify_units_of_eligible = models.BooleanField(default=True)
    tell_busy_units_of_queue = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "agencies"

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """
        Return the zone of the agency's wall clocks and calendar days.
        """
        return ZoneInfo(self.timezone)


class ServiceAreaQuerySet(models.QuerySet["ServiceArea"]):
    """
    Service areas, by day and by place.
    """

    def valid_on(self, day: date) -> "ServiceAreaQuerySet":
        """
        Return the areas whose dates include this day of the agency's calendar.
        """
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day), valid_from__lte=day)

    def around(self, point: Point) -> "ServiceAreaQuerySet":
        """
        Return the areas that a point lies in or on the edge of, the smallest first: of two that overlap it is the one
        that somebody drew for this place.
        """
        size = Func(F("polygon"), function="ST_Area", output_field=models.FloatField())
        return self.filter(polygon__covers=point).order_by(size, "pk")


class Days(Func):
    """
    The days that a row is valid, as Postgres compares them.
    """

    function = "DATERANGE"
    output_field = DateRangeField()


class ServiceArea(models.Model):
    """
    Where an agency's units go, for as long as its dates say. A gap in the dates is a gap in the service.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="areas")
    name = models.CharField(max_length=100)
    polygon = MultiPolygonField(srid=4326)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text="The last day, included; empty while it lasts.")

    objects = ServiceAreaQuerySet.as_manager()

    class Meta:
        constraints = [
            # Different areas may overlap in space and time; two versions of one area may not, or a call between them
            # would belong to either.
            ExclusionConstraint(
                name="responders_area_one_version_a_day",
                expressions=[
                    ("agency", RangeOperators.EQUAL),
                    ("name", RangeOperators.EQUAL),
                    (
                        Days("valid_from", "valid_to", RangeBoundary(inclusive_lower=True, inclusive_upper=True)),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="responders_area_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Weekday(models.IntegerChoices):
    """
    Days as ``date.weekday()`` counts them.
    """

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class OpeningHours(models.Model):
    """
    When a service area is open on a weekday, in the agency's zone. ``closes`` ≤ ``opens`` runs past midnight.

    Where the dates of several rows of one weekday overlap, those that began last hold: new hours replace the old ones
    from their first day, hours of a single holiday come before the usual ones, and two rows that begin on the same day
    are a day with a break. A weekday without a valid row is closed.
    """

    area = models.ForeignKey(ServiceArea, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = models.TimeField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text="The last day, included; empty while they last.")

    class Meta:
        verbose_name_plural = "opening hours"
        constraints = [
            models.UniqueConstraint(
                fields=["area", "weekday", "valid_from", "opens"], name="responders_hours_one_per_opening"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="responders_hours_end_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.opens:%H:%M}-{self.closes:%H:%M}"


class PersonManager(BaseUserManager["Person"]):
    """
    Makes people; ``email`` is what they sign in with.
    """

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "Person":
        """
        Save a person whose password is hashed, or unusable when none is given.
        """
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """
    Somebody who signs in: a responder, dispatcher, officer, coordinator, supervisor or administrator.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="people")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    badge = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=True)
    # Raised when access is withdrawn or changed (by trigger for password, roles and is_active): every session, ticket
    # and socket that began before it is dead.
    access_epoch = models.PositiveIntegerField(default=0, editable=False)
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects = PersonManager()

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(Lower("email"), name="responders_person_one_per_email")]

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        # Django compares this on every request: a session of an older epoch is nobody's.
        return salted_hmac(
            "responders.models.Person.session",
            f"{self.password}|{self.access_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def is_staff(self) -> bool:
        """
        Tell whether the admin site lets this person in.
        """
        return self.is_active and self.roles.filter(name=RoleName.ADMIN).exists()

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """
        Tell whether the admin site lets this person do something: administrators all, others nothing.
        """
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """
        Tell whether the admin site shows this person an app.
        """
        return self.is_staff


class SignInGuard(models.Model):
    """
    The failed sign-ins of one account, which need not exist: see responders/sign_in.py.
    """

    key = models.BinaryField(max_length=32, primary_key=True)
    attempts = ArrayField(models.DateTimeField())
    locked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{len(self.attempts)} attempts"


class RoleName(models.TextChoices):
    """
    What somebody may be for an agency. EMBEDDED is a professional who sits at the 911 desk, POLICE_DISPATCHER sends police.
    """

    RESPONDER = "RESPONDER"
    DISPATCHER = "DISPATCHER"
    EMBEDDED = "EMBEDDED"
    POLICE_DISPATCHER = "POLICE_DISPATCHER"
    OFFICER = "OFFICER"
    COORDINATOR = "COORDINATOR"
    SUPERVISOR = "SUPERVISOR"
    ADMIN = "ADMIN"


class Role(models.Model):
    """
    One role of one person.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=20, choices=RoleName)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="responders_role_once")]

    def __str__(self) -> str:
        return self.name


class Capability(models.TextChoices):
    """
    What a unit's crew can do. POLICE or EMS beside BEHAVIORAL_HEALTH makes a co-responder unit: the partner rides along.
    """

    BEHAVIORAL_HEALTH = "BEHAVIORAL_HEALTH"
    MEDIATION = "MEDIATION"
    PEER = "PEER"
    MEDICAL = "MEDICAL"
    POLICE = "POLICE"
    EMS = "EMS"


class Duty(models.TextChoices):
    """
    What a crew says of itself. Whether it is on a call is derived from its assignments, never kept here.
    """

    AVAILABLE = "AVAILABLE"
    MEAL = "MEAL"
    REPORT = "REPORT"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


class UnitQuerySet(models.QuerySet["Unit"]):
    """
    Units, and the way to hold one.
    """

    def lock(self, unit_id: int) -> "LockedUnit":
        """
        Return the unit with its row locked until the transaction ends.

        :raises UnitNotFound: there is no such unit.
        """
        unit = lock_row(Unit, by="pk", value=unit_id)
        if unit is None:
            raise refusals.UnitNotFound(unit=unit_id)
        return LockedUnit(unit)

    def lock_many(self, unit_ids: Iterable[int]) -> "dict[int, LockedUnit]":
        """
        Return several units by id, locked in the order of their ids, so that nobody waits in a circle.

        :raises UnitNotFound: one of them does not exist.
        """
        wanted = sorted(set(unit_ids))
        rows = self.select_for_update(no_key=True, of=("self",)).filter(pk__in=wanted).order_by("pk")
        locked = {unit.pk: LockedUnit(unit) for unit in rows}
        for unit_id in wanted:
            if unit_id not in locked:
                raise refusals.UnitNotFound(unit=unit_id)
        return locked

    def in_service(self) -> "UnitQuerySet":
        """
        Return the units that were not retired.
        """
        return self.filter(retired_at=None)


class Unit(models.Model):
    """
    People who ride together under one call sign.

    An *outside* unit (Health One, a crisis team, a neighbouring city) has no tablet here and is only attached to a call
    by name.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="units")
    call_sign = models.CharField(max_length=20, validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9 -]*$")])
    outside = models.BooleanField(default=False)
    capabilities = ArrayField(models.CharField(max_length=30, choices=Capability), default=list, blank=True)
    areas = models.ManyToManyField(ServiceArea, related_name="units", blank=True)
    crew_minimum = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Responders on shift to be sent alone; the agency's number when empty."
    )
    duty = models.CharField(max_length=20, choices=Duty, default=Duty.AVAILABLE)
    duty_reason = models.CharField(max_length=100, blank=True)
    duty_since = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = UnitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "call_sign"], name="responders_unit_one_per_call_sign"),
            models.CheckConstraint(
                condition=~Q(duty=Duty.OUT_OF_SERVICE) | ~Q(duty_reason=""),
                name="responders_unit_out_of_service_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.call_sign


# A Unit whose row this transaction holds. Only UnitQuerySet makes one, so mypy refuses code that changes what hangs on a
# unit without the lock.
LockedUnit = NewType("LockedUnit", Unit)


class ShiftQuerySet(models.QuerySet["Shift"]):
    """
    Shifts, open and past.
    """

    def open(self) -> "ShiftQuerySet":
        """
        Return the shifts that nobody has signed off yet, however late it is.
        """
        return self.filter(ended_at=None)

    def of_unit(self, unit_id: int) -> "ShiftQuerySet":
        """
        Return the shifts on one unit.
        """
        return self.filter(unit=unit_id)

    def lasting(self, at: datetime) -> "ShiftQuerySet":
        """
        Return the shifts that were not over at an instant, and had begun.
        """
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=at), started_at__lte=at)

    def on_unit_at(self, unit_id: int, *, person_id: int | None, at: datetime) -> "ShiftQuerySet":
        """
        Return the shifts by which a person was on a unit at an instant.
        """
        return self.lasting(at).filter(person=person_id, unit=unit_id)

    def overrun(self, at: datetime) -> "ShiftQuerySet":
        """
        Return the open shifts whose planned end is before ``at``.
        """
        return self.open().filter(planned_end_at__lt=at)


class EndReason(models.TextChoices):
    """
    What became of a unit's call when a responder signed off. LAPSED: nobody signed off, and the next shift began.
    """

    NOTHING_OPEN = "NOTHING_OPEN"
    CLEARED = "CLEARED"
    HANDED_OVER = "HANDED_OVER"
    LEFT_WITH_DESK = "LEFT_WITH_DESK"
    LAPSED = "LAPSED"


class Shift(models.Model):
    """
    A person on a unit for a while. It ends when they sign off, never by the clock under an open assignment.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="shifts")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="shifts")
    started_at = models.DateTimeField()
    planned_end_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=EndReason, blank=True)

    objects = ShiftQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at__isnull=True), name="responders_shift_one_open_per_person"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="responders_shift_end_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="responders_shift_ends_after_start",
            ),
        ]
        indexes = [
            models.Index(fields=["unit"], condition=Q(ended_at__isnull=True), name="responders_shift_open_by_unit"),
            models.Index(
                fields=["planned_end_at"], condition=Q(ended_at__isnull=True), name="responders_shift_open_by_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} on {self.unit}"


class Position(models.Model):
    """
    Where a unit last was. Ephemeral: overwritten in place, no document, no entry, no receipt.
    """

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, primary_key=True, related_name="position")
    point = PointField(srid=4326, geography=True)
    accuracy_m = models.FloatField(null=True)
    heading = models.FloatField(null=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.unit_id} at {self.at:%H:%M:%S}"


class TrackPoint(models.Model):
    """
    Where a unit was, for as long as the agency keeps tracks.
    """

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="track")
    point = PointField(srid=4326, geography=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["unit", "at"], name="responders_track_by_unit")]

    def __str__(self) -> str:
        return f"{self.unit_id} at {self.at:%H:%M:%S}"
