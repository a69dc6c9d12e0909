"""
Load the choices of a report into an agency.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from followups import choices
from followups.actions import programmes
from journal.door import open_door
from responders.models import Agency

BY = "system:load_choices"


class Command(BaseCommand):
    """
    ``manage.py load_choices --agency SLUG``
    """

    help = (
        "Load what a report offers to choose from. What the agency has set itself stays. A second run changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("--agency", required=True, metavar="SLUG")

    def handle(self, *, agency: str, **_: Any) -> None:
        """
        Load what is missing.

        :raises CommandError: there is no such agency.
        """
        found = Agency.objects.filter(slug=agency).first()
        if found is None:
            raise CommandError(f"There is no agency “{agency}”.")
        now = timezone.now()
        with open_door(by=BY, at=now):
            new = programmes.load(agency_id=found.pk, choices=choices.shipped(), by=BY, at=now)
        self.stdout.write(f"{new} choices are new.")
