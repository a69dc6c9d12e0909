"""
Load Seattle's types of call and its two dispatch policies into an agency.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from dispatch import catalogue
from dispatch.actions import policies
from journal.door import open_door
from responders.models import Agency

BY = "system:load_policies"


class Command(BaseCommand):
    """
    ``manage.py load_policies --agency SLUG [--in-force seattle-2025]``
    """

    help = (
        "Load Seattle's types of call and its dispatch policies as drafts; --in-force puts one in force from now on. "
        "Types and colors that the agency has set itself stay. A second run changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("--agency", required=True, metavar="SLUG")
        parser.add_argument("--in-force", choices=catalogue.POLICIES, help="the policy to put in force now")

    def handle(self, *, agency: str, in_force: str | None, **_: Any) -> None:
        """
        Load what is missing.

        :raises CommandError: there is no such agency.
        """
        found = Agency.objects.filter(slug=agency).first()
        if found is None:
            raise CommandError(f"There is no agency “{agency}”.")
        now = timezone.now()
        with open_door(by=BY, at=now):
            types = policies.load_types(agency_id=found.pk, types=catalogue.call_types(), by=BY, at=now)
            for name in catalogue.POLICIES:
                policies.install(
                    agency_id=found.pk,
                    name=name,
                    rules=catalogue.policy(name),
                    in_force_from=now if name == in_force else None,
                    by=BY,
                    at=now,
                )
        self.stdout.write(f"{types} types of call are new; policies: {', '.join(catalogue.POLICIES)}.")
        if in_force:
            self.stdout.write(f"{in_force} is in force.")
