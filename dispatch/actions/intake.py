"""
Calls come in, change and end: from CAD, which owns number, type, priority, address and police units of what it made, and
from the desk.

Every revision, note and answer runs the policy again (dispatch/actions/decisions.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import facts, intake_refusals, premises, screening
from dispatch.actions import alarms, assignments, flags, links, partners, poaches
from dispatch.actions.decisions import check_own_open, decide, first_decision, open_decision, settle
from dispatch.models import (
    AlarmKind,
    Answer,
    AnswerValue,
    Assignment,
    CadRevision,
    Call,
    CallerWish,
    CallStatus,
    CallType,
    Color,
    Disposition,
    Disqualifier,
    Flag,
    LockedCall,
    Note,
)
from journal.record import record
from responders.actors import Actor
from responders.models import Agency
from responders.queries import area_at

# CAD's and CARE's clocks may differ by this much before a time counts as another one.
SAME_TIME = timedelta(seconds=60)

CLOSED_BY_CAD = ("CLOSED", "CANCELLED")
# What a revision is recorded as, which is also what a tablet is told when its call goes with it.
_REVISIONS = {"CLOSED": "call.closed_by_cad", "CANCELLED": "call.cancelled_by_cad"}
_TIMES_OF_CAD = ("en_route_at", "on_scene_at", "cleared_at")
_OWNED_BY_CAD = frozenset({"type", "priority", "address", "point", "narrative"})
# What the desk may come to know better than CAD does: its word stays until CAD says something new.
_SHARED_WITH_DESK = (
    "place_kind",
    "markers",
    "caller_phone",
    "caller_wish",
    "language",
    "interpreter",
    "sign_language",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CadCall:
    """
    One revision of a call as CAD sends it: everything CAD says of the call at that moment, not only what changed.

    ``answers`` is the exception: a disqualifier that is not named was not touched by this revision.
    """

    number: str
    revision: int
    status: str
    type: str
    priority: int
    address: str
    source: str
    received_at: datetime
    cad_at: datetime
    closed_at: datetime | None = None
    point: tuple[float, float] | None = None
    place_kind: str = "UNKNOWN"
    markers: Sequence[str] = ()
    answers: Mapping[str, str] | None = None
    narrative: str = ""
    caller_phone: str = ""
    caller_wish: str = "NOT_SAID"
    language: str = ""
    interpreter: bool = False
    sign_language: bool = False
    police_units: Sequence[str] = ()
    police_assigned_at: datetime | None = None
    care_units: Sequence[Mapping[str, Any]] = ()
    # Ours, of the on-view encounter that CAD made this incident for.
    own_number: str = ""

    def as_payload(self) -> dict[str, Any]:
        """
        Return the revision as the JSON that is kept of it.
        """
        payload: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self), option=orjson.OPT_UTC_Z))
        if not self.own_number:
            # Revisions that were kept before there was such a thing must still be the same.
            del payload["own_number"]
        return payload


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What became of a revision: the call it is about, and whether it changed anything there.
    """

    call: Call
    applied: bool
    created: bool


def take_revision(*, agency_id: int, revision: CadCall, by: object, at: datetime) -> Taken:
    """
    Take one revision of a call from CAD: make the call, revise it, or keep what came too late.

    The newest revision is what the call is; an older one that comes after it is stored and changes nothing, except that
    its answers hold where nothing newer was answered. So any order of arrival ends in the same call.

    :raises RevisionReused: this revision is known with other content.
    """
    hold_number(agency_id=agency_id, number=revision.number)
    call = _lock_numbered(agency_id, revision.number) or _of_own_number(agency_id, revision, by=by, at=at)
    payload = revision.as_payload()
    if call is None:
        _keep(agency_id, revision, payload, applied=True, at=at)
        return Taken(_make(agency_id, revision, by=by, at=at), applied=True, created=True)
    locked = LockedCall(call)
    kept = CadRevision.objects.filter(
        agency=agency_id, number=revision.number, revision__in=[revision.revision, call.cad_revision or 0]
    )
    past = {row.revision: row for row in kept}
    known = past.get(revision.revision)
    if known is not None:
        # Another key of the same CAD, or a receipt that was swept.
        if known.payload != payload:
            raise revision_reused(revision)
        return Taken(call, applied=known.applied, created=False)
    applied = call.cad_revision is None or revision.revision > call.cad_revision
    _keep(agency_id, revision, payload, applied=applied, at=at)
    if applied:
        _revise(locked, revision, past=past.get(call.cad_revision or 0), by=by, at=at)
    else:
        _take_late(locked, revision, by=by, at=at)
    return Taken(call, applied=applied, created=False)


