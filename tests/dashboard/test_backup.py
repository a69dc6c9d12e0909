"""
The review of requests for backup: all that happened, how long it took, who has drilled, and the export of it.
"""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest

from dashboard import backup
from dispatch.models import BackupEvent, BackupPress, BackupSelfTest
from responders.models import Agency, Unit
from tests.factories import dispatch as factory
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)
JUNE = {"since": datetime(2026, 6, 1, 7, tzinfo=UTC), "until": datetime(2026, 7, 1, 7, tzinfo=UTC)}


def press(unit: Unit, *, at: datetime = NOON, **fields: Any) -> BackupPress:
    """
    Return a press of a unit.
    """
    given = {"via": "web", "pressed_at": at - timedelta(milliseconds=300), **fields}
    return BackupPress.objects.create(key=uuid4(), agency_id=unit.agency_id, unit_id=unit.pk, received_at=at, **given)


def happened(to: BackupPress, what: str, after: float, *, by: str = "", step: int | None = None, **data: Any) -> None:
    """
    Append an event, so many seconds after the press was received.
    """
    at = to.received_at + timedelta(seconds=after)
    BackupEvent.objects.create(press=to.key, kind=what, at=at, by=by, step=step, data=data)


def whole(unit: Unit, **fields: Any) -> BackupPress:
    """
    Return a press that went all the way.
    """
    made = press(unit, **fields)
    happened(made, "RUNG", 0.1, step=0)
    happened(made, "SHOWN", 0.8, by=str(uuid4()), label="Dispatcher One", kind="DESK")
    for second in (5, 10, 15):
        place = {"lon": -122.33, "lat": 47.6, "accuracy": 8, "at": made.received_at.isoformat()}
        happened(made, "TRANSMITTED", second, by="tablet", position=place, battery=55)
    happened(made, "SEEN", 16.5, by="Dispatcher One")
    happened(made, "POLICE_SENT", 40, by="Dispatcher One", unit="2K12")
    happened(made, "POLICE_ARRIVED", 200, by="Dispatcher One")
    ended: dict[str, Any] = {"as": "RESOLVED", "note": "Went well"}
    happened(made, "CLOSED", 600, by="Dispatcher One", **ended)
    return made


def of(agency: Agency, **asked: Any) -> list[backup.Reviewed]:
    """
    Return the review of June.
    """
    return backup.reviewed(agency.pk, backup.presses(agency.pk, **{**JUNE, "show": "", **asked}))


def test_each_says_how_long_it_took_to_be_received_seen_and_answered() -> None:
    here = factory.scene()
    whole(here.unit)

    (row,) = of(here.agency)

    assert (row.times.on_its_way, row.times.shown, row.times.seen) == (0.3, 0.8, 16.5)
    assert (row.times.police_sent, row.times.police_arrived, row.times.closed) == (40, 200, 600)
    assert (row.seen_by, row.police_unit, row.ended) == ("Dispatcher One", "2K12", "Over, crew safe")


def test_the_timeline_has_everything_in_its_order_and_says_once_that_the_tablet_was_heard() -> None:
    here = factory.scene()
    whole(here.unit)

    (row,) = of(here.agency)

    assert [line.words for line in row.lines] == [
        "Pressed, by the tablet's clock",
        "RECEIVED: durable in the database",
        "Rung, step 0",
        "Shown on a screen",
        "Heard again from the tablet, 3 times in 10 s",
        "SEEN",
        "POLICE SENT: 2K12",
        "POLICE THERE",
        "CLOSED: Over, crew safe",
    ]
    assert row.lines[-1].data == "Went well"


def test_a_cancel_that_came_first_stands_before_the_press() -> None:
    here = factory.scene()
    made = press(here.unit)
    happened(made, "CANCEL_ASKED", -3, by="tablet", reason="in a pocket")

    (row,) = of(here.agency)

    assert row.cancel_reason == "in a pocket"
    assert [line.after for line in row.lines if line.words.startswith("CANCEL")] == ["before it"]


