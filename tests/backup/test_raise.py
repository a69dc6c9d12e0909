"""
Raising: whatever comes with a right key is kept, once, and said to be received only when it is.
"""

import asyncio
import random
import string
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.backup.database import connect
from dispatch.backup.frames import Frames
from dispatch.backup.press import fold
from journal.door import open_door
from tablets.actions import registry
from tablets.hub import Hub
from tablets.models import BackupKey
from tests.backup.asking import ORIGIN, Asking, events, key_for, new_key, presses, scene
from tests.conftest import NOON
from tests.factories import dispatch as scenes
from tests.factories import responders as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def crew_key(transactional_db: None) -> str:
    """
    Return a tablet's key, the same for all examples of a test: each would build a whole agency otherwise.
    """
    return scene().key


BODY = {
    "level": "URGENT",
    "service": "EMS",
    "silent": True,
    "drill": False,
    "pressed_at": "2026-06-03T19:00:00.000Z",
    "person": 7,
    "call": 8,
    "position": {"lon": -122.3, "lat": 47.6, "accuracy": 12.5, "at": "2026-06-03T18:59:58.000Z"},
    "battery": 41,
    "seen_state": None,
}


def test_a_press_is_kept_as_it_came(door: Asking) -> None:
    here, key = scene(), new_key()

    answer = door.tablet(here.key, key=key, **BODY)

    (press,) = presses()
    assert (answer.status, answer.body["state"], answer.body["key"]) == (200, "RECEIVED", key)
    assert (press.level, press.service, press.silent, press.drill, press.battery) == ("URGENT", "EMS", True, False, 41)
    assert (press.lon, press.lat, press.accuracy_m, press.person_id, press.call_id) == (-122.3, 47.6, 12.5, 7, 8)
    assert (press.tablet_id, press.unit_id, press.agency_id) == (here.tablet.pk, here.of.unit.pk, here.of.agency.pk)
    assert press.raw == ""
    assert answer.body["received_at"][:19] == press.received_at.isoformat()[:19]
    assert answer.headers["Cache-Control"] == "no-store"


def test_until_a_level_is_chosen_it_is_an_emergency(door: Asking) -> None:
    here = scene()

    answer = door.tablet(here.key, key=new_key())

    assert (answer.body["level"], answer.body["consoles"], answer.body["silent"]) == ("EMERGENCY", 0, False)


def test_without_a_right_key_nothing_is_kept(door: Asking) -> None:
    scene()

    wrong = door.tablet("nobody's", key=new_key())
    none = door.raw("", b"{}")

    assert (wrong.status, wrong.body["code"]) == (none.status, none.body["code"]) == (401, "backup_key_wrong")
    assert presses() == []


def test_a_revoked_tablet_raises_nothing(door: Asking) -> None:
    here = scene()
    with open_door(by=make.SCENE, at=NOON):
        registry.revoke(tablet=here.tablet.pk, by=here.of.dispatcher, at=NOON)

    assert door.tablet(here.key, key=new_key()).status == 401
    assert presses() == []


def test_the_first_use_of_a_new_key_ends_the_older_ones(door: Asking) -> None:
    here = scene()
    newer = key_for(here.tablet)

    assert door.tablet(here.key, key=new_key()).status == 200
    assert door.tablet(newer, key=new_key()).status == 200
    assert door.tablet(here.key, key=new_key()).status == 401
    assert door.tablet(newer, key=new_key()).status == 200
    assert BackupKey.objects.filter(ended_at=None).count() == 1


def test_the_cookie_lets_in_from_our_own_pages_only(door: Asking) -> None:
    here = scene()
    cookie = f'theme={{"a": 1}}; other=x y; backup={here.key}'

    own = door.raw("", orjson.dumps({"key": new_key()}), HTTP_COOKIE=cookie, HTTP_ORIGIN=ORIGIN)
    other = door.raw("", b"{}", HTTP_COOKIE=cookie, HTTP_ORIGIN="https://elsewhere.example")
    framed = door.raw("", b"{}", HTTP_COOKIE=cookie, HTTP_SEC_FETCH_SITE="cross-site")

    assert (own.status, other.status, framed.status) == (200, 401, 401)
    assert len(presses()) == 1


