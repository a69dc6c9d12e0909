"""
Import King County's organizations.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from followups.hsds import king_county
from followups.hsds.reading import Unreadable
from followups.management.commands.import_hsds import add_import_options, run_import

BY = "system:import_king_county"


class Command(BaseCommand):
    """
    ``manage.py import_king_county [FILE] --agency SLUG [--check] [--may-empty]``
    """

    help = (
        "Import the organizations of kingcounty.solutions from their CSV file (MIT). They have no hours and no positions: "
        "tablets say so. Without FILE: the one in DATA_DIR."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        beside = Path(settings.DATA_DIR) / "directory" / "kingcounty_solutions_organizations.csv"
        parser.add_argument("file", nargs="?", type=Path, default=beside)
        parser.add_argument("--agency", required=True, metavar="SLUG")
        add_import_options(parser)

    def handle(self, *, file: Path, agency: str, **options: Any) -> None:
        """
        Read the file and import it.

        :raises CommandError: there is no such file or agency, the file is another one, or the import was refused.
        """
        try:
            tables = king_county.read_king_county(file.name, file.read_bytes())
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        except Unreadable as error:
            raise CommandError(str(error)) from error
        options |= {"licence": king_county.LICENCE}
        run_import(self, tables, agency=agency, code=king_county.CODE, name=king_county.NAME, by=BY, **options)
