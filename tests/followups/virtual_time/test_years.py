"""
Five years of ten thousand encounters over every move of the clocks, with sweeps that are cut off, doubled and away: each step is
due once, on the right local day, at the right local hour.

``make care-years`` plays all of it (ENCOUNTERS=10000), with one sweep and with three; a winter of 120 is part of `make test`.
SEED replays a run.
"""

import os
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from followups.models import FollowUp, FollowUpState, Plan, PlanState
from followups.rules.days import due_on
from journal.models import Entry
from journal.rebuild import differences
from tests.followups.virtual_time import oracle
from tests.followups.virtual_time.world import HOURS, Run, Script, World

ENCOUNTERS = int(os.environ.get("ENCOUNTERS", "120"))
SEED = int(os.environ.get("SEED", "1"))
_IS_SHORT = ENCOUNTERS <= 1000
# Five years from 2008 on have Apia's missing day in them; the short run the winter around it.
BEGINS, DAYS = (date(2011, 12, 1), 120) if _IS_SHORT else (date(2008, 1, 1), 1827)
_MOST_SHOWN = 30


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(120 + ENCOUNTERS)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sweepers", [3] if _IS_SHORT else [1, 3])
def test_each_step_is_due_once_on_its_local_day_at_its_local_hour(
    sweepers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Script(seed=SEED, encounters=ENCOUNTERS, begins=BEGINS, days=DAYS, sweepers=sweepers)

    run = World(script).play()

    rows = list(FollowUp.objects.select_related("plan").order_by("pk"))
    problems = [*_days(rows, run), *_once(rows), *_in_time(rows, run), *_plans()]
    told = sum(row.due_told_at is not None for row in rows)
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {SEED}, {sweepers} sweeps: {run.signed} encounters, {len(rows)} steps, {told} due,"
            f" {len(run.ticks)} looks, {run.kills} cut off ({run.felt} at work), {run.outages} outages\n"
        )
    assert problems == [], "\n".join(problems[:_MOST_SHOWN])
    # A run in which nothing happened would prove nothing.
    assert run.signed == ENCOUNTERS
    assert told > ENCOUNTERS
    assert run.felt
    assert run.outages
    if _IS_SHORT:
        assert list(differences()) == []


def _days(rows: list[FollowUp], run: Run) -> Iterator[str]:
    """
    Each row against the wall clock of its zone.
    """
    for row in rows:
        assert row.plan_id is not None
        assert row.step is not None
        zone = ZoneInfo(row.zone)
        begins, until = HOURS[row.zone]
        based_at = run.based_at[row.plan_id, row.round]
        wanted = oracle.due(based_at, days=row.step, zone=zone, visits_from=begins)
        if (row.due_date, row.due_at) != wanted:
            yield f"step {row.step} of {based_at} in {row.zone}: {row.due_date} {row.due_at}, not {wanted}"
        if due_on(row.due_date, zone=zone, visits_from=begins, visits_until=until).until != row.due_until:
            yield f"follow-up {row.pk} ends at another hour"


def _once(rows: list[FollowUp]) -> Iterator[str]:
    """
    Each row as often in the journal as it became due.
    """
    said = Counter(Entry.objects.filter(kind="follow_up.due").values_list("data__follow_up", flat=True))
    for row in rows:
        if said[row.pk] != (row.due_told_at is not None):
            yield f"follow-up {row.pk} was said to be due {said[row.pk]} times, and told at {row.due_told_at}"


def _in_time(rows: list[FollowUp], run: Run) -> Iterator[str]:
    """
    Each row became due at a look at or after its hour, and no later than the first after it in which nobody was cut off; and it
    did not where it had ended before.
    """
    looks = [tick.at for tick in run.ticks]
    clean = [tick.at for tick in run.ticks if tick.clean]
    for row in rows:
        # A report that is signed in the evening of the day after plans what should have been due at noon.
        latest = _first(clean, max(row.due_at, row.made_at))
        if row.due_told_at is None:
            ended_at = run.ended_at.get(row.pk)
            if ended_at is None or (latest is not None and ended_at > latest):
                yield f"follow-up {row.pk} of {row.due_at} never became due: {row.state}, ended {ended_at}"
        elif row.due_told_at < row.due_at:
            yield f"follow-up {row.pk} of {row.due_at} became due early, at {row.due_told_at}"
        elif latest is None or row.due_told_at > latest or row.due_told_at not in looks:
            yield f"follow-up {row.pk} of {row.due_at} became due at {row.due_told_at}, not by {latest}"


def _plans() -> Iterator[str]:
    """
    Each plan's rounds whole; one plan open for a person; and nothing left to come of any that is not.
    """
    for plan in Plan.objects.exclude(state=PlanState.DECLINED).prefetch_related("follow_ups"):
        by_round = Counter(row.round for row in plan.follow_ups.all())
        if by_round != dict.fromkeys(range(1, plan.round + 1), len(plan.steps)):
            yield f"plan {plan.pk} has other steps than its rounds: {by_round}"
        left = {row.state for row in plan.follow_ups.all()} & {FollowUpState.PENDING, FollowUpState.WAITING}
        if left and plan.state != PlanState.PAUSED:
            yield f"plan {plan.pk} is {plan.state} and has {left}"
    both = Counter(Plan.objects.filter(state__in=[PlanState.OPEN, PlanState.PAUSED]).values_list("client", flat=True))
    yield from (f"client {client_id} has {count} plans" for client_id, count in both.items() if count > 1)


def _first(instants: list[datetime], at: datetime) -> datetime | None:
    position = bisect_left(instants, at)
    return instants[position] if position < len(instants) else None
