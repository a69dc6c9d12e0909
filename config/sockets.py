"""
Where the live process' requests go. Apart from config/asgi.py, which also starts what runs by itself.
"""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

from tablets.live import Live


def routed(live: Live) -> ProtocolTypeRouter:
    """
    Return the application of a live process: sockets go to their lines, and there is nothing else.
    """
    return ProtocolTypeRouter(
        {
            "lifespan": live.lifespan,
            "http": live.http,
            # Channels routes to ASGI applications with Django's own path(), whose types know only views.
            "websocket": URLRouter([path("live/", live.line), re_path("", live.nowhere)]),  # type: ignore[arg-type]
        }
    )
