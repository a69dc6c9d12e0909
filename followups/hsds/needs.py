"""
The needs that a service meets, found from the terms that its source gives it.

Sources class their services by taxonomies of their own. ``followups/data/needs.json`` has our codes, the words and icons of
the screen, and for each the terms that mean it: by code (the letters of the 211 taxonomy nest: BH-1800 is inside BH; the longest
that fits counts) and by name.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent.parent / "data" / "needs.json"


@dataclass(frozen=True, slots=True)
class Need:
    """
    One need, as the data file has it.
    """

    code: str
    words: str
    icon: str
    codes: tuple[str, ...]
    names: tuple[str, ...]


@cache
def needs() -> tuple[Need, ...]:
    """
    Return the needs in the order in which a screen shows them.
    """
    given: list[dict[str, Any]] = json.loads(_FILE.read_text())
    return tuple(
        Need(one["code"], one["words"], one["icon"], tuple(one["codes"]), tuple(one["names"])) for one in given
    )


def shown() -> list[dict[str, str]]:
    """
    Return what a screen needs to offer them.
    """
    return [{"code": need.code, "words": need.words, "icon": need.icon} for need in needs()]


# What the tablet app is told: see settings.TABLET_WORDS.
NEED_WORDS = shown()


def needs_of(terms: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """
    Return the codes of the needs that terms mean, each given as its code and its name, in the order of the data file.
    """
    found: set[str] = set()
    for code, name in terms:
        found |= _by_code(code.strip().upper())
        found |= _by_name(_plain(name))
    return tuple(need.code for need in needs() if need.code in found)


def _by_code(code: str) -> set[str]:
    fitting = [(len(known), need.code) for need in needs() for known in need.codes if code.startswith(known)]
    # The letters of the 211 taxonomy are followed by digits; what a source numbers otherwise means nothing here.
    if not fitting or not re.fullmatch(r"[A-Z]{1,2}(-\d.*)?", code):
        return set()
    longest = max(length for length, _ in fitting)
    return {need for length, need in fitting if length == longest}


def _by_name(name: str) -> set[str]:
    # Whole words in a row: "food" is in "emergency food pantry", "work" is not in "network".
    return {need.code for need in needs() if any(f" {_plain(known)} " in f" {name} " for known in need.names)}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9&]+", text.lower()))
