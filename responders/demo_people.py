"""
The invented people of the demo, who must never be let in on a real site.
"""

from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import QuerySet

from responders.models import Person

# As load_demo names them; example.org is nobody's (RFC 2606).
_PREFIX: Final = "demo-"
_SUFFIX: Final = "@example.org"


def demo_people() -> QuerySet[Person]:
    """
    Return the demo's people whose accounts are open.
    """
    return Person.objects.filter(email__startswith=_PREFIX, email__endswith=_SUFFIX, is_active=True)


def refuse_outside_demo() -> None:
    """
    Stop the start of a site without DEMO=1 in whose database the demo's people can still sign in.

    :raises ImproperlyConfigured: they can.
    """
    if settings.DEMO:
        return
    try:
        found = demo_people().exists()
    except DatabaseError:
        # Not there yet, or not migrated: nobody can sign in at all.
        return
    if found:
        raise ImproperlyConfigured(
            "The people of the demo are in this database and could sign in. Use a new database for a real site,"
            " or start this one with DEMO=1."
        )
