"""
Celery: doorbells and the beat. Nothing is lost when a message is: whatever must happen is a row that a sweep finds.
"""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("care_field")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A ring that nobody heard in time is worth nothing: the next one finds the same rows.
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 1)}}


app.conf.beat_schedule = {
    "raise-due-alarms": _every(1, "dispatch.tasks.raise_due_alarms"),
    "ask-for-welfare-backup": _every(1, "dispatch.tasks.ask_for_welfare_backup"),
    "put-away-referrals": _every(3600, "dispatch.tasks.put_away_referrals"),
    "close-idle-accounts": _every(3600, "responders.tasks.close_idle_accounts"),
    "forget-sign-ins": _every(3600, "responders.tasks.forget_sign_ins"),
    "forget-tracks": _every(3600, "responders.tasks.forget_tracks"),
    "forget-attachments": _every(3600, "tablets.tasks.forget_attachments"),
    "make-follow-ups-due": _every(60, "followups.tasks.make_follow_ups_due"),
    "tell-late-follow-ups": _every(60, "followups.tasks.tell_late_follow_ups"),
    "escalate-follow-ups": _every(60, "followups.tasks.escalate_follow_ups"),
    "sweep-intakes": _every(10, "followups.tasks.sweep_intakes"),
    "make-digests": _every(600, "followups.tasks.make_digests"),
    "send-reminders": _every(60, "followups.tasks.send_reminders"),
    "tell-overdue-reports": _every(60, "followups.tasks.tell_overdue_reports"),
    "tell-mandated-reports": _every(60, "followups.tasks.tell_mandated_reports"),
    "link-callers": _every(10, "followups.tasks.link_callers"),
    "tell-cautions": _every(10, "followups.tasks.tell_cautions"),
    "enter-shown": _every(30, "followups.tasks.enter_shown"),
    "see-familiar": _every(3600, "followups.tasks.see_familiar"),
    "make-survey-periods": _every(3600, "followups.tasks.make_survey_periods"),
    "sweep-tombstones": _every(3600, "journal.tasks.sweep_tombstones"),
}