def test_a_thousand_copies_are_one_press(door: Asking) -> None:
    here, key = scene(), new_key()
    copies = [{"key": key, "battery": battery % 100} for battery in range(1_000)]
    random.Random(4).shuffle(copies)

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda copy: door.tablet(here.key, **copy), copies))

    assert {answer.status for answer in answers} == {200}
    assert {answer.body["state"] for answer in answers} == {"RECEIVED"}
    assert len({answer.body["received_at"] for answer in answers}) == 1
    assert len(presses()) == 1
    assert len(events(key, "TRANSMITTED")) == 999


def test_a_second_press_within_a_minute_is_the_same_request_again(door: Asking) -> None:
    here, first, second = scene(), new_key(), new_key()
    door.tablet(here.key, key=first, level="URGENT")

    answer = door.tablet(here.key, key=second)

    assert answer.body["merged_into"] == first
    assert answer.body["level"] == "EMERGENCY"
    assert [str(press.again_of) for press in presses()] == ["None", first]
    assert [event.data["key"] for event in events(first, "PRESSED_AGAIN")] == [second]
    assert door.tablet(here.key, key=first).body["level"] == "EMERGENCY"


@pytest.mark.parametrize(("first", "second"), [({"drill": True}, {}), ({"service": "EMS"}, {}), ({}, {"drill": True})])
def test_what_is_another_thing_is_not_merged(door: Asking, first: dict[str, Any], second: dict[str, Any]) -> None:
    here = scene()
    door.tablet(here.key, key=new_key(), **first)

    answer = door.tablet(here.key, key=new_key(), **second)

    assert answer.body["merged_into"] is None


def test_a_press_after_the_request_was_closed_is_a_new_one(door: Asking) -> None:
    here, first, second = scene(), new_key(), new_key()
    door.tablet(here.key, key=first)
    close(first)

    answer = door.tablet(here.key, key=second)

    assert (answer.body["merged_into"], answer.body["state"]) == (None, "RECEIVED")
    assert door.tablet(here.key, key=first).body["state"] == "CLOSED"


def test_a_merged_press_that_stays_open_stands_by_itself(door: Asking) -> None:
    here, first, second = scene(), new_key(), new_key()
    door.tablet(here.key, key=first)
    door.tablet(here.key, key=second)
    close(first)

    answer = door.tablet(here.key, key=second)

    assert (answer.body["merged_into"], answer.body["state"]) == (None, "RECEIVED")


def test_a_copy_does_not_wait_for_whoever_closes_the_request_and_makes_no_second_one(door: Asking) -> None:
    here, key = scene(), new_key()
    first = door.tablet(here.key, key=key)

    with connect() as closing, closing.transaction():
        closing.execute("UPDATE dispatch_backuppress SET closed_at = now() WHERE key = %s", [key])
        copy = door.tablet(here.key, key=key)

    assert copy.body["received_at"] == first.body["received_at"]
    assert [str(press.key) for press in presses()] == [key]


def test_what_was_seen_keeps_the_name_of_who_saw_it_first() -> None:
    # The second SEEN is of a press that was merged, stayed open and was seen by itself after the first was closed.
    seen = [("SEEN", NOON, "Dispatcher One", {"person": 1}), ("SEEN", NOON, "Dispatcher Two", {"person": 2})]

    standing = fold([("EMERGENCY", None)], seen)

    assert (standing.seen_by, standing.seen_person) == ("Dispatcher One", 1)


