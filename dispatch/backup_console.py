"""
What a page needs that watches for requests for backup: who looks, and where the service areas are.
"""

import json
from datetime import datetime
from typing import Any

from dispatch.models import BackupConsoleKind
from responders.actors import Actor
from responders.models import Agency, ServiceArea, Unit


def console_facts(actor: Actor, kind: BackupConsoleKind, *, at: datetime) -> dict[str, Any]:
    """
    Return the facts of a console of this kind; everything else it asks for by itself, every second.
    """
    today = at.astimezone(Agency.objects.get(pk=actor.agency_id).zone).date()
    areas = ServiceArea.objects.filter(agency=actor.agency_id).valid_on(today).order_by("name")
    units = Unit.objects.filter(agency=actor.agency_id).values_list("pk", "call_sign")
    return {
        "kind": kind.value,
        "person": actor.person_id,
        "areas": [{"id": area.pk, "name": area.name, "polygon": json.loads(area.polygon.geojson)} for area in areas],
        "units": {str(pk): call_sign for pk, call_sign in units},
    }
