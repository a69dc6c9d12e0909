"""
What goes outside, and the test that the path makes of itself.
"""

import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import connection
from pytest_django import Settings

from dispatch.backup import outbound, push, self_test
from dispatch.backup.database import Pool
from dispatch.backup.watch import look
from dispatch.models import BackupHook, BackupPress, BackupSelfTest, BackupSending, PushSubscription
from tests.backup.asking import Asking, Scene, events, scene
from tests.backup.test_watch import pressed
from tests.factories.subscriptions import SECRET, subscription
from tests.factories.subscriptions import point as point_of

pytestmark = pytest.mark.django_db(transaction=True)


class Gateway:
    """
    A gateway outside: what it was sent, and what it answers.
    """

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""


@contextmanager
def listening() -> Iterator[Gateway]:
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.got.append((dict(self.headers), body))
            self.send_response(gateway.answers.pop(0) if gateway.answers else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hook(here: Scene, url: str, **fields: Any) -> BackupHook:
    return BackupHook.objects.create(agency=here.of.agency, name="Paging", url=url, secret="a secret", **fields)


def test_from_30_seconds_on_a_gateway_is_told_each_step_once_and_can_tell_it_is_us(door: Asking, pool: Pool) -> None:
    here = scene()
    with listening() as gateway:
        hook(here, gateway.url)
        key = pressed(here, ago=61)
        look(pool)
        assert outbound.send_due(pool) == 2
        assert outbound.send_due(pool) == 0

    headers, body = gateway.got[0]
    moment, mac = (part.partition("=")[2] for part in headers["X-Care-Signature"].split(","))
    assert mac == hmac.new(b"a secret", f"{moment}.".encode() + body, sha256).hexdigest()
    told = [orjson.loads(body) for _, body in gateway.got]
    assert sorted(one["step"] for one in told) == [2, 3]
    assert {(one["type"], one["press"], one["unit"]) for one in told} == {("backup", key, here.of.unit.call_sign)}
    assert len(events(key, "OUTBOUND")) == 2


def test_a_gateway_that_fails_is_tried_again(door: Asking, pool: Pool) -> None:
    here = scene()
    with listening() as gateway:
        gateway.answers = [500, 302]
        hook(here, gateway.url)
        key = pressed(here, ago=31)
        look(pool)
        for _ in range(3):
            outbound.send_due(pool)
            with connection.cursor() as cursor:
                cursor.execute("UPDATE dispatch_backupsending SET next_at = now() WHERE done_at IS NULL")

    sending = BackupSending.objects.get()
    assert (sending.tries, sending.error, len(gateway.got)) == (3, "", 3)
    assert events(key, "OUTBOUND")[0].data == {"tries": 3, "error": ""}


def test_nobody_listening_is_no_error_of_ours(door: Asking, pool: Pool) -> None:
    here = scene()
    hook(here, "http://127.0.0.1:9/")
    hook(here, "file:///etc/passwd")
    pressed(here, ago=31)
    look(pool)

    assert outbound.send_due(pool) == 0
    assert {sending.done_at for sending in BackupSending.objects.all()} == {None}


def test_drills_go_only_where_they_are_wanted(door: Asking, pool: Pool) -> None:
    here = scene()
    with listening() as real, listening() as test:
        hook(here, real.url)
        hook(here, test.url, drills=True)
        BackupPress.objects.create(
            key="7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11", agency_id=here.of.agency.pk, via="web", drill=True,
            received_at=datetime.now(UTC),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dispatch_backupevent (press, kind, step, by, data)"
                " SELECT key, 'RUNG', 2, '', '{\"audience\": [\"OUTSIDE\"]}' FROM dispatch_backuppress"
            )
        outbound.send_due(pool)

    assert real.got == []
    assert orjson.loads(test.got[0][1])["type"] == "backup.test"


def test_a_browser_is_woken_by_a_message_that_only_it_can_read(door: Asking, pool: Pool, settings: Settings) -> None:
    settings.VAPID_PRIVATE_KEY = push.encoded((77).to_bytes(32, "big"))
    here, browser = scene(), ec.generate_private_key(ec.SECP256R1())
    point = point_of(browser)
    with listening() as service:
        subscription(here.dispatcher, endpoint=service.url, p256dh=push.encoded(point))
        key = pressed(here, ago=31)
        look(pool)
        outbound.send_due(pool)

    headers, body = service.got[0]
    assert orjson.loads(opened(body, browser, point, SECRET))["press"] == key
    assert headers["Content-Encoding"] == "aes128gcm"
    scheme, token, ours = headers["Authorization"].split()
    assert scheme == "vapid"
    signed_part, _, signature = token.removeprefix("t=").rstrip(",").rpartition(".")
    raw = push.decoded(signature)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), push.decoded(ours.removeprefix("k="))).verify(
        encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        signed_part.encode(),
        ec.ECDSA(hashes.SHA256()),
    )


def test_a_browser_that_took_its_wish_back_is_not_asked_again(door: Asking, pool: Pool, settings: Settings) -> None:
    settings.VAPID_PRIVATE_KEY = push.encoded((77).to_bytes(32, "big"))
    here, browser = scene(), ec.generate_private_key(ec.SECP256R1())
    point = point_of(browser)
    with listening() as service:
        service.answers = [410]
        subscription(here.dispatcher, endpoint=service.url, p256dh=push.encoded(point))
        pressed(here, ago=31)
        look(pool)
        outbound.send_due(pool)

    assert PushSubscription.objects.get().ended_at is not None
    assert BackupSending.objects.get().done_at is not None


def test_the_path_tests_itself_once_a_period_and_rings_nobody(
    door: Asking, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = scene()
    monkeypatch.setattr(self_test, "_started", -1_000_000.0)

    assert (self_test.run_when_due(pool), self_test.run_when_due(pool)) == (1, 0)
    look(pool)

    test = BackupSelfTest.objects.get()
    assert test.error == ""
    assert test.took_ms is not None
    assert test.took_ms < 10_000
    press = BackupPress.objects.get()
    assert (press.origin, press.drill, press.closed_at is not None) == ("SELF_TEST", True, True)
    assert events(str(press.key), "RUNG") == []
    answer = door.console(here.session, console="7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11").body
    assert answer["open"] == []
    assert answer["self_test"]["took_ms"] == test.took_ms

    # The next one is being made: what is known is still how the last one went.
    BackupSelfTest.objects.create(agency=test.agency, at=test.at + timedelta(minutes=5), error="")
    answer = door.console(here.session, console="7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11").body
    assert answer["self_test"]["took_ms"] == test.took_ms


def opened(body: bytes, browser: ec.EllipticCurvePrivateKey, point: bytes, auth: bytes) -> bytes:
    """
    Read a message as RFC 8291 tells a browser to.
    """
    salt, length = body[:16], body[20]
    ours = body[21 : 21 + length]
    secret = browser.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ours))

    def derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=size, salt=salt, info=info).derive(secret)

    mixed = derived(secret, auth, b"WebPush: info\x00" + point + ours, 32)
    key, nonce = (
        derived(mixed, salt, b"Content-Encoding: aes128gcm\x00", 16),
        derived(mixed, salt, b"Content-Encoding: nonce\x00", 12),
    )
    return AESGCM(key).decrypt(nonce, body[21 + length :], None).rstrip(b"\x02")
