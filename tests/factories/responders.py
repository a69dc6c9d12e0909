"""
Agencies, areas, units, people and crews for tests. Each function commits through a door, as production does.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any

from django.contrib.gis.geos import MultiPolygon, Polygon

from journal.door import NoOpenDoor, current_door, open_door
from responders.actions import shifts
from responders.actors import Actor
from responders.models import Agency, OpeningHours, Person, Role, RoleName, ServiceArea, Shift, Unit, Weekday
from tests.conftest import NOON

# Whoever set the scene; never one of the actors of a test.
SCENE = "system:test"
# West, south, east and north of a box around downtown Seattle; (-122.3300, 47.6050) is in it.
DOWNTOWN = (-122.3450, 47.5950, -122.3200, 47.6150)

_numbers = count(1)


@contextmanager
def scene_door(*, at: datetime = NOON) -> Iterator[None]:
    """
    Open a door for a part of a scene, or let it through the one of the scene: what is set together is flushed once, which
    takes less than half of the time.
    """
    try:
        current_door()
    except NoOpenDoor:
        with open_door(by=SCENE, at=at):
            yield
    else:
        yield


def agency(*, slug: str | None = None, **fields: Any) -> Agency:
    """
    Return a new agency in Seattle's zone.
    """
    number = next(_numbers)
    with scene_door():
        return Agency.objects.create(
            slug=slug or f"agency-{number}", name=fields.pop("name", f"Agency {number}"), **fields
        )


def box(west: float, south: float, east: float, north: float) -> MultiPolygon:
    """
    Return a rectangle in degrees.
    """
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


def area(of: Agency, *, polygon: MultiPolygon | None = None, always_open: bool = True, **fields: Any) -> ServiceArea:
    """
    Return a new service area, downtown unless ``polygon`` says otherwise, open round the clock unless told not to be.
    """
    fields.setdefault("name", f"Area {next(_numbers)}")
    fields.setdefault("valid_from", date(2023, 10, 1))
    with scene_door():
        new = ServiceArea.objects.create(agency=of, polygon=polygon or box(*DOWNTOWN), **fields)
        if always_open:
            _hours(new, opens=time(0), closes=time(0), valid_from=new.valid_from, valid_to=None)
        return new


def hours(
    of: ServiceArea,
    *,
    opens: time,
    closes: time,
    weekdays: Iterable[int] = Weekday.values,
    valid_from: date = date(2023, 10, 1),
    valid_to: date | None = None,
) -> list[OpeningHours]:
    """
    Return new opening hours of an area, the same on each of these weekdays.
    """
    with scene_door():
        return _hours(of, opens=opens, closes=closes, weekdays=weekdays, valid_from=valid_from, valid_to=valid_to)


def unit(of: Agency, *, call_sign: str | None = None, areas: Iterable[ServiceArea] = (), **fields: Any) -> Unit:
    """
    Return a new unit without a crew.
    """
    with scene_door():
        new = Unit.objects.create(agency=of, call_sign=call_sign or f"CARE {next(_numbers)}", **fields)
        new.areas.set(areas)
        return new


def person(of: Agency, *roles: str, name: str | None = None, password: str | None = None, **fields: Any) -> Person:
    """
    Return a new person with these roles, a responder when none is named.
    """
    number = next(_numbers)
    with scene_door():
        new = Person.objects.create_user(
            fields.pop("email", f"person{number}@example.org"),
            password,
            agency=of,
            name=name or f"Person {number}",
            **fields,
        )
        Role.objects.bulk_create(Role(person=new, name=role) for role in roles or [RoleName.RESPONDER])
    # Every role raises the access epoch, by trigger.
    new.refresh_from_db()
    return new


def on_shift(who: Person, on: Unit, *, at: datetime = NOON, lasts: timedelta = timedelta(hours=10)) -> Shift:
    """
    Return the shift that a person starts on a unit.
    """
    with scene_door(at=at):
        return shifts.start(person_id=who.pk, unit_id=on.pk, planned_end_at=at + lasts, by=SCENE, at=at)


def crew(on: Unit, *, size: int = 2, at: datetime = NOON) -> list[Shift]:
    """
    Return the open shifts of new responders on a unit.
    """
    with scene_door(at=at):
        return [on_shift(person(on.agency), on, at=at) for _ in range(size)]


def crewed_unit(of: Agency, *, size: int = 2, at: datetime = NOON, **fields: Any) -> Unit:
    """
    Return a new unit with a crew on shift, as the database now has it.
    """
    with scene_door(at=at):
        new = unit(of, **fields)
        crew(new, size=size, at=at)
        new.refresh_from_db()
        return new


def actor(who: Person) -> Actor:
    """
    Return a person as a desk page's door sees them.
    """
    return Actor(
        agency_id=who.agency_id,
        label=who.name,
        roles=frozenset(who.roles.values_list("name", flat=True)),
        person_id=who.pk,
    )


def tablet_actor(shift: Shift, *, tablet_id: int = 1) -> Actor:
    """
    Return a responder on shift as a tablet's door sees them.

    ``tablet_id`` names the tablet in ``by`` columns only; no row needs to exist.
    """
    return Actor(
        agency_id=shift.unit.agency_id,
        label=f"{shift.person.name} ({shift.unit.call_sign})",
        roles=frozenset({"TABLET", RoleName.RESPONDER.value}),
        person_id=shift.person_id,
        unit_id=shift.unit_id,
        shift_id=shift.pk,
        tablet_id=tablet_id,
    )


def _hours(
    of: ServiceArea,
    *,
    opens: time,
    closes: time,
    valid_from: date,
    valid_to: date | None,
    weekdays: Iterable[int] = Weekday.values,
) -> list[OpeningHours]:
    return OpeningHours.objects.bulk_create(
        OpeningHours(area=of, weekday=day, opens=opens, closes=closes, valid_from=valid_from, valid_to=valid_to)
        for day in weekdays
    )
