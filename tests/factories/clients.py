"""
People met, and what is known of them, for tests. Each function commits through a door of its own, as production does.
"""

from datetime import date, datetime, timedelta
from typing import Any

from dispatch.models import Assignment, Call
from followups.actions import break_glass, clients, consents, knowledge, merges
from followups.models import Client, ClientCaution, Consent, Contact, ContactWay, Route, Strategy, WayKind
from journal.door import open_door
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import follow_ups, responders
from tests.factories.dispatch import Scene
from tests.factories.follow_ups import Care
from tests.factories.responders import SCENE, scene_door


def known(of: Care, name: str = "", *, at: datetime = NOON, **told: Any) -> Client:
    """
    Return a new record.
    """
    with open_door(by=of.coordinator, at=at):
        return clients.make(agency_id=of.agency_id, name=name, by=of.coordinator, at=at, **told)


def at_call(whom: Client, call: Call, *, route: str = Route.MET, at: datetime = NOON, seen: bool = False) -> Contact:
    """
    Return that somebody is at a call.
    """
    with scene_door(at=at):
        Call.objects.lock(call.pk)
        locked = Client.objects.lock(whom.pk)
        return clients.meet(client=locked, call_id=call.pk, route=route, by=SCENE, at=at, seen=seen)


def with_crew(whom: Client, held: Assignment) -> Contact:
    """
    Return that somebody is at the call of an assignment.
    """
    return at_call(whom, held.call)


def way(of: Care, whom: Client, kind: str = WayKind.PHONE, value: str = "206-555-0100", **told: Any) -> ContactWay:
    """
    Return a way to reach somebody.
    """
    with open_door(by=of.coordinator, at=NOON):
        return clients.add_way(
            client_id=whom.pk, kind=kind, value=value, by=of.coordinator, at=told.pop("at", NOON), **told
        )


def strategy(of: Care, whom: Client, text: str, kind: str = "HELPS") -> Strategy:
    """
    Return one thing to know before one meets somebody.
    """
    with open_door(by=of.coordinator, at=NOON):
        return knowledge.add_strategy(client_id=whom.pk, kind=kind, text=text, by=of.coordinator, at=NOON)


def caution(of: Care, whom: Client, text: str = "Startles at sudden noise", *, days: int = 30) -> ClientCaution:
    """
    Return what a crew should expect of somebody.
    """
    with open_door(by=of.coordinator, at=NOON):
        return knowledge.add_caution(client_id=whom.pk, text=text, days=days, by=of.coordinator, at=NOON)


def elements(**other: Any) -> dict[str, Any]:
    """
    Return every element of a consent.
    """
    return {
        "patient_name": "As signed",
        "discloser": "CARE",
        "description": "What was done for me in June, and my appointments",
        "sections": ["IDENTITY", "ENCOUNTERS", "FOLLOW_UPS", "STRATEGIES"],
        "recipient": "The clinic on Pine Street",
        "purpose": "So that they can go on from there",
        "right_to_revoke_told": True,
        "expires_on": date(2026, 12, 31),
        "expires_upon": "",
        "signed_by": "As signed",
        "signature": "PAPER",
        "signed_on": date(2026, 6, 1),
        "text_version": "2026-02",
        **other,
    }


def consent(of: Care, whom: Client, *, at: datetime = NOON, **other: Any) -> Consent:
    """
    Return a consent with every element.
    """
    with open_door(by=of.coordinator, at=at):
        return consents.add(client_id=whom.pk, by=of.coordinator, at=at, **elements(**other))


def desk(of: Care, *roles: str) -> Actor:
    """
    Return another person of the agency at a page.
    """
    return responders.actor(responders.person(of.scene.agency, *roles))


def days(count: float) -> datetime:
    """
    Return noon, so many days later.
    """
    return NOON + timedelta(days=count)


def one_of_everything(of: Scene, held: Assignment) -> dict[str, int]:
    """
    Return the ids of everything that can hang on somebody's record, at the call of an assignment.
    """
    care = follow_ups.care(of)
    by = care.coordinator
    whom, other = known(care, "One"), known(care, "Another")
    with open_door(by=by, at=NOON):
        plan = knowledge.write_care_plan(
            client_id=whom.pk, text="Two voices are too many", review_on=date(2026, 9, 1), by=by, at=NOON
        )
        glass = break_glass.open_record(client_id=whom.pk, reason="Found at the door", by=by, at=NOON)
        merge = merges.merge(kept_id=whom.pk, absorbed_id=other.pk, by=by, at=NOON)
    return {
        "contact": with_crew(whom, held).pk,
        "way": way(care, whom).pk,
        "strategy": strategy(care, whom, "Speak slowly").pk,
        "client_caution": caution(care, whom).pk,
        "care_plan": plan.pk,
        "break_glass": glass.pk,
        "merge": merge.pk,
        "consent": consent(care, whom).pk,
    }