def test_a_cancel_that_comes_first_is_kept_and_shown(door: Asking) -> None:
    here, key = scene(), new_key()

    before = door.tablet(here.key, "cancel/", key=key, reason="Pressed by the seat")
    after = door.tablet(here.key, key=key)

    assert (before.status, before.body["state"], before.body["received_at"]) == (200, "UNKNOWN", None)
    assert (before.body["cancel"], after.body["cancel"]) == ("ASKED", "ASKED")
    assert after.body["state"] == "RECEIVED"
    assert events(key, "CANCEL_ASKED")[0].data["reason"] == "Pressed by the seat"


def test_a_level_is_raised_at_once_and_lowered_only_by_asking(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=key, level="URGENT")

    raised = door.tablet(here.key, "level/", key=key, level="EMERGENCY")
    lowered = door.tablet(here.key, "level/", key=key, level="NON_URGENT")
    again = door.tablet(here.key, key=key)

    assert (raised.status, lowered.status) == (200, 200)
    assert (again.body["level"], again.body["asked_level"]) == ("EMERGENCY", "NON_URGENT")


def test_a_key_of_another_agency_is_a_press_of_ones_own(door: Asking) -> None:
    here, there, key = scene(), scene(), new_key()
    door.tablet(here.key, key=key)

    answer = door.tablet(there.key, key=key)
    again = door.tablet(there.key, key=key)

    assert (answer.status, answer.body["state"], again.body["state"]) == (200, "RECEIVED", "RECEIVED")
    assert sorted(press.agency_id for press in presses()) == sorted([here.of.agency.pk, there.of.agency.pk])


def test_no_lock_elsewhere_makes_it_wait(door: Asking) -> None:
    here, key = scene(), new_key()
    call = scenes.care_call(here.of)

    with connect() as other:
        other.autocommit = False
        other.execute("SELECT 1 FROM journal_stream FOR UPDATE")
        other.execute("SELECT 1 FROM responders_unit WHERE id = %s FOR UPDATE", [here.of.unit.pk])
        other.execute("SELECT 1 FROM dispatch_call WHERE id = %s FOR UPDATE", [call.pk])
        other.execute("SELECT 1 FROM responders_agency FOR UPDATE")
        other.execute("SELECT 1 FROM tablets_tablet FOR UPDATE")
        other.execute("SELECT 1 FROM tablets_backupkey FOR UPDATE")
        with ThreadPoolExecutor(1) as sender:
            answer = sender.submit(door.tablet, here.key, key=key, call=call.pk).result(5)
        other.rollback()

    assert answer.body["state"] == "RECEIVED"
    assert len(presses()) == 1


def test_its_own_key_in_a_transaction_that_hangs_makes_it_wait_half_a_second(door: Asking) -> None:
    here, key = scene(), new_key()
    with connect() as other:
        other.autocommit = False
        other.execute(
            "INSERT INTO dispatch_backuppress (key, agency_id, origin, via, level, service, silent, drill, raw)"
            " VALUES (%s, %s, 'WITHDRAW', 'server', 'URGENT', 'POLICE', false, false, '')",
            [key, here.of.agency.pk],
        )
        with ThreadPoolExecutor(1) as sender:
            answer = sender.submit(door.tablet, here.key, key=key).result(2)
        other.commit()
    again = door.tablet(here.key, key=key)

    assert (answer.status, answer.body["state"], answer.body["key"]) == (200, "RECEIVED", key)
    assert (again.body["state"], again.body["key"]) == ("RECEIVED", key)
    assert {press.via for press in presses()} == {"web", "server"}


def test_what_is_received_is_on_the_disk_whatever_other_commits_are_worth(door: Asking) -> None:
    # What tests connect with does not wait for the disk, nor does whoever connects without a word about it.
    asked = (
        "SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes')"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('ALTER DATABASE %I SET synchronous_commit = off', current_database())")
        cursor.execute(cursor.fetchone()[0])
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)
    try:
        rows = [door.pool.fetch(asked, {}), asyncio.run(on_live(asked))]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT format('ALTER DATABASE %I RESET synchronous_commit', current_database())")
            cursor.execute(cursor.fetchone()[0])

    assert rows == [[("on", "on", "on")]] * 2


