"""
The engine: floors, unknown is not no, and nothing that becomes known makes a response less cautious.
"""

from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import catalogue, policies, screening
from dispatch.models import AnswerValue, CallerWish, Color, Disqualifier, Marker, PlaceKind, Queue, Response
from dispatch.policies import Facts, InvalidRules, Outcome, Rules, UnitFacts
from dispatch.reasons import DANGERS, OVERRULE_WORDS, REACH, REASON_WORDS, SPEAK_FOR_CARE, OverruleCode, Reason

ALL_NO = dict.fromkeys(Disqualifier, AnswerValue.NO)
FREE = UnitFacts(frozenset({"BEHAVIORAL_HEALTH"}), free=True)
PILOT = policies.parse(catalogue.seattle_2023_pilot())
CITYWIDE = policies.parse(catalogue.seattle_2025())


def facts(**known: Any) -> Facts:
    """
    Return a call that the policy of 2025 lets CARE take alone: a welfare check on the street, downtown, in the afternoon.
    """
    usual: dict[str, Any] = {
        "type_code": "SERVICE - WELFARE CHECK",
        "color": Color.GREEN,
        "answers": ALL_NO,
        "local_time": time(14),
        "area": "Downtown",
        "area_open": True,
        "units": (FREE,),
        "place_kind": PlaceKind.PUBLIC,
    }
    return Facts(**{**usual, **known})


def answered(**values: str) -> dict[Disqualifier, AnswerValue]:
    return {**ALL_NO, **{Disqualifier(name): AnswerValue(value) for name, value in values.items()}}


def rules(**keys: Any) -> Rules:
    return policies.parse({**catalogue.seattle_2025(), **keys})


# --- Seattle 2025 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "response", "reason"),
    [
        ({}, Response.CARE, Reason.TYPE_GREEN),
        ({"place_kind": PlaceKind.VEHICLE}, Response.CARE, Reason.DISQUALIFIERS_RULED_OUT),
        ({"place_kind": PlaceKind.RESIDENCE}, Response.CARE_POLICE, Reason.PLACE_RESIDENCE),
        ({"place_kind": PlaceKind.BUSINESS}, Response.CARE_POLICE, Reason.PLACE_BUSINESS),
        ({"place_kind": PlaceKind.ENCAMPMENT}, Response.CARE_POLICE, Reason.PLACE_ENCAMPMENT),
        ({"place_kind": PlaceKind.UNKNOWN}, Response.CARE_POLICE, Reason.PLACE_UNKNOWN),
        ({"markers": frozenset({Marker.DRUG_USE})}, Response.CARE_POLICE, Reason.MARKER_DRUG_USE),
        ({"markers": frozenset({Marker.CONFRONTATIONAL})}, Response.CARE_POLICE, Reason.MARKER_CONFRONTATIONAL),
        ({"color": Color.YELLOW}, Response.POLICE, Reason.TYPE_YELLOW),
        ({"color": Color.RED}, Response.POLICE, Reason.TYPE_RED),
        ({"cautions": frozenset({"ADDRESS"})}, Response.CARE_POLICE, Reason.CAUTION_ADDRESS),
        ({"cautions": frozenset({"PHONE"})}, Response.CARE_POLICE, Reason.CAUTION_PHONE),
        ({"wish": CallerWish.WANTS_POLICE}, Response.CARE_POLICE, Reason.CALLER_WANTS_POLICE),
        ({"wish": CallerWish.NO_POLICE}, Response.CARE, Reason.CALLER_WISH_ASK_AGAIN),
        ({"wish": CallerWish.NO_POLICE_CONFIRMED}, Response.CARE, Reason.CALLER_WANTS_NO_POLICE),
        ({"answers": answered(WEAPON="YES")}, Response.POLICE, Reason.WEAPON_YES),
        ({"answers": answered(VIOLENCE="YES")}, Response.POLICE, Reason.VIOLENCE_YES),
        ({"answers": answered(MEDICAL="YES")}, Response.EMS, Reason.MEDICAL_YES),
        ({"answers": answered(POLICE_ONLY="YES")}, Response.POLICE, Reason.POLICE_ONLY_YES),
        ({"answers": answered(MEDICAL="YES", WEAPON="YES")}, Response.POLICE, Reason.MEDICAL_YES),
        ({"answers": answered(WEAPON="UNKNOWN")}, Response.CARE_POLICE, Reason.WEAPON_UNKNOWN),
        ({"answers": answered(WEAPON="NOT_ASKED")}, Response.CARE_POLICE, Reason.WEAPON_NOT_ASKED),
        ({"answers": answered(MEDICAL="UNKNOWN")}, Response.CARE_EMS, Reason.MEDICAL_UNKNOWN),
        ({"answers": answered(WEAPON="NOT_RELEVANT")}, Response.CARE, Reason.DISQUALIFIERS_RULED_OUT),
        ({"answers": {}}, Response.CARE_POLICE, Reason.POLICE_ONLY_NOT_ASKED),
    ],
)
def test_seattle_2025_sends(known: dict[str, Any], response: Response, reason: Reason) -> None:
    outcome = policies.decide(CITYWIDE, facts(**known))

    assert outcome.response == response
    assert reason in outcome.reasons
    assert outcome.care_available


