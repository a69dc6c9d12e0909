"""
What the desk does about a request for backup: set its level, send police, close it, raise one for a crew on the radio.

Each appends an event and files it at once; the path of backup itself (dispatch/backup) needs none of this.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

from django.db.models import Q

from dispatch import backup_refusals as refusals
from dispatch.backup import filing
from dispatch.backup.press import enter
from dispatch.backup.reading import Place, Said
from dispatch.models import Backup, BackupEvent, BackupEventKind, BackupOrigin, BackupPress
from journal.door import current_door
from responders.actors import Actor
from responders.models import Position, Shift, Unit
from responders.refusals import UnitNotFound

# A press that came so shortly before a request was closed was not on the screen of whoever closed it: it stays open.
_UNSEEN = timedelta(seconds=3)
# One action makes one request, however often it has to be tried.
_KEYS = UUID("3c1f6d1a-8f0e-5b7d-9b35-2f6c0f0a4e72")


def level(*, key: UUID, level: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Backup:
    """
    Set how urgent a request is; only a dispatcher lowers it.

    :raises Refusal: there is no such request, it is closed, or it is the actor's own.
    """
    press = _open(key, by)
    filing.add(press.pk, BackupEventKind.LEVEL, by=by.label, at=at, level=level, set=True, person=by.person_id)
    return _filed(press, by, at)


def police_sent(
    *, key: UUID, unit: str, due_in_s: int | None, by: Actor, at: datetime, happened_at: datetime | None = None
) -> Backup:
    """
    Say which police come; whoever sends them has seen the request.

    :raises Refusal: there is no such request, it is closed, or it is the actor's own.
    """
    press = _open(key, by)
    due_at = None if due_in_s is None else (at + timedelta(seconds=due_in_s)).isoformat()
    _see(press, by, at)
    filing.add(
        press.pk, BackupEventKind.POLICE_SENT, by=by.label, at=at, unit=unit, due_at=due_at, person=by.person_id
    )
    return _filed(press, by, at)


def police_arrived(*, key: UUID, by: Actor, at: datetime, happened_at: datetime | None = None) -> Backup:
    """
    Say that police are with the crew.

    :raises Refusal: there is no such request, it is closed, or it is the actor's own.
    """
    press = _open(key, by)
    _see(press, by, at)
    if not BackupEvent.objects.filter(press=press.pk, kind=BackupEventKind.POLICE_SENT).exists():
        filing.add(
            press.pk, BackupEventKind.POLICE_SENT, by=by.label, at=at, unit="", due_at=None, person=by.person_id
        )
    filing.add(press.pk, BackupEventKind.POLICE_ARRIVED, by=by.label, at=at, person=by.person_id)
    return _filed(press, by, at)


def confirm_cancel(*, key: UUID, by: Actor, at: datetime, happened_at: datetime | None = None) -> Backup:
    """
    Close a request that its crew asked to cancel.

    :raises BackupCancelNotAsked: the crew did not.
    :raises Refusal: there is no such request, it is closed, or it is the actor's own.
    """
    press = _open(key, by)
    if not BackupEvent.objects.filter(press__in=_family(press), kind=BackupEventKind.CANCEL_ASKED).exists():
        raise refusals.BackupCancelNotAsked(key=str(key))
    return _close(press, "CANCELLED", "", by=by, at=at)


def resolve(
    *, key: UUID, closed_as: str, note: str, by: Actor, at: datetime, happened_at: datetime | None = None
) -> Backup:
    """
    Close a request, saying how it ended.

    :raises Refusal: there is no such request, it is closed, or it is the actor's own.
    """
    return _close(_open(key, by), closed_as, note, by=by, at=at)


def raise_by_radio(
    *,
    unit_id: int,
    level: str,
    service: str,
    asked_by: str,
    silent: bool,
    drill: bool,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
) -> Backup:
    """
    Raise a request for a crew that asked on the radio. It rings like any other, and still wants to be seen by somebody.

    The press is committed by itself before anything is filed: it rings also where the rest has to wait, or fails.

    :raises UnitNotFound: there is no such unit in the agency.
    """
    unit = Unit.objects.in_service().filter(pk=unit_id, agency=by.agency_id).first()
    if unit is None:
        raise UnitNotFound(unit=unit_id)
    fix = Position.objects.filter(unit=unit).first()
    action_id = current_door().action_id
    said = Said(
        key=uuid4() if action_id is None else uuid5(_KEYS, str(action_id)),
        level=level,
        service=service,
        silent=silent,
        drill=drill,
        pressed_at=at,
        person=None,
        call=None,
        place=None if fix is None else Place(fix.point.x, fix.point.y, fix.accuracy_m, fix.at),
        battery=None,
        reason="",
        raw=f"asked by {asked_by}, told by {by.label}",
    )
    enter(said, agency_id=by.agency_id, unit_id=unit.pk, origin=BackupOrigin.RADIO)
    return _filed(BackupPress.objects.get(pk=said.key), by, at)


def _open(key: UUID, by: Actor) -> BackupPress:
    press = BackupPress.objects.filter(pk=key, agency_id=by.agency_id).exclude(origin=BackupOrigin.SELF_TEST).first()
    if press is not None and press.again_of is not None:
        first = BackupPress.objects.filter(pk=press.again_of).first()
        # What was merged is answered where it was merged into.
        press = first if first is not None and first.closed_at is None else press
    if press is None:
        raise refusals.BackupUnknown
    if press.closed_at is not None:
        closed = BackupEvent.objects.filter(press=press.pk, kind=BackupEventKind.CLOSED).first()
        raise refusals.BackupClosed(key=str(key), **{"as": "" if closed is None else closed.data.get("as", "")})
    if press.unit_id is not None and Shift.objects.open().filter(unit=press.unit_id, person=by.person_id).exists():
        raise refusals.BackupOwn(key=str(key))
    return press


def _family(press: BackupPress) -> list[UUID]:
    return list(BackupPress.objects.filter(Q(pk=press.pk) | Q(again_of=press.pk)).values_list("pk", flat=True))


def _see(press: BackupPress, by: Actor, at: datetime) -> None:
    filing.add(press.pk, BackupEventKind.SEEN, by=by.label, at=at, person=by.person_id, console=None)


def _close(press: BackupPress, closed_as: str, note: str, *, by: Actor, at: datetime) -> Backup:
    _see(press, by, at)
    filing.add(
        press.pk, BackupEventKind.CLOSED, by=by.label, at=at, note=note, person=by.person_id, **{"as": closed_as}
    )
    merged = BackupPress.objects.filter(again_of=press.pk, closed_at=None, received_at__lt=at - _UNSEEN)
    merged.update(closed_at=at)
    BackupPress.objects.filter(pk=press.pk, closed_at=None).update(closed_at=at)
    return _filed(press, by, at)


def _filed(press: BackupPress, by: Actor, at: datetime) -> Backup:
    backup = filing.file(press.pk, by=by, at=at)
    assert backup is not None, "whoever waits for the lock gets it"
    return backup
