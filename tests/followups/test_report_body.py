"""
What a report's body says beyond what is typed into it.
"""

import pytest
from rest_framework.exceptions import ValidationError

from tests.factories.encounters import body, clean, new


def test_a_body_says_which_positions_were_given_only_where_what_stands_there_does_not() -> None:
    typed = clean(body({**new("Jo"), "next": 2}, next=3))

    assert (typed["next"], typed["met"][0]["next"]) == (3, 2)
    assert "next" not in clean(body(new("Jo")))
    assert "next" not in clean(body(new("Jo")))["met"][0]


@pytest.mark.parametrize("wrong", [-1, 101, "3", True])
def test_a_position_that_there_is_not_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        clean(body(new("Jo"), next=wrong))
