"""
Units: which areas they cover, which belong to others, which are no longer used.
"""

from collections.abc import Iterable
from datetime import datetime

from journal.record import record
from responders import refusals, rules
from responders.models import Agency, ServiceArea, Unit


def name_outside(*, agency_id: int, call_sign: str, by: object, at: datetime) -> Unit:
    """
    Return the outside unit of this call sign, new if it was never named: Health One, a crisis team, a neighbouring city.

    It has no tablet and no crew here and is only attached to a call by name.

    :raises CallSignTaken: one of the agency's own units has the call sign.
    """
    # The agency's row keeps apart two desks that name the same unit for the first time.
    Agency.objects.select_for_update(no_key=True).get(pk=agency_id)
    unit, is_new = Unit.objects.get_or_create(agency_id=agency_id, call_sign=call_sign, defaults={"outside": True})
    if not unit.outside:
        raise refusals.CallSignTaken(call_sign=call_sign)
    if is_new or unit.retired_at is not None:
        unit.retired_at = None
        unit.save(update_fields=["retired_at"])
        record(
            "unit.named_outside", agency_id=agency_id, about=f"unit.{unit.pk}", data={"unit": unit.pk}, by=by, at=at
        )
    return unit


def cover(*, unit_id: int, area_ids: Iterable[int], by: object, at: datetime) -> Unit:
    """
    Make these the areas whose boards a unit sees, and no others.

    :raises AreaNotFound: one of them is not an area of the unit's agency.
    """
    unit = Unit.objects.lock(unit_id)
    wanted = sorted(set(area_ids))
    found = set(ServiceArea.objects.filter(agency=unit.agency_id, pk__in=wanted).values_list("pk", flat=True))
    for area_id in wanted:
        if area_id not in found:
            raise refusals.AreaNotFound(area=area_id)
    unit.areas.set(wanted)
    record(
        "unit.areas_set",
        agency_id=unit.agency_id,
        about=f"unit.{unit.pk}",
        data={"unit": unit.pk, "areas": wanted},
        by=by,
        at=at,
    )
    return unit


def retire(*, unit_id: int, by: object, at: datetime) -> Unit:
    """
    Take a unit out of use for good. Its past stays.

    :raises UnitRetired: it is already.
    :raises UnitHasCrew: somebody is on shift on it.
    """
    unit = Unit.objects.lock(unit_id)
    if unit.retired_at is not None:
        raise refusals.UnitRetired(unit=unit.pk, call_sign=unit.call_sign)
    crew = rules.crew_size(unit)
    if crew:
        raise refusals.UnitHasCrew(unit=unit.pk, call_sign=unit.call_sign, crew=crew)
    unit.retired_at = at
    unit.save(update_fields=["retired_at"])
    record("unit.retired", agency_id=unit.agency_id, about=f"unit.{unit.pk}", data={"unit": unit.pk}, by=by, at=at)
    return unit