def test_no_request_of_the_orm_is_made(door: Asking, django_assert_num_queries: Any) -> None:
    here = scene()

    with django_assert_num_queries(0):
        assert door.tablet(here.key, key=new_key()).status == 200


def test_connections_that_died_are_made_again(door: Asking) -> None:
    here, key = scene(), new_key()
    door.tablet(here.key, key=new_key())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
            " AND datname = current_database()",
            ["%-backup"],
        )

    assert door.tablet(here.key, key=key).body["state"] == "RECEIVED"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [*BODY, "key", "reason", "lon", "t"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["", "cancel/", "level/"]),
    body=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)
    | st.fixed_dictionaries(
        {
            "key": st.uuids().map(str),
            "position": st.dictionaries(st.sampled_from(["lon", "lat", "accuracy", "at"]), VALUES),
        }
    ),
)
def test_no_body_with_a_right_key_is_refused(door: Asking, crew_key: str, path: str, body: dict[str, Any]) -> None:
    answer = door.raw(
        path,
        orjson.dumps(body, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=str) if _fits(body) else b"{",
        HTTP_AUTHORIZATION=f"Backup {crew_key}",
    )

    assert answer.status == 200
    assert path or answer.body["key"] in {str(press.key) for press in presses()}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300) | st.text(string.printable).map(str.encode))
def test_no_bytes_with_a_right_key_are_refused(door: Asking, crew_key: str, body: bytes) -> None:
    answer = door.raw("", body, HTTP_AUTHORIZATION=f"Backup {crew_key}")

    assert (answer.status, answer.body["state"]) == (200, "RECEIVED")


def test_a_body_that_is_cut_off_keeps_its_key(door: Asking) -> None:
    here, key = scene(), new_key()
    whole = orjson.dumps({"key": key, "reason": "x" * 40_000})

    answer = door.raw("", whole, HTTP_AUTHORIZATION=f"Backup {here.key}")
    again = door.tablet(here.key, key=key)

    assert answer.body["key"] == again.body["key"] == key
    (press,) = presses()
    assert 16_000 < len(press.raw) <= 16_384


def test_what_is_not_understood_is_kept_as_it_came(door: Asking) -> None:
    here = scene()

    answer = door.tablet(
        here.key, key="the red one", level="PANIC", position={"lon": 500}, battery="full", silent="true"
    )

    (press,) = presses()
    assert UUID(answer.body["key"]) == press.key
    assert (press.level, press.lon, press.battery, press.silent) == ("EMERGENCY", None, None, True)
    assert '"PANIC"' in press.raw
    again = door.tablet(here.key, key="the red one")
    assert again.body["key"] == answer.body["key"]


def test_only_post_and_only_known_addresses_are_answered(door: Asking) -> None:
    here = scene()

    assert door.raw("", b"", method="GET", HTTP_AUTHORIZATION=f"Backup {here.key}").status == 405
    assert door.raw("nowhere/", b"", HTTP_AUTHORIZATION=f"Backup {here.key}").status == 404


def test_while_postgres_is_away_nothing_is_promised(door: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    here = scene()
    door.pool.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "nowhere-at-all")

    answer = door.tablet(here.key, key=new_key())

    assert (answer.status, answer.body["code"]) == (503, "try_again")


async def on_live(sql: str) -> list[Any]:
    """
    Return what the live process' connection for backup answers.
    """
    frames = Frames(Hub())
    try:
        return await frames._answering.fetch(sql, {})
    finally:
        await frames.stop()


def close(key: str) -> None:
    """
    Close a press as a dispatcher's word does, without what is merged into it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dispatch_backupevent (press, kind, by, data) VALUES (%s, 'CLOSED', 'x', '{}')", [key]
        )
        cursor.execute("UPDATE dispatch_backuppress SET closed_at = now() WHERE key = %s", [key])


def _fits(body: Any) -> bool:
    try:
        orjson.dumps(body)
    except TypeError:
        return False
    return True
