"""
What is done about one follow-up: given to somebody, put on another day, tried, ended, and visited by a unit.

Whoever changes one holds the person's lock; a unit is sent under the locks of its call and the unit, which come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.db.models import QuerySet

from dispatch.actions import visits
from dispatch.actions.links import moment
from dispatch.models import Assignment, Call
from dispatch.refusals import CallNotForCare, UnitNotDispatchable
from followups.actions import clients, plans
from followups.actions import steps as rows
from followups.models import (
    Attempt,
    AttemptResult,
    Encounter,
    FollowUp,
    FollowUpState,
    How,
    LockedClient,
    LockedEncounter,
    Move,
    Outcome,
    PauseReason,
    Plan,
    PlanState,
    Route,
)
from followups.queries import plans as queries
from followups.refusals import plans as refusals
from followups.rules import plans as rules
from journal.record import record
from responders.actors import Actor
from responders.models import Agency, Person, Shift, Unit
from responders.queries import area_at, crew_sizes, day_of
from responders.refusals import UnitNotFound
from responders.rules import check_in_use, unit_acted_for

_ENDS: Final = {AttemptResult.REACHED: Outcome.REACHED, AttemptResult.REFUSED: Outcome.REFUSED}
_WAITS: Final = {AttemptResult.HOSPITALISED: PauseReason.HOSPITAL, AttemptResult.IN_CUSTODY: PauseReason.CUSTODY}


@dataclass(frozen=True, slots=True)
class Tried:
    """
    What was tried for a follow-up, the follow-up after it, and what did not fit about it.
    """

    attempt: Attempt
    follow_up: FollowUp
    flags: list[str] = field(default_factory=list)


def add(
    *,
    client_id: int,
    date: date,
    by: Actor,
    at: datetime,
    reason: str = "",
    address: str = "",
    point: Point | None = None,
    person_id: int | None = None,
    unit_id: int | None = None,
) -> FollowUp:
    """
    Plan a single follow-up on a day, beside whatever plan there is. Where nothing is said of the place it is the person's.

    :raises ClientNotFound: there is no such person in the agency.
    :raises ClientDeceased: they have died.
    :raises DayIsOver: the day is before today.
    :raises AssigneeNotFound: there is no such person, or they do not see to follow-ups.
    :raises UnitNotFound: there is no such unit in the agency.
    """
    _check_assignees(by, person_id=person_id, unit_id=unit_id)
    client = clients.standing(client_id, agency_id=by.agency_id)
    rules.check_alive(client)
    agency = Agency.objects.get(pk=client.agency_id)
    _check_day(agency, date, at)
    if address or point is not None:
        place = queries.Place(address, point, area_at(agency, point, at))
    else:
        place = queries.place_of(client, agency, encounter=None, at=at)
    hours = rules.hours_on(client, queries.programme_of(agency.pk), due_date=date, zone=agency.zone)
    row = FollowUp.objects.create(
        agency=agency,
        client=client,
        zone=agency.timezone,
        reason=reason,
        area=place.area,
        address=place.address,
        point=place.point,
        assignee_id=person_id,
        unit_id=unit_id,
        made_at=at,
        made_by=str(by),
        **rows.columns(hours),
    )
    _record("follow_up.added", row, by=by, at=at, due_date=row.due_date)
    return row


def assign(
    *, follow_up_id: int, by: Actor, at: datetime, person_id: int | None = None, unit_id: int | None = None
) -> FollowUp:
    """
    Give a follow-up to a person, to a unit, to both, or to nobody. One that is given to a unit is on its tablets; a person whom
    one is given that is due already is told so.

    :raises FollowUpNotFound: there is no such follow-up in the agency.
    :raises FollowUpEnded: it is over.
    :raises AssigneeNotFound: there is no such person, or they do not see to follow-ups.
    :raises UnitNotFound: there is no such unit in the agency.
    """
    _check_assignees(by, person_id=person_id, unit_id=unit_id)
    _, row = _held(follow_up_id, by)
    rules.check_open(row)
    is_new = row.assignee_id != person_id
    row.assignee_id, row.unit_id = person_id, unit_id
    row.save(update_fields=["assignee", "unit"])
    if is_new:
        rows.remind_anew([row], person_id=person_id, at=at)
    _record("follow_up.assigned", row, by=by, at=at, person=person_id, unit=unit_id)
    return row


def move(*, follow_up_id: int, date: date, reason: str, by: Actor, at: datetime) -> FollowUp:
    """
    Put a follow-up on another day, and keep why. It is due anew: whoever has it is told again. The norm of a first attempt that
    nobody made stays: it counts from the encounter, and supervisors hear of it when they would have.

    :raises FollowUpNotFound: there is no such follow-up in the agency.
    :raises FollowUpEnded: it is over.
    :raises FollowUpWaits: its plan is paused.
    :raises DayIsOver: the day is before today.
    """
    client, row = _held(follow_up_id, by)
    rules.check_moves(row)
    _check_day(Agency.objects.get(pk=row.agency_id), date, at)
    hours = rules.hours_on(client, queries.programme_of(row.agency_id), due_date=date, zone=ZoneInfo(row.zone))
    Move.objects.create(
        follow_up=row, client=client, from_date=row.due_date, to_date=hours.due.date, reason=reason, at=at, by=str(by)
    )
    if _keeps_norm(row):
        assert row.try_by is not None
        assert row.escalate_at is not None
        hours = hours._replace(try_by=row.try_by, escalate_at=row.escalate_at)
    else:
        row.escalated_at = None
    for name, value in rows.columns(hours).items():
        setattr(row, name, value)
    row.state = FollowUpState.PENDING
    row.due_told_at = row.overdue_told_at = None
    row.save()
    _record("follow_up.moved", row, by=by, at=at, due_date=row.due_date)
    return row


def attempt(
    *,
    follow_up_id: int,
    how: str,
    result: str,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    note: str = "",
    next_step: str = "",
    partner_id: int | None = None,
) -> Tried:
    """
    Note that somebody tried to reach a person, and what came of it. A fact: it is kept whatever became of the follow-up.

    Reached or refused ends the follow-up; a person in hospital or in custody has their plan wait; one who is said to have died
    is kept as that, and stops nothing before a second person confirms it. Otherwise it stays, and supervisors hear of it when
    nobody tries again within ``Programme.escalate_h``. What the signed report of a visit has said already is one attempt with it.
    A visit of one person is flagged.

    :raises FollowUpNotFound: it never was the actor's.
    """
    when = moment(happened_at, at)
    client, row = _held(follow_up_id, by)
    rules.check_may_tell(row, client, by=by, at=at, when=when)
    known = AttemptResult(result)
    partner = None
    if partner_id is not None:
        partner = Person.objects.filter(pk=partner_id, agency=client.agency_id).exclude(pk=by.person_id or 0).first()
    tried = _told_by_report(row, result=known, when=when) if how == How.VISIT else None
    # It is over, or the person was met anew since: kept, and nothing follows from it but what it says of the person.
    flags = [] if rules.is_open(row) or tried is not None else ["late_scope"]
    if tried is None:
        tried = Attempt(follow_up=row, client=client, how=how, result=known, at=when, recorded_at=at)
        _note_try(row, client, when=when)
    tried.by, tried.person_id, tried.partner = str(by), by.person_id, partner
    # Of what others did, who tells it at a desk knows no more than the crew's own report.
    if partner is not None or (by.tablet_id is not None and how == How.VISIT):
        tried.alone = partner is None and _was_alone(row, by, when)
    if tried.alone:
        flags.append("visit_alone")
    tried.note, tried.next_step = note, next_step
    tried.save()
    _record("follow_up.attempted", row, by=by, at=when, attempt=tried.pk, **({"flags": flags} if flags else {}))
    if known == AttemptResult.DECEASED:
        clients.say_deceased_of(client=client, person_id=by.person_id, by=by, at=when)
    elif rules.is_open(row) and known in _ENDS:
        rows.finish(row, outcome=_ENDS[known], by=by, at=at, when=when)
    elif rules.is_open(row) and known in _WAITS:
        _wait(row, reason=_WAITS[known], when=when, by=by, at=at)
    return Tried(tried, FollowUp.objects.get(pk=row.pk), flags)


def found_nobody(*, encounter: LockedEncounter, by: object, at: datetime) -> None:
    """
    Note that a visit found nobody, once; signing its report calls it, last. Where somebody said already what came of the visit,
    that is it.
    """
    found = FollowUp.objects.filter(pk=encounter.follow_up_id or 0)
    client_id = found.values_list("client_id", flat=True).first()
    if client_id is None:
        return
    client = clients.standing(client_id, agency_id=encounter.agency_id)
    row = found.filter(client=client).first()
    if row is None or _tries_of(encounter, row).exists():
        return
    when = min(plans.met_at(encounter), at)
    tried = Attempt.objects.create(
        follow_up=row,
        client=client,
        how=How.VISIT,
        result=AttemptResult.NOT_FOUND,
        at=when,
        recorded_at=at,
        by=str(by),
        person_id=encounter.author_id,
        alone=queries.came_alone(encounter.assignment),
    )
    _note_try(row, client, when=when)
    flags = {"flags": ["visit_alone"]} if tried.alone else {}
    _record("follow_up.attempted", row, by=by, at=when, attempt=tried.pk, **flags)


def finish(*, follow_up_id: int, outcome: str, by: Actor, at: datetime) -> FollowUp:
    """
    Say how a follow-up ended. One that an attempt has ended may be said more exactly (reached, and connected with care).

    :raises FollowUpNotFound: there is no such follow-up in the agency.
    :raises FollowUpEnded: it was cancelled, or a new round of its plan took its place.
    """
    _, row = _held(follow_up_id, by)
    if row.state == FollowUpState.DONE:
        row.outcome = Outcome(outcome)
        row.save(update_fields=["outcome"])
        _record("follow_up.outcome", row, by=by, at=at)
        return row
    rules.check_open(row)
    rows.finish(row, outcome=Outcome(outcome), by=by, at=at, when=at)
    return row


def cancel(*, follow_up_id: int, reason: str, by: Actor, at: datetime) -> FollowUp:
    """
    Take a follow-up back, and keep why. The plan goes on with the others.

    :raises FollowUpNotFound: there is no such follow-up in the agency.
    :raises FollowUpEnded: it is over.
    """
    _, row = _held(follow_up_id, by)
    rules.check_open(row)
    row.state, row.end_reason = FollowUpState.CANCELLED, reason
    row.save(update_fields=["state", "end_reason"])
    _record("follow_up.cancelled", row, by=by, at=at)
    if row.plan_id is not None:
        rows.complete(Plan.objects.get(pk=row.plan_id), by=by, at=at)
    return row


def send(
    *,
    follow_up_id: int,
    unit_id: int,
    by: Actor,
    at: datetime,
    place_kind: str = "UNKNOWN",
    answers: Mapping[str, str] | None = None,
) -> Assignment:
    """
    Send a unit to visit somebody: a call of source SECOND_RESPONSE, which names nobody, with the person at it for its crew.

    :raises FollowUpNotFound: there is no such follow-up in the agency.
    :raises FollowUpEnded: it is over.
    :raises FollowUpWaits: its plan is paused.
    :raises FollowUpNowhere: nobody has said where the person is.
    :raises FollowUpSent: a unit has been sent, and its call is open.
    :raises VisitNeedsTwo: fewer than two people are on the unit.
    :raises VisitNotForCare: the policy rules CARE out there now.
    :raises Refusal: the unit cannot be given a call now.
    """
    found = FollowUp.objects.filter(pk=follow_up_id, agency=by.agency_id).first()
    if found is None:
        raise refusals.FollowUpNotFound
    unit = Unit.objects.filter(pk=unit_id, agency=by.agency_id).first()
    if unit is None:
        raise UnitNotFound(unit=unit_id)
    assignment, row = _visit(found, unit_id=unit_id, place_kind=place_kind, answers=answers, by=by, at=at)
    _record("follow_up.sent", row, by=by, at=at, call=assignment.call_id, unit=unit_id)
    return assignment


def go(
    *,
    follow_up_id: int,
    by: Actor,
    at: datetime,
    place_kind: str = "UNKNOWN",
    answers: Mapping[str, str] | None = None,
) -> Assignment:
    """
    Let the crew that is to see to a follow-up go there now, of its own accord: the call, the welfare clock and the rules are
    those of ``send``.

    :raises FollowUpNotFound: their unit is not to see to it; answers like one that does not exist.
    :raises Refusal: as ``send``, and the crew has not said that its meal is over.
    """
    unit_id = unit_acted_for(by, None, None)
    found = FollowUp.objects.filter(pk=follow_up_id, agency=by.agency_id, unit=unit_id).first()
    if found is None:
        raise refusals.FollowUpNotFound
    assignment, row = _visit(
        found, unit_id=unit_id, place_kind=place_kind, answers=answers, of_own_accord=True, by=by, at=at
    )
    _record("follow_up.begun", row, by=by, at=at, call=assignment.call_id, unit=unit_id)
    return assignment


def _visit(
    found: FollowUp,
    *,
    unit_id: int,
    place_kind: str,
    answers: Mapping[str, str] | None,
    by: Actor,
    at: datetime,
    of_own_accord: bool = False,
) -> tuple[Assignment, FollowUp]:
    """
    Make the call of a visit, and return what the unit has of it, with the follow-up as it is then.
    """
    address = found.address
    if not address:
        if found.point is None:
            raise refusals.FollowUpNowhere
        address = f"{found.point.y:.5f}, {found.point.x:.5f}"
    try:
        assignment = visits.send(
            unit_id=unit_id,
            address=address,
            point=found.point,
            place_kind=place_kind,
            answers=answers,
            of_own_accord=of_own_accord,
            by=by,
            at=at,
        )
    except CallNotForCare as no:
        raise refusals.VisitNotForCare(response=no.facts["response"], reasons=no.facts["reasons"]) from None
    except UnitNotDispatchable as no:
        # Too few for the unit: to who visits it is said what a visit takes, where that is what they lack.
        if no.facts["why"] == "CREW_TOO_SMALL":
            _check_two(unit_id)
        raise
    _check_two(unit_id)
    client, row = _held(found.pk, by)
    if of_own_accord and row.unit_id != unit_id:
        raise refusals.FollowUpNotFound
    rules.check_moves(row)
    if row.call_id is not None and Call.objects.open().filter(pk=row.call_id).exists():
        raise refusals.FollowUpSent(call=row.call_id)
    row.call_id, row.unit_id = assignment.call_id, unit_id
    row.save(update_fields=["call", "unit"])
    clients.meet(client=client, call_id=assignment.call_id, route=Route.VISIT, by=by, at=at, seen=True)
    return assignment, row


def _check_two(unit_id: int) -> None:
    # The unit's lock is held since its call was made: nobody leaves or joins it now.
    if (crew := crew_sizes([unit_id])[unit_id]) < queries.VISITORS:
        raise refusals.VisitNeedsTwo(crew=crew)


def _was_alone(row: FollowUp, by: Actor, when: datetime) -> bool:
    # On which unit whoever tells it was then, and not where its tablet is now.
    then = Shift.objects.filter(person=by.person_id).lasting(when).order_by("-started_at").first()
    unit_id = by.unit_id if then is None else then.unit_id
    return queries.went_alone(row, person_id=by.person_id, unit_id=unit_id, when=when)


def _note_try(row: FollowUp, client: LockedClient, *, when: datetime) -> None:
    """
    Note when somebody tried first, and count anew until supervisors hear that nobody does.
    """
    row.first_attempt_at = when if row.first_attempt_at is None else min(row.first_attempt_at, when)
    wait = timedelta(hours=queries.programme_of(client.agency_id).escalate_h)
    if row.escalate_at is None or when + wait > row.escalate_at:
        row.escalate_at, row.escalated_at = when + wait, None
    row.save(update_fields=["first_attempt_at", "escalate_at", "escalated_at"])


def _keeps_norm(row: FollowUp) -> bool:
    """
    Tell whether a follow-up still has the norm of a first attempt (``rules.hours_of_step``), which goes with no day of its own.
    """
    if row.plan is None or row.step is None or row.first_attempt_at is not None:
        return False
    return row.step == min(row.plan.steps) and row.step <= 1


def _tries_of(encounter: Encounter, row: FollowUp) -> "QuerySet[Attempt]":
    """
    Return what was tried on the visit that a report is of: from when the unit was sent until it was done with the call.
    """
    held = encounter.assignment
    tries = Attempt.objects.filter(follow_up=row, how=How.VISIT, at__gte=held.assigned_at)
    return tries if held.ended_at is None else tries.filter(at__lte=max(held.ended_at, plans.met_at(encounter)))


def _told_by_report(row: FollowUp, *, result: AttemptResult, when: datetime) -> Attempt | None:
    """
    Return the attempt that the signed report of a visit has made of it, if this was on that visit and came to the same. One
    that somebody has said more of is another.
    """
    reports = Encounter.objects.filter(follow_up=row, signed_at__isnull=False, assignment__assigned_at__lte=when)
    for report in reports.select_related("assignment").order_by("-pk"):
        ended_at = report.assignment.ended_at
        if ended_at is not None and when > ended_at:
            continue
        for tried in _tries_of(report, row).filter(result=result, partner=None).order_by("pk"):
            if not tried.note and not tried.next_step:
                return tried
    return None


def _wait(row: FollowUp, *, reason: PauseReason, when: datetime, by: Actor, at: datetime) -> None:
    # A single one stays: somebody decides on another day for it.
    if row.plan_id is None:
        return
    plan = Plan.objects.get(pk=row.plan_id)
    if plan.state == PlanState.OPEN and when >= plan.based_at:
        plans.pause_plan(plan, reason=reason, since=when, by=by, at=at)


def _check_assignees(by: Actor, *, person_id: int | None, unit_id: int | None) -> None:
    if person_id is not None and queries.assignee(by.agency_id, person_id) is None:
        raise refusals.AssigneeNotFound
    if unit_id is not None:
        unit = Unit.objects.filter(pk=unit_id, agency=by.agency_id).first()
        if unit is None:
            raise UnitNotFound(unit=unit_id)
        check_in_use(unit)


def _check_day(agency: Agency, day: date, at: datetime) -> None:
    today = day_of(agency, at)
    if day < today:
        raise refusals.DayIsOver(today=today)


def _held(follow_up_id: int, by: Actor) -> tuple[LockedClient, FollowUp]:
    """
    Lock the person of a follow-up, and return both as they are now.
    """
    found = FollowUp.objects.filter(pk=follow_up_id, agency=by.agency_id)
    client_id = found.values_list("client_id", flat=True).first()
    if client_id is None:
        raise refusals.FollowUpNotFound
    client = clients.standing(client_id, agency_id=by.agency_id)
    row = found.filter(client=client).first()
    if row is None:
        raise refusals.FollowUpNotFound
    return client, row


def _record(kind: str, row: FollowUp, *, by: object, at: datetime, **data: object) -> None:
    record(
        kind,
        agency_id=row.agency_id,
        about=f"client.{row.client_id}",
        data={"follow_up": row.pk, **data},
        by=by,
        at=at,
    )
