"""
Clients that others wrote: RxDB and WatermelonDB, with their own replication code, on two tablets of one unit. On a network
that loses responses they come to hold what the server has of the unit's calls and notes, and each note that was written
on them is there once.
"""

import json
import os
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dispatch.actions import desk
from dispatch.models import Assignment, Note
from journal.door import open_door
from journal.models import Document
from responders.models import RoleName, Unit
from tests.chaos.web import running_node, running_web
from tests.factories import dispatch, responders, tablets

NOTES = 25
STARTS_WITHIN_S = 60
SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "1")))

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.mark.parametrize("seed", SEEDS)
def test_rxdb_and_watermelondb_converge(seed: int, tmp_path: Path) -> None:
    scene, other, held, given = _unit_with_two_tablets()
    out, err = tmp_path / "out", tmp_path / "err"
    script, given = Path(__file__).with_name("independent_clients.mjs"), {"seed": seed, "notes": NOTES, **given}
    with (
        running_web() as web,
        out.open("w") as out_file,
        err.open("w") as err_file,
        running_node(script, {"origin": web.origin, **given}, out_file, err_file) as clients,
    ):
        _send_to_and_fro(scene, other, held, clients, out, err, Random(seed))
        assert clients.stdin is not None
        # The desk is done: now they send and hear the rest.
        clients.stdin.close()
        assert clients.wait(timeout=60) == 0, err.read_text()
    result = json.loads(out.read_text().splitlines()[-1])
    has = sorted(
        [f"{row.collection}.{row.document_id}", row.number, json.loads(row.body or "")]
        for row in Document.objects.filter(stream=f"unit.{scene.unit.pk}", gone=None, collection__in=["call", "note"])
    )
    notes = Counter(Note.objects.values_list("text", flat=True))
    for name, client in result.items():
        assert min(client["faults"]["lost"], client["faults"]["unanswered"]) > 0, f"{name}: the network was too good"
        assert sorted(client["held"]) == has, name
        assert [notes[text] for text in client["written"]] == [1] * NOTES, name


def _unit_with_two_tablets() -> tuple[dispatch.Scene, Unit, Assignment, dict[str, Any]]:
    since = datetime.now(UTC) - timedelta(hours=1)
    agency = responders.agency(reassign_s=0)
    area = responders.area(agency)
    dispatcher = responders.actor(responders.person(agency, RoleName.DISPATCHER))
    unit = responders.unit(agency, areas=[area], crew_minimum=1)
    given = {}
    for name in ("rxdb", "watermelon"):
        paired = tablets.paired(unit)
        who = responders.person(agency)
        tablets.signed_on(paired.tablet, who, since=since)
        given[name] = {"token": paired.token, "actor": str(who.pk)}
    unit.refresh_from_db()
    other = responders.crewed_unit(agency, areas=[area], at=since)
    scene = dispatch.Scene(agency, area, unit, dispatcher, dispatcher)
    held = dispatch.assignment(scene, at=since)
    return scene, other, held, {"tablets": given, "unit": unit.pk, "call": held.call_id}


def _send_to_and_fro(
    scene: dispatch.Scene,
    other: Unit,
    held: Assignment,
    clients: "subprocess.Popen[str]",
    out: Path,
    err: Path,
    random: Random,
) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while "written" not in out.read_text():
        assert clients.poll() is None, err.read_text()
        assert time.monotonic() < until, "nothing was written"
        time.sleep(random.uniform(0.05, 0.25))
        now = datetime.now(UTC)
        with open_door(by=scene.dispatcher, at=now):
            # Away and back: the call and all its notes leave the unit's stream, and come again.
            to = other if held.unit_id == scene.unit.pk else scene.unit
            held = desk.reassign(assignment_id=held.pk, unit_id=to.pk, reason="Nearer", by=scene.dispatcher, at=now)
