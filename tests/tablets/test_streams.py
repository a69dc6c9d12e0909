"""
Who hears what, against a brute-force reading of the rules: every tablet and every person of two agencies.
"""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from django.db import connection
from django.test import Client

from journal.door import open_door
from responders.models import Person, RoleName, Unit
from responders.sessions import key_hash
from tablets.models import SignOn, Tablet
from tablets.streams import STANDINGS_SQL, Bearer, standings_arguments, standings_of
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db


def ask(bearers: list[Bearer]) -> dict[Bearer, set[str]]:
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS_SQL, standings_arguments(bearers, at=datetime.now(UTC)))
        return {bearer: set(stands.streams) for bearer, stands in standings_of(bearers, cursor.fetchall()).items()}


def expected_of_tablet(tablet: Tablet) -> set[str]:
    signed_on = SignOn.objects.filter(tablet=tablet, ended_at=None).select_related("shift__person").first()
    if tablet.revoked_at or signed_on is None or signed_on.expires_at <= datetime.now(UTC):
        return set()
    shift, person = signed_on.shift, signed_on.shift.person
    if shift.ended_at or shift.unit_id != tablet.unit_id or not person.is_active:
        return set()
    if person.access_epoch != signed_on.access_epoch or not person.roles.filter(name="RESPONDER").exists():
        return set()
    areas = {f"area.{area.pk}" for area in tablet.unit.areas.all()}
    of_agency = {f"{name}.{tablet.agency_id}" for name in ("reference", "care", "directory")}
    return areas | of_agency | {f"unit.{tablet.unit_id}", f"responder.{person.pk}"}


def expected_of_person(agency: int, person: int, roles: set[str]) -> set[str]:
    expected = set()
    if roles & {"DISPATCHER", "EMBEDDED", "SUPERVISOR"}:
        expected |= {f"desk.{agency}", f"reference.{agency}"}
    if "SUPERVISOR" in roles:
        expected |= {f"supervisors.{agency}"}
    if roles & {"COORDINATOR", "OFFICER"}:
        expected |= {f"reference.{agency}"}
    if roles & {"COORDINATOR", "SUPERVISOR"}:
        expected |= {f"coordinators.{agency}"}
    if "OFFICER" in roles:
        expected |= {f"officer.{person}"}
    return expected


def test_every_tablet_hears_what_the_rules_say_in_one_query() -> None:
    now = datetime.now(UTC)
    tablets = []
    for _ in range(2):
        agency = make.agency()
        areas = [make.area(agency) for _ in range(3)]
        for given in ([], areas[:1], areas):
            unit = make.unit(agency, areas=given)
            for fault in ("", "nobody", "revoked", "expired", "inactive", "withdrawn", "shift", "moved", "no role"):
                tablet = make_tablets.paired(unit).tablet
                tablets.append(tablet)
                if fault == "nobody":
                    continue
                signed_on = make_tablets.signed_on(tablet)
                person = Person.objects.get(pk=signed_on.shift.person_id)
                with open_door(by=make.SCENE, at=now):
                    if fault == "revoked":
                        Tablet.objects.filter(pk=tablet.pk).update(revoked_at=now)
                    elif fault == "expired":
                        SignOn.objects.filter(pk=signed_on.pk).update(
                            started_at=now - timedelta(hours=12), expires_at=now - timedelta(seconds=1)
                        )
                    elif fault == "inactive":
                        Person.objects.filter(pk=person.pk).update(is_active=False)
                    elif fault == "withdrawn":
                        Person.objects.filter(pk=person.pk).update(access_epoch=person.access_epoch + 1)
                    elif fault == "shift":
                        type(signed_on.shift).objects.filter(pk=signed_on.shift_id).update(
                            ended_at=datetime.now(UTC), end_reason="NOTHING_OPEN"
                        )
                    elif fault == "moved":
                        Tablet.objects.filter(pk=tablet.pk).update(unit=make_unit_of(unit.agency_id))
                    elif fault == "no role":
                        person.roles.all().delete()

    heard = ask([Bearer(tablet_id=tablet.pk) for tablet in tablets])

    for tablet in tablets:
        tablet.refresh_from_db()
        assert heard[Bearer(tablet_id=tablet.pk)] == expected_of_tablet(tablet)
    assert sum(1 for streams in heard.values() if streams) == 6


def test_every_set_of_roles_hears_what_the_rules_say() -> None:
    agency = make.agency()
    sets = [set(names) for size in (0, 1, 2) for names in combinations(RoleName.values, size)]
    people = [(make.person(agency, *(names or ["RESPONDER"])), names or {"RESPONDER"}) for names in sets]
    bearers = []
    for person, _ in people:
        client = desk_client(person)
        person.refresh_from_db()
        bearers.append(bearer_of(client, person))

    heard = ask(bearers)

    for bearer, (person, names) in zip(bearers, people, strict=True):
        assert heard[bearer] == expected_of_person(agency.pk, person.pk, names), names


def test_a_person_hears_nothing_without_their_session_or_after_it() -> None:
    person = make.person(make.agency(), "SUPERVISOR")
    client = desk_client(person)
    person.refresh_from_db()
    bearer = bearer_of(client, person)
    other = Bearer(person_id=person.pk, session_key="of nobody", access_epoch=person.access_epoch)
    assert set(ask([bearer, other])) == {bearer}

    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        Person.objects.filter(pk=person.pk).update(access_epoch=person.access_epoch + 1)

    assert ask([bearer]) == {}


def bearer_of(client: Client, person: Person) -> Bearer:
    return Bearer(
        person_id=person.pk,
        session_key=key_hash(client.session.session_key or ""),
        access_epoch=person.access_epoch,
    )


def make_unit_of(agency_id: int) -> int:
    return Unit.objects.create(agency_id=agency_id, call_sign=f"ELSEWHERE {Unit.objects.count()}").pk
