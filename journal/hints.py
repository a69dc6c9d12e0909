"""
Hints: "stream S is at N", said to the live processes after the commit, and allowed to be lost.

Nothing in the command path waits for Redis: ``offer()`` puts the hint in a bounded queue and returns; one background
thread sends, with a short time limit and no retries. The hub also looks into Postgres by itself, so that pushes go on,
slower, without any hint.
"""

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Mapping

from channels.layers import get_channel_layer

GROUP = "journal.hints"
SEND_SECONDS = 0.2
QUEUE_LENGTH = 1_000

_log = logging.getLogger(__name__)


class _Sender:
    def __init__(self) -> None:
        self._waiting: queue.Queue[dict[str, int]] = queue.Queue(QUEUE_LENGTH)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def offer(self, numbers: dict[str, int]) -> None:
        self._ensure_thread()
        try:
            self._waiting.put_nowait(numbers)
        except queue.Full:
            _log.info("hint dropped: the queue is full")

    def _ensure_thread(self) -> None:
        # A forked worker inherits the object but not the thread.
        if self._thread is not None and self._thread.is_alive() and self._pid == os.getpid():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="journal-hints", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        while True:
            numbers = self._waiting.get()
            while not self._waiting.empty():
                numbers = numbers | self._waiting.get_nowait()
            try:
                loop.run_until_complete(asyncio.wait_for(self._send(numbers), SEND_SECONDS))
            except Exception as error:  # noqa: BLE001  whatever Redis does, the thread goes on
                _log.info("hint dropped: %s", type(error).__name__)

    async def _send(self, numbers: dict[str, int]) -> None:
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_send(GROUP, {"type": "journal.hint", "streams": numbers})


_sender = _Sender()


def offer(numbers: Mapping[str, int]) -> None:
    """
    Say that these streams have reached these numbers, without waiting and without a promise.
    """
    _sender.offer(dict(numbers))
