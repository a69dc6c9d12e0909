"""
What the journal keeps documents of: declared by each app, listed in ``settings.JOURNAL_SUBJECTS``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string


class Held(NamedTuple):
    """
    What the readers of one stream hold of a subject.
    """

    stream: str
    collection: str
    id: str
    subject_id: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """
    A kind of thing whose changes make documents.

    ``table`` is the table whose row is the subject's lock. ``documents`` takes ids and yields everything that every
    stream holds of those subjects; it reads only rows that the lock covers, and no clock. Ids that are gone yield nothing.
    ``sealed``: nobody may read its documents from the database (journal/sealing.py); its readers get them as any other.
    """

    name: str
    table: str
    documents: Callable[[Sequence[int]], Iterable[Held]]
    sealed: bool = False


@cache
def subjects() -> dict[str, Subject]:
    """
    Return the declared subjects by name, in lock order.
    """
    declared: list[Subject] = [subject for path in settings.JOURNAL_SUBJECTS for subject in import_string(path)]
    return {subject.name: subject for subject in declared}


@cache
def sealed_subjects() -> frozenset[str]:
    """
    Return the names of the subjects whose documents are sealed.
    """
    return frozenset(name for name, subject in subjects().items() if subject.sealed)