@pytest.mark.parametrize(
    ("clock", "available"),
    [
        (time(11, 59, 59), False),
        (time(12), True),
        (time(21, 59, 59), True),
        (time(22), False),
        (time(3), False),
    ],
)
def test_seattle_2025_is_open_from_noon_to_ten(clock: time, available: bool) -> None:
    outcome = policies.decide(CITYWIDE, facts(local_time=clock))

    assert outcome.response == Response.CARE
    assert outcome.care_available is available
    assert (Reason.OUTSIDE_HOURS in outcome.reasons) is not available
    assert outcome.queue == (Queue.CARE if available else Queue.POLICE)


def test_seattle_2025_is_citywide() -> None:
    assert policies.decide(CITYWIDE, facts(area="Ballard")).care_available


# --- Seattle's pilot of 2023 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", ["Downtown", "International District", "Chinatown-International District", "SODO"])
@pytest.mark.parametrize(
    "type_code", ["SERVICE - WELFARE CHECK", "DOWN - CHECK FOR PERSON DOWN", "DOWN - CHECK FOR DOWN PERSON"]
)
def test_the_pilot_always_sends_both(area: str, type_code: str) -> None:
    outcome = policies.decide(PILOT, facts(area=area, type_code=type_code, local_time=time(11)))

    assert outcome.response == Response.CARE_POLICE
    assert Reason.ALWAYS_WITH_POLICE in outcome.reasons
    assert outcome.care_available
    assert outcome.queue == Queue.CARE


@pytest.mark.parametrize(
    ("known", "response", "available", "reason"),
    [
        ({"area": "Pioneer Square"}, Response.CARE_POLICE, False, Reason.AREA_NOT_IN_POLICY),
        ({"area": None}, Response.CARE_POLICE, False, Reason.OUTSIDE_AREAS),
        ({"local_time": time(10, 59)}, Response.CARE_POLICE, False, Reason.OUTSIDE_HOURS),
        ({"local_time": time(23)}, Response.CARE_POLICE, False, Reason.OUTSIDE_HOURS),
        ({"local_time": time(22, 59)}, Response.CARE_POLICE, True, Reason.ALWAYS_WITH_POLICE),
        ({"type_code": "TRESPASS"}, Response.POLICE, True, Reason.TYPE_NOT_IN_POLICY),
        ({"color": Color.RED}, Response.POLICE, True, Reason.TYPE_RED),
        ({"answers": {}}, Response.CARE_POLICE, True, Reason.WEAPON_NOT_ASKED),
        ({"answers": answered(VIOLENCE="YES")}, Response.POLICE, True, Reason.VIOLENCE_YES),
        ({"answers": answered(MEDICAL="YES")}, Response.EMS, True, Reason.MEDICAL_YES),
    ],
)
def test_the_pilot_sends(known: dict[str, Any], response: Response, available: bool, reason: Reason) -> None:
    outcome = policies.decide(PILOT, facts(**known))

    assert (outcome.response, outcome.care_available) == (response, available)
    assert reason in outcome.reasons


