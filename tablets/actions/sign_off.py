"""
Signing off at a tablet. Ending the shift is another thing: dispatch does that, because it knows what is open.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Value
from django.db.models.functions import Greatest

from journal.record import record
from responders.actors import Actor
from responders.models import Shift
from tablets import refusals
from tablets.models import LockedTablet, SignOn, Tablet


@dataclass(frozen=True, slots=True)
class SignedOff:
    """
    A tablet after somebody has signed off at it, and what did not fit about that.
    """

    tablet: Tablet
    flags: list[str] = field(default_factory=list)


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


def sign_off_as_told(*, by: Actor, at: datetime, happened_at: datetime | None = None) -> SignedOff:
    """
    Note that a person signed off at their tablet at ``happened_at``. A fact: it happened, whatever was done here since.

    Only their own sign-on ends, and only one that had begun by then. The shift goes on.

    :raises TabletAnswersOnly: it does not come from a tablet at which somebody was signed on.
    """
    if by.tablet_id is None or by.person_id is None:
        raise refusals.TabletAnswersOnly
    when = at if happened_at is None else min(happened_at, at)
    tablet = Tablet.objects.lock(by.tablet_id)
    open_ones = SignOn.objects.filter(tablet=tablet, ended_at=None, shift__person=by.person_id, started_at__lte=when)
    open_ones.update(ended_at=when)
    was_over = by.shift_id is not None and Shift.objects.filter(pk=by.shift_id, ended_at__lt=when).exists()
    flags = ["late_scope"] if was_over else []
    record(
        "tablet.signed_off",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk, "person": by.person_id, **({"flags": flags} if flags else {})},
        by=by,
        at=when,
    )
    return SignedOff(tablet, flags)


def end_sign_ons(*, shift_id: int, at: datetime) -> int:
    """
    End every sign-on of a shift that ends, and return how many there were. The caller records why.
    """
    tablets = sorted(SignOn.objects.filter(shift=shift_id, ended_at=None).values_list("tablet_id", flat=True))
    return sum(end_at(Tablet.objects.lock(tablet_id), at=at) for tablet_id in tablets)


def end_at(tablet: LockedTablet, *, at: datetime) -> int:
    """
    End the open sign-on of a locked tablet, if there is one, and return how many there were. None ends before it began.
    """
    return SignOn.objects.filter(tablet=tablet, ended_at=None).update(ended_at=Greatest(F("started_at"), Value(at)))
