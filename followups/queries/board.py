"""
What coordinators work through: second responses by when they are due, with what one must know to do the next thing.

Each list takes a fixed number of queries, however long it is. Names and reasons are opened here: the page that asks
enters whose it has shown (followups/actions/readings.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from dispatch.models import Assignment
from dispatch.spans import span
from followups.fields import open_each
from followups.models import (
    Attempt,
    Client,
    ClientName,
    Consent,
    Contact,
    ContactWay,
    FollowUp,
    FollowUpState,
    Met,
    Plan,
    PlanState,
    Route,
    WayKind,
)
from followups.words import HOWS, MAY_SAY, PAUSES, RESULTS, ROUTES
from responders.models import Agency, Person, Unit

PER_PAGE: Final = 300
# Further ahead than this nobody plans the day by it.
SOON: Final = timedelta(days=14)
SHOWS: Final[dict[str, str]] = {
    "": "To do",
    "overdue": "Overdue",
    "today": "Today",
    "coming": "Coming",
    "waiting": "Paused",
}
_OPEN: Final = (FollowUpState.PENDING, FollowUpState.DUE, FollowUpState.WAITING)


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    Which second responses are asked for. ``who`` is "p" and a person's id, "u" and a unit's, or "none"; ``area`` an id, or
    0 for those that are in no area; empty and None mean every one.
    """

    show: str = ""
    area: int | None = None
    who: str = ""
    page: int = 1

    @property
    def narrowed(self) -> bool:
        """
        Tell whether this is fewer than all of what is shown.
        """
        return self.area is not None or bool(self.who)


@dataclass(frozen=True, slots=True)
class Told:
    """
    One thing with the instant at which it was so.
    """

    words: str
    at: datetime
    ago: str


@dataclass(frozen=True, slots=True)
class Row:
    """
    One second response, in words. ``group`` is a key of ``GROUPS``.
    """

    id: int
    client: UUID
    client_id: int
    name: str
    why: str
    risk: bool
    step: str
    group: str
    due_date: date
    due_at: datetime
    due_until: datetime
    late: str
    norm: str
    norm_missed: bool
    escalated_at: datetime | None
    area: str
    assignee: str
    person_id: int | None
    unit: str
    unit_id: int | None
    out: str
    address: str
    point: tuple[float, float] | None
    ways: list[tuple[str, str]]
    last: Told | None
    attempts: int
    consent: str
    consent_gives: bool
    next_step: str
    plan_id: int | None
    plan_state: str
    unseen: int


GROUPS: Final[dict[str, str]] = {
    "overdue": "Overdue",
    "now": "Due now",
    "today": "Later today",
    "coming": "Coming",
    "waiting": "Paused: in hospital or custody",
}


