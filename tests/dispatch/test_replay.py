"""
The replay: both shapes of Seattle's open data, their traps, and a whole day through the CAD's own door.
"""

import csv
import io
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from dispatch import catalogue, replay, synthetic
from dispatch.management.commands import replay_calls
from dispatch.models import Answer, Call, CallType, Policy
from journal.door import open_door
from tests.conftest import NOON
from tests.factories import dispatch
from tests.factories import intake as factory
from tests.factories.intake import Desk

OF_2016 = (
    "CAD Event Number,Event Clearance Date,Hundred Block Location,Zone/Beat,Longitude,Latitude,"
    "Initial Type Description,At Scene Time\n"
)


def of_2016(*rows: str) -> replay.Reading:
    return replay.read(io.StringIO(OF_2016 + "\n".join(rows)))


def call_data(*rows: dict[str, str]) -> replay.Reading:
    usual = {
        "cad_event_number": "2025000000001",
        "call_type": "911",
        "priority": "3",
        "initial_call_type": "TRESPASS",
        "final_call_type": "PROWLER - TRESPASS",
        "cad_event_original_time_queued": "2025-06-03T12:00:00.000",
        "dispatch_longitude": "-122.33",
        "dispatch_latitude": "47.60",
        "dispatch_address": "4XX BLOCK OF YESLER WAY",
        "call_sign_dispatch_id": "20250000000012K3",
        "call_sign_dispatch_time": "2025-06-03T12:05:00.000",
        "call_sign_in_service_time": "2025-06-03T12:40:00.000",
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, [*usual, "dispatch_beat", "cad_event_response_category"])
    writer.writeheader()
    writer.writerows({**usual, **row} for row in rows)
    return replay.read(io.StringIO(text.getvalue()))


def pacific(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=replay.SEATTLE)


# --- the columns of 2016 ------------------------------------------------------------------------------------------------


def test_2016_received_times_are_the_latest_that_the_numbers_allow() -> None:
    reading = of_2016(
        "16000000002,03/25/2016 02:00:00 AM,A ST,K1,-122.3,47.6,TRESPASS,03/25/2016 01:10:00 AM",
        "16000000001,03/25/2016 03:00:00 AM,B ST,K1,-122.3,47.6,TRESPASS,",
        "16000000003,03/25/2016 05:00:00 AM,C ST,K1,-122.3,47.6,TRESPASS,",
    )

    assert reading.shape == replay.Shape.INCIDENT_RESPONSE_2016
    assert {call.number[-1]: call.received_at for call in reading.calls} == {
        "1": pacific("2016-03-25T01:10"),
        "2": pacific("2016-03-25T01:10"),
        "3": pacific("2016-03-25T05:00"),
    }


def test_2016_becomes_received_at_scene_closed() -> None:
    reading = of_2016(
        "16000000001,03/25/2016 03:00:00 AM,A ST / B ST,K1,-122.3,47.6,ASLT - IP/JO - DV,03/25/2016 01:30:00 AM",
        "16000000002,03/25/2016 04:00:00 AM,C ST,K1,-122.3,47.6,TRU - THEFT,",
        "16000000000,03/25/2016 01:00:00 AM,C ST,K1,-122.3,47.6,TRESPASS,",
    )

    sent = replay.revisions_of(next(call for call in reading.calls if call.number.endswith("1")))
    assert [(one.body["status"], one.body["police_units"], one.due_at) for one in sent] == [
        ("OPEN", ["SPD"], pacific("2016-03-25T01:30")),
        ("CLOSED", [], pacific("2016-03-25T03:00")),
    ]
    assert [call.priority for call in sorted(reading.calls, key=lambda call: call.number)] == [3, 2, 6]
    assert "answers" not in sent[0].body
    assert "narrative" not in sent[0].body


