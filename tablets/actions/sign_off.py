"""
Signing off at a tablet. Ending the shift is another thing: dispatch does that, because it knows what is open.
"""

from datetime import datetime

from journal.record import record
from tablets import refusals
from tablets.models import LockedTablet, SignOn, Tablet


def sign_off(*, tablet_id: int, by: object, at: datetime) -> None:
    """
    Sign off whoever is signed on at a tablet; their shift goes on, and the tablet hears nothing any more.

    :raises NotSignedOn: nobody is.
    """
    tablet = Tablet.objects.lock(tablet_id)
    if not end_at(tablet, at=at):
        raise refusals.NotSignedOn
    record(
        "tablet.signed_off",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk},
        by=by,
        at=at,
    )


def end_sign_ons(*, shift_id: int, at: datetime) -> int:
    """
    End every sign-on of a shift that ends, and return how many there were. The caller records why.
    """
    tablets = sorted(SignOn.objects.filter(shift=shift_id, ended_at=None).values_list("tablet_id", flat=True))
    return sum(end_at(Tablet.objects.lock(tablet_id), at=at) for tablet_id in tablets)


def end_at(tablet: LockedTablet, *, at: datetime) -> int:
    """
    End the open sign-on of a locked tablet, if there is one, and return how many there were.
    """
    return SignOn.objects.filter(tablet=tablet, ended_at=None).update(ended_at=at)
