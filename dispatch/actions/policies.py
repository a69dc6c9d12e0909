"""
Dispatch policies: drafts, and the moment one comes into force.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from dispatch import intake_refusals, policies
from dispatch.models import CallType, Policy
from journal.record import record
from responders.actors import Actor

# A page's "now" is this old at most when it arrives.
_JUST_NOW = timedelta(minutes=5)


def draft(*, agency_id: int, name: str, rules: Mapping[str, Any], by: object, at: datetime) -> Policy:
    """
    Save the next version of a policy as a draft; the same rules as its newest version are that version.

    :raises PolicyInvalid: the rules cannot be used.
    """
    check_rules(rules)
    newest = Policy.objects.filter(agency=agency_id, name=name).order_by("-version").first()
    if newest is not None and newest.rules == rules:
        return newest
    version = (newest.version if newest else 0) + 1
    policy = Policy.objects.create(agency_id=agency_id, name=name, version=version, rules=dict(rules))
    record(
        "policy.draft",
        agency_id=agency_id,
        about=f"policy.{policy.pk}",
        data={"name": name, "version": version},
        by=by,
        at=at,
    )
    return policy


def switch_on(
    *, policy_id: int, in_force_from: datetime, by: Actor, at: datetime, happened_at: datetime | None = None
) -> Policy:
    """
    Put a policy in force from an instant on, until another one of the agency begins.

    :raises PolicyNotFound: it is another agency's.
    :raises PolicyAlreadyOn: it was switched on before.
    :raises PolicyStartsInPast: the instant has passed.
    :raises PolicyInvalid: the rules cannot be used.
    """
    policy = Policy.objects.select_for_update(no_key=True).filter(pk=policy_id, agency=by.agency_id).first()
    if policy is None:
        raise intake_refusals.PolicyNotFound(policy=policy_id)
    if policy.in_force_from is not None:
        raise intake_refusals.PolicyAlreadyOn(at=policy.in_force_from)
    if in_force_from < at - _JUST_NOW:
        raise intake_refusals.PolicyStartsInPast(now=at)
    check_rules(policy.rules)
    # Two policies never begin at the same instant: which of them is in force would be chance.
    latest = Policy.objects.filter(agency=by.agency_id).aggregate(at=Max("in_force_from"))["at"]
    starts = max(in_force_from, at)
    policy.in_force_from = starts + timedelta(microseconds=1) if latest == starts else starts
    policy.switched_on_by_id = by.person_id
    policy.save(update_fields=["in_force_from", "switched_on_by"])
    record(
        "policy.switch_on",
        agency_id=policy.agency_id,
        about=f"policy.{policy.pk}",
        data={"name": policy.name, "version": policy.version, "in_force_from": policy.in_force_from},
        by=by,
        at=at,
    )
    return policy


def install(
    *, agency_id: int, name: str, rules: Mapping[str, Any], in_force_from: datetime | None, by: object, at: datetime
) -> Policy:
    """
    Save a policy that ships with the product and put it in force as of an instant, past ones included: for setting an
    agency up.

    :raises PolicyInvalid: the rules cannot be used.
    """
    policy = draft(agency_id=agency_id, name=name, rules=rules, by=by, at=at)
    if in_force_from is None or policy.in_force_from is not None:
        return policy
    policy.in_force_from = in_force_from
    policy.save(update_fields=["in_force_from"])
    record(
        "policy.install",
        agency_id=agency_id,
        about=f"policy.{policy.pk}",
        data={"name": policy.name, "version": policy.version, "in_force_from": in_force_from},
        by=by,
        at=at,
    )
    return policy


def load_types(*, agency_id: int, types: list[dict[str, str]], by: object, at: datetime) -> int:
    """
    Add the types of call that an agency does not have yet, and return how many. Colors that it has set stay.
    """
    have = set(CallType.objects.filter(agency=agency_id).values_list("code", flat=True))
    new = [CallType(agency_id=agency_id, **row) for row in types if row["code"] not in have]
    CallType.objects.bulk_create(new)
    if new:
        record(
            "call_type.load", agency_id=agency_id, about=f"agency.{agency_id}", data={"types": len(new)}, by=by, at=at
        )
    return len(new)


def check_rules(rules: object) -> None:
    """
    :raises PolicyInvalid: the rules cannot be used; facts say what is wrong, by path.
    """
    try:
        policies.parse(rules)
    except policies.InvalidRules as error:
        raise intake_refusals.PolicyInvalid(errors=error.errors) from None
