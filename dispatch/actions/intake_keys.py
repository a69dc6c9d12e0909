"""
API keys of those who refer without a person's sign-in: made once, shown once, revoked for good.
"""

import secrets
from datetime import datetime
from hashlib import sha256

from dispatch.models import IntakeKey, Source
from dispatch.referral_refusals import IntakeSourceInvalid
from journal.record import record

_BYTES = 32
SOURCES = (Source.CRISIS_LINE, Source.HOTLINE, Source.PROVIDER, Source.WEB, Source.DIRECT_LINE)


def make(*, agency_id: int, name: str, source: str, by: object, at: datetime) -> tuple[IntakeKey, str]:
    """
    Return a new key and its text, 256 random bits. Only its SHA-256 is kept: the text cannot be shown again.

    :raises IntakeSourceInvalid: calls of this source come in by another way.
    """
    if source not in SOURCES:
        raise IntakeSourceInvalid(source=source)
    text = secrets.token_urlsafe(_BYTES)
    key = IntakeKey(agency_id=agency_id, name=name, source=source, key_hash=sha256(text.encode()).digest(), made_at=at)
    key.save(force_insert=True)
    told = {"name": name, "source": source}
    record("intake_key.make", agency_id=agency_id, about=f"intake_key.{key.pk}", data=told, by=by, at=at)
    return key, text


def revoke(*, key: IntakeKey, by: object, at: datetime) -> None:
    """
    Let a key in no longer, from now on. What it has referred goes on.
    """
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    record("intake_key.revoke", agency_id=key.agency_id, about=f"intake_key.{key.pk}", data={}, by=by, at=at)
