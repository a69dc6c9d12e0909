"""
How long a crew that is with somebody may be silent: a clock on its assignment, the desk's alarm when it runs out, and the
request for backup that the server makes when the radio brings no answer either.

The clock is a column and its alarm a promise (dispatch/actions/alarms.py), so it runs whatever process is down: a console
rings by the alarm's ``due_at``, and any number of sweepers find what nobody has raised.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import connection

from dispatch import rules
from dispatch.actions import alarms, links
from dispatch.models import (
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    BackupOrigin,
    BackupPress,
    Call,
    CallType,
    LockedCall,
)
from journal.record import record
from responders.actors import Actor
from responders.models import Agency, Unit
from responders.refusals import UnitNotFound
from responders.rules import radio, unit_acted_for

# Where the crew meets somebody anew: the first limit holds again.
BEGINNINGS = frozenset({AssignmentStatus.ON_SCENE, AssignmentStatus.AT_DESTINATION})
# One alarm makes one request, whoever raises it and however often: its key follows from the alarm's id.
_KEYS = UUID("5d1f9be4-9a0d-4a55-9d4e-5f7f4c2f8b60")


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """
    A unit after a sign of its crew: what its clock says now, where one runs, and what did not fit.
    """

    unit: Unit
    assignment: Assignment | None
    flags: list[str] = field(default_factory=list)


def move_on(
    *, call: LockedCall, assignment: Assignment, when: datetime, by: object, at: datetime, begins: bool = False
) -> bool:
    """
    Set the clock of a crew that gave a sign of itself at ``when``, and return whether that moved it.

    It runs while the crew is with somebody. What was told late never sets it back, and a silence that only now became known
    is nobody's alarm before the crew had its time to answer.
    """
    if assignment.ended_at is not None or assignment.status not in rules.WITH_PERSON:
        return False
    silent_s, answer_s = _limits(call, begins=begins)
    due_at = when + timedelta(seconds=silent_s)
    if assignment.welfare_due_at is not None and due_at <= assignment.welfare_due_at:
        return False

    assignment.welfare_due_at = due_at
    assignment.save(update_fields=["welfare_due_at"])
    missed_at = max(due_at, at) + timedelta(seconds=answer_s)
    # A promise that was not raised yet moves along. One that rang is over, and the next silence is another one: its id is
    # what a request for backup is named after.
    if not Alarm.objects.filter(
        assignment=assignment, kind=AlarmKind.WELFARE_MISSED, ended_at=None, raised_at=None, due_at__gt=at
    ).update(due_at=missed_at):
        kinds = [AlarmKind.WELFARE_MISSED]
        alarms.end_alarms(call=call, by=by, at=at, assignment=assignment, kinds=kinds)
        alarms.promise(call=call, kind=AlarmKind.WELFARE_MISSED, due_at=missed_at, assignment=assignment)
    return True


def promise_again(*, call: LockedCall, assignment: Assignment, at: datetime) -> None:
    """
    Promise the desk's alarm for a clock that goes on with a crew on another call.
    """
    if assignment.welfare_due_at is None:
        return
    answer_s = Agency.objects.values_list("welfare_answer_s", flat=True).get(pk=call.agency_id)
    missed_at = max(assignment.welfare_due_at, at) + timedelta(seconds=answer_s)
    alarms.promise(call=call, kind=AlarmKind.WELFARE_MISSED, due_at=missed_at, assignment=assignment)


def check_in(
    *,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> CheckedIn:
    """
    Note that a crew is well: somebody touched its tablet, or the desk asked it on the radio.

    A fact. Without a clock to move it is only noted; so is one of before the clock began, or of a shift that was over.

    :raises UnitNotFound: the unit belongs to another agency.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    when = links.moment(happened_at, at)
    unit = Unit.objects.filter(pk=acting, agency=by.agency_id).first()
    if unit is None:
        raise UnitNotFound(unit=acting)
    asked = radio(by, asked_by)
    flags = [] if links.shift_over(by, when) is None else ["late_scope"]
    assignment, moved = None, False
    call_id = Assignment.objects.open().filter(unit=unit).values_list("call_id", flat=True).first()
    if call_id is not None and not flags:
        call = Call.objects.lock(call_id)
        # Read again under the lock: the unit may have lost it. What it holds since began after this sign of the crew.
        assignment = Assignment.objects.open().filter(unit=unit, call=call).first()
        if assignment is not None and assignment.on_scene_at is not None and assignment.on_scene_at <= when:
            moved = move_on(call=call, assignment=assignment, when=when, by=by, at=at)

    record(
        "unit.checked_in",
        agency_id=by.agency_id,
        about=f"unit.{unit.pk}" if assignment is None else f"call.{assignment.call_id}",
        data={
            "unit": unit.pk,
            "assignment": assignment and assignment.pk,
            "moved": moved,
            **({"by_radio": asked} if asked else {}),
            **({"flags": flags} if flags else {}),
        },
        by=by,
        at=when,
    )
    return CheckedIn(unit, assignment, flags)


