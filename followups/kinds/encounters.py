"""
The kinds of action of encounter reports.
"""

from collections.abc import Callable
from typing import Any

from rest_framework.serializers import Serializer

from followups.actions import encounters
from followups.actions.encounters import Kept
from followups.models import Encounter
from followups.serializers import encounters as args
from journal.kinds import Kind, Nature


def _report(row: Encounter) -> dict[str, Any]:
    # Its own answer says "status" of the action: how far the report is, is its state.
    return {"encounter": row.key, "state": row.state, "revision": row.revision}


def _kept(done: Kept) -> dict[str, Any]:
    return {**_report(done.encounter), "flags": done.flags}


def _fact(name: str, serializer: type[Serializer[Any]], act: Callable[..., Any]) -> Kind:
    return Kind(name, Nature.FACT, serializer, act, _kept, sealed=True)


def _desk(name: str, serializer: type[Serializer[Any]], act: Callable[..., Any]) -> Kind:
    return Kind(name, Nature.DESK, serializer, act, _report, sealed=True)


KINDS = [
    _fact("encounter.save", args.SaveArgs, encounters.save),
    _fact("encounter.sign", args.SaveArgs, encounters.sign),
    _fact("encounter.addendum", args.AddendumArgs, encounters.add),
    _fact("encounter.report_made", args.ReportMadeArgs, encounters.report_made),
    _desk("encounter.return", args.ReportNoteArgs, encounters.send_back),
    _desk("encounter.excuse", args.ReportNoteArgs, encounters.excuse),
    _desk("encounter.seen", args.EncounterArgs, encounters.see),
]
