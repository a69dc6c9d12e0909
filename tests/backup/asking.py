"""
Asking the door of backup as a server hands it requests, and what the tests need to have around it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings

from dispatch.backup.database import Pool
from dispatch.backup.door import PREFIX, Application, Door
from dispatch.models import BackupEvent, BackupPress
from journal.door import open_door
from responders.models import Person
from tablets.actions import backup_keys
from tablets.models import Tablet
from tests.factories import dispatch as scenes
from tests.factories import responders as make
from tests.factories import tablets
from tests.security.clients import desk_client

ORIGIN = "http://localhost:8000"


@dataclass
class Answer:
    """
    What the door answered.
    """

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        """
        Return the body, which is always an object.
        """
        found: dict[str, Any] = orjson.loads(self.content)
        return found


@dataclass
class Asking:
    """
    The door, and how it is asked.
    """

    door: Application
    pool: Pool

    def raw(self, path: str, body: bytes, *, method: str = "POST", **environ: str) -> Answer:
        """
        Ask with bytes.
        """
        said: list[Any] = []
        given = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"{PREFIX}{path}",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            **environ,
        }
        content = b"".join(self.door(given, lambda status, headers: said.extend([status, headers])))
        return Answer(int(said[0].split()[0]), dict(said[1]), content)

    def tablet(self, credential: str, path: str = "", /, **given: Any) -> Answer:
        """
        Ask as a tablet that has this key.
        """
        return self.raw(path, orjson.dumps(given), HTTP_AUTHORIZATION=f"Backup {credential}")

    def console(self, session: str, path: str = "watch/", /, **given: Any) -> Answer:
        """
        Ask as a page of a person who is signed in.
        """
        cookie = f"{settings.SESSION_COOKIE_NAME}={session}"
        return self.raw(path, orjson.dumps(given), HTTP_COOKIE=cookie, HTTP_ORIGIN=ORIGIN)


def doors(pool: Pool) -> Asking:
    """
    Return the door with this pool.
    """
    return Asking(Door(pool), pool)


@dataclass
class Scene:
    """
    An agency with a crewed unit and its tablet, the tablet's key for backup, and a dispatcher.
    """

    of: scenes.Scene
    tablet: Tablet
    key: str
    dispatcher: Person

    @property
    def session(self) -> str:
        """
        Return a session of the dispatcher.
        """
        return session_of(self.dispatcher)


def scene() -> Scene:
    """
    Return a new agency whose tablet can ask for backup.
    """
    of = scenes.scene()
    tablet = tablets.paired(of.unit).tablet
    assert of.dispatcher.person_id is not None, "a dispatcher is a person"
    dispatcher = Person.objects.get(pk=of.dispatcher.person_id)
    return Scene(of, tablet, key_for(tablet), dispatcher)


def key_for(tablet: Tablet) -> str:
    """
    Return a new key of a tablet.
    """
    at = datetime.now(UTC)
    with open_door(by=make.SCENE, at=at):
        return backup_keys.issue(tablet_id=tablet.pk, by=make.SCENE, at=at)


def session_of(person: Person, *, second_factor: bool = True) -> str:
    """
    Return the key of a new session of this person.
    """
    client = desk_client(person, second_factor=second_factor)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def new_key() -> str:
    """
    Return the key of a press that nobody has made yet.
    """
    return str(uuid4())


def presses() -> list[BackupPress]:
    """
    Return everything that was pressed.
    """
    return list(BackupPress.objects.order_by("received_at", "key"))


def events(key: str, kind: str) -> list[BackupEvent]:
    """
    Return what happened to a press, of one kind.
    """
    return list(BackupEvent.objects.filter(press=key, kind=kind).order_by("pk"))
