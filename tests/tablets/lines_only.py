"""
The live process without what runs by itself, for a process that many tests share: one that rings, files and looks for what
is due would write into the database of whichever test is on, and while it is emptied for the next.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# Both read models or settings, which are there only after setup().
from config.sockets import routed  # noqa: E402
from tablets.live import Live  # noqa: E402

application = routed(Live())
