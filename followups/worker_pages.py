"""
The service worker of coordinators' pages: it shows reminders, keeps nothing and holds nothing of anybody.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tablets.precache import content

SCOPE = "/care/"


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """
    GET /care/sw.js: the worker, asked for anew each time.
    """
    response = HttpResponse(content("followups/board/worker.js"), content_type="text/javascript; charset=utf-8")
    response["Service-Worker-Allowed"] = SCOPE
    response["Cache-Control"] = "no-cache"
    return response
