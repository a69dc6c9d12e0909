"""
What a report offers to choose from, as it ships: Seattle's vocabulary of crises and the columns in which Eugene's CAHOOTS
counted, in this project's words. An agency changes it as it likes, but for what ``rules.programmes.check_is_ours`` says.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

_SHIPPED = Path(__file__).parent / "data" / "seattle-choices.json"


@cache
def shipped() -> list[dict[str, Any]]:
    """
    Return the choices that ship, as rows: field, code, label, position, risk, substance_use.
    """
    by_field: dict[str, list[dict[str, Any]]] = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return [
        {"field": field, "position": position, "risk": False, "substance_use": False, **row}
        for field, rows in by_field.items()
        for position, row in enumerate(rows, start=1)
    ]
