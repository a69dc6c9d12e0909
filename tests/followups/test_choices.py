"""
What a report offers to choose from, and what an agency decides of care after the call.
"""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from followups import choices
from followups.models import Choice, ChoiceField, Programme
from followups.refusals.programmes import ChoiceNotOurs
from followups.rules import programmes as rules
from journal.door import Answer
from journal.kinds import kinds
from journal.rebuild import differences
from responders.actors import Actor
from responders.api import run_action
from responders.models import Agency
from tests.conftest import NOON
from tests.factories import responders as make
from tests.replica import Replica, bodies, fresh

pytestmark = pytest.mark.django_db

# The outcomes that requirements name, by hand: what ships must have them.
NAMED = {
    "REFERRAL_MADE", "REFERRAL_DECLINED", "RESOURCES_LEFT", "VOLUNTARY_ADMISSION", "WALK_IN_CLINIC", "DCR_CALLED",
    "POLICE_CUSTODY", "STAYED_SAFELY", "FAMILY_OR_CAREGIVER", "NO_FURTHER_NEED",
}  # fmt: skip


def say(by: Actor, kind: str, **args: Any) -> Answer:
    return run_action(kinds()[kind], action_id=uuid4(), args=args, by=by, at=NOON, happened_at=None)


@pytest.fixture
def supervisor() -> Actor:
    return make.actor(make.person(make.agency(), "SUPERVISOR"))


def test_what_ships_is_whole_and_says_each_thing_once() -> None:
    shipped = choices.shipped()

    assert {row["field"] for row in shipped} == set(ChoiceField.values)
    assert len({(row["field"], row["code"]) for row in shipped}) == len(shipped)
    assert len({(row["field"], row["label"]) for row in shipped}) == len(shipped)
    assert {row["code"] for row in shipped if row["field"] == "OUTCOME"} >= NAMED
    risky = {row["code"] for row in shipped if row["risk"]}
    assert {"SUICIDE_RISK", "SUICIDE_ATTEMPT", "OVERDOSE"} <= risky


def test_a_hold_against_somebodys_will_is_no_act_of_ours(supervisor: Actor) -> None:
    for row in choices.shipped():
        rules.check_is_ours(code=row["code"], label=row["label"])
    for code, label in (
        ("INVOLUNTARY_HOLD", "Hold"),
        ("HELD", "Involuntary treatment"),
        ("ITA", "Treatment act"),
        ("EMERGENT_DETENTION", "Emergent"),
        ("TOOK_IN", "Detained by us"),
    ):
        with pytest.raises(ChoiceNotOurs):
            rules.check_is_ours(code=code, label=label)
        assert say(supervisor, "choice.put", field="OUTCOME", code=code, label=label).body["code"] == "choice_not_ours"
    assert not Choice.objects.exists()


def test_what_ships_is_loaded_once_and_what_an_agency_set_itself_stays(supervisor: Actor) -> None:
    agency = Agency.objects.get(pk=supervisor.agency_id)
    say(supervisor, "choice.put", field="NEED", code="SHELTER", label="A bed", position=1)

    for _ in range(2):
        call_command("load_choices", agency=agency.slug, verbosity=0)

    assert Choice.objects.filter(agency=agency).count() == len(choices.shipped())
    assert Choice.objects.get(field="NEED", code="SHELTER").label == "A bed"


def test_crews_hold_what_is_offered_in_its_order_and_nothing_that_was_retired(supervisor: Actor) -> None:
    stream = f"care.{supervisor.agency_id}"
    for position, code in enumerate(["SECOND", "FIRST", "GONE"]):
        say(supervisor, "choice.put", field="NEED", code=code, label=code.title(), position=9 - position, risk=True)
    say(supervisor, "choice.put", field="NEED", code="GONE", label="Gone", retired=True)

    [offered] = bodies(stream, "choices").values()
    assert [row["code"] for row in offered["NEED"]] == ["FIRST", "SECOND"]
    assert offered["NEED"][0] == {"code": "FIRST", "label": "First", "risk": True, "substance_use": False}
    assert set(offered) == set(ChoiceField.values)
    assert Choice.objects.get(code="GONE").retired
    assert list(differences()) == []


