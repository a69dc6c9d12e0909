"""
Password hashing, few at a time: one Argon2id takes 100 MiB and a sixth of a second, and a burst must not take the site.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from responders.refusals import SignInBusy

AT_ONCE: Final = 4
# Longer than a short queue takes, shorter than a browser's or nginx's patience.
WAIT_SECONDS: Final = 3.0

_places = BoundedSemaphore(AT_ONCE)


@contextmanager
def hashing() -> Iterator[None]:
    """
    Hold one of this process's places for hashing a password.

    :raises SignInBusy: none became free in time.
    """
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise SignInBusy
    try:
        yield
    finally:
        _places.release()


class CappedArgon2(Argon2PasswordHasher):
    """
    Argon2id, at most four at once in a process.
    """

    def encode(self, password: str, salt: str) -> Any:
        """
        Return the encoded hash of a password.
        """
        with hashing():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """
        Tell whether the password is the one that was encoded.
        """
        with hashing():
            return super().verify(password, encoded)


class CappedPBKDF2(PBKDF2PasswordHasher):
    """
    PBKDF2-SHA256 with a million rounds, for ``FIPS=1``: Argon2 is no FIPS primitive.
    """

    iterations = 1_000_000

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """
        Return the encoded hash of a password; ``verify()`` comes through here too.
        """
        with hashing():
            return super().encode(password, salt, iterations)
