"""
What is asked of reports: when they are due, who was there, what supervisors have to see to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from dispatch.models import Assignment, Origin
from followups.models import (
    OWED,
    Choice,
    Encounter,
    EncounterState,
    MandatedReport,
)
from journal.models import Entry
from responders.models import Shift

# When a report is due of somebody of whose shift nobody knows.
DUE: Final = timedelta(hours=12)
# How far back a call is looked at that nobody began a report of.
UNBEGUN: Final = timedelta(days=14)
# Of a list that is shown at once; whoever has more than this to see to sees the oldest.
LISTED: Final = 200


def shift_of(assignment: Assignment, *, person_id: int | None, at: datetime) -> Shift | None:
    """
    Return the shift on which a person was on the unit of an assignment while it held the call; None when they were not.
    """
    # An end before its beginning is a tablet's clock that was behind: whoever was there at the beginning was there.
    until = max(assignment.ended_at or at, assignment.assigned_at)
    shifts = Shift.objects.of_unit(assignment.unit_id).filter(person=person_id, started_at__lte=until)
    there = shifts.filter(Q(ended_at=None) | Q(ended_at__gte=assignment.assigned_at))
    return there.order_by("started_at").first()


def due_at(*, shift: Shift | None, shift_id: int | None, opened_at: datetime) -> datetime:
    """
    Return when a report is due: by the planned end of the shift on which the call was, else of the one on which it is
    written.
    """
    if shift is None and shift_id is not None:
        shift = Shift.objects.filter(pk=shift_id).first()
    return opened_at + DUE if shift is None else shift.planned_end_at


def typed_by(encounter: Encounter) -> str | None:
    """
    Return which tablet, with whom on it, told what counts of a report: its last signing, or the draft that came since. None
    where nothing counts yet.
    """
    told = Entry.objects.filter(about=f"encounter.{encounter.pk}")
    counts = told.filter(Q(kind="encounter.signed") | Q(kind="encounter.saved", data__counts=True))
    return counts.order_by("-pk").values_list("by", flat=True).first()


def choices_of(agency_id: int) -> dict[tuple[str, str], Choice]:
    """
    Return every choice that an agency has or had, by field and code.
    """
    return {(row.field, row.code): row for row in Choice.objects.filter(agency=agency_id)}


# --- what the sweeps look for --------------------------------------------------------------------------------------------


def overdue(*, at: datetime) -> "QuerySet[Encounter]":
    """
    Return the reports whose time is over and of which nobody was told.
    """
    return Encounter.objects.filter(state__in=OWED, due_at__lte=at, late_told_at=None).order_by("due_at", "pk")


def mandated_to_tell(*, until: datetime) -> "QuerySet[Encounter]":
    """
    Return the encounters of which a report that the law asks for is due before ``until``, and nobody was told.
    """
    due = MandatedReport.objects.filter(encounter=OuterRef("pk"), made_at=None, told_at=None, due_at__lte=until)
    return Encounter.objects.filter(Exists(due)).order_by("pk")


# --- the supervisor's page -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speed:
    """
    How long reports of a while had been in somebody's hands when they were signed, in seconds; None where there are none.
    """

    count: int
    median_s: float | None
    p90_s: float | None


def speed(agency_id: int, *, since: datetime) -> Speed:
    """
    Return how long it took to write the reports that were signed since a moment.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_spent),"
            " percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_spent) FROM followups_encounter"
            # Nobody counted where it is 0.
            " WHERE agency_id = %s AND signed_at >= %s AND seconds_spent > 0",
            [agency_id, since],
        )
        count, median, p90 = cursor.fetchone()
    return Speed(count, median, p90)


def _listed(rows: "QuerySet[Encounter]") -> "QuerySet[Encounter]":
    return rows.select_related("author", "unit", "assignment__call")


def owed(agency_id: int) -> "QuerySet[Encounter]":
    """
    Return the reports that their authors still have to sign, what was due first before the others.
    """
    return _listed(Encounter.objects.filter(agency=agency_id, state__in=OWED).order_by("due_at", "pk"))


def to_check(agency_id: int) -> "QuerySet[Encounter]":
    """
    Return the signed reports in which something is a supervisor's to look at, the oldest first.
    """
    rows = Encounter.objects.filter(agency=agency_id, state=EncounterState.SIGNED, to_check=True)
    return _listed(rows.order_by("signed_at", "pk"))


def signed(agency_id: int, *, since: datetime) -> "QuerySet[Encounter]":
    """
    Return the reports that were signed since a moment, the newest first.
    """
    rows = Encounter.objects.filter(agency=agency_id, state=EncounterState.SIGNED, signed_at__gte=since)
    return _listed(rows.order_by("-signed_at", "-pk"))


def mandated(agency_id: int) -> "QuerySet[MandatedReport]":
    """
    Return the reports that the law asks for and nobody has made, what is due first before the others.
    """
    rows = MandatedReport.objects.filter(encounter__agency=agency_id, made_at=None)
    return rows.select_related("encounter__author", "encounter__unit", "encounter__assignment__call").order_by(
        "due_at", "pk"
    )


def unbegun(agency_id: int, *, at: datetime) -> "QuerySet[Assignment]":
    """
    Return by which assignments a crew was on scene lately, and of which nobody began a report; the newest first.
    """
    begun = Encounter.objects.filter(assignment=OuterRef("pk"))
    rows = Assignment.objects.filter(
        ~Exists(begun),
        call__agency=agency_id,
        on_scene_at__isnull=False,
        ended_at__gte=at - UNBEGUN,
        ended_at__lte=at,
    )
    # A presence or premise check meets nobody: it ended when it began.
    rows = rows.exclude(origin=Origin.ON_VIEW, ended_at=F("assigned_at"))
    return rows.select_related("call", "unit").order_by("-ended_at", "-pk")


def whole(agency_id: int, key: Any) -> Encounter | None:
    """
    Return one report of the agency by its key, with everything that hangs on it.
    """
    rows = Encounter.objects.filter(agency=agency_id, key=key)
    return (
        _listed(rows)
        .select_related("signed_by", "returned_by", "checked_by")
        .prefetch_related("met__client__names", "addenda__author", "mandated__made_by", "signings__by", "overtaken")
        .first()
    )
