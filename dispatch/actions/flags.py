"""
What did not fit, and that somebody has looked at it.
"""

from collections.abc import Collection
from datetime import datetime

from dispatch.models import Call, Flag
from journal.record import record
from responders.actors import Actor


def resolve(*, flag_ids: Collection[int], by: Actor, at: datetime) -> int:
    """
    Note that a person has looked at these flags, and return how many of them were open.

    Flags of another agency, and those that somebody has resolved, are left as they are.
    """
    open_flags = Flag.objects.filter(pk__in=flag_ids, resolved_at=None, call__agency=by.agency_id)
    calls = sorted(set(open_flags.values_list("call_id", flat=True)))
    resolved = 0
    for call_id in calls:
        call = Call.objects.lock(call_id)
        flags = list(Flag.objects.filter(pk__in=flag_ids, call=call, resolved_at=None).order_by("pk"))
        for flag in flags:
            flag.resolved_at, flag.resolved_by_id = at, by.person_id
            flag.save(update_fields=["resolved_at", "resolved_by"])
        resolved += len(flags)
        record(
            "flag.resolved",
            agency_id=call.agency_id,
            about=f"call.{call.pk}",
            data={"flags": [flag.pk for flag in flags]},
            by=by,
            at=at,
        )
    return resolved
