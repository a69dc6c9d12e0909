"""
The kinds of action about the people met. Every answer is ids and states: what is known of somebody is read on its page.
"""

from collections.abc import Callable
from typing import Any

from rest_framework.serializers import Serializer

from followups.actions import break_glass, clients, deaths, knowledge, merges
from followups.actions.clients import Linked
from followups.models import (
    BreakGlass,
    CarePlan,
    Client,
    ClientCaution,
    Contact,
    ContactWay,
    Merge,
    Strategy,
)
from followups.serializers import clients as args
from followups.serializers.plans import ClientArgs
from journal.kinds import Kind, Nature


def _client(row: Client) -> dict[str, Any]:
    return {"client": row.pk, "known_as": row.known_as, "deceased": row.deceased_at is not None}


def _contact(row: Contact) -> dict[str, Any]:
    return {"contact": row.pk, "client": row.client_id, "call": row.call_id, "route": row.route}


def _linked(told: Linked) -> dict[str, Any]:
    return {**_contact(told.contact), "flags": told.flags}


def _way(row: ContactWay) -> dict[str, Any]:
    return {"way": row.pk, "client": row.client_id}


def _strategy(row: Strategy) -> dict[str, Any]:
    return {"strategy": row.pk, "client": row.client_id, "position": row.position}


def _strategies(rows: list[Strategy]) -> dict[str, Any]:
    return {"strategies": [row.pk for row in rows]}


def _caution(row: ClientCaution) -> dict[str, Any]:
    return {"caution": row.pk, "client": row.client_id, "expires_at": row.expires_at}


def _care_plan(row: CarePlan) -> dict[str, Any]:
    return {"care_plan": row.pk, "client": row.client_id, "approved_at": row.approved_at, "review_on": row.review_on}


def _merge(row: Merge) -> dict[str, Any]:
    return {"merge": row.pk, "kept": row.kept_id, "absorbed": row.absorbed_id, "unmerged_at": row.unmerged_at}


def _break_glass(row: BreakGlass) -> dict[str, Any]:
    return {"break_glass": row.pk, "client": row.client_id, "ends_at": row.ends_at, "seen_at": row.seen_at}


def _desk(
    name: str, serializer: type[Serializer[Any]], act: Callable[..., Any], answer: Callable[[Any], dict[str, Any]]
) -> Kind:
    return Kind(name, Nature.DESK, serializer, act, answer, sealed=True)


KINDS = [
    _desk("client.create", args.ClientCreateArgs, clients.create, _client),
    _desk("client.update", args.ClientUpdateArgs, clients.update, _client),
    Kind("client.link", Nature.FACT, args.ClientLinkArgs, clients.link, _linked, sealed=True),
    _desk("client.unlink", args.ContactArgs, clients.unlink, _contact),
    _desk("contact.seen", args.ContactArgs, clients.see_contact, _contact),
    _desk("client.add_way", args.WayArgs, clients.add_way, _way),
    _desk("client.end_way", args.EndWayArgs, clients.end_way, _way),
    _desk("client.add_strategy", args.StrategyArgs, knowledge.add_strategy, _strategy),
    _desk("client.end_strategy", args.EndStrategyArgs, knowledge.end_strategy, _strategy),
    _desk("client.order_strategies", args.OrderArgs, knowledge.order_strategies, _strategies),
    _desk("client.add_caution", args.ClientCautionArgs, knowledge.add_caution, _caution),
    _desk("client.end_caution", args.EndClientCautionArgs, knowledge.end_caution, _caution),
    _desk("client.merge", args.MergeArgs, merges.merge, _merge),
    _desk("client.unmerge", args.UnmergeArgs, merges.unmerge, _merge),
    _desk("client.say_deceased", ClientArgs, deaths.say, _client),
    _desk("client.confirm_deceased", ClientArgs, deaths.confirm, _client),
    _desk("client.not_deceased", ClientArgs, deaths.take_back, _client),
    _desk("client.break_glass", args.BreakGlassArgs, break_glass.open_record, _break_glass),
    _desk("break_glass.seen", args.SeenArgs, break_glass.see, _break_glass),
    _desk("care_plan.write", args.WriteArgs, knowledge.write_care_plan, _care_plan),
    _desk("care_plan.approve", args.CarePlanArgs, knowledge.approve_care_plan, _care_plan),
    _desk("care_plan.end", args.CarePlanArgs, knowledge.end_care_plan, _care_plan),
]
