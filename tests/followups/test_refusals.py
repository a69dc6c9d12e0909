"""
The catalogue of noes: each has a code of its own in the whole house, a sentence, and is said somewhere.
"""

import inspect
import pkgutil
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from followups import refusals
from journal.refusals import Refusal

CATALOGUE = [
    value
    for module in pkgutil.iter_modules(refusals.__path__, f"{refusals.__name__}.")
    for _, value in inspect.getmembers(import_module(module.name), inspect.isclass)
    if issubclass(value, Refusal) and value.__module__ == module.name
]


def everywhere(refusal: type[Refusal] = Refusal) -> set[type[Refusal]]:
    return {refusal}.union(*(everywhere(kind) for kind in refusal.__subclasses__()))


@pytest.mark.parametrize("refusal", CATALOGUE, ids=lambda refusal: refusal.__name__)
def test_a_refusal_has_a_sentence_and_is_said_somewhere(refusal: type[Refusal]) -> None:
    sources = (Path(settings.BASE_DIR) / "followups").rglob("*.py")

    assert refusal.message.endswith(".")
    assert refusal.__doc__
    assert any(
        refusal.__name__ in path.read_text() for path in sources if not path.is_relative_to(Path(refusals.__path__[0]))
    )


def test_no_code_is_used_twice_in_the_house() -> None:
    codes = Counter(
        kind.code for kind in everywhere() if "code" in vars(kind) and not kind.__module__.startswith("tests.")
    )

    assert [code for code, times in codes.items() if times > 1] == []
