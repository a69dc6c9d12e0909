"""
Seattle's pilot areas and hours: real polygons when the city's open data is at hand, hand-drawn ones otherwise.
"""

from datetime import time
from pathlib import Path

from django.conf import settings
from django.contrib.gis.geos import MultiPolygon

from responders.geojson import read_areas

# SPD's names of its MCPP areas, one of them misspelt there, and what CARE Field calls them.
MCPP_NAMES = {
    "DOWNTOWN COMMERICAL": "Downtown",
    "INTERNATIONAL DISTRICT - EAST": "International District",
    "INTERNATIONAL DISTRICT - WEST": "International District",
    "PIONEER SQUARE": "Pioneer Square",
    "SODO": "SODO",
}
DRAWN = Path(__file__).parent / "data" / "seattle-areas.geojson"

# Opening and closing time, every day of the week: of the pilot from October 2023, and of 2025.
PILOT_2023 = (time(11), time(23))
SEATTLE_2025 = (time(12), time(22))


def real_file() -> Path | None:
    """
    Return the city's own file of MCPP areas if it is there.
    """
    path = Path(settings.DATA_DIR) / "geo" / "spd-mcpp-areas.geojson"
    return path if path.is_file() else None


def pilot_areas() -> dict[str, MultiPolygon]:
    """
    Return Downtown, International District, Pioneer Square and SODO by name.

    :raises BadGeoJson: the file that is there cannot be used.
    """
    real = real_file()
    return read_areas(real, names=MCPP_NAMES) if real else read_areas(DRAWN)
