"""
The tablet's pages, and what makes an app of them: the service worker and the manifest.

The pages are shells: nobody's data is in them, so that a tablet can keep them for when it has no signal.
"""

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tablets import ground
from tablets.precache import PAGES, address, page_context, precache, worker_source

# Everything that the app's pages and its worker are responsible for lies below this.
SCOPE = "/tablet/"
_NAVY = "#0b0e11"


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
    response = HttpResponse(worker_source(), content_type="text/javascript; charset=utf-8")
    response["Service-Worker-Allowed"] = SCOPE
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """
    GET /tablet/app.webmanifest: what the app is called and looks like on a home screen.
    """
    icons = [
        {"src": address(f"tablets/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any"}
        for size in (192, 512)
    ]
    maskable = address("tablets/icon-maskable-512.png")
    icons.append({"src": maskable, "sizes": "512x512", "type": "image/png", "purpose": "maskable"})
    body = {
        "id": SCOPE,
        "name": "CARE Field",
        "short_name": "CARE",
        "description": "The tablet of a community responder unit.",
        "lang": "en",
        "start_url": SCOPE,
        "scope": SCOPE,
        "display": "standalone",
        "orientation": "any",
        # A dark car stays dark while it opens.
        "background_color": _NAVY,
        "theme_color": _NAVY,
        "icons": icons,
    }
    response = JsonResponse(body, content_type="application/manifest+json")
    response["Cache-Control"] = "no-cache"
    return response


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
