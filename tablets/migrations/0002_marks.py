from django.db import migrations

from journal.triggers import mark


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_guards"), ("responders", "0002_marks"), ("tablets", "0001_initial")]

    operations = [
        mark("tablets_tablet", subject="tablet", column="id"),
        mark("tablets_signon", subject="tablet", column="tablet_id"),
        # A tablet's document copies its unit's call sign and the names of who is signed on. Whoever changes those marks
        # the tablets. Pairing locks the unit and signing on the person, so that none is missed between two transactions.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION tablets_unit_mark_tablets() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT 'tablet', tablet.id
                    FROM new_rows JOIN old_rows USING (id) JOIN tablets_tablet tablet ON tablet.unit_id = new_rows.id
                    WHERE new_rows.call_sign <> old_rows.call_sign;
                RETURN NULL;
            END $$;
            CREATE TRIGGER tablets_unit_mark_tablets AFTER UPDATE ON responders_unit
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION tablets_unit_mark_tablets();

            CREATE FUNCTION tablets_person_mark_tablets() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT DISTINCT 'tablet', signon.tablet_id
                    FROM new_rows JOIN old_rows USING (id)
                    JOIN responders_shift shift ON shift.person_id = new_rows.id
                    JOIN tablets_signon signon ON signon.shift_id = shift.id AND signon.ended_at IS NULL
                    WHERE new_rows.name <> old_rows.name;
                RETURN NULL;
            END $$;
            CREATE TRIGGER tablets_person_mark_tablets AFTER UPDATE ON responders_person
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION tablets_person_mark_tablets();
            """,
            reverse_sql="""
            DROP TRIGGER tablets_unit_mark_tablets ON responders_unit;
            DROP FUNCTION tablets_unit_mark_tablets();
            DROP TRIGGER tablets_person_mark_tablets ON responders_person;
            DROP FUNCTION tablets_person_mark_tablets();
            """,
        ),
    ]
