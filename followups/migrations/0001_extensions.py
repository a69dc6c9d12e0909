from django.contrib.postgres.operations import CreateExtension, TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    # Both are trusted extensions: whoever owns the database may create them.
    dependencies = [("dispatch", "0006_field_marks")]

    operations = [TrigramExtension(), CreateExtension("fuzzystrmatch")]
