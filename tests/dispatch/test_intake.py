"""
Calls come in from CAD and from the desk, change, and end.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import intake_refusals
from dispatch.actions import intake
from dispatch.actions.intake import CadCall, Taken
from dispatch.models import (
    Alarm,
    AlarmKind,
    Answer,
    AssignmentStatus,
    CadRevision,
    Call,
    CallStatus,
    CallType,
    Decision,
    Flag,
    Origin,
    Stop,
)
from dispatch.refusals import CallNotFound
from journal.door import open_door
from journal.models import Document, Entry
from tests.conftest import NOON
from tests.factories import dispatch, responders
from tests.factories import intake as factory
from tests.factories.intake import Desk
from tests.replica import bodies

pytestmark = pytest.mark.django_db


def take(desk: Desk, revision: CadCall, *, at: datetime = NOON) -> Taken:
    with open_door(by=desk.cad, at=at):
        return intake.take_revision(agency_id=desk.agency.pk, revision=revision, by=desk.cad, at=at)


def create(desk: Desk, **fields: Any) -> Call:
    given = {
        "source": "NON_EMERGENCY",
        "type": factory.WELFARE,
        "priority": 3,
        "address": "Pike St & 5th Ave",
        "point": dispatch.POINT,
        "place_kind": "PUBLIC",
        "answers": factory.ALL_NO,
        **fields,
    }
    with open_door(by=desk.dispatcher, at=NOON):
        return intake.create(by=desk.dispatcher, at=NOON, **given)


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


# --- from CAD -----------------------------------------------------------------------------------------------------------


def test_a_call_from_cad_is_decided_and_reaches_the_board() -> None:
    desk = factory.desk()

    call = take(desk, factory.revision(narrative="  Verbatim.\n")).call

    assert (call.response, call.queue, call.care_available) == ("CARE", "CARE", True)
    assert call.reasons == ["TYPE_GREEN", "DISQUALIFIERS_RULED_OUT"]
    assert call.area_id == desk.area.pk
    assert call.narrative == "  Verbatim.\n"
    assert Decision.objects.filter(call=call, policy__name="seattle-2025").count() == 1
    assert {row.by for row in Answer.objects.filter(call=call)} == {str(desk.cad)}
    board = bodies(f"area.{desk.area.pk}", "call")[str(call.pk)]
    assert board["response"] == "CARE"
    assert "caller_phone" not in board


def test_without_a_policy_everything_goes_to_police() -> None:
    desk = factory.desk(policy=None)

    call = take(desk, factory.revision()).call

    assert (call.response, call.queue, call.reasons) == ("POLICE", "POLICE", ["NO_POLICY"])


def test_a_policy_that_cannot_be_used_loses_no_call(caplog: pytest.LogCaptureFixture) -> None:
    desk = factory.desk(policy=None)
    policy = factory.in_force(desk.agency, "seattle-2025")
    with open_door(by="system:test", at=NOON):
        policy.rules = {"minimum": "CARE"}
        policy.save()

    assert take(desk, factory.revision()).call.reasons == ["NO_POLICY"]
    assert "cannot be used" in caplog.text


def test_a_type_that_nobody_entered_is_red_and_flagged() -> None:
    desk = factory.desk()

    call = take(desk, factory.revision(type="BRAND NEW TYPE")).call

    assert CallType.objects.get(agency=desk.agency, code="BRAND NEW TYPE").color == "RED"
    assert call.response == "POLICE"
    assert [flag.code for flag in Flag.objects.filter(call=call)] == ["unknown_type"]


def test_a_revision_changes_what_cad_owns_and_runs_the_policy_again() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call

    taken = take(desk, replace(first, revision=2, type="TRESPASS", priority=5, address="12XX 3 AV"), at=later(1))

    call.refresh_from_db()
    assert taken.applied
    assert (call.type.code, call.priority, call.address_key) == ("TRESPASS", 5, "12XX 3 AV")
    assert (call.response, call.queue) == ("POLICE", "POLICE")
    assert "TYPE_YELLOW" in call.reasons
    assert Decision.objects.filter(call=call).count() == 2


def test_a_revision_that_changes_nothing_stores_no_second_decision() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call

    take(desk, replace(first, revision=2, narrative="More words."))

    assert Decision.objects.filter(call=call).count() == 1


def test_a_call_that_moves_changes_its_area() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call

    take(desk, replace(first, revision=2, point=(-122.38, 47.67)))
    call.refresh_from_db()
    assert call.area_id is None
    assert "OUTSIDE_AREAS" in call.reasons
    assert call.queue == "POLICE"
    assert str(call.pk) not in bodies(f"area.{desk.area.pk}", "call")

    take(desk, replace(first, revision=3))
    call.refresh_from_db()
    assert Call.objects.filter(pk=call.pk, area=desk.area, queue="CARE").exists()


def test_an_older_revision_is_stored_and_changes_nothing() -> None:
    desk = factory.desk()
    newer = factory.revision(revision=3, priority=4)
    call = take(desk, newer).call

    taken = take(desk, replace(newer, revision=2, priority=1, type="TRESPASS"))

    call.refresh_from_db()
    assert not taken.applied
    assert (call.priority, call.type.code, call.cad_revision) == (4, factory.WELFARE, 3)
    assert list(CadRevision.objects.order_by("revision").values_list("revision", "applied")) == [(2, False), (3, True)]


def test_a_yes_that_arrives_late_is_still_a_yes() -> None:
    desk = factory.desk()
    newer = factory.revision(revision=2, answers=None)
    call = take(desk, newer).call

    take(desk, replace(newer, revision=1, answers={"WEAPON": "YES"}))

    call.refresh_from_db()
    assert call.response == "POLICE"
    assert "WEAPON_YES" in call.reasons


def test_a_late_answer_does_not_replace_a_crews() -> None:
    desk = factory.desk()
    newer = factory.revision(revision=2, answers=None)
    call = take(desk, newer).call
    with open_door(by=desk.tablet, at=NOON):
        intake.answer(call_id=call.pk, disqualifier="WEAPON", value="NO", called_back=True, by=desk.tablet, at=NOON)

    take(desk, replace(newer, revision=1, answers={"WEAPON": "UNKNOWN"}))

    assert [row.value for row in Answer.objects.filter(call=call).order_by("pk")] == ["NO"]


def test_the_same_revision_with_other_content_is_refused() -> None:
    desk = factory.desk()
    first = factory.revision()
    take(desk, first)

    assert not take(desk, first).created
    with pytest.raises(intake_refusals.RevisionReused):
        take(desk, replace(first, priority=1))


def test_what_the_desk_knows_better_stays_until_cad_says_something_new() -> None:
    desk = factory.desk()
    first = factory.revision(place_kind="UNKNOWN", caller_phone="206-555-0100")
    call = take(desk, first).call
    with open_door(by=desk.dispatcher, at=NOON):
        intake.update(call_id=call.pk, place_kind="PUBLIC", interpreter=True, by=desk.dispatcher, at=NOON)

    take(desk, replace(first, revision=2, narrative="More."))
    call.refresh_from_db()
    assert (call.place_kind, call.interpreter, call.response) == ("PUBLIC", True, "CARE")

    take(desk, replace(first, revision=3, place_kind="RESIDENCE"))
    call.refresh_from_db()
    assert (call.place_kind, call.response) == ("RESIDENCE", "CARE+POLICE")


MOMENTS: dict[str, dict[str, Any]] = {
    "received": {"status": "OPEN", "answers": {"WEAPON": "UNKNOWN"}, "police_units": []},
    "typed": {"status": "OPEN", "answers": None, "type": "TRESPASS", "police_units": ["2K3"]},
    "asked": {"status": "OPEN", "answers": {"WEAPON": "NO", "MEDICAL": "YES"}, "police_units": ["2K3", "2K1"]},
    "closed": {"status": "CLOSED", "answers": None, "police_units": []},
    "opened": {"status": "OPEN", "answers": {"MEDICAL": "NO"}, "police_units": ["2M1"], "point": (-122.38, 47.67)},
    "cancelled": {"status": "CANCELLED", "answers": None, "police_units": [], "type": "NOT SEEN BEFORE"},
}


def state(call_id: int) -> dict[str, Any]:
    """
    Return everything of a call that CAD had a say in.
    """
    call = Call.objects.get(pk=call_id)
    row = {
        field.name: getattr(call, field.attname)
        for field in Call._meta.concrete_fields
        if field.name not in {"id", "agency", "number"}
    }
    answers = {row.disqualifier: row.value for row in Answer.objects.filter(call=call).order_by("pk")}
    return {**row, "point": call.point and call.point.coords, "answers": answers}


def story(names: list[str]) -> list[CadCall]:
    return [
        factory.revision("1", revision=index, cad_at=later(index), **MOMENTS[name])
        for index, name in enumerate(names, start=1)
    ]


@pytest.mark.parametrize(
    "names", [["received", "typed", "asked", "closed"], ["received", "asked", "closed", "opened"]]
)
def test_any_order_of_arrival_ends_in_the_same_call(names: list[str]) -> None:
    desk = factory.desk()
    revisions = story(names)
    ends = []
    for index, order in enumerate(permutations(revisions)):
        for revision in order:
            taken = take(desk, replace(revision, number=f"{index}"))
        ends.append(state(taken.call.pk))

    assert all(end == ends[0] for end in ends)


@pytest.fixture
def desk() -> Desk:
    return factory.desk()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_repetition_of_any_story_converge(desk: Desk, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(MOMENTS)), min_size=1, max_size=6))
    revisions = story(names)
    arrivals = data.draw(st.permutations([*revisions, *data.draw(st.lists(st.sampled_from(revisions), max_size=4))]))

    run = CadRevision.objects.count()
    for revision in revisions:
        straight = take(desk, replace(revision, number=f"straight {run}")).call
    for revision in arrivals:
        mixed = take(desk, replace(revision, number=f"mixed {run}")).call

    assert state(mixed.pk) == state(straight.pk)


# --- CAD against tablet ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["CLOSED", "CANCELLED"])
def test_cad_ends_a_call_that_nobody_holds(status: str) -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call

    take(desk, replace(first, revision=2, status=status, closed_at=later(3)), at=later(4))

    call.refresh_from_db()
    assert (call.status, call.closed_at, call.cad_closed_at) == (status, later(3), later(3))
    assert str(call.pk) not in bodies(f"area.{desk.area.pk}", "call")


@pytest.mark.parametrize("status", ["CLOSED", "CANCELLED"])
@pytest.mark.parametrize(
    "at_scene", [AssignmentStatus.ON_SCENE, AssignmentStatus.TRANSPORTING, AssignmentStatus.AT_DESTINATION]
)
def test_cad_never_takes_a_call_from_a_crew_on_scene(status: str, at_scene: AssignmentStatus) -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    held = dispatch.assignment(desk, to=call, status=at_scene)

    for number in (2, 3):
        take(desk, replace(first, revision=number, status=status), at=later(number))

    call.refresh_from_db()
    held.refresh_from_db()
    assert call.status == CallStatus.ASSIGNED
    assert call.cad_closed_at is not None
    assert (held.ended_at, held.status) == (None, at_scene)
    assert held.cancel_told_at == later(2)
    assert Alarm.objects.filter(call=call, kind=AlarmKind.CAD_CLOSED_UNDER_UNIT).count() == 1
    assert [flag.code for flag in Flag.objects.filter(call=call)] == ["cad_closed_under_unit"]
    assert bodies(f"unit.{desk.unit.pk}", "call")[str(call.pk)]["cad_closed_at"] is not None


@pytest.mark.parametrize("on_the_way", [AssignmentStatus.ASSIGNED, AssignmentStatus.EN_ROUTE, AssignmentStatus.STAGED])
def test_a_unit_on_its_way_is_sent_home_when_cad_cancels(on_the_way: AssignmentStatus) -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    held = dispatch.assignment(desk, to=call, status=on_the_way)

    take(desk, replace(first, revision=2, status="CANCELLED"), at=later(2))

    call.refresh_from_db()
    held.refresh_from_db()
    assert (call.status, held.status) == (CallStatus.CANCELLED, AssignmentStatus.CANCELLED)
    assert not Alarm.objects.filter(call=call, ended_at=None).exists()


@pytest.mark.parametrize(("status", "why"), [("CANCELLED", "call.cancelled_by_cad"), ("CLOSED", "call.closed_by_cad")])
def test_a_tablet_is_told_what_cad_did_with_its_call(status: str, why: str) -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    dispatch.assignment(desk, to=call, status=AssignmentStatus.EN_ROUTE)

    take(desk, replace(first, revision=2, status=status), at=later(2))

    left = Document.objects.get(stream=f"unit.{desk.unit.pk}", collection="call", document_id=str(call.pk))
    assert left.gone == why


def test_cad_opens_again_what_it_closed_and_not_what_care_ended() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    take(desk, replace(first, revision=2, status="CLOSED"))
    take(desk, replace(first, revision=3))
    call.refresh_from_db()
    assert (call.status, call.closed_at, call.queue) == (CallStatus.PENDING, None, "CARE")

    dispatch.assignment(desk, to=call, status=AssignmentStatus.CLEARED)
    take(desk, replace(first, revision=4, narrative="More."))
    take(desk, replace(first, revision=5, status="CLOSED", closed_at=later(50)))
    take(desk, replace(first, revision=6))
    call.refresh_from_db()
    assert (call.status, call.disposition, call.closed_at) == (CallStatus.CLOSED, "HANDLED", NOON)
    assert [flag.code for flag in Flag.objects.filter(call=call)] == ["cad_reopened_after_close"]


def test_cad_taking_back_its_closing_withdraws_the_alarm() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    dispatch.assignment(desk, to=call, status=AssignmentStatus.ON_SCENE)
    take(desk, replace(first, revision=2, status="CLOSED"))

    take(desk, replace(first, revision=3))

    call.refresh_from_db()
    assert (call.status, call.cad_closed_at) == (CallStatus.ASSIGNED, None)
    assert not Alarm.objects.filter(call=call, kind=AlarmKind.CAD_CLOSED_UNDER_UNIT, ended_at=None).exists()


def test_police_assigned_after_a_poach_stop_the_crew_and_alarm_the_desk() -> None:
    desk = factory.desk()
    first = factory.revision(type="TRESPASS")
    call = take(desk, first).call
    dispatch.assignment(desk, to=call, origin=Origin.POACHED)

    for number in (2, 3):
        take(desk, replace(first, revision=number, police_units=["2K3"]), at=later(number))

    call.refresh_from_db()
    assert (call.police_units, call.police_assigned_at) == (["2K3"], NOON)
    assert [stop.reasons for stop in Stop.objects.filter(call=call)] == [["POLICE_ASSIGNED"]]
    assert Alarm.objects.filter(call=call, kind=AlarmKind.POLICE_ASSIGNED).count() == 1
    assert call.status == CallStatus.ASSIGNED


def test_police_assigned_to_a_tandem_stop_nobody() -> None:
    desk = factory.desk()
    first = factory.revision(place_kind="RESIDENCE")
    call = take(desk, first).call
    dispatch.assignment(desk, to=call)

    take(desk, replace(first, revision=2, police_units=["2K3"]))

    assert not Stop.objects.exists()


def test_times_that_differ_are_both_kept_and_flagged_once() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    held = dispatch.assignment(desk, to=call, status=AssignmentStatus.ON_SCENE, at=NOON)
    theirs = {"unit": desk.unit.call_sign, "on_scene_at": later(9), "en_route_at": NOON + timedelta(seconds=30)}

    for number in (2, 3):
        take(desk, replace(first, revision=number, care_units=[theirs, {"unit": "NOBODY", "on_scene_at": NOON}]))

    held.refresh_from_db()
    flag = Flag.objects.get(call=call, code="time_conflict")
    assert held.on_scene_at == NOON
    assert flag.facts["time"] == "on_scene_at"
    assert (flag.facts["ours"], flag.facts["cad"]) == (NOON.isoformat(), later(9).isoformat())


# --- what a held call hears -------------------------------------------------------------------------------------------------


def test_a_held_call_that_becomes_riskier_stops_its_crew() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    dispatch.assignment(desk, to=call, status=AssignmentStatus.EN_ROUTE)

    take(desk, replace(first, revision=2, answers={"WEAPON": "YES"}), at=later(1))

    call.refresh_from_db()
    stop = Stop.objects.get(call=call)
    assert stop.reasons == ["WEAPON_YES"]
    assert call.response == "POLICE"
    # It returns to where it came from.
    assert call.queue == "CARE"
    due = Alarm.objects.get(call=call, kind=AlarmKind.STOP_NOT_ACKNOWLEDGED).due_at
    assert due == later(1) + timedelta(seconds=desk.agency.stop_s)
    assert bodies(f"unit.{desk.unit.pk}", "call")[str(call.pk)]["stops"][0]["reasons"] == ["WEAPON_YES"]


def test_a_held_call_that_becomes_calmer_stops_nobody() -> None:
    desk = factory.desk()
    first = factory.revision(place_kind="UNKNOWN")
    call = take(desk, first).call
    dispatch.assignment(desk, to=call, status=AssignmentStatus.EN_ROUTE)

    take(desk, replace(first, revision=2, place_kind="PUBLIC"))

    assert not Stop.objects.exists()
    call.refresh_from_db()
    assert call.response == "CARE"


# --- at the desk ------------------------------------------------------------------------------------------------------------


def test_the_desk_makes_a_call_with_a_number_of_its_own() -> None:
    desk = factory.desk(has_cad=False)

    call = create(desk, caller_phone="+1 (206) 555-0100", markers=["DRUG_USE"])

    assert call.number == f"D{call.pk:06d}"
    assert (call.response, call.markers, call.caller_phone) == ("CARE+POLICE", ["DRUG_USE"], "2065550100")
    assert call.address_key == "5 AV & PIKE ST"
    assert Entry.objects.filter(kind="call.create", about=f"call.{call.pk}").count() == 1
    told = Entry.objects.get(kind="call.create", about=f"call.{call.pk}").data
    assert "2065550100" not in str(told)


def test_the_desk_cannot_make_a_type_or_a_wish_that_was_not_asked_twice() -> None:
    desk = factory.desk()

    with pytest.raises(intake_refusals.UnknownCallType):
        create(desk, type="NO SUCH TYPE")
    with pytest.raises(intake_refusals.WishNotAskedTwice):
        create(desk, caller_wish="NO_POLICE_CONFIRMED")


def test_a_caller_who_wants_no_police_is_asked_twice_and_it_is_kept() -> None:
    desk = factory.desk()
    call = create(desk)

    def wish(value: str) -> Call:
        with open_door(by=desk.dispatcher, at=NOON):
            return intake.update(call_id=call.pk, caller_wish=value, by=desk.dispatcher, at=NOON)

    with pytest.raises(intake_refusals.WishNotAskedTwice):
        wish("NO_POLICE_CONFIRMED")
    assert "CALLER_WISH_ASK_AGAIN" in wish("NO_POLICE").reasons
    assert "CALLER_WANTS_NO_POLICE" in wish("NO_POLICE_CONFIRMED").reasons


@pytest.mark.parametrize("field", ["type", "priority", "address", "point", "narrative"])
def test_the_desk_does_not_change_what_cad_owns(field: str) -> None:
    desk = factory.desk()
    call = take(desk, factory.revision()).call

    with pytest.raises(intake_refusals.CadOwnsField), open_door(by=desk.dispatcher, at=NOON):
        intake.update(call_id=call.pk, **{field: None}, by=desk.dispatcher, at=NOON)


def test_the_desk_changes_everything_of_its_own_calls() -> None:
    desk = factory.desk(has_cad=False)
    call = create(desk)

    with open_door(by=desk.dispatcher, at=NOON):
        intake.update(
            call_id=call.pk,
            type="TRESPASS",
            priority=5,
            address="3 AV / PINE ST",
            point=None,
            caller_phone="206 555 0101",
            by=desk.dispatcher,
            at=NOON,
        )

    call.refresh_from_db()
    assert (call.type.code, call.priority, call.address_key, call.area_id) == ("TRESPASS", 5, "3 AV & PINE ST", None)
    assert (call.queue, call.caller_phone) == ("POLICE", "2065550101")
    assert Entry.objects.get(kind="call.update").data["fields"] == [
        "address",
        "caller_phone",
        "point",
        "priority",
        "type",
    ]
    with pytest.raises(intake_refusals.UnknownCallType), open_door(by=desk.dispatcher, at=NOON):
        intake.update(call_id=call.pk, type="NO SUCH TYPE", by=desk.dispatcher, at=NOON)


def test_another_agencys_call_does_not_exist() -> None:
    desk, other = factory.desk(), factory.desk()
    call = take(desk, factory.revision()).call

    for act in (
        lambda: intake.update(call_id=call.pk, interpreter=True, by=other.dispatcher, at=NOON),
        lambda: intake.note(call_id=call.pk, text="Hello", by=other.dispatcher, at=NOON),
        lambda: intake.note(call_id=call.pk, text="Hello", by=other.tablet, at=NOON),
        lambda: intake.answer(call_id=call.pk, disqualifier="WEAPON", value="NO", by=other.tablet, at=NOON),
        lambda: intake.cancel(call_id=call.pk, reason="DUPLICATE", by=other.dispatcher, at=NOON),
        lambda: intake.note(
            call_id=call.pk, text="x", unit_id=other.unit.pk, asked_by="CARE", by=desk.dispatcher, at=NOON
        ),
    ):
        with pytest.raises(CallNotFound), open_door(by=other.dispatcher, at=NOON):
            act()


def test_a_crew_settles_an_unknown_by_calling_back_under_its_name() -> None:
    desk = factory.desk()
    call = take(desk, factory.revision(answers={**factory.ALL_NO, "WEAPON": "UNKNOWN"})).call
    assert call.response == "CARE+POLICE"

    with open_door(by=desk.tablet, at=later(2)):
        intake.answer(
            call_id=call.pk,
            disqualifier="WEAPON",
            value="NO",
            called_back=True,
            by=desk.tablet,
            at=later(2),
            happened_at=later(1),
        )

    call.refresh_from_db()
    given = Answer.objects.filter(call=call).latest("pk")
    assert (given.by, given.at, given.called_back) == (str(desk.tablet), later(1), True)
    assert (call.response, call.queue) == ("CARE", "CARE")


def test_a_fact_about_a_call_that_has_ended_is_kept_and_flagged() -> None:
    desk = factory.desk()
    first = factory.revision()
    call = take(desk, first).call
    take(desk, replace(first, revision=2, status="CLOSED"))

    with open_door(by=desk.tablet, at=NOON):
        intake.answer(call_id=call.pk, disqualifier="WEAPON", value="YES", by=desk.tablet, at=NOON)
        intake.note(call_id=call.pk, text="Left a card.", by=desk.tablet, at=NOON)

    assert [flag.code for flag in Flag.objects.filter(call=call).order_by("pk")] == [
        "answer_after_close",
        "note_after_close",
    ]
    call.refresh_from_db()
    assert call.response == "CARE"


def test_a_note_by_radio_says_who_asked() -> None:
    desk = factory.desk()
    call = take(desk, factory.revision()).call

    with open_door(by=desk.dispatcher, at=NOON):
        by_radio = intake.note(
            call_id=call.pk,
            text="Two people here.",
            unit_id=desk.unit.pk,
            asked_by="Responder One",
            by=desk.dispatcher,
            at=NOON,
        )
        own = intake.note(call_id=call.pk, text="Caller rang again.", by=desk.dispatcher, at=later(1))

    assert (by_radio.note.origin, own.note.origin) == ("UNIT", "DESK")
    assert "by radio: Responder One" in by_radio.note.by
    assert Entry.objects.get(kind="call.note", data__has_key="by_radio").data["by_radio"] == "Responder One"
    assert bodies(f"desk.{desk.agency.pk}", "note")[str(own.note.pk)]["text"] == "Caller rang again."


def test_the_desk_cancels_its_own_call_but_not_cads() -> None:
    desk = factory.desk()
    own, cads = create(desk), take(desk, factory.revision()).call

    with open_door(by=desk.dispatcher, at=NOON):
        intake.cancel(call_id=own.pk, reason="DUPLICATE", by=desk.dispatcher, at=NOON)
    own.refresh_from_db()
    assert (own.status, own.disposition) == ("CANCELLED", "CANCELLED")
    with pytest.raises(intake_refusals.CallClosed), open_door(by=desk.dispatcher, at=NOON):
        intake.cancel(call_id=own.pk, reason="DUPLICATE", by=desk.dispatcher, at=NOON)
    with pytest.raises(intake_refusals.CadOwnsCall), open_door(by=desk.dispatcher, at=NOON):
        intake.cancel(call_id=cads.pk, reason="DUPLICATE", by=desk.dispatcher, at=NOON)


def test_the_desk_does_not_cancel_a_call_under_a_crew_on_scene() -> None:
    desk = factory.desk(has_cad=False)
    call = create(desk)
    held = dispatch.assignment(desk, to=call, status=AssignmentStatus.ON_SCENE)

    with open_door(by=desk.dispatcher, at=later(1)):
        intake.cancel(call_id=call.pk, reason="DUPLICATE", by=desk.dispatcher, at=later(1))

    call.refresh_from_db()
    held.refresh_from_db()
    assert (call.status, held.status, held.cancel_told_at) == ("ASSIGNED", "ON_SCENE", later(1))


def test_one_intake_is_few_statements() -> None:
    desk = factory.desk()
    take(desk, factory.revision())

    with CaptureQueriesContext(connection) as queries:
        take(desk, factory.revision())

    # Six of intake itself: the number's lock, the call, the situation, the revision, the call's row, answers, decision.
    own = [query["sql"] for query in queries if "journal_" not in query["sql"]]
    assert len(queries) <= 24, "\n".join(query["sql"][:120] for query in queries)
    assert sum("INSERT" in sql for sql in own) <= 4


def test_a_caution_meets_a_new_call_at_its_address() -> None:
    desk = factory.desk()
    dispatch.caution(desk.agency, address_key="5 AV & PIKE ST")
    dispatch.caution(desk.agency, address_key="5 AV & PIKE ST", expires_at=NOON - timedelta(seconds=1))
    dispatch.caution(responders.agency(), address_key="5 AV & PIKE ST")

    call = take(desk, factory.revision()).call

    assert call.response == "CARE+POLICE"
    assert "CAUTION_ADDRESS" in call.reasons
    assert [row["expires_at"] for row in call.cautions] == ["2026-06-04T19:00:00Z"]
    assert bodies(f"area.{desk.area.pk}", "call")[str(call.pk)]["caution"] is True
