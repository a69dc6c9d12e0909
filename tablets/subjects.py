"""
What the journal keeps documents of.
"""

from journal.subjects import Subject
from tablets import documents

SUBJECTS: list[Subject] = [
    Subject(name="tablet", table="tablets_tablet", documents=documents.of_tablets),
]
