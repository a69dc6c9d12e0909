"""
Whatever is done about somebody's plan, in whatever order: one plan is open at most, nothing done is lost, and every day and hour is
the one that the rules say.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from followups.actions import follow_ups, plans
from followups.models import Attempt, Client, FollowUp, FollowUpState, Move, Plan, PlanState
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from journal.rebuild import differences
from journal.refusals import Refusal
from tests.conftest import NOON
from tests.factories import follow_ups as factory
from tests.followups.virtual_time import oracle

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DAY = timedelta(days=1)
# The programme's, where an agency has said nothing.
VISITS_FROM = time(12)
OPEN = [PlanState.OPEN, PlanState.PAUSED]

hours = st.integers(1, 24 * 9).map(lambda count: timedelta(hours=count))
rows = st.integers(0, 8)
STEPS = st.one_of(
    st.tuples(
        st.just("meet"),
        hours,
        st.sampled_from([True, True, True, False, None]),
        st.sampled_from(["HOME", "HOSPITAL", "CUSTODY"]),
        st.booleans(),
    ),
    st.tuples(st.just("told late"), hours, st.integers(1, 200)),
    st.tuples(st.just("sweep"), hours),
    st.tuples(
        st.just("attempt"),
        hours,
        rows,
        st.sampled_from(["REACHED", "NOT_FOUND", "REFUSED", "HOSPITALISED", "DECEASED"]),
    ),
    st.tuples(st.just("finish"), hours, rows),
    st.tuples(st.just("cancel"), hours, rows),
    st.tuples(st.just("move"), hours, rows, st.integers(0, 40)),
    st.tuples(st.just("open"), hours),
    st.tuples(st.just("decline"), hours),
    st.tuples(st.just("pause"), hours),
    st.tuples(st.just("resume"), hours),
    st.tuples(st.just("close"), hours),
    st.tuples(st.just("death"), hours),
)


class Life:
    """
    One person, what is done about them, and what must stay.
    """

    def __init__(self) -> None:
        self.of = factory.care(plans_unasked=True)
        self.whom = factory.client(self.of)
        self.at = NOON
        self.done: dict[int, tuple[str, datetime | None]] = {}
        self.based_at: dict[tuple[int, int], datetime] = {}

    def step(self, what: str, wait: timedelta, *given: Any) -> None:
        self.at += wait
        getattr(self, f"_{what.replace(' ', '_')}")(*given)
        self._check()

    def _do(self, act: Callable[..., Any], **given: Any) -> None:
        try:
            with open_door(by=self.of.coordinator, at=self.at):
                act(by=self.of.coordinator, at=self.at, **given)
        except Refusal:
            # What the rules do not allow now changes nothing: the checks see to that.
            pass

    def _meet(self, agreed: bool | None, left_to: str, risk: bool) -> None:
        report = factory.encounter(self.of, at=self.at)
        row = factory.met(self.whom, report, agreed=agreed, left_to=left_to, risk=risk)
        factory.sign(self.of, row, at=self.at + timedelta(minutes=30))
        self.at += timedelta(hours=1)

    def _told_late(self, hours_ago: int) -> None:
        met_at = self.at - timedelta(hours=hours_ago)
        known = Plan.objects.filter(client=self.whom)
        before = list(known.filter(based_at__gt=met_at))
        paused = set(known.filter(state=PlanState.PAUSED, paused_at__gt=met_at).values_list("pk", flat=True))
        is_closed = known.filter(close_reason="MOVED", closed_at__gt=met_at).exists()
        stays_closed = is_closed and not known.filter(state__in=OPEN).exists()
        report = factory.encounter(self.of, at=met_at)
        factory.sign(self.of, factory.met(self.whom, report), at=self.at)
        for plan in before:
            # What was said later stands.
            kept = Plan.objects.get(pk=plan.pk)
            assert (kept.state, kept.round, kept.based_at) == (plan.state, plan.round, plan.based_at)
        assert paused <= set(known.filter(state=PlanState.PAUSED).values_list("pk", flat=True))
        assert not (stays_closed and known.filter(state__in=OPEN).exists())

    def _sweep(self) -> None:
        for sweep in (sweeps.make_due, sweeps.tell_late, sweeps.escalate):
            sweep(at=self.at)
        assert not FollowUp.objects.filter(client=self.whom, state="PENDING", due_at__lte=self.at).exists()

    def _attempt(self, position: int, result: str) -> None:
        count = Attempt.objects.filter(client=self.whom).count()
        if (row := self._row(position)) is not None:
            self._do(follow_ups.attempt, follow_up_id=row, how="PHONE", result=result)
            # A fact is never refused.
            assert Attempt.objects.filter(client=self.whom).count() == count + 1

    def _finish(self, position: int) -> None:
        if (row := self._row(position)) is not None and row not in self.done:
            self._do(follow_ups.finish, follow_up_id=row, outcome="CONNECTED")

    def _cancel(self, position: int) -> None:
        if (row := self._row(position)) is not None:
            self._do(follow_ups.cancel, follow_up_id=row, reason="x")

    def _move(self, position: int, days: int) -> None:
        if (row := self._row(position)) is not None:
            self._do(follow_ups.move, follow_up_id=row, date=self.at.date() + days * DAY, reason="x")

    def _open(self) -> None:
        self._do(plans.open_by_hand, client_id=self.whom.pk)

    def _decline(self) -> None:
        self._do(plans.decline, client_id=self.whom.pk)

    def _pause(self) -> None:
        self._on_plan(plans.pause, reason="CUSTODY")

    def _resume(self) -> None:
        self._on_plan(plans.resume)

    def _close(self) -> None:
        self._on_plan(plans.close, reason="MOVED")

    def _death(self) -> None:
        with open_door(by=self.of.supervisor, at=self.at):
            client = Client.objects.lock(self.whom.pk)
            client.deceased_said_at = client.deceased_said_at or self.at
            client.deceased_said_by_id = client.deceased_said_by_id or self.of.coordinator.person_id
            client.deceased_at, client.deceased_by_id = self.at, self.of.supervisor.person_id
            client.save()
            plans.after_death(client=client, by=self.of.supervisor, at=self.at)

    def _on_plan(self, act: Callable[..., Any], **given: Any) -> None:
        newest = Plan.objects.filter(client=self.whom).order_by("-pk").first()
        if newest is not None:
            self._do(act, plan_id=newest.pk, **given)

    def _row(self, position: int) -> int | None:
        found = FollowUp.objects.filter(client=self.whom).order_by("-pk").values_list("pk", flat=True)
        return found[position] if position < len(found) else None

    def _check(self) -> None:
        every = list(Plan.objects.filter(client=self.whom))
        current = [plan for plan in every if plan.state in OPEN]
        assert len(current) <= 1
        for plan in current:
            self.based_at.setdefault((plan.pk, plan.round), plan.based_at)
        follow = list(FollowUp.objects.filter(client=self.whom).select_related("plan"))
        for pk, was in self.done.items():
            kept = next(row for row in follow if row.pk == pk)
            assert (kept.state, kept.done_at) == was
        self.done |= {row.pk: (row.state, row.done_at) for row in follow if row.state == FollowUpState.DONE}
        moved = set(Move.objects.filter(client=self.whom).values_list("follow_up", flat=True))
        for row in follow:
            assert row.plan is not None
            self._check_row(row, row.plan, is_moved=row.pk in moved)
        died = Client.objects.get(pk=self.whom.pk).deceased_at is not None
        assert not (died and (current or any(row.state in ("PENDING", "DUE", "WAITING") for row in follow)))

    def _check_row(self, row: FollowUp, plan: Plan, *, is_moved: bool) -> None:
        is_open = row.state in (FollowUpState.PENDING, FollowUpState.DUE, FollowUpState.WAITING)
        if is_open:
            assert plan.state in OPEN
            assert row.round == plan.round
            assert (row.state == FollowUpState.WAITING) is (plan.state == PlanState.PAUSED)
        if (based_at := self.based_at.get((plan.pk, row.round))) is not None and not is_moved:
            zone = ZoneInfo(row.zone)
            assert row.step is not None
            assert (row.due_date, row.due_at) == oracle.due(
                based_at, days=row.step, zone=zone, visits_from=VISITS_FROM
            )
        assert row.state != FollowUpState.DUE or row.due_at <= self.at


@given(steps=st.lists(STEPS, min_size=3, max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_done_one_plan_is_open_and_nothing_done_is_lost(steps: list[tuple[Any, ...]]) -> None:
    life = Life()

    for what, wait, *more in steps:
        life.step(what, wait, *more)

    assert list(differences()) == []
