"""
Consents with every element of 42 CFR 2.31, and the one way out of a record: with a consent that holds, the notice of 2.32 and
a row that accounts for it, or not at all.
"""

import ast
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from followups import reading
from followups.actions import break_glass, consents, disclosures
from followups.actions.consents import ELEMENTS
from followups.models import Basis, BreakGlass, Client, Consent, Disclosure
from followups.notices import current_notice, notices
from followups.refusals import clients as client_refusals
from followups.refusals import consents as refusals
from followups.rules.disclosure import Section, check_holds
from journal.door import open_door
from journal.models import Entry
from responders.actors import Actor
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import follow_ups
from tests.replica import bodies

pytestmark = pytest.mark.django_db

EMPTY: dict[str, Any] = {"right_to_revoke_told": False, "expires": None, "signed_on": None, "sections": []}


@pytest.fixture
def care() -> follow_ups.Care:
    return follow_ups.care()


def do(act: Callable[..., Any], *, by: Actor, at: Any = NOON, **given: Any) -> Any:
    with open_door(by=by, at=at):
        return act(by=by, at=at, **given)


def let_out(care: follow_ups.Care, whom: Client, **given: Any) -> Disclosure:
    asked = {"basis": "CONSENT", "what": ["IDENTITY"], **given}
    row: Disclosure = do(disclosures.let_out, by=care.coordinator, client_id=whom.pk, **asked)
    return row


# --- consents ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("element", sorted(ELEMENTS))
@pytest.mark.parametrize("blank", [False, True])
def test_no_consent_is_kept_that_lacks_an_element(care: follow_ups.Care, element: str, blank: bool) -> None:
    whom = people.known(care)
    given = people.elements(expires_on=None, expires_upon="When I leave the programme")
    column = "expires_upon" if element == "expires" else element
    given[column] = EMPTY.get(column, "  " if blank else "")

    with pytest.raises(refusals.ConsentIncomplete) as refused:
        do(consents.add, by=care.coordinator, client_id=whom.pk, **given)

    assert refused.value.facts["missing"] == {element: ELEMENTS[element]}
    assert not Consent.objects.exists()


def test_a_consent_with_every_element_is_kept(care: follow_ups.Care) -> None:
    row = people.consent(care, people.known(care))

    assert (row.added_by_id, row.revoked_at, row.ended_at) == (care.coordinator.person_id, None, None)
    [entry] = Entry.objects.filter(kind="consent.record")
    # To whom and why may say what ails somebody.
    assert entry.data == {"consent": row.pk}


@pytest.mark.parametrize(
    ("signed_on", "expires_on"),
    [(date(2026, 6, 4), date(2026, 12, 31)), (date(2026, 6, 1), date(2026, 5, 31))],
)
def test_a_consent_begins_today_or_before_and_ends_after_that(
    care: follow_ups.Care, signed_on: date, expires_on: date
) -> None:
    with pytest.raises(refusals.ConsentDatesWrong):
        people.consent(care, people.known(care), signed_on=signed_on, expires_on=expires_on)


@pytest.mark.parametrize(
    ("column", "nothing"), [("right_to_revoke_told", False), ("expires_on", None), ("sections", [])]
)
def test_the_database_keeps_none_either(care: follow_ups.Care, column: str, nothing: Any) -> None:
    given = people.elements(**{column: nothing})
    whom, person_id = people.known(care), care.coordinator.person_id
    assert person_id is not None

    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.create(client=whom, added_at=NOON, added_by_id=person_id, **given)


@pytest.mark.parametrize("over", [consents.revoke, consents.end])
def test_a_consent_that_is_over_lets_nothing_more_out(care: follow_ups.Care, over: Callable[..., Any]) -> None:
    whom = people.known(care)
    row = people.consent(care, whom)
    let_out(care, whom, consent_id=row.pk)
    do(over, by=care.coordinator, consent_id=row.pk)

    with pytest.raises(refusals.ConsentOver):
        let_out(care, whom, consent_id=row.pk)
    with pytest.raises(refusals.ConsentOver):
        do(over, by=care.coordinator, consent_id=row.pk)
    # What went out before stays accounted for.
    assert len(reading.accounting(client_id=whom.pk, by=care.coordinator, at=NOON)) == 1


