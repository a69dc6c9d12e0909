"""
What must be complete: transitions, refusal codes, kinds, and the page drawn from them.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dispatch import kinds as unit_kinds
from dispatch import refusals, rules
from dispatch.actions.assignments import STEPS
from dispatch.management.commands import call_states
from dispatch.models import TRANSITIONS, Assignment, AssignmentStatus
from dispatch.rules import Fit
from journal.kinds import Nature, kinds
from journal.refusals import Refusal

CATALOGUE: list[type[Refusal]] = [
    value
    for _, value in inspect.getmembers(refusals, inspect.isclass)
    if issubclass(value, Refusal) and value.__module__ == refusals.__name__
]
INTENTS = {
    "call.self_dispatch",
    "call.poach",
    "assignment.hand_back",
    "assignment.hand_over",
    "hand_over.accept",
    "hand_over.decline",
}


def test_every_status_is_in_the_table_and_leads_to_known_ones() -> None:
    assert set(TRANSITIONS) == set(AssignmentStatus)
    assert set().union(*TRANSITIONS.values()) <= set(AssignmentStatus)


def test_every_status_can_be_reached_and_every_open_one_can_end() -> None:
    ended = {status for status, following in TRANSITIONS.items() if not following}

    for status in AssignmentStatus:
        if status != AssignmentStatus.ASSIGNED:
            assert rules.fit_of(AssignmentStatus.ASSIGNED, status) in (Fit.STEP, Fit.SKIPPED)
        if status not in ended:
            assert {AssignmentStatus.CLEARED, AssignmentStatus.HANDED_BACK} <= TRANSITIONS[status]
    # On scene a call is not cancelled under the crew.
    for status in rules.WITH_PERSON:
        assert AssignmentStatus.CANCELLED not in TRANSITIONS[status]


def test_the_constraint_knows_the_same_endings() -> None:
    ended = {status.value for status, following in TRANSITIONS.items() if not following}
    constraint = next(
        rule for rule in Assignment._meta.constraints if rule.name == "dispatch_assignment_ended_has_time"
    )

    assert all(status in str(constraint) for status in ended)


def test_every_step_of_a_crew_has_a_column_and_a_word() -> None:
    told = {status for status, following in TRANSITIONS.items() if following} - {AssignmentStatus.ASSIGNED}

    assert set(STEPS) == told
    columns = {field.name for field in Assignment._meta.get_fields()}
    assert {column for _, column in STEPS.values()} <= columns


@pytest.mark.parametrize("status", list(AssignmentStatus))
@pytest.mark.parametrize(
    "wanted", [AssignmentStatus.REASSIGNED, AssignmentStatus.HANDED_BACK, AssignmentStatus.CANCELLED]
)
def test_a_step_that_the_table_does_not_have_is_refused(status: AssignmentStatus, wanted: AssignmentStatus) -> None:
    if wanted in TRANSITIONS[status]:
        rules.check_transition(status, wanted)
    elif TRANSITIONS[status]:
        with pytest.raises(refusals.InvalidTransition) as refused:
            rules.check_transition(status, wanted)
        assert refused.value.facts == {"status": status, "wanted": wanted}
    else:
        with pytest.raises(refusals.AssignmentEnded):
            rules.check_transition(status, wanted)


def test_codes_are_unique_and_every_refusal_is_documented() -> None:
    codes = [refusal.code for refusal in CATALOGUE]

    assert len(codes) == len(set(codes))
    for refusal in CATALOGUE:
        assert (refusal.__doc__ or "").strip(), refusal
        assert refusal.message.endswith("."), refusal
        # One line of a tablet in portrait.
        assert len(refusal.message) <= 90, refusal
        assert refusal.status in (403, 404, 409), refusal


def test_every_kind_has_one_nature_and_facts_alone_know_when_they_happened() -> None:
    mine: dict[str, Any] = {kind.name: kind for kind in unit_kinds.KINDS}

    assert {name for name, kind in mine.items() if kind.nature is Nature.INTENT} == INTENTS
    for name, kind in mine.items():
        assert kinds()[name] is kind
        takes_time = "happened_at" in inspect.signature(kind.act).parameters
        assert takes_time
        if kind.nature is Nature.FACT:
            assert inspect.signature(kind.act).parameters["happened_at"].default is None, name


def test_every_kind_takes_what_its_action_takes() -> None:
    for kind in unit_kinds.KINDS:
        # An encounter's own key stands for its assignment's id.
        given = {field.source for field in kind.serializer().fields.values()} - {"on_view"}
        act = inspect.unwrap(kind.act)
        wanted = inspect.signature(act.__closure__[0].cell_contents if act.__name__ == "act_now" else act).parameters
        required = {name for name, parameter in wanted.items() if parameter.default is inspect.Parameter.empty} - {
            "by",
            "at",
        }
        assert given <= set(wanted), kind.name
        assert required <= given, kind.name


def test_the_page_of_states_is_drawn_from_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    call_command("call_states", "--check")
    for status in AssignmentStatus:
        assert f"| {status} |" in call_states.PAGE.read_text()

    monkeypatch.setattr(call_states, "PAGE", tmp_path / "call-states.md")
    with pytest.raises(CommandError, match="stale"):
        call_command("call_states", "--check")
    call_command("call_states")
    call_command("call_states", "--check")
