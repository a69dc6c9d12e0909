"""
Import a directory of services in the form of Open Referral's HSDS 3.
"""

import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from followups.directory import import_tables
from followups.hsds.reading import Unreadable, read
from followups.hsds.tables import Problem, Tables
from journal.refusals import Refusal
from responders.models import Agency

BY = "system:import_hsds"


class Command(BaseCommand):
    """
    ``manage.py import_hsds PATH --agency SLUG --source CODE [--name NAME] [--licence TEXT] [--check] [--may-empty]``
    """

    help = (
        "Import services from HSDS 3: JSON (nested or tabular), CSV files in a directory, or a zip archive of them. What is "
        "gone from the source is retired; a second import of the same changes nothing. Each record that could not be "
        "understood is named, and the others are imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("path", type=Path, help="a .json, .csv or .zip file, or a directory")
        parser.add_argument("--agency", required=True, metavar="SLUG")
        parser.add_argument(
            "--source", required=True, type=_code, metavar="CODE", help="letters, digits and dashes; names the source"
        )
        parser.add_argument("--name", help="what crews read as the source; the code, if not given")
        parser.add_argument("--licence", default="", help="under which the source may be used")
        add_import_options(parser)

    def handle(self, *, path: Path, agency: str, source: str, name: str | None, **options: Any) -> None:
        """
        Read the whole, say what could not be understood, and import the rest.

        :raises CommandError: there is no such agency, the file is none, or the import was refused.
        """
        try:
            tables = read(path)
        except Unreadable as error:
            raise CommandError(str(error)) from error
        run_import(self, tables, agency=agency, code=source, name=name or source, by=BY, **options)


def _code(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", text):
        raise ArgumentTypeError(f"“{text}” is no code: at most 60 letters, digits and dashes")
    return text


def add_import_options(parser: CommandParser) -> None:
    """
    Declare the options that every import has.
    """
    parser.add_argument("--check", action="store_true", help="only say what could not be understood")
    parser.add_argument(
        "--may-empty", action="store_true", help="import even if most of what the source had would be retired"
    )


def run_import(
    command: BaseCommand,
    tables: Tables,
    *,
    agency: str,
    code: str,
    name: str,
    by: str,
    licence: str = "",
    check: bool = False,
    may_empty: bool = False,
    **_: Any,
) -> None:
    """
    Import tables for a command, and print what it came to.

    :raises CommandError: there is no such agency, or the import was refused.
    """
    found = Agency.objects.filter(slug=agency).first()
    if found is None:
        raise CommandError(f"There is no agency “{agency}”.")
    if check:
        _say(command, tables.problems)
        command.stdout.write(f"{len(tables)} records were read. Nothing was imported: --check.")
        return
    try:
        written = import_tables(
            tables,
            agency=found,
            code=code,
            name=name,
            licence=licence,
            may_empty=may_empty,
            by=by,
            at=timezone.now(),
        )
    except Refusal as refusal:
        facts = ", ".join(f"{name}: {value}" for name, value in refusal.facts.items())
        raise CommandError(f"{refusal.message} ({facts})") from refusal
    _say(command, written.problems)
    for table in sorted({*written.made, *written.changed, *written.retired}):
        counts = (written.made[table], written.changed[table], written.retired[table])
        if any(counts):
            command.stdout.write("{}: {} new, {} changed, {} gone".format(table, *counts))
    lost = sum(problem.lost for problem in written.problems)
    command.stdout.write(f"{len(tables)} records were read; {lost} could not be understood.")


def _say(command: BaseCommand, problems: list[Problem]) -> None:
    for problem in problems:
        command.stderr.write(f"{'left out' if problem.lost else 'kept as it came'}: {problem}")
