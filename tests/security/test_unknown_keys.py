"""
A key that nobody asked for is refused with its name, wherever it stands, and nothing happens (C4).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Max
from rest_framework import serializers

from dispatch import cad_serializers, push_serializers, referral_serializers
from dispatch.intake_serializers import AnswersField, PointField, PreviewArgs, TrialArgs
from followups.serializers.encounters import ReportBody
from journal.kinds import kinds
from journal.models import Document, Entry, Receipt
from tablets import serializers as tablet_serializers
from tests.factories import encounters as reports
from tests.factories import intake, referrals, subscriptions
from tests.security.routes import routes
from tests.security.test_matrix import matrix, who
from tests.security.world import World, world

pytestmark = pytest.mark.django_db

# In one body at a time; the last is what a mass assignment would aim at.
STRAY = ["nothing", "id", "agency_id", "by", "__class__", "roles"]

# Views whose bodies are not an action's: what they read, a body that is right but for the stray key, and who sends it.
BODIES: dict[str, tuple[type[serializers.Serializer[Any]], dict[str, Any], str]] = {
    "sync": (tablet_serializers.Exchange, {"protocol": 1, "streams": {"desk.1": {"number": 0}}}, "DISPATCHER"),
    "tablets.pairing-code": (tablet_serializers.MakeCode, {"unit": 1, "name": "Front"}, "SUPERVISOR"),
    "tablets.pair": (tablet_serializers.Pair, {"code": "ABCD-EFGH"}, "ANONYMOUS"),
    "tablets.sign-on": (tablet_serializers.SignOnRequest, {"email": "a@example.org", "password": "x"}, "TABLET"),
    "tablets.unlock": (tablet_serializers.Unlock, {"password": "x"}, "CREW"),
    "tablets.position": (
        tablet_serializers.Position,
        {"lon": -122.3, "lat": 47.6, "at": "2026-06-03T19:00:00Z"},
        "CREW",
    ),
    "tablets.key": (tablet_serializers.Key, {"installation": "7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11"}, "CREW"),
    "tablets.purged": (
        tablet_serializers.Purged,
        {
            "installation": "7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11",
            "held": {"unit.7": {"count": 1, "digest": "0" * 16}},
        },
        "TABLET",
    ),
    "attachments": (
        tablet_serializers.BeginAttachment,
        {"sha256": "0" * 64, "size": 1, "type": "image/png"},
        "TABLET",
    ),
    "decision-preview": (
        PreviewArgs,
        {"type": "X", "point": {"lon": -122.3, "lat": 47.6}, "answers": {"WEAPON": "NO"}},
        "DISPATCHER",
    ),
    "policy-trial": (
        TrialArgs,
        {"policy": 1, "since": "2026-06-01T00:00:00Z", "until": "2026-06-02T00:00:00Z"},
        "SUPERVISOR",
    ),
    "cad.calls": (
        cad_serializers.CadCallInput,
        intake.body(care_units=[{"unit": "CARE 1"}], answers={"WEAPON": "NO"}),
        "CAD",
    ),
    "referrals": (
        referral_serializers.IntakeInput,
        {"id": "7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11", **referrals.said()},
        "INTAKE",
    ),
    "push-subscriptions": (push_serializers.SubscribeArgs, subscriptions.said(), "DISPATCHER"),
    "cad.message": (cad_serializers.MessageAnswerInput, {"answer": "CONFIRMED"}, "CAD"),
}
# These read nothing of a body: there is nothing that a key could reach.
BODILESS = {"tablets.backup-key", "attachment", "live-ticket", "session", "tablets.sign-off", "cad.heartbeat"}


def test_every_view_that_takes_a_body_is_swept() -> None:
    taking = {name for name, cells in matrix()["api"].items() if cells and set(cells) - {"GET"}}

    assert set(BODIES) | BODILESS == taking
    assert taking <= {route.route for route in routes()}


def test_no_action_takes_a_key_that_it_does_not_name() -> None:
    scene = world()
    clients = {bearer: scene.client(bearer) for bearer in ("CREW", "DISPATCHER", "SUPERVISOR", "ADMIN", "OFFICER")}
    before, wrong = _everything(), {}

    for name, kind in kinds().items():
        sender = next(bearer for bearer in clients if bearer in who(matrix()["actions"][name]["by"]))
        args = _filled(name, kind.serializer(), scene)
        for body in _envelopes(args, kind.serializer()):
            answer = clients[sender].post(f"/api/actions/{name}/", body, "application/json")
            if (answer.status_code, answer.json()["code"]) != (400, "invalid_args"):
                wrong[name, str(body)] = (answer.status_code, answer.content[:200])

    assert wrong == {}
    assert _everything() == before


def test_no_other_view_takes_a_key_that_it_does_not_name() -> None:
    scene = world()
    clients = {sender: scene.client(sender) for sender in {sender for _, _, sender in BODIES.values()}}
    paths = {route.route: route.path for route in routes()}
    # What CAD's first request tells the screens is not the body's doing.
    clients["CAD"].post(paths["cad.heartbeat"], {}, "application/json")
    before, wrong = _everything(), {}

    for name, (shape, right, sender) in BODIES.items():
        for body in _with_strays(right, shape()):
            answer = clients[sender].post(paths[name], body, "application/json")
            if (answer.status_code, answer.json().get("code")) != (400, "invalid_args"):
                wrong[name, str(body)] = (answer.status_code, answer.content[:200])

    assert wrong == {}
    assert _everything() == before


@pytest.mark.parametrize("body", ["[]", "[{}]", "[[]]", '"text"', "1", "true", "null", '["id", "args"]'])
def test_a_body_that_is_no_object_is_refused_alike(body: str) -> None:
    scene = world()
    clients = {sender: scene.client(sender) for sender in ("CREW", *{sender for _, _, sender in BODIES.values()})}
    paths = {route.route: route.path for route in routes()}
    wrong = {}

    for path, sender in [("/api/actions/unit.duty/", "CREW"), *((paths[name], BODIES[name][2]) for name in BODIES)]:
        answer = clients[sender].post(path, body, "application/json")
        if (answer.status_code, answer.json().get("code")) != (400, "invalid_args"):
            wrong[path] = (answer.status_code, answer.content[:200])

    assert wrong == {}


def _envelopes(args: dict[str, Any], serializer: serializers.Serializer[Any]) -> Iterator[dict[str, Any]]:
    for stray in STRAY:
        if stray != "id":
            yield {"id": str(uuid4()), "args": args, stray: 1}
    for with_stray in _with_strays(args, serializer):
        yield {"id": str(uuid4()), "args": with_stray}


def _with_strays(right: dict[str, Any], shape: serializers.Serializer[Any]) -> Iterator[dict[str, Any]]:
    known = set(shape.fields)
    for stray in STRAY:
        if stray not in known:
            yield {**right, stray: 1}
    for key, value in right.items():
        yield from ({**right, key: strayed} for strayed in _strayed(value))


def _strayed(value: object) -> Iterator[object]:
    # Every object inside of it, and every object in a list, gets one too.
    if isinstance(value, dict):
        yield {**value, "nothing": 1}
        for key, inner in value.items():
            yield from ({**value, key: strayed} for strayed in _strayed(inner))
    if isinstance(value, list):
        yield from ([strayed] for part in value for strayed in _strayed(part))


def _filled(name: str, serializer: serializers.Serializer[Any], scene: World) -> dict[str, Any]:
    args = {
        key: scene.things[value.strip("{}")] if isinstance(value, str) and value.startswith("{") else value
        for key, value in matrix()["actions"][name]["args"].items()
    }
    # And whatever has an inside.
    for key, field in serializer.fields.items():
        if isinstance(field, PointField):
            args[key] = {"lon": -122.3, "lat": 47.6}
        elif isinstance(field, AnswersField):
            args[key] = {"WEAPON": "NO"}
        elif isinstance(field, ReportBody):
            args[key] = reports.WHOLE
        else:
            assert not isinstance(field, serializers.BaseSerializer | serializers.DictField), "sweep its inside too"
    return args


def _everything() -> Mapping[str, Any]:
    # That a tablet was heard of, and who failed to sign in, is noted before a body is read.
    beside = {"tablets_contact", "responders_signinguard"}
    counts: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if (
                table.startswith(("dispatch_", "followups_", "journal_", "responders_", "tablets_"))
                and table not in beside
            ):
                cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608  names of tables, from the database
                counts[table] = cursor.fetchone()[0]
    counts["entry"] = Entry.objects.aggregate(last=Max("pk"))
    counts["documents"] = Document.objects.aggregate(last=Max("number"))
    counts["receipts"] = Receipt.objects.count()
    return counts