def test_a_consent_holds_to_the_end_of_its_last_day_in_the_agencys_zone(care: follow_ups.Care) -> None:
    whom = people.known(care)
    row = people.consent(care, whom, expires_on=date(2026, 6, 3))
    # Eleven at night in Seattle is the next day in Greenwich.
    late = NOON + timedelta(hours=11)
    assert late.date() == date(2026, 6, 4)

    assert let_out(care, whom, consent_id=row.pk, at=late).pk
    with pytest.raises(refusals.ConsentOver):
        let_out(care, whom, consent_id=row.pk, at=late + timedelta(hours=1))


def test_a_consent_lets_nothing_out_before_the_day_on_which_it_was_signed(care: follow_ups.Care) -> None:
    with pytest.raises(refusals.ConsentOver) as refused:
        check_holds(Consent(signed_on=date(2026, 6, 3)), today=date(2026, 6, 2))

    assert refused.value.facts == {"why": "NOT_YET"}


def test_nobody_touches_a_consent_of_another_agency(care: follow_ups.Care) -> None:
    row = people.consent(care, people.known(care))

    with pytest.raises(refusals.ConsentNotFound):
        do(consents.revoke, by=follow_ups.care().coordinator, consent_id=row.pk)


# --- the one exit --------------------------------------------------------------------------------------------------------


