"""
How long a session lasts, what ends it, and that a copy of the database is no key (A7, A8, B1, C5).
"""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from rest_framework.exceptions import NotAuthenticated

from journal.door import open_door
from journal.models import Receipt
from responders import permissions, sessions
from responders.actions import access
from responders.authentication import actor_for
from responders.models import Person, Role
from responders.tasks import close_idle_accounts
from tests.factories import responders as make
from tests.security.clients import desk_client
from tests.security.routes import routes

NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)
BACKGROUND = {"X-Background": "1"}


def is_in(client: Client, **headers: str) -> bool:
    """
    Tell whether the client is still signed in.
    """
    return bool(client.get("/api/session/", headers=headers).status_code == 200)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("idle", "stays"), [(timedelta(minutes=29, seconds=59), True), (timedelta(minutes=30, seconds=1), False)]
)
def test_half_an_hour_without_a_gesture_ends_a_session(idle: timedelta, stays: bool) -> None:
    person = make.person(make.agency(), "DISPATCHER")
    with time_machine.travel(NOON, tick=False) as clock:
        client = desk_client(person, at=NOON)
        clock.shift(idle)

        assert is_in(client) is stays


@pytest.mark.django_db
def test_what_a_page_asks_in_the_background_is_no_gesture() -> None:
    person = make.person(make.agency(), "DISPATCHER")
    with time_machine.travel(NOON, tick=False) as clock:
        client = desk_client(person, at=NOON)
        for _ in range(5):
            clock.shift(timedelta(minutes=5))
            assert is_in(client, **BACKGROUND)
        clock.shift(timedelta(minutes=5, seconds=1))

        assert not is_in(client, **BACKGROUND)


