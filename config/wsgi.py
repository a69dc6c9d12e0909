"""
The web process: HTTP through WSGI threads. Requests for backup pass Django by, and their loop runs here too.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_wsgi_application()

from dispatch.backup.database import Pool  # noqa: E402  models and settings are there only now
from dispatch.backup.door import Door, in_front_of  # noqa: E402
from dispatch.backup.watch import start_watch  # noqa: E402
from responders.demo_people import refuse_outside_demo  # noqa: E402

refuse_outside_demo()

_pool = Pool()
application = in_front_of(_django, Door(_pool))
watch = start_watch(_pool)
