"""
A database that was restored is another epoch: nothing that a tablet was told was done is forgotten.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from dispatch.models import Note
from journal.models import Receipt, Stream
from tablets import epochs
from tablets.models import Epoch, Installation
from tests.tablets.lines import Replica
from tests.tablets.queues import JSON, Crew, crew

pytestmark = pytest.mark.django_db


def notes(of: Crew, *texts: str) -> list[JSON]:
    """
    Return facts that always apply.
    """
    call = of.held().call_id
    return [of.queue.action("call.note", {"call": call, "text": text}) for text in texts]


def forget(of: Crew, *, after_seq: int) -> None:
    """
    Do to the lane what restoring a backup does: the row is back where it was, and so are receipts and effects.
    """
    lost = Receipt.objects.filter(lane=of.queue.installation, seq__gt=after_seq)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dispatch_note WHERE text = ANY(%s)", [["lost 1", "lost 2"]])
        cursor.execute("DELETE FROM journal_mark")
    lost.delete()
    Installation.objects.filter(pk=of.queue.installation).update(last_seq=after_seq)


def test_without_a_row_there_is_an_epoch_and_a_command_makes_a_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    before = epochs.current()

    call_command("new_epoch")

    assert epochs.current() != before
    assert epochs.current() in capsys.readouterr().out
    assert before.split(".")[1:] == epochs.current().split(".")[1:]
    assert Epoch.objects.get().why == "restored from a backup"


def test_the_cluster_and_its_timeline_are_in_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_hex(system_identifier) FROM pg_control_system()")
        cluster = cursor.fetchone()[0]
        cursor.execute("SELECT timeline_id FROM pg_control_checkpoint()")
        timeline = cursor.fetchone()[0]

    assert epochs.current().split(".")[1:] == [cluster, f"{timeline:x}"]


def test_after_a_new_epoch_no_id_that_was_handed_out_means_something_else() -> None:
    of = crew()
    last = of.held().pk

    epochs.begin(why="test", at=datetime.now(UTC))

    assert of.call().pk > last + 900_000


def test_a_tablet_offers_again_what_was_lost_and_gets_it_done_once() -> None:
    of = crew()
    kept, *lost = notes(of, "kept", "lost 1", "lost 2")
    of.queue.send(kept, *lost)
    old_epoch = of.queue.epoch
    forget(of, after_seq=1)
    epochs.begin(why="test", at=datetime.now(UTC))

    told = of.queue.send(epoch=old_epoch)
    again = of.queue.send(kept, *lost)

    assert told["epoch"] != old_epoch
    assert [(one["seq"], one["status"], one.get("replayed", False)) for one in again["answers"]] == [
        (1, "applied", True),
        (2, "applied", False),
        (3, "applied", False),
    ]
    assert sorted(Note.objects.values_list("text", flat=True)) == ["kept", "lost 1", "lost 2"]
    assert again["seq"] == 3


def test_a_lane_jumps_over_what_its_tablet_no_longer_has() -> None:
    of = crew()
    of.queue.send(*notes(of, "kept", "lost 1", "lost 2"))
    old_epoch = of.queue.epoch
    forget(of, after_seq=1)
    epochs.begin(why="test", at=datetime.now(UTC))
    (fourth,) = notes(of, "fourth")

    answer = of.queue.send(fourth, epoch=old_epoch, first_seq=4)

    assert [one["status"] for one in answer["answers"]] == ["applied"]
    assert (answer["seq"], "expected_seq" in answer) == (4, False)


def test_the_jump_is_kept_when_the_tablet_had_nothing_to_send() -> None:
    of = crew()
    of.queue.send(*notes(of, "kept", "lost 1", "lost 2"))
    old_epoch = of.queue.epoch
    forget(of, after_seq=1)
    epochs.begin(why="test", at=datetime.now(UTC))

    of.queue.send(epoch=old_epoch, first_seq=4)
    answer = of.queue.send(*notes(of, "fourth"), first_seq=4)

    assert [one["status"] for one in answer["answers"]] == ["applied"]


def test_in_the_same_epoch_no_lane_jumps() -> None:
    of = crew()
    of.queue.send(*notes(of, "first"))
    of.queue.next_seq = 7

    answer = of.queue.send(*notes(of, "seventh"), first_seq=7)

    assert (answer["answers"], answer["expected_seq"]) == ([], 2)


def test_every_stream_begins_again_in_a_new_epoch() -> None:
    of = crew()
    replica = Replica()
    replica.pull(of.queue.paired.client)
    of.queue.send()
    old_epoch = of.queue.epoch
    epochs.begin(why="test", at=datetime.now(UTC))
    streams = {name: replica.held(name) for name in replica.numbers}

    answer = of.queue.send(epoch=old_epoch, streams=streams)

    assert all(given["reset"] for given in answer["streams"].values())
    assert all(not given["reset"] for given in of.queue.send(streams=streams)["streams"].values())
    assert Installation.objects.get(pk=of.queue.installation).resets == len(streams)


def test_a_tablet_that_is_ahead_makes_a_new_epoch_at_most_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    of = crew()
    of.queue.send()
    name = f"unit.{of.scene.unit.pk}"
    ahead: Any = {name: {"number": Stream.objects.get(name=name).number + 1}}
    before = of.queue.epoch

    with caplog.at_level(logging.ERROR):
        first = of.queue.send(streams=ahead)
    second = of.queue.send(streams=ahead)

    assert first["epoch"] != before
    assert first["streams"][name]["reset"]
    assert "was ahead of this database" in caplog.text
    assert second["epoch"] == first["epoch"]
    assert second["streams"][name]["reset"]
    Epoch.objects.update(made_at=datetime.now(UTC) - timedelta(minutes=2))
    assert of.queue.send(streams=ahead)["epoch"] != first["epoch"]


def test_a_reader_without_an_epoch_makes_none() -> None:
    of = crew()
    name = f"unit.{of.scene.unit.pk}"

    of.queue.send(streams={name: {"number": Stream.objects.get(name=name).number + 1}}, epoch=None)

    assert not Epoch.objects.exists()
