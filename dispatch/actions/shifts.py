"""
Signing off a shift, which never ends under an open assignment.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import transaction

from dispatch.actions import assignments, hand_backs, hand_overs
from dispatch.models import AlarmKind, Assignment, Call, Flag, HandOver, LockedCall
from journal.record import record
from responders.actions import shifts
from responders.actors import Actor
from responders.models import EndReason, LockedUnit, Shift, Unit
from responders.refusals import NotOnShift, ShiftNotFound
from tablets.actions import sign_off as tablet_sign_off


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
) -> SignedOff:
    """
    Sign a responder off.

    A partner who stays keeps the call. The last one to leave clears it, leaves it with the desk (it waits again, the desk
    is alarmed), or asks another unit to take it over: then the shift goes on until that unit accepts. Somebody who says
    that nothing is open while something is (it came while the tablet was silent) leaves it with the desk, flagged.

    :raises NotOnShift: nobody is signed on at this tablet.
    :raises Refusal: the unit asked to take over cannot be given a call now.
    """
    when = at if happened_at is None else min(happened_at, at)
    if by.shift_id is None:
        raise NotOnShift
    shift = Shift.objects.filter(pk=by.shift_id).first()
    if shift is None:
        raise ShiftNotFound(shift=by.shift_id)
    held = _lock_held(shift.unit_id, to_unit_id if choice == Choice.HAND_OVER else None)
    shift.refresh_from_db()
    if shift.ended_at is not None:
        # The other tap, or the other tablet, was first.
        return SignedOff(shift, flags=["late"])

    stays = Shift.objects.open().of_unit(shift.unit_id).exclude(pk=shift.pk).exists()
    reason, hand_over = EndReason.NOTHING_OPEN, None
    flags: list[str] = []
    if held.call is not None and held.assignment is not None:
        reason, hand_over, flags = _leave(
            held.call,
            held.assignment,
            held.units.get(to_unit_id or 0),
            choice=Choice(choice),
            stays=stays,
            disposition=disposition,
            by=by,
            at=at,
            when=when,
        )
    elif choice == Choice.HAND_OVER or _has_handed_over(shift):
        reason = EndReason.HANDED_OVER

    if hand_over is None:
        shift = shifts.end(shift_id=shift.pk, reason=reason, by=by, at=when)
        tablet_sign_off.end_sign_ons(shift_id=shift.pk, at=at)

    about = held.call or shift
    record(
        "shift.signed_off" if hand_over is None else "hand_over.asked",
        agency_id=by.agency_id,
        about=f"call.{about.pk}" if held.call is not None else f"shift.{shift.pk}",
        data={
            "shift": shift.pk,
            "unit": shift.unit_id,
            "choice": str(choice),
            "assignment": held.assignment.pk if held.assignment is not None else None,
            **({"hand_over": hand_over.pk} if hand_over is not None else {}),
            **({"flags": flags} if flags else {}),
        },
        by=by,
        at=when,
    )
    return SignedOff(shift, hand_over, flags)


def _leave(
    call: LockedCall,
    assignment: Assignment,
    to_unit: LockedUnit | None,
    *,
    choice: Choice,
    stays: bool,
    disposition: str,
    by: Actor,
    at: datetime,
    when: datetime,
) -> tuple[EndReason, HandOver | None, list[str]]:
    if choice is Choice.CLEAR:
        assignments.close_out(call=call, assignment=assignment, disposition=disposition, by=by, at=at, ended_at=when)
        return EndReason.CLEARED, None, []
    if choice is Choice.HAND_OVER and to_unit is not None:
        waiting = HandOver.objects.filter(assignment=assignment, ended_at=None, to_unit=to_unit).first()
        hand_over = waiting or hand_overs.ask_locked(call=call, assignment=assignment, to_unit=to_unit, by=by, at=at)
        return EndReason.HANDED_OVER, hand_over, []
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
    if choice is not Choice.NOTHING_OPEN:
        return EndReason.LEFT_WITH_DESK, None, []
    facts = {"assignment": assignment.pk, "unit": assignment.unit_id, "at": when.isoformat()}
    Flag.objects.create(call=call, code="sign_off_left_call", facts=facts, at=at)
    return EndReason.LEFT_WITH_DESK, None, ["sign_off_left_call"]


def _has_handed_over(shift: Shift) -> bool:
    accepted = HandOver.objects.filter(accepted_at__gte=shift.started_at, assignment__unit=shift.unit_id)
    last = Assignment.objects.filter(unit=shift.unit_id).order_by("-pk").values_list("pk", flat=True)[:1]
    return accepted.filter(assignment__in=list(last)).exists()


def _lock_held(unit_id: int, to_unit_id: int | None) -> _Held:
    """
    Lock the call that the unit holds, then the unit with every unit that ending its assignment touches.

    Which call that is, is known for sure only under the unit's lock, and the call's comes first: where it changed in
    between, the locks are given back and it looks again.
    """
    while True:
        try:
            with transaction.atomic():
                return _try_lock_held(unit_id, to_unit_id)
        except _Moved:
            continue


def _try_lock_held(unit_id: int, to_unit_id: int | None) -> _Held:
    current = Assignment.objects.open().filter(unit=unit_id)
    guess = current.first()
    call = Call.objects.lock(guess.call_id) if guess is not None else None
    others = Assignment.objects.open().filter(call=call).values_list("unit_id", flat=True) if call is not None else ()
    wanted = {unit_id, *others} | ({to_unit_id} if to_unit_id is not None else set())
    units = Unit.objects.lock_many(wanted)
    assignment = current.first()
    if (assignment and assignment.call_id) != (call and call.pk):
        raise _Moved
    return _Held(units, call, assignment)
