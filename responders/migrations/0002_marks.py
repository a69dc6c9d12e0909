from django.db import migrations

from journal.triggers import mark


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_guards"), ("responders", "0001_initial")]

    operations = [
        mark("responders_unit", subject="unit", column="id"),
        mark("responders_shift", subject="unit", column="unit_id"),
        mark("responders_unit_areas", subject="unit", column="unit_id"),
        mark("responders_agency", subject="agency", column="id"),
        mark("responders_servicearea", subject="area", column="id"),
        mark("responders_openinghours", subject="area", column="area_id"),
        # A unit's document copies the names of its crew and, where it has no number of its own, the agency's smallest
        # crew. Whoever changes those marks the units; shifts.start locks the person and a new unit the agency, so that
        # none is missed between two transactions.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION responders_person_mark_units() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT DISTINCT 'unit', shift.unit_id
                    FROM new_rows JOIN old_rows USING (id) JOIN responders_shift shift ON shift.person_id = new_rows.id
                    WHERE shift.ended_at IS NULL AND new_rows.name <> old_rows.name;
                RETURN NULL;
            END $$;
            CREATE TRIGGER responders_person_mark_units AFTER UPDATE ON responders_person
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION responders_person_mark_units();

            CREATE FUNCTION responders_agency_mark_units() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id)
                    SELECT 'unit', unit.id
                    FROM new_rows JOIN old_rows USING (id) JOIN responders_unit unit ON unit.agency_id = new_rows.id
                    WHERE unit.crew_minimum IS NULL AND new_rows.crew_minimum <> old_rows.crew_minimum;
                RETURN NULL;
            END $$;
            CREATE TRIGGER responders_agency_mark_units AFTER UPDATE ON responders_agency
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION responders_agency_mark_units();

            CREATE FUNCTION responders_unit_hold_agency() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM FROM responders_agency WHERE id = NEW.agency_id FOR SHARE;
                RETURN NEW;
            END $$;
            CREATE TRIGGER responders_unit_hold_agency BEFORE INSERT ON responders_unit
                FOR EACH ROW EXECUTE FUNCTION responders_unit_hold_agency();
            """,
            reverse_sql="""
            DROP TRIGGER responders_person_mark_units ON responders_person;
            DROP FUNCTION responders_person_mark_units();
            DROP TRIGGER responders_agency_mark_units ON responders_agency;
            DROP FUNCTION responders_agency_mark_units();
            DROP TRIGGER responders_unit_hold_agency ON responders_unit;
            DROP FUNCTION responders_unit_hold_agency();
            """,
        ),
        # Withdrawn or changed access ends every session, ticket and socket, whoever changes it and by whatever means.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION responders_person_raise_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                -- Whoever saves a copy read earlier must not lower it.
                NEW.access_epoch := GREATEST(NEW.access_epoch, OLD.access_epoch);
                IF NEW.access_epoch = OLD.access_epoch AND (
                    NEW.password <> OLD.password OR NEW.email <> OLD.email OR (OLD.is_active AND NOT NEW.is_active)
                ) THEN
                    NEW.access_epoch := OLD.access_epoch + 1;
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER responders_person_raise_epoch BEFORE UPDATE ON responders_person
                FOR EACH ROW EXECUTE FUNCTION responders_person_raise_epoch();

            CREATE FUNCTION responders_role_raise_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE responders_person SET access_epoch = access_epoch + 1
                    WHERE id IN (COALESCE(NEW.person_id, OLD.person_id), COALESCE(OLD.person_id, NEW.person_id));
                RETURN NULL;
            END $$;
            CREATE TRIGGER responders_role_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON responders_role
                FOR EACH ROW EXECUTE FUNCTION responders_role_raise_epoch();
            """,
            reverse_sql="""
            DROP TRIGGER responders_person_raise_epoch ON responders_person;
            DROP FUNCTION responders_person_raise_epoch();
            DROP TRIGGER responders_role_raise_epoch ON responders_role;
            DROP FUNCTION responders_role_raise_epoch();
            """,
        ),
    ]
