"""
What a decision needs to know, read from the database in one statement.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point

from dispatch import policies
from dispatch.models import (
    AnswerValue,
    Call,
    CallerWish,
    Color,
    Disqualifier,
    Marker,
    PlaceKind,
    Response,
)
from dispatch.premises import phone_key
from journal.prepared import prepared_cursor
from responders.models import Duty, OpeningHours, ServiceArea
from responders.queries import closing_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Type:
    """
    A type of call, as much of it as a decision needs.
    """

    id: int
    code: str
    color: Color


@dataclass(frozen=True, slots=True)
class Area:
    """
    The service area that a call is in, and whether it is open.
    """

    id: int
    name: str
    open: bool


@dataclass(frozen=True, slots=True)
class PastDecision:
    """
    A decision that stands already.
    """

    id: int
    policy_id: int | None
    response: Response
    care_available: bool
    reasons: tuple[str, ...]
    overruled_by: int | None
    overrule_code: str


@dataclass(frozen=True, slots=True)
class Situation:
    """
    Everything around a call at one moment that a decision may rest on.

    ``latest`` is the call's newest decision, ``latest_of_policy`` the newest one that nobody overruled.
    """

    policy_id: int | None
    policy: str | None
    rules: policies.Rules | None
    type: Type | None
    area: Area | None
    units: tuple[policies.UnitFacts, ...]
    cautions: tuple[dict[str, str], ...]
    caution_on: frozenset[str]
    answers: Mapping[Disqualifier, AnswerValue]
    latest: PastDecision | None
    latest_of_policy: PastDecision | None
    local_time: time
    nearby_m: int

    def outcome(
        self,
        *,
        answers: Mapping[Disqualifier, AnswerValue],
        place_kind: str,
        markers: list[str],
        wish: str,
    ) -> policies.Outcome:
        """
        Run the policy in force over this situation and what is known of the call itself.
        """
        if self.rules is None or self.type is None:
            return policies.NO_POLICY
        return policies.decide(
            self.rules,
            policies.Facts(
                type_code=self.type.code,
                color=self.type.color,
                answers=answers,
                local_time=self.local_time,
                area=self.area.name if self.area else None,
                area_open=self.area.open if self.area else False,
                units=self.units,
                cautions=self.caution_on,
                place_kind=PlaceKind(place_kind),
                markers=frozenset(Marker(marker) for marker in markers),
                wish=CallerWish(wish),
            ),
        )


# The areas of a place, smallest first, as responders.queries.area_at has them; of a call that has one, just that one.
_AREA_BY_POINT = """
    WHERE a.agency_id = %(agency)s AND a.valid_from <= agency.day AND (a.valid_to IS NULL OR a.valid_to >= agency.day)
    AND ST_Covers(a.polygon, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)) ORDER BY ST_Area(a.polygon), a.id LIMIT 1
"""
_AREA_BY_ID = "WHERE a.id = %(area)s"
_NO_AREA = "WHERE false"
_TYPE_BY_ID = "t.id = %(type)s"
_TYPE_BY_CODE = "t.agency_id = %(agency)s AND t.code = %(type)s"
_OF_CALL = """
    (SELECT jsonb_object_agg(newest.disqualifier, newest.value) FROM (
        SELECT DISTINCT ON (disqualifier) disqualifier, value FROM dispatch_answer WHERE call_id = %(call)s
        ORDER BY disqualifier, id DESC) AS newest),
    (SELECT to_jsonb(d) FROM dispatch_decision d WHERE d.call_id = %(call)s ORDER BY d.id DESC LIMIT 1),
    (SELECT to_jsonb(d) FROM dispatch_decision d WHERE d.call_id = %(call)s AND d.overruled_by_id IS NULL
        ORDER BY d.id DESC LIMIT 1)
"""
_OF_NO_CALL = "NULL::jsonb, NULL::jsonb, NULL::jsonb"
_STATEMENT = """
WITH agency AS (
    SELECT id, timezone, crew_minimum, premise_nearby_m, (%(at)s AT TIME ZONE timezone)::date AS day
    FROM responders_agency WHERE id = %(agency)s
), area AS (
    SELECT a.id, a.name, a.valid_from, a.valid_to FROM responders_servicearea a CROSS JOIN agency {area}
)
SELECT agency.timezone, agency.premise_nearby_m,
    (SELECT jsonb_build_array(p.id, p.name || ' v' || p.version, p.rules) FROM dispatch_policy p
        WHERE p.agency_id = %(agency)s AND p.in_force_from <= %(at)s ORDER BY p.in_force_from DESC, p.id DESC LIMIT 1),
    (SELECT jsonb_build_array(t.id, t.code, t.color) FROM dispatch_calltype t WHERE {type}),
    (SELECT jsonb_build_array(area.id, area.name, area.valid_from, area.valid_to, (
        SELECT jsonb_agg(jsonb_build_array(h.weekday, h.opens, h.closes, h.valid_from, h.valid_to))
        FROM responders_openinghours h WHERE h.area_id = area.id)) FROM area),
    (SELECT jsonb_agg(jsonb_build_array(u.capabilities, u.duty = %(available)s AND NOT EXISTS (
            SELECT FROM dispatch_assignment WHERE unit_id = u.id AND ended_at IS NULL)) ORDER BY u.id)
        FROM area JOIN responders_unit_areas ua ON ua.servicearea_id = area.id JOIN responders_unit u ON u.id = ua.unit_id
        WHERE u.retired_at IS NULL AND NOT u.outside AND u.duty <> %(out)s
        AND (SELECT count(*) FROM responders_shift WHERE unit_id = u.id AND ended_at IS NULL)
            >= greatest(1, coalesce(u.crew_minimum, agency.crew_minimum))),
    (SELECT jsonb_agg(jsonb_build_array(c.text, c.expires_at AT TIME ZONE 'UTC', c.address_key <> '') ORDER BY c.id)
        FROM dispatch_caution c WHERE c.agency_id = %(agency)s AND c.made_at <= %(at)s AND c.expires_at > %(at)s
        AND (c.address_key <> '' AND c.address_key = %(address_key)s OR c.phone <> '' AND c.phone = %(phone)s)),
    {call}
