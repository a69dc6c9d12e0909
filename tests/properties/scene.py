"""
A small agency with everybody in it, and arguments for any kind of action, drawn from what its serializer declares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from rest_framework import serializers

from dispatch.actions import backups, desk, messages, on_view
from dispatch.models import (
    Alarm,
    Assignment,
    BackupPress,
    CadFeed,
    Call,
    CallType,
    Caution,
    Debrief,
    HandOver,
    Message,
    Policy,
    Referral,
    Stop,
    Tandem,
)
from dispatch.serializers import ByRadio
from followups.actions import clients, encounters, follow_ups, knowledge, plans
from followups.models import (
    BreakGlass,
    CarePlan,
    Client,
    ClientCaution,
    Consent,
    Contact,
    ContactWay,
    Encounter,
    FollowUp,
    Intake,
    Merge,
    Plan,
    Strategy,
)
from journal.door import open_door
from journal.kinds import Kind
from responders.actors import Actor
from responders.models import Agency, Shift
from tablets.models import Tablet
from tests.conftest import NOON
from tests.factories import dispatch as make_dispatch
from tests.factories import encounters as make_encounters
from tests.factories import responders as make
from tests.factories.referrals import referral

# A point inside tests.factories.responders.DOWNTOWN, and one far outside every area.
_POINTS = [{"lon": -122.33, "lat": 47.605}, {"lon": -122.40, "lat": 47.70}]
_ROLES = ["DISPATCHER", "EMBEDDED", "POLICE_DISPATCHER", "SUPERVISOR", "COORDINATOR", "OFFICER", "ADMIN"]
_WORDS = ["doorway", "caller moved", "no answer", "asked twice", "Ünïcödé ✓"]


@dataclass(frozen=True)
class Scene:
    """
    An agency, who acts in it, and the streams that anybody reads.
    """

    agency: Agency
    actors: list[Actor]

    def streams(self) -> list[str]:
        """
        Return every stream of the agency.
        """
        areas = [f"area.{area.pk}" for area in self.agency.areas.all()]
        units = [f"unit.{unit.pk}" for unit in self.agency.units.all()]
        audiences = ("desk", "supervisors", "coordinators", "reference", "care", "directory")
        named = [f"{audience}.{self.agency.pk}" for audience in audiences]
        named += [f"officer.{actor.person_id}" for actor in self.actors if actor.has("OFFICER")]
        named += [f"responder.{actor.person_id}" for actor in self.actors if actor.unit_id is not None]
        return [*areas, *units, *named]

    def ids(self) -> dict[str, list[int]]:
        """
        Return what an argument of each name may point at, by the names that serializers use.
        """

        def of(rows: Any, **where: Any) -> list[int]:
            # In one order, or the same draws would mean something else the next time.
            return list(rows.filter(**where).order_by("pk").values_list("pk", flat=True))

        calls, units = of(Call.objects, agency=self.agency), of(self.agency.units)
        people = of(Client.objects, agency=self.agency)
        return {
            "client": people,
            "kept": people,
            "absorbed": people,
            "contact": of(Contact.objects, client__in=people),
            "way": of(ContactWay.objects, client__in=people),
            "strategy": of(Strategy.objects, client__in=people),
            "merge": of(Merge.objects, kept__in=people),
            "break_glass": of(BreakGlass.objects, client__in=people),
            "care_plan": of(CarePlan.objects, client__in=people),
            "consent": of(Consent.objects, client__in=people),
            "plan": of(Plan.objects, agency=self.agency),
            "follow_up": of(FollowUp.objects, agency=self.agency),
            "intake": of(Intake.objects, agency=self.agency),
            "encounter": of(Encounter.objects, agency=self.agency),
            "partner": of(self.agency.people),
            "call": calls,
            "into": calls,
            "unit": units,
            "to_unit": units,
            "assignment": of(Assignment.objects, call__in=calls),
            "hand_over": of(HandOver.objects, call__in=calls),
            "stop": of(Stop.objects, call__in=calls),
            "referral": of(Referral.objects, agency=self.agency),
            "tandem": of(Tandem.objects, call__in=calls),
            "message": of(Message.objects, call__in=calls),
            "alarm": of(Alarm.objects, call__in=calls),
            # Dispatch's and a person's have the same name, and ids that seldom meet.
            "caution": of(Caution.objects, agency=self.agency) + of(ClientCaution.objects, client__in=people),
            "debrief": of(Debrief.objects, agency=self.agency),
            "policy": of(Policy.objects, agency=self.agency),
            "tablet": of(Tablet.objects, agency=self.agency),
            "person": of(self.agency.people),
        }


def scene(*, at: datetime = NOON) -> Scene:
    """
    Return a new agency with two areas, three crewed units, a desk, a supervisor, an officer and a few pending calls; and
    with something of everything that takes many steps to come about.
    """
    agency = make.agency()
    areas = [make.area(agency), make.area(agency)]
    units = [make.crewed_unit(agency, areas=areas, at=at) for _ in range(3)]
    make.unit(agency, call_sign=f"HEALTH {agency.pk}", outside=True)
    with open_door(by="system:test", at=at):
        CadFeed.objects.create(agency=agency, heard_at=at + timedelta(hours=1), told_at=at)
    for queue in ("CARE", "POLICE", "POLICE"):
        make_dispatch.call(agency, area=areas[0], queue=queue)
    tandem = make_dispatch.call(agency, area=areas[0], response="CARE+POLICE")
    people = [make.person(agency, role) for role in _ROLES]
    actors = [make.actor(person) for person in people]
    for unit in units:
        shift = Shift.objects.filter(unit=unit, ended_at=None).earliest("pk")
        actors.append(make.tablet_actor(shift))
    here = Scene(agency=agency, actors=actors)
    _under_way(here, tandem, at)
    _met(here, tandem, at)
    return here


def _met(here: Scene, tandem: Call, at: datetime) -> None:
    """
    Let the crew that was sent begin its report, and a coordinator know two people, of whom one is at that call and is to be
    visited by the same crew.
    """
    make_encounters.offered(here.agency)
    coordinator = next(actor for actor in here.actors if actor.has("COORDINATOR"))
    sent = next(actor for actor in here.actors if actor.unit_id is not None)
    held = tandem.assignments.get(unit=sent.unit_id)
    key = UUID(_own_keys(here)[2])

    def know() -> None:
        for name in ("One of Two", "Two of Two"):
            clients.make(agency_id=here.agency.pk, name=name, phone="206-555-0188", by=coordinator, at=at)

    steps: list[Callable[[], object]] = [
        know,
        lambda: clients.link(client_id=here.ids()["client"][0], call_id=tandem.pk, by=coordinator, at=at),
        lambda: knowledge.add_strategy(
            client_id=here.ids()["client"][0], kind="HELPS", text="Sit down first", by=coordinator, at=at
        ),
        lambda: plans.open_by_hand(client_id=here.ids()["client"][0], by=coordinator, at=at),
        lambda: follow_ups.assign(
            follow_up_id=here.ids()["follow_up"][0], unit_id=sent.unit_id, by=coordinator, at=at
        ),
        lambda: encounters.save(
            key=key, assignment_id=held.pk, revision=1, body=make_encounters.clean({}), by=sent, at=at
        ),
    ]
    for step in steps:
        with open_door(by="system:test", at=at):
            step()


def _under_way(here: Scene, tandem: Call, at: datetime) -> None:
    """
    Send a crew with police, write to it, let another one come upon somebody and a third ask for backup, and an officer refer.
    """
    dispatcher, officer = (
        next(actor for actor in here.actors if actor.has(role)) for role in ("DISPATCHER", "OFFICER")
    )
    sent, met, asking = (actor for actor in here.actors if actor.unit_id is not None)
    assert sent.unit_id is not None
    assert asking.unit_id is not None
    steps: list[Callable[[], object]] = [
        lambda: desk.dispatch(call_id=tandem.pk, unit_id=sent.unit_id or 0, by=dispatcher, at=at),
        lambda: messages.send(call_id=tandem.pk, text="North door", by=dispatcher, at=at),
        lambda: on_view.on_view(what="WELFARE", key=UUID(_own_keys(here)[0]), by=met, at=at),
        lambda: backups.raise_by_radio(
            unit_id=asking.unit_id or 0,
            level="URGENT",
            service="POLICE",
            asked_by="CARE",
            silent=False,
            drill=False,
            by=dispatcher,
            at=at,
        ),
    ]
    for step in steps:
        with open_door(by="system:test", at=at):
            step()
    referral(officer, at=at, what=tandem.type.code)


def _own_keys(scene: Scene) -> list[str]:
    return [f"{scene.agency.pk:08x}-5f0a-4c62-9d3f-0d8a4f0f9f1{digit}" for digit in range(3)]


def arguments(
    draw: Callable[[st.SearchStrategy[Any]], Any], kind: Kind, scene: Scene, at: datetime, by: Actor
) -> dict[str, Any]:
    """
    Return arguments that the kind's serializer understands, most of them pointing at what exists.
    """
    given = _fields(draw, kind.serializer(), scene, scene.ids(), at)
    if issubclass(kind.serializer, ByRadio) and draw(st.integers(0, 4)):
        # Whoever has a tablet speaks for its unit; everybody else says for which one, and who asked.
        told = {"unit": draw(st.sampled_from(scene.ids()["unit"])), "asked_by": "CARE"}
        given = {name: value for name, value in given.items() if name not in told}
        given |= {} if by.tablet_id is not None else told
    return given


def _fields(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    serializer: "serializers.Serializer[Any]",
    scene: Scene,
    ids: dict[str, list[int]],
    at: datetime,
) -> dict[str, Any]:
    given = {}
    for name, field in serializer.fields.items():
        if not field.required and draw(st.booleans()):
            continue
        if isinstance(field, serializers.IntegerField) and name in ids:
            given[name] = draw(st.sampled_from(ids[name] or [2**40]))
        else:
            given[name] = _value(draw, name, field, scene, at)
    return given


def _value(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    name: str,
    field: "serializers.Field[Any, Any, Any, Any]",
    scene: Scene,
    at: datetime,
) -> Any:
    if name == "body":
        whom = {"client": {"id": draw(st.sampled_from(scene.ids()["client"]))}}
        somebody = make_encounters.new("Somebody New")
        agreed = {
            "follow_up": draw(st.sampled_from(["YES", "NO", "NOT_ASKED"])),
            "left_to": draw(st.sampled_from(["HOME", "HOSPITAL"])),
        }
        bodies = [
            {},
            {"nobody_found": True},
            make_encounters.body(whom | agreed),
            make_encounters.body(somebody | agreed, whom),
        ]
        return draw(st.sampled_from([*bodies, make_encounters.WHOLE]))
    if name in ("point", "staging"):
        return draw(st.sampled_from(_POINTS))
    if name == "number":
        return draw(
            st.sampled_from(
                [*Call.objects.filter(agency=scene.agency).order_by("pk").values_list("number", flat=True), "26-NEW"]
            )
        )
    if name in ("type", "what") and not isinstance(field, serializers.ChoiceField):
        codes = list(CallType.objects.filter(agency=scene.agency).order_by("pk").values_list("code", flat=True))
        return draw(st.sampled_from(codes if name == "type" else [*codes, "WELFARE", "OTHER", "NOBODY KNOWS THIS"]))
    if isinstance(field, serializers.UUIDField):
        # Few enough that one is told again, and that what is said of it is about something; one is also another agency's.
        pressed = BackupPress.objects.filter(agency_id=scene.agency.pk).order_by("received_at", "key")
        keys = [
            *_own_keys(scene),
            *map(str, Encounter.objects.filter(agency=scene.agency).order_by("pk").values_list("key", flat=True)),
            "7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f10",
            *map(str, pressed.values_list("key", flat=True)),
        ]
        return draw(st.sampled_from(keys))
    if isinstance(field, serializers.ChoiceField):
        return draw(st.sampled_from(list(field.choices)))
    if isinstance(field, serializers.BooleanField):
        return draw(st.booleans())
    if isinstance(field, serializers.IntegerField):
        return draw(st.integers(field.min_value or 0, field.max_value or 9))
    if isinstance(field, serializers.DecimalField | serializers.FloatField):
        return draw(st.sampled_from(["0.0", "12.5"]))
    if isinstance(field, serializers.DateTimeField):
        return (at + draw(st.sampled_from([timedelta(minutes=-5), timedelta(days=1)]))).isoformat()
    if isinstance(field, serializers.DateField):
        return (at + draw(st.sampled_from([timedelta(days=-1), timedelta(0), timedelta(days=20)]))).date().isoformat()
    if isinstance(field, serializers.TimeField):
        return draw(st.sampled_from(["09:00", "13:30", "18:00"]))
    if isinstance(field, serializers.DictField):
        child = field.child
        if name == "answers" and isinstance(child, serializers.ChoiceField):
            from dispatch.models import Disqualifier

            return draw(st.dictionaries(st.sampled_from(Disqualifier.values), st.sampled_from(list(child.choices))))
        return {}
    if isinstance(field, serializers.ListField):
        if name == "strategies":
            return scene.ids()["strategy"]
        if name == "steps":
            return draw(st.sampled_from([[1, 7, 30], [3], [2, 14]]))
        return []
    if isinstance(field, serializers.CharField):
        return draw(st.sampled_from(_WORDS))[: field.max_length]
    raise NotImplementedError(f"no way yet to draw {name}: {field!r}")
