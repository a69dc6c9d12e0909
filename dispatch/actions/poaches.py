"""
What becomes of a poach: CAD confirms or rejects it, or police are assigned all the same. The desk decides, never we.
"""

from datetime import datetime

from dispatch.actions import alarms, stops
from dispatch.models import AlarmKind, CadMessage, Call, CallStatus, LockedCall, Poach, PoachState
from journal.record import record

CAD_REJECTED = "CAD_REJECTED"
POLICE_ASSIGNED = "POLICE_ASSIGNED"


def settle(*, message: CadMessage, confirmed: bool, reason: str, by: object, at: datetime) -> Poach | None:
    """
    Take CAD's answer to a poach. Rejected: the crew that has the call is told full-screen, and the desk is alarmed.

    Returns None for a message that asked for no poach. CAD's first answer stands.
    """
    if message.kind != "poach":
        return None
    call = Call.objects.lock(message.call_id)
    poach = Poach.objects.get(assignment=message.body["assignment"])
    if poach.state != PoachState.ASKED:
        return poach

    poach.state = PoachState.CAD_CONFIRMED if confirmed else PoachState.CAD_REJECTED
    poach.settled_at = at
    poach.save(update_fields=["state", "settled_at"])
    alarms.end_alarms(call=call, by=by, at=at, kinds=[AlarmKind.POACH_NOT_CONFIRMED])
    if not confirmed and call.status == CallStatus.ASSIGNED:
        stops.raise_stop(call=call, reasons=[CAD_REJECTED], by=by, at=at)
        alarms.raise_alarm(call=call, kind=AlarmKind.POACH_REJECTED, at=at)

    record(
        "poach.confirmed" if confirmed else "poach.rejected",
        agency_id=call.agency_id,
        about=f"call.{call.pk}",
        data={"poach": poach.pk, "assignment": poach.assignment_id, "message": message.pk},
        by=by,
        at=at,
    )
    return poach


def police_assigned(*, call: LockedCall, by: object, at: datetime) -> bool:
    """
    Police were assigned to a call after a unit had taken it from their queue: tell the crew full-screen and the desk.

    Does nothing, and says so, when no unit holds the call by a poach.
    """
    if not Poach.objects.filter(call=call, assignment__ended_at=None).exists():
        return False
    stops.raise_stop(call=call, reasons=[POLICE_ASSIGNED], by=by, at=at)
    alarms.raise_alarm(call=call, kind=AlarmKind.POLICE_ASSIGNED, at=at)
    return True
