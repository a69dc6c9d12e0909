"""
Policies, types, CAD keys and revisions for tests. Each function commits through a door of its own, as production does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from dispatch import catalogue
from dispatch.actions import cad_keys, policies
from dispatch.actions.intake import CadCall
from dispatch.models import Policy
from responders.actors import Actor
from responders.models import Agency, RoleName
from tests.conftest import NOON
from tests.factories import dispatch, responders
from tests.factories.dispatch import Scene
from tests.factories.responders import SCENE, scene_door

WELFARE = "SERVICE - WELFARE CHECK"
TRESPASS = "TRESPASS"
TYPES = {WELFARE, TRESPASS, "CRISIS COMPLAINT - GENERAL", "SHOPLIFT - THEFT", "DOWN - CHECK FOR PERSON DOWN"}
ALL_NO = {"WEAPON": "NO", "VIOLENCE": "NO", "MEDICAL": "NO", "POLICE_ONLY": "NO"}

_numbers = count(1)


@dataclass
class Desk(Scene):
    """
    A scene with some of Seattle's types of call, the policy of 2025 in force, a CAD and a supervisor.
    """

    cad: Actor
    key: str
    supervisor: Actor


def desk(*, policy: str | None = "seattle-2025", rate: int | None = None, **fields: Any) -> Desk:
    """
    Return a new agency at work that decides by one of the policies that ship.
    """
    with scene_door():
        scene = dispatch.scene(**fields)
        agency = scene.agency
        # A few of the types that ship: all of them are some hundred documents.
        types = [row for row in catalogue.call_types() if row["code"] in TYPES]
        policies.load_types(agency_id=agency.pk, types=types, by=SCENE, at=NOON)
        key, text = cad_keys.make(agency_id=agency.pk, name="CAD", by=SCENE, at=NOON, rate=rate)
        if policy is not None:
            in_force(agency, policy)
        return Desk(
            **vars(scene),
            cad=Actor(agency_id=agency.pk, label="CAD", cad_key_id=key.pk),
            key=text,
            supervisor=responders.actor(responders.person(agency, RoleName.SUPERVISOR)),
        )


def in_force(agency: Agency, name: str, *, since: datetime = NOON - timedelta(days=400), **keys: Any) -> Policy:
    """
    Return a policy that ships, changed by ``keys``, in force since an instant.
    """
    with scene_door():
        return policies.install(
            agency_id=agency.pk,
            name=name,
            rules={**catalogue.policy(name), **keys},
            in_force_from=since,
            by=SCENE,
            at=NOON,
        )


def revision(number: str | None = None, **fields: Any) -> CadCall:
    """
    Return a revision of a call: a welfare check at a public corner downtown, everything ruled out, unless told otherwise.
    """
    given: dict[str, Any] = {
        "number": number or f"2026{next(_numbers):09d}",
        "revision": 1,
        "status": "OPEN",
        "type": WELFARE,
        "priority": 3,
        "address": "PIKE ST / 5 AV",
        "point": (-122.3370, 47.6110),
        "place_kind": "PUBLIC",
        "source": "911",
        "answers": ALL_NO,
        "received_at": NOON - timedelta(minutes=5),
        "cad_at": NOON,
        **fields,
    }
    return CadCall(**given)


def body(number: str | None = None, **fields: Any) -> dict[str, Any]:
    """
    Return the same as JSON that a CAD sends.
    """
    payload = {name: value for name, value in revision(number, **fields).as_payload().items() if value is not None}
    if isinstance(point := payload.get("point"), list):
        payload["point"] = {"lon": point[0], "lat": point[1]}
    return payload
