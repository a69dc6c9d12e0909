"""
What screens hold of a request: written afterwards, and by the desk's own actions.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from dispatch.backup import filing
from dispatch.backup.database import Pool, connect
from dispatch.backup.watch import look
from dispatch.models import Backup
from journal.door import Answer
from journal.kinds import Kind, kinds
from journal.models import Document, Entry
from journal.rebuild import differences
from responders.api import run_action
from responders.models import Shift
from tests.backup.asking import Asking, Scene, events, new_key, presses, scene
from tests.backup.test_watch import event, pressed
from tests.factories import dispatch as scenes
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_press_is_filed_once_and_linked_to_its_unit_and_call(door: Asking) -> None:
    here, key = scene(), new_key()
    call = scenes.care_call(here.of)
    door.tablet(here.key, key=key, call=call.pk, level="URGENT")

    assert (filing.file_open(door.pool), filing.file_open(door.pool)) == (1, 0)

    backup = Backup.objects.get()
    assert (str(backup.press), backup.unit, backup.call, backup.level) == (key, here.of.unit, call, "URGENT")
    assert streams(here) == {"unit", "desk", "supervisors"}
    assert body(f"unit.{here.of.unit.pk}")["call_sign"] == here.of.unit.call_sign
    assert Entry.objects.filter(kind="backup.raised").count() == 1
    assert list(differences()) == []


def test_ids_that_are_nothing_of_ours_are_left_out(door: Asking) -> None:
    here, there = scene(), scene()
    door.tablet(here.key, key=new_key(), call=scenes.care_call(there.of).pk, person=987_654_321)

    filing.file_open(door.pool)

    backup = Backup.objects.get()
    assert (backup.call, backup.person) == (None, None)


def test_of_a_silent_one_the_crew_holds_a_mark_only(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key, silent=True)

    filing.file_open(door.pool)

    assert body(f"unit.{here.of.unit.pk}") == {"press": key, "silent": True, "state": "RECEIVED"}
    assert body(f"desk.{here.of.agency.pk}")["level"] == "EMERGENCY"


def test_from_30_seconds_on_every_other_unit_holds_it(door: Asking, pool: Pool) -> None:
    here = scene()
    other, _ = scenes.rival(here.of.agency, here.of.area)
    pressed(here, ago=20)
    look(pool)
    filing.file_open(door.pool)
    assert not Document.objects.filter(stream=f"unit.{other.pk}", collection="backup").exists()

    pressed_long_ago = pressed(here, ago=40)
    look(pool)
    filing.file_open(door.pool)

    assert body(f"unit.{other.pk}")["press"] == pressed_long_ago
    assert list(differences()) == []


def test_a_locked_desk_stream_keeps_the_filing_waiting_and_nothing_else(door: Asking, pool: Pool) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=new_key())
    filing.file_open(door.pool)
    with connect() as other:
        other.autocommit = False
        other.execute("SELECT 1 FROM journal_stream FOR UPDATE")
        assert door.tablet(here.key, key=key, service="EMS").body["state"] == "RECEIVED"
        look(pool)
        with pytest.raises(Exception, match="lock timeout"):
            filing.file_open(door.pool)
        other.rollback()

    assert [e.step for e in events(key, "RUNG")] == [0]
    assert filing.file_open(door.pool) == 1


def test_the_desk_sends_police_and_closes(door: Asking, pool: Pool) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key)
    filing.file_open(door.pool)

    sent = desk(here, "backup.police_sent", key=key, unit="2K12", due_in_s=240)
    on_way = door.tablet(here.key, key=key).body
    arrived = desk(here, "backup.police_arrived", key=key)
    there = door.tablet(here.key, key=key).body
    closed = desk(here, "backup.resolve", **{"key": key, "as": "RESOLVED", "note": "All well"})
    after = door.tablet(here.key, key=key).body

    assert (sent, arrived, closed) == (200, 200, 200)
    assert (on_way["state"], on_way["police"]["unit"], on_way["seen_by"]) == ("POLICE_SENT", "2K12", "Dispatcher One")
    assert on_way["police"]["due_at"] is not None
    assert there["state"] == "POLICE_ARRIVED"
    assert (after["state"], after["closed_as"]) == ("CLOSED", "RESOLVED")
    assert streams(here) == {"supervisors"}
    look(pool)
    assert filing.file_open(door.pool) == 0
    assert desk(here, "backup.resolve", **{"key": key, "as": "RESOLVED"}) == 409
    assert list(differences()) == []


def test_a_cancel_closes_only_when_a_dispatcher_confirms_it(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key)

    assert desk(here, "backup.confirm_cancel", key=key) == 409
    door.tablet(here.key, "cancel/", key=key, reason="By mistake")
    assert door.tablet(here.key, key=key).body["state"] == "RECEIVED"
    assert desk(here, "backup.confirm_cancel", key=key) == 200
    assert door.tablet(here.key, key=key).body["closed_as"] == "CANCELLED"


def test_a_dispatcher_lowers_what_a_crew_asked_to_lower(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key)
    door.tablet(here.key, "level/", key=key, level="NON_URGENT")

    assert desk(here, "backup.level", key=key, level="NON_URGENT") == 200

    told = door.tablet(here.key, key=key).body
    assert (told["level"], told["asked_level"]) == ("NON_URGENT", None)


def test_closing_leaves_open_what_was_pressed_a_moment_ago(door: Asking) -> None:
    here, first, old, new = scene(), new_key(), new_key(), new_key()
    door.tablet(here.key, key=first)
    door.tablet(here.key, key=old)
    door.tablet(here.key, key=new)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dispatch_backuppress DISABLE TRIGGER dispatch_backup_press_guard")
        cursor.execute(
            "UPDATE dispatch_backuppress SET received_at = received_at - interval '9 s' WHERE key <> %s", [new]
        )
        cursor.execute("ALTER TABLE dispatch_backuppress ENABLE TRIGGER dispatch_backup_press_guard")

    desk(here, "backup.resolve", **{"key": first, "as": "RESOLVED"})

    assert {str(press.key) for press in presses() if press.closed_at is None} == {new}
    shown = door.console(here.session, console=str(uuid4())).body["open"]
    assert [alarm["key"] for alarm in shown] == [new]


def test_a_crew_on_the_radio_gets_a_request_like_any_other(door: Asking, pool: Pool) -> None:
    here = scene()

    assert desk(here, "backup.raise_by_radio", unit=here.of.unit.pk, asked_by="CARE 1") == 200

    look(pool)
    (press,) = presses()
    assert (press.origin, press.level) == ("RADIO", "EMERGENCY")
    assert [e.step for e in events(str(press.key), "RUNG")] == [0]
    assert streams(here) == {"unit", "desk", "supervisors"}


def test_a_crew_on_the_radio_is_rung_for_while_the_filing_waits_and_where_it_fails(pool: Pool) -> None:
    here, action_id = scene(), uuid4()
    kind = kinds()["backup.raise_by_radio"]

    def say(said: Kind) -> Answer:
        args = {"unit": here.of.unit.pk, "asked_by": "CARE 1"}
        by, at = here.of.dispatcher, timezone.now()
        return run_action(said, action_id=action_id, args=args, by=by, at=at, happened_at=None)

    def raised_and_lost(**given: Any) -> Any:
        kind.act(**given)
        # Whoever else looks, before this transaction is over, finds it.
        look(pool)
        raise KeyError

    with pytest.raises(KeyError):
        say(replace(kind, act=raised_and_lost))
    (press,) = presses()
    assert [e.step for e in events(str(press.key), "RUNG")] == [0]

    answer = say(kind)

    assert (answer.body["press"], presses()) == (str(press.key), [press])
    assert streams(here) == {"unit", "desk", "supervisors"}


def test_who_is_on_the_unit_answers_nothing_of_its_own(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key)
    shift = Shift.objects.filter(unit=here.of.unit).select_related("person")[0]
    shift.person.roles.create(name="SUPERVISOR")
    client = desk_client(shift.person)

    answer = client.post("/api/actions/backup.resolve/", envelope(key=key, **{"as": "RESOLVED"}), "application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "backup_own")


def test_a_press_is_never_changed_or_taken_away(door: Asking) -> None:
    key = pressed(scene(), ago=1)
    event(key, "SEEN", ago=0)

    for sql in (
        "UPDATE dispatch_backuppress SET level = 'URGENT'",
        "DELETE FROM dispatch_backuppress",
        "UPDATE dispatch_backupevent SET by = 'x'",
        "DELETE FROM dispatch_backupevent",
    ):
        with pytest.raises(Exception, match="only"), connection.cursor() as cursor:
            cursor.execute(sql)


def envelope(**args: Any) -> bytes:
    return orjson.dumps({"id": str(uuid4()), "args": args})


def desk(here: Scene, kind: str, **args: Any) -> int:
    client = desk_client(here.dispatcher)
    status: int = client.post(f"/api/actions/{kind}/", envelope(**args), "application/json").status_code
    return status


def streams(here: Scene) -> set[str]:
    held = Document.objects.filter(collection="backup", gone=None)
    return {name.split(".")[0] for name in held.values_list("stream", flat=True)}


def body(stream: str) -> dict[str, Any]:
    document = Document.objects.filter(stream=stream, collection="backup", gone=None).latest("number")
    found: dict[str, Any] = orjson.loads(document.body or "")
    return found
