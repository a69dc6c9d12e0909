"""
What supervisors read: tablets, shifts, debriefs, locked accounts, and what became of calls.

Reads only, and operational facts only: what was done for a person is not in any of these tables.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import CharField, Count, Exists, OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from dispatch.models import Assignment, Call, CallStatus, Debrief, Tandem
from dispatch.reasons import REASON_WORDS
from dispatch.words import ASKED_AS, DISPOSITIONS, SOURCES
from journal.models import Entry
from responders.models import Person, Shift, SignInGuard, Unit
from responders.sign_in import account_key
from tablets.models import Installation, SignOn, Tablet

# So many of the calls that ended are listed; all of them are counted.
LISTED = 200
_CLOSED = (CallStatus.CLOSED, CallStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How one call ended, as the person who took it may hear it.
    """

    call: Call
    units: str
    taken_by: str
    minutes: int
    disposition: str
    origin: str


@dataclass(frozen=True, slots=True)
class Tandems:
    """
    How many of the calls of a while were sent with a partner, and by which reason; overuse is the failure to watch.

    ``by_reason`` and ``by_asked`` count calls, each once for a reason. ``saved`` is the partners' hours from their release to
    the end of the call, which they would have been bound for.
    """

    calls: int
    percent: int
    by_reason: list[tuple[str, int, int]]
    by_asked: list[tuple[str, int, int]]
    released: int
    saved: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """
    What became of the calls of a while.
    """

    rows: list[Outcome]
    total: int
    by_disposition: list[tuple[str, int, int]]
    by_type: list[tuple[str, int, int]]
    by_taker: list[tuple[str, int, int]]
    tandems: Tandems


def tablets(agency_id: int) -> QuerySet[Tablet]:
    """
    Return tablets in use first, each with its unit, its last contact, who is signed on and its stores, the latest first.
    """
    stores = Installation.objects.order_by("-seen_at")
    signed_on = SignOn.objects.filter(ended_at=None).select_related("shift__person")
    return (
        Tablet.objects.filter(agency=agency_id)
        .select_related("unit", "contact", "paired_by")
        .prefetch_related(
            Prefetch("sign_ons", queryset=signed_on, to_attr="open_sign_ons"),
            Prefetch("installations", queryset=stores, to_attr="stores"),
        )
        .order_by("revoked_at", "unit__call_sign", "name")
    )


def units(agency_id: int) -> QuerySet[Unit]:
    """
    Return the units that a tablet can be paired with.
    """
    return Unit.objects.filter(agency=agency_id, outside=False, retired_at=None).order_by("call_sign")


def shifts(agency_id: int) -> QuerySet[Shift]:
    """
    Return the open shifts by unit.
    """
    return (
        Shift.objects.filter(unit__agency=agency_id, ended_at=None)
        .select_related("unit", "person")
        .order_by("unit__call_sign", "started_at")
    )


def debriefs(agency_id: int) -> QuerySet[Debrief]:
    """
    Return the debriefs: open ones first, then the latest closed.
    """
    return (
        Debrief.objects.filter(agency=agency_id)
        .select_related("poach__call__type", "poach__assignment__unit", "dispatcher", "sergeant", "closed_by")
        .order_by("closed_at", "-opened_at")
    )


def locked(agency_id: int) -> list[tuple[Person, datetime]]:
    """
    Return who is locked out after failed sign-ins, and since when.
    """
    people = {account_key(person.email): person for person in Person.objects.filter(agency=agency_id, is_active=True)}
    guards = SignInGuard.objects.filter(key__in=list(people), locked_at__isnull=False).order_by("locked_at")
    return [(people[bytes(guard.key)], guard.locked_at) for guard in guards if guard.locked_at is not None]


def outcomes(agency_id: int, *, since: datetime, until: datetime) -> Outcomes:
    """
    Return how the calls that CARE's units went to ended between two instants: the latest listed, all of them counted.
    """
    ended = Call.objects.filter(
        Exists(Assignment.objects.filter(call=OuterRef("pk"))),
        agency=agency_id,
        status__in=_CLOSED,
        closed_at__gte=since,
        closed_at__lt=until,
    )
    held = Assignment.objects.select_related("unit").order_by("assigned_at")
    listed = list(
        ended.select_related("type")
        .prefetch_related(Prefetch("assignments", queryset=held))
        .order_by("-closed_at")[:LISTED]
    )
    takers = _takers(listed)
    endings = ended.values_list("disposition", "status").annotate(Count("pk"))
    types = ended.values_list("type__label").annotate(Count("pk"))
    by_disposition: Counter[str] = Counter()
    for disposition, status, count in endings:
        by_disposition[_ending(disposition, status)] += count
    return Outcomes(
        rows=[_outcome(call, takers) for call in listed],
        total=by_disposition.total(),
        by_disposition=_shares(by_disposition),
        by_type=_shares(Counter(dict(types))),
        by_taker=_shares(_takers_counted(ended)),
        tandems=_tandems(ended, total=by_disposition.total()),
    )


