"""
What is held of reports: the author's own drafts, whole; of supervisors' the heads of what is late or theirs to look at.

A signed report is in no stream: it is read at a page, where the reading is recorded.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from followups.models import OWED, Encounter, EncounterState, MandatedReport
from journal.subjects import Held


def of_encounters(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield to each author what they still have to sign, and to supervisors what is overdue, to be looked at, or owed to the
    authorities soon.
    """
    mandated = _told_of(ids)
    for row in Encounter.objects.filter(pk__in=ids).select_related("assignment__call").order_by("pk"):
        owed = row.state in OWED
        if owed:
            yield Held(f"responder.{row.author_id}", "encounter", str(row.key), row.pk, _draft(row))
        late = owed and row.late_told_at is not None
        if late or (row.state == EncounterState.SIGNED and row.to_check):
            yield Held(f"supervisors.{row.agency_id}", "report", str(row.key), row.pk, _head(row, late=late))
        for due in mandated[row.pk]:
            body = {"report": row.key, "unit": row.unit_id, "call": row.assignment.call_id, "due_at": due.due_at}
            yield Held(f"supervisors.{row.agency_id}", "mandated_report", str(due.key), row.pk, body)


def _told_of(ids: Sequence[int]) -> dict[int, list[MandatedReport]]:
    found: dict[int, list[MandatedReport]] = defaultdict(list)
    rows = MandatedReport.objects.filter(encounter__in=ids, made_at=None, told_at__isnull=False)
    for row in rows.order_by("pk"):
        found[row.encounter_id].append(row)
    return found


def _draft(row: Encounter) -> dict[str, Any]:
    return {
        "assignment": row.assignment_id,
        "call": row.assignment.call_id,
        "on_view": row.assignment.call.on_view_key,
        "type": row.what,
        "address": row.address,
        "state": row.state,
        "revision": row.revision,
        "seconds": row.seconds_spent,
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "late": row.late_told_at is not None,
        "return_note": row.return_note,
        "body": row.draft,
    }


def _head(row: Encounter, *, late: bool) -> dict[str, Any]:
    return {
        "author": row.author_id,
        "unit": row.unit_id,
        "call": row.assignment.call_id,
        "state": row.state,
        "due_at": row.due_at,
        "late": late,
        "to_check": row.to_check,
    }