# --- reach --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "reason", "queue"),
    [
        ({"units": ()}, Reason.NO_UNIT_ON_SHIFT, Queue.POLICE),
        ({"units": (replace(FREE, free=False),)}, Reason.ALL_UNITS_BUSY, Queue.CARE),
        ({"area_open": False}, Reason.AREA_CLOSED, Queue.POLICE),
        ({"area": None, "units": ()}, Reason.OUTSIDE_AREAS, Queue.POLICE),
    ],
)
def test_what_keeps_care_from_coming_is_not_what_keeps_it_from_going(
    known: dict[str, Any], reason: Reason, queue: Queue
) -> None:
    outcome = policies.decide(CITYWIDE, facts(**known))

    assert outcome.response == Response.CARE
    assert not outcome.care_available
    assert outcome.reasons[-1] == reason
    assert outcome.queue == queue


def test_a_type_may_need_a_capability() -> None:
    medical = rules(needs={"SERVICE - WELFARE CHECK": ["MEDICAL"]})
    able = UnitFacts(frozenset({"MEDICAL", "PEER"}), free=False)

    assert Reason.NO_CAPABLE_UNIT in policies.decide(medical, facts()).reasons
    assert Reason.ALL_UNITS_BUSY in policies.decide(medical, facts(units=(FREE, able))).reasons
    assert policies.decide(medical, facts(units=(replace(able, free=True),))).care_available


def test_hours_may_run_past_midnight() -> None:
    night = rules(hours={"opens": "20:00", "closes": "04:00"})

    assert policies.decide(night, facts(local_time=time(23))).care_available
    assert policies.decide(night, facts(local_time=time(3, 59))).care_available
    assert not policies.decide(night, facts(local_time=time(4))).care_available


def test_a_type_may_start_elsewhere_than_its_color() -> None:
    by_code = rules(types={"TRESPASS": "CARE", "SERVICE - WELFARE CHECK": "CARE+POLICE"})

    trespass = facts(type_code="TRESPASS", color=Color.YELLOW)
    assert policies.decide(by_code, trespass).response == Response.CARE
    assert policies.decide(by_code, facts()).response == Response.CARE_POLICE
    assert policies.decide(by_code, replace(trespass, color=Color.RED)).response == Response.POLICE


def test_a_wish_confirmed_twice_lifts_yellow_only_where_everything_is_ruled_out() -> None:
    lifting = rules(no_police_lifts_yellow=True)
    yellow = facts(color=Color.YELLOW, wish=CallerWish.NO_POLICE_CONFIRMED)

    assert policies.decide(lifting, yellow).response == Response.CARE
    assert policies.decide(CITYWIDE, yellow).response == Response.POLICE
    assert policies.decide(lifting, replace(yellow, wish=CallerWish.NO_POLICE)).response == Response.POLICE
    for value in (AnswerValue.UNKNOWN, AnswerValue.NOT_ASKED):
        assert policies.decide(lifting, replace(yellow, answers=answered(WEAPON=value))).response == Response.POLICE


# --- properties ---------------------------------------------------------------------------------------------------------

