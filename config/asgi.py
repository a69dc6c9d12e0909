"""
The live process: sockets, and nothing else. HTTP is the web process' (config/wsgi.py).
"""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from tablets.live import Live  # noqa: E402  it reads settings: only after setup()

live = Live()
application = ProtocolTypeRouter(
    {
        "lifespan": live.lifespan,
        "http": live.http,
        # Channels routes to ASGI applications with Django's own path(), whose types know only views.
        "websocket": URLRouter([path("live/", live.line), re_path("", live.nowhere)]),  # type: ignore[arg-type]
    }
)
