"""
Try a policy against past calls: of last month's calls, these would change.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from dispatch import policies, screening
from dispatch.models import Answer, Call, CallerWish, Color, Decision, Marker, PlaceKind, Policy, Response
from dispatch.reasons import Reason
from responders.models import Capability

# How many changed calls are listed; the counts are of all of them.
LISTED = 200
_BATCH = 2_000
# What was so at the time and cannot be worked out anew: which crews were on shift, whether the area was open, what
# caution lay where. The decision of the time kept it.
_OF_THE_TIME = frozenset(
    {
        Reason.AREA_CLOSED,
        Reason.NO_UNIT_ON_SHIFT,
        Reason.ALL_UNITS_BUSY,
        Reason.CAUTION_ADDRESS,
        Reason.CAUTION_PHONE,
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """
    A call that would have been decided otherwise.
    """

    call_id: int
    number: str
    received_at: datetime
    type: str
    was: str
    would_be: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Trial:
    """
    What a policy would have made of past calls.
    """

    policy: str
    calls: int = 0
    changed: int = 0
    by_change: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """
        Return the trial as it goes over the wire.
        """
        return {
            "policy": self.policy,
            "calls": self.calls,
            "changed": self.changed,
            "by_change": dict(self.by_change.most_common()),
            "by_reason": dict(self.by_reason.most_common()),
            "changes": [
                {
                    "call": change.call_id,
                    "number": change.number,
                    "received_at": change.received_at,
                    "type": change.type,
                    "was": change.was,
                    "would_be": change.would_be,
                    "reasons": list(change.reasons),
                }
                for change in self.changes
            ],
        }


def try_policy(policy: Policy, *, since: datetime, until: datetime) -> Trial:
    """
    Run a policy over the calls received in a span of time, as each was first decided, and compare the responses.

    Type, answers, place, wish and area are the call's own; cautions, crews and opening hours are taken from what the
    decision of the time said of them. A call that changed later is judged by what was known first: that is when a policy
    sends somebody.

    :raises InvalidRules: the rules cannot be used.
    """
    rules = policies.parse(policy.rules)
    trial = Trial(policy=str(policy))
    zone = policy.agency.zone
    for call, first, answers in _past(policy.agency_id, since, until):
        trial.calls += 1
        outcome = policies.decide(rules, _facts(call, first, answers, first.at.astimezone(zone)))
        trial.by_reason.update(str(reason) for reason in outcome.reasons)
        was, would_be = (
            _words(Response(first.response), first.care_available),
            _words(outcome.response, outcome.care_available),
        )
        if was == would_be:
            continue
        trial.changed += 1
        trial.by_change[f"{was} → {would_be}"] += 1
        if len(trial.changes) < LISTED:
            trial.changes.append(
                Change(
                    call_id=call.pk,
                    number=call.number,
                    received_at=call.received_at,
                    type=call.type.code,
                    was=was,
                    would_be=would_be,
                    reasons=tuple(str(reason) for reason in outcome.reasons),
                )
            )
    return trial


def _past(agency_id: int, since: datetime, until: datetime) -> Iterator[tuple[Call, Decision, dict[str, str]]]:
    calls = (
        Call.objects.filter(agency=agency_id, received_at__gte=since, received_at__lt=until)
        .select_related("type", "area")
        .order_by("received_at", "pk")
    )
    ids = list(calls.values_list("pk", flat=True))
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        first = {
            row.call_id: row
            for row in Decision.objects.filter(call__in=some).order_by("call_id", "pk").distinct("call_id")
        }
        given = {
            call_id: list(rows)
            for call_id, rows in groupby(
                Answer.objects.filter(call__in=some).order_by("call_id", "pk"), lambda answer: answer.call_id
            )
        }
        for call in calls.filter(pk__in=some):
            if (decision := first.get(call.pk)) is not None:
                # What was answered with the call itself, not what a crew found out on the way.
                answers = {row.disqualifier: row.value for row in given.get(call.pk, ()) if row.at <= decision.at}
                yield call, decision, answers


def _facts(call: Call, first: Decision, answers: dict[str, str], local: datetime) -> policies.Facts:
    said = {Reason(reason) for reason in first.reasons if reason in _OF_THE_TIME}
    units: tuple[policies.UnitFacts, ...] = ()
    if Reason.NO_UNIT_ON_SHIFT not in said:
        # What the crews of the time could do is not kept: nobody is ruled out for it.
        units = (policies.UnitFacts(frozenset(Capability), free=Reason.ALL_UNITS_BUSY not in said),)
    return policies.Facts(
        type_code=call.type.code,
        color=Color(call.type.color),
        answers=screening.complete(answers),
        local_time=local.time(),
        area=call.area.name if call.area else None,
        area_open=Reason.AREA_CLOSED not in said,
        units=units,
        cautions=frozenset(
            on
            for on, reason in (("ADDRESS", Reason.CAUTION_ADDRESS), ("PHONE", Reason.CAUTION_PHONE))
            if reason in said
        ),
        place_kind=PlaceKind(call.place_kind),
        markers=frozenset(Marker(marker) for marker in call.markers),
        wish=CallerWish(call.caller_wish),
    )


def _words(response: Response, available: bool) -> str:
    return str(response) if available else f"{response} (CARE not available)"
