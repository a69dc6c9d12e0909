"""
Load the demo: an invented agency in the real Seattle, with its people by role, units, tablets and a replayed CAD.
"""

import os
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.gis.geos import Point
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from dispatch import catalogue
from dispatch.actions import cad_keys, policies
from dispatch.models import Assignment, CadKey
from journal.door import open_door
from journal.record import record
from responders import seattle
from responders.actions import areas, positions, shifts
from responders.actors import Actor
from responders.models import Agency, Capability, EndReason, Person, Role, RoleName, ServiceArea, Shift, Unit
from tablets.actions import pair
from tablets.models import Tablet

AGENCY: Final = "seattle-demo"
BY: Final = "system:demo"
# The day the pilot began; the areas and the policy hold from then on.
_SINCE = date(2023, 10, 1)
_POLICY = "Seattle 2025, day and night for the demo"
_KEY_NAME = "Replay"
_SHIFT = timedelta(hours=10)

# Called by their roles: nobody here is a person.
PEOPLE: Final = (
    ("demo-dispatcher", "Demo Dispatcher", RoleName.DISPATCHER),
    ("demo-embedded", "Embedded Professional", RoleName.EMBEDDED),
    ("demo-supervisor", "Demo Supervisor", RoleName.SUPERVISOR),
    ("demo-police-dispatcher", "Demo Police Dispatcher", RoleName.POLICE_DISPATCHER),
    ("demo-officer", "Demo Officer", RoleName.OFFICER),
    ("demo-coordinator", "Demo Coordinator", RoleName.COORDINATOR),
    ("demo-admin", "Demo Administrator", RoleName.ADMIN),
    ("demo-responder-1", "Responder One", RoleName.RESPONDER),
    ("demo-responder-2", "Responder Two", RoleName.RESPONDER),
    ("demo-responder-3", "Responder Three", RoleName.RESPONDER),
    ("demo-responder-4", "Responder Four", RoleName.RESPONDER),
    ("demo-responder-5", "Responder Five", RoleName.RESPONDER),
    ("demo-responder-6", "Responder Six", RoleName.RESPONDER),
    ("demo-responder-7", "Responder Seven", RoleName.RESPONDER),
    ("demo-responder-8", "Responder Eight", RoleName.RESPONDER),
)
# Call sign, what its crew can do, who is on shift (by number), where it begins. One unit waits for its second responder,
# one is off shift: a desk sees both every day.
UNITS: Final = (
    ("CARE 12", [Capability.BEHAVIORAL_HEALTH, Capability.MEDIATION], (1, 2), (-122.3356, 47.6089)),
    ("CARE 14", [Capability.BEHAVIORAL_HEALTH, Capability.PEER], (3, 4), (-122.3317, 47.6016)),
    ("CARE 16", [Capability.MEDICAL, Capability.PEER], (5,), (-122.3248, 47.5981)),
    ("CARE 18", [Capability.BEHAVIORAL_HEALTH], (), None),
)
OUTSIDE_UNITS: Final = ("HEALTH ONE",)
TABLETS: Final = (("Tablet 1", "CARE 12"), ("Tablet 2", "CARE 14"))


