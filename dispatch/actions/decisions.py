"""
Decide who should go to a call: run the policy in force, store what it says and why, and let a person overrule it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import Point

from dispatch import facts, intake_refusals, policies, premises, screening
from dispatch.actions import partners, stops
from dispatch.models import (
    AnswerValue,
    Call,
    CallStatus,
    Decision,
    Disqualifier,
    LockedCall,
    Queue,
    Response,
)
from dispatch.reasons import OverruleCode
from dispatch.refusals import CallNotFound
from journal.record import record
from responders.actors import Actor

_WITH_CARE = (Response.CARE, Response.CARE_POLICE, Response.CARE_EMS)


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What would be decided about a call that is still being typed in, and what surrounds it.
    """

    outcome: policies.Outcome
    situation: facts.Situation
    premise: Mapping[str, list[dict[str, Any]]]


def decide(*, call: LockedCall, by: object, at: datetime) -> Decision:
    """
    Run the policy in force over a call as it is now, store the decision where it differs from the last one, and set the
    call's response, availability, reasons, cautions and, while it waits, its queue.

    When the call became riskier and units hold it, each of them gets a stop. A person's overruling stands until then.
    """
    return settle(call=call, situation=facts.of_call(call, at=at), by=by, at=at)


def settle(
    *,
    call: LockedCall,
    situation: facts.Situation,
    by: object,
    at: datetime,
    answers: Mapping[Disqualifier, AnswerValue] | None = None,
) -> Decision:
    """
    Do what ``decide`` does with a situation that was read already; ``answers`` are those given since it was read.
    """
    outcome = situation.outcome(
        answers={**situation.answers, **(answers or {})},
        place_kind=call.place_kind,
        markers=call.markers,
        wish=call.caller_wish,
    )
    latest, of_policy = situation.latest, situation.latest_of_policy
    danger = policies.riskier(of_policy.response, of_policy.reasons, outcome) if of_policy else []
    decision = Decision(
        call=call,
        policy_id=situation.policy_id,
        at=at,
        response=outcome.response,
        care_available=outcome.care_available,
        reasons=list(outcome.reasons),
    )
    queue = outcome.queue
    if latest is not None and latest.overruled_by is not None and not danger:
        decision.response = latest.response
        decision.overruled_by_id, decision.overrule_code = latest.overruled_by, latest.overrule_code
        queue = _queue_of(latest.response)
    if latest is not None and _same(decision, latest):
        decision = Decision(pk=latest.id, **_columns(decision))
    else:
        decision.save(force_insert=True)
    _copy_onto(call, decision, queue=queue, situation=situation, at=at)
    if danger and call.status == CallStatus.ASSIGNED:
        stops.raise_stop(call=call, reasons=[str(reason) for reason in danger], by=by, at=at)
    if call.status == CallStatus.ASSIGNED:
        partners.follow(call=call, by=by, at=at, danger=[str(reason) for reason in danger])
    return decision


def open_decision(*, call: Call, situation: facts.Situation, outcome: policies.Outcome, at: datetime) -> None:
    """
    Set what a policy says about a call that has not been saved yet.
    """
    call.response, call.care_available = outcome.response, outcome.care_available
    call.reasons, call.queue = list(outcome.reasons), outcome.queue
    call.area_id = situation.area.id if situation.area else None
    call.cautions, call.cautions_as_of = list(situation.cautions), at


def first_decision(*, call: Call, situation: facts.Situation, at: datetime) -> Decision:
    """
    Store the first decision of a call: what ``open_decision`` set on it.
    """
    decision = Decision(
        call=call,
        policy_id=situation.policy_id,
        at=at,
        response=call.response,
        care_available=call.care_available,
        reasons=call.reasons,
    )
    decision.save(force_insert=True)
    return decision


