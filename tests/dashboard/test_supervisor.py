"""
The supervisor's page and its parts.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard import queries
from dashboard.views import PARTS
from dispatch import models as d
from journal.door import open_door
from journal.record import record
from tests.factories import dispatch
from tests.factories import responders as make
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_part_can_be_asked_for_alone() -> None:
    supervisor = desk_client(make.person(make.agency(), "SUPERVISOR"))

    statuses = {part: supervisor.get(f"/supervisor/{part}/").status_code for part in PARTS}

    assert set(statuses.values()) == {200}
    assert supervisor.get("/supervisor/").status_code == 200


def test_a_part_or_a_span_that_does_not_exist_is_absent() -> None:
    supervisor = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert supervisor.get("/supervisor/secrets/").status_code == 404
    assert supervisor.get("/supervisor/outcomes/?span=ever").status_code == 404


def test_a_dispatcher_sees_none_of_it() -> None:
    dispatcher = desk_client(make.person(make.agency(), "DISPATCHER"))

    assert {dispatcher.get(f"/supervisor/{part}/").status_code for part in PARTS} == {403}


def test_shifts_of_another_agency_are_not_listed() -> None:
    ours, theirs = make.agency(), make.agency()
    make.crewed_unit(theirs, call_sign="CARE 99")
    make.crewed_unit(ours, call_sign="CARE 11")
    supervisor = desk_client(make.person(ours, "SUPERVISOR"))

    page = supervisor.get("/supervisor/shifts/").content.decode()

    assert "CARE 11" in page
    assert "CARE 99" not in page


def test_tallies_count_what_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    scene = dispatch.scene(at=now)
    for _ in range(3):
        held = dispatch.assignment(scene, status=d.AssignmentStatus.CLEARED, at=now)
        assert d.Call.objects.get(pk=held.call_id).closed_at is not None
    monkeypatch.setattr(queries, "LISTED", 1)

    found = queries.outcomes(scene.agency.pk, since=now - timedelta(hours=1), until=now + timedelta(hours=1))

    assert len(found.rows) == 1
    assert found.total == 3
    for tally in (found.by_disposition, found.by_type, found.by_taker):
        assert sum(count for _, count, _ in tally) == 3
    assert found.by_disposition == [("Handled", 3, 100)]
    assert found.by_taker == [("911", 3, 100)]


def test_calls_taken_at_the_desk_count_for_who_took_them() -> None:
    now = datetime.now(UTC)
    scene = dispatch.scene(at=now)
    label = "Somebody"
    taker = make.person(scene.agency, "DISPATCHER", name=label)
    held = dispatch.assignment(scene, status=d.AssignmentStatus.CLEARED, at=now)
    with open_door(by=f"person:{taker.pk}", at=now):
        record(
            "call.create",
            agency_id=scene.agency.pk,
            about=f"call.{held.call_id}",
            data={},
            by=f"person:{taker.pk}",
            at=now,
        )
    dispatch.assignment(scene, status=d.AssignmentStatus.CLEARED, at=now)

    found = queries.outcomes(scene.agency.pk, since=now - timedelta(hours=1), until=now + timedelta(hours=1))

    assert sorted(found.by_taker) == [("911", 1, 100), (label, 1, 100)]
    assert {row.taken_by for row in found.rows} == {"911", label}


@pytest.mark.parametrize(
    ("role", "link"), [("OFFICER", "/officer/"), ("COORDINATOR", "/care/"), ("SUPERVISOR", "/supervisor/")]
)
def test_the_first_page_leads_on_whoever_has_a_page(role: str, link: str) -> None:
    page = desk_client(make.person(make.agency(), role)).get("/").content.decode()

    assert f'href="{link}"' in page


def test_the_first_page_does_not_ask_to_sign_in_again_who_has_no_page(settings: Any) -> None:
    settings.DEMO = False
    nobody = make.person(make.agency())
    with make.scene_door():
        nobody.roles.all().delete()

    page = desk_client(nobody).get("/").content.decode()

    assert "/accounts/login/" not in page
    assert "You are signed in as" in page
