"""
Export a source of the directory in the form of Open Referral's HSDS 3.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from followups.directory import tables_of
from followups.hsds import writing
from followups.models import DirectorySource
from responders.models import Agency


class Command(BaseCommand):
    """
    ``manage.py export_hsds PATH --agency SLUG --source CODE [--format csv|tabular|json]``
    """

    help = (
        "Export a source of the directory as HSDS 3: CSV files into a directory, tabular JSON, or JSON of organizations with "
        "everything inside. What was imported comes out as it went in; what is retired does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("path", type=Path, help="a file, or a directory for CSV")
        parser.add_argument("--agency", required=True, metavar="SLUG")
        parser.add_argument("--source", required=True, metavar="CODE")
        parser.add_argument("--format", choices=("csv", "tabular", "json"), default="csv")

    def handle(self, *, path: Path, agency: str, source: str, **options: Any) -> None:
        """
        Write the files.

        :raises CommandError: there is no such agency or source, or the files cannot be written.
        """
        found = Agency.objects.filter(slug=agency).first()
        if found is None:
            raise CommandError(f"There is no agency “{agency}”.")
        try:
            tables = tables_of(found, source)
        except DirectorySource.DoesNotExist:
            codes = DirectorySource.objects.filter(agency=found).order_by("code").values_list("code", flat=True)
            known = ", ".join(codes) or "none yet"
            raise CommandError(f"There is no source “{source}”. Sources: {known}.") from None
        try:
            if options["format"] == "csv":
                path.mkdir(parents=True, exist_ok=True)
                for name, text in writing.csv_files(tables):
                    (path / name).write_text(text, encoding="utf-8", newline="")
            elif options["format"] == "tabular":
                path.write_text(writing.tabular_json(tables), encoding="utf-8")
            else:
                text, left = writing.nested_json(tables)
                path.write_text(text, encoding="utf-8")
                if len(left):
                    self.stderr.write(
                        f"{len(left)} records belong to no organization and are not in it: --format csv has everything."
                    )
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{len(tables)} records were written to {path}.")
