"""
Reports of encounters: drafts that survive, signing and what follows from it, additions, and what supervisors see to.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import DatabaseError, connection, transaction

from dispatch.models import Assignment, Flag
from followups.actions import encounters
from followups.models import (
    CareReferral,
    Client,
    ClientCaution,
    Contact,
    ContactWay,
    Encounter,
    FollowUp,
    MandatedReport,
    Met,
    Plan,
    PlanState,
    Signing,
)
from followups.sweeps import reports as sweeps
from journal.models import Document, Entry
from journal.rebuild import differences
from journal.refusals import InvalidArgs, NotAllowed
from journal.sealing import document_about, unseal
from responders.actors import Actor
from responders.models import Shift
from tests.conftest import NOON
from tests.factories import dispatch
from tests.factories import encounters as make
from tests.factories import responders as people
from tests.factories.encounters import body, new, say, write

pytestmark = pytest.mark.django_db

JO = {**new("Jo Example", phone="206-555-0100"), "needs": ["SHELTER"], "follow_up": "YES"}


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


@pytest.fixture
def here() -> dispatch.Scene:
    return make.scene()


@pytest.fixture
def held(here: dispatch.Scene) -> Assignment:
    return make.seen_to(here)


def supervisor(of: dispatch.Scene) -> Actor:
    return people.actor(people.person(of.agency, "SUPERVISOR"))


def partner_of(of: dispatch.Scene) -> Actor:
    shift = Shift.objects.filter(unit=of.unit).exclude(person=of.tablet.person_id).get()
    return people.tablet_actor(shift, tablet_id=2)


def documents(stream: str) -> dict[tuple[str, str], dict[str, Any]]:
    """
    Return what the readers of a stream hold, opened.
    """
    return {
        (row.collection, row.document_id): orjson.loads(
            unseal(row.body or "", about=document_about(stream, row.collection, row.document_id, row.number))
        )
        for row in Document.objects.filter(stream=stream, gone=None, subject="encounter")
    }


def aside(row: Encounter) -> list[str]:
    """
    Return the notes of the drafts that were overtaken, the first of them first.
    """
    return [one.body["notes"] for one in row.overtaken.order_by("at", "pk")]


def own(of: dispatch.Scene) -> dict[str, dict[str, Any]]:
    found = documents(f"responder.{of.tablet.person_id}")
    return {key: said for (collection, key), said in found.items() if collection == "encounter"}


# --- drafts ----------------------------------------------------------------------------------------------------------------


def test_a_draft_is_its_authors_until_the_end_of_the_shift_on_which_the_call_was(
    here: dispatch.Scene, held: Assignment
) -> None:
    row = write(here, held, body(new("Jo"), notes="Half of a"), kind="encounter.save", when=minutes(30), seconds=12)

    shift = Shift.objects.get(pk=here.tablet.shift_id or 0)
    assert own(here) == {
        str(row.key): {
            "assignment": held.pk,
            "call": held.call_id,
            "on_view": None,
            "type": held.call.type.label,
            "address": held.call.address,
            "state": "DRAFT",
            "revision": 1,
            "seconds": 12,
            "opened_at": "2026-06-03T19:30:00Z",
            "due_at": shift.planned_end_at.isoformat().replace("+00:00", "Z"),
            "late": False,
            "return_note": "",
            "body": make.clean(body(new("Jo"), notes="Half of a")),
        }
    }
    # Nobody else holds anything of it: not the desk, not the partner, not a coordinator.
    streams = set(Document.objects.filter(subject="encounter", gone=None).values_list("stream", flat=True))
    assert streams == {f"responder.{here.tablet.person_id}"}
    assert not Met.objects.exists()
    assert not Client.objects.exists()
    assert list(differences()) == []


def test_a_later_revision_replaces_an_earlier_one_and_never_the_other_way_round(
    here: dispatch.Scene, held: Assignment
) -> None:
    key = uuid4()
    write(here, held, body(notes="second"), kind="encounter.save", key=key, revision=2, when=minutes(2))
    row = write(here, held, body(notes="first"), kind="encounter.save", key=key, revision=1, when=minutes(1))

    assert (row.revision, row.draft["notes"], row.opened_at, row.saved_at) == (2, "second", minutes(1), minutes(2))


def test_what_two_devices_began_for_one_assignment_is_kept_as_two_reports(
    here: dispatch.Scene, held: Assignment
) -> None:
    mine = write(here, held, body(notes="mine"), kind="encounter.save")
    partners = write(here, held, body(notes="theirs"), kind="encounter.save", by=partner_of(here))

    assert Encounter.objects.filter(assignment=held).count() == 2
    assert own(here).keys() == {str(mine.key)}
    answer = say(supervisor(here), "encounter.excuse", encounter=str(partners.key), note="One is enough")
    assert answer.applied
    assert not documents(f"responder.{partners.author_id}")
    assert Encounter.objects.get(pk=partners.pk).draft["notes"] == "theirs"
    # Whoever goes on with it after all has it again.
    again = write(here, held, kind="encounter.save", key=partners.key, revision=2, by=partner_of(here))
    assert again.state == "DRAFT"


def test_a_report_is_nobodys_but_its_authors(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, kind="encounter.save")
    stranger = dispatch.scene()
    given: dict[str, Any] = {"encounter": str(row.key), "assignment": held.pk, "revision": 2, "body": {}}

    for by in (partner_of(here), stranger.tablet):
        answer = say(by, "encounter.save", **given)
        assert (answer.status, answer.body["code"]) == (404, "encounter_not_found")
    with pytest.raises(NotAllowed):
        say(here.dispatcher, "encounter.save", **given)


def test_a_call_that_never_was_the_crews_has_no_report_of_theirs(here: dispatch.Scene, held: Assignment) -> None:
    other_unit, other = dispatch.rival(here.agency, here.area)

    answer = say(other, "encounter.save", encounter=str(uuid4()), assignment=held.pk, revision=1, body={})

    assert other_unit.pk != held.unit_id
    assert (answer.status, answer.body["code"]) == (404, "assignment_not_found")
    assert not Encounter.objects.exists()


def test_whoever_was_not_there_is_flagged_and_their_report_is_kept(here: dispatch.Scene, held: Assignment) -> None:
    late = people.person(here.agency)
    shift = people.on_shift(late, here.unit, at=minutes(60))

    answer = say(
        people.tablet_actor(shift),
        "encounter.save",
        when=minutes(70),
        encounter=str(uuid4()),
        assignment=held.pk,
        revision=1,
        body={},
    )

    assert answer.body["flags"] == ["late_scope"]
    flag = Flag.objects.get()
    assert (flag.code, flag.call_id, flag.facts["kind"]) == ("late_scope", held.call_id, "encounter.opened")


def test_a_report_names_what_the_crew_came_upon_by_its_key(here: dispatch.Scene) -> None:
    key = str(uuid4())
    say(here.tablet, "call.on_view", what="WELFARE", key=key)
    came_upon = Assignment.objects.get(call__on_view_key=key)

    answer = say(here.tablet, "encounter.save", encounter=str(uuid4()), on_view=key, revision=1, body={})
    with pytest.raises(InvalidArgs):
        say(here.tablet, "encounter.save", encounter=str(uuid4()), on_view=str(uuid4()), revision=1, body={})

    assert answer.applied
    assert Encounter.objects.get().assignment_id == came_upon.pk
    assert [said["on_view"] for said in own(here).values()] == [key]


# --- signing ---------------------------------------------------------------------------------------------------------------


def test_what_is_signed_becomes_part_of_records_once(here: dispatch.Scene, held: Assignment) -> None:
    said = {
        **JO,
        "needs": ["SUICIDE_RISK", "INTOXICATED"],
        "referrals": [
            {"to": "The shelter on 2nd", "need": "SHELTER", "warm": True},
            {"to": "Clinic", "declined": True},
        ],
        "cautions": [{"text": "Startles at noise", "days": 30}],
        "safe_contact": {"kind": "SHELTER", "value": "2nd Ave", "may_say": "REASON", "hours_from": "13:00"},
    }
    key = uuid4()
    for _ in range(2):
        row = write(here, held, body(said, notes="Calm."), key=key, when=minutes(40), seconds=55)

    client = Client.objects.get()
    assert (row.state, row.signed_at, row.signed_by_id, row.seconds_spent) == (
        "SIGNED",
        minutes(40),
        here.tablet.person_id,
        55,
    )
    assert row.notes == "Calm."
    # The same word twice is no other one.
    assert (aside(row), row.to_check) == ([], False)
    met = Met.objects.get()
    assert (met.client_id, met.risk, met.agreed, met.body["client"]) == (client.pk, True, True, {"id": client.pk})
    assert (client.part2, client.substance_use) == (True, ["INTOXICATED"])
    assert Contact.objects.get().call_id == held.call_id
    made = {referral.to: referral.state for referral in CareReferral.objects.all()}
    assert made == {"The shelter on 2nd": "MADE", "Clinic": "DECLINED"}
    caution = ClientCaution.objects.get()
    assert (caution.text, caution.expires_at) == ("Startles at noise", minutes(40) + timedelta(days=30))
    # At a shelter nobody is told why, whatever was tapped.
    ways = {way.kind: way.may_say for way in ContactWay.objects.all()}
    assert ways == {"PHONE": "NOTHING", "SHELTER": "TEAM"}
    plan = Plan.objects.get()
    assert (plan.client_id, plan.state, plan.encounter_id) == (client.pk, PlanState.OPEN, row.pk)
    assert [follow_up.step for follow_up in FollowUp.objects.order_by("due_date")] == [1, 7, 30]
    assert Signing.objects.get().body == make.clean(body(said, notes="Calm."))
    assert own(here) == {}
    assert list(differences()) == []


def test_what_cannot_be_used_stands_in_the_report_and_stops_nothing(here: dispatch.Scene, held: Assignment) -> None:
    said = {
        **JO,
        "safe_contact": {"kind": "PHONE", "value": "ask at the desk"},
        "cautions": [{"text": "Startles at noise", "days": 1}, {"text": "", "days": 9}],
        "referrals": [{"need": "SHELTER"}],
    }
    key, late = uuid4(), minutes(3 * 24 * 60)
    args: dict[str, Any] = {"encounter": str(key), "assignment": held.pk, "revision": 1, "body": body(said)}

    # Three days without signal: what was to be expected for one of them warns nobody any more.
    assert say(here.tablet, "encounter.sign", when=minutes(40), at=late, **args).applied

    assert [way.value for way in ContactWay.objects.all()] == ["206-555-0100"]
    assert not ClientCaution.objects.exists()
    assert not CareReferral.objects.exists()
    assert Met.objects.get().body["safe_contact"]["value"] == "ask at the desk"


def test_who_is_said_to_have_died_waits_for_a_second_word(here: dispatch.Scene, held: Assignment) -> None:
    write(here, held, body({**JO, "outcomes": ["DIED"]}))

    client = Client.objects.get()
    assert client.deceased_said_by_id == here.tablet.person_id
    assert client.deceased_at is None


def test_a_report_to_the_authorities_that_was_made_before_the_signing_owes_nothing(
    here: dispatch.Scene, held: Assignment
) -> None:
    made = {"about": "Bruises", "made_to": "CHILD_PROTECTION", "made_at": minutes(20).isoformat(), "number": "77"}
    write(here, held, body({**new("Kim"), "mandated": made}), when=minutes(30))

    row = MandatedReport.objects.get()
    assert (row.made_at, row.made_to, row.number) == (minutes(20), "CHILD_PROTECTION", "77")
    assert row.made_by_id == here.tablet.person_id
    assert sweeps.tell_mandated(at=minutes(60 * 47)) == 0


def test_an_excused_draft_that_is_signed_after_all_is_signed(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, kind="encounter.save")
    say(supervisor(here), "encounter.excuse", encounter=str(row.key), note="?")

    assert write(here, held, body(JO), key=row.key, revision=2).state == "SIGNED"


def test_a_merged_record_is_the_one_it_was_merged_into(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO))
    [jo] = Client.objects.all()
    by = people.actor(people.person(here.agency, "COORDINATOR"))
    assert say(by, "client.create", name="Joanna Example").applied
    kept = Client.objects.exclude(pk=jo.pk).get()
    assert say(by, "client.merge", kept=kept.pk, absorbed=jo.pk).applied
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="?")

    row = write(here, held, body({**JO, "client": {"id": jo.pk}}), key=row.key, revision=2, when=minutes(5))

    assert [met.client_id for met in row.met.all()] == [kept.pk]
    assert (Client.objects.count(), row.to_check) == (2, False)
    assert list(differences()) == []


def test_nothing_of_what_was_written_is_in_an_entry(here: dispatch.Scene, held: Assignment) -> None:
    canary = "canaryword"
    said = body({**new(canary), "needs": ["OVERDOSE"], "cautions": [{"text": canary, "days": 3}]}, notes=canary)
    row = write(here, held, said)
    say(here.tablet, "encounter.addendum", encounter=str(row.key), text=canary)

    for entry in Entry.objects.all():
        assert canary not in str(entry.data)
        assert "OVERDOSE" not in str(entry.data)


def test_nobody_found_is_a_report_too(here: dispatch.Scene, held: Assignment) -> None:
    found = write(here, held, body(nobody_found=True))
    empty = write(here, make.seen_to(here, at=minutes(90)), body(), when=minutes(95))

    assert (found.state, found.nobody_found, found.to_check) == ("SIGNED", True, False)
    # Neither somebody nor nobody: signed, and a supervisor is shown it.
    assert (empty.state, empty.to_check) == ("SIGNED", True)
    assert list(documents(f"supervisors.{here.agency.pk}")) == [("report", str(empty.key))]


def test_somebody_unknown_has_a_record_where_something_must_hang_on_one(
    here: dispatch.Scene, held: Assignment
) -> None:
    write(here, held, body({"client": None, "needs": ["FOOD_WATER"]}, {"client": None, "follow_up": "YES"}))

    assert [met.client_id is None for met in Met.objects.order_by("position")] == [True, False]
    assert Client.objects.get().known_as == "UNKNOWN"
    assert Plan.objects.count() == 1


def test_somebody_known_is_named_by_their_record_and_nobody_by_a_guess(here: dispatch.Scene, held: Assignment) -> None:
    first = write(here, held, body(JO))
    known = Client.objects.get()
    guessed = write(
        here,
        make.seen_to(here, at=minutes(60)),
        body({"client": {"id": known.pk}}, {"client": {"id": known.pk + 77}}),
        when=minutes(65),
    )
    met = {row.position: row for row in Met.objects.filter(encounter=guessed)}
    assert first.to_check is False
    # The record stood on their tablet while they held the first call.
    assert met[0].client_id in (known.pk, None)
    assert met[1].client_id is None
    assert guessed.to_check

    stranger, tablet = dispatch.rival(here.agency, here.area, at=minutes(60))
    theirs = dispatch.assignment(here, unit=stranger, at=minutes(61))
    row = write(here, theirs, body({"client": {"id": known.pk}}), by=tablet, when=minutes(80))
    assert Met.objects.get(encounter=row).client_id is None
    assert row.to_check
    assert not Contact.objects.filter(call=theirs.call_id).exists()


def test_a_code_that_was_never_a_choice_is_kept_from_records(here: dispatch.Scene, held: Assignment) -> None:
    given: dict[str, Any] = {"encounter": str(uuid4()), "assignment": held.pk, "revision": 1}

    wrong = say(here.tablet, "encounter.sign", **given, body=body({"outcomes": ["INVOLUNTARY_HOLD"]}))
    field = say(here.tablet, "encounter.sign", **given, body=body({"outcomes": ["SHELTER"]}))

    assert (wrong.status, wrong.body["code"]) == (400, "choice_unknown")
    assert wrong.body["facts"] == {"field": "OUTCOME", "choice": "INVOLUNTARY_HOLD"}
    assert field.body["code"] == "choice_unknown"
    assert not Encounter.objects.exists()


def test_what_was_signed_is_locked_in_the_database(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO))
    say(here.tablet, "encounter.addendum", encounter=str(row.key), text="More")

    for statement in (
        "DELETE FROM followups_signing",
        "UPDATE followups_signing SET revision = 9",
        "DELETE FROM followups_addendum",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# --- what a supervisor looks at ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "more", "flagged"),
    [
        ({"age": 15, "own_consent": True}, {"follow_up": "YES"}, False),
        ({"age": 15}, {"follow_up": "YES"}, True),
        ({"age": 15}, {"follow_up": "NO"}, False),
        ({"age": 12, "own_consent": True}, {"follow_up": "YES"}, True),
        ({"age": 12, "guardian_told": True}, {"follow_up": "YES"}, False),
        ({"own_consent": True}, {"follow_up": "YES"}, True),
        ({"age": 12}, {"referrals": [{"to": "Clinic"}]}, True),
        ({"age": 12}, {"referrals": [{"to": "Clinic", "declined": True}]}, False),
        ({"age": 16}, {"transport": {"destination": "HOME"}}, True),
        ({"age": 16}, {"transport": {"destination": "HOME", "supervisor_said_yes": False}}, True),
        ({"age": 16}, {"transport": {"destination": "HOME", "supervisor_said_yes": True}}, False),
        ({"age": 16, "guardian_there": True}, {"transport": {"destination": "HOME"}}, False),
        (None, {"transport": {"destination": "HOME"}, "follow_up": "YES"}, False),
    ],
)
def test_what_minors_need_is_looked_at_and_never_refused(
    here: dispatch.Scene, held: Assignment, minor: dict[str, Any] | None, more: dict[str, Any], flagged: bool
) -> None:
    row = write(here, held, body({**new("Sam"), "minor": minor, **more}))

    assert (row.state, row.to_check) == ("SIGNED", flagged)
    heads = documents(f"supervisors.{here.agency.pk}")
    assert bool(heads) is flagged
    if flagged:
        by = supervisor(here)
        assert say(by, "encounter.seen", encounter=str(row.key)).applied
        row.refresh_from_db()
        assert (row.to_check, row.checked_by_id) == (False, by.person_id)
        assert documents(f"supervisors.{here.agency.pk}") == {}


def test_what_was_typed_elsewhere_and_overtaken_is_kept_and_shown_to_a_supervisor(
    here: dispatch.Scene, held: Assignment
) -> None:
    key = uuid4()
    write(here, held, body(JO, notes="signed"), key=key, revision=3)
    row = write(here, held, body(JO, notes="typed on"), key=key, revision=5, kind="encounter.save")

    assert (row.state, row.draft["notes"], aside(row), row.to_check) == ("SIGNED", "signed", ["typed on"], True)


def test_what_another_tablet_counted_from_the_same_base_is_kept_whichever_number_it_has(
    here: dispatch.Scene, held: Assignment
) -> None:
    key, other = uuid4(), replace(here.tablet, tablet_id=99)
    write(here, held, body(notes="Both know"), kind="encounter.save", key=key, revision=2)
    write(here, held, body(JO, notes="signed"), key=key, revision=9)

    # What its own tablet had typed before it signed was part of what it signed.
    row = write(here, held, body(notes="On the way"), kind="encounter.save", key=key, revision=4)
    assert (aside(row), row.to_check) == ([], False)
    said: dict[str, Any] = {
        "encounter": str(key),
        "assignment": held.pk,
        "revision": 7,
        "seconds": 9,
        "body": body(notes="Offline"),
    }
    told = say(other, "encounter.save", **said)
    assert told.body["flags"] == ["report_overtaken"]
    again = say(other, "encounter.save", **said)
    assert again.body["flags"] == []

    row.refresh_from_db()
    assert (row.draft["notes"], aside(row), row.revision, row.to_check) == ("signed", ["Offline"], 9, True)


@pytest.mark.parametrize("kind", ["encounter.save", "encounter.sign"])
@pytest.mark.parametrize("revision", [2, 3])
def test_drafts_of_two_tablets_that_meet_are_both_kept(
    here: dispatch.Scene, held: Assignment, kind: str, revision: int
) -> None:
    key, other = uuid4(), replace(here.tablet, tablet_id=99)
    write(here, held, body(JO, notes="mine"), kind="encounter.save", key=key, revision=3)
    row = write(here, held, body(JO, notes="theirs"), kind=kind, key=key, revision=revision, by=other)
    if kind == "encounter.save":
        assert (row.state, row.draft["notes"], aside(row)) == ("DRAFT", "mine", ["theirs"])
        assert documents(f"supervisors.{here.agency.pk}") == {}
        row = write(here, held, body(JO, notes="mine"), key=key, revision=4)
    else:
        assert (row.draft["notes"], aside(row)) == ("theirs", ["mine"])

    assert (row.state, row.to_check) == ("SIGNED", True)


def test_a_report_that_two_tablets_signed_under_one_number_keeps_both(here: dispatch.Scene, held: Assignment) -> None:
    key, other = uuid4(), replace(here.tablet, tablet_id=99)
    write(here, held, body(JO, notes="first"), key=key, revision=3)
    row = write(here, held, body(JO, notes="second"), key=key, revision=3, by=other)

    assert (row.signings.count(), row.notes, aside(row), row.to_check) == (1, "first", ["second"], True)


def test_every_draft_that_was_overtaken_is_kept_whole(here: dispatch.Scene, held: Assignment) -> None:
    key = uuid4()
    second, third = (replace(here.tablet, tablet_id=tablet) for tablet in (98, 99))
    save: dict[str, Any] = {"kind": "encounter.save", "key": key}
    write(here, held, body(notes="mine"), revision=3, when=minutes(3), **save)
    write(here, held, body(notes="theirs"), revision=2, when=minutes(4), by=second, **save)
    # What one tablet typed on goes on with what it had typed: the latest of that says it.
    write(here, held, body(notes="theirs, and more"), revision=3, when=minutes(5), by=second, **save)
    write(here, held, body(notes="a third hand"), revision=3, when=minutes(6), by=third, **save)
    # Since something else counts, what is overtaken is other words.
    write(here, held, body(notes="mine, and more"), revision=4, when=minutes(7), **save)
    write(here, held, body(notes="theirs anew"), revision=4, when=minutes(8), by=second, **save)
    row = write(here, held, body(notes="signed"), key=key, revision=5, when=minutes(9))

    assert (row.state, row.notes, row.to_check) == ("SIGNED", "signed", True)
    assert aside(row) == ["theirs, and more", "a third hand", "theirs anew"]
    # Told again, they are known.
    assert aside(write(here, held, body(notes="a third hand"), revision=3, by=third, **save)) == aside(row)


def test_tablets_that_overtake_each_other_all_day_fill_no_table(here: dispatch.Scene, held: Assignment) -> None:
    most = encounters.MOST_OVERTAKEN
    key, other = uuid4(), replace(here.tablet, tablet_id=99)
    for revision in range(1, most + 3):
        save: dict[str, Any] = {"kind": "encounter.save", "key": key, "revision": revision, "when": minutes(revision)}
        write(here, held, body(notes=f"mine {revision}"), **save)
        row = write(here, held, body(notes=f"theirs {revision}"), by=other, **save)

    assert aside(row) == [*(f"theirs {revision}" for revision in range(1, most)), f"theirs {most + 2}"]


def test_a_report_that_the_law_asks_for_has_48_hours_from_when_it_was_known(
    here: dispatch.Scene, held: Assignment
) -> None:
    key = uuid4()
    child = {**new("Kim"), "mandated": {"about": "Bruises"}}
    write(here, held, body(child), key=key, kind="encounter.save", when=minutes(10))
    row = write(here, held, body(child), key=key, revision=2, when=minutes(90))

    due = MandatedReport.objects.get()
    assert (due.due_at, due.about, due.made_at) == (minutes(10) + timedelta(hours=48), "Bruises", None)
    assert sweeps.tell_mandated(at=due.due_at - timedelta(hours=13)) == 0
    assert sweeps.tell_mandated(at=due.due_at - timedelta(hours=11)) == 1
    assert sweeps.tell_mandated(at=due.due_at - timedelta(hours=11)) == 0
    [((collection, _), told)] = documents(f"supervisors.{here.agency.pk}").items()
    assert (collection, told["report"]) == ("mandated_report", str(row.key))
    assert "Bruises" not in str(told)

    made: dict[str, Any] = {
        "encounter": str(key),
        "met": 0,
        "made_to": "CHILD_PROTECTION",
        "made_at": minutes(100).isoformat(),
    }
    assert say(here.tablet, "encounter.report_made", **made, number="77", at=minutes(120)).applied
    later = say(supervisor(here), "encounter.report_made", **{**made, "number": "78"}, at=minutes(121))
    assert later.applied
    due.refresh_from_db()
    assert (due.made_at, due.made_to, due.number) == (minutes(100), "CHILD_PROTECTION", "77")
    assert documents(f"supervisors.{here.agency.pk}") == {}


def test_a_draft_that_names_no_abuse_any_more_owes_no_report(here: dispatch.Scene, held: Assignment) -> None:
    key = uuid4()
    write(here, held, body({"mandated": {"about": ""}}), key=key, kind="encounter.save")
    assert MandatedReport.objects.count() == 1
    write(here, held, body({}), key=key, revision=2, kind="encounter.save")

    assert MandatedReport.objects.count() == 0


def test_an_overdue_report_is_told_to_author_and_supervisors_once(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, kind="encounter.save")
    assert sweeps.tell_overdue(at=row.due_at - timedelta(seconds=1)) == 0

    assert sweeps.tell_overdue(at=row.due_at) == 1
    assert sweeps.tell_overdue(at=row.due_at) == 0

    assert own(here)[str(row.key)]["late"]
    [head] = documents(f"supervisors.{here.agency.pk}").values()
    assert (head["author"], head["unit"], head["call"]) == (row.author_id, row.unit_id, held.call_id)
    write(here, held, body(nobody_found=True), key=row.key, revision=2, when=row.due_at)
    assert documents(f"supervisors.{here.agency.pk}") == {}


# --- sent back, signed again ---------------------------------------------------------------------------------------------


def test_a_report_that_was_sent_back_is_signed_again_beside_what_was_signed_first(
    here: dispatch.Scene, held: Assignment
) -> None:
    loud = {"text": "Shouts at uniforms", "days": 9}
    row = write(
        here, held, body(JO, {**new("Second"), "follow_up": "YES", "cautions": [loud]}, notes="First"), revision=3
    )
    jo, second = Client.objects.order_by("pk")
    note = "Who was the second one?"
    assert say(supervisor(here), "encounter.return", encounter=str(row.key), note=note, at=minutes(5)).applied
    back = own(here)[str(row.key)]
    assert (back["state"], back["return_note"], back["revision"]) == ("RETURNED", note, 3)
    assert [said["client"] for said in back["body"]["met"]] == [{"id": jo.pk}, {"id": second.pk}]

    # What was signed already says nothing new.
    again = write(here, held, body(JO, notes="First"), key=row.key, revision=3, when=minutes(6))
    assert again.state == "RETURNED"
    only_jo = {**back["body"]["met"][0], "outcomes": ["RESOURCES_LEFT"]}
    row = write(here, held, body(only_jo, notes="Second"), key=row.key, revision=4, when=minutes(8))

    assert (row.state, row.notes, Client.objects.count()) == ("SIGNED", "Second", 2)
    assert [met.client_id for met in row.met.all()] == [jo.pk]
    assert [signing.body["notes"] for signing in row.signings.order_by("revision")] == ["First", "Second"]
    # Who is named no longer was not at the call; a plan is a coordinator's to end.
    assert set(Contact.objects.filter(ended_at=None).values_list("client", flat=True)) == {jo.pk}
    assert Plan.objects.filter(client=second, state=PlanState.OPEN).exists()
    assert Plan.objects.get(client=jo).round == 1
    # Nobody is warned of somebody who was not there.
    assert ClientCaution.objects.get(client=second).ended_at is not None
    assert list(differences()) == []


def test_whom_a_coordinator_unlinked_no_report_puts_at_the_call_again(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO))
    [jo], [contact] = Client.objects.all(), Contact.objects.all()
    by = people.actor(people.person(here.agency, "COORDINATOR"))
    assert say(by, "client.unlink", contact=contact.pk).applied
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="Who was it?", at=minutes(5))

    row = write(here, held, body({**JO, "client": {"id": jo.pk}}), key=row.key, revision=2, when=minutes(8))

    # What its author says of them stands; it opens their record to nobody, and a supervisor is shown it.
    assert [met.client_id for met in row.met.all()] == [jo.pk]
    assert not Contact.objects.filter(ended_at=None).exists()
    assert row.to_check
    # Until somebody says that it was them after all.
    assert say(by, "client.link", client=jo.pk, call=held.call_id).applied
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="So it was", at=minutes(9))
    row = write(here, held, body({**JO, "client": {"id": jo.pk}}), key=row.key, revision=3, when=minutes(10))
    assert (Contact.objects.get(ended_at=None).client_id, row.to_check) == (jo.pk, False)
    assert list(differences()) == []


def test_a_report_that_comes_late_puts_nobody_at_the_call_whom_a_coordinator_unlinked(
    here: dispatch.Scene, held: Assignment
) -> None:
    write(here, held, body(JO))
    [jo] = Client.objects.all()
    again = make.seen_to(here, at=minutes(60))
    by = people.actor(people.person(here.agency, "COORDINATOR"))
    # A coordinator takes back what they said themselves, before the crew has signal.
    linked = say(by, "client.link", client=jo.pk, call=again.call_id, at=minutes(61))
    contact = Contact.objects.get(call=again.call_id)
    assert linked.applied
    assert say(by, "client.unlink", contact=contact.pk, at=minutes(62)).applied

    plans, cautions = Plan.objects.count(), ClientCaution.objects.count()

    told = {"cautions": [{"text": "Throws things", "days": 30}], "referrals": [{"position": 0, "to": "Shelter"}]}
    row = write(here, again, body({**JO, **told, "client": {"id": jo.pk}}), when=minutes(65))

    assert not Contact.objects.filter(call=again.call_id, ended_at=None).exists()
    assert row.to_check
    # Nobody goes to somebody's door, or is warned of them, for what another one said and did.
    assert not Plan.objects.filter(encounter=row).exists()
    assert (Plan.objects.count(), ClientCaution.objects.count()) == (plans, cautions)
    assert not CareReferral.objects.filter(encounter=row).exists()


def test_whom_a_report_left_out_it_may_name_again(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO))
    [jo] = Client.objects.all()
    for revision, met in ((2, []), (3, [{"client": {"id": jo.pk}}])):
        say(supervisor(here), "encounter.return", encounter=str(row.key), note="Who?", at=minutes(revision))
        row = write(here, held, body(*met, nobody_found=not met), key=row.key, revision=revision, when=minutes(5))

    assert Contact.objects.get(ended_at=None).client_id == jo.pk
    assert not row.to_check


def test_a_tablet_that_kept_its_own_words_names_the_same_person_again(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO, {"client": None, "follow_up": "YES"}))
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="Times?", at=minutes(5))

    row = write(here, held, body({"client": None, "follow_up": "YES"}, JO), key=row.key, revision=2, when=minutes(8))

    names = [met.client.names.exists() for met in row.met.order_by("position") if met.client]
    assert names == [False, True]
    # The unknown one stood in another place: nobody knows whether it is the same.
    assert Client.objects.filter(names__isnull=False).count() == 1


def test_referrals_of_a_report_that_is_signed_again_are_what_it_says_now(
    here: dispatch.Scene, held: Assignment
) -> None:
    sent = [{"position": place, "to": to} for place, to in enumerate(["Shelter", "Clinic", "Detox"])]
    row = write(here, held, body({**JO, "referrals": sent}, {**new("Kim"), "referrals": sent[:1]}))
    heard: dict[str, Any] = {
        "care_referral": CareReferral.objects.get(encounter=row, position=2).pk,
        "state": "ACCEPTED",
    }
    assert say(supervisor(here), "care_referral.tell", **heard, said_by="The desk there", at=minutes(4)).applied
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="Where to?", at=minutes(5))

    other = [{"position": 0, "to": "Day centre", "declined": True}]
    write(here, held, body({**JO, "referrals": other}), key=row.key, revision=2, when=minutes(8))

    rows = [(one.position, one.to, one.state) for one in CareReferral.objects.order_by("position")]
    # A service knows of the one of which something was heard.
    assert rows == [(0, "Day centre", "DECLINED"), (2, "Detox", "ACCEPTED")]


@pytest.mark.parametrize(
    ("again", "owed", "made"),
    [
        (["Lee"], [0], [100]),
        (["Lee", "Kim"], [0], [1]),
        (["Kim", "Lee"], [1], [0]),
        (["Kim"], [], [0]),
        ([], [], [100]),
    ],
)
def test_a_report_that_was_made_about_somebody_is_not_made_about_who_stands_in_their_place(
    here: dispatch.Scene, held: Assignment, again: list[str], owed: list[int], made: list[int]
) -> None:
    told = {name: {**new(name), "mandated": {"about": f"Bruises of {name}"}} for name in ("Kim", "Lee")}
    row = write(here, held, body(told["Kim"]))
    said: dict[str, Any] = {"met": 0, "made_to": "CHILD_PROTECTION", "made_at": minutes(2).isoformat()}
    assert say(here.tablet, "encounter.report_made", encounter=str(row.key), **said, at=minutes(2)).applied
    say(supervisor(here), "encounter.return", encounter=str(row.key), note="Who?", at=minutes(5))
    write(here, held, body(*(told[name] for name in again)), key=row.key, revision=2, when=minutes(8))

    reports = MandatedReport.objects.order_by("met")
    assert [one.met for one in reports.filter(made_at=None)] == owed
    assert [(one.met, one.about) for one in reports.exclude(made_at=None)] == [(made[0], "Bruises of Kim")]


@pytest.mark.parametrize("kind", ["encounter.return", "encounter.excuse", "encounter.seen"])
def test_supervisors_of_another_agency_find_no_report(here: dispatch.Scene, held: Assignment, kind: str) -> None:
    row = write(here, held, body(JO))
    stranger = supervisor(dispatch.scene())
    args: dict[str, Any] = {"encounter": str(row.key)} | ({} if kind == "encounter.seen" else {"note": "?"})

    assert say(stranger, kind, **args).body["code"] == "encounter_not_found"


def test_only_what_is_signed_goes_back_and_only_what_is_owed_is_excused(
    here: dispatch.Scene, held: Assignment
) -> None:
    by, row = supervisor(here), write(here, held, kind="encounter.save")
    assert say(by, "encounter.return", encounter=str(row.key), note="?").body["code"] == "encounter_not_signed"
    write(here, held, body(JO), key=row.key, revision=2)
    assert say(by, "encounter.excuse", encounter=str(row.key), note="?").body["code"] == "encounter_not_owed"


# --- additions -------------------------------------------------------------------------------------------------------------


def test_additions_are_the_authors_and_supervisors(here: dispatch.Scene, held: Assignment) -> None:
    row = write(here, held, body(JO))

    assert say(here.tablet, "encounter.addendum", encounter=str(row.key), text="They called.").applied
    assert say(supervisor(here), "encounter.addendum", encounter=str(row.key), text="Read it.").applied
    refused = say(partner_of(here), "encounter.addendum", encounter=str(row.key), text="Me too")

    assert refused.body["code"] == "encounter_not_found"
    assert [added.text for added in row.addenda.order_by("pk")] == ["They called.", "Read it."]


def test_an_addition_may_come_before_the_report(here: dispatch.Scene, held: Assignment) -> None:
    key = uuid4()
    unknown = say(here.tablet, "encounter.addendum", encounter=str(key), text="Late word")
    named = say(here.tablet, "encounter.addendum", encounter=str(key), assignment=held.pk, text="Late word")
    row = write(here, held, body(JO), key=key, when=minutes(3))

    assert (unknown.body["code"], named.applied) == ("encounter_not_found", True)
    assert (row.state, row.addenda.count()) == ("SIGNED", 1)


def test_the_desk_writes_no_reports(here: dispatch.Scene, held: Assignment) -> None:
    responder = people.actor(people.person(here.agency))
    for by in (here.dispatcher, supervisor(here), responder, replace(here.tablet, shift_id=None)):
        with pytest.raises(NotAllowed):
            say(by, "encounter.sign", encounter=str(uuid4()), assignment=held.pk, revision=1, body={})
