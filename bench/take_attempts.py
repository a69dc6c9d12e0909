"""
One process of ``contested_takes``: every unit it is given tries every call; who wins clears at once.

Reads ``{"calls": [ids], "shifts": [ids]}`` from standard input; DATABASE_URL names the bench's database.
"""

import json
import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.utils import timezone  # noqa: E402  models need setup() first

from dispatch.actions import assignments, takes  # noqa: E402
from dispatch.models import Disposition  # noqa: E402
from dispatch.refusals import CallAlreadyTaken, CallNotPending  # noqa: E402
from journal.door import open_door  # noqa: E402
from responders.models import Shift  # noqa: E402
from tests.factories import responders as make  # noqa: E402


def main(calls: list[int], shifts: list[int]) -> None:
    """
    Try every call with every unit.
    """
    actors = [make.tablet_actor(Shift.objects.select_related("unit", "person").get(pk=shift)) for shift in shifts]
    for call in calls:
        for actor in actors:
            now = timezone.now()
            try:
                with open_door(by=actor, at=now):
                    held = takes.self_dispatch(call_id=call, by=actor, at=now)
            except (CallAlreadyTaken, CallNotPending):
                # Too late; or later still, when the winner had cleared already.
                continue
            cleared_at = now + timedelta(seconds=1)
            with open_door(by=actor, at=cleared_at):
                assignments.clear(
                    assignment_id=held.pk, disposition=Disposition.HANDLED, by=actor, at=cleared_at, happened_at=None
                )


if __name__ == "__main__":
    main(**json.load(sys.stdin))
