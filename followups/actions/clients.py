"""
The people met: who they are, how they are reached, and at which calls they are.

Functions that take a ``LockedClient`` are for other actions of this app, which hold it; the others are kinds of their own.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final

from django.contrib.gis.geos import Point
from django.db import transaction

from dispatch.actions import flags, links
from dispatch.models import Call, LockedCall
from dispatch.refusals import CallNotFound
from followups.indexes import born_on_index, phone_index
from followups.models import (
    Client,
    ClientName,
    Contact,
    ContactWay,
    KnownAs,
    LockedClient,
    MaySay,
    Route,
    WayKind,
)
from followups.refusals import clients as refusals
from followups.rules import clients as rules
from journal.record import record
from journal.refusals import InvalidArgs
from responders.actors import Actor

# What a person's row says of them and a request may set as it stands.
_PLAIN: Final = ("looks", "language", "interpreter", "pronouns", "visits_from", "visits_until")


@dataclass(frozen=True, slots=True)
class Linked:
    """
    Somebody at a call, and what did not fit about saying so.
    """

    contact: Contact
    flags: list[str] = field(default_factory=list)


def standing(client_id: int, *, agency_id: int) -> LockedClient:
    """
    Return somebody's record, locked: the one that it was merged into, where it was.

    :raises ClientNotFound: there is none in this agency.
    """
    while True:
        # Looked up before the lock, so that one row is locked and no order of two can be wrong.
        client = Client.objects.lock(_kept_as(client_id))
        if client.agency_id != agency_id:
            raise refusals.ClientNotFound
        if client.merged_into_id is None:
            return client


def standing_each(client_ids: Collection[int], *, agency_id: int) -> dict[int, LockedClient]:
    """
    Return each record as ``standing`` does, by the id that it was asked for, locked in the order in which everybody locks: that of
    the records which stand, whichever were asked for. What is none of this agency's is left out; two that are one are one row.
    """
    known = set(Client.objects.filter(pk__in=client_ids, agency=agency_id).values_list("pk", flat=True))
    while True:
        kept = {client_id: _kept_as(client_id) for client_id in known}
        try:
            # What was locked is let go of where one was merged meanwhile: with it, the next could be locked out of order.
            with transaction.atomic():
                locked = {client_id: _lock_unmerged(client_id) for client_id in sorted(set(kept.values()))}
        except _MergedMeanwhile:
            continue
        return {client_id: locked[into] for client_id, into in kept.items()}


def make(
    *,
    agency_id: int,
    by: object,
    at: datetime,
    name: str = "",
    aliases: Iterable[str] = (),
    born_on: str = "",
    phone: str = "",
    **told: Any,
) -> LockedClient:
    """
    Return a new record: named, described, or of somebody unknown. Its row is this transaction's until the commit.

    ``told`` are columns of the person: looks, language (BCP 47), interpreter, pronouns, visits_from and visits_until.
    ``born_on`` is an ISO 8601 date, or a year, or year and month. A phone number is kept as a way to reach them about which
    nothing may be said. A report makes records too, and is never refused for a slip in them: a date after today and a number
    without digits are left out here, and stand in the report.
    """
    client = Client(agency_id=agency_id, made_at=at, made_by=str(by), **told)
    _be_born(client, "" if _is_later(born_on, at) else born_on)
    client.known_as = known_as(name=name, looks=client.looks)
    client.save(force_insert=True)
    locked = LockedClient(client)
    _name(locked, name=name.strip(), aliases=aliases)
    if phone_index(phone) is not None:
        put_way(client=locked, kind=WayKind.PHONE, value=phone, by=by, at=at)
    record(
        "client.create",
        agency_id=agency_id,
        about=f"client.{client.pk}",
        data={"known_as": client.known_as},
        by=by,
        at=at,
    )
    return locked


def create(
    *,
    by: Actor,
    at: datetime,
    born_on: str = "",
    phone: str = "",
    happened_at: datetime | None = None,
    **told: Any,
) -> Client:
    """
    Make a record for somebody whom a coordinator knows of.

    :raises InvalidArgs: they would be born after today.
    :raises NotANumber: a phone number without digits.
    """
    _check_born(born_on, at)
    if phone and phone_index(phone) is None:
        raise refusals.NotANumber
    return make(agency_id=by.agency_id, born_on=born_on, phone=phone, by=by, at=at, **told)


def update(
    *,
    client_id: int,
    by: Actor,
    at: datetime,
    name: str | None = None,
    aliases: Iterable[str] | None = None,
    born_on: str | None = None,
    happened_at: datetime | None = None,
    **told: Any,
) -> Client:
    """
    Change what is known of somebody. A name that is replaced stays as an alias: people are found by what they were called.
    ``aliases`` are all of them, where they are given.

    :raises ClientNotFound: there is none in this agency.
    :raises InvalidArgs: they would be born after today.
    """
    client = standing(client_id, agency_id=by.agency_id)
    for column in _PLAIN:
        if column in told:
            setattr(client, column, told[column])
    if born_on is not None:
        _check_born(born_on, at)
        _be_born(client, born_on)
    primary = client.names.filter(primary=True).first()
    if name is not None or aliases is not None:
        had = primary.text if primary else ""
        kept = [row.text for row in client.names.filter(primary=False).order_by("pk")] if aliases is None else aliases
        new = had if name is None else name.strip()
        # Case and accents of the same name are a correction, not another name.
        former = [had] if had and new and had.casefold() != new.casefold() and aliases is None else []
        _rename(client, name=new, aliases=[*former, *kept])
        primary = client.names.filter(primary=True).first()
    client.known_as = known_as(name=primary.text if primary else "", looks=client.looks)
    client.save()
    record(
        "client.update",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        # Which columns, and nothing of what stands there.
        data={"changed": sorted({*told, *_given(name=name, aliases=aliases, born_on=born_on)})},
        by=by,
        at=at,
    )
    return client


def mark_part2(*, client: LockedClient, codes: Iterable[str]) -> None:
    """
    Keep what of somebody's record 42 CFR Part 2 covers, by the codes of choices with ``substance_use``: the whole record
    carries the label from then on.
    """
    had: list[str] = list(client.substance_use)
    new = [code for code in dict.fromkeys(codes) if code not in had]
    if new:
        client.substance_use = had + new
        client.save(update_fields=["substance_use"])


# --- how somebody is reached ---------------------------------------------------------------------------------------------


def put_way(
    *,
    client: LockedClient,
    kind: str,
    value: str,
    by: object,
    at: datetime,
    may_say: str = MaySay.NOTHING,
    leave_message: bool = False,
    point: Point | None = None,
    hours_from: time | None = None,
    hours_until: time | None = None,
    note: str = "",
) -> ContactWay:
    """
    Keep a way to reach somebody, with its safe-contact rules; the same number or place again is the same way, with the rules
    that were said last.

    :raises NotANumber: a phone number without digits.
    :raises ShelterNeverToldWhy: the reason may be said at a shelter.
    """
    if kind == WayKind.SHELTER and may_say == MaySay.REASON:
        raise refusals.ShelterNeverToldWhy
    index = None
    if kind == WayKind.PHONE:
        index = phone_index(value)
        if index is None:
            raise refusals.NotANumber
    for row in client.ways.filter(kind=kind, ended_at=None):
        if row.value.casefold() == value.casefold() or (index is not None and bytes(row.value_index or b"") == index):
            way = row
            break
    else:
        way = ContactWay(client=client, kind=kind, added_at=at, added_by=str(by))
    way.value, way.value_index, way.point, way.note = value, index, point or way.point, note or way.note
    way.may_say, way.leave_message = may_say, leave_message
    way.hours_from, way.hours_until = hours_from, hours_until
    way.save()
    return way


def add_way(
    *, client_id: int, by: Actor, at: datetime, happened_at: datetime | None = None, **told: Any
) -> ContactWay:
    """
    Keep a way to reach somebody.

    :raises Refusal: as ``standing`` and ``put_way``.
    """
    client = standing(client_id, agency_id=by.agency_id)
    way = put_way(client=client, by=by, at=at, **told)
    record(
        "client.add_way",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        data={"way": way.pk, "way_kind": way.kind},
        by=by,
        at=at,
    )
    return way


def end_way(*, way_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> ContactWay:
    """
    Say that somebody is no longer reached so. The row stays.

    :raises ClientPartNotFound: there is no such way in this agency.
    :raises ClientPartEnded: it has ended.
    """
    way: ContactWay = part_of(ContactWay, way_id, by=by)
    way.ended_at = at
    way.save(update_fields=["ended_at"])
    record(
        "client.end_way",
        agency_id=by.agency_id,
        about=f"client.{way.client_id}",
        data={"way": way.pk},
        by=by,
        at=at,
    )
    return way


def part_of(model: Any, row_id: int, *, by: Actor, still: bool = True) -> Any:
    """
    Return a row that hangs on a record of the actor's agency, read after that record was locked.

    :raises ClientPartNotFound: there is none.
    :raises ClientPartEnded: it has ended, and ``still`` asks for one that has not.
    """
    # Through the row to its record, and to the row again: a merge may have moved it before the lock was had.
    while True:
        client_id = (
            model.objects.filter(pk=row_id, client__agency=by.agency_id).values_list("client", flat=True).first()
        )
        if client_id is None:
            raise refusals.ClientPartNotFound
        Client.objects.lock(client_id)
        row = model.objects.get(pk=row_id)
        if row.client_id == client_id:
            break
    if still and row.ended_at is not None:
        raise refusals.ClientPartEnded
    return row


# --- at which calls somebody is ------------------------------------------------------------------------------------------


def meet(*, client: LockedClient, call_id: int, route: str, by: object, at: datetime, seen: bool = False) -> Contact:
    """
    Say that somebody is at a call, once: crews that hold it may read the record and see the open plan, and coordinators are
    told of a new contact unless it is ``seen``.

    Whoever calls holds the call's lock, so that a unit which takes the call at this moment is not missed.
    """
    contact, is_new = Contact.objects.get_or_create(
        client=client,
        call_id=call_id,
        ended_at=None,
        defaults={"route": route, "at": at, "by": str(by), "seen_at": at if seen else None},
    )
    if is_new:
        record(
            "contact.made",
            agency_id=client.agency_id,
            about=f"client.{client.pk}",
            data={"contact": contact.pk, "call": call_id, "route": route},
            by=by,
            at=at,
        )
    return contact


def link(*, client_id: int, call_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Linked:
    """
    Say that this person is at this call. A crew says it of somebody whose record it has, or had on its tablet; a coordinator
    of anybody.

    Where it was said before that it was somebody else, a crew's word opens nothing: it is flagged, for a supervisor to look at.

    :raises CallNotFound: it never was on the crew's board, or is another agency's.
    :raises ClientNotFound: there is no such record, or it never was the crew's to read.
    """
    when = links.moment(happened_at, at)
    if by.tablet_id is not None:
        told = links.to_call(call_id, by=by, at=at, happened_at=happened_at)
        client = standing(client_id, agency_id=by.agency_id)
        known = family(client)
        # Nobody was met at a call before it was: a clock that is behind opens no earlier window.
        if not rules.had_on_tablet(by.person_id, known, when=max(when, told.call.received_at)):
            rules.check_may_read(by, client, at=at)
        raised = told.flag_late(kind="client.link", at=at)
        said = Contact.objects.filter(client__in=known, call=told.call).order_by("-pk")
        taken_back = said.exclude(ended_at=None).first()
        if taken_back is not None and not said.filter(ended_at=None).exists():
            facts = {"kind": "client.link", "contact": taken_back.pk, "at": when}
            raised = raised or [
                flags.raise_flag(call=told.call, code="late_scope", facts=facts, at=at, unit_id=told.unit_id)
            ]
            return Linked(taken_back, raised)
        contact = meet(client=client, call_id=told.call.pk, route=Route.MET, by=by, at=when)
        return Linked(contact, raised)
    call = _own_call(call_id, by)
    client = standing(client_id, agency_id=by.agency_id)
    rules.check_may_read(by, client, at=at)
    return Linked(meet(client=client, call_id=call.pk, route=Route.DESK, by=by, at=when, seen=True))


def unlink(*, contact_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Contact:
    """
    Say that it was somebody else. Units that read the record through this call lose it at once, and no report gives it back:
    only who says ``client.link`` for them does.

    :raises ClientPartNotFound: there is no such contact in this agency.
    :raises ClientPartEnded: that was said already.
    """
    contact: Contact = part_of(Contact, contact_id, by=by)
    contact.ended_at, contact.unlinked = at, True
    contact.seen_at = contact.seen_at or at
    contact.save(update_fields=["ended_at", "unlinked", "seen_at"])
    record(
        "client.unlink",
        agency_id=by.agency_id,
        about=f"client.{contact.client_id}",
        data={"contact": contact.pk, "call": contact.call_id},
        by=by,
        at=at,
    )
    return contact


def see_contact(*, contact_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Contact:
    """
    Take notice of a new contact. Who was first counts.

    :raises ClientPartNotFound: there is no such contact in this agency.
    """
    contact: Contact = part_of(Contact, contact_id, by=by, still=False)
    if contact.seen_at is None:
        contact.seen_at = at
        contact.save(update_fields=["seen_at"])
        record(
            "contact.seen",
            agency_id=by.agency_id,
            about=f"client.{contact.client_id}",
            data={"contact": contact.pk},
            by=by,
            at=at,
        )
    return contact


def known_as(*, name: str, looks: str) -> KnownAs:
    """
    Return how well somebody is known: by name, by looks, or not at all.
    """
    if name.strip():
        return KnownAs.NAMED
    return KnownAs.DESCRIBED if looks.strip() else KnownAs.UNKNOWN


def family(client: Client) -> list[int]:
    """
    Return the ids of a record and of those that were merged into it, over any number of steps.
    """
    ids = [client.pk]
    more = ids
    while more:
        more = list(Client.objects.filter(merged_into__in=more).order_by("pk").values_list("pk", flat=True))
        ids += more
    return ids


# --- that somebody died --------------------------------------------------------------------------------------------------


def say_deceased_of(*, client: LockedClient, person_id: int | None, by: object, at: datetime) -> bool:
    """
    Note that somebody says this person died; tell whether that is new. Nothing stops before a second one confirms it.
    """
    if client.deceased_said_at is not None:
        return False
    client.deceased_said_at, client.deceased_said_by_id = at, person_id
    client.save(update_fields=["deceased_said_at", "deceased_said_by"])
    record("client.say_deceased", agency_id=client.agency_id, about=f"client.{client.pk}", data={}, by=by, at=at)
    return True


class _MergedMeanwhile(Exception):
    """
    A record was merged into another one between the look and the lock.
    """


def _lock_unmerged(client_id: int) -> LockedClient:
    client = Client.objects.lock(client_id)
    if client.merged_into_id is not None:
        raise _MergedMeanwhile
    return client


def _kept_as(client_id: int) -> int:
    """
    Return which record one was merged into, over any number of steps; its own id where it was not.
    """
    into: int | None = client_id
    while into is not None:
        client_id = into
        into = Client.objects.filter(pk=client_id).values_list("merged_into", flat=True).first()
    return client_id


def _own_call(call_id: int, by: Actor) -> LockedCall:
    call = Call.objects.lock(call_id)
    if call.agency_id != by.agency_id:
        raise CallNotFound(call=call_id)
    return call


def _be_born(client: Client, born_on: str) -> None:
    client.born_on, client.born_on_index = born_on, born_on_index(born_on)


def _check_born(born_on: str, at: datetime) -> None:
    if _is_later(born_on, at):
        raise InvalidArgs(fields={"born_on": ["Nobody is born later than today."]})


def _is_later(born_on: str, at: datetime) -> bool:
    # As text: of a year alone only the year is compared, and west of UTC today is never later than this.
    return born_on > at.date().isoformat()


def _name(client: Client, *, name: str, aliases: Iterable[str]) -> None:
    ClientName.objects.bulk_create(_names(client, name=name, aliases=aliases))


def _names(client: Client, *, name: str, aliases: Iterable[str]) -> list[ClientName]:
    rows = [ClientName(client=client, text=name, primary=True)] if name else []
    known = {name.casefold()}
    for alias in map(str.strip, aliases):
        if alias and alias.casefold() not in known:
            known.add(alias.casefold())
            rows.append(ClientName(client=client, text=alias, primary=False))
    return rows


def _rename(client: Client, *, name: str, aliases: Iterable[str]) -> None:
    # A name that stays keeps its row: by the row a merge knows whose it is when it is taken back. Since one, two of the same
    # name may stand: the first is the one that is meant.
    new = {row.text.casefold(): row for row in _names(client, name=name, aliases=aliases)}
    said, rows = set(new), []
    for row in client.names.order_by("-primary", "pk"):
        same = new.pop(row.text.casefold(), None)
        if same is not None:
            row.text, row.primary = same.text, same.primary
        elif row.text.casefold() in said:
            row.primary = False
        else:
            row.delete()
            continue
        rows.append(row)
    # There is one primary name at a time.
    for row in sorted([*rows, *new.values()], key=lambda row: row.primary):
        row.save()


def _given(**told: object) -> set[str]:
    return {name for name, value in told.items() if value is not None}
