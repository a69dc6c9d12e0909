"""
What is behind the clinical wall is sealed because it is declared so, and nothing there is forgotten.
"""

from django.apps import apps
from django.db import models

from followups.fields import sealed_fields
from followups.models.sealed_row import SealedRow
from journal.kinds import kinds
from journal.subjects import subjects

# What says nothing about anybody whom a crew met.
ABOUT_NOBODY = {
    "programme": "an agency's own rules and choices",
    "resource": "the directory of services",
}


def test_every_kind_behind_the_wall_is_sealed() -> None:
    behind = {name: kind for name, kind in kinds().items() if kind.act.__module__.startswith("followups.")}

    assert behind
    assert [name for name, kind in behind.items() if not kind.sealed] == []


def test_every_subject_behind_the_wall_is_sealed_or_about_nobody() -> None:
    behind = {name: subject for name, subject in subjects().items() if subject.table.startswith("followups_")}

    assert {name for name, subject in behind.items() if not subject.sealed} == set(ABOUT_NOBODY)


def test_a_row_that_can_hold_words_about_somebody_holds_them_sealed() -> None:
    """
    Nothing of a sealed row is longer than a code or a label, unless it is sealed.
    """
    for model in apps.get_app_config("followups").get_models():
        if issubclass(model, SealedRow):
            words = {
                field.name
                for field in model._meta.concrete_fields
                if isinstance(field, models.TextField | models.JSONField)
            }
            assert words == {field.name for field in sealed_fields(model)}, model
