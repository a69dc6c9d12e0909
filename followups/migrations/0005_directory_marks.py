from django.db import migrations

from journal.triggers import mark

# Whatever a line of the directory shows marks it: what it is at, what it is of, and what hangs on any of these.
_OF_SERVICE = "SELECT place.id FROM rows JOIN followups_serviceatlocation place ON place.service_id = rows.{column}"
_OF_LOCATION = "SELECT place.id FROM rows JOIN followups_serviceatlocation place ON place.location_id = rows.{column}"
_OF_ORGANIZATION = """
    SELECT place.id FROM rows JOIN followups_service service ON service.organization_id = rows.{column}
      JOIN followups_serviceatlocation place ON place.service_id = service.id
"""
_ITSELF = "SELECT rows.service_at_location_id FROM rows WHERE rows.service_at_location_id IS NOT NULL"
_BY_ID = {"column": "id"}

_OLD_AND_NEW = {
    "INSERT": ("NEW TABLE AS new_rows", "SELECT * FROM new_rows"),
    "UPDATE": (
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows",
    ),
    "DELETE": ("OLD TABLE AS old_rows", "SELECT * FROM old_rows"),
}


def _mark_places(
    table: str, *found: str, events: tuple[str, ...] = ("INSERT", "UPDATE", "DELETE")
) -> list[migrations.RunSQL]:
    """
    Return the operations that mark the places which ``found`` selects from the changed rows of a table.
    """
    operations = []
    for event in events:
        transition, rows = _OLD_AND_NEW[event]
        name = f"followups_{table}_marks_resources_{event.lower()}"
        operations.append(
            migrations.RunSQL(
                sql=f"""
                CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO journal_mark (subject, subject_id)
                        WITH rows AS ({rows}) SELECT DISTINCT 'resource', found.id FROM ({" UNION ".join(found)}) AS found (id);
                    RETURN NULL;
                END $$;
                CREATE TRIGGER {name} AFTER {event} ON followups_{table} REFERENCING {transition}
                    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
                """,  # noqa: S608  names and statements from this file
                reverse_sql=f"DROP TRIGGER {name} ON followups_{table}; DROP FUNCTION {name}();",
            )
        )
    return operations


class Migration(migrations.Migration):
    dependencies = [("followups", "0004_shown"), ("journal", "0003_receipt_lane")]

    operations = [
        mark("followups_serviceatlocation", subject="resource", column="id"),
        # Nobody's place is at what has just been made, and nothing that has a place can be deleted.
        *_mark_places("service", _OF_SERVICE.format(**_BY_ID), events=("UPDATE",)),
        *_mark_places("location", _OF_LOCATION.format(**_BY_ID), events=("UPDATE",)),
        *_mark_places("organization", _OF_ORGANIZATION.format(**_BY_ID), events=("UPDATE",)),
        *_mark_places(
            "phone",
            _ITSELF,
            _OF_SERVICE.format(column="service_id"),
            _OF_LOCATION.format(column="location_id"),
            _OF_ORGANIZATION.format(column="organization_id"),
        ),
        *_mark_places(
            "schedule",
            _ITSELF,
            _OF_SERVICE.format(column="service_id"),
            _OF_LOCATION.format(column="location_id"),
        ),
        *_mark_places("language", _OF_SERVICE.format(column="service_id"), _OF_LOCATION.format(column="location_id")),
        *_mark_places("serviceneed", _OF_SERVICE.format(column="service_id")),
        # Only a new name is news: every import writes this row.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION followups_directorysource_marks_resources() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT 'resource', place.id FROM new_rows JOIN old_rows USING (id)
                      JOIN followups_serviceatlocation place ON place.source_id = new_rows.id
                     WHERE new_rows.name <> old_rows.name;
                RETURN NULL;
            END $$;
            CREATE TRIGGER followups_directorysource_marks_resources AFTER UPDATE ON followups_directorysource
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION followups_directorysource_marks_resources();
            """,
            reverse_sql="""
            DROP TRIGGER followups_directorysource_marks_resources ON followups_directorysource;
            DROP FUNCTION followups_directorysource_marks_resources();
            """,
        ),
    ]