def test_a_copy_carries_the_notice_and_the_consent_and_is_accounted_for(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz", born_on="1980-05")
    people.way(care, whom)
    people.strategy(care, whom, "Speak slowly")
    row = people.consent(care, whom)

    let = let_out(care, whom, consent_id=row.pk, what=["IDENTITY", "STRATEGIES"])

    copy = Disclosure.objects.get(pk=let.pk).body
    notice = current_notice()
    assert copy["notice"] == {"version": notice.version, "long": notice.long, "short": notice.short}
    assert {name: copy["consent"][name] for name in ("recipient", "purpose", "description", "signed_on")} == {
        "recipient": row.recipient,
        "purpose": row.purpose,
        "description": row.description,
        "signed_on": "2026-06-01",
    }
    # What was asked for, and nothing else.
    assert set(copy["record"]) == {"IDENTITY", "STRATEGIES"}
    assert copy["record"]["IDENTITY"]["name"] == "Rosa Ortiz"
    assert copy["record"]["STRATEGIES"] == [{"kind": "HELPS", "text": "Speak slowly"}]
    assert (let.recipient, let.purpose, let.notice_version) == (row.recipient, row.purpose, notice.version)
    [accounted] = reading.accounting(client_id=whom.pk, by=care.coordinator, at=NOON)
    assert (accounted.pk, accounted.consent_id) == (let.pk, row.pk)
    [entry] = Entry.objects.filter(kind="disclosure.make")
    assert entry.data == {
        "disclosure": let.pk,
        "basis": "CONSENT",
        "consent": row.pk,
        "what": ["IDENTITY", "STRATEGIES"],
    }


def test_without_a_consent_nothing_goes_out_on_the_ground_of_one(care: follow_ups.Care) -> None:
    whom, other = people.known(care), people.known(care)
    theirs = people.consent(care, other)

    with pytest.raises(refusals.DisclosureNeedsConsent):
        let_out(care, whom, recipient="The clinic", purpose="To go on")
    with pytest.raises(refusals.ConsentNotFound):
        let_out(care, whom, consent_id=theirs.pk)
    assert not Disclosure.objects.exists()


@pytest.mark.parametrize("said", [{"recipient": "Somebody else"}, {"purpose": "Something else"}])
def test_nothing_goes_to_others_or_for_other_purposes_than_the_consent_names(
    care: follow_ups.Care, said: dict[str, str]
) -> None:
    whom = people.known(care)
    row = people.consent(care, whom)

    with pytest.raises(refusals.DisclosureOutsideConsent):
        let_out(care, whom, consent_id=row.pk, **said)
    assert let_out(care, whom, consent_id=row.pk, recipient=f"  {row.recipient.upper()} ").recipient == row.recipient


def test_no_more_goes_out_than_the_consent_names(care: follow_ups.Care) -> None:
    whom = people.known(care)
    row = people.consent(care, whom, sections=["FOLLOW_UPS"])

    with pytest.raises(refusals.DisclosureTooWide) as refused:
        let_out(care, whom, consent_id=row.pk, what=["FOLLOW_UPS", "ENCOUNTERS", "IDENTITY"])

    assert refused.value.facts == {"sections": ["ENCOUNTERS", "IDENTITY"]}
    assert not Disclosure.objects.exists()
    let = let_out(care, whom, consent_id=row.pk, what=["FOLLOW_UPS"])
    assert set(let.body["record"]) == {"FOLLOW_UPS"}
    assert let.body["consent"]["sections"] == ["FOLLOW_UPS"]


def test_what_goes_to_the_person_goes_to_nobody_else(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    to_them: dict[str, Any] = {"basis": "TO_THE_PERSON", "what": list(Section), "purpose": "They asked for it"}

    with pytest.raises(refusals.DisclosureToAnother):
        let_out(care, whom, recipient="Her employer", **to_them)
    with pytest.raises(refusals.DisclosureIncomplete):
        let_out(care, whom, **{**to_them, "purpose": " "})

    assert not Disclosure.objects.exists()
    for said in ("", " the PERSON"):
        let = let_out(care, whom, recipient=said, **to_them)
        assert (let.recipient, let.body["to"]) == ("The person", "The person")


def test_of_a_copy_in_an_emergency_supervisors_are_told_until_another_one_looks(care: follow_ups.Care) -> None:
    whom = people.known(care)
    stream = f"supervisors.{care.agency_id}"

    let_out(care, whom, basis="MEDICAL_EMERGENCY", recipient="Harborview, the charge nurse", purpose="Unconscious")

    [(told_id, told)] = bodies(stream, "break_glass").items()
    assert (told["client"], told["person"]) == (whom.pk, care.coordinator.person_id)
    assert told["reason"] == "A copy went out in a medical emergency, to Harborview, the charge nurse: Unconscious"
    # It opens the record to nobody.
    glass = BreakGlass.objects.get()
    assert glass.ends_at - glass.at == timedelta(seconds=1)
    [entry] = Entry.objects.filter(kind="client.break_glass")
    assert entry.data["disclosure"] == Disclosure.objects.get().pk
    with pytest.raises(client_refusals.BreakGlassOwn):
        do(break_glass.see, by=care.coordinator, break_glass_id=int(told_id))
    do(break_glass.see, by=care.supervisor, break_glass_id=int(told_id))
    assert bodies(stream, "break_glass") == {}


@pytest.mark.parametrize("basis", [Basis.MEDICAL_EMERGENCY, Basis.MANDATED_REPORT])
def test_without_consent_it_is_said_to_whom_and_why(care: follow_ups.Care, basis: str) -> None:
    whom = people.known(care, "Rosa Ortiz")
    for said in ({}, {"recipient": "Harborview, the charge nurse"}, {"purpose": "Unconscious"}):
        with pytest.raises(refusals.DisclosureIncomplete):
            let_out(care, whom, basis=basis, **said)

    let = let_out(care, whom, basis=basis, recipient="Harborview, the charge nurse", purpose="Unconscious")

    # 2.51(c): to whom and where they belong, by whom, when, and the nature of the emergency.
    assert (let.recipient, let.purpose) == ("Harborview, the charge nurse", "Unconscious")
    assert (let.by_id, let.at, let.consent_id) == (care.coordinator.person_id, NOON, None)
    assert let.body["notice"]["long"] == current_notice().long
    assert let.body["consent"] is None


def test_a_report_that_the_law_asks_for_takes_no_record_along(care: follow_ups.Care) -> None:
    whom = people.known(care)

    with pytest.raises(refusals.DisclosureTooWide) as refused:
        let_out(
            care,
            whom,
            basis="MANDATED_REPORT",
            recipient="Child protection",
            purpose="Neglect",
            what=["IDENTITY", "ENCOUNTERS"],
        )

    assert refused.value.facts == {"sections": ["ENCOUNTERS"]}


def test_every_section_can_be_let_out_of_a_record_with_everything(care: follow_ups.Care) -> None:
    whom = people.known(care, "Rosa Ortiz")
    people.way(care, whom)
    people.strategy(care, whom, "Speak slowly")
    people.caution(care, whom)
    follow_ups.planned(care, whom)

    let = let_out(care, whom, consent_id=people.consent(care, whom, sections=list(Section)).pk, what=list(Section))

    assert set(Disclosure.objects.get(pk=let.pk).body["record"]) == set(Section)


def test_somebody_without_a_name_lets_nothing_out(care: follow_ups.Care) -> None:
    whom = people.known(care)
    nobody = Actor(care.agency_id, "Key", intake_key_id=1)

    with pytest.raises(client_refusals.PersonNeeded):
        do(disclosures.let_out, by=nobody, client_id=whom.pk, basis="TO_THE_PERSON", what=["IDENTITY"])


def test_the_notice_ships_long_and_short_and_no_version_is_lost() -> None:
    notice = current_notice()

    assert notices()[notice.version] == notice
    assert notice.short == "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    for words in ("civil, criminal, administrative, or legislative proceedings", "NOT sufficient", "42 CFR 2.31"):
        assert words in notice.long
    # Versions that were sent stand in old disclosures.
    assert "2024-04-16" in notices()


# --- no other way out ----------------------------------------------------------------------------------------------------

APP = Path(settings.BASE_DIR) / "followups"
# Who may put together a whole record: the door that enters each reading, and the exit.
READERS = {"followups/reading.py", "followups/actions/disclosures.py", "followups/queries/records.py"}
# What a file, a print or a message to elsewhere is made with.
OUTWARD = {
    "csv",
    "email",
    "ftplib",
    "http.client",
    "requests",
    "httpx",
    "smtplib",
    "socket",
    "urllib.request",
    "zipfile",
    "django.core.mail",
    "django.core.serializers",
}
OUTWARD_NAMES = {"FileResponse", "StreamingHttpResponse", "send_mail", "EmailMessage"}
# The directory is open data: it goes out and says nothing of anybody. Reminders say how many, never who or why.
OPEN = {
    "followups/hsds",
    "followups/management/commands/export_hsds.py",
    "followups/management/commands/import_hsds.py",
    "followups/management/commands/import_king_county.py",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        name = path.relative_to(APP.parent).as_posix()
        if "/migrations/" not in name and not any(name.startswith(part) for part in OPEN):
            yield name, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def test_only_the_exit_makes_copies_and_only_the_doors_put_records_together() -> None:
    makers, readers = set(), set()
    for name, tree in sources():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name("Disclosure")), attr=verb)):
                    if verb not in {"filter", "get", "exists"}:
                        makers.add(name)
                case ast.Call(func=ast.Name("Disclosure")):
                    makers.add(name)
                case ast.Name("record_of") | ast.Attribute(attr="record_of"):
                    readers.add(name)

    assert makers == {"followups/actions/disclosures.py"}
    assert readers <= READERS


def test_nothing_else_in_the_app_can_send_or_write_anything_to_anybody_outside() -> None:
    found = {
        (name, one)
        for name, tree in sources()
        for one in imported(tree)
        if one in OUTWARD or one.rpartition(".")[2] in OUTWARD_NAMES
    }

    assert found == set()


def test_no_page_offers_a_record_as_a_file() -> None:
    offered = [name for name, tree in sources() if "Content-Disposition" in ast.dump(tree)]

    assert offered == []