class Command(BaseCommand):
    """
    manage.py load_demo
    """

    help = "Load the demo's agency, people, units and tablets. A second run changes nothing that is in order."

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Say what the command takes.
        """
        parser.add_argument(
            "--key-file",
            type=Path,
            default=Path(settings.BASE_DIR) / ".local" / "demo-cad-key",
            help="where the secret of the replay's CAD key is kept",
        )

    def handle(self, *_: Any, key_file: Path, **__: Any) -> None:
        """
        Load what is missing.

        :raises CommandError: this is no demo.
        """
        if not settings.DEMO:
            raise CommandError("This site is no demo (DEMO=1 is not set): invented accounts are not loaded here.")
        now = timezone.now()
        with open_door(by=BY, at=now):
            agency = _agency(at=now)
            service_areas = _areas(agency, at=now)
            people = _people(agency, at=now)
            units = _units(agency, service_areas, at=now)
            policies.load_types(agency_id=agency.pk, types=catalogue.call_types(), by=BY, at=now)
            _policy(agency, at=now)
            _key(agency, key_file, at=now)
        with open_door(by=BY, at=now):
            _crews(people, units, at=now)
        with open_door(by=BY, at=now):
            _tablets(people, units, at=now)
        for call_sign, _skills, crew, place in UNITS:
            if crew and place:
                # Where a crew would stand at the beginning of the day; its tablet says better from then on.
                positions.keep(
                    unit_id=units[call_sign].pk, point=Point(*place, srid=4326), accuracy_m=20, seen_at=now, at=now
                )
        self.stdout.write(f"The demo is loaded: {len(UNITS)} units, {len(service_areas)} areas, {len(people)} people.")


def _agency(*, at: datetime) -> Agency:
    agency, is_new = Agency.objects.get_or_create(
        slug=AGENCY, defaults={"name": "Seattle CARE (demo)", "timezone": "America/Los_Angeles"}
    )
    if is_new:
        record("agency.made", agency_id=agency.pk, about=f"agency.{agency.pk}", data={}, by=BY, at=at)
    return agency


def _areas(agency: Agency, *, at: datetime) -> list[ServiceArea]:
    loaded = areas.load(agency_id=agency.pk, polygons=seattle.pilot_areas(), valid_from=_SINCE, by=BY, at=at)
    for area in loaded:
        if area.hours.exclude(opens=time(0), closes=time(0)).exists() or not area.hours.exists():
            # Round the clock: a newcomer may look at three in the morning.
            areas.set_hours(area_id=area.pk, opens=time(0), closes=time(0), valid_from=_SINCE, by=BY, at=at)
    return loaded


def _people(agency: Agency, *, at: datetime) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for local, name, role in PEOPLE:
        email = f"{local}@example.org"
        person = Person.objects.filter(email=email).first()
        if person is None:
            # No password: the demo's doors are the only way in, and they exist in demo mode only.
            person = Person.objects.create_user(email, agency=agency, name=name)
            record(
                "person.added",
                agency_id=agency.pk,
                about=f"person.{person.pk}",
                data={"person": person.pk, "roles": [role.value]},
                by=BY,
                at=at,
            )
        Role.objects.get_or_create(person=person, name=role)
        people[local] = person
    return people


def _units(agency: Agency, service_areas: list[ServiceArea], *, at: datetime) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for call_sign, capabilities, _, _ in UNITS:
        unit, is_new = Unit.objects.get_or_create(
            agency=agency, call_sign=call_sign, defaults={"capabilities": [one.value for one in capabilities]}
        )
        unit.areas.set(service_areas)
        if is_new:
            record("unit.added", agency_id=agency.pk, about=f"unit.{unit.pk}", data={"unit": unit.pk}, by=BY, at=at)
        units[call_sign] = unit
    for call_sign in OUTSIDE_UNITS:
        Unit.objects.get_or_create(agency=agency, call_sign=call_sign, defaults={"outside": True})
    return units


def _policy(agency: Agency, *, at: datetime) -> None:
    rules = {key: value for key, value in catalogue.seattle_2025().items() if key != "hours"}
    since = datetime.combine(_SINCE, time(), tzinfo=agency.zone)
    policies.install(agency_id=agency.pk, name=_POLICY, rules=rules, in_force_from=since, by=BY, at=at)


def _crews(people: dict[str, Person], units: dict[str, Unit], *, at: datetime) -> None:
    for call_sign, _, crew, _ in UNITS:
        unit = units[call_sign]
        for number in crew:
            person = people[f"demo-responder-{number}"]
            shift = Shift.objects.filter(person=person, ended_at=None).first()
            if shift is not None and shift.planned_end_at <= at and not _is_out(shift.unit_id):
                # Yesterday's demo was left without signing off.
                shifts.end(shift_id=shift.pk, reason=EndReason.LAPSED, by=BY, at=at)
                shift = None
            if shift is None:
                shifts.start(person_id=person.pk, unit_id=unit.pk, planned_end_at=at + _SHIFT, by=BY, at=at)


def _is_out(unit_id: int) -> bool:
    return Assignment.objects.filter(unit=unit_id, ended_at=None).exists()


def _tablets(people: dict[str, Person], units: dict[str, Unit], *, at: datetime) -> None:
    supervisor = people["demo-supervisor"]
    by = Actor(agency_id=supervisor.agency_id, label=supervisor.name, person_id=supervisor.pk)
    for name, call_sign in TABLETS:
        unit = units[call_sign]
        if Tablet.objects.filter(unit=unit, name=name, revoked_at=None).exists():
            continue
        code = pair.make_code(unit_id=unit.pk, name=name, by=by, at=at).code
        # Its token is thrown away: the demo's door gives the tablet a new one each time somebody steps in.
        pair.trade(code_id=pair.count_attempt(code=code, at=at), code=code, at=at)


def _key(agency: Agency, path: Path, *, at: datetime) -> None:
    known = CadKey.objects.filter(agency=agency, name=_KEY_NAME, revoked_at=None).first()
    if known is not None and path.exists():
        kept = sha256(path.read_text().strip().encode()).digest()
        if kept == bytes(known.key_hash):
            return
    if known is not None:
        cad_keys.revoke(key=known, by=BY, at=at)
    _, text = cad_keys.make(agency_id=agency.pk, name=_KEY_NAME, by=BY, at=at)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    # Made with its mode: between a write and a chmod anybody could read it.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
