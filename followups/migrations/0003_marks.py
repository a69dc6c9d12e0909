from django.db import migrations

from journal.triggers import append_only, mark


def _mark_through(
    name: str, table: str, subject: str, rows: str, *, events: tuple[str, ...]
) -> list[migrations.RunSQL]:
    """
    Return the operations that mark subjects found from a changed row; ``rows`` selects their ids from ``new_rows``.
    """
    return [
        migrations.RunSQL(
            sql=f"""
            CREATE FUNCTION {name}_{event.lower()}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id) SELECT DISTINCT '{subject}', found.id FROM ({rows}) AS found (id);
                RETURN NULL;
            END $$;
            CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION {name}_{event.lower()}();
            """,  # noqa: S608  names and statements from this file
            reverse_sql=f"DROP TRIGGER {name}_{event.lower()} ON {table}; DROP FUNCTION {name}_{event.lower()}();",
        )
        for event in events
    ]


# A crew may read of somebody while it holds a call at which they are, or was sent to visit them.
_CLIENTS_AT_CALL = """
    SELECT contact.client_id FROM new_rows JOIN followups_contact contact ON contact.call_id = new_rows.call_id
    UNION
    SELECT follow_up.client_id FROM new_rows JOIN followups_followup follow_up ON follow_up.call_id = new_rows.call_id
"""
# Two calls that turn out to be one take their assignments along.
_ENCOUNTERS_OF_ASSIGNMENT = """
    SELECT encounter.id FROM new_rows JOIN followups_encounter encounter ON encounter.assignment_id = new_rows.id
"""
_PROGRAMME_OF_CHOICE = """
    SELECT programme.id FROM new_rows JOIN followups_programme programme ON programme.agency_id = new_rows.agency_id
"""


class Migration(migrations.Migration):
    dependencies = [("followups", "0002_initial"), ("journal", "0003_receipt_lane"), ("dispatch", "0006_field_marks")]

    operations = [
        mark("followups_client", subject="client", column="id"),
        *(
            mark(f"followups_{table}", subject="client", column="client_id")
            for table in (
                "clientname",
                "contactway",
                "strategy",
                "clientcaution",
                "careplan",
                "contact",
                "breakglass",
                "consent",
                "plan",
                "followup",
                "attempt",
                "move",
                "carereferral",
                "carereferralstep",
                "met",
            )
        ),
        mark("followups_encounter", subject="encounter", column="id"),
        mark("followups_mandatedreport", subject="encounter", column="encounter_id"),
        mark("followups_intake", subject="intake", column="id"),
        mark("followups_programme", subject="programme", column="id"),
        *_mark_through(
            "followups_choice_marks_programme",
            "followups_choice",
            "programme",
            _PROGRAMME_OF_CHOICE,
            events=("INSERT", "UPDATE"),
        ),
        *_mark_through(
            "followups_assignment_marks_clients",
            "dispatch_assignment",
            "client",
            _CLIENTS_AT_CALL,
            events=("INSERT", "UPDATE"),
        ),
        *_mark_through(
            "followups_assignment_marks_encounters",
            "dispatch_assignment",
            "encounter",
            _ENCOUNTERS_OF_ASSIGNMENT,
            events=("UPDATE",),
        ),
        append_only("followups_signing", sealed=("body",)),
        append_only("followups_addendum", sealed=("text",)),
        append_only("followups_disclosure", sealed=("recipient", "purpose", "body")),
    ]
