"""
Every kind of followups is sealed, and what its arguments are read as is what its action takes.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from journal.kinds import kinds

SHIPPED: list[dict[str, Any]] = json.loads(
    (Path(settings.BASE_DIR) / "tests" / "vectors" / "shipped_kinds.json").read_text()
)
OURS = {name: kind for name, kind in kinds().items() if kind.serializer.__module__.startswith("followups.")}


@pytest.mark.parametrize(
    "entry", [entry for entry in SHIPPED if entry["kind"] in OURS], ids=lambda entry: entry["kind"]
)
def test_an_action_takes_what_its_arguments_are_read_as(entry: dict[str, Any]) -> None:
    kind = OURS[entry["kind"]]
    given = kind.read(kind.upcast(entry["args"], version=entry["v"]))

    # Raises where the two do not fit; a door would answer 500.
    bound = inspect.signature(kind.act).bind(by=None, at=None, happened_at=None, **given)
    assert given.keys() <= bound.kwargs.keys()


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_kind_is_sealed(name: str) -> None:
    assert OURS[name].sealed
