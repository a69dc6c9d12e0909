"""
What can be asked of CARE Field: kinds of actions, declared by each app and listed in ``settings.ACTION_KINDS``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.serializers import Serializer


class Nature(StrEnum):
    """
    Why an action is or is not refused: see docs/tablet-protocol.md.

    A FACT happened already and is never refused for state; an INTENT is a request that the server decides; DESK work is
    done on a page that is online; an ALARM has its own lane.
    """

    FACT = "FACT"
    INTENT = "INTENT"
    DESK = "DESK"
    ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of action at one version.

    ``act`` is called with the validated arguments and ``by``, ``at`` and ``happened_at``; what it returns goes through
    ``answer`` to become the body of the receipt.
    """

    name: str
    nature: Nature
    serializer: type[Serializer[Any]]
    act: Callable[..., Any]
    answer: Callable[[Any], dict[str, Any]]
    version: int = 1


@cache
def kinds() -> dict[str, Kind]:
    """
    Return every declared kind by name.
    """
    declared: list[Kind] = [kind for path in settings.ACTION_KINDS for kind in import_string(path)]
    by_name = {kind.name: kind for kind in declared}
    if len(by_name) != len(declared):
        raise ValueError("two kinds of action share one name")
    return by_name
