"""
What else comes to coordinators and supervisors: new contacts, familiar faces, referrals without a call, escalations, and
records that somebody opened for a reason.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from dispatch.spans import span
from followups.models import (
    BreakGlass,
    Client,
    Contact,
    Encounter,
    EncounterState,
    FollowUp,
    Intake,
    IntakeState,
    Plan,
    PlanState,
    Programme,
    Strategy,
    StrategyKind,
)
from followups.queries.board import names_of, news
from followups.words import PLANS, ROUTES
from responders.models import Agency

AT_MOST: Final = 200
# What a familiar face is shown with, of each kind.
_NAMED: Final = 3
_OPEN_PLAN: Final = (PlanState.OPEN, PlanState.PAUSED)
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class NewContact:
    """
    Somebody who was met or planned for before was at a call, and no coordinator has taken notice of it yet.
    """

    id: int
    client: UUID
    client_id: int
    name: str
    route: str
    at: datetime
    ago: str
    address: str
    number: str
    plan: str


@dataclass(frozen=True, slots=True)
class Familiar:
    """
    A familiar face, and the pattern: where, when, what helped.
    """

    client: UUID
    client_id: int
    name: str
    since: datetime
    contacts: int
    days: int
    places: list[tuple[str, int]]
    times: list[tuple[str, int]]
    helps: list[str]
    plan: str
    last_at: datetime | None
    last_ago: str


@dataclass(frozen=True, slots=True)
class Referred:
    """
    A referral of a person for later contact.
    """

    row: Intake
    ago: str
    by: str
    client: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Opened:
    """
    A record that somebody opened although they may not read it.
    """

    row: BreakGlass
    name: str
    ago: str
    lasts: bool


@dataclass(frozen=True, slots=True)
class Late:
    """
    A second response that waits for its first attempt for so long that supervisors are told.
    """

    row: FollowUp
    name: str
    since: str
    assignee: str


def new_contacts(agency_id: int, *, at: datetime) -> list[NewContact]:
    """
    Return the contacts that are news, the newest first.
    """
    rows = list(
        news(Contact.objects.filter(client__agency=agency_id))
        .select_related("client", "call")
        .order_by("-at", "-pk")[:AT_MOST]
    )
    ids = {row.client_id for row in rows}
    names, plans = names_of(ids), plan_words(ids)
    return [
        NewContact(
            id=row.pk,
            client=row.client.key,
            client_id=row.client_id,
            name=names.get(row.client_id, ""),
            route=ROUTES[row.route],
            at=row.at,
            ago=span(at - row.at),
            address=row.call.address,
            number=row.call.number,
            plan=plans.get(row.client_id, ""),
        )
        for row in rows
    ]


def familiar(agency_id: int, *, at: datetime) -> list[Familiar]:
    """
    Return familiar faces with the calls of the programme's window, who was met most often first.
    """
    programme = Programme.objects.filter(agency=agency_id).first() or Programme(agency_id=agency_id)
    zone = ZoneInfo(Agency.objects.get(pk=agency_id).timezone)
    since = at - timedelta(days=programme.familiar_days)
    clients = list(
        Client.objects.standing()
        .filter(agency=agency_id, familiar_at__isnull=False, deceased_at=None)
        .order_by("-familiar_at")[:AT_MOST]
    )
    ids = {client.pk for client in clients}
    contacts: dict[int, list[Contact]] = defaultdict(list)
    for contact in Contact.objects.filter(client__in=ids, ended_at=None, at__gte=since).select_related("call"):
        contacts[contact.client_id].append(contact)
    helps: dict[int, list[str]] = defaultdict(list)
    for strategy in Strategy.objects.filter(client__in=ids, kind=StrategyKind.HELPS, ended_at=None).order_by(
        "client", "position", "pk"
    ):
        helps[strategy.client_id].append(strategy.text)
    names, plans = names_of(ids), plan_words(ids)
    found = []
    for client in clients:
        theirs = contacts[client.pk]
        last_at = max((one.at for one in theirs), default=None)
        found.append(
            Familiar(
                client=client.key,
                client_id=client.pk,
                name=names.get(client.pk, ""),
                since=client.familiar_at or at,
                contacts=len(theirs),
                days=programme.familiar_days,
                places=Counter(one.call.address for one in theirs if one.call.address).most_common(_NAMED),
                times=Counter(_part_of_week(one.at, zone) for one in theirs).most_common(_NAMED),
                helps=helps[client.pk][:_NAMED],
                plan=plans.get(client.pk, ""),
                last_at=last_at,
                last_ago="" if last_at is None else span(at - last_at),
            )
        )
    return sorted(found, key=lambda one: (-one.contacts, one.name))


def _part_of_week(at: datetime, zone: ZoneInfo) -> str:
    here = at.astimezone(zone)
    part = ("night", "morning", "afternoon", "evening")[here.hour // 6]
    return f"{_WEEKDAYS[here.weekday()]} {part}"


def plan_words(clients: Collection[int]) -> dict[int, str]:
    """
    Return of each person who has an open plan how it stands: "Open, next 5 Jun".
    """
    plans = Plan.objects.filter(client__in=clients, state__in=_OPEN_PLAN)
    coming: dict[int, Any] = {}
    for plan, due in FollowUp.objects.open().filter(plan__in=plans).order_by("due_at").values_list("plan", "due_date"):
        coming.setdefault(plan, due)
    return {
        plan.client_id: f"Plan {PLANS[plan.state].lower()}"
        + (f", next {coming[plan.pk]:%-d %b}" if plan.pk in coming else "")
        for plan in plans
    }


def intakes(agency_id: int, *, at: datetime) -> list[Referred]:
    """
    Return referrals without a call that are not closed: those that nobody has taken first, the oldest first.
    """
    rows = list(
        Intake.objects.filter(agency=agency_id)
        .exclude(state=IntakeState.CLOSED)
        .select_related("referral", "referral__officer", "referral__key", "client", "taken_by")
        .order_by("-state", "made_at", "pk")[:AT_MOST]
    )
    # NEW before TAKEN.
    rows.sort(key=lambda row: (row.state != IntakeState.NEW, row.made_at))
    names = names_of({row.client_id for row in rows if row.client_id is not None})
    return [
        Referred(
            row=row,
            ago=span(at - row.made_at),
            by=sender_of(row),
            client=row.client.key if row.client else None,
            name=names.get(row.client_id or 0, ""),
        )
        for row in rows
    ]


def sender_of(row: Intake) -> str:
    """
    Return who referred somebody: an officer, or the provider whose key it was.
    """
    if row.referral.officer is not None:
        return row.referral.officer.name
    return row.referral.key.name if row.referral.key is not None else ""


def opened(agency_id: int, *, at: datetime) -> list[Opened]:
    """
    Return records that were opened by break-glass: those that no supervisor has looked at first, then the newest.
    """
    rows = list(
        BreakGlass.objects.filter(client__agency=agency_id)
        .select_related("client", "person", "seen_by")
        .order_by("-at")[:AT_MOST]
    )
    rows.sort(key=lambda row: row.seen_at is not None)
    names = names_of({row.client_id for row in rows})
    return [
        Opened(row=row, name=names.get(row.client_id, ""), ago=span(at - row.at), lasts=row.ends_at > at)
        for row in rows
    ]


def late(agency_id: int, *, at: datetime) -> list[Late]:
    """
    Return what was escalated and is still open, the oldest first.
    """
    rows = list(
        FollowUp.objects.open()
        .filter(agency=agency_id, escalated_at__isnull=False, first_attempt_at=None)
        .select_related("client", "plan__assignee", "assignee", "unit")
        .order_by("due_at", "pk")[:AT_MOST]
    )
    names = names_of({row.client_id for row in rows})
    return [
        Late(
            row=row,
            name=names.get(row.client_id, ""),
            since=span(at - row.due_at),
            assignee=_assignee(row),
        )
        for row in rows
    ]


def _assignee(row: FollowUp) -> str:
    if row.assignee is not None:
        return row.assignee.name
    if row.unit is not None:
        return row.unit.call_sign
    return row.plan.assignee.name if row.plan is not None and row.plan.assignee is not None else "Nobody yet"


def tallies(agency_id: int) -> dict[str, int]:
    """
    Return how many of each list wait for somebody.
    """
    return {
        "contacts": news(Contact.objects.filter(client__agency=agency_id)).count(),
        "referrals": Intake.objects.filter(agency=agency_id, state=IntakeState.NEW).count(),
        "opened": BreakGlass.objects.filter(client__agency=agency_id, seen_at=None).count(),
        "reports": Encounter.objects.filter(agency=agency_id, state=EncounterState.SIGNED, to_check=True).count(),
        "late": FollowUp.objects.open()
        .filter(agency=agency_id, escalated_at__isnull=False, first_attempt_at=None)
        .count(),
    }
