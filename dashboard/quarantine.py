"""
What supervisors read of reports that were kept: which, whose, about what, why, and what became of them.

Reads only. What a report says is opened here for one thing only, the call that it is about; its words are shown when
somebody asks to read them (tablets/actions/quarantine.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from dashboard import words
from dispatch.models import Assignment, Call
from dispatch.spans import since, span
from journal.refusals import Refusal
from responders.models import Person, Unit
from tablets.models import Quarantined, QuarantineState
from tablets.seals import open_args

# Of each cause so many are listed; of one cause alone a page.
PER_CAUSE: Final = 12
PER_PAGE: Final = 100
# A report that came later than this after it happened is said to be late.
_LATE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    Which reports are asked for; empty and None mean every one.
    """

    settled: bool = False
    code: str = ""
    unit: int | None = None
    person: int | None = None
    page: int = 1

    @property
    def narrowed(self) -> bool:
        """
        Tell whether this is fewer than all of a state.
        """
        return bool(self.code) or self.unit is not None or self.person is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """
    One value to choose by.
    """

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """
    One thing to choose by.
    """

    name: str
    label: str
    every: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class Kept:
    """
    One kept report, in words.
    """

    ticket: int
    name: str
    what: str
    call: Call | None
    happened_at: datetime
    ago: str
    late: str
    person: str
    unit: str
    tablet: str
    tablet_revoked: bool
    # What of it could not be understood.
    detail: str
    readable: bool
    tried: str
    settled_at: datetime | None
    settled_by: str
    settled_words: str
    settled_look: str
    settled_reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """
    The reports that were kept for one cause.
    """

    code: str
    cause: words.Cause
    count: int
    rows: list[Kept]


@dataclass(frozen=True, slots=True)
class Listed:
    """
    One page of kept reports by cause, the most frequent cause first.
    """

    open: int
    settled: int
    filters: list[Filter]
    groups: list[Group]


def causes(agency_id: int) -> list[tuple[str, words.Cause, int]]:
    """
    Return (code, cause, how many) of the reports that are kept for this agency's supervisors, the most frequent first.
    """
    rows = Quarantined.objects.filter(agency=agency_id, state=QuarantineState.OPEN).values_list("code")
    counted = rows.annotate(many=Count("pk"), message=Min("message")).order_by("-many", "code")
    return [(code, words.cause(code, message), many) for code, many, message in counted]


def listed(agency_id: int, chosen: Chosen, *, at: datetime) -> Listed:
    """
    Return the kept reports that were asked for.
    """
    counted: list[Mapping[str, Any]] = list(
        Quarantined.objects.filter(agency=agency_id)
        .values("code", "person", "person__name", "tablet__unit", "tablet__unit__call_sign")
        .annotate(
            open=Count("pk", filter=Q(state=QuarantineState.OPEN)),
            settled=Count("pk", filter=~Q(state=QuarantineState.OPEN)),
        )
    )
    state = "settled" if chosen.settled else "open"
    counts = Counter[str]()
    for tally in counted:
        if _fits(tally, chosen):
            counts[tally["code"]] += tally[state]
    rows = list(_rows(agency_id, chosen))
    calls = _calls(agency_id, rows)
    names = _names(agency_id, rows)
    by_code: dict[str, list[Quarantined]] = {}
    for row in rows:
        by_code.setdefault(row.code, []).append(row)
    groups = [
        Group(
            code=code,
            cause=words.cause(code, kept[0].message),
            count=counts[code],
            rows=[_kept(row, calls.get(row.pk), names, at=at) for row in kept],
        )
        for code, kept in by_code.items()
    ]
    return Listed(
        open=sum(tally["open"] for tally in counted),
        settled=sum(tally["settled"] for tally in counted),
        filters=_filters(counted, chosen, state),
        groups=sorted(groups, key=lambda group: (-group.count, group.code)),
    )


def arguments(row: Quarantined) -> list[tuple[str, str]]:
    """
    Return what a report says, as (what it is, what it says); ids as what they stand for.

    :raises Refusal: it is sealed with a key that this server does not have, or nothing in it can be understood.
    """
    args = open_args(row) or {}
    known = {name: label for name, label in _known(row.agency_id, args).items() if label}
    return [words.argument(name, known.get(name, value)) for name, value in args.items()]


def _known(agency_id: int, args: Mapping[str, Any]) -> dict[str, str]:
    """
    Return what the ids in these arguments stand for: numbers of calls, call signs, names.
    """
    ids = {name: value for name, value in args.items() if isinstance(value, int) and not isinstance(value, bool)}
    found = {}
    if "call" in ids:
        found["call"] = _call_words(Call.objects.filter(agency=agency_id, pk=ids["call"]).first())
    if "assignment" in ids:
        held = Assignment.objects.filter(call__agency=agency_id, pk=ids["assignment"])
        found["assignment"] = _call_words(next((row.call for row in held.select_related("call")), None))
    for name in ("unit", "to_unit"):
        if name in ids:
            units = Unit.objects.filter(agency=agency_id, pk=ids[name])
            found[name] = units.values_list("call_sign", flat=True).first() or ""
    if "person" in ids:
        people = Person.objects.filter(agency=agency_id, pk=ids["person"])
        found["person"] = people.values_list("name", flat=True).first() or ""
    return found


def _call_words(call: Call | None) -> str:
    return "" if call is None else f"{call.number}, {call.address}"


