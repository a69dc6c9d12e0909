"""
The tablet's pages. They are shells: nobody's data is in them, so that a tablet can keep them for when it has no signal.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe


@require_safe
def app(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/: the app. It asks by itself which tablet it is and who is signed on, and goes to the other pages if it must.
    """
    config: dict[str, Any] = {
        "version": settings.VERSION,
        "demo": settings.DEMO,
        "tiles": {"url": settings.TILES_URL, "attribution": settings.TILES_ATTRIBUTION},
        # What the codes in documents mean; each app says it of its own, the settings say where.
        "words": {name: import_string(path) for name, path in settings.TABLET_WORDS.items()},
    }
    return render(request, "tablets/app.html", {"config": config})


@require_safe
def pair(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/pair/: trade a one-time code for this tablet's token. A code may come in the fragment, which no log sees.
    """
    return render(request, "tablets/pair.html")


@require_safe
def sign_on(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/sign-on/: begin or join a shift at this tablet.
    """
    return render(request, "tablets/sign_on.html", {"config": {"demo": settings.DEMO}})
