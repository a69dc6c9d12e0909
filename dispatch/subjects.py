"""
What the journal keeps documents of for dispatch, in lock order: call, then unit, then what hangs on them.
"""

from dispatch import backup_documents, documents, referral_documents
from journal.subjects import Subject

SUBJECTS = [
    Subject(name="call", table="dispatch_call", documents=documents.of_calls),
    Subject(name="unit", table="responders_unit", documents=documents.of_units),
    Subject(name="referral", table="dispatch_referral", documents=referral_documents.of_referrals),
    Subject(name="backup", table="dispatch_backup", documents=backup_documents.of_backups),
    Subject(name="debrief", table="dispatch_debrief", documents=documents.of_debriefs),
    Subject(name="call_type", table="dispatch_calltype", documents=documents.of_call_types),
    Subject(name="policy", table="dispatch_policy", documents=documents.of_policies),
    Subject(name="feed", table="dispatch_cadfeed", documents=documents.of_feeds),
]
