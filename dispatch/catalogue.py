"""
What ships with the product: Seattle's types of call with a color each, and its two dispatch policies.

The colors are this project's reading of the types' names: CARE's own types, persons down, welfare checks and requests for
help are GREEN; what police handle without a crime in progress is YELLOW; everything else is RED. An agency sets its own.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
POLICIES = ("seattle-2023-pilot", "seattle-2025")


def call_types() -> list[dict[str, str]]:
    """
    Return the types of call: code, label and color of each.
    """
    types: list[dict[str, str]] = json.loads((DATA / "seattle-call-types.json").read_text(encoding="utf-8"))
    return types


def policy(name: str) -> dict[str, Any]:
    """
    Return the rules of a policy that ships with the product.

    :raises KeyError: none has this name.
    """
    if name not in POLICIES:
        raise KeyError(name)
    shipped: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    rules: dict[str, Any] = shipped["rules"]
    return rules


def seattle_2023_pilot() -> dict[str, Any]:
    """
    Return the rules of Seattle's pilot of 2023: CARE always with police, in a few areas, by day, to a few types.
    """
    return policy("seattle-2023-pilot")


def seattle_2025() -> dict[str, Any]:
    """
    Return the rules of Seattle in 2025: CARE may go alone citywide, but not everywhere.
    """
    return policy("seattle-2025")


@cache
def colors() -> dict[str, str]:
    """
    Return the color of each type by its code.
    """
    return {row["code"]: row["color"] for row in call_types()}
