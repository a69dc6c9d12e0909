"""
Documents of a sealed subject: unreadable in the table, plain to their readers, and otherwise like any other.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from journal.door import open_door
from journal.models import Document, Stream
from journal.rebuild import differences, digest_differences, rebuild
from journal.sealing import SealBroken, document_about, is_sealed, unseal
from tablets.exchange import HeldStream
from tablets.hub import FRAMES_SQL, frame_message
from tablets.sync import answer_streams
from tests.conftest import NOON
from tests.journal import sealed
from tests.journal.sealed import STREAMS
from tests.replica import number_of

pytestmark = pytest.mark.django_db

CANARY = "CANARY-7702"


@pytest.fixture(autouse=True)
def lines(db: None, settings: Settings) -> Iterator[None]:
    with sealed.table(), sealed.declared(settings):
        yield


def write(text: str, **more: str) -> int:
    with open_door(by="system:test", at=NOON):
        return sealed.write(text, **more)


def change(line: int, **values: str | bool) -> None:
    with open_door(by="system:test", at=NOON):
        sealed.change(line, **values)


def document(line: int, stream: str = STREAMS[0]) -> Document:
    return Document.objects.get(stream=stream, collection="line", document_id=str(line))


def opened(row: Document) -> dict[str, Any]:
    about = document_about(row.stream, row.collection, row.document_id, row.number)
    read: dict[str, Any] = json.loads(unseal(row.body or "", about=about))
    return read


def pulled(stream: str, held: HeldStream | None = None) -> dict[str, Any]:
    known = {} if held is None else {stream: held}
    answer: dict[str, Any] = json.loads("{" + ",".join(answer_streams([stream], known)) + "}")[stream]
    return answer


def framed(stream: str, after: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(FRAMES_SQL, [[stream], [after]])
        rows = cursor.fetchall()
    frame: dict[str, Any] = json.loads(frame_message(stream, after, rows[0][2], rows)["text"])
    return frame


def test_no_stream_holds_a_body_that_can_be_read() -> None:
    line = write(f"Smells of smoke, {CANARY}", said="at the door")

    for stream in STREAMS:
        body = document(line, stream).body or ""
        assert is_sealed(body)
        assert CANARY not in body
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(d::text, ' ') FROM journal_document d")
        assert CANARY not in cursor.fetchone()[0]
    assert opened(document(line)) == {"text": f"Smells of smoke, {CANARY}", "said": "at the door"}


def test_a_pull_and_a_frame_bring_plain_json() -> None:
    line = write("First")
    before = number_of(STREAMS[1])
    change(line, text="Second")

    snapshot, frame = pulled(STREAMS[1]), framed(STREAMS[1], before)
    more = pulled(STREAMS[1], HeldStream(before))

    said = {"c": "line", "id": str(line), "n": before + 1, "b": {"text": "Second"}}
    assert snapshot["documents"] == frame["d"] == more["documents"] == [said]


def test_a_body_that_did_not_change_makes_no_number_and_is_not_sealed_anew() -> None:
    line = write("Same")
    numbers, body = [number_of(stream) for stream in STREAMS], document(line).body

    change(line, text="Same")

    assert [number_of(stream) for stream in STREAMS] == numbers
    assert document(line).body == body


def test_only_the_streams_whose_view_changed_are_raised() -> None:
    line = write("Same")
    before = [number_of(stream) for stream in STREAMS]

    change(line, said="only the desk reads this")

    assert [number_of(stream) for stream in STREAMS] == [before[0] + 1, before[1]]
    assert opened(document(line))["said"] == "only the desk reads this"


def test_what_leaves_its_readers_becomes_a_tombstone_like_any_other() -> None:
    line = write("Short")
    before = number_of(STREAMS[0])

    change(line, hidden=True)

    gone = document(line)
    assert (gone.body, gone.gone) == (None, "removed")
    assert framed(STREAMS[0], before)["d"] == [{"c": "line", "id": str(line), "n": before + 1, "gone": "removed"}]
    assert Stream.objects.get(name=STREAMS[0]).count == 0
    change(line, hidden=False)
    assert opened(document(line))["text"] == "Short"


@pytest.mark.parametrize("to", ["other line", "other stream", "later number"])
def test_a_body_that_was_moved_is_not_delivered_and_the_rest_is(to: str, caplog: pytest.LogCaptureFixture) -> None:
    first, second = write("First"), write("Second")
    stolen = document(first).body
    at: tuple[int, str] = (second, STREAMS[0]) if to == "other line" else (first, STREAMS[1])
    if to == "later number":
        change(first, text="Later")
        at = first, STREAMS[0]
    moved = document(*at)
    Document.objects.filter(pk=moved.pk).update(body=stolen)

    with pytest.raises(SealBroken):
        opened(document(*at))
    left = {row["id"] for row in pulled(at[1])["documents"]}
    assert left == {str(first), str(second)} - {str(at[0])}
    assert {row["id"] for row in framed(at[1], 0)["d"]} == left
    assert f"{at[1]}|line|{at[0]}|" in caplog.text


def test_a_broken_seal_is_a_difference_and_a_rebuild_mends_it() -> None:
    first, second = write("First"), write("Second")
    assert not list(differences())
    Document.objects.filter(pk=document(second).pk).update(body=document(first).body)

    assert list(differences()) == [f"{STREAMS[0]}/line/{second}: not what the rows say"]
    rebuild(at=NOON)

    assert not list(differences())
    assert not list(digest_differences())
    assert opened(document(second))["text"] == "Second"


def test_what_was_plain_before_its_subject_was_sealed_is_sealed_by_a_rebuild(settings: Settings) -> None:
    with sealed.declared(settings, sealed=False):
        line = write(f"Early, {CANARY}")
        assert CANARY in (document(line).body or "")

    with sealed.declared(settings):
        assert list(differences()) == [f"{stream}/line/{line}: not sealed" for stream in STREAMS]
        rebuild(at=NOON)

        assert not list(differences())
        assert CANARY not in (document(line).body or "")


def test_what_is_no_longer_sealed_becomes_plain(settings: Settings) -> None:
    line = write("Open")

    with sealed.declared(settings, sealed=False):
        change(line, said="again")
        assert json.loads(document(line).body or "")["said"] == "again"