@pytest.mark.django_db
@pytest.mark.parametrize(("at_the_end", "stays"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_twelve_hours_end_a_session_whatever_is_touched(at_the_end: timedelta, stays: bool) -> None:
    person = make.person(make.agency(), "DISPATCHER")
    with time_machine.travel(NOON, tick=False) as clock:
        client = desk_client(person, at=NOON)
        while datetime.now(UTC) < NOON + timedelta(hours=11, minutes=40):
            clock.shift(timedelta(minutes=20))
            assert is_in(client)
        clock.move_to(NOON + timedelta(hours=12) + at_the_end)

        assert is_in(client) is stays


@pytest.mark.django_db
def test_the_table_shows_the_same_end_to_whoever_reads_it_with_sql() -> None:
    person = make.person(make.agency(), "DISPATCHER")
    with time_machine.travel(NOON, tick=False) as clock:
        client = desk_client(person, at=NOON)
        clock.shift(timedelta(minutes=10))
        is_in(client)

        row = Session.objects.get()
        assert row.expire_date == NOON + timedelta(minutes=40)


@pytest.mark.django_db
def test_a_copy_of_the_database_signs_nobody_in() -> None:
    client = desk_client(make.person(make.agency(), "DISPATCHER"))
    row = Session.objects.get()

    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = row.session_key

    assert is_in(client)
    assert not is_in(thief)
    assert row.session_key == sessions.key_hash(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.mark.django_db
def test_signing_in_changes_the_key_so_that_a_planted_one_is_worthless() -> None:
    person = make.person(make.agency(), "DISPATCHER", password="violet anchor thimble")
    planted = sessions.SessionStore()
    planted["planted"] = True
    planted.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(planted.session_key)

    client.post("/accounts/login/", {"login": person.email, "password": "violet anchor thimble"})

    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted.session_key
    assert not sessions.SessionStore().exists(str(planted.session_key))


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["disable", "roles", "reset_factors", "password", "admin_row"])
def test_withdrawn_or_changed_access_ends_every_session(change: str) -> None:
    agency = make.agency()
    person, admin = make.person(agency, "DISPATCHER"), make.person(agency, "ADMIN")
    clients = [desk_client(person) for _ in range(3)]
    assert all(is_in(client) for client in clients)

    with open_door(by="person:1", at=NOON):
        match change:
            case "disable":
                access.disable(person=person.pk, by=make.actor(admin), at=NOON)
            case "roles":
                access.set_roles(person=person.pk, roles=["OFFICER"], by=make.actor(admin), at=NOON)
            case "reset_factors":
                access.reset_factors(person=person.pk, by=make.actor(admin), at=NOON)
            case "password":
                fresh = Person.objects.get(pk=person.pk)
                fresh.set_password("mossy lantern quartz")
                fresh.save()
            case _:
                Role.objects.filter(person=person).update(name="OFFICER")

    assert not any(is_in(client) for client in clients)


@pytest.mark.django_db
def test_a_stale_copy_of_a_person_does_not_bring_old_sessions_back() -> None:
    person = make.person(make.agency(), "DISPATCHER")
    stale = Person.objects.get(pk=person.pk)
    with open_door(by="system:test", at=NOON):
        Role.objects.create(person=person, name="OFFICER")
        stale.save()

    person.refresh_from_db()
    assert person.access_epoch > stale.access_epoch


@pytest.mark.django_db
def test_an_account_that_nobody_used_for_ninety_days_is_closed() -> None:
    agency = make.agency()
    idle, busy = make.person(agency), make.person(agency)
    now = datetime.now(UTC)
    Person.objects.filter(pk=idle.pk).update(last_login=now - timedelta(days=90, seconds=1))
    Person.objects.filter(pk=busy.pk).update(last_login=now - timedelta(days=89))

    close_idle_accounts()

    assert list(Person.objects.filter(agency=agency, is_active=True)) == [busy]


@pytest.mark.django_db
def test_with_a_password_only_nothing_answers_but_the_way_to_a_second_factor() -> None:
    person = make.person(make.agency(), "ADMIN")
    client = desk_client(person, second_factor=False)
    open_to_all = {
        name
        for name, cells in permissions.ROUTES.items()
        if permissions.ANONYMOUS in cells.get("POST", cells.get("GET", set()))
    }
    reached = []

    for route in routes():
        answer = (
            client.get(route.path)
            if not route.is_api
            else client.post(route.path, {}, content_type="application/json")
        )
        if route.is_api:
            if answer.status_code not in {401, 403, 405} and route.route not in open_to_all:
                reached.append(route.path)
        elif not getattr(answer.wsgi_request, "refused", False) and route.route not in permissions.FIRST_STEPS | {
            "home"
        }:
            reached.append(route.path)
        if route.route == "account_logout":
            assert answer.status_code == 200

    assert reached == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_a_role_taken_away_between_reading_and_writing_refuses_the_write() -> None:
    agency = make.agency()
    person = make.person(agency, "DISPATCHER")
    actor = actor_for(Person.objects.get(pk=person.pk))
    read, revoked = Barrier(2), Barrier(2)
    outcome: list[Any] = []

    def write() -> None:
        try:
            read.wait()
            revoked.wait()
            with transaction.atomic():
                permissions.check_still_stands(actor)
                outcome.append("written")
        except NotAuthenticated:
            outcome.append("refused")
        finally:
            connection.close()

    writer = Thread(target=write)
    writer.start()
    read.wait()
    with open_door(by="system:test", at=NOON):
        Role.objects.filter(person=person).delete()
    revoked.wait()
    writer.join()

    assert outcome == ["refused"]


@pytest.mark.django_db
def test_a_write_refused_for_withdrawn_access_leaves_no_receipt() -> None:
    agency = make.agency()
    supervisor, somebody = make.person(agency, "SUPERVISOR"), make.person(agency)
    client = desk_client(supervisor)
    body: dict[str, Any] = {"id": str(uuid4()), "args": {"person": somebody.pk}}
    with open_door(by="system:test", at=NOON):
        Person.objects.filter(pk=supervisor.pk).update(is_active=False)

    answer = client.post("/api/actions/person.disable/", body, content_type="application/json")

    assert answer.status_code == 401
    assert not Receipt.objects.filter(action_id=body["id"]).exists()