def test_rows_of_2016_that_cannot_be_used_are_counted_with_a_reason() -> None:
    reading = of_2016(
        ",03/25/2016 03:00:00 AM,A ST,K1,-122.3,47.6,TRESPASS,",
        "16000000001,03/25/2016 03:00:00 AM,A ST,K1,-122.3,47.6,,",
        "16000000002,yesterday,A ST,K1,-122.3,47.6,TRESPASS,",
        "16000000003,03/25/2016 03:00:00 AM,,K1,0,0,TRESPASS,",
        "16000000003,03/25/2016 03:00:00 AM,,K1,0,0,TRESPASS,",
    )

    assert reading.refused == {"no number": 1, "no type": 1, "no time that can be read": 1}
    assert (reading.rows, reading.same_call, reading.no_point) == (5, 1, 1)
    assert [(call.address, call.point) for call in reading.calls] == [("Redacted, beat K1", None)]


# --- the columns of today -----------------------------------------------------------------------------------------------


def test_a_row_for_each_unit_is_one_call_with_its_units() -> None:
    reading = call_data(
        {},
        {
            "call_sign_dispatch_id": "20250000000012K1",
            "call_sign_dispatch_time": "2025-06-03T12:10:00.000",
            "call_sign_in_service_time": "2025-06-03T13:00:00.000",
        },
        {"call_sign_dispatch_id": "2025000000001CARE12", "call_sign_dispatch_time": "2025-06-03T12:12:00.000"},
    )

    assert (reading.shape, len(reading.calls), reading.same_call) == (replay.Shape.CALL_DATA, 1, 2)
    sent = replay.revisions_of(reading.calls[0])
    assert [(one.body["revision"], one.body["type"], one.body["police_units"]) for one in sent] == [
        (1, "TRESPASS", []),
        (2, "TRESPASS", ["2K3"]),
        (3, "TRESPASS", ["2K3", "2K1"]),
        (4, "TRESPASS", ["2K1"]),
        (5, "PROWLER - TRESPASS", []),
    ]
    assert sent[-1].body["status"] == "CLOSED"
    assert sent[0].due_at == pacific("2025-06-03T12:00")


def test_withheld_coordinates_and_addresses_put_a_call_nowhere() -> None:
    reading = call_data(
        {
            "dispatch_longitude": "REDACTED",
            "dispatch_latitude": "REDACTED",
            "dispatch_address": "REDACTED",
            "dispatch_beat": "K3",
        }
    )

    call = reading.calls[0]
    assert (call.point, call.address, reading.no_point) == (None, "Redacted, beat K3", 1)
    assert "point" not in replay.revisions_of(call)[0].body


@pytest.mark.parametrize(
    ("said", "source"),
    [("911", "911"), ("TELEPHONE OTHER, NOT 911", "NON_EMERGENCY"), ("ONVIEW", "OFFICER"), ("", "NON_EMERGENCY")],
)
def test_sources_are_coded(said: str, source: str) -> None:
    assert call_data({"call_type": said}).calls[0].source == source


def test_rows_of_today_that_cannot_be_used_are_counted_with_a_reason() -> None:
    reading = call_data(
        {"cad_event_number": ""},
        {"cad_event_number": "2", "initial_call_type": "-", "final_call_type": ""},
        {"cad_event_number": "3", "cad_event_original_time_queued": "soon"},
        {"cad_event_number": "4", "priority": "high"},
    )

    assert reading.refused == {"no number": 1, "no type": 1, "no time that can be read": 1, "no priority": 1}
    assert reading.calls == []


def test_another_file_is_told_from_both() -> None:
    with pytest.raises(replay.UnknownShape, match="neither"):
        replay.read(io.StringIO("name,age\nx,1\n"))
    with pytest.raises(replay.UnknownShape, match="none"):
        replay.read(io.StringIO(""))


