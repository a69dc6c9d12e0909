"""
Photos and signatures on a call: attached before or after their bytes have come, and seen by whom they concern.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from dispatch.actions import assignments, desk
from dispatch.models import Assignment, AssignmentStatus, Call, CallAttachment, CallStatus, Flag
from journal.door import open_door
from journal.models import Document, Entry, Receipt
from responders.models import EndReason, Shift
from tablets.models import Attachment
from tests.factories import dispatch, pictures, responders, tablets
from tests.factories.tablets import Paired
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

CAPTION = "canary: bruise on the left arm"


def scene_now() -> tuple[dispatch.Scene, Paired]:
    of = dispatch.scene(at=datetime.now(UTC) - timedelta(hours=1))
    person = Shift.objects.filter(unit=of.unit).order_by("pk")[0].person
    pair = tablets.paired(of.unit)
    tablets.signed_on(pair.tablet, person)
    return of, pair


def attach(client: Client, to: Call, data: bytes, **more: Any) -> Any:
    args = {"call": to.pk, "sha256": pictures.name_of(data), "purpose": "PHOTO", "caption": CAPTION} | more
    return client.post("/api/actions/call.attach/", {"id": str(uuid4()), "args": args}, "application/json")


def send(client: Client, data: bytes) -> Any:
    name = pictures.name_of(data)
    begin = {"sha256": name, "size": len(data), "type": "image/jpeg"}
    client.post("/api/attachments/", begin, "application/json")
    offset = {"Upload-Offset": "0"}
    return client.patch(f"/api/attachments/{name}/", data, "application/offset+octet-stream", headers=offset)


def held(of: dispatch.Scene) -> Assignment:
    return dispatch.assignment(of, at=datetime.now(UTC) - timedelta(minutes=30))


def documents(collection: str = "attachment") -> dict[str, dict[str, Any]]:
    rows = Document.objects.filter(collection=collection, gone=None)
    return {row.stream: orjson.loads(row.body or "") for row in rows}


def look(client: Client, data: bytes, *, small: bool = False) -> Any:
    return client.get(f"/api/attachments/{pictures.name_of(data)}/{'?small=1' if small else ''}")


@pytest.mark.parametrize("bytes_first", [True, False])
def test_a_photo_is_ready_on_the_crews_and_the_desks_call_in_whatever_order_it_came(bytes_first: bool) -> None:
    of, pair = scene_now()
    call, data = held(of).call, pictures.picture()

    if bytes_first:
        send(pair.client, data)
        answer = attach(pair.client, call, data)
    else:
        answer = attach(pair.client, call, data)
        waiting = documents()[f"unit.{of.unit.pk}"]
        assert (waiting["state"], waiting["type"], waiting["size"], waiting["width"]) == ("WAITING", None, None, None)
        send(pair.client, data)

    assert (answer.status_code, answer.json()["status"], answer.json()["flags"]) == (200, "applied", [])
    found = documents()
    assert set(found) == {f"unit.{of.unit.pk}", f"desk.{of.agency.pk}"}
    for body in found.values():
        stored = Attachment.objects.get().stored_size
        assert body == {
            "call": call.pk,
            "sha256": pictures.name_of(data),
            "purpose": "PHOTO",
            "caption": CAPTION,
            "by": CallAttachment.objects.get().by,
            "at": body["at"],
            "state": "READY",
            "code": None,
            "type": "image/jpeg",
            "size": stored,
            "width": 64,
            "height": 48,
        }
    call_command("rebuild_documents", "--check")


def test_a_photo_that_cannot_be_used_says_why() -> None:
    of, pair = scene_now()
    call, data = held(of).call, b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    attach(pair.client, call, data)

    send(pair.client, data)

    body = documents()[f"unit.{of.unit.pk}"]
    assert (body["state"], body["code"]) == ("REFUSED", "not_a_picture")
    assert look(pair.client, data).status_code == 404


def test_said_twice_it_is_one_and_said_for_another_purpose_it_is_another() -> None:
    of, pair = scene_now()
    call, data = held(of).call, pictures.picture()

    first, again = attach(pair.client, call, data), attach(pair.client, call, data, caption="other words")
    attach(pair.client, call, data, purpose="SIGNATURE")

    assert first.json()["attachment"] == again.json()["attachment"]
    assert [(row.purpose, row.caption) for row in CallAttachment.objects.order_by("pk")] == [
        ("PHOTO", CAPTION),
        ("SIGNATURE", CAPTION),
    ]
    assert Attachment.objects.count() == 1


def test_no_word_of_a_caption_is_in_an_entry_a_receipt_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    of, pair = scene_now()
    data = pictures.picture()

    with caplog.at_level("DEBUG"):
        attach(pair.client, held(of).call, data)
        send(pair.client, data)

    assert CAPTION in documents()[f"desk.{of.agency.pk}"]["caption"], "the caption is somewhere"
    kept = [*Entry.objects.values_list("data", flat=True), *Receipt.objects.values_list("answer", flat=True)]
    assert "canary" not in str(kept)
    # What Django tells of its statements is for DEBUG sites, and off on every other.
    told = [row.getMessage() for row in caplog.records if row.name != "django.db.backends"]
    assert "canary" not in str(told)
    entry = Entry.objects.get(kind="call.attached")
    assert set(entry.data) == {"attachment", "upload", "purpose"}


def test_a_closed_call_and_one_of_another_crew_are_attached_to_with_a_flag() -> None:
    of, pair = scene_now()
    closed = dispatch.advance(
        held(of), to=AssignmentStatus.CLEARED, by=of.dispatcher, at=datetime.now(UTC) - timedelta(minutes=9)
    ).call
    pending = dispatch.care_call(of)

    after_close = attach(pair.client, closed, pictures.picture(seed=1))
    not_held = attach(pair.client, pending, pictures.picture(seed=2))

    assert closed.status == CallStatus.CLOSED
    assert after_close.json()["flags"] == ["attached_after_close"]
    assert not_held.json()["flags"] == ["attached_not_held"]
    assert sorted(Flag.objects.values_list("call_id", "code")) == sorted(
        [(closed.pk, "attached_after_close"), (pending.pk, "attached_not_held")]
    )


def test_a_call_that_the_tablet_never_saw_is_not_there() -> None:
    of, pair = scene_now()
    other = dispatch.scene()
    elsewhere = dispatch.care_call(of, area=None)
    data = pictures.picture()

    for call in (dispatch.care_call(other), elsewhere, Call(pk=999_999_999)):
        answer = attach(pair.client, call, data)
        assert (answer.status_code, answer.json()["code"]) == (404, "call_not_found")
    assert not CallAttachment.objects.exists()
    assert not Attachment.objects.exists(), "a refusal leaves nothing behind"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "x"},
        {"sha256": "A" * 64},
        {"purpose": "VIDEO"},
        {"caption": "x" * 301},
        {"call": 0},
        {"state": "READY"},
    ],
)
def test_what_cannot_be_understood_is_refused(wrong: dict[str, Any]) -> None:
    of, pair = scene_now()

    answer = attach(pair.client, held(of).call, pictures.picture(), **wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")


# --- who sees it ------------------------------------------------------------------------------------------------------------


def test_the_desk_and_the_crew_look_at_it_and_nobody_else_does() -> None:
    of, pair = scene_now()
    data = pictures.picture()
    attach(pair.client, held(of).call, data)
    send(pair.client, data)
    other_unit, _ = dispatch.rival(of.agency, of.area, at=datetime.now(UTC))
    neighbour = dispatch.scene()

    def person(role: str, agency: Any = of.agency) -> Client:
        return desk_client(responders.person(agency, role))

    for client in (pair.client, person("DISPATCHER"), person("EMBEDDED"), person("SUPERVISOR")):
        answer = look(client, data)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert look(client, data, small=True).headers["Content-Type"] == "image/jpeg"
    absent = look(pair.client, b"nothing")
    for client in (
        tablets.crewed(other_unit).client,
        tablets.paired(of.unit).client,
        person("DISPATCHER", neighbour.agency),
    ):
        refused = look(client, data)
        assert (refused.status_code, refused.content) == (404, absent.content)
    for role in ("OFFICER", "COORDINATOR", "ADMIN", "RESPONDER"):
        assert look(person(role), data).status_code == 403
    assert look(Client(), data).status_code == 401


def test_an_answer_with_a_picture_can_do_nothing_but_be_looked_at() -> None:
    of, pair = scene_now()
    data = pictures.picture("PNG")
    attach(pair.client, held(of).call, data, purpose="SIGNATURE")
    send(pair.client, data)

    answer = pair.client.get(
        f"/api/attachments/{pictures.name_of(data)}/", headers={"Accept": "image/avif,image/webp,image/*"}
    )

    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="attachment.png"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_crew_looks_until_the_end_of_the_shift_in_which_it_had_the_call() -> None:
    of, pair = scene_now()
    assignment, data = held(of), pictures.picture()
    attach(pair.client, assignment.call, data)
    send(pair.client, data)

    dispatch.advance(assignment, to=AssignmentStatus.CLEARED, by=of.dispatcher, at=datetime.now(UTC))
    assert look(pair.client, data).status_code == 200

    with open_door(by="system:test", at=datetime.now(UTC)):
        for shift in Shift.objects.filter(unit=of.unit, ended_at=None):
            shift.ended_at, shift.end_reason = datetime.now(UTC), EndReason.CLEARED
            shift.save(update_fields=["ended_at", "end_reason"])
    assert look(pair.client, data).status_code == 404
    assert look(tablets.crewed(of.unit).client, data).status_code == 404


def test_what_belongs_to_no_call_is_seen_by_nobody() -> None:
    of, pair = scene_now()
    held(of)
    data = pictures.picture()
    send(pair.client, data)

    assert look(pair.client, data).status_code == 404
    assert look(desk_client(responders.person(of.agency, "DISPATCHER")), data).status_code == 404


def test_a_crew_whose_call_is_reassigned_keeps_no_document_and_the_next_one_gets_it() -> None:
    of, pair = scene_now()
    now = datetime.now(UTC)
    assignment, data = held(of), pictures.picture()
    attach(pair.client, assignment.call, data)
    send(pair.client, data)
    other, _ = dispatch.rival(of.agency, of.area, at=now - timedelta(hours=1))

    with open_door(by=of.dispatcher, at=now):
        desk.reassign(assignment_id=assignment.pk, unit_id=other.pk, reason="Nearer", by=of.dispatcher, at=now)

    assert set(documents()) == {f"unit.{other.pk}", f"desk.{of.agency.pk}"}
    assert look(tablets.crewed(other).client, data).status_code == 200


# --- at once ----------------------------------------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.parametrize("round_", range(6))
def test_the_last_byte_and_the_word_that_it_belongs_to_a_call_may_come_at_once(round_: int) -> None:
    of, pair = scene_now()
    call, data = held(of).call, pictures.picture(seed=round_)
    name = pictures.name_of(data)
    pair.client.post(
        "/api/attachments/", {"sha256": name, "size": len(data), "type": "image/jpeg"}, "application/json"
    )
    start = Barrier(3)

    def run(act: Any) -> Any:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    def told() -> int:
        with open_door(by=of.dispatcher, at=datetime.now(UTC)):
            assignments.acknowledge(
                assignment_id=Assignment.objects.get().pk,
                unit_id=of.unit.pk,
                asked_by="CARE",
                by=of.dispatcher,
                at=datetime.now(UTC),
            )
        return 200

    with ThreadPoolExecutor(3) as pool:
        acts = (lambda: send(pair.client, data).status_code, lambda: attach(pair.client, call, data).status_code, told)
        assert list(pool.map(run, acts)) == [200, 200, 200]

    assert {body["state"] for body in documents().values()} == {"READY"}
    call_command("rebuild_documents", "--check")
