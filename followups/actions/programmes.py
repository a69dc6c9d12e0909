"""
What an agency decides of care after the call: limits, and what a report offers to choose from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Max

from followups.models import Choice, Programme
from followups.refusals import programmes as refusals
from followups.rules import programmes as rules
from journal.record import record
from responders.actors import Actor

LIMITS: Final = (
    "steps",
    "visits_from",
    "visits_until",
    "plans_unasked",
    "first_attempt_risk_h",
    "escalate_h",
    "familiar_contacts",
    "familiar_days",
    "break_glass_h",
    "survey_least",
)


def of_agency(agency_id: int) -> Programme:
    """
    Return an agency's programme, locked; one with the product's figures where it has decided nothing yet.
    """
    Programme.objects.get_or_create(agency_id=agency_id)
    return Programme.objects.select_for_update(no_key=True, of=("self",)).get(agency=agency_id)


def decide(*, by: Actor, at: datetime, happened_at: datetime | None = None, **limits: Any) -> Programme:
    """
    Set limits of the actor's agency; those that are not named stay. Plans that there are keep their days and hours.

    :raises HoursInvalid: visits would end before they begin.
    :raises StepsInvalid: there is no step, or they are not days one after the other.
    """
    row = of_agency(by.agency_id)
    said = {name: value for name, value in limits.items() if name in LIMITS and value is not None}
    for name, value in said.items():
        setattr(row, name, value)
    rules.check_hours(visits_from=row.visits_from, visits_until=row.visits_until)
    rules.check_steps(row.steps)
    row.save()
    record(
        "programme.set",
        agency_id=row.agency_id,
        about=f"programme.{row.pk}",
        data={"limits": sorted(said)},
        by=by,
        at=at,
    )
    return row


def put_choice(
    *,
    field: str,
    code: str,
    by: Actor,
    at: datetime,
    label: str | None = None,
    position: int | None = None,
    risk: bool | None = None,
    substance_use: bool | None = None,
    retired: bool | None = None,
    new: bool = False,
    happened_at: datetime | None = None,
) -> Choice:
    """
    Offer a choice, or say something else of one that there is; what is not said stays. A code never changes its meaning: a
    choice is retired, never removed. One that is new, or brought back, comes last unless it is said where.

    :param new: there must be none with this code yet.
    :raises ChoiceNotOurs: it is a hold against somebody's will.
    :raises ChoiceTaken: it should be new, and is not.
    :raises ChoiceUnlabelled: it is new, and nothing is said of what it is called.
    """
    programme = of_agency(by.agency_id)
    row = Choice.objects.filter(agency=by.agency_id, field=field, code=code).first()
    if row is not None and new:
        raise refusals.ChoiceTaken(choice=code)
    if row is None:
        if label is None:
            raise refusals.ChoiceUnlabelled(choice=code)
        row = Choice(agency_id=by.agency_id, field=field, code=code, position=_last(by.agency_id, field))
    elif row.retired and retired is False:
        row.position = _last(by.agency_id, field)
    told = {"label": label, "position": position, "risk": risk, "substance_use": substance_use, "retired": retired}
    for name, value in told.items():
        if value is not None:
            setattr(row, name, value)
    rules.check_is_ours(code=row.code, label=row.label)
    row.save()
    record(
        "choice.put",
        agency_id=by.agency_id,
        about=f"programme.{programme.pk}",
        data={"field": field, "code": code, "retired": row.retired},
        by=by,
        at=at,
    )
    return row


def _last(agency_id: int, field: str) -> int:
    """
    Return the place behind everything that a field offers.
    """
    offered = Choice.objects.filter(agency=agency_id, field=field, retired=False)
    last: int | None = offered.aggregate(last=Max("position"))["last"]
    return 1 if last is None else min(last + 1, rules.MOST_POSITION)


def order_choices(
    *, field: str, codes: Sequence[str], by: Actor, at: datetime, happened_at: datetime | None = None
) -> list[Choice]:
    """
    Put all that a field offers into the order in which a report shows it; the first are the ones at hand.

    :raises ChoicesDiffer: something else is offered by now.
    """
    programme = of_agency(by.agency_id)
    rows = {row.code: row for row in Choice.objects.filter(agency=by.agency_id, field=field, retired=False)}
    rules.check_is_all(codes=codes, offered=rows)
    moved = []
    for position, code in enumerate(codes, start=1):
        if rows[code].position != position:
            rows[code].position = position
            moved.append(rows[code])
    Choice.objects.bulk_update(moved, ["position"])
    record(
        "choice.order",
        agency_id=by.agency_id,
        about=f"programme.{programme.pk}",
        data={"field": field, "codes": list(codes)},
        by=by,
        at=at,
    )
    return [rows[code] for code in codes]


def load(*, agency_id: int, choices: Iterable[Mapping[str, Any]], by: object, at: datetime) -> int:
    """
    Offer the choices that an agency has not heard of, and return how many. What it has set itself stays.
    """
    programme = of_agency(agency_id)
    known = set(Choice.objects.filter(agency=agency_id).values_list("field", "code"))
    new = [row for row in choices if (row["field"], row["code"]) not in known]
    for row in new:
        rules.check_is_ours(code=row["code"], label=row["label"])
    Choice.objects.bulk_create(Choice(agency_id=agency_id, **row) for row in new)
    if new:
        record(
            "choices.loaded",
            agency_id=agency_id,
            about=f"programme.{programme.pk}",
            data={"new": len(new)},
            by=by,
            at=at,
        )
    return len(new)
