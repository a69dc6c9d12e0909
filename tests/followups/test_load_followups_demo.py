"""
The demo's care after the call: loaded twice it is the same, and outside demo mode it is refused.
"""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from followups.management.commands.load_followups_demo import PEOPLE
from followups.models import Client, FollowUp, Plan, PlanState
from journal.rebuild import differences

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_second_run_changes_nothing(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = True
    call_command("load_demo", key_file=tmp_path / "key", verbosity=0)
    call_command("load_followups_demo", verbosity=0)
    counted = [model.objects.count() for model in (Client, Plan, FollowUp)]

    call_command("load_followups_demo", verbosity=0)

    assert [model.objects.count() for model in (Client, Plan, FollowUp)] == counted
    assert counted[0] == len(PEOPLE)
    assert {plan.state for plan in Plan.objects.all()} == {PlanState.OPEN, PlanState.PAUSED}
    assert FollowUp.objects.filter(unit__call_sign="CARE 12").count() == 2
    assert list(differences()) == []


def test_it_is_refused_where_there_is_no_demo(settings: Any) -> None:
    settings.DEMO = False

    with pytest.raises(CommandError):
        call_command("load_followups_demo", verbosity=0)


def test_it_asks_for_the_demo_that_it_belongs_to(settings: Any) -> None:
    settings.DEMO = True

    with pytest.raises(CommandError, match="load_demo"):
        call_command("load_followups_demo", verbosity=0)
