"""
Who is woken by a request for backup: a browser asks for it as whoever it is, and no longer than they may.
"""

from typing import Any

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from dispatch.actions.push_subscriptions import MOST
from dispatch.backup import outbound, push
from dispatch.backup.database import Pool
from dispatch.backup.watch import look
from dispatch.models import BackupSending, PushSubscription
from journal.door import open_door
from responders.models import Person
from tablets.models import Tablet
from tests.backup.asking import Asking, Scene, scene
from tests.backup.test_watch import pressed
from tests.conftest import NOON
from tests.factories import dispatch as scenes
from tests.factories import responders as make
from tests.factories import subscriptions, tablets
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/push-subscriptions/"
PRIVATE_KEY = push.encoded((77).to_bytes(32, "big"))


@pytest.fixture
def pushes(settings: Settings) -> None:
    """
    Have a key pair for push services.
    """
    settings.VAPID_PRIVATE_KEY = PRIVATE_KEY


def ask(client: Any, method: str = "post", **body: Any) -> Any:
    return getattr(client, method)(URL, body, "application/json")


def woken(of: Scene, pool: Pool, **press: Any) -> set[int]:
    """
    Return the subscriptions that a request of this scene's unit wakes; nothing is sent.
    """
    pressed(of, ago=31, **press)
    look(pool)
    pool.fetch(outbound.PROMISE, {"pushes": True, "roles": list(outbound.WOKEN)})
    return {sending.push_id for sending in BackupSending.objects.exclude(push=None) if sending.push_id is not None}


def test_a_page_learns_the_key_to_subscribe_with(settings: Settings) -> None:
    client = desk_client(scene().dispatcher)
    settings.VAPID_PRIVATE_KEY = ""
    none = client.get(URL).json()
    settings.VAPID_PRIVATE_KEY = PRIVATE_KEY

    assert none == {"public_key": None}
    assert len(push.decoded(client.get(URL).json()["public_key"])) == 65


def test_a_browser_is_a_persons_or_a_tablets() -> None:
    here = scene()

    by_person = ask(desk_client(here.dispatcher), **subscriptions.said(endpoint="https://fcm.googleapis.com/a"))
    by_crew = ask(tablets.crewed(here.of.unit).client, **subscriptions.said(endpoint="https://web.push.apple.com/b"))

    assert (by_person.status_code, by_crew.status_code) == (200, 200)
    kept = PushSubscription.objects.order_by("endpoint")
    assert [(one.agency_id, one.person_id, one.tablet_id is None) for one in kept] == [
        (here.of.agency.pk, here.dispatcher.pk, True),
        (here.of.agency.pk, None, False),
    ]


def test_whoever_uses_the_browser_next_has_it() -> None:
    here = scene()
    other = make.person(here.of.agency, "SUPERVISOR")
    ask(desk_client(here.dispatcher), **subscriptions.said())

    ask(desk_client(other), **subscriptions.said())
    ask(desk_client(here.dispatcher), "delete", endpoint=subscriptions.said()["endpoint"])

    (only,) = PushSubscription.objects.all()
    assert (only.person_id, only.ended_at) == (other.pk, None)


def test_a_browser_takes_its_wish_back_and_may_have_it_again() -> None:
    client = desk_client(scene().dispatcher)
    ask(client, **subscriptions.said())

    assert ask(client, "delete", endpoint=subscriptions.said()["endpoint"]).status_code == 204
    assert PushSubscription.objects.get().ended_at is not None
    assert ask(client, "delete", endpoint="https://fcm.googleapis.com/never").status_code == 204
    ask(client, **subscriptions.said())
    assert PushSubscription.objects.get().ended_at is None


def test_the_oldest_of_many_make_room() -> None:
    client = desk_client(scene().dispatcher)

    for number in range(MOST + 2):
        ask(client, **subscriptions.said(endpoint=f"https://fcm.googleapis.com/{number}"))

    ended = PushSubscription.objects.exclude(ended_at=None).order_by("endpoint")
    assert [one.endpoint[-1] for one in ended] == ["0", "1"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/a",
        "https://127.0.0.1/a",
        "https://fcm.googleapis.com:8443/a",
        "https://user@fcm.googleapis.com/a",
        "https://fcm.googleapis.com.example.org/a",
        "https://notify.windows.com.example.org/a",
        "https://evilpush.apple.com/a",
        "file:///etc/passwd",
        "https://[::1/a",
        "",
    ],
)
def test_the_server_is_sent_to_push_services_only(endpoint: str) -> None:
    answer = ask(desk_client(scene().dispatcher), **subscriptions.said(endpoint=endpoint))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")
    assert PushSubscription.objects.count() == 0


@pytest.mark.parametrize(
    "fields", [{"p256dh": "AAAA"}, {"p256dh": "é"}, {"auth": "AAAA"}, {"auth": "é" * 8}, {"auth": 7}, {"p256dh": None}]
)
def test_keys_that_nothing_can_be_sealed_to_are_refused(fields: dict[str, Any]) -> None:
    answer = ask(desk_client(scene().dispatcher), **subscriptions.said(**fields))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")


@pytest.mark.usefixtures("pushes")
def test_only_who_may_still_be_woken_is(door: Asking, pool: Pool) -> None:
    here, there = scene(), scene()
    wakes = subscriptions.subscription(here.dispatcher, endpoint="https://a/1")
    subscriptions.subscription(there.dispatcher, endpoint="https://a/2")
    gone = make.person(here.of.agency, "DISPATCHER")
    subscriptions.subscription(gone, endpoint="https://a/3")
    moved = make.person(here.of.agency, "OFFICER")
    subscriptions.subscription(moved, endpoint="https://a/4")
    revoked = tablets.paired(here.of.unit).tablet
    subscriptions.subscription(agency_id=here.of.agency.pk, tablet_id=revoked.pk, endpoint="https://a/5")
    with open_door(by=make.SCENE, at=NOON):
        Person.objects.filter(pk=gone.pk).update(is_active=False)
        moved.roles.update(name="COORDINATOR")
        Tablet.objects.filter(pk=revoked.pk).update(revoked_at=NOON)

    assert woken(here, pool) == {wakes.pk}


@pytest.mark.usefixtures("pushes")
@pytest.mark.parametrize("silent", [False, True])
def test_of_a_silent_request_the_units_own_tablets_stay_dark(door: Asking, pool: Pool, silent: bool) -> None:
    here = scene()
    other, _ = scenes.rival(here.of.agency, here.of.area)
    own, others = (
        subscriptions.subscription(
            agency_id=here.of.agency.pk, tablet_id=tablets.paired(unit).tablet.pk, endpoint=f"https://a/{unit.pk}"
        )
        for unit in (here.of.unit, other)
    )

    assert woken(here, pool, silent=silent) == ({others.pk} if silent else {own.pk, others.pk})


def test_a_subscription_is_somebodys() -> None:
    with pytest.raises(IntegrityError, match="dispatch_push_of_a_person_or_a_tablet"):
        subscriptions.subscription(agency_id=scene().of.agency.pk)
