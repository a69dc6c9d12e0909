"""
API keys of CAD systems: made once, shown once, revoked for good.
"""

import secrets
from datetime import datetime
from hashlib import sha256

from dispatch.models import CadKey
from journal.record import record

_BYTES = 32


def make(*, agency_id: int, name: str, by: object, at: datetime, rate: int | None = None) -> tuple[CadKey, str]:
    """
    Return a new key and its text, 256 random bits. Only its SHA-256 is kept: the text cannot be shown again.

    ``rate`` is in requests a minute.
    """
    text = secrets.token_urlsafe(_BYTES)
    key = CadKey(agency_id=agency_id, name=name, key_hash=sha256(text.encode()).digest(), made_at=at)
    if rate is not None:
        key.rate = rate
    key.save(force_insert=True)
    record("cad_key.make", agency_id=agency_id, about=f"cad_key.{key.pk}", data={"name": name}, by=by, at=at)
    return key, text


def revoke(*, key: CadKey, by: object, at: datetime) -> None:
    """
    Let a key in no longer, from now on.
    """
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    record("cad_key.revoke", agency_id=key.agency_id, about=f"cad_key.{key.pk}", data={}, by=by, at=at)