@pytest.mark.parametrize(
    ("text", "not_before", "instant"),
    [
        ("2025-01-15T12:00:00.000", None, "2025-01-15T20:00:00Z"),
        ("2025-07-15T12:00:00.000", None, "2025-07-15T19:00:00Z"),
        # Skipped in spring: as if the clocks had not been moved yet.
        ("2025-03-09T02:30:00.000", None, "2025-03-09T10:30:00Z"),
        # Twice in autumn: the first, unless that would be before the call came in.
        ("2025-11-02T01:30:00.000", None, "2025-11-02T08:30:00Z"),
        ("2025-11-02T01:10:00.000", "2025-11-02T08:30:00Z", "2025-11-02T09:10:00Z"),
        ("2025-11-02T12:00:00+00:00", None, "2025-11-02T12:00:00Z"),
    ],
)
def test_floating_pacific_times_are_instants(text: str, not_before: str | None, instant: str) -> None:
    bound = datetime.fromisoformat(not_before) if not_before else None

    assert replay.wall_clock(text, not_before=bound) == datetime.fromisoformat(instant)


def test_a_call_across_the_hour_that_comes_twice_stays_in_order() -> None:
    reading = call_data(
        {
            "cad_event_original_time_queued": "2025-11-02T01:50:00.000",
            "call_sign_dispatch_time": "2025-11-02T01:10:00.000",
            "call_sign_in_service_time": "2025-11-02T01:40:00.000",
        }
    )

    due = [one.due_at.astimezone(UTC) for one in replay.revisions_of(reading.calls[0])]
    assert due == sorted(due)
    assert due[-1] - due[0] == timedelta(minutes=50)


# --- the synthetic day --------------------------------------------------------------------------------------------------


def synthetic_day() -> replay.Reading:
    return replay.read(replay_calls._csv(synthetic.rows(replay_calls.SYNTHETIC_DAY)))


def test_the_synthetic_day_has_seattles_volume_and_says_what_it_is() -> None:
    rows = list(synthetic.rows(replay_calls.SYNTHETIC_DAY))
    reading = synthetic_day()

    assert rows == list(synthetic.rows(replay_calls.SYNTHETIC_DAY))
    assert rows != list(synthetic.rows(date(2026, 6, 4)))
    assert len(reading.calls) == synthetic.EVENTS == 890
    assert len(rows) > len(reading.calls)
    assert (reading.shape, reading.synthetic, reading.refused) == (replay.Shape.CALL_DATA, True, {})
    assert all(row["synthetic"] == "yes" and row["narrative"].startswith("Synthetic: ") for row in rows)
    assert {call.type for call in reading.calls} <= set(catalogue.colors())
    assert len({call.type for call in reading.calls}) >= 30
    assert reading.no_point > 0
    by_hour = Counter(call.received_at.astimezone(replay.SEATTLE).hour for call in reading.calls)
    assert len(by_hour) == 24
    assert max(by_hour.values()) < 90
    colors = Counter(catalogue.colors()[call.type] for call in reading.calls)
    assert min(colors[color] for color in ("GREEN", "YELLOW", "RED")) > 100


def test_a_synthetic_call_has_answers_and_a_real_one_has_none() -> None:
    call = synthetic_day().calls[0]

    body = replay.revisions_of(call)[0].body
    assert set(body["answers"]) == {"WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY"}
    assert body["narrative"].startswith("Synthetic: ")
    assert call_data({}).calls[0].extra == {}


def test_the_demos_own_answers_are_the_same_every_time() -> None:
    calls = [call for call in synthetic_day().calls if catalogue.colors()[call.type] != "RED"]

    given = [replay.demo_screening(call) for call in calls]
    assert given == [replay.demo_screening(call) for call in calls]
    assert {answer for one in given for answer in one["answers"].values()} == {"NO", "UNKNOWN", "YES"}
    assert {one["place_kind"] for one in given} == {"PUBLIC", "UNKNOWN"}


def test_the_synthetic_day_can_be_written_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        count = synthetic.write(out, replay_calls.SYNTHETIC_DAY)

    with file.open(encoding="utf-8", newline="") as lines:
        assert replay.read(lines).rows == count


# --- the plan -----------------------------------------------------------------------------------------------------------


def plan(reading: replay.Reading, **options: Any) -> replay_calls.Plan:
    usual = {"demo": False, "tag": "", "limit": None, "start": None, "speed": 1.0}
    return replay_calls.Plan(reading, **{**usual, **options})


