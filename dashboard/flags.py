"""
What supervisors read of flags: what does not fit, about which call and unit, what was said and what stands, and who has
looked at it.

Reads only, and operational facts only: what is settled goes through the action ``flag.settle``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Max, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from dashboard.quarantine import Choice, Filter
from dispatch.models import Call, Flag
from dispatch.spans import since, span
from dispatch.words import ANSWERS, DISPOSITIONS, DISQUALIFIERS, FLAGS, STATUSES
from responders.models import Unit

# Of each cause so many are listed when it is opened; of one cause alone a page.
PER_CAUSE: Final = 12
PER_PAGE: Final = 100
# Of the units of a cause so many are named.
_NAMED: Final = 4
# What came later than this after it happened is said to be late.
_LATE: Final = timedelta(minutes=1)

# What a person who looks at it would look at.
NEXT: Final[dict[str, str]] = {
    "late_scope": "The tablet had no signal. Both are kept: what the crew says it did, and what became of the call meanwhile.",
    "call_already_closed": "The call stays as it was closed. Compare how the crew says that it ended.",
    "out_of_order": "Steps are missing or were told twice. Times that were told first stay.",
    "contested": "Two crews went to one call. The one that holds it did not change.",
    "unassigned_on_scene": "A crew went to a call before it was theirs.",
    "on_view_crew_gone": "The encounter is a call without a crew until the crew says how it ended, or the desk does.",
    "on_view_number_conflict": "Both numbers are kept. Find out which incident it is.",
    "hand_over_impossible": "The shift ended; the call waits again, and the desk was alarmed.",
    "sign_off_left_call": "The call came while the tablet was silent; it waits again, and the desk was alarmed.",
    "answer_after_close": "The decision about the call did not change any more.",
    "note_after_close": "The note is on the call.",
    "time_conflict": "Ours stay. CAD's are kept beside them.",
    "unknown_type": "It counts as RED until somebody gives it a color.",
    "cad_closed_under_unit": "The crew keeps the call until it clears.",
    "cad_reopened_after_close": "It stays closed here until somebody opens another.",
}
# What was told: kinds of actions and of entries, which facts name.
_TOLD: Final[dict[str, str]] = {
    "assignment.acknowledged": "Acknowledged",
    "assignment.en_route": "En route",
    "assignment.staged": "Staged",
    "assignment.arrived": "On scene",
    "assignment.transporting": "Transporting",
    "assignment.at_destination": "At destination",
    "assignment.cleared": "Clear",
    "call.at_scene": "On scene",
    "call.on_view": "On-view",
    "call.check": "Check",
    "call.attach": "Photo or signature",
    "call.note": "Note",
    "shift.sign_off": "Signed off",
    "stop.acknowledged": "STOP seen",
}
_TIMES_OF_CAD: Final = {"en_route_at": "En route", "on_scene_at": "On scene", "cleared_at": "Clear"}
_WHY_ONLY_TOLD: Final = {
    "UNIT_BUSY": "It had another call",
    "UNIT_MOVED_ON": "It had another call since",
    "CREW_GONE": "Its crew had gone off shift",
}
_AGAINST: Final = {
    "crew_gone": "The crew had left long before we heard of it",
    "unit_busy": "It had a call",
    "unit_not_dispatchable": "It could not be sent",
    "hand_over_already_asked": "Another unit had been asked already",
    "call_not_held": "The call was not the crew's to give",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    Which flags are asked for; empty and None mean every one.
    """

    settled: bool = False
    code: str = ""
    unit: int | None = None
    page: int = 1

    @property
    def narrowed(self) -> bool:
        """
        Tell whether this is fewer than all of a state.
        """
        return bool(self.code) or self.unit is not None


@dataclass(frozen=True, slots=True)
class Detail:
    """
    One thing that a flag says: in words, by an instant, or both.
    """

    label: str
    words: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Flagged:
    """
    One flag, in words.
    """

    id: int
    call: Call
    unit: str
    what: str
    details: list[Detail]
    happened_at: datetime
    ago: str
    late: str
    recorded_at: datetime
    settled_at: datetime | None
    settled_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Group:
    """
    The flags of one cause: one row of the list until it is opened.
    """

    code: str
    title: str
    next_step: str
    count: int
    units: str
    oldest: str
    oldest_at: datetime
    # Nothing that comes after the page was drawn is settled together with what stood on it.
    newest: int
    rows: list[Flagged]


