"""
Decisions: stored with every reason, overruled under a name, run again when something changes.
"""

from datetime import timedelta
from typing import Any

import pytest

from dispatch import catalogue, intake_refusals
from dispatch.actions import cautions, decisions, intake, policies
from dispatch.models import AssignmentStatus, Call, Caution, Decision, Policy, Stop
from journal.door import open_door
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import dispatch
from tests.factories import intake as factory
from tests.factories.intake import Desk

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=1)


def take(desk: Desk, **fields: Any) -> Call:
    with open_door(by=desk.cad, at=NOON):
        return intake.take_revision(
            agency_id=desk.agency.pk, revision=factory.revision(**fields), by=desk.cad, at=NOON
        ).call


def overrule(call: Call, by: Actor, response: str, code: str = "KNOWN_PERSON") -> Decision:
    with open_door(by=by, at=LATER):
        return decisions.overrule(call_id=call.pk, response=response, code=code, by=by, at=LATER)


def answer(desk: Desk, call: Call, **values: str) -> Call:
    with open_door(by=desk.dispatcher, at=LATER):
        for name, value in values.items():
            intake.answer(call_id=call.pk, disqualifier=name, value=value, by=desk.dispatcher, at=LATER)
    call.refresh_from_db()
    return call


# --- overruling ---------------------------------------------------------------------------------------------------------


def test_a_dispatcher_overrules_with_a_coded_reason() -> None:
    desk = factory.desk()
    call = take(desk, place_kind="RESIDENCE")

    decision = overrule(call, desk.dispatcher, "CARE")

    call.refresh_from_db()
    assert (decision.overruled_by_id, decision.overrule_code) == (desk.dispatcher.person_id, "KNOWN_PERSON")
    assert (call.response, call.queue) == ("CARE", "CARE")
    assert "PLACE_RESIDENCE" in call.reasons


def test_past_a_yes_only_a_supervisor_goes() -> None:
    desk = factory.desk()
    call = take(desk, answers={**factory.ALL_NO, "WEAPON": "YES"})

    with pytest.raises(intake_refusals.OverruleNeedsSupervisor) as refused:
        overrule(call, desk.dispatcher, "CARE+POLICE")
    assert refused.value.facts == {"yes": ["WEAPON"]}
    overrule(call, desk.supervisor, "CARE+POLICE")

    call.refresh_from_db()
    assert (call.response, call.queue) == ("CARE+POLICE", "CARE")


def test_a_dispatcher_may_be_more_cautious_past_a_yes() -> None:
    desk = factory.desk()
    call = take(desk, answers={**factory.ALL_NO, "MEDICAL": "YES"})

    assert overrule(call, desk.dispatcher, "POLICE", "SAFETY_CONCERN").response == "POLICE"


def test_overruling_is_refused_where_it_means_nothing() -> None:
    desk = factory.desk()
    call = take(desk)
    nobody = Actor(agency_id=desk.agency.pk, label="CAD", cad_key_id=1)

    with pytest.raises(intake_refusals.OverruleChangesNothing):
        overrule(call, desk.dispatcher, "CARE")
    with pytest.raises(intake_refusals.OverruleNeedsPerson):
        overrule(call, nobody, "POLICE")
    assert Decision.objects.count() == 1


def test_an_overruling_stands_until_the_call_becomes_riskier() -> None:
    desk = factory.desk()
    call = take(desk, type="TRESPASS")
    overrule(call, desk.dispatcher, "CARE")

    with open_door(by=desk.dispatcher, at=LATER):
        intake.note(call_id=call.pk, text="Still there.", by=desk.dispatcher, at=LATER)
        intake.update(call_id=call.pk, place_kind="VEHICLE", by=desk.dispatcher, at=LATER)
    call.refresh_from_db()
    assert (call.response, call.queue) == ("CARE", "CARE")

    answer(desk, call, WEAPON="YES")
    assert (call.response, call.queue) == ("POLICE", "POLICE")
    assert Decision.objects.filter(call=call).latest("pk").overruled_by_id is None


def test_an_overruling_stands_with_the_reasons_of_now() -> None:
    desk = factory.desk()
    call = take(desk, type="TRESPASS", answers=None)
    overrule(call, desk.dispatcher, "CARE")

    answer(desk, call, WEAPON="NO")

    latest = Decision.objects.filter(call=call).latest("pk")
    assert (latest.response, latest.overrule_code) == ("CARE", "KNOWN_PERSON")
    assert "WEAPON_NOT_ASKED" not in latest.reasons


