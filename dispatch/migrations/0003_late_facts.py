import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

_ALARMS = [
    ("NOT_DELIVERED", "Not Delivered"),
    ("NOT_ACKNOWLEDGED", "Not Acknowledged"),
    ("REASSIGNABLE", "Reassignable"),
    ("STOP_NOT_ACKNOWLEDGED", "Stop Not Acknowledged"),
    ("POACH_NOT_CONFIRMED", "Poach Not Confirmed"),
    ("POACH_REJECTED", "Poach Rejected"),
    ("POLICE_ASSIGNED", "Police Assigned"),
    ("HANDED_BACK", "Handed Back"),
    ("CAD_CLOSED_UNDER_UNIT", "Cad Closed Under Unit"),
    ("LEFT_WITH_DESK", "Left With Desk"),
    ("CONTESTED", "Contested"),
    ("UNASSIGNED_ON_SCENE", "Unassigned On Scene"),
]


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0002_marks"), ("responders", "0003_lives")]

    operations = [
        migrations.AddField(
            model_name="flag",
            name="unit",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="responders.unit"
            ),
        ),
        migrations.AddField(
            model_name="flag", name="settling_note", field=models.CharField(blank=True, max_length=400)
        ),
        migrations.AlterField(model_name="alarm", name="kind", field=models.CharField(choices=_ALARMS, max_length=30)),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                fields=["code", "at"], condition=Q(resolved_at__isnull=True), name="dispatch_flag_open"
            ),
        ),
    ]
