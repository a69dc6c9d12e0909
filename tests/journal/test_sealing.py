"""
A sealed text opens where it was sealed, with a key that is ours, and nowhere else.
"""

import base64

import pytest
from pytest_django import Settings

from journal.sealing import SealBroken, blind_index, current_kid, is_sealed, opened, seal, unseal

WORDS = "CANARY-4410 “takes her own tablets”"
HERE = "table|row|column"


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.FIELD_KEYS = {"new": b"n" * 32, "old": b"o" * 32}
    settings.BLIND_INDEX_KEY = b"b" * 32


def test_what_is_sealed_opens_at_its_place() -> None:
    sealed = seal(WORDS, about=HERE)

    assert is_sealed(sealed)
    assert sealed.startswith("§new.")
    assert "CANARY" not in sealed
    assert unseal(sealed, about=HERE) == WORDS


def test_the_same_text_is_never_sealed_alike() -> None:
    assert seal(WORDS, about=HERE) != seal(WORDS, about=HERE)


@pytest.mark.parametrize("about", ["table|other|column", "table|row|other", "other|row|column", ""])
def test_it_does_not_open_elsewhere(about: str) -> None:
    with pytest.raises(SealBroken):
        unseal(seal(WORDS, about=HERE), about=about)


def test_a_changed_byte_breaks_the_seal() -> None:
    kid, _, coded = seal(WORDS, about=HERE).partition(".")
    raw = bytearray(base64.b64decode(coded))
    for place in range(len(raw)):
        raw[place] ^= 1
        with pytest.raises(SealBroken):
            unseal(f"{kid}.{base64.b64encode(raw).decode()}", about=HERE)
        raw[place] ^= 1


@pytest.mark.parametrize("text", ["", "§", "§new", "§new.", "§new.!", "§new.AAAA", "§.", '{"plain":1}', "new.AAAA"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(SealBroken):
        unseal(text, about=HERE)


def test_an_earlier_key_opens_and_the_first_seals(settings: Settings) -> None:
    settings.FIELD_KEYS = {"old": b"o" * 32}
    before = seal(WORDS, about=HERE)
    settings.FIELD_KEYS = {"new": b"n" * 32, "old": b"o" * 32}

    assert unseal(before, about=HERE) == WORDS
    assert current_kid() == "new"


@pytest.mark.parametrize("kid", ["gone", "old", "", "new\n"])
def test_the_id_of_a_key_is_not_believed(kid: str) -> None:
    coded = seal(WORDS, about=HERE).partition(".")[2]

    with pytest.raises(SealBroken):
        unseal(f"§{kid}.{coded}", about=HERE)


def test_a_reader_of_many_gets_none_and_the_log_says_where_and_not_what(caplog: pytest.LogCaptureFixture) -> None:
    assert opened("{}", about=HERE) == "{}"
    assert opened(seal(WORDS, about=HERE), about=HERE) == WORDS
    assert opened(seal(WORDS, about="elsewhere"), about=HERE) is None

    assert HERE in caplog.text
    assert "CANARY" not in caplog.text


def test_a_blind_index_is_of_its_value_its_purpose_and_its_key(settings: Settings) -> None:
    index = blind_index("+12065550100", purpose="contact")

    assert len(index) == 32
    assert blind_index("+12065550100", purpose="contact") == index
    assert blind_index("+12065550101", purpose="contact") != index
    assert blind_index("+12065550100", purpose="other") != index
    settings.BLIND_INDEX_KEY = b"c" * 32
    assert blind_index("+12065550100", purpose="contact") != index
