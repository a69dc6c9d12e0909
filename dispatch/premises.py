"""
Addresses as they are compared, and what happened at one before.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection

from dispatch.models import LockedCall

# How many earlier calls a crew is shown of each list: more than anybody reads on the way.
EARLIER_CALLS = 20

_WORDS = {
    "AVENUE": "AV",
    "AVE": "AV",
    "STREET": "ST",
    "BOULEVARD": "BLVD",
    "DRIVE": "DR",
    "PLACE": "PL",
    "ROAD": "RD",
    "COURT": "CT",
    "LANE": "LN",
    "PARKWAY": "PKWY",
    "TERRACE": "TER",
    "HIGHWAY": "HWY",
    "NORTH": "N",
    "SOUTH": "S",
    "EAST": "E",
    "WEST": "W",
    "NORTHEAST": "NE",
    "NORTHWEST": "NW",
    "SOUTHEAST": "SE",
    "SOUTHWEST": "SW",
    "APARTMENT": "APT",
    "SUITE": "STE",
}
_CORNER = re.compile(r"\s*(?:/|&|@|\bAND\b|\bAT\b)\s*")
_WITHHELD = re.compile(r"\bREDACTED\b", re.IGNORECASE)
_NUMBER_SIGN = re.compile(r"(?:\b(?:APT|APARTMENT)\b\.?\s*)?#")
_INITIALS = re.compile(r"\b([NS])\.\s?(?=[EW]\b)")
_ORDINAL = re.compile(r"^(\d+)(?:ST|ND|RD|TH)$")
_KEY_LENGTH = 200

_COLUMNS = "SELECT c.number, t.label, c.received_at AT TIME ZONE 'UTC', c.disposition, c.address"
_NEWEST = """
    c.received_at <= %(at)s AND c.id IS DISTINCT FROM %(call)s
    ORDER BY c.received_at DESC, c.id DESC LIMIT %(limit)s
"""
_HERE = f"""
{_COLUMNS} FROM dispatch_call c JOIN dispatch_calltype t ON t.id = c.type_id
WHERE c.agency_id = %(agency)s AND c.address_key = %(key)s AND c.address_key <> '' AND {_NEWEST}
"""
# MATERIALIZED: a planner that sees the LIMIT would rather walk all calls from the newest on until enough are near, and
# where few ever were it would walk a million.
_NEARBY = f"""
WITH near AS MATERIALIZED (
    SELECT * FROM dispatch_call
    WHERE ST_DWithin(point, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography, %(metres)s)
)
{_COLUMNS} FROM near c JOIN dispatch_calltype t ON t.id = c.type_id
WHERE c.agency_id = %(agency)s AND c.address_key <> %(key)s AND {_NEWEST}
"""  # noqa: S608  put together from the constants above


def address_key(address: str) -> str:
    """
    Return an address as it is compared: upper case, single spaces, no punctuation, the trade's short words.

    The two streets of a corner stand in the order of the alphabet, so that both ways of naming it are one address.
    Ordinals lose their ending ("2nd Ave" is "2 AV"). An address that was withheld is no address: its key is empty, so that
    no two such calls look like calls to one place.
    """
    if _WITHHELD.search(address):
        return ""
    text = _NUMBER_SIGN.sub(" APT ", unicodedata.normalize("NFKC", address).upper())
    text = _INITIALS.sub(r"\1", text)
    corners = sorted(filter(None, (_street(part) for part in _CORNER.split(text))))
    return " & ".join(corners)[:_KEY_LENGTH]


def phone_key(phone: str) -> str:
    """
    Return a phone number as it is compared: its digits, a leading + kept, a lone leading 1 of ten more digits dropped.
    """
    digits = re.sub(r"[^0-9+]", "", unicodedata.normalize("NFKC", phone))
    plain = digits.removeprefix("+1") if len(digits) == len("+12065550100") else digits
    return plain[1:] if len(plain) == len("12065550100") and plain.startswith("1") else plain


def history(
    *, agency_id: int, key: str, point: Point | None, nearby_m: int, at: datetime, call_id: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """
    Return operational facts of earlier calls: ``here`` at exactly this address, ``nearby`` within ``nearby_m`` metres.

    Each list is newest first and holds number, type, instant and disposition: nothing of what was said or done there.
    """
    params: dict[str, Any] = {
        "agency": agency_id,
        "key": key,
        "at": at,
        "call": call_id,
        "limit": EARLIER_CALLS,
        "lon": point.x if point else None,
        "lat": point.y if point else None,
        "metres": nearby_m,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HERE, params)
        here = [_fact(row) for row in cursor.fetchall()]
        if point is None:
            return {"here": here, "nearby": []}
        cursor.execute(_NEARBY, params)
        nearby = [_fact(row) | {"address": row[4]} for row in cursor.fetchall()]
    return {"here": here, "nearby": nearby}


def copy_premise(*, call: LockedCall, at: datetime) -> None:
    """
    Copy the premise history onto a call, as of now: when a unit gets it. The copy does not change by itself.
    """
    call.premise = history(
        agency_id=call.agency_id,
        key=call.address_key,
        point=call.point,
        nearby_m=call.agency.premise_nearby_m,
        at=at,
        call_id=call.pk,
    )
    call.premise_as_of = at
    call.save(update_fields=["premise", "premise_as_of"])


def _street(text: str) -> str:
    words = re.sub(r"[^\w\s]", " ", text).replace("_", " ").split()
    return " ".join(_ORDINAL.sub(r"\1", _WORDS.get(word, word)) for word in words)


def _fact(row: Any) -> dict[str, Any]:
    number, label, received_at, disposition, _ = row
    received: datetime = received_at.replace(tzinfo=UTC)
    return {
        "number": number,
        "type": label,
        "at": received.isoformat().replace("+00:00", "Z"),
        "disposition": disposition,
    }