def overrule(
    *, call_id: int, response: str, code: str, by: Actor, at: datetime, happened_at: datetime | None = None
) -> Decision:
    """
    Replace what the policy said by what a person says, under their name and with a coded reason.

    It stands until the call becomes riskier. A held call whose new response is more cautious stops its units.

    :raises OverruleNeedsPerson: the actor is not a person.
    :raises CallClosed: there is nothing left to send anybody to.
    :raises OverruleChangesNothing: the response is this one already.
    :raises OverruleNeedsSupervisor: a disqualifier was answered yes, the new response is less cautious, and the actor is
        no supervisor.
    """
    if by.person_id is None:
        raise intake_refusals.OverruleNeedsPerson
    call = Call.objects.lock(call_id)
    check_own_open(call, by=by)
    wanted = Response(response)
    if wanted == call.response:
        raise intake_refusals.OverruleChangesNothing(response=call.response)
    situation = facts.of_call(call, at=at)
    rises = policies.more_cautious(wanted, Response(call.response))
    yes = screening.said_yes(situation.answers)
    if yes and not rises and not by.has("SUPERVISOR"):
        raise intake_refusals.OverruleNeedsSupervisor(yes=[str(name) for name in yes])
    outcome = situation.outcome(
        answers=situation.answers, place_kind=call.place_kind, markers=call.markers, wish=call.caller_wish
    )
    decision = Decision(
        call=call,
        policy_id=situation.policy_id,
        at=at,
        response=wanted,
        care_available=outcome.care_available,
        reasons=list(outcome.reasons),
        overruled_by_id=by.person_id,
        overrule_code=OverruleCode(code),
    )
    decision.save(force_insert=True)
    _copy_onto(call, decision, queue=_queue_of(wanted), situation=situation, at=at)
    if rises and call.status == CallStatus.ASSIGNED:
        stops.raise_stop(call=call, reasons=[code], by=by, at=at)
    if call.status == CallStatus.ASSIGNED:
        partners.follow(call=call, by=by, at=at, danger=[code] if rises else [], is_overruled=True)
    record(
        "call.overrule",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"response": decision.response, "code": decision.overrule_code, "decision": decision.pk},
        by=by,
        at=at,
    )
    return decision


def preview(
    *,
    agency_id: int,
    at: datetime,
    type: str,  # noqa: A002  the word of the house
    point: Point | None = None,
    address: str = "",
    place_kind: str = "UNKNOWN",
    answers: Mapping[str, str] | None = None,
    caller_wish: str = "NOT_SAID",
    caller_phone: str = "",
    markers: Iterable[str] = (),
) -> Preview:
    """
    Say what would be decided about a call that is being typed in. Changes nothing.

    :raises UnknownCallType: the agency has no such type.
    """
    key = premises.address_key(address)
    situation = facts.gather(
        agency_id=agency_id,
        at=at,
        address_key=key,
        phone=premises.phone_key(caller_phone),
        type_code=type,
        point=point,
    )
    if situation.type is None:
        raise intake_refusals.UnknownCallType(type=type)
    outcome = situation.outcome(
        answers=screening.complete(answers or {}), place_kind=place_kind, markers=list(markers), wish=caller_wish
    )
    premise = premises.history(agency_id=agency_id, key=key, point=point, nearby_m=situation.nearby_m, at=at)
    return Preview(outcome=outcome, situation=situation, premise=premise)


def check_own_open(call: Call, *, by: Actor) -> None:
    """
    Check that a call is the actor's agency's and still open.

    :raises CallNotFound: it is another agency's; answers like a call that does not exist.
    :raises CallClosed: it is closed or cancelled.
    """
    if call.agency_id != by.agency_id:
        raise CallNotFound(call=call.pk)
    if call.status not in (CallStatus.PENDING, CallStatus.ASSIGNED):
        raise intake_refusals.CallClosed(status=call.status, at=call.closed_at)


def _queue_of(response: str) -> Queue:
    # A person decided: whom they send is whom the call waits for, whatever the hour.
    return Queue.CARE if response in _WITH_CARE else Queue.POLICE


def _same(decision: Decision, latest: facts.PastDecision) -> bool:
    return (
        decision.policy_id == latest.policy_id
        and decision.response == latest.response
        and decision.care_available == latest.care_available
        and tuple(decision.reasons) == latest.reasons
        and decision.overruled_by_id == latest.overruled_by
    )


def _columns(decision: Decision) -> dict[str, Any]:
    return {
        field.attname: getattr(decision, field.attname)
        for field in Decision._meta.concrete_fields
        if not field.primary_key
    }


def _copy_onto(
    call: LockedCall, decision: Decision, *, queue: Queue, situation: facts.Situation, at: datetime
) -> None:
    wanted: dict[str, Any] = {
        "response": str(decision.response),
        "care_available": decision.care_available,
        "reasons": [str(reason) for reason in decision.reasons],
    }
    if call.status != CallStatus.ASSIGNED:
        # A held call keeps the queue it came from: that is where it returns to.
        wanted["queue"] = str(queue)
    if list(call.cautions) != list(situation.cautions):
        wanted |= {"cautions": list(situation.cautions), "cautions_as_of": at}
    changed = [name for name, value in wanted.items() if getattr(call, name) != value]
    for name in changed:
        setattr(call, name, wanted[name])
    if changed:
        call.save(update_fields=changed)