FROM agency
"""


def gather(
    *,
    agency_id: int,
    at: datetime,
    address_key: str,
    phone: str,
    type_id: int | None = None,
    type_code: str = "",
    call_id: int | None = None,
    area_id: int | None = None,
    point: Point | None = None,
) -> Situation:
    """
    Read what surrounds a call: the policy in force, its area and hours, the units there, active cautions, its answers.

    A call that has an area keeps it (``area_id``); otherwise the area is the one around ``point``.
    """
    params: dict[str, Any] = {
        "agency": agency_id,
        "at": at,
        "type": type_code if type_id is None else type_id,
        "address_key": address_key,
        "phone": phone,
        "available": Duty.AVAILABLE,
        "out": Duty.OUT_OF_SERVICE,
        "call": call_id,
        "area": area_id,
        "lon": point.x if point else None,
        "lat": point.y if point else None,
    }
    where = _AREA_BY_ID if area_id is not None else _AREA_BY_POINT if point is not None else _NO_AREA
    statement = _STATEMENT.format(
        area=where,
        type=_TYPE_BY_CODE if type_id is None else _TYPE_BY_ID,
        call=_OF_NO_CALL if call_id is None else _OF_CALL,
    )
    with prepared_cursor() as cursor:
        cursor.execute(statement, params)
        timezone, nearby_m, policy, type_, area, units, cautions, answers, latest, plain = (
            json.loads(value) if isinstance(value, str) and index > 1 else value
            for index, value in enumerate(cursor.fetchone())
        )
    zone = ZoneInfo(timezone)
    policy_id, policy_name, rules = policy or (None, None, None)
    return Situation(
        policy_id=policy_id,
        policy=policy_name,
        rules=_rules(policy_id, rules),
        type=Type(type_[0], type_[1], Color(type_[2])) if type_ else None,
        area=_area(area, zone, at),
        units=tuple(policies.UnitFacts(frozenset(able), free) for able, free in units or ()),
        cautions=tuple({"text": text, "expires_at": _utc(expires)} for text, expires, _ in cautions or ()),
        caution_on=frozenset("ADDRESS" if by_address else "PHONE" for _, _, by_address in cautions or ()),
        answers={Disqualifier(name): AnswerValue(value) for name, value in (answers or {}).items()},
        latest=_decision(latest),
        latest_of_policy=_decision(plain),
        local_time=at.astimezone(zone).time(),
        nearby_m=nearby_m,
    )


def of_call(call: Call, *, at: datetime) -> Situation:
    """
    Read what surrounds a call that exists.
    """
    return gather(
        agency_id=call.agency_id,
        at=at,
        address_key=call.address_key,
        phone=phone_key(call.caller_phone),
        type_id=call.type_id,
        call_id=call.pk,
        area_id=call.area_id,
        point=call.point,
    )


def _rules(policy_id: int | None, rules: object) -> policies.Rules | None:
    if policy_id is None:
        return None
    try:
        return policies.parse(rules)
    except policies.InvalidRules as error:
        # It was checked when it was switched on, so a later version of the engine or a hand in the database broke it. A
        # 911 call is taken all the same: without a policy everything goes to police.
        logger.exception("policy %s cannot be used: %s", policy_id, error.errors)
        return None


def _area(row: Any, zone: ZoneInfo, at: datetime) -> Area | None:
    if row is None:
        return None
    area_id, name, valid_from, valid_to, hours = row
    area = ServiceArea(name=name, valid_from=date.fromisoformat(valid_from), valid_to=_day(valid_to))
    rows = [
        OpeningHours(
            weekday=weekday,
            opens=time.fromisoformat(opens),
            closes=time.fromisoformat(closes),
            valid_from=date.fromisoformat(since),
            valid_to=_day(until),
        )
        for weekday, opens, closes, since, until in hours or ()
    ]
    return Area(area_id, name, closing_of(rows, area=area, zone=zone, at=at) is not None)


def _decision(row: Any) -> PastDecision | None:
    return row and PastDecision(
        id=row["id"],
        policy_id=row["policy_id"],
        response=Response(row["response"]),
        care_available=row["care_available"],
        reasons=tuple(row["reasons"]),
        overruled_by=row["overruled_by_id"],
        overrule_code=row["overrule_code"],
    )


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _utc(value: str) -> str:
    return f"{value}Z"
