"""
Hints reach the live processes, and nobody ever waits for them.
"""

import asyncio
from time import monotonic, sleep
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from journal import hints


@pytest.fixture
def layer() -> RedisPubSubChannelLayer:
    config: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    return RedisPubSubChannelLayer(**config)


async def test_a_hint_says_how_far_its_streams_are(layer: RedisPubSubChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add(hints.GROUP, channel)

    hints.offer({"unit.7": 12})

    message = await asyncio.wait_for(layer.receive(channel), 3)
    assert message == {"type": "journal.hint", "streams": {"unit.7": 12}}


def test_offering_never_waits_when_redis_is_gone(settings: object) -> None:
    gone = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1"]}}
    settings.CHANNEL_LAYERS = {"default": gone}  # type: ignore[attr-defined]
    channel_layers.backends = {}
    try:
        slowest = 0.0
        for number in range(hints.QUEUE_LENGTH * 2):
            began = monotonic()
            hints.offer({"unit.7": number})
            slowest = max(slowest, monotonic() - began)
        sleep(0.5)
    finally:
        channel_layers.backends = {}

    # The bound is generous for a busy machine; waiting for Redis would take its 0.2 s, 2,000 times over.
    assert slowest < 0.1
