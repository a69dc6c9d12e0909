"""
The policy engine: from what is known of a call to who should go, with every reason. Pure: no database, no clock.

A policy is a set of *floors*. Everything that speaks against CARE going alone (a color, an answer, a caution, a place)
names the least cautious response that is still allowed; the outcome is the most cautious of them. So nothing that
becomes known can make a response less cautious than it was, whatever the rules say. Caution is meant for the crew:

    CARE  <  CARE+EMS  <  CARE+POLICE  <  EMS  <  POLICE

``rules`` of a Policy is a JSON object. Keys that are not listed are refused, so that a slip of the pen in a safety rule
cannot pass for a rule:

``minimum`` (required)
    The least cautious response the policy ever gives: "CARE", or "CARE+POLICE" where CARE always goes with police.
``colors`` (required)
    ``{"GREEN": response, "YELLOW": response}``: where a type of call starts. RED is always POLICE and has no key.
``answers`` (required)
    For each of WEAPON, VIOLENCE, MEDICAL, POLICE_ONLY: ``{"yes": response, "unanswered": response, "not_relevant":
    response}``. ``unanswered`` holds for unknown and for not asked, and may not be CARE: neither ever counts as a no.
    ``not_relevant`` (present, but not relevant) is optional and CARE when absent. ``yes`` must keep CARE from going
    alone and be at least as cautious as the other two; that of WEAPON, VIOLENCE and POLICE_ONLY is a response with
    police in it.
``caution`` (required)
    The response while a caution is active on the address or on the caller's phone. Not CARE.
``wants_police`` (required)
    The response when the caller wants police. It has police in it.
``types``
    ``{code: response}``: where these types start, whatever their color; a RED type stays POLICE.
``only_types``
    Codes of the types that the policy sends CARE to; every other type is POLICE. Absent or null: all types.
``needs``
    ``{code: [capability, …]}``: what one unit must have for this type, all of it.
``places``
    ``{place kind: response}``. Kinds that are not listed change nothing.
``markers``
    ``{"DRUG_USE": response, "CONFRONTATIONAL": response}``, for what is known to be there.
``no_police_lifts_yellow``
    True: a YELLOW type starts like a GREEN one when the caller has said twice that no police should come and all four
    disqualifiers are ruled out. Absent: the wish is kept among the reasons and changes nothing.
``areas``
    Names of the service areas the policy covers. Absent or null: all of the agency's.
``hours``
    ``{"opens": "HH:MM", "closes": "HH:MM"}`` in the agency's zone, every day; ``closes`` not later than ``opens`` runs
    past midnight; it is open at ``opens`` and shut at ``closes``. Absent or null: the areas' opening hours alone.
``note``
    Words for whoever reads the policy; the engine does not read them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from dispatch import screening
from dispatch.models import (
    AnswerValue,
    CallerWish,
    Color,
    Disqualifier,
    Marker,
    PlaceKind,
    Queue,
    Response,
)
from dispatch.reasons import DANGERS, REACH, SPEAK_FOR_CARE, Reason
from responders.models import Capability

_CAUTION = [Response.CARE, Response.CARE_EMS, Response.CARE_POLICE, Response.EMS, Response.POLICE]
_RANK = {response: rank for rank, response in enumerate(_CAUTION)}
_WITH_POLICE = (Response.CARE_POLICE, Response.POLICE)
_WITH_CARE = frozenset({Response.CARE, Response.CARE_EMS, Response.CARE_POLICE})
_REQUIRED = ("minimum", "colors", "answers", "caution", "wants_police")
_OPTIONAL = (
    "types",
    "only_types",
    "needs",
    "places",
    "markers",
    "no_police_lifts_yellow",
    "areas",
    "hours",
    "note",
)


class InvalidRules(ValueError):
    """
    The rules of a policy cannot be used; ``errors`` says what is wrong, by path, in words for whoever edits them.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {words}" for path, words in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """
    What one disqualifier does to the response.
    """

    yes: Response
    unanswered: Response
    not_relevant: Response = Response.CARE


@dataclass(frozen=True, slots=True)
class Rules:
    """
    The rules of one policy, checked.
    """

    minimum: Response
    colors: Mapping[Color, Response]
    answers: Mapping[Disqualifier, AnswerRule]
    caution: Response
    wants_police: Response
    types: Mapping[str, Response] = field(default_factory=dict)
    only_types: frozenset[str] | None = None
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    places: Mapping[PlaceKind, Response] = field(default_factory=dict)
    markers: Mapping[Marker, Response] = field(default_factory=dict)
    no_police_lifts_yellow: bool = False
    areas: frozenset[str] | None = None
    hours: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """
    One unit that is on shift in the call's area with a full crew; ``free`` when it could be sent now.
    """

    capabilities: frozenset[str]
    free: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What is known of a call at one moment. The caller has gathered it: the engine reads nothing else.

    ``area`` is the name of the service area, None outside all of them; ``local_time`` is the wall clock in the agency's
    zone; ``cautions`` says on what an active caution lies: "ADDRESS", "PHONE".
    """

    type_code: str
    color: Color
    answers: Mapping[Disqualifier, AnswerValue]
    local_time: time
    area: str | None = None
    area_open: bool = True
    units: tuple[UnitFacts, ...] = ()
    cautions: frozenset[str] = frozenset()
    place_kind: PlaceKind = PlaceKind.UNKNOWN
    markers: frozenset[Marker] = frozenset()
    wish: CallerWish = CallerWish.NOT_SAID


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Who should go, whether CARE can come now, and why.
    """

    response: Response
    care_available: bool
    reasons: tuple[Reason, ...]

    @property
    def queue(self) -> Queue:
        """
        Return whom the call waits for.

        CARE, when the response has CARE in it and CARE serves that place at that hour. It waits there too while every
        unit is busy; where nobody would ever come for it, it waits for police.
        """
        out_of_reach = REACH - {Reason.ALL_UNITS_BUSY}
        served = self.response in _WITH_CARE and out_of_reach.isdisjoint(self.reasons)
        return Queue.CARE if served else Queue.POLICE

    @property
    def against(self) -> tuple[Reason, ...]:
        """
        Return the reasons that kept CARE from going alone.
        """
        return tuple(reason for reason in self.reasons if reason not in SPEAK_FOR_CARE and reason not in REACH)


NO_POLICY = Outcome(response=Response.POLICE, care_available=False, reasons=(Reason.NO_POLICY,))


def parse(rules: object) -> Rules:
    """
    Return the rules of a policy, checked; the module's docstring says what each key means.

    :raises InvalidRules: something is missing, unknown or would let CARE go alone where it must not.
    """
    return _Reader(rules).read()


def decide(rules: Rules, facts: Facts) -> Outcome:
    """
    Return what a policy says about a call: the response, whether CARE is available for it now, and every reason.
    """
    floors = _Floors(rules.minimum)
    _judge_type(rules, facts, floors)
    _judge_answers(rules, facts, floors)
    _judge_surroundings(rules, facts, floors)
    if rules.minimum != Response.CARE:
        floors.note(Reason.ALWAYS_WITH_POLICE)
    reach = list(_reach(rules, facts))
    return Outcome(response=floors.highest, care_available=not reach, reasons=(*floors.reasons, *reach))


def more_cautious(one: Response, other: Response) -> bool:
    """
    Tell whether the first response keeps a crew safer than the second.
    """
    return _RANK[one] > _RANK[other]


def riskier(before: Response, before_reasons: Iterable[str], after: Outcome) -> list[Reason]:
    """
    Return why a call is riskier than before, in the order of the decision; empty when it is not.

    It is when the response rose, or when something appeared that a crew must be told of at once.
    """
    known = set(before_reasons)
    new = [reason for reason in after.against if reason not in known]
    if more_cautious(after.response, before):
        return new or list(after.against)
    return [reason for reason in new if reason in DANGERS]


class _Floors:
    """
    The most cautious response asked for so far, and every reason for it.
    """

    def __init__(self, minimum: Response) -> None:
        self.highest = minimum
        self.reasons: list[Reason] = []

    def note(self, reason: Reason) -> None:
        """
        Keep a reason that asks for nothing.
        """
        self.reasons.append(reason)

    def ask(self, floor: Response, reason: Reason) -> None:
        """
        Ask for at least this response. A floor of CARE asks for nothing and leaves no reason.
        """
        if floor == Response.CARE:
            return
        self.reasons.append(reason)
        if more_cautious(floor, self.highest):
            self.highest = floor


def _judge_type(rules: Rules, facts: Facts, floors: _Floors) -> None:
    if facts.color == Color.RED:
        floors.ask(Response.POLICE, Reason.TYPE_RED)
        return
    if rules.only_types is not None and facts.type_code not in rules.only_types:
        floors.ask(Response.POLICE, Reason.TYPE_NOT_IN_POLICY)
        return
    if facts.type_code in rules.types:
        start = rules.types[facts.type_code]
        if start == Response.CARE:
            floors.note(Reason.TYPE_ALLOWED)
        floors.ask(start, Reason.TYPE_RESTRICTED)
    elif facts.color == Color.GREEN:
        if rules.colors[Color.GREEN] == Response.CARE:
            floors.note(Reason.TYPE_GREEN)
        floors.ask(rules.colors[Color.GREEN], Reason.TYPE_RESTRICTED)
    elif _lifts_yellow(rules, facts):
        floors.note(Reason.TYPE_YELLOW_LIFTED)
        floors.ask(rules.colors[Color.GREEN], Reason.TYPE_YELLOW)
    else:
        floors.ask(rules.colors[Color.YELLOW], Reason.TYPE_YELLOW)


def _lifts_yellow(rules: Rules, facts: Facts) -> bool:
    return (
        rules.no_police_lifts_yellow
        and facts.wish == CallerWish.NO_POLICE_CONFIRMED
        and screening.all_ruled_out(facts.answers)
    )


def _judge_answers(rules: Rules, facts: Facts, floors: _Floors) -> None:
    if screening.all_ruled_out(facts.answers):
        floors.note(Reason.DISQUALIFIERS_RULED_OUT)
    for name in Disqualifier:
        rule = rules.answers[name]
        value = facts.answers.get(name, AnswerValue.NOT_ASKED)
        floor = {
            AnswerValue.YES: rule.yes,
            AnswerValue.NOT_RELEVANT: rule.not_relevant,
            AnswerValue.NO: Response.CARE,
            AnswerValue.UNKNOWN: rule.unanswered,
            AnswerValue.NOT_ASKED: rule.unanswered,
        }[value]
        if floor != Response.CARE:
            floors.ask(floor, Reason(f"{name}_{value}"))


def _judge_surroundings(rules: Rules, facts: Facts, floors: _Floors) -> None:
    if "ADDRESS" in facts.cautions:
        floors.ask(rules.caution, Reason.CAUTION_ADDRESS)
    if "PHONE" in facts.cautions:
        floors.ask(rules.caution, Reason.CAUTION_PHONE)
    floors.ask(rules.places.get(facts.place_kind, Response.CARE), Reason(f"PLACE_{facts.place_kind}"))
    for marker in Marker:
        if marker in facts.markers:
            floors.ask(rules.markers.get(marker, Response.CARE), Reason(f"MARKER_{marker}"))
    if facts.wish == CallerWish.WANTS_POLICE:
        floors.ask(rules.wants_police, Reason.CALLER_WANTS_POLICE)
    elif facts.wish == CallerWish.NO_POLICE_CONFIRMED:
        floors.note(Reason.CALLER_WANTS_NO_POLICE)
    elif facts.wish == CallerWish.NO_POLICE:
        floors.note(Reason.CALLER_WISH_ASK_AGAIN)


def _reach(rules: Rules, facts: Facts) -> Iterable[Reason]:
    if facts.area is None:
        yield Reason.OUTSIDE_AREAS
    elif rules.areas is not None and facts.area.casefold() not in rules.areas:
        yield Reason.AREA_NOT_IN_POLICY
    if facts.area is not None and not facts.area_open:
        yield Reason.AREA_CLOSED
    if rules.hours is not None and not _within(facts.local_time, *rules.hours):
        yield Reason.OUTSIDE_HOURS
    if facts.area is None:
        return
    needed = rules.needs.get(facts.type_code, frozenset())
    if not facts.units:
        yield Reason.NO_UNIT_ON_SHIFT
        return
    capable = [unit for unit in facts.units if needed <= unit.capabilities]
    if not capable:
        yield Reason.NO_CAPABLE_UNIT
    elif not any(unit.free for unit in capable):
        yield Reason.ALL_UNITS_BUSY


def _within(clock: time, opens: time, closes: time) -> bool:
    if opens < closes:
        return opens <= clock < closes
    return clock >= opens or clock < closes


class _Reader:
    """
    Reads one policy's JSON and collects everything that is wrong with it, not only the first slip.
    """

    def __init__(self, rules: object) -> None:
        self._errors: dict[str, str] = {}
        self._rules: dict[str, Any] = {}
        if isinstance(rules, dict):
            self._rules = rules
        else:
            self._errors["rules"] = "must be a JSON object"

    def read(self) -> Rules:
        """
        Return the rules.

        :raises InvalidRules: with everything that is wrong.
        """
        if not self._errors:
            for key in _REQUIRED:
                if key not in self._rules:
                    self._errors[key] = "is missing"
            for key in self._rules:
                if key not in _REQUIRED and key not in _OPTIONAL:
                    self._errors[str(key)] = "is not a key of a policy"
        if self._errors:
            raise InvalidRules(self._errors)
        rules = Rules(
            minimum=self._response(
                "minimum",
                self._rules["minimum"],
                among=(Response.CARE, Response.CARE_POLICE),
                why="must be CARE or CARE+POLICE",
            ),
            colors=self._colors(),
            answers=self._answers(),
            caution=self._not_alone("caution", self._rules["caution"]),
            wants_police=self._with_police("wants_police", self._rules["wants_police"]),
            types=self._mapping("types", str, self._response),
            only_types=self._names("only_types"),
            needs=self._mapping("needs", str, self._capabilities),
            places=self._mapping("places", PlaceKind, self._response),
            markers=self._mapping("markers", Marker, self._response),
            no_police_lifts_yellow=self._flag("no_police_lifts_yellow"),
            areas=self._areas(),
            hours=self._hours(),
        )
        if not isinstance(self._rules.get("note", ""), str):
            self._errors["note"] = "must be text"
        if self._errors:
            raise InvalidRules(self._errors)
        return rules

    def _response(
        self,
        path: str,
        value: object,
        *,
        among: Iterable[Response] = tuple(Response),
        why: str = f"must be one of {', '.join(_CAUTION)}",
    ) -> Response:
        if isinstance(value, str) and value in list(among):
            return Response(value)
        self._errors.setdefault(path, f"{why}, not {value!r}")
        return Response.POLICE

    def _not_alone(self, path: str, value: object) -> Response:
        return self._response(
            path,
            value,
            among=_CAUTION[1:],
            why="must keep CARE from going alone: CARE+EMS, CARE+POLICE, EMS or POLICE",
        )

    def _with_police(self, path: str, value: object) -> Response:
        return self._response(path, value, among=_WITH_POLICE, why="must have police in it: CARE+POLICE or POLICE")

    def _object(self, path: str, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._errors[path] = "must be a JSON object"
        return {}

    def _colors(self) -> dict[Color, Response]:
        given = self._object("colors", self._rules["colors"])
        for key in given:
            if key not in (Color.GREEN, Color.YELLOW):
                self._errors[f"colors.{key}"] = "is not a key here: GREEN and YELLOW are; RED is always POLICE"
        colors = {color: self._response(f"colors.{color}", given.get(color)) for color in (Color.GREEN, Color.YELLOW)}
        if more_cautious(colors[Color.GREEN], colors[Color.YELLOW]):
            self._errors.setdefault("colors.YELLOW", "must be at least as cautious as GREEN")
        return colors

    def _answers(self) -> dict[Disqualifier, AnswerRule]:
        given = self._object("answers", self._rules["answers"])
        for key in given:
            if key not in list(Disqualifier):
                self._errors[f"answers.{key}"] = f"is not a disqualifier: {', '.join(Disqualifier)}"
        return {name: self._answer(f"answers.{name}", name, given.get(name)) for name in Disqualifier}

    def _answer(self, path: str, name: Disqualifier, value: object) -> AnswerRule:
        if value is None:
            self._errors[path] = "is missing"
            return AnswerRule(Response.POLICE, Response.POLICE)
        given = self._object(path, value)
        for key in given:
            if key not in ("yes", "unanswered", "not_relevant"):
                self._errors[f"{path}.{key}"] = "is not a key here: yes, unanswered, not_relevant are"
        ask = self._not_alone if name == Disqualifier.MEDICAL else self._with_police
        rule = AnswerRule(
            yes=ask(f"{path}.yes", given.get("yes")),
            unanswered=self._not_alone(f"{path}.unanswered", given.get("unanswered")),
            not_relevant=self._response(f"{path}.not_relevant", given.get("not_relevant", Response.CARE)),
        )
        for other in ("unanswered", "not_relevant"):
            if more_cautious(getattr(rule, other), rule.yes):
                self._errors.setdefault(f"{path}.yes", f"must be at least as cautious as {other}")
        return rule

    def _mapping(self, key: str, make_key: Callable[[str], Any], read: Callable[[str, object], Any]) -> dict[Any, Any]:
        found = {}
        for name, value in self._object(key, self._rules.get(key, {})).items():
            try:
                known = make_key(name)
            except ValueError:
                self._errors[f"{key}.{name}"] = "is not a name that may stand here"
                continue
            found[known] = read(f"{key}.{name}", value)
        return found

    def _names(self, key: str) -> frozenset[str] | None:
        value = self._rules.get(key)
        if value is None:
            return None
        if isinstance(value, list) and value and all(isinstance(name, str) and name.strip() for name in value):
            return frozenset(value)
        self._errors[key] = "must be a list of names that is not empty, or null"
        return frozenset()

    def _areas(self) -> frozenset[str] | None:
        names = self._names("areas")
        return None if names is None else frozenset(name.strip().casefold() for name in names)

    def _capabilities(self, path: str, value: object) -> frozenset[str]:
        if isinstance(value, list) and value and all(item in list(Capability) for item in value):
            return frozenset(value)
        self._errors[path] = f"must be a list of capabilities: {', '.join(Capability)}"
        return frozenset()

    def _flag(self, key: str) -> bool:
        value = self._rules.get(key, False)
        if not isinstance(value, bool):
            self._errors[key] = "must be true or false"
        return value is True

    def _hours(self) -> tuple[time, time] | None:
        if self._rules.get("hours") is None:
            return None
        given = self._object("hours", self._rules["hours"])
        for key in given:
            if key not in ("opens", "closes"):
                self._errors[f"hours.{key}"] = "is not a key here: opens and closes are"
        return self._clock("hours.opens", given.get("opens")), self._clock("hours.closes", given.get("closes"))

    def _clock(self, path: str, value: object) -> time:
        try:
            if isinstance(value, str) and len(value) == len("HH:MM"):
                return time.fromisoformat(value)
        except ValueError:
            pass
        self._errors[path] = f"must be a time of day like 11:00, not {value!r}"
        return time(0)
