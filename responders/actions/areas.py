"""
Service areas and their opening hours.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from django.contrib.gis.geos import MultiPolygon
from django.db.models import Q

from journal.record import record
from responders import refusals
from responders.models import Agency, OpeningHours, ServiceArea, Weekday


def load(
    *, agency_id: int, polygons: Mapping[str, MultiPolygon], valid_from: date, by: object, at: datetime
) -> list[ServiceArea]:
    """
    Draw an agency's areas as these polygons by name, from a day on, and return them in order of their names.

    An area that exists ends the day before and the new version takes over its units and hours; one that begins on this
    very day is drawn anew. Loading the same file twice changes nothing the second time.

    :raises AreaVersionOverlaps: an area of one of these names begins later.
    """
    # Of two loads at once, the second waits here and then finds the first one's areas.
    Agency.objects.select_for_update(no_key=True).get(pk=agency_id)
    areas = [
        _draw(agency_id=agency_id, name=name, polygon=polygons[name], valid_from=valid_from)
        for name in sorted(polygons)
    ]
    record(
        "areas.loaded",
        agency_id=agency_id,
        about=f"agency.{agency_id}",
        data={"areas": [area.pk for area in areas], "valid_from": valid_from},
        by=by,
        at=at,
    )
    return areas


def set_hours(
    *,
    area_id: int,
    opens: time,
    closes: time,
    valid_from: date,
    weekdays: Iterable[int] = Weekday.values,
    by: object,
    at: datetime,
) -> list[OpeningHours]:
    """
    Open an area at these local times from a day on, instead of whatever held on these weekdays before.

    ``closes`` ≤ ``opens`` is on the next day; the same time twice is round the clock.

    :raises AreaNotFound: there is no such area.
    """
    days = sorted(set(weekdays))
    try:
        area = ServiceArea.objects.select_for_update(no_key=True, of=("self",)).get(pk=area_id)
    except ServiceArea.DoesNotExist:
        raise refusals.AreaNotFound(area=area_id) from None
    replaced = area.hours.filter(weekday__in=days)
    replaced.filter(valid_from__gte=valid_from).delete()
    replaced.filter(_lasts_until(valid_from)).update(valid_to=valid_from - timedelta(days=1))
    hours = OpeningHours.objects.bulk_create(
        OpeningHours(area=area, weekday=day, opens=opens, closes=closes, valid_from=valid_from) for day in days
    )
    record(
        "area.hours_set",
        agency_id=area.agency_id,
        about=f"area.{area.pk}",
        data={"area": area.pk, "weekdays": days, "opens": opens, "closes": closes, "valid_from": valid_from},
        by=by,
        at=at,
    )
    return hours


def _draw(*, agency_id: int, name: str, polygon: MultiPolygon, valid_from: date) -> ServiceArea:
    versions = ServiceArea.objects.select_for_update(no_key=True, of=("self",)).filter(agency=agency_id, name=name)
    later = versions.filter(valid_from__gt=valid_from).order_by("valid_from").first()
    if later is not None:
        raise refusals.AreaVersionOverlaps(area=name, begins=later.valid_from)
    same_day = versions.filter(valid_from=valid_from).first()
    if same_day is not None:
        if same_day.polygon != polygon:
            same_day.polygon = polygon
            same_day.save(update_fields=["polygon"])
        return same_day
    before = versions.order_by("-valid_from").first()
    if before is not None and (before.valid_to is None or before.valid_to >= valid_from):
        before.valid_to = valid_from - timedelta(days=1)
        before.save(update_fields=["valid_to"])
    area = ServiceArea.objects.create(agency_id=agency_id, name=name, polygon=polygon, valid_from=valid_from)
    if before is not None:
        area.units.set(before.units.all())
        kept = before.hours.filter(_lasts_until(valid_from)).order_by("pk")
        OpeningHours.objects.bulk_create(
            OpeningHours(
                area=area,
                weekday=row.weekday,
                opens=row.opens,
                closes=row.closes,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in kept
        )
    return area


def _lasts_until(day: date) -> Q:
    return Q(valid_to__isnull=True) | Q(valid_to__gte=day)
