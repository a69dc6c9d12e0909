"""
Whether a crew may speak about a call, as of when what it says happened.

A fact is authorised by any link that ever was: the unit held the call, the person was on a unit that did, the call was on
the unit's board. Where the link is over it is applied all the same, with a flag; where there never was one, it is refused,
and what a tablet sent goes to quarantine.
"""

from dataclasses import dataclass
from datetime import datetime

from dispatch import queries, rules
from dispatch.actions import flags
from dispatch.models import Assignment, Call, CallStatus, LockedCall
from dispatch.refusals import AssignmentNotFound, CallNotFound
from responders.actors import Actor
from responders.models import Shift, Unit
from responders.rules import radio, unit_acted_for


@dataclass(frozen=True, slots=True)
class Link:
    """
    A locked call, who speaks about it, and how they stand to it.

    ``in_scope`` tells whether the call is theirs now or on their board; ``shift_over`` is when the shift of who speaks had
    ended, if it had before ``when``.
    """

    call: LockedCall
    unit_id: int | None
    asked: str
    when: datetime
    in_scope: bool = True
    shift_over: datetime | None = None

    @property
    def is_closed(self) -> bool:
        """
        Tell whether the call has ended.
        """
        return self.call.status in (CallStatus.CLOSED, CallStatus.CANCELLED)

    def flag_late(self, *, kind: str, at: datetime, closed: str = "call_already_closed", **facts: object) -> list[str]:
        """
        Flag what was told where it no longer fits, and return the flag's code if there is one.
        """
        if self.is_closed:
            code = closed
        elif not self.in_scope or self.shift_over is not None:
            code = "late_scope"
        else:
            return []
        told = {"kind": kind, **facts, "at": self.when, "shift_ended_at": self.shift_over}
        return [flags.raise_flag(call=self.call, code=code, facts=told, at=at, unit_id=self.unit_id)]


def to_call(
    call_id: int,
    *,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    unit_id: int | None = None,
    asked_by: str = "",
    as_said: bool = False,
) -> Link:
    """
    Lock a call that the actor may speak about, or might when it happened, and say how they stand to it.

    An encounter that turned out to be another call is that one for a crew that went on with it, unless ``as_said``.

    :raises CallNotFound: it never was on the actor's board, and none of their units ever held it.
    """
    acting = None
    if by.tablet_id is not None or unit_id is not None or asked_by:
        acting = unit_acted_for(by, unit_id, asked_by)
    when = moment(happened_at, at)
    if acting is not None and not as_said:
        call_id = _followed(call_id, acting)
    call = Call.objects.lock(call_id)
    asked = "" if acting is None else radio(by, asked_by)
    if by.tablet_id is None:
        if acting is not None and not Unit.objects.filter(pk=acting, agency=by.agency_id).exists():
            raise CallNotFound(call=call_id)
        rules.check_sees_call(call, by=by, in_area=True)
        return Link(call, acting, asked, when)
    assert acting is not None, "a tablet acts for its unit"
    ties = queries.ties(call, unit_id=acting, person_id=by.person_id, shift_id=by.shift_id, when=when, at=at)
    rules.check_sees_call(call, by=by, in_area=ties.in_area or ties.holds or ties.held or ties.seen)
    return Link(call, acting, asked, when, ties.in_area or ties.holds, ties.shift_over)


def _followed(call_id: int, unit_id: int) -> int:
    # Read before any lock, because two calls are locked in the order of their ids.
    into = Call.objects.filter(joined=call_id, assignments__unit=unit_id).values_list("pk", flat=True).first()
    return call_id if into is None else into


def moment(happened_at: datetime | None, at: datetime) -> datetime:
    """
    Return when something happened: a device's clock may run ahead, and nothing happened later than we heard of it.
    """
    return at if happened_at is None else min(happened_at, at)


def shift_over(by: Actor, when: datetime) -> datetime | None:
    """
    Return when the shift of who speaks had ended, if it had before ``when``.
    """
    if by.shift_id is None:
        return None
    return Shift.objects.filter(pk=by.shift_id, ended_at__lt=when).values_list("ended_at", flat=True).first()


def was_on(assignment: Assignment, *, by: Actor, when: datetime) -> bool:
    """
    Tell whether who speaks is on the unit of this assignment now or was ``when`` it happened.
    """
    if by.tablet_id is None or by.unit_id == assignment.unit_id:
        return True
    return Shift.objects.on_unit_at(assignment.unit_id, person_id=by.person_id, at=when).exists()


def ever_had(assignment: Assignment, *, unit_id: int | None, by: Actor, at: datetime) -> bool:
    """
    Tell whether who speaks ever had the link of this assignment: as its unit, or by a shift on it while it had the call.
    """
    if unit_id is None:
        return False
    try:
        rules.check_had_link(assignment, agency_id=by.agency_id, unit_id=unit_id, by=by, at=at)
    except AssignmentNotFound:
        return False
    return True
