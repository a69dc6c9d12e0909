"""
Addresses as they are compared, and what happened at one before.
"""

import json
import re
import unicodedata
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import Point

from dispatch.models import LockedCall
from journal.prepared import prepared_cursor

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

_NEWEST = """
    c.received_at <= %(at)s AND c.id IS DISTINCT FROM %(call)s::bigint
    ORDER BY c.received_at DESC, c.id DESC LIMIT %(limit)s
"""
_HERE = f"""
SELECT c.* FROM dispatch_call c
WHERE c.agency_id = %(agency)s AND c.address_key = %(key)s AND c.address_key <> '' AND {_NEWEST}
"""  # noqa: S608  put together from the constants above
# MATERIALIZED: a planner that sees the LIMIT would rather walk all calls from the newest on until enough are near, and
# where few ever were it would walk a million.
_NEARBY = f"""
WITH near AS MATERIALIZED (
    SELECT * FROM dispatch_call
    WHERE ST_DWithin(point, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography,
        coalesce(%(metres)s::int, (SELECT premise_nearby_m FROM responders_agency WHERE id = %(agency)s)))
)
SELECT c.* FROM near c WHERE c.agency_id = %(agency)s AND c.address_key <> %(key)s AND {_NEWEST}
"""  # noqa: S608  put together from the constants above
_FACTS = """
'number', f.number, 'type', t.label, 'disposition', f.disposition,
'at', to_char(f.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
"""
_OLDER = "ORDER BY f.received_at DESC, f.id DESC), '[]'::jsonb)"
_HISTORY = f"""
jsonb_build_object(
    'here', (SELECT coalesce(jsonb_agg(jsonb_build_object({_FACTS}) {_OLDER}
        FROM ({_HERE}) f JOIN dispatch_calltype t ON t.id = f.type_id),
    'nearby', (SELECT coalesce(jsonb_agg(jsonb_build_object('address', f.address, {_FACTS}) {_OLDER}
        FROM ({_NEARBY}) f JOIN dispatch_calltype t ON t.id = f.type_id))
"""  # noqa: S608  put together from the constants above
_COPY = f"""
UPDATE dispatch_call SET premise = {_HISTORY}, premise_as_of = %(at)s WHERE id = %(call)s RETURNING premise
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
    params = _params(agency_id=agency_id, key=key, point=point, nearby_m=nearby_m, at=at, call_id=call_id)
    with prepared_cursor() as cursor:
        cursor.execute(f"SELECT {_HISTORY}", params)
        return _lists(cursor.fetchone()[0])


def copy_premise(*, call: LockedCall, at: datetime) -> None:
    """
    Copy the premise history onto a call, as of now: when a unit gets it. The copy does not change by itself.

    One statement, because others wait for the call meanwhile.
    """
    params = _params(
        agency_id=call.agency_id,
        key=call.address_key,
        point=call.point,
        nearby_m=None,
        at=at,
        call_id=call.pk,
    )
    with prepared_cursor() as cursor:
        cursor.execute(_COPY, params)
        call.premise = _lists(cursor.fetchone()[0])
    call.premise_as_of = at


def _params(
    *, agency_id: int, key: str, point: Point | None, nearby_m: int | None, at: datetime, call_id: int | None
) -> dict[str, Any]:
    return {
        "agency": agency_id,
        "key": key,
        "at": at,
        "call": call_id,
        "limit": EARLIER_CALLS,
        "lon": point.x if point else None,
        "lat": point.y if point else None,
        "metres": nearby_m,
    }


def _lists(value: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(value) if isinstance(value, str) else value
    return found


def _street(text: str) -> str:
    words = re.sub(r"[^\w\s]", " ", text).replace("_", " ").split()
    return " ".join(_ORDINAL.sub(r"\1", _WORDS.get(word, word)) for word in words)
