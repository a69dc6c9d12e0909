"""
Everything that may be read of one person, on one page. Whoever asks has been let in and is entered by then.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q

from followups.models import (
    Attempt,
    CarePlan,
    CareReferral,
    CareReferralState,
    Choice,
    ChoiceField,
    Client,
    ClientCaution,
    ClientName,
    Consent,
    Contact,
    ContactWay,
    Disclosure,
    FollowUp,
    Intake,
    Merge,
    Met,
    Plan,
    PlanState,
    Strategy,
    StrategyKind,
)
from followups.models.care_referrals import AFTER
from followups.queries.board import names_of, news, way_words
from followups.queries.lists import sender_of
from followups.queries.matching import Suggestion
from followups.queries.records import disclosed, told_as
from followups.words import (
    BASES,
    CLOSES,
    FOLLOW_UPS,
    HOWS,
    OUTCOMES,
    PAUSES,
    PLANS,
    REFERRALS,
    RESULTS,
    ROUTES,
    STRATEGIES,
    WAYS,
)
from journal.models import Entry
from responders.models import Person, Unit

# Of what goes on for years the newest are shown.
MOST: Final = 60
READERS: Final = 30
_READINGS: Final[dict[str, str]] = {
    "client.read": "Read",
    "client.read_denied": "Refused",
    "client.break_glass": "Opened for a reason",
    "client.shown": "Shown on a tablet",
    "disclosure.make": "Copy let out",
}
_REPORT_READ: Final = "encounter.read"
# Entries about the agency: so many of the newest are looked through for those that name somebody.
_LISTS: Final[dict[str, str]] = {"client.listed": "In a list", "client.searched": "Found by a search"}
_LOOKED_THROUGH: Final = 20_000
_BY: Final = re.compile(r"\bperson:(\d+)$", re.ASCII)
_WHYS: Final = {
    "RECORD": "the page",
    "PATTERN": "the pattern",
    "SUGGESTIONS": "those alike",
    "ACCOUNTING": "what went out",
}
_NALOXONE: Final = {
    "RECOVERED": "recovered",
    "NO_RESPONSE": "no response",
    "EMS_TOOK_OVER": "EMS took over",
    "REFUSED": "refused further help",
}
_LEFT_TO: Final = {
    "HOME": "Home",
    "HOSPITAL": "Hospital",
    "CUSTODY": "Custody",
    "SHELTER": "Shelter",
    "STREET": "Street",
    "OTHER": "Elsewhere",
}
_AGREED: Final = {True: "agreed", False: "declined", None: "not asked"}
REASONS: Final[dict[str, str]] = {
    "NAME_SAME": "same name",
    "NAME_ALIKE": "similar name",
    "NAME_SOUNDS": "name sounds alike",
    "BORN_ON_SAME": "same date of birth",
    "BORN_ON_FITS": "date of birth fits",
    "BORN_ON_DIFFERS": "date of birth differs",
    "PHONE_SAME": "same phone",
}


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a list: what it is, and what stands beneath it.
    """

    id: int
    words: str
    beneath: str = ""
    at: datetime | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """
    One second response of a plan, with what was tried for it.
    """

    row: FollowUp
    words: str
    state: str
    outcome: str
    tries: list[Line]


