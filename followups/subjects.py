"""
What the journal keeps documents of for followups, in lock order: reports, then people, then what stands beside them.

All of it but the directory and what an agency has decided is sealed (docs/adr/0017-sealing.md).
"""

from followups.documents import clients, encounters, intakes, programmes, resources
from journal.subjects import Subject

SUBJECTS = [
    Subject(name="encounter", table="followups_encounter", documents=encounters.of_encounters, sealed=True),
    Subject(name="client", table="followups_client", documents=clients.of_clients, sealed=True),
    Subject(name="intake", table="followups_intake", documents=intakes.of_intakes, sealed=True),
    Subject(name="programme", table="followups_programme", documents=programmes.of_programmes),
    Subject(name="resource", table="followups_serviceatlocation", documents=resources.of_resources),
]
