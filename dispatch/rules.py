"""
What may be done with a call: who may take it, which step a unit may make, who it belongs to.

``take_of`` is what every row of a board shows; the tablet computes the same from the same bodies
(tablets/static/tablets/take.js), and tests/vectors/take.json holds both to it. Facts are never refused for state:
``fit_of`` says how well they fit.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from dispatch import refusals
from dispatch.models import (
    NOT_SAFE,
    TANDEM_TRANSITIONS,
    TRANSITIONS,
    AnswerValue,
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    Color,
    Debrief,
    Marker,
    PoachState,
    Queue,
    Response,
    Source,
    Tandem,
    TandemAsked,
    TandemState,
)
from dispatch.reasons import DANGERS, Reason
from journal.refusals import Refusal
from responders.actors import Actor
from responders.models import Duty, Shift, Unit
from responders.refusals import UnitNotFound

SELF_DISPATCH = "SELF_DISPATCH"
POACH = "POACH"
# The desk may interrupt a meal; the crew says itself when it is over.
DUTIES_OF_OWN_ACCORD = frozenset({Duty.AVAILABLE})
DUTIES_OF_DESK = frozenset({Duty.AVAILABLE, Duty.MEAL})
# Where the crew is with somebody: it stays responsible until somebody accepts the call.
WITH_PERSON = frozenset({AssignmentStatus.ON_SCENE, AssignmentStatus.TRANSPORTING, AssignmentStatus.AT_DESTINATION})

# What keeps CARE from going alone, whatever a crew and an officer agree on.
_NEVER_ALONE = DANGERS | {Reason.ALWAYS_WITH_POLICE, Reason.NO_POLICY}

_Body = Mapping[str, Any]


def take_of(call_row: _Body, unit: _Body, limits: _Body, feed_age_s: float | None) -> tuple[str | None, list[str]]:
    """
    Say how a unit may take a call, or everything that stands against it, as refusal codes in a fixed order.

    ``call_row`` is the body of a ``call`` on an area's board, ``unit`` that of a ``unit`` on the board or in its own
    stream, ``limits`` that of the ``agency`` in ``reference``. ``feed_age_s`` is how long ago CAD was last heard of, None
    for never.
    """
    if call_row["status"] == CallStatus.ASSIGNED:
        return None, [refusals.CallAlreadyTaken.code]
    if call_row["status"] != CallStatus.PENDING:
        return None, [refusals.CallNotPending.code]
    is_poach = call_row["queue"] == Queue.POLICE
    why = [no.code for no in _against_poach(call_row, limits, feed_age_s)] if is_poach else []
    why += [no.code for no in _against_unit(unit, DUTIES_OF_OWN_ACCORD)]
    if why:
        return None, why
    return (POACH if is_poach else SELF_DISPATCH), []


def check_may_self_dispatch(call_row: _Body, unit: _Body) -> None:
    """
    Check, under the locks of both, that a unit may take a pending call from the CARE queue.

    :raises SelfDispatchWrongQueue: the call waits for police.
    :raises UnitBusy: the unit holds a call.
    :raises UnitNotDispatchable: the crew is too small, or not AVAILABLE.
    """
    if call_row["queue"] != Queue.CARE:
        raise refusals.SelfDispatchWrongQueue
    _raise_first(_against_unit(unit, DUTIES_OF_OWN_ACCORD))


def check_may_poach(call_row: _Body, unit: _Body, limits: _Body, feed_age_s: float | None) -> None:
    """
    Check, under the locks of both, that a unit may take a pending call from the police queue.

    :raises PoachWrongQueue: the call waits for CARE.
    :raises Refusal: police are assigned, it is too urgent or RED, a caution is active, a disqualifier was answered yes, or
        CAD was not heard of for too long; then as ``check_may_self_dispatch``.
    """
    if call_row["queue"] != Queue.POLICE:
        raise refusals.PoachWrongQueue
    _raise_first(_against_poach(call_row, limits, feed_age_s))
    _raise_first(_against_unit(unit, DUTIES_OF_OWN_ACCORD))


def check_may_dispatch(call: Call, unit: _Body, *, of_own_accord: bool = False) -> None:
    """
    Check, under the locks of both, that the desk may send a unit: to a pending call, or to assist on a held one. A crew that
    goes ``of_own_accord`` says first that its meal is over.

    :raises CallNotPending: the call is closed or cancelled.
    :raises CallNotForCare: nobody of CARE holds it and the response rules CARE out: overruling comes first.
    :raises UnitBusy: the unit holds a call.
    :raises UnitNotDispatchable: the crew is too small, or busy with anything but a meal.
    """
    if call.status not in (CallStatus.PENDING, CallStatus.ASSIGNED):
        raise refusals.CallNotPending(call=call.pk, status=call.status)
    if call.status == CallStatus.PENDING and "CARE" not in call.response:
        raise refusals.CallNotForCare(call=call.pk, response=call.response, reasons=list(call.reasons))
    _raise_first(_against_unit(unit, DUTIES_OF_OWN_ACCORD if of_own_accord else DUTIES_OF_DESK))


def check_may_be_given(unit: _Body) -> None:
    """
    Check, under its lock, that a unit may be given a call by the desk or by another unit.

    :raises UnitBusy: the unit holds a call.
    :raises UnitNotDispatchable: the crew is too small, or busy with anything but a meal.
    """
    _raise_first(_against_unit(unit, DUTIES_OF_DESK))


def check_transition(status: str, to: AssignmentStatus) -> None:
    """
    Check one step of the desk's or of an intent against the table.

    :raises AssignmentEnded: the unit no longer holds the call.
    :raises InvalidTransition: the table has no such step.
    """
    following = TRANSITIONS[AssignmentStatus(status)]
    if not following:
        raise refusals.AssignmentEnded(status=status)
    if to not in following:
        raise refusals.InvalidTransition(status=status, wanted=to.value)


class Fit(StrEnum):
    """
    How a fact fits where a unit is with a call.
    """

    STEP = "STEP"
    SAME = "SAME"
    # Steps between were never told: the crew was busy, or its tablet silent.
    SKIPPED = "SKIPPED"
    # The unit is further already: the time is kept, the status stays.
    BEHIND = "BEHIND"
    ENDED = "ENDED"


def fit_of(status: str, to: AssignmentStatus) -> Fit:
    """
    Say how a fact fits. The table decides: what it reaches in more than one step was skipped to.
    """
    known = AssignmentStatus(status)
    if not TRANSITIONS[known]:
        return Fit.ENDED
    if to == known:
        return Fit.SAME
    if to in TRANSITIONS[known]:
        return Fit.STEP
    return Fit.SKIPPED if to in _reachable(known) else Fit.BEHIND


def check_may_reassign(assignment: Assignment, *, reassign_s: int, at: datetime) -> None:
    """
    Check, under the call's lock, that the desk may give the call to another unit.

    :raises AssignmentEnded: the unit no longer holds the call.
    :raises ReassignTooEarly: the crew has not acknowledged and still has time to.
    """
    check_transition(assignment.status, AssignmentStatus.REASSIGNED)
    allowed_from = assignment.assigned_at + timedelta(seconds=reassign_s)
    if assignment.acknowledged_at is None and assignment.hand_back_asked_at is None and at < allowed_from:
        raise refusals.ReassignTooEarly(**{"from": allowed_from})


def check_may_return_to_queue(assignment: Assignment, *, police_assigned: bool, poach_state: str | None) -> None:
    """
    Check, under the call's lock, that the desk may take a call back from a unit: because the crew asked, or because police
    were assigned or CAD rejected after a poach.

    :raises AssignmentEnded: the unit no longer holds the call.
    :raises HandBackNotAsked: none of these is so.
    """
    check_transition(assignment.status, AssignmentStatus.HANDED_BACK)
    against_poach = poach_state == PoachState.CAD_REJECTED or (poach_state is not None and police_assigned)
    if assignment.hand_back_asked_at is None and not against_poach:
        raise refusals.HandBackNotAsked(assignment=assignment.pk)


def check_tandem_step(state: str, to: TandemState) -> None:
    """
    Check one step of a tandem against its table.

    :raises TandemEnded: it is over.
    :raises InvalidTandemStep: the table has no such step.
    """
    following = TANDEM_TRANSITIONS[TandemState(state)]
    if not following:
        raise refusals.TandemEnded(state=state)
    if to not in following:
        raise refusals.InvalidTandemStep(state=state, wanted=to.value)


def check_care_may_go_alone(tandem: Tandem, reasons: Collection[str]) -> None:
    """
    Check, under the call's lock, that the policy lets a crew and an officer agree that CARE goes alone: nothing that the
    call's decision rests on is a danger, and nobody withdrew from there.

    :raises Refusal: as ``check_tandem_step``.
    :raises CareAloneNotAllowed: something stands against it; facts say what.
    """
    check_tandem_step(tandem.state, TandemState.CARE_ALONE)
    against = [reason for reason in reasons if reason in _NEVER_ALONE]
    if tandem.asked_as == TandemAsked.WITHDRAW or tandem.withdrawn_at is not None:
        against.append(str(Reason.CREW_WITHDREW))
    if against:
        raise refusals.CareAloneNotAllowed(reasons=against)


def can_be_declared_safe(tandem: Tandem, *, when: datetime) -> bool:
    """
    Tell whether that a scene was declared safe ``when`` still holds. What a crew heard before it withdrew does not.
    """
    if tandem.state not in NOT_SAFE:
        return False
    return when >= max(filter(None, (tandem.asked_at, tandem.withdrawn_at)))


def check_sees_call(call: Call, *, by: Actor, in_area: bool) -> None:
    """
    Check that a call is on the actor's board: the agency's for the desk, a unit's areas for a tablet.

    :raises CallNotFound: it is not; answers like a call that does not exist.
    """
    if call.agency_id != by.agency_id or (by.tablet_id is not None and not in_area):
        raise refusals.CallNotFound(call=call.pk)


def check_of_agency(unit: Unit, *, by: Actor) -> None:
    """
    :raises UnitNotFound: the unit belongs to another agency; answers like a unit that does not exist.
    """
    if unit.agency_id != by.agency_id:
        raise UnitNotFound(unit=unit.pk)


def is_risky(call_row: _Body) -> bool:
    """
    Say whether a crew that is at this call is asked sooner whether it is well; ``call_row`` is the body of its own call.

    It is where the type is police's only, a disqualifier was answered yes (whoever lifted it), a caution was known, somebody
    is said to be confrontational, or police should be there as well or instead. Of an on-view encounter that last one says
    nothing by itself: nobody was asked anything, and the crew sees the person. tablets/static/tablets/welfare.js says the
    same of the same bodies, and tests/vectors/welfare.json holds both to it.
    """
    if call_row["type"]["color"] == Color.RED or call_row["cautions"] or Marker.CONFRONTATIONAL in call_row["markers"]:
        return True
    if AnswerValue.YES in call_row["answers"].values():
        return True
    wanted = call_row["response"]
    return bool(wanted == Response.CARE_POLICE or (wanted == Response.POLICE and call_row["source"] != Source.ON_VIEW))


def check_ever_held(assignment: Assignment, *, agency_id: int, unit_id: int, by: Actor, happened_at: datetime) -> None:
    """
    Check that whoever asks for something holds the link it is about: as the assignment's unit, or on a shift on it.

    :raises AssignmentNotFound: neither; answers like an assignment that does not exist.
    """
    if agency_id == by.agency_id:
        if assignment.unit_id == unit_id:
            return
        if by.tablet_id is not None and _was_on(assignment.unit_id, person_id=by.person_id, at=happened_at):
            return
    raise refusals.AssignmentNotFound(assignment=assignment.pk)


def check_had_link(assignment: Assignment, *, agency_id: int, unit_id: int, by: Actor, at: datetime) -> None:
    """
    Check that whoever tells a fact ever held the link that it is about: as the assignment's unit, or by a shift on it while
    it had the call. When it happened does not matter here; where it no longer fits it is flagged.

    :raises AssignmentNotFound: neither; answers like an assignment that does not exist.
    """
    if agency_id == by.agency_id:
        if assignment.unit_id == unit_id:
            return
        # Somebody who changed units since: what they did before is still theirs to tell.
        if by.tablet_id is not None:
            # A tablet whose clock was behind may have said that it ended before it began: it was theirs when it began.
            until = max(assignment.ended_at or at, assignment.assigned_at)
            shifts = Shift.objects.of_unit(assignment.unit_id).filter(person=by.person_id, started_at__lte=until)
            if any(shift.ended_at is None or shift.ended_at >= assignment.assigned_at for shift in shifts):
                return
    raise refusals.AssignmentNotFound(assignment=assignment.pk)


def check_debrief_open(debrief: Debrief) -> None:
    """
    :raises DebriefClosed: a supervisor has closed it.
    """
    if debrief.closed_at is not None:
        raise refusals.DebriefClosed(debrief=debrief.pk, at=debrief.closed_at)


def _was_on(unit_id: int, *, person_id: int | None, at: datetime) -> bool:
    return Shift.objects.on_unit_at(unit_id, person_id=person_id, at=at).exists()


def _against_poach(call_row: _Body, limits: _Body, feed_age_s: float | None) -> list[Refusal]:
    against: list[Refusal] = []
    if call_row["police_assigned"]:
        against.append(refusals.PoachPoliceAssigned())
    # 1 is the most urgent.
    if call_row["priority"] < limits["poach_priority"]:
        against.append(refusals.PoachPriority(priority=call_row["priority"], limit=limits["poach_priority"]))
    if call_row["type"]["color"] == Color.RED:
        against.append(refusals.PoachRed())
    if call_row["caution"]:
        against.append(refusals.PoachCaution())
    yes = sorted(name for name, value in call_row["answers"].items() if value == "YES")
    if yes:
        against.append(refusals.PoachDisqualified(yes=yes))
    # An agency may allow an older feed than 30 s, never one that its screens already call down.
    oldest = min(limits["poach_feed_age_s"], limits["cad_silent_s"])
    if limits["has_cad"] and (feed_age_s is None or feed_age_s > oldest):
        against.append(refusals.PoachFeedOld(age_s=None if feed_age_s is None else round(feed_age_s), limit_s=oldest))
    return against


def _against_unit(unit: _Body, duties: frozenset[Duty]) -> list[Refusal]:
    against: list[Refusal] = []
    if unit["call"] is not None:
        against.append(refusals.UnitBusy(call=unit["call"]))
    if why := _not_dispatchable(unit, duties):
        against.append(refusals.UnitNotDispatchable(why=why))
    return against


def _not_dispatchable(unit: _Body, duties: frozenset[Duty]) -> str | None:
    crew = unit["crew"] if "crew" in unit else len(unit["people"])
    if unit.get("retired"):
        return "RETIRED"
    if unit.get("outside"):
        return "OUTSIDE"
    if crew == 0:
        return "OFF_SHIFT"
    if crew < unit["crew_minimum"]:
        return "CREW_TOO_SMALL"
    return None if unit["duty"] in duties else str(unit["duty"])


def _raise_first(against: list[Refusal]) -> None:
    if against:
        raise against[0]


@cache
def _reachable(status: AssignmentStatus) -> frozenset[AssignmentStatus]:
    found: set[AssignmentStatus] = set()
    ahead = [status]
    while ahead:
        for following in TRANSITIONS[ahead.pop()] - found:
            found.add(following)
            ahead.append(following)
    return frozenset(found)
