"""
A take that waited too long for signal is refused; it is asked anew or not at all.
"""

from datetime import timedelta
from uuid import uuid4

import pytest

from dispatch.models import Assignment, Call
from journal.door import Answer
from journal.kinds import kinds
from responders.api import run_action
from tests.conftest import NOON
from tests.factories import dispatch as factory
from tests.replica import bodies

pytestmark = pytest.mark.django_db


def take(kind: str, scene: factory.Scene, call: Call, *, age_s: float | None) -> Answer:
    args = {"call": call.pk} | ({"reason": "Long wait"} if kind == "call.poach" else {})
    happened_at = None if age_s is None else NOON - timedelta(seconds=age_s)
    return run_action(kinds()[kind], action_id=uuid4(), args=args, by=scene.tablet, at=NOON, happened_at=happened_at)


@pytest.mark.parametrize(("kind", "life"), [("call.poach", 30), ("call.self_dispatch", 120)])
def test_a_take_older_than_its_life_is_refused(kind: str, life: int) -> None:
    scene = factory.scene()
    call = factory.police_call(scene) if kind == "call.poach" else factory.care_call(scene)

    late = take(kind, scene, call, age_s=life + 1)

    assert (late.status, late.body["code"]) == (409, "take_expired")
    assert late.body["facts"] == {"age_s": life + 1, "life_s": life}
    assert not Assignment.objects.exists()
    assert take(kind, scene, call, age_s=life).applied


@pytest.mark.parametrize("age_s", [None, -5])
def test_a_take_that_was_made_now_or_by_a_fast_clock_is_decided(age_s: float | None) -> None:
    scene = factory.scene()

    assert take("call.poach", scene, factory.police_call(scene), age_s=age_s).applied


def test_an_agency_sets_how_long_a_take_lives_and_every_tablet_knows() -> None:
    scene = factory.scene(poach_life_s=5, self_dispatch_life_s=900)

    assert take("call.poach", scene, factory.police_call(scene), age_s=6).body["code"] == "take_expired"
    assert take("call.self_dispatch", scene, factory.care_call(scene), age_s=800).applied
    (agency,) = bodies(f"reference.{scene.agency.pk}", "agency").values()
    assert (agency["poach_life_s"], agency["self_dispatch_life_s"]) == (5, 900)


def test_only_takes_expire() -> None:
    assert {kind.name: kind.life for kind in kinds().values() if kind.life} == {
        "call.poach": "poach_life_s",
        "call.self_dispatch": "self_dispatch_life_s",
        "follow_up.go": "self_dispatch_life_s",
    }


def test_handing_back_never_expires() -> None:
    scene = factory.scene()
    held = factory.assignment(scene)
    answer = run_action(
        kinds()["assignment.hand_back"],
        action_id=uuid4(),
        args={"assignment": held.pk, "reason": "Vehicle"},
        by=scene.tablet,
        at=NOON + timedelta(hours=9),
        happened_at=NOON,
    )
    assert answer.applied
