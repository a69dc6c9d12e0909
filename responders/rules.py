"""
Who may act for a unit, and what a unit must have to be sent.
"""

from datetime import datetime

from journal.refusals import NotAllowed, Refusal
from responders import refusals
from responders.actors import Actor
from responders.models import Agency, Duty, Person, RoleName, Shift, Unit


def unit_acted_for(by: Actor, unit: int | None, asked_by: str | None) -> int:
    """
    Return the id of the unit that an action is for: a tablet's own, or the one the desk names.

    :raises NotYourUnit: a tablet named another unit than its own.
    :raises AskedByMissing: the desk did not say for whom, or who asked on the radio.
    :raises NotAllowed: neither a tablet nor the desk.
    """
    if by.tablet_id is not None:
        if by.unit_id is None or unit not in (None, by.unit_id):
            raise refusals.NotYourUnit(unit=unit)
        return by.unit_id
    if not by.at_desk:
        raise NotAllowed
    if unit is None or not (asked_by or "").strip():
        raise refusals.AskedByMissing
    return unit


def check_may_act_for(unit: Unit, *, by: Actor, asked_by: str | None = None) -> None:
    """
    Check that a tablet acts for its own unit, or the desk for a unit of its agency by radio.

    :raises UnitNotFound: the unit belongs to another agency; answers like a unit that does not exist.
    :raises Refusal: as ``unit_acted_for``.
    """
    if unit.agency_id != by.agency_id:
        raise refusals.UnitNotFound(unit=unit.pk)
    unit_acted_for(by, unit.pk, asked_by)


def can_act_for(unit: Unit, *, by: Actor, asked_by: str | None = None) -> bool:
    """
    Tell whether ``check_may_act_for`` would let this pass.
    """
    try:
        check_may_act_for(unit, by=by, asked_by=asked_by)
    except Refusal:
        return False
    return True


def radio(by: Actor, asked_by: str | None) -> str:
    """
    Return who asked on the radio when the desk acts for a crew; empty when the crew acts itself.
    """
    return "" if by.tablet_id is not None else (asked_by or "").strip()


def check_in_time(life: str, *, agency_id: int, happened_at: datetime | None, at: datetime) -> None:
    """
    Check that what was asked at ``happened_at`` reached us within the agency's column ``life``, in seconds.

    Whoever was asked for a call two minutes ago has looked elsewhere since; the desk may not wait for it (SYNC.md I.3).

    :raises TakeExpired: it is older than that.
    """
    if happened_at is None:
        return
    life_s: int = Agency.objects.values_list(life, flat=True).get(pk=agency_id)
    age_s = (at - happened_at).total_seconds()
    if age_s > life_s:
        raise refusals.TakeExpired(age_s=round(age_s), life_s=life_s)


def crew_size(unit: Unit) -> int:
    """
    Return how many people are on shift on the unit.
    """
    return Shift.objects.open().of_unit(unit.pk).count()


def crew_minimum(unit: Unit) -> int:
    """
    Return how many people the unit needs on shift to be sent alone.
    """
    return unit.agency.crew_minimum if unit.crew_minimum is None else unit.crew_minimum


def check_in_use(unit: Unit) -> None:
    """
    :raises UnitIsOutside: it belongs to another service and has no crew here.
    :raises UnitRetired: it is no longer used.
    """
    if unit.outside:
        raise refusals.UnitIsOutside(unit=unit.pk, call_sign=unit.call_sign)
    if unit.retired_at is not None:
        raise refusals.UnitRetired(unit=unit.pk, call_sign=unit.call_sign)


def check_on_duty(unit: Unit) -> None:
    """
    Check that the unit has somebody on shift and is not out of service. A meal or a report does not stand in the way:
    the desk may interrupt them.

    :raises UnitIsOutside: it has no crew here.
    :raises UnitRetired: it is no longer used.
    :raises UnitOffShift: nobody is on shift.
    :raises UnitOutOfService: its crew took it out of service.
    """
    check_in_use(unit)
    if crew_size(unit) == 0:
        raise refusals.UnitOffShift(unit=unit.pk, call_sign=unit.call_sign)
    if unit.duty == Duty.OUT_OF_SERVICE:
        raise refusals.UnitOutOfService(
            unit=unit.pk, call_sign=unit.call_sign, reason=unit.duty_reason, since=unit.duty_since
        )


def check_dispatchable_alone(unit: Unit) -> None:
    """
    Check that the unit may get a new call by itself: on duty, with at least its smallest crew.

    When one partner leaves, the unit keeps the call it has and gets no new one: this is asked of new calls only.

    :raises Refusal: as ``check_on_duty``.
    :raises CrewTooSmall: fewer people are on shift than it needs.
    """
    check_on_duty(unit)
    crew, minimum = crew_size(unit), crew_minimum(unit)
    if crew < minimum:
        raise refusals.CrewTooSmall(unit=unit.pk, call_sign=unit.call_sign, crew=crew, minimum=minimum)


def can_be_dispatched_alone(unit: Unit) -> bool:
    """
    Tell whether ``check_dispatchable_alone`` would let this pass.
    """
    try:
        check_dispatchable_alone(unit)
    except Refusal:
        return False
    return True


def check_may_go_on_shift(person: Person, unit: Unit) -> None:
    """
    Check that a person may start a shift on a unit.

    :raises PersonNotFound: the person belongs to another agency than the unit.
    :raises NotAResponder: the person is no responder, or no longer active.
    :raises Refusal: the unit is outside or retired, as ``check_in_use``.
    """
    if person.agency_id != unit.agency_id:
        raise refusals.PersonNotFound(person=person.pk)
    if not person.is_active or not person.roles.filter(name=RoleName.RESPONDER).exists():
        raise refusals.NotAResponder(person=person.pk)
    check_in_use(unit)