def test_overruling_a_held_call_to_police_stops_its_crew() -> None:
    desk = factory.desk()
    call = take(desk)
    dispatch.assignment(desk, to=call, status=AssignmentStatus.EN_ROUTE)

    overrule(call, desk.dispatcher, "POLICE", "SAFETY_CONCERN")

    assert Stop.objects.get(call=call).reasons == ["SAFETY_CONCERN"]


# --- preview --------------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_would_be_decided_and_writes_nothing() -> None:
    desk = factory.desk()
    dispatch.caution(desk.agency, phone="2065550100")

    preview = decisions.preview(
        agency_id=desk.agency.pk,
        at=NOON,
        type=factory.WELFARE,
        point=dispatch.POINT,
        address="Pike St & 5th Ave",
        place_kind="PUBLIC",
        answers=factory.ALL_NO,
        caller_phone="(206) 555-0100",
    )

    assert preview.outcome.response == "CARE+POLICE"
    assert "CAUTION_PHONE" in preview.outcome.reasons
    assert preview.situation.area is not None
    assert preview.situation.area.name == desk.area.name
    assert not Decision.objects.exists()
    with pytest.raises(intake_refusals.UnknownCallType):
        decisions.preview(agency_id=desk.agency.pk, at=NOON, type="NOTHING")


def test_units_that_cannot_be_sent_do_not_count() -> None:
    desk = factory.desk(crew=1)
    call = take(desk)
    assert "NO_UNIT_ON_SHIFT" in call.reasons

    unit, _ = dispatch.rival(desk.agency, desk.area)
    call = take(desk)
    assert call.care_available
    dispatch.assignment(desk, to=call, unit=unit)
    call = take(desk)
    assert call.reasons[-1] == "ALL_UNITS_BUSY"
    assert (call.queue, call.care_available) == ("CARE", False)


# --- cautions ---------------------------------------------------------------------------------------------------------------


def test_a_new_caution_reaches_open_calls_and_stops_a_crew() -> None:
    desk = factory.desk()
    held, other = take(desk), take(desk, address="OTHER ST / 9 AV")
    dispatch.assignment(desk, to=held, status=AssignmentStatus.EN_ROUTE)

    with open_door(by=desk.dispatcher, at=LATER):
        caution = cautions.add(
            address="5th Avenue and Pike Street",
            text="Dog off the leash",
            expires_at=LATER + timedelta(days=2),
            by=desk.dispatcher,
            at=LATER,
        )

    held.refresh_from_db()
    other.refresh_from_db()
    assert held.cautions == [{"text": "Dog off the leash", "expires_at": "2026-06-05T19:01:00Z"}]
    assert held.cautions_as_of == LATER
    assert other.cautions == []
    assert Stop.objects.get(call=held).reasons == ["CAUTION_ADDRESS"]

    over = LATER + timedelta(minutes=1)
    with open_door(by=desk.dispatcher, at=over):
        cautions.end(caution_id=caution.pk, by=desk.dispatcher, at=over)
    held.refresh_from_db()
    assert (held.cautions, held.response) == ([], "CARE")
    with pytest.raises(intake_refusals.CautionEnded), open_door(by=desk.dispatcher, at=over):
        cautions.end(caution_id=caution.pk, by=desk.dispatcher, at=over)


def test_a_caution_on_a_phone_meets_calls_from_it() -> None:
    desk = factory.desk()
    call = take(desk, caller_phone="206.555.0100")

    with open_door(by=desk.dispatcher, at=LATER):
        cautions.add(
            phone="+1 206 555 0100",
            text="Shouts at dispatchers",
            expires_at=LATER + timedelta(days=2),
            by=desk.dispatcher,
            at=LATER,
        )

    call.refresh_from_db()
    assert "CAUTION_PHONE" in call.reasons


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"expires_at": NOON}, intake_refusals.CautionExpiryInvalid),
        ({"expires_at": NOON + timedelta(days=400)}, intake_refusals.CautionExpiryInvalid),
        ({"address": "", "phone": ""}, intake_refusals.CautionNeedsOnePlace),
        ({"address": "PIKE ST", "phone": "2065550100"}, intake_refusals.CautionNeedsOnePlace),
        ({"address": "?!"}, intake_refusals.CautionNeedsOnePlace),
    ],
)
def test_a_caution_that_makes_no_sense_is_refused(given: dict[str, Any], refusal: type[Exception]) -> None:
    desk = factory.desk()
    usual: dict[str, Any] = {"address": "PIKE ST", "text": "x", "expires_at": NOON + timedelta(days=1)}

    with pytest.raises(refusal), open_door(by=desk.dispatcher, at=NOON):
        cautions.add(**{**usual, **given}, by=desk.dispatcher, at=NOON)
    with pytest.raises(intake_refusals.CautionNeedsPerson), open_door(by=desk.cad, at=NOON):
        cautions.add(**usual, by=desk.cad, at=NOON)
    assert not Caution.objects.exists()


