"""
CARE and police, or EMS, sent together: when it begins, what is said of it, how it ends, and what is never more hopeful than that.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection

from dashboard import queries
from dispatch import refusals
from dispatch.actions import assignments, decisions, intake, tandems
from dispatch.actions.alarms import raise_due
from dispatch.actions.tandems import Said
from dispatch.backup.reading import key_of_agency
from dispatch.models import (
    NOT_SAFE,
    TANDEM_TRANSITIONS,
    Alarm,
    AlarmKind,
    Assignment,
    AssignmentStatus,
    BackupPress,
    Call,
    Flag,
    Response,
    Stop,
    Tandem,
    TandemState,
)
from dispatch.reasons import REASON_WORDS
from journal.door import open_door
from journal.models import Document
from journal.refusals import Refusal
from responders.actors import Actor
from responders.models import Capability
from tests.conftest import NOON
from tests.factories import dispatch as make
from tests.factories import responders

pytestmark = pytest.mark.django_db

OFFICER = "Officer Lane 4"


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def tandem_call(scene: make.Scene, response: str = Response.CARE_POLICE, **fields: Any) -> Call:
    given = {"reasons": ["TYPE_YELLOW", "WEAPON_UNKNOWN", "TYPE_GREEN"], **fields}
    return make.care_call(scene, response=response, **given)


def held(scene: make.Scene, **fields: Any) -> tuple[Assignment, Tandem]:
    mine = make.assignment(scene, to=tandem_call(scene, **fields), status=AssignmentStatus.EN_ROUTE)
    return mine, Tandem.objects.get(call=mine.call_id)


def do(act: Any, *, by: Actor, at: datetime = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def document(stream: str, call: int) -> dict[str, Any]:
    row = Document.objects.get(stream=stream, collection="call", document_id=str(call), gone=None)
    body: dict[str, Any] = orjson.loads(row.body or "")
    return body


# --- the beginning -------------------------------------------------------------------------------------------------------


def test_the_table_knows_every_state_and_every_open_one_can_end() -> None:
    assert set(TANDEM_TRANSITIONS) == set(TandemState)
    ended = {state for state, following in TANDEM_TRANSITIONS.items() if not following}
    constraint = next(rule for rule in Tandem._meta.constraints if rule.name == "dispatch_tandem_ended_has_time")
    assert ended == {TandemState.PARTNER_ONLY, TandemState.CARE_ALONE, TandemState.OVER}
    assert all(state.value in str(constraint) for state in ended)
    for state, following in TANDEM_TRANSITIONS.items():
        if state not in ended:
            assert {TandemState.OVER, TandemState.PARTNER_ONLY} <= following
    # CARE alone is agreed on before the partner is in, never after somebody declared the scene safe.
    assert {
        state for state, following in TANDEM_TRANSITIONS.items() if TandemState.CARE_ALONE in following
    } == NOT_SAFE


@pytest.mark.parametrize(("response", "partner"), [("CARE+POLICE", "POLICE"), ("CARE+EMS", "EMS")])
def test_it_opens_with_the_first_unit_on_a_call_that_asks_for_a_partner(response: str, partner: str) -> None:
    scene = make.scene()

    mine, tandem = held(scene, response=response)

    assert (tandem.partner, tandem.state, tandem.asked_as) == (partner, TandemState.ASKED, "POLICY")
    # What speaks for CARE requires nobody.
    assert tandem.reasons == ["TYPE_YELLOW", "WEAPON_UNKNOWN"]
    assert tandem.due_at == NOON + timedelta(seconds=scene.agency.tandem_wait_s)
    body = document(f"unit.{scene.unit.pk}", mine.call_id)
    assert [(row["partner"], row["state"], row["safe_at"]) for row in body["tandem"]] == [(partner, "ASKED", None)]
    assert document(f"area.{scene.area.pk}", mine.call_id)["tandem"] == [partner]


def test_a_call_for_care_alone_has_none() -> None:
    scene = make.scene()

    mine = make.assignment(scene)

    assert not Tandem.objects.filter(call=mine.call_id).exists()
    assert document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"] == []


@pytest.mark.parametrize(
    ("capabilities", "opens"),
    [
        ([Capability.BEHAVIORAL_HEALTH, Capability.POLICE], False),
        ([Capability.POLICE], True),
        ([Capability.BEHAVIORAL_HEALTH, Capability.EMS], True),
    ],
)
def test_a_co_responder_unit_brings_its_partner_along(capabilities: list[Capability], opens: bool) -> None:
    scene = make.scene()
    unit = responders.crewed_unit(scene.agency, areas=[scene.area], capabilities=capabilities)
    call = tandem_call(scene)

    make.assignment(scene, to=call, unit=unit)

    assert Tandem.objects.filter(call=call).exists() is opens


def test_a_second_unit_joins_the_tandem_that_there_is() -> None:
    scene = make.scene()
    mine, _ = held(scene)
    other, _ = make.rival(scene.agency, scene.area)

    make.assignment(scene, to=mine.call, unit=other)

    assert Tandem.objects.filter(call=mine.call_id).count() == 1


def test_it_opens_when_the_response_becomes_that_while_a_unit_holds_the_call() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.EN_ROUTE)

    do(decisions.overrule, call_id=mine.call_id, response="CARE+POLICE", code="SAFETY_CONCERN", by=scene.dispatcher)

    tandem = Tandem.objects.get(call=mine.call_id)
    assert (tandem.state, tandem.asked_as) == (TandemState.ASKED, "DESK")
    assert Stop.objects.filter(call=mine.call_id).exists()


def test_a_person_who_says_care_alone_ends_what_nobody_was_sent_to() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    do(decisions.overrule, call_id=mine.call_id, response="CARE", code="KNOWN_PERSON", by=scene.dispatcher)

    tandem.refresh_from_db()
    assert tandem.state == TandemState.OVER
    assert not Alarm.objects.filter(call=mine.call_id, kind="TANDEM_NO_PARTNER", ended_at=None).exists()


def test_police_on_their_way_are_not_sent_home_by_a_changed_mind() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.plan, tandem_id=tandem.pk, partner_unit="2K12", by=scene.dispatcher)

    do(decisions.overrule, call_id=mine.call_id, response="CARE", code="KNOWN_PERSON", by=scene.dispatcher)

    tandem.refresh_from_db()
    assert tandem.state == TandemState.ASKED


@pytest.mark.parametrize("asks", ["dispatcher", "tablet"])
def test_the_desk_and_the_crew_may_ask_for_a_partner(asks: str) -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.EN_ROUTE)
    by: Actor = getattr(scene, asks)

    tandem = do(tandems.ask, call_id=mine.call_id, partner="EMS", by=by)

    assert (tandem.partner, tandem.asked_as) == ("EMS", "CREW" if asks == "tablet" else "DESK")
    with pytest.raises(refusals.TandemOpen):
        do(tandems.ask, call_id=mine.call_id, partner="EMS", by=by)


def test_a_crew_asks_for_its_own_call_only() -> None:
    scene = make.scene()
    call = make.care_call(scene)

    with pytest.raises(refusals.CallNotHeld):
        do(tandems.ask, call_id=call.pk, partner="POLICE", by=scene.tablet)


def test_the_plan_reaches_the_crew() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    do(
        tandems.plan,
        tandem_id=tandem.pk,
        first="TOGETHER",
        staging=make.POINT,
        staging_note="North side of the park",
        partner_unit="2K12",
        by=scene.dispatcher,
        at=minutes(1),
    )

    [body] = document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"]
    assert body["staging"] == [-122.337, 47.611]
    assert (body["first"], body["staging_note"], body["partner_unit"]) == (
        "TOGETHER",
        "North side of the park",
        "2K12",
    )
    assert datetime.fromisoformat(body["partner_assigned_at"]) == minutes(1)
    with pytest.raises(refusals.TandemNotFound):
        do(tandems.plan, tandem_id=tandem.pk, partner_unit="2K13", by=make.scene().dispatcher)


# --- nobody comes --------------------------------------------------------------------------------------------------------


def test_desk_and_crew_are_told_when_nobody_came_in_time() -> None:
    scene = make.scene(tandem_wait_s=600)
    mine, _ = held(scene)

    with open_door(by="system:sweep", at=minutes(9)):
        assert raise_due(call_id=mine.call_id, by="system:sweep", at=minutes(9.9)) == 0
    with open_door(by="system:sweep", at=minutes(10)):
        assert raise_due(call_id=mine.call_id, by="system:sweep", at=minutes(10)) == 1

    alarm = Alarm.objects.get(call=mine.call_id, kind=AlarmKind.TANDEM_NO_PARTNER)
    assert alarm.raised_at == minutes(10)
    # The crew's tablet rings by the same moment, with or without contact.
    [body] = document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"]
    assert datetime.fromisoformat(body["due_at"]) == minutes(10)


def test_a_partner_that_came_is_not_rung_for() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    said: Said = do(tandems.partner_there, tandem_id=tandem.pk, by=scene.tablet, at=minutes(4))

    assert (said.tandem.state, said.tandem.partner_arrived_at) == (TandemState.PARTNER_THERE, minutes(4))
    assert not Alarm.objects.filter(call=mine.call_id, kind="TANDEM_NO_PARTNER", ended_at=None).exists()


def test_of_two_partners_each_is_waited_for() -> None:
    scene = make.scene()
    mine, police = held(scene)
    do(tandems.ask, call_id=mine.call_id, partner="EMS", by=scene.dispatcher, at=minutes(1))

    do(tandems.partner_there, tandem_id=police.pk, by=scene.dispatcher, at=minutes(2))

    waiting = Alarm.objects.filter(call=mine.call_id, kind="TANDEM_NO_PARTNER", ended_at=None)
    assert [alarm.due_at for alarm in waiting] == [minutes(11)]


# --- safe ----------------------------------------------------------------------------------------------------------------


def test_police_declare_the_scene_safe_and_the_desk_relays_it_by_name() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    [body] = document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"]
    assert (body["state"], body["safe_by"], body["safe_relayed_by"]) == ("SAFE", OFFICER, "Dispatcher One")
    assert datetime.fromisoformat(body["safe_at"]) == minutes(6)


def test_the_first_declaration_counts() -> None:
    scene = make.scene()
    _, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    said: Said = do(tandems.safe, tandem_id=tandem.pk, said_by="Officer Lane 5", by=scene.tablet, at=minutes(7))

    assert (said.tandem.safe_by, said.flags) == (OFFICER, [])


def test_a_crew_that_only_sees_the_call_declares_nothing() -> None:
    scene = make.scene()
    _, tandem = held(scene)
    _, other = make.rival(scene.agency, scene.area)

    said: list[tuple[Any, dict[str, Any]]] = [
        (tandems.safe, {"said_by": OFFICER}),
        (tandems.partner_there, {}),
        (tandems.release, {}),
    ]
    for act, given in said:
        with pytest.raises(refusals.TandemNotFound):
            do(act, tandem_id=tandem.pk, by=other, **given)

    tandem.refresh_from_db()
    assert tandem.state == TandemState.ASKED


def test_arriving_before_it_is_safe_is_a_fact_and_flagged() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    told = do(assignments.arrive, assignment_id=mine.pk, by=scene.tablet, at=minutes(3))

    assert (told.assignment.status, told.flags) == (AssignmentStatus.ON_SCENE, ["arrived_before_safe"])
    assert Flag.objects.get(code="arrived_before_safe").facts["tandem"] == tandem.pk


def test_an_arrival_told_late_is_judged_by_when_it_was() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    early = do(assignments.arrive, assignment_id=mine.pk, by=scene.tablet, happened_at=minutes(5), at=minutes(9))

    assert early.flags == ["arrived_before_safe"]


def test_arriving_after_it_was_declared_safe_is_as_it_should_be() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    told = do(assignments.arrive, assignment_id=mine.pk, by=scene.tablet, at=minutes(7))

    assert told.flags == []


# --- CAD's police units ----------------------------------------------------------------------------------------------------


def revise(call: Call, scene: make.Scene, revision: int, *, at: datetime, police: list[str]) -> None:
    given = intake.CadCall(
        number=call.number,
        revision=revision,
        status="OPEN",
        type=call.type.code,
        priority=call.priority,
        address=call.address,
        source=call.source,
        received_at=call.received_at,
        cad_at=at,
        point=(call.point.x, call.point.y) if call.point else None,
        police_units=police,
        police_assigned_at=at if police else None,
    )
    with open_door(by="cad:1", at=at):
        intake.take_revision(agency_id=scene.agency.pk, revision=given, by="cad:1", at=at)


def test_cad_assigns_and_clears_police_units() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    revise(mine.call, scene, 1, at=minutes(2), police=["2K12"])
    tandem.refresh_from_db()
    assert (tandem.state, tandem.partner_unit, tandem.partner_assigned_at) == ("ASKED", "2K12", minutes(2))

    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))
    revise(mine.call, scene, 2, at=minutes(20), police=[])

    tandem.refresh_from_db()
    assert (tandem.state, tandem.partner_released_at) == (TandemState.CARE_STAYS, minutes(20))


def test_police_cleared_before_it_was_safe_are_waited_for_anew() -> None:
    scene = make.scene(tandem_wait_s=600)
    mine, tandem = held(scene)
    revise(mine.call, scene, 1, at=minutes(2), police=["2K12"])
    do(tandems.partner_there, tandem_id=tandem.pk, by=scene.tablet, at=minutes(4))

    revise(mine.call, scene, 2, at=minutes(5), police=[])

    tandem.refresh_from_db()
    assert (tandem.state, tandem.partner_unit, tandem.partner_arrived_at) == (TandemState.ASKED, "", None)
    waiting = Alarm.objects.get(call=mine.call_id, kind="TANDEM_NO_PARTNER", ended_at=None)
    assert waiting.due_at == tandem.due_at == minutes(15)


# --- the ends ------------------------------------------------------------------------------------------------------------


def test_the_partner_is_released_and_care_stays() -> None:
    scene = make.scene()
    _, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    said: Said = do(tandems.release, tandem_id=tandem.pk, released_at=minutes(20), by=scene.tablet, at=minutes(25))

    assert (said.tandem.state, said.tandem.partner_released_at) == (TandemState.CARE_STAYS, minutes(20))
    assert said.flags == []
    again: Said = do(tandems.release, tandem_id=tandem.pk, by=scene.dispatcher, at=minutes(30))
    assert (again.tandem.partner_released_at, again.flags) == (minutes(20), ["tandem_over"])


def test_a_partner_that_left_before_it_was_safe_makes_nothing_safe() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.partner_there, tandem_id=tandem.pk, by=scene.tablet, at=minutes(4))

    said: Said = do(tandems.release, tandem_id=tandem.pk, by=scene.tablet, at=minutes(5))

    assert (said.tandem.state, said.tandem.partner_released_at) == (TandemState.ASKED, None)
    assert said.flags == ["released_before_safe"]
    assert Alarm.objects.filter(call=mine.call_id, kind="TANDEM_NO_PARTNER", ended_at=None).exists()


def test_hours_told_after_the_call_was_closed_count() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))
    do(assignments.clear, assignment_id=mine.pk, disposition="HANDLED", by=scene.tablet, at=minutes(60))

    said: Said = do(tandems.release, tandem_id=tandem.pk, by=scene.tablet, happened_at=minutes(10), at=minutes(70))

    assert (said.tandem.state, said.tandem.partner_released_at) == (TandemState.OVER, minutes(10))
    assert said.flags == ["tandem_over"]


@pytest.mark.parametrize("by_crew", [True, False])
def test_either_side_makes_it_the_partners_alone_at_once(by_crew: bool) -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    other, _ = make.rival(scene.agency, scene.area)
    theirs = make.assignment(scene, to=mine.call, unit=other)

    do(tandems.partner_only, tandem_id=tandem.pk, said_by="", by=scene.tablet if by_crew else scene.dispatcher)

    tandem.refresh_from_db()
    assert tandem.state == TandemState.PARTNER_ONLY
    stopped = set(Stop.objects.filter(call=mine.call_id).values_list("assignment", flat=True))
    assert stopped == ({theirs.pk} if by_crew else {mine.pk, theirs.pk})
    # It is not asked for again while the call stays as it is.
    with open_door(by=scene.dispatcher, at=NOON):
        decisions.decide(call=Call.objects.lock(mine.call_id), by=scene.dispatcher, at=NOON)
    assert Tandem.objects.filter(call=mine.call_id, ended_at=None).count() == 0


def test_care_goes_alone_when_the_crew_and_a_named_officer_agree_and_nothing_is_against_it() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    do(tandems.care_alone, tandem_id=tandem.pk, officer=OFFICER, by=scene.tablet, at=minutes(5))

    tandem.refresh_from_db()
    assert (tandem.state, tandem.officer, tandem.ended_at) == (TandemState.CARE_ALONE, OFFICER, minutes(5))
    [body] = document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"]
    assert (body["state"], body["officer"]) == ("CARE_ALONE", OFFICER)
    assert document(f"area.{scene.area.pk}", mine.call_id)["tandem"] == []


@pytest.mark.parametrize("reason", ["WEAPON_YES", "CAUTION_ADDRESS", "ALWAYS_WITH_POLICE", "TYPE_RED"])
def test_the_policy_keeps_care_from_going_alone(reason: str) -> None:
    scene = make.scene()
    _, tandem = held(scene, reasons=["TYPE_YELLOW", reason])

    with pytest.raises(refusals.CareAloneNotAllowed) as refused:
        do(tandems.care_alone, tandem_id=tandem.pk, officer=OFFICER, by=scene.tablet)

    assert refused.value.facts == {"reasons": [reason]}
    tandem.refresh_from_db()
    assert tandem.state == TandemState.ASKED


def test_it_ends_with_the_call() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    do(assignments.clear, assignment_id=mine.pk, disposition="HANDLED", by=scene.tablet, at=minutes(30))

    tandem.refresh_from_db()
    assert (tandem.state, tandem.ended_at) == (TandemState.OVER, minutes(30))
    assert not Alarm.objects.filter(call=mine.call_id, ended_at=None).exists()


@pytest.mark.parametrize("kind", ["partner_there", "safe", "partner_only"])
def test_what_is_told_after_the_end_is_kept_in_a_flag(kind: str) -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(assignments.clear, assignment_id=mine.pk, disposition="HANDLED", by=scene.tablet, at=minutes(30))
    given = {"said_by": OFFICER} if kind == "safe" else {}

    said: Said = do(getattr(tandems, kind), tandem_id=tandem.pk, by=scene.tablet, at=minutes(40), **given)

    assert (said.tandem.state, said.flags) == (TandemState.OVER, ["tandem_over"])


# --- withdraw --------------------------------------------------------------------------------------------------------------


def test_one_tap_withdraws_raises_backup_and_asks_for_police() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.ON_SCENE)

    done = do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, at=minutes(8))

    press = BackupPress.objects.get(key=done.backup)
    assert (press.origin, press.via, press.level, press.service) == ("WITHDRAW", "server", "URGENT", "POLICE")
    assert (press.unit_id, press.call_id, press.tablet_id) == (scene.unit.pk, mine.call_id, scene.tablet.tablet_id)
    mine.refresh_from_db()
    assert (mine.status, mine.staged_at) == (AssignmentStatus.STAGED, minutes(8))
    tandem = Tandem.objects.get(call=mine.call_id)
    assert (tandem.asked_as, tandem.state, tandem.withdrawn_at) == ("WITHDRAW", TandemState.ASKED, minutes(8))
    assert tandem.reasons[0] == "CREW_WITHDREW"
    alarm = Alarm.objects.get(call=mine.call_id, kind=AlarmKind.CREW_WITHDREW)
    assert (alarm.raised_at, alarm.assignment_id) == (minutes(8), mine.pk)
    with pytest.raises(refusals.CareAloneNotAllowed):
        do(tandems.care_alone, tandem_id=tandem.pk, officer=OFFICER, by=scene.tablet, at=minutes(9))


def test_the_others_on_the_call_are_stopped() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.ON_SCENE)
    other, _ = make.rival(scene.agency, scene.area)
    theirs = make.assignment(scene, to=mine.call, unit=other)

    do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, at=minutes(8))

    [stop] = Stop.objects.filter(call=mine.call_id)
    assert (stop.assignment_id, stop.reasons) == (theirs.pk, ["CREW_WITHDREW"])


def test_a_press_that_the_tablets_own_lane_brought_first_is_the_same_one() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.ON_SCENE)
    key = UUID("7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11")
    BackupPress.objects.create(key=key, agency_id=scene.agency.pk, via="web", level="URGENT")

    done = do(tandems.withdraw, call_id=mine.call_id, key=key, by=scene.tablet, at=minutes(8))

    assert done.backup == key
    assert [press.via for press in BackupPress.objects.all()] == ["web"]


def test_a_key_that_is_another_agencys_press_hides_no_withdrawal() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.ON_SCENE)
    key = UUID("7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11")
    BackupPress.objects.create(key=key, agency_id=make.scene().agency.pk, via="web", level="URGENT")

    done = do(tandems.withdraw, call_id=mine.call_id, key=key, by=scene.tablet, at=minutes(8))

    assert BackupPress.objects.get(agency_id=scene.agency.pk).key == done.backup == key_of_agency(key, scene.agency.pk)


def test_what_was_safe_is_not_any_more() -> None:
    scene = make.scene()
    mine, first = held(scene)
    do(tandems.partner_there, tandem_id=first.pk, by=scene.tablet, at=minutes(4))
    do(tandems.safe, tandem_id=first.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))

    do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, at=minutes(8))

    first.refresh_from_db()
    assert (first.state, first.safe_at) == (TandemState.OVER, minutes(6))
    again = Tandem.objects.get(call=mine.call_id, ended_at=None)
    # Police are there: they were never released.
    assert (again.state, again.asked_as, again.safe_at) == (TandemState.PARTNER_THERE, "WITHDRAW", None)
    [body] = document(f"unit.{scene.unit.pk}", mine.call_id)["tandem"]
    assert (body["id"], body["state"]) == (again.pk, "PARTNER_THERE")


def test_a_declaration_from_before_the_crew_withdrew_changes_nothing() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, at=minutes(8))

    late: Said = do(
        tandems.safe,
        tandem_id=tandem.pk,
        said_by=OFFICER,
        by=scene.tablet,
        happened_at=minutes(7),
        at=minutes(12),
    )

    assert (late.tandem.state, late.tandem.safe_at, late.flags) == (TandemState.ASKED, None, ["out_of_order"])
    now: Said = do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(13))
    assert now.tandem.state == TandemState.SAFE


def test_a_withdrawal_told_after_the_call_was_closed_still_rings() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.ON_SCENE)
    do(
        assignments.clear,
        assignment_id=mine.pk,
        disposition="HANDLED",
        by=scene.dispatcher,
        unit_id=scene.unit.pk,
        asked_by="CARE",
        at=minutes(9),
    )

    done = do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, happened_at=minutes(8), at=minutes(30))

    assert BackupPress.objects.get(key=done.backup).pressed_at == minutes(8)
    assert (done.tandem, done.flags) == (None, ["call_already_closed"])


# --- countable ------------------------------------------------------------------------------------------------------------


def test_how_often_a_partner_was_sent_and_why_is_counted_and_so_are_their_hours() -> None:
    scene = make.scene()
    mine, tandem = held(scene)
    do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(6))
    do(tandems.release, tandem_id=tandem.pk, by=scene.tablet, at=minutes(15))
    do(assignments.clear, assignment_id=mine.pk, disposition="HANDLED", by=scene.tablet, at=minutes(60))
    other = make.assignment(scene)
    do(assignments.clear, assignment_id=other.pk, disposition="HANDLED", by=scene.tablet, at=minutes(70))
    # Of a neighbouring agency nothing is counted.
    neighbour = make.scene()
    theirs, _ = held(neighbour)
    do(assignments.clear, assignment_id=theirs.pk, disposition="HANDLED", by=neighbour.tablet, at=minutes(60))

    found = queries.outcomes(scene.agency.pk, since=NOON, until=minutes(100)).tandems

    assert (found.calls, found.percent, found.released, found.saved) == (1, 50, 1, 0.8)
    assert [(name, count) for name, count, _ in found.by_asked] == [("The policy", 1)]
    assert {name for name, _, _ in found.by_reason} == {REASON_WORDS["TYPE_YELLOW"], REASON_WORDS["WEAPON_UNKNOWN"]}


# --- races ---------------------------------------------------------------------------------------------------------------


def at_once(*acts: Any) -> list[Any]:
    """
    Run each of these in a thread of its own, all begun together; a refusal is a result.
    """
    together = Barrier(len(acts))

    def run(act: Any) -> Any:
        together.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(run, act) for act in acts]]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_desk_and_crew_ask_at_once_and_one_tandem_opens() -> None:
    scene = make.scene()
    mine = make.assignment(scene, status=AssignmentStatus.EN_ROUTE)

    done = at_once(
        *(
            lambda by=by: do(tandems.ask, call_id=mine.call_id, partner="POLICE", by=by)
            for by in (scene.dispatcher, scene.tablet, scene.dispatcher)
        )
    )

    assert sorted(type(one).__name__ for one in done) == ["Tandem", "TandemOpen", "TandemOpen"]
    assert Tandem.objects.filter(call=mine.call_id).count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_declare_it_safe_while_the_crew_withdraws() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    done = at_once(
        lambda: do(tandems.safe, tandem_id=tandem.pk, said_by=OFFICER, by=scene.dispatcher, at=minutes(7.9)),
        lambda: do(tandems.safe, tandem_id=tandem.pk, said_by="Officer Lane 5", by=scene.tablet, at=minutes(7.9)),
        lambda: do(tandems.withdraw, call_id=mine.call_id, by=scene.tablet, at=minutes(8)),
    )

    assert not [one for one in done if isinstance(one, Exception)]
    # Whichever came first: after the withdrawal nothing says that the scene is safe.
    assert Tandem.objects.get(call=mine.call_id, ended_at=None).state in NOT_SAFE
    assert Assignment.objects.get(pk=mine.pk).status == AssignmentStatus.STAGED
    assert BackupPress.objects.filter(call_id=mine.call_id).count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_police_only_and_care_alone_at_once_end_it_once() -> None:
    scene = make.scene()
    mine, tandem = held(scene)

    at_once(
        lambda: do(tandems.partner_only, tandem_id=tandem.pk, by=scene.dispatcher, at=minutes(5)),
        lambda: do(tandems.care_alone, tandem_id=tandem.pk, officer=OFFICER, by=scene.tablet, at=minutes(5)),
    )

    tandem.refresh_from_db()
    stopped = Stop.objects.filter(call=mine.call_id).exists()
    flagged = Flag.objects.filter(call=mine.call_id, code="tandem_over").exists()
    if tandem.state == TandemState.PARTNER_ONLY:
        assert (stopped, flagged) == (True, False)
    else:
        assert (tandem.state, stopped, flagged) == (TandemState.CARE_ALONE, False, True)
