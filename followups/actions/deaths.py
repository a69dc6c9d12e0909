"""
Somebody died: one says it, a second one confirms it, and everything that was planned stops.
"""

from datetime import datetime

from followups.actions import plans
from followups.actions.clients import say_deceased_of, standing
from followups.models import Client
from followups.refusals import clients as refusals
from journal.record import record
from responders.actors import Actor


def say(*, client_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Client:
    """
    Say that somebody died. Who was first counts.

    :raises ClientNotFound: there is none in this agency.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    client = standing(client_id, agency_id=by.agency_id)
    say_deceased_of(client=client, person_id=by.person_id, by=by, at=at)
    return client


def confirm(*, client_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Client:
    """
    Confirm that somebody died: the plan is closed, no follow-up is due any more, nobody is reminded.

    :raises DeathNotSaid: nobody has said it.
    :raises DeathSaidBySame: the actor said it.
    :raises PersonNeeded: the actor is nobody who could answer for it.
    """
    if by.person_id is None:
        raise refusals.PersonNeeded
    client = standing(client_id, agency_id=by.agency_id)
    if client.deceased_said_at is None:
        raise refusals.DeathNotSaid
    if client.deceased_at is not None:
        return client
    if client.deceased_said_by_id == by.person_id:
        raise refusals.DeathSaidBySame
    client.deceased_at, client.deceased_by_id = at, by.person_id
    client.save(update_fields=["deceased_at", "deceased_by"])
    plans.after_death(client=client, by=by, at=at)
    record("client.confirm_deceased", agency_id=client.agency_id, about=f"client.{client.pk}", data={}, by=by, at=at)
    return client


def take_back(*, client_id: int, by: Actor, at: datetime, happened_at: datetime | None = None) -> Client:
    """
    Say that it was a mistake. What was closed stays closed: whoever knows better opens a plan anew.

    :raises DeathNotSaid: nobody has said it.
    """
    client = standing(client_id, agency_id=by.agency_id)
    if client.deceased_said_at is None:
        raise refusals.DeathNotSaid
    was_confirmed = client.deceased_at is not None
    client.deceased_said_at = client.deceased_at = None
    client.deceased_said_by_id = client.deceased_by_id = None
    client.save(update_fields=["deceased_said_at", "deceased_said_by", "deceased_at", "deceased_by"])
    record(
        "client.not_deceased",
        agency_id=client.agency_id,
        about=f"client.{client.pk}",
        data={"was_confirmed": was_confirmed},
        by=by,
        at=at,
    )
    return client
