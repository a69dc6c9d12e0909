"""
Sweeps: each follow-up becomes due, is late and goes to supervisors once, whoever looks and however often; one that fails keeps
nobody else from it.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from followups import tasks
from followups.actions import follow_ups, plans
from followups.models import Client, FollowUp, Plan, PlanState, Reminder, ReminderKind
from followups.refusals import plans as refusals
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from journal.models import Document, Entry
from journal.refusals import Refusal
from tests.conftest import NOON
from tests.factories import follow_ups as factory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def entries(kind: str) -> int:
    return Entry.objects.filter(kind=kind).count()


def first_of(of: factory.Care, **told: Any) -> FollowUp:
    return factory.steps_of(factory.planned(of, factory.client(of), **told))[1]


def test_a_follow_up_becomes_due_at_its_hour_and_once() -> None:
    of = factory.care()
    row = first_of(of)

    assert sweeps.make_due(at=row.due_at - SECOND) == 0
    assert sweeps.make_due(at=row.due_at) == 1
    assert sweeps.make_due(at=row.due_at + SECOND) == 0

    row.refresh_from_db()
    assert (row.state, row.due_told_at) == ("DUE", row.due_at)
    assert entries("follow_up.due") == 1


def test_a_sweep_that_comes_days_late_finds_all_of_it() -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))

    assert sweeps.make_due(at=NOON + 31 * DAY) == 3
    assert sweeps.tell_late(at=NOON + 31 * DAY) == 3
    assert {row.state for row in factory.steps_of(plan).values()} == {"DUE"}


def test_more_than_a_batch_is_done_in_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    of = factory.care(steps=[1])
    for _ in range(5):
        first_of(of)

    assert sweeps.make_due(at=NOON + DAY) == 5


def test_what_is_not_seen_to_in_its_hours_is_late_once() -> None:
    of = factory.care()
    row = first_of(of)
    sweeps.make_due(at=row.due_at)

    assert sweeps.tell_late(at=row.due_until - SECOND) == 0
    assert sweeps.tell_late(at=row.due_until) == 1
    assert sweeps.tell_late(at=row.due_until + DAY) == 0
    assert entries("follow_up.overdue") == 1


def test_what_nobody_tried_for_48_hours_goes_to_every_supervisor_once() -> None:
    of = factory.care()
    row = first_of(of)

    assert sweeps.escalate(at=NOON + 2 * DAY - SECOND) == 0
    assert sweeps.escalate(at=NOON + 2 * DAY) == 1
    assert sweeps.escalate(at=NOON + 3 * DAY) == 0

    kept = Reminder.objects.get(kind=ReminderKind.ESCALATED)
    assert (kept.person_id, kept.follow_up) == (of.supervisor.person_id, row)
    stream = f"supervisors.{of.agency_id}"
    live = Document.objects.filter(stream=stream, collection="escalation", gone=None)
    assert list(live.values_list("document_id", flat=True)) == [str(row.pk)]
    # Whoever tries takes it from the list; who does not try again puts it there again.
    factory.tried(row, by=of.coordinator, result="NOT_FOUND", at=NOON + 3 * DAY)
    assert not live.exists()
    assert sweeps.escalate(at=NOON + 5 * DAY) == 1
    assert Reminder.objects.filter(kind=ReminderKind.ESCALATED).count() == 2


def test_what_was_tried_in_time_goes_to_nobody() -> None:
    of = factory.care(steps=[1])
    factory.tried(first_of(of), by=of.coordinator, result="REACHED", at=NOON + DAY)

    assert sweeps.escalate(at=NOON + 30 * DAY) == 0


def test_nothing_of_a_paused_closed_or_superseded_plan_becomes_due() -> None:
    of = factory.care(steps=[1])
    first_of(of, left_to="HOSPITAL")
    closed = first_of(of)
    with open_door(by=of.coordinator, at=NOON):
        plans.close(plan_id=closed.plan_id or 0, reason="MOVED", by=of.coordinator, at=NOON)
    whom = factory.client(of)
    factory.planned(of, whom)
    factory.planned(of, whom, at=NOON + timedelta(hours=1))

    assert sweeps.make_due(at=NOON + 40 * DAY) == 1
    assert sweeps.escalate(at=NOON + 40 * DAY) == 1


def test_what_was_moved_is_due_anew() -> None:
    of = factory.care()
    row = first_of(of)
    sweeps.make_due(at=NOON + DAY)
    with open_door(by=of.coordinator, at=NOON + DAY):
        follow_ups.move(
            follow_up_id=row.pk,
            date=row.due_date + 2 * DAY,
            reason="Away",
            by=of.coordinator,
            at=NOON + DAY,
        )

    assert sweeps.make_due(at=NOON + 2 * DAY) == 0
    assert sweeps.make_due(at=NOON + 3 * DAY) == 1


def test_one_that_fails_keeps_nobody_else_from_it() -> None:
    of = factory.care(steps=[1])
    rows = [first_of(of) for _ in range(4)]
    bad = rows[1]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.id = {bad.pk} THEN RAISE EXCEPTION 'broken row'; END IF; RETURN NEW; END $$;"
            " CREATE TRIGGER refuse_one BEFORE UPDATE ON followups_followup"
            " FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
        )

    with pytest.raises(Exception, match="broken row"):
        sweeps.make_due(at=NOON + DAY)

    due = set(FollowUp.objects.filter(state="DUE").values_list("pk", flat=True))
    assert due == {row.pk for row in rows} - {bad.pk}


def test_the_tasks_sweep_by_the_clock() -> None:
    of = factory.care()
    row = first_of(of, at=NOON - 800 * DAY)

    done = (tasks.make_follow_ups_due(), tasks.tell_late_follow_ups(), tasks.escalate_follow_ups())

    assert done[0] >= 1
    row.refresh_from_db()
    assert row.state == "DUE"
    assert tasks.sweep_intakes() == 0


# --- threads against each other --------------------------------------------------------------------------------------------


def together(*works: Any) -> list[Any]:
    start = Barrier(len(works), timeout=30)

    def run(work: Any) -> Any:
        try:
            connection.ensure_connection()
            start.wait()
            return work()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_three_sweeps_at_once_do_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 3)
    of = factory.care(steps=[1])
    for _ in range(20):
        first_of(of)

    done = together(*(lambda: sweeps.make_due(at=NOON + DAY) for _ in range(3)))

    # One that found everything held by the others is done; what it skipped, they did.
    assert sum(done) == 20
    assert entries("follow_up.due") == 20


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_sweep_skips_whom_an_action_holds_and_the_next_one_finds_them() -> None:
    of = factory.care(steps=[1])
    row = first_of(of)
    with transaction.atomic():
        Client.objects.lock(row.client_id)
        assert together(lambda: sweeps.make_due(at=NOON + DAY)) == [0]

    assert sweeps.make_due(at=NOON + DAY) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_", range(5))
def test_nobody_has_two_open_plans_whoever_is_first(_: int) -> None:
    of = factory.care()
    whom = factory.client(of)
    desks = [factory.coordinator(of) for _ in range(3)]
    rows = [factory.met(whom, factory.encounter(of, at=NOON + timedelta(minutes=minutes))) for minutes in range(3)]

    def opens(by: Any) -> Any:
        with open_door(by=by, at=NOON + DAY):
            return plans.open_by_hand(client_id=whom.pk, based_at=NOON - DAY, by=by, at=NOON + DAY)

    said = together(
        *(lambda by=by: opens(by) for by in desks),
        *(lambda row=row: factory.sign(of, row, at=NOON + DAY) for row in rows),
    )

    open_plans = Plan.objects.filter(client=whom, state__in=[PlanState.OPEN, PlanState.PAUSED])
    plan = open_plans.get()
    # The last encounter holds, in whatever order they were told.
    assert plan.based_at == NOON + timedelta(minutes=2)
    assert {row.due_date for row in factory.steps_of(plan).values()} == {NOON.date() + n * DAY for n in (1, 7, 30)}
    assert {word for word in said if isinstance(word, str)} <= {refusals.PlanAlreadyOpen.code}
    live = FollowUp.objects.open().filter(client=whom)
    assert live.count() == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_", range(5))
def test_an_attempt_and_a_sweep_at_once_end_alike(_: int) -> None:
    of = factory.care(steps=[1])
    row = first_of(of)
    at: datetime = NOON + 3 * DAY

    together(
        lambda: sweeps.make_due(at=at),
        lambda: sweeps.escalate(at=at),
        lambda: factory.tried(row, by=of.coordinator, result="REACHED", at=at),
    )
    sweeps.make_due(at=at)
    sweeps.escalate(at=at)

    row.refresh_from_db()
    assert (row.state, row.outcome) == ("DONE", "REACHED")
    assert Plan.objects.get().state == PlanState.COMPLETED
