from django.db import migrations

# When a body begins to stand in a unit's stream, or stands there again: not each time that it changes. The conditions are
# looked at before any function is called, so that other subjects' documents pay a comparison.
_BEGINS = """
CREATE FUNCTION followups_document_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO followups_shown (client_id, unit_id) VALUES (NEW.subject_id, split_part(NEW.stream, '.', 2)::bigint);
    RETURN NULL;
END $$;
CREATE TRIGGER followups_document_shown_first AFTER INSERT ON journal_document FOR EACH ROW
    WHEN (NEW.subject = 'client' AND NEW.collection = 'client' AND NEW.body IS NOT NULL AND NEW.stream LIKE 'unit.%')
    EXECUTE FUNCTION followups_document_shown();
CREATE TRIGGER followups_document_shown_again AFTER UPDATE ON journal_document FOR EACH ROW
    WHEN (NEW.subject = 'client' AND NEW.collection = 'client' AND OLD.body IS NULL AND NEW.body IS NOT NULL
          AND NEW.stream LIKE 'unit.%')
    EXECUTE FUNCTION followups_document_shown();
"""
_UNDO = """
DROP TRIGGER followups_document_shown_again ON journal_document;
DROP TRIGGER followups_document_shown_first ON journal_document;
DROP FUNCTION followups_document_shown();
"""


class Migration(migrations.Migration):
    dependencies = [("followups", "0003_marks")]

    operations = [migrations.RunSQL(sql=_BEGINS, reverse_sql=_UNDO)]
