"""
A client of the live line, and what it holds.
"""

import json
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, unix_connect

from tests.factories.tablets import ORIGIN

Frame = dict[str, Any]


def ticket(client: Client) -> str:
    """
    Return a ticket for whoever the client is.
    """
    answer = client.post("/api/live-ticket")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["ticket"])


def sync(client: Client, held: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the answer to one exchange.
    """
    answer = client.post("/api/sync", {"protocol": 1, "streams": held or {}}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


@dataclass
class Socket:
    """
    One open line.
    """

    connection: ClientConnection

    def next(self, *kinds: str, within: float = 5.0) -> Frame:
        """
        Return the next frame, of one of these kinds when some are named.
        """
        until = time.monotonic() + within
        while True:
            frame: Frame = json.loads(self.connection.recv(timeout=max(0.0, until - time.monotonic())))
            if not kinds or frame["t"] in kinds:
                return frame

    def say(self, text: str | bytes) -> None:
        """
        Send a frame as it is.
        """
        self.connection.send(text)

    def wait_closed(self, *, within: float = 8.0) -> tuple[int, list[Frame]]:
        """
        Wait for the end; return its code and the frames that came before it.
        """
        frames: list[Frame] = []
        until = time.monotonic() + within
        try:
            while True:
                frames.append(json.loads(self.connection.recv(timeout=max(0.0, until - time.monotonic()))))
        except ConnectionClosed as closed:
            # 1006 when the server went without a word.
            return 1006 if closed.rcvd is None else closed.rcvd.code, frames

    def close(self) -> None:
        """
        Hang up.
        """
        self.connection.close()


@dataclass
class Replica:
    """
    What a tablet holds: the documents of its streams, from exchanges and frames.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    documents: dict[str, dict[tuple[str, str], tuple[int, Any]]] = field(default_factory=dict)
    resets: int = 0

    def pull(self, client: Client) -> None:
        """
        Exchange until nothing is left to come, and compare digests.
        """
        while True:
            answer = sync(client, {name: self.held(name) for name in self.numbers})
            for gone in answer["dropped"]:
                self.numbers.pop(gone["stream"], None)
                self.documents.pop(gone["stream"], None)
            for name, given in answer["streams"].items():
                if given["reset"]:
                    self.resets += 1
                    self.documents[name] = {}
                self._apply(name, given["documents"])
                self.numbers[name], self.floors[name] = given["number"], given["floor"]
                if not given["more"]:
                    assert given["digest"] == self.digest(name)
                    assert given["count"] == len(self.documents[name])
            if not any(given["more"] for given in answer["streams"].values()):
                return

    def held(self, name: str) -> dict[str, Any]:
        """
        Return what an exchange says of one stream.
        """
        return {"number": self.numbers[name], "floor": self.floors[name]}

    def frame(self, frame: Frame) -> bool:
        """
        Apply a frame; False where it does not follow on what is held.
        """
        name = frame["s"]
        if frame["n"] <= self.numbers[name]:
            return True
        if frame["prev"] > self.numbers[name]:
            return False
        self._apply(name, frame["d"])
        self.numbers[name] = frame["n"]
        return True

    def digest(self, name: str) -> str:
        """
        Return the digest of what is held of a stream, computed as docs/tablet-protocol.md says.
        """
        terms = (
            int.from_bytes(sha256(f"{c}|{i}|{n}".encode()).digest()[:8], "big")
            for (c, i), (n, _) in self.documents[name].items()
        )
        return f"{sum(terms) % 2**64:016x}"

    def _apply(self, name: str, documents: list[dict[str, Any]]) -> None:
        held = self.documents.setdefault(name, {})
        for document in documents:
            if "gone" in document:
                held.pop((document["c"], document["id"]), None)
            else:
                held[document["c"], document["id"]] = (document["n"], document["b"])


@dataclass
class LiveProcess:
    """
    A live process, as production runs it.
    """

    path: str
    log: Callable[[], str]
    pid: int

    @contextmanager
    def line(self, client: Client, **options: Any) -> Any:
        """
        Open a line for whoever the client is.
        """
        socket = self.open(ticket(client), **options)
        try:
            yield socket
        finally:
            socket.close()

    def open(
        self,
        with_ticket: str | None,
        *,
        origin: str | None = ORIGIN,
        headers: dict[str, str] | None = None,
        path: str = "/live/",
        subprotocols: list[str] | None = None,
    ) -> Socket:
        """
        Open a line with a ticket.
        """
        offered = subprotocols if subprotocols is not None else ["care.1", f"ticket.{with_ticket}"]
        connection = unix_connect(
            self.path,
            uri=f"ws://localhost{path}",
            subprotocols=offered or None,
            origin=origin,
            additional_headers=headers,
            compression=None,
            ping_interval=None,
            max_size=None,
            close_timeout=2,
        )
        # Entered and never left: tests open and close lines in any order, and Socket.close() is the leaving.
        return Socket(connection.__enter__())
