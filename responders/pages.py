"""
Pages that say no.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """
    Answer a form that may have come from another site, or from a page left open too long.
    """
    return render(request, "403_csrf.html", status=403)
