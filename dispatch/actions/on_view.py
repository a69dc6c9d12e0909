"""
What a crew came upon: a call that begins with the crew on scene, and gets CAD's number later.

It is told as a fact, often without signal and long after. The call is always made. The crew holds it unless, for all we
know, it cannot be there any more: then the call waits, the desk is alarmed, and what the crew tells of it is kept.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import on_view_refusals, refusals, rules
from dispatch.actions import (
    alarms,
    assignments,
    decisions,
    flags,
    intake,
    links,
    partners,
    referrals,
    scene,
    stops,
    welfare,
)
from dispatch.models import (
    Alarm,
    AlarmKind,
    Answer,
    AnswerValue,
    Assignment,
    AssignmentStatus,
    CadMessage,
    Call,
    CallStatus,
    CallType,
    Color,
    Disposition,
    LockedCall,
    Note,
    Origin,
    Queue,
    Source,
    Stop,
)
from dispatch.premises import copy_premise
from dispatch.words import CHECKS, ON_VIEW
from journal.record import record
from responders.actors import Actor
from responders.models import Agency, LockedUnit, Unit
from responders.rules import radio, unit_acted_for

# Nobody has triaged it, and the crew is there already.
PRIORITY = 5
MESSAGE = "on_view"
GONE = "on_view_crew_gone"
_OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Met:
    """
    The call of an encounter and the crew's assignment to it, which has ended already where the crew cannot be there any more.
    """

    call: Call
    assignment: Assignment
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Joined:
    """
    The call that went on, and the unit's assignment to it; None where nobody held the other one.
    """

    call: Call
    assignment: Assignment | None


def on_view(
    *,
    what: str,
    by: Actor,
    at: datetime,
    key: UUID | None = None,
    happened_at: datetime | None = None,
    point: Point | None = None,
    accuracy_m: float | None = None,
    place_kind: str = "UNKNOWN",
    note: str = "",
    unit_id: int | None = None,
    asked_by: str = "",
) -> Met:
    """
    Note that a crew came upon somebody: a call with the crew on scene, which is busy at once.

    ``key`` is the tablet's own name for it, by which it tells how it went on before it has heard of us; the same key is the
    same encounter.

    :raises UnitNotFound: the unit belongs to another agency.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    when = links.moment(happened_at, at)
    # The unit alone: the call does not exist for anybody yet. Nobody can give it another call meanwhile.
    unit = Unit.objects.lock(acting)
    rules.check_of_agency(unit, by=by)
    if key is not None:
        known = Assignment.objects.filter(call__on_view_key=key, call__agency=by.agency_id, unit=unit)
        if (told := known.select_related("call").order_by("pk").first()) is not None:
            return Met(told.call, told)
        if Call.objects.filter(on_view_key=key).exists():
            # Another crew's name for what it came upon. This one happened too: it is made without.
            key = None
    asked = radio(by, asked_by)
    call, raised = make(what, unit, key=key, point=point, place_kind=place_kind, by=by, at=at, when=when)
    assignment, more = _put_there(call, unit, asked=asked, by=by, at=at, when=when)
    raised += more
    if note:
        Note.objects.create(call=call, text=note, by=by.label, origin="UNIT", at=when)
    _tell_cad(call, unit, accuracy_m=accuracy_m, at=at, when=when)

    record(
        "call.on_view",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={
            "assignment": assignment.pk,
            "unit": unit.pk,
            "number": call.number,
            "type": call.type_id,
            "response": str(call.response),
            "accuracy_m": accuracy_m,
            **({"by_radio": asked} if asked else {}),
            **({"flags": raised} if raised else {}),
        },
        by=by,
        at=when,
    )
    return Met(call, assignment, raised)


def link(*, call_id: int, number: str, by: Actor, at: datetime) -> Call:
    """
    Give an encounter the number that CAD gave it; its own is kept.

    :raises CallNotFound: there is no such call in the agency.
    :raises NotOnView: the call has no number of its own.
    :raises LinkedOtherwise: CAD has given it another number already.
    :raises NumberTaken: another call has this number: join the two.
    """
    intake.hold_number(agency_id=by.agency_id, number=number)
    call = Call.objects.lock(call_id)
    rules.check_sees_call(call, by=by, in_area=True)
    if not call.own_number:
        raise on_view_refusals.NotOnView(call=call.pk)
    if call.number == number:
        return call
    if call.number != call.own_number:
        raise on_view_refusals.LinkedOtherwise(number=call.number)
    other = Call.objects.filter(agency=call.agency_id, number=number).values_list("pk", flat=True).first()
    if other is not None:
        raise on_view_refusals.NumberTaken(call=other)
    give_number(call=call, number=number, by=by, at=at)
    return call


