"""
Web push: a message sealed to one browser (RFC 8291, aes128gcm of RFC 8188), signed as ours (VAPID, RFC 8292).
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_RECORD: Final = 4096
_TOKEN_LIFE: Final = timedelta(hours=12)
_CURVE = ec.SECP256R1()


def decoded(text: str) -> bytes:
    """
    Return what base64 for addresses says, with or without its padding.
    """
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    """
    Return bytes in base64 for addresses, without padding.
    """
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def sealed(message: bytes, *, p256dh: str, auth: str) -> bytes:
    """
    Return a message that only the browser with these keys can read.

    :raises ValueError: the browser's keys are none.
    """
    theirs = decoded(p256dh)
    receiver = point_of(p256dh)
    sender = ec.generate_private_key(_CURVE)
    ours = _point(sender.public_key())
    secret = sender.exchange(ec.ECDH(), receiver)
    mixed = _derived(secret, salt=decoded(auth), info=b"WebPush: info\x00" + theirs + ours, length=32)
    salt = os.urandom(16)
    key = _derived(mixed, salt=salt, info=b"Content-Encoding: aes128gcm\x00", length=16)
    nonce = _derived(mixed, salt=salt, info=b"Content-Encoding: nonce\x00", length=12)
    # One record, the last: its end is marked by 2.
    text = AESGCM(key).encrypt(nonce, message + b"\x02", None)
    return salt + _RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours + text


def point_of(p256dh: str) -> ec.EllipticCurvePublicKey:
    """
    Return the public key of a browser.

    :raises ValueError: it is none.
    """
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(p256dh))


def signature(endpoint: str, *, private_key: str, contact: str, at: datetime) -> str:
    """
    Return the Authorization header by which a push service knows us.

    :raises ValueError: the private key is none.
    """
    parts = urlsplit(endpoint)
    own = ec.derive_private_key(int.from_bytes(decoded(private_key), "big"), _CURVE)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((at + _TOKEN_LIFE).timestamp()),
        "sub": contact,
    }
    head = encoded(orjson.dumps({"typ": "JWT", "alg": "ES256"}))
    signed = f"{head}.{encoded(orjson.dumps(claims))}"
    r, s = decode_dss_signature(own.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{signed}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={public_key(private_key)}"


def public_key(private_key: str) -> str:
    """
    Return the public key that pages subscribe with.

    :raises ValueError: the private key is none.
    """
    own = ec.derive_private_key(int.from_bytes(decoded(private_key), "big"), _CURVE)
    return encoded(_point(own.public_key()))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
