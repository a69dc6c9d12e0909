"""
Sweeps over the people met. Whatever one run misses, the next one finds; any number of them may run at once.
"""

from datetime import datetime

from followups.actions import telling
from followups.queries import people
from journal.door import open_door
from responders.models import Agency

SWEEP = "system:sweep"
BATCH = 200


def link_callers(*, at: datetime) -> int:
    """
    Say of callers whose number is known that they are at their call, and follow who is at a call that was joined with
    another; return how many. Run every ten seconds: a crew that is on its way is shown the plan before it is there.
    """
    linked = 0
    for found in [*people.callers(at=at), *people.joined(at=at)]:
        with open_door(by=SWEEP, at=at):
            contact = telling.link_caller(
                client_id=found.client_id, call_id=found.call_id, route=found.route, by=SWEEP, at=at
            )
            linked += contact is not None
    return linked


def tell_cautions(*, at: datetime) -> int:
    """
    Tell dispatch of cautions that it has not heard of, and of those that have ended; return how many. Run every ten seconds.
    """
    told = 0
    for act, ids in (
        (telling.tell_dispatch, people.cautions_to_tell(at=at)),
        (telling.take_back, people.cautions_to_take_back(at=at)),
    ):
        for caution_id in ids:
            try:
                with open_door(by=SWEEP, at=at):
                    told += act(caution_id=caution_id, by=SWEEP, at=at)
            except telling.ToldAlready:
                # Another sweeper was first, or whoever ended it; what is behind it goes on.
                continue
    return told


def enter_shown(*, at: datetime) -> int:
    """
    Make entries of records that began to stand on units' tablets; return how many. Run every half minute.
    """
    entered = 0
    while True:
        with open_door(by=SWEEP, at=at):
            some = telling.enter_shown(limit=BATCH, by=SWEEP, at=at)
        entered += some
        if some < BATCH:
            return entered


def see_familiar(*, at: datetime) -> int:
    """
    See who is met often by now, and who no longer is; return how many changed. Run every hour.
    """
    changed = 0
    for agency in Agency.objects.order_by("pk"):
        for client_id, is_familiar in telling.changed_faces(agency=agency, at=at):
            with open_door(by=SWEEP, at=at):
                telling.see_face(client_id=client_id, is_familiar=is_familiar, by=SWEEP, at=at)
            changed += 1
    return changed
