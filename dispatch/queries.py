"""
Reads that decide, one statement each, because they run while a call is locked and others wait for it.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db.models import Q

from dispatch.models import Alarm, CallStatus, LockedCall, Referral, ReferralKind
from journal.prepared import prepared_cursor
from responders.models import LockedUnit


class Seen(NamedTuple):
    """
    A call and a unit as ``rules.take_of`` takes them, read under their locks.
    """

    row: dict[str, Any]
    unit: dict[str, Any]
    limits: dict[str, Any]
    feed_age_s: float | None
    in_area: bool
    has_alarms: bool
    # The unit is on scene of this call without holding it: it may take it although it is with a call.
    is_there: bool
    # Somebody has referred the call to CARE, and still does.
    is_referred: bool


class Ties(NamedTuple):
    """
    How a crew that speaks about a call stands to it.

    ``held`` counts the person's earlier units too, ``seen`` what was on the unit's board and has left it. ``shift_over`` is
    when the shift of who speaks had ended, if it had before what they tell.
    """

    in_area: bool
    holds: bool
    held: bool
    seen: bool
    shift_over: datetime | None


class Holder(NamedTuple):
    """
    Who holds a call, and whether it is in the areas of the unit that asks.
    """

    unit: str | None
    at: datetime | None
    in_area: bool


_SEEN_SQL = """
SELECT type.color, agency.has_cad, agency.cad_silent_s, agency.poach_feed_age_s, agency.poach_priority,
    agency.crew_minimum, agency.poach_confirm_s, agency.deliver_s, agency.acknowledge_s, agency.reassign_s,
    feed.heard_at,
    (SELECT coalesce(json_object_agg(newest.disqualifier, newest.value), '{}')::text FROM (
        SELECT DISTINCT ON (disqualifier) disqualifier, value FROM dispatch_answer
        WHERE call_id = %(call)s ORDER BY disqualifier, id DESC) AS newest),
    EXISTS (SELECT FROM dispatch_caution caution WHERE caution.agency_id = %(agency)s AND caution.expires_at > %(at)s
        AND caution.address_key = %(address_key)s AND caution.address_key <> ''),
    EXISTS (SELECT FROM dispatch_caution caution WHERE caution.agency_id = %(agency)s AND caution.expires_at > %(at)s
        AND caution.phone = %(phone)s AND caution.phone <> ''),
    (SELECT count(*) FROM responders_shift WHERE unit_id = %(unit)s AND ended_at IS NULL),
    (SELECT call_id FROM dispatch_assignment WHERE unit_id = %(unit)s AND ended_at IS NULL),
    EXISTS (SELECT FROM responders_unit_areas WHERE unit_id = %(unit)s AND servicearea_id = %(area)s),
    EXISTS (SELECT FROM dispatch_alarm WHERE call_id = %(call)s AND ended_at IS NULL),
    EXISTS (SELECT FROM dispatch_referral WHERE call_id = %(call)s AND eligible AND ended_at IS NULL)
FROM responders_agency agency
JOIN dispatch_calltype type ON type.id = %(type)s
LEFT JOIN dispatch_cadfeed feed ON feed.agency_id = agency.id
WHERE agency.id = %(agency)s
"""

# A document that left a stream is kept as a tombstone for 30 days: by it we know what was on a board.
_TIES_SQL = """
SELECT
    EXISTS (SELECT FROM responders_unit_areas WHERE unit_id = %(unit)s AND servicearea_id = %(area)s),
    EXISTS (SELECT FROM dispatch_assignment WHERE call_id = %(call)s AND unit_id = %(unit)s AND ended_at IS NULL),
    EXISTS (SELECT FROM dispatch_assignment held WHERE held.call_id = %(call)s AND (held.unit_id = %(unit)s OR EXISTS (
        SELECT FROM responders_shift shift WHERE shift.unit_id = held.unit_id AND shift.person_id = %(person)s
        AND shift.started_at <= greatest(coalesce(held.ended_at, %(at)s), held.assigned_at)
        AND coalesce(shift.ended_at, %(at)s) >= held.assigned_at))),
    EXISTS (SELECT FROM journal_document WHERE collection = 'call' AND document_id = %(call)s::text AND stream = ANY(
        ARRAY(SELECT 'area.' || servicearea_id FROM responders_unit_areas WHERE unit_id = %(unit)s)
        || ('unit.' || %(unit)s::text))),
    (SELECT ended_at FROM responders_shift WHERE id = %(shift)s AND ended_at < %(when)s)
