import django.db.models.deletion
import django.db.models.functions
from django.db import migrations, models

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
    dependencies = [("followups", "0003_marks"), ("responders", "0004_field_work")]

    operations = [
        migrations.CreateModel(
            name="Shown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.Now())),
                ("entered_at", models.DateTimeField(null=True)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="followups.client"
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="responders.unit"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("entered_at__isnull", True)),
                        fields=["id"],
                        name="followups_shown_to_enter",
                    ),
                    models.Index(fields=["client"], name="followups_shown_by_client"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["at"], name="followups_contact_by_time"
            ),
        ),
        migrations.RunSQL(sql=_BEGINS, reverse_sql=_UNDO),
    ]
