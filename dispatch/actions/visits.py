"""
A second response that needs a unit: a call of our own, sent like any other. It says "CARE visit", and neither who nor why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import premises, queries, rules
from dispatch.actions import assignments, intake
from dispatch.models import (
    Assignment,
    CadMessage,
    Call,
    CallType,
    Color,
    LockedCall,
    Origin,
    Source,
)
from journal.record import record
from responders.actors import Actor
from responders.models import Agency, Unit

# Nobody waits on the street for it: agreed on days before.
PRIORITY: Final = 7
TYPE: Final = "CARE VISIT"
LABEL: Final = "CARE visit"
MESSAGE: Final = "care_visit"


def send(
    *,
    unit_id: int,
    address: str,
    by: Actor,
    at: datetime,
    point: Point | None = None,
    place_kind: str = "UNKNOWN",
    answers: Mapping[str, str] | None = None,
    of_own_accord: bool = False,
) -> Assignment:
    """
    Make the call of a visit and send a unit, or let it go ``of_own_accord``: then its crew has acknowledged it by that. The
    policy decides about it as about every call: what was not asked is no no.

    The caller says who may; nothing but the call and the unit is locked.

    :raises UnitNotFound: the unit is another agency's.
    :raises CallNotForCare: the policy rules CARE out there now.
    :raises UnitBusy: the unit holds a call.
    :raises UnitNotDispatchable: the crew is too small, or busy; with a meal too where it goes of its own accord.
    """
    call = _make(by.agency_id, address=address, point=point, place_kind=place_kind, answers=answers, by=by, at=at)
    unit = Unit.objects.lock(unit_id)
    rules.check_of_agency(unit, by=by)
    seen = queries.seen(call, unit, at=at)
    rules.check_may_dispatch(call, seen.unit, of_own_accord=of_own_accord)
    assignment = assignments.start(
        call=call,
        unit=unit,
        origin=Origin.SELF_DISPATCHED if of_own_accord else Origin.DISPATCHED,
        by=by,
        at=at,
        acknowledged_by=str(by) if of_own_accord else "",
        limits=seen.limits,
        has_alarms=False,
    )
    record(
        "call.visit",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": unit.pk, "number": call.number},
        by=by,
        at=at,
    )
    if Agency.objects.filter(pk=call.agency_id, has_cad=True).exists():
        _tell_cad(call, unit, at=at)
    return assignment


def _make(
    agency_id: int,
    *,
    address: str,
    point: Point | None,
    place_kind: str,
    answers: Mapping[str, str] | None,
    by: Actor,
    at: datetime,
) -> LockedCall:
    CallType.objects.get_or_create(agency_id=agency_id, code=TYPE, defaults={"label": LABEL, "color": Color.GREEN})
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('dispatch_call', 'id'))")
        call_id = cursor.fetchone()[0]
    number = f"SR{call_id:06d}"
    call = Call(
        pk=call_id,
        agency_id=agency_id,
        number=number,
        # CAD may give it one of its own, as it does with what a crew came upon.
        own_number=number,
        source=Source.SECOND_RESPONSE,
        priority=PRIORITY,
        address=address,
        address_key=premises.address_key(address),
        point=point,
        place_kind=place_kind,
        narrative=LABEL,
        received_at=at,
    )
    intake.save_new(call, type_code=TYPE, may_add_type=False, answers=answers, by=by, at=at)
    # Nobody else can have it: it was made in this transaction.
    return LockedCall(call)


def _tell_cad(call: Call, unit: Unit, *, at: datetime) -> None:
    CadMessage.objects.create(
        agency_id=call.agency_id,
        call=call,
        kind=MESSAGE,
        body={
            "number": call.own_number,
            "unit": unit.call_sign,
            "type": LABEL,
            "point": None if call.point is None else {"lon": call.point.x, "lat": call.point.y},
            "at": at.isoformat(),
        },
        made_at=at,
    )
