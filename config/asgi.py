"""
The live process: sockets, and the loop that rings requests for backup. HTTP is the web process' (config/wsgi.py).
"""

import os
from concurrent.futures import ThreadPoolExecutor

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.db import connections
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from dispatch.backup.database import Pool  # noqa: E402  models are there only now
from dispatch.backup.frames import Frames  # noqa: E402
from dispatch.backup.watch import start_watch  # noqa: E402
from responders.demo_people import refuse_outside_demo  # noqa: E402
from tablets.live import Live  # noqa: E402  it reads settings: only after setup()


def _check_database() -> None:
    try:
        refuse_outside_demo()
    finally:
        connections.close_all()


# The server imports this module inside its event loop, where a Django connection may not be used: a thread asks.
with ThreadPoolExecutor(max_workers=1) as _pool:
    _pool.submit(_check_database).result()

live = Live()
_frames = live.frames["backup"]
# Threads of its own: the event loop does not wait for them, nor they for it.
watch = start_watch(Pool(), heard=_frames.hear if isinstance(_frames, Frames) else None)
application = ProtocolTypeRouter(
    {
        "lifespan": live.lifespan,
        "http": live.http,
        # Channels routes to ASGI applications with Django's own path(), whose types know only views.
        "websocket": URLRouter([path("live/", live.line), re_path("", live.nowhere)]),  # type: ignore[arg-type]
    }
)