def test_another_agencys_and_the_paths_own_tests_are_not_in_it() -> None:
    here, there = factory.scene(), factory.scene()
    mine = press(here.unit)
    press(there.unit)
    press(here.unit, origin="SELF_TEST", via="server")

    assert [row.press.key for row in of(here.agency)] == [mine.key]


def test_the_month_counts_real_ones_apart_from_drills_and_names_who_has_not_drilled() -> None:
    here = factory.scene()
    other, _ = factory.rival(here.agency, here.area)
    whole(here.unit)
    press(here.unit, at=NOON + timedelta(hours=1))
    drill = press(here.unit, at=NOON + timedelta(hours=2), drill=True)
    BackupSelfTest.objects.create(agency=here.agency, at=NOON, took_ms=84)
    BackupSelfTest.objects.create(agency=here.agency, at=NOON + timedelta(minutes=5), took_ms=None, error="no console")

    found = backup.month(here.agency.pk, **JUNE)

    assert (found.count, found.unseen, found.seen, found.slowest) == (2, 1, "16.5 s", "16.5 s")
    assert (found.drills, dict(found.drilled)) == (1, {here.unit.call_sign: drill.received_at, other.call_sign: None})
    assert (found.tests, found.bad_tests, found.slowest_test_ms) == (2, 1, 84)


def test_a_month_is_the_agencys_own() -> None:
    agency = make.agency()

    first, after = backup.agency_month(agency, "2026-12", at=NOON)

    assert (first.isoformat(), after.isoformat()) == ("2026-12-01T00:00:00-08:00", "2027-01-01T00:00:00-08:00")
    with pytest.raises(ValueError, match="does not match"):
        backup.agency_month(agency, "soon", at=NOON)


def test_the_page_shows_a_month_and_its_drills() -> None:
    here = factory.scene()
    now = datetime.now(UTC)
    whole(here.unit, at=now, drill=True, raw='{"level": "<script>"}')
    client = desk_client(make.person(here.agency, "SUPERVISOR"))

    page = client.get("/supervisor/backup/?show=drills").content.decode()
    none = client.get("/supervisor/backup/?show=real").content.decode()

    assert f"TEST · </b>{here.unit.call_sign}" in page or f"TEST · {here.unit.call_sign}" in page
    assert "POLICE SENT: 2K12" in page
    assert "<script>" not in page.partition("request-all")[2].partition("</main>")[0]
    assert "No request for backup in this month" in none


@pytest.mark.parametrize("asked", ["?month=soon", "?show=everything", "?page=-1", "export/?format=xml", "export/"])
def test_what_cannot_be_asked_for_does_not_exist(asked: str) -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert client.get(f"/supervisor/backup/{asked}").status_code == 404


def test_the_export_leaves_nothing_out() -> None:
    here, there = factory.scene(), factory.scene()
    made = whole(here.unit)
    press(there.unit)
    client = desk_client(make.person(here.agency, "SUPERVISOR"))

    answer = client.get("/supervisor/backup/export/?format=json&month=2026-06")
    (row,) = json.loads(answer.getvalue())

    assert answer.headers["Content-Disposition"] == 'attachment; filename="backup-2026-06.json"'
    assert (row["key"], row["unit"], row["seconds"]["to_seen"]) == (str(made.key), here.unit.call_sign, 16.5)
    kinds = [event["kind"] for event in row["timeline"]]
    assert kinds == ["RUNG", "SHOWN", *["TRANSMITTED"] * 3, "SEEN", "POLICE_SENT", "POLICE_ARRIVED", "CLOSED"]


def test_the_csv_has_a_row_for_each_event_and_no_formulas() -> None:
    here = factory.scene()
    made = press(here.unit)
    happened(made, "SEEN", 4, by="=1+1")
    client = desk_client(make.person(here.agency, "SUPERVISOR"))

    text = client.get("/supervisor/backup/export/?format=csv&month=2026-06").getvalue().decode()
    rows = list(csv.DictReader(StringIO(text)))

    assert [(row["kind"], row["seconds_after_received"]) for row in rows] == [("RECEIVED", "0"), ("SEEN", "4.0")]
    assert rows[1]["by"] == "'=1+1"