def create(
    *,
    by: Actor,
    at: datetime,
    source: str,
    type: str,  # noqa: A002  the word of the house
    priority: int,
    address: str,
    number: str = "",
    point: Point | None = None,
    place_kind: str = "UNKNOWN",
    markers: Sequence[str] = (),
    answers: Mapping[str, str] | None = None,
    narrative: str = "",
    caller_phone: str = "",
    caller_wish: str = "NOT_SAID",
    language: str = "",
    interpreter: bool = False,
    sign_language: bool = False,
    happened_at: datetime | None = None,
) -> Call:
    """
    Make a call at the desk. Its number is the desk's own, D and a count, unless CAD's is known before CAD has said it.

    :raises UnknownCallType: the agency has no such type, or has retired it.
    :raises WishNotAskedTwice: a new call has not been asked twice.
    """
    if caller_wish == CallerWish.NO_POLICE_CONFIRMED:
        raise intake_refusals.WishNotAskedTwice
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('dispatch_call', 'id'))")
        call_id = cursor.fetchone()[0]
    call = Call(
        pk=call_id,
        agency_id=by.agency_id,
        number=number or f"D{call_id:06d}",
        source=source,
        priority=priority,
        address=address,
        address_key=premises.address_key(address),
        point=point,
        place_kind=place_kind,
        markers=sorted(set(markers)),
        narrative=narrative,
        caller_phone=premises.phone_key(caller_phone),
        caller_wish=caller_wish,
        language=language,
        interpreter=interpreter,
        sign_language=sign_language,
        received_at=at,
    )
    save_new(call, type_code=type, may_add_type=False, answers=answers, by=by, at=at)
    record("call.create", agency_id=by.agency_id, about=f"call.{call.pk}", data=_told(call), by=by, at=at)
    return call


