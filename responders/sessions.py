"""
Sessions of people: kept by hash, 12 hours at most, 30 minutes without a gesture.

The browser holds a random key; the table holds only its hash, so that a copy of the database signs nobody in. The row's
``expire_date`` is the nearer of the two ends, so that plain SQL (the live process) sees the same end as Django does.
"""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest

from responders.models import Person

ABSOLUTE: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
# With a password only, there is nothing to do but to enrol a second factor.
HALF_SIGNED_IN: Final = timedelta(minutes=15)
# How stale the kept moment of the last gesture may be: a write at most this often.
TOUCH_EVERY: Final = timedelta(seconds=5)
# Administration asks for a factor again when the last one was shown longer ago than this.
PRIVILEGED_FOR: Final = timedelta(hours=1)

SIGNED_IN_AT: Final = "signed_in_at"
TOUCHED_AT: Final = "touched_at"
DEMO_MARK: Final = "demo_second_factor"


def key_hash(session_key: str) -> str:
    """
    Return what the table keeps of a session's key: 240 bits of its SHA-256, in the 40 characters that Django's table has.
    """
    return urlsafe_b64encode(sha256(session_key.encode()).digest()[:30]).decode()


class SessionStore(DatabaseStore):
    """
    Django's database sessions with the key hashed.
    """

    def _get_session_from_db(self) -> Any:
        if self.session_key is not None:
            try:
                return Session.objects.get(session_key=key_hash(self.session_key), expire_date__gt=datetime.now(UTC))
            except Session.DoesNotExist:
                self._session_key = None
        return None

    def exists(self, session_key: str) -> bool:
        """
        Tell whether there is a session under this key.
        """
        return super().exists(key_hash(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """
        Return the row of this session.
        """
        row = super().create_model_instance(data)
        row.session_key = key_hash(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """
        Remove a session; this one where no key is given.
        """
        held = session_key or self.session_key
        if held is not None:
            super().delete(key_hash(held))


def begin(session: SessionBase, *, at: datetime) -> None:
    """
    Start the clocks of a session that somebody has just signed in to.
    """
    session[SIGNED_IN_AT] = at.timestamp()
    touch(session, at=at)


def touch(session: SessionBase, *, at: datetime) -> None:
    """
    Count a gesture of the person: the idle time begins again.
    """
    session[TOUCHED_AT] = at.timestamp()
    session.set_expiry(ends_at(session))


def ends_at(session: SessionBase) -> datetime:
    """
    Return when the session is over if nothing is touched any more; long ago for one that nobody began.
    """
    begun, touched = session.get(SIGNED_IN_AT, 0.0), session.get(TOUCHED_AT, 0.0)
    return min(_instant(begun) + ABSOLUTE, _instant(touched) + IDLE)


def is_over(session: SessionBase, *, at: datetime) -> bool:
    """
    Tell whether one of the two times has run out.
    """
    return at >= ends_at(session)


def is_stale(session: SessionBase, *, at: datetime) -> bool:
    """
    Tell whether the last gesture is long enough ago for this one to be written down.
    """
    return at - _instant(session.get(TOUCHED_AT, 0.0)) >= TOUCH_EVERY


def is_half_over(session: SessionBase, *, at: datetime) -> bool:
    """
    Tell whether somebody with a password only has had their time to enrol.
    """
    return at >= _instant(session.get(SIGNED_IN_AT, 0.0)) + HALF_SIGNED_IN


def has_second_factor(request: HttpRequest, person: Person) -> bool:
    """
    Tell whether this session has shown a second factor, or came through a demo door of a demo site.
    """
    if settings.DEMO and request.session.get(DEMO_MARK) == person.pk:
        return True
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, person))


def shown_at(request: HttpRequest, person: Person) -> datetime:
    """
    Return when this session last proved who it is, in whichever way.
    """
    records = get_authentication_records(request, person)
    begun = request.session.get(SIGNED_IN_AT, 0.0)
    return _instant(max([begun, *(record.get("at", 0.0) for record in records)]))


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
