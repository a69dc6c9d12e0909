"""
The live process: sockets, and the loop that rings requests for backup. HTTP is the web process' (config/wsgi.py).
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# All of these read models or settings, which are there only after setup().
from config.sockets import routed  # noqa: E402
from dispatch.backup.database import Pool  # noqa: E402
from dispatch.backup.frames import Frames  # noqa: E402
from dispatch.backup.watch import start_watch  # noqa: E402
from responders.demo_people import refuse_outside_demo  # noqa: E402
from tablets.hub import Send  # noqa: E402
from tablets.live import Live, Receive, Scope  # noqa: E402


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
_routed = routed(live)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """
    Serve sockets until the server ends, and let what runs by itself finish what it is at before it does.
    """

    async def told() -> dict[str, Any]:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(watch.stop)
        return message

    await _routed(scope, told if scope["type"] == "lifespan" else receive, send)