def _tandems(calls: QuerySet[Call], *, total: int) -> Tandems:
    rows = Tandem.objects.filter(call__in=calls)
    of_reason: dict[str, set[int]] = defaultdict(set)
    of_asked: dict[str, set[int]] = defaultdict(set)
    hours, released, sent = 0.0, 0, set()
    found = rows.values_list("call_id", "reasons", "asked_as", "partner_released_at", "call__closed_at")
    for call_id, reasons, asked_as, released_at, closed_at in found:
        sent.add(call_id)
        of_asked[ASKED_AS.get(asked_as, asked_as)].add(call_id)
        for reason in reasons:
            of_reason[REASON_WORDS.get(reason, reason)].add(call_id)
        if released_at is not None and closed_at is not None:
            released += 1
            hours += max(0.0, (closed_at - released_at) / timedelta(hours=1))
    return Tandems(
        calls=len(sent),
        percent=round(100 * len(sent) / total) if total else 0,
        by_reason=_shares(Counter({name: len(of) for name, of in of_reason.items()})),
        by_asked=_shares(Counter({name: len(of) for name, of in of_asked.items()})),
        released=released,
        saved=round(hours, 1),
    )


def _outcome(call: Call, takers: dict[int, str]) -> Outcome:
    held = list(call.assignments.all())
    started = min((row.assigned_at for row in held), default=call.received_at)
    ended = call.closed_at or started
    first = next((row for row in held if row.primary), held[0] if held else None)
    return Outcome(
        call=call,
        units=", ".join(dict.fromkeys(row.unit.call_sign for row in held)),
        taken_by=takers.get(call.pk, SOURCES.get(call.source, call.source)),
        minutes=max(0, round((ended - started) / timedelta(minutes=1))),
        disposition=_ending(call.disposition, call.status),
        origin=first.origin if first else "",
    )


def _takers(calls: list[Call]) -> dict[int, str]:
    """
    Return who took each call at the desk, by name; calls that CAD sent are left out.
    """
    about = [f"call.{call.pk}" for call in calls]
    made = dict(
        Entry.objects.filter(about__in=about, kind="call.create", by__startswith="person:").values_list("about", "by")
    )
    names = _names(set(made.values()))
    return {int(key.partition(".")[2]): names.get(by, "") for key, by in made.items()}


def _takers_counted(calls: QuerySet[Call]) -> Counter[str]:
    """
    Count who took each of these calls, by name; what nobody typed counts for where it came from.
    """
    about = Concat(Value("call."), Cast(OuterRef("pk"), CharField()))
    made = Entry.objects.filter(about=about, kind="call.create", by__startswith="person:").order_by("pk")
    rows = list(
        calls.annotate(made_by=Subquery(made.values("by")[:1])).values_list("made_by", "source").annotate(Count("pk"))
    )
    names = _names({by for by, _, _ in rows if by})
    counted: Counter[str] = Counter()
    for by, source, count in rows:
        counted[names.get(by, "") if by else SOURCES.get(source, source)] += count
    return counted


def _names(keys: Collection[str]) -> dict[str, str]:
    """
    Return the names of people by what rows and entries keep of them ("person:7").
    """
    people = Person.objects.filter(pk__in=[int(key.partition(":")[2]) for key in keys])
    return {f"person:{pk}": name for pk, name in people.values_list("pk", "name")}


def _ending(disposition: str, status: str) -> str:
    return DISPOSITIONS.get(disposition, "Cancelled" if status == CallStatus.CANCELLED else "Closed")


def _shares(counts: Counter[str]) -> list[tuple[str, int, int]]:
    """
    Return (what, how often, percent of the most frequent) of the eight most frequent, the most frequent first.
    """
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:8]
    return [(name, count, round(100 * count / rows[0][1])) for name, count in rows]