def due_presses(*, at: datetime) -> list[int]:
    """
    Return the alarms after which the radio brought no sign of the crew either, and no backup has been noted yet.

    Of each assignment the newest alarm counts: every sign of the crew makes a newer one. That a dispatcher has seen the
    alarm is no sign of the crew. It counts from when the alarm was due, which is when consoles rang by themselves: a sweep
    that comes late to raise it puts nothing off.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT alarm.id FROM dispatch_assignment a JOIN responders_unit unit ON unit.id = a.unit_id"
            " JOIN responders_agency agency ON agency.id = unit.agency_id"
            " JOIN LATERAL (SELECT id, due_at FROM dispatch_alarm"
            "   WHERE assignment_id = a.id AND kind = %(kind)s ORDER BY id DESC LIMIT 1) alarm ON true"
            " WHERE a.ended_at IS NULL AND a.welfare_due_at <= %(at)s"
            "   AND alarm.due_at + make_interval(secs => agency.welfare_check_s) <= %(at)s"
            "   AND (a.welfare_backup_at IS NULL OR a.welfare_backup_at < alarm.due_at) ORDER BY alarm.id",
            {"kind": AlarmKind.WELFARE_MISSED, "at": at},
        )
        return [row[0] for row in cursor.fetchall()]


def key_of(alarm_id: int) -> UUID:
    """
    Return the key of the request for backup that follows an alarm.
    """
    return uuid5(_KEYS, f"welfare alarm {alarm_id}")


def press(*, alarm_id: int) -> UUID:
    """
    Ask for backup for the crew that an alarm is about, and return the request's key.

    Outside of any door and before one: it is committed by itself, waits for no lock of a call, a unit or a stream, and no
    failure of what follows takes it back. Who finds the alarm again, because what follows failed, inserts nothing.
    """
    key = key_of(alarm_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH pressed AS ("
            " INSERT INTO dispatch_backuppress (key, agency_id, unit_id, call_id, origin, via, level, service, silent,"
            "   drill, raw, lon, lat, accuracy_m, fixed_at)"
            " SELECT %(key)s, unit.agency_id, unit.id, alarm.call_id, %(origin)s, 'server', 'EMERGENCY', 'POLICE', false,"
            "   false, '', ST_X(position.point::geometry), ST_Y(position.point::geometry), position.accuracy_m, position.at"
            " FROM dispatch_alarm alarm JOIN dispatch_assignment a ON a.id = alarm.assignment_id"
            " JOIN responders_unit unit ON unit.id = a.unit_id"
            " LEFT JOIN responders_position position ON position.unit_id = unit.id"
            " WHERE alarm.id = %(alarm)s ON CONFLICT (key) DO NOTHING RETURNING key, agency_id)"
            " SELECT pg_notify('backup', agency_id || ' ' || key) FROM pressed",
            {"key": key, "alarm": alarm_id, "origin": BackupOrigin.WELFARE},
        )
    return key


def note_press(*, alarm_id: int, by: object, at: datetime) -> bool:
    """
    Note on the assignment that backup was asked for its crew, and return whether that was news. A call that somebody holds is
    left for the next sweep: who waited for it would ask too late for the next crew.
    """
    found = Alarm.objects.filter(pk=alarm_id, assignment__isnull=False).values_list("call_id", "assignment_id").first()
    if found is None:
        return False
    call = Call.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(pk=found[0]).first()
    if call is None:
        return False
    alarm, assignment = Alarm.objects.get(pk=alarm_id), Assignment.objects.get(pk=found[1])
    if assignment.welfare_backup_at is not None and assignment.welfare_backup_at >= alarm.due_at:
        return False
    key = key_of(alarm_id)
    assert BackupPress.objects.filter(pk=key).exists(), "the press comes first: this only notes it"
    assignment.welfare_backup_at = at
    assignment.save(update_fields=["welfare_backup_at"])
    record(
        "welfare.backup_asked",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"assignment": assignment.pk, "unit": assignment.unit_id, "alarm": alarm_id, "press": str(key)},
        by=by,
        at=at,
    )
    return True


def _limits(call: LockedCall, *, begins: bool) -> tuple[int, int]:
    """
    Return how long the crew may be silent now, and how long it then has to answer, in seconds.
    """
    name = f"welfare_{'risky_' if _is_risky(call) else ''}{'first' if begins else 'next'}_s"
    limits: tuple[int, int] = Agency.objects.values_list(name, "welfare_answer_s").get(pk=call.agency_id)
    return limits


def _is_risky(call: LockedCall) -> bool:
    return rules.is_risky(
        {
            "source": call.source,
            "response": call.response,
            "type": {"color": CallType.objects.values_list("color", flat=True).get(pk=call.type_id)},
            "markers": call.markers,
            "cautions": call.cautions,
            "answers": dict(call.answers.order_by("pk").values_list("disqualifier", "value")),
        }
    )
