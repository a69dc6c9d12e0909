"""
The demo's data: loaded twice it is the same, and outside demo mode it is refused.
"""

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dispatch.models import CadKey, Policy
from journal.models import Entry
from responders.models import Agency, Person, Shift, Unit
from tablets.models import Tablet

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_second_run_changes_nothing(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = True
    key_file = tmp_path / "key"
    call_command("load_demo", key_file=key_file, verbosity=0)
    counted = [model.objects.count() for model in (Agency, Person, Unit, Shift, Tablet, CadKey, Policy)]
    key, entries = key_file.read_text(), Entry.objects.exclude(kind="areas.loaded").count()

    call_command("load_demo", key_file=key_file, verbosity=0)

    assert [model.objects.count() for model in (Agency, Person, Unit, Shift, Tablet, CadKey, Policy)] == counted
    assert key_file.read_text() == key
    assert Entry.objects.exclude(kind="areas.loaded").count() == entries
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_nobody_of_the_demo_has_a_password(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = True

    call_command("load_demo", key_file=tmp_path / "key", verbosity=0)

    assert not any(person.has_usable_password() for person in Person.objects.all())


def test_it_is_refused_outside_demo_mode(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = False

    with pytest.raises(CommandError, match="no demo"):
        call_command("load_demo", key_file=tmp_path / "key", verbosity=0)

    assert not Person.objects.exists()
