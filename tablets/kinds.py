"""
The kinds of action this app declares.
"""

from typing import Any

from journal.kinds import Kind, Nature
from tablets import serializers
from tablets.actions import registry
from tablets.models import Tablet


def answer_tablet(tablet: Tablet) -> dict[str, Any]:
    """
    Return what the receipt of an action on a tablet says.
    """
    return {"tablet": tablet.pk, "name": tablet.name, "revoked_at": tablet.revoked_at}


KINDS: list[Kind] = [
    Kind("tablet.revoke", Nature.DESK, serializers.Revoke, act=registry.revoke, answer=answer_tablet),
    Kind("tablet.rename", Nature.DESK, serializers.Rename, act=registry.rename, answer=answer_tablet),
]
