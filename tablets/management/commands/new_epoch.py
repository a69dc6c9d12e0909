"""
manage.py new_epoch
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tablets import epochs


class Command(BaseCommand):
    """
    Begin a new epoch: the last step of restoring a database from a backup.
    """

    help = (
        "Begin a new epoch. Run it after restoring a database, before the site takes requests again: every tablet then"
        " offers what it was told was done in the last 7 days, and takes its streams anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Take the reason, which is kept.
        """
        parser.add_argument("--why", default="restored from a backup", help="kept with the epoch")

    def handle(self, *, why: str, **options: Any) -> None:
        """
        Begin it and say which it is.
        """
        print(epochs.begin(why=why[:200], at=timezone.now()))
