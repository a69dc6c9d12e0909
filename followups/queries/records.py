"""
Everything that is known of one person, for those who may read it: rows as they are, those that have ended too.

The doors of followups/reading.py are the only way here for people: they ask who may, and enter that somebody did.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Prefetch, Q

from followups.models import (
    Addendum,
    BreakGlass,
    CarePlan,
    CareReferral,
    Client,
    ClientCaution,
    ClientName,
    Consent,
    Contact,
    ContactWay,
    Disclosure,
    FollowUp,
    Merge,
    Met,
    Plan,
    Strategy,
    StrategyKind,
)

# A record of disclosures is owed for so long (42 CFR 2.25(a)); it is kept for longer.
_ACCOUNTED_FOR = timedelta(days=3 * 365 + 1)
_PARTS_OF_A_DAY = ((6, "NIGHT"), (12, "MORNING"), (18, "AFTERNOON"), (24, "EVENING"))


@dataclass(frozen=True, slots=True)
class Record:
    """
    One person's record, with what was said of those that were merged into it. Newest first, but for what has an order of its
    own: names (the primary one first), strategies (as they are tried).
    """

    client: Client
    absorbed: list[Client]
    names: list[ClientName]
    ways: list[ContactWay]
    strategies: list[Strategy]
    cautions: list[ClientCaution]
    care_plans: list[CarePlan]
    # Each with its call.
    contacts: list[Contact]
    # Each with its report, its unit and author, and the addenda of the report.
    met: list[Met]
    plans: list[Plan]
    # Each with its attempts and moves.
    follow_ups: list[FollowUp]
    # Each with its steps.
    care_referrals: list[CareReferral]
    consents: list[Consent]
    disclosures: list[Disclosure]
    break_glass: list[BreakGlass]
    merges: list[Merge]

    @property
    def name(self) -> str:
        """
        Return the name by which somebody is known, if there is one.
        """
        return self.names[0].text if self.names and self.names[0].primary else ""


class Often(NamedTuple):
    """
    Something, and how many times it was so.
    """

    what: str
    times: int


class Told(NamedTuple):
    """
    A record that was also another's, from one instant to before another.
    """

    client_id: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Pattern:
    """
    What a familiar face's contacts have in common: ``where`` addresses, ``when`` weekdays (1 is Monday) and parts of the day
    as ``5 EVENING`` in the agency's zone, ``helped`` strategies that help, in order, and ``outcomes`` codes of reports.
    """

    contacts: int
    first_at: datetime | None
    last_at: datetime | None
    where: list[Often]
    when: list[Often]
    helped: list[str]
    outcomes: list[Often]


def record_of(client: Client, *, ids: Sequence[int]) -> Record:
    """
    Return everything that is known of somebody; ``ids`` are those of the record and of what was merged into it.
    """
    met = Met.objects.filter(client__in=ids, encounter__signed_at__isnull=False)
    return Record(
        client=client,
        absorbed=list(Client.objects.filter(pk__in=ids).exclude(pk=client.pk).order_by("pk")),
        names=list(ClientName.objects.filter(client=client).order_by("-primary", "pk")),
        ways=list(ContactWay.objects.filter(client__in=ids).order_by("-pk")),
        strategies=list(Strategy.objects.filter(client__in=ids).order_by("kind", "position", "pk")),
        cautions=list(ClientCaution.objects.filter(client__in=ids).order_by("-pk")),
        care_plans=list(CarePlan.objects.filter(client__in=ids).select_related("author", "approver").order_by("-pk")),
        contacts=list(
            Contact.objects.filter(client__in=ids).select_related("call", "call__type").order_by("-at", "-pk")
        ),
        met=list(
            met.select_related("encounter", "encounter__unit", "encounter__author")
            .prefetch_related(Prefetch("encounter__addenda", Addendum.objects.order_by("pk")))
            .order_by("-encounter__opened_at", "-pk")
        ),
        plans=list(Plan.objects.filter(client__in=ids).select_related("assignee").order_by("-pk")),
        follow_ups=list(
            FollowUp.objects.filter(client__in=ids)
            .select_related("assignee", "unit")
            .prefetch_related("attempts", "moves")
            .order_by("-due_at", "-pk")
        ),
        care_referrals=list(CareReferral.objects.filter(client__in=ids).prefetch_related("steps").order_by("-pk")),
        consents=list(Consent.objects.filter(client__in=ids).order_by("-pk")),
        disclosures=list(Disclosure.objects.filter(disclosed(ids)).select_related("by").order_by("-pk")),
        break_glass=list(
            BreakGlass.objects.filter(client__in=ids).select_related("person", "seen_by").order_by("-pk")
        ),
        merges=list(Merge.objects.filter(kept=client).order_by("-pk")),
    )


def accounting_of(ids: Sequence[int], *, at: datetime) -> list[Disclosure]:
    """
    Return what went out of a record in the three years before now, newest first (42 CFR 2.25); of one that was taken out of
    another, what went out of both while they were one.
    """
    rows = Disclosure.objects.filter(disclosed(ids), at__gt=at - _ACCOUNTED_FOR)
    return list(rows.select_related("by", "consent").order_by("-at", "-pk"))


def told_as(ids: Sequence[int]) -> list[Told]:
    """
    Return under which other records something of these was told for a time: merges that were taken back, those of the record
    that was kept too.
    """
    found: list[Told] = []
    looked_at = [Told(pk, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) for pk in ids]
    while looked_at:
        undone = Merge.objects.filter(absorbed__in=[one.client_id for one in looked_at], unmerged_at__isnull=False)
        looked_at = [
            Told(row.kept_id, max(one.since, row.merged_at), min(one.until, row.unmerged_at))
            for row in undone
            for one in looked_at
            if row.unmerged_at is not None
            and row.absorbed_id == one.client_id
            and max(one.since, row.merged_at) < min(one.until, row.unmerged_at)
        ]
        found += looked_at
    return found


def disclosed(ids: Sequence[int]) -> Q:
    """
    Return by which rows of ``Disclosure`` something of these records went out.
    """
    rows = Q(client__in=ids)
    for one in told_as(ids):
        rows |= Q(client=one.client_id, at__gte=one.since, at__lt=one.until)
    return rows


def pattern_of(client: Client, *, ids: Sequence[int], since: datetime) -> Pattern:
    """
    Return what the contacts with somebody since then have in common.
    """
    contacts = list(
        Contact.objects.filter(client__in=ids, ended_at=None, at__gte=since)
        .select_related("call")
        .order_by("at", "pk")
    )
    zone = client.agency.zone
    when = Counter[str]()
    for contact in contacts:
        local = contact.call.received_at.astimezone(zone)
        part = next(name for until, name in _PARTS_OF_A_DAY if local.hour < until)
        when[f"{local.isoweekday()} {part}"] += 1
    helps = Strategy.objects.filter(client__in=ids, kind=StrategyKind.HELPS, ended_at=None).order_by("position", "pk")
    outcomes = Counter[str]()
    for met in Met.objects.filter(client__in=ids, encounter__opened_at__gte=since):
        outcomes.update(met.body.get("outcomes", []))
    return Pattern(
        contacts=len(contacts),
        first_at=contacts[0].at if contacts else None,
        last_at=contacts[-1].at if contacts else None,
        where=_often(Counter(contact.call.address for contact in contacts)),
        when=_often(when),
        helped=[row.text for row in helps],
        outcomes=_often(outcomes),
    )


def _often(counted: Counter[str]) -> list[Often]:
    # By count, then by name: the same contacts always make the same list.
    return [Often(what, times) for what, times in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]
