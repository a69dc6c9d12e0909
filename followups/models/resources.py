"""
The directory of resources: what may help somebody, where and when. Public data, read from sources and never typed in here.

The tables follow Open Referral's HSDS 3 (https://docs.openreferral.org), whose ids are the sources' own. A column is what
we search, show or send; whatever else a source says of a record is in ``extra``, so that an export gives it back.
"""

from django.contrib.gis.db import models
from django.db.models import Q

from responders.models import Agency


class DirectorySource(models.Model):
    """
    Where a part of an agency's directory comes from. Its row is the lock of everything that is read from it.

    ``run`` is the import that may write now: a newer one takes it, and the older one stops.
    """

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="directory_sources")
    code = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    licence = models.CharField(max_length=200, blank=True)
    run = models.UUIDField(null=True)
    imported_at = models.DateTimeField(null=True, help_text="When an import of it last came to its end.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "code"], name="followups_directory_source_one_per_code")
        ]

    def __str__(self) -> str:
        return self.name


class FromSource(models.Model):
    """
    A record of a source, under the source's own id. ``extra`` has what no column holds, by HSDS's names.
    """

    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="+")
    their_id = models.TextField()
    extra = models.JSONField(default=dict)

    class Meta:
        abstract = True


class Lasting(FromSource):
    """
    A record that others refer to: one that is gone from its source is retired, and comes back under the same id.
    """

    retired_at = models.DateTimeField(null=True)

    class Meta(FromSource.Meta):
        abstract = True


class Organization(Lasting):
    """
    Who provides services.
    """

    name = models.TextField()
    description = models.TextField(blank=True)
    email = models.TextField(blank=True)
    website = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "their_id"], name="followups_organization_one_per_id")
        ]

    def __str__(self) -> str:
        return self.name


class ServiceStatus(models.TextChoices):
    """
    Whether a service is offered, as HSDS says it.
    """

    ACTIVE = "active"
    INACTIVE = "inactive"
    DEFUNCT = "defunct"
    TEMPORARILY_CLOSED = "temporarily closed"


class Service(Lasting):
    """
    Something that an organization does for people. Ages are in years; whom it is for is in ``eligibility`` too.

    ``as_of`` is the day for which the source vouches; of a source that says none, the day on which we first read the
    record as it is now.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="services")
    name = models.TextField()
    description = models.TextField(blank=True)
    url = models.TextField(blank=True)
    email = models.TextField(blank=True)
    status = models.CharField(max_length=20, choices=ServiceStatus, default=ServiceStatus.ACTIVE)
    eligibility = models.TextField(blank=True)
    minimum_age = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    maximum_age = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    application_process = models.TextField(blank=True)
    fees = models.TextField(blank=True)
    alert = models.TextField(blank=True)
    as_of = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "their_id"], name="followups_service_one_per_id")]

    def __str__(self) -> str:
        return self.name


class Location(Lasting):
    """
    Where something is. ``address`` is its postal address on one line; HSDS's address rows are kept as they came.
    """

    name = models.TextField(blank=True)
    description = models.TextField(blank=True)
    location_type = models.TextField(blank=True)
    address = models.TextField(blank=True)
    point = models.PointField(geography=True, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "their_id"], name="followups_location_one_per_id")]

    def __str__(self) -> str:
        return self.name or self.address


class ServiceAtLocation(Lasting):
    """
    A service where it is given: one line of the directory, and what a tablet holds of it.

    A service without a place has one without a location, which its source does not know: HSDS has none for it.
    """

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="places")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, related_name="places")
    description = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "their_id"], name="followups_service_at_location_one_per_id"),
            models.UniqueConstraint(
                fields=["service"],
                condition=Q(location__isnull=True, retired_at__isnull=True),
                name="followups_service_at_location_one_without_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_id} at {self.location_id}"


class Phone(FromSource):
    """
    A number, of whatever it belongs to; of several things at once where the source says so.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="phones")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, related_name="phones")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, null=True, related_name="phones")
    service_at_location = models.ForeignKey(
        ServiceAtLocation, on_delete=models.CASCADE, null=True, related_name="phones"
    )
    number = models.TextField()
    extension = models.TextField(blank=True)
    type = models.TextField(blank=True)
    description = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(organization__isnull=False)
                | Q(service__isnull=False)
                | Q(location__isnull=False)
                | Q(service_at_location__isnull=False),
                name="followups_phone_of_something",
            )
        ]
        indexes = [models.Index(fields=["source", "their_id"], name="followups_phone_by_id")]

    def __str__(self) -> str:
        return self.number


class Schedule(FromSource):
    """
    When something is open: one rule of RFC 5545 as HSDS writes it, in the wall time of the agency's zone.

    ``closes_at`` ≤ ``opens_at`` is on the next day; the same time twice is round the clock. A row that is not ``clear``
    says something that we do not reckon with (followups/hsds/hours.py): hours that have one are never called open by it.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, related_name="schedules")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, null=True, related_name="schedules")
    service_at_location = models.ForeignKey(
        ServiceAtLocation, on_delete=models.CASCADE, null=True, related_name="schedules"
    )
    freq = models.TextField(blank=True)
    interval = models.PositiveSmallIntegerField(null=True)
    byday = models.TextField(blank=True)
    bymonthday = models.TextField(blank=True)
    wkst = models.TextField(blank=True)
    dtstart = models.DateField(null=True)
    until = models.DateField(null=True)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)
    opens_at = models.TimeField(null=True)
    closes_at = models.TimeField(null=True)
    description = models.TextField(blank=True)
    clear = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(service__isnull=False) | Q(location__isnull=False) | Q(service_at_location__isnull=False),
                name="followups_schedule_of_something",
            ),
            models.CheckConstraint(
                condition=Q(clear=False) | Q(opens_at__isnull=False, closes_at__isnull=False),
                name="followups_schedule_clear_has_times",
            ),
        ]
        indexes = [models.Index(fields=["source", "their_id"], name="followups_schedule_by_id")]

    def __str__(self) -> str:
        return f"{self.byday} {self.opens_at}-{self.closes_at}"


class Language(FromSource):
    """
    A language that a service or a place speaks: BCP 47 in ``code`` where the source has one, else its name only.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, related_name="languages")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, null=True, related_name="languages")
    code = models.TextField(blank=True)
    name = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(service__isnull=False) | Q(location__isnull=False),
                name="followups_language_of_something",
            )
        ]
        indexes = [models.Index(fields=["source", "their_id"], name="followups_language_by_id")]

    def __str__(self) -> str:
        return self.name or self.code


class ServiceNeed(models.Model):
    """
    A need that a service meets: our code, found from the source's taxonomies (followups/data/needs.json).
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="needs")
    need = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "need"], name="followups_service_need_once")]

    def __str__(self) -> str:
        return self.need


class DirectoryRecord(models.Model):
    """
    Any other record of a source, as HSDS's tables have it: kept whole, given back by an export, shown nowhere.

    ``table`` is HSDS's name of it. A record that is about any kind of thing (an attribute, a change that was made) names
    it in ``parent_table`` and ``parent_id``.
    """

    source = models.ForeignKey(DirectorySource, on_delete=models.PROTECT, related_name="+")
    table = models.CharField(max_length=40)
    their_id = models.TextField()
    parent_table = models.CharField(max_length=40, blank=True)
    parent_id = models.TextField(blank=True)
    body = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["source", "table"], name="followups_directory_record_by")]

    def __str__(self) -> str:
        return f"{self.table} {self.their_id}"