def give_number(*, call: LockedCall, number: str, by: object, at: datetime) -> None:
    """
    Note under which number CAD knows an encounter. The caller holds the number, too.
    """
    call.number = number
    call.save(update_fields=["number"])
    record(
        "call.linked",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"number": number, "own_number": call.own_number},
        by=by,
        at=at,
    )


def confirmed(*, call_id: int, number: str, by: object, at: datetime) -> None:
    """
    CAD says that an encounter is its incident of this number. Where CAD's own call came first, the two are joined.

    The caller holds the number and no call yet. CAD's word is never refused: what does not fit is flagged.
    """
    other = _of_number(call_id, number)
    held = {pk: Call.objects.lock(pk) for pk in sorted({call_id, *([other] if other is not None else [])})}
    call = held[call_id]
    if number in (call.number, "") or not call.own_number:
        return
    into = held.get(other) if other is not None else None
    if into is None and call.number == call.own_number:
        give_number(call=call, number=number, by=by, at=at)
    elif into is not None and call.joined_to_id is None and _is_open(call) and _is_open(into):
        _join(call, into, by=by, at=at)
    elif call.joined_to_id is None or call.joined_to_id != other:
        facts = {"number": call.number, "cad": number, "call": other}
        flags.raise_flag(call=call, code="on_view_number_conflict", facts=facts, at=at)


