"""
A crew showed itself somewhere, or looked after a place: one tap, and a call that was handled when it was told.
"""

from datetime import datetime

from django.contrib.gis.geos import Point

from dispatch import rules
from dispatch.actions import flags, links
from dispatch.actions.on_view import Met, assign, make
from dispatch.models import AssignmentStatus, CallStatus, Disposition
from journal.record import record
from responders.actors import Actor
from responders.models import Unit
from responders.rules import radio, unit_acted_for


def check(
    *,
    what: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    point: Point | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Met:
    """
    Note that a crew showed itself somewhere, or looked after a place: a call that was handled when it was told.

    Nobody was busy with it, so whatever the unit has does not matter.

    :raises UnitNotFound: the unit belongs to another agency.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    when = links.moment(happened_at, at)
    unit = Unit.objects.lock(acting)
    rules.check_of_agency(unit, by=by)
    asked = radio(by, asked_by)
    call, raised = make(
        what, unit, point=point, by=by, at=at, when=when, status=CallStatus.CLOSED, disposition=Disposition.HANDLED
    )
    assignment = assign(
        call, unit, asked=asked, by=by, when=when, status=AssignmentStatus.CLEARED, disposition=Disposition.HANDLED
    )
    if (over := links.shift_over(by, when)) is not None:
        facts = {"kind": "call.check", "assignment": assignment.pk, "at": when, "shift_ended_at": over}
        raised.append(flags.raise_flag(call=call, code="late_scope", facts=facts, at=at, unit_id=unit.pk))

    record(
        "call.check",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "assignment": assignment.pk,
            "unit": unit.pk,
            "number": call.number,
            "type": call.type_id,
            **({"by_radio": asked} if asked else {}),
            **({"flags": raised} if raised else {}),
        },
        by=by,
        at=when,
    )
    return Met(call, assignment, raised)
