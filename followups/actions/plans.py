"""
Second responses: what is planned for somebody after an encounter, and how that goes on, waits and ends.

One plan at most is open or paused for a person. Whoever changes it holds the person's lock, and a unique index stands behind
that. An encounter never adds a second plan: it begins a new round of the one there is, and what was planned and done before
stays as it was. What was said last counts, whenever we hear of it: the report of an earlier encounter that comes late changes
nothing of a later plan.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q

from followups.actions import clients
from followups.actions import steps as rows
from followups.models import (
    Attempt,
    AttemptResult,
    Client,
    CloseReason,
    Encounter,
    FollowUp,
    FollowUpState,
    How,
    LockedClient,
    LockedEncounter,
    Met,
    Outcome,
    PauseReason,
    Plan,
    PlanState,
)
from followups.queries import plans as queries
from followups.refusals import plans as refusals
from followups.rules import plans as rules
from followups.rules.plans import is_open
from journal.record import record
from responders.actors import Actor
from responders.models import Agency

# Where somebody was left: there they wait to be released, and the plan with them.
_WAITS: Final = {"HOSPITAL": PauseReason.HOSPITAL, "CUSTODY": PauseReason.CUSTODY}
_OPEN: Final = (PlanState.OPEN, PlanState.PAUSED)


def after_encounter(
    *, encounter: LockedEncounter, client: LockedClient, met: Met, by: object, at: datetime
) -> Plan | None:
    """
    Plan what follows from meeting somebody, and return the plan; None where there is none. Signing calls it for each person
    met, last; a report that is signed again says nothing new unless it says something else.

    Who agreed has a plan from then on. Who was not asked has one where policy says so, or had one already. Who declined has
    none, and that is kept. Who was left in hospital or in custody has one that waits. A visit for a follow-up ends that
    follow-up, however late it is told; a visit for a plan begins nothing anew, unless it found suicide risk or an overdose.
    """
    based_at = met_at(encounter)
    plan = open_plan(client)
    outcome = Outcome.REFUSED if met.agreed is False else Outcome.REACHED
    visited = _visited(encounter, client, outcome=outcome, by=by, at=at)
    if client.deceased_at is not None or _is_outdated(client, encounter, based_at):
        return open_plan(client)
    if met.agreed is False:
        return _decline(client, encounter=encounter, based_at=based_at, by=by, at=at)
    if visited is not None and not met.risk and (plan is not None or visited.plan_id is not None):
        plan = open_plan(client)
    else:
        plan = _plan_anew(plan, encounter, client, met, based_at=based_at, by=by, at=at)
    # One that counts from a later day was resumed since: signing again does not take a release back.
    waits = plan is not None and plan.state == PlanState.OPEN and plan.based_at <= based_at
    if plan is not None and waits and (reason := _WAITS.get(met.body.get("left_to", ""))):
        pause_plan(plan, reason=reason, since=based_at, by=by, at=at)
    return plan


def after_death(*, client: LockedClient, by: object, at: datetime) -> None:
    """
    Stop everything that is planned for somebody who died; a second person has confirmed it.
    """
    plan = open_plan(client)
    if plan is not None:
        close_plan(plan, reason=CloseReason.DECEASED, by=by, at=at)
    singles = list(FollowUp.objects.open().filter(client=client))
    cancelled = rows.end_open(singles, state=FollowUpState.CANCELLED)
    if cancelled:
        _record("follow_up.stopped", client, by=by, at=at, follow_ups=cancelled)


def open_by_hand(
    *,
    client_id: int,
    by: Actor,
    at: datetime,
    encounter_id: int | None = None,
    based_at: datetime | None = None,
    steps: Sequence[int] | None = None,
) -> Plan:
    """
    Open a plan for somebody at a coordinator's desk; ``steps`` are days after ``based_at``, the programme's unless said.

    :raises ClientNotFound: there is no such person in the agency.
    :raises ClientDeceased: they have died.
    :raises PlanAlreadyOpen: there is one; facts say which.
    """
    client = clients.standing(client_id, agency_id=by.agency_id)
    rules.check_alive(client)
    if (plan := open_plan(client)) is not None:
        raise refusals.PlanAlreadyOpen(plan=plan.pk)
    found = Encounter.objects.filter(pk=encounter_id, met__client=client).first() if encounter_id is not None else None
    base = based_at or (met_at(found) if found is not None else at)
    return _open(client, based_at=min(base, at), encounter=found, steps=steps, risk=False, reason="", by=by, at=at)


def decline(*, client_id: int, by: Actor, at: datetime) -> Plan:
    """
    Keep that somebody does not want second responses; an open plan ends with that.

    :raises ClientNotFound: there is no such person in the agency.
    """
    return _decline(clients.standing(client_id, agency_id=by.agency_id), encounter=None, based_at=at, by=by, at=at)


def pause(*, plan_id: int, reason: str, by: Actor, at: datetime, since: datetime | None = None) -> Plan:
    """
    Let a plan wait because somebody is in hospital or in custody.

    :raises PlanNotFound: there is no such plan in the agency.
    :raises PlanEnded: it is over.
    :raises PlanAlreadyPaused: it waits already.
    """
    _, plan = _held(plan_id, by)
    rules.check_plan_open(plan)
    if plan.state == PlanState.PAUSED:
        raise refusals.PlanAlreadyPaused(reason=plan.pause_reason)
    pause_plan(plan, reason=PauseReason(reason), since=min(since or at, at), by=by, at=at)
    return plan


def resume(*, plan_id: int, by: Actor, at: datetime, released_at: datetime | None = None) -> Plan:
    """
    Plan all steps anew from a release on: the days after it are those that count (HEDIS FUH counts from discharge too).

    :raises PlanNotFound: there is no such plan in the agency.
    :raises PlanEnded: it is over.
    :raises PlanNotPaused: it does not wait.
    :raises ReleasedTooEarly: that was before it began to wait, or is still to come.
    """
    client, plan = _held(plan_id, by)
    rules.check_plan_open(plan)
    if plan.state != PlanState.PAUSED or plan.paused_at is None:
        raise refusals.PlanNotPaused
    released_at = released_at or at
    if not plan.paused_at <= released_at <= at:
        raise refusals.ReleasedTooEarly(paused_at=plan.paused_at)
    _next_round(plan, client, encounter=plan.encounter, based_at=released_at, by=by, at=at)
    _record("plan.resumed", client, by=by, at=at, plan=plan.pk, round=plan.round)
    return plan


def close(*, plan_id: int, reason: str, by: Actor, at: datetime, note: str = "") -> Plan:
    """
    End a plan early, for a reason.

    :raises PlanNotFound: there is no such plan in the agency.
    :raises PlanEnded: it is over already.
    """
    _, plan = _held(plan_id, by)
    rules.check_plan_open(plan)
    close_plan(plan, reason=CloseReason(reason), note=note, by=by, at=at)
    return plan


def assign(*, plan_id: int, by: Actor, at: datetime, person_id: int | None = None) -> Plan:
    """
    Give a plan and what is open of it to a person, or to nobody.

    :raises PlanNotFound: there is no such plan in the agency.
    :raises PlanEnded: it is over.
    :raises AssigneeNotFound: there is no such person, or they do not see to follow-ups.
    """
    client, plan = _held(plan_id, by)
    rules.check_plan_open(plan)
    if person_id is not None and queries.assignee(plan.agency_id, person_id) is None:
        raise refusals.AssigneeNotFound
    plan.assignee_id = person_id
    plan.save(update_fields=["assignee"])
    given = FollowUp.objects.open().filter(plan=plan)
    new = list(given) if person_id is None else list(given.exclude(assignee=person_id))
    given.update(assignee=person_id)
    rows.remind_anew(new, person_id=person_id, at=at)
    _record("plan.assigned", client, by=by, at=at, plan=plan.pk, person=person_id)
    return plan


def open_plan(client: Client) -> Plan | None:
    """
    Return the plan of somebody that is open or paused.
    """
    return Plan.objects.filter(client=client.pk, state__in=_OPEN).first()


def met_at(encounter: Encounter) -> datetime:
    """
    Return when an encounter was: when the crew came there, where it said so, and not when somebody sat down to report it.
    """
    there = encounter.assignment.on_scene_at
    return encounter.opened_at if there is None else min(there, encounter.opened_at)


def pause_plan(plan: Plan, *, reason: PauseReason, since: datetime, by: object, at: datetime) -> None:
    """
    Let an open plan wait, and what is open of it. The caller holds the person.
    """
    plan.state, plan.pause_reason, plan.paused_at = PlanState.PAUSED, reason, since
    plan.save(update_fields=["state", "pause_reason", "paused_at"])
    FollowUp.objects.open().filter(plan=plan).update(state=FollowUpState.WAITING)
    _record("plan.paused", plan.client, by=by, at=at, plan=plan.pk)


def close_plan(plan: Plan, *, reason: CloseReason, by: object, at: datetime, note: str = "") -> None:
    """
    End an open plan, and what is open of it. The caller holds the person.
    """
    plan.state, plan.close_reason, plan.close_note = PlanState.CLOSED, reason, note
    plan.closed_at, plan.closed_by = at, str(by)
    plan.save(update_fields=["state", "close_reason", "close_note", "closed_at", "closed_by"])
    ended = rows.end_open(plan=plan, state=FollowUpState.CANCELLED)
    _record("plan.closed", plan.client, by=by, at=at, plan=plan.pk, follow_ups=ended)


def _plan_anew(
    plan: Plan | None,
    encounter: LockedEncounter,
    client: LockedClient,
    met: Met,
    *,
    based_at: datetime,
    by: object,
    at: datetime,
) -> Plan | None:
    if plan is not None and plan.encounter_id == encounter.pk and (plan.risk or not met.risk):
        # Signed again: the same encounter plans nothing twice.
        return plan
    reason = queries.reason_of(client.agency_id, met.body.get("needs", []))
    if plan is not None:
        pause_reason, paused_at = plan.pause_reason, plan.paused_at
        plan.risk, plan.reason = met.risk, reason
        # Later than this encounter it is only where they were released since.
        _next_round(plan, client, encounter=encounter, based_at=max(based_at, plan.based_at), by=by, at=at)
        _record("plan.rebased", client, by=by, at=at, plan=plan.pk, round=plan.round, encounter=encounter.pk)
        if paused_at is not None and paused_at > based_at:
            # Since then they are in hospital or in custody, however late we hear of what was before.
            pause_plan(plan, reason=PauseReason(pause_reason), since=paused_at, by=by, at=at)
        return plan
    if _is_over(client, encounter, met, based_at):
        return None
    if met.agreed is None and not _plans_unasked(client):
        return None
    return _open(
        client, based_at=based_at, encounter=encounter, steps=None, risk=met.risk, reason=reason, by=by, at=at
    )


def _is_over(client: Client, encounter: Encounter, met: Met, based_at: datetime) -> bool:
    """
    Tell whether what an encounter led to has ended, or somebody has ended a plan after it.
    """
    ended = Plan.objects.filter(client=client.pk, state__in=[PlanState.COMPLETED, PlanState.CLOSED])
    own = list(ended.filter(encounter=encounter.pk).exclude(close_reason=CloseReason.DECLINED))
    if own:
        return not met.risk or any(plan.risk for plan in own)
    # A no counts from when it was said, as the plan that keeps it does; the other two are no word about what was planned.
    kept = Plan.objects.filter(client=OuterRef("client"), state=PlanState.DECLINED, opened_at=OuterRef("closed_at"))
    closed = ended.filter(state=PlanState.CLOSED, closed_at__gt=based_at).exclude(encounter=encounter.pk)
    closed = closed.exclude(close_reason__in=[CloseReason.DECEASED, CloseReason.DUPLICATE])
    return closed.exclude(Q(close_reason=CloseReason.DECLINED) & Exists(kept)).exists()


def _plans_unasked(client: Client) -> bool:
    if not queries.programme_of(client.agency_id).plans_unasked:
        return False
    # Never for one who declined: that word stands until they say otherwise themselves.
    newest = Plan.objects.filter(client=client.pk).order_by("-based_at", "-pk").first()
    return newest is None or not (newest.state == PlanState.DECLINED or newest.close_reason == CloseReason.DECLINED)


def _open(
    client: LockedClient,
    *,
    based_at: datetime,
    encounter: Encounter | None,
    steps: Sequence[int] | None,
    risk: bool,
    reason: str,
    by: object,
    at: datetime,
) -> Plan:
    agency = Agency.objects.get(pk=client.agency_id)
    programme = queries.programme_of(agency.pk)
    plan = Plan.objects.create(
        agency=agency,
        client=client,
        encounter=encounter,
        steps=sorted(set(steps or programme.steps)),
        zone=agency.timezone,
        based_at=based_at,
        risk=risk,
        reason=reason,
        opened_at=at,
        opened_by=str(by),
    )
    place = queries.place_of(client, agency, encounter=encounter, at=at)
    rows.plan_steps(plan, client, programme, place, by=by, at=at)
    _record("plan.opened", client, by=by, at=at, plan=plan.pk, encounter=encounter and encounter.pk)
    return plan


def _next_round(
    plan: Plan, client: LockedClient, *, encounter: Encounter | None, based_at: datetime, by: object, at: datetime
) -> None:
    rows.end_open(plan=plan, state=FollowUpState.SUPERSEDED)
    agency = Agency.objects.get(pk=plan.agency_id)
    plan.state, plan.paused_at, plan.pause_reason = PlanState.OPEN, None, ""
    plan.round += 1
    plan.encounter, plan.based_at, plan.zone = encounter, based_at, agency.timezone
    plan.save()
    place = queries.place_of(client, agency, encounter=encounter, at=at)
    rows.plan_steps(plan, client, queries.programme_of(agency.pk), place, by=by, at=at)


def _decline(
    client: LockedClient, *, encounter: Encounter | None, based_at: datetime, by: object, at: datetime
) -> Plan:
    plan = open_plan(client)
    if plan is not None:
        close_plan(plan, reason=CloseReason.DECLINED, by=by, at=at)
    if encounter is not None:
        known = Plan.objects.filter(client=client, encounter=encounter, state=PlanState.DECLINED).first()
        if known is not None:
            return known
    declined = Plan.objects.create(
        agency_id=client.agency_id,
        client=client,
        encounter=encounter,
        state=PlanState.DECLINED,
        steps=[],
        zone=Agency.objects.values_list("timezone", flat=True).get(pk=client.agency_id),
        based_at=based_at,
        opened_at=at,
        opened_by=str(by),
    )
    _record("plan.declined", client, by=by, at=at, plan=declined.pk, encounter=encounter and encounter.pk)
    return declined


def _visited(
    encounter: Encounter, client: LockedClient, *, outcome: Outcome, by: object, at: datetime
) -> FollowUp | None:
    """
    End the follow-up that this encounter was a visit for, and return it if it was one with this person.
    """
    if encounter.follow_up_id is None:
        return None
    row = FollowUp.objects.filter(pk=encounter.follow_up_id, client=client).first()
    if row is None:
        return None
    when = min(met_at(encounter), at)
    told = AttemptResult.REFUSED if outcome == Outcome.REFUSED else AttemptResult.REACHED
    if not Attempt.objects.filter(follow_up=row, how=How.VISIT, result=told).exists():
        Attempt.objects.create(
            follow_up=row,
            client=client,
            how=How.VISIT,
            result=told,
            at=when,
            recorded_at=at,
            by=str(by),
            person_id=encounter.author_id,
            alone=queries.came_alone(encounter.assignment),
        )
        row.first_attempt_at = min(row.first_attempt_at or when, when)
        row.save(update_fields=["first_attempt_at"])
    if is_open(row):
        rows.finish(row, outcome=outcome, by=by, at=at, when=when)
    return row


def _is_outdated(client: Client, encounter: Encounter, based_at: datetime) -> bool:
    later = Plan.objects.filter(client=client.pk, based_at__gt=based_at).exclude(encounter=encounter.pk)
    return later.exists()


def _held(plan_id: int, by: Actor) -> tuple[LockedClient, Plan]:
    """
    Lock the person whom a plan is for, and return both as they are now.
    """
    found = Plan.objects.filter(pk=plan_id, agency=by.agency_id)
    client_id = found.values_list("client_id", flat=True).first()
    if client_id is None:
        raise refusals.PlanNotFound
    client = clients.standing(client_id, agency_id=by.agency_id)
    plan = found.filter(client=client).first()
    if plan is None:
        raise refusals.PlanNotFound
    return client, plan


def _record(kind: str, client: Client, *, by: object, at: datetime, **data: object) -> None:
    record(kind, agency_id=client.agency_id, about=f"client.{client.pk}", data=data, by=by, at=at)
