"""
After any sequence of all actions, by any roles, with failures injected, everybody holds what the rows say.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from journal.door import Answer
from journal.kinds import Kind, kinds
from journal.models import Document, Entry
from journal.rebuild import differences, digest_differences
from journal.refusals import Refusal
from responders import permissions
from responders.actors import Actor
from responders.api import run_action
from tablets.hub import FRAMES_SQL
from tests.conftest import NOON
from tests.properties.scene import Scene, arguments, scene
from tests.replica import Replica, fresh, number_of

EXAMPLES = 25
STEPS = 30


class Crash(Exception):
    """
    What a fault in the middle of an action looks like.
    """


def failing_after_its_effect(kind: Kind) -> Kind:
    def act(**args: Any) -> Any:
        kind.act(**args)
        raise Crash

    return replace(kind, act=act)


def failing_in_the_database(kind: Kind) -> Kind:
    def act(**args: Any) -> Any:
        kind.act(**args)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    return replace(kind, act=act)


@pytest.mark.slow
@pytest.mark.timeout(900)
# Every commit is one: a request for backup is written on a connection of its own.
@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    # A run costs seconds: shrinking one would cost an hour. The seed that is printed replays it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_reader_holds_what_the_rows_say(db: None, data: st.DataObject) -> None:
    here = scene()
    readers = {stream: Replica(stream) for stream in here.streams()}
    for reader in readers.values():
        reader.pull()
    sent: list[tuple[UUID, Kind, dict[str, Any], Actor, Answer]] = []
    for step in range(data.draw(st.integers(1, STEPS))):
        at = NOON + timedelta(seconds=20 * step)
        before = {stream: number_of(stream) for stream in readers}
        match data.draw(st.sampled_from(["act", "act", "act", "act", "act", "crash", "fault", "repeat"])):
            case "repeat" if sent:
                again(data.draw(st.sampled_from(sent)), at)
            case how:
                attempt(data, here, how, at, sent)
        no_number_was_skipped(before, readers)
        for stream, reader in readers.items():
            # A reader that is not drawn is one whose hints were dropped.
            if data.draw(st.integers(0, 3)) == 0:
                take_frames(stream, reader)

    for stream, reader in readers.items():
        take_frames(stream, reader)
        assert reader.documents == fresh(stream)
        snapshot = Replica(stream)
        snapshot.pull()
        assert snapshot.documents == reader.documents
    assert list(differences()) == []
    assert list(digest_differences()) == []
    entries = Entry.objects.filter(stream=f"journal.{here.agency.pk}").order_by("number")
    assert list(entries.values_list("number", flat=True)) == list(range(1, len(entries) + 1))


def attempt(data: st.DataObject, here: Scene, how: str, at: Any, sent: list[Any]) -> None:
    """
    Ask for any kind of action as anybody, perhaps with a fault in its middle.
    """
    kind = data.draw(st.sampled_from(sorted(kinds().values(), key=lambda kind: kind.name)))
    # Most of the time somebody who may: a no at the door tells little.
    may = [actor for actor in here.actors if permissions.may_act(actor, kind.name)]
    anybody = not may or data.draw(st.integers(0, 4)) == 0
    by = data.draw(st.sampled_from(here.actors if anybody else may))
    args = arguments(data.draw, kind, here, at, by)
    faults = {"crash": failing_after_its_effect, "fault": failing_in_the_database}
    asked = faults[how](kind) if how in faults else kind
    action_id = uuid4()
    entries = Entry.objects.count()
    try:
        answer = run_action(asked, action_id=action_id, args=args, by=by, at=at, happened_at=None)
    except (Crash, DataError):
        assert Entry.objects.count() == entries
    except Refusal:
        assert Entry.objects.count() == entries
    else:
        sent.append((action_id, kind, args, by, answer))


def again(known: tuple[UUID, Kind, dict[str, Any], Actor, Answer], at: Any) -> None:
    """
    Send an action id again: the same answer, and nothing happens.
    """
    action_id, kind, args, by, answer = known
    entries = Entry.objects.count()

    repeated = run_action(kind, action_id=action_id, args=args, by=by, at=at, happened_at=None)

    assert (repeated.status, repeated.body, repeated.replayed) == (answer.status, answer.body, True)
    assert Entry.objects.count() == entries


def no_number_was_skipped(before: dict[str, int], readers: dict[str, Replica]) -> None:
    """
    One transaction raises a stream by one at the most, and never without a document of that number.
    """
    for stream in readers:
        now = number_of(stream)
        assert now - before[stream] in (0, 1)
        if now > before[stream]:
            assert Document.objects.filter(stream=stream, number=now).exists()


def take_frames(stream: str, reader: Replica) -> None:
    """
    Give a reader everything since its number as one frame, read as the hub reads it.
    """
    with connection.cursor() as cursor:
        cursor.execute(FRAMES_SQL, [[stream], [reader.number]])
        rows = cursor.fetchall()
    if rows:
        _, prev, number, *_ = rows[0]
        assert (prev, number) == (reader.number, number_of(stream))
        reader.apply([(stream, *row[3:]) for row in rows if row[3] is not None], number)
