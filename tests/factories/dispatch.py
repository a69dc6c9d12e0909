"""
Calls and assignments for tests. Each function commits through a door of its own, as production does.

A *scene* is what most tests need: an agency with an area, a CAD that was just heard of, and a crewed unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.gis.geos import Point

from dispatch.actions import assignments, desk, takes
from dispatch.models import (
    Answer,
    Assignment,
    AssignmentStatus,
    CadFeed,
    Call,
    CallType,
    Caution,
    Color,
    Origin,
    Queue,
    Response,
    Source,
)
from journal.door import open_door
from responders.actors import Actor
from responders.models import Agency, RoleName, ServiceArea, Unit
from tests.conftest import NOON
from tests.factories import responders
from tests.factories.responders import scene_door

SCENE = responders.SCENE
# Westlake Park, inside responders.DOWNTOWN.
POINT = Point(-122.3370, 47.6110, srid=4326)

_numbers = count(1)


@dataclass
class Scene:
    """
    An agency at work: an area, a crewed unit and its tablet, a dispatcher.
    """

    agency: Agency
    area: ServiceArea
    unit: Unit
    tablet: Actor
    dispatcher: Actor


def scene(*, crew: int = 2, at: datetime = NOON, **agency_fields: Any) -> Scene:
    """
    Return a new agency whose CAD was heard of at ``at``, with one crewed unit.
    """
    with scene_door(at=at):
        agency = responders.agency(**agency_fields)
        area = responders.area(agency)
        unit, tablet = rival(agency, area, crew=crew, at=at)
        if agency.has_cad:
            feed(agency, heard_at=at)
        dispatcher = responders.actor(responders.person(agency, RoleName.DISPATCHER, name="Dispatcher One"))
        return Scene(agency, area, unit, tablet, dispatcher)


def rival(agency: Agency, area: ServiceArea, *, crew: int = 2, at: datetime = NOON) -> tuple[Unit, Actor]:
    """
    Return another unit of the area with a crew, and the tablet of its first responder.
    """
    with scene_door(at=at):
        unit = responders.unit(agency, areas=[area])
        shifts = responders.crew(unit, size=crew, at=at)
    unit.refresh_from_db()
    tablet = responders.tablet_actor(shifts[0], tablet_id=unit.pk) if shifts else _unmanned(unit)
    return unit, tablet


def feed(agency: Agency, *, heard_at: datetime = NOON) -> CadFeed:
    """
    Return the agency's CAD feed as last heard at a moment.
    """
    with scene_door():
        found, _ = CadFeed.objects.update_or_create(
            agency=agency, defaults={"heard_at": heard_at, "told_at": heard_at}
        )
        return found


def call_type(agency: Agency, *, color: str = Color.YELLOW, code: str | None = None) -> CallType:
    """
    Return a new type of call.
    """
    code = code or f"TYPE {next(_numbers)}"
    with scene_door():
        return CallType.objects.create(agency=agency, code=code, label=code.title(), color=color)


def call(agency: Agency, *, area: ServiceArea | None = None, color: str = Color.YELLOW, **fields: Any) -> Call:
    """
    Return a new pending call: at Westlake Park, priority 3, for CARE unless told otherwise.
    """
    number = next(_numbers)
    given = {
        "number": f"26-{number:06d}",
        "source": Source.EMERGENCY,
        "priority": 3,
        "queue": Queue.CARE,
        "response": Response.CARE,
        "care_available": True,
        "address": f"{number} PINE ST",
        "address_key": f"{number} PINE ST",
        "point": POINT,
        "received_at": NOON - timedelta(minutes=10),
        **fields,
    }
    if "type" not in given:
        given["type"] = call_type(agency, color=color)
    with scene_door():
        return Call.objects.create(agency=agency, area=area, **given)


def care_call(of: Scene, **fields: Any) -> Call:
    """
    Return a new call that waits for CARE in the scene's area.
    """
    return call(of.agency, area=fields.pop("area", of.area), **fields)


def police_call(of: Scene, **fields: Any) -> Call:
    """
    Return a new call that waits for police in the scene's area, and may be poached.
    """
    given = {"queue": Queue.POLICE, "response": Response.POLICE, **fields}
    return call(of.agency, area=given.pop("area", of.area), **given)


def answers(to: Call, **values: str) -> None:
    """
    Answer disqualifiers of a call: ``answers(call, WEAPON="YES")``.
    """
    with scene_door():
        for disqualifier, value in values.items():
            Answer.objects.create(call=to, disqualifier=disqualifier, value=value, by="person:0", at=NOON)


def caution(of: Agency, *, address_key: str = "", phone: str = "", expires_at: datetime | None = None) -> Caution:
    """
    Return a new caution on an address or a phone, for a day unless told otherwise.
    """
    made_by = responders.person(of, RoleName.DISPATCHER)
    with scene_door():
        return Caution.objects.create(
            agency=of,
            address_key=address_key,
            phone=phone,
            text="Has thrown things at people in uniform",
            made_by=made_by,
            made_at=NOON - timedelta(days=1),
            expires_at=expires_at or NOON + timedelta(days=1),
        )


def assignment(
    of: Scene,
    *,
    to: Call | None = None,
    unit: Unit | None = None,
    origin: Origin = Origin.DISPATCHED,
    status: AssignmentStatus = AssignmentStatus.ASSIGNED,
    at: datetime = NOON,
) -> Assignment:
    """
    Return an assignment of the scene's unit that has come as far as ``status``, through the doors of desk and tablet.
    """
    unit = unit or of.unit
    if to is None:
        to = police_call(of) if origin == Origin.POACHED else care_call(of)
    with open_door(by=of.dispatcher, at=at):
        if origin == Origin.DISPATCHED:
            new = desk.dispatch(call_id=to.pk, unit_id=unit.pk, by=of.dispatcher, at=at)
        elif origin == Origin.POACHED:
            new = takes.poach(
                call_id=to.pk, reason="NO_POLICE_NEEDED", unit_id=unit.pk, asked_by="CARE", by=of.dispatcher, at=at
            )
        else:
            new = takes.self_dispatch(call_id=to.pk, unit_id=unit.pk, asked_by="CARE", by=of.dispatcher, at=at)
    return advance(new, to=status, by=of.dispatcher, at=at)


def advance(held: Assignment, *, to: AssignmentStatus, by: Actor, at: datetime = NOON) -> Assignment:
    """
    Return an assignment after the crew has told, by radio, every step up to ``to``.
    """
    told: dict[str, Any] = {"assignment_id": held.pk, "unit_id": held.unit_id, "asked_by": "CARE", "by": by, "at": at}
    for step in _path(to):
        with open_door(by=by, at=at):
            match step:
                case AssignmentStatus.ACKNOWLEDGED:
                    assignments.acknowledge(**told)
                case AssignmentStatus.EN_ROUTE:
                    assignments.en_route(**told)
                case AssignmentStatus.STAGED:
                    assignments.stage(**told)
                case AssignmentStatus.ON_SCENE:
                    assignments.arrive(**told)
                case AssignmentStatus.TRANSPORTING:
                    assignments.transport(destination="Crisis Solutions Center", persons=1, **told)
                case AssignmentStatus.AT_DESTINATION:
                    assignments.at_destination(**told)
                case AssignmentStatus.CLEARED:
                    assignments.clear(disposition="HANDLED", **told)
    return Assignment.objects.get(pk=held.pk)


def _path(to: AssignmentStatus) -> Iterable[AssignmentStatus]:
    usual = [
        AssignmentStatus.ACKNOWLEDGED,
        AssignmentStatus.EN_ROUTE,
        AssignmentStatus.ON_SCENE,
        AssignmentStatus.TRANSPORTING,
        AssignmentStatus.AT_DESTINATION,
    ]
    if to == AssignmentStatus.ASSIGNED:
        return []
    if to == AssignmentStatus.STAGED:
        return [*usual[:2], to]
    if to == AssignmentStatus.CLEARED:
        return [*usual[:3], to]
    return usual[: usual.index(to) + 1]


def _unmanned(unit: Unit) -> Actor:
    return Actor(agency_id=unit.agency_id, label=unit.call_sign, unit_id=unit.pk, tablet_id=unit.pk)
