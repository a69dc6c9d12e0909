"""
STOP: a call became riskier than what its unit was sent to. Full screen on its tablets until acknowledged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatch import refusals, rules
from dispatch.actions import alarms, flags, links
from dispatch.models import Alarm, AlarmKind, Assignment, Call, CallStatus, LockedCall, Stop
from journal.record import record
from responders.actors import Actor
from responders.rules import radio, unit_acted_for


def raise_stop(
    *, call: LockedCall, reasons: Sequence[str], by: object, at: datetime, but_for: int | None = None
) -> list[Stop]:
    """
    Stop every unit that holds the call; the desk is alarmed when a crew has not acknowledged within ``agency.stop_s``.

    A unit that already looks at the same reasons is not stopped twice, and ``but_for`` is one that said it itself.
    """
    held = list(Assignment.objects.open().filter(call=call).exclude(unit=but_for).order_by("pk"))
    seen = {
        (stop.assignment_id, tuple(stop.reasons))
        for stop in Stop.objects.filter(assignment__in=held, acknowledged_at=None)
    }
    stopped = [assignment for assignment in held if (assignment.pk, tuple(reasons)) not in seen]
    if not stopped:
        return []

    due_at = at + timedelta(seconds=call.agency.stop_s)
    stops = Stop.objects.bulk_create(
        Stop(call=call, assignment=assignment, reasons=list(reasons), raised_at=at) for assignment in stopped
    )
    Alarm.objects.bulk_create(
        Alarm(call=call, assignment=assignment, kind=AlarmKind.STOP_NOT_ACKNOWLEDGED, due_at=due_at)
        for assignment in stopped
    )

    record(
        "stop.raised",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"stops": [stop.pk for stop in stops], "reasons": list(reasons)},
        by=by,
        at=at,
    )
    return stops


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A stop that a crew has seen, and what did not fit about that.
    """

    stop: Stop
    flags: list[str] = field(default_factory=list)


def acknowledge(
    *,
    stop_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Seen:
    """
    Note that a crew has seen a stop. One acknowledgement silences every tablet of the unit; the first one counts.

    :raises StopNotFound: it was never for this unit.
    """
    when = links.moment(happened_at, at)
    acting = unit_acted_for(by, unit_id, asked_by)
    found = Stop.objects.filter(pk=stop_id).values_list("call_id", flat=True).first()
    if found is None:
        raise refusals.StopNotFound(stop=stop_id)
    call = Call.objects.lock(found)
    stop = Stop.objects.select_related("assignment").get(pk=stop_id)
    try:
        rules.check_had_link(stop.assignment, agency_id=call.agency_id, unit_id=acting, by=by, at=at)
    except refusals.AssignmentNotFound:
        raise refusals.StopNotFound(stop=stop_id) from None

    asked = radio(by, asked_by)
    raised: list[str] = []
    if stop.acknowledged_at is None:
        stop.acknowledged_at = max(when, stop.raised_at)
        stop.acknowledged_by = asked or str(by)
        stop.save(update_fields=["acknowledged_at", "acknowledged_by"])
        if not Stop.objects.filter(assignment=stop.assignment_id, acknowledged_at=None).exists():
            alarms.end_alarms(
                call=call, by=by, at=at, assignment=stop.assignment, kinds=[AlarmKind.STOP_NOT_ACKNOWLEDGED]
            )

        raised = _flag_late(call, stop, by=by, when=when, at=at)

    record(
        "stop.acknowledged",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "stop": stop.pk,
            "assignment": stop.assignment_id,
            **({"flags": raised} if raised else {}),
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=when,
    )
    return Seen(stop, raised)


def _flag_late(call: LockedCall, stop: Stop, *, by: Actor, when: datetime, at: datetime) -> list[str]:
    """
    Flag a stop that a crew saw only when it had the call no longer, or was no longer the crew.
    """
    held = stop.assignment
    over = links.shift_over(by, when)
    ended = held.ended_at is not None and held.ended_at < when
    if not ended and over is None and links.was_on(held, by=by, when=when):
        return []
    is_closed = call.status in (CallStatus.CLOSED, CallStatus.CANCELLED)
    code = "call_already_closed" if is_closed else "late_scope"
    facts = {"kind": "stop.acknowledged", "assignment": held.pk, "stop": stop.pk, "at": when, "shift_ended_at": over}
    return [flags.raise_flag(call=call, code=code, facts=facts, at=at, unit_id=held.unit_id)]
