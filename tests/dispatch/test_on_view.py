"""
What crews come upon: a call at once, whatever was meanwhile; CAD's number later; the same as another call when somebody says so.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.gis.geos import Point
from django.db import connection

from dispatch import on_view_refusals, refusals
from dispatch.actions import assignments, cad_link, checks, desk, intake, on_view, scene, takes, tandems
from dispatch.models import (
    NOT_SAFE,
    Alarm,
    AlarmKind,
    Answer,
    Assignment,
    AssignmentStatus,
    BackupPress,
    CadMessage,
    Call,
    CallStatus,
    Flag,
    Origin,
    Source,
    Stop,
    Tandem,
)
from dispatch.serializers import ClearArgs
from journal.door import open_door
from journal.rebuild import differences
from journal.refusals import Refusal
from responders.actors import Actor
from responders.models import Shift
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import intake as cad
from tests.replica import bodies

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=20)


def meet(by: Actor, *, at: datetime = NOON, what: str = "WELFARE", **given: Any) -> on_view.Met:
    with open_door(by=by, at=at):
        return on_view.on_view(what=what, by=by, at=at, **{"point": factory.POINT, **given})


def join(met: Call, into: Call, by: Actor, *, at: datetime = NOON, **given: Any) -> on_view.Joined:
    with open_door(by=by, at=at):
        return on_view.join(call_id=met.pk, into_id=into.pk, by=by, at=at, **given)


def clear(assignment: Assignment, by: Actor, *, at: datetime = LATER, **given: Any) -> assignments.Told:
    with open_door(by=by, at=at):
        return assignments.clear(assignment_id=assignment.pk, disposition="HANDLED", by=by, at=at, **given)


def open_alarms(call: Call) -> list[str]:
    return sorted(Alarm.objects.filter(call=call, ended_at=None).values_list("kind", flat=True))


def flags_of(call: Call) -> list[str]:
    return list(Flag.objects.filter(call=call).order_by("pk").values_list("code", flat=True))


def test_a_crew_that_comes_upon_somebody_has_a_call_and_is_busy_at_once() -> None:
    here = factory.scene()
    met_at = NOON - timedelta(minutes=1)

    met = meet(here.tablet, happened_at=met_at, accuracy_m=12.0, place_kind="PUBLIC", note="Asleep in a doorway")

    call, assignment = Call.objects.get(pk=met.call.pk), met.assignment
    assert (call.source, call.status, call.number, call.own_number) == (
        Source.ON_VIEW, CallStatus.ASSIGNED, f"OV{call.pk:06d}", f"OV{call.pk:06d}",
    )  # fmt: skip
    assert (call.area, call.received_at, call.type.label) == (here.area, met_at, "Check on a person")
    assert call.decisions.count() == 1
    assert (assignment.origin, assignment.status, assignment.primary) == (
        Origin.ON_VIEW,
        AssignmentStatus.ON_SCENE,
        True,
    )
    assert (assignment.on_scene_at, assignment.welfare_due_at) == (met_at, met_at + timedelta(seconds=600))
    assert (met.flags, open_alarms(call)) == ([], ["WELFARE_MISSED"])
    (own,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert (own["assignment"]["origin"], own["own_number"]) == ("ON_VIEW", call.own_number)
    (unit,) = bodies(f"unit.{here.unit.pk}", "unit").values()
    assert (unit["status"], unit["call"]) == ("ON_SCENE", call.pk)
    (seen,) = bodies(f"desk.{here.agency.pk}", "call").values()
    assert seen["assignments"][0]["origin"] == "ON_VIEW"
    assert [note["text"] for note in bodies(f"unit.{here.unit.pk}", "note").values()] == ["Asleep in a doorway"]
    assert list(differences()) == []


def test_meanwhile_nobody_else_can_send_it() -> None:
    here = factory.scene()
    waits = factory.care_call(here)
    meet(here.tablet)

    with pytest.raises(refusals.UnitBusy), open_door(by=here.dispatcher, at=NOON):
        desk.dispatch(call_id=waits.pk, unit_id=here.unit.pk, by=here.dispatcher, at=NOON)


def test_it_ends_like_any_call() -> None:
    here = factory.scene()
    met = meet(here.tablet)

    told = clear(met.assignment, here.tablet)

    call = Call.objects.get(pk=met.call.pk)
    assert (told.flags, call.status, call.disposition) == ([], CallStatus.CLOSED, "HANDLED")


def test_one_choice_is_enough_and_without_a_position_the_desk_still_has_it() -> None:
    here = factory.scene()

    met = meet(here.tablet, point=None)

    assert (met.call.address, met.call.area_id) == ("", None)
    assert len(bodies(f"desk.{here.agency.pk}", "call")) == 1


def test_a_type_of_the_agency_may_be_named_and_one_nobody_knows_is_kept_and_flagged() -> None:
    here = factory.scene()
    known = factory.call_type(here.agency)
    _, rival = factory.rival(here.agency, here.area)

    assert meet(here.tablet, what=known.code).call.type_id == known.pk
    met = meet(rival, what="SOMETHING NEW")

    assert (met.call.type.label, met.flags) == ("Something else", ["unknown_type"])


def test_by_radio_the_desk_says_it_for_the_crew() -> None:
    here = factory.scene()

    met = meet(here.dispatcher, unit_id=here.unit.pk, asked_by="CARE 1")

    assert (met.assignment.unit, met.assignment.radio_asked_by) == (here.unit, "CARE 1")


def test_the_same_key_is_the_same_encounter() -> None:
    here, key = factory.scene(), uuid4()

    first, again = meet(here.tablet, key=key), meet(here.tablet, key=key, at=LATER)

    assert (again.call, again.assignment, Call.objects.count()) == (first.call, first.assignment, 1)


def test_a_key_that_is_another_crews_names_theirs_and_loses_nothing() -> None:
    here, elsewhere, key = factory.scene(), factory.scene(), uuid4()
    _, beside = factory.rival(here.agency, here.area)
    first = meet(here.tablet, key=key)

    others = [meet(by, key=key) for by in (beside, elsewhere.tablet)]

    assert [met.call.on_view_key for met in others] == [None, None]
    assert (Call.objects.count(), meet(here.tablet, key=key).call) == (3, first.call)


def test_a_tablet_ends_it_by_its_own_key_before_it_has_heard_of_our_ids() -> None:
    here, key = factory.scene(), uuid4()
    met = meet(here.tablet, key=key)

    args = ClearArgs(data={"on_view": str(key), "disposition": "HANDLED"})
    assert args.is_valid(), args.errors
    assert args.validated_data["assignment_id"] == met.assignment.pk

    for wrong in ({"on_view": str(uuid4())}, {}, {"on_view": str(key), "assignment": met.assignment.pk}):
        assert not ClearArgs(data={**wrong, "disposition": "HANDLED"}).is_valid()


@pytest.mark.parametrize("why", ["UNIT_BUSY", "UNIT_MOVED_ON", "CREW_GONE"])
def test_told_late_by_a_crew_that_cannot_be_there_it_is_kept_and_the_desk_decides(why: str) -> None:
    here = factory.scene()
    if why != "CREW_GONE":
        held = factory.assignment(here, at=NOON + timedelta(minutes=5))
        if why == "UNIT_MOVED_ON":
            factory.advance(held, to=AssignmentStatus.CLEARED, by=here.dispatcher, at=NOON + timedelta(minutes=9))
    else:
        with open_door(by="system:test", at=NOON):
            Shift.objects.filter(unit=here.unit).update(ended_at=NOON + timedelta(minutes=9), end_reason="CLEARED")

    met = meet(here.tablet, at=LATER, happened_at=NOON)

    call = Call.objects.get(pk=met.call.pk)
    assert (call.status, met.flags, open_alarms(call)) == (
        CallStatus.PENDING, [on_view.GONE], ["UNASSIGNED_ON_SCENE"],
    )  # fmt: skip
    assert (met.assignment.status, met.assignment.end_reason) == (AssignmentStatus.HANDED_BACK, why)
    assert Flag.objects.get(call=call).facts["only_told"] == why
    assert list(differences()) == []

    # How it ended comes behind it, and nobody needs to go there any more.
    told = clear(met.assignment, here.tablet, happened_at=NOON + timedelta(minutes=4))

    call.refresh_from_db()
    assert (told.flags, call.status, call.disposition) == (["late_scope"], CallStatus.CLOSED, "HANDLED")
    assert (call.closed_at, open_alarms(call)) == (NOON + timedelta(minutes=4), [])
    assert list(differences()) == []


def test_a_crew_that_has_another_unit_at_its_encounter_meanwhile_does_not_end_it() -> None:
    here = factory.scene()
    factory.assignment(here, at=NOON + timedelta(minutes=5))
    met = meet(here.tablet, at=LATER, happened_at=NOON)
    _, rival = factory.rival(here.agency, here.area)
    with open_door(by=here.tablet, at=LATER):
        scene.at_scene(call_id=met.call.pk, by=rival, at=LATER)

    clear(met.assignment, here.tablet, happened_at=NOON + timedelta(minutes=4))

    assert Call.objects.get(pk=met.call.pk).status == CallStatus.PENDING


def test_two_units_replay_what_they_came_upon_and_both_have_it() -> None:
    here = factory.scene()
    _, rival = factory.rival(here.agency, here.area)

    first = meet(here.tablet, at=LATER, happened_at=NOON)
    second = meet(rival, at=LATER, happened_at=NOON)

    assert (first.flags, second.flags, first.call == second.call) == ([], [], False)
    joined = join(second.call, first.call, here.dispatcher, at=LATER)
    assert joined.assignment is not None
    assert (joined.assignment.primary, Assignment.objects.open().filter(call=first.call).count()) == (False, 2)


@pytest.mark.parametrize(("what", "label"), [("PRESENCE", "Presence check"), ("PREMISE", "Premise check")])
def test_a_check_is_a_call_that_was_handled_in_one_tap(what: str, label: str) -> None:
    here = factory.scene()
    held = factory.assignment(here, status=AssignmentStatus.EN_ROUTE)

    with open_door(by=here.tablet, at=NOON):
        met = checks.check(what=what, by=here.tablet, at=NOON, point=factory.POINT)

    call = Call.objects.get(pk=met.call.pk)
    assert (call.status, call.disposition, call.type.label) == (CallStatus.CLOSED, "HANDLED", label)
    assert (met.assignment.status, met.assignment.origin, met.flags) == (AssignmentStatus.CLEARED, Origin.ON_VIEW, [])
    assert list(Assignment.objects.open().filter(unit=here.unit)) == [held]
    assert open_alarms(call) == []


def test_a_check_that_was_told_first_does_not_send_a_crew_away_from_what_it_met_before() -> None:
    here = factory.scene()
    with open_door(by=here.tablet, at=NOON + timedelta(minutes=5)):
        checks.check(what="PRESENCE", by=here.tablet, at=NOON + timedelta(minutes=5))

    assert meet(here.tablet, at=LATER, happened_at=NOON).flags == []


def test_a_check_after_the_shift_is_kept_and_flagged() -> None:
    here = factory.scene()
    with open_door(by="system:test", at=NOON):
        Shift.objects.filter(unit=here.unit).update(ended_at=NOON + timedelta(minutes=1), end_reason="CLEARED")

    with open_door(by=here.tablet, at=LATER):
        met = checks.check(what="PREMISE", by=here.tablet, at=LATER, happened_at=NOON + timedelta(minutes=5))

    assert (met.flags, met.call.status) == (["late_scope"], CallStatus.CLOSED)


# --- CAD's number ----------------------------------------------------------------------------------------------------------


def answer(message: CadMessage, *, number: str, at: datetime = NOON) -> None:
    with open_door(by="cad:1", at=at):
        cad_link.settle(
            message_id=message.pk,
            agency_id=message.agency_id,
            confirmed=True,
            reason="",
            number=number,
            by="cad:1",
            at=at,
        )


def revise(here: factory.Scene, number: str, revision: int = 1, **given: Any) -> intake.Taken:
    with open_door(by="cad:1", at=NOON):
        return intake.take_revision(
            agency_id=here.agency.pk,
            revision=cad.revision(**{"number": number, "revision": revision, **given}),
            by="cad:1",
            at=NOON,
        )


def test_cad_is_told_and_its_confirmation_gives_its_number() -> None:
    here = factory.scene()
    met = meet(here.tablet)
    message = CadMessage.objects.get()
    assert (message.kind, message.body["number"], message.body["unit"]) == (
        "on_view", met.call.own_number, here.unit.call_sign,
    )  # fmt: skip

    answer(message, number="26-777001")

    call = Call.objects.get(pk=met.call.pk)
    assert (call.number, call.own_number) == ("26-777001", met.call.own_number)
    (own,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert own["number"] == "26-777001"
    # What CAD sends under its number from now on is this call.
    assert revise(here, "26-777001").call == call
    call.refresh_from_db()
    assert (call.source, call.status, call.cad_revision) == (Source.ON_VIEW, CallStatus.ASSIGNED, 1)
    assert list(differences()) == []


def test_an_agency_without_cad_asks_nobody() -> None:
    meet(factory.scene(has_cad=False).tablet)

    assert not CadMessage.objects.exists()


def test_an_incident_that_names_our_number_is_linked_by_that() -> None:
    here = factory.scene()
    met = meet(here.tablet)

    taken = revise(here, "26-777002", own_number=met.call.own_number)

    call = Call.objects.get(pk=met.call.pk)
    assert (taken.call, taken.created, taken.applied) == (call, False, True)
    assert (call.number, call.own_number, call.source) == ("26-777002", met.call.own_number, Source.ON_VIEW)
    assert (call.point, call.status) == (Point(-122.3370, 47.6110, srid=4326), CallStatus.ASSIGNED)
    # The same again, and a second incident that claims the same encounter.
    assert revise(here, "26-777002", own_number=met.call.own_number).created is False
    assert revise(here, "26-777003", own_number=met.call.own_number).created is True
    assert list(differences()) == []


def test_where_cads_own_call_came_first_its_confirmation_joins_the_two() -> None:
    here = factory.scene()
    met = meet(here.tablet)
    theirs = factory.care_call(here)

    answer(CadMessage.objects.get(), number=theirs.number)

    ours, theirs = Call.objects.get(pk=met.call.pk), Call.objects.get(pk=theirs.pk)
    assert (ours.status, ours.joined_to, ours.disposition) == (CallStatus.CLOSED, theirs, "DUPLICATE")
    assert Assignment.objects.open().get(unit=here.unit).call == theirs


def test_a_confirmation_that_does_not_fit_is_flagged_not_refused() -> None:
    here = factory.scene()
    met = meet(here.tablet)
    theirs = factory.care_call(here)
    factory.advance(
        factory.assignment(factory_scene_of(here), to=theirs), to=AssignmentStatus.CLEARED, by=here.dispatcher
    )

    answer(CadMessage.objects.get(), number=theirs.number)

    assert flags_of(met.call) == ["on_view_number_conflict"]
    assert Call.objects.get(pk=met.call.pk).status == CallStatus.ASSIGNED


def factory_scene_of(here: factory.Scene) -> factory.Scene:
    unit, tablet = factory.rival(here.agency, here.area)
    return factory.Scene(here.agency, here.area, unit, tablet, here.dispatcher)


def test_the_desk_gives_it_cads_number() -> None:
    here = factory.scene()
    met, other = meet(here.tablet), factory.care_call(here)

    def link(number: str, call: Call = met.call) -> Call:
        with open_door(by=here.dispatcher, at=NOON):
            return on_view.link(call_id=call.pk, number=number, by=here.dispatcher, at=NOON)

    with pytest.raises(on_view_refusals.NumberTaken):
        link(other.number)
    with pytest.raises(on_view_refusals.NotOnView):
        link("26-777004", other)
    assert link("26-777004").number == "26-777004"
    assert link("26-777004").own_number == met.call.own_number
    with pytest.raises(on_view_refusals.LinkedOtherwise):
        link("26-777005")


# --- the same as another call ----------------------------------------------------------------------------------------------


def test_joined_with_a_call_that_waits_it_goes_on_there_under_the_911_number() -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)

    joined = join(met.call, waits, here.tablet, at=LATER)

    ours, waits = Call.objects.get(pk=met.call.pk), Call.objects.get(pk=waits.pk)
    assert (ours.status, ours.disposition, ours.joined_to) == (CallStatus.CLOSED, "DUPLICATE", waits)
    assert joined.assignment is not None
    held = Assignment.objects.get(pk=joined.assignment.pk)
    assert (held.call, held.unit, held.primary, held.status) == (waits, here.unit, True, AssignmentStatus.ON_SCENE)
    assert (held.origin, held.on_scene_at, held.welfare_due_at) == (
        Origin.ON_VIEW, NOON, met.assignment.welfare_due_at,
    )  # fmt: skip
    assert (waits.status, open_alarms(ours), open_alarms(waits)) == (CallStatus.ASSIGNED, [], ["WELFARE_MISSED"])
    (own,) = bodies(f"unit.{here.unit.pk}", "call").values()
    assert own["number"] == waits.number
    assert list(differences()) == []


def test_a_call_that_waits_for_police_waits_on_with_the_crew_beside_it() -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.police_call(here)

    joined = join(met.call, waits, here.tablet)

    waits.refresh_from_db()
    assert joined.assignment is not None
    assert (waits.status, joined.assignment.primary) == (CallStatus.PENDING, False)
    assert "UNASSIGNED_ON_SCENE" in open_alarms(waits)
    assert list(differences()) == []


def test_what_the_crew_told_of_its_encounter_meanwhile_is_meant_for_the_other_call() -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)
    join(met.call, waits, here.dispatcher)

    told = clear(met.assignment, here.tablet)

    waits.refresh_from_db()
    assert (told.flags, told.assignment.call, waits.status, waits.disposition) == (
        [],
        waits,
        CallStatus.CLOSED,
        "HANDLED",
    )


def do(act: Any, *, by: Actor, at: datetime = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def test_whom_the_crew_asked_for_is_asked_for_on_the_other_call_with_the_time_that_it_waited() -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)
    asked = do(tandems.ask, call_id=met.call.pk, partner="POLICE", by=here.tablet)

    join(met.call, waits, here.dispatcher, at=LATER)

    again = Tandem.objects.get(call=waits)
    assert (again.state, again.asked_as, again.asked_at, again.due_at) == ("ASKED", "CREW", NOON, asked.due_at)
    assert (Tandem.objects.get(pk=asked.pk).state, open_alarms(waits)) == (
        "OVER",
        ["TANDEM_NO_PARTNER", "WELFARE_MISSED"],
    )
    # What the crew was told of the one counts for the other.
    said = do(tandems.safe, tandem_id=asked.pk, said_by="Officer Lane 4", by=here.tablet, at=LATER)
    assert (said.tandem.pk, said.tandem.state, said.flags) == (again.pk, "SAFE", [])
    assert list(differences()) == []


@pytest.mark.parametrize("withdraws_first", [True, False])
def test_a_crew_that_withdrew_is_no_safer_on_the_other_call(withdraws_first: bool) -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)
    other, tablet = factory.rival(here.agency, here.area)
    factory.assignment(here, unit=other, to=waits)
    theirs = do(tandems.ask, call_id=waits.pk, partner="POLICE", by=tablet)
    do(tandems.safe, tandem_id=theirs.pk, said_by="Officer Lane 4", by=tablet)

    def withdraw() -> None:
        do(tandems.withdraw, call_id=met.call.pk, by=here.tablet, happened_at=NOON + timedelta(minutes=5), at=LATER)

    if withdraws_first:
        withdraw()
        join(met.call, waits, here.tablet, at=LATER)
    else:
        # Without signal: it hears of neither before the other.
        join(met.call, waits, here.dispatcher, at=LATER)
        withdraw()

    held = Assignment.objects.open().get(unit=here.unit)
    assert (held.call, held.status, held.welfare_due_at) == (waits, AssignmentStatus.STAGED, None)
    now = Tandem.objects.get(call=waits, ended_at=None)
    assert (now.state in NOT_SAFE, now.withdrawn_at) == (True, NOON + timedelta(minutes=5))
    assert AlarmKind.CREW_WITHDREW in open_alarms(waits)
    assert BackupPress.objects.count() == 1
    assert list(differences()) == []


def test_what_speaks_for_caution_goes_on_and_stops_the_other_unit() -> None:
    here = cad.desk()
    other, tablet = factory.rival(here.agency, here.area)
    met, waits = meet(here.tablet), revise(here, "26-777009", type=cad.WELFARE, answers=cad.ALL_NO).call
    do(takes.self_dispatch, call_id=waits.pk, by=tablet)
    do(intake.answer, call_id=met.call.pk, disqualifier="WEAPON", value="YES", by=here.tablet)

    join(met.call, waits, here.dispatcher)

    assert Answer.objects.filter(call=waits, disqualifier="WEAPON").latest("pk").value == "YES"
    assert "WEAPON_YES" in Stop.objects.get(assignment__unit=other).reasons
    # What the crew says after that, of a call that it has no more, is said of the one that it has.
    told = do(intake.answer, call_id=met.call.pk, disqualifier="VIOLENCE", value="YES", by=here.tablet, at=LATER)
    assert (told.call, told.flags) == (waits, [])
    assert list(differences()) == []


def test_the_other_tablet_says_it_too() -> None:
    here = factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)

    first, again = join(met.call, waits, here.tablet), join(met.call, waits, here.tablet, at=LATER)

    assert first == again


def test_who_may_not_join() -> None:
    here, there = factory.scene(), factory.scene()
    met, waits = meet(here.tablet), factory.care_call(here)
    _, rival = factory.rival(here.agency, here.area)

    with pytest.raises(refusals.CallNotFound):
        join(met.call, waits, rival)
    with pytest.raises(refusals.CallNotFound):
        join(met.call, waits, there.dispatcher)
    with pytest.raises(refusals.CallNotFound):
        join(met.call, factory.care_call(there), here.tablet)
    with pytest.raises(on_view_refusals.NotOnView):
        join(waits, met.call, here.dispatcher)
    clear(met.assignment, here.tablet)
    with pytest.raises(refusals.CallNotPending):
        join(met.call, waits, here.dispatcher)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(6))
def test_joins_takes_and_revisions_race_without_a_circle(attempt: int) -> None:
    here = factory.scene()
    waits = factory.care_call(here)
    met = meet(here.tablet)
    _, rival = factory.rival(here.agency, here.area)
    start = Barrier(5)

    def run(act: Callable[[], object]) -> str:
        start.wait()
        try:
            act()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return ""

    def take() -> None:
        with open_door(by=rival, at=NOON):
            takes.self_dispatch(call_id=waits.pk, by=rival, at=NOON)

    acts: list[Callable[[], object]] = [
        lambda: join(met.call, waits, here.tablet),
        lambda: join(met.call, waits, here.dispatcher),
        take,
        lambda: answer(CadMessage.objects.get(), number=waits.number),
        lambda: clear(met.assignment, here.tablet, at=NOON),
    ]
    with ThreadPoolExecutor(5) as pool:
        codes = list(pool.map(run, acts))

    assert set(codes) <= {"", "call_not_pending", "call_already_taken"}
    assert Assignment.objects.open().filter(call=waits, primary=True).count() <= 1
    assert Assignment.objects.open().filter(unit=here.unit).count() <= 1
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(4))
def test_an_encounter_and_a_dispatch_race_and_the_unit_has_one_call(attempt: int) -> None:
    here = factory.scene()
    waits = factory.care_call(here)
    start = Barrier(2)

    def run(act: Callable[[], object]) -> str:
        start.wait()
        try:
            act()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return ""

    def send() -> None:
        with open_door(by=here.dispatcher, at=NOON):
            desk.dispatch(call_id=waits.pk, unit_id=here.unit.pk, by=here.dispatcher, at=NOON)

    with ThreadPoolExecutor(2) as pool:
        met, sent = pool.map(run, [lambda: meet(here.tablet), send])

    assert met == ""
    held = Assignment.objects.open().get(unit=here.unit)
    assert (sent == "unit_busy") == (held.origin == Origin.ON_VIEW)
    if sent == "":
        assert Alarm.objects.filter(kind=AlarmKind.UNASSIGNED_ON_SCENE, ended_at=None).count() == 1
    assert list(differences()) == []
