"""
Referrals of people to services, and what became of them.
"""

from collections.abc import Collection
from datetime import date, datetime

from followups.actions import clients
from followups.models import (
    CareReferral,
    CareReferralState,
    CareReferralStep,
    Encounter,
    LockedClient,
    ServiceAtLocation,
)
from followups.refusals import care_referrals as refusals
from followups.rules.care_referrals import may_follow
from journal.record import record
from responders.actors import Actor
from responders.models import Agency
from responders.queries import day_of


def refer(
    *,
    encounter: Encounter,
    client: LockedClient,
    position: int,
    resource_id: int | None,
    to: str,
    need: str,
    warm: bool,
    declined: bool,
    by: Actor,
    at: datetime,
) -> None:
    """
    Keep a referral that a report made, once for each of its places. Signed again, it is what the report says now, as long as
    nothing was heard of it; what became of it since stays.

    A report is a fact: a line of the directory that is gone since, or another agency's, refuses nothing.
    """
    row = CareReferral.objects.filter(encounter=encounter, client=client, position=position).first()
    if row is None:
        row = CareReferral(encounter=encounter, client=client, position=position, made_at=at, made_by_id=by.person_id)
    elif row.steps.exists():
        return
    place = _place(resource_id, agency_id=client.agency_id)
    # A line that has left the directory since keeps the name under which it was known.
    gone = place is None and resource_id is not None and row.resource == str(resource_id)
    row.to = to.strip() or _named(place) or (row.to if gone else f"Resource {resource_id}")
    if not gone:
        row.resource = "" if place is None else str(place.pk)
    row.need, row.warm_handover = need, warm
    row.state = CareReferralState.DECLINED if declined else CareReferralState.MADE
    row.save()


def withdraw(*, encounter: Encounter, clients: Collection[int], still: Collection[tuple[int, int]]) -> None:
    """
    Take out what a report referred these people to before and refers them to no longer; ``still`` are the people and places
    that it names. The records are locked. Of what something was heard, a service knows: it stays.
    """
    rows = CareReferral.objects.filter(encounter=encounter, client__in=clients, position__isnull=False, steps=None)
    for row in rows.order_by("pk"):
        if (row.client_id, row.position) not in still:
            row.delete()


def make(
    *,
    client_id: int,
    by: Actor,
    at: datetime,
    to: str = "",
    resource_id: int | None = None,
    need: str = "",
    warm: bool = False,
) -> CareReferral:
    """
    Refer somebody to a service, which is named in words, by a line of the directory, or by both.

    :raises ClientNotFound: there is none in this agency.
    :raises CareReferralNowhere: nobody said where to, or there is no such line.
    """
    client = clients.standing(client_id, agency_id=by.agency_id)
    place = _place(resource_id, agency_id=by.agency_id)
    named = to.strip() or _named(place)
    if not named or (resource_id is not None and place is None):
        raise refusals.CareReferralNowhere
    referral = CareReferral.objects.create(
        client=client,
        to=named,
        resource="" if place is None else str(place.pk),
        need=need,
        warm_handover=warm,
        made_at=at,
        made_by_id=by.person_id,
    )
    _enter("care_referral.make", referral, by=by, at=at)
    return referral


def tell(
    *,
    care_referral_id: int,
    state: str,
    by: Actor,
    at: datetime,
    said_by: str,
    on: date | None = None,
    note: str = "",
    warm: bool | None = None,
) -> CareReferral:
    """
    Keep what was heard of a referral: what, on which day (today in the agency's zone, where it is not said), and who said so.
    ``warm``: whether somebody went along or was there when they were received, where that is known now.

    :raises CareReferralNotFound: there is none in this agency.
    :raises CareReferralStepImpossible: it cannot come after what is known.
    :raises CareReferralDayWrong: the day lies before the referral, or in the future.
    """
    # The person's lock comes first; who they are now, after a merge, is looked up before it.
    found = CareReferral.objects.filter(pk=care_referral_id, client__agency=by.agency_id).first()
    if found is None:
        raise refusals.CareReferralNotFound
    client = clients.standing(found.client_id, agency_id=by.agency_id)
    referral = CareReferral.objects.select_for_update(no_key=True).get(pk=care_referral_id)
    if not may_follow(referral.state, state):
        raise refusals.CareReferralStepImpossible(state=referral.state)
    agency = Agency.objects.get(pk=by.agency_id)
    made_on, today = day_of(agency, referral.made_at), day_of(agency, at)
    day = on or today
    if not made_on <= day <= today:
        raise refusals.CareReferralDayWrong(made_on=made_on, today=today)
    CareReferralStep.objects.create(
        referral=referral, client=client, state=state, on=day, said_by=said_by, note=note, at=at, by=str(by)
    )
    referral.state = CareReferralState(state)
    if warm is not None:
        referral.warm_handover = warm
    referral.save(update_fields=["state", "warm_handover"])
    _enter("care_referral.tell", referral, by=by, at=at)
    return referral


def _place(resource_id: int | None, *, agency_id: int) -> ServiceAtLocation | None:
    if resource_id is None:
        return None
    places = ServiceAtLocation.objects.select_related("service__organization")
    return places.filter(pk=resource_id, source__agency=agency_id).first()


def _named(place: ServiceAtLocation | None) -> str:
    if place is None:
        return ""
    service, organization = place.service, place.service.organization
    return (
        service.name
        if organization is None or organization.name == service.name
        else f"{service.name}, {organization.name}"
    )


def _enter(kind: str, referral: CareReferral, *, by: Actor, at: datetime) -> None:
    # Where to and what for is nobody's who reads the journal.
    record(
        kind,
        agency_id=by.agency_id,
        about=f"client.{referral.client_id}",
        data={"care_referral": referral.pk, "state": referral.state},
        by=by,
        at=at,
    )
