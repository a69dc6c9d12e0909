"""
What must happen when its time has come: a follow-up becomes due, is late, goes to supervisors; referrals are taken in.

A row is the promise, an index finds it, and any number of sweeps may run at once: each locks people whom nobody else holds,
a few at a time, and looks again under the lock. What one misses, or died over, the next one finds; what one did, its commit
has written down, so that nobody does it again. Nothing is ever scheduled for a later hour.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from followups.actions import intakes
from followups.models import FollowUp, FollowUpState, Reminder, ReminderKind
from followups.queries import plans as queries
from journal.door import open_door
from journal.record import record
from responders.models import Agency

SWEEP: Final = "system:sweep"
# People for whom one transaction writes: so many are held, and done anew where it fails.
BATCH: Final = 50
_One = Callable[[list[int], datetime], int]


def make_due(*, at: datetime) -> int:
    """
    Make due every follow-up whose hour has come, tell whoever has it, and return how many.
    """
    return _sweep(queries.DUE, _make_due, at=at)


def tell_late(*, at: datetime) -> int:
    """
    Note every follow-up whose visiting hours went by, tell whoever has it, and return how many.
    """
    return _sweep(queries.LATE, _tell_late, at=at)


def escalate(*, at: datetime) -> int:
    """
    Take to supervisors every follow-up that nobody tried for too long, and return how many.
    """
    return _sweep(queries.UNTRIED, _escalate, at=at)


def sweep_intakes(*, at: datetime) -> int:
    """
    Take in what was referred for later contact, close what was taken back, and return how many.
    """
    done = 0
    for act in (intakes.take_in, intakes.close_withdrawn):
        while True:
            with open_door(by=SWEEP, at=at):
                found = len(act(by=SWEEP, at=at, most=BATCH))
            done += found
            if found < BATCH:
                break
    return done


def _sweep(sql: str, act: _One, *, at: datetime) -> int:
    """
    Do something for all of whom something has come due. One person for whom it fails keeps nobody else from it.
    """
    done, size = 0, BATCH
    failed: dict[int, Exception] = {}
    while True:
        held: list[int] = []
        try:
            with open_door(by=SWEEP, at=at):
                held = queries.claim(sql, at=at, most=size, but=failed)
                done += act(held, at) if held else 0
        except Exception as error:
            if not held:
                raise
            if size == 1:
                failed[held[0]] = error
            size = 1
            continue
        if len(held) < size:
            break
    if failed:
        raise next(iter(failed.values()))
    return done


def _make_due(client_ids: list[int], at: datetime) -> int:
    rows = queries.due_of(client_ids, at=at)
    FollowUp.objects.filter(pk__in=[row.pk for row in rows]).update(state=FollowUpState.DUE, due_told_at=at)
    _remind(rows, ReminderKind.DUE, at=at)
    _record("follow_up.due", rows, at=at)
    return len(rows)


def _tell_late(client_ids: list[int], at: datetime) -> int:
    rows = queries.late_of(client_ids, at=at)
    FollowUp.objects.filter(pk__in=[row.pk for row in rows]).update(overdue_told_at=at)
    _remind(rows, ReminderKind.OVERDUE, at=at)
    _record("follow_up.overdue", rows, at=at)
    return len(rows)


def _escalate(client_ids: list[int], at: datetime) -> int:
    rows = queries.untried_of(client_ids, at=at)
    FollowUp.objects.filter(pk__in=[row.pk for row in rows]).update(escalated_at=at)
    agencies = {row.agency_id for row in rows}
    told = {agency_id: queries.supervisors_of(agency_id) for agency_id in agencies}
    zones = {agency.pk: agency.zone for agency in Agency.objects.filter(pk__in=agencies)}
    Reminder.objects.bulk_create(
        (
            Reminder(
                follow_up=row,
                person_id=person_id,
                kind=ReminderKind.ESCALATED,
                # Of the hour that was reached, not of the sweep that saw it: told once, however late it is seen.
                day=(row.escalate_at or at).astimezone(zones[row.agency_id]).date(),
                made_at=at,
                next_at=at,
            )
            for row in rows
            for person_id in told[row.agency_id]
        ),
        ignore_conflicts=True,
    )
    _record("follow_up.escalated", rows, at=at)
    return len(rows)


def _remind(rows: Iterable[FollowUp], kind: ReminderKind, *, at: datetime) -> None:
    """
    Promise a reminder to whoever has each follow-up, once for the day it is due on. One that is nobody's is in the digest of
    coordinators, one that is a unit's on its tablets.
    """
    Reminder.objects.bulk_create(
        (
            Reminder(follow_up=row, person_id=row.assignee_id, kind=kind, day=row.due_date, made_at=at, next_at=at)
            for row in rows
            if row.assignee_id is not None
        ),
        ignore_conflicts=True,
    )


def _record(kind: str, rows: Iterable[FollowUp], *, at: datetime) -> None:
    for row in rows:
        record(
            kind,
            agency_id=row.agency_id,
            about=f"client.{row.client_id}",
            data={"follow_up": row.pk, "plan": row.plan_id, "step": row.step},
            by=SWEEP,
            at=at,
        )
