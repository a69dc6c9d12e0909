"""
What helps and what to avoid, what to expect, and the plan for meeting somebody.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import Max

from dispatch.actions import cautions
from dispatch.intake_refusals import CautionEnded, CautionNotFound
from followups.actions.clients import part_of, standing
from followups.models import CarePlan, ClientCaution, LockedClient, Strategy
from followups.refusals import clients as refusals
from journal.record import record
from responders.actors import Actor
from responders.models import Agency

# As dispatch has it: what nobody looks at again is a rumour.
LONGEST = cautions.LONGEST


def add_strategy(
    *, client_id: int, kind: str, text: str, by: Actor, at: datetime, happened_at: datetime | None = None
) -> Strategy:
    """
    Add one thing to know before one meets somebody, behind those of its kind.

    :raises ClientNotFound: there is none in this agency.
    """
    client = standing(client_id, agency_id=by.agency_id)
    last = client.strategies.filter(kind=kind, ended_at=None).aggregate(last=Max("position"))["last"]
    row = Strategy.objects.create(
        client=client,
        kind=kind,
        position=0 if last is None else last + 1,
        text=text,
        added_at=at,
        added_by=str(by),
    )
    _enter("client.add_strategy", row, by=by, at=at, strategy=row.pk, strategy_kind=kind)
    return row


def end_strategy(*, strategy_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Strategy:
    """
    Say that something no longer helps, or no longer holds. The row stays.

    :raises ClientPartNotFound: there is no such strategy in this agency.
    :raises ClientPartEnded: it has ended.
    """
    row: Strategy = part_of(Strategy, strategy_id, by=by)
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _enter("client.end_strategy", row, by=by, at=at, strategy=row.pk)
    return row


def order_strategies(
    *,
    client_id: int,
    kind: str,
    strategies: Sequence[int],
    by: Actor,
    at: datetime,
    happened_at: datetime | None = None,
) -> list[Strategy]:
    """
    Put the strategies of one kind into the order in which to try them; all of them are named.

    :raises StrategiesDiffer: others stand there by now.
    """
    client = standing(client_id, agency_id=by.agency_id)
    rows = {row.pk: row for row in client.strategies.filter(kind=kind, ended_at=None)}
    if sorted(rows) != sorted(strategies):
        raise refusals.StrategiesDiffer
    for position, strategy_id in enumerate(strategies):
        if rows[strategy_id].position != position:
            rows[strategy_id].position = position
            rows[strategy_id].save(update_fields=["position"])
    record(
        "client.order_strategies",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        data={"strategy_kind": kind, "strategies": list(strategies)},
        by=by,
        at=at,
    )
    return [rows[strategy_id] for strategy_id in strategies]


def put_caution(
    *, client: LockedClient, text: str, seen_on: date, expires_at: datetime, by: object, at: datetime
) -> ClientCaution:
    """
    Keep what a crew should expect: a behaviour, the day on which it was seen, and when the warning ends.

    Dispatch is told seconds later, by a sweep (followups/actions/telling.py): its caution touches open calls, which are locked
    before people are.

    :raises CautionTooLong: it would end before now, or after more than a year.
    """
    if not at < expires_at <= at + LONGEST:
        raise refusals.CautionTooLong
    return ClientCaution.objects.create(
        client=client, text=text, seen_on=seen_on, expires_at=expires_at, added_at=at, added_by=str(by)
    )


def add_caution(
    *,
    client_id: int,
    text: str,
    days: int,
    by: Actor,
    at: datetime,
    seen_on: date | None = None,
    happened_at: datetime | None = None,
) -> ClientCaution:
    """
    Add a caution for so many days; seen today unless another day is named.

    :raises ClientNotFound: there is none in this agency.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    :raises CautionTooLong: it would last for more than a year.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    client = standing(client_id, agency_id=by.agency_id)
    row = put_caution(
        client=client,
        text=text,
        seen_on=seen_on or _today(by.agency_id, at),
        expires_at=at + timedelta(days=days),
        by=by,
        at=at,
    )
    _enter("client.add_caution", row, by=by, at=at, caution=row.pk, expires_at=row.expires_at)
    return row


def end_caution(*, caution_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> ClientCaution:
    """
    End a caution now, at dispatch too. The row stays.

    :raises ClientPartNotFound: there is no such caution in this agency.
    :raises ClientPartEnded: it has ended.
    """
    # Dispatch's first: it locks the calls that show it, which come before people.
    told = ClientCaution.objects.filter(pk=caution_id, client__agency=by.agency_id).values_list(
        "caution_id", flat=True
    )
    dispatch_id = told.first()
    if dispatch_id is not None:
        _end_at_dispatch(dispatch_id, by=by, at=at)
    row: ClientCaution = part_of(ClientCaution, caution_id, by=by)
    # Where dispatch was told of it between the two looks, the sweep takes it back there.
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _enter("client.end_caution", row, by=by, at=at, caution=row.pk)
    return row


# --- care plans ----------------------------------------------------------------------------------------------------------


def write_care_plan(
    *, client_id: int, text: str, review_on: date, by: Actor, at: datetime, happened_at: datetime | None = None
) -> CarePlan:
    """
    Write a plan for meeting somebody. It is in force when a second person approved it.

    :raises PersonNeeded: the actor is nobody who could answer for it.
    :raises ReviewInThePast: it would be reviewed today or earlier, or later than after a year.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    today = _today(by.agency_id, at)
    if not today < review_on <= today + LONGEST:
        raise refusals.ReviewInThePast
    client = standing(client_id, agency_id=by.agency_id)
    row = CarePlan.objects.create(client=client, text=text, author_id=by.person_id, written_at=at, review_on=review_on)
    _enter("care_plan.write", row, by=by, at=at, care_plan=row.pk, review_on=review_on)
    return row


def approve_care_plan(*, care_plan_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> CarePlan:
    """
    Put a care plan into force; the one before it ends.

    :raises OwnCarePlan: the actor wrote it.
    :raises ClientPartNotFound: there is no such care plan in this agency.
    :raises ClientPartEnded: it has ended.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    row: CarePlan = part_of(CarePlan, care_plan_id, by=by)
    if row.author_id == by.person_id:
        raise refusals.OwnCarePlan
    if row.approved_at is not None:
        return row
    before = CarePlan.objects.filter(client=row.client_id, approved_at__isnull=False, ended_at=None)
    before.update(ended_at=at)
    row.approver_id, row.approved_at = by.person_id, at
    row.save(update_fields=["approver", "approved_at"])
    _enter("care_plan.approve", row, by=by, at=at, care_plan=row.pk)
    return row


def end_care_plan(*, care_plan_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> CarePlan:
    """
    Take a care plan out of force, or a draft away. The row stays.

    :raises ClientPartNotFound: there is no such care plan in this agency.
    :raises ClientPartEnded: it has ended.
    """
    row: CarePlan = part_of(CarePlan, care_plan_id, by=by)
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _enter("care_plan.end", row, by=by, at=at, care_plan=row.pk)
    return row


def _end_at_dispatch(caution_id: int, *, by: Actor, at: datetime) -> None:
    try:
        cautions.end(caution_id=caution_id, by=by, at=at)
    except (CautionEnded, CautionNotFound):
        return


def _today(agency_id: int, at: datetime) -> date:
    return at.astimezone(Agency.objects.get(pk=agency_id).zone).date()


def _enter(kind: str, row: Strategy | ClientCaution | CarePlan, *, by: Actor, at: datetime, **data: object) -> None:
    record(kind, agency_id=by.agency_id, about=f"client.{row.client_id}", data=data, by=by, at=at)
