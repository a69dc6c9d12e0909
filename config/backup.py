"""
The backup process: nothing but requests for backup, so that nothing else can keep them waiting.

Web answers the same addresses when this process is away (deploy/nginx.conf.template).
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from dispatch.backup.database import Pool  # noqa: E402  models and settings are there only now
from dispatch.backup.door import Door  # noqa: E402
from dispatch.backup.watch import start_watch  # noqa: E402

_pool = Pool()
application = Door(_pool)
watch = start_watch(_pool)
