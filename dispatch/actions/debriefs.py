"""
The talk after a poach: the desk's and the sergeant's comments, closed by a supervisor.
"""

from datetime import datetime

from dispatch import refusals, rules
from dispatch.models import Debrief
from journal.record import record
from responders.actors import Actor


def comment(*, debrief_id: int, text: str, by: Actor, at: datetime) -> Debrief:
    """
    Write the comment of one's role, or write one's own again: the desk's or the sergeant's.

    :raises DebriefNotFound: it is another agency's.
    :raises DebriefClosed: a supervisor has closed it.
    :raises DebriefNotYours: the actor is neither at the desk nor an officer.
    :raises DebriefCommented: somebody else has written this comment.
    """
    debrief = _lock(debrief_id, by)
    rules.check_debrief_open(debrief)
    if by.has("DISPATCHER", "EMBEDDED"):
        who, what = "dispatcher", "dispatcher_comment"
    elif by.has("OFFICER"):
        who, what = "sergeant", "sergeant_comment"
    else:
        raise refusals.DebriefNotYours(debrief=debrief.pk)
    author = getattr(debrief, f"{who}_id")
    if author not in (None, by.person_id):
        raise refusals.DebriefCommented(person=author)

    setattr(debrief, f"{who}_id", by.person_id)
    setattr(debrief, what, text)
    debrief.save(update_fields=[who, what])

    _record("debrief.commented", debrief, by=by, at=at, column=what)
    return debrief


def close(*, debrief_id: int, by: Actor, at: datetime, text: str = "") -> Debrief:
    """
    Close a debrief, as a supervisor.

    :raises DebriefNotFound: it is another agency's.
    :raises DebriefClosed: it is closed already.
    """
    debrief = _lock(debrief_id, by)
    rules.check_debrief_open(debrief)

    debrief.closed_at = at
    debrief.closed_by_id = by.person_id
    debrief.closing_comment = text
    debrief.save(update_fields=["closed_at", "closed_by", "closing_comment"])

    _record("debrief.closed", debrief, by=by, at=at)
    return debrief


def _lock(debrief_id: int, by: Actor) -> Debrief:
    found = Debrief.objects.select_for_update(no_key=True, of=("self",)).filter(pk=debrief_id)
    debrief = found.filter(agency=by.agency_id).first()
    if debrief is None:
        raise refusals.DebriefNotFound(debrief=debrief_id)
    return debrief


def _record(kind: str, debrief: Debrief, *, by: Actor, at: datetime, **data: str) -> None:
    record(
        kind,
        agency_id=debrief.agency_id,
        about=f"debrief.{debrief.pk}",
        data={"poach": debrief.poach_id, **data},
        by=by,
        at=at,
    )
