"""
Sealing what must not be read from the database: AES-256-GCM under a key that no table holds (docs/adr/0017-sealing.md).

A sealed text is ``§<kid>.<base64 of nonce and box>``. It is bound to its place: ``about`` is the additional data of the
cipher (NIST SP 800-38D), so that a sealed text which is moved to another row, column or document no longer opens. JSON
never begins with ``§``, so a body tells by its first character which of the two it is.
"""

import binascii
import hmac
import logging
import secrets
from base64 import b64decode, b64encode
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

SIGN = "§"
# 96 bits, drawn anew each time: one key may seal 2^32 texts (SP 800-38D, 8.3), about a year at a hundred each second.
_NONCE_BYTES = 12

_log = logging.getLogger(__name__)


class SealBroken(Exception):
    """
    A sealed text does not open: it was changed or moved, or its key is none of ours. Says where, and nothing of what.
    """

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


def seal(text: str, *, about: str) -> str:
    """
    Return a text sealed under the current key, for one place only.

    Every call returns another one: what is sealed is compared after it was opened.
    """
    kid = current_kid()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    box = _cipher(settings.FIELD_KEYS[kid]).encrypt(nonce, text.encode(), about.encode())
    return f"{SIGN}{kid}.{b64encode(nonce + box).decode()}"


def unseal(text: str, *, about: str) -> str:
    """
    Return what was sealed for this place.

    :raises SealBroken: it is not sealed, its key is not known, or it was changed or made for another place.
    """
    kid, _, coded = text.removeprefix(SIGN).partition(".")
    key = settings.FIELD_KEYS.get(kid)
    if key is None or not is_sealed(text):
        raise SealBroken(about)
    try:
        sealed = b64decode(coded, validate=True)
        return _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode()).decode()
    except (binascii.Error, InvalidTag, ValueError):
        raise SealBroken(about) from None


def is_sealed(text: str) -> bool:
    """
    Tell whether a text is sealed; True of none that is JSON.
    """
    return text.startswith(SIGN)


def is_current(text: str) -> bool:
    """
    Tell whether a text is sealed under the key that seals now.
    """
    return text.startswith(f"{SIGN}{current_kid()}.")


def current_kid() -> str:
    """
    Return the id of the key that seals; the others only open.
    """
    return next(iter(settings.FIELD_KEYS))


def document_about(stream: str, collection: str, document_id: str, number: int) -> str:
    """
    Return the place of a document's body: an older version of it does not open as the present one.
    """
    return f"{stream}|{collection}|{document_id}|{number}"


def receipt_about(action_id: object) -> str:
    """
    Return the place of a receipt's answer.
    """
    return f"receipt|{action_id}"


def opened(text: str, *, about: str) -> str | None:
    """
    Return a text that may or may not be sealed; None, and an error in the log, where it does not open.

    For readers of many: one that is damaged must not keep the others from anybody.
    """
    if not is_sealed(text):
        return text
    try:
        return unseal(text, about=about)
    except SealBroken:
        _log.error("a seal is broken: %s", about)
        return None


def blind_index(value: str | bytes, *, purpose: str) -> bytes:
    """
    Return 32 bytes by which a sealed value can be found, and from which it cannot be guessed: HMAC-SHA256.

    ``purpose`` names the column: equal values of two columns do not look equal. Whoever calls brings the value into one
    form first (a phone number as E.164, a name case-folded).
    """
    key = _purpose_key(settings.BLIND_INDEX_KEY, purpose)
    return hmac.digest(key, value.encode() if isinstance(value, str) else value, "sha256")


@cache
def _purpose_key(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), "sha256")


@cache
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
