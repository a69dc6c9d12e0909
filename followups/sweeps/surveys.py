"""
What was said in the survey, put together when its months are over. Any number of sweepers may run at once.
"""

from datetime import datetime
from typing import Final

from followups.actions import surveys
from journal.door import open_door
from responders.models import Agency

SWEEP: Final = "system:sweep"


def make_periods(*, at: datetime) -> int:
    """
    Put together what was said in months that are over, of every agency, and return how many periods that made.
    """
    made = 0
    for agency_id in Agency.objects.order_by("pk").values_list("pk", flat=True):
        with open_door(by=SWEEP, at=at):
            made += surveys.make_periods(agency_id=agency_id, at=at)
    return made
