"""
What a crew says of itself: available, at a meal, writing a report, out of service.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from journal.record import record
from responders import refusals, rules
from responders.actors import Actor
from responders.models import Duty, Shift, Unit


@dataclass(frozen=True, slots=True)
class DutySet:
    """
    What a unit's duty is now; ``superseded`` when a later word had come first, or another crew has the unit, and stays.
    """

    unit: Unit
    superseded: bool
    flags: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """
        Return the answer as the receipt keeps it.
        """
        return {
            "unit": self.unit.pk,
            "duty": self.unit.duty,
            "since": self.unit.duty_since,
            "superseded": self.superseded,
            "flags": self.flags,
        }


def set_duty(
    *,
    duty: Duty | str,
    reason: str = "",
    unit: int | None = None,
    asked_by: str = "",
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
) -> DutySet:
    """
    Note a crew's duty. It is a fact: whatever the unit is doing, it is taken down.

    One that was said offline and comes after a later one changes nothing but the journal (flag ``out_of_order``). What was
    said after the shift of who says it was over is flagged ``late_scope``, and says nothing of a crew that came after.

    :raises Refusal: the actor may not speak for this unit, or the desk did not say who asked on the radio.
    :raises UnitIsOutside: the unit has no crew here.
    """
    row = Unit.objects.lock(rules.unit_acted_for(by, unit, asked_by))
    rules.check_may_act_for(row, by=by, asked_by=asked_by)
    if row.outside:
        raise refusals.UnitIsOutside(unit=row.pk, call_sign=row.call_sign)

    # A device's clock may run ahead: nothing happened later than now.
    since = min(happened_at or at, at)
    flags: list[str] = []
    superseded = row.duty_since is not None and since < row.duty_since
    if superseded:
        flags.append("out_of_order")
    if happened_at is not None and Shift.objects.filter(pk=by.shift_id or 0, ended_at__lt=since).exists():
        flags.append("late_scope")
        superseded = superseded or rules.crew_size(row) > 0
    new = (str(Duty(duty)), reason if duty != Duty.AVAILABLE else "")
    if not superseded and new != (row.duty, row.duty_reason):
        row.duty, row.duty_reason = new
        row.duty_since = since
        row.save(update_fields=["duty", "duty_reason", "duty_since"])

    # The reason is in the crew's own words: it stays on the unit, and out of the record that is kept for good.
    record(
        "unit.duty",
        agency_id=row.agency_id,
        about=f"unit.{row.pk}",
        data={
            "unit": row.pk,
            "duty": new[0],
            "since": since,
            "superseded": superseded,
            "by_radio": rules.radio(by, asked_by),
            **({"flags": flags} if flags else {}),
        },
        by=by,
        at=at,
    )
    return DutySet(row, superseded, flags)