RANK = [Response.CARE, Response.CARE_EMS, Response.CARE_POLICE, Response.EMS, Response.POLICE]
ANSWERS = st.fixed_dictionaries({name: st.sampled_from(list(AnswerValue)) for name in Disqualifier})
FACTS = st.builds(
    Facts,
    type_code=st.sampled_from(["SERVICE - WELFARE CHECK", "TRESPASS", "X"]),
    color=st.sampled_from(list(Color)),
    answers=ANSWERS,
    local_time=st.times(),
    area=st.sampled_from(["Downtown", "Ballard", None]),
    area_open=st.booleans(),
    units=st.lists(st.builds(UnitFacts, capabilities=st.just(frozenset({"PEER"})), free=st.booleans())).map(tuple),
    cautions=st.frozensets(st.sampled_from(["ADDRESS", "PHONE"])),
    place_kind=st.sampled_from(list(PlaceKind)),
    markers=st.frozensets(st.sampled_from(list(Marker))),
    wish=st.sampled_from(list(CallerWish)),
)
_response = st.sampled_from([str(response) for response in RANK])
_answer_rule = st.fixed_dictionaries(
    {"yes": st.sampled_from(["CARE+POLICE", "POLICE"]), "unanswered": st.sampled_from(["CARE+EMS", "CARE+POLICE"])},
    optional={"not_relevant": st.sampled_from(["CARE", "CARE+EMS", "CARE+POLICE"])},
)
RULES = st.fixed_dictionaries(
    {
        "minimum": st.sampled_from(["CARE", "CARE+POLICE"]),
        "colors": st.sampled_from([{"GREEN": "CARE", "YELLOW": "POLICE"}, {"GREEN": "CARE", "YELLOW": "CARE"}]),
        "answers": st.fixed_dictionaries({str(name): _answer_rule for name in Disqualifier}),
        "caution": st.sampled_from(["CARE+POLICE", "POLICE"]),
        "wants_police": st.sampled_from(["CARE+POLICE", "POLICE"]),
    },
    optional={
        "types": st.dictionaries(st.sampled_from(["TRESPASS", "X"]), _response),
        "places": st.dictionaries(st.sampled_from([str(kind) for kind in PlaceKind]), _response),
        "markers": st.dictionaries(st.sampled_from([str(marker) for marker in Marker]), _response),
        "no_police_lifts_yellow": st.booleans(),
        "only_types": st.sampled_from([None, ["TRESPASS"]]),
    },
).map(policies.parse)


@given(rules=RULES, known=FACTS, name=st.sampled_from(list(Disqualifier)))
def test_a_yes_never_makes_a_response_less_cautious(rules: Rules, known: Facts, name: Disqualifier) -> None:
    before = policies.decide(rules, known)
    after = policies.decide(rules, replace(known, answers={**known.answers, name: AnswerValue.YES}))

    assert RANK.index(after.response) >= RANK.index(before.response)
    assert f"{name}_YES" in after.reasons


@given(rules=RULES, known=FACTS, name=st.sampled_from(list(Disqualifier)))
def test_unknown_and_not_asked_never_count_as_no(rules: Rules, known: Facts, name: Disqualifier) -> None:
    for value in (AnswerValue.UNKNOWN, AnswerValue.NOT_ASKED):
        outcome = policies.decide(rules, replace(known, answers={**known.answers, name: value}))
        assert outcome.response != Response.CARE
        assert f"{name}_{value}" in outcome.reasons


@given(rules=RULES, known=FACTS)
def test_what_becomes_known_against_care_never_makes_a_response_less_cautious(rules: Rules, known: Facts) -> None:
    before = RANK.index(policies.decide(rules, replace(known, cautions=frozenset(), markers=frozenset())).response)

    assert RANK.index(policies.decide(rules, known).response) >= before
    assert policies.decide(rules, replace(known, color=Color.RED)).response == Response.POLICE


@given(rules=RULES, known=FACTS)
def test_an_outcome_says_why(rules: Rules, known: Facts) -> None:
    outcome = policies.decide(rules, known)

    assert outcome.response == Response.CARE or outcome.against
    assert outcome.care_available is not any(reason in REACH for reason in outcome.reasons)
    assert len(set(outcome.reasons)) == len(outcome.reasons)
    assert outcome == policies.decide(rules, known)


