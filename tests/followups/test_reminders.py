"""
Reminders: to whom, once, how many and nothing else; sent again where nobody took them, and not for ever.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import override_settings

from dispatch.backup import push
from dispatch.models import PushSubscription
from followups import reminders
from followups.actions import follow_ups, plans
from followups.models import FollowUp, Reminder, ReminderKind
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from responders.models import Person
from tests.backup.test_outside import opened
from tests.conftest import NOON
from tests.factories import follow_ups as factory
from tests.factories import subscriptions

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# Whose keys tests/factories/subscriptions.py says.
BROWSER = ec.derive_private_key(77, ec.SECP256R1())
KEY = push.encoded((77).to_bytes(32, "big"))


class Service:
    """
    A push service: keeps what it gets, and answers as it is told.
    """

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.status = 201
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.got.append(self.rfile.read(int(self.headers["Content-Length"])))
                service.headers.append(dict(self.headers))
                self.send_response(service.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/push"

    def said(self) -> list[dict[str, str]]:
        return [
            json.loads(opened(body, BROWSER, subscriptions.point(BROWSER), subscriptions.SECRET)) for body in self.got
        ]


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    thread = Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    with override_settings(VAPID_PRIVATE_KEY=KEY):
        yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def subscribed(person_id: int | None, to: Service, path: str = "") -> PushSubscription:
    assert person_id is not None
    return subscriptions.subscription(Person.objects.get(pk=person_id), endpoint=to.url + path)


def due_tomorrow(of: factory.Care, *, count: int = 1) -> list[FollowUp]:
    rows = []
    for _ in range(count):
        plan = factory.planned(of, factory.client(of), needs=["canary-need"])
        with open_door(by=of.coordinator, at=NOON):
            plans.assign(plan_id=plan.pk, person_id=of.coordinator.person_id, by=of.coordinator, at=NOON)
        rows.append(factory.steps_of(plan)[1])
    return rows


def test_who_has_three_that_are_due_is_woken_once_and_told_how_many(service: Service) -> None:
    of = factory.care()
    subscribed(of.coordinator.person_id, service)
    due_tomorrow(of, count=3)

    sweeps.make_due(at=NOON + DAY)
    assert reminders.send_due(at=NOON + DAY) == 3
    assert reminders.send_due(at=NOON + 2 * DAY) == 0

    assert service.said() == [{"type": "care", "tag": "care-due-2026-06-04", "text": "3 follow-ups are due."}]
    assert set(Reminder.objects.values_list("reached", flat=True)) == {1}
    assert service.headers[0]["Urgency"] == "normal"


def test_what_nobody_has_reminds_nobody(service: Service) -> None:
    of = factory.care()
    factory.planned(of, factory.client(of))

    sweeps.make_due(at=NOON + DAY)

    assert not Reminder.objects.exists()


def test_what_was_seen_to_or_given_away_meanwhile_reminds_nobody(service: Service) -> None:
    of = factory.care()
    subscribed(of.coordinator.person_id, service)
    done, given = due_tomorrow(of, count=2)
    sweeps.make_due(at=NOON + DAY)
    factory.tried(done, by=of.coordinator, result="REACHED", at=NOON + DAY)
    with open_door(by=of.coordinator, at=NOON + DAY):
        follow_ups.assign(follow_up_id=given.pk, person_id=of.supervisor.person_id, by=of.coordinator, at=NOON + DAY)

    # The two that are nobody's to hear any more, and the one of whom it was given to, who has no browser.
    assert reminders.send_due(at=NOON + DAY) == 3
    assert service.got == []


def test_late_ones_and_escalations_are_told_too(service: Service) -> None:
    of = factory.care(steps=[1])
    subscribed(of.coordinator.person_id, service)
    subscribed(of.supervisor.person_id, service, "/2")
    due_tomorrow(of)
    sweeps.make_due(at=NOON + DAY)
    reminders.send_due(at=NOON + DAY)
    sweeps.tell_late(at=NOON + DAY + timedelta(hours=7))
    sweeps.escalate(at=NOON + 2 * DAY)

    reminders.send_due(at=NOON + 2 * DAY)

    assert [said["text"] for said in service.said()] == [
        "1 follow-up is due.",
        "1 follow-up is overdue.",
        "1 follow-up was not tried in time.",
    ]


def test_it_is_tried_again_and_not_for_ever(service: Service) -> None:
    of = factory.care()
    subscribed(of.coordinator.person_id, service)
    due_tomorrow(of)
    sweeps.make_due(at=NOON + DAY)
    service.status = 503
    at = NOON + DAY

    tries = 0
    while Reminder.objects.filter(sent_at=None).exists():
        tries += 1
        reminders.send_due(at=at)
        at += timedelta(hours=1)

    assert (tries, len(service.got)) == (4, 4)
    assert Reminder.objects.get().reached == 0


def test_who_died_while_sending_has_it_sent_again(service: Service) -> None:
    of = factory.care()
    subscribed(of.coordinator.person_id, service)
    due_tomorrow(of)
    sweeps.make_due(at=NOON + DAY)
    # Claimed, and nobody came back.
    reminders._claim(NOON + DAY)

    assert reminders.send_due(at=NOON + DAY + timedelta(minutes=4)) == 0
    assert reminders.send_due(at=NOON + DAY + timedelta(minutes=5)) == 1


def test_a_browser_that_took_its_wish_back_is_asked_no_more(service: Service) -> None:
    of = factory.care()
    browser = subscribed(of.coordinator.person_id, service)
    due_tomorrow(of)
    sweeps.make_due(at=NOON + DAY)
    service.status = 410

    reminders.send_due(at=NOON + DAY)

    browser.refresh_from_db()
    assert browser.ended_at == NOON + DAY


def test_who_asked_for_nothing_is_sent_nothing() -> None:
    of = factory.care()
    due_tomorrow(of)
    sweeps.make_due(at=NOON + DAY)

    assert reminders.send_due(at=NOON + DAY) == 1
    assert Reminder.objects.get().reached == 0


@pytest.mark.parametrize(
    ("at", "made"),
    [
        # Eight in the morning in Seattle, and six in the evening.
        (datetime.fromisoformat("2026-06-04T14:59:59+00:00"), 0),
        (datetime.fromisoformat("2026-06-04T15:00:00+00:00"), 1),
        (datetime.fromisoformat("2026-06-05T01:00:00+00:00"), 0),
    ],
)
def test_the_digest_is_of_the_day_once(at: datetime, made: int) -> None:
    of = factory.care()
    due_tomorrow(of)

    assert reminders.make_digests(at=at) == made
    assert reminders.make_digests(at=at) == 0
    assert Reminder.objects.filter(kind=ReminderKind.DIGEST).count() == made


def test_the_digest_says_how_many_and_nothing_else(service: Service) -> None:
    of = factory.care()
    subscribed(of.coordinator.person_id, service)
    due_tomorrow(of, count=2)
    factory.planned(of, factory.client(of))
    factory.intake(of.scene)
    at = NOON + 2 * DAY

    reminders.make_digests(at=at)
    reminders.send_due(at=at)

    assert [said["text"] for said in service.said()] == [
        "Follow-ups: 2 overdue, 1 assigned to nobody; 1 new referral."
    ]


def test_who_has_nothing_to_do_has_no_digest() -> None:
    factory.care()

    assert reminders.make_digests(at=NOON) == 0
