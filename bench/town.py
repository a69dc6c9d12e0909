"""
A town for measurements: one area with many tablets, four to a unit, somebody signed on at each.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from journal.door import open_door
from responders.models import Agency, Person, Role, RoleName, ServiceArea, Shift, Unit
from tablets.models import BackupKey, SignOn, Tablet
from tablets.secrets import hash_token, new_token
from tests.factories import responders as make

PER_UNIT = 4


@dataclass(frozen=True)
class Town:
    """
    The agency with what is in it. ``tablets``, ``people`` and ``tokens`` go together, place by place.
    """

    agency: Agency
    area: ServiceArea
    units: list[Unit]
    tablets: list[int]
    people: list[int]
    tokens: list[str]

    @property
    def streams(self) -> list[str]:
        """
        Return the streams of the agency that every tablet hears, beside its unit's, its areas' and its person's.
        """
        return [f"{audience}.{self.agency.pk}" for audience in ("reference", "care", "directory")]


def town(size: int) -> Town:
    """
    Return a new agency with this many tablets. Rows are written together: each through its door would take minutes.
    """
    now = datetime.now(UTC)
    agency = make.agency(has_cad=False, crew_minimum=1)
    area, supervisor = make.area(agency), make.person(agency, "SUPERVISOR")
    tokens = [new_token() for _ in range(size)]
    with open_door(by="system:bench", at=now):
        units = Unit.objects.bulk_create(
            Unit(agency=agency, call_sign=f"BENCH {number}") for number in range(-(-size // PER_UNIT))
        )
        Unit.areas.through.objects.bulk_create(
            Unit.areas.through(unit_id=unit.pk, servicearea_id=area.pk) for unit in units
        )
        people = Person.objects.bulk_create(
            Person(agency=agency, email=f"bench-{number}@example.org", name=f"Bench {number}", password="!")  # noqa: S106  nobody can sign in with it
            for number in range(size)
        )
        Role.objects.bulk_create(Role(person=person, name=RoleName.RESPONDER) for person in people)
        epochs = dict(Person.objects.values_list("pk", "access_epoch"))
        tablets = Tablet.objects.bulk_create(
            Tablet(
                agency=agency,
                unit=units[number // PER_UNIT],
                name=f"Bench {number}",
                token_hash=hash_token(token),
                paired_at=now,
                paired_by=supervisor,
            )
            for number, token in enumerate(tokens)
        )
        shifts = Shift.objects.bulk_create(
            Shift(person=person, unit=tablet.unit, started_at=now, planned_end_at=now + timedelta(hours=10))
            for person, tablet in zip(people, tablets, strict=True)
        )
        SignOn.objects.bulk_create(
            SignOn(
                tablet=tablet,
                shift=shift,
                started_at=now,
                expires_at=now + timedelta(hours=12),
                access_epoch=epochs[shift.person_id],
            )
            for tablet, shift in zip(tablets, shifts, strict=True)
        )
    return Town(agency, area, units, [tablet.pk for tablet in tablets], [person.pk for person in people], tokens)


def backup_keys(there: Town) -> list[str]:
    """
    Return a new key for backup for each tablet, place by place.
    """
    now, keys = datetime.now(UTC), [new_token() for _ in there.tablets]
    with open_door(by="system:bench", at=now):
        BackupKey.objects.bulk_create(
            BackupKey(
                key_hash=hash_token(key),
                tablet_id=tablet,
                unit_id=there.units[place // PER_UNIT].pk,
                agency_id=there.agency.pk,
                made_at=now,
            )
            for place, (key, tablet) in enumerate(zip(keys, there.tablets, strict=True))
        )
    return keys
