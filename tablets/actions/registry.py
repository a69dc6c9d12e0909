"""
What a supervisor does with a paired tablet: name it, and take it out of use.
"""

from datetime import datetime

from journal.record import record
from responders.actors import Actor
from tablets import refusals
from tablets.actions import backup_keys, purges
from tablets.actions.sign_off import end_at
from tablets.models import LockedTablet, Tablet


def revoke(*, tablet: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Tablet:
    """
    Take a tablet out of use for good: its token and its keys for backup are dead, its line closes within five
    seconds, its app erases itself.

    Revoking a revoked tablet changes nothing, so that a second press is no error.

    :raises TabletNotFound: there is no such tablet, or it is another agency's.
    """
    purges.lock_installations(tablet)
    locked = _lock_own(tablet, by)
    if locked.revoked_at is not None:
        return locked
    locked.revoked_at = at
    locked.save(update_fields=["revoked_at"])
    end_at(locked, at=at)
    backup_keys.end_all(locked, at=at)
    purges.order(locked.pk, by=by, at=at)
    record(
        "tablet.revoked",
        agency_id=locked.agency_id,
        about=f"tablet.{locked.pk}",
        data={"tablet": locked.pk, "unit": locked.unit_id},
        by=by,
        at=at,
    )
    return locked


def rename(*, tablet: int, name: str, by: Actor, at: datetime, happened_at: datetime | None = None) -> Tablet:
    """
    Give a tablet another name.

    :raises TabletNotFound: there is no such tablet, or it is another agency's.
    """
    locked = _lock_own(tablet, by)
    locked.name = name
    locked.save(update_fields=["name"])
    record(
        "tablet.renamed",
        agency_id=locked.agency_id,
        about=f"tablet.{locked.pk}",
        data={"tablet": locked.pk},
        by=by,
        at=at,
    )
    return locked


def _lock_own(tablet_id: int, by: Actor) -> LockedTablet:
    tablet = Tablet.objects.lock(tablet_id)
    if tablet.agency_id != by.agency_id:
        raise refusals.TabletNotFound(tablet=tablet_id)
    return tablet
