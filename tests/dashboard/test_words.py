"""
Every report that a tablet can send has a name on the supervisor's pages, and clinical ones are not read there.
"""

import pytest

from dashboard import words
from journal.kinds import kinds


def test_every_kind_that_a_tablet_can_send_has_words() -> None:
    assert words.sent_by_tablets() - set(words.KINDS) == set()


def test_every_argument_of_those_kinds_has_words() -> None:
    named = {name for kind in words.sent_by_tablets() for name in kinds()[kind].serializer().fields}

    assert named - set(words.ARGUMENTS) == set()


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        ("call.note", True),
        ("assignment.clear", True),
        # Made by a newer app: about a call, as others that may be read.
        ("call.telepathy", True),
        # Nobody declares anything of this sort below the clinical wall.
        ("encounter.save", False),
        ("", False),
    ],
)
def test_only_what_is_below_the_clinical_wall_is_read(kind: str, readable: bool) -> None:
    assert words.is_operational(kind) is readable


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("disposition", "HANDLED", ("Disposition", "Handled")),
        ("called_back", True, ("Caller was called back", "Yes")),
        ("note", None, ("Note", "not said")),
        ("tentacles", 8, ("tentacles", "8")),
        ("text", "HANDLED", ("Text", "HANDLED")),
    ],
)
def test_arguments_are_said_in_words(name: str, value: object, said: tuple[str, str]) -> None:
    assert words.argument(name, value) == said


def test_faults_name_the_field_in_words() -> None:
    facts = {"fields": {"text": ["This field may not be blank."], "": ["An object is expected."]}}

    assert words.faults(facts) == "Text: This field may not be blank. Report: An object is expected."
    assert words.faults({"kind": "call.note"}) == ""
