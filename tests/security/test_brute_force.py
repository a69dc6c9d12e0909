"""
Lists, counts, search, streams and admin show a bearer what it may see, no row more and none less (C2).

What may be seen is worked out here a second time, naively, row by row, from nothing but the tables: two agencies with the
same things, each of which carries the agency's mark wherever there is text.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.gis.geos import Point
from django.db.models import Model
from django.test import Client

from dashboard.views import PARTS
from dispatch import catalogue
from dispatch import models as d
from dispatch.actions import cad_keys
from dispatch.intake_serializers import PreviewArgs
from followups import models as f
from journal.door import open_door
from journal.models import Stream
from responders import models as r
from responders.actions import positions
from responders.actors import Actor
from responders.admin import DoorAdmin
from responders.sign_in import account_key
from tablets import models as t
from tests.factories import dispatch, responders, tablets
from tests.security.clients import desk_client
from tests.security.world import NOBODYS

# No page, word or policy of ours has these in it.
OURS, THEIRS = "ZULU", "YANKEE"
SCENE = responders.SCENE
WEST = Point(-122.3370, 47.6110, srid=4326)

pytestmark = pytest.mark.django_db


@dataclass
class Who:
    """
    A bearer, and what the naive predicate has to know of it.
    """

    client: Client
    agency: int
    roles: frozenset[str] = frozenset()
    # The unit of a tablet at which somebody on shift is signed on.
    crew_of: int | None = None

    @property
    def at_desk(self) -> bool:
        """
        Tell whether this is somebody who dispatches.
        """
        return bool(self.roles & {"DISPATCHER", "EMBEDDED", "SUPERVISOR"})


@dataclass
class Town:
    """
    One agency, with a bearer of every kind.
    """

    agency: r.Agency
    mark: str
    bearers: dict[str, Who] = field(default_factory=dict)


def test_what_the_exchange_gives_is_what_the_rows_allow() -> None:
    ours, theirs = _town(OURS), _town(THEIRS)
    wrong: dict[Any, Any] = {}

    for town in (ours, theirs):
        for name, who in town.bearers.items():
            documents = _pulled(who)
            given, allowed = {(one["c"], one["id"]) for one in documents}, set(_allowed(who))
            if given != allowed:
                wrong[town.mark, name] = {"too much": given - allowed, "missing": allowed - given}
            # The long form of a call, with who called and what was said, goes to the desk and to who holds it.
            text = json.dumps(documents)
            told = {call.pk for call in d.Call.objects.all() if call.narrative and call.narrative in text}
            phoned = {call.pk for call in d.Call.objects.all() if call.caller_phone and call.caller_phone in text}
            full = {call.pk for call in d.Call.objects.all() if _in_full(who, call)}
            if not told == phoned == full:
                wrong[town.mark, name, "full"] = {"told": told, "phoned": phoned, "allowed": full}
            if (other := THEIRS if town is ours else OURS) in text:
                wrong[town.mark, name, "text"] = other

    assert wrong == {}
    # None of it would say anything of an empty world.
    assert {collection for collection, _ in _allowed(ours.bearers["SUPERVISOR"])} == {
        *("call", "note", "premise", "unit", "debrief", "flag", "tablet"),
        *("agency", "area", "call_type", "policy", "feed"),
        *("client", "follow_up", "escalation", "break_glass"),
    }
    assert {collection for collection, _ in _allowed(ours.bearers["crew of two areas"])} >= {
        *("call", "note", "offer"),
        *("client", "follow_up"),
    }


def test_streams_asked_for_by_name_are_not_given_to_others() -> None:
    ours, _theirs = _town(OURS), _town(THEIRS)
    everything = {name: {"number": 0} for name in Stream.objects.values_list("name", flat=True)} | {
        "desk.999999999": {"number": 0}
    }

    for who in ours.bearers.values():
        whole, asked = _exchange(who, {}), _exchange(who, everything)
        assert set(asked["streams"]) == set(whole["streams"])
        dropped = {row["stream"]: row["why"] for row in asked["dropped"]}
        assert set(dropped) == (set(everything) - set(whole["streams"]) if asked["now"] else set())
        # One that exists and one that does not are refused in the same word.
        assert len(set(dropped.values())) <= 1
        assert THEIRS not in json.dumps(asked)


def test_positions_are_those_of_units_that_the_rows_allow() -> None:
    ours, _theirs = _town(OURS), _town(THEIRS)
    wrong = {}

    for name, who in ours.bearers.items():
        answer = who.client.get("/api/positions/")
        given = answer.json() if answer.status_code == 200 else {"positions": [], "tablets": []}
        units = {row["unit"] for row in given["positions"]}
        contacts = {row["tablet"] for row in given["tablets"]}
        allowed_units = {row.unit_id for row in r.Position.objects.all() if _sees_unit(who, row.unit)}
        allowed_contacts = {
            row.tablet_id
            for row in t.Contact.objects.all()
            if who.at_desk and row.tablet.agency_id == who.agency and row.tablet.revoked_at is None
        }
        if (units, contacts) != (allowed_units, allowed_contacts):
            wrong[name] = (units, allowed_units, contacts, allowed_contacts)

    assert wrong == {}
    assert r.Position.objects.count() > len(
        ours.bearers["SUPERVISOR"].client.get("/api/positions/").json()["positions"]
    )


def test_pages_hold_what_the_rows_allow() -> None:
    ours, _theirs = _town(OURS), _town(THEIRS)
    own = ours.agency.pk
    supervisor, officer = ours.bearers["SUPERVISOR"].client, ours.bearers["OFFICER"].client

    kept_pages = (
        "/supervisor/quarantine/",
        "/supervisor/quarantine/?state=settled",
        "/supervisor/flags/",
        "/supervisor/flags/?state=settled",
        "/fleet/?show=all",
    )
    for path in ("/supervisor/", "/desk/", *kept_pages, *(f"/supervisor/{name}/" for name in PARTS)):
        answer = supervisor.get(path, {"span": "30"} if "outcomes" in path else None)
        assert answer.status_code == 200, path
        assert THEIRS not in answer.content.decode().upper(), path
    page = supervisor.get("/supervisor/").context
    assert {row["tablet"].pk for row in page["tablets"] + page["revoked"]} == _pks(t.Tablet, own)
    assert {row.pk for row in page["shifts"]} == {
        row.pk for row in r.Shift.objects.all() if row.unit.agency_id == own and row.ended_at is None
    }
    assert {row.pk for row in page["open_debriefs"] + page["closed_debriefs"]} == _pks(d.Debrief, own)
    open_flags = [row for row in d.Flag.objects.all() if row.call.agency_id == own and row.resolved_at is None]
    assert sum(group["count"] for group in page["flags"]) == len(open_flags)
    for state in ("open", "settled"):
        flagged = supervisor.get("/supervisor/flags/", {"state": state}).context["page"]
        ids = {row.id for group in flagged.groups for row in group.rows}
        assert ids == {
            row.pk
            for row in d.Flag.objects.all()
            if row.call.agency_id == own and (row.resolved_at is None) == (state == "open")
        }
        assert ids
    assert page["outcomes"].total == len(
        [
            call
            for call in d.Call.objects.all()
            if call.agency_id == own and call.closed_at is not None and call.assignments.exists()
        ]
    )
    assert [person.pk for person, _ in page["locked"]] == [
        person.pk for person in r.Person.objects.all() if person.agency_id == own and person.name.endswith("Locked")
    ]
    for state in ("OPEN", "CLOSED"):
        listed = supervisor.get("/supervisor/quarantine/", {"state": "open" if state == "OPEN" else "settled"}).context
        tickets = {row.ticket for group in listed["page"].groups for row in group.rows}
        assert tickets == {row.pk for row in t.Quarantined.objects.all() if (row.agency_id, row.state) == (own, state)}
        assert tickets
    for role in ("SUPERVISOR", "ADMIN"):
        fleet = ours.bearers[role].client.get("/fleet/", {"show": "all"})
        assert {device.tablet for device in fleet.context["fleet"].devices} == _pks(t.Tablet, own)
        assert THEIRS not in fleet.content.decode().upper()
    waiting = sum(row.outbox_count for row in t.Installation.objects.all() if row.tablet.agency_id == own)
    assert waiting in {total.count for total in fleet.context["fleet"].sums}
    facts = supervisor.get("/desk/").context["facts"]
    assert {int(pk) for pk in facts["people"]} == _pks(r.Person, own)
    assert {int(pk) for pk in facts["tablets"]} == _pks(t.Tablet, own)
    assert facts["agency"] == own
    answer = officer.get("/officer/debriefs/")
    assert THEIRS not in answer.content.decode().upper()
    assert {row.pk for row in answer.context["debriefs"]} == {
        row.pk for row in d.Debrief.objects.all() if row.agency_id == own and row.closed_at is None
    }
    assert OURS in answer.content.decode().upper()


def test_admin_lists_counts_searches_and_offers_what_the_rows_allow() -> None:
    ours, theirs = _town(OURS), _town(THEIRS)
    client = ours.bearers["ADMIN"].client
    wrong: dict[Any, Any] = {}

    for model, page in admin.site._registry.items():
        # Pages that packages bring along know no agency.
        assert isinstance(page, DoorAdmin), model
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        allowed = _pks(model, ours.agency.pk)
        for query in ("", f"?q={OURS}", f"?q={THEIRS}", "?q=1", "?all=", "?p=1"):
            answer = client.get(base + query)
            if answer.status_code != 200 or "cl" not in answer.context:
                # There is no such page to turn to.
                assert query == "?p=1", (base, query, answer.status_code)
                continue
            changes, text = answer.context["cl"], answer.content.decode().upper()
            listed = set(changes.queryset.values_list("pk", flat=True))
            if not (listed == allowed if query in {"", "?all="} else listed <= allowed):
                wrong[base, query] = listed ^ allowed
            if changes.result_count != len(listed) or (changes.full_result_count or 0) > len(allowed):
                wrong[base, query, "count"] = (changes.result_count, changes.full_result_count)
            for echo in (f'VALUE="{THEIRS}"', f"Q={THEIRS}", f"Q%3D{THEIRS}"):
                text = text.replace(echo, "")
            if THEIRS in text:
                wrong[base, query, "text"] = _around(text, THEIRS)
            if page.search_fields and query == f"?q={THEIRS}" and listed:
                wrong[base, query, "found"] = listed
        for name, path in _object_pages(model, base):
            # Theirs, and what is nobody's.
            answers = [client.get(path.format(pk), follow=True) for pk in (*_some(model, theirs.agency.pk), NOBODYS)]
            texts = {answer.content.decode().upper() for answer in answers}
            if any(THEIRS in text for text in texts) or len({answer.status_code for answer in answers}) > 1:
                wrong[base, name] = [answer.status_code for answer in answers]
        if page.has_add_permission(_as(client)) and THEIRS in (
            text := client.get(f"{base}add/").content.decode().upper()
        ):
            wrong[base, "add"] = _around(text, THEIRS)
        for pk in _some(model, ours.agency.pk):
            if THEIRS in (text := client.get(f"{base}{pk}/change/").content.decode().upper()):
                wrong[base, "change", pk] = _around(text, THEIRS)
    for path in _autocompletes():
        answer = client.get(path)
        if THEIRS in answer.content.decode().upper():
            wrong[path] = answer.content.decode()[:200]

    assert wrong == {}
    assert LogEntry.objects.count() == 0, "reading is not a change"


@pytest.mark.parametrize("role", ["DISPATCHER", "EMBEDDED", "SUPERVISOR"])
def test_a_preview_knows_no_caution_and_no_history_of_elsewhere(role: str) -> None:
    ours, theirs = _town(OURS), _town(THEIRS)
    found = {}

    for town in (ours, theirs):
        for address, phone in (("1 SHARED ST", ""), ("", "2065550177"), ("1 SHARED ST", "2065550177")):
            body: dict[str, Any] = {
                "type": f"{town.mark} TYPE",
                "address": address,
                "caller_phone": phone,
                "point": {"lon": WEST.x, "lat": WEST.y},
            }
            assert set(body) <= set(PreviewArgs().fields)
            answer = town.bearers[role].client.post("/api/decision-preview/", body, "application/json")
            assert answer.status_code == 200, answer.content
            found[town.mark, address, phone] = answer.json()

    for (mark, address, phone), preview in found.items():
        agency = ours.agency if mark == OURS else theirs.agency
        cautions = [
            row.text
            for row in d.Caution.objects.filter(agency=agency)
            if row.expires_at > datetime.now(UTC)
            and ((address and row.address_key == address) or (phone and row.phone == phone))
        ]
        assert sorted(row["text"] for row in preview["cautions"]) == sorted(cautions)
        # Of the shared address every agency has closed calls of its own; of the neighbours' nothing is counted.
        earlier = {
            call.number
            for call in d.Call.objects.filter(agency=agency)
            if call.closed_at is not None and address and call.address_key == address
        }
        assert {row["number"] for row in preview["premise"]["here"]} == earlier
        assert (THEIRS if mark == OURS else OURS) not in json.dumps(preview)
    assert all(found[mark, "1 SHARED ST", "2065550177"]["cautions"] for mark in (OURS, THEIRS))
    assert all(found[mark, "1 SHARED ST", ""]["premise"]["here"] for mark in (OURS, THEIRS))


def test_a_trial_counts_calls_of_ones_own() -> None:
    ours, theirs = _town(OURS), _town(THEIRS)
    client = ours.bearers["SUPERVISOR"].client
    now = datetime.now(UTC)
    span = {"since": (now - timedelta(days=30)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}
    own, other = (min(_pks(d.Policy, town.agency.pk)) for town in (ours, theirs))

    mine = client.post("/api/policy-trial/", {"policy": own, **span}, "application/json").json()
    refused = [
        client.post("/api/policy-trial/", {"policy": pk, **span}, "application/json") for pk in (other, NOBODYS)
    ]

    assert 0 < mine["calls"] <= len(_pks(d.Call, ours.agency.pk))
    assert THEIRS not in json.dumps(mine)
    assert [answer.status_code for answer in refused] == [404, 404]
    assert refused[0].content.replace(str(other).encode(), b"#") == refused[1].content.replace(b"999999999", b"#")


# --- what may be seen, naively ---------------------------------------------------------------------------------------------


def _allowed(who: Who) -> Iterator[tuple[str, str]]:
    # An officer's phone knows what is the same for everybody, and what they have referred themselves.
    if not who.at_desk and who.crew_of is None and not who.roles & {"OFFICER", "COORDINATOR"}:
        return
    supervises = "SUPERVISOR" in who.roles
    for call in d.Call.objects.all():
        if call.agency_id == who.agency and call.closed_at is None:
            if _in_full(who, call) or call.area_id in _areas(who):
                yield "call", str(call.pk)
            if _in_full(who, call):
                yield from (("note", str(note.pk)) for note in call.notes.all())
                if call.premise is not None:
                    yield "premise", str(call.pk)
            for asked in call.hand_overs.all():
                if asked.ended_at is None and asked.to_unit_id == who.crew_of:
                    yield "offer", str(asked.pk)
        if call.agency_id == who.agency and supervises:
            yield from (("flag", str(flag.pk)) for flag in call.flags.all() if flag.resolved_at is None)
    yield from (("unit", str(unit.pk)) for unit in r.Unit.objects.all() if _sees_unit(who, unit))
    for debrief in d.Debrief.objects.all():
        if debrief.agency_id == who.agency and (supervises or (who.at_desk and debrief.closed_at is None)):
            yield "debrief", str(debrief.pk)
    if supervises:
        yield from (("tablet", str(pk)) for pk in _pks(t.Tablet, who.agency))
    yield from _allowed_of_people(who)
    yield "agency", str(who.agency)
    yield from (("area", str(pk)) for pk in _pks(r.ServiceArea, who.agency))
    yield from (("call_type", str(row.pk)) for row in d.CallType.objects.filter(agency=who.agency) if not row.retired)
    yield from (("policy", str(row.pk)) for row in d.Policy.objects.filter(agency=who.agency) if row.in_force_from)
    yield from (("feed", str(pk)) for pk in _pks(d.CadFeed, who.agency))


def _allowed_of_people(who: Who) -> Iterator[tuple[str, str]]:
    cares = bool(who.roles & {"COORDINATOR", "SUPERVISOR"})
    for client in f.Client.objects.all():
        if client.agency_id != who.agency:
            continue
        if "SUPERVISOR" in who.roles:
            yield from (("break_glass", str(row.pk)) for row in client.break_glass.all() if row.seen_at is None)
        if client.merged_into_id is not None:
            continue
        visited = False
        for row in client.follow_ups.all():
            to_come = row.state in ("PENDING", "DUE")
            mine = to_come and row.unit_id == who.crew_of and who.crew_of is not None
            visited = visited or mine
            if mine or (cares and (to_come or row.state == "WAITING")):
                yield "follow_up", str(row.pk)
            if to_come and row.escalated_at is not None and "SUPERVISOR" in who.roles:
                yield "escalation", str(row.pk)
        met = {
            held.unit_id
            for contact in client.contacts.all()
            for held in contact.call.assignments.all()
            if contact.ended_at is None and held.ended_at is None
        }
        if cares or visited or who.crew_of in met:
            yield "client", str(client.pk)


def _in_full(who: Who, call: d.Call) -> bool:
    if call.agency_id != who.agency or call.closed_at is not None:
        return False
    holders = {row.unit_id for row in call.assignments.all() if row.ended_at is None}
    return who.at_desk or who.crew_of in holders


def _areas(who: Who) -> set[int]:
    return set() if who.crew_of is None else {area.pk for area in r.Unit.objects.get(pk=who.crew_of).areas.all()}


def _sees_unit(who: Who, unit: r.Unit) -> bool:
    if unit.agency_id != who.agency or unit.retired_at is not None:
        return False
    if who.at_desk:
        return True
    return not unit.outside and bool(_areas(who) & {area.pk for area in unit.areas.all()})


_AGENCY_OF: dict[type[Model], Callable[[Any], int]] = {
    r.Agency: lambda row: row.pk,
    r.Shift: lambda row: row.unit.agency_id,
    d.Assignment: lambda row: row.call.agency_id,
    d.Decision: lambda row: row.call.agency_id,
    d.Flag: lambda row: row.call.agency_id,
}


def _own_agency(row: Any) -> int:
    return int(row.agency_id)


def _pks(model: type[Model], agency_id: int) -> set[int]:
    agency_of = _AGENCY_OF.get(model, _own_agency)
    return {row.pk for row in model._default_manager.all() if agency_of(row) == agency_id}


# --- how it is asked for ---------------------------------------------------------------------------------------------------


def _exchange(who: Who, streams: dict[str, Any]) -> dict[str, Any]:
    answer = who.client.post("/api/sync", {"protocol": 1, "streams": streams}, "application/json")
    if answer.status_code != 200:
        assert answer.status_code in {401, 403}, answer.content
        assert THEIRS not in answer.content.decode()
        return {"streams": {}, "dropped": [], "now": None}
    body: dict[str, Any] = answer.json()
    return body


def _pulled(who: Who) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    streams: dict[str, Any] = {}
    while True:
        page = _exchange(who, streams)
        documents += [one for part in page["streams"].values() for one in part["documents"] if "gone" not in one]
        streams = {name: {"number": part["number"], "floor": part["floor"]} for name, part in page["streams"].items()}
        if not any(part["more"] for part in page["streams"].values()):
            return documents


def _as(client: Client) -> Any:
    return client.get("/admin/").wsgi_request


def _some(model: type[Model], agency_id: int) -> list[int]:
    return sorted(_pks(model, agency_id))[:3]


def _object_pages(model: type[Model], base: str) -> Iterator[tuple[str, str]]:
    yield from ((name, f"{base}{{}}/{name}/") for name in ("change", "delete", "history"))
    yield "on site", f"/admin/r/{ContentType.objects.get_for_model(model).pk}/{{}}/"


def _autocompletes() -> Iterator[str]:
    for model in admin.site._registry:
        for relation in model._meta.get_fields():
            if relation.is_relation and not relation.auto_created:
                yield (
                    f"/admin/autocomplete/?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
                    f"&field_name={relation.name}&term="
                )


def _around(text: str, word: str) -> str:
    at = text.index(word)
    return " ".join(text[max(0, at - 150) : at + 50].split())


# --- the world ---------------------------------------------------------------------------------------------------------------


def _town(mark: str) -> Town:
    now = datetime.now(UTC)
    agency = responders.agency(name=f"{mark} agency")
    north, south = (responders.area(agency, name=f"{mark} {side}") for side in ("north", "south"))
    call_type = dispatch.call_type(agency, code=f"{mark} TYPE")
    with open_door(by=SCENE, at=now):
        d.CallType.objects.create(agency=agency, code=f"{mark} OLD", label=f"{mark} old", color="RED", retired=True)
        rules = catalogue.seattle_2025()
        d.Policy.objects.create(agency=agency, name=f"{mark} draft", version=1, rules=rules)
    dispatch.feed(agency, heard_at=now)
    people = iter(range(1, 100))

    def person(*roles: str, word: str = "Person") -> r.Person:
        number = next(people)
        email = f"{mark.lower()}{number}@example.org"
        return responders.person(agency, *roles, name=f"{mark} {number} {word}", email=email, badge=f"{mark}{number}")

    def unit(number: int, *areas: r.ServiceArea, crew: bool = True, **fields: Any) -> r.Unit:
        new = responders.unit(agency, call_sign=f"{mark} {number}", areas=areas, **fields)
        if crew:
            for _ in range(2):
                responders.on_shift(person(), new, at=now)
        new.refresh_from_db()
        return new

    one, two, three = unit(1, north), unit(2, north, south), unit(3, south)
    idle, outside = unit(4, north, crew=False), unit(5, crew=False, outside=True)
    retired = unit(6, north, crew=False)
    with open_door(by=SCENE, at=now):
        r.Unit.objects.filter(pk=retired.pk).update(retired_at=now)
    dispatcher = person("DISPATCHER")
    scene = dispatch.Scene(
        agency, north, one, Actor(agency_id=agency.pk, label="", unit_id=one.pk), responders.actor(dispatcher)
    )
    for place in (one, two, three, idle, retired):
        positions.keep(unit_id=place.pk, point=WEST, accuracy_m=5, seen_at=now, at=now)
    _calls(scene, mark, call_type, units=[one, two, three], outside=outside, areas=[north, south], at=now)
    _people(agency, mark, visits=two, holds=three, held_before=one, at=now)
    locked = person("OFFICER", word="Locked")
    _lock(locked, at=now)
    supervisor = person("SUPERVISOR")
    bearers = {
        role: Who(desk_client(person(role)), agency.pk, roles=frozenset({role}))
        for role in r.RoleName.values
        if role != "SUPERVISOR"
    }
    bearers["SUPERVISOR"] = Who(desk_client(supervisor), agency.pk, roles=frozenset({"SUPERVISOR"}))
    bearers["ANONYMOUS"] = Who(Client(), agency.pk)
    bearers["half signed in"] = Who(desk_client(dispatcher, second_factor=False), agency.pk)
    with open_door(by=SCENE, at=now):
        _, key = cad_keys.make(agency_id=agency.pk, name=f"{mark} CAD", by=SCENE, at=now)
    bearers["CAD"] = Who(Client(headers={"Authorization": f"CAD {key}"}), agency.pk)
    for name, of in (("crew of one area", one), ("crew of two areas", two), ("idle crew", three)):
        bearers[name] = Who(_tablet(of, mark, supervisor, crew=person()), agency.pk, crew_of=of.pk)
    bearers["off shift"] = Who(_tablet(idle, mark, supervisor), agency.pk)
    bearers["revoked"] = Who(_tablet(one, mark, supervisor, crew=person(), revoked=True), agency.pk)
    return Town(agency, mark, bearers)


def _tablet(
    of: r.Unit, mark: str, supervisor: r.Person, *, crew: r.Person | None = None, revoked: bool = False
) -> Client:
    new = tablets.paired(of, by=supervisor)
    if crew is not None:
        tablets.signed_on(new.tablet, crew)
    with open_door(by=SCENE, at=datetime.now(UTC)):
        new.tablet.name = f"{mark} {new.tablet.name}"
        if revoked:
            new.tablet.revoked_at = datetime.now(UTC)
        new.tablet.save()
    _kept(new.tablet, mark, supervisor)
    return new.client


def _kept(of: t.Tablet, mark: str, supervisor: r.Person) -> None:
    # What the tablet still has to send, and two of its reports that were kept: one open, one closed.
    now = datetime.now(UTC)
    store = t.Installation.objects.create(
        id=uuid4(),
        tablet=of,
        first_at=now,
        seen_at=now - timedelta(hours=2),
        app_version=f"{mark} 1",
        outbox_count=7,
        outbox_oldest_at=now - timedelta(hours=3),
        held={f"unit.{of.unit_id}": 0},
    )
    settled = {"state": "CLOSED", "closed_at": now, "closed_by": f"person:{supervisor.pk}", "reason": f"{mark} reason"}
    for fields in ({}, settled):
        t.Quarantined.objects.create(
            agency=of.agency,
            tablet=of,
            installation=store.pk,
            seq=1,
            action_id=uuid4(),
            kind=f"{mark}.kind",
            person=supervisor,
            raw=json.dumps({"args": {"text": f"{mark} text"}}),
            received_at=now,
            code=f"{mark}_code",
            message=f"{mark} message",
            **fields,
        )


def _calls(
    scene: dispatch.Scene,
    mark: str,
    call_type: d.CallType,
    *,
    units: list[r.Unit],
    outside: r.Unit,
    areas: list[r.ServiceArea],
    at: datetime,
) -> None:
    one, two, three = units
    north, south = areas
    numbers = iter(range(1, 100))

    def call(area: r.ServiceArea | None, **fields: Any) -> d.Call:
        number = next(numbers)
        given: dict[str, Any] = {
            "type": call_type,
            "number": f"{mark}-{number}",
            "address": f"{number} {mark} ST",
            "address_key": f"{number} {mark} ST",
            "narrative": f"{mark} said {number:03d}",
            "caller_phone": f"{mark}-555-{number:04d}",
            "received_at": at - timedelta(minutes=10),
            **fields,
        }
        with open_door(by=SCENE, at=at):
            new = dispatch_call(scene.agency, area, given)
            d.Note.objects.create(call=new, text=f"{mark} note", by="person:1", origin="DESK", at=at)
            d.Flag.objects.create(call=new, code="CAD_TIME", facts={}, at=at)
            d.Flag.objects.create(call=new, code="OLD", facts={}, at=at, resolved_at=at)
            d.Decision.objects.create(
                call=new, policy=policy, at=at, response="CARE", care_available=True, reasons=["TYPE_GREEN"]
            )
        return new

    with open_door(by=SCENE, at=at):
        policy = d.Policy.objects.create(
            agency=scene.agency,
            name=f"{mark} policy",
            version=1,
            rules=catalogue.seattle_2025(),
            in_force_from=at - timedelta(days=40),
        )
    shared = {"address": "1 Shared St", "address_key": "1 SHARED ST"}
    police = {"queue": "POLICE", "response": "POLICE"}
    for area in (north, south, None):
        call(area, premise={"here": [], "nearby": [], "mark": mark}, premise_as_of=at)
    call(north, **shared, status="CLOSED", closed_at=at - timedelta(minutes=5), disposition="HANDLED")
    call(south, status="CANCELLED", closed_at=at - timedelta(minutes=5))
    # A unit has one call at a time: two that are over, each with a debrief, then those that are held now.
    for closed in (True, False):
        poached = dispatch.assignment(
            scene,
            to=call(north, **police),
            unit=one,
            origin=d.Origin.POACHED,
            status=d.AssignmentStatus.CLEARED,
            at=at,
        )
        with open_door(by=SCENE, at=at):
            debrief = d.Debrief.objects.get(poach__assignment=poached)
            debrief.dispatcher_comment = f"{mark} comment"
            if closed:
                debrief.closed_at, debrief.closed_by_id = at, scene.dispatcher.person_id
            debrief.save()
    dispatch.assignment(scene, to=call(north, **police), unit=one, origin=d.Origin.POACHED, at=at)
    held = dispatch.assignment(scene, to=call(south), unit=three, at=at)
    # Of an area that its holder does not serve: the board is the area's, the call is the holder's.
    dispatch.assignment(scene, to=call(None), unit=two, at=at)
    with open_door(by=SCENE, at=at):
        d.HandOver.objects.create(assignment=held, call=held.call, to_unit=two, asked_at=at, asked_by="person:1")
        d.OutsideUnit.objects.create(call=held.call, unit=outside, attached_at=at, attached_by="person:1")
        d.Stop.objects.create(call=held.call, assignment=held, reasons=["WEAPON_YES"], raised_at=at)
        made = {"agency": scene.agency, "made_by_id": scene.dispatcher.person_id, "made_at": at - timedelta(days=2)}
        until, before = at + timedelta(days=1), at - timedelta(days=1)
        d.Caution.objects.create(address_key="1 SHARED ST", text=f"{mark} dog", expires_at=until, **made)
        d.Caution.objects.create(phone="2065550177", text=f"{mark} shouts", expires_at=until, **made)
        d.Caution.objects.create(phone="2065550177", text=f"{mark} is over", expires_at=before, **made)


def _people(agency: r.Agency, mark: str, *, visits: r.Unit, holds: r.Unit, held_before: r.Unit, at: datetime) -> None:
    def met(name: str, **fields: Any) -> f.Client:
        new = f.Client.objects.create(agency=agency, made_at=at, made_by=SCENE, looks=f"{mark} coat", **fields)
        f.ClientName.objects.create(client=new, text=f"{mark} {name}", primary=True)
        return new

    def is_at(whom: f.Client, unit: r.Unit, *, over: bool = False, other: bool = False) -> None:
        held = d.Assignment.objects.filter(unit=unit, ended_at__isnull=not over).earliest("pk")
        ended = at if other else None
        f.Contact.objects.create(client=whom, call=held.call, route="MET", at=at, by=SCENE, ended_at=ended)

    def planned(whom: f.Client, state: str, **fields: Any) -> None:
        f.FollowUp.objects.create(
            agency=agency,
            client=whom,
            state=state,
            zone=agency.timezone,
            due_date=at.date(),
            due_at=at,
            due_until=at + timedelta(hours=7),
            reason=f"{mark} reason",
            made_at=at,
            made_by=SCENE,
            **fields,
        )

    with open_door(by=SCENE, at=at):
        there, visited, paused, gone = (met(name) for name in ("there", "visited", "paused", "gone"))
        met("absorbed", merged_into=there)
        is_at(there, holds)
        # It was somebody else; and a call that is over lets nobody read any more.
        is_at(paused, holds, other=True)
        is_at(gone, held_before, over=True)
        planned(visited, "DUE", unit=visits, escalated_at=at)
        planned(visited, "PENDING")
        planned(paused, "WAITING", unit=visits)
        planned(gone, "DONE", unit=visits, done_at=at, outcome="REACHED")
        f.BreakGlass.objects.create(
            client=there,
            person=agency.people.earliest("pk"),
            reason=f"{mark} glass",
            at=at,
            ends_at=at + timedelta(hours=1),
        )


def dispatch_call(agency: r.Agency, area: r.ServiceArea | None, given: dict[str, Any]) -> d.Call:
    """
    Return a new call of these fields.
    """
    usual = {
        "source": "911",
        "priority": 3,
        "queue": "CARE",
        "response": "CARE",
        "care_available": True,
        "point": WEST,
    }
    return d.Call.objects.create(agency=agency, area=area, **usual | given)


def _lock(person: r.Person, *, at: datetime) -> None:
    r.SignInGuard.objects.create(key=account_key(person.email), attempts=[at], locked_at=at)
