"""
What the kinds about the people met take.
"""

import re
from datetime import date
from typing import Any, Final

from rest_framework import serializers

from dispatch.intake_serializers import Choice, PointField, Text, Whole, Yes
from followups.models import MaySay, StrategyKind, WayKind
from followups.serializers.plans import ClientArgs, Day

NAME: Final = 200
WORDS: Final = 2_000
# What dispatch keeps of a caution, less the date that goes with it.
CAUTION: Final = 185
CARE_PLAN: Final = 10_000
LONGEST_DAYS: Final = 365
MOST_NAMES: Final = 20
MOST_STRATEGIES: Final = 100

_BORN_ON = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_EARLIEST: Final = 1900


class BornOn(serializers.CharField):
    """
    A date of birth as far as it is known: 1980, 1980-05 or 1980-05-17. Empty where it is not.
    """

    default_error_messages = {"invalid_date": "Write it like 1980-05-17, 1980-05 or 1980."}

    def to_internal_value(self, data: object) -> str:
        """
        Return it.

        :raises ValidationError: it is no date, or none of somebody alive.
        """
        if not isinstance(data, str):
            self.fail("invalid")
        if not data:
            return ""
        found = _BORN_ON.fullmatch(data)
        if found is None:
            self.fail("invalid_date")
        try:
            born = date(*(int(part) if part else 1 for part in found.groups()))
        except ValueError:
            self.fail("invalid_date")
        # That it is not after today is for the action to see, which knows the day.
        if born.year < _EARLIEST:
            self.fail("invalid_date")
        return data


class Hour(serializers.TimeField):
    """
    A time of the day, as 14:30.
    """

    def to_internal_value(self, value: Any) -> Any:
        """
        Return it.

        :raises ValidationError: it is none.
        """
        if not isinstance(value, str):
            self.fail("invalid", format="hh:mm")
        return super().to_internal_value(value)


class _Told(serializers.Serializer[Any]):
    looks = Text(max_length=WORDS, allow_blank=True, required=False)
    born_on = BornOn(allow_blank=True, required=False, help_text="ISO 8601; a year, or year and month, will do.")
    language = Text(max_length=35, allow_blank=True, required=False, help_text="BCP 47.")
    interpreter = Yes(required=False)
    pronouns = Text(max_length=30, allow_blank=True, required=False)
    visits_from = Hour(required=False, allow_null=True)
    visits_until = Hour(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for both visiting hours or none, in order.
        """
        begins, ends = attrs.get("visits_from"), attrs.get("visits_until")
        if ("visits_from" in attrs) != ("visits_until" in attrs) or (begins is None) != (ends is None):
            raise serializers.ValidationError({"visits_until": "Give both hours, or neither."})
        if begins is not None and ends is not None and begins >= ends:
            raise serializers.ValidationError({"visits_until": "It must be later than the first hour."})
        return attrs


def _aliases(**more: Any) -> serializers.ListField:
    return serializers.ListField(child=Text(max_length=NAME), max_length=MOST_NAMES, **more)


class ClientCreateArgs(_Told):
    """
    Somebody whom a coordinator knows of: named, described, or unknown.
    """

    name = Text(max_length=NAME, allow_blank=True, required=False)
    aliases = _aliases(required=False)
    phone = Text(max_length=30, allow_blank=True, required=False)


class ClientUpdateArgs(_Told, ClientArgs):
    """
    What changes of a person; ``aliases`` are all of them.
    """

    name = Text(max_length=NAME, allow_blank=True, required=False)
    aliases = _aliases(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for something to change.
        """
        if set(attrs) == {"client_id"}:
            raise serializers.ValidationError("Nothing is changed.", code="empty")
        return super().validate(attrs)


class ClientLinkArgs(ClientArgs):
    """
    A person, and the call at which they are.
    """

    call = Whole(source="call_id", min_value=1)


class ContactArgs(serializers.Serializer[Any]):
    """
    A contact.
    """

    contact = Whole(source="contact_id", min_value=1)


class WayArgs(ClientArgs):
    """
    A way to reach somebody, and its safe-contact rules.
    """

    kind = Choice(choices=WayKind.choices)
    value = Text(max_length=300)
    point = PointField(required=False, allow_null=True, default=None)
    may_say = Choice(choices=MaySay.choices, required=False, default=MaySay.NOTHING)
    leave_message = Yes(required=False, default=False)
    hours_from = Hour(required=False, allow_null=True, default=None)
    hours_until = Hour(required=False, allow_null=True, default=None)
    note = Text(max_length=WORDS, allow_blank=True, required=False, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Ask for both hours or none. They may run past midnight.
        """
        if (attrs["hours_from"] is None) != (attrs["hours_until"] is None):
            raise serializers.ValidationError({"hours_until": "Give both hours, or neither."})
        return attrs


class EndWayArgs(serializers.Serializer[Any]):
    """
    A way to reach somebody.
    """

    way = Whole(source="way_id", min_value=1)


class StrategyArgs(ClientArgs):
    """
    One thing to know before one meets somebody.
    """

    kind = Choice(choices=StrategyKind.choices)
    text = Text(max_length=WORDS)


class EndStrategyArgs(serializers.Serializer[Any]):
    """
    A strategy.
    """

    strategy = Whole(source="strategy_id", min_value=1)


class OrderArgs(ClientArgs):
    """
    All strategies of one kind, in the order in which to try them.
    """

    kind = Choice(choices=StrategyKind.choices)
    strategies = serializers.ListField(child=Whole(min_value=1), max_length=MOST_STRATEGIES)


class ClientCautionArgs(ClientArgs):
    """
    A behaviour to expect, and for how many days: never a diagnosis, never history.
    """

    text = Text(max_length=CAUTION)
    days = Whole(min_value=1, max_value=LONGEST_DAYS)
    seen_on = Day(required=False, allow_null=True, default=None)


class EndClientCautionArgs(serializers.Serializer[Any]):
    """
    A caution of a person.
    """

    caution = Whole(source="caution_id", min_value=1)


class MergeArgs(serializers.Serializer[Any]):
    """
    Two records of one person: the one that is kept, and the one that goes into it.
    """

    kept = Whole(source="kept_id", min_value=1)
    absorbed = Whole(source="absorbed_id", min_value=1)


class UnmergeArgs(serializers.Serializer[Any]):
    """
    A merge.
    """

    merge = Whole(source="merge_id", min_value=1)


class BreakGlassArgs(ClientArgs):
    """
    A record to open, and why.
    """

    reason = Text(max_length=WORDS, min_length=10)


class SeenArgs(serializers.Serializer[Any]):
    """
    An opening of a record.
    """

    break_glass = Whole(source="break_glass_id", min_value=1)


class WriteArgs(ClientArgs):
    """
    A plan for meeting somebody, and when to look at it again.
    """

    text = Text(max_length=CARE_PLAN)
    review_on = Day()


class CarePlanArgs(serializers.Serializer[Any]):
    """
    A care plan.
    """

    care_plan = Whole(source="care_plan_id", min_value=1)
