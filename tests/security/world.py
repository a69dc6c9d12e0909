"""
Two agencies with one of everything, and a client for each kind of bearer of the first.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.test import Client

from dispatch.actions import cad_keys, intake_keys
from dispatch.models import (
    Alarm,
    AlarmKind,
    BackupPress,
    Debrief,
    Flag,
    HandOver,
    Message,
    Origin,
    Policy,
    Referral,
    Stop,
    Tandem,
)
from journal.door import open_door
from responders.models import Person, RoleName, Unit
from tests.factories import clients, dispatch, encounters, follow_ups, responders, tablets
from tests.security.clients import desk_client

BEARERS = ["ANONYMOUS", "PASSWORD", *RoleName.values, "TABLET", "CREW", "CAD", "INTAKE"]
NOBODYS = 999_999_999


@dataclass
class World:
    """
    The scene that bearers belong to, ids of what it holds, and of what a neighbouring agency holds.
    """

    scene: dispatch.Scene
    things: dict[str, Any]
    of_other_unit: dict[str, Any]
    of_other_agency: dict[str, Any]
    people: dict[str, Person]

    def client(self, bearer: str) -> Client:
        """
        Return a client that comes as this kind of bearer.
        """
        if bearer == "ANONYMOUS":
            return Client()
        if bearer == "PASSWORD":
            return desk_client(self.people["DISPATCHER"], second_factor=False)
        if bearer in self.people:
            return desk_client(self.people[bearer])
        if bearer == "TABLET":
            return tablets.paired(self.scene.unit).client
        if bearer == "CREW":
            return tablets.crewed(self.scene.unit).client
        now = datetime.now(UTC)
        if bearer == "INTAKE":
            with open_door(by="system:test", at=now):
                _, key = intake_keys.make(
                    agency_id=self.scene.agency.pk, name="Crisis line", source="988", by="system:test", at=now
                )
            return Client(headers={"Authorization": f"Intake {key}"})
        with open_door(by="system:test", at=now):
            _, key = cad_keys.make(agency_id=self.scene.agency.pk, name="CAD", by="system:test", at=now)
        return Client(headers={"Authorization": f"CAD {key}"})


def world() -> World:
    """
    Return two agencies with one of everything.
    """
    # With the demo's dispatcher, so that the demo's doors lead somewhere.
    scene = dispatch.scene(slug="seattle-demo")
    responders.person(scene.agency, "DISPATCHER", email="demo-dispatcher@example.org")
    other_unit, _ = dispatch.rival(scene.agency, scene.area)
    people = {role: responders.person(scene.agency, role) for role in RoleName.values}
    # Somebody else keeps the role: the only administrator cannot be touched, which would look like a denial.
    responders.person(scene.agency, "ADMIN")
    neighbour = dispatch.scene()
    return World(
        scene=scene,
        things=_one_of_everything(scene, scene.unit),
        of_other_unit=_one_of_everything(scene, other_unit),
        of_other_agency=_one_of_everything(neighbour, neighbour.unit),
        people=people,
    )


def _one_of_everything(of: dispatch.Scene, unit: Unit) -> dict[str, Any]:
    now = datetime.now(UTC)
    held = dispatch.assignment(of, unit=unit, origin=Origin.POACHED)
    third, _ = dispatch.rival(of.agency, of.area)
    officer = responders.person(of.agency, "OFFICER")
    with open_door(by="system:test", at=now):
        stop = Stop.objects.create(call=held.call, assignment=held, reasons=["WEAPON"], raised_at=now)
        flag = Flag.objects.create(call=held.call, unit=unit, code="late_scope", at=now)
        alarm = Alarm.objects.create(call=held.call, kind=AlarmKind.NOT_DELIVERED, due_at=now, raised_at=now)
        hand_over = HandOver.objects.create(
            assignment=held, call=held.call, to_unit=third, asked_at=now, asked_by="person:1"
        )
        tandem = Tandem.objects.create(
            call=held.call, partner="POLICE", asked_as="DESK", asked_at=now, asked_by="Desk", due_at=now
        )
        message = Message.objects.create(call=held.call, unit=unit, origin="DESK", text="Seen", by="Desk", at=now)
        press = BackupPress.objects.create(
            key=uuid4(), agency_id=of.agency.pk, unit_id=unit.pk, origin="RADIO", via="server", received_at=now
        )
        policy = Policy.objects.create(agency=of.agency, name=f"Policy {unit.pk}", version=1, rules={})
        referral = Referral.objects.create(
            agency=of.agency,
            kind="ON_VIEW",
            source="OFFICER",
            officer=officer,
            call=held.call,
            what="Welfare",
            searched="NO",
            weapons="NO",
            threats="NO",
            made_at=now,
            received_at=now,
        )
    report = encounters.draft(held)
    tablet = tablets.paired(unit).tablet
    return {
        "unit": unit.pk,
        "person": responders.person(of.agency).pk,
        "tablet": tablet.pk,
        "ticket": tablets.quarantined(tablet).pk,
        "call": held.call_id,
        "assignment": held.pk,
        "stop": stop.pk,
        "tandem": tandem.pk,
        "message": message.pk,
        "alarm": alarm.pk,
        "backup": str(press.key),
        "flag": flag.pk,
        "hand_over": hand_over.pk,
        "caution": dispatch.caution(of.agency, phone="206-555-0100", expires_at=now + timedelta(days=1)).pk,
        "debrief": Debrief.objects.get(poach__assignment=held).pk,
        "policy": policy.pk,
        "referral": referral.pk,
        "encounter": str(report.key),
        **clients.one_of_everything(of, held),
        **follow_ups.one_of_everything(of, unit),
    }
