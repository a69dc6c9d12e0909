"""
What the hub is measured against: a bare ASGI loop, and a Channels consumer with group_send, as its tutorial has it.
"""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  both need setup() first

from tablets.hub import Message, Send  # noqa: E402
from tablets.live import Receive, Scope  # noqa: E402

_GROUP = "bench"
_FRAME = json.dumps(
    {
        "t": "frame",
        "s": "area.1",
        "prev": 1,
        "n": 2,
        "d": [{"c": "call", "id": "1", "b": os.environ.get("BENCH_PADDING", "")}],
    },
    separators=(",", ":"),
)
_sockets: set[Send] = set()


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """
    Hold sockets, and send one message to each in a plain loop whenever a socket to /go asks for it.
    """
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/go":
        message: Message = {"type": "websocket.send", "text": _FRAME}
        while (await receive())["type"] != "websocket.disconnect":
            for each in [*_sockets]:
                await each(message)
        return
    _sockets.add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _sockets.discard(send)


class _Tablet(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    async def connect(self) -> None:
        await self.accept()
        if self.scope["path"] != "/go":
            await self.channel_layer.group_add(_GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(_GROUP, {"type": "bench.frame", "text": _FRAME})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(_GROUP, self.channel_name)

    async def bench_frame(self, event: Message) -> None:
        await self.send(text_data=event["text"])


channels = _Tablet.as_asgi()
