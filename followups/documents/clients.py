"""
Who holds what of the people met: the coordinators' boards, the units that are with somebody, the supervisors.

A unit holds somebody's record while it has an assignment at a call where they are, or a follow-up with them; both end by
themselves (followups/migrations/0003_marks.py marks the people at a call whose assignments change). Coordinators are told
that something changed, in ids, states and dates: what it is about they read on their pages, where each reading is entered.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeVar

from django.db.models import Model, Q, QuerySet

from dispatch.models import Assignment
from followups.documents import plans
from followups.models import (
    BreakGlass,
    CarePlan,
    Client,
    ClientCaution,
    ClientName,
    Contact,
    ContactWay,
    FollowUp,
    FollowUpState,
    Plan,
    PlanState,
    Strategy,
    StrategyKind,
)
from journal.subjects import Held

_Body = dict[str, Any]
_M = TypeVar("_M", bound=Model)

# What a crew sees to: a follow-up that waits for somebody's release sends it nowhere.
_SEEN_TO: Final = (FollowUpState.PENDING, FollowUpState.DUE)


@dataclass
class _About:
    """
    What hangs on one person.
    """

    names: list[ClientName] = field(default_factory=list)
    ways: list[ContactWay] = field(default_factory=list)
    strategies: list[Strategy] = field(default_factory=list)
    cautions: list[ClientCaution] = field(default_factory=list)
    care_plan: CarePlan | None = None
    contacts: list[Contact] = field(default_factory=list)
    plan: Plan | None = None
    follow_ups: list[FollowUp] = field(default_factory=list)
    break_glass: list[BreakGlass] = field(default_factory=list)
    # By unit: the calls through which it may read, in the order of their ids.
    calls: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    # Units to which a follow-up is assigned: they are told how to reach somebody.
    visiting: set[int] = field(default_factory=set)


def of_clients(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield what coordinators, units and supervisors hold of each person: ``client``, ``follow_up``, ``escalation`` and
    ``break_glass``. A record that was merged into another is held by nobody; who broke its glass is still told.
    """
    clients = list(Client.objects.filter(pk__in=ids).order_by("pk"))
    found = _about(clients)
    for client in clients:
        about = found[client.pk]
        for row in about.break_glass:
            yield Held(f"supervisors.{client.agency_id}", "break_glass", str(row.pk), client.pk, _break_glass(row))
        if client.merged_into_id is None:
            key = ("client", str(client.pk), client.pk)
            yield Held(f"coordinators.{client.agency_id}", *key, _head(client, about))
            for unit_id in sorted(about.visiting | set(about.calls)):
                yield Held(f"unit.{unit_id}", *key, _full(client, about, unit_id))
    yield from plans.of_plans([client.pk for client in clients if client.merged_into_id is None])


def _about(clients: Sequence[Client]) -> dict[int, _About]:
    found = {client.pk: _About() for client in clients}
    there = [client.pk for client in clients if client.merged_into_id is None]
    if there:
        _read(found, there)
    for row in BreakGlass.objects.filter(client__in=list(found), seen_at=None).select_related("person").order_by("pk"):
        found[row.client_id].break_glass.append(row)
    return found


def _read(found: dict[int, _About], ids: Sequence[int]) -> None:
    for contact in Contact.objects.filter(client__in=ids, ended_at=None).order_by("call_id", "pk"):
        found[contact.client_id].contacts.append(contact)
    for plan in Plan.objects.filter(client__in=ids, state__in=[PlanState.OPEN, PlanState.PAUSED]):
        found[plan.client_id].plan = plan
    for row in FollowUp.objects.open().filter(client__in=ids).order_by("due_at", "pk"):
        found[row.client_id].follow_ups.append(row)
    held: dict[int, list[int]] = defaultdict(list)
    calls = {contact.call_id for about in found.values() for contact in about.contacts}
    calls |= {row.call_id for about in found.values() for row in about.follow_ups if row.call_id is not None}
    if calls:
        # Whoever takes or gives up a call has its lock and marks who is there; whoever adds somebody there takes it too.
        rows = Assignment.objects.open().filter(call__in=calls).order_by("call_id", "unit_id")
        for call_id, unit_id in rows.values_list("call_id", "unit_id"):
            held[call_id].append(unit_id)
    audience = []
    for client_id in ids:
        about = found[client_id]
        for contact in about.contacts:
            for unit_id in held[contact.call_id]:
                about.calls[unit_id].append(contact.call_id)
        for row in about.follow_ups:
            if row.state in _SEEN_TO:
                about.visiting |= set() if row.unit_id is None else {row.unit_id}
                about.visiting |= set() if row.call_id is None else set(held[row.call_id])
        if about.calls or about.visiting:
            audience.append(client_id)
    if audience:
        _read_clinical(found, audience)


