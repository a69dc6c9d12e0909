"""
Load service areas from GeoJSON.
"""

import re
from argparse import ArgumentTypeError
from datetime import date, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from journal.door import open_door
from journal.refusals import Refusal
from responders import seattle
from responders.actions import areas
from responders.geojson import BadGeoJson, read_areas, read_outline
from responders.models import Agency

BY = "system:load_areas"


class Command(BaseCommand):
    """
    ``manage.py load_areas [FILE] --agency SLUG --names A "B=Label" … --valid-from 2023-10-01 [--hours 11-23]``
    """

    help = (
        "Load service areas from a GeoJSON file of polygons, valid from a day on. Areas of the same names end the day "
        "before. Without FILE: Seattle's four pilot areas."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """
        Declare the options.
        """
        parser.add_argument("file", nargs="?", type=Path, help="GeoJSON FeatureCollection in longitude and latitude")
        parser.add_argument("--agency", required=True, metavar="SLUG")
        parser.add_argument(
            "--names",
            nargs="+",
            metavar="NAME[=LABEL]",
            help="features to take, and what to call them; all by default",
        )
        parser.add_argument(
            "--key", default="NAME", help="property that holds a feature's name (default: %(default)s)"
        )
        parser.add_argument("--as-one", metavar="LABEL", help="join all features to one area of this name")
        parser.add_argument("--valid-from", required=True, type=_day, metavar="YYYY-MM-DD")
        parser.add_argument(
            "--hours", type=_hours, metavar="11-23", help="open every day at these hours, from that day"
        )

    def handle(self, *, file: Path | None, agency: str, valid_from: date, **options: Any) -> None:
        """
        Read the file, then draw all areas in one transaction or none.
        """
        hours: tuple[time, time] | None = options["hours"]
        try:
            polygons = _polygons(file, options)
        except BadGeoJson as error:
            raise CommandError(str(error)) from error
        try:
            agency_id = Agency.objects.values_list("pk", flat=True).get(slug=agency)
        except Agency.DoesNotExist:
            known = ", ".join(Agency.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no agency “{agency}”. Agencies: {known}.") from None
        now = timezone.now()
        try:
            with open_door(by=BY, at=now):
                loaded = areas.load(agency_id=agency_id, polygons=polygons, valid_from=valid_from, by=BY, at=now)
                if hours is not None:
                    for area in loaded:
                        areas.set_hours(
                            area_id=area.pk, opens=hours[0], closes=hours[1], valid_from=valid_from, by=BY, at=now
                        )
        except Refusal as refusal:
            facts = ", ".join(f"{name}: {value}" for name, value in refusal.facts.items())
            raise CommandError(f"{refusal.message} ({facts})") from refusal
        for area in loaded:
            self.stdout.write(f"{area.name}: {area.polygon.num_coords} points, from {valid_from:%Y-%m-%d}")


def _polygons(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    names: list[str] | None = options["names"]
    as_one: str | None = options["as_one"]
    if file is None:
        if names or as_one:
            raise CommandError("Say which FILE the areas are in.")
        return dict(seattle.pilot_areas())
    if as_one:
        if names:
            raise CommandError("Either --names or --as-one: not both.")
        return dict(read_outline(file, name=as_one))
    labels = {name: label or name for name, _, label in (given.partition("=") for given in names)} if names else None
    return dict(read_areas(file, names=labels, key=options["key"]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is no day; write it like 2023-10-01") from None


def _hours(text: str) -> tuple[time, time]:
    match = re.fullmatch(r"(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?", text)
    try:
        opens, opens_min, closes, closes_min = (int(part or 0) for part in match.groups()) if match else (99,) * 4
        # 24 is how people write a closing time at midnight.
        return time(opens, opens_min), time(0 if closes == 24 else closes, closes_min)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” are no hours; write them like 11-23 or 11:30-23:00") from None
