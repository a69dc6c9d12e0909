"""
Navigator referrals: taken in by a sweep, taken by one coordinator, closed; whoever referred hears that it was received, and closed.
"""

from typing import Any

import pytest

from dispatch.actions import referrals as dispatch_referrals
from dispatch.models import Call, Referral
from followups.actions import intakes
from followups.models import Intake, IntakeState
from followups.refusals import intakes as refusals
from followups.refusals.clients import ClientNotFound
from followups.sweeps import follow_ups as sweeps
from journal.door import open_door
from journal.models import Document
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import dispatch, referrals
from tests.factories import follow_ups as factory

pytestmark = pytest.mark.django_db


def referred(of: factory.Care, by: Actor | None = None, **fields: Any) -> Referral:
    by = by or referrals.officer(of.scene.agency)
    given = {"kind": "PERSON", "what": dispatch.call_type(of.scene.agency).code, "contact": "At the library", **fields}
    return referrals.referral(by, **given)


def do(act: Any, *, by: Actor, **given: Any) -> Any:
    with open_door(by=by, at=NOON):
        return act(by=by, at=NOON, **given)


def listed(of: factory.Care) -> list[str]:
    live = Document.objects.filter(stream=f"coordinators.{of.agency_id}", collection="intake", gone=None)
    return sorted(live.values_list("document_id", flat=True))


def test_a_person_referred_for_later_contact_comes_before_coordinators_once() -> None:
    of = factory.care()
    row = referred(of)

    assert sweeps.sweep_intakes(at=NOON) == 1
    assert sweeps.sweep_intakes(at=NOON) == 0

    intake = Intake.objects.get()
    assert (intake.referral, intake.state, intake.agency) == (row, IntakeState.NEW, of.scene.agency)
    assert listed(of) == [str(intake.pk)]
    assert not Call.objects.filter(referrals=row).exists()


def test_more_than_a_batch_comes_in_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    of = factory.care()
    for _ in range(5):
        referred(of)

    assert sweeps.sweep_intakes(at=NOON) == 5


def test_what_is_a_call_is_no_intake() -> None:
    of = factory.care()
    referred(of, kind="ON_VIEW")

    assert sweeps.sweep_intakes(at=NOON) == 0


def test_one_coordinator_takes_it_and_closes_it_and_the_officer_hears_only_that() -> None:
    of = factory.care()
    row = referred(of)
    sweeps.sweep_intakes(at=NOON)
    intake = Intake.objects.get()
    assert referrals.body(row)["state"] == "RECEIVED"

    do(intakes.take, intake_id=intake.pk, by=of.coordinator)
    do(intakes.take, intake_id=intake.pk, by=of.coordinator)
    assert referrals.body(row)["state"] == "RECEIVED"
    with pytest.raises(refusals.IntakeTaken):
        do(intakes.take, intake_id=intake.pk, by=factory.coordinator(of))
    whom = factory.client(of)
    do(intakes.close, intake_id=intake.pk, client_id=whom.pk, note="canary: in detox", by=of.coordinator)

    intake.refresh_from_db()
    assert (intake.state, intake.client, intake.taken_by_id) == ("CLOSED", whom, of.coordinator.person_id)
    told = referrals.body(row)
    assert told["state"] == "CLOSED"
    assert "canary" not in str(told)
    assert listed(of) == []
    with pytest.raises(refusals.IntakeClosed):
        do(intakes.close, intake_id=intake.pk, by=of.coordinator)


def test_what_an_officer_took_back_is_closed() -> None:
    of = factory.care()
    officer = referrals.officer(of.scene.agency)
    row = referred(of, officer)
    sweeps.sweep_intakes(at=NOON)
    with open_door(by=officer, at=NOON):
        dispatch_referrals.withdraw(referral_id=row.pk, by=officer, at=NOON)

    assert sweeps.sweep_intakes(at=NOON) == 1
    assert Intake.objects.get().state == IntakeState.CLOSED
    assert sweeps.sweep_intakes(at=NOON) == 0


def test_what_is_closed_before_a_sweep_saw_it_never_comes() -> None:
    of = factory.care()
    officer = referrals.officer(of.scene.agency)
    row = referred(of, officer)
    with open_door(by=officer, at=NOON):
        dispatch_referrals.withdraw(referral_id=row.pk, by=officer, at=NOON)

    assert sweeps.sweep_intakes(at=NOON) == 0


def test_another_agency_finds_neither_the_intake_nor_the_person() -> None:
    of, other = factory.care(), factory.care()
    referred(of)
    sweeps.sweep_intakes(at=NOON)
    intake = Intake.objects.get()

    for act in (intakes.take, intakes.close):
        with pytest.raises(refusals.IntakeNotFound):
            do(act, intake_id=intake.pk, by=other.coordinator)
    with pytest.raises(ClientNotFound):
        do(intakes.close, intake_id=intake.pk, client_id=factory.client(other).pk, by=of.coordinator)
    assert Referral.objects.get().ended_at is None
