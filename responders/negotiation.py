"""
What an answer is written in.
"""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class NothingToChoose(DefaultContentNegotiation):
    """
    Does not weigh what a client would rather have where an address has one way to answer: JSON, nearly everywhere.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """
        Return the renderer and its media type.
        """
        known = list(renderers)
        if len(known) == 1 and format_suffix is None:
            return known[0], known[0].media_type
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, known, format_suffix)
        return chosen