@dataclass(frozen=True, slots=True)
class Group:
    """
    The rows that are due alike.
    """

    key: str
    title: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    One value that a list can be narrowed to.
    """

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Board:
    """
    A page of the board: its groups, and how many there are of each kind.
    """

    groups: list[Group]
    counts: dict[str, int]
    areas: list[Choice]
    people: list[Choice]
    total: int
    first: int
    last: int

    @property
    def clients(self) -> list[int]:
        """
        Return whose names are on it.
        """
        return [row.client_id for group in self.groups for row in group.rows]


class Load(NamedTuple):
    """
    What one assignee has, and how old the oldest overdue is.
    """

    who: str
    value: str
    open: int
    today: int
    overdue: int
    ages: list[int]
    oldest: str


# Days overdue, up to; the last band has no end.
AGES: Final = (1, 3, 7)


def end_of_day(zone: str, at: datetime) -> datetime:
    """
    Return the end of the local day of an instant: the first instant of the next.
    """
    here = ZoneInfo(zone)
    return datetime.combine(at.astimezone(here).date() + timedelta(days=1), time(0), here)


def listed(agency_id: int, chosen: Chosen, *, at: datetime) -> Board:
    """
    Return a page of the second responses of an agency, the most pressing first.
    """
    agency = Agency.objects.get(pk=agency_id)
    tomorrow = end_of_day(agency.timezone, at)
    every = FollowUp.objects.filter(agency=agency_id, state__in=_OPEN)
    mine = _narrowed(every, chosen)
    shown = mine.filter(_shown(chosen.show, at=at, tomorrow=tomorrow))
    # What is late first, of that what is dangerous; then by when it is due.
    late = open_each(shown.filter(_late(at)).only("key", "risk", "due_at"))
    late.sort(key=lambda row: (not row.risk, row.due_at, row.pk))
    rest = shown.exclude(_late(at)).order_by("due_at", "pk").values_list("pk", flat=True)
    ids = [*(row.pk for row in late), *rest]
    start = PER_PAGE * (chosen.page - 1)
    rows = rows_of(ids[start : start + PER_PAGE], agency=agency, at=at)
    groups = [
        Group(key=key, title=title, rows=[row for row in rows if row.group == key]) for key, title in GROUPS.items()
    ]
    return Board(
        groups=[group for group in groups if group.rows],
        counts=_counts(mine, at=at, tomorrow=tomorrow),
        areas=_areas(every, chosen),
        people=_people(agency_id, every, chosen),
        total=len(ids),
        first=start + 1,
        last=start + len(rows),
    )


def _late(at: datetime) -> Q:
    # A sweep that is behind makes nothing less late.
    return Q(state__in=[FollowUpState.PENDING, FollowUpState.DUE], due_until__lte=at)


def _shown(show: str, *, at: datetime, tomorrow: datetime) -> Q:
    waits = Q(state=FollowUpState.WAITING)
    return {
        "": ~waits & Q(due_at__lt=tomorrow),
        "overdue": _late(at),
        "today": ~waits & ~_late(at) & Q(due_at__lt=tomorrow),
        "coming": ~waits & Q(due_at__gte=tomorrow),
        "waiting": waits,
    }[show]


def _counts(rows: QuerySet[FollowUp], *, at: datetime, tomorrow: datetime) -> dict[str, int]:
    counted = {show or "todo": Count("pk", filter=_shown(show, at=at, tomorrow=tomorrow)) for show in SHOWS}
    return rows.aggregate(**counted)


def _narrowed(rows: QuerySet[FollowUp], chosen: Chosen) -> QuerySet[FollowUp]:
    if chosen.area is not None:
        rows = rows.filter(area=chosen.area or None)
    if chosen.who == "none":
        rows = rows.filter(assignee=None, unit=None, plan__assignee=None)
    elif chosen.who.startswith("p"):
        person = int(chosen.who[1:])
        rows = rows.filter(Q(assignee=person) | Q(assignee=None, unit=None, plan__assignee=person))
    elif chosen.who.startswith("u"):
        rows = rows.filter(unit=int(chosen.who[1:]))
    return rows


def _areas(rows: QuerySet[FollowUp], chosen: Chosen) -> list[Choice]:
    counted = {
        row["area"] or 0: (row["area__name"] or "No area", row["many"])
        for row in rows.values("area", "area__name").annotate(many=Count("pk"))
    }
    return [
        Choice(value=str(area), label=name, count=many, chosen=chosen.area == area)
        for area, (name, many) in sorted(counted.items(), key=lambda item: (item[0] == 0, item[1][0]))
    ]


def _people(agency_id: int, rows: QuerySet[FollowUp], chosen: Chosen) -> list[Choice]:
    return [
        Choice(value=load.value, label=load.who, count=load.open, chosen=chosen.who == load.value)
        for load in _loads(agency_id, rows)
    ]


def rows_of(ids: Sequence[int], *, agency: Agency, at: datetime) -> list[Row]:
    """
    Return these second responses in words, in this order.
    """
    found = FollowUp.objects.filter(pk__in=ids).select_related(
        "client", "plan", "plan__assignee", "plan__encounter", "area", "assignee", "unit"
    )
    by_id = {row.pk: row for row in open_each(found)}
    rows = [by_id[pk] for pk in ids if pk in by_id]
    open_each(row.plan for row in rows if row.plan is not None)
    about = _About.of(
        {row.client_id for row in rows},
        plans={row.plan_id for row in rows if row.plan_id},
        today=at.astimezone(agency.zone).date(),
    )
    tomorrow = end_of_day(agency.timezone, at)
    out = _calls_out([row.call_id for row in rows if row.call_id])
    return [_row(row, about, tomorrow=tomorrow, out=out, at=at) for row in rows]


def names_of(clients: Collection[int]) -> dict[int, str]:
    """
    Return what people are called on coordinators' pages: their name, how they look, or that nobody knows.
    """
    names = dict(ClientName.objects.filter(client__in=clients, primary=True).values_list("client", "text"))
    looks = Client.objects.filter(pk__in=[pk for pk in clients if pk not in names])
    return names | {row.pk: row.looks or f"Not known by name ({row.pk})" for row in open_each(looks)}


def news(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """
    Return which of these contacts are news to coordinators: of somebody who was met or planned for before, and not on a
    visit that they sent themselves.
    """
    before = Contact.objects.filter(client=OuterRef("client"), ended_at=None, at__lt=OuterRef("at"))
    planned = Plan.objects.filter(client=OuterRef("client"), opened_at__lt=OuterRef("at"))
    rows = contacts.filter(Q(Exists(before)) | Q(Exists(planned)), seen_at=None, ended_at=None)
    return rows.exclude(route=Route.VISIT)


@dataclass
class _About:
    """
    What hangs on the people of a list.
    """

    names: dict[int, str]
    attempts: dict[int, Attempt]
    tries: dict[int, int]
    met: dict[int, Met]
    contacts: dict[int, Contact]
    unseen: dict[int, int]
    consents: dict[int, list[Consent]]
    ways: dict[int, list[ContactWay]]
    agreed: dict[int, bool | None]

    @classmethod
    def of(cls, clients: set[int], *, plans: set[int], today: date) -> "_About":
        attempts = Attempt.objects.filter(client__in=clients)
        met = Met.objects.filter(client__in=clients).select_related("encounter")
        contacts = Contact.objects.filter(client__in=clients, ended_at=None)
        consents = Consent.objects.filter(client__in=clients, revoked_at=None, ended_at=None).exclude(
            expires_on__lt=today
        )
        ways = ContactWay.objects.filter(client__in=clients, ended_at=None).order_by("client", "pk")
        agreed = Met.objects.filter(encounter__plans__in=plans, client=F("encounter__plans__client"))
        return cls(
            names=names_of(clients),
            attempts={row.client_id: row for row in open_each(attempts.order_by("client", "-at").distinct("client"))},
            tries=dict(
                attempts.filter(follow_up__state__in=_OPEN)
                .values_list("follow_up")
                .annotate(many=Count("pk"))
                .values_list("follow_up", "many")
            ),
            met={
                row.client_id: row
                for row in open_each(met.order_by("client", "-encounter__opened_at").distinct("client"))
                if row.client_id is not None
            },
            contacts={row.client_id: row for row in contacts.order_by("client", "-at").distinct("client")},
            unseen=dict(news(contacts).values_list("client").annotate(many=Count("pk")).order_by("client")),
            consents=_by_client(open_each(consents)),
            ways=_by_client(open_each(ways)),
            agreed=dict(agreed.values_list("encounter__plans", "agreed")),
        )


def _by_client(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.client_id].append(row)
    return found


def _calls_out(calls: Iterable[int]) -> dict[int, str]:
    return dict(Assignment.objects.open().filter(call__in=list(calls)).values_list("call", "unit__call_sign"))


def _row(row: FollowUp, about: _About, *, tomorrow: datetime, out: dict[int, str], at: datetime) -> Row:
    plan = row.plan
    assignee = row.assignee or (plan.assignee if plan is not None and row.unit is None else None)
    norm_at = _norm_at(row)
    attempt = about.attempts.get(row.client_id)
    consent, gives = _consent(row, about)
    return Row(
        id=row.pk,
        client=row.client.key,
        client_id=row.client_id,
        name=about.names.get(row.client_id, ""),
        why=row.reason or (plan.reason if plan else ""),
        risk=row.risk,
        step=_step(row, plan),
        group=_group(row, tomorrow=tomorrow, at=at),
        due_date=row.due_date,
        due_at=row.due_at,
        due_until=row.due_until,
        late=span(at - row.due_until) if row.due_until <= at and row.state != FollowUpState.WAITING else "",
        norm="" if norm_at is None else span(abs(norm_at - at)),
        norm_missed=norm_at is not None and norm_at <= at,
        escalated_at=row.escalated_at,
        area=row.area.name if row.area else "",
        assignee=assignee.name if assignee else "",
        person_id=assignee.pk if assignee else None,
        unit=row.unit.call_sign if row.unit else "",
        unit_id=row.unit_id,
        out=out.get(row.call_id or 0, ""),
        address="" if row.address in {way.value for way in about.ways.get(row.client_id, [])[:2]} else row.address,
        point=_point(row, about),
        ways=[(way.kind, way_words(way)) for way in about.ways.get(row.client_id, [])[:2]],
        last=_last(row.client_id, about, at=at),
        attempts=about.tries.get(row.pk, 0),
        consent=consent,
        consent_gives=gives,
        next_step=attempt.next_step if attempt is not None and attempt.next_step else _first_step(row, about),
        plan_id=row.plan_id,
        plan_state=PAUSES.get(plan.pause_reason, "") if plan is not None and plan.state == PlanState.PAUSED else "",
        unseen=about.unseen.get(row.client_id, 0),
    )


def _point(row: FollowUp, about: _About) -> tuple[float, float] | None:
    """
    Return where it is to be, as longitude and latitude: its own place, else one where the person is known to be.
    """
    points = [row.point, *(way.point for way in about.ways.get(row.client_id, []))]
    return next(((point.x, point.y) for point in points if point is not None), None)


def _group(row: FollowUp, *, tomorrow: datetime, at: datetime) -> str:
    if row.state == FollowUpState.WAITING:
        return "waiting"
    if row.due_until <= at:
        return "overdue"
    if row.due_at <= at:
        return "now"
    return "today" if row.due_at < tomorrow else "coming"


def _step(row: FollowUp, plan: Plan | None) -> str:
    if plan is None or row.step is None:
        return "Single"
    done = [step for step in plan.steps if step <= row.step]
    return f"Day {row.step} · {len(done)} of {len(plan.steps)}"


def _norm_at(row: FollowUp) -> datetime | None:
    """
    Return by when the first attempt should be made, as it was promised when the plan was made (``rules.hours_of_step``). None
    when one was made, or the step is not the first.
    """
    plan = row.plan
    if row.first_attempt_at is not None or plan is None or row.step != min(plan.steps, default=None):
        return None
    if row.state == FollowUpState.WAITING:
        return None
    # Its day may have been moved since, and the programme changed: the norm was not.
    return row.try_by or end_of_day(row.zone, plan.based_at + timedelta(days=1))


def _consent(row: FollowUp, about: _About) -> tuple[str, bool]:
    """
    Return in words whether the person agreed to be seen again and what may be told to others, and whether both are so.
    """
    agreed = about.agreed.get(row.plan_id or 0)
    said = "Agreed" if agreed else "Not asked" if row.plan_id in about.agreed else "Planned by hand"
    releases = about.consents.get(row.client_id, [])
    if not releases:
        return f"{said} · no release", False
    many = "1 release" if len(releases) == 1 else f"{len(releases)} releases"
    return f"{said} · {many} in force", True


def _first_step(row: FollowUp, about: _About) -> str:
    if row.state == FollowUpState.WAITING:
        return "Ask when they are released"
    if row.assignee_id is None and row.unit_id is None and (row.plan is None or row.plan.assignee_id is None):
        return "Assign it"
    ways = about.ways.get(row.client_id, [])
    if any(way.kind == WayKind.PHONE for way in ways):
        return "Call, then visit"
    return "Visit" if row.address or ways else "Find out where they are"


def _last(client: int, about: _About, *, at: datetime) -> Told | None:
    """
    Return the last time that anybody met, saw or tried to reach a person.
    """
    told = []
    if attempt := about.attempts.get(client):
        told.append((attempt.at, f"{RESULTS[attempt.result]} ({HOWS[attempt.how].lower()})"))
    if met := about.met.get(client):
        told.append((met.encounter.opened_at, "Met by a crew"))
    if (contact := about.contacts.get(client)) and not any(then >= contact.at for then, _ in told):
        told.append((contact.at, ROUTES[contact.route]))
    if not told:
        return None
    then, words = max(told)
    return Told(words=words, at=then, ago=span(at - then))


def way_words(way: ContactWay) -> str:
    """
    Return how somebody can be reached and what may be said there, in one line.
    """
    say = MAY_SAY[way.may_say]
    # At a shelter the reason is never disclosed, whatever is kept.
    if way.kind == WayKind.SHELTER:
        say = "Never say why"
    hours = f", {way.hours_from:%H:%M} to {way.hours_until:%H:%M}" if way.hours_from and way.hours_until else ""
    message = "a message is fine" if way.leave_message else "no message"
    return f"{way.value}: {say[0].lower()}{say[1:]}, {message}{hours}"


def loads(agency_id: int, *, at: datetime) -> list[Load]:
    """
    Return how much each person and unit has, and how old what is overdue is; who has most of that first.
    """
    agency = Agency.objects.get(pk=agency_id)
    rows = FollowUp.objects.filter(agency=agency_id, state__in=_OPEN)
    return sorted(
        _loads(agency_id, rows, at=at, tomorrow=end_of_day(agency.timezone, at)),
        key=lambda load: (-load.overdue, -load.open, load.who),
    )


def _loads(
    agency_id: int, rows: QuerySet[FollowUp], *, at: datetime | None = None, tomorrow: datetime | None = None
) -> list[Load]:
    # Whose it is: the person it was given to, else the unit, else whoever has the plan.
    every = rows.values_list("assignee", "unit", "plan__assignee", "state", "due_at", "due_until")
    gathered: dict[str, list[tuple[str, datetime, datetime]]] = defaultdict(list)
    for person, unit, keeper, state, due_at, due_until in every:
        gathered[_whose(person, unit, keeper)].append((state, due_at, due_until))
    people = dict(Person.objects.filter(agency=agency_id).values_list("pk", "name"))
    units = dict(Unit.objects.filter(agency=agency_id).values_list("pk", "call_sign"))
    names = {f"p{pk}": name for pk, name in people.items()} | {f"u{pk}": sign for pk, sign in units.items()}
    found = []
    for whose, theirs in gathered.items():
        late = [
            (at - until).days for state, _, until in theirs if at and until <= at and state != FollowUpState.WAITING
        ]
        bands = [
            sum(low <= days < high for days in late) for low, high in zip((0, *AGES), (*AGES, 10**6), strict=True)
        ]
        oldest = min((until for state, _, until in theirs if state != FollowUpState.WAITING), default=None)
        found.append(
            Load(
                who=names.get(whose, "Nobody yet"),
                value=whose,
                open=len(theirs),
                today=sum(
                    state != FollowUpState.WAITING and bool(tomorrow) and due < tomorrow
                    for state, due, _ in theirs
                    if tomorrow
                ),
                overdue=len(late),
                ages=bands,
                oldest=span(at - oldest) if at and oldest and oldest <= at else "",
            )
        )
    return sorted(found, key=lambda load: (load.value != "none", load.value[0] != "p", load.who))


def _whose(person: int | None, unit: int | None, keeper: int | None) -> str:
    if person is not None:
        return f"p{person}"
    if unit is not None:
        return f"u{unit}"
    return "none" if keeper is None else f"p{keeper}"