def _rows(agency_id: int, chosen: Chosen) -> QuerySet[Quarantined]:
    state = ~Q(state=QuarantineState.OPEN) if chosen.settled else Q(state=QuarantineState.OPEN)
    rows = Quarantined.objects.filter(state, agency=agency_id)
    if chosen.code:
        rows = rows.filter(code=chosen.code)
    if chosen.unit is not None:
        rows = rows.filter(tablet__unit=chosen.unit)
    if chosen.person is not None:
        rows = rows.filter(person=chosen.person)
    # What a tablet sent is tried again in the order in which it came; what is settled is read from the newest on.
    order = [F("closed_at").desc(), F("pk").desc()] if chosen.settled else [F("pk").asc()]
    most = PER_PAGE if chosen.code else PER_CAUSE
    before = most * (chosen.page - 1)
    return (
        rows.annotate(place=Window(RowNumber(), partition_by=["code"], order_by=order))
        .filter(place__gt=before, place__lte=before + most)
        .select_related("person", "tablet__unit")
        .order_by("code", "place")
    )


def _fits(row: Mapping[str, Any], chosen: Chosen) -> bool:
    return (
        (not chosen.code or row["code"] == chosen.code)
        and (chosen.unit is None or row["tablet__unit"] == chosen.unit)
        and (chosen.person is None or row["person"] == chosen.person)
    )


def _filters(counted: Iterable[Mapping[str, Any]], chosen: Chosen, state: str) -> list[Filter]:
    codes, units, people = Counter[str](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in counted:
        if row[state]:
            codes[row["code"]] += row[state]
            units[row["tablet__unit__call_sign"], str(row["tablet__unit"])] += row[state]
            if row["person"] is not None:
                people[row["person__name"], str(row["person"])] += row[state]
    causes = {(words.cause(code, code).title, code): count for code, count in codes.items()}
    return [
        Filter("code", "Cause", "Every cause", _choices(causes, chosen.code)),
        Filter("unit", "Unit", "Every unit", _choices(units, str(chosen.unit))),
        Filter("person", "Whose", "Everybody's", _choices(people, str(chosen.person))),
    ]


def _choices(counts: Mapping[tuple[str, str], int], chosen: str) -> list[Choice]:
    return [Choice(value, label, count, value == chosen) for (label, value), count in sorted(counts.items())]


def _calls(agency_id: int, rows: Iterable[Quarantined]) -> dict[int, Call]:
    """
    Return the call that each report is about, where it can be opened and the call is still known.
    """
    about: dict[int, tuple[str, int]] = {}
    for row in rows:
        try:
            args = open_args(row) or {}
        except Refusal:
            continue
        for thing in ("call", "assignment"):
            if isinstance(args.get(thing), int):
                about[row.pk] = (thing, args[thing])
                break
    held = Assignment.objects.filter(
        pk__in=[pk for thing, pk in about.values() if thing == "assignment"], call__agency=agency_id
    )
    call_of = dict(held.values_list("pk", "call_id"))
    calls_by_row = {ticket: call_of.get(pk) if thing == "assignment" else pk for ticket, (thing, pk) in about.items()}
    calls = Call.objects.filter(agency=agency_id).in_bulk([pk for pk in calls_by_row.values() if pk is not None])
    return {ticket: calls[pk] for ticket, pk in calls_by_row.items() if pk in calls}


def _names(agency_id: int, rows: Iterable[Quarantined]) -> dict[str, str]:
    ids = {row.closed_by.partition(":")[2] for row in rows if row.closed_by.startswith("person:")}
    people = Person.objects.filter(agency=agency_id, pk__in=[int(pk) for pk in ids if pk.isdigit()])
    return {f"person:{pk}": name for pk, name in people.values_list("pk", "name")}


def _kept(row: Quarantined, call: Call | None, names: Mapping[str, str], *, at: datetime) -> Kept:
    happened_at = row.happened_at or row.received_at
    late = row.received_at - happened_at
    look, said = _settled(row)
    return Kept(
        ticket=row.pk,
        name=row.ticket,
        what=words.kind(row.kind),
        call=call,
        happened_at=happened_at,
        ago=since(happened_at, at=at),
        late=span(late) if late > _LATE else "",
        person=row.person.name if row.person else "",
        unit=row.tablet.unit.call_sign,
        tablet=row.tablet.name,
        tablet_revoked=row.tablet.revoked_at is not None,
        detail=words.faults(row.facts),
        readable=words.is_operational(row.kind),
        tried=_tried(row, at=at),
        settled_at=row.closed_at,
        settled_by=names.get(row.closed_by, row.closed_by),
        settled_words=said,
        settled_look=look,
        settled_reason=row.reason,
    )


def _tried(row: Quarantined, *, at: datetime) -> str:
    if row.state != QuarantineState.OPEN or not row.retries:
        return ""
    often = "once" if row.retries == 1 else f"{row.retries} times"
    tried = f"Tried again {often}, the last time {since(row.retried_at, at=at)} ago"
    result = row.result or {}
    if result.get("status") == "refused":
        return f"{tried}: refused. {result.get('message', '')}".strip()
    if result.get("code") not in {None, row.code}:
        return f"{tried}: {words.cause(result['code'], result.get('message', '')).title}."
    return f"{tried}."


def _settled(row: Quarantined) -> tuple[str, str]:
    if row.state == QuarantineState.OPEN:
        return "", ""
    if row.state == QuarantineState.CLOSED:
        return "", "Closed:"
    answer = (row.result or {}).get("answer") or {}
    flags = " It does not fit everywhere; see “To look at”." if answer.get("flags") else ""
    return "good", f"Entered.{flags}"
