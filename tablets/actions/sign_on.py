"""
Signing on at a tablet.
"""

from datetime import datetime, timedelta

from journal.record import record
from responders import refusals as responder_refusals
from responders import rules as unit_rules
from responders.actions import shifts
from responders.actors import Actor
from responders.models import LockedUnit, Person, Shift, Unit
from tablets import refusals
from tablets.actions.sign_off import end_at
from tablets.models import LockedTablet, SignOn, Tablet

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
    person, unit, tablet = _lock(tablet_id, person_id)

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


def sign_on_without_signal(
    *,
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
    person: int | None = None,
    planned_end_at: datetime | None = None,
) -> SignOn:
    """
    Sign a person on who unlocked a tablet without signal, as of ``happened_at``.

    Who they are was shown by a PIN, which opens only what a proper sign-on at this very tablet left there. So it stands on
    that one: it lasts as long and no longer, and only while the person's access is what it was then.

    It joins the shift that the person has, or had at that moment. Otherwise it starts one at ``happened_at``: whoever
    signed on properly within the lease was let on shift by the server that day, and a crew that changes in a basement
    works from then on. It starts none for somebody who has been on shift elsewhere since.

    :raises NotSignedOn: the action is not of the person whom it signs on.
    :raises SignOnLapsed: no proper sign-on of this person here lasts until then, or their access has changed since.
    :raises TabletInUse: somebody else is signed on here and was not signed off before.
    :raises OnAnotherUnit: the person was or is on shift on another unit.
    :raises Refusal: as ``sign_on``.
    """
    if by.tablet_id is None or by.person_id is None or person not in (None, by.person_id):
        raise refusals.NotSignedOn
    when = at if happened_at is None else min(happened_at, at)
    somebody, unit, tablet = _lock(by.tablet_id, by.person_id)
    of_this_person = SignOn.objects.filter(tablet=tablet, shift__person=somebody)
    proper = (
        of_this_person.filter(started_at__lte=when, expires_at__gt=when, access_epoch=somebody.access_epoch)
        .order_by("-expires_at", "pk")
        .first()
    )
    if proper is None:
        raise refusals.SignOnLapsed

    until = _make_room(tablet, somebody, when=when)
    shift = _shift_at(somebody, unit, planned_end_at=planned_end_at, by=by, when=when)
    ends = [moment for moment in (until, shift.ended_at) if moment is not None]
    if proper.expires_at <= at:
        ends.append(proper.expires_at)
    signed_on = SignOn.objects.create(
        tablet=tablet,
        shift=shift,
        started_at=when,
        expires_at=proper.expires_at,
        access_epoch=proper.access_epoch,
        ended_at=min(ends, default=None),
    )
    record(
        "tablet.signed_on",
        agency_id=tablet.agency_id,
        about=f"tablet.{tablet.pk}",
        data={
            "tablet": tablet.pk,
            "person": somebody.pk,
            "shift": shift.pk,
            "unit": unit.pk,
            "without_signal": True,
            "stands_on": proper.pk,
        },
        by=by,
        at=when,
    )
    return signed_on


def _lock(tablet_id: int, person_id: int) -> tuple[Person, LockedUnit, LockedTablet]:
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
    return person, unit, tablet


def _make_room(tablet: LockedTablet, person: Person, *, when: datetime) -> datetime | None:
    """
    End the open sign-on that one from ``when`` on takes the place of; return when the same person's later one begins.
    """
    here = SignOn.objects.select_related("shift").filter(tablet=tablet, ended_at=None).first()
    if here is None:
        return None
    if here.shift.person_id == person.pk and here.started_at > when:
        return here.started_at
    over = here.expires_at if here.shift.ended_at is None else min(here.expires_at, here.shift.ended_at)
    if here.shift.person_id != person.pk and over > when:
        raise refusals.TabletInUse(since=here.started_at)
    end_at(tablet, at=min(over, when))
    return None


def _shift_at(
    person: Person, unit: LockedUnit, *, planned_end_at: datetime | None, by: Actor, when: datetime
) -> Shift:
    """
    Return the shift that a sign-on at a past moment belongs to, a new one where there is none.
    """
    # The open one, whenever it began: a partner's tablet may have been heard first.
    shift = Shift.objects.filter(person=person, ended_at=None).first()
    if shift is None:
        shift = Shift.objects.filter(person=person, ended_at__gt=when).order_by("started_at").first()
        if shift is not None and shift.started_at > when:
            # They have been on shift and off again since: when the one before would have ended, nobody can say.
            raise refusals.SignOnLapsed
    if shift is None:
        planned = planned_end_at or when + PLANNED
        return shifts.start(person_id=person.pk, unit_id=unit.pk, planned_end_at=planned, by=by, at=when)
    if shift.unit_id != unit.pk:
        raise refusals.OnAnotherUnit(unit=shift.unit_id, since=shift.started_at)
    return shift
