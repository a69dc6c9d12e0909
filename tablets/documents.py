"""
What supervisors hold of tablets.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from journal.subjects import Held
from tablets.models import SignOn, Tablet


def of_tablets(ids: Sequence[int]) -> Iterator[Held]:
    """
    Yield each tablet, and who is signed on at it, to the supervisors of its agency.

    When it was last seen is not in it: that changes by the second, and is asked for (GET /api/positions/).
    """
    signed_on: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = SignOn.objects.filter(tablet__in=ids, ended_at=None).select_related("shift__person").order_by("pk")
    for row in rows:
        person = row.shift.person
        signed_on[row.tablet_id].append({"person": person.pk, "name": person.name, "since": row.started_at})
    for tablet in Tablet.objects.filter(pk__in=ids).select_related("unit").order_by("pk"):
        body = {
            "name": tablet.name,
            "unit": str(tablet.unit_id),
            "call_sign": tablet.unit.call_sign,
            "paired_at": tablet.paired_at,
            "revoked_at": tablet.revoked_at,
            "signed_on": signed_on[tablet.pk],
        }
        yield Held(f"supervisors.{tablet.agency_id}", "tablet", str(tablet.pk), tablet.pk, body)
