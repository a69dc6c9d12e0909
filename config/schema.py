"""
How docs/api.yaml describes the ways to authenticate.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself, untyped
    """
    A person's session.
    """

    target_class = "responders.authentication.PersonAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """
        Return the scheme.
        """
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "A person who signed in with a second factor. Writes also need the header X-CSRFToken.",
        }


class TabletScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself, untyped
    """
    A paired tablet.
    """

    target_class = "tablets.authentication.TabletAuthentication"
    name = "tablet"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """
        Return the scheme.
        """
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": '"Tablet <token>"; or the cookie __Host-tablet together with the header "X-Tablet: 1".',
        }
