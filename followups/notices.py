"""
The words that go with every copy of a record: 42 CFR 2.32, by version, as they ship in followups/data/notices.json.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parent / "data" / "notices.json"


class Notice(NamedTuple):
    """
    The notice of 42 CFR 2.32(a) in its long and its short form, and where it stands.
    """

    version: str
    source: str
    long: str
    short: str


@cache
def notices() -> dict[str, Notice]:
    """
    Return every version that was ever sent: an old disclosure names one of them.
    """
    kept = json.loads(_FILE.read_text())
    return {version: Notice(version, **words) for version, words in kept["versions"].items()}


@cache
def current_notice() -> Notice:
    """
    Return the one that goes with what is disclosed now.
    """
    return notices()[json.loads(_FILE.read_text())["current"]]