def test_every_reason_and_code_has_its_words() -> None:
    assert set(REASON_WORDS) == {*map(str, Reason), *map(str, OverruleCode)}
    assert set(OVERRULE_WORDS) == set(map(str, OverruleCode))
    assert all(words.strip().endswith(".") for words in REASON_WORDS.values())
    assert max(map(len, REASON_WORDS)) <= 60
    assert not DANGERS & (REACH | SPEAK_FOR_CARE)


# --- riskier ------------------------------------------------------------------------------------------------------------


def test_a_call_is_riskier_when_the_response_rises_or_a_danger_appears() -> None:
    calm = policies.decide(CITYWIDE, facts())
    unasked = policies.decide(CITYWIDE, facts(answers=answered(WEAPON="UNKNOWN")))
    armed = policies.decide(CITYWIDE, facts(answers=answered(WEAPON="YES")))
    busy = policies.decide(CITYWIDE, facts(units=()))

    assert policies.riskier(calm.response, calm.reasons, armed) == [Reason.WEAPON_YES]
    assert policies.riskier(calm.response, calm.reasons, unasked) == [Reason.WEAPON_UNKNOWN]
    assert policies.riskier(armed.response, armed.reasons, calm) == []
    assert policies.riskier(calm.response, calm.reasons, busy) == []
    assert policies.riskier(calm.response, calm.reasons, calm) == []


def test_a_danger_counts_where_the_response_is_already_the_most_cautious() -> None:
    yellow = policies.decide(CITYWIDE, facts(color=Color.YELLOW))
    armed = policies.decide(CITYWIDE, facts(color=Color.YELLOW, answers=answered(WEAPON="YES")))
    at_home = policies.decide(CITYWIDE, facts(color=Color.YELLOW, place_kind=PlaceKind.RESIDENCE))

    assert policies.riskier(yellow.response, yellow.reasons, armed) == [Reason.WEAPON_YES]
    assert policies.riskier(yellow.response, yellow.reasons, at_home) == []


def test_a_policy_that_rises_without_a_new_reason_names_the_ones_it_has() -> None:
    before = Outcome(Response.CARE, care_available=True, reasons=(Reason.PLACE_RESIDENCE,))
    after = Outcome(Response.POLICE, care_available=True, reasons=(Reason.PLACE_RESIDENCE,))

    assert policies.riskier(before.response, before.reasons, after) == [Reason.PLACE_RESIDENCE]


