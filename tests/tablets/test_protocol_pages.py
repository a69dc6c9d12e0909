"""
docs/tablet-protocol.md and docs/asyncapi.yaml say what the code does: every frame, code and error is in both.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from dispatch.backup import frames
from tablets import hub, live

DOCS = Path(settings.BASE_DIR) / "docs"
SOURCES = [Path(str(module.__file__)).read_text() for module in (hub, live, frames)]


def asyncapi() -> dict[str, Any]:
    return dict(yaml.safe_load((DOCS / "asyncapi.yaml").read_text()))


def page() -> str:
    return (DOCS / "tablet-protocol.md").read_text()


def in_code(pattern: str) -> set[str]:
    return {found for source in SOURCES for found in re.findall(pattern, source)}


FRAMES = in_code(r'"t"\s*:\s*"([a-z-]+)"')
ERRORS = in_code(r'"code"\s*:\s*"([a-z_]+)"') - {"upgrade_required", "not_found"}


def test_the_code_has_the_frames_that_we_look_for() -> None:
    assert {"hello", "frame", "beat", "streams", "pong", "error", "ping"} <= FRAMES
    # What other apps have to say on a line is in their own modules.
    assert {"backup", "backup-state"} <= FRAMES
    assert set(settings.LIVE_FRAMES) <= FRAMES
    assert len(ERRORS) == 5


def test_every_frame_is_in_the_asyncapi_description() -> None:
    described = asyncapi()

    assert set(described["components"]["messages"]) == FRAMES
    assert set(described["channels"]["live"]["messages"]) == FRAMES
    for name, message in described["components"]["messages"].items():
        assert message["payload"]["properties"]["t"] == {"const": name}


def test_every_error_is_in_the_asyncapi_description() -> None:
    payload = asyncapi()["components"]["messages"]["error"]["payload"]

    assert set(payload["properties"]["code"]["enum"]) == ERRORS


def test_every_reference_in_the_asyncapi_description_leads_somewhere() -> None:
    described = asyncapi()

    for reference in re.findall(r"\$ref: '#/([^']+)'", (DOCS / "asyncapi.yaml").read_text()):
        place: Any = described
        for step in reference.split("/"):
            place = place[step]


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_every_frame_is_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in page() or f'{{"t":"{name}"}}' in page()


def test_every_error_and_close_code_is_on_the_page() -> None:
    codes = {str(code) for code in (hub.REVOKED, hub.NOT_LET_IN, hub.TOO_SLOW, hub.RESYNC)}

    for word in ERRORS:
        assert f"`{word}`" in page()
    for code in codes:
        assert f"| {code} |" in page()


def test_the_page_tells_the_limits_of_the_code() -> None:
    text = page()

    assert f"{live.TICKET_SECONDS} seconds" in text
    assert f"more than {live.MESSAGES_PER_SECOND:.0f} messages/s ({live.BURST:.0f} at once)" in text
    assert f"more than {hub.LINES_PER_TABLET} lines of one tablet ({hub.LINES_PER_SESSION} of one session)" in text
    assert f"every {hub.BEAT_SECONDS:.0f} s" in text
    assert f"every {hub.CHECK_SECONDS:.0f} seconds" in text
    assert f"{hub.FRAME_BYTES // 1024} KiB" in text


def test_a_live_frame_is_as_described() -> None:
    described = asyncapi()["components"]["messages"]
    changed = [
        ("area.3", 118, 121, 120, "call", "4", None, "call.reassigned"),
        ("area.3", 118, 121, 121, "call", "5", "{}", None),
    ]

    frame = json.loads(hub.frame_message("area.3", 118, 121, changed)["text"])

    assert set(frame) == set(described["frame"]["payload"]["required"])
    assert frame == {
        "t": "frame",
        "s": "area.3",
        "prev": 118,
        "n": 121,
        "d": [
            {"c": "call", "id": "4", "n": 120, "gone": "call.reassigned"},
            {"c": "call", "id": "5", "n": 121, "b": {}},
        ],
    }
