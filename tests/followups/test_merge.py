"""
Two records become one and two again: nothing is lost either way, whatever hung on them.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model, UniqueConstraint
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.models import Call
from followups import reading
from followups.actions import clients, disclosures, merges
from followups.models import (
    Attempt,
    BreakGlass,
    CarePlan,
    CareReferral,
    CareReferralStep,
    Choice,
    Client,
    ClientCaution,
    Consent,
    Contact,
    ContactWay,
    Disclosure,
    Encounter,
    FollowUp,
    LockedClient,
    Merge,
    Met,
    Move,
    Plan,
    PlanState,
    Strategy,
)
from followups.refusals import clients as refusals
from followups.rules.encounters import LISTS
from journal.door import open_door
from journal.rebuild import differences
from tests.conftest import NOON
from tests.factories import clients as people
from tests.factories import dispatch, follow_ups
from tests.replica import bodies

pytestmark = pytest.mark.django_db

OPEN = [PlanState.OPEN, PlanState.PAUSED]


def merge(care: follow_ups.Care, kept: Client, absorbed: Client, *, at: datetime = NOON) -> Merge:
    with open_door(by=care.coordinator, at=at):
        return merges.merge(kept_id=kept.pk, absorbed_id=absorbed.pk, by=care.coordinator, at=at)


def unmerge(care: follow_ups.Care, done: Merge, *, at: datetime = NOON) -> None:
    with open_door(by=care.coordinator, at=at):
        merges.unmerge(merge_id=done.pk, by=care.coordinator, at=at)


def everything() -> dict[tuple[str, Any], dict[str, Any]]:
    """
    Return every row of the app as it reads, but for the merges themselves and what was shown where.
    """
    return {
        (model.__name__, row.pk): {
            field.attname: _plain(getattr(row, field.attname)) for field in model._meta.concrete_fields
        }
        for model in apps.get_app_config("followups").get_models()
        if model.__name__ not in {"Merge", "Shown"}
        for row in model._default_manager.all()
    }


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


# What a record may have, each drawn for itself: with both having it, both not, or one.
PARTS = [
    "name",
    "alias",
    "looks",
    "born_on",
    "language",
    "interpreter",
    "hours",
    "substance_use",
    "way",
    "strategy",
    "caution",
    "care_plan",
    "contact",
    "met",
    "care_referral",
    "consent",
    "disclosure",
    "break_glass",
    "single",
]


def furnish(
    care: follow_ups.Care,
    whom: Client,
    parts: set[str],
    plan: str,
    *,
    calls: list[Call],
    report: Encounter,
    number: int,
) -> None:
    """
    Hang on a record what was drawn for it.
    """
    added: dict[str, Any] = {"client": whom, "added_at": NOON, "added_by": "person:1"}
    author = care.coordinator.person_id
    assert author is not None
    with open_door(by="system:test", at=NOON):
        locked = LockedClient(Client.objects.lock(whom.pk))
        if "way" in parts:
            clients.put_way(client=locked, kind="PHONE", value=f"206-555-010{number}", by="person:1", at=NOON)
        if "strategy" in parts:
            Strategy.objects.create(kind="HELPS", text=f"Speak slowly {number}", **added)
        if "caution" in parts:
            ClientCaution.objects.create(
                text="Startles", seen_on=NOON.date(), expires_at=NOON + timedelta(days=9), **added
            )
        if "care_plan" in parts:
            CarePlan.objects.create(
                client=whom, text="One voice", author_id=author, written_at=NOON, review_on=date(2026, 9, 1)
            )
        if "contact" in parts:
            # The first call is one at which both may be.
            for call in (calls[0], calls[number]):
                Contact.objects.get_or_create(
                    client=whom, call=call, ended_at=None, defaults={"route": "MET", "at": NOON, "by": "x"}
                )
        if "met" in parts:
            Met.objects.create(encounter=report, client=whom, position=number, body={"left_to": "HOME"})
        if "care_referral" in parts:
            made = CareReferral.objects.create(client=whom, encounter=report, position=0, to="Shelter", made_at=NOON)
            CareReferralStep.objects.create(
                referral=made, client=whom, state="ACCEPTED", on=NOON.date(), said_by="Desk", at=NOON, by="person:1"
            )
        consent = None
        if "consent" in parts:
            consent = Consent.objects.create(client=whom, added_at=NOON, added_by_id=author, **people.elements())
        if "disclosure" in parts:
            Disclosure.objects.create(
                client=whom,
                consent=consent,
                basis="TO_THE_PERSON",
                recipient="The person",
                purpose="Asked",
                body={},
                notice_version="2024-04-16",
                at=NOON,
                by_id=author,
            )
        if "break_glass" in parts:
            BreakGlass.objects.create(
                client=whom, person_id=author, reason="At the desk", at=NOON, ends_at=NOON + timedelta(hours=1)
            )
        if "single" in parts:
            _follow_up(care, whom, None, number)
        if plan != "NONE":
            _plan(care, whom, plan, number)


def _plan(care: follow_ups.Care, whom: Client, state: str, number: int) -> None:
    times: dict[str, dict[str, Any]] = {
        "PAUSED": {"paused_at": NOON, "pause_reason": "CUSTODY"},
        "CLOSED": {"closed_at": NOON},
    }
    plan = Plan.objects.create(
        agency_id=care.agency_id,
        client=whom,
        state=state,
        steps=[1],
        zone="America/Los_Angeles",
        based_at=NOON - timedelta(days=number % 2),
        opened_at=NOON,
        opened_by="person:1",
        **times.get(state, {}),
    )
    _follow_up(care, whom, plan, number, state={"OPEN": "DUE", "PAUSED": "WAITING"}.get(state, "CANCELLED"))


def _follow_up(care: follow_ups.Care, whom: Client, plan: Plan | None, number: int, state: str = "PENDING") -> None:
    row = FollowUp.objects.create(
        agency_id=care.agency_id,
        client=whom,
        plan=plan,
        step=None if plan is None else 1,
        zone="America/Los_Angeles",
        due_date=NOON.date(),
        due_at=NOON,
        due_until=NOON + timedelta(hours=7),
        state=state,
        reason="To hear how it is",
        made_at=NOON,
        made_by="person:1",
        unit=care.scene.unit if number == 1 else None,
    )
    Attempt.objects.create(
        follow_up=row, client=whom, how="PHONE", result="NOT_FOUND", at=NOON, recorded_at=NOON, by="person:1"
    )
    Move.objects.create(
        follow_up=row,
        client=whom,
        from_date=NOON.date(),
        to_date=NOON.date(),
        reason="Away",
        at=NOON,
        by="person:1",
    )


def person(care: follow_ups.Care, parts: set[str], number: int) -> Client:
    told: dict[str, Any] = {"interpreter": "interpreter" in parts}
    if "hours" in parts:
        told |= {"visits_from": "13:00", "visits_until": "15:00"}
    if "language" in parts:
        told["language"] = "es"
    whom = people.known(
        care,
        f"Rosa {number}" if "name" in parts else "",
        aliases=["Rosie"] if "alias" in parts else [],
        looks=f"Red coat {number}" if "looks" in parts else "",
        born_on="1980-05" if "born_on" in parts else "",
        **told,
    )
    if "substance_use" in parts:
        with open_door(by="system:test", at=NOON):
            clients.mark_part2(client=Client.objects.lock(whom.pk), codes=["OPIOIDS", f"CODE_{number}"])
    return whom


@pytest.mark.timeout(600)
@settings(
    max_examples=12,
    deadline=None,
    # One costs a second: shrinking would cost minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=st.sets(st.sampled_from(PARTS)),
    second=st.sets(st.sampled_from(PARTS)),
    plans=st.tuples(*[st.sampled_from(["NONE", "OPEN", "PAUSED", "CLOSED", "DECLINED"])] * 2),
)
def test_what_is_merged_and_taken_back_is_as_it_was(
    db: None, first: set[str], second: set[str], plans: tuple[str, str]
) -> None:
    care = follow_ups.care()
    calls = [dispatch.care_call(care.scene) for _ in range(3)]
    report = follow_ups.encounter(care)
    kept, absorbed = person(care, first, 1), person(care, second, 2)
    for number, (whom, parts, plan) in enumerate([(kept, first, plans[0]), (absorbed, second, plans[1])], start=1):
        furnish(care, whom, parts, plan, calls=calls, report=report, number=number)
    before = everything()

    done = merge(care, kept, absorbed)

    # Whatever hung on either is read of the one that was kept, and one plan at most goes on.
    assert set(everything()) == set(before)
    assert Plan.objects.filter(client__in=[kept, absorbed], state__in=OPEN).count() <= 1
    assert set(bodies(f"coordinators.{care.agency_id}", "client")) == {str(kept.pk)}
    left = {model.__name__ for model, column in merges.tables() if model._default_manager.filter(**{column: absorbed})}
    # Only what is said of both: the same call, the same place of one report.
    assert left <= {"Contact", "CareReferral"}

    unmerge(care, done)

    assert everything() == before
    assert list(differences()) == []


def test_every_table_that_says_something_of_somebody_follows_or_stays_for_a_reason() -> None:
    models = apps.get_app_config("followups").get_models()
    about = {model for model in models if any(field.related_model is Client for field in model._meta.concrete_fields)}

    assert about == {model for model, _ in merges.tables()} | set(merges.STAYS)


def test_every_index_that_allows_one_of_a_person_is_seen_to() -> None:
    # A new one makes merging fail where both records have such a row: decide which stays, then add it here.
    assert {
        f"{model.__name__}: {','.join(one.fields)}"
        for model, column in merges.tables()
        for one in _uniques(model, column)
    } == {
        "ClientName: client",
        "Contact: client,call",
        "Plan: client",
        "CareReferral: encounter,client,position",
    }


def _uniques(model: type[Model], column: str) -> list[UniqueConstraint]:
    return [one for one in model._meta.constraints if isinstance(one, UniqueConstraint) and column in one.fields]


@pytest.mark.parametrize("newer_is_kept", [True, False])
def test_of_two_open_plans_the_one_of_the_earlier_encounter_closes(newer_is_kept: bool) -> None:
    care = follow_ups.care()
    newer, older = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    earlier = follow_ups.planned(care, older, at=NOON - timedelta(days=2))
    later = follow_ups.planned(care, newer, at=NOON - timedelta(days=1))

    kept, absorbed = (newer, older) if newer_is_kept else (older, newer)
    done = merge(care, kept, absorbed)

    earlier.refresh_from_db()
    later.refresh_from_db()
    assert (earlier.state, earlier.close_reason) == ("CLOSED", "DUPLICATE")
    assert (later.state, later.client_id) == ("OPEN", kept.pk)
    assert set(earlier.follow_ups.values_list("state", flat=True)) == {"CANCELLED"}

    unmerge(care, done)

    earlier.refresh_from_db()
    assert (earlier.state, earlier.close_reason, earlier.client_id) == ("OPEN", "", older.pk)
    assert not earlier.follow_ups.filter(state="CANCELLED").exists()


def test_a_plan_that_was_closed_stays_so_where_another_is_open_by_now() -> None:
    care = follow_ups.care()
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    earlier = follow_ups.planned(care, kept, at=NOON - timedelta(days=2))
    follow_ups.planned(care, absorbed, at=NOON - timedelta(days=1))
    done = merge(care, kept, absorbed)
    with open_door(by="system:test", at=NOON):
        Plan.objects.filter(client=kept, state="OPEN").update(state="COMPLETED", closed_at=NOON)
    new = follow_ups.planned(care, kept, at=NOON)

    unmerge(care, done)

    earlier.refresh_from_db()
    assert earlier.state == "CLOSED"
    assert list(Plan.objects.filter(client=kept, state__in=OPEN)) == [new]


def test_what_was_added_since_stays_with_the_record_that_was_kept() -> None:
    care = follow_ups.care()
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    people.way(care, absorbed, value="206-555-0101")
    done = merge(care, kept, absorbed)
    # Said of the record that is gone, and understood as of the one it went into.
    since = people.way(care, absorbed, value="206-555-0102")
    assert since.client_id == kept.pk

    unmerge(care, done)

    assert [way.value for way in ContactWay.objects.filter(client=absorbed)] == ["206-555-0101"]
    assert [way.value for way in ContactWay.objects.filter(client=kept)] == ["206-555-0102"]


def test_what_was_corrected_since_is_not_taken_away() -> None:
    care = follow_ups.care()
    kept, absorbed = (
        people.known(care, "Rosa Ortiz"),
        people.known(care, "Rosa Ortis", language="es", looks="Red coat"),
    )
    done = merge(care, kept, absorbed)
    with open_door(by=care.coordinator, at=NOON):
        found = clients.update(client_id=kept.pk, language="pt", by=care.coordinator, at=NOON)
    assert found.looks == "Red coat"

    unmerge(care, done)

    kept.refresh_from_db()
    assert (kept.language, kept.looks) == ("pt", "")


def names(whom: Client) -> dict[str, bool]:
    return {row.text: row.primary for row in whom.names.all()}


def rename(care: follow_ups.Care, whom: Client, **told: Any) -> None:
    with open_door(by=care.coordinator, at=NOON):
        clients.update(client_id=whom.pk, by=care.coordinator, at=NOON, **told)


def test_names_that_were_changed_meanwhile_return_to_whom_they_are_of() -> None:
    care = follow_ups.care()
    kept = people.known(care, "Rosa Ortiz", aliases=["Rosie"])
    absorbed = people.known(care, "Maria Lopez", aliases=["Mari"])
    done = merge(care, kept, absorbed)
    rename(care, kept, name="Rosalia Ortiz")
    rename(care, kept, aliases=["Rosie", "Rosa Ortiz", "Maria Lopez", "Mari", "La Rosa"])

    unmerge(care, done)

    assert names(kept) == {"Rosalia Ortiz": True, "Rosa Ortiz": False, "Rosie": False, "La Rosa": False}
    assert names(absorbed) == {"Maria Lopez": True, "Mari": False}


def test_each_goes_by_its_own_name_again_where_both_went_by_the_others() -> None:
    care = follow_ups.care()
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Maria Lopez", aliases=["Mari"])
    unknown, named = people.known(care), people.known(care, "Ana Diaz")
    same, twin = people.known(care, "Eva Cruz"), people.known(care, "eva cruz")
    merges_done = [merge(care, kept, absorbed), merge(care, unknown, named), merge(care, same, twin)]
    rename(care, kept, name="mari")
    rename(care, unknown, name="Ana Maria Diaz")
    rename(care, same, name="Eva Cruz Vega")

    for done in merges_done:
        unmerge(care, done)

    assert (names(kept), names(absorbed)) == ({"Rosa Ortiz": True}, {"Maria Lopez": True, "mari": False})
    assert (names(unknown), names(named)) == ({"Ana Maria Diaz": True}, {"Ana Diaz": True})
    assert (names(same), names(twin)) == ({"Eva Cruz Vega": True, "Eva Cruz": False}, {"eva cruz": True})


def cover(care: follow_ups.Care, whom: Client, *codes: str) -> None:
    with open_door(by="system:test", at=NOON):
        clients.mark_part2(client=Client.objects.lock(whom.pk), codes=codes)


def covered(*whom: Client) -> list[list[str]]:
    return [Client.objects.get(pk=one.pk).substance_use for one in whom]


@pytest.mark.parametrize("first", [0, 1])
def test_what_part_2_covers_of_each_is_its_own_whichever_merge_is_taken_back_first(first: int) -> None:
    care = follow_ups.care()
    kept, one, two = (people.known(care, f"Rosa {number}") for number in range(3))
    for whom, codes in ((kept, ["ALCOHOL"]), (one, ["OPIOIDS", "ALCOHOL"]), (two, ["OPIOIDS", "METH"])):
        cover(care, whom, *codes)
    done = [merge(care, kept, one), merge(care, kept, two)]
    # Said of the record that was kept while it was all of them: nobody can tell of whom.
    cover(care, kept, "OVERDOSE")
    assert covered(kept) == [["ALCOHOL", "OPIOIDS", "METH", "OVERDOSE"]]

    unmerge(care, done[first])

    # The other's stays for as long as that one does.
    left = [["ALCOHOL", "OPIOIDS", "METH", "OVERDOSE"], ["ALCOHOL", "OPIOIDS", "OVERDOSE"]][first]
    assert covered(kept) == [left]
    unmerge(care, done[1 - first])
    assert covered(kept, one, two) == [["ALCOHOL", "OVERDOSE"], ["OPIOIDS", "ALCOHOL"], ["OPIOIDS", "METH"]]
    assert Client.objects.get(pk=kept.pk).part2


def test_what_a_report_says_that_part_2_covers_goes_with_the_report() -> None:
    care = follow_ups.care()
    with open_door(by="system:test", at=NOON):
        Choice.objects.create(
            agency_id=care.agency_id, field="NEED", code="DETOX", label="Detox", position=1, substance_use=True
        )
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Maria Lopez")
    done = merge(care, kept, absorbed)
    # A report from before the merge is signed anew, and says more.
    report = follow_ups.encounter(care, signed_at=NOON, signed_by_id=care.coordinator.person_id)
    with open_door(by="system:test", at=NOON):
        body = {
            **{name: [] for name in LISTS},
            "needs": ["DETOX"],
            "transport": None,
            "mandated": None,
            "referrals": [],
        }
        row = Met.objects.create(encounter=report, client=kept, position=0, body=body)
        fresh = Merge.objects.get(pk=done.pk)
        fresh.moved["rows"].setdefault("met", []).append(row.pk)
        fresh.save()
    cover(care, kept, "DETOX")

    unmerge(care, done)

    assert covered(kept, absorbed) == [[], ["DETOX"]]


def test_what_a_merge_remembers_is_sealed() -> None:
    care = follow_ups.care()
    kept, absorbed = people.known(care, "Rosa Ortiz"), people.known(care, "Maria Lopez")
    cover(care, kept, "OPIOIDS")
    done = merge(care, kept, absorbed)

    with connection.cursor() as cursor:
        cursor.execute("SELECT moved FROM followups_merge WHERE id = %s", [done.pk])
        [moved] = cursor.fetchone()

    assert moved.startswith("§")
    assert Merge.objects.get(pk=done.pk).moved["part2"] == {"own": ["OPIOIDS"]}


def test_what_went_out_while_two_were_one_is_accounted_for_with_both() -> None:
    care = follow_ups.care()
    first, second, third = (people.known(care, f"Rosa {number}") for number in range(3))
    days = [people.days(number) for number in range(6)]

    def let_out(whom: Client, at: datetime) -> int:
        with open_door(by=care.coordinator, at=at):
            row = disclosures.let_out(
                client_id=whom.pk,
                basis="TO_THE_PERSON",
                what=["IDENTITY"],
                purpose="They asked",
                by=care.coordinator,
                at=at,
            )
        return row.pk

    def accounted(whom: Client) -> list[int]:
        listed = reading.accounting(client_id=whom.pk, by=care.coordinator, at=days[5])
        read = reading.read_record(client_id=whom.pk, by=care.coordinator, at=days[5], why="RECORD")
        assert {row.pk for row in read.disclosures} == {row.pk for row in listed}
        return sorted(row.pk for row in listed)

    before = let_out(second, days[0])
    one = merge(care, second, first, at=days[1])
    both = let_out(second, days[1])
    two = merge(care, third, second, at=days[2])
    three = let_out(third, days[2])
    unmerge(care, two, at=days[3])
    again = let_out(second, days[3])
    unmerge(care, one, at=days[4])
    after = let_out(second, days[4])
    alone = let_out(third, days[4])

    assert accounted(first) == [both, three, again]
    assert accounted(second) == [before, both, three, again, after]
    assert accounted(third) == [three, alone]


def test_merges_are_taken_back_in_their_order() -> None:
    care = follow_ups.care()
    first, second, third = (people.known(care, f"Rosa {number}") for number in range(3))
    one = merge(care, second, first)
    two = merge(care, third, second)
    with pytest.raises(refusals.MergeNotLast):
        unmerge(care, one)

    unmerge(care, two)
    unmerge(care, one)

    assert Client.objects.filter(pk__in=[first.pk, second.pk, third.pk], merged_into=None).count() == 3
    with pytest.raises(refusals.MergeUndone):
        unmerge(care, one)


def test_what_cannot_be_merged() -> None:
    care = follow_ups.care()
    whom, other = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    neighbours = people.known(follow_ups.care(), "Rosa Ortiz")
    with pytest.raises(refusals.MergeWithItself):
        merge(care, whom, whom)
    with pytest.raises(refusals.ClientNotFound):
        merge(care, whom, neighbours)
    with open_door(by="system:test", at=NOON):
        Client.objects.filter(pk=other.pk).update(
            deceased_said_at=NOON, deceased_at=NOON, deceased_by=care.coordinator.person_id
        )
    with pytest.raises(refusals.MergeOfDeathDiffers):
        merge(care, whom, other)
    with pytest.raises(refusals.MergeNotFound), open_door(by=care.coordinator, at=NOON):
        merges.unmerge(merge_id=0, by=care.coordinator, at=NOON)


def test_a_record_is_followed_over_any_number_of_merges() -> None:
    care = follow_ups.care()
    first, second, third = (people.known(care, f"Rosa {number}") for number in range(3))
    merge(care, second, first)
    merge(care, third, second)

    with open_door(by="system:test", at=NOON):
        assert clients.standing(first.pk, agency_id=care.agency_id).pk == third.pk
    assert clients.family(third) == [third.pk, second.pk, first.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_merge_the_same_records_the_other_way_round_one_is_told_no() -> None:
    care = follow_ups.care()
    one, two = people.known(care, "Rosa Ortiz"), people.known(care, "Rosa Ortis")
    together = Barrier(2)

    def attempt(kept: Client, absorbed: Client) -> bool:
        together.wait()
        try:
            merge(care, kept, absorbed)
        except refusals.MergeWithItself:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(attempt, (one, two), (two, one)))

    assert sorted(done) == [False, True]
    assert Client.objects.filter(pk__in=[one.pk, two.pk], merged_into=None).count() == 1
