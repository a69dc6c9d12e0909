"""
Raising and ringing stand on Postgres alone: what their modules import, and what a process of theirs has loaded.
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Choices, Model

PACKAGE = Path(settings.BASE_DIR) / "dispatch" / "backup"
# What writes a press, and what rings it. filing.py comes after, in the ORM's transactions, and is called by the loop's own
# thread; outbound.py, push.py and self_test.py hang on the loop and nothing hangs on them.
PATH = ["alarms", "consoles", "database", "door", "frames", "press", "reading", "schedule", "watch"]
# A session is read with Django's own code, which wants a person to compute a hash with; none is ever loaded by it.
MODELS_WITHOUT_QUERIES = {"consoles": {"Person"}}
FOREIGN = {"redis", "celery", "channels", "channels_redis", "rest_framework", "allauth"}
DJANGO = {"django.conf", "django.contrib.auth", "django.http", "django.http.cookie", "django.utils.crypto"}
# Their imports are looked at like the path's own.
BENEATH = [Path(settings.BASE_DIR) / "tablets" / f"{name}.py" for name in ("postgres", "secrets", "origins", "times")]


def imported(source: Path, *, at_once: bool = True) -> Iterator[tuple[str, str]]:
    """
    Yield (module, name) of everything that a module imports; ``at_once`` leaves out what functions import.
    """
    tree = ast.parse(source.read_text())
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def test_every_module_of_the_path_is_looked_at() -> None:
    beside = {"__init__", "filing", "outbound", "push", "self_test"}

    assert {source.stem for source in PACKAGE.glob("*.py")} == {*PATH, *beside}


@pytest.mark.parametrize("name", PATH)
def test_no_model_is_imported_where_a_press_is_written_and_rung(name: str) -> None:
    for module, what in imported(PACKAGE / f"{name}.py"):
        found = getattr(importlib.import_module(module), what, None) if what else None
        if isinstance(found, type) and issubclass(found, Model):
            assert what in MODELS_WITHOUT_QUERIES.get(name, set()), f"{name} imports the model {what}"
        if module.split(".")[-1] == "models" and what not in MODELS_WITHOUT_QUERIES.get(name, set()):
            assert isinstance(found, type), what
            assert issubclass(found, Choices), what


@pytest.mark.parametrize("source", [*(PACKAGE / f"{name}.py" for name in PATH), *BENEATH], ids=lambda path: path.stem)
def test_nothing_of_redis_celery_or_requests_is_imported(source: Path) -> None:
    for module, _ in imported(source, at_once=False):
        top = module.split(".")[0]
        assert top not in FOREIGN, module
        assert top != "django" or module in DJANGO, module
        # Actions, doors and documents are the other side of it.
        assert not module.startswith(("dispatch.actions", "dispatch.queries", "journal.door", "journal.record")), (
            module
        )


def test_only_the_loops_start_imports_what_files_and_sends() -> None:
    later = {
        module if what == "" else f"{module}.{what}"
        for name in PATH
        for module, what in set(imported(PACKAGE / f"{name}.py", at_once=False))
        - set(imported(PACKAGE / f"{name}.py"))
    }

    assert later == {"dispatch.sweeps", *(f"dispatch.backup.{name}" for name in ("filing", "outbound", "self_test"))}
