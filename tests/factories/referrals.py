"""
Referrals for tests: what officers and holders of keys send. Each function commits through a door of its own.
"""

from datetime import datetime
from typing import Any

from dispatch.actions import intake_keys, referrals
from dispatch.models import Call, IntakeKey, Referral
from dispatch.referral_documents import bodies
from dispatch.referral_serializers import MakeArgs
from journal.door import open_door
from responders.actors import Actor
from responders.models import Agency, RoleName
from tests.conftest import NOON
from tests.factories import intake, responders
from tests.factories.responders import SCENE, scene_door

HERE = (-122.3370, 47.6110)


def officer(of: Agency, **fields: Any) -> Actor:
    """
    Return a new officer.
    """
    return responders.actor(responders.person(of, RoleName.OFFICER, **fields))


def said(**fields: Any) -> dict[str, Any]:
    """
    Return what an officer says of a welfare check at a public corner downtown, with everything ruled out.
    """
    return {
        "kind": "ON_VIEW",
        "what": intake.WELFARE,
        "address": "PIKE ST / 5 AV",
        "point": {"lon": HERE[0], "lat": HERE[1]},
        "place_kind": "PUBLIC",
        "searched": "YES",
        "weapons": "NO",
        "threats": "NO",
        "medical": "NO",
        "staying": True,
        **fields,
    }


def referral(by: Actor, *, at: datetime = NOON, **fields: Any) -> Referral:
    """
    Return what an officer has referred.
    """
    args = MakeArgs(data=said(**fields))
    args.is_valid(raise_exception=True)
    with open_door(by=by, at=at):
        return referrals.make(by=by, at=at, **args.validated_data)


def call_of(row: Referral) -> Call:
    """
    Return the call that a referral made or joined.
    """
    assert row.call is not None, "it was not eligible"
    return row.call


def body(of: Referral) -> dict[str, Any]:
    """
    Return what whoever referred may know of it now.
    """
    return bodies([of.pk])[of.pk]


def key(of: Agency, *, source: str = "988") -> tuple[IntakeKey, str]:
    """
    Return a new key and its text.
    """
    with scene_door():
        return intake_keys.make(agency_id=of.pk, name="Crisis line", source=source, by=SCENE, at=NOON)
