"""
Making and hashing the three secrets of a tablet: pairing codes, tokens and tickets.
"""

import hmac
import secrets
from hashlib import sha256

from django.utils.crypto import salted_hmac

# Crockford's base 32: no letter that is taken for a digit, so that a code can be read aloud.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_SELECTOR_CHARACTERS = 4
# 8 characters of 5 bits: 40 bits, of which five guesses are allowed.
_SECRET_CHARACTERS = 8


def new_token() -> str:
    """
    Return 256 random bits for a tablet or a ticket, in characters that a header and a subprotocol may carry.
    """
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """
    Return what is kept of a token or ticket. 256 random bits need neither salt nor stretching.
    """
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_code() -> tuple[str, str]:
    """
    Return a pairing code as (selector, secret).
    """
    draw = "".join(secrets.choice(_ALPHABET) for _ in range(_SELECTOR_CHARACTERS + _SECRET_CHARACTERS))
    return draw[:_SELECTOR_CHARACTERS], draw[_SELECTOR_CHARACTERS:]


def spoken(selector: str, secret: str) -> str:
    """
    Return a code as it is shown, in groups of four.
    """
    text = selector + secret
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def split_code(code: str) -> tuple[str, str]:
    """
    Return (selector, secret) of a code as somebody typed it; both are empty when it cannot be one.
    """
    text = code.upper().translate(_MISREAD)
    if len(text) != _SELECTOR_CHARACTERS + _SECRET_CHARACTERS or any(sign not in _ALPHABET for sign in text):
        return "", ""
    return text[:_SELECTOR_CHARACTERS], text[_SELECTOR_CHARACTERS:]


def hash_code(secret: str) -> bytes:
    """
    Return what is kept of a pairing code's secret. 40 bits could be searched: the key is not in the database.
    """
    return salted_hmac("tablets.pairing", secret, algorithm="sha256").digest()


def same(one: bytes, other: bytes) -> bool:
    """
    Compare two hashes in a time that does not depend on where they differ.
    """
    return hmac.compare_digest(one, other)
