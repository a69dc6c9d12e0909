"""
``manage.py rebuild_documents``: recompute every document from the rows; ``--check`` only compares.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from journal.rebuild import differences, digest_differences, rebuild


class Command(BaseCommand):
    """
    Compare the documents with what the rows say, and mend them unless asked only to check.
    """

    help = "Recompute every document. With --check: change nothing, exit 1 when anything differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """
        Declare ``--check``.
        """
        parser.add_argument("--check", action="store_true", help="compare only; exit 1 when anything differs")

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Run the comparison, and the rebuild when it is wanted.
        """
        if options["check"]:
            found = [*differences(), *digest_differences()]
            for line in found[:50]:
                self.stdout.write(line)
            if found:
                raise CommandError(f"{len(found)} documents or digests differ from the rows")
            self.stdout.write("documents and digests agree with the rows")
            return
        changed = rebuild(at=timezone.now())
        self.stdout.write(f"{changed} subjects recomputed")
