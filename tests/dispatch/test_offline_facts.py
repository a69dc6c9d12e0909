"""
Facts that come late: every kind of fact, in every state of calls, assignments and shifts, is applied and never refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.actions import desk, hand_backs, intake, shifts, stops
from dispatch.models import (
    Answer,
    Assignment,
    AssignmentStatus,
    Call,
    CallStatus,
    Disposition,
    Flag,
    Message,
    Note,
    Stop,
    Tandem,
)
from dispatch.words import FLAGS
from journal.door import Answer as Receipt
from journal.door import open_door
from journal.kinds import Nature, kinds
from journal.models import Document, Entry
from journal.rebuild import differences
from responders.actions import shifts as shift_actions
from responders.actors import Actor
from responders.api import run_action
from responders.models import Duty, ServiceArea, Shift, Unit
from tablets.models import Tablet
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.factories import encounters as make_encounters
from tests.factories import follow_ups
from tests.factories import responders as make
from tests.factories import tablets as make_tablets

pytestmark = pytest.mark.django_db

HEARD = NOON + timedelta(hours=3)
PHOTO = "0" * 64


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def say(by: Actor, kind: str, *, when: datetime | None, at: datetime = HEARD, **args: Any) -> Receipt:
    """
    Send one action as a tablet's lane does: as who was signed on then, with when it happened.
    """
    return run_action(kinds()[kind], action_id=uuid4(), args=args, by=by, at=at, happened_at=when)


# --- every kind has its class ------------------------------------------------------------------------------------------

# By hand, so that a new kind is a decision: is it something that happened, or something that is asked for?
CLASSES = {
    Nature.FACT: {
        "assignment.acknowledge",
        "assignment.arrive",
        "assignment.at_destination",
        "assignment.clear",
        "assignment.deliver",
        "assignment.en_route",
        "assignment.stage",
        "assignment.transport",
        "call.answer",
        "call.at_scene",
        "call.attach",
        "call.check",
        "call.note",
        "call.on_view",
        "client.link",
        "encounter.addendum",
        "encounter.report_made",
        "encounter.save",
        "encounter.sign",
        "follow_up.attempt",
        "message.deliver",
        "message.read",
        "message.send",
        "referral.eta",
        "referral.handed_over",
        "shift.sign_off",
        "stop.acknowledge",
        "tablet.sign_off",
        "tandem.partner_only",
        "tandem.partner_there",
        "tandem.release",
        "tandem.safe",
        "tandem.withdraw",
        "unit.check_in",
        "unit.duty",
    },
    Nature.INTENT: {
        "assignment.hand_back",
        "assignment.hand_over",
        "call.join",
        "call.poach",
        "call.self_dispatch",
        "follow_up.go",
        "hand_over.accept",
        "hand_over.decline",
        "referral.make",
        "referral.withdraw",
        "tablet.sign_on",
        "tandem.ask",
        "tandem.care_alone",
    },
    Nature.ALARM: set[str](),
}


def test_every_kind_has_exactly_one_class() -> None:
    by_class = {nature: {kind.name for kind in kinds().values() if kind.nature is nature} for nature in Nature}

    assert {nature: by_class[nature] for nature in CLASSES} == CLASSES
    assert sum(len(names) for names in by_class.values()) == len(kinds())


def test_every_fact_is_told_in_these_tests() -> None:
    assert set(TELLINGS) == CLASSES[Nature.FACT]


def test_every_flag_has_its_words() -> None:
    import re
    from pathlib import Path

    from dispatch.actions import assignments

    folder = Path(assignments.__file__).parent
    source = "\n".join(path.read_text() for path in sorted(folder.glob("*.py")))
    raised = set(re.findall(r'code="([a-z_]+)"|closed="([a-z_]+)"|_flag\((?:call|row), "([a-z_]+)"', source))

    assert {code for groups in raised for code in groups if code} <= set(FLAGS)
    assert {"late_scope", "call_already_closed", "out_of_order", "contested", "unassigned_on_scene"} <= set(FLAGS)


# --- every fact in every state ------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """
    A crew with a call, as the tablet left it when it lost its signal, and what became of both since.
    """

    here: factory.Scene
    held: Assignment
    stop: Stop
    by: Actor

    @property
    def call(self) -> Call:
        return Call.objects.get(pk=self.held.call_id)


def stage(status: AssignmentStatus = AssignmentStatus.EN_ROUTE) -> Stage:
    here = factory.scene()
    # A tablet that exists: what it signs off is a row.
    tablet = make_tablets.paired(here.unit).tablet
    held = factory.assignment(here, status=status)
    with open_door(by=factory.SCENE, at=NOON):
        [stop] = stops.raise_stop(
            call=Call.objects.lock(held.call_id), reasons=["WEAPON_YES"], by=factory.SCENE, at=NOON
        ) or [Stop(call=held.call, assignment=held, reasons=["WEAPON_YES"], raised_at=NOON)]
        stop.save()
    return Stage(here, held, stop, replace(here.tablet, tablet_id=tablet.pk))


def _nothing(_: Stage) -> None:
    pass


def _reassigned(of: Stage) -> None:
    unit, _ = factory.rival(of.here.agency, of.here.area)
    with open_door(by=of.here.dispatcher, at=minutes(30)):
        desk.reassign(
            assignment_id=of.held.pk, unit_id=unit.pk, reason="No answer", by=of.here.dispatcher, at=minutes(30)
        )


def _handed_back(of: Stage) -> None:
    given = {"unit_id": of.here.unit.pk, "asked_by": "CARE"}
    with open_door(by=of.here.dispatcher, at=minutes(30)):
        hand_backs.hand_back(assignment_id=of.held.pk, reason="Van", by=of.here.dispatcher, at=minutes(30), **given)  # type: ignore[arg-type]
    if not Assignment.objects.get(pk=of.held.pk).ended_at:
        with open_door(by=of.here.dispatcher, at=minutes(30)):
            hand_backs.accept(assignment_id=of.held.pk, by=of.here.dispatcher, at=minutes(30))


def _cancelled(of: Stage) -> None:
    with open_door(by=of.here.dispatcher, at=minutes(30)):
        intake.cancel(call_id=of.held.call_id, reason="TEST", by=of.here.dispatcher, at=minutes(30))


def _cleared_by_radio(of: Stage) -> None:
    factory.advance(of.held, to=AssignmentStatus.CLEARED, by=of.here.dispatcher, at=minutes(30))


def _shift_over(of: Stage) -> None:
    with open_door(by=of.by, at=minutes(30)):
        shifts.sign_off(choice="LEAVE_WITH_DESK", by=of.by, at=minutes(30))


def _other_unit(of: Stage, area: ServiceArea | None = None) -> None:
    _shift_over(of)
    other = make.unit(of.here.agency, areas=[area or of.here.area])
    with open_door(by=factory.SCENE, at=minutes(40)):
        shift = shift_actions.start(
            person_id=of.by.person_id or 0, unit_id=other.pk, planned_end_at=minutes(400), by="test", at=minutes(40)
        )
    tablet: Tablet = make_tablets.paired(other).tablet
    of.by = replace(of.by, unit_id=other.pk, shift_id=shift.pk, tablet_id=tablet.pk)


def _area_taken_away(of: Stage) -> None:
    _reassigned(of)
    with open_door(by=factory.SCENE, at=minutes(31)):
        of.here.unit.areas.set([])


def _unit_retired(of: Stage) -> None:
    _handed_back(of)
    with open_door(by=factory.SCENE, at=minutes(31)):
        Unit.objects.filter(pk=of.here.unit.pk).update(retired_at=minutes(31))


def _another_call_since(of: Stage) -> None:
    _handed_back(of)
    factory.assignment(of.here, at=minutes(45))


SINCE: dict[str, Callable[[Stage], None]] = {
    "nothing": _nothing,
    "reassigned": _reassigned,
    "handed back": _handed_back,
    "cancelled": _cancelled,
    "cleared by radio": _cleared_by_radio,
    "shift over": _shift_over,
    "on another unit": _other_unit,
    "area taken away": _area_taken_away,
    "unit retired": _unit_retired,
    "another call since": _another_call_since,
}
OPEN = [
    AssignmentStatus.ASSIGNED,
    AssignmentStatus.ACKNOWLEDGED,
    AssignmentStatus.EN_ROUTE,
    AssignmentStatus.STAGED,
    AssignmentStatus.ON_SCENE,
    AssignmentStatus.TRANSPORTING,
    AssignmentStatus.AT_DESTINATION,
]


def _tandem(of: Stage) -> dict[str, Any]:
    with open_door(by=factory.SCENE, at=NOON):
        given = {"asked_as": "DESK", "asked_at": NOON, "asked_by": "Desk", "due_at": minutes(10)}
        tandem, _ = Tandem.objects.get_or_create(call_id=of.held.call_id, partner="POLICE", defaults=given)
    return {"tandem": tandem.pk}


def _message(of: Stage) -> dict[str, Any]:
    with open_door(by=factory.SCENE, at=NOON):
        message = Message.objects.create(
            call_id=of.held.call_id, unit=of.here.unit, origin="DESK", text="North door", by="Desk", at=NOON
        )
    return {"message": message.pk}


def _key(of: Stage) -> str:
    # One report for each stage: all examples of a property stand in one database.
    return f"{of.held.pk:08x}-5f0a-4c62-9d3f-0d8a4f0f9f11"


def _report(of: Stage, **more: Any) -> dict[str, Any]:
    return {"encounter": _key(of), "assignment": of.held.pk, "revision": 1, "body": {"nobody_found": True}, **more}


def _begun(of: Stage, **more: Any) -> dict[str, Any]:
    make_encounters.offered(of.here.agency)
    say(of.by, "encounter.save", when=minutes(49), **_report(of))
    return {"encounter": _key(of), **more}


def _tried(of: Stage) -> dict[str, Any]:
    row = follow_ups.shown_to(of.here.unit)
    return {"follow_up": row.pk, "how": "VISIT", "result": "NOT_FOUND"}


# What each kind of fact says here; whatever else its serializer knows is left out.
TELLINGS: dict[str, Callable[[Stage], dict[str, Any]]] = {
    **{
        f"assignment.{step}": lambda of: {"assignment": of.held.pk}
        for step in ("acknowledge", "arrive", "at_destination", "deliver", "en_route", "stage")
    },
    "assignment.transport": lambda of: {"assignment": of.held.pk, "destination": "Shelter", "persons": 1},
    "assignment.clear": lambda of: {
        "assignment": of.held.pk,
        "disposition": "REFERRED_TO_PARTNER",
        "note": "Went along.",
    },
    "call.answer": lambda of: {"call": of.held.call_id, "disqualifier": "WEAPON", "value": "YES"},
    "call.at_scene": lambda of: {"call": of.held.call_id},
    "call.attach": lambda of: {"call": of.held.call_id, "sha256": PHOTO, "purpose": "PHOTO"},
    "call.check": lambda of: {"what": "PRESENCE"},
    "call.note": lambda of: {"call": of.held.call_id, "text": "Nobody at the door."},
    "call.on_view": lambda of: {"what": "WELFARE"},
    "encounter.save": _report,
    "encounter.sign": _report,
    "encounter.addendum": lambda of: _begun(of, text="They called: all is well."),
    "encounter.report_made": lambda of: _begun(of, met=0, made_to="CHILD_PROTECTION", made_at=minutes(40).isoformat()),
    # Somebody whose second response the unit has, met at its call.
    "client.link": lambda of: {
        "client": follow_ups.shown_to(of.here.unit).client_id,
        "call": of.held.call_id,
    },
    "follow_up.attempt": _tried,
    "message.deliver": _message,
    "message.read": _message,
    "message.send": lambda of: {"call": of.held.call_id, "text": "We are delayed."},
    "referral.eta": lambda of: {"call": of.held.call_id, "minutes": 5},
    "referral.handed_over": lambda of: {"call": of.held.call_id},
    **{f"tandem.{said}": _tandem for said in ("partner_only", "partner_there", "release")},
    "tandem.safe": lambda of: {**_tandem(of), "said_by": "Officer Lane 4"},
    "tandem.withdraw": lambda of: {"call": of.held.call_id},
    "unit.check_in": lambda of: {},
    "shift.sign_off": lambda of: {"choice": "CLEAR", "disposition": "DECLINED", "assignment": of.held.pk},
    "stop.acknowledge": lambda of: {"stop": of.stop.pk},
    "tablet.sign_off": lambda of: {},
    "unit.duty": lambda of: {"duty": Duty.MEAL},
}


@pytest.mark.parametrize("since", list(SINCE))
@pytest.mark.parametrize("kind", list(TELLINGS))
def test_no_fact_is_refused_for_state(kind: str, since: str) -> None:
    of = stage()
    SINCE[since](of)
    before = Entry.objects.count()

    answer = say(of.by, kind, when=minutes(50), **TELLINGS[kind](of))

    assert answer.applied, answer.body
    # It is on the record, and each flag of the answer is one that a supervisor finds, or that is about no call.
    assert Entry.objects.count() > before
    kept = set(Flag.objects.values_list("code", flat=True))
    assert set(answer.body["flags"]) <= kept | {"late_scope", "out_of_order", "visit_alone"}
    assert list(differences()) == []


# What a supervisor must look at, for facts of minute 50 about a call that was lost at minute 30.
LOST = {
    "reassigned": "late_scope",
    "handed back": "late_scope",
    "cancelled": "call_already_closed",
    "cleared by radio": "call_already_closed",
}


@pytest.mark.parametrize("since", list(LOST))
@pytest.mark.parametrize(
    ("kind", "column"),
    [("assignment.arrive", "on_scene_at"), ("assignment.clear", ""), ("stop.acknowledge", ""), ("call.at_scene", "")],
)
def test_what_no_longer_fits_is_flagged_with_what_was_said(kind: str, column: str, since: str) -> None:
    of = stage()
    SINCE[since](of)

    answer = say(of.by, kind, when=minutes(50), **TELLINGS[kind](of))

    if kind == "call.at_scene" and LOST[since] == "late_scope":
        # The call is on the board still: being there beside its new holder, or alone, is a matter of its own.
        assert answer.body["flags"] in (["contested"], ["unassigned_on_scene"])
        return
    if since == "cleared by radio" and kind == "call.at_scene":
        # It had arrived by radio: nothing new.
        assert answer.body["flags"] == []
        return
    if since == "cleared by radio" and column:
        assert (answer.body["flags"], Flag.objects.count()) == ([], 0)
        return
    assert answer.body["flags"] == [LOST[since]]
    flag = Flag.objects.get()
    assert (flag.code, flag.unit, flag.call_id) == (LOST[since], of.here.unit, of.held.call_id)
    assert flag.facts["at"] == minutes(50).isoformat()
    assert (flag.at, flag.resolved_at) == (HEARD, None)
    if column:
        assert getattr(Assignment.objects.get(pk=of.held.pk), column) == minutes(50)


def test_what_happened_while_the_shift_lasted_fits_and_what_came_after_it_is_flagged() -> None:
    of = stage()
    partner = Shift.objects.filter(unit=of.here.unit, ended_at=None).exclude(pk=of.by.shift_id or 0).get()
    with open_door(by=of.by, at=minutes(30)):
        shift_actions.end(shift_id=of.by.shift_id or 0, reason="NOTHING_OPEN", by=of.by, at=minutes(30))
    assert partner.ended_at is None

    within = [
        say(of.by, kind, when=minutes(29), **TELLINGS[kind](of)).body["flags"]
        for kind in ("assignment.stage", "call.note", "call.answer", "unit.duty", "tablet.sign_off")
    ]
    after = [
        say(of.by, kind, when=minutes(31), **TELLINGS[kind](of)).body["flags"]
        for kind in ("assignment.arrive", "call.note", "call.answer", "call.attach", "unit.duty", "tablet.sign_off")
    ]

    assert within == [[], [], [], [], []]
    assert after == [["late_scope"]] * 4 + [["late_scope"], ["late_scope"]]
    # The unit is the partner's now: a meal that the one who left announces is not theirs.
    assert Unit.objects.get(pk=of.here.unit.pk).duty == Duty.MEAL
    assert Unit.objects.get(pk=of.here.unit.pk).duty_since == minutes(29)
    codes = [flag.facts["kind"] for flag in Flag.objects.order_by("pk")]
    assert codes == ["assignment.arrived", "call.note", "call.answer", "call.attach"]
    assert {flag.facts["shift_ended_at"] for flag in Flag.objects.all()} == {minutes(30).isoformat()}


# --- nothing that was told before is overwritten -------------------------------------------------------------------------


def test_two_dispositions_are_both_kept() -> None:
    of = stage(AssignmentStatus.ON_SCENE)
    _cleared_by_radio(of)

    answer = say(of.by, "assignment.clear", when=minutes(20), assignment=of.held.pk, disposition="POLICE_TOOK_OVER")

    assert answer.body["flags"] == ["call_already_closed"]
    assert (of.call.disposition, Assignment.objects.get(pk=of.held.pk).disposition) == ("HANDLED", "HANDLED")
    facts = Flag.objects.get(code="call_already_closed").facts
    assert (facts["kept"], facts["said"]) == ("HANDLED", "POLICE_TOOK_OVER")


@pytest.mark.parametrize(
    ("told", "later", "holds", "flagged"),
    [
        ("NO", "YES", "YES", True),
        ("UNKNOWN", "NO", "NO", True),
        ("NO", "UNKNOWN", "NO", False),
        ("NO", "NO", "NO", False),
        # What makes a call riskier is never lost to the order of arrival.
        ("YES", "NO", "YES", True),
    ],
)
def test_a_late_answer_does_not_take_the_place_of_a_later_word(
    told: str, later: str, holds: str, flagged: bool
) -> None:
    of = stage()
    say(
        of.here.dispatcher,
        "call.answer",
        when=None,
        at=minutes(40),
        call=of.call.pk,
        disqualifier="WEAPON",
        value=later,
    )

    answer = say(of.by, "call.answer", when=minutes(20), call=of.call.pk, disqualifier="WEAPON", value=told)

    assert answer.body["flags"] == (["out_of_order"] if flagged else [])
    newest = Answer.objects.filter(call=of.call, disqualifier="WEAPON").order_by("-pk").first()
    assert newest is not None
    assert newest.value == holds
    if flagged:
        facts = Flag.objects.get().facts
        assert (facts["value"], facts["kept"], facts["at"]) == (told, later, minutes(20).isoformat())


def test_a_duty_that_was_said_before_the_present_one_changes_nothing() -> None:
    of = stage()
    say(
        of.here.dispatcher,
        "unit.duty",
        when=None,
        at=minutes(40),
        duty="REPORT",
        unit=of.here.unit.pk,
        asked_by="CARE",
    )

    answer = say(of.by, "unit.duty", when=minutes(20), duty="MEAL")

    assert (answer.body["superseded"], answer.body["flags"]) == (True, ["out_of_order"])
    assert Unit.objects.get(pk=of.here.unit.pk).duty == Duty.REPORT


def test_the_first_time_of_a_step_stays() -> None:
    of = stage(AssignmentStatus.ON_SCENE)

    say(of.by, "assignment.arrive", when=minutes(50), assignment=of.held.pk)

    assert Assignment.objects.get(pk=of.held.pk).on_scene_at == NOON


# --- signing off, late ---------------------------------------------------------------------------------------------------


def alone(of: Stage) -> Stage:
    """
    Leave the crew's first responder alone on the unit.
    """
    with open_door(by=factory.SCENE, at=minutes(1)):
        for shift in Shift.objects.filter(unit=of.here.unit, ended_at=None).exclude(pk=of.by.shift_id or 0):
            shift_actions.end(shift_id=shift.pk, reason="NOTHING_OPEN", by="test", at=minutes(1))
    return of


def test_how_a_lost_call_ended_is_kept_when_it_is_said_at_signing_off() -> None:
    of = alone(stage())
    _reassigned(of)

    answer = say(of.by, "shift.sign_off", when=minutes(50), choice="CLEAR", disposition="DECLINED")

    assert (answer.body["ended"], answer.body["flags"]) == (True, ["late_scope"])
    flag = Flag.objects.get()
    assert (flag.call_id, flag.facts["said"], flag.facts["ended_as"]) == (of.held.call_id, "DECLINED", "REASSIGNED")
    shift = Shift.objects.get(pk=of.by.shift_id or 0)
    assert (shift.ended_at, shift.end_reason) == (minutes(50), "NOTHING_OPEN")


@pytest.mark.parametrize("named", [True, False])
def test_a_call_that_came_after_the_crew_had_gone_is_not_cleared_by_what_it_said(named: bool) -> None:
    of = alone(stage())
    _handed_back(of)
    with open_door(by=factory.SCENE, at=minutes(40)):
        Unit.objects.filter(pk=of.here.unit.pk).update(crew_minimum=1)
    came = factory.assignment(of.here, at=minutes(60))

    more: dict[str, Any] = {"assignment": of.held.pk} if named else {}
    answer = say(of.by, "shift.sign_off", when=minutes(50), choice="CLEAR", disposition="DECLINED", **more)

    came.refresh_from_db()
    assert (came.status, came.disposition) == (AssignmentStatus.HANDED_BACK, "")
    assert Call.objects.get(pk=came.call_id).status == CallStatus.PENDING
    assert answer.body["flags"] == ["late_scope", "sign_off_left_call"]
    assert {flag.call_id for flag in Flag.objects.all()} == {of.held.call_id, came.call_id}


def test_a_sign_off_that_cannot_hand_over_leaves_the_call_with_the_desk() -> None:
    of = alone(stage())
    busy, _ = factory.rival(of.here.agency, of.here.area)
    factory.assignment(of.here, unit=busy)

    answer = say(of.by, "shift.sign_off", when=HEARD, choice="HAND_OVER", to_unit=busy.pk)

    assert (answer.body["ended"], answer.body["flags"]) == (True, ["hand_over_impossible"])
    flag = Flag.objects.get()
    assert (flag.facts["against"], flag.facts["to_unit"]) == ("unit_busy", busy.pk)
    assert of.call.status == CallStatus.PENDING
    assert of.call.alarms.filter(kind="LEFT_WITH_DESK", ended_at=None).exists()


def test_a_crew_that_left_long_ago_waits_for_nobodys_answer() -> None:
    of = alone(stage())
    other, _ = factory.rival(of.here.agency, of.here.area)

    answer = say(of.by, "shift.sign_off", when=minutes(50), choice="HAND_OVER", to_unit=other.pk)

    assert (answer.body["ended"], answer.body["flags"]) == (True, ["hand_over_impossible"])
    assert Flag.objects.get().facts["against"] == "crew_gone"
    assert Shift.objects.get(pk=of.by.shift_id or 0).ended_at == minutes(50)


def test_a_unit_of_another_agency_is_no_unit_to_hand_over_to() -> None:
    of, elsewhere = alone(stage()), factory.scene()

    foreign = say(of.by, "shift.sign_off", when=HEARD, choice="HAND_OVER", to_unit=elsewhere.unit.pk)
    absent = say(of.by, "shift.sign_off", when=HEARD, choice="HAND_OVER", to_unit=10**9)

    assert [answer.body["code"] for answer in (foreign, absent)] == ["unit_not_found"] * 2


# --- who never had a link ------------------------------------------------------------------------------------------------


# What a crew tells of itself, of its shift, or of what it came upon needs no link to anything.
OF_ITSELF = {"call.check", "call.on_view", "shift.sign_off", "tablet.sign_off", "unit.check_in", "unit.duty"}


@pytest.mark.parametrize("kind", sorted(CLASSES[Nature.FACT] - OF_ITSELF))
def test_without_any_link_a_fact_is_not_taken(kind: str) -> None:
    of, elsewhere = stage(), factory.scene()
    far = make.area(of.here.agency)
    _, stranger = factory.rival(of.here.agency, far)

    for by in (stranger, elsewhere.tablet):
        answer = say(by, kind, when=minutes(50), **TELLINGS[kind](of))
        assert (answer.applied, answer.status) == (False, 404), answer.body
    assert not Flag.objects.exists()


@pytest.mark.parametrize("kind", ["assignment.arrive", "call.note", "stop.acknowledge", "tandem.release"])
def test_who_changed_units_still_tells_of_a_call_that_is_said_to_have_ended_before_it_began(kind: str) -> None:
    of = stage(AssignmentStatus.ON_SCENE)
    # The clock of the tablet that said so was behind.
    say(of.by, "assignment.clear", when=minutes(-9), assignment=of.held.pk, disposition="HANDLED")
    _other_unit(of, make.area(of.here.agency))

    answer = say(of.by, kind, when=minutes(50), **TELLINGS[kind](of))

    assert answer.applied, answer.body


def test_a_call_that_has_left_the_board_can_still_be_spoken_of() -> None:
    of = stage()
    other = make.area(of.here.agency)
    _, watching = factory.rival(of.here.agency, of.here.area)
    with open_door(by=factory.SCENE, at=minutes(30)):
        Call.objects.filter(pk=of.call.pk).update(area=other)
    assert Document.objects.filter(stream=f"area.{of.here.area.pk}", document_id=str(of.call.pk), body=None).exists()

    answer = say(watching, "call.note", when=minutes(20), call=of.call.pk, text="He went north.")

    assert (answer.applied, answer.body["flags"]) == (True, ["late_scope"])
    assert Note.objects.get().text == "He went north."


# --- any history ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_after_any_history_no_fact_is_refused_and_nothing_told_is_lost(db: None, data: st.DataObject) -> None:
    of = stage(data.draw(st.sampled_from(OPEN)))
    first = of.by
    since = data.draw(st.sampled_from(sorted(SINCE)))
    SINCE[since](of)

    for _ in range(data.draw(st.integers(1, 6))):
        kind = data.draw(st.sampled_from(sorted(TELLINGS)))
        args = TELLINGS[kind](of)
        if "disposition" in args:
            args["disposition"] = data.draw(st.sampled_from(Disposition.values))
        when = minutes(data.draw(st.integers(-30, 200)))
        by = data.draw(st.sampled_from([first, of.by]))
        before = _told()

        answer = say(by, kind, when=when, **args)

        assert answer.applied, (since, kind, answer.body)
        assert before.items() <= _told().items(), "what was told before is as it was"
        _check_holders()
    assert list(differences()) == []


def _told() -> dict[tuple[str, int], Any]:
    """
    Return every time and word that was told of assignments and calls, none of which may ever change.
    """
    times = ("on_scene_at", "delivered_at", "acknowledged_at", "ended_at", "disposition")
    told: dict[tuple[str, int], Any] = {}
    for row in Assignment.objects.values("pk", *times):
        told |= {(name, row["pk"]): row[name] for name in times if row[name]}
    told |= {("note", row.pk): (row.text, row.at) for row in Note.objects.all()}
    told |= {("answer", row.pk): (row.value, row.at) for row in Answer.objects.all()}
    told |= {("flag", row.pk): (row.code, row.facts["at"]) for row in Flag.objects.all()}
    return told


def _check_holders() -> None:
    """
    A call that is held has one unit that answers for it; a call that waits has none; an ended one has nobody.
    """
    for call in Call.objects.all():
        crews = Assignment.objects.open().filter(call=call)
        holders = crews.filter(primary=True)
        match call.status:
            case CallStatus.ASSIGNED:
                assert holders.count() == 1
            case CallStatus.PENDING:
                assert holders.count() == 0
            case _:
                assert crews.count() == 0