@dataclass(frozen=True, slots=True)
class Listed:
    """
    One page of flags by cause, the most frequent cause first.
    """

    open: int
    settled: int
    filters: list[Filter]
    groups: list[Group]


def title(code: str) -> str:
    """
    Return what a cause is called.
    """
    return FLAGS.get(code, code)


def causes(agency_id: int) -> list[tuple[str, int]]:
    """
    Return (code, how many) of the open flags of an agency by cause, the most frequent first.
    """
    rows = Flag.objects.filter(call__agency=agency_id, resolved_at=None).values_list("code")
    return list(rows.annotate(many=Count("pk")).order_by("-many", "code"))


def ids(agency_id: int, *, code: str, unit: int | None, until: int) -> list[int]:
    """
    Return the open flags of one cause that are no newer than ``until``, by id.
    """
    rows = Flag.objects.filter(call__agency=agency_id, resolved_at=None, code=code, pk__lte=until)
    if unit is not None:
        rows = rows.filter(unit=unit)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def listed(agency_id: int, chosen: Chosen, *, at: datetime) -> Listed:
    """
    Return the flags that were asked for.
    """
    tallies: list[Mapping[str, Any]] = list(
        Flag.objects.filter(call__agency=agency_id)
        .values("code", "unit", "unit__call_sign")
        .annotate(
            open=Count("pk", filter=Q(resolved_at=None)),
            settled=Count("pk", filter=Q(resolved_at__isnull=False)),
            open_oldest=Min("at", filter=Q(resolved_at=None)),
            settled_oldest=Min("at", filter=Q(resolved_at__isnull=False)),
            newest=Max("pk"),
        )
    )
    state = "settled" if chosen.settled else "open"
    shown: dict[str, list[Flag]] = {}
    rows = list(_rows(agency_id, chosen))
    units = dict(Unit.objects.filter(pk__in=_units_in(rows)).values_list("pk", "call_sign"))
    for row in rows:
        shown.setdefault(row.code, []).append(row)
    groups = []
    for code, flags in shown.items():
        of_code = [tally for tally in tallies if tally["code"] == code and tally[state] and _fits(tally, chosen)]
        oldest = min(tally[f"{state}_oldest"] for tally in of_code)
        groups.append(
            Group(
                code=code,
                title=title(code),
                next_step=NEXT.get(code, ""),
                count=sum(tally[state] for tally in of_code),
                units=_named(of_code, state),
                oldest=since(oldest, at=at),
                oldest_at=oldest,
                newest=max(tally["newest"] for tally in of_code),
                rows=[_flagged(flag, units, at=at) for flag in flags],
            )
        )
    return Listed(
        open=sum(tally["open"] for tally in tallies),
        settled=sum(tally["settled"] for tally in tallies),
        filters=_filters(tallies, chosen, state),
        groups=sorted(groups, key=lambda group: (-group.count, group.title)),
    )


def _rows(agency_id: int, chosen: Chosen) -> QuerySet[Flag]:
    rows = Flag.objects.filter(call__agency=agency_id, resolved_at__isnull=not chosen.settled)
    if chosen.code:
        rows = rows.filter(code=chosen.code)
    if chosen.unit is not None:
        rows = rows.filter(unit=chosen.unit)
    order = [F("resolved_at").desc(), F("pk").desc()] if chosen.settled else [F("at").desc(), F("pk").desc()]
    most = PER_PAGE if chosen.code else PER_CAUSE
    before = most * (chosen.page - 1)
    return (
        rows.annotate(place=Window(RowNumber(), partition_by=["code"], order_by=order))
        .filter(place__gt=before, place__lte=before + most)
        .select_related("call", "unit", "resolved_by")
        .order_by("code", "place")
    )


def _fits(tally: Mapping[str, Any], chosen: Chosen) -> bool:
    return (not chosen.code or tally["code"] == chosen.code) and (chosen.unit is None or tally["unit"] == chosen.unit)


def _named(tallies: Iterable[Mapping[str, Any]], state: str) -> str:
    """
    Return which units a cause is about, those with the most first.
    """
    counted = sorted(
        ((tally["unit__call_sign"], tally[state]) for tally in tallies if tally["unit"] is not None),
        key=lambda pair: (-pair[1], pair[0]),
    )
    names = [call_sign for call_sign, _ in counted]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _filters(tallies: Iterable[Mapping[str, Any]], chosen: Chosen, state: str) -> list[Filter]:
    codes, units = Counter[str](), Counter[tuple[str, str]]()
    for tally in tallies:
        if tally[state]:
            codes[tally["code"]] += tally[state]
            if tally["unit"] is not None:
                units[tally["unit__call_sign"], str(tally["unit"])] += tally[state]
    causes = {(title(code), code): count for code, count in codes.items()}
    return [
        Filter("code", "Cause", "Every cause", _choices(causes, chosen.code)),
        Filter("unit", "Unit", "Every unit", _choices(units, str(chosen.unit))),
    ]


