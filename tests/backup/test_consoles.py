"""
Consoles: what they are shown, who may be one, and who is the first to see.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.db import connection

from dispatch.backup.database import Pool
from dispatch.backup.watch import look
from responders.models import Shift
from tests.backup.asking import ORIGIN, Asking, events, new_key, scene, session_of
from tests.backup.test_watch import event, pressed
from tests.factories import dispatch as scenes
from tests.factories import responders as make

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_console_shows_who_where_and_since_when(door: Asking, pool: Pool) -> None:
    here, key = scene(), new_key()
    call = scenes.care_call(here.of)
    pressed_at = (datetime.now(UTC) - timedelta(minutes=22)).isoformat()
    place = {"lon": -122.33, "lat": 47.61, "accuracy": 8, "at": datetime.now(UTC).isoformat()}
    door.tablet(here.key, key=key, pressed_at=pressed_at, call=call.pk, position=place, battery=55)
    door.tablet(here.key, key=key, position={**place, "lon": -122.34}, battery=54)
    look(pool)

    answer = door.console(here.session, console=str(uuid4()), kind="DESK", shown=[])

    (alarm,) = answer.body["open"]
    assert (alarm["key"], alarm["late"], alarm["level"], alarm["state"]) == (key, True, "EMERGENCY", "RECEIVED")
    assert 1310 < alarm["age_s"] < 1340
    assert alarm["unit"]["call_sign"] == here.of.unit.call_sign
    assert len(alarm["people"]) == 2
    assert (alarm["call"]["number"], alarm["call"]["address"]) == (call.number, call.address)
    assert (alarm["position"]["lon"], len(alarm["track"]), alarm["battery"]) == (-122.34, 2, 54)
    assert (alarm["rings"], alarm["step"], alarm["again"]) == ([0], 0, 0)
    assert answer.body["consoles"] == [{"label": "Dispatcher One", "kind": "DESK"}]


def test_the_requests_of_another_agency_are_not_there(door: Asking) -> None:
    here, there = scene(), scene()
    key = pressed(here, ago=1)
    session, console = there.session, str(uuid4())

    shown = door.console(session, console=console, shown=[key])
    seen = door.console(session, "seen/", key=key, console=console)

    assert shown.body["open"] == []
    assert (seen.status, seen.body["code"]) == (404, "backup_unknown")
    assert events(key, "SHOWN") == []


@pytest.mark.parametrize("role", ["RESPONDER", "OFFICER", "COORDINATOR", "ADMIN"])
def test_who_is_not_at_a_desk_watches_nothing(door: Asking, role: str) -> None:
    here = scene()
    session = session_of(make.person(here.of.agency, role))

    assert door.console(session, console=str(uuid4())).status == 403


@pytest.mark.parametrize(
    ("role", "kind", "status"),
    [
        ("DISPATCHER", "DESK", 200),
        ("DISPATCHER", "SUPERVISOR", 403),
        ("DISPATCHER", "POLICE", 403),
        ("DISPATCHER", "SYNTHETIC", 403),
        ("EMBEDDED", "DESK", 200),
        ("SUPERVISOR", "SUPERVISOR", 200),
        ("POLICE_DISPATCHER", "POLICE", 200),
        ("POLICE_DISPATCHER", "DESK", 403),
    ],
)
def test_a_console_is_of_a_kind_that_its_person_may_have(door: Asking, role: str, kind: str, status: int) -> None:
    session = session_of(make.person(scene().of.agency, role))

    assert door.console(session, console=str(uuid4()), kind=kind).status == status


def test_a_session_counts_as_it_does_everywhere(door: Asking) -> None:
    here = scene()
    session = here.session
    half = session_of(here.dispatcher, second_factor=False)
    assert door.console(session, console=str(uuid4())).status == 200

    assert door.console(half, console=str(uuid4())).status == 401
    assert door.console("nobody", console=str(uuid4())).status == 401
    here.dispatcher.is_active = False
    here.dispatcher.save(update_fields=["is_active"])
    assert door.console(session, console=str(uuid4())).status == 401


def test_a_session_of_an_older_epoch_is_nobodys(door: Asking) -> None:
    here = scene()
    session = here.session
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE responders_person SET access_epoch = access_epoch + 1 WHERE id = %s", [here.dispatcher.pk]
        )

    assert door.console(session, console=str(uuid4())).status == 401


@pytest.mark.parametrize("headers", [{}, {"HTTP_ORIGIN": "https://elsewhere.example"}, {"HTTP_ORIGIN": "null"}])
def test_another_site_cannot_watch_with_our_cookie(door: Asking, headers: dict[str, str]) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={scene().session}"

    answer = door.raw("watch/", orjson.dumps({"console": str(uuid4())}), HTTP_COOKIE=cookie, **headers)

    assert (answer.status, answer.body["code"]) == (403, "cross_site_request")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"console": 7}', b'{"console": "x"}'])
def test_what_a_console_cannot_have_said_is_refused(door: Asking, body: bytes) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={scene().session}"

    assert door.raw("watch/", body, HTTP_COOKIE=cookie, HTTP_ORIGIN=ORIGIN).status == 400


def test_only_a_console_that_shows_it_can_see_it(door: Asking) -> None:
    here, console = scene(), str(uuid4())
    key, session = pressed(here, ago=1), here.session
    door.console(session, console=console, shown=[])

    unseen = door.console(session, "seen/", key=key, console=console)
    door.console(session, console=console, shown=[key])
    elsewhere = door.console(session, "seen/", key=key, console=str(uuid4()))
    seen = door.console(session, "seen/", key=key, console=console)

    assert (
        (unseen.status, unseen.body["code"]) == (elsewhere.status, elsewhere.body["code"]) == (409, "backup_not_shown")
    )
    assert (seen.status, seen.body["seen_by"], seen.body["state"]) == (200, "Dispatcher One", "SEEN")
    assert door.tablet(here.key, key=key).body["seen_by"] == "Dispatcher One"


def test_of_64_consoles_one_is_the_first_and_all_are_told_who(door: Asking, pool: Pool) -> None:
    here = scene()
    key = pressed(here, ago=1)
    people = [make.person(here.of.agency, "DISPATCHER", name=f"Dispatcher {number}") for number in range(64)]
    consoles = [(session_of(person), str(uuid4())) for person in people]
    for session, console in consoles:
        assert door.console(session, console=console, shown=[key]).status == 200

    def see(mine: tuple[str, str]) -> Any:
        return door.console(mine[0], "seen/", key=key, console=mine[1])

    with ThreadPoolExecutor(16) as racers:
        answers = list(racers.map(see, consoles))

    (first,) = events(key, "SEEN")
    assert {answer.status for answer in answers} == {200}
    assert {answer.body["seen_by"] for answer in answers} == {first.by}
    assert len(events(key, "SHOWN")) == 64


def test_who_is_on_the_unit_cannot_see_its_own_request(door: Asking) -> None:
    here, console = scene(), str(uuid4())
    key = pressed(here, ago=1)
    shift = Shift.objects.filter(unit=here.of.unit).select_related("person").first()
    assert shift is not None
    shift.person.roles.create(name="SUPERVISOR")
    session = session_of(shift.person)
    shown = door.console(session, console=console, shown=[key])

    answer = door.console(session, "seen/", key=key, console=console)

    assert shown.body["open"][0]["own"] is True
    assert (answer.status, answer.body["code"]) == (409, "backup_own")
    assert events(key, "SEEN") == []


def test_police_consoles_get_emergencies_of_their_sector_at_once_and_the_rest_at_30_seconds(
    door: Asking, pool: Pool
) -> None:
    here = scene()
    mine, other = (
        session_of(make.person(here.of.agency, "POLICE_DISPATCHER")),
        session_of(make.person(here.of.agency, "POLICE_DISPATCHER")),
    )
    consoles = {mine: (str(uuid4()), [here.of.area.pk]), other: (str(uuid4()), [here.of.area.pk + 1_000])}

    def shown(session: str) -> set[str]:
        console, areas = consoles[session]
        answer = door.console(session, console=console, kind="POLICE", areas=areas)
        return {alarm["key"] for alarm in answer.body["open"]}

    shown(mine)
    emergency, urgent = pressed(here, ago=1), pressed(here, ago=1, level="URGENT")
    assert (shown(mine), shown(other)) == ({emergency}, set())
    later = pressed(here, ago=31, level="URGENT")
    look(pool)
    assert (shown(mine), shown(other)) == ({emergency, later}, {later})
    event(urgent, "POLICE_SENT", ago=0)
    assert urgent in shown(other)


def test_a_console_uses_no_orm(door: Asking, django_assert_num_queries: Any) -> None:
    here = scene()
    session, console = here.session, str(uuid4())
    pressed(here, ago=1)

    with django_assert_num_queries(0):
        assert door.console(session, console=console).status == 200


def test_a_console_that_leaves_does_not_count(door: Asking) -> None:
    here, console = scene(), str(uuid4())
    session = here.session
    door.console(session, console=console)

    door.console(session, "leave/", console=console)

    assert door.tablet(here.key, key=new_key()).body["consoles"] == 0
