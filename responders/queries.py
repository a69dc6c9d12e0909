"""
Questions about crews, areas and hours.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.db.models import Count

from responders.models import Agency, OpeningHours, Person, Position, RoleName, ServiceArea, Shift, Unit


def crew_of(unit_id: int) -> list[Shift]:
    """
    Return the open shifts on a unit, the longest first, each with its person.
    """
    return list(Shift.objects.open().of_unit(unit_id).select_related("person").order_by("started_at", "pk"))


def crew_sizes(unit_ids: Iterable[int]) -> dict[int, int]:
    """
    Return how many people are on shift on each of these units; units with nobody have 0.
    """
    ids = list(unit_ids)
    counted = Shift.objects.open().filter(unit__in=ids).values("unit").annotate(people=Count("pk"))
    return dict.fromkeys(ids, 0) | {row["unit"]: row["people"] for row in counted}


def open_shift_of(person_id: int) -> Shift | None:
    """
    Return the shift that a person has not signed off yet, with its unit, or None.
    """
    return Shift.objects.open().filter(person=person_id).select_related("unit").first()


def shift_at(person_id: int, unit_id: int, at: datetime) -> Shift | None:
    """
    Return the shift, open or past, that a person had on a unit at an instant: whether a fact was theirs to report.
    """
    return Shift.objects.on_unit_at(unit_id, person_id=person_id, at=at).order_by("-started_at").first()


def crew_at(unit_id: int, at: datetime) -> set[int]:
    """
    Return the people who were on shift on a unit at an instant.
    """
    return set(Shift.objects.of_unit(unit_id).lasting(at).values_list("person_id", flat=True))


def streams_of(shift: Shift) -> list[str]:
    """
    Return the streams that a responder on this shift may hear, none once it has ended, in order of their names.

    Off shift there are no pushes and no documents.
    """
    if shift.ended_at is not None:
        return []
    areas = Unit.areas.through.objects.filter(unit=shift.unit_id).values_list("servicearea_id", flat=True)
    return sorted(
        [
            f"reference.{shift.unit.agency_id}",
            f"responder.{shift.person_id}",
            f"unit.{shift.unit_id}",
            *(f"area.{area_id}" for area_id in areas),
        ]
    )


def responders_of(agency_id: int) -> list[Person]:
    """
    Return the active responders of an agency by name, for a sign-on page.
    """
    return list(
        Person.objects.filter(agency=agency_id, is_active=True, roles__name=RoleName.RESPONDER).order_by("name", "pk")
    )


def area_at(agency: Agency, point: Point | None, at: datetime) -> ServiceArea | None:
    """
    Return the service area that holds a point at an instant, or None outside all of them.

    The instant counts as its day in the agency's zone. Of areas that overlap it is the smallest.
    """
    if point is None:
        return None
    return ServiceArea.objects.filter(agency=agency).valid_on(day_of(agency, at)).around(point).first()


def day_of(agency: Agency, at: datetime) -> date:
    """
    Return the day of an instant on the agency's calendar.
    """
    return at.astimezone(agency.zone).date()


def is_open(area: ServiceArea, at: datetime) -> bool:
    """
    Tell whether a service area is valid and open at an instant.
    """
    return closes_at(area, at) is not None


def closes_at(area: ServiceArea, at: datetime) -> datetime | None:
    """
    Return when the opening that holds this instant ends, in UTC, or None while the area is closed.
    """
    zone = area.agency.zone
    return closing_of(list(area.hours.all()), area=area, zone=zone, at=at)


def closing_of(hours: Iterable[OpeningHours], *, area: ServiceArea, zone: ZoneInfo, at: datetime) -> datetime | None:
    """
    Answer ``closes_at`` from rows that were read before; for whoever asks about many instants.
    """
    rows = list(hours)
    today = at.astimezone(zone).date()
    # Yesterday's opening may run past midnight, and a day of it still belongs to yesterday's dates.
    spans = [
        span
        for day in (today - timedelta(days=1), today)
        if area.valid_from <= day and (area.valid_to is None or day <= area.valid_to)
        for span in _openings(rows, day, zone)
    ]
    return max((ends for begins, ends in spans if begins <= at < ends), default=None)


def positions_of(agency_id: int, at: datetime, *, unit_ids: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """
    Return where each unit of an agency last was, or each of these units of it, and how many seconds ago at ``at``.
    """
    rows = Position.objects.filter(unit__agency=agency_id, unit__retired_at=None).order_by("unit_id")
    if unit_ids is not None:
        rows = rows.filter(unit__in=list(unit_ids))
    return [
        {
            "unit": row.unit_id,
            "point": [round(row.point.x, 6), round(row.point.y, 6)],
            "accuracy_m": row.accuracy_m,
            "heading": row.heading,
            "at": row.at,
            "age_s": max(0, round((at - row.at).total_seconds())),
        }
        for row in rows
    ]


def _openings(rows: Iterable[OpeningHours], day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    valid = [
        row
        for row in rows
        if row.weekday == day.weekday() and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)
    ]
    newest = max((row.valid_from for row in valid), default=None)
    for row in valid:
        if row.valid_from == newest:
            past_midnight = row.closes <= row.opens
            yield _instant(day, row.opens, zone), _instant(day + timedelta(days=past_midnight), row.closes, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    # A wall clock shows an hour twice in autumn: the first one counts. An hour that is skipped in spring counts as if
    # the clocks had not been moved yet, so a night's opening is never empty or turned round.
    return datetime.combine(day, clock, tzinfo=zone).replace(fold=0).astimezone(UTC)
