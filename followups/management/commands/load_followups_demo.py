"""
The demo's care after the call: people met, whom to see today, and who is waiting for it.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.contrib.gis.geos import Point
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dispatch.management.commands.load_demo import AGENCY, BY
from followups.actions import clients, follow_ups, knowledge, plans
from followups.models import ClientName, FollowUp, FollowUpState, MaySay, StrategyKind, WayKind
from journal.door import open_door
from responders.actors import Actor
from responders.models import Agency, Person, Unit


class _Met(NamedTuple):
    """
    Somebody of the demo: how they are called, where they are, and how long ago a crew met them.
    """

    told: Mapping[str, Any]
    way: tuple[str, str, str]
    point: tuple[float, float]
    days_ago: int
    knowledge: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    pause: str = ""


# Called by their place in the demo: nobody here is a person. Places are public, numbers are fictional (555-01xx).
PEOPLE: Final = (
    _Met(
        {"name": "Demo Person One", "aliases": ["D. P. Ones"], "born_on": "1968", "phone": "206-555-0141"},
        (WayKind.PLACE, "Bench at Occidental Square, mornings", MaySay.TEAM),
        (-122.3330, 47.6006),
        1,
        (
            (StrategyKind.HELPS, "Say your name first, then sit down"),
            (StrategyKind.HELPS, "Offer coffee before questions"),
            (StrategyKind.AVOID, "Standing behind them"),
            (StrategyKind.BASELINE, "Talks little, looks at the ground"),
            (StrategyKind.ELEVATED, "Walks in circles, raises voice"),
        ),
        unit="CARE 12",
    ),
    _Met(
        {"name": "Demo Person Two", "language": "es", "interpreter": True},
        (WayKind.SHELTER, "Shelter desk, 3rd Ave & Pike St", MaySay.FIRST_NAME),
        (-122.3378, 47.6101),
        1,
        ((StrategyKind.HELPS, "Interpreter by phone from the start"),),
        unit="CARE 12",
    ),
    _Met(
        {"name": "Demo Person Three", "phone": "206-555-0143"},
        (WayKind.ADDRESS, "5th Ave S & S Jackson St", MaySay.REASON),
        (-122.3277, 47.5992),
        4,
        ((StrategyKind.AVOID, "Questions about the family"),),
    ),
    _Met(
        {"looks": "Grey parka, red suitcase, about 60"},
        (WayKind.PLACE, "Bus shelter, Broadway E & E Pike St", MaySay.NOTHING),
        (-122.3208, 47.6143),
        7,
        unit="CARE 14",
    ),
    _Met(
        {"name": "Demo Person Five", "phone": "206-555-0145"},
        (WayKind.PROVIDER, "Case manager at a day centre", MaySay.TEAM),
        (-122.3192, 47.6171),
        2,
        pause="HOSPITAL",
    ),
    _Met(
        {"name": "Demo Person Six"},
        (WayKind.ADDRESS, "2nd Ave & Blanchard St", MaySay.TEAM),
        (-122.3444, 47.6126),
        0,
    ),
)

_DIRECTORY: Final = Path(__file__).parents[2] / "data" / "demo-directory.json"


class Command(BaseCommand):
    """
    manage.py load_followups_demo
    """

    help = "Load the demo's people met and their second responses, after load_demo. A second run changes nothing."

    def handle(self, *_: Any, **__: Any) -> None:
        """
        Load what is missing.

        :raises CommandError: this is no demo, or load_demo has not run.
        """
        if not settings.DEMO:
            raise CommandError("This site is no demo (DEMO=1 is not set): invented people are not loaded here.")
        agency = Agency.objects.filter(slug=AGENCY).first()
        if agency is None:
            raise CommandError("Run load_demo first.")
        call_command("load_choices", agency=AGENCY, stdout=self.stdout)
        call_command(
            "import_hsds", _DIRECTORY, agency=AGENCY, source="demo", name="Demo directory", stdout=self.stdout
        )
        # Others whom somebody met before, or tests have, are not the demo's.
        if ClientName.objects.filter(client__agency=agency, text=PEOPLE[0].told["name"]).exists():
            self.stdout.write("The demo's people are there.")
            return
        now = timezone.now()
        coordinator = _coordinator(agency)
        for met in PEOPLE:
            with open_door(by=BY, at=now):
                _enter(met, agency, by=coordinator, at=now)
        self.stdout.write(f"The demo's care after the call is loaded: {len(PEOPLE)} people.")


def _coordinator(agency: Agency) -> Actor:
    person = Person.objects.get(email="demo-coordinator@example.org")
    return Actor(agency_id=agency.pk, person_id=person.pk, roles=frozenset({"COORDINATOR"}), label=person.name)


def _enter(met: _Met, agency: Agency, *, by: Actor, at: datetime) -> None:
    client = clients.make(agency_id=agency.pk, by=by, at=at, **met.told)
    kind, value, may_say = met.way
    clients.put_way(
        client=client, kind=kind, value=value, may_say=may_say, point=Point(*met.point, srid=4326), by=by, at=at
    )
    for strategy, text in met.knowledge:
        knowledge.add_strategy(client_id=client.pk, kind=strategy, text=text, by=by, at=at)
    zone = agency.zone
    day = at.astimezone(zone).date() - timedelta(days=met.days_ago)
    # At noon, so that whoever starts the demo at night sees the same days.
    based_at = min(datetime.combine(day, time(12), tzinfo=zone), at)
    plan = plans.open_by_hand(client_id=client.pk, based_at=based_at, by=by, at=at)
    if met.pause:
        plans.pause(plan_id=plan.pk, reason=met.pause, by=by, at=at)
    if met.unit:
        first = FollowUp.objects.filter(plan=plan, state=FollowUpState.PENDING).order_by("due_at").first()
        unit = Unit.objects.get(agency=agency, call_sign=met.unit)
        if first is not None:
            follow_ups.assign(follow_up_id=first.pk, unit_id=unit.pk, by=by, at=at)