def join(
    *,
    call_id: int,
    into_id: int,
    by: Actor,
    at: datetime,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Joined:
    """
    Note that an encounter is the same as a call that waits, or that another unit goes to: it closes as a duplicate, and its
    units go on, on scene, on the other one, which keeps its number.

    A call from the CARE queue is theirs by that. One that waits for police waits on with them beside it, and the desk is
    alarmed: nobody takes a call from police by standing there.

    :raises CallNotFound: one of them is not on the actor's board, or the unit does not hold the encounter.
    :raises NotOnView: the first one is no encounter.
    :raises CallNotPending: one of them has ended.
    """
    acting = None
    if by.tablet_id is not None or unit_id is not None or asked_by:
        acting = unit_acted_for(by, unit_id, asked_by)
    held = {pk: Call.objects.lock(pk) for pk in sorted({call_id, into_id})}
    call, into = held[call_id], held[into_id]
    for row in (call, into):
        rules.check_sees_call(row, by=by, in_area=True)
    if acting is not None:
        _check_its_own(call, into, unit_id=acting)
    if not call.own_number or call.pk == into.pk:
        raise on_view_refusals.NotOnView(call=call.pk)
    if call.joined_to_id == into.pk:
        # The other tablet of the unit, or the desk, was first.
        units = Assignment.objects.filter(call=call).values("unit")
        return Joined(into, Assignment.objects.open().filter(call=into, unit__in=units).order_by("pk").first())
    for row in (call, into):
        if not _is_open(row):
            raise refusals.CallNotPending(call=row.pk, status=row.status)
    return Joined(into, _join(call, into, by=by, at=at))


def make(
    what: str,
    unit: LockedUnit,
    *,
    by: Actor,
    at: datetime,
    when: datetime,
    key: UUID | None = None,
    point: Point | None = None,
    place_kind: str = "UNKNOWN",
    status: CallStatus = CallStatus.PENDING,
    disposition: str = "",
) -> tuple[LockedCall, list[str]]:
    """
    Make the call of an encounter under a number of our own, and return it with the codes of flags that it raised.
    """
    known = _type_of(what, unit.agency_id)
    code = known or _type_of(_OTHER, unit.agency_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('dispatch_call', 'id'))")
        call_id = cursor.fetchone()[0]
    number = f"OV{call_id:06d}"
    call = Call(
        pk=call_id,
        agency_id=unit.agency_id,
        number=number,
        own_number=number,
        on_view_key=key,
        source=Source.ON_VIEW,
        priority=PRIORITY,
        # No address: nobody was told one, and a guess would be read as one. The point is where the crew is.
        address="" if point is None else f"{point.y:.5f}, {point.x:.5f}",
        address_key="",
        point=point,
        place_kind=place_kind,
        received_at=when,
        status=status,
        disposition=disposition,
        closed_at=when if disposition else None,
    )
    intake.save_new(call, type_code=code, may_add_type=False, answers=None, by=by, at=at)
    raised = []
    if not known:
        facts = {"type": what[:100], "kind": "call.on_view", "at": when}
        raised.append(flags.raise_flag(call=call, code="unknown_type", facts=facts, at=at, unit_id=unit.pk))
    # Nobody else can have it: it was made in this transaction.
    return LockedCall(call), raised


def _type_of(what: str, agency_id: int) -> str:
    """
    Return the code of the agency's type that is meant, made where it is one of the short list; empty for none.
    """
    own = ON_VIEW | CHECKS
    if what in own:
        code = f"ON-VIEW {what}".replace("_", " ")
        CallType.objects.get_or_create(
            agency_id=agency_id, code=code, defaults={"label": own[what], "color": Color.YELLOW}
        )
        return code
    return what if CallType.objects.filter(agency=agency_id, code=what).exists() else ""


def assign(
    call: LockedCall,
    unit: LockedUnit,
    *,
    asked: str,
    by: Actor,
    when: datetime,
    status: AssignmentStatus = AssignmentStatus.ON_SCENE,
    disposition: str = "",
    why: str = "",
) -> Assignment:
    """
    Write down that a unit was on scene of an encounter from ``when`` on, or just then.
    """
    return Assignment.objects.create(
        call=call,
        unit=unit,
        origin=Origin.ON_VIEW,
        primary=True,
        status=status,
        assigned_at=when,
        assigned_by=str(by),
        radio_asked_by=asked,
        delivered_at=when,
        acknowledged_at=when,
        acknowledged_by=asked or str(by),
        on_scene_at=when,
        ended_at=None if status == AssignmentStatus.ON_SCENE else when,
        disposition=disposition,
        end_reason=why,
    )


def _put_there(
    call: LockedCall, unit: LockedUnit, *, asked: str, by: Actor, at: datetime, when: datetime
) -> tuple[Assignment, list[str]]:
    why = scene.elsewhere(unit, by, when)
    if why:
        # Somebody else has to look after it, or to say what the crew does first; its own word on how it ended is to come.
        assignment = assign(call, unit, asked=asked, by=by, when=when, status=AssignmentStatus.HANDED_BACK, why=why)
        facts = {"kind": "call.on_view", "assignment": assignment.pk, "at": when, "only_told": why}
        code = flags.raise_flag(call=call, code=GONE, facts=facts, at=at, unit_id=unit.pk)
        alarms.raise_alarm(call=call, kind=AlarmKind.UNASSIGNED_ON_SCENE, at=at, assignment=None)
        return assignment, [code]
    assignment = assign(call, unit, asked=asked, by=by, when=when)
    call.status = CallStatus.ASSIGNED
    call.save(update_fields=["status"])
    copy_premise(call=call, at=at)
    welfare.move_on(call=call, assignment=assignment, when=when, by=by, at=at, begins=True)
    return assignment, []


def _tell_cad(call: Call, unit: Unit, *, accuracy_m: float | None, at: datetime, when: datetime) -> None:
    if not Agency.objects.filter(pk=call.agency_id, has_cad=True).exists():
        return
    CadMessage.objects.create(
        agency_id=call.agency_id,
        call=call,
        kind=MESSAGE,
        body={
            "number": call.own_number,
            "unit": unit.call_sign,
            "type": call.type.code,
            "point": None if call.point is None else {"lon": call.point.x, "lat": call.point.y},
            "accuracy_m": accuracy_m,
            "at": when.isoformat(),
        },
        made_at=at,
    )


def _check_its_own(call: Call, into: Call, *, unit_id: int) -> None:
    held = Assignment.objects.filter(call=call, unit=unit_id)
    areas = Unit.objects.filter(pk=unit_id, areas=into.area_id) if into.area_id is not None else Unit.objects.none()
    if not held.exists():
        raise refusals.CallNotFound(call=call.pk)
    if not areas.exists() and not Assignment.objects.filter(call=into, unit=unit_id).exists():
        raise refusals.CallNotFound(call=into.pk)


def _join(call: LockedCall, into: LockedCall, *, by: object, at: datetime) -> Assignment | None:
    there = list(Assignment.objects.open().filter(call=call).order_by("pk"))
    Unit.objects.lock_many({row.unit_id for row in there})
    unread = Stop.objects.filter(assignment__in=there, acknowledged_at=None).order_by("pk")
    stopped = list(dict.fromkeys(reason for stop in unread for reason in stop.reasons))
    withdrew = set(
        Alarm.objects.filter(assignment__in=there, kind=AlarmKind.CREW_WITHDREW, ended_at=None).values_list(
            "assignment", flat=True
        )
    )
    went_on: dict[int, Assignment] = {}
    for assignment in there:
        past = {name: getattr(assignment, name) for name in _GOES_ON}
        assignments.end(
            call=call,
            assignment=assignment,
            status=AssignmentStatus.CLEARED,
            by=by,
            at=at,
            disposition=Disposition.DUPLICATE,
            reason="JOINED",
            promote=False,
        )
        went_on[assignment.pk] = _go_on(into, past, by=by, at=at)
        if assignment.pk in withdrew:
            alarms.raise_alarm(call=into, kind=AlarmKind.CREW_WITHDREW, at=at, assignment=went_on[assignment.pk])
    # Nothing that speaks for caution is lost with the encounter.
    partners.go_on(call=call, into=into, by=by, at=at)
    referrals.go_on(call=call, into=into, assignments=went_on, at=at)
    _answer_yes(call, into, by=by, at=at)
    if stopped:
        stops.raise_stop(call=into, reasons=stopped, by=by, at=at)
    if went_on:
        partners.follow(call=into, by=by, at=at)
    call.joined_to = into
    call.save(update_fields=["joined_to"])
    assignments.close_call(call=call, by=by, at=at, closed_at=at, disposition=Disposition.DUPLICATE)
    record(
        "call.joined",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"into": into.pk, "number": into.number, "assignments": [row.pk for row in went_on.values()]},
        by=by,
        at=at,
    )
    return next(iter(went_on.values()), None)


