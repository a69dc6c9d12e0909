from django.db import migrations

from journal.triggers import append_only, mark


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0005_field_work")]

    operations = [
        append_only("dispatch_backupevent"),
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
