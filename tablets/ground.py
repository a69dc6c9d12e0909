"""
The ground of the tablet's map where there are no tiles: land and water, and the streets that outlines follow.

It is drawn from GeoJSON files that the agency names (``GROUND_LAND``, ``GROUND_LINES``), so that no city's ground is part
of this program. An edge that several outlines share is drawn once, and what runs through water is left out. The tablet
keeps the drawing with the app itself, so the map has a ground without a network. Without files it has its plain grid.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.gis.geos import GEOSException, GEOSGeometry, LineString, MultiLineString, MultiPolygon, Polygon
from django.core.exceptions import ImproperlyConfigured

ADDRESS = "/tablet/ground.json"
# A tablet on a mobile network takes this once for each release of the ground.
MOST_BYTES = 300_000
# How far a drawn line may lie from the true one, in degrees: about 3 m, then coarser until the drawing is small enough.
_TOLERANCES = (0.00003, 0.00006, 0.00012, 0.00025, 0.0005, 0.001)
_DIGITS = 5  # about 1 m
_Ring = list[tuple[float, float]]
_G = TypeVar("_G", bound=GEOSGeometry)


def read() -> bytes:
    """
    Return the drawing as JSON: ``{"land": [[ring, …], …], "lines": [line, …]}``, rings and lines as lists of longitude and
    latitude. Drawn once for each process.

    :raises ImproperlyConfigured: a file is none of outlines, or the whole is too large even when drawn coarsely.
    """
    return _drawn(settings.GROUND_LAND, tuple(settings.GROUND_LINES))


@lru_cache(maxsize=4)
def _drawn(land_file: str, line_files: tuple[str, ...]) -> bytes:
    land = _land(land_file) if land_file else []
    lines = _joined(
        [LineString(ring) for file in line_files for rings in _outlines(Path(file)) for ring in rings], land
    )
    for tolerance in _TOLERANCES:
        drawing = {
            "land": [
                [_rounded(ring.coords) for ring in part]
                for whole in land
                for part in _parts(whole.simplify(tolerance, preserve_topology=True), Polygon)
            ],
            "lines": [
                _rounded(part.coords) for line in lines for part in _parts(line.simplify(tolerance), LineString)
            ],
        }
        text = json.dumps(drawing, separators=(",", ":")).encode()
        if len(text) <= MOST_BYTES:
            return text
    raise ImproperlyConfigured(
        f"GROUND_LAND and GROUND_LINES draw more than {MOST_BYTES // 1000} kB: name fewer files"
    )


def _land(file: str) -> list[Polygon]:
    try:
        return [Polygon(*rings) for rings in _outlines(Path(file))]
    except (GEOSException, ValueError) as error:
        raise ImproperlyConfigured(f"GROUND_LAND: {file} has an outline that does not close: {error}") from error


def _joined(lines: list[LineString], land: list[Polygon]) -> list[LineString]:
    if not lines:
        return []
    union: GEOSGeometry = MultiLineString(*lines).unary_union
    if land:
        union = union.intersection(MultiPolygon(*land).unary_union)
    whole = MultiLineString(*_parts(union, LineString)).merged
    return _parts(whole, LineString)


def _outlines(file: Path) -> Iterator[list[_Ring]]:
    try:
        for feature in json.loads(file.read_bytes())["features"]:
            yield from _rings(feature["geometry"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"GROUND: {file} is no GeoJSON FeatureCollection of outlines: {error}") from error


def _rings(geometry: dict[str, Any]) -> Iterator[list[_Ring]]:
    wrapped = {"LineString": 2, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 0}
    parts = geometry["coordinates"]
    if geometry["type"] not in wrapped:
        raise ValueError(f"a {geometry['type']} is no outline")
    for _ in range(wrapped[geometry["type"]]):
        parts = [parts]
    for rings in parts:
        yield [[(float(x), float(y)) for x, y, *_ in ring] for ring in rings if len(ring) > 1]


def _parts(geometry: GEOSGeometry, kind: type[_G]) -> list[_G]:
    if isinstance(geometry, kind):
        return [] if geometry.empty else [geometry]
    inner = list(geometry) if hasattr(geometry, "__iter__") and not isinstance(geometry, (LineString, Polygon)) else []
    return [part for each in inner for part in _parts(each, kind)]


def _rounded(coords: Any) -> list[list[float]]:
    return [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in coords]