def update(
    *,
    call_id: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    **changes: Any,
) -> Call:
    """
    Change what the desk knows better: what CAD does not own, or anything of a call that CAD did not make.

    :raises CadOwnsField: CAD made the call and owns one of these fields.
    :raises CallClosed: the call has ended.
    :raises UnknownCallType: the agency has no such type.
    :raises WishNotAskedTwice: the caller was asked only once whether they want no police.
    """
    row = Call.objects.lock(call_id)
    check_own_open(row, by=by)
    owned = _OWNED_BY_CAD & set(changes)
    if owned and row.cad_revision is not None:
        raise intake_refusals.CadOwnsField(fields=sorted(owned))
    wish = changes.get("caller_wish")
    if wish == CallerWish.NO_POLICE_CONFIRMED and row.caller_wish not in (
        CallerWish.NO_POLICE,
        CallerWish.NO_POLICE_CONFIRMED,
    ):
        raise intake_refusals.WishNotAskedTwice
    if (code := changes.pop("type", None)) is not None:
        known = CallType.objects.filter(agency=by.agency_id, code=code, retired=False).first()
        if known is None:
            raise intake_refusals.UnknownCallType(type=code)
        row.type = known
    if "address" in changes:
        row.address_key = premises.address_key(changes["address"])
    if "point" in changes:
        row.area = area_at(Agency.objects.get(pk=by.agency_id), changes["point"], at)
    if "caller_phone" in changes:
        changes["caller_phone"] = premises.phone_key(changes["caller_phone"])
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()
    decide(call=row, by=by, at=at)
    # Names of fields only: what they hold may be a phone number or a person's words.
    fields = sorted([*changes, *(["type"] if code is not None else [])])
    record("call.update", agency_id=row.agency_id, about=f"call.{row.pk}", data={"fields": fields}, by=by, at=at)
    return row


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The answer that holds after one was told, and what did not fit about the one that was told.
    """

    answer: Answer
    call: Call
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Noted:
    """
    A note after it was told, and what did not fit about it.
    """

    note: Note
    flags: list[str] = field(default_factory=list)


def answer(
    *,
    call_id: int,
    disqualifier: str,
    value: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    called_back: bool = False,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Answered:
    """
    Note what was answered about a disqualifier, and by whom. A crew may settle one by calling back, under its name.

    A fact: for a call that has ended it is kept and flagged. One that comes after a later word does not take its place: it
    is flagged (``out_of_order``) with what it said. Only a yes always holds: whoever has settled it since did not know.

    :raises CallNotFound: the call never was on the actor's board, and their unit never held it.
    """
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=unit_id, asked_by=asked_by)
    row = link.call
    later = _later_word(row, disqualifier, value, link.when)
    raised: list[str] = []
    said = {"disqualifier": disqualifier, "value": value}
    if later is not None:
        facts = {"kind": "call.answer", **said, "at": link.when, "kept": later.value, "kept_at": later.at}
        raised.append(
            flags.raise_flag(call=row, code="out_of_order", facts=facts, at=at, unit_id=link.unit_id),
        )
    given = later
    if given is None or value == AnswerValue.YES:
        given = Answer.objects.create(
            call=row, disqualifier=disqualifier, value=value, by=str(by), at=link.when, called_back=called_back
        )
        if _is_open(row):
            decide(call=row, by=by, at=at)
    raised += link.flag_late(kind="call.answer", at=at, closed="answer_after_close", **said)
    record(
        "call.answer",
        agency_id=row.agency_id,
        about=f"call.{row.pk}",
        data={**said, "called_back": called_back, **_radioed(link.asked), **_flagged(raised)},
        by=by,
        at=link.when,
    )
    return Answered(given, row, raised)


def note(
    *,
    call_id: int,
    text: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Noted:
    """
    Append words to a call, by the desk or by a crew; kept for a call that has ended as well.

    :raises CallNotFound: the call never was on the actor's board, and their unit never held it.
    """
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=unit_id, asked_by=asked_by)
    row, asked = link.call, link.asked
    said = Note.objects.create(
        call=row,
        text=text,
        by=f"{by} by radio: {asked}"[:100] if asked else str(by),
        origin="UNIT" if by.tablet_id is not None or asked else "DESK",
        at=link.when,
    )
    if _is_open(row):
        decide(call=row, by=by, at=at)
    raised = link.flag_late(kind="call.note", at=at, closed="note_after_close", note=said.pk)
    record(
        "call.note",
        agency_id=row.agency_id,
        about=f"call.{row.pk}",
        data={"note": said.pk, **_radioed(asked), **_flagged(raised)},
        by=by,
        at=said.at,
    )
    return Noted(said, raised)


def cancel(*, call_id: int, reason: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Call:
    """
    Cancel a call at the desk. Units on their way are told loudly and are free; a crew on scene is told and keeps the call,
    which closes when it clears.

    :raises CadOwnsCall: CAD holds the call open.
    :raises CallClosed: the call has ended already.
    """
    row = Call.objects.lock(call_id)
    check_own_open(row, by=by)
    if row.cad_revision is not None and row.cad_closed_at is None:
        raise intake_refusals.CadOwnsCall(number=row.number)
    left = assignments.call_off(call=row, reason=reason, by=by, at=at)
    if not left:
        _end(row, CallStatus.CANCELLED, disposition=Disposition.CANCELLED, ended_at=at, by=by, at=at)
    record(
        "call.cancel",
        agency_id=row.agency_id,
        about=f"call.{row.pk}",
        data={"reason": reason, "held_by": [held.unit_id for held in left]},
        by=by,
        at=at,
    )
    return row


def revision_reused(revision: CadCall) -> intake_refusals.RevisionReused:
    """
    Return the refusal of a revision that is known with other content.
    """
    return intake_refusals.RevisionReused(number=revision.number, revision=revision.revision)


def _make(agency_id: int, revision: CadCall, *, by: object, at: datetime) -> Call:
    call = Call(agency_id=agency_id, number=revision.number, police_assigned_at=_police_at(revision))
    _copy_fields(call, revision)
    if revision.status in CLOSED_BY_CAD:
        call.status = CallStatus(revision.status)
        call.closed_at = call.cad_closed_at = revision.closed_at or revision.cad_at
    save_new(call, type_code=revision.type, may_add_type=True, answers=revision.answers, by=by, at=at)
    record("call.create", agency_id=agency_id, about=f"call.{call.pk}", data=_told(call), by=by, at=at)
    return call


def hold_number(*, agency_id: int, number: str) -> None:
    """
    Hold one of CAD's numbers until the transaction ends. It comes before the lock of any call.

    Two who make or name a call of this number must not both do so, and there may be no row to lock yet.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [number, agency_id])


