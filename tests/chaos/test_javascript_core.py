"""
The tablet's own JavaScript against the real server, on a bad network: what it holds in the end is what the server has, and
what its crews did was done once.

The crews are in crews.mjs (Node, with an IndexedDB in memory); the server is the one that ships (granian, Postgres), and
is killed in the middle. Meanwhile the desk takes calls away and gives them back.
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
from journal.models import Document, Entry, Receipt
from journal.rebuild import differences, digest_differences
from journal.refusals import Refusal
from responders.models import RoleName
from tablets.models import Quarantined
from tests.chaos.web import Web, running_node, running_web
from tests.factories import dispatch, responders, tablets
from tests.replica import body_of

TABLETS = 8
STEPS = 60
KILL_AFTER_S = 1.5
MOST_S = 90
SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "2")))

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

_VERDICTS = {200: "applied", 202: "quarantined"}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tablets_core_converges_and_does_everything_once(seed: int, tmp_path: Path) -> None:
    scene, told = _town()
    out, err = tmp_path / "out", tmp_path / "err"
    with running_web() as web, out.open("w") as out_file, err.open("w") as err_file:
        given = {"origin": web.origin, "seed": seed, "steps": STEPS, "tablets": told}
        with running_node(Path(__file__).with_name("crews.mjs"), given, out_file, err_file) as crews:
            _meddle(scene, [member["call"] for member in told], web, Random(seed), crews, out, err)
            assert crews.stdin is not None
            # The desk is done: now they send and hear the rest.
            crews.stdin.close()
            assert crews.wait(timeout=60) == 0, err.read_text()
    results = json.loads(out.read_text().splitlines()[-1])
    _check_faults_happened(results)
    _check_done_once(results)
    _check_same_documents(results, told)
    assert [*differences(), *digest_differences()] == []


def _town() -> tuple[dispatch.Scene, list[dict[str, Any]]]:
    since = datetime.now(UTC) - timedelta(hours=1)
    agency = responders.agency(self_dispatch_life_s=600, reassign_s=0)
    area = responders.area(agency)
    dispatcher = responders.actor(responders.person(agency, RoleName.DISPATCHER))
    supervisor = responders.person(agency, RoleName.SUPERVISOR)
    dispatch.feed(agency, heard_at=datetime.now(UTC))
    told = []
    for _ in range(TABLETS):
        unit = responders.unit(agency, areas=[area], crew_minimum=1)
        paired = tablets.paired(unit, by=supervisor)
        who = responders.person(agency)
        tablets.signed_on(paired.tablet, who, since=since)
        unit.refresh_from_db()
        held = dispatch.assignment(dispatch.Scene(agency, area, unit, dispatcher, dispatcher), at=since)
        told.append(
            {
                "token": paired.token,
                "actor": str(who.pk),
                "call": held.call_id,
                "assignment": held.pk,
                "unit": unit.pk,
                "area": area.pk,
                "agency": agency.pk,
            }
        )
    scene = dispatch.Scene(agency, area, unit, dispatcher, dispatcher)
    for _ in range(6):
        dispatch.care_call(scene)
    return scene, told


def _meddle(
    scene: dispatch.Scene,
    calls: list[int],
    web: Web,
    random: Random,
    crews: "subprocess.Popen[str]",
    out: Path,
    err: Path,
) -> None:
    began, killed = time.monotonic(), False
    while not killed or "ran" not in out.read_text():
        assert crews.poll() is None, err.read_text()
        assert time.monotonic() - began < MOST_S, "the crews do not come to their end"
        time.sleep(random.uniform(0.05, 0.3))
        if not killed and time.monotonic() - began > KILL_AFTER_S:
            web.kill()
            web.start()
            killed = True
        now = datetime.now(UTC)
        chosen = random.choice(calls)
        held = Assignment.objects.open().filter(call=chosen).first()
        try:
            with open_door(by=scene.dispatcher, at=now):
                if held is None:
                    free = scene.agency.units.exclude(assignments__ended_at=None).order_by("?").first()
                    if free is not None:
                        desk.dispatch(call_id=chosen, unit_id=free.pk, by=scene.dispatcher, at=now)
                else:
                    other = scene.agency.units.exclude(pk=held.unit_id).order_by("?").first()
                    assert other is not None
                    desk.reassign(
                        assignment_id=held.pk, unit_id=other.pk, reason="Nearer", by=scene.dispatcher, at=now
                    )
        except Refusal:
            # The desk is told no as anybody else: that unit is busy, or was faster.
            continue


def _check_faults_happened(results: list[dict[str, Any]]) -> None:
    faults = Counter[str]()
    for result in results:
        faults.update(result["faults"])
    assert all(faults[kind] for kind in ("lost", "doubled", "late", "unanswered", "dark")), faults
    assert sum(result["deaths"] for result in results) > 0


def _check_done_once(results: list[dict[str, Any]]) -> None:
    receipts = {str(row.action_id): row.status for row in Receipt.objects.all()}
    done = Counter(str(found) for found in Entry.objects.exclude(action_id=None).values_list("action_id", flat=True))
    notes = Counter(Note.objects.values_list("text", flat=True))
    kept = list(Quarantined.objects.values_list("kind", "code"))
    for result in results:
        verdicts = result["verdicts"]
        for action in result["made"]:
            verdict = verdicts[action["id"]]
            status = receipts[action["id"]] or 0
            assert verdict is not None, f"{action} was never answered"
            assert verdict == _VERDICTS.get(status, "refused"), f"{action}: told {verdict}, kept as {status}"
            assert verdict != "quarantined", f"{action}: {kept}"
            if action["kind"] != "call.self_dispatch":
                assert verdict == "applied", f"the fact {action} was {verdict}"
            assert done[action["id"]] == (verdict == "applied"), f"{action} was done {done[action['id']]} times"
            if action["kind"] == "call.note":
                assert notes[action["args"]["text"]] == 1


def _check_same_documents(results: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    for result, member in zip(results, told, strict=True):
        streams = [
            f"unit.{member['unit']}",
            f"area.{member['area']}",
            f"responder.{member['actor']}",
            *(f"{audience}.{member['agency']}" for audience in ("reference", "care", "directory")),
        ]
        has = {
            name: sorted(
                [row.collection, row.document_id, row.number, json.loads(body_of(row))]
                for row in Document.objects.filter(stream=name, gone=None)
            )
            for name in streams
        }
        holds = {name: sorted(documents) for name, documents in result["holds"].items()}
        assert {name: held for name, held in holds.items() if held} == {
            name: held for name, held in has.items() if held
        }
