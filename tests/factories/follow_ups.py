"""
Second responses for tests: agencies with a programme, people, encounters and plans. Each function commits through a door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from dispatch.models import Assignment, AssignmentStatus
from followups.actions import care_referrals, follow_ups, plans
from followups.models import Client, ContactWay, Encounter, FollowUp, Intake, Met, Plan, Programme, Shown
from journal.door import open_door
from responders.actors import Actor
from responders.models import Person, RoleName, Unit
from tests.conftest import NOON
from tests.factories import dispatch, referrals, responders
from tests.factories.dispatch import Scene
from tests.factories.responders import scene_door

SCENE = responders.SCENE


@dataclass(frozen=True, slots=True)
class Care:
    """
    A scene of dispatch, with those who see to second responses.
    """

    scene: Scene
    coordinator: Actor
    supervisor: Actor

    @property
    def agency_id(self) -> int:
        """
        Return the scene's agency.
        """
        return self.scene.agency.pk


def care(of: Scene | None = None, **programme: Any) -> Care:
    """
    Return a scene with a coordinator and a supervisor, and a programme where something of it is said.
    """
    with scene_door():
        of = of or dispatch.scene()
        if programme:
            Programme.objects.create(agency=of.agency, **programme)
        return Care(
            of,
            coordinator=responders.actor(responders.person(of.agency, RoleName.COORDINATOR)),
            supervisor=responders.actor(responders.person(of.agency, RoleName.SUPERVISOR)),
        )


def coordinator(of: Care) -> Actor:
    """
    Return another coordinator.
    """
    return responders.actor(responders.person(of.scene.agency, RoleName.COORDINATOR))


def client(of: Care, **fields: Any) -> Client:
    """
    Return somebody whom nobody knows yet.
    """
    with scene_door():
        return Client.objects.create(agency_id=of.agency_id, made_at=NOON, made_by=SCENE, **fields)


def at_home(whom: Client, value: str = "100 PINE ST", kind: str = "ADDRESS", **fields: Any) -> ContactWay:
    """
    Say where somebody is to be found.
    """
    with scene_door():
        return ContactWay.objects.create(
            client=whom, kind=kind, value=value, added_at=NOON, added_by=SCENE, **{"point": dispatch.POINT, **fields}
        )


def encounter(of: Care, *, held: Assignment | None = None, at: datetime = NOON, **fields: Any) -> Encounter:
    """
    Return the report of an assignment; a new one of a new call, cleared, unless it is said which.
    """
    if held is None:
        held = dispatch.assignment(of.scene, status=AssignmentStatus.CLEARED, at=at)
    author = of.scene.agency.people.filter(roles__name=RoleName.RESPONDER).order_by("pk").first()
    assert isinstance(author, Person)
    with scene_door(at=at):
        return Encounter.objects.create(
            key=uuid4(),
            agency_id=of.agency_id,
            assignment=held,
            unit_id=held.unit_id,
            author=author,
            opened_at=at,
            saved_at=at,
            due_at=at + timedelta(hours=8),
            **fields,
        )


def met(
    whom: Client,
    report: Encounter,
    *,
    agreed: bool | None = True,
    risk: bool = False,
    left_to: str = "HOME",
    needs: Sequence[str] = (),
    position: int = 0,
) -> Met:
    """
    Return that somebody was met on a report.
    """
    with scene_door():
        row, _ = Met.objects.update_or_create(
            encounter=report,
            position=position,
            defaults={
                "client": whom,
                "agreed": agreed,
                "risk": risk,
                "body": {"left_to": left_to, "needs": list(needs)},
            },
        )
    return row


def sign(of: Care, row: Met, *, at: datetime | None = None) -> Plan | None:
    """
    Plan what follows from meeting somebody, as signing the report does.
    """
    assert row.client_id is not None
    at = at or row.encounter.opened_at
    with scene_door(at=at):
        report = Encounter.objects.lock(row.encounter_id)
        locked = Client.objects.lock(row.client_id)
        return plans.after_encounter(encounter=report, client=locked, met=row, by=SCENE, at=at)


def planned(of: Care, whom: Client, *, at: datetime = NOON, **told: Any) -> Plan:
    """
    Return the plan of somebody who was met at ``at`` and agreed.
    """
    plan = sign(of, met(whom, encounter(of, at=at), **told), at=at)
    assert plan is not None
    return plan


def steps_of(plan: Plan) -> dict[int | None, FollowUp]:
    """
    Return the follow-ups of a plan's present round, by their steps.
    """
    plan.refresh_from_db()
    return {row.step: row for row in FollowUp.objects.filter(plan=plan, round=plan.round)}


def tried(row: FollowUp, *, by: Actor, result: str, at: datetime, how: str = "PHONE") -> FollowUp:
    """
    Return a follow-up after somebody tried to reach the person.
    """
    with open_door(by=by, at=at):
        return follow_ups.attempt(follow_up_id=row.pk, how=how, result=result, by=by, at=at).follow_up


def intake(of: Scene) -> Intake:
    """
    Return what an officer has referred for later contact, as coordinators have it.
    """
    row = referrals.referral(
        referrals.officer(of.agency), kind="PERSON", what=dispatch.call_type(of.agency).code, contact="At the library"
    )
    with scene_door():
        return Intake.objects.create(agency=of.agency, referral=row, made_at=NOON)


def shown_to(unit: Unit) -> FollowUp:
    """
    Return a single follow-up that stands on a unit's tablets.
    """
    with scene_door():
        whom = Client.objects.create(agency=unit.agency, made_at=NOON, made_by=SCENE)
        row = FollowUp.objects.create(
            agency=unit.agency,
            client=whom,
            unit=unit,
            zone=unit.agency.timezone,
            due_date=NOON.date(),
            due_at=NOON,
            due_until=NOON + timedelta(hours=7),
            made_at=NOON,
            made_by=SCENE,
        )
    # The database's clock wrote it.
    Shown.objects.filter(client=whom).update(at=NOON)
    return row


def one_of_everything(of: Scene, unit: Unit) -> dict[str, int]:
    """
    Return the ids of somebody, of their plan, of a follow-up that a unit sees to, and of a referral for later contact.
    """
    agency = of.agency
    by = responders.actor(responders.person(agency, RoleName.COORDINATOR))
    with scene_door():
        whom = Client.objects.create(agency=agency, made_at=NOON, made_by=SCENE)
        plan = plans.open_by_hand(client_id=whom.pk, by=by, at=NOON)
        row = plan.follow_ups.order_by("pk")[0]
        follow_ups.assign(follow_up_id=row.pk, unit_id=unit.pk, by=by, at=NOON)
        referral = care_referrals.make(client_id=whom.pk, to="The clinic", by=by, at=NOON)
    return {
        "client": whom.pk,
        "plan": plan.pk,
        "follow_up": row.pk,
        "intake": intake(of).pk,
        "care_referral": referral.pk,
    }
