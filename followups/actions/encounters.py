"""
Encounter reports: typed as drafts, signed, added to; sent back, excused and looked at by supervisors.

What a crew writes are facts: they are never refused for state, come in any order and any number of times, and end in the same
report. A revision counts once; an earlier one never replaces a later one. Signing wins over every draft: what was typed
elsewhere and overtaken by it is kept aside, and a supervisor is told. What was signed stays as it was for good
(``Signing``): a report that came back is signed again beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from dispatch.actions import flags, links
from dispatch.models import Assignment, Call
from dispatch.rules import check_had_link
from followups.actions import follow_ups, plans
from followups.actions.met import People
from followups.models import (
    Addendum,
    Encounter,
    EncounterState,
    LockedEncounter,
    MandatedReport,
    Overtaken,
    Signing,
)
from followups.queries import encounters as queries
from followups.queries.plans import follow_up_of_call
from followups.refusals import encounters as refusals
from followups.rules import encounters as rules
from followups.rules.encounters import Body, Concern
from journal.record import record
from responders.actors import Actor
from responders.models import Shift
from responders.rules import unit_acted_for

OVERTAKEN: Final = "report_overtaken"
# How many overtaken drafts of one tablet are kept of a report. Two tablets that write against each other all day must not fill
# the table: from then on a tablet's latest takes the place of the one before, most of which it still says.
MOST_OVERTAKEN: Final = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """
    A report after what was told of it, and what did not fit.
    """

    encounter: Encounter
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Telling:
    """
    A locked report, about which somebody tells something that happened at ``when``. ``calls`` are the calls that it is of: its
    assignment's first, and last the one that this turned out to be; locked where ``_begin`` was asked to.
    """

    encounter: LockedEncounter
    calls: list[int]
    when: datetime
    flags: list[str]


def save(
    *,
    key: UUID,
    assignment_id: int,
    revision: int,
    body: dict[str, Any],
    by: Actor,
    at: datetime,
    seconds: int = 0,
    happened_at: datetime | None = None,
) -> Kept:
    """
    Keep a report as the form holds it; the first word of it begins it. ``seconds`` are those it was in somebody's hands for.

    What is earlier than what is known changes nothing. What is later than what was signed is kept aside, with a flag; so is
    what another tablet typed under a revision that is known already.

    :raises AssignmentNotFound: the assignment never was the crew's.
    :raises EncounterNotFound: the report is somebody else's.
    """
    told = _begin(key, assignment_id, by=by, at=at, happened_at=happened_at)
    encounter, codes = told.encounter, told.flags
    counts = False
    if encounter.state == EncounterState.SIGNED or revision <= encounter.revision:
        codes += _overtaken(told, revision, body, by=by)
    else:
        counts = True
        _take(encounter, revision=revision, body=body, seconds=seconds, when=told.when)
        if encounter.state == EncounterState.EXCUSED:
            # Its author goes on with it after all.
            encounter.state = EncounterState.DRAFT
        _follow_mandated(encounter, body, still_typed=True)
    encounter.save()
    _record("encounter.saved", encounter, by=by, at=told.when, revision=revision, counts=counts, flags=codes)
    return Kept(encounter, codes)


def sign(
    *,
    key: UUID,
    assignment_id: int,
    revision: int,
    body: dict[str, Any],
    by: Actor,
    at: datetime,
    seconds: int = 0,
    happened_at: datetime | None = None,
) -> Kept:
    """
    Sign a report: it is locked, and what it says of people becomes part of their records.

    Whoever is new gets a record; what was agreed, referred, warned of and owed to the authorities is made once. Signed twice
    is signed once. A report that came back is signed again: what changed is changed, what was signed before is kept, and a
    person who is no longer named is no longer at the call. A referral that it no longer names is none, unless something was
    heard of it. A plan that somebody has by then is a coordinator's to end.

    :raises AssignmentNotFound: the assignment never was the crew's.
    :raises EncounterNotFound: the report is somebody else's.
    :raises ChoiceUnknown: a code is no choice of the agency.
    """
    told = _begin(key, assignment_id, by=by, at=at, happened_at=happened_at, with_calls=True)
    encounter, codes = told.encounter, told.flags
    if encounter.state == EncounterState.SIGNED or revision <= encounter.signed_revision:
        codes += _overtaken(told, revision, body, by=by)
        encounter.save()
        _record("encounter.signed_again", encounter, by=by, at=told.when, revision=revision, flags=codes)
        return Kept(encounter, codes)

    choices = queries.choices_of(encounter.agency_id)
    rules.check_choices(body, known=choices)
    if encounter.revision > revision or (encounter.revision == revision and encounter.draft != body):
        typed_by = queries.typed_by(encounter) or str(by)
        codes += _set_aside(
            encounter, encounter.revision, encounter.draft, base=revision, by=typed_by, when=encounter.saved_at
        )
    newest = max(encounter.revision, revision)
    Signing.objects.create(encounter=encounter, revision=revision, body=body, at=told.when, by_id=_person(by))
    signed = People(encounter, body, choices, calls=told.calls, when=told.when, by=by, at=at).enter()

    _take(encounter, revision=newest, body=signed.body, seconds=seconds, when=told.when)
    encounter.state = EncounterState.SIGNED
    encounter.signed_revision = newest
    encounter.signed_at, encounter.signed_by_id = told.when, by.person_id
    encounter.nobody_found, encounter.notes = body["nobody_found"], body["notes"]
    concerns = rules.concerns_of(body) + signed.concerns
    if encounter.to_check:
        concerns.append(Concern.OVERTAKEN)
    encounter.to_check, encounter.checked_at, encounter.checked_by_id = bool(concerns), None, None
    encounter.save()
    _keep_made(encounter, signed.moved)
    _follow_mandated(encounter, body)
    # Last, and with the report as it stands: what follows for each of them.
    for client, met in signed.met:
        plans.after_encounter(encounter=encounter, client=client, met=met, by=by, at=at)
    if encounter.nobody_found and not signed.met:
        follow_ups.found_nobody(encounter=encounter, by=by, at=at)
    _record(
        "encounter.signed",
        encounter,
        by=by,
        at=told.when,
        revision=revision,
        people=len(body["met"]),
        clients=sorted({client.pk for client, _ in signed.met}),
        flags=codes,
        to_check=encounter.to_check,
    )
    return Kept(encounter, codes)


def add(
    *,
    key: UUID,
    text: str,
    by: Actor,
    at: datetime,
    assignment_id: int | None = None,
    happened_at: datetime | None = None,
) -> Kept:
    """
    Add to a report, for good: its author at a tablet, or a supervisor. With the assignment it may come before anything else
    of the report has.

    :raises EncounterNotFound: there is no such report, or it is somebody else's.
    :raises AssignmentNotFound: the assignment never was the crew's.
    """
    when = links.moment(happened_at, at)
    codes: list[str] = []
    if assignment_id is not None and by.tablet_id is not None:
        told = _begin(key, assignment_id, by=by, at=at, happened_at=happened_at)
        encounter, codes = told.encounter, told.flags
        encounter.save()
    else:
        encounter = _lock(key)
        rules.check_may_add(encounter, by=by)
    row = Addendum.objects.create(encounter=encounter, text=text, author_id=_person(by), at=when)
    _record("encounter.added", encounter, by=by, at=when, addendum=row.pk, flags=codes)
    return Kept(encounter, codes)


def report_made(
    *,
    key: UUID,
    position: int,
    made_to: str,
    made_at: datetime,
    by: Actor,
    at: datetime,
    number: str = "",
    happened_at: datetime | None = None,
) -> Kept:
    """
    Note that a report which the law asks for was made. The first word of it counts: the clock stops once.

    :raises EncounterNotFound: there is no such report, or it is somebody else's.
    :raises ChoiceUnknown: nobody of this agency makes such reports there.
    """
    encounter = _lock(key)
    rules.check_may_add(encounter, by=by)
    if ("MANDATED_TO", made_to) not in queries.choices_of(encounter.agency_id):
        raise refusals.ChoiceUnknown(field="MANDATED_TO", choice=made_to)
    row, _ = MandatedReport.objects.get_or_create(
        encounter=encounter, met=position, defaults={"about": "", "due_at": encounter.opened_at + rules.MANDATED}
    )
    if row.made_at is None:
        row.made_at, row.made_to, row.number = min(made_at, at), made_to, number
        row.made_by_id = by.person_id
        row.save()
    _record("encounter.report_made", encounter, by=by, at=links.moment(happened_at, at), met=position)
    return Kept(encounter)


def send_back(*, key: UUID, note: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Encounter:
    """
    Send a signed report back to its author with a note. It is due again: by the end of their shift, or in a day.

    :raises EncounterNotFound: there is no such report in the agency.
    :raises EncounterNotSigned: it is its author's already.
    """
    encounter = _lock(key, agency_id=by.agency_id)
    if encounter.state != EncounterState.SIGNED:
        raise refusals.EncounterNotSigned
    shift = Shift.objects.open().filter(person=encounter.author_id, planned_end_at__gt=at).first()
    encounter.state = EncounterState.RETURNED
    encounter.returned_at, encounter.returned_by_id, encounter.return_note = at, by.person_id, note
    encounter.due_at = at + rules.RETURNED_DUE if shift is None else shift.planned_end_at
    encounter.late_told_at, encounter.to_check = None, False
    encounter.save()
    _record("encounter.returned", encounter, by=by, at=at)
    return encounter


def excuse(*, key: UUID, note: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Encounter:
    """
    Say that nobody owes a report that was only begun: the partner wrote it, or the call was nobody's. What it says is kept.

    :raises EncounterNotFound: there is no such report in the agency.
    :raises EncounterNotOwed: it was signed, or excused before.
    """
    encounter = _lock(key, agency_id=by.agency_id)
    if encounter.state != EncounterState.DRAFT:
        raise refusals.EncounterNotOwed
    encounter.state = EncounterState.EXCUSED
    encounter.returned_at, encounter.returned_by_id, encounter.return_note = at, by.person_id, note
    encounter.save()
    _record("encounter.excused", encounter, by=by, at=at)
    return encounter


def see(*, key: UUID, by: Actor, at: datetime, happened_at: datetime | None = None) -> Encounter:
    """
    Note that a supervisor has looked at what does not fit in a report. Who was first counts.

    :raises EncounterNotFound: there is no such report in the agency.
    """
    encounter = _lock(key, agency_id=by.agency_id)
    if encounter.to_check:
        encounter.to_check, encounter.checked_at, encounter.checked_by_id = False, at, by.person_id
        encounter.save()
        _record("encounter.seen", encounter, by=by, at=at)
    return encounter


def read(*, key: UUID, by: Actor, at: datetime) -> Encounter:
    """
    Return a report whose words are about to be shown, and record who reads it (CJIS AU-2; 45 CFR 164.312(b)).

    :raises EncounterNotFound: there is none in the agency.
    """
    encounter = queries.whole(by.agency_id, key)
    if encounter is None:
        raise refusals.EncounterNotFound
    people = sorted({met.client_id for met in encounter.met.all() if met.client_id is not None})
    _record("encounter.read", encounter, by=by, at=at, person=by.person_id, clients=people)
    return encounter


# --- sweeps ----------------------------------------------------------------------------------------------------------------


def tell_overdue(*, by: object, at: datetime, at_once: int) -> int:
    """
    Tell authors and supervisors of reports whose time is over, once, and return of how many.
    """
    rows = queries.overdue(at=at).select_for_update(skip_locked=True, no_key=True, of=("self",))
    found = list(rows[:at_once])
    Encounter.objects.filter(pk__in=[row.pk for row in found]).update(late_told_at=at)
    for row in found:
        _record("encounter.overdue", row, by=by, at=at)
    return len(found)


def tell_mandated(*, by: object, at: datetime, at_once: int) -> int:
    """
    Tell supervisors of reports to the authorities while there is time to make them, once, and return of how many encounters.
    """
    until = at + rules.MANDATED_TOLD
    # The encounter is the lock of what hangs on it.
    rows = queries.mandated_to_tell(until=until).select_for_update(skip_locked=True, no_key=True, of=("self",))
    found = list(rows[:at_once])
    due = MandatedReport.objects.filter(encounter__in=found, made_at=None, told_at=None, due_at__lte=until)
    due.update(told_at=at)
    for row in found:
        _record("encounter.mandated_due", row, by=by, at=at)
    return len(found)


# --- how a report is found, begun, and kept ------------------------------------------------------------------------------


def _lock(key: UUID, *, agency_id: int | None = None) -> LockedEncounter:
    found = Encounter.objects.filter(key=key)
    if agency_id is not None:
        found = found.filter(agency=agency_id)
    encounter_id = found.values_list("pk", flat=True).first()
    if encounter_id is None:
        raise refusals.EncounterNotFound
    return Encounter.objects.lock(encounter_id)


def _begin(
    key: UUID,
    assignment_id: int,
    *,
    by: Actor,
    at: datetime,
    happened_at: datetime | None,
    with_calls: bool = False,
) -> _Telling:
    """
    Lock a report, which begins with the first thing that is heard of it; ``with_calls`` locks its calls before.
    """
    when = links.moment(happened_at, at)
    unit_id = unit_acted_for(by, None, "")
    known = Encounter.objects.filter(key=key).values_list("pk", "assignment").first()
    calls = _calls(assignment_id if known is None else known[1])
    if known is None or with_calls:
        for call_id in sorted(set(calls)):
            Call.objects.lock(call_id)
    raised: list[str] = []
    if known is None:
        # Two deliveries of the first word of a report wait for each other at the call.
        known = Encounter.objects.filter(key=key).values_list("pk", "assignment").first()
    if known is None:
        encounter, raised = _open(key, assignment_id, unit_id=unit_id, by=by, at=at, when=when)
    else:
        encounter = Encounter.objects.lock(known[0])
        rules.check_is_author(encounter, by=by)
        if when < encounter.opened_at:
            encounter.opened_at = when
            _due(encounter)
    return _Telling(encounter, calls, when, raised)


def _calls(assignment_id: int) -> list[int]:
    # Read before any lock: calls are locked in the order of their ids.
    row = Assignment.objects.filter(pk=assignment_id).values_list("call", "call__joined_to").first()
    return [] if row is None else [call_id for call_id in row if call_id is not None]


def _open(
    key: UUID, assignment_id: int, *, unit_id: int, by: Actor, at: datetime, when: datetime
) -> tuple[LockedEncounter, list[str]]:
    call = Call.objects.lock_of(assignment_id)
    assignment = Assignment.objects.select_related("call__type").get(pk=assignment_id)
    check_had_link(assignment, agency_id=call.agency_id, unit_id=unit_id, by=by, at=at)
    shift = queries.shift_of(assignment, person_id=_person(by), at=at)
    visit = follow_up_of_call(call.pk)
    encounter = Encounter(
        key=key,
        agency_id=call.agency_id,
        assignment=assignment,
        unit_id=assignment.unit_id,
        author_id=_person(by),
        follow_up=visit,
        what=assignment.call.type.label,
        address=call.address,
        opened_at=when,
        saved_at=when,
        due_at=queries.due_at(shift=shift, shift_id=by.shift_id, opened_at=when),
    )
    encounter.save(force_insert=True)
    _record("encounter.opened", encounter, by=by, at=when)
    if shift is not None:
        return LockedEncounter(encounter), []
    # Somebody who was not there writes of it, a later crew of the unit say: kept, and a supervisor is told.
    facts = {"kind": "encounter.opened", "assignment": assignment.pk, "at": when}
    code = flags.raise_flag(call=call, code="late_scope", facts=facts, at=at, unit_id=assignment.unit_id)
    return LockedEncounter(encounter), [code]


def _person(by: Actor) -> int:
    assert by.person_id is not None, "whoever writes a report is somebody: the grants let nobody else in"
    return by.person_id


def _take(encounter: LockedEncounter, *, revision: int, body: dict[str, Any], seconds: int, when: datetime) -> None:
    encounter.revision, encounter.draft = revision, body
    encounter.seconds_spent, encounter.saved_at = seconds, when


def _overtaken(told: _Telling, revision: int, body: dict[str, Any], *, by: Actor) -> list[str]:
    """
    Keep aside what counts no more, unless it is part of what does. What a tablet had typed before went into what it typed since;
    what another one typed, counting from the same base, did not.
    """
    encounter = told.encounter
    signed = {row.revision: row.body for row in encounter.signings.all()}
    known = max(signed) if encounter.state == EncounterState.SIGNED else encounter.revision
    if revision <= known and body in (encounter.draft, *signed.values()):
        return []
    if revision < known and queries.typed_by(encounter) == str(by):
        return []
    return _set_aside(encounter, revision, body, base=known, by=str(by), when=told.when)


def _set_aside(
    encounter: LockedEncounter, revision: int, body: dict[str, Any], *, base: int, by: str, when: datetime
) -> list[str]:
    """
    Keep what was typed elsewhere and overtaken by what counted as ``base``: of each tablet the latest on each base, which holds
    what it typed there before. A supervisor looks at it once the report is signed.
    """
    kept = list(encounter.overtaken.filter(by=by).order_by("base", "pk"))
    if any(one.revision == revision and one.body == body for one in kept):
        return []
    row = next((one for one in kept if one.base == base), None)
    if row is not None and revision <= row.revision:
        return []
    if row is None:
        row = kept[-1] if len(kept) >= MOST_OVERTAKEN else Overtaken(encounter=encounter, by=by)
    row.base, row.revision, row.body, row.at = base, revision, body, when
    row.save()
    encounter.to_check = True
    encounter.revision = max(encounter.revision, revision)
    if encounter.state == EncounterState.SIGNED:
        encounter.signed_revision = encounter.revision
    return [OVERTAKEN]


def _due(encounter: LockedEncounter) -> None:
    # The clock of what the law asks for runs from when it was known, however late we hear of that.
    MandatedReport.objects.filter(encounter=encounter).update(due_at=encounter.opened_at + rules.MANDATED)


def _follow_mandated(encounter: LockedEncounter, body: Body, *, still_typed: bool = False) -> None:
    """
    Bring the reports that the law asks for in step with what the report says. Their clock runs from the first draft that
    names them; one that is named no longer and was not made is owed no longer.
    """
    asked = {person["position"]: person["mandated"] for person in body["met"] if person["mandated"] is not None}
    rows = {row.met: row for row in MandatedReport.objects.filter(encounter=encounter)}
    for position, said in asked.items():
        row = rows.pop(position, None) or MandatedReport(
            encounter=encounter, met=position, due_at=encounter.opened_at + rules.MANDATED
        )
        row.about = said["about"]
        if row.made_at is None and said["made_at"] and not still_typed:
            row.made_at = min(datetime.fromisoformat(said["made_at"]), encounter.saved_at)
            row.made_to, row.number, row.made_by_id = said["made_to"], said["number"], encounter.author_id
        row.save()
    for row in rows.values():
        if row.made_at is None:
            row.delete()


def _keep_made(encounter: LockedEncounter, moved: Mapping[int, int | None]) -> None:
    """
    Let the reports that were made follow whom they are about: what was made about one person was not made about whoever stands
    in their place now. ``moved`` says where; None: they are named no longer, and theirs goes where no body has a place.
    """
    rows = {row.met: row for row in MandatedReport.objects.filter(encounter=encounter)}
    made = [(rows[place], to) for place, to in moved.items() if place in rows and rows[place].made_at is not None]
    # All of them out of the way first: two may have changed places.
    for place, (row, _) in enumerate(made, start=max([rules.PLACES, *(place + 1 for place in rows)])):
        row.met = place
        row.save(update_fields=["met"])
    for row, to in made:
        there = None if to is None else MandatedReport.objects.filter(encounter=encounter, met=to).first()
        if to is None or (there is not None and there.made_at is not None):
            continue
        if there is not None:
            there.delete()
        row.met = to
        row.save(update_fields=["met"])


def _record(kind: str, encounter: Encounter, *, by: object, at: datetime, **data: Any) -> None:
    # Ids, counts and codes of what did not fit: nothing that was written, and nothing of whom it is about but their ids.
    told = {name: value for name, value in data.items() if value not in (None, [])}
    record(
        kind,
        agency_id=encounter.agency_id,
        about=f"encounter.{encounter.pk}",
        data={"assignment": encounter.assignment_id, **told},
        by=by,
        at=at,
    )
