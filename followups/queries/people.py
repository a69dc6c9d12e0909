"""
What sweeps find about the people met: callers whose number is known, cautions that dispatch has not heard of or should forget.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from dispatch.models import Call, Caution, PlaceKind
from dispatch.premises import address_key, phone_key
from followups.indexes import phone_index
from followups.models import ClientCaution, Contact, ContactWay, Route, WayKind
from responders.models import Agency

# Calls that were closed before a sweep saw them are found so long afterwards; open ones always.
_LOOKS_BACK = timedelta(hours=1)
_FOLLOWS_FOR = timedelta(days=1)


class Caller(NamedTuple):
    """
    Somebody who seems to be at a call, and by which route that is known.
    """

    client_id: int
    call_id: int
    route: str


class Place(NamedTuple):
    """
    Where dispatch knows somebody by: an address, or a phone number.
    """

    address: str = ""
    phone: str = ""


def callers(*, at: datetime) -> Iterator[Caller]:
    """
    Yield who called from a number that is kept as a way to reach exactly one person, and is not said to be at that call yet.

    A number that several people share (a shelter's, a family's) says nothing of who is there: a human links them.
    """
    for agency_id in Agency.objects.order_by("pk").values_list("pk", flat=True):
        calls = _calls_with_numbers(agency_id, at=at)
        ways = ContactWay.objects.filter(
            kind=WayKind.PHONE,
            ended_at=None,
            value_index__in=list(calls),
            client__agency=agency_id,
            client__merged_into=None,
            client__deceased_at=None,
        )
        whose: dict[bytes, set[int]] = defaultdict(set)
        for index, client_id in ways.values_list("value_index", "client"):
            whose[bytes(index or b"")].add(client_id)
        for index, people in whose.items():
            if len(people) == 1:
                [client_id] = people
                there = set(
                    Contact.objects.filter(client=client_id, call__in=calls[index]).values_list("call", flat=True)
                )
                yield from (
                    Caller(client_id, call_id, Route.PHONE) for call_id in calls[index] if call_id not in there
                )


def joined(*, at: datetime) -> Iterator[Caller]:
    """
    Yield who is at a call that turned out to be another one, and is not said to be at that one yet.
    """
    there = Contact.objects.filter(client=OuterRef("client"), call=OuterRef("call__joined_to"))
    rows = Contact.objects.filter(
        ~Exists(there), ended_at=None, at__gt=at - _FOLLOWS_FOR, call__joined_to__isnull=False
    )
    # The filter leaves none without one, which its type does not know.
    into = Coalesce("call__joined_to", "call")
    for client_id, call_id, route in rows.order_by("pk").values_list("client", into, "route"):
        yield Caller(client_id, call_id, route)


def cautions_to_tell(*, at: datetime) -> list[int]:
    """
    Return the cautions that dispatch has not heard of, of people for whom there is a place to tell of.
    """
    ways = ContactWay.objects.filter(
        client=OuterRef("client"), ended_at=None, kind__in=(WayKind.ADDRESS, WayKind.PHONE)
    )
    homes = Contact.objects.filter(client=OuterRef("client"), ended_at=None, call__place_kind=PlaceKind.RESIDENCE)
    rows = ClientCaution.objects.filter(
        Q(Exists(ways)) | Q(Exists(homes)), caution_id=None, ended_at=None, expires_at__gt=at
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def cautions_to_take_back(*, at: datetime) -> list[int]:
    """
    Return the cautions that stand at dispatch and have ended here, or stand at a place that is not their person's now.
    """
    standing = Caution.objects.filter(pk=OuterRef("caution_id"), expires_at__gt=at)
    rows = list(ClientCaution.objects.filter(Exists(standing), expires_at__gt=at).order_by("pk"))
    theirs = places({row.client_id for row in rows if row.ended_at is None})
    told = Caution.objects.in_bulk([row.caution_id for row in rows if row.ended_at is None])
    return [
        row.pk
        for row in rows
        if row.ended_at is not None or not stands_at(theirs.get(row.client_id), told.get(row.caution_id))
    ]


def places(client_ids: Collection[int]) -> dict[int, Place]:
    """
    Return where dispatch is told of a person's cautions, of those for whom there is a place: where they live, else what they
    call from, else the home at which they were met last.
    """
    ways = ContactWay.objects.filter(
        client__in=client_ids, ended_at=None, kind__in=(WayKind.ADDRESS, WayKind.PHONE)
    ).order_by("pk")
    # The one that was said last.
    last = {(way.client_id, way.kind): way.value for way in ways}
    homes = dict(
        Contact.objects.filter(client__in=client_ids, ended_at=None, call__place_kind=PlaceKind.RESIDENCE)
        .order_by("at", "pk")
        .values_list("client", "call__address")
    )
    found = {}
    for client_id in client_ids:
        # What dispatch cannot compare is no place to it.
        if address_key(address := last.get((client_id, WayKind.ADDRESS), "")):
            found[client_id] = Place(address=address)
        elif phone_key(phone := last.get((client_id, WayKind.PHONE), "")):
            found[client_id] = Place(phone=phone)
        elif address_key(home := homes.get(client_id, "")):
            found[client_id] = Place(address=home)
    return found


def stands_at(place: Place | None, told: Caution | None) -> bool:
    """
    Tell whether a caution stands at dispatch where it belongs.
    """
    if place is None or told is None:
        return False
    return (told.address_key, told.phone) == (address_key(place.address), phone_key(place.phone))


def _calls_with_numbers(agency_id: int, *, at: datetime) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    known = Call.objects.filter(agency=agency_id).exclude(caller_phone="")
    seen = set()
    for rows in (known.open(), known.filter(received_at__gt=at - _LOOKS_BACK)):
        for call_id, number in rows.order_by("pk").values_list("pk", "caller_phone"):
            index = phone_index(number)
            if call_id not in seen and index is not None:
                seen.add(call_id)
                found[index].append(call_id)
    return found