def test_times_are_moved_to_now_as_fast_as_the_replay_runs() -> None:
    ten_times = plan(call_data({}), speed=10.0, start=clock(12))

    assert [round(ten_times.wait_s(one)) for one in ten_times.revisions] == [0, 30, 240]
    bodies = [ten_times.body(one) for one in ten_times.revisions]
    received, dispatched = (datetime.fromisoformat(bodies[index]["cad_at"]) for index in (0, 1))
    assert dispatched - received == timedelta(seconds=30)
    assert {body["received_at"] for body in bodies} == {bodies[0]["cad_at"]}
    assert abs(received - datetime.now(UTC)) < timedelta(minutes=1)


def test_at_full_speed_nothing_lies_in_the_future() -> None:
    full = plan(synthetic_day(), speed=0)

    last = max(datetime.fromisoformat(full.body(one)["cad_at"]) for one in full.revisions)
    assert last <= datetime.now(UTC)
    assert [one.due_at for one in full.revisions] == sorted(one.due_at for one in full.revisions)


def test_a_start_leaves_out_what_was_over_by_then() -> None:
    day = synthetic_day()
    noon = plan(day, start=clock(12), speed=1.0, tag="ab12")

    assert 400 < noon.calls < 700
    backlog = [one for one in noon.revisions if noon.wait_s(one) == 0]
    assert backlog
    assert noon.body(backlog[0])["number"].endswith("-ab12")
    assert plan(day, limit=5).calls == 5


# --- through the door -----------------------------------------------------------------------------------------------------