def _read_clinical(found: dict[int, _About], ids: Sequence[int]) -> None:
    # Only where a crew reads it: what nobody holds costs no query and no cipher.
    for name in ClientName.objects.filter(client__in=ids).order_by("-primary", "pk"):
        found[name.client_id].names.append(name)
    for client_id, ways in _by_client(ContactWay.objects.filter(client__in=ids, ended_at=None)):
        found[client_id].ways = list(ways)
    rows = Strategy.objects.filter(client__in=ids, ended_at=None).order_by("client_id", "position", "pk")
    for client_id, strategies in groupby(rows, key=attrgetter("client_id")):
        found[client_id].strategies = list(strategies)
    for client_id, cautions in _by_client(ClientCaution.objects.filter(client__in=ids, ended_at=None)):
        found[client_id].cautions = list(cautions)
    in_force = CarePlan.objects.filter(Q(approved_at__isnull=False), client__in=ids, ended_at=None)
    for plan in in_force.order_by("approved_at", "pk"):
        found[plan.client_id].care_plan = plan


def _by_client(rows: QuerySet[_M]) -> Iterable[tuple[int, Iterable[_M]]]:
    return groupby(rows.order_by("client_id", "pk"), key=attrgetter("client_id"))


def _head(client: Client, about: _About) -> _Body:
    return {
        "known_as": client.known_as,
        "familiar": client.familiar_at is not None,
        "deceased": client.deceased_at is not None,
        "deceased_said_at": client.deceased_said_at,
        "plan": about.plan and _plan_head(about.plan),
        "contact_unseen": sum(contact.seen_at is None for contact in about.contacts),
    }


def _full(client: Client, about: _About, unit_id: int) -> _Body:
    told = defaultdict(list)
    for row in about.strategies:
        told[row.kind].append(row.text)
    return {
        "name": about.names[0].text if about.names and about.names[0].primary else "",
        "aliases": [name.text for name in about.names if not name.primary],
        "known_as": client.known_as,
        "looks": client.looks,
        "born_on": client.born_on,
        "language": client.language,
        "interpreter": client.interpreter,
        "pronouns": client.pronouns,
        "deceased": client.deceased_at is not None,
        # Whether one still holds is for the reader's clock.
        "cautions": [
            {"text": row.text, "seen_on": row.seen_on, "expires_at": row.expires_at} for row in about.cautions
        ],
        "helps": told[StrategyKind.HELPS],
        "avoid": told[StrategyKind.AVOID],
        "baseline": told[StrategyKind.BASELINE],
        "elevated": told[StrategyKind.ELEVATED],
        "care_plan": about.care_plan and {"text": about.care_plan.text, "review_on": about.care_plan.review_on},
        "ways": [_way(row) for row in about.ways] if unit_id in about.visiting else [],
        "plan": about.plan and _plan(about.plan, about.follow_ups),
        "calls": about.calls.get(unit_id, []),
    }


def _plan_head(plan: Plan) -> _Body:
    return {
        "id": plan.pk,
        "state": plan.state,
        "round": plan.round,
        "based_at": plan.based_at,
        "assignee": plan.assignee_id,
        "pause_reason": plan.pause_reason,
    }


def _plan(plan: Plan, follow_ups: Sequence[FollowUp]) -> _Body:
    steps = [row for row in follow_ups if row.plan_id == plan.pk and row.round == plan.round]
    return {
        "state": plan.state,
        "steps": [{"step": row.step, "due_date": row.due_date, "state": row.state} for row in steps],
    }


def _way(row: ContactWay) -> _Body:
    return {
        "kind": row.kind,
        "value": row.value,
        "point": row.point and [round(row.point.x, 6), round(row.point.y, 6)],
        "may_say": row.may_say,
        "leave_message": row.leave_message,
        "hours": None if row.hours_from is None else [row.hours_from, row.hours_until],
        "note": row.note,
    }


def _break_glass(row: BreakGlass) -> _Body:
    return {
        "client": row.client_id,
        "person": row.person_id,
        "name": row.person.name,
        "reason": row.reason,
        "at": row.at,
        "ends_at": row.ends_at,
    }
