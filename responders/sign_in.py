"""
Proving who one is: password and second factor, with failures counted so that nobody can guess.

Five failures within 15 minutes lock an account until a supervisor or administrator releases it (CJIS AC-7). Each attempt
takes a numbered place *before* anything is compared, in one atomic statement: two hundred parallel guesses get five
places, not two hundred. Addresses that belong to nobody are counted and locked the same way, and the answer to a wrong
password, a wrong address, a locked and a disabled account is the same sentence after the same work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import connection

from responders.models import Person
from responders.refusals import SignInRefused

FAILURES: Final = 5
WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Place:
    """
    One attempt's place in the count of its account.
    """

    key: bytes
    at: datetime
    number: int
    open: bool


def account_key(email: str) -> bytes:
    """
    Return what the count of an account is kept under; it does not show the address.
    """
    return sha256(email.strip().lower().encode("utf-8", "surrogatepass")).digest()


def check_password(*, email: str, password: str, at: datetime) -> Person:
    """
    Return the person of this address and password.

    Complete the sign-in with ``check_code()`` or another second factor, then call ``completed()``.

    :raises SignInRefused: one of them is wrong, or the account is locked or disabled; it does not say which.
    :raises SignInBusy: too many sign-ins at this moment.
    """
    place = take_place(account_key(email), at=at)
    person = Person.objects.filter(email=email.strip().lower()).first() if place.open else None
    if not place.open:
        raise SignInRefused
    try:
        if person is None:
            # The same work as for somebody who exists.
            Person().set_password(password)
            right = False
        else:
            right = person.check_password(password) and person.is_active
    except Exception:
        # Nothing was compared: the attempt does not count.
        give_back(place)
        raise
    if person is None or not right:
        failed(place, at=at)
        raise SignInRefused
    if not give_back(place):
        raise SignInRefused
    return person


def check_code(*, person: Person, code: str, at: datetime) -> None:
    """
    Hold a person to a code of their authenticator app, or one of their recovery codes; each is good once.

    :raises SignInRefused: the code is wrong or used, or the account is locked.
    """
    place = take_place(account_key(person.email), at=at)
    if not place.open:
        raise SignInRefused
    by_code = Authenticator.objects.filter(user_id=person.pk).exclude(type=Authenticator.Type.WEBAUTHN)
    try:
        right = any(authenticator.wrap().validate_code(code) for authenticator in by_code)
    except Exception:
        give_back(place)
        raise
    if not right:
        failed(place, at=at)
        raise SignInRefused
    if not give_back(place):
        raise SignInRefused


def has_code(person: Person) -> bool:
    """
    Tell whether the person has an authenticator app.
    """
    return bool(Authenticator.objects.filter(user_id=person.pk, type=Authenticator.Type.TOTP).exists())


def completed(person: Person) -> None:
    """
    Forget the failures of somebody who has proved all that is asked; a lock stays.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM responders_signinguard WHERE key = %s AND locked_at IS NULL", [account_key(person.email)]
        )


def is_locked(person: Person) -> bool:
    """
    Tell whether the account waits for its release.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM responders_signinguard WHERE key = %s AND locked_at IS NOT NULL",
            [account_key(person.email)],
        )
        return bool(cursor.fetchone())


def take_place(key: bytes, *, at: datetime) -> Place:
    """
    Take the next place in the count of an account. Attempts older than the window are forgotten.
    """
    with connection.cursor() as cursor:
        # At most one more than the limit is kept: that one and all behind it are closed.
        cursor.execute(
            "INSERT INTO responders_signinguard AS g (key, attempts) VALUES (%(key)s, ARRAY[%(at)s::timestamptz])"
            " ON CONFLICT (key) DO UPDATE SET attempts = (ARRAY(SELECT a FROM unnest(g.attempts) AS a"
            " WHERE a > %(since)s ORDER BY a) || %(at)s::timestamptz)[:%(most)s]"
            " RETURNING cardinality(attempts), locked_at",
            {"key": key, "at": at, "since": at - WINDOW, "most": FAILURES + 1},
        )
        number, locked_at = cursor.fetchone()
    return Place(key=key, at=at, number=number, open=locked_at is None and number <= FAILURES)


def failed(place: Place, *, at: datetime) -> None:
    """
    Let the attempt stand as a failure; the last that the window allows locks the account.
    """
    if place.number < FAILURES:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE responders_signinguard SET locked_at = %s WHERE key = %s AND locked_at IS NULL", [at, place.key]
        )


def give_back(place: Place) -> bool:
    """
    Take the attempt out of the count; tell whether the account is still unlocked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE responders_signinguard SET attempts = attempts[:array_position(attempts, %(at)s::timestamptz) - 1]"
            " || attempts[array_position(attempts, %(at)s::timestamptz) + 1:]"
            " WHERE key = %(key)s AND %(at)s::timestamptz = ANY(attempts)",
            {"key": place.key, "at": place.at},
        )
        cursor.execute("SELECT locked_at FROM responders_signinguard WHERE key = %s", [place.key])
        row = cursor.fetchone()
    unlocked: bool = row is None or row[0] is None
    return unlocked


def release(person: Person) -> bool:
    """
    Unlock an account; tell whether it was locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM responders_signinguard WHERE key = %s RETURNING locked_at", [account_key(person.email)]
        )
        row = cursor.fetchone()
    was_locked: bool = row is not None and row[0] is not None
    return was_locked


def forget_old(*, at: datetime) -> int:
    """
    Remove counts whose window has passed; locks stay until they are released. Return how many went.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM responders_signinguard WHERE locked_at IS NULL AND NOT (%s < ANY(attempts))", [at - WINDOW]
        )
        gone: int = cursor.rowcount
    return gone
