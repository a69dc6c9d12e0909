"""
Try a policy against past calls before it is switched on.
"""

from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from dispatch import policies, trials
from dispatch.models import Policy
from dispatch.reasons import REASON_WORDS

_MONTH = timedelta(days=30)


class Command(BaseCommand):
    """
    ``manage.py try_policy POLICY --agency SLUG [--since DATE] [--until DATE]``
    """

    help = "Of past calls, say which ones a policy would have decided otherwise. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("policy", help="name of the policy (its newest version), or name:version")
        parser.add_argument("--agency", required=True, metavar="SLUG")
        parser.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help="default: 30 days before --until")
        parser.add_argument("--until", type=_day, metavar="YYYY-MM-DD", help="not included; default: now")
        parser.add_argument("--list", type=int, default=20, metavar="N", help="changed calls to list (default: 20)")

    def handle(self, *, policy: str, agency: str, **options: Any) -> None:
        """
        Try it and print what would change.

        :raises CommandError: there is no such policy, or its rules cannot be used.
        """
        found = _find(policy, agency)
        zone = found.agency.zone
        until = _midnight(options["until"], zone) if options["until"] else timezone.now()
        since = _midnight(options["since"], zone) if options["since"] else until - _MONTH
        try:
            trial = trials.try_policy(found, since=since, until=until)
        except policies.InvalidRules as error:
            lines = [f"  {path}: {words}" for path, words in error.errors.items()]
            raise CommandError("\n".join([f"The rules of {found} cannot be used.", *lines])) from error
        write = self.stdout.write
        write(f"{trial.policy}: of {trial.calls} calls, {trial.changed} would change.")
        for change, count in trial.by_change.most_common():
            write(f"  {count:6}  {change}")
        write("Why, counted over all calls:")
        for reason, count in trial.by_reason.most_common():
            write(f"  {count:6}  {reason}: {REASON_WORDS[reason]}")
        for one in trial.changes[: options["list"]]:
            write(f"{one.number}  {one.type}: {one.was} → {one.would_be} ({', '.join(one.reasons)})")


def _find(policy: str, agency: str) -> Policy:
    name, _, version = policy.partition(":")
    rows = Policy.objects.filter(agency__slug=agency, name=name).select_related("agency").order_by("-version")
    if version:
        rows = rows.filter(version=int(version) if version.isdigit() else 0)
    found = rows.first()
    if found is None:
        raise CommandError(f"There is no policy “{policy}” in the agency “{agency}”.")
    return found


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007  midnight of the agency's zone, known later
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day like 2026-06-03") from None


def _midnight(day: datetime, zone: ZoneInfo) -> datetime:
    return day.replace(tzinfo=zone)
