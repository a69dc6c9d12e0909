from django.db import migrations

from journal.triggers import append_only, mark

_MOVES_REFERRALS = [
    ("dispatch_call", "id", "UPDATE"),
    ("dispatch_assignment", "call_id", "INSERT"),
    ("dispatch_assignment", "call_id", "UPDATE"),
]


def _mark_referrals(table: str, column: str, event: str) -> migrations.RunSQL:
    name = f"{table}_{event.lower()}_mark_referrals"
    return migrations.RunSQL(
        sql=f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO journal_mark (subject, subject_id)
                SELECT DISTINCT 'referral', referral.id
                FROM new_rows JOIN dispatch_referral referral ON referral.call_id = new_rows.{column};
            RETURN NULL;
        END $$;
        CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        """,  # noqa: S608  names from this file
        reverse_sql=f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0005_field_work")]

    operations = [
        append_only("dispatch_backupevent"),
        append_only("dispatch_message"),
        append_only("dispatch_messagemark"),
        # Each console writes its row every second; after a crash of Postgres it writes it again.
        migrations.RunSQL(
            sql="ALTER TABLE dispatch_backupconsole SET UNLOGGED, SET (fillfactor = 50)",
            reverse_sql="ALTER TABLE dispatch_backupconsole SET LOGGED, RESET (fillfactor)",
        ),
        # A press is never taken back: what can change is that it is closed.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION dispatch_backup_press_guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' OR to_jsonb(OLD) - 'closed_at' <> to_jsonb(NEW) - 'closed_at' OR OLD.closed_at IS NOT NULL
                THEN
                    RAISE EXCEPTION 'dispatch_backuppress is insert-only: % refused', TG_OP
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER dispatch_backup_press_guard BEFORE UPDATE OR DELETE ON dispatch_backuppress
                FOR EACH ROW EXECUTE FUNCTION dispatch_backup_press_guard();
            CREATE TRIGGER dispatch_backuppress_no_truncate BEFORE TRUNCATE ON dispatch_backuppress
                FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_truncate();
            """,
            reverse_sql="""
            DROP TRIGGER dispatch_backuppress_no_truncate ON dispatch_backuppress;
            DROP TRIGGER dispatch_backup_press_guard ON dispatch_backuppress;
            DROP FUNCTION dispatch_backup_press_guard();
            """,
        ),
        mark("dispatch_backup", subject="backup", column="id"),
        mark("dispatch_tandem", subject="call", column="call_id"),
        mark("dispatch_referral", subject="referral", column="id"),
        # Boards and crews see that an officer waits.
        mark("dispatch_referral", subject="call", column="call_id"),
        # How far a referral is follows from its call and from who holds it: whoever changes these changes it.
        *(_mark_referrals(table, column, event) for table, column, event in _MOVES_REFERRALS),
        mark("dispatch_message", subject="call", column="call_id"),
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION dispatch_message_mark_calls() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT DISTINCT 'call', message.call_id
                    FROM new_rows JOIN dispatch_message message ON message.id = new_rows.message_id;
                RETURN NULL;
            END $$;
            CREATE TRIGGER dispatch_message_mark_calls AFTER INSERT ON dispatch_messagemark
                REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION dispatch_message_mark_calls();
            """,
            reverse_sql="""
            DROP TRIGGER dispatch_message_mark_calls ON dispatch_messagemark;
            DROP FUNCTION dispatch_message_mark_calls();
            """,
        ),
    ]
