from django.db import migrations

from journal.triggers import mark


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_guards"), ("responders", "0002_marks"), ("dispatch", "0001_initial")]

    operations = [
        mark("dispatch_call", subject="call", column="id"),
        mark("dispatch_answer", subject="call", column="call_id"),
        mark("dispatch_note", subject="call", column="call_id"),
        mark("dispatch_decision", subject="call", column="call_id"),
        mark("dispatch_assignment", subject="call", column="call_id"),
        mark("dispatch_outsideunit", subject="call", column="call_id"),
        mark("dispatch_alarm", subject="call", column="call_id"),
        mark("dispatch_stop", subject="call", column="call_id"),
        mark("dispatch_poach", subject="call", column="call_id"),
        mark("dispatch_handover", subject="call", column="call_id"),
        mark("dispatch_flag", subject="call", column="call_id"),
        # A unit's status is derived from its assignment.
        mark("dispatch_assignment", subject="unit", column="unit_id"),
        mark("dispatch_debrief", subject="debrief", column="id"),
        mark("dispatch_calltype", subject="call_type", column="id"),
        mark("dispatch_policy", subject="policy", column="id"),
        # By row and by column: heard_at moves with every request of a CAD, outside of any door, and no document holds it.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION journal_dispatch_cadfeed_feed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO journal_mark (subject, subject_id) VALUES ('feed', coalesce(NEW.id, OLD.id));
                RETURN NULL;
            END $$;
            CREATE TRIGGER journal_dispatch_cadfeed_feed
                AFTER INSERT OR DELETE OR UPDATE OF id, agency_id, told_at ON dispatch_cadfeed
                FOR EACH ROW EXECUTE FUNCTION journal_dispatch_cadfeed_feed();
            """,
            reverse_sql="""
            DROP TRIGGER journal_dispatch_cadfeed_feed ON dispatch_cadfeed;
            DROP FUNCTION journal_dispatch_cadfeed_feed();
            """,
        ),
    ]
