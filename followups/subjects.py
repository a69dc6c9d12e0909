"""
What the journal keeps documents of for followups, in lock order: reports, then people, then what stands beside them.

All of it but the directory and what an agency has decided is sealed (docs/adr/0017-sealing.md).
"""

from followups.documents import clients
from journal.subjects import Subject

SUBJECTS = [
    Subject(name="client", table="followups_client", documents=clients.of_clients, sealed=True),
]
