"""
Going on shift and signing off.
"""

from datetime import datetime, timedelta

from journal.record import record
from responders import refusals, rules
from responders.models import Duty, EndReason, LockedUnit, Person, Position, Shift, Unit

# Longer than any shift is planned; it catches a wrong day.
LONGEST = timedelta(hours=24)


def start(*, person_id: int, unit_id: int, planned_end_at: datetime, by: object, at: datetime) -> Shift:
    """
    Put a person on shift on a unit.

    The first of a crew finds the unit AVAILABLE, unless it was left out of service: a meal or a report ended with the crew
    that had it.

    :raises ShiftAlreadyOpen: the person is on shift already.
    :raises PlannedEndInvalid: the planned end is not within 24 hours after ``at``.
    :raises Refusal: the person is no responder of the unit's agency, or the unit is outside or retired.
    """
    if not at < planned_end_at <= at + LONGEST:
        raise refusals.PlannedEndInvalid(planned_end_at=planned_end_at)
    # Two tablets may sign the same person on at once: the second waits here and then finds the first one's shift. The lock
    # also keeps a change of the name apart, which the unit's document copies.
    person = _lock_person(person_id)
    unit = Unit.objects.lock(unit_id)
    rules.check_may_go_on_shift(person, unit)
    already = Shift.objects.open().filter(person=person).first()
    if already is not None:
        raise refusals.ShiftAlreadyOpen(shift=already.pk, unit=already.unit_id, since=already.started_at)

    is_first = rules.crew_size(unit) == 0
    shift = Shift.objects.create(person=person, unit=unit, started_at=at, planned_end_at=planned_end_at)
    if is_first:
        _open_unit(unit, at)

    record(
        "shift.started",
        agency_id=unit.agency_id,
        about=f"shift.{shift.pk}",
        data={"shift": shift.pk, "unit": unit.pk, "person": person.pk, "planned_end_at": planned_end_at},
        by=by,
        at=at,
    )
    return shift


def end(*, shift_id: int, reason: EndReason | str, by: object, at: datetime) -> Shift:
    """
    Sign a person off. The clock never does this by itself: somebody says what became of the call.

    A partner who stays keeps the unit's call. That nothing is left under an open assignment is checked by whoever knows
    of calls before calling this (``shift.sign_off`` in dispatch).

    :raises ShiftNotFound: there is no such shift.
    :raises ShiftAlreadyEnded: it was ended before; facts say when.
    """
    try:
        unit_id = Shift.objects.values_list("unit_id", flat=True).get(pk=shift_id)
    except Shift.DoesNotExist:
        raise refusals.ShiftNotFound(shift=shift_id) from None
    unit = Unit.objects.lock(unit_id)
    # Read again under the lock: two tablets may sign the same person off at once.
    shift = Shift.objects.select_related("person").get(pk=shift_id)
    if shift.ended_at is not None:
        raise refusals.ShiftAlreadyEnded(shift=shift.pk, ended_at=shift.ended_at, reason=shift.end_reason)

    # A tablet's clock may be a little behind ours; a shift does not end before it began.
    shift.ended_at = max(at, shift.started_at)
    shift.end_reason = EndReason(reason)
    shift.save(update_fields=["ended_at", "end_reason"])
    left = rules.crew_size(unit)
    if left == 0:
        # Off shift nobody is watched: where the unit last was goes with its crew.
        Position.objects.filter(unit=unit).delete()

    record(
        "shift.ended",
        agency_id=unit.agency_id,
        about=f"shift.{shift.pk}",
        data={
            "shift": shift.pk,
            "unit": unit.pk,
            "person": shift.person_id,
            "reason": shift.end_reason,
            "crew_left": left,
            "crew_minimum": rules.crew_minimum(unit),
        },
        by=by,
        at=at,
    )
    return shift


def _lock_person(person_id: int) -> Person:
    try:
        return Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person_id)
    except Person.DoesNotExist:
        raise refusals.PersonNotFound(person=person_id) from None


def _open_unit(unit: LockedUnit, at: datetime) -> None:
    if unit.duty != Duty.OUT_OF_SERVICE:
        unit.duty = Duty.AVAILABLE
        unit.duty_reason = ""
        unit.duty_since = at
        unit.save(update_fields=["duty", "duty_reason", "duty_since"])
