"""
Promises to tell the desk: made with what might go wrong, withdrawn when it goes right, raised by a sweep.
"""

from collections.abc import Collection
from datetime import datetime

from dispatch import refusals
from dispatch.models import Alarm, AlarmKind, Assignment, Call, LockedCall, Referral
from journal.record import record
from responders.actors import Actor

# A crew that has not read STOP, or gave no sign of itself, is another trouble than whatever else its assignment has.
_SILENCED_BY_THEMSELVES = (AlarmKind.STOP_NOT_ACKNOWLEDGED, AlarmKind.WELFARE_MISSED)


def raise_alarm(*, call: LockedCall, kind: AlarmKind, at: datetime, assignment: Assignment | None = None) -> Alarm:
    """
    Tell the desk now. An open alarm of the same kind about the same thing is not doubled.
    """
    alarm = Alarm.objects.filter(call=call, assignment=assignment, kind=kind, ended_at=None).first()
    if alarm is None:
        return Alarm.objects.create(call=call, assignment=assignment, kind=kind, due_at=at, raised_at=at)
    if alarm.raised_at is None:
        alarm.raised_at = at
        alarm.save(update_fields=["raised_at"])
    return alarm


def promise(*, call: Call, kind: AlarmKind, due_at: datetime, assignment: Assignment | None = None) -> Alarm:
    """
    Promise to tell the desk at a later moment, unless it goes right until then.
    """
    return Alarm.objects.create(call=call, assignment=assignment, kind=kind, due_at=due_at)


def end_alarms(
    *,
    call: LockedCall,
    by: object,
    at: datetime,
    assignment: Assignment | None = None,
    kinds: Collection[AlarmKind] | None = None,
) -> None:
    """
    Withdraw or silence what the call has open: all of it, or an assignment's, or some kinds.
    """
    alarms = Alarm.objects.filter(call=call, ended_at=None)
    if assignment is not None:
        alarms = alarms.filter(assignment=assignment)
    if kinds is not None:
        alarms = alarms.filter(kind__in=kinds)
    alarms.update(ended_at=at, ended_by=str(by))


def acknowledge(*, alarm_id: int, by: Actor, at: datetime) -> Alarm:
    """
    Silence an alarm: a dispatcher has seen it.

    :raises AlarmNotFound: there is no such alarm in the agency.
    :raises AlarmEnded: it went right meanwhile, or somebody else was first.
    """
    call_id = Alarm.objects.filter(pk=alarm_id, call__agency=by.agency_id).values_list("call_id", flat=True).first()
    if call_id is None:
        raise refusals.AlarmNotFound(alarm=alarm_id)
    call = Call.objects.lock(call_id)
    alarm = Alarm.objects.get(pk=alarm_id)
    if alarm.ended_at is not None:
        raise refusals.AlarmEnded(alarm=alarm_id, by=alarm.ended_by, at=alarm.ended_at)

    # An alarm that is acknowledged before it is due was seen coming: it never rings. Those of the same assignment that
    # were due before it said less: who has seen "you may reassign" has seen "not acknowledged".
    ended = Alarm.objects.filter(call=call, ended_at=None, assignment=alarm.assignment_id, due_at__lte=alarm.due_at)
    if alarm.assignment_id is None:
        ended = ended.filter(pk=alarm.pk)
    ended.exclude(kind__in=_SILENCED_BY_THEMSELVES).update(ended_at=at, ended_by=str(by))
    alarm.ended_at, alarm.ended_by = at, str(by)
    alarm.save(update_fields=["ended_at", "ended_by"])

    record(
        "alarm.acknowledged",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"alarm": alarm.pk, "alarm_kind": alarm.kind, "assignment": alarm.assignment_id},
        by=by,
        at=at,
    )
    return alarm


def raise_due(*, call_id: int, by: object, at: datetime) -> int:
    """
    Raise what is due on a call and return how many alarms that were; 0 when another sweep or an action has the call.

    The call is locked first, as everywhere: a sweep that held the alarm would wait for the call in a circle with an action
    that holds the call and withdraws the alarm.
    """
    call = Call.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(pk=call_id).first()
    if call is None:
        return 0
    due = Alarm.objects.filter(call=call, raised_at=None, ended_at=None, due_at__lte=at)
    kinds = sorted(due.values_list("kind", flat=True))
    if not kinds:
        return 0

    due.update(raised_at=at)
    if AlarmKind.REFERRAL_LATE in kinds:
        # Whoever waits there hears it together with the desk.
        waiting = Referral.objects.filter(call=call, eligible=True, ended_at=None, late_told_at=None)
        waiting.filter(due_at__lte=at).update(late_told_at=at)

    record(
        "alarm.raised",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"alarm_kinds": kinds},
        by=by,
        at=at,
    )
    return len(kinds)
