"""
What the journal keeps documents of, in lock order. Units are declared by dispatch, which knows what they are doing.
"""

from journal.subjects import Subject
from responders import documents

SUBJECTS: list[Subject] = [
    Subject(name="agency", table="responders_agency", documents=documents.of_agencies),
    Subject(name="area", table="responders_servicearea", documents=documents.of_areas),
]
