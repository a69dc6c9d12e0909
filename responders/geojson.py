"""
Reading service areas from GeoJSON (RFC 7946), with errors that say what to mend.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import orjson
from django.contrib.gis.geos import GEOSException, MultiPolygon, Polygon

# The names that other tools give to the longitude and latitude that RFC 7946 demands.
_PLAIN_DEGREES = ("CRS84", "EPSG::4326", "EPSG:4326")


class BadGeoJson(ValueError):
    """
    The file cannot be used; the message says why, in words for whoever runs the command.
    """


def read_areas(path: Path, *, names: Mapping[str, str] | None = None, key: str = "NAME") -> dict[str, MultiPolygon]:
    """
    Return the areas of a FeatureCollection by name.

    ``names`` says which features to take, by their property ``key``, and what to call them here; features that are called
    the same become one area. Without it every feature is taken, under its own name.

    :raises BadGeoJson: the file, one of the names or one of the polygons cannot be used.
    """
    features = list(_features(path, key))
    found = sorted({name for name, _ in features})
    for name in names or ():
        if name not in found:
            near = get_close_matches(name, found, n=3, cutoff=0.4) or found[:10]
            raise BadGeoJson(f"{path.name} has no area whose {key} is “{name}”. It has: {', '.join(near)} …")
    areas: dict[str, MultiPolygon] = {}
    for name, geometry in features:
        if names is not None and name not in names:
            continue
        label = name if names is None else names[name]
        polygon = _polygon(geometry, where=f"{path.name}, “{name}”")
        areas[label] = _joined(areas[label], polygon) if label in areas else polygon
    if not areas:
        raise BadGeoJson(f"{path.name} has no areas.")
    return areas


def read_outline(path: Path, *, name: str) -> dict[str, MultiPolygon]:
    """
    Return all features of a FeatureCollection together as one area: a city from the parts of its limits.

    :raises BadGeoJson: the file or one of the polygons cannot be used.
    """
    whole: MultiPolygon | None = None
    for number, feature in enumerate(_collection(path), start=1):
        polygon = _polygon(feature.get("geometry"), where=f"{path.name}, feature {number}")
        whole = polygon if whole is None else _joined(whole, polygon)
    if whole is None:
        raise BadGeoJson(f"{path.name} has no areas.")
    return {name: whole}


def _features(path: Path, key: str) -> Iterator[tuple[str, Any]]:
    for number, feature in enumerate(_collection(path), start=1):
        properties = feature.get("properties") or {}
        name = properties.get(key)
        if not isinstance(name, str) or not name.strip():
            known = ", ".join(sorted(properties)) or "none at all"
            raise BadGeoJson(
                f"{path.name}: feature {number} has no name in its property “{key}”. Its properties are: {known}."
            )
        yield name.strip(), feature.get("geometry")


def _collection(path: Path) -> list[dict[str, Any]]:
    try:
        read = orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadGeoJson(f"{path} cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise BadGeoJson(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(read, dict) or read.get("type") != "FeatureCollection":
        raise BadGeoJson(f"{path.name} is not a GeoJSON FeatureCollection.")
    crs = str(((read.get("crs") or {}).get("properties") or {}).get("name", "CRS84"))
    if not crs.endswith(_PLAIN_DEGREES):
        raise BadGeoJson(f"{path.name} is in {crs}. Convert it to longitude and latitude (EPSG:4326) first.")
    features = read.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise BadGeoJson(f"{path.name} has no list of features.")
    return features


def _polygon(geometry: Any, *, where: str) -> MultiPolygon:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise BadGeoJson(f"{where}: the geometry is {kind or 'missing'}; only Polygon and MultiPolygon are areas.")
    parts = geometry.get("coordinates")
    try:
        polygons = [_rings(part, where) for part in (parts if kind == "MultiPolygon" else [parts])]
        area = MultiPolygon(*polygons, srid=4326)
    except (TypeError, ValueError, IndexError, GEOSException) as error:
        if isinstance(error, BadGeoJson):
            raise
        raise BadGeoJson(f"{where}: the coordinates are not those of a polygon ({error}).") from error
    if area.empty:
        raise BadGeoJson(f"{where}: the polygon is empty.")
    if not area.valid:
        raise BadGeoJson(f"{where}: the polygon is not valid: {area.valid_reason}.")
    return area


def _rings(part: Any, where: str) -> Polygon:
    # A third number is a height: RFC 7946 allows it, and an area has none.
    rings = [[(float(position[0]), float(position[1])) for position in ring] for ring in part]
    for ring in rings:
        for lon, lat in ring:
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise BadGeoJson(
                    f"{where}: ({lon}, {lat}) is not a longitude and a latitude in degrees. Is the file projected?"
                )
    return Polygon(*rings, srid=4326)


def _joined(one: MultiPolygon, other: MultiPolygon) -> MultiPolygon:
    union = one.union(other)
    if isinstance(union, Polygon):
        return MultiPolygon(union, srid=4326)
    assert isinstance(union, MultiPolygon), "the union of areas is an area"
    return union
