"""
Plans after encounters: one for a person, on the right days, begun anew, waiting, ended; and what is done about a follow-up.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from dispatch.models import Assignment, AssignmentStatus, CadMessage, Call, Origin, Source
from dispatch.refusals import UnitBusy
from followups.actions import follow_ups, plans
from followups.models import (
    Attempt,
    CloseReason,
    Contact,
    Encounter,
    FollowUp,
    FollowUpState,
    Move,
    Outcome,
    PauseReason,
    Plan,
    PlanState,
    Reminder,
    Route,
)
from followups.refusals import plans as refusals
from followups.refusals.clients import ClientNotFound
from journal.door import open_door
from journal.models import Document, Entry
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import dispatch, intake, responders
from tests.factories import encounters as reports
from tests.factories import follow_ups as factory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# Visiting hours begin at noon in Seattle, and NOON is noon of 3 June there.
TODAY = date(2026, 6, 3)
Cases = list[tuple[Any, dict[str, Any]]]


def do(act: Any, *, by: Actor, at: datetime = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def states(plan: Plan) -> list[str]:
    return list(FollowUp.objects.filter(plan=plan).order_by("round", "step").values_list("state", flat=True))


# --- after an encounter --------------------------------------------------------------------------------------------------


def test_who_agreed_has_a_plan_at_one_seven_and_thirty_days() -> None:
    of = factory.care()
    whom = factory.client(of)
    factory.at_home(whom, "100 PINE ST")

    plan = factory.planned(of, whom, needs=["HOUSING"])

    rows = factory.steps_of(plan)
    assert {step: row.due_date for step, row in rows.items()} == {
        1: TODAY + DAY,
        7: TODAY + 7 * DAY,
        30: TODAY + 30 * DAY,
    }
    assert [row.due_at for row in rows.values()] == [NOON + days * DAY for days in (1, 7, 30)]
    assert rows[1].due_until - rows[1].due_at == timedelta(hours=7)
    assert (rows[1].address, rows[1].area, rows[1].reason) == ("100 PINE ST", of.scene.area, "HOUSING")


def test_where_nobody_says_where_they_live_they_are_looked_for_where_they_were_met() -> None:
    of = factory.care()
    held = dispatch.assignment(of.scene, status=AssignmentStatus.CLEARED)
    whom = factory.client(of)

    plan = factory.sign(of, factory.met(whom, factory.encounter(of, held=held)))

    assert plan is not None
    assert factory.steps_of(plan)[1].address == held.call.address


def test_hours_and_steps_are_the_programmes_and_hours_the_persons_own() -> None:
    of = factory.care(steps=[2, 14], visits_from=time(9), visits_until=time(17))
    early = factory.client(of, visits_from=time(7), visits_until=time(10))
    # Alone it does not fit the programme's: theirs hold.
    odd = factory.client(of, visits_from=time(18))

    first, second = factory.planned(of, early), factory.planned(of, odd)

    assert set(factory.steps_of(first)) == {2, 14}
    assert factory.steps_of(first)[2].due_at == datetime(2026, 6, 5, 14, tzinfo=UTC)
    assert factory.steps_of(second)[2].due_at == datetime(2026, 6, 5, 16, tzinfo=UTC)


def test_a_new_encounter_begins_a_new_round_and_adds_no_plan() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    done = factory.steps_of(plan)[1]
    factory.tried(done, by=of.coordinator, result="REACHED", at=NOON + DAY)

    again = factory.planned(of, whom, at=NOON + 3 * DAY)

    assert again.pk == plan.pk
    assert again.round == 2
    assert states(plan) == ["DONE", "SUPERSEDED", "SUPERSEDED", "PENDING", "PENDING", "PENDING"]
    assert {row.due_date for row in factory.steps_of(again).values()} == {TODAY + n * DAY for n in (4, 10, 33)}


def test_an_earlier_encounter_that_is_told_late_changes_nothing() -> None:
    of = factory.care()
    whom = factory.client(of)
    earlier = factory.met(whom, factory.encounter(of, at=NOON - 5 * DAY))
    plan = factory.planned(of, whom)

    same = factory.sign(of, earlier, at=NOON + DAY)

    assert same == plan
    assert same is not None
    assert same.round == 1


def test_an_earlier_yes_does_not_undo_a_later_no() -> None:
    of = factory.care()
    whom = factory.client(of)
    earlier = factory.met(whom, factory.encounter(of, at=NOON - DAY))
    factory.planned(of, whom, agreed=False)

    assert factory.sign(of, earlier, at=NOON + DAY) is None
    assert list(Plan.objects.values_list("state", flat=True)) == [PlanState.DECLINED]


def test_signing_again_plans_nothing_twice() -> None:
    of = factory.care()
    whom = factory.client(of)
    row = factory.met(whom, factory.encounter(of))

    first, second = factory.sign(of, row), factory.sign(of, row, at=NOON + timedelta(hours=1))

    assert first == second
    assert FollowUp.objects.count() == 3


def test_who_declined_has_no_plan_and_that_is_kept() -> None:
    of = factory.care(plans_unasked=True)
    whom = factory.client(of)
    row = factory.met(whom, factory.encounter(of), agreed=False)

    plan = factory.sign(of, row)
    factory.sign(of, row)

    assert plan is not None
    assert (plan.state, plan.steps) == (PlanState.DECLINED, [])
    assert Plan.objects.count() == 1
    assert not FollowUp.objects.exists()
    # Policy plans for who was not asked; never for one who declined before.
    assert factory.sign(of, factory.met(whom, factory.encounter(of, at=NOON + DAY), agreed=None)) is None


def test_a_no_ends_the_plan_that_is_open() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)

    factory.planned(of, whom, at=NOON + DAY, agreed=False)

    plan.refresh_from_db()
    assert (plan.state, plan.close_reason) == (PlanState.CLOSED, CloseReason.DECLINED)
    assert states(plan) == ["CANCELLED"] * 3
    assert Plan.objects.filter(client=whom, state=PlanState.DECLINED).count() == 1


@pytest.mark.parametrize("policy", [False, True])
def test_who_was_not_asked_has_a_plan_where_policy_says_so(policy: bool) -> None:
    of = factory.care(plans_unasked=policy)

    plan = factory.sign(of, factory.met(factory.client(of), factory.encounter(of), agreed=None))

    assert (plan is not None) is policy


def test_who_agreed_before_and_was_not_asked_again_goes_on() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)

    again = factory.planned(of, whom, at=NOON + 2 * DAY, agreed=None)

    assert (again, again.round) == (plan, 2)


@pytest.mark.parametrize("where", ["HOSPITAL", "CUSTODY"])
def test_a_plan_waits_for_who_was_left_in_hospital_or_custody(where: str) -> None:
    of = factory.care()
    whom = factory.client(of)

    plan = factory.planned(of, whom, left_to=where)

    assert (plan.state, plan.pause_reason) == (PlanState.PAUSED, where)
    assert states(plan) == ["WAITING"] * 3


def test_days_are_counted_from_the_release() -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of), left_to="HOSPITAL")
    released = NOON + 12 * DAY + timedelta(hours=3)

    do(plans.resume, plan_id=plan.pk, released_at=released, by=of.coordinator, at=released + DAY)

    plan.refresh_from_db()
    assert (plan.state, plan.round, plan.pause_reason) == (PlanState.OPEN, 2, "")
    assert {row.due_date for row in factory.steps_of(plan).values()} == {TODAY + n * DAY for n in (13, 19, 42)}


@pytest.mark.parametrize("released", [NOON - DAY, NOON + 5 * DAY])
def test_nobody_is_released_before_they_went_in_or_in_the_future(released: datetime) -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of), left_to="CUSTODY")

    with pytest.raises(refusals.ReleasedTooEarly):
        do(plans.resume, plan_id=plan.pk, released_at=released, by=of.coordinator, at=NOON + DAY)


def test_nothing_is_planned_for_the_dead_and_everything_stops() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    single = do(follow_ups.add, client_id=whom.pk, date=TODAY + DAY, by=of.coordinator)
    with open_door(by=factory.SCENE, at=NOON):
        locked = type(whom).objects.lock(whom.pk)
        locked.deceased_said_at = locked.deceased_at = NOON
        locked.deceased_said_by_id, locked.deceased_by_id = of.coordinator.person_id, of.supervisor.person_id
        locked.save()
        plans.after_death(client=locked, by=of.supervisor, at=NOON)

    plan.refresh_from_db()
    single.refresh_from_db()
    assert (plan.state, plan.close_reason, single.state) == ("CLOSED", "DECEASED", "CANCELLED")
    assert not FollowUp.objects.open().exists()
    assert factory.sign(of, factory.met(whom, factory.encounter(of, at=NOON + DAY))) is None
    with pytest.raises(refusals.ClientDeceased):
        do(plans.open_by_hand, client_id=whom.pk, by=of.coordinator)


# --- what was said last counts -------------------------------------------------------------------------------------------


def test_signing_again_does_not_take_a_release_back() -> None:
    of = factory.care()
    row = factory.met(factory.client(of), factory.encounter(of), left_to="HOSPITAL")
    plan = factory.sign(of, row)
    assert plan is not None
    do(plans.resume, plan_id=plan.pk, by=of.coordinator, at=NOON + 3 * DAY)

    factory.sign(of, row, at=NOON + 4 * DAY)

    plan.refresh_from_db()
    assert (plan.state, plan.round) == (PlanState.OPEN, 2)
    # A risk that is said only now begins a round, from the release on.
    row.risk = True
    row.save()
    factory.sign(of, row, at=NOON + 4 * DAY)
    plan.refresh_from_db()
    assert (plan.state, plan.round, plan.based_at, plan.risk) == (PlanState.OPEN, 3, NOON + 3 * DAY, True)


def test_who_is_said_to_be_in_hospital_only_when_it_is_signed_again_has_the_plan_wait() -> None:
    of = factory.care()
    whom, report = factory.client(of), factory.encounter(of)
    plan = factory.sign(of, factory.met(whom, report))
    assert plan is not None

    factory.sign(of, factory.met(whom, report, left_to="HOSPITAL"), at=NOON + DAY)

    plan.refresh_from_db()
    assert (plan.state, plan.paused_at) == (PlanState.PAUSED, NOON)


@pytest.mark.parametrize("reason", ["IN_CARE", "MOVED", None])
def test_signing_again_plans_nothing_after_the_plan_is_over(reason: str | None) -> None:
    of = factory.care(steps=[1])
    row = factory.met(factory.client(of), factory.encounter(of))
    plan = factory.sign(of, row)
    assert plan is not None
    if reason is None:
        factory.tried(factory.steps_of(plan)[1], by=of.coordinator, result="REACHED", at=NOON + DAY)
    else:
        do(plans.close, plan_id=plan.pk, reason=reason, by=of.coordinator, at=NOON + DAY)

    assert factory.sign(of, row, at=NOON + 2 * DAY) is None
    assert Plan.objects.count() == 1


def test_a_risk_that_is_said_only_when_it_is_signed_again_is_planned_for_even_then() -> None:
    of = factory.care(steps=[1])
    whom, report = factory.client(of), factory.encounter(of)
    plan = factory.sign(of, factory.met(whom, report))
    assert plan is not None
    factory.tried(factory.steps_of(plan)[1], by=of.coordinator, result="REACHED", at=NOON + DAY)

    again = factory.sign(of, factory.met(whom, report, risk=True), at=NOON + 2 * DAY)

    assert again is not None
    assert again.risk
    assert factory.sign(of, factory.met(whom, report, risk=True), at=NOON + 2 * DAY) == again


def test_who_changes_a_no_into_a_yes_has_a_plan() -> None:
    of = factory.care()
    whom, report = factory.client(of), factory.encounter(of)
    for agreed in (True, False, True):
        plan = factory.sign(of, factory.met(whom, report, agreed=agreed))

    assert plan is not None
    assert plan.state == PlanState.OPEN


def test_an_earlier_encounter_that_is_told_late_does_not_undo_a_pause() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    earlier = factory.met(whom, factory.encounter(of, at=NOON + DAY))
    do(plans.pause, plan_id=plan.pk, reason="CUSTODY", by=of.coordinator, at=NOON + 2 * DAY)

    factory.sign(of, earlier, at=NOON + 3 * DAY)

    plan.refresh_from_db()
    assert (plan.round, plan.based_at, plan.state) == (2, NOON + DAY, PlanState.PAUSED)
    assert (plan.pause_reason, plan.paused_at) == (PauseReason.CUSTODY, NOON + 2 * DAY)
    assert states(plan) == ["SUPERSEDED"] * 3 + ["WAITING"] * 3


@pytest.mark.parametrize("reason", ["MOVED", "IN_CARE", "DECLINED"])
def test_an_earlier_encounter_that_is_told_late_does_not_undo_a_close(reason: str) -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    earlier = factory.met(whom, factory.encounter(of, at=NOON + DAY))
    do(plans.close, plan_id=plan.pk, reason=reason, by=of.coordinator, at=NOON + 2 * DAY)

    assert factory.sign(of, earlier, at=NOON + 3 * DAY) is None
    assert factory.planned(of, whom, at=NOON + 4 * DAY).state == PlanState.OPEN


def test_a_no_counts_from_when_it_was_said_and_not_from_when_it_was_told() -> None:
    of = factory.care()
    whom = factory.client(of)
    factory.planned(of, whom)
    no = factory.met(whom, factory.encounter(of, at=NOON + DAY), agreed=False)
    yes = factory.met(whom, factory.encounter(of, at=NOON + 2 * DAY))
    factory.sign(of, no, at=NOON + 3 * DAY)

    plan = factory.sign(of, yes, at=NOON + 4 * DAY)

    assert plan is not None
    assert (plan.state, plan.based_at) == (PlanState.OPEN, NOON + 2 * DAY)


# --- the norm ------------------------------------------------------------------------------------------------------------


def test_the_first_attempt_is_due_by_the_end_of_day_one_and_goes_to_supervisors_after_48_hours() -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))

    rows = factory.steps_of(plan)

    midnight = datetime(2026, 6, 5, 7, tzinfo=UTC)
    assert (rows[1].try_by, rows[1].escalate_at) == (midnight, NOON + 2 * DAY)
    assert (rows[7].try_by, rows[7].escalate_at) == (midnight + 6 * DAY, rows[7].due_at + 2 * DAY)


def test_after_suicide_risk_or_an_overdose_it_is_24_hours() -> None:
    of = factory.care()

    plan = factory.planned(of, factory.client(of), risk=True)

    assert factory.steps_of(plan)[1].try_by == NOON + DAY
    assert factory.steps_of(plan)[1].risk


# --- at a coordinator's desk -----------------------------------------------------------------------------------------------


def test_a_plan_is_opened_by_hand_once() -> None:
    of = factory.care()
    whom = factory.client(of)

    plan = do(plans.open_by_hand, client_id=whom.pk, steps=[3, 3, 10], by=of.coordinator)

    assert set(factory.steps_of(plan)) == {3, 10}
    with pytest.raises(refusals.PlanAlreadyOpen) as no:
        do(plans.open_by_hand, client_id=whom.pk, by=of.coordinator)
    assert no.value.facts == {"plan": plan.pk}


def test_a_plan_pauses_once_resumes_once_and_closes_once() -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))
    given: dict[str, Any] = {"plan_id": plan.pk, "by": of.coordinator}

    with pytest.raises(refusals.PlanNotPaused):
        do(plans.resume, **given)
    do(plans.pause, reason="CUSTODY", since=NOON, **given)
    with pytest.raises(refusals.PlanAlreadyPaused):
        do(plans.pause, reason="HOSPITAL", **given)
    do(plans.close, reason="MOVED", note="To another state", **given)

    plan.refresh_from_db()
    assert (plan.state, plan.close_reason, plan.close_note) == ("CLOSED", "MOVED", "To another state")
    cases: Cases = [(plans.close, {"reason": "MOVED"}), (plans.pause, {"reason": "CUSTODY"}), (plans.resume, {})]
    for act, more in cases:
        with pytest.raises(refusals.PlanEnded):
            do(act, **given, **more)


def test_who_has_the_plan_has_its_follow_ups_and_those_of_the_next_round() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    who = of.coordinator.person_id

    do(plans.assign, plan_id=plan.pk, person_id=who, by=of.supervisor)
    factory.planned(of, whom, at=NOON + DAY)

    assert {row.assignee_id for row in FollowUp.objects.filter(plan=plan)} == {who}
    with pytest.raises(refusals.AssigneeNotFound):
        do(plans.assign, plan_id=plan.pk, person_id=of.scene.dispatcher.person_id, by=of.supervisor)


def test_nobody_of_another_agency_finds_any_of_it() -> None:
    of, other = factory.care(), factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    row = factory.steps_of(plan)[1]
    tablet = other.scene.tablet

    cases: Cases = [
        (plans.open_by_hand, {"client_id": whom.pk}),
        (plans.close, {"plan_id": plan.pk, "reason": "OTHER"}),
        (follow_ups.move, {"follow_up_id": row.pk, "date": TODAY, "reason": "x"}),
        (follow_ups.send, {"follow_up_id": row.pk, "unit_id": other.scene.unit.pk}),
    ]
    for act, given in cases:
        with pytest.raises((ClientNotFound, refusals.PlanNotFound, refusals.FollowUpNotFound)):
            do(act, by=other.coordinator, **given)
    with pytest.raises(refusals.FollowUpNotFound):
        do(follow_ups.attempt, follow_up_id=row.pk, how="VISIT", result="REACHED", by=tablet)


# --- one follow-up -----------------------------------------------------------------------------------------------------------


def test_a_single_follow_up_stands_on_any_day_beside_the_plan() -> None:
    of = factory.care()
    whom = factory.client(of)
    factory.planned(of, whom)

    row = do(follow_ups.add, client_id=whom.pk, date=date(2026, 11, 1), reason="Letter came", by=of.coordinator)

    assert (row.plan, row.step, row.due_at) == (None, None, datetime(2026, 11, 1, 20, tzinfo=UTC))
    with pytest.raises(refusals.DayIsOver):
        do(follow_ups.add, client_id=whom.pk, date=TODAY - DAY, by=of.coordinator)


def test_a_follow_up_is_moved_with_a_reason_and_is_due_anew() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[7]
    FollowUp.objects.filter(pk=row.pk).update(state="DUE", due_told_at=NOON, overdue_told_at=NOON, escalated_at=NOON)

    do(follow_ups.move, follow_up_id=row.pk, date=TODAY + 4 * DAY, reason="At work until then", by=of.coordinator)

    row.refresh_from_db()
    assert (row.state, row.due_at, row.escalate_at) == ("PENDING", NOON + 4 * DAY, NOON + 6 * DAY)
    assert (row.due_told_at, row.overdue_told_at, row.escalated_at) == (None, None, None)
    kept = Move.objects.get()
    assert (kept.from_date, kept.to_date, kept.reason) == (TODAY + 7 * DAY, TODAY + 4 * DAY, "At work until then")
    assert not Entry.objects.filter(data__icontains="work").exists()


def test_moving_a_first_step_that_nobody_tried_moves_no_norm() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[1]
    norm = (row.try_by, row.escalate_at)

    do(follow_ups.move, follow_up_id=row.pk, date=TODAY + 4 * DAY, reason="x", by=of.coordinator)

    row.refresh_from_db()
    assert (row.due_at, row.try_by, row.escalate_at) == (NOON + 4 * DAY, *norm)
    factory.tried(row, by=of.coordinator, result="NOT_FOUND", at=NOON)
    do(follow_ups.move, follow_up_id=row.pk, date=TODAY + 5 * DAY, reason="x", by=of.coordinator)
    row.refresh_from_db()
    assert row.escalate_at == NOON + 7 * DAY


@pytest.mark.parametrize(("late", "kind"), [(None, "DUE"), (NOON, "OVERDUE")])
def test_who_is_given_what_is_due_already_is_told_once(late: datetime | None, kind: str) -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))
    row = factory.steps_of(plan)[1]
    FollowUp.objects.filter(pk=row.pk).update(state="DUE", due_told_at=NOON, overdue_told_at=late)
    first, second = of.coordinator.person_id, of.supervisor.person_id

    for person in (first, first, None):
        do(follow_ups.assign, follow_up_id=row.pk, person_id=person, by=of.supervisor)
    do(plans.assign, plan_id=plan.pk, person_id=second, by=of.supervisor)

    made = Reminder.objects.order_by("pk").values_list("follow_up", "person", "kind", "day")
    assert list(made) == [(row.pk, first, kind, row.due_date), (row.pk, second, kind, row.due_date)]


def test_a_plan_that_waits_ends_with_the_last_of_it() -> None:
    of = factory.care(steps=[1])
    plan = factory.planned(of, factory.client(of), left_to="CUSTODY")

    do(follow_ups.cancel, follow_up_id=factory.steps_of(plan)[1].pk, reason="x", by=of.coordinator)

    plan.refresh_from_db()
    assert plan.state == PlanState.CLOSED


def test_what_waits_for_a_release_is_not_moved_nor_sent() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of), left_to="CUSTODY"))[1]

    with pytest.raises(refusals.FollowUpWaits):
        do(follow_ups.move, follow_up_id=row.pk, date=TODAY, reason="x", by=of.coordinator)


def test_reached_ends_a_follow_up_and_the_last_one_ends_the_plan() -> None:
    of = factory.care(steps=[1, 7])
    plan = factory.planned(of, factory.client(of))
    first, second = factory.steps_of(plan).values()

    factory.tried(first, by=of.coordinator, result="REACHED", at=NOON + DAY)
    factory.tried(second, by=of.coordinator, result="REFUSED", at=NOON + 7 * DAY)

    plan.refresh_from_db()
    second.refresh_from_db()
    assert (plan.state, second.outcome) == (PlanState.COMPLETED, Outcome.REFUSED)


def test_a_plan_of_which_all_was_cancelled_is_closed_and_not_completed() -> None:
    of = factory.care(steps=[1])
    plan = factory.planned(of, factory.client(of))

    do(follow_ups.cancel, follow_up_id=factory.steps_of(plan)[1].pk, reason="Double", by=of.coordinator)

    plan.refresh_from_db()
    assert (plan.state, plan.close_reason) == (PlanState.CLOSED, CloseReason.OTHER)
    assert FollowUp.objects.get().end_reason == "Double"


@pytest.mark.parametrize("result", ["NOT_FOUND", "MOVED"])
def test_who_was_not_found_is_tried_again_and_supervisors_wait_for_that(result: str) -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[1]
    FollowUp.objects.filter(pk=row.pk).update(escalated_at=NOON + 2 * DAY)
    tried_at = NOON + 3 * DAY

    row = factory.tried(row, by=of.coordinator, result=result, at=tried_at)

    assert rows_open(row)
    assert (row.first_attempt_at, row.escalate_at, row.escalated_at) == (tried_at, tried_at + 2 * DAY, None)


def rows_open(row: FollowUp) -> bool:
    return row.state in (FollowUpState.PENDING, FollowUpState.DUE)


@pytest.mark.parametrize(
    ("result", "reason"), [("HOSPITALISED", PauseReason.HOSPITAL), ("IN_CUSTODY", PauseReason.CUSTODY)]
)
def test_who_is_in_hospital_or_custody_has_the_plan_wait(result: str, reason: str) -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))
    single = do(follow_ups.add, client_id=plan.client_id, date=TODAY + DAY, by=of.coordinator)

    row = factory.tried(factory.steps_of(plan)[1], by=of.coordinator, result=result, at=NOON + DAY)

    plan.refresh_from_db()
    assert (plan.state, plan.pause_reason, row.state) == (PlanState.PAUSED, reason, FollowUpState.WAITING)
    assert rows_open(factory.tried(single, by=of.coordinator, result=result, at=NOON + DAY))


def test_who_is_said_to_have_died_stops_nothing_before_a_second_person_confirms_it() -> None:
    of = factory.care()
    plan = factory.planned(of, factory.client(of))

    factory.tried(factory.steps_of(plan)[1], by=of.coordinator, result="DECEASED", at=NOON + DAY)

    plan.refresh_from_db()
    plan.client.refresh_from_db()
    assert (plan.state, plan.client.deceased_at) == (PlanState.OPEN, None)
    assert plan.client.deceased_said_by_id == of.coordinator.person_id


def test_an_attempt_is_kept_whatever_became_of_the_follow_up() -> None:
    of = factory.care()
    whom = factory.client(of)
    row = factory.steps_of(factory.planned(of, whom))[1]
    do(follow_ups.assign, follow_up_id=row.pk, unit_id=of.scene.unit.pk, by=of.coordinator)
    # It was on the unit's tablet; then the coordinator took it back, and the person was met anew.
    do(follow_ups.assign, follow_up_id=row.pk, by=of.coordinator)
    factory.planned(of, whom, at=NOON + DAY)

    told = do(
        follow_ups.attempt,
        follow_up_id=row.pk,
        how="VISIT",
        result="HOSPITALISED",
        happened_at=NOON + timedelta(hours=20),
        by=of.scene.tablet,
        at=NOON + 2 * DAY,
    )

    assert told.flags == ["late_scope"]
    assert told.follow_up.state == FollowUpState.SUPERSEDED
    assert Attempt.objects.get().at == NOON + timedelta(hours=20)
    # What it says of an earlier day does not stop the round that began since.
    assert Plan.objects.get().state == PlanState.OPEN


def test_a_tablet_that_never_had_it_says_nothing_of_it() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[1]

    with pytest.raises(refusals.FollowUpNotFound):
        do(follow_ups.attempt, follow_up_id=row.pk, how="VISIT", result="REACHED", by=of.scene.tablet)


def test_an_outcome_may_be_said_more_exactly() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[1]
    factory.tried(row, by=of.coordinator, result="REACHED", at=NOON + DAY)

    do(follow_ups.finish, follow_up_id=row.pk, outcome="CONNECTED", by=of.coordinator)

    row.refresh_from_db()
    assert (row.state, row.outcome, row.done_at) == ("DONE", "CONNECTED", NOON + DAY)


def test_what_is_over_is_over() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[7]
    do(follow_ups.cancel, follow_up_id=row.pk, reason="x", by=of.coordinator)

    cases: Cases = [
        (follow_ups.cancel, {"reason": "x"}),
        (follow_ups.finish, {"outcome": "REACHED"}),
        (follow_ups.move, {"date": TODAY, "reason": "x"}),
        (follow_ups.assign, {"person_id": None}),
    ]
    for act, more in cases:
        with pytest.raises(refusals.FollowUpEnded):
            do(act, follow_up_id=row.pk, by=of.coordinator, **more)


# --- a unit is sent ------------------------------------------------------------------------------------------------------------

NOTHING_AGAINST = dict.fromkeys(("WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY"), "NO")


def sendable(**more: Any) -> tuple[factory.Care, FollowUp]:
    of = factory.care()
    intake.in_force(of.scene.agency, "seattle-2025")
    whom = factory.client(of)
    factory.at_home(whom)
    return of, factory.steps_of(factory.planned(of, whom, **more))[1]


def send(of: factory.Care, row: FollowUp, **given: Any) -> Assignment:
    given = {"unit_id": of.scene.unit.pk, "place_kind": "PUBLIC", "answers": NOTHING_AGAINST, **given}
    sent: Assignment = do(follow_ups.send, follow_up_id=row.pk, by=of.coordinator, at=NOON + DAY, **given)
    return sent


def test_a_visit_is_a_call_that_names_nobody_with_the_person_at_it() -> None:
    of, row = sendable()

    held = send(of, row)

    call = Call.objects.get(pk=held.call_id)
    row.refresh_from_db()
    assert (call.source, call.narrative, call.type.label) == (Source.SECOND_RESPONSE, "CARE visit", "CARE visit")
    assert (held.origin, held.status, row.call_id) == (Origin.DISPATCHED, "ASSIGNED", call.pk)
    assert Contact.objects.get(call=call).route == Route.VISIT
    body = CadMessage.objects.get(call=call).body
    assert set(body) == {"number", "unit", "type", "point", "at"}
    assert body["type"] == "CARE visit"


def test_a_visit_is_two_people() -> None:
    of, row = sendable()
    alone = responders.crewed_unit(of.scene.agency, size=1, crew_minimum=1, areas=[of.scene.area])

    with pytest.raises(refusals.VisitNeedsTwo):
        send(of, row, unit_id=alone.pk)
    assert not Call.objects.filter(source=Source.SECOND_RESPONSE).exists()


def test_the_policy_decides_about_a_visit_too() -> None:
    of, row = sendable()

    with pytest.raises(refusals.VisitNotForCare) as no:
        send(of, row, answers={**NOTHING_AGAINST, "WEAPON": "YES"})

    assert "WEAPON_YES" in no.value.facts["reasons"]


def test_one_unit_is_sent_at_a_time() -> None:
    of, row = sendable()
    held = send(of, row)
    other = responders.crewed_unit(of.scene.agency, areas=[of.scene.area])

    with pytest.raises(refusals.FollowUpSent):
        send(of, row, unit_id=other.pk)
    with pytest.raises(UnitBusy):
        send(of, row)

    dispatch.advance(held, to=AssignmentStatus.CLEARED, by=of.scene.dispatcher, at=NOON + DAY)
    assert send(of, row, unit_id=other.pk).call_id != held.call_id


def test_nobody_is_sent_nowhere() -> None:
    of = factory.care()
    row = do(follow_ups.add, client_id=factory.client(of).pk, date=TODAY, by=of.coordinator)

    with pytest.raises(refusals.FollowUpNowhere):
        send(of, row)


def visit(of: factory.Care, row: FollowUp) -> Encounter:
    held = dispatch.advance(send(of, row), to=AssignmentStatus.CLEARED, by=of.scene.dispatcher, at=NOON + DAY)
    return factory.encounter(of, held=held, at=NOON + DAY, follow_up=row)


def test_the_report_of_a_visit_ends_its_follow_up_and_begins_nothing_anew() -> None:
    of, row = sendable()
    report = visit(of, row)

    plan = factory.sign(of, factory.met(row.client, report), at=NOON + DAY)
    factory.sign(of, factory.met(row.client, report), at=NOON + DAY)

    row.refresh_from_db()
    assert plan is not None
    assert (plan.round, row.state, row.outcome) == (1, "DONE", "REACHED")
    assert Attempt.objects.filter(follow_up=row, how="VISIT").count() == 1


def test_a_visit_that_finds_risk_begins_anew() -> None:
    of, row = sendable()

    plan = factory.sign(of, factory.met(row.client, visit(of, row), risk=True), at=NOON + DAY)

    assert plan is not None
    assert (plan.round, plan.risk) == (2, True)
    row.refresh_from_db()
    assert row.state == "DONE"


@pytest.mark.parametrize(("agreed", "result"), [(True, "REACHED"), (False, "REFUSED")])
def test_a_visit_is_kept_however_late_it_is_told(agreed: bool, result: str) -> None:
    of, row = sendable()
    report = visit(of, row)
    plan = factory.planned(of, row.client, at=NOON + 2 * DAY)

    assert factory.sign(of, factory.met(row.client, report, agreed=agreed), at=NOON + 3 * DAY) == plan

    attempt = Attempt.objects.get(follow_up=row)
    assert (attempt.how, attempt.result, attempt.at) == ("VISIT", result, NOON + DAY)
    row.refresh_from_db()
    assert row.state == FollowUpState.SUPERSEDED
    assert plan.state == PlanState.OPEN


def nobody_there(report: Encounter, *, at: datetime) -> None:
    with open_door(by=factory.SCENE, at=at):
        follow_ups.found_nobody(encounter=Encounter.objects.lock(report.pk), by=factory.SCENE, at=at)
        Encounter.objects.filter(pk=report.pk).update(
            state="SIGNED", signed_at=at, signed_by=report.author_id, nobody_found=True
        )


def test_a_visit_that_found_nobody_is_one_attempt() -> None:
    of, row = sendable()
    report = visit(of, row)

    for days in (1, 2):
        nobody_there(report, at=NOON + days * DAY)
    # The crew taps it too, and says more.
    told = {"how": "VISIT", "result": "NOT_FOUND", "happened_at": NOON + DAY, "note": "Dark"}
    do(follow_ups.attempt, follow_up_id=row.pk, by=of.coordinator, at=NOON + 2 * DAY, **told)

    attempt = Attempt.objects.get()
    assert (attempt.how, attempt.result, attempt.at, attempt.note) == ("VISIT", "NOT_FOUND", NOON + DAY, "Dark")
    row.refresh_from_db()
    assert rows_open(row)
    assert (row.first_attempt_at, row.escalate_at) == (NOON + DAY, NOON + 3 * DAY)
    # Another day is another attempt.
    factory.tried(row, by=of.coordinator, result="NOT_FOUND", how="VISIT", at=NOON + 3 * DAY)
    assert Attempt.objects.count() == 2


def test_signing_that_nobody_was_found_is_an_attempt() -> None:
    of, row = sendable()
    reports.offered(of.scene.agency)
    held = dispatch.advance(send(of, row), to=AssignmentStatus.CLEARED, by=of.scene.dispatcher, at=NOON + DAY)

    reports.write(of.scene, held, reports.body(nobody_found=True), when=NOON + DAY)

    attempt = Attempt.objects.get()
    assert (attempt.follow_up, attempt.how, attempt.result) == (row, "VISIT", "NOT_FOUND")


def test_what_the_crew_said_of_a_visit_is_not_said_again_by_its_report() -> None:
    of, row = sendable()
    report = visit(of, row)
    factory.tried(row, by=of.coordinator, result="NOT_FOUND", how="VISIT", at=NOON + DAY)

    nobody_there(report, at=NOON + 2 * DAY)

    assert Attempt.objects.count() == 1


def test_who_agrees_on_a_visit_for_a_single_follow_up_has_a_plan() -> None:
    of = factory.care()
    whom = factory.client(of)
    row = do(follow_ups.add, client_id=whom.pk, date=TODAY + DAY, by=of.coordinator)
    report = factory.encounter(of, at=NOON + DAY, follow_up=row)

    plan, again = (factory.sign(of, factory.met(whom, report), at=NOON + DAY) for _ in range(2))

    row.refresh_from_db()
    assert row.state == FollowUpState.DONE
    assert plan is not None
    assert (plan.based_at, plan.round, again) == (NOON + DAY, 1, plan)


def test_a_visit_for_a_single_follow_up_leaves_the_plan_as_it_is() -> None:
    of = factory.care()
    whom = factory.client(of)
    plan = factory.planned(of, whom)
    row = do(follow_ups.add, client_id=whom.pk, date=TODAY + DAY, by=of.coordinator)

    factory.sign(of, factory.met(whom, factory.encounter(of, at=NOON + DAY, follow_up=row)), at=NOON + DAY)

    plan.refresh_from_db()
    assert (plan.round, plan.based_at) == (1, NOON)


# --- who holds what ------------------------------------------------------------------------------------------------------------


def held(stream: str, collection: str) -> set[str]:
    rows = Document.objects.filter(stream=stream, collection=collection, gone=None)
    return set(rows.values_list("document_id", flat=True))


def test_a_unit_holds_what_it_sees_to_and_nothing_else() -> None:
    of = factory.care()
    rows = factory.steps_of(factory.planned(of, factory.client(of)))
    stream = f"unit.{of.scene.unit.pk}"

    do(follow_ups.assign, follow_up_id=rows[7].pk, unit_id=of.scene.unit.pk, by=of.coordinator)

    assert held(f"coordinators.{of.agency_id}", "follow_up") == {str(row.pk) for row in rows.values()}
    assert held(stream, "follow_up") == {str(rows[7].pk)}
    do(follow_ups.assign, follow_up_id=rows[7].pk, by=of.coordinator)
    assert held(stream, "follow_up") == set()


def test_no_word_of_it_stands_in_the_journal_in_the_clear() -> None:
    of = factory.care()
    row = factory.steps_of(factory.planned(of, factory.client(of)))[1]
    do(follow_ups.assign, follow_up_id=row.pk, unit_id=of.scene.unit.pk, by=of.coordinator)
    given: dict[str, Any] = {"follow_up_id": row.pk, "note": "canary-note", "next_step": "canary-step"}
    do(follow_ups.attempt, how="PHONE", result="NOT_FOUND", by=of.coordinator, **given)
    do(follow_ups.cancel, follow_up_id=row.pk, reason="canary-reason", by=of.coordinator)

    assert not any("canary" in str(entry.data) for entry in Entry.objects.all())
    assert not any("canary" in (row.body or "") for row in Document.objects.all())
