"""
What a tablet keeps and what it sends is closed, and here are the keys (docs/adr/0012-keys-of-tablets.md).

Documents on a tablet are under a key that the server releases for the lease and that no table holds: it is computed from a
secret of the settings. Arguments of actions are sealed on the tablet to a public key of the server's, so that a queue can
be sent long after the lease has ended, and be read by nobody on the way.
"""

import binascii
import hmac
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from rest_framework.exceptions import APIException

from journal.resealing import Place
from journal.sealing import SealBroken, is_sealed, seal
from journal.sealing import unseal as unseal_kept
from responders.parsers import read_json
from tablets import refusals
from tablets.models import Quarantined

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SealKey:
    """
    A private key to which tablets seal, with what they know of it.
    """

    kid: str
    private: ec.EllipticCurvePrivateKey
    point: bytes

    def public(self) -> dict[str, str]:
        """
        Return what a tablet needs to seal: the key's id and its P-256 point, uncompressed.
        """
        return {"kid": self.kid, "public": b64encode(self.point).decode()}


def release(*, installation: UUID, generation: int, person_id: int) -> dict[str, Any]:
    """
    Return what a tablet gets for the lease: the key of an installation's documents, the one of what only this person may
    read again, the id that changes with both, and to whom actions are sealed. None of it is kept anywhere.
    """
    secret = settings.TABLET_KEYS[0]
    purpose = f"{installation}|{generation}"
    return {
        "key": _derived(secret, purpose),
        "own": _derived(secret, f"{purpose}|{person_id}"),
        "key_id": f"{sha256(b'id' + secret).hexdigest()[:8]}.{generation}",
        "seal": current_seal().public(),
    }


def current_seal() -> SealKey:
    """
    Return the key to which tablets are to seal.
    """
    return _seal_keys(tuple(settings.SEAL_KEYS))[0]


def unseal(sealed: Mapping[str, str], *, action_id: str) -> dict[str, Any]:
    """
    Return the arguments that a tablet sealed for this action.

    :raises CannotUnseal: the key is none of ours, something was changed, or it was made for another action.
    """
    key = next((key for key in _seal_keys(tuple(settings.SEAL_KEYS)) if key.kid == sealed["kid"]), None)
    if key is None:
        raise refusals.CannotUnseal(kid=sealed["kid"][:40])
    try:
        point, nonce, box = (_bytes(sealed[part]) for part in ("epk", "iv", "ct"))
        if len(nonce) != _NONCE_BYTES:
            raise ValueError
        shared = key.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point))
        secret = HKDF(hashes.SHA256(), 32, salt=point, info=b"care-field seal 1|" + key.kid.encode()).derive(shared)
        args = read_json(AESGCM(secret).decrypt(nonce, box, action_id.encode()))
    except (ValueError, InvalidTag, APIException):
        raise refusals.CannotUnseal(kid=key.kid) from None
    if not isinstance(args, dict):
        raise refusals.CannotUnseal(kid=key.kid)
    return args


def close_kept(action_id: UUID, *, raw: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """
    Return what is kept in place of an envelope that nobody may read from the database: it, and what was wrong with it.
    """
    return seal(orjson.dumps({"raw": raw, "facts": facts}).decode(), about=kept_about(action_id))


def open_kept(row: Quarantined) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return the envelope of something in quarantine as it came, and the facts of why it was kept.

    :raises SealBroken: it was changed, or is sealed under a key that we do not have.
    """
    if not is_sealed(row.raw):
        return orjson.loads(row.raw), row.facts
    kept = orjson.loads(unseal_kept(row.raw, about=kept_about(row.action_id)))
    return kept["raw"], kept["facts"]


def kept_about(action_id: object) -> str:
    """
    Return the place of what is kept in quarantine.
    """
    return f"quarantine|{action_id}"


KEPT = Place("tablets_quarantined", "raw", ("action_id",), kept_about)


def open_args(row: Quarantined) -> dict[str, Any] | None:
    """
    Return the arguments of something in quarantine; None where it came without any that are an object.

    :raises CannotUnseal: they are sealed, and not to a key that we have.
    """
    try:
        raw, _ = open_kept(row)
    except SealBroken:
        raise refusals.CannotUnseal from None
    sealed = raw.get("sealed")
    if isinstance(sealed, dict):
        if not all(isinstance(sealed.get(part), str) for part in ("kid", "epk", "iv", "ct")):
            raise refusals.CannotUnseal
        return unseal(sealed, action_id=str(raw.get("id", "")))
    args = raw.get("args")
    return args if isinstance(args, dict) else None


@cache
def _seal_keys(secrets: tuple[bytes, ...]) -> tuple[SealKey, ...]:
    keys = []
    for secret in secrets:
        # 1 ≤ scalar < order: every secret of 32 bytes is a key.
        private = ec.derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, _CURVE)
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys.append(SealKey(sha256(point).hexdigest()[:16], private, point))
    return tuple(keys)


def _derived(secret: bytes, purpose: str) -> str:
    return b64encode(hmac.digest(secret, purpose.encode(), "sha256")).decode()


def _bytes(text: str) -> bytes:
    # base64url without padding, and nothing else: Python's reader skips what it does not know.
    if not text.isascii() or not all(sign.isalnum() or sign in "-_" for sign in text):
        raise ValueError
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError from None
