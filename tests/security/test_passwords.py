"""
Which passwords are taken (A5) and how they are kept (A6).
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from responders import hashers
from responders.models import Agency, Person
from responders.passwords import common_passwords
from responders.refusals import SignInBusy

_HASH_AND_CHECK = """
import django
django.setup()
from django.contrib.auth.hashers import check_password, make_password
kept = make_password("violet anchor thimble")
print(kept, check_password("violet anchor thimble", kept))
"""


def somebody() -> Person:
    """
    Return a person who is not saved anywhere.
    """
    return Person(
        email="kim.rivera@example.org", name="Kim Rivera", agency=Agency(pk=1, name="Harbor City", slug="harbor")
    )


@pytest.mark.parametrize(
    "password",
    [
        "fourteen-chars",
        "seattlecare2026",
        "SeattleCare2026!!!",
        "s3attl3-car3-2026",
        "dispatcherpassword",
        "kimrivera1234567",
        "harborcitycare911",
        "passwordpassword",
        "aaaaaaaaaaaaaaaaaaaa",
        "123456789012345678",
        "qwertyuiopasdfghjkl",
        "abcdefghijklmnopqrstuvwxyz",
        "iloveyouiloveyou12",
        "correcthorsebatterystaple",
        "zebrazebrazebrazebra",
        "x" * 129,
    ],
)
def test_what_somebody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, somebody())


@pytest.mark.parametrize(
    "password",
    [
        "violet anchor thimble",
        "onlylowercaselettersherewithoutrules",
        "пятнадцать разных букв",
        "Ѡ" + "mossy lantern quartz" * 3,
        "teapot gravel umbrella " * 5,
    ],
)
def test_long_passwords_of_unrelated_words_are_taken_without_rules_about_kinds(password: str) -> None:
    validate_password(password, somebody())


def test_the_list_of_common_passwords_is_long_enough() -> None:
    assert len(common_passwords()) >= 3_000


def test_argon2id_is_the_default_and_pbkdf2_with_a_million_rounds_is_the_fips_mode() -> None:
    assert make_password("violet anchor thimble").startswith("argon2$argon2id$")

    fips = subprocess.run(
        [
            sys.executable,
            "-c",
            _HASH_AND_CHECK,
        ],
        env=os.environ | {"FIPS": "1", "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert fips.stdout.startswith("pbkdf2_sha256$1000000$")
    assert fips.stdout.strip().endswith("True")


def test_at_most_four_are_hashed_at_once_and_the_others_wait_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.05)
    busy = [hashers.hashing() for _ in range(hashers.AT_ONCE)]
    for place in busy:
        place.__enter__()

    try:
        begun = time.monotonic()
        with pytest.raises(SignInBusy), hashers.hashing():
            pass
        assert time.monotonic() - begun < 1
    finally:
        for place in busy:
            place.__exit__(None, None, None)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make_password, ["violet anchor thimble"] * 4))) == 4
