"""
Paired tablets and people signed on at them, for tests. Each function commits through a door of its own.

Sign-ons are measured against the real clock, in the web as in the live process: they begin now unless a test says else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from django.test import Client

from responders.models import Person, Unit
from tablets.actions import sign_on as signing_on
from tablets.models import Quarantined, SignOn, Tablet
from tablets.secrets import hash_token, new_token
from tests.factories import responders as make
from tests.factories.responders import SCENE, scene_door

_numbers = count(1)
ORIGIN = "http://localhost:8000"


@dataclass(frozen=True)
class Paired:
    """
    A tablet with the token that only it knows.
    """

    tablet: Tablet
    token: str

    @property
    def client(self) -> Client:
        """
        Return a client that speaks as this tablet.
        """
        return Client(headers={"Authorization": f"Tablet {self.token}"})


def paired(unit: Unit, *, by: Person | None = None) -> Paired:
    """
    Return a tablet of a unit, as pairing leaves it.
    """
    supervisor = by or make.person(unit.agency, "SUPERVISOR")
    token = new_token()
    with scene_door(at=datetime.now(UTC)):
        tablet = Tablet.objects.create(
            agency=unit.agency,
            unit=unit,
            name=f"Tablet {next(_numbers)}",
            token_hash=hash_token(token),
            paired_at=datetime.now(UTC),
            paired_by=supervisor,
        )
    return Paired(tablet, token)


def signed_on(at_tablet: Tablet, who: Person | None = None, *, since: datetime | None = None) -> SignOn:
    """
    Return the sign-on of a responder, a new one of the tablet's agency unless one is named.
    """
    since = since or datetime.now(UTC)
    person = who or make.person(at_tablet.agency)
    with scene_door(at=since):
        return signing_on.sign_on(
            tablet_id=at_tablet.pk,
            person_id=person.pk,
            by=SCENE,
            at=since,
            planned_end_at=since + timedelta(hours=10),
        )


def crewed(unit: Unit) -> Paired:
    """
    Return a tablet of a unit with a new responder signed on at it.
    """
    with scene_door(at=datetime.now(UTC)):
        new = paired(unit)
        signed_on(new.tablet)
    return new


def quarantined(at_tablet: Tablet) -> Quarantined:
    """
    Return something that this tablet sent and nobody understood.
    """
    return Quarantined.objects.create(
        agency=at_tablet.agency,
        tablet=at_tablet,
        installation=uuid4(),
        seq=1,
        action_id=uuid4(),
        kind="call.unheard_of",
        version=1,
        raw='{"seq":1,"kind":"call.unheard_of","v":1}',
        received_at=datetime.now(UTC),
        code="unknown_kind",
        message="This version of CARE Field does not know that action.",
    )