def save_new(
    call: Call, *, type_code: str, may_add_type: bool, answers: Mapping[str, str] | None, by: object, at: datetime
) -> None:
    """
    Save a call that nobody has yet, with its answers and what the policy says of it.

    :raises UnknownCallType: the agency has no such type, and none may be added.
    """
    situation = facts.gather(
        agency_id=call.agency_id,
        at=at,
        address_key=call.address_key,
        phone=call.caller_phone,
        type_code=type_code,
        point=call.point,
    )
    is_new = situation.type is None
    if is_new:
        if not may_add_type:
            raise intake_refusals.UnknownCallType(type=type_code)
        situation = replace(situation, type=_add_type(call.agency_id, type_code))
    assert situation.type is not None
    call.type_id = situation.type.id
    given = screening.complete(answers or {})
    outcome = situation.outcome(answers=given, place_kind=call.place_kind, markers=call.markers, wish=call.caller_wish)
    open_decision(call=call, situation=situation, outcome=outcome, at=at)
    call.save(force_insert=True)
    _save_answers(call, {name: value for name, value in given.items() if name in (answers or {})}, by=by, at=at)
    first_decision(call=call, situation=situation, at=at)
    if is_new:
        _flag(call, "unknown_type", {"type": type_code}, at=at)


def _lock_numbered(agency_id: int, number: str, *, own: bool = False) -> Call | None:
    wanted = {"own_number": number} if own else {"number": number}
    return Call.objects.select_for_update(no_key=True, of=("self",)).filter(agency=agency_id, **wanted).first()


def _of_own_number(agency_id: int, revision: CadCall, *, by: object, at: datetime) -> Call | None:
    """
    Return the encounter that CAD made its incident for, now under CAD's number; None for every other incident.
    """
    if not revision.own_number:
        return None
    call = _lock_numbered(agency_id, revision.own_number, own=True)
    if call is None or call.number != call.own_number or call.joined_to_id is not None:
        return None
    call.number = revision.number
    call.save(update_fields=["number"])
    return call


def _add_type(agency_id: int, code: str) -> facts.Type:
    # A call is never lost over a type that nobody has entered here. RED, because nobody has said that CARE may go.
    made, _ = CallType.objects.get_or_create(
        agency_id=agency_id, code=code, defaults={"label": code, "color": Color.RED}
    )
    return facts.Type(made.pk, made.code, Color(made.color))


def _revise(call: LockedCall, revision: CadCall, *, past: CadRevision | None, by: object, at: datetime) -> None:
    had = list(call.police_units)
    had_police = bool(had)
    was_closed_by_cad = call.cad_closed_at is not None
    was_at = call.point and (call.point.x, call.point.y)
    _copy_fields(call, revision, past=past)
    moved = was_at is None or call.point is None or (call.point.x, call.point.y) != was_at
    if not revision.police_units:
        call.police_assigned_at = None
    elif not had_police or revision.police_assigned_at is not None:
        call.police_assigned_at = _police_at(revision)
    if moved:
        # The area around the new place is found below, with everything else.
        call.area_id = None
    situation = facts.gather(
        agency_id=call.agency_id,
        at=at,
        address_key=call.address_key,
        phone=call.caller_phone,
        type_code=revision.type,
        call_id=call.pk,
        area_id=call.area_id,
        point=call.point,
    )
    if situation.type is None:
        situation = replace(situation, type=_add_type(call.agency_id, revision.type))
        _flag(call, "unknown_type", {"type": revision.type}, at=at)
    assert situation.type is not None
    call.type_id = situation.type.id
    call.area_id = situation.area.id if situation.area else None
    changed = _changed_answers(situation.answers, revision.answers)
    _save_answers(call, changed, by=by, at=at)
    ended = _follow_cad(call, revision, was_closed=was_closed_by_cad, by=by, at=at)
    call.save()
    settle(call=call, situation=situation, answers=changed, by=by, at=at)
    if call.police_units and not had_police and call.status == CallStatus.ASSIGNED:
        poaches.police_assigned(call=call, by=by, at=at)
    partners.police_changed(call=call, had=had, by=by, at=at, cad_at=revision.cad_at)
    if revision.care_units:
        _compare_times(call, revision, at=at)
    record(
        "call.revise" if was_closed_by_cad else _REVISIONS.get(revision.status, "call.revise"),
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={**_told(call), "cad_status": revision.status, "ended": ended},
        by=by,
        at=at,
    )


