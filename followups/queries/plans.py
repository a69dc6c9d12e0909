"""
Reads about plans and follow-ups: what an agency decided, where somebody is visited, what has come due.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.gis.geos import Point
from django.db import connection
from django.db.models import Q, QuerySet

from dispatch.models import Assignment, Source
from followups.models import (
    Attempt,
    Choice,
    ChoiceField,
    Client,
    ContactWay,
    Encounter,
    FollowUp,
    FollowUpState,
    How,
    Programme,
    WayKind,
)
from responders.models import Agency, Person, RoleName, ServiceArea, Shift
from responders.queries import area_at, crew_at

# Where somebody can be visited; the first of these that is known is where they are looked for.
_VISITED: Final = (WayKind.ADDRESS, WayKind.SHELTER, WayKind.PLACE)
# Nobody visits alone.
VISITORS: Final = 2
ASSIGNEES: Final = (RoleName.RESPONDER, RoleName.COORDINATOR, RoleName.SUPERVISOR)


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where somebody is to be visited, as far as it is known.
    """

    address: str = ""
    point: Point | None = None
    area: ServiceArea | None = None


def programme_of(agency_id: int) -> Programme:
    """
    Return what an agency decided, or the seed's figures where it decided nothing yet.
    """
    return Programme.objects.filter(agency=agency_id).first() or Programme(agency_id=agency_id)


def place_of(client: Client, agency: Agency, *, encounter: Encounter | None, at: datetime) -> Place:
    """
    Return where somebody is to be visited: where they say that they are, else where they were met.
    """
    ways = ContactWay.objects.filter(client=client.pk, ended_at=None, kind__in=_VISITED).order_by("-added_at", "-pk")
    if found := sorted(ways, key=lambda way: _VISITED.index(WayKind(way.kind))):
        way = found[0]
        return Place(way.value, way.point, area_at(agency, way.point, at))
    if encounter is None:
        return Place()
    call = encounter.assignment.call
    return Place(call.address, call.point, call.area or area_at(agency, call.point, at))


def reason_of(agency_id: int, needs: Sequence[str]) -> str:
    """
    Return why somebody is followed up, in the words of the needs that they were met with.
    """
    labels = dict(
        Choice.objects.filter(agency=agency_id, field=ChoiceField.NEED, code__in=needs).values_list("code", "label")
    )
    return ", ".join(labels.get(code, code) for code in needs)


def follow_up_of_call(call_id: int) -> FollowUp | None:
    """
    Return the follow-up that a call was made for: the report of a visit links back to it.
    """
    return FollowUp.objects.filter(call=call_id).order_by("pk").first()


def came_alone(held: Assignment) -> bool:
    """
    Tell whether the crew that came to a call was one person.
    """
    return len(crew_at(held.unit_id, held.on_scene_at or held.assigned_at)) < VISITORS


def went_alone(row: FollowUp, *, person_id: int | None, unit_id: int | None, when: datetime) -> bool:
    """
    Tell whether the crew that tried to visit somebody ``when`` was one person, who tells of it.

    A visit that was a call is as its crew was when it came there, also where it is told after the call, before the shift is
    over: somebody who has gone home since was there. Any other one is as the unit was at that instant.
    """
    if unit_id is None:
        return True
    if (held := _call_of_visit(row, person_id=person_id, unit_id=unit_id, when=when)) is not None:
        return came_alone(held)
    return len(crew_at(unit_id, when) | {person_id}) < VISITORS


def _call_of_visit(row: FollowUp, *, person_id: int | None, unit_id: int, when: datetime) -> Assignment | None:
    """
    Return how a unit had the call of the visit that is told of, if it was a call.
    """
    calls = Assignment.objects.filter(call=row.call_id or 0, call__source=Source.SECOND_RESPONSE)
    held = calls.filter(unit=unit_id, assigned_at__lte=when).order_by("-pk").first()
    if held is None or held.ended_at is None or when <= held.ended_at:
        return held
    shifts = Shift.objects.on_unit_at(unit_id, person_id=person_id, at=when)
    is_same_shift = shifts.filter(started_at__lte=held.assigned_at).exists()
    told = Attempt.objects.filter(follow_up=row, how=How.VISIT, at__gte=held.assigned_at, at__lte=when)
    return held if is_same_shift and not told.exists() else None


def assignee(agency_id: int, person_id: int) -> Person | None:
    """
    Return an active person of the agency who may see to follow-ups.
    """
    people = Person.objects.filter(pk=person_id, agency=agency_id, is_active=True, roles__name__in=ASSIGNEES)
    return people.distinct().first()


def supervisors_of(agency_id: int) -> list[int]:
    """
    Return the ids of an agency's active supervisors.
    """
    people = Person.objects.filter(agency=agency_id, is_active=True, roles__name=RoleName.SUPERVISOR)
    return list(people.order_by("pk").values_list("pk", flat=True))


# What each sweep looks for, by the index of its own (followups/models/plans.py). The hour is the second argument of each.
_DUE: Final = "f.state = 'PENDING' AND f.due_at <= %s"
_LATE: Final = "f.state = 'DUE' AND f.overdue_told_at IS NULL AND f.due_until <= %s"
_UNTRIED: Final = "f.state IN ('PENDING', 'DUE') AND f.escalated_at IS NULL AND f.escalate_at <= %s"
_CLAIM: Final = (
    "SELECT c.id FROM followups_followup f JOIN followups_client c ON c.id = f.client_id"
    " WHERE {found} AND c.id <> ALL(%s::bigint[]) ORDER BY f.{hour} LIMIT %s FOR NO KEY UPDATE OF c SKIP LOCKED"
)
DUE: Final = _CLAIM.format(found=_DUE, hour="due_at")
LATE: Final = _CLAIM.format(found=_LATE, hour="due_until")
UNTRIED: Final = _CLAIM.format(found=_UNTRIED, hour="escalate_at")


def claim(sql: str, *, at: datetime, most: int, but: Collection[int] = ()) -> list[int]:
    """
    Lock people of whom something has come due, whom nobody else holds, and return their ids: as often as there is something,
    so fewer than ``most`` are all that there were.

    ``sql`` is ``DUE``, ``LATE`` or ``UNTRIED``. The lock is the person's, as everywhere: whoever changes their follow-ups has
    it. One whom an action holds at this moment is left to the next sweep.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [at, sorted(but), most])
        return sorted(row[0] for row in cursor.fetchall())


def due_of(client_ids: Iterable[int], *, at: datetime) -> list[FollowUp]:
    """
    Return the follow-ups of locked people whose hour has come.
    """
    return _rows(FollowUp.objects.filter(client__in=client_ids, state=FollowUpState.PENDING, due_at__lte=at))


def late_of(client_ids: Iterable[int], *, at: datetime) -> list[FollowUp]:
    """
    Return the follow-ups of locked people whose visiting hours are over, and of which nobody was told that.
    """
    late = FollowUp.objects.filter(state=FollowUpState.DUE, overdue_told_at=None, due_until__lte=at)
    return _rows(late.filter(client__in=client_ids))


def untried_of(client_ids: Iterable[int], *, at: datetime) -> list[FollowUp]:
    """
    Return the follow-ups of locked people that nobody tried for too long, and that did not go to supervisors yet.
    """
    waiting = Q(state__in=[FollowUpState.PENDING, FollowUpState.DUE], escalated_at=None, escalate_at__lte=at)
    return _rows(FollowUp.objects.filter(waiting, client__in=client_ids))


def _rows(rows: "QuerySet[FollowUp]") -> list[FollowUp]:
    return list(rows.select_related("plan").order_by("due_at", "pk"))
