"""
Signing on at a tablet.
"""

from datetime import datetime, timedelta

from journal.record import record
from responders import refusals as responder_refusals
from responders import rules as unit_rules
from responders.actions import shifts
from responders.models import Person, Shift, Unit
from tablets import refusals
from tablets.actions.sign_off import end_at
from tablets.models import SignOn, Tablet

# CJIS IA-5 j-10: who somebody is, is asked again after twelve hours at the latest.
LIFE = timedelta(hours=12)
PLANNED = timedelta(hours=10)


def sign_on(
    *, tablet_id: int, person_id: int, by: object, at: datetime, planned_end_at: datetime | None = None
) -> SignOn:
    """
    Sign a person on at a tablet, and start their shift on its unit unless they are on it already.

    The same person again begins a new sign-on in the place of the old one. ``planned_end_at`` is for a shift that starts
    now, ten hours from ``at`` unless it is given. That the person is who they say was shown to the caller.

    :raises TabletInUse: somebody else is signed on here.
    :raises OnAnotherUnit: the person is on shift on another unit than the tablet's.
    :raises Refusal: the tablet was revoked; the person is no responder; the planned end is wrong; the unit is not in use.
    """
    unit_id = Tablet.objects.values_list("unit_id", flat=True).filter(pk=tablet_id).first()
    if unit_id is None:
        raise refusals.TabletNotFound(tablet=tablet_id)
    # Person, unit, tablet: the order of docs/locking.md, and the first two as shifts.start takes them.
    try:
        person = Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person_id)
    except Person.DoesNotExist:
        raise responder_refusals.PersonNotFound(person=person_id) from None
    unit = Unit.objects.lock(unit_id)
    tablet = Tablet.objects.lock(tablet_id)
    if tablet.revoked_at is not None:
        raise refusals.TabletRevoked(purge=True)
    unit_rules.check_may_go_on_shift(person, unit)

    here = SignOn.objects.select_related("shift").filter(tablet=tablet, ended_at=None).first()
    if here is not None:
        still_on = here.shift.ended_at is None and here.expires_at > at
        if still_on and here.shift.person_id != person.pk:
            raise refusals.TabletInUse(since=here.started_at)
        end_at(tablet, at=at)
    shift = Shift.objects.open().filter(person=person).first()
    if shift is None:
        shift = shifts.start(
            person_id=person.pk, unit_id=unit.pk, planned_end_at=planned_end_at or at + PLANNED, by=by, at=at
        )
    elif shift.unit_id != unit.pk:
        raise refusals.OnAnotherUnit(unit=shift.unit_id, since=shift.started_at)
    signed_on = SignOn.objects.create(
        tablet=tablet, shift=shift, started_at=at, expires_at=at + LIFE, access_epoch=person.access_epoch
    )
    record(
        "tablet.signed_on",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={"tablet": tablet.pk, "person": person.pk, "shift": shift.pk, "unit": unit.pk},
        by=by,
        at=at,
    )
    return signed_on
