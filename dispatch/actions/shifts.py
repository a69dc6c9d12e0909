"""
Signing off a shift, which never ends under an open assignment.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db import transaction

from dispatch import rules
from dispatch.actions import assignments, flags, hand_backs, hand_overs, links
from dispatch.models import AlarmKind, Assignment, Call, CallStatus, HandOver, LockedCall
from journal.record import record
from journal.refusals import Refusal
from responders.actions import shifts
from responders.actors import Actor
from responders.models import EndReason, LockedUnit, Shift, Unit
from responders.refusals import NotOnShift, ShiftNotFound
from tablets.actions import sign_off as tablet_sign_off

# A crew that signed off longer ago than this waits for nobody's answer any more.
_GONE = timedelta(minutes=1)


class Choice(StrEnum):
    """
    What a crew wants done with the call it holds when it signs off.
    """

    NOTHING_OPEN = "NOTHING_OPEN"
    CLEAR = "CLEAR"
    HAND_OVER = "HAND_OVER"
    LEAVE_WITH_DESK = "LEAVE_WITH_DESK"


@dataclass(frozen=True, slots=True)
class SignedOff:
    """
    A shift after its sign-off: ended, or waiting for another unit to accept the call.
    """

    shift: Shift
    hand_over: HandOver | None = None
    flags: list[str] = field(default_factory=list)


class _Held(NamedTuple):
    units: dict[int, LockedUnit]
    call: LockedCall | None
    assignment: Assignment | None
    meant: Assignment | None


@dataclass(frozen=True, slots=True)
class _Wish:
    choice: Choice
    disposition: str
    to_unit: LockedUnit | None
    assignment_id: int | None
    by: Actor
    at: datetime
    when: datetime


class _Moved(Exception):
    """
    The unit's call changed between the look and the lock.
    """


def sign_off(
    *,
    choice: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    disposition: str = "",
    to_unit_id: int | None = None,
    assignment_id: int | None = None,
) -> SignedOff:
    """
    Sign a responder off. A fact: they have gone, so it is never refused for what became of the call meanwhile.

    A partner who stays keeps the call. The last one to leave clears it, leaves it with the desk (it waits again, the desk
    is alarmed), or asks another unit to take it over: then the shift goes on until that unit accepts. Where that unit
    cannot be asked, or the crew had left long before we heard of it, the call is left with the desk at once. So is a call
    that nobody spoke of, because it came while the tablet was silent. All of that is flagged.

    What is said of a call that the unit has lost meanwhile is kept in a flag. ``assignment_id`` says which one is meant;
    without it, it is what the unit held at that moment.

    :raises NotOnShift: nobody is signed on at this tablet.
    :raises UnitNotFound: there is no such unit to take the call over.
    """
    when = links.moment(happened_at, at)
    if by.shift_id is None:
        raise NotOnShift
    shift = Shift.objects.filter(pk=by.shift_id).first()
    if shift is None:
        raise ShiftNotFound(shift=by.shift_id)
    wish = _Wish(Choice(choice), disposition, None, assignment_id, by, at, when)
    held = _lock_held(shift, to_unit_id if wish.choice is Choice.HAND_OVER else None, wish)
    shift.refresh_from_db()
    if to_unit_id in held.units:
        wish = replace(wish, to_unit=held.units[to_unit_id])
        rules.check_of_agency(held.units[to_unit_id], by=by)
    raised: list[str] = []
    if shift.ended_at is not None:
        # The other tap, or the other tablet, was first; what this one says of how the call ended is kept all the same.
        raised = ["late_scope", *_keep_ending(held, wish)]
        _record_sign_off(shift, held, wish, raised)
        return SignedOff(shift, flags=raised)

    stays = Shift.objects.open().of_unit(shift.unit_id).exclude(pk=shift.pk).exists()
    reason, hand_over = EndReason.NOTHING_OPEN, None
    if held.call is not None and held.assignment is not None:
        if _is_meant(held.assignment, wish):
            reason, hand_over, raised = _leave(held.call, held.assignment, wish, stays=stays)
        else:
            raised = _keep_ending(held, wish)
            unmeant = replace(wish, choice=Choice.NOTHING_OPEN)
            reason, _, more = _leave(held.call, held.assignment, unmeant, stays=stays)
            raised += more
    else:
        raised = _keep_ending(held, wish)
        if wish.choice is Choice.HAND_OVER or _has_handed_over(shift):
            reason = EndReason.HANDED_OVER

    if hand_over is None:
        shift = shifts.end(shift_id=shift.pk, reason=reason, by=by, at=when)
        tablet_sign_off.end_sign_ons(shift_id=shift.pk, at=when)

    _record_sign_off(shift, held, wish, raised, hand_over)
    return SignedOff(shift, hand_over, raised)


def _record_sign_off(
    shift: Shift, held: _Held, wish: _Wish, raised: list[str], hand_over: HandOver | None = None
) -> None:
    record(
        "shift.signed_off" if hand_over is None else "hand_over.asked",
        agency_id=wish.by.agency_id,
        about=f"call.{held.call.pk}" if held.call is not None else f"shift.{shift.pk}",
        data={
            "shift": shift.pk,
            "unit": shift.unit_id,
            "choice": str(wish.choice),
            "assignment": held.assignment.pk if held.assignment is not None else None,
            **({"hand_over": hand_over.pk} if hand_over is not None else {}),
            **({"flags": raised} if raised else {}),
        },
        by=wish.by,
        at=wish.when,
    )


def _is_meant(assignment: Assignment, wish: _Wish) -> bool:
    if wish.assignment_id is not None:
        return assignment.pk == wish.assignment_id
    return assignment.assigned_at <= wish.when


def _leave(
    call: LockedCall, assignment: Assignment, wish: _Wish, *, stays: bool
) -> tuple[EndReason, HandOver | None, list[str]]:
    by, at, when = wish.by, wish.at, wish.when
    if wish.choice is Choice.CLEAR:
        assignments.close_out(
            call=call, assignment=assignment, disposition=wish.disposition, by=by, at=at, ended_at=when
        )
        return EndReason.CLEARED, None, []
    against = ""
    if wish.choice is Choice.HAND_OVER and wish.to_unit is not None:
        asked = HandOver.objects.filter(assignment=assignment, ended_at=None, to_unit=wish.to_unit).first()
        try:
            if asked is None and at - when <= _GONE:
                asked = hand_overs.ask_locked(call=call, assignment=assignment, to_unit=wish.to_unit, by=by, at=at)
        except Refusal as refusal:
            against = refusal.code
        if at - when > _GONE:
            against = "crew_gone"
        elif asked is not None:
            return EndReason.HANDED_OVER, asked, []
    if stays:
        return EndReason.NOTHING_OPEN, None, []

    hand_backs.give_up(
        call=call,
        assignment=assignment,
        reason=EndReason.LEFT_WITH_DESK,
        alarm=AlarmKind.LEFT_WITH_DESK,
        by=by,
        at=at,
    )
    if wish.choice is Choice.LEAVE_WITH_DESK:
        return EndReason.LEFT_WITH_DESK, None, []
    facts = {
        "kind": "shift.sign_off",
        "assignment": assignment.pk,
        "at": when,
        "to_unit": wish.to_unit.pk if wish.to_unit is not None else None,
        "against": against or None,
    }
    code = flags.raise_flag(
        call=call,
        code="hand_over_impossible" if against else "sign_off_left_call",
        facts=facts,
        at=at,
        unit_id=assignment.unit_id,
    )
    return EndReason.LEFT_WITH_DESK, None, [code]


def _keep_ending(held: _Held, wish: _Wish) -> list[str]:
    """
    Keep in a flag how a crew says that a call ended which it no longer has, unless that was told already.
    """
    meant = held.meant
    if meant is None or meant.disposition == wish.disposition:
        return []
    is_closed = meant.call.status in (CallStatus.CLOSED, CallStatus.CANCELLED)
    facts = {
        "kind": "shift.sign_off",
        "assignment": meant.pk,
        "said": wish.disposition,
        "kept": meant.disposition,
        "at": wish.when,
        "ended_as": meant.status,
        "ended_at": meant.ended_at,
    }
    code = "call_already_closed" if is_closed else "late_scope"
    return [flags.raise_flag(call=meant.call, code=code, facts=facts, at=wish.at, unit_id=meant.unit_id)]


def _has_handed_over(shift: Shift) -> bool:
    accepted = HandOver.objects.filter(accepted_at__gte=shift.started_at, assignment__unit=shift.unit_id)
    last = Assignment.objects.filter(unit=shift.unit_id).order_by("-pk").values_list("pk", flat=True)[:1]
    return accepted.filter(assignment__in=list(last)).exists()


def _lock_held(shift: Shift, to_unit_id: int | None, wish: _Wish) -> _Held:
    """
    Lock the call that the unit holds and the one that the crew means, then the unit with every unit that ending its
    assignment touches.

    Which calls those are, is known for sure only under the unit's lock, and the calls' come first: where they changed in
    between, the locks are given back and it looks again.
    """
    while True:
        try:
            with transaction.atomic():
                return _try_lock_held(shift, to_unit_id, wish)
        except _Moved:
            continue


def _try_lock_held(shift: Shift, to_unit_id: int | None, wish: _Wish) -> _Held:
    current = Assignment.objects.open().filter(unit=shift.unit_id)
    guess, lost = current.first(), _lost(shift, wish)
    wanted_calls = sorted({row.call_id for row in (guess, lost) if row is not None})
    calls = {call_id: Call.objects.lock(call_id) for call_id in wanted_calls}
    call = None if guess is None else calls[guess.call_id]
    others = Assignment.objects.open().filter(call=call).values_list("unit_id", flat=True) if call is not None else ()
    wanted = {shift.unit_id, *others} | ({to_unit_id} if to_unit_id is not None else set())
    units = Unit.objects.lock_many(wanted)
    assignment, lost = current.first(), _lost(shift, wish)
    if (assignment and assignment.call_id) != (call and call.pk) or (lost is not None and lost.call_id not in calls):
        raise _Moved
    return _Held(units, call, assignment, lost)


def _lost(shift: Shift, wish: _Wish) -> Assignment | None:
    """
    Return the assignment of this shift that somebody means who says how a call ended, if the unit has lost it.
    """
    if wish.choice is not Choice.CLEAR:
        return None
    theirs = Assignment.objects.filter(unit=shift.unit_id).exclude(ended_at__lt=shift.started_at)
    if wish.assignment_id is not None:
        theirs = theirs.filter(pk=wish.assignment_id)
    meant = theirs.filter(assigned_at__lte=wish.when).select_related("call").order_by("-pk").first()
    return None if meant is None or meant.ended_at is None else meant
