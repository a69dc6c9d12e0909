from django.db import migrations

from journal.triggers import append_only


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]

    operations = [
        # Marks live inside one transaction: nobody else ever sees a row, and a crash leaves none worth keeping.
        migrations.RunSQL(
            sql="""
            CREATE UNLOGGED TABLE journal_mark (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                subject text NOT NULL,
                subject_id bigint NOT NULL
            );
            CREATE FUNCTION journal_refuse_unflushed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT FROM journal_mark WHERE id = NEW.id) THEN
                    RAISE EXCEPTION 'unflushed change of % %: write through a door (journal/door.py)',
                        NEW.subject, NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER journal_mark_is_flushed AFTER INSERT ON journal_mark
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_refuse_unflushed();

            CREATE FUNCTION journal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
                    USING ERRCODE = 'insufficient_privilege';
            END $$;
            CREATE FUNCTION journal_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF coalesce(current_setting('journal.allow_truncate', true), '') <> 'on' THEN
                    RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NULL;
            END $$;
            """,
            reverse_sql="""
            DROP TABLE journal_mark;
            DROP FUNCTION journal_refuse_unflushed();
            DROP FUNCTION journal_refuse_change();
            DROP FUNCTION journal_refuse_truncate();
            """,
        ),
        append_only("journal_entry"),
        # A stream's row is rewritten with every change: room on the page keeps those updates off the index.
        migrations.RunSQL(
            sql="ALTER TABLE journal_stream SET (fillfactor = 50)",
            reverse_sql="ALTER TABLE journal_stream RESET (fillfactor)",
        ),
    ]
