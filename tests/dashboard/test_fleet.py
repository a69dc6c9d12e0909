"""
The page of tablets: what each still has to send and to hear, the worst first.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard import fleet
from journal.door import open_door
from journal.models import Stream
from responders.models import Unit
from tablets.models import Attachment, Contact, Installation, Purge, Removal, Tablet
from tests.factories import responders as make
from tests.factories import tablets
from tests.security.clients import desk_client

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 3, 19, 0, tzinfo=UTC)


def store(at_tablet: Tablet, *, seen: timedelta = timedelta(seconds=20), **fields: Any) -> Installation:
    """
    Return the store of a tablet, heard of so long before NOW.
    """
    seen_at = NOW - seen
    Contact.objects.update_or_create(tablet=at_tablet, defaults={"seen_at": seen_at})
    with open_door(by=make.SCENE, at=NOW):
        return Installation.objects.create(
            id=uuid4(), tablet=at_tablet, first_at=seen_at - timedelta(hours=3), seen_at=seen_at, **fields
        )


def tablet_of(unit: Unit) -> Tablet:
    """
    Return a new tablet of a unit.
    """
    return tablets.paired(unit).tablet


def erasure(of: Installation, *, ordered: timedelta, **fields: Any) -> Purge:
    """
    Return the order to erase a store, given so long before NOW.
    """
    return Purge.objects.create(
        installation=of.pk, tablet=of.tablet, ordered_at=NOW - ordered, ordered_by="person:1", **fields
    )


def only(agency_id: int, **given: Any) -> fleet.Device:
    """
    Return the one tablet that is listed.
    """
    [device] = fleet.fleet(agency_id, at=NOW, **given).devices
    return device


def test_a_tablet_that_never_exchanged_is_listed_as_such() -> None:
    unit = make.unit(make.agency())
    tablet_of(unit)

    device = only(unit.agency_id)

    assert (device.contact, device.waiting, device.behind_none) == ("never", "", "holds nothing")
    assert device.lost == "It has never said what waits on it."
    assert device.troubles == []


def test_what_waits_is_said_with_its_age_and_when_it_was_said() -> None:
    unit = make.unit(make.agency())
    store(
        tablet_of(unit),
        seen=timedelta(minutes=4),
        outbox_count=3,
        outbox_oldest_at=NOW - timedelta(hours=2, minutes=10),
    )

    device = only(unit.agency_id)

    assert device.waiting == "3 reports"
    assert device.waiting_said == "oldest 2 h 10, said 4 min ago"
    assert device.contact == "4 min ago"
    assert not device.lately
    assert device.lost == "It last said, 4 min ago, that 3 reports wait on it, the oldest 2 h 10 old."


def test_photos_that_are_not_here_yet_are_counted() -> None:
    unit = make.unit(make.agency())
    one = tablet_of(unit)
    store(one)
    for state, number in (("WAITING", 1), ("WAITING", 2), ("REFUSED", 3)):
        Attachment.objects.create(
            agency=unit.agency,
            tablet=one,
            sha256=f"{number:064x}",
            state=state,
            made_at=NOW,
            touched_at=NOW,
            settled_at=NOW if state == "REFUSED" else None,
        )

    assert only(unit.agency_id).photos == 2


def test_changes_still_to_hear_are_counted_by_stream() -> None:
    agency = make.agency()
    area = make.area(agency)
    unit = make.unit(agency, areas=[area])
    Stream.objects.update_or_create(name=f"area.{area.pk}", defaults={"number": 1_120})
    Stream.objects.update_or_create(name=f"unit.{unit.pk}", defaults={"number": 7})
    held = {f"area.{area.pk}": 1_100, f"unit.{unit.pk}": 7, "responder.5": 2}
    store(tablet_of(unit), seen=timedelta(minutes=5), held=held)

    device = only(agency.pk)

    assert device.behind == 20
    assert device.behind_look == "warn"
    assert device.behind_most == f"most of them: Board of {area.name}"
    assert [(stream.label, stream.words) for stream in device.streams] == [
        (f"Board of {area.name}", "at 1,100 of 1,120: 20 behind"),
        # Ahead of what we know of: a stream that has no number yet. It is nothing to wait for.
        ("Drafts", "at 2"),
        ("Its own calls", "at 7"),
    ]


def test_the_worst_comes_first() -> None:
    unit = make.unit(make.agency())
    tablet = {name: tablet_of(unit) for name in ("well", "never", "behind", "mismatch", "unsent", "erase")}
    store(tablet["well"])
    store(tablet["behind"], seen=timedelta(minutes=5), held={f"unit.{unit.pk}": 0})
    Stream.objects.update_or_create(name=f"unit.{unit.pk}", defaults={"number": 3})
    store(tablet["mismatch"], mismatches=1, mismatch_at=NOW - timedelta(hours=1))
    store(tablet["unsent"], seen=timedelta(hours=3), outbox_count=1, outbox_oldest_at=NOW - timedelta(hours=4))
    erasure(store(tablet["erase"]), ordered=timedelta(minutes=1))

    listed = fleet.fleet(unit.agency_id, at=NOW).devices

    assert [device.tablet for device in listed] == [
        tablet[name].pk for name in ("erase", "unsent", "mismatch", "behind", "never", "well")
    ]
    assert [device.troubles[0].words for device in listed[:3]] == [
        "To be erased, ordered 1 min ago: no contact since",
        "Unsent work, and no contact",
        "Held something else than the server, 1 h 00 ago; put right",
    ]
    assert [device.troubles for device in listed[3:]] == [[], [], []]


def test_what_never_came_from_an_earlier_store_is_not_forgotten() -> None:
    unit = make.unit(make.agency())
    one = tablet_of(unit)
    store(one, seen=timedelta(days=2), outbox_count=3, outbox_oldest_at=NOW - timedelta(days=2))
    store(one, seen=timedelta(days=3))
    store(one, seen=timedelta(seconds=5))

    device = only(unit.agency_id)

    assert device.waiting == ""
    assert [trouble.words for trouble in device.troubles] == ["3 reports never came from an earlier store"]
    assert device.history == ["2 earlier stores: 3 reports never came from them, last heard of 2 d ago."]


def test_an_erasure_that_was_confirmed_says_what_is_gone() -> None:
    unit = make.unit(make.agency())
    gone = store(tablet_of(unit))
    erasure(
        gone,
        ordered=timedelta(hours=1),
        told_at=NOW - timedelta(minutes=50),
        confirmed_at=NOW - timedelta(minutes=49),
        held={"area.1": {"count": 80, "digest": "0"}, "unit.7": {"count": 3, "digest": "0"}},
    )

    device = only(unit.agency_id)

    assert device.troubles == []
    assert device.history == ["Erased 49 min ago, as it confirmed: 83 documents of 2 lists gone."]


def test_work_that_could_not_be_sent_before_an_erasure_is_said_to_be_lost() -> None:
    unit = make.unit(make.agency())
    gone = store(tablet_of(unit))
    erasure(
        gone,
        ordered=timedelta(hours=1),
        told_at=NOW - timedelta(minutes=50),
        confirmed_at=NOW - timedelta(minutes=49),
        left={"documents": 0, "outbox": 0, "unsent": 2},
    )

    device = only(unit.agency_id)

    assert [trouble.words for trouble in device.troubles] == ["2 reports were lost when it was erased"]


def test_an_earlier_store_that_cannot_confirm_its_erasure_is_not_waited_for() -> None:
    unit = make.unit(make.agency())
    one = tablet_of(unit)
    erasure(store(one, seen=timedelta(days=3)), ordered=timedelta(hours=1))
    store(one)

    device = only(unit.agency_id)

    assert device.troubles == []
    assert device.history == [
        "One earlier store: everything came from them.",
        "1 of them were to erase themselves, and can no longer confirm it.",
    ]


def test_what_a_store_said_to_wait_before_it_was_erased_is_not_counted_after() -> None:
    unit = make.unit(make.agency())
    one = tablet_of(unit)
    before = {"outbox_count": 3, "outbox_oldest_at": NOW - timedelta(days=1)}
    for seen in (timedelta(days=1), timedelta(hours=1)):
        erasure(store(one, seen=seen, **before), ordered=timedelta(hours=2), confirmed_at=NOW - timedelta(minutes=30))

    device = only(unit.agency_id)

    assert device.waiting == ""
    assert device.troubles == []


@pytest.mark.parametrize("kind", ["resync", "purge"])
def test_an_order_is_seen_until_it_is_done(kind: str) -> None:
    unit = make.unit(make.agency())
    held = store(tablet_of(unit))
    client = desk_client(make.person(unit.agency, "SUPERVISOR"))

    answer = client.post(
        f"/api/actions/tablet.{kind}/", {"id": str(uuid4()), "args": {"tablet": held.tablet_id}}, "application/json"
    )

    assert answer.status_code == 200, answer.content
    [device] = fleet.fleet(unit.agency_id, at=datetime.now(UTC)).devices
    words = {"resync": "To be filled anew, ordered", "purge": "To be erased, ordered"}[kind]
    assert any(trouble.words.startswith(words) for trouble in device.troubles)


def test_a_list_that_is_not_confirmed_gone_is_said() -> None:
    unit = make.unit(make.agency())
    held = store(tablet_of(unit))
    Removal.objects.create(installation=held, stream="area.1", told_at=NOW)
    Removal.objects.create(installation=held, stream="area.2", told_at=NOW, confirmed_at=NOW)

    device = only(unit.agency_id)

    assert [trouble.words for trouble in device.troubles] == ["1 of its lists not yet confirmed gone"]
    assert ("Lists taken away", "2, 1 not confirmed") in device.facts


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("", {"fine", "unsent"}),
        ("wrong", {"unsent"}),
        ("unsent", {"unsent"}),
        ("silent", {"unsent"}),
        ("all", {"fine", "unsent", "revoked"}),
    ],
)
def test_the_list_can_be_narrowed(show: str, names: set[str]) -> None:
    unit = make.unit(make.agency())
    tablet = {name: tablet_of(unit) for name in ("fine", "unsent", "revoked")}
    store(tablet["fine"])
    store(tablet["unsent"], seen=timedelta(hours=2), outbox_count=1, outbox_oldest_at=NOW - timedelta(hours=3))
    store(tablet["revoked"], seen=timedelta(days=1))
    with open_door(by=make.SCENE, at=NOW):
        Tablet.objects.filter(pk=tablet["revoked"].pk).update(revoked_at=NOW)

    listed = {device.tablet for device in fleet.fleet(unit.agency_id, at=NOW, show=show).devices}

    assert listed == {tablet[name].pk for name in names}


def test_nothing_of_another_agency_is_listed_or_counted() -> None:
    ours, theirs = make.unit(make.agency()), make.unit(make.agency())
    mine = tablet_of(ours)
    store(mine)
    for _ in range(3):
        erasure(store(tablet_of(theirs), outbox_count=5, outbox_oldest_at=NOW), ordered=timedelta(hours=1))

    found = fleet.fleet(ours.agency_id, at=NOW, show="all")

    assert [device.tablet for device in found.devices] == [mine.pk]
    assert {total.words: total.count for total in found.sums} == {
        "tablets in use": 1,
        "in contact now": 1,
        "need somebody": 0,
        "reports not sent yet, on 0": 0,
        "without contact, and behind": 0,
        "erasures not confirmed": 0,
    }
    assert fleet.fleet(ours.agency_id, at=NOW, unit_id=theirs.pk).devices == []


def test_two_thousand_tablets_cost_as_many_statements_as_two() -> None:
    agency = make.agency()
    unit = make.unit(agency)
    supervisor = make.person(agency, "SUPERVISOR")
    client = desk_client(supervisor)
    counts = []

    for more in (2, 1_998):
        with open_door(by=make.SCENE, at=NOW):
            new = Tablet.objects.bulk_create(
                Tablet(
                    agency=agency,
                    unit=unit,
                    name=f"Tablet {number}",
                    token_hash=uuid4().bytes * 2,
                    paired_at=NOW,
                    paired_by=supervisor,
                )
                for number in range(more)
            )
            Installation.objects.bulk_create(
                Installation(
                    id=uuid4(), tablet=one, first_at=NOW, seen_at=NOW, held={f"unit.{unit.pk}": 1, "area.1": 2}
                )
                for one in new
            )
        # In the background, as the page asks: a gesture would now and then write the session, too.
        with CaptureQueriesContext(connection) as asked:
            answer = client.get("/fleet/rows/", headers={"X-Background": "1"})
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert answer.context["fleet"].total == 2_000
    assert answer.content.count(b"data-key=") == fleet.PER_PAGE
    assert client.get("/fleet/rows/?page=20").content.count(b"data-key=") == fleet.PER_PAGE
    assert client.get("/fleet/rows/?page=21").content.count(b"data-key=") == 0


@pytest.mark.parametrize(("role", "links"), [("SUPERVISOR", True), ("ADMIN", False)])
def test_supervisors_and_administrators_see_the_page(role: str, links: bool) -> None:
    agency = make.agency()
    store(tablet_of(make.unit(agency)))

    page = desk_client(make.person(agency, role)).get("/fleet/").content.decode()

    assert 'data-do="purge"' in page
    assert ('href="/supervisor/"' in page) is links


@pytest.mark.parametrize("query", ["show=everything", "unit=x", "page=-1", "unit=99999999999999999999"])
def test_an_address_that_makes_no_sense_is_absent(query: str) -> None:
    client = desk_client(make.person(make.agency(), "SUPERVISOR"))

    assert client.get(f"/fleet/?{query}").status_code == 404