"""

_HOLDER_SQL = """
SELECT unit.call_sign, held.assigned_at,
    EXISTS (SELECT FROM responders_unit_areas WHERE unit_id = %(asking)s AND servicearea_id = %(area)s)
FROM (VALUES (1)) AS always
LEFT JOIN dispatch_assignment held ON held.call_id = %(call)s AND held.ended_at IS NULL AND held."primary"
LEFT JOIN responders_unit unit ON unit.id = held.unit_id
"""


def seen(call: LockedCall, unit: LockedUnit, *, at: datetime) -> Seen:
    """
    Return everything that decides whether the unit may have the call.

    A statement of its own after both locks: subqueries inside a locking SELECT are read as of before its wait.
    """
    with prepared_cursor() as cursor:
        cursor.execute(
            _SEEN_SQL,
            {
                "call": call.pk,
                "agency": call.agency_id,
                "type": call.type_id,
                "address_key": call.address_key,
                "phone": call.caller_phone,
                "area": call.area_id,
                "unit": unit.pk,
                "at": at,
            },
        )
        (
            color,
            has_cad,
            cad_silent_s,
            poach_feed_age_s,
            poach_priority,
            crew_minimum,
            poach_confirm_s,
            deliver_s,
            acknowledge_s,
            reassign_s,
            heard_at,
            answers,
            caution_at_address,
            caution_on_phone,
            crew,
            held,
            in_area,
            has_alarms,
            is_referred,
        ) = cursor.fetchone()
    is_there = held == call.pk and call.status == CallStatus.PENDING
    return Seen(
        row={
            "status": call.status,
            "queue": call.queue,
            "type": {"color": color},
            "priority": call.priority,
            "police_assigned": bool(call.police_units),
            "caution": caution_at_address or caution_on_phone or _is_warned(call, at),
            "answers": orjson.loads(answers),
        },
        unit={
            "call": None if is_there else held,
            "crew": crew,
            "crew_minimum": crew_minimum if unit.crew_minimum is None else unit.crew_minimum,
            "duty": unit.duty,
            "outside": unit.outside,
            "retired": unit.retired_at is not None,
        },
        limits={
            "has_cad": has_cad,
            "cad_silent_s": cad_silent_s,
            "poach_feed_age_s": poach_feed_age_s,
            "poach_priority": poach_priority,
            "poach_confirm_s": poach_confirm_s,
            "deliver_s": deliver_s,
            "acknowledge_s": acknowledge_s,
            "reassign_s": reassign_s,
        },
        feed_age_s=None if heard_at is None else (at - heard_at).total_seconds(),
        in_area=in_area,
        has_alarms=has_alarms,
        is_there=is_there,
        is_referred=is_referred,
    )


def ties(
    call: LockedCall, *, unit_id: int, person_id: int | None, shift_id: int | None, when: datetime, at: datetime
) -> Ties:
    """
    Return how a crew stands to a call that it tells something about, which happened at ``when``.
    """
    with prepared_cursor() as cursor:
        cursor.execute(
            _TIES_SQL,
            {
                "call": call.pk,
                "area": call.area_id,
                "unit": unit_id,
                "person": person_id,
                "shift": shift_id,
                "when": when,
                "at": at,
            },
        )
        return Ties(*cursor.fetchone())


def holder(call: LockedCall, *, asking: int) -> Holder:
    """
    Return who holds the call; what a unit that came too late is told.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_HOLDER_SQL, {"call": call.pk, "asking": asking, "area": call.area_id})
        return Holder(*cursor.fetchone())


def _is_warned(call: LockedCall, at: datetime) -> bool:
    # The copies on the call were matched when it came in; they count while they last.
    return any(datetime.fromisoformat(caution["expires_at"]) > at for caution in call.cautions)


def calls_with_due_alarms(*, at: datetime) -> list[int]:
    """
    Return the calls on which an alarm is due and not raised yet, those that wait longest first.
    """
    due = Alarm.objects.filter(raised_at=None, ended_at=None, due_at__lte=at).order_by("due_at")
    return list(dict.fromkeys(due.values_list("call_id", flat=True)[:500]))


def referrals_to_put_away(*, at: datetime) -> list[int]:
    """
    Return those on officers' lists that have ended a day ago; a person for later contact stays a week.
    """
    day, week = at - timedelta(days=1), at - timedelta(days=7)
    listed = Referral.objects.filter(officer__isnull=False, put_away_at=None, received_at__lt=day)
    over = Q(ended_at__lt=day) | Q(call__closed_at__lt=day) | Q(kind=ReferralKind.PERSON, received_at__lt=week)
    return list(listed.filter(over).order_by("received_at").values_list("pk", flat=True)[:500])
