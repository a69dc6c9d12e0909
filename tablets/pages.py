"""
The tablet's pages, and what makes an app of them: the service worker and the manifest.

The pages are shells: nobody's data is in them, so that a tablet can keep them for when it has no signal.
"""

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tablets import ground
from tablets.installable import InstallableApp
from tablets.precache import PAGES, page_context, precache, worker_source

_APP = InstallableApp(
    scope="/tablet/",
    name="CARE Field",
    short_name="CARE",
    description="The tablet of a community responder unit.",
    # A dark car stays dark while it opens.
    color="#0b0e11",
)


@require_safe
def app(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/: the app. It asks by itself which tablet it is and who is signed on, and goes to the other pages if it must.
    """
    return _shell(request, "/tablet/")


@require_safe
def pair(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/pair/: trade a one-time code for this tablet's token. A code may come in the fragment, which no log sees.
    """
    return _shell(request, "/tablet/pair/")


@require_safe
def sign_on(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/sign-on/: begin or join a shift at this tablet.
    """
    return _shell(request, "/tablet/sign-on/")


@require_safe
# The worker fetches tiles in the page's place, and keeps those that were seen.
@csp_update({"connect-src": settings.TILE_ORIGINS})
def worker(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/sw.js: the service worker, with the list of what it keeps. Every new release is another worker.
    """
    return _APP.worker(worker_source())


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/app.webmanifest: what the app is called and looks like on a home screen.
    """
    return _APP.manifest()


@require_safe
def ground_drawing(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/ground.json: the ground of the map, as lines. Public outlines of a city, and nothing of anybody's.
    """
    response = HttpResponse(ground.read(), content_type="application/json")
    response["Cache-Control"] = "no-cache"
    return response


def _shell(request: HttpRequest, path: str) -> HttpResponse:
    context = page_context()
    release = precache().version
    context["config"] |= {"version": f"{settings.VERSION}+{release[:8]}", "release": release}
    response = render(request, PAGES[path], context)
    # The worker keeps a page only together with the modules of its own release.
    response["X-Release"] = release
    return response