def test_another_agencys_caution_does_not_exist() -> None:
    desk, other = factory.desk(), factory.desk()
    caution = dispatch.caution(desk.agency, address_key="PIKE ST")

    with pytest.raises(intake_refusals.CautionNotFound), open_door(by=other.dispatcher, at=NOON):
        cautions.end(caution_id=caution.pk, by=other.dispatcher, at=NOON)


# --- policies ---------------------------------------------------------------------------------------------------------------


def draft(desk: Desk, name: str = "mine", **keys: Any) -> Policy:
    with open_door(by=desk.supervisor, at=NOON):
        return policies.draft(
            agency_id=desk.agency.pk,
            name=name,
            rules={**catalogue.seattle_2025(), **keys},
            by=desk.supervisor,
            at=NOON,
        )


def switch_on(desk: Desk, policy: Policy, since: Any = NOON) -> Policy:
    with open_door(by=desk.supervisor, at=NOON):
        return policies.switch_on(policy_id=policy.pk, in_force_from=since, by=desk.supervisor, at=NOON)


def test_a_policy_is_in_force_from_its_instant_on() -> None:
    desk = factory.desk()
    switch_on(desk, draft(desk, minimum="CARE+POLICE"), NOON + timedelta(hours=1))

    with open_door(by=desk.cad, at=NOON):
        before = intake.take_revision(agency_id=desk.agency.pk, revision=factory.revision(), by=desk.cad, at=NOON).call
    with open_door(by=desk.cad, at=NOON + timedelta(hours=1)):
        after = intake.take_revision(
            agency_id=desk.agency.pk, revision=factory.revision(), by=desk.cad, at=NOON + timedelta(hours=1)
        ).call

    assert (before.response, after.response) == ("CARE", "CARE+POLICE")


def test_a_policy_is_switched_on_once_and_not_in_the_past() -> None:
    desk, other = factory.desk(), factory.desk()
    policy = draft(desk)

    with pytest.raises(intake_refusals.PolicyStartsInPast):
        switch_on(desk, policy, NOON - timedelta(hours=1))
    with pytest.raises(intake_refusals.PolicyNotFound):
        switch_on(other, policy)
    on = switch_on(desk, policy)
    assert (on.in_force_from, on.switched_on_by_id) == (NOON, desk.supervisor.person_id)
    with pytest.raises(intake_refusals.PolicyAlreadyOn):
        switch_on(desk, policy)
    assert switch_on(desk, draft(desk, name="another")).in_force_from == NOON + timedelta(microseconds=1)


def test_rules_that_cannot_be_used_are_neither_kept_nor_switched_on() -> None:
    desk = factory.desk()
    policy = draft(desk)
    with pytest.raises(intake_refusals.PolicyInvalid) as refused:
        draft(desk, minimum="NOBODY")
    assert set(refused.value.facts["errors"]) == {"minimum"}

    with open_door(by="system:test", at=NOON):
        policy.rules = {}
        policy.save()
    with pytest.raises(intake_refusals.PolicyInvalid):
        switch_on(desk, policy)


def test_the_same_rules_are_the_same_version() -> None:
    desk = factory.desk()

    assert draft(desk).pk == draft(desk).pk
    assert draft(desk, minimum="CARE+POLICE").version == 2


def test_a_decision_is_stored_with_every_reason_in_order() -> None:
    desk = factory.desk()
    call = take(desk, answers=None, place_kind="UNKNOWN")

    stored = Decision.objects.get(call=call)
    assert stored.reasons == call.reasons
    assert stored.reasons[0] == "TYPE_GREEN"
