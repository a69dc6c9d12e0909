"""
The follow-ups of a plan as rows: planned, put aside, ended. The caller holds the person's lock.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from followups.models import (
    CloseReason,
    FollowUp,
    FollowUpState,
    LockedClient,
    Outcome,
    Plan,
    PlanState,
    Programme,
    Reminder,
    ReminderKind,
)
from followups.queries.plans import Place
from followups.rules.plans import Hours, hours_of_step
from journal.record import record


def plan_steps(
    plan: Plan, client: LockedClient, programme: Programme, place: Place, *, by: object, at: datetime
) -> None:
    """
    Make the follow-ups of a plan's round: each step once, on its local day, for whoever has the plan.
    """
    zone = ZoneInfo(plan.zone)
    FollowUp.objects.bulk_create(
        FollowUp(
            agency_id=plan.agency_id,
            client=client,
            plan=plan,
            round=plan.round,
            step=step,
            zone=plan.zone,
            risk=plan.risk,
            reason=plan.reason,
            area=place.area,
            address=place.address,
            point=place.point,
            assignee_id=plan.assignee_id,
            made_at=at,
            made_by=str(by),
            **columns(
                hours_of_step(
                    client,
                    programme,
                    based_at=plan.based_at,
                    days_after=step,
                    is_first=position == 0,
                    risk=plan.risk,
                    zone=zone,
                )
            ),
        )
        for position, step in enumerate(plan.steps)
    )


def columns(hours: Hours) -> dict[str, object]:
    """
    Return the columns of a follow-up that say when it is due, tried and told of.
    """
    return {
        "due_date": hours.due.date,
        "due_at": hours.due.at,
        "due_until": hours.due.until,
        "try_by": hours.try_by,
        "escalate_at": hours.escalate_at,
    }


def end_open(rows: "Iterable[FollowUp] | None" = None, *, plan: Plan | None = None, state: FollowUpState) -> list[int]:
    """
    End what is open of a plan, or these follow-ups, and return their ids.
    """
    open_rows = FollowUp.objects.open()
    found = open_rows.filter(plan=plan) if rows is None else open_rows.filter(pk__in=[row.pk for row in rows])
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    FollowUp.objects.filter(pk__in=ids).update(state=state)
    return ids


def remind_anew(rows: Iterable[FollowUp], *, person_id: int | None, at: datetime) -> None:
    """
    Promise somebody who is given follow-ups the reminders that sweeps have made already, for whoever had them then.
    """
    if person_id is None:
        return
    Reminder.objects.bulk_create(
        (
            Reminder(
                follow_up=row,
                person_id=person_id,
                kind=ReminderKind.DUE if row.overdue_told_at is None else ReminderKind.OVERDUE,
                day=row.due_date,
                made_at=at,
                next_at=at,
            )
            for row in rows
            if row.state == FollowUpState.DUE
        ),
        ignore_conflicts=True,
    )


def finish(row: FollowUp, *, outcome: Outcome, by: object, at: datetime, when: datetime) -> None:
    """
    Write down how a follow-up ended; the last one of a plan completes the plan.
    """
    row.state, row.outcome = FollowUpState.DONE, outcome
    row.done_at, row.done_by = when, str(by)
    row.save(update_fields=["state", "outcome", "done_at", "done_by"])
    record(
        "follow_up.finished",
        agency_id=row.agency_id,
        about=f"client.{row.client_id}",
        data={"follow_up": row.pk, "plan": row.plan_id},
        by=by,
        at=when,
    )
    if row.plan_id is not None:
        complete(Plan.objects.get(pk=row.plan_id), by=by, at=at)


def complete(plan: Plan, *, by: object, at: datetime) -> None:
    """
    End a plan of which nothing is left, even one that waits: COMPLETED where something of it was done, CLOSED where all was
    cancelled.
    """
    if plan.state not in (PlanState.OPEN, PlanState.PAUSED) or FollowUp.objects.open().filter(plan=plan).exists():
        return
    done = FollowUp.objects.filter(plan=plan, state=FollowUpState.DONE).exists()
    plan.state = PlanState.COMPLETED if done else PlanState.CLOSED
    plan.close_reason = "" if done else CloseReason.OTHER
    plan.closed_at, plan.closed_by = at, str(by)
    plan.save(update_fields=["state", "close_reason", "closed_at", "closed_by"])
    record(
        "plan.completed",
        agency_id=plan.agency_id,
        about=f"client.{plan.client_id}",
        data={"plan": plan.pk, "round": plan.round},
        by=by,
        at=at,
    )
