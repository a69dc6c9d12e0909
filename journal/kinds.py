"""
What can be asked of CARE Field: kinds of actions, declared by each app and listed in ``settings.ACTION_KINDS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.serializers import Serializer

from journal.refusals import InvalidArgs, UnknownVersion

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


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

    Every version that was ever shipped is understood for ever: ``upcasters[v]`` turns arguments of version v into those of
    v + 1 (tests/vectors/shipped_kinds.json). ``needs_sign_on`` is False for what makes a sign-on: nobody stands yet.
    ``sealed``: what it says and is answered is kept so that nobody may read it from the database (journal/sealing.py).
    """

    name: str
    nature: Nature
    serializer: type[Serializer[Any]]
    act: Callable[..., Any]
    answer: Callable[[Any], dict[str, Any]]
    version: int = 1
    # The agency's column that says, in seconds, how old a request of this kind may be when it reaches us; empty for ever.
    life: str = ""
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    needs_sign_on: bool = True
    sealed: bool = False

    def upcast(self, args: dict[str, Any], *, version: int) -> dict[str, Any]:
        """
        Return arguments of an earlier version as this version takes them.

        :raises UnknownVersion: it was never shipped, or is newer than this server.
        """
        if not 1 <= version <= self.version:
            raise UnknownVersion(kind=self.name, v=version)
        for step in range(version, self.version):
            args = self.upcasters[step](dict(args))
        return args

    def read(self, args: dict[str, Any]) -> dict[str, Any]:
        """
        Return arguments of this version as ``act`` takes them.

        :raises InvalidArgs: they cannot be understood; facts name each field.
        """
        serializer = self.serializer(data=args)
        if unknown := sorted(set(args) - set(serializer.fields)):
            raise InvalidArgs(fields={name: ["This field is not known."] for name in unknown})
        if not serializer.is_valid():
            raise InvalidArgs(fields=_named(serializer.errors))
        return dict(serializer.validated_data)


def _named(errors: Any) -> Any:
    # What is wrong inside of a list is numbered there, and JSON has no numbers for keys.
    if isinstance(errors, Mapping):
        return {str(name): _named(error) for name, error in errors.items()}
    return errors


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
