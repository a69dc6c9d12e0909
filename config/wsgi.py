"""
The web process: HTTP through WSGI threads.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from responders.demo_people import refuse_outside_demo  # noqa: E402  models are there only now

refuse_outside_demo()
