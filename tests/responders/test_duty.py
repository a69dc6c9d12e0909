"""
What a crew says of itself, on its tablet and by radio.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from journal.door import open_door
from journal.models import Entry
from journal.refusals import NotAllowed
from responders import refusals
from responders.actions import duty
from responders.actors import Actor
from responders.models import Duty
from responders.serializers import DutyArgs
from tests.conftest import NOON
from tests.factories import responders as make
from tests.security.clients import desk_client

LATER = NOON + timedelta(minutes=30)


def say(by: Actor, what: str, *, at: datetime = LATER, **args: Any) -> duty.DutySet:
    """
    Return what became of a duty said through a door.
    """
    with open_door(by=by, at=at):
        return duty.set_duty(duty=what, by=by, at=at, **args)


@pytest.mark.django_db
def test_a_crew_says_its_own_duty_on_its_tablet() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)
    tablet = make.tablet_actor(shift)

    answer = say(tablet, Duty.OUT_OF_SERVICE, reason="Flat tire").as_dict()

    assert answer == {"unit": unit.pk, "duty": "OUT_OF_SERVICE", "since": LATER, "superseded": False, "flags": []}
    unit.refresh_from_db()
    assert (unit.duty, unit.duty_reason, unit.duty_since) == (Duty.OUT_OF_SERVICE, "Flat tire", LATER)
    entry = Entry.objects.get(kind="unit.duty")
    assert entry.by == str(tablet)
    assert entry.data["by_radio"] == ""
    assert "Flat" not in str(entry.data)


@pytest.mark.django_db
def test_the_reason_goes_when_the_unit_is_available_again() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)
    tablet = make.tablet_actor(shift)
    say(tablet, Duty.OUT_OF_SERVICE, reason="Flat tire")

    say(tablet, Duty.AVAILABLE, reason="Mended", at=LATER + timedelta(minutes=1))

    unit.refresh_from_db()
    assert (unit.duty, unit.duty_reason) == (Duty.AVAILABLE, "")


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["DISPATCHER", "EMBEDDED", "SUPERVISOR"])
def test_the_desk_says_it_for_a_crew_that_asked_by_radio(role: Any) -> None:
    agency = make.agency()
    unit = make.crewed_unit(agency)
    desk = make.actor(make.person(agency, role))

    say(desk, Duty.MEAL, unit=unit.pk, asked_by="CARE 1")

    unit.refresh_from_db()
    assert unit.duty == Duty.MEAL
    assert Entry.objects.get(kind="unit.duty").data["by_radio"] == "CARE 1"


@pytest.mark.django_db
@pytest.mark.parametrize("args", [{}, {"asked_by": "CARE 1"}, {"unit": 1}, {"unit": 1, "asked_by": " "}])
def test_the_desk_must_say_for_whom_and_who_asked(args: Any) -> None:
    agency = make.agency()
    desk = make.actor(make.person(agency, "DISPATCHER"))

    with pytest.raises(refusals.AskedByMissing):
        say(desk, Duty.MEAL, **args)


@pytest.mark.django_db
def test_a_tablet_does_not_speak_for_another_unit() -> None:
    agency = make.agency()
    shift, _ = make.crew(make.unit(agency))
    other = make.crewed_unit(agency)

    with pytest.raises(refusals.NotYourUnit):
        say(make.tablet_actor(shift), Duty.MEAL, unit=other.pk)

    other.refresh_from_db()
    assert other.duty == Duty.AVAILABLE


@pytest.mark.django_db
def test_another_agencys_unit_is_refused_as_unknown() -> None:
    desk = make.actor(make.person(make.agency(), "DISPATCHER"))
    unit = make.unit(make.agency())

    with pytest.raises(refusals.UnitNotFound):
        say(desk, Duty.MEAL, unit=unit.pk, asked_by="CARE 1")


@pytest.mark.django_db
def test_an_officer_says_nobodys_duty() -> None:
    agency = make.agency()
    unit = make.unit(agency)

    with pytest.raises(NotAllowed):
        say(make.actor(make.person(agency, "OFFICER")), Duty.MEAL, unit=unit.pk, asked_by="CARE 1")


@pytest.mark.django_db
def test_an_outside_unit_has_no_duty() -> None:
    agency = make.agency()
    unit = make.unit(agency, outside=True)

    with pytest.raises(refusals.UnitIsOutside):
        say(make.actor(make.person(agency, "DISPATCHER")), Duty.MEAL, unit=unit.pk, asked_by="Health One")


@pytest.mark.django_db
def test_a_duty_said_offline_counts_from_when_it_was_said() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)

    say(make.tablet_actor(shift), Duty.MEAL, happened_at=NOON + timedelta(minutes=10))

    unit.refresh_from_db()
    assert unit.duty_since == NOON + timedelta(minutes=10)


@pytest.mark.django_db
def test_a_duty_that_comes_after_a_later_one_changes_only_the_journal() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)
    tablet = make.tablet_actor(shift)
    say(tablet, Duty.REPORT, happened_at=NOON + timedelta(minutes=20))

    late = say(tablet, Duty.MEAL, happened_at=NOON + timedelta(minutes=10))

    assert late.superseded
    unit.refresh_from_db()
    assert (unit.duty, unit.duty_since) == (Duty.REPORT, NOON + timedelta(minutes=20))
    assert [entry.data["duty"] for entry in Entry.objects.filter(kind="unit.duty").order_by("number")] == [
        "REPORT",
        "MEAL",
    ]


@pytest.mark.django_db
def test_a_device_whose_clock_runs_ahead_is_believed_no_further_than_now() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)

    say(make.tablet_actor(shift), Duty.MEAL, happened_at=LATER + timedelta(hours=3))

    unit.refresh_from_db()
    assert unit.duty_since == LATER


@pytest.mark.django_db
def test_saying_the_same_duty_again_keeps_since_when_it_was() -> None:
    unit = make.unit(make.agency())
    shift, _ = make.crew(unit)
    tablet = make.tablet_actor(shift)
    say(tablet, Duty.MEAL)

    say(tablet, Duty.MEAL, at=LATER + timedelta(minutes=5))

    unit.refresh_from_db()
    assert unit.duty_since == LATER


@pytest.mark.parametrize(
    ("args", "errors"),
    [
        ({"duty": "MEAL"}, set()),
        ({"duty": "OUT_OF_SERVICE", "reason": "Flat tire"}, set()),
        ({"duty": "OUT_OF_SERVICE"}, {"reason"}),
        ({"duty": "OUT_OF_SERVICE", "reason": "  "}, {"reason"}),
        ({"duty": "NAP"}, {"duty"}),
        ({}, {"duty"}),
        ({"duty": "MEAL", "reason": "x" * 101}, {"reason"}),
        ({"duty": "MEAL", "unit": 0}, {"unit"}),
        ({"duty": "MEAL", "unit": "seven"}, {"unit"}),
    ],
)
def test_what_a_duty_takes(args: Any, errors: Any) -> None:
    serializer = DutyArgs(data=args)

    serializer.is_valid()

    assert set(serializer.errors) == errors


@pytest.mark.django_db
def test_the_desks_door_takes_a_duty_once_and_answers_in_one_shape() -> None:
    agency = make.agency()
    unit = make.crewed_unit(agency)
    desk = desk_client(make.person(agency, "DISPATCHER"))
    envelope = {"id": str(uuid4()), "args": {"duty": "MEAL", "unit": unit.pk, "asked_by": "CARE 1"}}

    first, again = (desk.post("/api/actions/unit.duty/", envelope, content_type="application/json") for _ in range(2))

    assert first.status_code == again.status_code == 200
    assert first.json()["status"] == "applied"
    assert (first.json()["unit"], first.json()["duty"]) == (unit.pk, "MEAL")
    assert again.json() == {**first.json(), "replayed": True}
    assert Entry.objects.filter(kind="unit.duty").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "status", "code"),
    [
        ({"duty": "MEAL"}, 400, "asked_by_missing"),
        ({"duty": "NAP", "unit": 1, "asked_by": "CARE 1"}, 400, "invalid_args"),
        ({"duty": "MEAL", "unit": 1, "asked_by": "CARE 1", "colour": "red"}, 400, "invalid_args"),
        ({"duty": "MEAL", "unit": 404_404, "asked_by": "CARE 1"}, 404, "unit_not_found"),
    ],
)
def test_the_desks_door_refuses_a_duty(args: dict[str, Any], status: int, code: str) -> None:
    desk = desk_client(make.person(make.agency(), "DISPATCHER"))

    answer = desk.post("/api/actions/unit.duty/", {"id": str(uuid4()), "args": args}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Entry.objects.filter(kind="unit.duty").exists()
