"""
Reports for tests: bodies as tablets send them, and reports written and signed through the crew's own kinds.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from dispatch.models import Assignment, AssignmentStatus
from followups import choices
from followups.actions import encounters, programmes
from followups.models import Encounter
from followups.serializers.encounters import ReportBody
from journal.door import Answer, open_door
from journal.kinds import kinds
from responders.actors import Actor
from responders.api import run_action
from responders.models import Agency, Shift
from tests.conftest import NOON
from tests.factories import dispatch, responders
from tests.factories.responders import SCENE, scene_door

# Everything that a report can say of one person.
WHOLE: dict[str, Any] = {
    "nobody_found": False,
    "notes": "Calm when we left.",
    "met": [
        {
            "position": 0,
            "client": {"new": {"name": "Somebody", "looks": "Red coat", "born_on": "2011-05", "language": "so"}},
            "needs": ["SHELTER"],
            "behaviours": ["CALM"],
            "done": ["TALKED"],
            "supplies": ["WATER"],
            "naloxone": {"doses": 1, "outcome": "RECOVERED"},
            "transport": {"destination": "SHELTER", "where": "North", "supervisor_said_yes": True},
            "outcomes": ["REFERRAL_MADE"],
            "interpreter": {"used": True, "language": "so"},
            "minor": {"age": 15, "guardian": "Aunt", "guardian_told": True, "own_consent": True},
            "mandated": {"about": "Neglect", "made_to": "CHILD_PROTECTION", "number": "77"},
            "referrals": [{"position": 0, "to": "Shelter", "need": "SHELTER", "warm": True}],
            "follow_up": "YES",
            "safe_contact": {"kind": "PHONE", "value": "206-555-0100", "may_say": "TEAM", "hours_from": "12:00"},
            "cautions": [{"text": "Startles at noise", "days": 30}],
            "left_to": "SHELTER",
        }
    ],
}


def offered(of: Agency) -> None:
    """
    Offer an agency what ships.
    """
    with scene_door():
        programmes.load(agency_id=of.pk, choices=choices.shipped(), by=SCENE, at=NOON)


def scene(**agency_fields: Any) -> dispatch.Scene:
    """
    Return a scene whose agency offers what ships.
    """
    of = dispatch.scene(**agency_fields)
    offered(of.agency)
    return of


def seen_to(of: dispatch.Scene, *, at: datetime = NOON) -> Assignment:
    """
    Return an assignment of the scene's unit that was on scene and has cleared.
    """
    return dispatch.assignment(of, status=AssignmentStatus.CLEARED, at=at)


def body(*met: dict[str, Any], **told: Any) -> dict[str, Any]:
    """
    Return the body of a report about these people.
    """
    return {"met": [{"position": place, **person} for place, person in enumerate(met)], **told}


def new(name: str = "", **told: Any) -> dict[str, Any]:
    """
    Return how a report names somebody of whom there is no record.
    """
    return {"client": {"new": {"name": name, **told}}}


def say(by: Actor, kind: str, *, when: datetime | None = None, at: datetime | None = None, **args: Any) -> Answer:
    """
    Do one action as a tablet's lane does: as who was signed on then, with when it happened.
    """
    heard = at or max(when or NOON, NOON) + timedelta(minutes=1)
    return run_action(kinds()[kind], action_id=uuid4(), args=args, by=by, at=heard, happened_at=when)


def write(
    of: dispatch.Scene,
    held: Assignment,
    said: dict[str, Any] | None = None,
    *,
    kind: str = "encounter.sign",
    key: UUID | None = None,
    revision: int = 1,
    when: datetime = NOON,
    by: Actor | None = None,
    seconds: int = 40,
) -> Encounter:
    """
    Return the report of an assignment after its crew has saved or signed it.
    """
    key = key or uuid4()
    args: dict[str, Any] = {
        "encounter": str(key),
        "assignment": held.pk,
        "revision": revision,
        "seconds": seconds,
        "body": {} if said is None else said,
    }
    answer = say(by or of.tablet, kind, when=when, **args)
    assert answer.applied, answer.body
    return Encounter.objects.get(key=key)


def draft(held: Assignment, *, at: datetime = NOON) -> Encounter:
    """
    Return a report that somebody of the unit has begun.
    """
    shift = Shift.objects.filter(unit=held.unit_id).earliest("pk")
    by = responders.tablet_actor(shift)
    key = uuid4()
    with open_door(by=by, at=at):
        encounters.save(key=key, assignment_id=held.pk, revision=1, body=clean({}), by=by, at=at)
    return Encounter.objects.get(key=key)


def clean(said: dict[str, Any]) -> dict[str, Any]:
    """
    Return a body as actions take it: with every key.
    """
    read = ReportBody(data=said)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)
