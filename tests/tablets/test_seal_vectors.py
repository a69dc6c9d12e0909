"""
Sealed boxes that the tablet's JavaScript made and that Python made open here; tests/js/keys.test.js opens the same.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tablets import refusals, seals

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "seal.json").read_text())


@pytest.fixture(autouse=True)
def _seal_key(settings: Settings) -> None:
    settings.SEAL_KEYS = [bytes.fromhex(VECTORS["secret"])]


def test_the_server_tells_tablets_the_key_of_the_vectors() -> None:
    assert seals.current_seal().public() == {"kid": VECTORS["kid"], "public": VECTORS["public"]}


@pytest.mark.parametrize("box", VECTORS["boxes"], ids=lambda box: box["made_by"])
def test_a_box_opens_for_its_action_only(box: dict[str, Any]) -> None:
    assert seals.unseal(box["sealed"], action_id=box["action"]) == box["args"]

    with pytest.raises(refusals.CannotUnseal):
        seals.unseal(box["sealed"], action_id="00000000-0000-4000-8000-000000000000")
