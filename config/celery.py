"""
Celery: doorbells and the beat. Nothing is lost when a message is: whatever must happen is a row that a sweep finds.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("care_field")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
