"""
By what sealed values are found: each brought into one form first, each column under a purpose of its own.
"""

from typing import Final

from dispatch.premises import phone_key
from followups.fields import blind_index

_BORN_ON: Final = "client.born_on"
_PHONE: Final = "way.phone"


def phone_index(number: str) -> bytes | None:
    """
    Return by what a phone number is found; None where there are no digits to find it by.
    """
    key = phone_key(number)
    return blind_index(key, purpose=_PHONE) if key.strip("+") else None


def born_on_index(born_on: str) -> bytes | None:
    """
    Return by what a date of birth is found, as it is known: a year alone finds a year alone.
    """
    return blind_index(born_on, purpose=_BORN_ON) if born_on else None