def _answer_yes(call: LockedCall, into: LockedCall, *, by: object, at: datetime) -> None:
    """
    Answer yes about the call that goes on to what was answered yes about the encounter: it is one place and one person.
    """
    newest = {
        pk: dict(Answer.objects.filter(call=pk).order_by("pk").values_list("disqualifier", "value"))
        for pk in (call.pk, into.pk)
    }
    yes = [
        name
        for name, value in newest[call.pk].items()
        if value == AnswerValue.YES and newest[into.pk].get(name) != AnswerValue.YES
    ]
    if yes:
        Answer.objects.bulk_create(
            Answer(call=into, disqualifier=name, value=AnswerValue.YES, by=str(by), at=at) for name in yes
        )
        decisions.decide(call=into, by=by, at=at)


# What a crew did is done, on whichever call it goes on.
_GOES_ON = (
    "unit_id",
    "status",
    "radio_asked_by",
    "acknowledged_at",
    "acknowledged_by",
    "on_scene_at",
    "transporting_at",
    "at_destination_at",
    "destination",
    "persons",
    "miles_start",
    "miles_end",
    "welfare_due_at",
)


def _go_on(into: LockedCall, past: dict[str, object], *, by: object, at: datetime) -> Assignment:
    takes = into.status == CallStatus.PENDING and into.queue == Queue.CARE
    assignment = Assignment.objects.create(
        call=into,
        origin=Origin.ON_VIEW,
        primary=takes,
        assigned_at=at,
        assigned_by=str(by),
        delivered_at=at,
        **past,
    )
    if takes:
        into.status, into.offered_at = CallStatus.ASSIGNED, None
        into.save(update_fields=["status", "offered_at"])
    if into.premise is None:
        copy_premise(call=into, at=at)
    if into.status == CallStatus.PENDING:
        alarms.raise_alarm(call=into, kind=AlarmKind.UNASSIGNED_ON_SCENE, at=at, assignment=assignment)
    welfare.promise_again(call=into, assignment=assignment, at=at)
    return assignment


def _of_number(call_id: int, number: str) -> int | None:
    other = Call.objects.filter(agency__calls=call_id, number=number).exclude(pk=call_id)
    return other.values_list("pk", flat=True).first()


def _is_open(call: Call) -> bool:
    return call.status in (CallStatus.PENDING, CallStatus.ASSIGNED)
