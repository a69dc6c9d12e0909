"""
Everything that may be wrong at once, and a press is kept all the same: with Postgres, one web process and a key of the device.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.conf import settings as current
from django.core.wsgi import get_wsgi_application
from django.test import Client
from kombu.exceptions import OperationalError
from pytest_django import Settings

from config.celery import app as celery
from dispatch.backup.database import Pool, connect
from dispatch.backup.door import Door, in_front_of
from journal.door import open_door
from responders import rate_limits
from responders.models import Person
from tablets.models import SignOn
from tests.backup.asking import ORIGIN, Asking, events, key_for, new_key, presses, scene
from tests.factories import responders as make
from tests.factories import tablets
from tests.security.clients import desk_client
from tests.tablets.conftest import run_live

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = "unix:///nowhere/redis.sock?db=0"
JOURNAL = "journal_entry, journal_document, journal_stream, journal_receipt"
Fault = Callable[[], AbstractContextManager[None]]


class Crew:
    """
    Somebody with a tablet, signed on at it, and with a session at a page of the same browser.
    """

    def __init__(self) -> None:
        here = scene()
        self.here = here
        self.paired = tablets.paired(here.of.unit)
        self.person = make.person(here.of.agency)
        self.sign_on = tablets.signed_on(self.paired.tablet, self.person, since=datetime.now(UTC) - timedelta(hours=2))
        self.key = key_for(self.paired.tablet)
        self.session = desk_client(self.person).cookies[current.SESSION_COOKIE_NAME].value
        self.is_locked = self.is_outdated = False

    def headers(self) -> dict[str, str]:
        """
        Return what a press of this tablet comes with: of a locked one, nothing but the device's own key.
        """
        cookies = {current.BACKUP_COOKIE_NAME: self.key}
        if not self.is_locked:
            cookies |= {current.SESSION_COOKIE_NAME: self.session, current.TABLET_COOKIE_NAME: self.paired.token}
        headers = {
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "HTTP_ORIGIN": ORIGIN,
        }
        return headers if self.is_locked else {**headers, "HTTP_X_TABLET": "1"}

    def body(self, key: str) -> bytes:
        """
        Return what a press says; an app of another age says other things.
        """
        said: dict[str, Any] = {"key": key, "position": {"lon": -122.3, "lat": 47.6}}
        if self.is_outdated:
            said |= {"protocol": 0, "app_version": "0.0.1", "position": [47.6, -122.3], "level": "PANIC"}
        return orjson.dumps(said)

    def works(self) -> int:
        """
        Return the status of what a crew does all day.
        """
        place = {"lon": -122.3, "lat": 47.6, "at": datetime.now(UTC).isoformat()}
        return self.paired.client.post("/api/tablets/position/", place, "application/json").status_code


@contextmanager
def session_expired(crew: Crew) -> Iterator[None]:
    until, over = crew.sign_on.expires_at, datetime.now(UTC) - timedelta(hours=1)
    _set(crew, SignOn, crew.sign_on.pk, expires_at=over)
    yield
    _set(crew, SignOn, crew.sign_on.pk, expires_at=until)


@contextmanager
def account_locked(crew: Crew) -> Iterator[None]:
    _set(crew, Person, crew.person.pk, is_active=False)
    yield
    _set(crew, Person, crew.person.pk, is_active=True)


@contextmanager
def screen_locked(crew: Crew) -> Iterator[None]:
    crew.is_locked = True
    yield
    crew.is_locked = False


@contextmanager
def app_outdated(crew: Crew) -> Iterator[None]:
    crew.is_outdated = True
    yield
    crew.is_outdated = False


@contextmanager
def rate_limited() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limits, "SELDOM", 0)
        for name in ("OF_A_BEARER", "OF_AN_ADDRESS"):
            patch.setattr(rate_limits, name, "1/hour")
        yield


@contextmanager
def redis_down(settings: Settings) -> Iterator[None]:
    before = settings.REDIS_URL
    settings.REDIS_URL = NOWHERE
    rate_limits._limiter.cache_clear()
    yield
    settings.REDIS_URL = before
    rate_limits._limiter.cache_clear()


@contextmanager
def celery_down() -> Iterator[None]:
    before = celery.conf.broker_url
    celery.conf.update(broker_url=NOWHERE.replace("unix", "redis+socket"))
    yield
    celery.conf.update(broker_url=before)


@contextmanager
def journal_down() -> Iterator[None]:
    until = time.monotonic() + 10
    with connect("journal-down") as other:
        other.autocommit = False
        while True:
            try:
                # All of them or none: live may be filing, and to wait for one table with another in hand is a deadlock.
                other.execute(f"LOCK TABLE {JOURNAL} IN ACCESS EXCLUSIVE MODE NOWAIT")
                break
            except psycopg.errors.LockNotAvailable:
                other.rollback()
                assert time.monotonic() < until, "the journal is in use all the time"
                time.sleep(0.01)
        yield
        other.rollback()


def _set(crew: Crew, model: type[SignOn | Person], pk: int, **fields: Any) -> None:
    with open_door(by=make.SCENE, at=datetime.now(UTC)):
        model._default_manager.filter(pk=pk).update(**fields)


def press(asking: Asking, crew: Crew) -> str:
    """
    Press, and see that it is received.
    """
    key = new_key()
    answer = asking.raw("", crew.body(key), **crew.headers())
    assert (answer.status, answer.body["state"], answer.body["key"]) == (200, "RECEIVED", key)
    return key


def walk(faults: list[Fault]) -> Iterator[int]:
    """
    Yield once for every combination, having begun or ended one fault since the one before.
    """
    with ExitStack() as at_the_end:
        under_way: dict[int, ExitStack] = {}
        yield 0
        for step in range(1, 1 << len(faults)):
            index = (step & -step).bit_length() - 1
            if index in under_way:
                under_way.pop(index).close()
            else:
                under_way[index] = at_the_end.enter_context(ExitStack())
                under_way[index].enter_context(faults[index]())
            yield len(under_way)


def test_in_every_combination_of_faults_a_press_is_kept(pool: Pool, settings: Settings) -> None:
    crew, made = Crew(), []
    asking = Asking(in_front_of(get_wsgi_application(), Door(pool)), pool)
    faults: list[Fault] = [
        lambda: session_expired(crew),
        lambda: account_locked(crew),
        lambda: screen_locked(crew),
        lambda: app_outdated(crew),
        rate_limited,
        lambda: redis_down(settings),
        celery_down,
    ]

    for live in (run_live, nullcontext):
        with live():
            for _ in walk(faults):
                # What begins and ends the others is written through the journal: it is away for the press only.
                made.append(press(asking, crew))
                with journal_down():
                    made.append(press(asking, crew))

    assert len(made) == 2 ** (len(faults) + 2)
    assert {str(press.key) for press in presses()} == set(made)
    # And it rang while there was somebody to ring.
    assert events(made[0], "RUNG")


def test_each_of_these_faults_is_one(settings: Settings) -> None:
    crew = Crew()
    assert crew.works() == 204

    with session_expired(crew):
        assert crew.works() == 403
    with rate_limited():
        assert [crew.works() for _ in range(2)][1] == 429
    with redis_down(settings):
        assert Client().post("/accounts/login/", {"login": "a@example.org", "password": "x"}).status_code == 503
    with celery_down(), pytest.raises(OperationalError):
        celery.connection_for_write().ensure_connection(max_retries=1, timeout=1)
    # Last: who was locked out has to sign on anew.
    with account_locked(crew):
        assert crew.works() == 403
    with journal_down(), connect() as other, pytest.raises(psycopg.errors.LockNotAvailable):
        other.execute("SELECT count(*) FROM journal_entry")