def _take_late(call: LockedCall, revision: CadCall, *, by: object, at: datetime) -> None:
    said_in: dict[str, int] = {}
    everything = list(CadRevision.objects.filter(agency=call.agency_id, number=call.number).order_by("revision"))
    for row in everything:
        said_in |= dict.fromkeys(row.payload.get("answers") or {}, row.revision)
    by_whom = dict(Answer.objects.filter(call=call).order_by("pk").values_list("disqualifier", "by"))
    # What a newer revision, the desk or a crew has answered holds; a gap is filled, and an older answer of CAD replaced.
    fills = {
        Disqualifier(name): AnswerValue(value)
        for name, value in (revision.answers or {}).items()
        if said_in[name] == revision.revision and by_whom.get(name, "cad:").startswith("cad:")
    }
    _save_answers(call, fills, by=by, at=at)
    police_at = _police_since(everything)
    if police_at != call.police_assigned_at:
        call.police_assigned_at = police_at
        call.save(update_fields=["police_assigned_at"])
    if fills:
        decide(call=call, by=by, at=at)
    record(
        "call.late_revision",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"revision": revision.revision, "current": call.cad_revision, "answers": sorted(fills)},
        by=by,
        at=at,
    )


def _copy_fields(call: Call, revision: CadCall, *, past: CadRevision | None = None) -> None:
    if not call.own_number:
        # Whatever CAD calls it: a crew came upon it.
        call.source = revision.source
    call.priority = revision.priority
    call.address = revision.address
    call.address_key = premises.address_key(revision.address)
    if revision.point or not call.own_number:
        # Where a crew stands is better than no place.
        call.point = Point(*revision.point, srid=4326) if revision.point else None
    call.narrative = revision.narrative
    call.received_at = revision.received_at
    call.cad_revision = revision.revision
    call.cad_at = revision.cad_at
    call.police_units = list(dict.fromkeys(revision.police_units))
    for name in _SHARED_WITH_DESK:
        said = _shared(name, getattr(revision, name))
        if past is None or said != _shared(name, past.payload[name]):
            setattr(call, name, said)


def _shared(name: str, value: Any) -> Any:
    if name == "caller_phone":
        return premises.phone_key(value)
    return sorted(set(value)) if name == "markers" else value


def _follow_cad(call: LockedCall, revision: CadCall, *, was_closed: bool, by: object, at: datetime) -> bool:
    """
    Close or reopen the call as CAD says, but never under a crew; tell whether the call ended with this revision.
    """
    if revision.status not in CLOSED_BY_CAD:
        call.cad_closed_at = None
        if was_closed:
            _reopen(call, by=by, at=at)
        return False
    closed_at = revision.closed_at or revision.cad_at
    newly = not was_closed
    call.cad_closed_at = closed_at
    if call.status == CallStatus.ASSIGNED or _has_crew(call):
        if not newly:
            return False
        left = assignments.call_off(call=call, reason=f"CAD_{revision.status}", by=by, at=at)
        if left:
            for held in left:
                alarms.raise_alarm(call=call, kind=AlarmKind.CAD_CLOSED_UNDER_UNIT, at=at, assignment=held)
            units = [held.unit_id for held in left]
            _flag(call, "cad_closed_under_unit", {"cad_status": revision.status, "units": units}, at=at)
            return False
    elif call.status != CallStatus.PENDING and (call.disposition or not was_closed):
        # CARE or the desk ended it before CAD did: how it ended stays theirs to say.
        return False
    _end(call, CallStatus(revision.status), disposition=call.disposition, ended_at=closed_at, by=by, at=at)
    return True


def _has_crew(call: LockedCall) -> bool:
    # A crew may be on scene of a call that waits, without holding it.
    return call.status == CallStatus.PENDING and Assignment.objects.open().filter(call=call).exists()


def _reopen(call: LockedCall, *, by: object, at: datetime) -> None:
    if call.status in (CallStatus.PENDING, CallStatus.ASSIGNED):
        alarms.end_alarms(call=call, by=by, at=at, kinds=[AlarmKind.CAD_CLOSED_UNDER_UNIT])
        return
    if call.disposition:
        # What CARE or the desk has ended, CAD does not reopen by itself: a person looks at it.
        _flag(call, "cad_reopened_after_close", {"disposition": call.disposition}, at=at)
        return
    call.status, call.closed_at = CallStatus.PENDING, None


def _end(
    call: LockedCall, status: CallStatus, *, disposition: str, ended_at: datetime, by: object, at: datetime
) -> None:
    call.status, call.closed_at, call.disposition = status, ended_at, disposition
    call.save(update_fields=["status", "closed_at", "disposition"])
    partners.end_with_call(call=call, by=by, at=at, closed_at=ended_at)
    alarms.end_alarms(call=call, by=by, at=at)


