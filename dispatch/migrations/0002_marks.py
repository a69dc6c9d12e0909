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
        mark("dispatch_cadfeed", subject="feed", column="id"),
    ]
