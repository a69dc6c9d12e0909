"""
What officers, crisis lines and providers refer: eligible or not, whose call it is, how far it is, and by which key it came.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client

from dispatch import sweeps
from dispatch.actions import alarms, assignments, desk, hand_backs, intake, intake_keys, on_view, referrals, takes
from dispatch.models import (
    Alarm,
    AlarmKind,
    Answer,
    Assignment,
    Call,
    CallStatus,
    IntakeKey,
    Note,
    Origin,
    Queue,
    Referral,
    Source,
    Stop,
)
from dispatch.reasons import Reason
from dispatch.referral_refusals import (
    IntakeSourceInvalid,
    ReferralAlreadyMade,
    ReferralCallEnded,
    ReferralEnded,
    ReferralNotFound,
    ReferralUnitThere,
)
from dispatch.referral_words import REASONS, SUGGESTED, other_ways, told_of
from journal.door import open_door
from journal.rebuild import differences
from journal.refusals import NotAllowed
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import dispatch as make_dispatch
from tests.factories import intake as factory
from tests.factories import referrals as make
from tests.factories import responders
from tests.factories.intake import Desk
from tests.replica import bodies
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db


def held_by_officer(officer: Actor) -> dict[str, Any]:
    return bodies(f"officer.{officer.person_id}", "referral")


def take(scene: Desk, call: Call, by: Actor | None = None) -> Assignment:
    by = by or scene.tablet
    with open_door(by=by, at=NOON):
        return takes.self_dispatch(call_id=call.pk, by=by, at=NOON)


def arrive(scene: Desk, held: Assignment) -> None:
    with open_door(by=scene.tablet, at=NOON):
        assignments.arrive(assignment_id=held.pk, by=scene.tablet, at=NOON)


def clear(scene: Desk, held: Assignment) -> None:
    with open_door(by=scene.tablet, at=NOON):
        assignments.clear(assignment_id=held.pk, disposition="TRANSPORT_GIVEN", by=scene.tablet, at=NOON)


def say_eta(scene: Desk, call: Call, minutes: int, *, by: Actor | None = None, **given: Any) -> referrals.Due:
    by = by or scene.tablet
    with open_door(by=by, at=NOON):
        return referrals.eta(call_id=call.pk, minutes=minutes, by=by, at=NOON, **given)


def test_what_an_officer_came_upon_waits_on_the_board_as_a_call() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)

    row = make.referral(officer, text="Man in a doorway, asks for shelter")

    call = Call.objects.get(pk=make.call_of(row).pk)
    assert (call.source, call.queue, call.response) == (Source.OFFICER, Queue.CARE, "CARE")
    assert call.narrative == "Man in a doorway, asks for shelter"
    assert dict(Answer.objects.filter(call=call).values_list("disqualifier", "value")) == factory.ALL_NO
    board = bodies(f"area.{scene.area.pk}", "call")[str(call.pk)]
    assert board["referral"] == {
        "source": "OFFICER",
        "staying": True,
        "since": NOON.isoformat().replace("+00:00", "Z"),
    }
    told = held_by_officer(officer)[str(row.pk)]
    assert (told["state"], told["what"], told["number"]) == ("RECEIVED", call.type.label, call.number)
    assert (told["reasons"], told["suggested"]) == ([], [])


def test_a_unit_that_takes_it_has_it_by_referral_and_the_officer_follows_it_to_the_end() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    row = make.referral(officer)
    states = []

    held = take(scene, make.call_of(row))
    states.append(make.body(row)["state"])
    arrive(scene, held)
    states.append(make.body(row)["state"])
    clear(scene, held)
    states.append(make.body(row)["state"])

    assert held.origin == Origin.REFERRED
    assert states == ["ON_THE_WAY", "ARRIVED", "CLOSED"]
    told = held_by_officer(officer)[str(row.pk)]
    assert told["state"] == "CLOSED"
    assert "TRANSPORT" not in json.dumps(told)
    assert list(differences()) == []


@pytest.mark.parametrize(
    ("said", "reason", "way"),
    [
        ({"weapons": "YES"}, "WEAPON_YES", "POLICE"),
        ({"threats": "YES"}, "VIOLENCE_YES", "POLICE"),
        ({"what": factory.TRESPASS}, "TYPE_YELLOW", "DESK"),
        ({"point": {"lon": -122.40, "lat": 47.70}}, "OUTSIDE_AREAS", "CRISIS_LINE"),
    ],
)
def test_what_is_not_eligible_says_why_and_what_else_and_is_on_no_board(
    said: dict[str, Any], reason: str, way: str
) -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)

    row = make.referral(officer, **said)

    assert not Call.objects.exists()
    told = held_by_officer(officer)[str(row.pk)]
    assert told["state"] == "NOT_ELIGIBLE"
    assert REASONS[reason] in told["reasons"]
    assert way in [one["code"] for one in told["suggested"]]


def test_a_medical_emergency_is_answered_with_ems_and_without_its_reason() -> None:
    scene = factory.desk()

    told = make.body(make.referral(make.officer(scene.agency), medical="YES"))

    assert told["reasons"] == [REASONS["ASK_DESK"]]
    assert told["suggested"][0]["code"] == "EMS"


def test_unknown_is_no_no_and_police_stay() -> None:
    scene = factory.desk()

    row = make.referral(make.officer(scene.agency), weapons="UNKNOWN")

    call = Call.objects.get(pk=make.call_of(row).pk)
    assert (call.response, call.queue) == ("CARE+POLICE", Queue.CARE)
    assert make.body(row)["reasons"] == [REASONS["STAY"]]


def test_a_person_for_later_contact_sends_nobody() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)

    row = make.referral(officer, kind="PERSON", contact="206-555-0100", staying=True)

    assert not Call.objects.exists()
    assert (row.call_id, row.staying, row.contact) == (None, False, "206-555-0100")
    assert held_by_officer(officer)[str(row.pk)]["state"] == "RECEIVED"
    assert Referral.objects.get().number == ""


def test_only_the_position_is_enough_and_makes_an_address() -> None:
    scene = factory.desk()

    row = make.referral(make.officer(scene.agency), address="")

    assert Call.objects.get(pk=make.call_of(row).pk).address == "47.61100, -122.33700"


def cad_call(scene: Desk, **fields: Any) -> Call:
    revision = factory.revision(**{"police_units": ["3K21"], "answers": {}, "type": factory.WELFARE, **fields})
    with open_door(by=scene.cad, at=NOON):
        return intake.take_revision(agency_id=scene.agency.pk, revision=revision, by=scene.cad, at=NOON).call


def test_a_call_of_cads_keeps_its_number_and_moves_to_care() -> None:
    scene = factory.desk()
    call = cad_call(scene, answers={"POLICE_ONLY": "YES", **dict.fromkeys(["WEAPON", "VIOLENCE", "MEDICAL"], "NO")})
    call.refresh_from_db()
    assert call.queue == Queue.POLICE

    # Somebody said that only police could help; a referral does not take a yes back.
    refused = make.referral(make.officer(scene.agency), kind="CALL", number=call.number)
    assert (refused.eligible, refused.call_id) == (False, call.pk)
    assert make.body(refused)["number"] == call.number

    other = cad_call(scene, answers={"WEAPON": "UNKNOWN"}, place_kind="PUBLIC")
    row = make.referral(
        make.officer(scene.agency), kind="CALL", number=other.number, text="She asks for somebody to talk to"
    )

    other.refresh_from_db()
    assert (row.call_id, row.eligible, row.made_call) == (other.pk, True, False)
    assert (other.queue, other.response, other.source) == (Queue.CARE, "CARE", "911")
    assert Note.objects.get(call=other).text == "Referred: She asks for somebody to talk to"
    assert take(scene, other).origin == Origin.REFERRED


def test_the_next_revision_of_cad_leaves_a_referred_call_with_care() -> None:
    scene = factory.desk()
    call = cad_call(scene, answers={"WEAPON": "UNKNOWN"})
    make.referral(make.officer(scene.agency), kind="CALL", number=call.number)

    again = factory.revision(call.number, revision=2, answers={}, police_units=["3K21", "3K22"])
    with open_door(by=scene.cad, at=NOON):
        intake.take_revision(agency_id=scene.agency.pk, revision=again, by=scene.cad, at=NOON)

    call.refresh_from_db()
    assert (call.queue, call.response) == (Queue.CARE, "CARE")


def test_a_number_that_cad_has_not_sent_yet_becomes_the_call_that_cad_then_revises() -> None:
    scene = factory.desk()

    row = make.referral(make.officer(scene.agency), kind="CALL", number="26-777777")
    later = cad_call(scene, number="26-777777", answers=None)

    assert later.pk == row.call_id
    assert Call.objects.get().number == "26-777777"
    assert Call.objects.get().cad_revision == 1
    assert take(scene, later).origin == Origin.REFERRED


def test_a_weapon_seen_on_scene_stops_the_unit_that_is_on_its_way() -> None:
    scene = factory.desk()
    call = cad_call(scene, answers=factory.ALL_NO)
    take(scene, call)

    row = make.referral(make.officer(scene.agency), kind="CALL", number=call.number, weapons="YES")

    assert Stop.objects.get(call=call).reasons == ["WEAPON_YES"]
    assert row.eligible
    assert make.body(row)["state"] == "ON_THE_WAY"


@pytest.mark.parametrize(
    ("had", "said", "holds"),
    [
        ("YES", "NO", "YES"),
        ("NO", "UNKNOWN", "UNKNOWN"),
        ("UNKNOWN", "NO", "NO"),
        ("NOT_RELEVANT", "NO", "NOT_RELEVANT"),
        ("NOT_RELEVANT", "UNKNOWN", "NOT_RELEVANT"),
        ("NOT_RELEVANT", "YES", "YES"),
        ("NO", "YES", "YES"),
    ],
)
def test_a_referral_never_makes_a_call_look_safer_than_somebody_said(had: str, said: str, holds: str) -> None:
    scene = factory.desk()
    call = cad_call(scene, answers={"WEAPON": had})

    make.referral(make.officer(scene.agency), kind="CALL", number=call.number, weapons=said)

    newest = Answer.objects.filter(call=call, disqualifier="WEAPON").latest("pk")
    assert newest.value == holds


def test_a_call_that_has_ended_is_not_referred_and_none_is_referred_twice() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    ended = cad_call(scene, status="CLOSED", closed_at=NOON)
    call = cad_call(scene, answers={"WEAPON": "UNKNOWN"})
    first = make.referral(officer, kind="CALL", number=call.number)

    with pytest.raises(ReferralCallEnded):
        make.referral(officer, kind="CALL", number=ended.number)
    with pytest.raises(ReferralAlreadyMade) as refused:
        make.referral(officer, kind="CALL", number=call.number)

    assert refused.value.facts == {"referral": first.pk}
    # Another officer at the same call may wait for it too.
    assert make.referral(make.officer(scene.agency), kind="CALL", number=call.number).eligible


def test_an_eta_is_shown_and_goes_with_the_unit_that_said_it() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    row = make.referral(officer)
    held = take(scene, make.call_of(row))

    say_eta(scene, make.call_of(row), 8)

    due = (NOON + timedelta(minutes=8)).isoformat().replace("+00:00", "Z")
    assert held_by_officer(officer)[str(row.pk)]["due_at"] == due
    own = bodies(f"unit.{scene.unit.pk}", "call")[str(row.call_id)]
    assert (own["referral"]["id"], own["referral"]["due_at"], own["referral"]["searched"]) == (row.pk, due, "YES")

    with open_door(by=scene.tablet, at=NOON):
        hand_backs.hand_back(assignment_id=held.pk, reason="Van broke down", by=scene.tablet, at=NOON)

    told = held_by_officer(officer)[str(row.pk)]
    assert (told["state"], told["due_at"]) == ("RECEIVED", None)
    assert told["reasons"] == [REASONS["CALLED_AWAY"]]
    assert not Alarm.objects.filter(kind=AlarmKind.REFERRAL_LATE, ended_at=None).exists()
    _, tablet = make_dispatch.rival(scene.agency, scene.area)
    take(scene, make.call_of(row), by=tablet)
    assert make.body(row)["due_at"] is None


def test_the_officer_hears_that_the_unit_is_late_when_the_desk_does() -> None:
    scene = factory.desk(referral_late_s=120)
    officer = make.officer(scene.agency)
    row = make.referral(officer)
    take(scene, make.call_of(row))
    say_eta(scene, make.call_of(row), 5)
    late_at = NOON + timedelta(minutes=7)

    with time_machine.travel(NOON, tick=False):
        assert sweeps.raise_due_alarms(at=late_at - timedelta(seconds=1)) in range(9)
        assert not held_by_officer(officer)[str(row.pk)]["late"]
        sweeps.raise_due_alarms(at=late_at)
        again = sweeps.raise_due_alarms(at=late_at + timedelta(seconds=1))

    assert again == 0
    assert held_by_officer(officer)[str(row.pk)]["late"] is True
    assert Alarm.objects.get(kind=AlarmKind.REFERRAL_LATE).raised_at == late_at

    # A new word: no longer late, and late anew when that does not hold either.
    say_eta(scene, make.call_of(row), 30)
    assert held_by_officer(officer)[str(row.pk)]["late"] is False
    assert Alarm.objects.get(kind=AlarmKind.REFERRAL_LATE, ended_at=None).due_at == NOON + timedelta(minutes=32)


def test_who_is_there_is_not_late() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))
    held = take(scene, make.call_of(row))
    say_eta(scene, make.call_of(row), 1)

    arrive(scene, held)
    sweeps.raise_due_alarms(at=NOON + timedelta(hours=1))

    assert Alarm.objects.get(kind=AlarmKind.REFERRAL_LATE).raised_at is None
    assert make.body(row)["late"] is False
    say_eta(scene, make.call_of(row), 1)
    assert Alarm.objects.filter(kind=AlarmKind.REFERRAL_LATE).count() == 1


def test_an_eta_of_a_call_that_the_unit_no_longer_has_is_flagged_and_changes_nothing() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))
    held = take(scene, make.call_of(row))
    arrive(scene, held)
    clear(scene, held)

    told = say_eta(scene, make.call_of(row), 5)

    assert told.flags == ["call_already_closed"]
    assert Referral.objects.get().due_at is None


def test_the_desk_says_it_by_radio() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))
    take(scene, make.call_of(row))

    say_eta(scene, make.call_of(row), 5, by=scene.dispatcher, unit_id=scene.unit.pk, asked_by="CARE 12")

    assert make.body(row)["due_at"] == NOON + timedelta(minutes=5)


def test_a_call_that_nobody_comes_to_any_more_says_so() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    cancelled, turned = make.referral(officer), make.referral(officer)

    with open_door(by=scene.dispatcher, at=NOON):
        intake.cancel(call_id=make.call_of(cancelled).pk, reason="NOT_OURS", by=scene.dispatcher, at=NOON)
    with open_door(by=scene.dispatcher, at=NOON):
        by, violent = scene.dispatcher, make.call_of(turned)
        intake.answer(call_id=violent.pk, disqualifier="VIOLENCE", value="YES", by=by, at=NOON)

    for row in (cancelled, turned):
        told = held_by_officer(officer)[str(row.pk)]
        assert (told["state"], told["reasons"]) == ("NOT_COMING", [REASONS["NOBODY_COMES"]])
        assert told["suggested"] == [{"code": "DESK", "words": SUGGESTED["DESK"]}]


def test_handed_over_is_said_by_the_officer_or_by_the_crew() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    row = make.referral(officer)
    arrive(scene, take(scene, make.call_of(row)))

    with open_door(by=officer, at=NOON):
        referrals.handed_over(referral_id=row.pk, by=officer, at=NOON)
    with open_door(by=scene.tablet, at=NOON):
        referrals.handed_over(call_id=row.call_id, by=scene.tablet, at=NOON + timedelta(minutes=1))

    row.refresh_from_db()
    assert row.handed_over_at == NOON
    assert bodies(f"unit.{scene.unit.pk}", "call")[str(row.call_id)]["referral"]["staying"] is False

    second = make.referral(officer)
    with open_door(by=scene.dispatcher, at=NOON):
        referrals.handed_over(
            call_id=second.call_id, unit_id=scene.unit.pk, asked_by="CARE 12", by=scene.dispatcher, at=NOON
        )
    second.refresh_from_db()
    assert second.handed_over_at == NOON


def test_nobody_touches_somebody_elses_referral() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))
    colleague, neighbour = make.officer(scene.agency), make.officer(factory.desk().agency)

    for by in (colleague, neighbour, scene.dispatcher):
        with pytest.raises(ReferralNotFound), open_door(by=by, at=NOON):
            referrals.handed_over(referral_id=row.pk, by=by, at=NOON)
        with pytest.raises(ReferralNotFound), open_door(by=by, at=NOON):
            referrals.withdraw(referral_id=row.pk, by=by, at=NOON)
    with pytest.raises(NotAllowed), open_door(by=colleague, at=NOON):
        referrals.handed_over(call_id=row.call_id, by=colleague, at=NOON)


def test_withdrawing_takes_the_call_that_it_made_off_the_board() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    row = make.referral(officer)
    take(scene, make.call_of(row))

    with open_door(by=officer, at=NOON):
        referrals.withdraw(referral_id=row.pk, by=officer, at=NOON)

    assert Call.objects.get().status == CallStatus.CANCELLED
    assert held_by_officer(officer)[str(row.pk)]["state"] == "CLOSED"
    with pytest.raises(ReferralEnded), open_door(by=officer, at=NOON):
        referrals.withdraw(referral_id=row.pk, by=officer, at=NOON)


def test_withdrawing_leaves_what_is_not_its_own() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    call = cad_call(scene, answers={"WEAPON": "UNKNOWN"})
    row = make.referral(officer, kind="CALL", number=call.number)
    there = make.referral(officer)
    arrive(scene, take(scene, make.call_of(there)))
    later = make.referral(officer, kind="PERSON", contact="At the library")

    with open_door(by=officer, at=NOON):
        referrals.withdraw(referral_id=row.pk, by=officer, at=NOON)
    with open_door(by=officer, at=NOON):
        referrals.withdraw(referral_id=later.pk, by=officer, at=NOON)
    with pytest.raises(ReferralUnitThere), open_door(by=officer, at=NOON):
        referrals.withdraw(referral_id=there.pk, by=officer, at=NOON)

    call.refresh_from_db()
    assert (call.status, call.queue) == (CallStatus.PENDING, Queue.CARE)
    assert bodies(f"area.{scene.area.pk}", "call")[str(call.pk)]["referral"] is None


def test_a_referral_follows_its_encounter_to_the_call_that_it_is() -> None:
    scene = factory.desk()
    officer, both = make.officer(scene.agency), make.officer(scene.agency)
    with open_door(by=scene.tablet, at=NOON):
        met = on_view.on_view(what="WELFARE", by=scene.tablet, at=NOON, point=make_dispatch.POINT)
    call = cad_call(scene, answers={"WEAPON": "UNKNOWN"})
    row, twice = (make.referral(by, kind="CALL", number=met.call.number) for by in (officer, both))
    kept = make.referral(both, kind="CALL", number=call.number)

    with open_door(by=scene.dispatcher, at=NOON):
        on_view.join(call_id=met.call.pk, into_id=call.pk, by=scene.dispatcher, at=NOON)

    row.refresh_from_db()
    assert row.call == call
    assert held_by_officer(officer)[str(row.pk)]["state"] == "ARRIVED"
    told = held_by_officer(both)
    assert (told[str(kept.pk)]["state"], told[str(twice.pk)]["state"]) == ("ARRIVED", "CLOSED")
    clear(scene, met.assignment)
    assert held_by_officer(officer)[str(row.pk)]["state"] == "CLOSED"
    assert list(differences()) == []


def test_what_ended_a_day_ago_leaves_the_officers_list() -> None:
    scene = factory.desk()
    officer = make.officer(scene.agency)
    ended = make.referral(officer)
    refused = make.referral(officer, weapons="YES")
    later = make.referral(officer, kind="PERSON", contact="At the library")
    arrive(scene, held := take(scene, make.call_of(ended)))
    clear(scene, held)
    waits = make.referral(officer)
    day, week = NOON + timedelta(hours=25), NOON + timedelta(days=8)

    assert sweeps.put_away_referrals(at=NOON + timedelta(hours=23)) == 0
    assert sweeps.put_away_referrals(at=day) == 2
    assert set(held_by_officer(officer)) == {str(later.pk), str(waits.pk)}
    assert sweeps.put_away_referrals(at=week) == 1
    assert set(held_by_officer(officer)) == {str(waits.pk)}
    assert refused.pk not in {waits.pk, later.pk}
    assert list(differences()) == []


def test_only_what_they_said_themselves_is_a_reason_for_officers() -> None:
    silent = {Reason.CAUTION_ADDRESS, Reason.CAUTION_PHONE, Reason.MEDICAL_YES, Reason.MEDICAL_UNKNOWN}
    silent |= {Reason.MARKER_DRUG_USE, Reason.CALLER_WANTS_POLICE, Reason.POLICE_ONLY_YES}

    for reason in Reason:
        assert set(told_of([reason])) <= set(REASONS)
        assert set(other_ways([reason])) <= set(SUGGESTED)
    for reason in silent:
        assert told_of([reason]) == ["ASK_DESK"]
    assert told_of([Reason.WEAPON_YES, Reason.CAUTION_ADDRESS]) == ["WEAPON_YES"]


# --- by a key ----------------------------------------------------------------------------------------------------------


class Line:
    """
    A crisis line at the other end.
    """

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"Authorization": f"Intake {key}"})

    def refer(self, **fields: Any) -> Any:
        body = {"id": str(uuid4()), **make.said(**fields)}
        return self._client.post("/api/referrals/", json.dumps(body), content_type="application/json")

    def ask(self, referral: int) -> Any:
        return self._client.get(f"/api/referrals/{referral}/")


@pytest.fixture
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.mark.usefixtures("_at_noon")
def test_a_crisis_line_refers_with_its_key_and_asks_how_far_it_is() -> None:
    scene = factory.desk()
    _, text = make.key(scene.agency)
    line = Line(text)

    answer = line.refer(staying=False)
    referral = answer.json()["referral"]
    before = line.ask(referral).json()
    call = Call.objects.get()
    take(scene, call)
    after = line.ask(referral).json()

    assert (answer.status_code, answer.json()["status"], answer.json()["state"]) == (200, "applied", "RECEIVED")
    assert (call.source, call.queue) == ("988", Queue.CARE)
    assert (before["state"], after["state"]) == ("RECEIVED", "ON_THE_WAY")
    # Nobody but an officer says by referring that no police are needed.
    assert not Answer.objects.filter(call=call, disqualifier="POLICE_ONLY").exists()
    assert Referral.objects.get().officer_id is None


@pytest.mark.usefixtures("_at_noon")
def test_the_same_id_is_decided_once_and_is_nothing_else() -> None:
    scene = factory.desk()
    _, text = make.key(scene.agency)
    line, same = Line(text), str(uuid4())

    first, again, other = line.refer(id=same), line.refer(id=same), line.refer(id=same, weapons="YES")

    assert again.json() == first.json() | {"replayed": True}
    assert (other.status_code, other.json()["code"]) == (422, "action_id_reused")
    assert Call.objects.count() == 1


@pytest.mark.usefixtures("_at_noon")
def test_a_key_sees_its_own_only_and_a_revoked_one_nothing() -> None:
    scene = factory.desk()
    key, text = make.key(scene.agency)
    _, others = make.key(scene.agency, source="HOTLINE")
    referral = Line(text).refer().json()["referral"]
    of_officer = make.referral(make.officer(scene.agency))

    assert Line(others).ask(referral).status_code == 404
    assert Line(text).ask(of_officer.pk).json() == {
        **Line(text).ask(2**40).json(),
        "facts": {"referral": of_officer.pk},
    }
    with open_door(by="system:test", at=NOON):
        intake_keys.revoke(key=key, by="system:test", at=NOON)
    assert Line(text).refer().status_code == 401
    assert Line("nonsense").refer().status_code == 401
    assert Client().post("/api/referrals/", "{}", content_type="application/json").status_code == 401


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"searched": "MAYBE"}, "searched"),
        ({"kind": "CALL"}, "number"),
        ({"kind": "PERSON", "address": ""}, "contact"),
        ({"address": "", "point": None}, "address"),
        ({"sneaked": 1}, "sneaked"),
        ({"id": "nothing"}, "id"),
    ],
)
def test_what_cannot_be_understood_is_named(change: dict[str, Any], field: str) -> None:
    scene = factory.desk()
    _, text = make.key(scene.agency)

    answer = Line(text).refer(**change)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")
    assert field in answer.json()["facts"]["fields"]
    assert not Referral.objects.exists()


@pytest.mark.parametrize("required", ["searched", "weapons", "threats"])
def test_three_questions_are_required(required: str) -> None:
    scene = factory.desk()
    person = responders.person(scene.agency, "OFFICER")
    args = make.said()
    del args[required]

    answer = desk_client(person).post(
        "/api/actions/referral.make/", json.dumps({"id": str(uuid4()), "args": args}), content_type="application/json"
    )

    assert (answer.status_code, list(answer.json()["facts"]["fields"])) == (400, [required])


@pytest.mark.usefixtures("_at_noon")
def test_a_key_is_held_to_its_rate(settings: Any) -> None:
    scene = factory.desk()
    _, text = make.key(scene.agency)
    settings.RATE_LIMIT_PREFIX = str(uuid4())

    statuses = [Line(text).ask(1).status_code for _ in range(31)]

    assert statuses == [404] * 30 + [429]


def test_a_key_is_shown_once_by_the_administration_and_revoked_there(client: Client) -> None:
    scene = factory.desk()
    site = desk_client(responders.person(scene.agency, "ADMIN"))
    asked = {"agency": scene.agency.pk, "name": "988 Seattle", "source": "988"}

    page = site.post("/admin/dispatch/intakekey/add/", asked, follow=True, secure=True).content.decode()
    key = IntakeKey.objects.get()
    again = site.get("/admin/dispatch/intakekey/", secure=True).content.decode()
    site.post(
        "/admin/dispatch/intakekey/",
        {"action": "revoke", "_selected_action": [key.pk]},
        follow=True,
        secure=True,
    )

    shown = page.split("shown only now: ")[1].split("<")[0].strip()
    assert len(shown) == 43
    assert shown not in again
    key.refresh_from_db()
    assert key.revoked_at is not None
    wrong = site.post("/admin/dispatch/intakekey/add/", {**asked, "source": "911"}, secure=True)
    assert (wrong.status_code, IntakeKey.objects.count()) == (200, 1)


def test_a_key_is_for_a_source_that_has_no_other_way() -> None:
    scene = factory.desk()

    with pytest.raises(IntakeSourceInvalid), open_door(by="system:test", at=NOON):
        intake_keys.make(agency_id=scene.agency.pk, name="Radio", source="OFFICER", by="system:test", at=NOON)


# --- races ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_officers_and_cad_make_one_call_of_one_number() -> None:
    scene = factory.desk()
    officers = [make.officer(scene.agency) for _ in range(2)]

    def refer(officer: Actor) -> int | None:
        try:
            return make.referral(officer, kind="CALL", number="26-123456").call_id
        finally:
            connection.close()

    def send() -> int | None:
        try:
            return cad_call(scene, number="26-123456", answers={}).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(refer, officers[0]), pool.submit(send), pool.submit(refer, officers[1])]
        calls = {future.result(timeout=20) for future in made}

    assert len(calls) == 1
    assert Call.objects.filter(number="26-123456").count() == 1
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_however_many_sweep_an_officer_is_told_once_that_a_unit_is_late() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))
    take(scene, make.call_of(row))
    say_eta(scene, make.call_of(row), 1)
    at = NOON + timedelta(hours=1)

    def sweep(_: int) -> None:
        try:
            with open_door(by="system:sweep", at=at):
                alarms.raise_due(call_id=make.call_of(row).pk, by="system:sweep", at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sweep, range(4)))

    row.refresh_from_db()
    assert row.late_told_at == at
    assert Alarm.objects.filter(kind=AlarmKind.REFERRAL_LATE, raised_at=at).count() == 1
    assert make.body(row)["late"] is True


def test_a_desk_that_sends_a_unit_has_sent_it() -> None:
    scene = factory.desk()
    row = make.referral(make.officer(scene.agency))

    with open_door(by=scene.dispatcher, at=NOON):
        held = desk.dispatch(call_id=make.call_of(row).pk, unit_id=scene.unit.pk, by=scene.dispatcher, at=NOON)

    assert held.origin == Origin.DISPATCHED
    assert make.body(row)["state"] == "ON_THE_WAY"
