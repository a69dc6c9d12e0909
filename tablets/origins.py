"""
Which pages may speak to us: exact origins, each with its scheme, host and port.
"""

from django.conf import settings


def allowed_origins() -> frozenset[str]:
    """
    Return the origins of our own pages, as browsers write them.

    A pattern among the trusted origins (``https://*.example.org``) matches nothing here: no browser sends an asterisk.
    """
    return frozenset(origin.rstrip("/") for origin in [settings.PUBLIC_ORIGIN, *settings.CSRF_TRUSTED_ORIGINS])
