"""
``manage.py rotate_field_keys``: seal everything under the first of ``FIELD_KEYS``; ``--check`` only counts.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from followups.fields import places
from journal import resealing
from journal.resealing import Place
from journal.sealing import current_kid
from tablets import seals


class Command(BaseCommand):
    """
    Reseal documents, receipts, kept reports and every sealed field, in batches, while everybody works.

    It may be stopped and started again at any time. The former key stays in ``FIELD_KEYS`` until ``--check`` finds nothing
    under it, and every process must have the new one first before this is run.
    """

    help = "Seal everything under the first of FIELD_KEYS. With --check: count only, exit 1 when something is under another."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """
        Declare ``--check``.
        """
        parser.add_argument(
            "--check", action="store_true", help="count only; exit 1 when something is under another key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Count, or reseal until nothing is left.

        :raises CommandError: something is under another key (``--check``), or does not open.
        """
        everything = [resealing.DOCUMENTS, resealing.RECEIPTS, seals.KEPT, *places()]
        if options["check"]:
            self._check(everything)
        else:
            self._reseal(everything)

    def _check(self, everything: list[Place]) -> None:
        others = 0
        for place in everything:
            for kid, count in resealing.keys_used(place).items():
                is_current = kid == current_kid()
                others += 0 if is_current else count
                self.stdout.write(
                    f"{place}: {count} under {kid}{'' if is_current else ', which does not seal any more'}"
                )
        if others:
            raise CommandError(f"{others} texts are under another key than {current_kid()}")
        self.stdout.write(f"everything sealed is under {current_kid()}")

    def _reseal(self, everything: list[Place]) -> None:
        broken: list[str] = []
        for place in everything:
            # Until a pass finds nothing to do: a process that was not restarted may still have used the former key.
            while True:
                with tqdm(desc=str(place), unit=" rows", leave=False) as bar:
                    did = resealing.reseal(place, progress=bar.update)
                if not did.done:
                    break
                self.stdout.write(f"{place}: {did.done} sealed anew")
            broken += did.broken
        for about in broken[:50]:
            self.stderr.write(f"broken: {about}")
        if broken:
            raise CommandError(f"{len(broken)} texts do not open, and stay as they are")
        self.stdout.write(f"everything sealed is under {current_kid()}")
