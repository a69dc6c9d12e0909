"""
What a supervisor orders of a tablet from afar: begin again, or erase everything. And the proof that it was done.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from journal.record import record
from responders.actors import Actor
from tablets import refusals
from tablets.models import Installation, Purge, Tablet

# Not a place where something is kept, but how much was never sent: said, and no reason to doubt the rest.
_NOT_KEPT = "unsent"


def resync(*, tablet: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Tablet:
    """
    Make every installation of a tablet erase its documents and take them anew. What it has not sent yet stays.

    :raises TabletNotFound: there is no such tablet, or it is another agency's.
    """
    own = _own(tablet, by)
    lock_installations(own.pk)
    Installation.objects.filter(tablet=own, purge_ordered_at=None).update(
        resync_ordered_at=at, resync_ordered_by=str(by), resync_told_at=None
    )
    record(
        "tablet.resync_ordered",
        agency_id=own.agency_id,
        about=f"tablet.{own.pk}",
        data={"tablet": own.pk},
        by=by,
        at=at,
    )
    return own


def purge(*, tablet: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Tablet:
    """
    Make every installation of a tablet erase itself at its next exchange. The tablet stays paired, and begins empty.

    :raises TabletNotFound: there is no such tablet, or it is another agency's.
    """
    own = _own(tablet, by)
    lock_installations(own.pk)
    order(own.pk, by=by, at=at)
    record(
        "tablet.purge_ordered",
        agency_id=own.agency_id,
        about=f"tablet.{own.pk}",
        data={"tablet": own.pk},
        by=by,
        at=at,
    )
    return own


def lock_installations(tablet_id: int) -> list[UUID]:
    """
    Lock the lanes of a tablet. Before the tablet itself, as whatever runs in a lane does (docs/locking.md).
    """
    lanes = Installation.objects.select_for_update(no_key=True, of=("self",)).filter(tablet=tablet_id)
    return list(lanes.order_by("pk").values_list("pk", flat=True))


def order(tablet_id: int, *, by: object, at: datetime) -> None:
    """
    Order every installation of a tablet to erase itself; the caller holds their locks. What was ordered before stands.

    Their keys are over with it: what was kept under them can be read by nobody again.
    """
    installations = Installation.objects.filter(tablet=tablet_id, purge_ordered_at=None)
    Purge.objects.bulk_create(
        [
            Purge(installation=pk, tablet_id=tablet_id, ordered_at=at, ordered_by=str(by))
            for pk in installations.order_by("pk").values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )
    installations.update(purge_ordered_at=at, generation=F("generation") + 1)


def confirm(
    *, tablet_id: int, installation: UUID, held: dict[str, Any], left: dict[str, int], by: object, at: datetime
) -> Purge:
    """
    Keep what a tablet says of its erasing. It is confirmed once nothing is left; the first confirmation stands.

    The device may have been paired anew since it was told: who knows the installation's id holds it.

    :raises TabletNotFound: the installation is another agency's.
    """
    tablet = Tablet.objects.lock(tablet_id)
    ordered, _ = Purge.objects.select_related("tablet").get_or_create(
        installation=installation, defaults={"tablet": tablet, "ordered_at": at, "ordered_by": str(by)}
    )
    if ordered.tablet.agency_id != tablet.agency_id:
        raise refusals.TabletNotFound(tablet=tablet.pk)
    if ordered.confirmed_at is not None:
        return ordered
    ordered.told_at = ordered.told_at or at
    ordered.held, ordered.left = held, left
    if not any(count for what, count in left.items() if what != _NOT_KEPT):
        ordered.confirmed_at = at
    ordered.save()
    record(
        "tablet.purged" if ordered.confirmed_at is not None else "tablet.purge_incomplete",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk, "installation": str(installation), "left": left},
        by=by,
        at=at,
    )
    return ordered


def _own(tablet_id: int, by: Actor) -> Tablet:
    tablet = Tablet.objects.filter(pk=tablet_id, agency=by.agency_id).first()
    if tablet is None:
        raise refusals.TabletNotFound(tablet=tablet_id)
    return tablet