def _compare_times(call: LockedCall, revision: CadCall, *, at: datetime) -> None:
    """
    Flag where CAD's times of our units differ from ours. Ours stay; CAD's are kept in the flag and in its revision.
    """
    ours = {
        row.unit.call_sign: row for row in Assignment.objects.filter(call=call).select_related("unit").order_by("pk")
    }
    flagged = [(flag.facts.get("unit"), flag.facts.get("time"), flag.facts.get("cad")) for flag in _time_flags(call)]
    for theirs in revision.care_units:
        assignment = ours.get(str(theirs["unit"]))
        if assignment is None:
            continue
        for name in _TIMES_OF_CAD:
            own = getattr(assignment, "ended_at" if name == "cleared_at" else name)
            said: datetime | None = theirs.get(name)
            if own is None or said is None or abs(own - said) <= SAME_TIME:
                continue
            if (assignment.unit_id, name, said.isoformat()) not in flagged:
                _flag(
                    call,
                    "time_conflict",
                    {
                        "unit": assignment.unit_id,
                        "assignment": assignment.pk,
                        "time": name,
                        "ours": own.isoformat(),
                        "cad": said.isoformat(),
                    },
                    at=at,
                )


def _time_flags(call: Call) -> Collection[Flag]:
    return Flag.objects.filter(call=call, code="time_conflict")


def _later_word(call: Call, disqualifier: str, value: str, when: datetime) -> Answer | None:
    """
    Return what was answered about a disqualifier after ``when`` and holds, if what is told now says less than that.
    """
    newest = Answer.objects.filter(call=call, disqualifier=disqualifier).order_by("-pk").first()
    if newest is None or newest.at <= when or newest.value == value:
        return None
    # That nobody knows, or asked, is no word against one who does.
    nothing = (AnswerValue.UNKNOWN, AnswerValue.NOT_ASKED)
    return None if newest.value in nothing and value not in nothing else newest


def _save_answers(call: Call, answers: Mapping[Disqualifier, AnswerValue], *, by: object, at: datetime) -> None:
    if answers:
        Answer.objects.bulk_create(
            Answer(call=call, disqualifier=name, value=value, by=str(by), at=at) for name, value in answers.items()
        )


def _changed_answers(
    current: Mapping[Disqualifier, AnswerValue], given: Mapping[str, str] | None
) -> dict[Disqualifier, AnswerValue]:
    said = {Disqualifier(name): AnswerValue(value) for name, value in (given or {}).items()}
    return {name: value for name, value in said.items() if current.get(name) != value}


def _keep(agency_id: int, revision: CadCall, payload: Mapping[str, Any], *, applied: bool, at: datetime) -> None:
    CadRevision(
        agency_id=agency_id,
        number=revision.number,
        revision=revision.revision,
        payload=dict(payload),
        received_at=at,
        applied=applied,
    ).save(force_insert=True)


def _police_at(revision: CadCall) -> datetime | None:
    return (revision.police_assigned_at or revision.cad_at) if revision.police_units else None


def _police_since(revisions: Sequence[CadRevision]) -> datetime | None:
    """
    Return since when police are assigned: the start of the latest run of revisions that name a unit.
    """
    since: str | None = None
    for row in reversed(revisions):
        if not row.payload["police_units"]:
            break
        since = row.payload["police_assigned_at"] or row.payload["cad_at"]
        if row.payload["police_assigned_at"]:
            break
    return None if since is None else datetime.fromisoformat(since)


def _is_open(call: Call) -> bool:
    return call.status in (CallStatus.PENDING, CallStatus.ASSIGNED)


def _radioed(asked: str) -> dict[str, str]:
    return {"by_radio": asked} if asked else {}


def _flagged(raised: list[str]) -> dict[str, list[str]]:
    return {"flags": raised} if raised else {}


def _flag(call: Call, code: str, given: Mapping[str, Any], *, at: datetime) -> None:
    flags.raise_flag(call=call, code=code, facts=given, at=at, unit_id=given.get("unit"))


def _told(call: Call) -> dict[str, Any]:
    return {
        "status": str(call.status),
        "queue": str(call.queue),
        "response": str(call.response),
        "revision": call.cad_revision,
        "type": call.type_id,
        "priority": call.priority,
    }
