"""
The supervisor's page and its parts.
"""

import pytest

from dashboard.views import PARTS
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