def _choices(counts: Mapping[tuple[str, str], int], chosen: str) -> list[Choice]:
    return [Choice(value, label, count, value == chosen) for (label, value), count in sorted(counts.items())]


def _units_in(flags: Iterable[Flag]) -> set[int]:
    found: set[int] = set()
    for flag in flags:
        named = [flag.facts.get(name) for name in ("holder", "to_unit", "unit")]
        found.update(pk for pk in [*named, *flag.facts.get("units", [])] if isinstance(pk, int))
    return found


def _flagged(flag: Flag, units: Mapping[int, str], *, at: datetime) -> Flagged:
    happened_at = _instant(flag.facts.get("at")) or flag.at
    late = flag.at - happened_at
    return Flagged(
        id=flag.pk,
        call=flag.call,
        unit=flag.unit.call_sign if flag.unit else "",
        what=_what(flag),
        details=_details(flag.facts, units),
        happened_at=happened_at,
        ago=since(happened_at, at=at),
        late=span(late) if late > _LATE else "",
        recorded_at=flag.at,
        settled_at=flag.resolved_at,
        settled_by=flag.resolved_by.name if flag.resolved_by else "",
        note=flag.settling_note,
    )


def _what(flag: Flag) -> str:
    """
    Say in a few words what was told.
    """
    facts = flag.facts
    told = _TOLD.get(str(facts.get("kind", "")), "")
    if "disqualifier" in facts:
        question = DISQUALIFIERS.get(facts["disqualifier"], facts["disqualifier"])
        return f"{question}: {ANSWERS.get(facts.get('value', ''), facts.get('value', ''))}"
    if flag.code == "time_conflict":
        return _TIMES_OF_CAD.get(facts.get("time", ""), "Another time")
    if facts.get("said") in DISPOSITIONS:
        return f"{told or 'Clear'}: {DISPOSITIONS[facts['said']]}"
    if told:
        return told
    return STATUSES.get(facts.get("said", ""), "")


def _details(facts: Mapping[str, Any], units: Mapping[int, str]) -> list[Detail]:
    """
    Say what stands beside it. What is not known to this page is left out: the call's own record has everything.
    """
    details = []
    if facts.get("status"):
        details.append(Detail("The unit was", STATUSES.get(facts["status"], facts["status"])))
    if facts.get("kept"):
        kept = facts["kept"]
        words = DISPOSITIONS.get(kept) or ANSWERS.get(kept, "")
        details.append(Detail("What stands", words, None if words else _instant(kept)))
    if facts.get("kept_at"):
        details.append(Detail("Said", at=_instant(facts["kept_at"])))
    if facts.get("ended_as"):
        ended = STATUSES.get(facts["ended_as"], facts["ended_as"])
        details.append(Detail("For the unit it ended", ended, _instant(facts.get("ended_at"))))
    if facts.get("shift_ended_at"):
        details.append(Detail("Shift ended", at=_instant(facts["shift_ended_at"])))
    if facts.get("holder") in units:
        details.append(Detail(f"Held by {units[facts['holder']]} since", at=_instant(facts.get("held_since"))))
    if facts.get("only_told"):
        details.append(Detail("Not put beside it", _WHY_ONLY_TOLD.get(facts["only_told"], facts["only_told"])))
    if facts.get("against"):
        asked = units.get(facts.get("to_unit", 0), "the other unit")
        details.append(Detail(f"Why {asked} was not asked", _AGAINST.get(facts["against"], facts["against"])))
    if facts.get("ours") and facts.get("cad"):
        details += [Detail("Ours", at=_instant(facts["ours"])), Detail("CAD's", at=_instant(facts["cad"]))]
    if facts.get("type"):
        details.append(Detail("Type", str(facts["type"])))
    if facts.get("cad_status"):
        named = ", ".join(units[pk] for pk in facts.get("units", []) if pk in units)
        details.append(Detail("CAD said", str(facts["cad_status"]).capitalize()))
        if named:
            details.append(Detail("On it", named))
    if facts.get("disposition"):
        details.append(Detail("How it ended", DISPOSITIONS.get(facts["disposition"], facts["disposition"])))
    return details


def _instant(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