@dataclass(frozen=True, slots=True)
class Planned:
    """
    One plan with its steps, the newest round first.
    """

    row: Plan
    state: str
    why: str
    steps: list[Step]
    open: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A referral of the person to a service: what was heard of it, and codes of what may be heard next.
    """

    row: CareReferral
    state: str
    heard: list[Line]
    next: str


@dataclass(frozen=True, slots=True)
class Report:
    """
    What one signed report says of the person.
    """

    at: datetime
    unit: str
    by: str
    call: str
    facts: list[tuple[str, str]]
    notes: str
    addenda: list[Line]
    # There are notes or addenda, and they are about others too.
    kept_back: bool


@dataclass(frozen=True, slots=True)
class Alike:
    """
    A record that may be of the same person.
    """

    client: Client
    name: str
    score: int
    reasons: str


@dataclass(frozen=True, slots=True)
class Reading:
    """
    Somebody looked at the record, was shown it, or was refused.
    """

    who: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """
    One record.
    """

    client: Client
    name: str
    aliases: list[str]
    cautions: list[ClientCaution]
    strategies: list[tuple[str, str, list[Strategy]]]
    ways: list[tuple[ContactWay, str, str]]
    care_plan: CarePlan | None
    # What it says is to be looked at again: its day has come.
    review_is_due: bool
    drafts: list[CarePlan]
    plans: list[Planned]
    singles: list[Step]
    reports: list[Report]
    referrals: list[Sent]
    intakes: list[Line]
    consents: list[tuple[Consent, str]]
    disclosures: list[Line]
    contacts: list[Line]
    unseen: list[Line]
    alike: list[Alike]
    merges: list[tuple[Merge, str]]
    readings: list[Reading]

    @property
    def open_plan(self) -> Planned | None:
        """
        Return the plan that is open or paused, of which there is one at most.
        """
        return next((plan for plan in self.plans if plan.open), None)


def whole(
    client: Client, *, ids: Sequence[int], at: datetime, cares: bool, likely: Sequence[Suggestion] = ()
) -> Whole:
    """
    Return one person's record as it stands; ``ids`` are its own and those of the records that were merged into it.

    Whoever does not care for all (``cares``) gets nothing of what a report says of several people together. ``likely``
    are the records that may be of the same person: others' records, so who reads them was asked and entered.
    """
    rows = list(client.names.order_by("-primary", "pk"))
    care_plans = list(
        CarePlan.objects.filter(client=client, ended_at=None).select_related("author", "approver").order_by("-pk")
    )
    contacts = list(Contact.objects.filter(client=client, ended_at=None).select_related("call").order_by("-at")[:MOST])
    steps = _steps(client, at=at)
    in_force = next((plan for plan in care_plans if plan.approved_at is not None), None)
    today = at.astimezone(client.agency.zone).date()
    return Whole(
        client=client,
        name=names_of([client.pk])[client.pk],
        aliases=[row.text for row in rows if not row.primary],
        cautions=list(
            ClientCaution.objects.filter(client=client, ended_at=None, expires_at__gt=at).order_by("-seen_on", "-pk")
        ),
        strategies=_strategies(client),
        ways=[
            (way, WAYS[way.kind], way_words(way))
            for way in ContactWay.objects.filter(client=client, ended_at=None).order_by("pk")
        ],
        care_plan=in_force,
        review_is_due=in_force is not None and in_force.review_on <= today,
        drafts=[plan for plan in care_plans if plan.approved_at is None],
        plans=_plans(client, steps),
        singles=steps.get(None, []),
        reports=_reports(client, cares=cares),
        referrals=_referrals(client),
        intakes=_intakes(client),
        consents=[
            (row, _consent_state(row, today=today, zone=client.agency.zone))
            for row in Consent.objects.filter(client=client).order_by("-signed_on", "-pk")
        ],
        disclosures=[
            Line(
                id=row.pk,
                words=f"{row.recipient}: {row.purpose}",
                beneath=f"{BASES[row.basis]}, {row.by.name}",
                at=row.at,
            )
            for row in Disclosure.objects.filter(disclosed(ids)).select_related("by").order_by("-at")[:MOST]
        ],
        contacts=[_contact(row) for row in contacts],
        unseen=[
            _contact(row) for row in news(Contact.objects.filter(client=client)).select_related("call").order_by("-at")
        ],
        alike=_alike(likely),
        merges=_merges(client),
        readings=_readings(client.agency_id, ids),
    )


def _contact(row: Contact) -> Line:
    return Line(id=row.pk, words=ROUTES[row.route], beneath=f"{row.call.address} · {row.call.number}", at=row.at)


def _strategies(client: Client) -> list[tuple[str, str, list[Strategy]]]:
    rows: dict[str, list[Strategy]] = defaultdict(list)
    for row in Strategy.objects.filter(client=client, ended_at=None).order_by("position", "pk"):
        rows[row.kind].append(row)
    return [(kind, STRATEGIES[kind], rows[kind]) for kind in StrategyKind.values]


def _steps(client: Client, *, at: datetime) -> dict[int | None, list[Step]]:
    attempts = Attempt.objects.select_related("person", "partner").order_by("at", "pk")
    rows = (
        FollowUp.objects.filter(client=client)
        .select_related("plan", "assignee", "unit", "area")
        .prefetch_related(Prefetch("attempts", attempts), "moves")
        .order_by("-round", "due_at", "pk")
    )
    found: dict[int | None, list[Step]] = defaultdict(list)
    for row in rows[: MOST * 3]:
        words = f"Day {row.step}" if row.step is not None else "Single"
        found[row.plan_id].append(
            Step(
                row=row,
                words=words,
                state=FOLLOW_UPS[row.state],
                outcome=OUTCOMES.get(row.outcome, ""),
                tries=_tries(row),
            )
        )
    return found


def _tries(row: FollowUp) -> list[Line]:
    tries = [
        Line(
            id=one.pk,
            words=f"{HOWS[one.how]}: {RESULTS[one.result].lower()}",
            beneath=" · ".join(
                part for part in (_two(one), one.note, f"next: {one.next_step}" if one.next_step else "") if part
            ),
            at=one.at,
            code="ALONE" if one.alone else "",
        )
        for one in row.attempts.all()
    ]
    moves = [
        Line(
            id=one.pk,
            words=f"Moved from {one.from_date:%-d %b} to {one.to_date:%-d %b}",
            beneath=one.reason,
            at=one.at,
        )
        for one in row.moves.all()
    ]
    return sorted([*tries, *moves], key=lambda line: line.at or row.made_at)


def _two(one: Attempt) -> str:
    return " and ".join(person.name for person in (one.person, one.partner) if person is not None)


def _plans(client: Client, steps: dict[int | None, list[Step]]) -> list[Planned]:
    rows = Plan.objects.filter(client=client).select_related("assignee").order_by("-opened_at", "-pk")
    return [
        Planned(
            row=row,
            state=PLANS[row.state],
            why=PAUSES.get(row.pause_reason, "")
            if row.state == PlanState.PAUSED
            else " · ".join(part for part in (CLOSES.get(row.close_reason, ""), row.close_note) if part),
            steps=steps.get(row.pk, []),
            open=row.state in (PlanState.OPEN, PlanState.PAUSED),
        )
        for row in rows[:MOST]
    ]


def _reports(client: Client, *, cares: bool) -> list[Report]:
    met = (
        Met.objects.filter(client=client)
        .select_related("encounter", "encounter__unit", "encounter__author", "encounter__assignment__call")
        .prefetch_related("encounter__addenda", "encounter__addenda__author", "encounter__met")
        .order_by("-encounter__opened_at")[:MOST]
    )
    labels = labels_of(client.agency_id)
    return [_report(row, labels, cares=cares) for row in met]


def _report(row: Met, labels: dict[tuple[str, str], str], *, cares: bool) -> Report:
    encounter = row.encounter
    notes, addenda = encounter.notes, list(encounter.addenda.all())
    # Words are of the whole report. Somebody whom nobody knows is another person too.
    of_others = any(one.client_id != row.client_id for one in encounter.met.all())
    kept_back = of_others and not cares
    return Report(
        at=encounter.opened_at,
        unit=encounter.unit.call_sign,
        by=encounter.author.name,
        call=encounter.assignment.call.number,
        facts=list(_facts(row, labels)),
        notes="" if kept_back else notes,
        addenda=[]
        if kept_back
        else [Line(id=one.pk, words=one.text, beneath=one.author.name, at=one.at) for one in addenda],
        kept_back=kept_back and bool(notes or addenda),
    )


def labels_of(agency_id: int) -> dict[tuple[str, str], str]:
    """
    Return what the codes of reports are called, retired ones too.
    """
    return {
        (field, code): label
        for field, code, label in Choice.objects.filter(agency=agency_id).values_list("field", "code", "label")
    }


# What a report's body asks, and which choices answer it.
_ASKED: Final[dict[str, str]] = {
    "needs": ChoiceField.NEED,
    "need": ChoiceField.NEED,
    "behaviours": ChoiceField.BEHAVIOUR,
    "done": ChoiceField.DONE,
    "supplies": ChoiceField.SUPPLY,
    "outcomes": ChoiceField.OUTCOME,
    "destination": ChoiceField.DESTINATION,
}


def labels_by_question(agency_id: int) -> dict[str, dict[str, str]]:
    """
    Return what the codes of reports are called, by the key of a report's body under which they stand.
    """
    labels = labels_of(agency_id)
    return {
        asked: {code: label for (of, code), label in labels.items() if of == field} for asked, field in _ASKED.items()
    }


def _facts(row: Met, labels: dict[tuple[str, str], str]) -> Iterable[tuple[str, str]]:
    body: dict[str, Any] = row.body
    for title, key, field in (
        ("Needs", "needs", ChoiceField.NEED),
        ("Seen", "behaviours", ChoiceField.BEHAVIOUR),
        ("Done", "done", ChoiceField.DONE),
        ("Given", "supplies", ChoiceField.SUPPLY),
        ("What came of it", "outcomes", ChoiceField.OUTCOME),
    ):
        if codes := body.get(key):
            yield title, ", ".join(labels.get((field, code), code) for code in codes)
    if naloxone := body.get("naloxone"):
        yield "Naloxone", f"{naloxone['doses']}: {_NALOXONE.get(naloxone['outcome'], naloxone['outcome'])}"
    if transport := body.get("transport"):
        code = transport.get("destination", "")
        where = labels.get((ChoiceField.DESTINATION, code), code)
        yield "Taken to", ", ".join(part for part in (where, transport.get("where", "")) if part)
    if minor := body.get("minor"):
        told = "told" if minor.get("guardian_told") else "not told"
        yield (
            "Minor",
            f"{minor.get('age') or 'age not known'}; guardian {minor.get('guardian') or 'not known'}, {told}",
        )
    if (interpreter := body.get("interpreter")) and interpreter.get("used"):
        yield "Interpreter", interpreter.get("language") or "used"
    if left := body.get("left_to"):
        yield "Left to", _LEFT_TO.get(left, left)
    yield "Second response", _AGREED[row.agreed]


def _referrals(client: Client) -> list[Sent]:
    rows = CareReferral.objects.filter(client=client).select_related("made_by").prefetch_related("steps")
    return [
        Sent(
            row=row,
            state=REFERRALS[row.state],
            heard=[
                Line(
                    id=step.pk,
                    words=f"{step.on:%-d %b}: {REFERRALS[step.state].lower()}, said {step.said_by}",
                    beneath=step.note,
                )
                for step in sorted(row.steps.all(), key=lambda step: (step.on, step.pk))
            ],
            next=" ".join(state for state in REFERRALS if state in AFTER[CareReferralState(row.state)]),
        )
        for row in rows.order_by("-made_at", "-pk")[:MOST]
    ]


def _intakes(client: Client) -> list[Line]:
    """
    Return who referred the person for later contact, with their words and what came of it.
    """
    rows = Intake.objects.filter(client=client).select_related("referral", "referral__officer", "referral__key")
    return [
        Line(
            id=row.pk,
            words=" · ".join(part for part in (row.referral.what, row.referral.text) if part),
            beneath=" · ".join(
                part for part in (f"by {sender_of(row)}", row.referral.contact, row.referral.address) if part
            ),
            at=row.made_at,
            code=row.note,
        )
        for row in rows.order_by("-made_at", "-pk")[:MOST]
    ]


def _consent_state(row: Consent, *, today: date, zone: ZoneInfo) -> str:
    # As the rule has it (followups/rules/disclosure.py): its last day, in the agency's zone, is one on which it holds.
    if row.revoked_at is not None:
        return f"Revoked {row.revoked_at.astimezone(zone):%-d %b %Y}"
    if row.ended_at is not None or (row.expires_on is not None and row.expires_on < today):
        return "Ended"
    return "In force"


def _alike(found: Sequence[Suggestion]) -> list[Alike]:
    clients = Client.objects.in_bulk([one.client_id for one in found])
    return [alike(clients[one.client_id], one) for one in found]


def alike(client: Client, one: Suggestion) -> Alike:
    """
    Return a suggestion in words.
    """
    return Alike(
        client=client,
        name=one.name or one.looks or f"Not known by name ({client.pk})",
        score=round(100 * one.score),
        reasons=", ".join(REASONS[code] for code in one.reasons),
    )


def _merges(client: Client) -> list[tuple[Merge, str]]:
    rows = list(Merge.objects.filter(kept=client, unmerged_at=None).order_by("-merged_at"))
    names = names_of([row.absorbed_id for row in rows])
    # What it was called has gone into the record that was kept.
    moved = {row.pk: row.moved["names"]["absorbed"] for row in rows}
    texts = ClientName.objects.in_bulk([pk for pk in moved.values() if pk is not None])
    return [
        (row, name.text if (name := texts.get(moved[row.pk] or 0)) else names.get(row.absorbed_id, "")) for row in rows
    ]


def _readings(agency_id: int, ids: Sequence[int]) -> list[Reading]:
    # Lists name many and are opened all day: what was read of one person by itself has room of its own.
    entries = sorted(
        [*_read(ids), *_listed(agency_id, ids)], key=lambda entry: (entry.happened_at, entry.pk), reverse=True
    )
    by = {entry.pk: _who(entry) for entry in entries}
    people = dict(
        Person.objects.filter(pk__in={pk for found in by.values() for pk in found}).values_list("pk", "name")
    )
    units = dict(
        Unit.objects.filter(pk__in={entry.data.get("unit") for entry in entries}).values_list("pk", "call_sign")
    )
    return [
        Reading(
            who=", ".join(people[pk] for pk in by[entry.pk] if pk in people)
            or units.get(entry.data.get("unit"), "")
            or entry.by,
            words=_reading_words(entry),
            at=entry.happened_at,
        )
        for entry in entries
    ]


def _read(ids: Sequence[int]) -> list[Entry]:
    reports = Met.objects.filter(client__in=ids).values_list("encounter", flat=True).distinct()
    # A report may have been of others when it was read: its entry says of whom.
    of_it = Q(about__in=[f"client.{pk}" for pk in ids], kind__in=_READINGS)
    for one in told_as(ids):
        of_it |= Q(
            about=f"client.{one.client_id}", kind__in=_READINGS, happened_at__gte=one.since, happened_at__lt=one.until
        )
    of_a_report = Q(about__in=[f"encounter.{pk}" for pk in reports], kind=_REPORT_READ) & _names_any(ids)
    return list(Entry.objects.filter(of_it | of_a_report).order_by("-pk")[:READERS])


def _listed(agency_id: int, ids: Sequence[int]) -> list[Entry]:
    newest = Entry.objects.filter(about=f"agency.{agency_id}").order_by("-pk").values("pk")[:_LOOKED_THROUGH]
    rows = Entry.objects.filter(_names_any(ids), pk__in=newest, kind__in=_LISTS)
    return list(rows.order_by("-pk")[:READERS])


def _names_any(ids: Sequence[int]) -> Q:
    named = Q()
    for pk in ids:
        named |= Q(data__clients__contains=pk)
    return named


def _who(entry: Entry) -> list[int]:
    """
    Return the people of an entry: who read, or who was on the unit on whose tablets it stood.
    """
    if "people" in entry.data:
        return list(entry.data["people"])
    if (person := entry.data.get("person")) is not None:
        return [person]
    return [int(found[1])] if (found := _BY.search(entry.by)) else []


def _reading_words(entry: Entry) -> str:
    words = ({_REPORT_READ: "Report read"} | _READINGS | _LISTS)[entry.kind]
    why = _WHYS.get(entry.data.get("why", ""))
    return f"{words} ({why})" if why else words
