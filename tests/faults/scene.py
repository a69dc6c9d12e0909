"""
Fill an empty database with an agency whose crews all hold a call, and say who they are.

Run as a program, in the environment of the servers that are going to be killed: ``python -m tests.faults.scene 200``.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

import django


def main(count: int) -> None:
    """
    Make ``count`` units with a tablet, a responder signed on at it and a call, and print them as JSON.
    """
    django.setup()
    # Nothing of ours may be imported before Django is set up.
    from responders.models import RoleName
    from tests.factories import dispatch, responders, tablets

    since = datetime.now(UTC) - timedelta(hours=1)
    agency = responders.agency()
    area = responders.area(agency)
    dispatcher = responders.actor(responders.person(agency, RoleName.DISPATCHER))
    supervisor = responders.person(agency, RoleName.SUPERVISOR)
    kind = dispatch.call_type(agency)
    told = []
    for _ in range(count):
        unit = responders.unit(agency, areas=[area], crew_minimum=1)
        paired = tablets.paired(unit, by=supervisor)
        who = responders.person(agency)
        tablets.signed_on(paired.tablet, who, since=since)
        unit.refresh_from_db()
        scene = dispatch.Scene(agency, area, unit, dispatcher, dispatcher)
        call = dispatch.care_call(scene, type=kind)
        held = dispatch.assignment(scene, to=call, at=since + timedelta(minutes=5))
        told.append({"token": paired.token, "actor": str(who.pk), "call": call.pk, "assignment": held.pk})
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