# --- the rules' own rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"minimum": "EMS"}, "minimum", "must be CARE or CARE+POLICE"),
        ({"hourz": {}}, "hourz", "is not a key of a policy"),
        ({"colors": {"GREEN": "CARE", "YELLOW": "POLICE", "RED": "CARE"}}, "colors.RED", "RED is always POLICE"),
        ({"colors": {"GREEN": "POLICE", "YELLOW": "CARE"}}, "colors.YELLOW", "at least as cautious as GREEN"),
        ({"colors": []}, "colors", "must be a JSON object"),
        ({"caution": "CARE"}, "caution", "must keep CARE from going alone"),
        ({"wants_police": "EMS"}, "wants_police", "must have police in it"),
        ({"answers": {}}, "answers.WEAPON", "is missing"),
        ({"answers": {**catalogue.seattle_2025()["answers"], "DOG": {}}}, "answers.DOG", "is not a disqualifier"),
        (
            {"answers": {**catalogue.seattle_2025()["answers"], "WEAPON": {"yes": "POLICE", "unanswered": "CARE"}}},
            "answers.WEAPON.unanswered",
            "must keep CARE from going alone",
        ),
        (
            {"answers": {**catalogue.seattle_2025()["answers"], "WEAPON": {"yes": "EMS", "unanswered": "POLICE"}}},
            "answers.WEAPON.yes",
            "must have police in it",
        ),
        (
            {
                "answers": {
                    **catalogue.seattle_2025()["answers"],
                    "MEDICAL": {"yes": "CARE+EMS", "unanswered": "POLICE", "sometimes": "CARE"},
                }
            },
            "answers.MEDICAL.yes",
            "at least as cautious as unanswered",
        ),
        ({"places": {"MOON": "CARE"}}, "places.MOON", "is not a name that may stand here"),
        ({"places": {"PUBLIC": "TAXI"}}, "places.PUBLIC", "must be one of"),
        ({"markers": {"DRUG_USE": 3}}, "markers.DRUG_USE", "must be one of"),
        ({"needs": {"X": ["WINGS"]}}, "needs.X", "must be a list of capabilities"),
        ({"only_types": []}, "only_types", "must be a list of names"),
        ({"areas": "Downtown"}, "areas", "must be a list of names"),
        ({"hours": {"opens": "25:00", "closes": "22:00"}}, "hours.opens", "must be a time of day"),
        ({"hours": {"opens": "12:00", "closes": "22:00", "lunch": "13:00"}}, "hours.lunch", "is not a key here"),
        ({"hours": {"opens": 12, "closes": "22:00:00"}}, "hours.closes", "must be a time of day"),
        ({"no_police_lifts_yellow": "yes"}, "no_police_lifts_yellow", "must be true or false"),
        ({"note": 5}, "note", "must be text"),
    ],
)
def test_rules_that_cannot_be_used_say_where_and_why(change: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        policies.parse({**catalogue.seattle_2025(), **change})

    assert words in refused.value.errors[path]


@pytest.mark.parametrize("key", ["minimum", "colors", "answers", "caution", "wants_police"])
def test_a_required_key_is_asked_for(key: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        policies.parse({name: value for name, value in catalogue.seattle_2025().items() if name != key})

    assert refused.value.errors == {key: "is missing"}


@pytest.mark.parametrize("rules", [None, [], "CARE", 7])
def test_rules_are_an_object(rules: object) -> None:
    with pytest.raises(InvalidRules, match="must be a JSON object"):
        policies.parse(rules)


# --- what ships ---------------------------------------------------------------------------------------------------------


def test_the_types_that_ship_are_sound() -> None:
    types = catalogue.call_types()
    codes = [row["code"] for row in types]

    assert len(codes) == len(set(codes)) > 300
    assert all(set(row) == {"code", "label", "color"} for row in types)
    assert {row["color"] for row in types} == set(Color)
    assert all(row["color"] == "GREEN" for row in types if row["code"].startswith("CCR ONLY - "))
    assert catalogue.colors()["SERVICE - WELFARE CHECK"] == "GREEN"
    assert catalogue.colors()["CRISIS COMPLAINT - GENERAL"] == "YELLOW"
    for code, color in catalogue.colors().items():
        if any(word in code for word in ("ASLT", "ROBBERY", "GUN", "RAPE", "HOMICIDE", "SHOTS", "KIDNAP")):
            assert color == "RED", code


def test_the_pilot_names_types_that_exist() -> None:
    assert set(catalogue.seattle_2023_pilot()["only_types"]) <= set(catalogue.colors())
    with pytest.raises(KeyError):
        catalogue.policy("seattle-1984")


def test_screening_fills_in_what_nobody_asked() -> None:
    assert screening.complete({"WEAPON": "NO"}) == {
        Disqualifier.WEAPON: "NO",
        Disqualifier.VIOLENCE: "NOT_ASKED",
        Disqualifier.MEDICAL: "NOT_ASKED",
        Disqualifier.POLICE_ONLY: "NOT_ASKED",
    }
    assert screening.unanswered(answered(MEDICAL="UNKNOWN")) == [Disqualifier.MEDICAL]
    assert screening.said_yes(answered(MEDICAL="YES")) == [Disqualifier.MEDICAL]
    assert not screening.all_ruled_out({Disqualifier.WEAPON: AnswerValue.NO})
    with pytest.raises(ValueError, match="DOG"):
        screening.complete({"DOG": "NO"})
