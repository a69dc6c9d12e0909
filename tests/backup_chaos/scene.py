"""
Fill an empty database with an agency whose tablets can ask for backup and two dispatchers, and say how they prove it.

Run as a program, in the environment of the servers that are going to be killed: ``python -m tests.backup_chaos.scene 60``.
"""

import json
import sys

import django


def main(count: int) -> None:
    """
    Make ``count`` tablets and print their keys, their ids and the sessions of the dispatchers as JSON.
    """
    django.setup()
    # Nothing of ours may be imported before Django is set up.
    from django.conf import settings

    from bench.town import backup_keys, town
    from responders.models import RoleName
    from tests.factories import responders
    from tests.security.clients import desk_client

    there = town(count)
    keys = backup_keys(there)
    sessions = []
    for _ in range(2):
        client = desk_client(responders.person(there.agency, RoleName.DISPATCHER))
        sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    told = {
        "tablets": [
            {"id": tablet, "key": key, "token": token}
            for tablet, key, token in zip(there.tablets, keys, there.tokens, strict=True)
        ],
        "cookie": settings.SESSION_COOKIE_NAME,
        "csrf": settings.CSRF_COOKIE_NAME,
        "sessions": sessions,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
