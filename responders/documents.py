"""
What everybody of an agency holds of the agency and its service areas.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.gis.geos import MultiPolygon, Polygon

from journal.subjects import Held
from responders.models import Agency, OpeningHours, ServiceArea

# A polygon travels with at most this many points, and no coarser than it must: screens draw it and say which area a
# point is in; what the server decides, it decides with the exact one.
POINTS_SENT = 600
_FINEST_DEGREES = 0.000_02
# Six decimals of a degree are 11 cm.
_DECIMALS = 6

_LIMITS = (
    "has_cad",
    "cad_silent_s",
    "poach_feed_age_s",
    "poach_confirm_s",
    "poach_priority",
    "deliver_s",
    "acknowledge_s",
    "reassign_s",
    "stop_s",
    "poach_life_s",
    "self_dispatch_life_s",
    "crew_minimum",
    "premise_nearby_m",
    "track_kept_days",
    "welfare_first_s",
    "welfare_next_s",
    "welfare_risky_first_s",
    "welfare_risky_next_s",
    "welfare_answer_s",
    "welfare_check_s",
    "tandem_wait_s",
    "join_nearby_m",
    "far_from_call_m",
    "referral_late_s",
    "notify_units_of_eligible",
    "tell_busy_units_of_queue",
)


def of_agencies(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield each agency's name, zone and limits to everybody of it.
    """
    for agency in Agency.objects.filter(pk__in=ids).order_by("pk"):
        body = {
            "name": agency.name,
            "timezone": agency.timezone,
            **{limit: getattr(agency, limit) for limit in _LIMITS},
        }
        yield Held(f"reference.{agency.pk}", "agency", str(agency.pk), agency.pk, body)


def of_areas(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield each service area, with its opening hours, to everybody of its agency.

    Areas of the past and of the future are there too: which one is valid today follows from the dates and the reader's
    clock.
    """
    hours: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in OpeningHours.objects.filter(area__in=ids).order_by("area_id", "weekday", "valid_from", "opens"):
        hours[row.area_id].append(
            {
                "weekday": row.weekday,
                "opens": f"{row.opens:%H:%M}",
                "closes": f"{row.closes:%H:%M}",
                "valid_from": row.valid_from.isoformat(),
                "valid_to": row.valid_to and row.valid_to.isoformat(),
            }
        )
    for area in ServiceArea.objects.filter(pk__in=ids).order_by("pk"):
        body = {
            "name": area.name,
            "polygon": geojson(simplified(area.polygon)),
            "hours": hours[area.pk],
            "valid_from": area.valid_from.isoformat(),
            "valid_to": area.valid_to and area.valid_to.isoformat(),
        }
        yield Held(f"reference.{area.agency_id}", "area", str(area.pk), area.pk, body)


def simplified(polygon: MultiPolygon) -> MultiPolygon:
    """
    Return the polygon with at most ``POINTS_SENT`` points, as close to the exact one as that allows: usually 2 m.
    """
    tolerance = _FINEST_DEGREES
    simple = polygon.simplify(tolerance, preserve_topology=True)
    # A ring keeps four points however coarse the tolerance: a polygon of very many rings stops getting smaller.
    while simple.num_coords > POINTS_SENT and tolerance < 1:
        tolerance *= 2
        simple = polygon.simplify(tolerance, preserve_topology=True)
    if isinstance(simple, Polygon):
        return MultiPolygon(simple, srid=polygon.srid)
    assert isinstance(simple, MultiPolygon), "keeping its topology, an area stays an area"
    return simple


def geojson(polygon: MultiPolygon) -> dict[str, Any]:
    """
    Return the polygon as a GeoJSON geometry, longitude first, to 11 cm.
    """
    return {"type": "MultiPolygon", "coordinates": _rounded(polygon.coords)}


def _rounded(value: Any) -> Any:
    return round(value, _DECIMALS) if isinstance(value, float | int) else [_rounded(part) for part in value]
