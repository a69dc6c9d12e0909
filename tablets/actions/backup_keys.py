"""
The key by which a device asks for backup, whatever its screen, its sign-on or its app are in.
"""

from datetime import datetime

from journal.record import record
from tablets import refusals
from tablets.models import BackupKey, LockedTablet, Tablet
from tablets.secrets import hash_token, new_token

# Of keys that were made and never used; a browser that kept none of so many keeps none.
_KEPT = 5


def issue(*, tablet_id: int, by: object, at: datetime) -> str:
    """
    Make a new key for a tablet. The old ones go on working until the new one is used: an answer may be lost on its way.

    :raises TabletRevoked: it was taken out of use.
    """
    tablet = Tablet.objects.lock(tablet_id)
    if tablet.revoked_at is not None:
        raise refusals.TabletRevoked(purge=True)
    key = new_token()
    BackupKey.objects.create(
        key_hash=hash_token(key),
        tablet_id=tablet.pk,
        unit_id=tablet.unit_id,
        agency_id=tablet.agency_id,
        made_at=at,
    )
    unused = BackupKey.objects.filter(tablet_id=tablet.pk, ended_at=None, used_at=None).order_by("-made_at")
    forgotten = [bytes(row) for row in unused.values_list("key_hash", flat=True)[_KEPT:]]
    BackupKey.objects.filter(key_hash__in=forgotten).update(ended_at=at)
    record(
        "tablet.backup_key_made",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk},
        by=by,
        at=at,
    )
    return key


def end_all(tablet: LockedTablet, *, at: datetime) -> None:
    """
    End every key of a tablet that is taken out of use.
    """
    BackupKey.objects.filter(tablet_id=tablet.pk, ended_at=None).update(ended_at=at)
