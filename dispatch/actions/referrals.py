"""
Officers, crisis lines and providers refer what CARE may take: decided at once, by the same policy as any other call.

What is eligible waits on its area's board as a call; one that CAD numbered stays that call. Whoever referred is told how far
it is and nothing else (dispatch/referral_documents.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection, transaction

from dispatch import facts, intake_refusals, premises, referral_refusals, screening
from dispatch.actions import alarms, decisions, intake, links
from dispatch.models import (
    AlarmKind,
    Answer,
    AnswerValue,
    Assignment,
    Call,
    CallStatus,
    CallType,
    Disqualifier,
    IntakeKey,
    LockedCall,
    Note,
    Queue,
    Referral,
    ReferralKind,
    Source,
)
from dispatch.referral_words import STAY, other_ways, told_of
from journal.record import record
from responders.actors import Actor
from responders.models import Agency
from responders.rules import radio, unit_acted_for

# Of 1 to 9: somebody stands there and waits, and nobody is in danger.
PRIORITY = 4
WITHDRAWN = "REFERRAL_WITHDRAWN"

_YES, _NO = AnswerValue.YES, AnswerValue.NO
_UNANSWERED = (AnswerValue.UNKNOWN, AnswerValue.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Due:
    """
    A call whose unit said when it will be there, and what did not fit about it.
    """

    call: Call
    due_at: datetime
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """
    The referrals that an officer has left to a crew.
    """

    referrals: list[int]
    at: datetime
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Said:
    """
    What was said about a call: its type, its place, the answers.
    """

    type: CallType
    address: str
    point: Point | None
    place_kind: str
    answers: Mapping[Disqualifier, AnswerValue]
    text: str


def make(
    *,
    by: Actor,
    at: datetime,
    kind: str,
    what: str,
    searched: str,
    weapons: str,
    threats: str,
    medical: str = "",
    number: str = "",
    text: str = "",
    address: str = "",
    point: Point | None = None,
    place_kind: str = "UNKNOWN",
    contact: str = "",
    staying: bool = False,
    happened_at: datetime | None = None,
) -> Referral:
    """
    Refer a call, something that was come upon, or a person for later contact.

    A call that is known keeps its number, is told the answers whatever becomes of the referral, and moves to the CARE queue
    where the policy now says so. Anything else becomes a call when it is eligible, and nothing when it is not. A person for
    later contact is kept for coordinators; no unit is sent.

    :raises UnknownCallType: the agency has no such type.
    :raises ReferralCallEnded: the call of that number has ended.
    :raises ReferralAlreadyMade: the officer has referred that call.
    """
    key = None if by.intake_key_id is None else IntakeKey.objects.get(pk=by.intake_key_id)
    known_type = CallType.objects.filter(agency=by.agency_id, code=what, retired=False).first()
    if known_type is None:
        raise intake_refusals.UnknownCallType(type=what)
    said = _Said(
        type=known_type,
        address=address or _as_address(point),
        point=point,
        place_kind=place_kind,
        answers=_answers(weapons=weapons, threats=threats, medical=medical, by_officer=key is None),
        text=text,
    )
    referral = Referral(
        agency_id=by.agency_id,
        kind=kind,
        source=Source.OFFICER if key is None else key.source,
        officer_id=by.person_id if key is None else None,
        key=key,
        number=number if kind == ReferralKind.CALL else "",
        what=known_type.label,
        text=text,
        address=address,
        point=point,
        searched=searched,
        weapons=weapons,
        threats=threats,
        contact=contact,
        staying=staying and kind != ReferralKind.PERSON,
        made_at=at,
        received_at=at,
    )
    if kind != ReferralKind.PERSON:
        call = _known_call(by.agency_id, number) if referral.number else None
        if call is None:
            _make_call(referral, said, by=by, at=at)
        else:
            _join_call(referral, call, said, by=by, at=at)
    if not referral.eligible:
        referral.ended_at = at
    referral.save(force_insert=True)
    record(
        "referral.make",
        agency_id=by.agency_id,
        about=f"referral.{referral.pk}",
        data={
            "referral_kind": kind,
            "source": referral.source,
            "call": referral.call_id,
            "made_call": referral.made_call,
            "eligible": referral.eligible,
        },
        by=by,
        at=at,
    )
    return referral


def eta(
    *,
    call_id: int,
    minutes: int,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> Due:
    """
    Say in how many minutes a unit will be where an officer waits. The desk is alarmed, and the officer told, when it is not
    there by then and ``agency.referral_late_s``.

    :raises CallNotFound: it never was on the unit's board.
    """
    acting = unit_acted_for(by, unit_id, asked_by)
    link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=acting, asked_by=asked_by)
    due_at = link.when + timedelta(minutes=minutes)
    held = Assignment.objects.open().filter(call=link.call, unit=acting).first()
    if held is not None:
        waiting = _open_of(link.call)
        if waiting.update(due_at=due_at, due_by=held, late_told_at=None) and held.on_scene_at is None:
            alarms.end_alarms(call=link.call, by=by, at=at, assignment=held, kinds=[AlarmKind.REFERRAL_LATE])
            late_s = Agency.objects.values_list("referral_late_s", flat=True).get(pk=link.call.agency_id)
            alarms.promise(
                call=link.call,
                kind=AlarmKind.REFERRAL_LATE,
                due_at=due_at + timedelta(seconds=late_s),
                assignment=held,
            )
    raised = link.flag_late(kind="referral.eta", at=at, minutes=minutes)
    record(
        "referral.eta",
        agency_id=link.call.agency_id,
        about=f"call.{link.call.pk}",
        data={
            "unit": acting,
            "minutes": minutes,
            **({"flags": raised} if raised else {}),
            **({"by_radio": link.asked} if link.asked else {}),
        },
        by=by,
        at=link.when,
    )
    return Due(link.call, due_at, raised)


def handed_over(
    *,
    by: Actor,
    at: datetime,
    referral_id: int | None = None,
    call_id: int | None = None,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
) -> HandedOver:
    """
    Note that an officer has left a call to the crew: the officer says it of a referral, the crew of its call. The first one
    counts.

    :raises ReferralNotFound: it is not the officer's.
    :raises CallNotFound: it never was on the unit's board.
    """
    when = links.moment(happened_at, at)
    asked, raised = "", list[str]()
    if referral_id is not None:
        own, _ = _own(referral_id, by)
        rows = [own]
    else:
        assert call_id is not None, "the serializer asks for one of the two"
        acting = unit_acted_for(by, unit_id, asked_by)
        asked = radio(by, asked_by)
        link = links.to_call(call_id, by=by, at=at, happened_at=happened_at, unit_id=acting, asked_by=asked_by)
        rows = list(_open_of(link.call).order_by("pk"))
        raised = link.flag_late(kind="referral.handed_over", at=at)
    left = [row for row in rows if row.handed_over_at is None]
    Referral.objects.filter(pk__in=[row.pk for row in left]).update(handed_over_at=when)
    record(
        "referral.handed_over",
        agency_id=by.agency_id,
        about=f"call.{call_id}" if referral_id is None else f"referral.{referral_id}",
        data={
            "referrals": [row.pk for row in left],
            **({"flags": raised} if raised else {}),
            **({"by_radio": asked} if asked else {}),
        },
        by=by,
        at=when,
    )
    return HandedOver([row.pk for row in rows], when, raised)


def withdraw(*, referral_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Referral:
    """
    Take a referral back. The call that it made is cancelled, unless others refer it too; a call of CAD's goes on without it.

    :raises ReferralNotFound: it is not the officer's.
    :raises ReferralEnded: it has ended.
    :raises ReferralUnitThere: the crew is there.
    """
    row, call = _own(referral_id, by)
    if row.ended_at is not None or (call is not None and not _is_open(call)):
        raise referral_refusals.ReferralEnded(referral=row.pk)
    if call is not None and Assignment.objects.open().filter(call=call, on_scene_at__isnull=False).exists():
        raise referral_refusals.ReferralUnitThere(referral=row.pk)
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    if call is not None and row.made_call and call.cad_revision is None and not _open_of(call).exists():
        intake.cancel(call_id=call.pk, reason=WITHDRAWN, by=by, at=at)
    record("referral.withdraw", agency_id=row.agency_id, about=f"referral.{row.pk}", data={}, by=by, at=at)
    return row


def put_away(*, referral_id: int, by: object, at: datetime) -> bool:
    """
    Take one that ended long ago off its officer's list; tell whether that was done now.
    """
    call_id = Referral.objects.values_list("call_id", flat=True).get(pk=referral_id)
    if call_id is not None:
        # The call before what hangs on it, as everywhere; who has it will be done by the next sweep.
        locked = Call.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(pk=call_id)
        if not locked.exists():
            return False
    if not Referral.objects.filter(pk=referral_id, put_away_at=None).update(put_away_at=at):
        return False
    agency_id = Referral.objects.values_list("agency_id", flat=True).get(pk=referral_id)
    record("referral.put_away", agency_id=agency_id, about=f"referral.{referral_id}", data={}, by=by, at=at)
    return True


def end_later_contact(*, referral_id: int, by: object, at: datetime) -> bool:
    """
    End a referral of a person for later contact: somebody has seen to it. Whoever referred is told that it is closed, and
    nothing else. Tell whether it was open.
    """
    rows = Referral.objects.select_for_update(no_key=True, of=("self",)).filter(
        pk=referral_id, kind=ReferralKind.PERSON, ended_at=None
    )
    row = rows.first()
    if row is None:
        return False
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    record("referral.closed", agency_id=row.agency_id, about=f"referral.{row.pk}", data={}, by=by, at=at)
    return True


def _make_call(referral: Referral, said: _Said, *, by: Actor, at: datetime) -> None:
    answers = {str(name): str(value) for name, value in said.answers.items()}
    situation = facts.gather(
        agency_id=by.agency_id,
        at=at,
        address_key=premises.address_key(said.address),
        phone="",
        type_code=said.type.code,
        point=said.point,
    )
    outcome = situation.outcome(
        answers=screening.complete(answers), place_kind=said.place_kind, markers=[], wish="NOT_SAID"
    )
    if outcome.queue != Queue.CARE:
        _not_eligible(referral, list(outcome.reasons))
        return
    referral.call = intake.create(
        by=by,
        at=at,
        number=referral.number,
        source=referral.source,
        type=said.type.code,
        priority=PRIORITY,
        address=said.address,
        point=said.point,
        place_kind=said.place_kind,
        answers=answers,
        narrative=said.text,
    )
    referral.made_call = True
    _hint_to_stay(referral, outcome.response)


def _join_call(referral: Referral, call: LockedCall, said: _Said, *, by: Actor, at: datetime) -> None:
    if not _is_open(call):
        raise referral_refusals.ReferralCallEnded(number=call.number)
    if by.intake_key_id is None:
        earlier = _open_of(call).filter(officer=by.person_id).first()
        if earlier is not None:
            raise referral_refusals.ReferralAlreadyMade(referral=earlier.pk)
    # What is said on scene counts whatever becomes of the referral: a crew may be on its way already.
    situation = facts.of_call(call, at=at)
    told = {
        name: value
        for name, value in said.answers.items()
        if _says_more(situation.answers.get(name, AnswerValue.NOT_ASKED), value)
    }
    Answer.objects.bulk_create(
        Answer(call=call, disqualifier=name, value=value, by=str(by), at=at) for name, value in told.items()
    )
    if said.text:
        Note.objects.create(call=call, text=f"Referred: {said.text}", by=str(by), origin="DESK", at=at)
    decisions.decide(call=call, by=by, at=at)
    referral.call = call
    if call.status == CallStatus.ASSIGNED or call.queue == Queue.CARE:
        _hint_to_stay(referral, call.response)
    else:
        _not_eligible(referral, list(call.reasons))


def _not_eligible(referral: Referral, reasons: list[str]) -> None:
    referral.eligible = False
    referral.reasons, referral.suggested = told_of(reasons), other_ways(reasons)


def _hint_to_stay(referral: Referral, response: str) -> None:
    if referral.officer_id is not None and "POLICE" in response:
        referral.reasons = [STAY]


def _answers(*, weapons: str, threats: str, medical: str, by_officer: bool) -> dict[Disqualifier, AnswerValue]:
    said = {Disqualifier.WEAPON: weapons, Disqualifier.VIOLENCE: threats, Disqualifier.MEDICAL: medical}
    answers = {name: AnswerValue(value) for name, value in said.items() if value}
    if by_officer:
        # An officer who refers has looked whether police are needed; nobody else was asked.
        answers[Disqualifier.POLICE_ONLY] = _NO
    return answers


def _says_more(had: AnswerValue, said: AnswerValue) -> bool:
    """
    Tell whether an answer from the scene takes the place of the one that holds. A yes is never taken back by a referral.
    """
    if had in (said, _YES):
        return False
    if said == _NO:
        return had in _UNANSWERED
    return said == _YES or had != AnswerValue.NOT_RELEVANT


def _known_call(agency_id: int, number: str) -> LockedCall | None:
    # CAD's first revision of this number may come at this moment: whichever is first makes the call.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [number, agency_id])
    call_id = Call.objects.filter(agency=agency_id, number=number).values_list("pk", flat=True).first()
    return None if call_id is None else Call.objects.lock(call_id)


def go_on(*, call: LockedCall, into: LockedCall, assignments: Mapping[int, Assignment], at: datetime) -> None:
    """
    Let what was referred follow an encounter to the call that it turned out to be; ``assignments`` are those there by which
    its units went on, by the ids that they had. An officer who had referred both goes on with the one.
    """
    theirs = set(_open_of(into).filter(officer__isnull=False).values_list("officer", flat=True))
    for row in _open_of(call).order_by("pk"):
        if row.officer_id in theirs:
            row.ended_at = at
            row.save(update_fields=["ended_at"])
            continue
        row.call, row.made_call = into, False
        word = assignments.get(row.due_by_id) if row.due_by_id is not None else None
        row.due_at, row.due_by = (None, None) if word is None else (row.due_at, word)
        row.save(update_fields=["call", "made_call", "due_at", "due_by"])


def _own(referral_id: int, by: Actor) -> tuple[Referral, LockedCall | None]:
    found = Referral.objects.filter(pk=referral_id, agency=by.agency_id, officer=by.person_id, officer__isnull=False)
    call = _call_of(found)
    row = found.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        raise referral_refusals.ReferralNotFound(referral=referral_id)
    return row, call


def _call_of(found: Any) -> LockedCall | None:
    """
    Lock the call that a referral is of. Where it followed an encounter to another call meanwhile, the lock that is too much
    is let go before the next one is taken: two calls are locked in the order of their ids.
    """
    while (call_id := found.values_list("call_id", flat=True).first()) is not None:
        with transaction.atomic():
            call = Call.objects.lock(call_id)
            if found.filter(call=call_id).exists():
                return call
            transaction.set_rollback(True)
    return None


def _open_of(call: Call) -> Any:
    return Referral.objects.filter(call=call, eligible=True, ended_at=None)


def _is_open(call: Call) -> bool:
    return call.status in (CallStatus.PENDING, CallStatus.ASSIGNED)


def _as_address(point: Point | None) -> str:
    return "" if point is None else f"{point.y:.5f}, {point.x:.5f}"
