"""
The people of a report: what signing it makes of them, and takes back where a report that came back names them no longer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from followups.actions import care_referrals, clients, knowledge
from followups.models import (
    Choice,
    Client,
    ClientCaution,
    Contact,
    LockedClient,
    LockedEncounter,
    MaySay,
    Met,
    Route,
    Signing,
    WayKind,
)
from followups.refusals.clients import NotANumber
from followups.rules import encounters as rules
from followups.rules.encounters import Body, Concern
from responders.actors import Actor
from responders.models import Agency


@dataclass(frozen=True, slots=True)
class Entered:
    """
    The people of a signed report as rows, the body with their records' ids, what did not fit, and where those stand now who do
    not stand where they stood when it was signed before.
    """

    body: dict[str, Any]
    met: list[tuple[LockedClient, Met]]
    concerns: list[Concern]
    moved: dict[int, int | None]


class People:
    """
    Makes of what a report says of people what their records hold. The report and its calls are locked.
    """

    def __init__(
        self,
        encounter: LockedEncounter,
        body: dict[str, Any],
        choices: dict[tuple[str, str], Choice],
        *,
        calls: list[int],
        when: datetime,
        by: Actor,
        at: datetime,
    ) -> None:
        self._encounter = encounter
        self._calls = calls
        self._when = when
        self._body = body
        self._choices = choices
        self._by = by
        self._at = at
        self._before = {met.position: met for met in Met.objects.filter(encounter=encounter)}
        # What was entered of each record when the report was signed before.
        self._was = {met.client_id: met.body for met in self._before.values()}
        self._whose = {met.position: met.client_id for met in self._before.values()}
        self._said_before = self._last_said()
        self._locked: dict[int, LockedClient] = {}
        self._referred: set[tuple[int, int]] = set()

    def enter(self) -> Entered:
        """
        Write the rows.
        """
        self._lock_known()
        entered: list[tuple[LockedClient, Met]] = []
        people, concerns = [], []
        kept = set()
        for said in self._body["met"]:
            client = self._client_of(said)
            if client is None and (said["client"] or {}).get("id") is not None:
                concerns.append(Concern.NOT_THEIRS)
            person = said if client is None else {**said, "client": {"id": client.pk}}
            met = self._met(person, client)
            kept.add(met.position)
            people.append(person)
            if client is not None and not self._meet(client):
                concerns.append(Concern.UNLINKED)
            elif client is not None:
                self._tell_record(client, person)
                if rules.DIED in person["outcomes"]:
                    clients.say_deceased_of(client=client, person_id=self._by.person_id, by=self._by, at=self._at)
                entered.append((client, met))
        self._leave(kept, {client.pk for client, _ in entered})
        self._withdraw_cautions(entered)
        care_referrals.withdraw(
            encounter=self._encounter, clients={client.pk for client in self._locked.values()}, still=self._referred
        )
        return Entered({**self._body, "met": people}, entered, list(dict.fromkeys(concerns)), self._moved(entered))

    def _moved(self, entered: list[tuple[LockedClient, Met]]) -> dict[int, int | None]:
        now = {met.position: client.pk for client, met in entered}
        places = {client_id: place for place, client_id in now.items()}
        moved = {}
        for place, client_id in self._whose.items():
            # Who was unknown and has a record now is taken for the same.
            if client_id is None:
                continue
            standing = self._locked[client_id].pk if client_id in self._locked else client_id
            if now.get(place) != standing:
                moved[place] = places.get(standing)
        return moved

    def _last_said(self) -> dict[int, Body]:
        last = Signing.objects.filter(encounter=self._encounter).order_by("-pk")
        # The newest is what is being signed now.
        before = last[1:2].first()
        return {} if before is None else {person["position"]: person for person in before.body["met"]}

    def _lock_known(self) -> None:
        """
        Lock every record that is named, or was when the report was signed before.
        """
        named = {(said["client"] or {}).get("id") for said in self._body["met"]}
        wanted = {client_id for client_id in named if client_id is not None}
        had = {client_id for client_id in self._was if client_id is not None}
        for client_id, client in clients.standing_each(wanted | had, agency_id=self._encounter.agency_id).items():
            family = clients.family(client)
            if not had.isdisjoint(family) or rules.was_met(
                family, call_ids=self._calls, person_id=self._by.person_id, when=self._encounter.opened_at
            ):
                self._locked[client_id] = client

    def _client_of(self, said: Body) -> LockedClient | None:
        """
        Return whose record an entry is of: the named one, if the crew may name it; the one that was made of the same words when
        the report was signed before; else a new one, where there is something to keep.
        """
        which = said["client"]
        if which is not None and "id" in which:
            return self._locked.get(which["id"])
        if (known := self._made_before(said)) is not None:
            return known
        if which is None and not _needs_record(said):
            return None
        new = {name: value for name, value in (which or {}).get("new", {}).items() if name != "known_as"}
        return clients.make(agency_id=self._encounter.agency_id, by=self._by, at=self._at, **new)

    def _made_before(self, said: Body) -> LockedClient | None:
        words = orjson.dumps(said["client"], option=orjson.OPT_SORT_KEYS)
        # Where it stood before, else wherever the same words stood: positions move when somebody is taken out.
        places = sorted(self._said_before, key=lambda place: place != said["position"])
        if said["client"] is None:
            places = [place for place in places if place == said["position"]]
        for place in places:
            client_id = self._whose.get(place)
            same = orjson.dumps(self._said_before[place]["client"], option=orjson.OPT_SORT_KEYS) == words
            if same and client_id is not None:
                del self._said_before[place]
                return self._locked.get(client_id)
        return None

    def _met(self, person: Body, client: Client | None) -> Met:
        met = self._before.get(person["position"]) or Met(encounter=self._encounter, position=person["position"])
        met.client = client
        met.body = dict(person)
        met.risk = rules.is_risk(person, choices=self._choices)
        met.agreed = rules.agreed_of(person)
        met.save()
        return met

    def _meet(self, client: LockedClient) -> bool:
        """
        Say that somebody is at the call; False where a coordinator has said that it was somebody else. What the report says of
        them stays its author's word: it opens their record to nobody, warns of nobody and plans nothing for them.
        """
        if rules.was_unlinked(client.pk, call_ids=self._calls):
            return False
        # What an encounter turned out to be is where coordinators look for it.
        clients.meet(client=client, call_id=self._calls[-1], route=Route.MET, by=self._by, at=self._when)
        return True

    def _tell_record(self, client: LockedClient, person: Body) -> None:
        by, at, when = self._by, self._at, self._when
        clients.mark_part2(client=client, codes=rules.substance_use_of(person, choices=self._choices))
        was = self._was.get(client.pk, {"cautions": [], "safe_contact": None})
        today = when.astimezone(self._zone()).date()
        for caution in person["cautions"]:
            expires_at = when + timedelta(days=caution["days"])
            # One that has ended before we heard of it warns nobody; it stands in the report.
            if caution["text"] and caution not in was["cautions"] and expires_at > at:
                knowledge.put_caution(
                    client=client, text=caution["text"], seen_on=today, expires_at=expires_at, by=by, at=at
                )
        way = person["safe_contact"]
        if way is not None and way["kind"] and way["value"] and way != was["safe_contact"]:
            self._put_way(client, way)
        for referral in person["referrals"]:
            named = (client.pk, referral["position"])
            if (referral["to"] or referral["resource"]) and named not in self._referred:
                self._referred.add(named)
                care_referrals.refer(
                    encounter=self._encounter,
                    client=client,
                    position=referral["position"],
                    resource_id=referral["resource"],
                    to=referral["to"],
                    need=referral["need"],
                    warm=referral["warm"],
                    declined=referral["declined"],
                    by=by,
                    at=when,
                )

    def _put_way(self, client: LockedClient, way: Body) -> None:
        # At a shelter the reason is never disclosed, whatever was tapped.
        tells = MaySay.TEAM if (way["kind"], way["may_say"]) == (WayKind.SHELTER, MaySay.REASON) else way["may_say"]
        try:
            clients.put_way(
                client=client,
                kind=way["kind"],
                value=way["value"],
                may_say=tells,
                leave_message=way["leave_message"],
                hours_from=None if way["hours_from"] is None else time.fromisoformat(way["hours_from"]),
                hours_until=None if way["hours_until"] is None else time.fromisoformat(way["hours_until"]),
                by=self._by,
                at=self._at,
            )
        except NotANumber:
            # Nothing to dial; the words stand in the report.
            return

    def _leave(self, positions: Collection[int], still: Collection[int]) -> None:
        """
        Take out who is no longer named. They were not at the call after all: its crews read their record no longer.
        """
        for position, met in self._before.items():
            if position not in positions:
                met.delete()
        gone = [client_id for client_id in self._was if client_id is not None and client_id not in still]
        contacts = Contact.objects.filter(client__in=gone, call__in=self._calls, route=Route.MET, ended_at=None)
        contacts.update(ended_at=self._at)

    def _withdraw_cautions(self, entered: list[tuple[LockedClient, Met]]) -> None:
        """
        End the cautions that the report named before and names no longer: a warning about the wrong person harms them. Dispatch
        is told by the sweep.
        """
        said = {(client.pk, caution["text"]) for client, met in entered for caution in met.body["cautions"]}
        before = {(client_id, caution["text"]) for client_id, was in self._was.items() for caution in was["cautions"]}
        gone = before - said
        rows = ClientCaution.objects.filter(
            client__in={client_id for client_id, _ in gone},
            # On whichever tablet its author signed.
            added_by__endswith=f"person:{self._by.person_id}",
            added_at__gte=self._encounter.opened_at,
            ended_at=None,
        )
        for row in rows.order_by("pk"):
            if (row.client_id, row.text) in gone:
                row.ended_at = self._at
                row.save(update_fields=["ended_at"])

    def _zone(self) -> ZoneInfo:
        return Agency.objects.get(pk=self._encounter.agency_id).zone


def _needs_record(said: Body) -> bool:
    """
    Tell whether something was said of somebody unknown that must hang on a record: an agreement, a referral, a warning.
    """
    way = said["safe_contact"]
    return (
        said["follow_up"] == "YES"
        or any(referral["to"] or referral["resource"] for referral in said["referrals"])
        or any(caution["text"] for caution in said["cautions"])
        or bool(way and way["value"])
    )
