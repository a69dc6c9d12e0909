"""
What did not fit, and that somebody has looked at it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from dispatch import refusals
from dispatch.models import Call, Flag
from journal.record import record
from responders.actors import Actor


def raise_flag(*, call: Call, code: str, facts: Mapping[str, object], at: datetime, unit_id: int | None = None) -> str:
    """
    Keep something about a locked call that a supervisor should look at, and return its code. Facts that are None are left
    out.
    """
    told = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in facts.items()
        if value is not None
    }
    Flag.objects.create(call=call, unit_id=unit_id, code=code, facts=told, at=at)
    return code


def settle(*, flag_ids: Collection[int], by: Actor, at: datetime, note: str = "") -> int:
    """
    Note that a person has looked at these flags and what they make of it, and return how many of them were open.

    Those that somebody has settled before are left as they are. What the flags are about is not changed.

    :raises FlagNotFound: one of them is another agency's, or there is no such flag.
    """
    wanted = set(flag_ids)
    known = Flag.objects.filter(pk__in=wanted, call__agency=by.agency_id)
    calls = sorted(set(known.values_list("call_id", flat=True)))
    if missing := wanted - set(known.values_list("pk", flat=True)):
        raise refusals.FlagNotFound(flag=min(missing))
    settled = 0
    for call_id in calls:
        call = Call.objects.lock(call_id)
        open_ones = Flag.objects.filter(pk__in=wanted, call=call, resolved_at=None)
        ids = sorted(open_ones.values_list("pk", flat=True))
        if not ids:
            continue
        open_ones.update(resolved_at=at, resolved_by=by.person_id, settling_note=note)
        settled += len(ids)
        # The note is in a person's own words: it stays on the flags, and out of the record that is kept for good.
        record("flag.settled", agency_id=call.agency_id, about=f"call.{call.pk}", data={"flags": ids}, by=by, at=at)
    return settled
