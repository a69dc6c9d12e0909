"""
Intake, cautions and policies as desk, tablet and administrator ask for them: over HTTP, with their rights.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from dispatch.models import CadKey, Call, Caution, Decision
from journal.models import Entry
from responders.models import RoleName
from tests.conftest import NOON
from tests.factories import intake as factory
from tests.factories import responders
from tests.factories.intake import Desk
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db

CALL = {
    "source": "NON_EMERGENCY",
    "type": factory.WELFARE,
    "priority": 3,
    "address": "Pike St & 5th Ave",
    "point": {"lon": -122.337, "lat": 47.611},
    "place_kind": "PUBLIC",
    "answers": factory.ALL_NO,
}


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def desk() -> Desk:
    return factory.desk(has_cad=False)


def client(desk: Desk, role: str) -> Client:
    return desk_client(responders.person(desk.agency, role))


def ask(at: Client, kind: str, **args: Any) -> Any:
    return at.post(f"/api/actions/{kind}/", {"id": str(uuid4()), "args": args}, content_type="application/json")


def test_a_dispatcher_takes_a_call_from_its_first_word_to_its_end(desk: Desk) -> None:
    dispatcher = client(desk, RoleName.DISPATCHER)

    made = ask(dispatcher, "call.create", **CALL)
    assert (made.status_code, made.json()["response"]) == (200, "CARE")
    call = made.json()["call"]
    answered = ask(dispatcher, "call.answer", call=call, disqualifier="WEAPON", value="UNKNOWN")
    assert answered.json()["response"] == "CARE+POLICE"
    changed = ask(dispatcher, "call.update", call=call, place_kind="RESIDENCE", caller_wish="NO_POLICE")
    assert "PLACE_RESIDENCE" in changed.json()["reasons"]
    assert ask(dispatcher, "call.note", call=call, text="Caller is on the line.").status_code == 200
    overruled = ask(dispatcher, "call.overrule", call=call, response="CARE", code="KNOWN_PERSON")
    assert overruled.json()["response"] == "CARE"
    assert ask(dispatcher, "call.cancel", call=call, reason="DUPLICATE").json()["call_status"] == "CANCELLED"
    assert Call.objects.get().status == "CANCELLED"
    assert [entry.kind for entry in Entry.objects.filter(about=f"call.{call}").order_by("number")] == [
        "call.create",
        "call.answer",
        "call.update",
        "call.note",
        "call.overrule",
        "call.cancel",
    ]


@pytest.mark.parametrize(
    ("kind", "args", "field"),
    [
        ("call.create", {**CALL, "priority": 0}, "priority"),
        ("call.create", {**CALL, "point": {"lon": 47.6, "lat": -122.3}}, "point"),
        ("call.create", {**CALL, "number": "26-1"}, "number"),
        ("call.create", {**CALL, "queue": "CARE"}, "queue"),
        ("call.update", {"call": 1}, "non_field_errors"),
        ("call.answer", {"call": 1, "disqualifier": "DOG", "value": "YES"}, "disqualifier"),
        ("call.answer", {"call": "1", "disqualifier": "WEAPON", "value": "YES"}, "call"),
        ("call.note", {"call": 1, "text": " "}, "text"),
        ("call.overrule", {"call": 1, "response": "TAXI", "code": "KNOWN_PERSON"}, "response"),
        ("call.overrule", {"call": 1, "response": "CARE", "code": "I SAY SO"}, "code"),
        ("caution.add", {"address": "PIKE ST", "text": "x", "expires_at": "2026-06-04T12:00:00"}, "expires_at"),
    ],
)
def test_what_cannot_be_understood_is_refused(desk: Desk, kind: str, args: dict[str, Any], field: str) -> None:
    answer = ask(client(desk, RoleName.DISPATCHER), kind, **args)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_args")
    assert field in answer.json()["facts"]["fields"]


def test_a_refusal_says_its_code_and_nothing_changes(desk: Desk) -> None:
    dispatcher = client(desk, RoleName.DISPATCHER)

    unknown = ask(dispatcher, "call.create", **{**CALL, "type": "NO SUCH TYPE"})
    absent = ask(dispatcher, "call.note", call=999_999, text="Hello")

    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_call_type")
    assert (absent.status_code, absent.json()["code"]) == (404, "call_not_found")
    assert not Call.objects.exists()
    assert not Decision.objects.exists()


def test_cautions_are_added_and_ended_at_the_desk(desk: Desk) -> None:
    dispatcher = client(desk, RoleName.DISPATCHER)

    added = ask(dispatcher, "caution.add", phone="206-555-0100", text="Shouts", expires_at="2026-06-10T00:00:00-07:00")
    assert added.status_code == 200
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        ended = ask(dispatcher, "caution.end", caution=added.json()["caution"])

    assert ended.status_code == 200
    assert Caution.objects.get().expires_at == NOON + timedelta(minutes=1)


def test_a_supervisor_tries_a_policy_and_switches_it_on(desk: Desk) -> None:
    ask(client(desk, RoleName.DISPATCHER), "call.create", **CALL)
    pilot = factory.in_force(desk.agency, "seattle-2023-pilot", since=datetime(2090, 1, 1, tzinfo=UTC))
    supervisor = client(desk, RoleName.SUPERVISOR)
    span = {"since": "2026-06-01T00:00:00Z", "until": "2026-07-01T00:00:00Z"}

    tried = supervisor.post("/api/policy-trial/", {"policy": pilot.pk, **span}, content_type="application/json")
    assert tried.status_code == 200
    assert (tried.json()["calls"], tried.json()["changed"]) == (1, 1)
    assert tried.json()["changes"][0]["was"] == "CARE"
    assert tried.json()["by_reason"]["ALWAYS_WITH_POLICE"] == 1

    absent = supervisor.post("/api/policy-trial/", {"policy": 999_999, **span}, content_type="application/json")
    turned = supervisor.post(
        "/api/policy-trial/",
        {"policy": pilot.pk, "since": span["until"], "until": span["since"]},
        content_type="application/json",
    )
    assert (absent.status_code, turned.status_code) == (404, 400)
    again = ask(supervisor, "policy.switch_on", policy=pilot.pk, in_force_from="2026-06-03T19:00:00Z")
    assert (again.status_code, again.json()["code"]) == (409, "policy_already_on")
    forbidden = ask(
        client(desk, RoleName.DISPATCHER), "policy.switch_on", policy=pilot.pk, in_force_from="2026-06-03T19:00:00Z"
    )
    assert forbidden.status_code == 403


def test_an_administrator_makes_a_key_that_is_shown_once(desk: Desk) -> None:
    admin = client(desk, RoleName.ADMIN)
    before = set(CadKey.objects.values_list("pk", flat=True))

    page = admin.post(
        reverse("admin:dispatch_cadkey_add"),
        {"agency": desk.agency.pk, "name": "County CAD", "rate": 600},
        follow=True,
    )

    made = CadKey.objects.exclude(pk__in=before).get()
    shown = page.content.decode()
    assert (made.name, made.rate) == ("County CAD", 600)
    text = shown.split("shown only now: ")[1].split("<")[0].strip()
    line = Client(headers={"Authorization": f"CAD {text}"})
    assert line.post("/api/cad/heartbeat/").status_code == 204
    assert text not in admin.get(reverse("admin:dispatch_cadkey_changelist")).content.decode()

    admin.post(
        reverse("admin:dispatch_cadkey_changelist"), {"action": "revoke", "_selected_action": [made.pk]}, follow=True
    )
    assert line.post("/api/cad/heartbeat/").status_code == 401
    assert Entry.objects.filter(kind="cad_key.revoke").count() == 1