class Line(replay_calls.Site):
    """
    The line to this very process: the same requests, answered by the site's own views.
    """

    def __init__(self, key: str) -> None:
        super().__init__("http://localhost", key)
        self._client = Client()

    def _ask(self, method: str, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": self._headers["Authorization"]}
        answer = self._client.generic(method, path, data, content_type="application/json", headers=headers)
        return answer.status_code, answer.json() if answer.content else {}


def send(desk: Desk, the_plan: replay_calls.Plan) -> replay_calls.Tally:
    tally, line = replay_calls.Tally(), Line(desk.key)
    line.wait_until_up()
    for one in the_plan.revisions:
        line.post(the_plan.body(one), tally)
    return tally


def all_types(desk: Desk) -> None:
    with open_door(by="system:test", at=NOON):
        have = set(CallType.objects.filter(agency=desk.agency).values_list("code", flat=True))
        CallType.objects.bulk_create(
            CallType(agency=desk.agency, **row) for row in catalogue.call_types() if row["code"] not in have
        )


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_day_goes_through_the_door() -> None:
    desk = factory.desk(rate=1_000_000)
    all_types(desk)
    reading = replay_calls.read_day()
    is_real = not reading.synthetic
    assert (len(reading.calls), reading.refused) == (706 if is_real else 890, {})

    the_plan = plan(reading, speed=0)
    tally = send(desk, the_plan)

    assert tally.refused == {}
    assert tally.applied == tally.sent == len(the_plan.revisions)
    calls = Call.objects.filter(agency=desk.agency)
    assert calls.count() == len(reading.calls)
    assert set(calls.values_list("status", flat=True)) == {"CLOSED"}
    # Every type of that day is one that ships: none had to be taken as RED because nobody knew it.
    assert CallType.objects.filter(agency=desk.agency).count() == len(catalogue.call_types())
    assert calls.filter(area=desk.area).count() > 100
    # Nobody's words or answers are made up for what really happened.
    assert calls.exclude(narrative="").exists() is not is_real
    assert Answer.objects.filter(call__agency=desk.agency).exists() is not is_real


@pytest.mark.django_db
@pytest.mark.timeout(300)
def test_a_synthetic_morning_goes_through_the_door() -> None:
    desk = factory.desk(rate=1_000_000)
    the_plan = plan(synthetic_day(), speed=0, limit=120, tag="0001")

    tally = send(desk, the_plan)

    assert tally.refused == {}
    assert Call.objects.filter(agency=desk.agency).count() == 120
    assert {row.response for row in Call.objects.all()} >= {"CARE", "POLICE", "CARE+POLICE"}


@pytest.mark.django_db
def test_what_the_site_refuses_is_counted_with_its_reason() -> None:
    desk = factory.desk()

    tally = send(desk, plan(call_data({"priority": "-1"}), speed=0))

    assert tally.refused == {"priority: min_value": 3}
    assert list(tally.refused_calls) == ["2025000000001"]


@pytest.mark.django_db
def test_what_an_earlier_demo_left_open_is_closed() -> None:
    desk = factory.desk(rate=1_000_000)
    reading = call_data({"call_sign_in_service_time": ""}, {"cad_event_number": "7", "call_sign_in_service_time": ""})
    send(desk, plan(reading, tag="0001", speed=0))
    send(desk, plan(reading, speed=0))
    out = io.StringIO()

    replay_calls.Command(stdout=out)._close_leftovers(Line(desk.key))

    assert "Closed 2 calls" in out.getvalue()
    assert {call.number: call.status for call in Call.objects.all()} == {
        "2025000000001-0001": "CLOSED",
        "7-0001": "CLOSED",
        "2025000000001": "PENDING",
        "7": "PENDING",
    }


def test_the_command_says_what_it_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAD_KEY", raising=False)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    empty = tmp_path / "empty.csv"
    empty.write_text(OF_2016)

    for args, words in [
        ([], "Name a FILE"),
        ([str(other)], "neither"),
        ([str(tmp_path / "absent.csv")], "No such file"),
        ([str(empty)], "No row"),
    ]:
        with pytest.raises(CommandError, match=words):
            call_command("replay_calls", *args)
    good = tmp_path / "good.csv"
    good.write_text(OF_2016 + "1,03/25/2016 03:00:00 AM,A ST,K1,-122.3,47.6,TRESPASS,\n")
    with pytest.raises(CommandError, match="API key"):
        call_command("replay_calls", str(good))
    with pytest.raises(CommandError, match="is no origin"):
        call_command("replay_calls", str(good), "--key", "x", "--origin", "ftp://nowhere")


# --- policies by command --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_policies_and_types_are_loaded_once() -> None:
    scene = dispatch.scene()
    for _ in range(2):
        call_command(
            "load_policies", "--agency", scene.agency.slug, "--in-force", "seattle-2025", stdout=io.StringIO()
        )

    assert CallType.objects.filter(agency=scene.agency).count() == len(catalogue.call_types())
    found = {policy.name: policy.in_force_from for policy in Policy.objects.filter(agency=scene.agency)}
    assert set(found) == set(catalogue.POLICIES)
    assert found["seattle-2025"] is not None
    assert found["seattle-2023-pilot"] is None
    with pytest.raises(CommandError, match="no agency"):
        call_command("load_policies", "--agency", "atlantis")


@pytest.mark.django_db
@time_machine.travel(NOON)  # what a policy says depends on the hour at which a call is decided
def test_a_policy_is_tried_on_past_calls_before_it_is_switched_on() -> None:
    desk = factory.desk(rate=1_000_000)
    pilot = factory.in_force(desk.agency, "seattle-2023-pilot", since=NOON + timedelta(days=365 * 50))
    send(desk, plan(synthetic_day(), speed=0, limit=60))
    out = io.StringIO()

    call_command("try_policy", pilot.name, "--agency", desk.agency.slug, stdout=out)

    text = out.getvalue()
    assert re.search(r"seattle-2023-pilot v1: of 60 calls, \d+ would change", text)
    assert "TYPE_NOT_IN_POLICY" in text
    assert "→ POLICE" in text
    same = io.StringIO()
    call_command("try_policy", "seattle-2025:1", "--agency", desk.agency.slug, stdout=same)
    assert "of 60 calls, 0 would change" in same.getvalue()
    with pytest.raises(CommandError, match="no policy"):
        call_command("try_policy", "seattle-2025:9", "--agency", desk.agency.slug)
