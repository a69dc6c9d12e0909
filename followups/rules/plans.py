"""
When a step of a plan is tried and told of, and who may say what about a follow-up.
"""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from followups.models import Client, FollowUp, FollowUpState, Plan, PlanState, Programme
from followups.refusals import plans as refusals
from followups.rules import days
from followups.rules.clients import SPEAKS_FOR, can_read
from followups.rules.days import Due
from responders.actors import Actor


class Hours(NamedTuple):
    """
    When a follow-up is due, by when somebody should have tried, and when it goes to supervisors.
    """

    due: Due
    try_by: datetime
    escalate_at: datetime


def visiting_hours(client: Client, programme: Programme) -> tuple[time, time]:
    """
    Return the local hours in which somebody is visited: their own where they said some that fit, else the programme's.
    """
    begins = client.visits_from or programme.visits_from
    ends = client.visits_until or programme.visits_until
    return (begins, ends) if begins < ends else (programme.visits_from, programme.visits_until)


def hours_of_step(
    client: Client,
    programme: Programme,
    *,
    based_at: datetime,
    days_after: int,
    is_first: bool,
    risk: bool,
    zone: ZoneInfo,
) -> Hours:
    """
    Return the hours of one step of a plan.

    The first one has the norm that coordinators see: tried by the end of the day after the encounter, or within
    ``first_attempt_risk_h`` of it after suicide risk or an overdose; ``escalate_h`` after it, it goes to supervisors. A plan whose
    first step is later than that promised nothing of the kind: it counts like every other step, from its own day.
    """
    begins, ends = visiting_hours(client, programme)
    due = days.due(based_at=based_at, days=days_after, zone=zone, visits_from=begins, visits_until=ends)
    if not (is_first and days_after <= 1):
        return _of_its_own(due, programme, zone)
    # To the second, as the end of a day is: in a sealed document neither is longer than the other.
    within = (based_at + timedelta(hours=programme.first_attempt_risk_h)).replace(microsecond=0)
    try_by = within if risk else days.ends(due.date, zone)
    return Hours(due, try_by, based_at + timedelta(hours=programme.escalate_h))


def hours_on(client: Client, programme: Programme, *, due_date: date, zone: ZoneInfo) -> Hours:
    """
    Return the hours of a follow-up that somebody put on a day.
    """
    begins, ends = visiting_hours(client, programme)
    due = days.due_on(due_date, zone=zone, visits_from=begins, visits_until=ends)
    return _of_its_own(due, programme, zone)


def _of_its_own(due: Due, programme: Programme, zone: ZoneInfo) -> Hours:
    return Hours(due, days.ends(due.date, zone), due.at + timedelta(hours=programme.escalate_h))


def check_plan_open(plan: Plan) -> None:
    """
    :raises PlanEnded: it is over.
    """
    if plan.state not in (PlanState.OPEN, PlanState.PAUSED):
        raise refusals.PlanEnded(state=plan.state)


def check_alive(client: Client) -> None:
    """
    :raises ClientDeceased: two people have said that this person died.
    """
    if client.deceased_at is not None:
        raise refusals.ClientDeceased


def check_open(follow_up: FollowUp) -> None:
    """
    :raises FollowUpEnded: it is over.
    """
    if not is_open(follow_up):
        raise refusals.FollowUpEnded(state=follow_up.state)


def check_moves(follow_up: FollowUp) -> None:
    """
    Check that somebody may put a follow-up on another day, or send a unit for it.

    :raises FollowUpEnded: it is over.
    :raises FollowUpWaits: its plan is paused.
    """
    check_open(follow_up)
    if follow_up.state == FollowUpState.WAITING:
        raise refusals.FollowUpWaits


def is_open(follow_up: FollowUp) -> bool:
    """
    Tell whether a follow-up is still to be seen to.
    """
    return follow_up.state in (FollowUpState.PENDING, FollowUpState.DUE, FollowUpState.WAITING)


def check_may_tell(follow_up: FollowUp, client: Client, *, by: Actor, at: datetime, when: datetime) -> None:
    """
    Check that somebody may say what came of a follow-up: whoever may read the record, and a crew whose tablet has it, or had
    it until ``SPEAKS_FOR`` before ``when`` at the earliest. What it did then happened, wherever the follow-up has gone since.

    :raises FollowUpNotFound: it never was theirs; answers like one that does not exist.
    """
    if client.agency_id != by.agency_id:
        raise refusals.FollowUpNotFound
    if can_read(by, client, at=at) or follow_up.assignee_id == by.person_id:
        return
    if by.tablet_id is None or not _had_on_tablet(follow_up, person_id=by.person_id, since=when - SPEAKS_FOR):
        raise refusals.FollowUpNotFound


def _had_on_tablet(follow_up: FollowUp, *, person_id: int | None, since: datetime) -> bool:
    """
    Tell whether a follow-up stood on the tablets of a unit while this person was on it: what left them is kept as a tombstone
    for 30 days.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM journal_document document"
            " JOIN responders_shift shift ON document.stream = 'unit.' || shift.unit_id"
            " WHERE document.collection = 'follow_up' AND document.document_id = %(follow_up)s"
            " AND shift.person_id = %(person)s AND coalesce(shift.ended_at, 'infinity') >= greatest(%(made_at)s, %(since)s)"
            " AND coalesce(document.gone_at, 'infinity') >= greatest(shift.started_at, %(since)s))",
            {
                "follow_up": str(follow_up.pk),
                "person": person_id,
                "made_at": follow_up.made_at,
                "since": since,
            },
        )
        row: tuple[bool] = cursor.fetchone()
    return row[0]
