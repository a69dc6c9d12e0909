"""
Print cards for the survey: a sheet to be cut up, each card with its own code and the QR code of its page.
"""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any, Final

import segno
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from followups.actions import surveys
from followups.survey import TEXTS
from journal.door import open_door
from responders.models import Agency

_BY: Final = "system:print_survey_codes"
_MOST: Final = 2_000


def how_many(text: str) -> int:
    """
    Return how many cards to print.

    :raises ArgumentTypeError: not so many.
    """
    if not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"a number from 1 to {_MOST}")
    return int(text)


class Command(BaseCommand):
    """
    Writes an HTML sheet to print. The codes are nowhere else: only their hashes are kept.
    """

    help = "Make codes for the survey and write a sheet of cards to print."

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Take the agency, how many, and the file.
        """
        parser.add_argument("agency", help="the agency's slug")
        parser.add_argument("--count", type=how_many, default=100)
        parser.add_argument("--sheet", type=Path, required=True, help="the HTML file to write; it must not exist")

    def handle(self, *args: Any, agency: str, count: int, sheet: Path, **options: Any) -> None:
        """
        Print them.
        """
        found = Agency.objects.filter(slug=agency).first()
        if found is None:
            raise CommandError(f"There is no agency {agency}.")
        at = timezone.now()
        try:
            # Before anything is made: codes that nobody can print would wait for ever.
            with sheet.open("x", encoding="utf-8") as file:
                with open_door(by=_BY, at=at):
                    codes = surveys.print_codes(agency_id=found.pk, count=count, by=_BY, at=at)
                file.write(render_to_string("followups/survey_cards.html", {"cards": _cards(codes), "texts": TEXTS}))
        except OSError as error:
            raise CommandError(f"{sheet} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{count} cards are in {sheet}. Print it, then delete it.")


def _cards(codes: list[str]) -> list[dict[str, str]]:
    site = settings.PUBLIC_ORIGIN.rstrip("/")
    return [
        {
            "code": code,
            "site": f"{site.partition('://')[2]}{reverse('survey-enter')}",
            "qr": segno.make(f"{site}{reverse('survey', args=[code])}", error="m").svg_inline(scale=3, border=2),
        }
        for code in codes
    ]
