"""
Every table either marks a subject when it changes, or says here why it need not.
"""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from journal.subjects import subjects

APPS = ("responders", "tablets", "dispatch", "followups", "dashboard")

NO_DOCUMENT = {
    "responders_position": "ephemeral: read by its own endpoint, coalesced, no document",
    "responders_trackpoint": "ephemeral: kept for a while, read by nobody's screen",
    "responders_role": "decides which streams a person hears, asked anew every three seconds; in no body",
    "responders_signinguard": "counts failed sign-ins; the supervisor's page reads it",
    "tablets_attachmentpart": "bytes on their way; their attachment says when they are of use",
    "tablets_attachmentcontent": "fetched by its own address; its attachment marks the calls",
    "tablets_backupkey": "a secret's hash, written on the way of a request for backup",
    "tablets_contact": "written with every request; screens read it by its own endpoint",
    "tablets_pairingcode": "a one-time secret, shown once to whoever made it",
    "tablets_installation": "a lane's place and what a tablet reports of itself; its pages ask for it",
    "tablets_epoch": "goes with every exchange",
    "tablets_quarantined": "in nobody's stream; the supervisor's page asks for it",
    "tablets_removal": "the proof that a stream was erased; its pages ask for it",
    "tablets_purge": "the proof that a store was erased; its pages ask for it",
    "tablets_ticket": "a one-time secret, never shown",
    "dispatch_cadkey": "a secret's hash; the admin only",
    "dispatch_intakekey": "a secret's hash; the admin only",
    "dispatch_cadrevision": "what CAD sent, kept as it came; its effect is on the call",
    "dispatch_cadmessage": "read by CAD; its effect is on the poach",
    "dispatch_backuppress": "the path of backup: no marks; filed as dispatch_backup afterwards",
    "dispatch_backupevent": "the path of backup: no marks; filed as dispatch_backup afterwards",
    "dispatch_backupconsole": "written by every console each second; consoles read it",
    "dispatch_backuphook": "an address outside; the admin only",
    "dispatch_pushsubscription": "a browser that wants to be woken; read by nobody's screen",
    "dispatch_backupsending": "what is still to be sent outside; its end is on the timeline of the press",
    "dispatch_backupselftest": "how the path tested itself; consoles ask for it",
    "dispatch_caution": "copied onto calls at a stated moment",
    "followups_addendum": "a signed report is in nobody's stream; who may read it asks for it",
    "followups_directoryrecord": "what the directory keeps of its source, whole; its documents are of services at locations",
    "followups_disclosure": "the accounting of what was let out; read with the record",
    "followups_merge": "how records were put together; what it moved marks them",
    "followups_overtaken": "what a report did not take up; who may read the report asks for it",
    "followups_reminder": "what is still to be sent; its text says how many",
    "followups_shown": "whose record began to stand on which unit's tablets; an entry says it",
    "followups_signing": "what was signed, as it was signed; who may read the report asks for it",
    "followups_surveycode": "a one-time secret's hash",
    "followups_surveyanswer": "anonymous; shown only as sums",
    "followups_surveyperiod": "the sums of it; the page asks for them",
}


def tables() -> list[str]:
    models = [model for label in APPS for model in apps.get_app_config(label).get_models(include_auto_created=True)]
    return sorted({model._meta.db_table for model in models if model._meta.managed})


def marked_tables() -> dict[str, set[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND p.prosrc LIKE '%journal_mark%'"
            " AND c.relname <> 'journal_mark'"
        )
        marked: dict[str, set[str]] = {}
        for table, source in cursor.fetchall():
            marked.setdefault(table, set()).update(name for name in subjects() if f"'{name}'" in source)
    return marked


@pytest.mark.django_db
def test_every_table_marks_a_subject_or_says_why_not() -> None:
    silent = {table for table in tables() if table not in marked_tables()}

    assert silent - set(NO_DOCUMENT) == set(), "these tables change without anybody's documents following"
    assert set(NO_DOCUMENT) - silent == set(), "these tables do mark a subject: take them off the list"


@pytest.mark.django_db
def test_every_subject_is_marked_by_its_own_table() -> None:
    marked = marked_tables()

    for subject in subjects().values():
        assert subject.name in marked[subject.table]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("subject", sorted(subjects()))
def test_an_unflushed_mark_of_any_subject_fails_at_commit(subject: str) -> None:
    with pytest.raises(IntegrityError, match=f"unflushed change of {subject}"), transaction.atomic():
        connection.cursor().execute("INSERT INTO journal_mark (subject, subject_id) VALUES (%s, 1)", [subject])
