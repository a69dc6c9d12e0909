"""
What an officer holds of what they referred: how far it is, and nothing of what was done (RCW 70.02.230).

How far it is follows from the call and from who holds it. Whoever changes these locks the call, and their flush then locks the
referral too (dispatch/migrations/0006_field_marks.py): what is read here is under the referral's lock.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from dispatch.models import CallStatus, Queue, ReferralKind, ReferralState
from dispatch.referral_words import CALLED_AWAY, NOBODY_COMES, REASONS, SUGGESTED
from journal.prepared import prepared_cursor
from journal.subjects import Held

_SQL = """
SELECT r.id, r.officer_id, r.kind, r.what, coalesce(nullif(r.number, ''), c.number, ''), r.eligible, r.ended_at IS NOT NULL,
       r.put_away_at IS NOT NULL, r.received_at, r.reasons, r.suggested, r.staying, r.handed_over_at, r.late_told_at IS NOT NULL,
       CASE WHEN due.ended_at IS NULL THEN r.due_at END, c.status, c.queue,
       coalesce(of_call.held, false), coalesce(of_call.there, false), coalesce(of_call.was_there, false),
       coalesce(of_call.ended, false)
  FROM dispatch_referral r
  LEFT JOIN dispatch_call c ON c.id = r.call_id
  LEFT JOIN dispatch_assignment due ON due.id = r.due_by_id
  LEFT JOIN LATERAL (
      SELECT bool_or(a.ended_at IS NULL) AS held, bool_or(a.ended_at IS NULL AND a.on_scene_at IS NOT NULL) AS there,
             bool_or(a.on_scene_at IS NOT NULL) AS was_there, bool_or(a.ended_at IS NOT NULL) AS ended
        FROM dispatch_assignment a WHERE a.call_id = c.id
  ) of_call ON true
 WHERE r.id = ANY(%s) ORDER BY r.id
"""


class _Row(NamedTuple):
    id: int
    officer_id: int | None
    kind: str
    what: str
    number: str
    eligible: bool
    ended: bool
    put_away: bool
    received_at: datetime
    reasons: list[str]
    suggested: list[str]
    staying: bool
    handed_over_at: datetime | None
    late_told: bool
    due_at: datetime | None
    call_status: str | None
    queue: str | None
    # Units with the call: one has it, one is there, one was there, one has left it.
    is_held: bool
    is_there: bool
    was_there: bool
    was_left: bool


def of_referrals(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield to each officer what they referred. What came by a key is asked for by its holder.
    """
    for row in _rows(ids):
        if row.officer_id is not None and not row.put_away:
            yield Held(f"officer.{row.officer_id}", "referral", str(row.id), row.id, _body(row))


def bodies(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """
    Return what whoever referred may know, by the referrals' ids.
    """
    return {row.id: _body(row) for row in _rows(ids)}


def _rows(ids: Sequence[int]) -> list[_Row]:
    with prepared_cursor() as cursor:
        cursor.execute(_SQL, [list(ids)])
        return [_Row._make(row) for row in cursor.fetchall()]


def _body(row: _Row) -> dict[str, Any]:
    state = _state(row)
    coming = state == ReferralState.ON_THE_WAY
    reasons, suggested = list(row.reasons), list(row.suggested)
    if state == ReferralState.NOT_COMING:
        reasons, suggested = [NOBODY_COMES], ["DESK"]
    elif state == ReferralState.RECEIVED and row.was_left:
        reasons = [CALLED_AWAY, *reasons]
    elif state not in (ReferralState.RECEIVED, ReferralState.ON_THE_WAY, ReferralState.NOT_ELIGIBLE):
        reasons = []
    return {
        "kind": row.kind,
        "what": row.what,
        "number": row.number,
        "state": state,
        "due_at": row.due_at if coming else None,
        "late": coming and row.late_told and row.due_at is not None,
        "received_at": row.received_at,
        "reasons": [REASONS[code] for code in reasons],
        "suggested": [{"code": code, "words": SUGGESTED[code]} for code in suggested],
        # What the officer said themselves.
        "staying": row.staying,
        "handed_over_at": row.handed_over_at,
    }


def _state(row: _Row) -> ReferralState:
    if not row.eligible:
        return ReferralState.NOT_ELIGIBLE
    if row.ended:
        return ReferralState.CLOSED
    if row.kind == ReferralKind.PERSON:
        return ReferralState.RECEIVED
    if row.call_status not in (CallStatus.PENDING, CallStatus.ASSIGNED):
        return ReferralState.CLOSED if row.was_there else ReferralState.NOT_COMING
    if row.is_held:
        return ReferralState.ARRIVED if row.is_there else ReferralState.ON_THE_WAY
    return ReferralState.RECEIVED if row.queue == Queue.CARE else ReferralState.NOT_COMING
