"""
Which passwords are too easy to guess (NIST SP 800-63B, CJIS IA-5(1), ASVS 6.2).

Long is what counts: 15 characters, no rules about their kinds, no forced changes. Refused is what an attacker tries
first: the lists of common passwords, and what is made of the words of this service, its people and its city.
"""

from functools import cache
from re import split
from typing import Final

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from responders.models import Person

MIN_LENGTH: Final = 15
MAX_LENGTH: Final = 128
# What must be left of a password when everything that an attacker would put together has been taken out.
_OWN_CHARACTERS: Final = 6
_CONTEXT: Final = [
    "care",
    "carefield",
    "field",
    "seattle",
    "king",
    "county",
    "washington",
    "downtown",
    "pioneer",
    "square",
    "sodo",
    "chinatown",
    "international",
    "district",
    "responder",
    "responders",
    "dispatch",
    "dispatcher",
    "supervisor",
    "officer",
    "police",
    "embedded",
    "coordinator",
    "admin",
    "administrator",
    "tablet",
    "crisis",
    "behavioral",
    "health",
    "emergency",
    "mediation",
    "welcome",
    "password",
    "passwort",
    "letmein",
    "login",
    "secret",
    "changeme",
    "summer",
    "autumn",
    "winter",
    "spring",
    "monday",
    "friday",
    "qwerty",
    "qwertz",
    "asdf",
    "zxcv",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "master",
    "sunshine",
    "princess",
    "shadow",
    "correct",
    "horse",
    "battery",
    "staple",
]
_LOOKALIKES: Final = str.maketrans("@4301!$57", "aaeoiisst")
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "01234567890")


class LengthValidator:
    """
    Between 15 and 128 characters.
    """

    def validate(self, password: str, user: Person | None = None) -> None:
        """
        Refuse what is too short, or longer than anybody types.

        :raises ValidationError: it is.
        """
        if len(password) < MIN_LENGTH:
            raise ValidationError(
                f"Use at least {MIN_LENGTH} characters. A few unrelated words are easy to remember.",
                code="password_too_short",
            )
        if len(password) > MAX_LENGTH:
            raise ValidationError(f"Use at most {MAX_LENGTH} characters.", code="password_too_long")

    def get_help_text(self) -> str:
        """
        Return the rule as the form says it.
        """
        return f"At least {MIN_LENGTH} characters; a few unrelated words are easy to remember."


class GuessableValidator:
    """
    Nothing that is only put together of words everybody would try.
    """

    def validate(self, password: str, user: Person | None = None) -> None:
        """
        Refuse a password of which little is left without context words, names, common passwords, rows and repeats.

        :raises ValidationError: too little is left.
        """
        if len(_own_part(password, user)) < _OWN_CHARACTERS:
            raise ValidationError(
                "This is put together of words that somebody would try first. Use other words, or more of them.",
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        """
        Return the rule as the form says it.
        """
        return "Not made of common passwords, names, or the words of this service."


@cache
def common_passwords() -> frozenset[str]:
    """
    Return Django's list of the 20,000 most common passwords.
    """
    return frozenset(CommonPasswordValidator().passwords)


def _own_part(password: str, user: Person | None) -> str:
    lowered = password.lower()
    words = sorted({*_CONTEXT, *_words_of(user)}, key=len, reverse=True)
    least = min((_without(text, words) for text in (lowered, lowered.translate(_LOOKALIKES))), key=len)
    return "" if least in common_passwords() else least


def _without(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, " ")
    for row in _ROWS:
        for run in (row, row[::-1]):
            for length in range(len(run), 3, -1):
                for start in range(len(run) - length + 1):
                    text = text.replace(run[start : start + length], " ")
    # Years, numbers and punctuation are what people add to a word; a repeat of a letter adds nothing either.
    letters = "".join(character for character in text if character.isalpha())
    kept = ""
    for character in letters:
        if character not in kept[-2:]:
            kept += character
    # The same piece again and again is one piece.
    for size in range(1, len(kept) // 2 + 1):
        if len(kept) % size == 0 and kept == kept[:size] * (len(kept) // size):
            return kept[:size]
    return kept


def _words_of(user: Person | None) -> set[str]:
    if user is None:
        return set()
    texts = [user.name, user.email]
    if user.agency_id is not None:
        texts += [user.agency.name, user.agency.slug]
    return {word for text in texts for word in split(r"\W+", text.lower()) if len(word) > 2}