def test_a_tablet_that_has_the_choices_hears_of_a_new_label_another_order_and_a_retired_one(supervisor: Actor) -> None:
    stream = f"care.{supervisor.agency_id}"
    for code in ("SHELTER", "FOOD", "GONE"):
        say(supervisor, "choice.put", field="NEED", code=code, label=code.title(), new=True)
    tablet = Replica(stream)
    tablet.pull()

    def held() -> list[tuple[str, str]]:
        tablet.pull()
        assert {key: body for key, (_, body) in tablet.documents.items()} == {
            key: body for key, (_, body) in fresh(stream).items()
        }
        offered = json.loads(tablet.documents["choices", str(supervisor.agency_id)][1])
        return [(row["code"], row["label"]) for row in offered["NEED"]]

    assert held() == [("SHELTER", "Shelter"), ("FOOD", "Food"), ("GONE", "Gone")]
    say(supervisor, "choice.put", field="NEED", code="SHELTER", label="A bed tonight")
    assert held() == [("SHELTER", "A bed tonight"), ("FOOD", "Food"), ("GONE", "Gone")]
    say(supervisor, "choice.put", field="NEED", code="GONE", retired=True)
    assert held() == [("SHELTER", "A bed tonight"), ("FOOD", "Food")]
    say(supervisor, "choice.order", field="NEED", codes=["FOOD", "SHELTER"])
    assert held() == [("FOOD", "Food"), ("SHELTER", "A bed tonight")]
    assert list(differences()) == []


def test_what_is_not_said_of_a_choice_stays(supervisor: Actor) -> None:
    say(supervisor, "choice.put", field="NEED", code="PILLS", label="Pills", position=5, risk=True, substance_use=True)

    assert say(supervisor, "choice.put", field="NEED", code="PILLS", risk=False).applied
    assert say(supervisor, "choice.put", field="NEED", code="PILLS", retired=True).applied

    row = Choice.objects.get(code="PILLS")
    assert (row.label, row.position, row.risk, row.substance_use, row.retired) == ("Pills", 5, False, True, True)


def test_a_new_choice_comes_last_and_never_takes_a_code_that_there_was(supervisor: Actor) -> None:
    for code in ("FIRST", "SECOND"):
        assert say(supervisor, "choice.put", field="DONE", code=code, label=code, new=True).applied
    say(supervisor, "choice.put", field="DONE", code="FIRST", retired=True)

    taken = say(supervisor, "choice.put", field="DONE", code="FIRST", label="Something else", new=True)
    nameless = say(supervisor, "choice.put", field="DONE", code="THIRD")
    assert (taken.body["code"], nameless.body["code"]) == ("choice_taken", "choice_unlabelled")
    # The same code is another choice where it answers another question.
    assert say(supervisor, "choice.put", field="NEED", code="FIRST", label="A need", new=True).applied

    rows = Choice.objects.filter(field="DONE").order_by("position")
    assert [(row.code, row.label, row.position) for row in rows] == [("FIRST", "FIRST", 1), ("SECOND", "SECOND", 2)]


@pytest.mark.parametrize("codes", [["A"], ["A", "B", "C"], ["A", "B", "B"], ["A", "OLD"], ["A", "B", "OLD"], []])
def test_an_order_of_something_else_than_what_is_offered_is_refused(supervisor: Actor, codes: list[str]) -> None:
    for code in ("A", "B", "OLD"):
        say(supervisor, "choice.put", field="NEED", code=code, label=code, new=True)
    say(supervisor, "choice.put", field="NEED", code="OLD", retired=True)

    assert say(supervisor, "choice.order", field="NEED", codes=codes).body["code"] == "choices_differ"
    assert say(supervisor, "choice.order", field="NEED", codes=["B", "A"]).body == {"codes": ["B", "A"]}
    offered = Choice.objects.filter(field="NEED", retired=False).order_by("position")
    assert [row.code for row in offered] == ["B", "A"]


def test_an_agency_sets_its_limits_and_crews_hear_of_them(supervisor: Actor) -> None:
    assert say(supervisor, "programme.set", steps=[2, 14], visits_from="10:00", plans_unasked=True).applied
    assert say(supervisor, "programme.set", escalate_h=36).applied

    row = Programme.objects.get(agency=supervisor.agency_id)
    assert (row.steps, row.plans_unasked, row.escalate_h, row.first_attempt_risk_h) == ([2, 14], True, 36, 24)
    [told] = bodies(f"care.{supervisor.agency_id}", "programme").values()
    assert (told["steps"], told["visits_from"], told["visits_until"]) == ([2, 14], "10:00", "19:00")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"visits_from": "19:00"}, "hours_invalid"),
        ({"visits_until": "11:00"}, "hours_invalid"),
        ({"steps": []}, "steps_invalid"),
        ({"steps": [7, 1]}, "steps_invalid"),
        ({"steps": [1, 1]}, "steps_invalid"),
    ],
)
def test_limits_that_cannot_be_are_refused(supervisor: Actor, limits: dict[str, Any], code: str) -> None:
    assert say(supervisor, "programme.set", **limits).body["code"] == code
    assert not Programme.objects.exists()
